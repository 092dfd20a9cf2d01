/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * append.c: groups at the tail. One write and, under ALWAYS, one sync carry a group.
 */
#include "redo/redo.h"
#include "base/assert.h"
#include "base/endian.h"

int ate__broke(struct ate__redo *r, int rc)
{
    pthread_mutex_lock(&r->mutex);
    r->failed = true;
    r->filled = rc == ATE_E_NO_SPACE;
    r->full |= r->filled;
    pthread_mutex_unlock(&r->mutex);
    /* To a caller E_NO_SPACE says that nothing was written, which is not known here. */
    return ate__context(rc == ATE_E_NO_SPACE ? ATE_E_IO : rc, "the log has failed");
}

/* Where the next group goes, and the floor as it stands. The segment is the leader's to read
 * without the mutex, since only it moves the tail. */
struct tail {
    struct ate__segment *last;
    uint64_t floor;
};

/* 0, or READ_ONLY with the reason. */
static int tail_of(struct ate__redo *r, struct tail *ret_tail)
{
    pthread_mutex_lock(&r->mutex);
    bool writable = r->writable, held = r->held, failed = r->failed;
    if (writable && !held && !failed)
        *ret_tail = (struct tail){r->list.items[r->list.count - 1], r->floor};
    pthread_mutex_unlock(&r->mutex);
    if (!writable)
        return ate__fail(ATE_READ_ONLY, "the log was opened for reading");
    if (held)
        return ate__fail(ATE_READ_ONLY, "the log was opened, and not begun");
    if (failed)
        return ate__fail(ATE_READ_ONLY, "the log has failed and waits for its recovery");
    return 0;
}

int ate__check_usable(struct ate__redo *r)
{
    struct tail ignored;
    return tail_of(r, &ignored);
}

uint64_t ate__room_of(const struct ate__segment *s, uint64_t group_bytes)
{
    return ate__group_start(group_bytes, s->head.padded);
}

/* Whether the group leaves room for an idle mark and the footer (redo.h, 4). */
static bool fits(const struct ate__segment *s, uint64_t bytes)
{
    return s->length + ate__room_of(s, bytes) + ate__room_of(s, ATE__GROUP_HEAD) + ATE__FOOTER <=
           s->head.capacity;
}

/* --- one group --- */

static int group_bytes(const struct ate__group_in *group, uint64_t *ret_bytes)
{
    uint64_t bytes = ATE__GROUP_HEAD + (group->seal ? ATE__SEAL : 0);
    for (size_t i = 0; i < group->count; i++) {
        if (!group->records[i].size)
            return ate__fail(ATE_MISUSE, "an empty record in a group");
        /* The size is bounded before it is added, so that the sum cannot overflow. */
        if (group->records[i].size < ATE__GROUP_BYTES_MAX)
            bytes += ate__record_bytes(group->records[i].size);
        else
            bytes = ATE__GROUP_BYTES_MAX + 1;
        if (bytes > ATE__GROUP_BYTES_MAX)
            return ate__fail(ATE_TOO_BIG, "a group of more than %d bytes", ATE__GROUP_BYTES_MAX);
    }
    *ret_bytes = bytes;
    return 0;
}

/* The bytes into r->group; positions are offsets in it. */
static int encode(struct ate__redo *r, const struct ate__segment *s,
                  const struct ate__group_in *group, uint64_t bytes, uint64_t floor)
{
    uint64_t room = ate__room_of(s, bytes);
    struct ate__group_head head = {
        .bytes = (uint32_t)bytes,
        .count = (uint32_t)group->count,
        .first_sequence = group->first_sequence,
        .root_time_us = group->root_time_us,
        .floor = floor,
        .head_before = group->count ? ate__load64(group->head_before.b) : 0,
        .sealed = group->seal,
    };
    ate__buf_clear(&r->group);
    int rc = ate__buf_reserve(&r->group, (size_t)room);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&r->group);
    ate__group_head_write(&w, s->seed, &head);
    for (size_t i = 0; i < group->count; i++)
        ate__record_write(&w, s->seed, ATE__KIND_TRANSACTION, group->first_sequence + i,
                          group->records[i]);
    if (group->seal)
        ate__seal_write(&w, s->seed, group->first_sequence + group->count, group->seal);
    ate__wr_zeros(&w, (size_t)(room - bytes));
    return ate__wr_end(&w);
}

static void tell_positions(const struct ate__segment *s, const struct ate__group_in *group,
                           uint64_t start)
{
    uint64_t at = start + ATE__GROUP_HEAD;
    for (size_t i = 0; group->ret_positions && i < group->count; i++) {
        size_t size = group->records[i].size;
        group->ret_positions[i] =
            (struct ate__position){ate__position_place(s, at), (uint32_t)size};
        at += ate__record_bytes(size);
    }
}

/* A sync of the last segment, and what it failed to keep. */
static int sync_last(struct ate__redo *r, struct ate__segment *s)
{
    int rc = r->vfs->sync(s->file);
    pthread_mutex_lock(&r->mutex);
    if (rc)
        r->failed = true;
    else if (r->failed)
        rc = ate__fail(ATE_E_IO, "another sync of the log has failed");
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static bool sync_is_due(struct ate__redo *r)
{
    if (r->conf.sync == ATE__SYNC_ALWAYS)
        return true;
    if (r->conf.sync == ATE__SYNC_NEVER)
        return false;
    pthread_mutex_lock(&r->mutex);
    uint64_t synced_ms = r->synced_ms;
    pthread_mutex_unlock(&r->mutex);
    return ate__monotonic_ms(r->env) - synced_ms >= r->conf.sync_interval_ms;
}

/* What was written counts (redo.h, 2). */
static int publish(struct ate__redo *r, struct ate__segment *s, const struct ate__group_in *group,
                   uint64_t floor, bool synced)
{
    bool timed = synced && r->conf.sync == ATE__SYNC_INTERVAL;
    uint64_t now_ms = timed ? ate__monotonic_ms(r->env) : 0;
    pthread_mutex_lock(&r->mutex);
    bool failed = r->failed;
    if (!failed) {
        if (group->count)
            ate__index_note(&s->index, s->head.capacity, group->first_sequence, s->length);
        s->length += r->group.size;
        s->end += group->count;
        if (s->file_bytes < s->length)
            s->file_bytes = s->length;
        r->size = s->end;
        r->resting &= !group->count;
        r->root_time_us = group->root_time_us;
        if (synced) {
            r->floor = r->size;
            r->floor_length = s->length;
            r->witnessed = floor > r->witnessed ? floor : r->witnessed;
            r->synced_ms = now_ms;
        }
    }
    pthread_mutex_unlock(&r->mutex);
    return failed ? ate__fail(ATE_E_IO, "a sync of the log failed meanwhile") : 0;
}

static int write_group(struct ate__redo *r, const struct tail *tail,
                       const struct ate__group_in *group, uint64_t bytes, bool sync)
{
    struct ate__segment *s = tail->last;
    uint64_t start = s->length, floor = tail->floor;
    int rc = encode(r, s, group, bytes, floor);
    if (rc)
        return ate__broke(r, rc);
    rc = r->vfs->write(s->file, start, r->group.data, r->group.size);
    if (!rc && sync) {
        pthread_mutex_lock(&r->syncing);
        rc = sync_last(r, s);
        if (!rc)
            rc = publish(r, s, group, floor, true);
        pthread_mutex_unlock(&r->syncing);
    } else if (!rc) {
        rc = publish(r, s, group, floor, false);
    }
    if (rc)
        return ate__broke(r, rc);
    tell_positions(s, group, start);
    return 0;
}

/* --- the calls --- */

int ate__file_append(struct ate__storage *storage, const struct ate__group_in *group)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    uint64_t bytes = 0;
    if (!group->count)
        return ate__file_idle(storage);
    struct tail tail = {NULL, 0};
    int rc = tail_of(r, &tail);
    if (!rc)
        rc = group_bytes(group, &bytes);
    if (rc)
        return rc;
    if (group->first_sequence != tail.last->end)
        return ate__fail(ATE_MISUSE, "a group at sequence %llu where %llu is next",
                         (unsigned long long)group->first_sequence,
                         (unsigned long long)tail.last->end);
    if (!fits(tail.last, bytes)) {
        rc = ate__roll(r, bytes, group);
        if (!rc)
            rc = tail_of(r, &tail);
        if (rc)
            return rc;
    }
    rc = ate__make_room(r, tail.last, bytes, group->frees);
    if (rc)
        return rc;
    return write_group(r, &tail, group, bytes, sync_is_due(r));
}

int ate__file_sync(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    struct ate__pinned p = {.segment = NULL};
    int rc = ate__check_usable(r);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->syncing);
    pthread_mutex_lock(&r->mutex);
    bool due = r->floor < r->size;
    pthread_mutex_unlock(&r->mutex);
    if (due)
        rc = ate__pin(r, UINT64_MAX, &p);
    if (due && !rc)
        rc = sync_last(r, p.segment);
    if (due && !rc) {
        pthread_mutex_lock(&r->mutex);
        if (r->epoch == p.epoch && r->floor < p.end) {
            r->floor = p.end;
            /* Where the list has grown since, floor_length is of the newer segment. */
            if (r->list.items[r->list.count - 1] == p.segment)
                r->floor_length = p.length;
        }
        r->synced_ms = ate__monotonic_ms(r->env);
        pthread_mutex_unlock(&r->mutex);
    }
    ate__unpin(r, &p);
    pthread_mutex_unlock(&r->syncing);
    return rc ? ate__broke(r, rc) : 0;
}

int ate__file_idle(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    struct tail tail = {NULL, 0};
    int rc = tail_of(r, &tail);
    if (rc)
        return rc;
    struct ate__segment *s = tail.last;
    pthread_mutex_lock(&r->mutex);
    bool witnessed = r->witnessed >= r->size;
    struct ate__group_in mark = {.first_sequence = r->size, .root_time_us = r->root_time_us};
    pthread_mutex_unlock(&r->mutex);
    uint64_t room = ate__room_of(s, ATE__GROUP_HEAD);
    /* A log that somebody else filled to the brim does without. */
    if (witnessed || s->length + room + ATE__FOOTER > s->head.capacity)
        return 0;
    /* The mark says that all before it is on stable storage. Its own sync makes it a witness before
     * anything follows it (docs/format/redo.md, recovery). */
    rc = ate__file_sync(storage);
    if (!rc)
        rc = tail_of(r, &tail);
    return rc ? rc : write_group(r, &tail, &mark, ATE__GROUP_HEAD, true);
}
