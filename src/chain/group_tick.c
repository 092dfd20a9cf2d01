/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * group_tick.c: what is due some time after commits: interval syncs, the idle mark, the next
 * segment, rest. A task of the workers; a chain that rests has none.
 */
#include "base/err.h"
#include "chain/chain_private.h"
#include "chain/image.h"

enum {
    TICK_MS = 100,  /* without a write, until the log is marked as idle */
    PREPARE_MS = 5, /* between two steps of preparing a segment: the disk is the commits' */
    FULL_MS = 1000  /* between two attempts on a full or failing disk */
};

/* One that is waited for stays, unless it is the far one. */
static void submit(struct ate__chain *c, uint32_t delay_ms, bool rest)
{
    if (!c->conf.workers || c->closing || (c->ticking && !c->rest_due))
        return;
    c->ticking = true;
    c->rest_due = rest;
    ate__workers_submit(c->conf.workers, &c->tick, delay_ms);
}

static uint32_t pause_ms(const struct ate__chain *c)
{
    return c->conf.sync == ATE__SYNC_INTERVAL && c->conf.sync_interval_ms ? c->conf.sync_interval_ms
                                                                          : TICK_MS;
}

void ate__chain_tick_due(struct ate__chain *c)
{
    submit(c, pause_ms(c), false);
}

/* What the log gets, if nobody else writes to it just now. */
enum act { ACT_NONE, ACT_SYNC, ACT_MARK, ACT_REST };

static enum act choose(const struct ate__chain *c)
{
    if (c->leading || c->ordered.first || c->broken)
        return ACT_NONE;
    if (c->wrote)
        return c->conf.sync == ATE__SYNC_INTERVAL ? ACT_SYNC : ACT_NONE;
    return c->rest_due ? ACT_REST : ACT_MARK;
}

static int perform(struct ate__storage *s, enum act act)
{
    switch (act) {
    case ACT_SYNC: return s->v->sync(s);
    case ACT_MARK: return s->v->idle(s);
    case ACT_REST: return s->v->rest(s);
    case ACT_NONE: break;
    }
    return 0;
}

/* While something is written, or a segment is being prepared, or there is no room; then once more,
 * after a while. */
static void submit_again(struct ate__chain *c, enum act act, bool wrote, int prepared)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    c->full = state.full;
    if (state.full || prepared)
        submit(c, FULL_MS, false);
    else if (state.prepare_due)
        submit(c, PREPARE_MS, false);
    else if (wrote || act == ACT_NONE)
        submit(c, pause_ms(c), false);
    else if (ate__chain_lacks_leaves(c))
        submit(c, FULL_MS, false);
    else if (act != ACT_REST)
        submit(c, c->rest_ms, true);
}

static bool has_failed(struct ate__chain *c)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    return state.failed;
}

void ate__chain_tick_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    struct ate__works done = {NULL, NULL, 0, 0};
    pthread_mutex_lock(&c->mutex);
    bool wrote = c->wrote;
    enum act act = choose(c);
    uint64_t size = c->tree.size;
    bool lacks = c->trust && ate__chain_lacks_leaves(c);
    c->ticking = c->rest_due = c->wrote = false;
    if (act != ACT_NONE)
        c->leading = true;
    pthread_mutex_unlock(&c->mutex);
    int rc = perform(c->storage, act);
    if (act != ACT_NONE && lacks)
        ate__chain_add_leaves(c, size, NULL, 0);
    int prepared = rc || act == ACT_REST ? 0 : c->storage->v->prepare(c->storage);
    pthread_mutex_lock(&c->mutex);
    if (act != ACT_NONE)
        c->leading = false;
    if (!c->leading && !c->broken && has_failed(c))
        ate__chain_failed(c, &done);
    if (!c->broken)
        submit_again(c, act, wrote, prepared);
    ate__chain_image_due(c);
    ate__works_finish(c, &done);
    pthread_mutex_unlock(&c->mutex);
}
