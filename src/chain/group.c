/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * group.c: the leader: one group from `ordered` to the disk, to the view, to those who wait
 * (docs/ARCHITECTURE.md, "Life of a commit"; docs/decisions/0012).
 *
 *   under the mutex   takes a group off `ordered` -> `writing`
 *   without it        leaves and head; appends and syncs; leaves into the tiles
 *   under it          publishes; or, after a failure, takes back and recovers
 *   without it        completes works that nobody waits for; tells the listeners
 *
 * Who leads: the thread of a submitter that waits and finds the log idle; where none waits, the
 * task `lead`. Whoever stops leading sees to it that the next one is awake: ate__chain_pass_on().
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include <stdio.h>

enum { RETRY_MS = 1000 /* between two attempts to recover */ };

/* The part of a group that is made without the mutex. */
struct group {
    struct ate__group_in in;
    struct ate__frontier tree;
    struct ate_hash root, seal;
    struct ate__group_space own; /* where it is more than the chain keeps memory for */
    struct ate_bytes *records; /* of c->writing, which nobody else changes while it is led */
    struct ate_hash *leaves;
};

static void group_deinit(struct group *g)
{
    ate__group_space_deinit(&g->own);
}

/* As much as fits into a group of the storage: header and padding of a record stay below 64
 * bytes. */
static void take_group(struct ate__chain *c)
{
    struct ate__works *works = &c->writing;
    size_t limit = ate__min(ATE__COMMIT_GROUP_BYTES_MAX, c->storage->v->group_bytes_max);
    size_t bytes = 4096;
    while (c->ordered.first && works->count < ATE__COMMIT_GROUP_MAX) {
        bytes += c->ordered.first->bytes.size + 64;
        if (works->count && bytes > limit)
            break;
        ate__works_push(works, ate__works_pop(&c->ordered));
    }
    ate__chain_wait_less(c, works->count, works->bytes);
    ate__chain_moved(c);
}

void ate__group_space_deinit(struct ate__group_space *s)
{
    ate__free(s->records);
    ate__free(s->leaves);
    ate__free(s->positions);
}

/* Memory for a group of n, which is not 0. */
static int give_space(struct group *g, struct ate__group_space *s, size_t n)
{
    if (n > s->capacity) {
        ate__group_space_deinit(s);
        *s = (struct ate__group_space){
            .records = ate__alloc_array(n, sizeof *s->records),
            .leaves = ate__alloc_array(n, sizeof *s->leaves),
            .positions = ate__alloc_array(n, sizeof *s->positions),
        };
        if (!s->records || !s->leaves || !s->positions)
            return ate__no_memory();
        s->capacity = n;
    }
    g->in.records = g->records = s->records;
    g->leaves = s->leaves;
    g->in.ret_positions = s->positions;
    return 0;
}

static int prepare_group(struct ate__chain *c, struct group *g)
{
    size_t n = c->writing.count;
    g->in.frees = true;
    int space = give_space(g, n <= ATE__GROUP_KEPT ? &c->group_space : &g->own, n);
    if (space)
        return space;
    for (struct ate__work *w = c->writing.first; w; w = w->next) {
        int rc = ate__tx_leaf(&w->tx, ate__trust_alg(c->trust), w->sequence, g->in.root_time_us,
                              &g->leaves[g->in.count]);
        if (!rc)
            rc = ate__frontier_append(&g->tree, &g->leaves[g->in.count]);
        if (rc)
            return rc;
        g->records[g->in.count++] = w->bytes;
        g->in.frees &= ate__tx_frees(&w->tx);
    }
    int rc = ate__frontier_root(&g->tree, &g->root);
    if (rc || !c->believing.seals)
        return rc;
    g->in.seal = &g->seal;
    return ate__believe_seal(c, g->tree.size, &g->root, &g->seal);
}

/* Nothing in here can fail. */
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
    enum ate__stage stage = ate__chain_stage(c, c->tree.size - 1);
    for (struct ate__work *w = c->writing.first; w; w = w->next) {
        w->result = 0;
        w->receipt = (struct ate__receipt){
            .sequence = w->sequence,
            .root_time_us = c->root_time_us,
            .size = c->tree.size,
            .head = c->root,
            .stage = stage,
        };
    }
}

/* ---- failures ---- */

/* A write or sync failed: what was ordered leaves the state; what the disk turns out to hold comes
 * back. */
static void recover(struct ate__chain *c)
{
    struct ate__storage_state state;
    uint64_t shown = c->tree.size, ordered = c->next_sequence;
    ate__chain_untake(c, shown);
    int rc = c->storage->v->recover(c->storage);
    c->storage->v->state(c->storage, &state);
    c->full = state.full;
    if (!rc && state.size < shown)
        rc = ate__fail(ATE_E_IO, "%llu transactions that were shown are lost",
                       (unsigned long long)(shown - state.size));
    if (!rc)
        rc = ate__chain_replay(c, shown);
    c->losses += c->tree.size < ordered;
    c->broken = rc != 0;
    c->retry_ms = ate__monotonic_ms(c->conf.env) + RETRY_MS;
    if (rc)
        snprintf(c->broken_text, sizeof c->broken_text, "%s", ate__error_text());
    ate__chain_moved(c);
}

bool ate__chain_mend(struct ate__chain *c)
{
    if (c->broken && !c->leading && ate__monotonic_ms(c->conf.env) >= c->retry_ms)
        recover(c);
    return !c->broken;
}

/* What was ordered is built on what has just failed. */
static void fail_all(struct ate__chain *c, struct ate__works *works, int result)
{
    ate__chain_wait_less(c, c->ordered.count, c->ordered.bytes);
    ate__works_move(works, &c->ordered);
    ate__chain_moved(c);
    for (struct ate__work *w = works->first; w; w = w->next)
        ate__work_fail(w, result);
}

void ate__chain_failed(struct ate__chain *c, struct ate__works *done)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    ate__fail(ATE_UNKNOWN, "commit: it may still be applied: %s", text);
    fail_all(c, done, ATE_UNKNOWN);
    recover(c);
}

/* Nothing was written, and the log goes on. */
static bool is_harmless(struct ate__chain *c, int rc)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    return !state.failed && (rc == ATE_E_NO_SPACE || rc == ATE_E_MEMORY || rc == ATE_TOO_BIG);
}

static void fail_group(struct ate__chain *c, int rc, struct ate__works *done)
{
    char cause[ATE__ERROR_SIZE];
    if (!is_harmless(c, rc)) {
        ate__chain_failed(c, done);
        return;
    }
    snprintf(cause, sizeof cause, "%s", ate__error_text());
    c->full |= rc == ATE_E_NO_SPACE;
    fail_all(c, done, rc == ATE_E_NO_SPACE ? ate__chain_no_room(cause) : rc);
    c->losses++;
    ate__chain_untake(c, c->tree.size);
}

/* ---- leading ---- */

static int write_group(struct ate__chain *c, struct group *g)
{
    int rc = prepare_group(c, g);
    if (!rc)
        rc = c->storage->v->append(c->storage, &g->in);
    /* Before it is published, so that whoever sees a head can prove it. */
    if (!rc)
        ate__chain_add_leaves(c, g->in.first_sequence, g->leaves, g->in.count);
    return rc;
}

void ate__chain_lead(struct ate__chain *c)
{
    struct group g = {.tree = c->tree};
    struct ate__works done = {NULL, NULL, 0, 0};
    ate__assert(!c->leading && c->ordered.first);
    take_group(c);
    g.in.first_sequence = c->tree.size;
    g.in.head_before = c->root;
    g.in.root_time_us = ate__chain_time(c);
    c->leading = true;
    pthread_mutex_unlock(&c->mutex);
    int rc = write_group(c, &g);
    pthread_mutex_lock(&c->mutex);
    if (!rc)
        publish(c, &g);
    ate__works_move(&done, &c->writing);
    if (rc)
        fail_group(c, rc, &done);
    c->leading = false;
    c->wrote = true;
    ate__chain_moved(c);
    ate__chain_tick_due(c);
    ate__works_finish(c, &done);
    pthread_mutex_unlock(&c->mutex);
    group_deinit(&g);
    ate__chain_tell(c);
    pthread_mutex_lock(&c->mutex);
}

void ate__chain_lead_all(struct ate__chain *c)
{
    c->lead_due = true;
    while (c->ordered.first && !c->leading)
        ate__chain_lead(c);
    c->lead_due = false;
}

void ate__chain_lead_run(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    pthread_mutex_lock(&c->mutex);
    ate__chain_lead_all(c);
    pthread_mutex_unlock(&c->mutex);
}

static bool waits(const struct ate__work *w)
{
    return w->waits && w->offer;
}

/* The first thread that waits for something in `ordered`; NULL: none does. */
static struct ate__work *first_waiting(const struct ate__chain *c)
{
    for (struct ate__work *w = c->ordered.first; w; w = w->next) {
        if (waits(w))
            return w;
        for (struct ate__work *t = w->twins; t; t = t->next)
            if (waits(t))
                return t;
    }
    return NULL;
}

void ate__chain_pass_on(struct ate__chain *c)
{
    if (c->leading || !c->ordered.first)
        return;
    struct ate__work *w = first_waiting(c);
    if (w) {
        ate__work_give_turn(w);
    } else if (c->conf.workers && !c->lead_due && !c->closing) {
        c->lead_due = true;
        ate__workers_submit(c->conf.workers, &c->lead, 0);
    }
}

void ate__chain_tell(struct ate__chain *c)
{
    pthread_mutex_lock(&c->listeners_mutex);
    uint64_t size = ate__chain_published(c);
    for (struct ate__listener *l = c->listeners; l; l = l->next)
        l->published(l, size);
    pthread_mutex_unlock(&c->listeners_mutex);
}
