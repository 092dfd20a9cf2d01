/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * gate.c: a storage in front of another one.
 */
#include "gate.h"
#include "lib/check.h"
#include <stdlib.h>

static struct gate *gate_of(struct ate__storage *s)
{
    return (struct gate *)s;
}

static struct ate__storage *inner(struct ate__storage *s)
{
    return gate_of(s)->inner;
}

/* Counts the call; the result that it is to fail with, or 0. Under the mutex. */
static int meet(struct gate *g, enum gate_call call)
{
    int rc = g->fail[call];
    g->counts[call]++;
    g->fail[call] = 0;
    pthread_cond_broadcast(&g->changed);
    return rc;
}

static int meet_alone(struct gate *g, enum gate_call call)
{
    pthread_mutex_lock(&g->mutex);
    int rc = meet(g, call);
    if (rc && call != GATE_TILES && rc != ATE_E_NO_SPACE)
        g->failed = true;
    pthread_mutex_unlock(&g->mutex);
    return rc ? ate__fail(rc, "the gate failed") : 0;
}

static void note_group(struct gate *g, const struct ate__group_in *in)
{
    assert_true(g->group_count < GATE_GROUPS);
    g->groups[g->group_count].count = in->count;
    g->groups[g->group_count].bytes = 0;
    for (size_t i = 0; i < in->count; i++)
        g->groups[g->group_count].bytes += in->records[i].size;
    g->group_count++;
}

static int gate_append(struct ate__storage *s, const struct ate__group_in *in)
{
    struct gate *g = gate_of(s);
    pthread_mutex_lock(&g->mutex);
    g->inside++;
    pthread_cond_broadcast(&g->changed);
    while (g->shut)
        pthread_cond_wait(&g->changed, &g->mutex);
    g->inside--;
    bool failed = g->failed;
    int fail = failed ? 0 : meet(g, GATE_APPEND);
    bool written = g->written;
    if (fail && fail != ATE_E_NO_SPACE)
        g->failed = true;
    pthread_mutex_unlock(&g->mutex);
    if (failed)
        return ate__fail(ATE_READ_ONLY, "the gate waits for its recovery");
    int rc = fail && !written ? 0 : g->inner->v->append(g->inner, in);
    pthread_mutex_lock(&g->mutex);
    if (!rc && !fail)
        note_group(g, in);
    pthread_mutex_unlock(&g->mutex);
    if (rc)
        return rc;
    return fail ? ate__fail(fail, "the gate failed") : 0;
}

static int gate_sync(struct ate__storage *s)
{
    int rc = meet_alone(gate_of(s), GATE_SYNC);
    return rc ? rc : inner(s)->v->sync(inner(s));
}

static int gate_idle(struct ate__storage *s)
{
    int rc = meet_alone(gate_of(s), GATE_IDLE);
    return rc ? rc : inner(s)->v->idle(inner(s));
}

static int gate_recover(struct ate__storage *s)
{
    struct gate *g = gate_of(s);
    int rc = meet_alone(g, GATE_RECOVER);
    pthread_mutex_lock(&g->mutex);
    while (g->shut_recover)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    if (!rc)
        rc = g->inner->v->recover(g->inner);
    if (rc)
        return rc;
    pthread_mutex_lock(&g->mutex);
    g->failed = false;
    pthread_mutex_unlock(&g->mutex);
    return 0;
}

static int gate_tiles_append(struct ate__storage *s, const struct ate_hash *leaves, size_t count)
{
    int rc = meet_alone(gate_of(s), GATE_TILES);
    return rc ? rc : inner(s)->v->tiles_append(inner(s), leaves, count);
}

static void gate_state(struct ate__storage *s, struct ate__storage_state *ret_state)
{
    struct gate *g = gate_of(s);
    g->inner->v->state(g->inner, ret_state);
    pthread_mutex_lock(&g->mutex);
    ret_state->failed |= g->failed;
    pthread_mutex_unlock(&g->mutex);
}

static void gate_close(struct ate__storage *s)
{
    struct gate *g = gate_of(s);
    g->inner->v->close(g->inner);
    pthread_mutex_destroy(&g->mutex);
    pthread_cond_destroy(&g->changed);
    free(g);
}

/* ---- handed through ---- */

static void gate_damage(struct ate__storage *s, struct ate__storage_damage *ret_damage)
{
    inner(s)->v->damage(inner(s), ret_damage);
}

static int gate_begin(struct ate__storage *s)
{
    return inner(s)->v->begin(inner(s));
}

static int gate_prepare(struct ate__storage *s)
{
    return inner(s)->v->prepare(inner(s));
}

static int gate_rest(struct ate__storage *s)
{
    int rc = meet_alone(gate_of(s), GATE_REST);
    return rc ? rc : inner(s)->v->rest(inner(s));
}

static int gate_scan(struct ate__storage *s, uint64_t from, uint64_t to,
                     const struct ate__scan *scan)
{
    return inner(s)->v->scan(inner(s), from, to, scan);
}

static int gate_load(struct ate__storage *s, uint64_t sequence,
                     const struct ate__position *position, struct ate__buf *ret_body)
{
    return inner(s)->v->load(inner(s), sequence, position, ret_body);
}

static int gate_read_part(struct ate__storage *s, uint64_t sequence,
                          const struct ate__position *position, uint32_t offset, uint32_t size,
                          struct ate__buf *ret_bytes)
{
    return inner(s)->v->read_part(inner(s), sequence, position, offset, size, ret_bytes);
}

static int gate_refresh(struct ate__storage *s)
{
    return inner(s)->v->refresh(inner(s));
}

static int gate_used(struct ate__storage *s,
                     int (*each)(void *arg, const char *file, uint64_t from, uint64_t to),
                     void *arg)
{
    return inner(s)->v->used(inner(s), each, arg);
}

static uint64_t gate_tiles_size(struct ate__storage *s)
{
    return inner(s)->v->tiles_size(inner(s));
}

static int gate_tiles_truncate(struct ate__storage *s, uint64_t size)
{
    return inner(s)->v->tiles_truncate(inner(s), size);
}

static int gate_tiles_node(struct ate__storage *s, unsigned level, uint64_t index,
                           struct ate_hash *ret_hash)
{
    return inner(s)->v->tiles_node(inner(s), level, index, ret_hash);
}

static void gate_tiles_hold(struct ate__storage *s,
                            int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                            void *arg)
{
    inner(s)->v->tiles_hold(inner(s), leaves, arg);
}

static int gate_tiles_release(struct ate__storage *s)
{
    return inner(s)->v->tiles_release(inner(s));
}

static int gate_tiles_stored(struct ate__storage *s, uint64_t first, struct ate_hash *ret_leaves)
{
    return inner(s)->v->tiles_stored(inner(s), first, ret_leaves);
}

static int gate_segments(struct ate__storage *s, ate__segment_fn *each, void *arg)
{
    return inner(s)->v->segments(inner(s), each, arg);
}

static int gate_rewrite(struct ate__storage *s, const struct ate__rewrite *rewrite,
                        struct ate__rewritten *ret_rewritten)
{
    return inner(s)->v->rewrite(inner(s), rewrite, ret_rewritten);
}

static const struct ate__storage_vtable gate_vtable = {
    .group_bytes_max = 16 << 20,
    .close = gate_close,
    .state = gate_state,
    .damage = gate_damage,
    .begin = gate_begin,
    .append = gate_append,
    .sync = gate_sync,
    .recover = gate_recover,
    .idle = gate_idle,
    .prepare = gate_prepare,
    .rest = gate_rest,
    .scan = gate_scan,
    .load = gate_load,
    .read_part = gate_read_part,
    .refresh = gate_refresh,
    .used = gate_used,
    .tiles_append = gate_tiles_append,
    .tiles_size = gate_tiles_size,
    .tiles_truncate = gate_tiles_truncate,
    .tiles_node = gate_tiles_node,
    .tiles_hold = gate_tiles_hold,
    .tiles_release = gate_tiles_release,
    .tiles_stored = gate_tiles_stored,
    .segments = gate_segments,
    .rewrite = gate_rewrite,
};

/* ---- the test's hand ---- */

struct gate *gate_new(struct ate__storage *take_inner)
{
    struct gate *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->base.v = &gate_vtable;
    g->inner = take_inner;
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->changed, NULL);
    return g;
}

void gate_shut(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->shut = true;
    pthread_mutex_unlock(&g->mutex);
}

void gate_shut_recover(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->shut_recover = true;
    pthread_mutex_unlock(&g->mutex);
}

void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->shut = g->shut_recover = false;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

void gate_wait_inside(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    while (!g->inside)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

void gate_wait_count(struct gate *g, enum gate_call call, unsigned count)
{
    pthread_mutex_lock(&g->mutex);
    while (g->counts[call] < count)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

void gate_fail(struct gate *g, enum gate_call call, int result, bool written)
{
    pthread_mutex_lock(&g->mutex);
    g->fail[call] = result;
    g->written = written;
    pthread_mutex_unlock(&g->mutex);
}

unsigned gate_count(struct gate *g, enum gate_call call)
{
    pthread_mutex_lock(&g->mutex);
    unsigned n = g->counts[call];
    pthread_mutex_unlock(&g->mutex);
    return n;
}
