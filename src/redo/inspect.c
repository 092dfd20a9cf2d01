/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * inspect.c: what a handle tells of itself.
 */
#include "redo/redo.h"
#include "base/alloc.h"

void ate__file_state(struct ate__storage *storage, struct ate__storage_state *ret_state)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    uint64_t tiles_bytes = ate__tiles_bytes(&r->tiles);
    pthread_mutex_lock(&r->mutex);
    *ret_state = (struct ate__storage_state){
        .chain_id = r->chain_id,
        .role = r->role,
        .size = r->size,
        .floor = r->floor,
        .moves = r->held ? r->moves : r->size,
        .generation = r->generation,
        .cut_off = r->cut_off,
        .revision = r->revision,
        .bytes = 2 * r->meta_bytes + tiles_bytes + r->full_bytes,
        .writable = r->writable,
        .failed = r->failed,
        .filled = r->filled,
        .full = r->full,
        .prepare_due = ate__prepare_due(r),
    };
    ret_state->length = r->full_bytes;
    if (r->list.count) {
        ret_state->bytes += r->list.items[r->list.count - 1]->file_bytes;
        ret_state->length += r->list.items[r->list.count - 1]->length;
    }
    pthread_mutex_unlock(&r->mutex);
}

void ate__file_damage(struct ate__storage *storage, struct ate__storage_damage *ret_damage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    pthread_mutex_lock(&r->mutex);
    *ret_damage = r->damage;
    pthread_mutex_unlock(&r->mutex);
}

/* --- a copy of the list, so that callbacks run without a lock --- */

struct row {
    char name[ATE__SEGMENT_NAME];
    uint64_t id, first, length, end;
    bool sealed;
};

static int copy_rows(struct ate__redo *r, struct row **ret_rows, size_t *ret_count)
{
    pthread_mutex_lock(&r->mutex);
    size_t count = r->list.count;
    struct row *rows = ate__alloc_array(count, sizeof *rows);
    for (size_t i = 0; rows && i < count; i++) {
        const struct ate__segment *s = r->list.items[i];
        memcpy(rows[i].name, s->name, sizeof s->name);
        rows[i].id = s->head.id;
        rows[i].first = s->head.first_sequence;
        rows[i].length = s->length;
        rows[i].end = s->end;
        rows[i].sealed = s->sealed;
    }
    pthread_mutex_unlock(&r->mutex);
    if (!rows)
        return ate__no_memory();
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

int ate__file_used(struct ate__storage *storage,
                   int (*each)(void *arg, const char *file, uint64_t from, uint64_t to), void *arg)
{
    static const char *const metas[] = {"meta.a", "meta.b"};
    struct ate__redo *r = (struct ate__redo *)storage;
    struct row *rows = NULL;
    size_t count = 0;
    int rc = copy_rows(r, &rows, &count);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->mutex);
    uint64_t meta_bytes = r->meta_bytes;
    uint64_t cut_off = r->cut_off; /* leaves below it are believed, or compared */
    const char *lost = r->meta_lost;
    pthread_mutex_unlock(&r->mutex);
    for (size_t i = 0; i < ATE__COUNT_OF(metas) && !rc; i++)
        if (!lost || strcmp(lost, metas[i]))
            rc = each(arg, metas[i], 0, meta_bytes);
    for (uint64_t i = 0; i < cut_off / ATE__TILE_LEAVES && !rc; i++) {
        uint64_t at = ate__tile_place(0, i) * ATE__TILE_BYTES;
        rc = each(arg, "tiles", at, at + ATE__TILE_BYTES);
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = each(arg, rows[i].name, 0, rows[i].length + (rows[i].sealed ? ATE__FOOTER : 0));
    ate__free(rows);
    return rc;
}
