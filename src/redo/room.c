/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * room.c: a disk that is full (docs/format/redo.md, "A full disk").
 *
 *  1. A full disk is met before anything of a group is written, wherever zeros can be written
 *     first.
 *  2. What makes room gets as much of the reserve as it needs; when there is room again, the
 *     reserve is filled before anything else is taken in.
 */
#include "redo/redo.h"
#include "base/alloc.h"

uint64_t ate__segment_max(const struct ate__redo *r)
{
    return r->conf.segment_bytes ? r->conf.segment_bytes : ATE__SEGMENT_BYTES_MAX;
}

int ate__segment_bytes_check(uint64_t bytes)
{
    bool fits = bytes >= ATE__SEGMENT_BYTES_MIN && bytes <= ATE__SEGMENT_BYTES_MAX;
    return !bytes || (fits && bytes % ATE__PAD_BYTES == 0)
               ? 0
               : ate__fail(ATE_MISUSE, "the size of segments: a multiple of %d from 64K to 64M",
                           ATE__PAD_BYTES);
}

void ate__set_full(struct ate__redo *r, bool full, uint64_t wanted)
{
    pthread_mutex_lock(&r->mutex);
    r->full = full;
    if (!full || wanted)
        r->wanted = wanted;
    pthread_mutex_unlock(&r->mutex);
}

/* --- the reserve --- */

/* Under the mutex. */
static uint64_t target(const struct ate__redo *r)
{
    return ate__reserve_target(r->list.items[r->list.count - 1]->head.capacity, r->list.count == 1);
}

bool ate__reserve_due(const struct ate__redo *r)
{
    return r->full || r->spare < target(r);
}

static void note_spare(struct ate__redo *r)
{
    pthread_mutex_lock(&r->mutex);
    r->spare = r->reserve.bytes;
    pthread_mutex_unlock(&r->mutex);
}

int ate__fill_reserve(struct ate__redo *r)
{
    pthread_mutex_lock(&r->mutex);
    bool full = r->full, due = ate__reserve_due(r), rewriting = r->rewriting_id;
    uint64_t keep = target(r), more = ate__max(r->wanted, ATE__ROOM_BYTES_MIN);
    pthread_mutex_unlock(&r->mutex);
    if (!due || (full && rewriting))
        return 0; /* whoever rewrites has more use for what there is */
    uint64_t bytes = full ? keep + ate__min(more, ATE__RESERVE_BYTES_MAX) : keep;
    int rc = ate__reserve_fill(r->vfs, r->dir, &r->reserve, bytes, keep);
    note_spare(r);
    if (!rc || rc == ATE_E_NO_SPACE)
        ate__set_full(r, rc, 0);
    return rc;
}

uint64_t ate__give_room(struct ate__redo *r, uint64_t bytes)
{
    uint64_t given = ate__reserve_give(r->vfs, r->dir, &r->reserve, bytes);
    note_spare(r);
    return given;
}

bool ate__give_spare(struct ate__redo *r)
{
    bool prepared = r->next.file;
    ate__next_drop(r->vfs, r->dir, &r->next);
    pthread_mutex_lock(&r->mutex);
    r->next_ready = false;
    pthread_mutex_unlock(&r->mutex);
    return ate__give_room(r, ATE__RESERVE_BYTES_MAX) || prepared;
}

/* --- a segment that grows --- */

static int write_zeros(struct ate__redo *r, struct ate__file *file, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[ATE__INDEX_STEP_BYTES];
    int rc = 0;
    for (uint64_t at = from; !rc && at < to; at += sizeof zeros)
        rc = r->vfs->write(file, at, zeros, ate__min(to - at, sizeof zeros));
    return rc;
}

/* Zeros behind the end are the end still, also after a power loss. */
static int extend(struct ate__redo *r, struct ate__segment *s, uint64_t to)
{
    uint64_t from = s->file_bytes;
    int rc = write_zeros(r, s->file, from, to);
    if (rc != ATE_E_NO_SPACE)
        return rc;
    int cut = r->vfs->truncate(s->file, from);
    return cut ? cut : rc;
}

/* Of a segment that is not prewritten: what makes room may not fail for want of it, so it gets the
 * room before it is known how much there is. */
static void give_ahead(struct ate__redo *r, uint64_t bytes)
{
    pthread_mutex_lock(&r->mutex);
    bool full = r->full;
    pthread_mutex_unlock(&r->mutex);
    if (!full)
        return;
    pthread_mutex_lock(&r->change);
    ate__give_room(r, bytes + ATE__PAD_BYTES);
    pthread_mutex_unlock(&r->change);
}

int ate__make_room(struct ate__redo *r, struct ate__segment *s, uint64_t bytes, bool frees)
{
    if (!r->prewrite && frees)
        give_ahead(r, bytes);
    if (!r->prewrite)
        return 0;
    uint64_t mark = ate__room_of(s, ATE__GROUP_HEAD) + ATE__FOOTER;
    uint64_t to = ate__group_start(s->length + ate__room_of(s, bytes) + mark, true);
    if (to <= s->file_bytes)
        return 0;
    int rc = extend(r, s, to);
    if (rc == ATE_E_NO_SPACE && frees) {
        pthread_mutex_lock(&r->change);
        uint64_t given = ate__give_room(r, to - s->file_bytes + ATE__PAD_BYTES);
        pthread_mutex_unlock(&r->change);
        rc = given ? extend(r, s, to) : rc;
    }
    if (rc == ATE_E_NO_SPACE) {
        ate__set_full(r, true, bytes);
        return rc;
    }
    if (rc)
        return ate__broke(r, rc);
    pthread_mutex_lock(&r->mutex);
    s->file_bytes = to;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}
