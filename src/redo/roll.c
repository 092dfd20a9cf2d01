/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * roll.c: the next segment: prewritten in the background, taken into use by the appender; full ones
 * are sealed in the background.
 *
 * Taking it into use, and what a crash after each step leaves:
 *
 *   1. the header into `next`, synced       `next` is a leftover
 *   2. meta.a, then meta.b, name it         it is listed; the next open renames it
 *   3. rename, directory synced             an empty last segment
 */
#include "redo/redo.h"
#include "base/alloc.h"
#include "base/assert.h"

/* Under NEVER the file of a segment may lag behind its end by so much, until it is synced in the
 * background: whoever fills it would otherwise wait for all of it. */
enum { LAG_BYTES = 4 << 20 };

/* --- lists as they stand --- */

static struct ate__meta_entry entry_of(const struct ate__redo *r, size_t index)
{
    const struct ate__segment *s = r->list.items[index];
    bool last = index + 1 == r->list.count;
    return (struct ate__meta_entry){
        .id = s->head.id,
        .first = s->head.first_sequence,
        .end = last ? r->floor : s->end,
        .length = last ? r->floor_length : s->length + (s->sealed ? ATE__FOOTER : 0),
        .sealed = s->sealed,
        .compacted = s->head.compacted,
        .head = s->end_head,
    };
}

int ate__meta_of(struct ate__redo *r, struct ate__meta *ret_meta)
{
    struct ate__meta m = {
        .chain_id = r->pair.meta.chain_id,
        .role = r->pair.meta.role,
        .revision = r->pair.meta.revision + 1,
        .generation = r->pair.meta.generation,
        .cut_off = r->pair.meta.cut_off,
    };
    int rc = 0;
    pthread_mutex_lock(&r->mutex);
    m.floor = r->floor;
    for (size_t i = 0; i < r->list.count && !rc; i++) {
        struct ate__meta_entry entry = entry_of(r, i);
        rc = ate__meta_add(&m, &entry);
    }
    pthread_mutex_unlock(&r->mutex);
    if (rc)
        ate__meta_deinit(&m);
    else
        *ret_meta = m;
    return rc;
}

int ate__meta_put(struct ate__redo *r, struct ate__meta *take_meta)
{
    int rc = ate__pair_change(&r->pair, take_meta);
    if (rc)
        return rc;
    const struct ate__meta *m = &r->pair.meta;
    pthread_mutex_lock(&r->mutex);
    r->revision = m->revision;
    r->meta_bytes = ATE__META_HEAD + m->count * ATE__META_ENTRY + ATE__META_SHA;
    r->witnessed = m->floor > r->witnessed ? m->floor : r->witnessed;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

/* --- background --- */

/* Under the mutex. */
static bool prewrite_due(const struct ate__redo *r)
{
    const struct ate__segment *last = r->list.items[r->list.count - 1];
    return r->prewrite && !r->next_ready && !r->resting && last->length >= last->head.capacity / 2;
}

static bool sync_due(const struct ate__redo *r)
{
    return r->conf.sync == ATE__SYNC_NEVER &&
           r->list.items[r->list.count - 1]->length >= r->floor_length + LAG_BYTES;
}

bool ate__prepare_due(const struct ate__redo *r)
{
    return r->writable && !r->held && !r->failed &&
           (r->unsealed || sync_due(r) || ate__reserve_due(r) || prewrite_due(r));
}

/* The first segment that is full and has no footer. */
static struct ate__segment *unsealed(struct ate__redo *r)
{
    struct ate__segment *found = NULL;
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i + 1 < r->list.count && !found; i++)
        if (!r->list.items[i]->sealed)
            found = ate__segment_ref(r->list.items[i]);
    pthread_mutex_unlock(&r->mutex);
    return found;
}

static int put_sealed(struct ate__redo *r, struct ate__segment *s)
{
    struct ate__meta m;
    int rc = ate__meta_of(r, &m);
    if (rc)
        return rc;
    for (size_t i = 0; i < m.count; i++)
        if (m.segments[i].id == s->head.id) {
            m.segments[i].sealed = true;
            m.segments[i].length = s->length + ATE__FOOTER;
        }
    rc = ate__meta_put(r, &m);
    if (rc)
        return ate__broke(r, rc);
    pthread_mutex_lock(&r->mutex);
    s->sealed = true;
    r->full_bytes -= s->file_bytes;
    s->file_bytes = s->length + ATE__FOOTER;
    r->full_bytes += s->file_bytes;
    r->unsealed--;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

/* Under `change`. A footer that fails is no failure of the log: the list does not name it. */
static int seal(struct ate__redo *r, struct ate__segment *s)
{
    struct ate__file *file = NULL;
    int rc = r->vfs->open(r->dir, s->name, ATE__OPEN_WRITE, &file);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_E_SYSTEM, "%s is gone", s->name);
    if (!rc)
        rc = ate__segment_seal(r->vfs, file, s);
    r->vfs->close(file);
    return rc ? rc : put_sealed(r, s);
}

static uint64_t capacity_after(struct ate__redo *r)
{
    pthread_mutex_lock(&r->mutex);
    uint64_t capacity = r->list.items[r->list.count - 1]->head.capacity;
    pthread_mutex_unlock(&r->mutex);
    return ate__next_capacity(ate__min(2 * capacity, ate__segment_max(r)), 0);
}

/* One step towards a `next` that holds so many bytes. Under `change`. */
static int prewrite(struct ate__redo *r, uint64_t bytes)
{
    int rc = 0;
    if (!r->next.file)
        rc = ate__next_create(r->env, r->dir, capacity_after(r), r->conf.pad, &r->next);
    if (!rc)
        rc = ate__next_prewrite(r->vfs, &r->next, ATE__PREWRITE_BYTES);
    if (rc == ATE_E_NO_SPACE && r->next.file)
        rc = ate__next_make_do(r->vfs, &r->next, bytes);
    /* What could not be synced may be lost without a further word: not to be used. On a full disk
     * others have more use for it. */
    if (rc)
        ate__next_drop(r->vfs, r->dir, &r->next);
    return rc;
}

int ate__file_prepare(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    int rc = ate__check_usable(r);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->mutex);
    bool lags = sync_due(r);
    pthread_mutex_unlock(&r->mutex);
    if (lags)
        return ate__file_sync(storage);
    pthread_mutex_lock(&r->change);
    pthread_mutex_lock(&r->mutex);
    bool due = ate__prepare_due(r), spare = due && ate__reserve_due(r);
    bool wanted = due && !spare && prewrite_due(r);
    pthread_mutex_unlock(&r->mutex);
    struct ate__segment *full = due && !spare && !wanted ? unsealed(r) : NULL;
    if (spare)
        rc = ate__fill_reserve(r);
    else if (wanted)
        rc = prewrite(r, 0);
    else if (full)
        rc = seal(r, full);
    pthread_mutex_lock(&r->mutex);
    ate__segment_unref(r->vfs, full);
    if (wanted && !rc)
        r->next_ready = r->next.zeros == r->next.capacity;
    pthread_mutex_unlock(&r->mutex);
    if (rc == ATE_E_NO_SPACE)
        ate__set_full(r, true, 0);
    pthread_mutex_unlock(&r->change);
    return rc;
}

int ate__give_back(struct ate__redo *r)
{
    ate__next_drop(r->vfs, r->dir, &r->next);
    pthread_mutex_lock(&r->mutex);
    r->next_ready = false;
    struct ate__segment *last = r->list.items[r->list.count - 1];
    bool longer = last->file_bytes > last->length;
    pthread_mutex_unlock(&r->mutex);
    int rc = longer ? r->vfs->truncate(last->file, last->length) : 0;
    if (rc || !longer)
        return rc;
    pthread_mutex_lock(&r->mutex);
    last->file_bytes = last->length;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

int ate__file_rest(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    int rc = ate__file_idle(storage);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->change);
    rc = ate__give_back(r);
    pthread_mutex_lock(&r->mutex);
    r->resting = !rc;
    pthread_mutex_unlock(&r->mutex);
    pthread_mutex_unlock(&r->change);
    return rc ? ate__broke(r, rc) : 0;
}

/* --- taking it into use --- */

/* `next` with room for the group, prewritten where the log does that. Under `change`. */
static int next_for(struct ate__redo *r, uint64_t bytes, const struct ate__group_in *group)
{
    uint64_t room = ate__group_start(ATE__SEGMENT_HEAD, r->conf.pad) +
                    ate__group_start(bytes, r->conf.pad) +
                    ate__group_start(ATE__GROUP_HEAD, r->conf.pad) + ATE__FOOTER;
    int rc = 0;
    if (!r->next.file)
        rc = ate__next_create(r->env, r->dir, capacity_after(r), r->conf.pad, &r->next);
    if (!rc)
        r->next.capacity = ate__next_capacity(r->next.capacity, room);
    while (r->prewrite && !rc && r->next.zeros < r->next.capacity)
        rc = prewrite(r, room);
    if (rc != ATE_E_NO_SPACE || !group->frees)
        return rc;
    /* As small as can be, and not prewritten: ate__make_room() makes it grow. Room for its header,
     * and for a list that grows by a block. */
    uint64_t capacity = ate__next_capacity(ATE__SEGMENT_BYTES_MIN, room);
    ate__give_room(r, 2 * ATE__PAD_BYTES);
    rc = ate__next_create(r->env, r->dir, capacity, r->conf.pad, &r->next);
    /* xfs wants more for a new file than the file has in the end. */
    if (rc == ATE_E_NO_SPACE && ate__give_room(r, ATE__RESERVE_BYTES_MAX))
        rc = ate__next_create(r->env, r->dir, capacity, r->conf.pad, &r->next);
    return rc;
}

/* The list with the new segment behind the last, which ends here; one without records goes. */
static int meta_with(struct ate__redo *r, const struct ate__segment *next,
                     const struct ate_hash *head, bool *ret_dropped, struct ate__meta *ret_meta)
{
    struct ate__meta m;
    int rc = ate__meta_of(r, &m);
    if (rc)
        return rc;
    struct ate__meta_entry *old = &m.segments[m.count - 1];
    ate__assert(old->end == next->head.first_sequence);
    struct ate__meta_entry entry = {
        .id = next->head.id,
        .first = next->head.first_sequence,
        .end = next->head.first_sequence,
        .length = next->length,
    };
    old->head = *head;
    *ret_dropped = old->end == old->first;
    if (*ret_dropped)
        *old = entry;
    else
        rc = ate__meta_add(&m, &entry);
    if (!rc && m.count > ATE__SEGMENTS_MAX)
        rc = ate__fail(ATE_TOO_BIG, "a log of more than %d segments", ATE__SEGMENTS_MAX);
    if (rc)
        ate__meta_deinit(&m);
    else
        *ret_meta = m;
    return rc;
}

/* The new segment is the last. Under `change`; the array has room. */
static void install(struct ate__redo *r, struct ate__segment *take_next,
                    const struct ate_hash *head, bool dropped)
{
    pthread_mutex_lock(&r->mutex);
    struct ate__segment **place = &r->list.items[r->list.count - 1];
    if (dropped) {
        ate__segment_unref(r->vfs, *place);
    } else {
        (*place)->end_head = *head;
        r->unsealed++;
        r->full_bytes += (*place)->file_bytes;
        r->list.count++;
        place++;
    }
    *place = take_next;
    r->floor_length = take_next->length;
    r->next_ready = false;
    pthread_mutex_unlock(&r->mutex);
}

uint64_t ate__free_id(const struct ate__redo *r)
{
    uint64_t id = r->rewriting_id;
    for (size_t i = 0; i < r->pair.meta.count; i++)
        id = id < r->pair.meta.segments[i].id ? r->pair.meta.segments[i].id : id;
    return id + 1;
}

/* From the finished `next` on a failure leaves open what the lists say. */
static int take_into_use(struct ate__redo *r, struct ate__segment *next,
                         const struct ate_hash *head)
{
    struct ate__meta m;
    bool dropped;
    char old_name[ATE__SEGMENT_NAME];
    pthread_mutex_lock(&r->mutex);
    memcpy(old_name, r->list.items[r->list.count - 1]->name, sizeof old_name);
    int rc = ate__grow(&r->list.items, &r->list.capacity, r->list.count + 1, sizeof *r->list.items);
    pthread_mutex_unlock(&r->mutex);
    if (!rc)
        rc = meta_with(r, next, head, &dropped, &m);
    if (!rc)
        rc = ate__meta_put(r, &m);
    if (!rc)
        rc = ate__next_rename(r->vfs, r->dir, next->head.id);
    if (rc)
        return rc;
    install(r, next, head, dropped);
    if (dropped) {
        rc = r->vfs->remove(r->dir, old_name);
        (void)rc; /* a leftover, removed by the next open for writing */
    }
    return 0;
}

static int roll(struct ate__redo *r, uint64_t bytes, const struct ate__group_in *group)
{
    struct ate__segment *next = NULL;
    /* All that the old segment holds is on stable storage before another is named (redo.h, 3). */
    int rc = ate__file_sync(&r->storage);
    if (rc)
        return rc;
    rc = next_for(r, bytes, group);
    if (rc == ATE_E_NO_SPACE)
        return rc;
    if (!rc)
        rc = ate__next_finish(r->vfs, &r->next, &r->pair.meta.chain_id, ate__free_id(r), r->size,
                              &next);
    if (rc == ATE_E_NO_SPACE)
        return rc;
    if (!rc)
        rc = r->vfs->sync(next->file);
    if (!rc)
        rc = take_into_use(r, next, &group->head_before);
    if (!rc)
        return 0;
    if (next)
        ate__segment_unref(r->vfs, next);
    return ate__broke(r, rc);
}

int ate__roll(struct ate__redo *r, uint64_t bytes, const struct ate__group_in *group)
{
    pthread_mutex_lock(&r->change);
    int rc = roll(r, bytes, group);
    if (!group->frees && (!rc || rc == ATE_E_NO_SPACE))
        ate__set_full(r, rc, bytes);
    pthread_mutex_unlock(&r->change);
    return rc;
}
