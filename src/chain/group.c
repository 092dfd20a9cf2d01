/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * group.c: the leader: one group from `ordered` to the disk, to the view, to those who wait (LOG 3,
 * 16).
 *
 * Who                         does what
 * order.c, under the mutex    appends a work to `ordered`
 * lead(), under the mutex     takes a group off `ordered` -> `writing`; lets the mutex go; writes
 * and syncs; takes it again; publishes (or, after a failure, takes back and recovers); hands the
 * finished works to its caller its caller, no lock         completes them, tells the listeners
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdio.h>

void ate__works_push(struct ate__works *list, struct ate__work *w)
{
    w->next = NULL;
    if (list->last)
        list->last->next = w;
    else
        list->first = w;
    list->last = w;
    list->count++;
    list->bytes += w->bytes.size;
}

struct ate__work *ate__works_pop(struct ate__works *list)
{
    struct ate__work *w = list->first;
    if (!w)
        return NULL;
    list->first = w->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    list->bytes -= w->bytes.size;
    return w;
}

/* The part of a group that is made without the mutex. */
struct group {
    struct ate__group_in in;
    struct ate__frontier tree;
    struct ate_hash root;
    struct ate_bytes *records; /* of c->writing, which nobody else changes while it is led */
    struct ate_hash *leaves;
};

static void group_deinit(struct group *g)
{
    ate__free(g->records);
    ate__free(g->leaves);
    ate__free(g->in.ret_positions);
}

/* Records within a group of the storage: header and padding of each stay below 64 bytes. */
static void take_group(struct ate__chain *c)
{
    struct ate__works *works = &c->writing;
    size_t limit = ate__min(ATE__COMMIT_GROUP_BYTES_MAX, c->storage->v->group_bytes_max), bytes = 4096;
    while (c->ordered.first && works->count < ATE__COMMIT_GROUP_MAX) {
        bytes += c->ordered.first->bytes.size + 64;
        if (works->count && bytes > limit)
            break;
        ate__works_push(works, ate__works_pop(&c->ordered));
    }
    pthread_cond_broadcast(&c->room);
}

static int prepare_group(struct ate__chain *c, struct group *g)
{
    size_t n = c->writing.count;
    g->records = ate__alloc_array(n, sizeof *g->records);
    g->leaves = ate__alloc_array(n, sizeof *g->leaves);
    g->in.ret_positions = ate__alloc_array(n, sizeof *g->in.ret_positions);
    if (!g->records || !g->leaves || !g->in.ret_positions)
        return ate__no_memory();
    g->in.records = g->records;
    for (struct ate__work *w = c->writing.first; w; w = w->next) {
        int rc = ate__tx_leaf(&w->tx, ate__trust_alg(c->trust), w->sequence, g->in.root_time_us,
                              &g->leaves[g->in.count]);
        if (!rc)
            rc = ate__frontier_append(&g->tree, &g->leaves[g->in.count]);
        if (rc)
            return rc;
        g->records[g->in.count++] = w->bytes;
    }
    return ate__frontier_root(&g->tree, &g->root);
}

/* Under the mutex. */
static void publish(struct ate__chain *c, struct group *g)
{
    for (size_t i = 0; i < g->in.count; i++)
        ate__view_place(c->view, g->in.first_sequence + i, &g->in.ret_positions[i],
                        g->in.root_time_us);
    c->tree = g->tree;
    c->root = g->root;
    c->root_time_us = g->in.root_time_us;
    ate__heads_add(c, c->tree.size, &c->root);
    ate__view_publish(c->view, c->tree.size);
    ate__view_reclaim(c->view, ate__monotonic_ms(c->conf.env));
    for (struct ate__work *w = c->writing.first; w; w = w->next) {
        w->result = 0;
        w->receipt = (struct ate__receipt){
            .sequence = w->sequence,
            .root_time_us = c->root_time_us,
            .size = c->tree.size,
            .head = c->root,
            .stage = c->conf.sync == ATE__SYNC_ALWAYS ? ATE__DURABLE : ATE__QUEUED,
        };
    }
}

static void fail_works(struct ate__works *works, int result, const char *text)
{
    for (struct ate__work *w = works->first; w; w = w->next) {
        w->result = result;
        ate__buf_clear(&w->error);
        if (ate__buf_append(&w->error, ate__bytes(text, strlen(text) + 1)))
            ate__buf_deinit(&w->error);
    }
}

static void move_works(struct ate__works *to, struct ate__works *from)
{
    for (struct ate__work *w; (w = ate__works_pop(from));)
        ate__works_push(to, w);
}

/* After a failed append, under the mutex: LOG 3 and 6. What was ordered leaves the state; what the
 * disk turns out to hold comes back. */
static void recover(struct ate__chain *c)
{
    ate__chain_untake(c, c->tree.size);
    int rc = c->storage->v->recover(c->storage);
    if (!rc)
        rc = ate__chain_replay(c, c->tree.size);
    c->broken = rc != 0;
}

static void fail_group(struct ate__chain *c, int rc)
{
    char text[ATE__ERROR_SIZE];
    bool nothing_written =
        rc == ATE_E_NO_SPACE || rc == ATE_E_MEMORY || rc == ATE_TOO_BIG || rc == ATE_READ_ONLY;
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    nothing_written = nothing_written && !state.failed;
    snprintf(text, sizeof text, "%s%s",
             nothing_written ? "" : "the outcome is not known: ", ate__error_text());
    move_works(&c->writing, &c->ordered); /* built on what has just failed */
    fail_works(&c->writing, nothing_written ? rc : ATE_UNKNOWN, text);
    if (nothing_written)
        ate__chain_untake(c, c->tree.size);
    else
        recover(c);
}

/* The finished works, each followed by its twins with the same answer. */
static void hand_out(struct ate__works *ret_done, struct ate__works *works)
{
    for (struct ate__work *w; (w = ate__works_pop(works));) {
        struct ate__work *twins = w->twins;
        ate__works_push(ret_done, w);
        for (struct ate__work *twin; (twin = twins);) {
            twins = twin->next;
            twin->result = w->result;
            twin->receipt = w->receipt;
            ate__works_push(ret_done, twin);
        }
    }
}

void ate__chain_lead(struct ate__chain *c, struct ate__works *ret_done)
{
    ate__assert(!c->leading);
    struct group g = {.tree = c->tree};
    take_group(c);
    uint64_t now = ate__wall_us(c->conf.env);
    g.in.first_sequence = c->tree.size;
    g.in.head_before = c->root;
    g.in.root_time_us = now > c->root_time_us ? now : c->root_time_us;
    c->leading = true;
    pthread_mutex_unlock(&c->mutex);

    int rc = prepare_group(c, &g);
    if (!rc)
        rc = c->storage->v->append(c->storage, &g.in);
    /* Before it is published, so that whoever sees a head can prove it. Unsynced and rebuilt from
     * the records at open, so a failure here loses nothing that is believed. */
    if (!rc)
        (void)!c->storage->v->tiles_append(c->storage, g.leaves, g.in.count);

    pthread_mutex_lock(&c->mutex);
    if (rc) {
        fail_group(c, rc);
    } else {
        publish(c, &g);
        c->wrote = true;
        ate__chain_tick_due(c);
    }
    c->leading = false;
    pthread_cond_broadcast(&c->room);
    hand_out(ret_done, &c->writing);
    group_deinit(&g);
}

void ate__chain_pass_on(struct ate__chain *c)
{
    if (c->leading || !c->ordered.first)
        return;
    for (struct ate__work *w = c->ordered.first; w; w = w->next)
        if (w->waits && w->offer) {
            pthread_cond_signal(&w->turn);
            return;
        }
    if (c->conf.workers && !c->draining) {
        c->draining = true;
        ate__workers_submit(c->conf.workers, &c->drain, 0);
    }
}

void ate__chain_tell(struct ate__chain *c, uint64_t size)
{
    pthread_mutex_lock(&c->listeners_mutex);
    for (struct ate__listener *l = c->listeners; l; l = l->next)
        l->published(l, size);
    pthread_mutex_unlock(&c->listeners_mutex);
}

/* ---- background: idle marks, interval syncs, the next segment ---- */

enum { TICK_MS = 100 };

void ate__chain_tick_due(struct ate__chain *c)
{
    if (!c->conf.workers || c->ticking || c->closing)
        return;
    c->ticking = true;
    uint32_t ms = c->conf.sync == ATE__SYNC_INTERVAL && c->conf.sync_interval_ms
                      ? c->conf.sync_interval_ms
                      : TICK_MS;
    ate__workers_submit(c->conf.workers, &c->tick, ms);
}

void ate__chain_tick(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    pthread_mutex_lock(&c->mutex);
    c->ticking = false;
    bool wrote = c->wrote, lead = !c->leading && !c->broken && !c->ordered.first;
    c->wrote = false;
    if (lead)
        c->leading = true;
    pthread_mutex_unlock(&c->mutex);
    int rc = 0;
    if (lead && c->conf.sync == ATE__SYNC_INTERVAL && wrote)
        rc = c->storage->v->sync(c->storage);
    else if (lead && !wrote)
        rc = c->storage->v->idle(c->storage);
    (void)!c->storage->v->prepare(
        c->storage); /* a full disk shows at the append that needs the room */
    pthread_mutex_lock(&c->mutex);
    if (lead) {
        c->leading = false;
        if (rc && rc != ATE_E_NO_SPACE)
            recover(c);
        pthread_cond_broadcast(&c->room);
    }
    if (wrote || !lead)
        ate__chain_tick_due(c);
    ate__chain_pass_on(c);
    pthread_mutex_unlock(&c->mutex);
}
