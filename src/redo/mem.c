/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mem.c: the engine `mem`: groups in memory, for chains that need no disk and for tests. It answers
 * as the engine `file` does; nothing survives close, and nothing but memory fails.
 *
 *  1. A group never changes or moves once it is appended, so that readers use it without the mutex;
 *     those that replace() took out go with the last reader.
 *  2. A failed append leaves the log as it was: no state `failed`.
 *  3. It is not compacted, but may hold what compaction has left of another log (redo/import.h):
 *     groups of which records are missing, and the leaves of full tiles below.
 */
#include "base/alloc.h"
#include "base/endian.h"
#include "redo/format.h"
#include "redo/mem.h"
#include "redo/tiles.h"
#include <pthread.h>

struct record {
    uint64_t sequence;
    struct ate_bytes body;
    bool identity;
};
struct group {
    struct group *next; /* in `gone` */
    struct ate__group_out head;
    uint8_t *bytes;          /* bodies, one behind the other */
    struct record records[]; /* head.count of them, ascending */
};
struct mem {
    struct ate__storage storage;
    struct ate_hash chain_id;
    enum ate__role role;
    struct ate__tiles tiles;
    pthread_mutex_t mutex; /* guards the rest */
    struct group **groups;
    size_t count, capacity;
    uint64_t size, bytes, cut_off;
    struct ate_hash *leaves; /* of an import */
    size_t leaf_count, leaf_capacity;
    size_t readers;       /* that use groups without the mutex */
    struct group *gone;   /* out of the log, through `next` */
};

static struct mem *mem_of(struct ate__storage *s)
{
    return (struct mem *)s;
}

static void group_free(struct group *g)
{
    if (g)
        ate__free(g->bytes);
    ate__free(g);
}
ATE__FREEP(struct group, group_free)

static void free_gone(struct mem *m)
{
    for (struct group *g; (g = m->gone); group_free(g))
        m->gone = g->next;
}

static void mem_close(struct ate__storage *s)
{
    struct mem *m = mem_of(s);
    if (!m)
        return;
    free_gone(m);
    for (size_t i = 0; i < m->count; i++)
        group_free(m->groups[i]);
    ate__free(m->groups);
    ate__free(m->leaves);
    ate__tiles_deinit(&m->tiles);
    pthread_mutex_destroy(&m->mutex);
    ate__free(m);
}

static void mem_state(struct ate__storage *s, struct ate__storage_state *ret_state)
{
    struct mem *m = mem_of(s);
    pthread_mutex_lock(&m->mutex);
    *ret_state = (struct ate__storage_state){
        .chain_id = m->chain_id,
        .role = m->role,
        .size = m->size,
        .floor = m->size,
        .moves = m->size,
        .generation = m->cut_off ? 1 : 0,
        .cut_off = m->cut_off,
        .revision = 1,
        .bytes = m->bytes,
        .length = m->bytes,
        .writable = true,
    };
    pthread_mutex_unlock(&m->mutex);
}

static void mem_damage(struct ate__storage *s, struct ate__storage_damage *ret_damage)
{
    (void)s;
    *ret_damage = (struct ate__storage_damage){.what = ATE_OK};
}

/* --- append --- */

/* Room for so many records of so many bytes together, which take_body() fills. */
static int new_group(const struct ate__group_out *head, size_t bytes, struct group **ret_group)
{
    ate__cleanup(group_freep) struct group *g =
        ate__alloc(sizeof *g + head->count * sizeof g->records[0]);
    if (g)
        g->bytes = ate__alloc(bytes ? bytes : 1);
    if (!g || !g->bytes)
        return ate__no_memory();
    g->head = *head;
    *ret_group = ate__steal(&g);
    return 0;
}

static void take_body(struct group *g, size_t n, size_t *at, uint64_t sequence, bool identity,
                      struct ate_bytes body)
{
    memcpy(g->bytes + *at, body.data, body.size);
    g->records[n] = (struct record){sequence, ate__bytes(g->bytes + *at, body.size), identity};
    *at += body.size;
}

static int make_group(const struct ate__group_in *in, struct group **ret_group, uint64_t *ret_bytes)
{
    uint64_t bytes = ATE__GROUP_HEAD;
    size_t total = 0, at = 0;
    struct group *g = NULL;
    for (size_t i = 0; i < in->count; i++) {
        if (!in->records[i].size)
            return ate__fail(ATE_MISUSE, "an empty record in a group");
        if (in->records[i].size < ATE__GROUP_BYTES_MAX)
            bytes += ate__record_bytes(in->records[i].size);
        else
            bytes = ATE__GROUP_BYTES_MAX + 1;
        if (bytes > ATE__GROUP_BYTES_MAX)
            return ate__fail(ATE_TOO_BIG, "a group of more than %d bytes", ATE__GROUP_BYTES_MAX);
        total += in->records[i].size;
    }
    struct ate__group_out head = {
        .first_sequence = in->first_sequence,
        .root_time_us = in->root_time_us,
        .floor = in->first_sequence,
        .head_before = ate__load64(in->head_before.b),
        .count = (uint32_t)in->count,
        .end_sequence = in->first_sequence + in->count,
    };
    int rc = new_group(&head, total, &g);
    if (rc)
        return rc;
    for (size_t i = 0; i < in->count; i++)
        take_body(g, i, &at, in->first_sequence + i, false, in->records[i]);
    *ret_group = g;
    *ret_bytes = bytes;
    return 0;
}

/* At the size; the group is the log's then. */
static int add_group(struct mem *m, struct group *take_group, uint64_t bytes)
{
    ate__cleanup(group_freep) struct group *g = take_group;
    uint64_t first = g->head.first_sequence;
    int rc = 0;
    pthread_mutex_lock(&m->mutex);
    if (first != m->size)
        rc = ate__fail(ATE_MISUSE, "a group at sequence %llu where %llu is next",
                       (unsigned long long)first, (unsigned long long)m->size);
    if (!rc)
        rc = ate__grow(&m->groups, &m->capacity, m->count + 1, sizeof *m->groups);
    if (!rc) {
        m->size = g->head.end_sequence;
        m->bytes += bytes;
        m->groups[m->count++] = ate__steal(&g);
    }
    pthread_mutex_unlock(&m->mutex);
    return rc;
}

static int mem_append(struct ate__storage *s, const struct ate__group_in *in)
{
    struct group *g = NULL;
    uint64_t bytes = 0;
    if (!in->count)
        return 0; /* an idle mark witnesses what no crash can take */
    int rc = make_group(in, &g, &bytes);
    if (!rc)
        rc = add_group(mem_of(s), g, bytes);
    for (size_t i = 0; !rc && in->ret_positions && i < in->count; i++)
        in->ret_positions[i] =
            (struct ate__position){in->first_sequence + i, (uint32_t)in->records[i].size};
    return rc;
}

static int nothing(struct ate__storage *s)
{
    (void)s;
    return 0;
}

/* --- reading --- */

static void enter(struct mem *m)
{
    pthread_mutex_lock(&m->mutex);
    m->readers++;
    pthread_mutex_unlock(&m->mutex);
}

static void leave(struct mem *m)
{
    pthread_mutex_lock(&m->mutex);
    if (!--m->readers)
        free_gone(m);
    pthread_mutex_unlock(&m->mutex);
}

/* The group that holds the sequence, and how many there are; NULL: above the size. */
static const struct group *find(struct mem *m, uint64_t sequence)
{
    const struct group *found = NULL;
    size_t low = 0;
    pthread_mutex_lock(&m->mutex);
    for (size_t high = m->count; low < high;) { /* groups below low begin at or below sequence */
        size_t middle = low + (high - low) / 2;
        if (m->groups[middle]->head.first_sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    if (sequence < m->size)
        found = m->groups[low - 1];
    pthread_mutex_unlock(&m->mutex);
    return found;
}

static int mem_scan(struct ate__storage *s, uint64_t from, uint64_t to,
                    const struct ate__scan *scan)
{
    struct mem *m = mem_of(s);
    pthread_mutex_lock(&m->mutex);
    uint64_t size = m->size;
    pthread_mutex_unlock(&m->mutex);
    if (from > size)
        return ate__fail(ATE_NOT_FOUND, "a scan from sequence %llu in a log of %llu",
                         (unsigned long long)from, (unsigned long long)size);
    uint64_t next = from;
    int rc = 0;
    to = to < size ? to : size;
    enter(m);
    while (!rc && next < to) {
        const struct group *g = find(m, next);
        if (!g) /* another log took this one's place */
            break;
        rc = scan->group ? scan->group(scan->arg, &g->head) : 0;
        for (uint32_t i = 0; !rc && i < g->head.count; i++) {
            const struct record *found = &g->records[i];
            struct ate__record_out record = {
                .sequence = found->sequence,
                .root_time_us = g->head.root_time_us,
                .position = {found->sequence, (uint32_t)found->body.size},
                .body = found->body,
                .last_in_group = i + 1 == g->head.count,
                .identity = found->identity,
            };
            if (found->sequence >= next && found->sequence < to)
                rc = scan->record(scan->arg, &record);
        }
        next = g->head.end_sequence;
    }
    leave(m);
    return rc;
}

static int body_of(struct mem *m, uint64_t sequence, struct ate_bytes *ret_body)
{
    const struct group *g = find(m, sequence);
    if (!g)
        return ate__fail(ATE_NOT_FOUND, "record %llu of a log that is shorter",
                         (unsigned long long)sequence);
    uint32_t low = 0;
    for (uint32_t high = g->head.count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (g->records[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == g->head.count || g->records[low].sequence != sequence || g->records[low].identity)
        return ate__fail(ATE_COMPACTED, "transaction %llu was compacted away",
                         (unsigned long long)sequence);
    *ret_body = g->records[low].body;
    return 0;
}

static int mem_load(struct ate__storage *s, uint64_t sequence, const struct ate__position *position,
                    struct ate__buf *ret_body)
{
    struct ate_bytes body;
    (void)position;
    enter(mem_of(s));
    int rc = body_of(mem_of(s), sequence, &body);
    if (!rc)
        rc = ate__buf_append(ret_body, body);
    leave(mem_of(s));
    return rc;
}

static int mem_read_part(struct ate__storage *s, uint64_t sequence,
                         const struct ate__position *position, uint32_t offset, uint32_t size,
                         struct ate__buf *ret_bytes)
{
    struct ate_bytes body = {NULL, 0};
    (void)position;
    enter(mem_of(s));
    int rc = body_of(mem_of(s), sequence, &body);
    if (!rc && (offset > body.size || size > body.size - offset))
        rc = ate__fail(ATE_MALFORMED, "%u bytes from %u of a record of %zu", size, offset,
                       body.size);
    if (!rc)
        rc = ate__buf_append(ret_bytes, ate__bytes((const uint8_t *)body.data + offset, size));
    leave(mem_of(s));
    return rc;
}

static int mem_used(struct ate__storage *s,
                    int (*each)(void *arg, const char *file, uint64_t from, uint64_t to), void *arg)
{
    (void)s, (void)each, (void)arg; /* there is no file */
    return 0;
}

/* --- tiles --- */

static int tiles_append(struct ate__storage *s, const struct ate_hash *leaves, size_t count)
{
    return ate__tiles_append(&mem_of(s)->tiles, leaves, count);
}

static uint64_t tiles_size(struct ate__storage *s)
{
    return ate__tiles_size(&mem_of(s)->tiles);
}

static int tiles_truncate(struct ate__storage *s, uint64_t size)
{
    return ate__tiles_truncate(&mem_of(s)->tiles, size);
}

static int tiles_node(struct ate__storage *s, unsigned level, uint64_t index,
                      struct ate_hash *ret_hash)
{
    return ate__tiles_node(&mem_of(s)->tiles, level, index, ret_hash);
}

/* All tiles are in memory, and none is written. */
static void tiles_hold(struct ate__storage *s,
                       int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                       void *arg)
{
    (void)s;
    (void)leaves;
    (void)arg;
}

static int tiles_stored(struct ate__storage *s, uint64_t first, struct ate_hash *ret_leaves)
{
    struct mem *m = mem_of(s);
    pthread_mutex_lock(&m->mutex);
    bool there = first < m->leaf_count && m->leaf_count - first >= ATE__TILE_LEAVES;
    if (there)
        memcpy(ret_leaves, m->leaves + first, ATE__TILE_LEAVES * sizeof *ret_leaves);
    pthread_mutex_unlock(&m->mutex);
    return there ? 0
                 : ate__fail(ATE_NOT_FOUND, "the leaves from %llu on are not there",
                             (unsigned long long)first);
}

static int mem_segments(struct ate__storage *s, ate__segment_fn *each, void *arg)
{
    (void)s, (void)each, (void)arg; /* there is none */
    return 0;
}

static int mem_rewrite(struct ate__storage *s, const struct ate__rewrite *rewrite,
                       struct ate__rewritten *ret_rewritten)
{
    (void)s, (void)rewrite, (void)ret_rewritten;
    return ate__fail(ATE_UNSUPPORTED, "a log in memory is not compacted");
}

/* Under the mutex. What it had goes to `with`, but for the groups, which may be in use. */
static void swap_logs(struct mem *m, struct mem *with)
{
    struct mem old = *m;
    for (size_t i = 0; i < m->count; i++) {
        m->groups[i]->next = m->gone;
        m->gone = m->groups[i];
    }
    m->groups = with->groups;
    m->count = with->count;
    m->capacity = with->capacity;
    m->size = with->size;
    m->bytes = with->bytes;
    m->cut_off = with->cut_off;
    m->leaves = with->leaves;
    m->leaf_count = with->leaf_count;
    m->leaf_capacity = with->leaf_capacity;
    with->groups = old.groups;
    with->count = 0;
    with->capacity = old.capacity;
    with->size = with->bytes = with->cut_off = 0;
    with->leaves = old.leaves;
    with->leaf_count = 0;
    with->leaf_capacity = old.leaf_capacity;
    if (!m->readers)
        free_gone(m);
}

static int mem_replace(struct ate__storage *s, struct ate__storage *other, uint64_t same)
{
    struct mem *m = mem_of(s), *with = mem_of(other);
    if (other->v != s->v || !ate__hash_equal(&m->chain_id, &with->chain_id))
        return ate__fail(ATE_MISUSE, "a log takes over one of its own engine and chain");
    uint64_t size = ate__tiles_size(&m->tiles);
    int rc = ate__tiles_take(&m->tiles, &with->tiles, same);
    if (rc) { /* of the same history these leaves are right; what was cut off is missing */
        int back_rc = ate__tiles_size(&m->tiles) > size ? ate__tiles_truncate(&m->tiles, size) : 0;
        return back_rc ? back_rc : rc;
    }
    pthread_mutex_lock(&m->mutex);
    swap_logs(m, with);
    pthread_mutex_unlock(&m->mutex);
    return 0;
}

/* --- what an import brings --- */

int ate__mem_take_leaves(struct ate__storage *s, const struct ate_hash *leaves)
{
    struct mem *m = mem_of(s);
    int rc = ate__grow(&m->leaves, &m->leaf_capacity, m->leaf_count + ATE__TILE_LEAVES,
                       sizeof *m->leaves);
    if (rc)
        return rc;
    memcpy(m->leaves + m->leaf_count, leaves, ATE__TILE_LEAVES * sizeof *leaves);
    m->leaf_count += ATE__TILE_LEAVES;
    return 0;
}

int ate__mem_take_range(struct ate__storage *s, const struct ate__import_range *range)
{
    uint64_t bytes = ATE__GROUP_HEAD;
    size_t total = 0, at = 0;
    struct group *g = NULL;
    struct ate__group_out head = {
        .first_sequence = range->first,
        .root_time_us = range->root_time_us,
        .count = (uint32_t)range->count,
        .compacted = true,
        .end_sequence = range->end,
    };
    for (size_t i = 0; i < range->count; i++) {
        bytes += ate__record_bytes(range->records[i].body.size);
        total += range->records[i].body.size;
    }
    int rc = new_group(&head, total, &g);
    if (rc)
        return rc;
    for (size_t i = 0; i < range->count; i++)
        take_body(g, i, &at, range->records[i].sequence, range->records[i].identity,
                  range->records[i].body);
    return add_group(mem_of(s), g, bytes);
}

void ate__mem_cut_off(struct ate__storage *s, uint64_t cut_off)
{
    mem_of(s)->cut_off = cut_off;
}

static const struct ate__storage_vtable mem_vtable = {
    .group_bytes_max = ATE__GROUP_BYTES_MAX,
    .durable_copies = 0,
    .close = mem_close,
    .state = mem_state,
    .damage = mem_damage,
    .begin = nothing,
    .append = mem_append,
    .sync = nothing,
    .recover = nothing,
    .idle = nothing,
    .prepare = nothing,
    .scan = mem_scan,
    .load = mem_load,
    .read_part = mem_read_part,
    .refresh = nothing,
    .used = mem_used,
    .rest = nothing,
    .tiles_append = tiles_append,
    .tiles_size = tiles_size,
    .tiles_truncate = tiles_truncate,
    .tiles_node = tiles_node,
    .tiles_hold = tiles_hold,
    .tiles_release = nothing,
    .tiles_stored = tiles_stored,
    .segments = mem_segments,
    .rewrite = mem_rewrite,
    .replace = mem_replace,
};

int ate__storage_open_mem(const struct ate__env *env, const struct ate_hash *chain_id,
                          enum ate__role role, struct ate__storage **ret_storage)
{
    struct mem *m = ate__alloc(sizeof *m);
    if (!m)
        return ate__no_memory();
    m->storage.v = &mem_vtable;
    m->chain_id = *chain_id;
    m->role = role;
    ate__tiles_init(&m->tiles, env->vfs, NULL, false);
    pthread_mutex_init(&m->mutex, NULL);
    *ret_storage = &m->storage;
    return 0;
}
