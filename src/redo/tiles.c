/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tiles.c: the leaf hashes and the hashes above them.
 */
#include "redo/tiles.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/digest.h"

#define TILES_NAME "tiles"
enum { TILE_BITS = 8 };
static const uint64_t no_place = UINT64_MAX;
static uint8_t left_out; /* its address stands for a tile that is neither in file nor memory */

/* --- places --- */

/* Tiles of `level` that are begun once `full` tiles of level 0 are full. */
static uint64_t begun(unsigned level, uint64_t full)
{
    uint64_t first = (uint64_t)1 << (TILE_BITS * (level - 1));
    return full < first ? 0 : ((full - first) >> (TILE_BITS * level)) + 1;
}

static uint64_t place_of_leaves(uint64_t index)
{
    uint64_t place = index;
    for (unsigned level = 1; level < ATE__TILE_LEVELS; level++)
        place += begun(level, index);
    return place;
}

uint64_t ate__tile_place(unsigned level, uint64_t index)
{
    ate__assert(level < ATE__TILE_LEVELS);
    if (!level)
        return place_of_leaves(index);
    uint64_t beginner =
        (index << (TILE_BITS * level)) + ((uint64_t)1 << (TILE_BITS * (level - 1))) - 1;
    return place_of_leaves(beginner) + 1;
}

/* --- finished tiles: in the file or kept --- */

static bool may_write(const struct ate__tiles *t)
{
    return t->writable && !t->held && !t->left;
}

static int open_file(struct ate__tiles *t)
{
    struct ate__stat about;
    struct ate__file *file = NULL;
    if (t->file || !t->dir)
        return 0;
    unsigned flags = may_write(t) ? ATE__OPEN_WRITE | ATE__OPEN_CREATE : ATE__OPEN_READ;
    int rc = t->vfs->open(t->dir, TILES_NAME, flags, &file);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc)
        rc = t->vfs->stat(file, &about);
    if (rc) {
        t->vfs->close(file);
        return rc;
    }
    t->file = file;
    t->file_bytes = about.size;
    return 0;
}

static uint8_t *kept_at(const struct ate__tiles *t, uint64_t place)
{
    return place < t->kept_capacity ? t->kept[place] : NULL;
}

/* Its hashes are not in memory either: they are made anew. */
static bool is_left_out(const uint8_t *tile)
{
    return tile == &left_out;
}

static void let_go(struct ate__tiles *t, unsigned level, uint64_t place)
{
    uint8_t *tile = kept_at(t, place);
    if (!tile)
        return;
    if (!is_left_out(tile)) {
        ate__free(tile);
        t->kept_leaves -= level == 0;
    }
    t->kept[place] = NULL;
}

static int keep(struct ate__tiles *t, unsigned level, uint64_t place, const struct ate_hash *hashes)
{
    size_t before = t->kept_capacity;
    int rc = ate__grow(&t->kept, &t->kept_capacity, (size_t)place + 1, sizeof *t->kept);
    if (rc)
        return rc;
    if (t->kept_capacity > before)
        memset(t->kept + before, 0, (t->kept_capacity - before) * sizeof *t->kept);
    let_go(t, level, place);
    if (!level && t->leaves && t->kept_leaves >= ATE__TILES_HELD_MAX) {
        t->kept[place] = &left_out;
        return 0;
    }
    t->kept[place] = ate__copy(hashes, ATE__TILE_BYTES);
    if (!t->kept[place])
        return ate__no_memory();
    t->kept_leaves += level == 0;
    return 0;
}

/* Whether the file has these hashes there. */
static int same_in_file(struct ate__tiles *t, uint64_t at, const struct ate_hash *hashes,
                        size_t size, bool *ret_same)
{
    uint8_t there[ATE__TILE_BYTES];
    size_t got = 0;
    *ret_same = false;
    if (!t->file || t->file_bytes < at + size)
        return 0;
    int rc = t->vfs->read(t->file, at, there, size, &got);
    if (!rc)
        *ret_same = got == size && !memcmp(there, hashes, size);
    return rc;
}

static int store(struct ate__tiles *t, unsigned level, uint64_t index,
                 const struct ate_hash *hashes, size_t size)
{
    uint64_t place = ate__tile_place(level, index), at = place * ATE__TILE_BYTES;
    bool same;
    int rc = open_file(t);
    if (!rc)
        rc = same_in_file(t, at, hashes, size, &same);
    if (rc)
        return rc;
    if (t->read_place == place)
        t->read_place = no_place;
    if (same || (may_write(t) && t->file)) {
        rc = same ? 0 : t->vfs->write(t->file, at, hashes, size);
        if (rc)
            return rc;
        if (t->file_bytes < at + size)
            t->file_bytes = at + size;
        let_go(t, level, place);
        return 0;
    }
    return keep(t, level, place, hashes);
}

/* A finished tile that is not in memory. */
static int read_tile(struct ate__tiles *t, unsigned level, uint64_t index, uint64_t place)
{
    size_t got = 0;
    if (kept_at(t, place))
        return t->leaves(t->leaves_arg, index * ATE__TILE_HASHES, t->read);
    ate__assert(t->file);
    int rc = t->vfs->read(t->file, place * ATE__TILE_BYTES, t->read, ATE__TILE_BYTES, &got);
    if (!rc && got < ATE__TILE_BYTES)
        rc = ate__fail(ATE_E_IO, "%s ends at tile %llu of level %u, which was there", TILES_NAME,
                       (unsigned long long)index, level);
    return rc;
}

/* A finished tile, until the next call. */
static int fetch(struct ate__tiles *t, unsigned level, uint64_t index,
                 const struct ate_hash **ret_hashes)
{
    uint64_t place = ate__tile_place(level, index);
    const uint8_t *kept = kept_at(t, place);
    if (kept && !is_left_out(kept)) {
        *ret_hashes = (const struct ate_hash *)kept;
        return 0;
    }
    if (!t->read) {
        t->read = ate__alloc(ATE__TILE_BYTES);
        t->read_place = no_place;
    }
    if (!t->read)
        return ate__no_memory();
    if (t->read_place != place) {
        t->read_place = no_place;
        int rc = read_tile(t, level, index, place);
        if (rc)
            return rc;
        t->read_place = place;
    }
    *ret_hashes = t->read;
    return 0;
}

/* --- hashes --- */

/* The root over `count` hashes, a power of two, in their place. */
static int fold(struct ate_hash *hashes, size_t count)
{
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++) {
            int rc = ate__node_hash(&hashes[2 * i], &hashes[2 * i + 1], &hashes[i]);
            if (rc)
                return rc;
        }
    return 0;
}

/* Hashes [from, from + count) of a level, all within one tile. */
static int get(struct ate__tiles *t, unsigned level, uint64_t from, size_t count,
               struct ate_hash *to)
{
    const struct ate__tile_edge *edge = &t->edge[level];
    size_t slot = (size_t)(from % ATE__TILE_HASHES);
    uint64_t index = from / ATE__TILE_HASHES;
    const struct ate_hash *tile = edge->hashes;
    size_t there = ATE__TILE_HASHES;
    if (index >= edge->index)
        there = index == edge->index ? edge->count : 0;
    else {
        int rc = fetch(t, level, index, &tile);
        if (rc)
            return rc;
    }
    size_t have = there > slot ? ate__min(there - slot, count) : 0;
    if (have)
        memcpy(to, tile + slot, have * sizeof *to);
    if (have == count)
        return 0;
    /* The last one has not come up yet: the full tile below it waits (4). */
    ate__assert(level && have + 1 == count);
    struct ate_hash below[ATE__TILE_HASHES];
    int rc = get(t, level - 1, (from + have) * ATE__TILE_HASHES, ATE__TILE_HASHES, below);
    if (!rc)
        rc = fold(below, ATE__TILE_HASHES);
    if (!rc)
        to[have] = below[0];
    return rc;
}

/* Makes room for one more hash of a level: finishes its tile where it is full. */
static int make_room(struct ate__tiles *t, unsigned level)
{
    if (level >= ATE__TILE_LEVELS)
        return ate__fail(ATE_TOO_BIG, "more leaves than tiles can hold");
    struct ate__tile_edge *edge = &t->edge[level];
    if (!edge->hashes) {
        edge->hashes = ate__alloc(ATE__TILE_BYTES);
        if (!edge->hashes)
            return ate__no_memory();
    }
    if (edge->count < ATE__TILE_HASHES)
        return 0;
    struct ate_hash root[ATE__TILE_HASHES];
    memcpy(root, edge->hashes, sizeof root);
    int rc = fold(root, ATE__TILE_HASHES);
    if (!rc)
        rc = make_room(t, level + 1);
    if (!rc)
        rc = store(t, level, edge->index, edge->hashes, ATE__TILE_BYTES);
    if (rc)
        return rc;
    struct ate__tile_edge *above = edge + 1;
    above->hashes[above->count++] = root[0];
    edge->count = 0;
    edge->index++;
    return 0;
}

/* --- public --- */

void ate__tiles_init(struct ate__tiles *t, const struct ate__vfs *vfs, struct ate__dir *dir,
                     bool writable)
{
    *t = (struct ate__tiles){.vfs = vfs, .dir = dir, .writable = writable, .read_place = no_place};
    pthread_mutex_init(&t->mutex, NULL);
}

void ate__tiles_may_write(struct ate__tiles *t)
{
    pthread_mutex_lock(&t->mutex);
    ate__assert(t->held || !t->size);
    if (!t->size) { /* it may be open for reading only */
        t->vfs->close(t->file);
        t->file = NULL;
    }
    t->writable = true;
    pthread_mutex_unlock(&t->mutex);
}

/* The unfinished tiles, and the end of the file behind them. */
static void write_edge(struct ate__tiles *t)
{
    uint64_t end = 0;
    int rc = 0;
    for (unsigned level = 0; !rc && level < ATE__TILE_LEVELS; level++) {
        const struct ate__tile_edge *edge = &t->edge[level];
        if (!edge->count)
            break;
        size_t size = edge->count * sizeof *edge->hashes;
        uint64_t place = ate__tile_place(level, edge->index);
        rc = store(t, level, edge->index, edge->hashes, size);
        if (end < place * ATE__TILE_BYTES + size)
            end = place * ATE__TILE_BYTES + size;
    }
    if (!rc && t->file && t->file_bytes > end)
        rc = t->vfs->truncate(t->file, end);
    (void)rc; /* the next open makes them anew */
}

void ate__tiles_deinit(struct ate__tiles *t)
{
    if (t->dir && may_write(t) && t->size)
        write_edge(t);
    if (t->vfs)
        t->vfs->close(t->file);
    for (unsigned level = 0; level < ATE__TILE_LEVELS; level++)
        ate__free(t->edge[level].hashes);
    for (size_t i = 0; i < t->kept_capacity; i++)
        if (!is_left_out(t->kept[i]))
            ate__free(t->kept[i]);
    ate__free(t->kept);
    ate__free(t->read);
    pthread_mutex_destroy(&t->mutex);
}

void ate__tiles_hold(struct ate__tiles *t,
                     int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                     void *arg)
{
    pthread_mutex_lock(&t->mutex);
    t->held = true;
    t->leaves = leaves;
    t->leaves_arg = arg;
    pthread_mutex_unlock(&t->mutex);
}

static int write_held(struct ate__tiles *t, unsigned level, uint64_t index)
{
    const struct ate_hash *hashes;
    if (!kept_at(t, ate__tile_place(level, index)))
        return 0;
    int rc = fetch(t, level, index, &hashes);
    return rc ? rc : store(t, level, index, hashes, ATE__TILE_BYTES);
}

int ate__tiles_release(struct ate__tiles *t)
{
    int rc = 0;
    pthread_mutex_lock(&t->mutex);
    t->held = false;
    if (t->dir && t->writable) {
        t->vfs->close(t->file); /* it may be open for reading only */
        t->file = NULL;
        rc = open_file(t);
        for (unsigned level = 0; level < ATE__TILE_LEVELS; level++)
            for (uint64_t index = 0; !rc && index < t->edge[level].index; index++)
                rc = write_held(t, level, index);
    }
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

/* Under the mutex. */
static int append(struct ate__tiles *t, const struct ate_hash *leaves, size_t count)
{
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = make_room(t, 0);
        if (rc)
            break;
        t->edge[0].hashes[t->edge[0].count++] = leaves[i];
        t->size++;
    }
    return rc;
}

int ate__tiles_append(struct ate__tiles *t, const struct ate_hash *leaves, size_t count)
{
    pthread_mutex_lock(&t->mutex);
    int rc = append(t, leaves, count);
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

uint64_t ate__tiles_size(struct ate__tiles *t)
{
    pthread_mutex_lock(&t->mutex);
    uint64_t size = t->size;
    pthread_mutex_unlock(&t->mutex);
    return size;
}

/* The edge as it is with `size` leaves; hashes: new where the tile is another than the present. */
static int edge_at(struct ate__tiles *t, uint64_t size, struct ate__tile_edge edge[])
{
    uint64_t count = size; /* hashes of the level */
    for (unsigned level = 0; level < ATE__TILE_LEVELS && count; level++) {
        uint64_t index = (count - 1) / ATE__TILE_HASHES;
        edge[level].index = index;
        edge[level].count = (unsigned)(count - index * ATE__TILE_HASHES);
        if (index != t->edge[level].index) {
            const struct ate_hash *tile;
            int rc = fetch(t, level, index, &tile);
            if (rc)
                return rc;
            edge[level].hashes = ate__copy(tile, ATE__TILE_BYTES);
            if (!edge[level].hashes)
                return ate__no_memory();
        }
        count = index;
    }
    return 0;
}

static int cut_to(struct ate__tiles *t, uint64_t size)
{
    struct ate__tile_edge edge[ATE__TILE_LEVELS] = {{NULL, 0, 0}};
    if (size > t->size)
        return ate__fail(ATE_MISUSE, "truncate tiles of %llu leaves to %llu",
                         (unsigned long long)t->size, (unsigned long long)size);
    int rc = edge_at(t, size, edge);
    for (unsigned level = 0; level < ATE__TILE_LEVELS; level++) {
        if (rc) {
            ate__free(edge[level].hashes);
            continue;
        }
        struct ate__tile_edge *now = &t->edge[level];
        if (edge[level].hashes)
            ate__free(now->hashes);
        else
            edge[level].hashes = now->hashes;
        *now = edge[level];
    }
    if (!rc)
        t->size = size;
    return rc;
}

int ate__tiles_truncate(struct ate__tiles *t, uint64_t size)
{
    pthread_mutex_lock(&t->mutex);
    int rc = cut_to(t, size);
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

int ate__tiles_node(struct ate__tiles *t, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    struct ate_hash hashes[ATE__TILE_HASHES / 2];
    size_t count = (size_t)1 << (level % TILE_BITS);
    int rc;
    pthread_mutex_lock(&t->mutex);
    if (level >= 64 || index >= t->size >> level)
        rc = ate__fail(ATE_NOT_FOUND, "tiles of %llu leaves have no node %llu of level %u",
                       (unsigned long long)t->size, (unsigned long long)index, level);
    else
        rc = get(t, level / TILE_BITS, index * count, count, hashes);
    if (!rc)
        rc = fold(hashes, count);
    if (!rc)
        *ret_hash = hashes[0];
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

uint64_t ate__tiles_bytes(struct ate__tiles *t)
{
    pthread_mutex_lock(&t->mutex);
    uint64_t bytes = t->file_bytes;
    pthread_mutex_unlock(&t->mutex);
    return bytes;
}

int ate__tiles_stored(struct ate__tiles *t, uint64_t first, struct ate_hash *ret_leaves)
{
    uint64_t place = ate__tile_place(0, first / ATE__TILE_HASHES);
    size_t got = 0;
    ate__assert(first % ATE__TILE_HASHES == 0);
    pthread_mutex_lock(&t->mutex);
    int rc = open_file(t);
    if (!rc && t->file)
        rc = t->vfs->read(t->file, place * ATE__TILE_BYTES, ret_leaves, ATE__TILE_BYTES, &got);
    pthread_mutex_unlock(&t->mutex);
    if (!rc && got < ATE__TILE_BYTES)
        rc = ate__fail(ATE_NOT_FOUND, "%s has not the leaves from %llu on", TILES_NAME,
                       (unsigned long long)first);
    return rc;
}

/* A tile of leaves, written whatever the file shows: only of pages that are written anew a sync
 * says that they are on stable storage. */
static int write_anew(struct ate__tiles *t, uint64_t index, const struct ate_hash *hashes)
{
    uint64_t place = ate__tile_place(0, index), at = place * ATE__TILE_BYTES;
    int rc = t->vfs->write(t->file, at, hashes, ATE__TILE_BYTES);
    if (rc)
        return rc;
    if (t->file_bytes < at + ATE__TILE_BYTES)
        t->file_bytes = at + ATE__TILE_BYTES;
    if (t->read_place == place)
        t->read_place = no_place;
    let_go(t, 0, place);
    return 0;
}

static int sync_all(struct ate__tiles *t)
{
    int rc = t->vfs->sync(t->file);
    return rc ? rc : t->vfs->sync_dir(t->dir);
}

static int open_to_keep(struct ate__tiles *t)
{
    return t->dir && may_write(t) ? open_file(t) : ate__fail(ATE_READ_ONLY, "%s", TILES_NAME);
}

int ate__tiles_keep(struct ate__tiles *t, uint64_t from, uint64_t to, uint64_t *ret_full)
{
    struct ate_hash hashes[ATE__TILE_HASHES];
    pthread_mutex_lock(&t->mutex);
    uint64_t begin = from / ATE__TILE_HASHES;
    uint64_t end = (to < t->size ? to : t->size) / ATE__TILE_HASHES;
    int rc = t->leaves ? open_to_keep(t) : ate__fail(ATE_READ_ONLY, "%s", TILES_NAME);
    for (uint64_t index = begin; index < end && !rc; index++) {
        rc = t->leaves(t->leaves_arg, index * ATE__TILE_HASHES, hashes);
        if (!rc)
            rc = write_anew(t, index, hashes);
    }
    if (!rc && begin < end)
        rc = sync_all(t);
    pthread_mutex_unlock(&t->mutex);
    if (!rc)
        *ret_full = end * ATE__TILE_HASHES;
    return rc;
}

int ate__tiles_keep_of(struct ate__tiles *t, struct ate__tiles *of, uint64_t to)
{
    struct ate_hash hashes[ATE__TILE_HASHES];
    uint64_t end = ate__min(to, of->size) / ATE__TILE_HASHES;
    pthread_mutex_lock(&t->mutex);
    int rc = open_to_keep(t);
    for (uint64_t index = 0; index < end && !rc; index++) {
        rc = get(of, 0, index * ATE__TILE_HASHES, ATE__TILE_HASHES, hashes);
        if (!rc)
            rc = write_anew(t, index, hashes);
    }
    if (!rc && end)
        rc = sync_all(t);
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

void ate__tiles_leave(struct ate__tiles *t)
{
    pthread_mutex_lock(&t->mutex);
    t->left = true;
    pthread_mutex_unlock(&t->mutex);
}

int ate__tiles_take(struct ate__tiles *t, struct ate__tiles *of, uint64_t same)
{
    struct ate_hash hashes[ATE__TILE_HASHES];
    pthread_mutex_lock(&t->mutex);
    int rc = t->size > same ? cut_to(t, same) : 0;
    while (!rc && t->size < of->size) {
        uint64_t left = ate__min(ATE__TILE_HASHES - t->size % ATE__TILE_HASHES, of->size - t->size);
        rc = get(of, 0, t->size, (size_t)left, hashes);
        if (!rc)
            rc = append(t, hashes, (size_t)left);
    }
    pthread_mutex_unlock(&t->mutex);
    return rc;
}
