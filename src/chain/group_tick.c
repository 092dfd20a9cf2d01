/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * group_tick.c: what is due some time after commits: interval syncs, the idle mark, the next
 * segment. A task of the workers; a chain that rests has none.
 */
#include "base/err.h"
#include "chain/chain_private.h"

enum {
    TICK_MS = 100,   /* of rest, until the log is marked as idle */
    PREPARE_MS = 5,  /* between two steps of preparing a segment: the disk is the commits' */
    FULL_MS = 1000   /* between two attempts on a full or failing disk (LOG 11) */
};

static void submit(struct ate__chain *c, uint32_t delay_ms)
{
    if (!c->conf.workers || c->ticking || c->closing)
        return;
    c->ticking = true;
    ate__workers_submit(c->conf.workers, &c->tick, delay_ms);
}

static uint32_t pause_ms(const struct ate__chain *c)
{
    return c->conf.sync == ATE__SYNC_INTERVAL && c->conf.sync_interval_ms ? c->conf.sync_interval_ms
                                                                          : TICK_MS;
}

void ate__chain_tick_due(struct ate__chain *c)
{
    submit(c, pause_ms(c));
}

/* As the leader, without the mutex. */
static int sync_or_mark(struct ate__chain *c, bool wrote)
{
    if (!wrote)
        return c->storage->v->idle(c->storage);
    return c->conf.sync == ATE__SYNC_INTERVAL ? c->storage->v->sync(c->storage) : 0;
}

/* Once more: while something is written, or a segment is being prepared, or there is no room. */
static void submit_again(struct ate__chain *c, const struct ate__storage_state *state, bool wrote,
                         int prepared)
{
    if (state->full || prepared)
        submit(c, FULL_MS);
    else if (state->prepare_due)
        submit(c, PREPARE_MS);
    else if (wrote)
        submit(c, pause_ms(c));
}

void ate__chain_tick_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    struct ate__works done = {NULL, NULL, 0, 0};
    struct ate__storage_state state;
    pthread_mutex_lock(&c->mutex);
    c->ticking = false;
    bool wrote = c->wrote, idle = !c->leading && !c->ordered.first && !c->broken;
    c->wrote = !idle && wrote;
    c->leading |= idle;
    pthread_mutex_unlock(&c->mutex);
    int rc = idle ? sync_or_mark(c, wrote) : 0;
    int prepared = rc ? 0 : c->storage->v->prepare(c->storage);
    c->storage->v->state(c->storage, &state);
    pthread_mutex_lock(&c->mutex);
    if (idle)
        c->leading = false;
    if (state.failed && !c->leading && !c->broken)
        ate__chain_failed(c, &done);
    submit_again(c, &state, wrote || !idle, prepared);
    ate__works_finish(c, &done);
    pthread_mutex_unlock(&c->mutex);
}
