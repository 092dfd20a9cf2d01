/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * redo.c: what all parts of the engine `file` share: lists, pins, damage.
 */
#include "redo/redo.h"
#include "base/alloc.h"
#include "base/assert.h"
#include <stdio.h>

/* --- lists --- */

int ate__list_add(struct ate__list *list, struct ate__segment *take_segment)
{
    int rc = ate__grow(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    if (!rc)
        list->items[list->count++] = take_segment;
    return rc;
}

void ate__list_deinit(const struct ate__vfs *vfs, struct ate__list *list)
{
    for (size_t i = 0; i < list->count; i++)
        ate__segment_unref(vfs, list->items[i]);
    ate__free(list->items);
    *list = (struct ate__list){.count = 0};
}

size_t ate__list_find(const struct ate__list *list, uint64_t sequence)
{
    size_t low = 1, high = list->count; /* segments below low begin at or below sequence */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle]->head.first_sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

/* --- pins --- */

/* Closes the file that was pinned longest ago, so that descriptors stay bounded. */
static void close_one(struct ate__redo *r)
{
    struct ate__segment *oldest = NULL;
    size_t open = 0;
    for (size_t i = 0; i < r->list.count; i++) {
        struct ate__segment *s = r->list.items[i];
        open += s->file != NULL;
        /* The last is the appender's. */
        if (s->file && !s->pins && i + 1 < r->list.count &&
            (!oldest || s->pinned_at < oldest->pinned_at))
            oldest = s;
    }
    if (oldest && open > ATE__SEGMENTS_OPEN_MAX) {
        r->vfs->close(oldest->file);
        oldest->file = NULL;
    }
}

static int damaged(struct ate__storage_damage *damage, uint64_t sequence, const char *file,
                   const char *text)
{
    ate__damage_set(damage, ATE_TAMPERED, sequence, file, 0, text);
    return ate__damage_fail(damage);
}

/* The file of a segment that compaction made, or a backup, may not have its name yet. */
static int open_unnamed(struct ate__redo *r, const struct ate__segment *s, const char *name,
                        struct ate__file **ret_file)
{
    struct ate__segment *found = NULL;
    enum ate__soundness verdict;
    int rc = ate__segment_open(r->vfs, r->dir, name, ATE__OPEN_READ, &verdict, &found);
    if (rc || !found)
        return rc ? rc : ATE_NOT_FOUND;
    bool same = found->head.id == s->head.id && found->head.salt == s->head.salt;
    if (same)
        *ret_file = ate__steal(&found->file);
    ate__segment_unref(r->vfs, found);
    return same ? 0 : ATE_NOT_FOUND;
}

int ate__open_file_of(struct ate__redo *r, const struct ate__segment *s,
                      struct ate__file **ret_file)
{
    char new_name[ATE__SEGMENT_NAME];
    int rc = r->vfs->open(r->dir, s->name, ATE__OPEN_READ, ret_file);
    if (rc == ATE_NOT_FOUND && s->head.compacted)
        rc = open_unnamed(r, s, ATE__COMPACT_NAME, ret_file);
    if (rc != ATE_NOT_FOUND)
        return rc;
    ate__segment_new_name(s->head.id, new_name);
    return open_unnamed(r, s, new_name, ret_file);
}

/* Under the mutex. */
static int pin(struct ate__redo *r, size_t index, struct ate__pinned *ret_pinned)
{
    struct ate__segment *s = r->list.items[index];
    if (!s->file) {
        int rc = ate__open_file_of(r, s, &s->file);
        if (rc == ATE_NOT_FOUND && !r->lock)
            return ate__fail(ATE_STALE, "%s is gone", s->name);
        if (rc == ATE_NOT_FOUND)
            return damaged(&r->damage, s->head.first_sequence, s->name, "the file is gone");
        if (rc)
            return rc;
    }
    s->pins++;
    s->pinned_at = ++r->pins;
    close_one(r);
    *ret_pinned = (struct ate__pinned){
        .segment = ate__segment_ref(s),
        .file = s->file,
        .end = s->end,
        .length = s->length,
        .epoch = r->epoch,
        .sealed = s->sealed,
        .last = index + 1 == r->list.count,
    };
    return 0;
}

int ate__pin(struct ate__redo *r, uint64_t sequence, struct ate__pinned *ret_pinned)
{
    int rc = 0;
    for (int i = 0; !rc && i < ATE__READER_TRIES; i++) {
        pthread_mutex_lock(&r->mutex);
        rc = r->list.count ? pin(r, ate__list_find(&r->list, sequence), ret_pinned)
                           : ate__fail(ATE_NOT_FOUND, "the log has no segment");
        pthread_mutex_unlock(&r->mutex);
        if (rc != ATE_STALE)
            return rc;
        rc = ate__file_refresh(&r->storage); /* a writer compacts */
    }
    return rc ? rc : ate__context(ATE_E_SYSTEM, "the log changes all the time");
}

void ate__unpin(struct ate__redo *r, struct ate__pinned *p)
{
    if (!p->segment)
        return;
    pthread_mutex_lock(&r->mutex);
    ate__assert(p->segment->pins);
    p->segment->pins--;
    ate__segment_unref(r->vfs, p->segment);
    pthread_mutex_unlock(&r->mutex);
    p->segment = NULL;
}

bool ate__still(struct ate__redo *r, const struct ate__pinned *p)
{
    pthread_mutex_lock(&r->mutex);
    bool still = r->epoch == p->epoch;
    pthread_mutex_unlock(&r->mutex);
    return still;
}

void ate__walk_begin(struct ate__walk *w, struct ate__window *window, const struct ate__segment *s,
                     uint64_t to)
{
    *w = (struct ate__walk){
        .window = window,
        .seed = s->seed,
        .padded = s->head.padded,
        .compacted = s->head.compacted,
        .to = to,
        .offset = s->head.padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD,
        .sequence = s->head.first_sequence,
    };
}

void ate__note_group(struct ate__redo *r, struct ate__segment *s, uint64_t sequence,
                     uint64_t offset)
{
    pthread_mutex_lock(&r->mutex);
    ate__index_note(&s->index, s->head.capacity, sequence, offset);
    pthread_mutex_unlock(&r->mutex);
}

uint64_t ate__position_place(const struct ate__segment *s, uint64_t offset)
{
    return s->head.id << 32 | offset / 8;
}

/* --- damage --- */

int ate__damage_set(struct ate__storage_damage *damage, enum ate_result what, uint64_t sequence,
                    const char *file, uint64_t offset, const char *text)
{
    if (damage->what != ATE_OK)
        return (int)damage->what;
    uint64_t trimmed_bytes = damage->trimmed_bytes;
    *damage = (struct ate__storage_damage){
        .what = what,
        .sequence = sequence,
        .offset = offset,
        .trimmed_bytes = trimmed_bytes,
    };
    snprintf(damage->file, sizeof damage->file, "%s", file);
    snprintf(damage->text, sizeof damage->text, "%s", text);
    return (int)what;
}

int ate__damage_fail(const struct ate__storage_damage *damage)
{
    return ate__fail((int)damage->what, "%s at offset %llu, sequence %llu: %s", damage->file,
                     (unsigned long long)damage->offset, (unsigned long long)damage->sequence,
                     damage->text);
}

int ate__damage_found(struct ate__redo *r, enum ate__soundness verdict, uint64_t sequence,
                      const char *file, uint64_t offset, const char *text)
{
    struct ate__storage_damage found = {.what = ATE_OK};
    bool newer = verdict == ATE__NEWER;
    ate__damage_set(&found, newer ? ATE_UNSUPPORTED : ATE_TAMPERED, sequence, file, offset,
                    newer ? "written by a newer version" : text);
    pthread_mutex_lock(&r->mutex);
    if (r->damage.what == ATE_OK) {
        found.trimmed_bytes = r->damage.trimmed_bytes;
        r->damage = found;
    }
    pthread_mutex_unlock(&r->mutex);
    return ate__damage_fail(&found);
}
