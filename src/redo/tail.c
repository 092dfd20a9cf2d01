/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tail.c: how far the last segment counts, and what follows.
 */
#include "redo/tail.h"
#include <stdio.h>

static const char *text_of(enum ate__soundness verdict)
{
    return verdict == ATE__NEWER     ? "written by a newer version"
           : verdict == ATE__NOTHING ? "records are missing"
                                     : "a checksum does not hold";
}

static void damaged(struct ate__survey *v, const struct ate__segment *s, const struct ate__walk *w,
                    enum ate__soundness verdict)
{
    ate__damage_set(&v->damage, verdict == ATE__NEWER ? ATE_UNSUPPORTED : ATE_TAMPERED, w->sequence,
                    s->name, w->bad_offset, text_of(verdict));
}

/* --- full segments --- */

int ate__tail_verify(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                     struct ate__segment *s)
{
    struct ate__window window;
    struct ate__walk w;
    enum ate__soundness verdict = ATE__GOOD;
    uint64_t end = e->length - (e->sealed ? ATE__FOOTER : 0);
    int rc = 0;
    ate__window_init(&window, r->vfs, s->file);
    ate__walk_begin(&w, &window, s, end);
    while (!rc && verdict == ATE__GOOD && w.offset < end)
        rc = ate__walk_next(&w, &verdict);
    ate__window_deinit(&window);
    if (rc || (verdict == ATE__GOOD && w.offset == end && w.sequence == e->end))
        return rc;
    w.bad_offset = verdict == ATE__GOOD ? w.offset : w.bad_offset;
    damaged(v, s, &w, verdict == ATE__GOOD ? ATE__BAD : verdict);
    v->size = w.sequence;
    v->length = w.offset;
    return 0;
}

/* --- the last segment --- */

static void evidence(struct ate__survey *v, uint64_t floor)
{
    v->floor = floor > v->floor ? floor : v->floor;
    v->witnessed = floor > v->witnessed ? floor : v->witnessed;
}

/* A torn tail is told, but is no damage. */
static void torn(struct ate__survey *v, const struct ate__segment *s, uint64_t bytes)
{
    v->torn_bytes = bytes;
    v->damage = (struct ate__storage_damage){
        .sequence = v->size,
        .offset = v->length,
        .trimmed_bytes = bytes,
    };
    snprintf(v->damage.file, sizeof v->damage.file, "%s", s->name);
    snprintf(v->damage.text, sizeof v->damage.text, "a torn tail of %llu bytes, never acknowledged",
             (unsigned long long)bytes);
}

/* What stands behind the last whole group. */
static int judge(struct ate__survey *v, const struct ate__meta_entry *e,
                 const struct ate__segment *s, const struct ate__walk *w,
                 enum ate__soundness verdict, uint64_t file_bytes)
{
    struct ate__behind behind = {.any = false}, here = {.any = false};
    uint64_t first, behind_last;
    if (verdict == ATE__NEWER || v->length < e->length || v->size < v->floor) {
        damaged(v, s, w, verdict);
        return 0;
    }
    /* No writer makes it so long; and what is there may be more than can be read through. */
    if (file_bytes > s->head.capacity) {
        ate__damage_set(&v->damage, ATE_TAMPERED, w->sequence, s->name, s->head.capacity,
                        "the file is longer than its segment may be");
        return 0;
    }
    int rc = ate__window_nonzero(w->window, v->length, file_bytes, &first, &behind_last);
    if (rc || first == file_bytes)
        return rc;
    /* A header right here is the torn group's own; one may end in zeros, as an idle mark does. */
    rc =
        ate__seek_heads(w->window, s->seed, v->length, v->length + ATE__GROUP_HEAD, v->size, &here);
    if (!rc)
        rc = ate__seek_heads(w->window, s->seed, v->length + 8, behind_last + ATE__GROUP_HEAD,
                             v->size, &behind);
    if (rc)
        return rc;
    evidence(v, here.floor);
    evidence(v, behind.floor);
    if (v->size < v->floor || behind.same_sequence)
        damaged(v, s, w, verdict);
    else
        torn(v, s, behind_last - v->length);
    return 0;
}

/* Where groups above F begin. */
static int find_above(struct ate__redo *r, struct ate__survey *v, struct ate__segment *s,
                      struct ate__window *window)
{
    struct ate__walk w;
    struct ate__index_entry entry;
    enum ate__soundness verdict = ATE__GOOD;
    v->above = v->length;
    v->above_end = v->size;
    if (v->size <= v->floor)
        return 0;
    ate__walk_begin(&w, window, s, v->length);
    pthread_mutex_lock(&r->mutex);
    if (ate__index_find(&s->index, v->floor, &entry)) {
        w.offset = entry.offset;
        w.sequence = entry.sequence;
    }
    pthread_mutex_unlock(&r->mutex);
    while (w.offset < w.to) {
        struct ate__walk before = w;
        int rc = ate__walk_skip(&w, &verdict);
        if (rc)
            return rc;
        if (verdict != ATE__GOOD || w.sequence > v->floor) {
            v->above = before.offset;
            v->above_end = before.sequence;
            break;
        }
    }
    return 0;
}

/* Group by group to the first thing that is none. */
static int read_groups(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                       struct ate__segment *s, struct ate__walk *w,
                       enum ate__soundness *ret_verdict)
{
    int rc = ate__walk_next(w, ret_verdict);
    while (!rc && *ret_verdict == ATE__GOOD) {
        const struct ate__group_head *head = &w->head;
        evidence(v, head->floor);
        v->root_time_us = head->root_time_us;
        v->idle_offset = !head->count && w->group_offset >= e->length ? w->group_offset : 0;
        if (head->count)
            ate__note_group(r, s, head->first_sequence, w->group_offset);
        rc = ate__walk_next(w, ret_verdict);
    }
    v->size = w->sequence;
    v->length = w->offset;
    return rc;
}

int ate__tail_walk(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                   struct ate__segment *s, bool known)
{
    struct ate__window window;
    struct ate__walk w;
    struct ate__stat about;
    enum ate__soundness verdict;
    /* What a dead writer left may be in the page cache alone; shown is what is on the disk. */
    bool limited =
        v->mode == ATE__SURVEY_BESIDE || (v->mode == ATE__SURVEY_ALONE && r->vfs->sync(s->file));
    int rc = r->vfs->stat(s->file, &about);
    if (rc)
        return rc;
    ate__window_init(&window, r->vfs, s->file);
    ate__walk_begin(&w, &window, s, s->head.capacity);
    pthread_mutex_lock(&r->mutex);
    s->file_bytes = about.size;
    if (known) {
        w.offset = s->length;
        w.sequence = s->end;
    }
    pthread_mutex_unlock(&r->mutex);
    rc = read_groups(r, v, e, s, &w, &verdict);
    if (!rc && v->mode != ATE__SURVEY_BESIDE)
        rc = judge(v, e, s, &w, verdict, about.size);
    else if (!rc && v->size < v->floor)
        damaged(v, s, &w, verdict);
    if (!rc)
        rc = find_above(r, v, s, &window);
    if (!rc && limited) {
        v->size = v->above_end;
        v->length = v->above;
    }
    ate__window_deinit(&window);
    return rc;
}
