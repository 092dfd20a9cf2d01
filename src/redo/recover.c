/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recover.c: what is changed in a log that was opened for writing before anything is appended.
 */
#include "redo/recover.h"
#include "base/alloc.h"
#include "redo/trim.h"
#include <stdio.h>

static struct ate__segment *last_of(const struct ate__survey *v)
{
    return v->list.items[v->list.count - 1];
}

/* --- 3: names --- */

static int name_new(struct ate__redo *r, struct ate__survey *v)
{
    int rc = 0;
    for (size_t i = 0; i < v->list.count && !rc; i++) {
        char from[ATE__SEGMENT_NAME];
        struct ate__segment *s = v->list.items[i];
        if (!s->is_new)
            continue;
        ate__segment_new_name(s->head.id, from);
        rc = ate__segment_rename(r->vfs, r->dir, from, s->head.id);
        s->is_new = false;
    }
    return rc ? rc : r->vfs->sync_dir(r->dir);
}

static int settle_names(struct ate__redo *r, struct ate__survey *v)
{
    int rc = v->next_named ? ate__next_rename(r->vfs, r->dir, last_of(v)->head.id) : 0;
    if (!rc && v->compact_named)
        rc = ate__rewrite_rename(r->vfs, r->dir, v->compact_named);
    if (!rc && v->new_named)
        rc = name_new(r, v);
    if (!rc && v->leftovers)
        rc = ate__segment_remove_leftovers(r->vfs, r->dir, &v->pair.meta);
    if (rc)
        return rc;
    v->next_named = v->new_named = v->leftovers = false;
    v->compact_named = 0;
    return 0;
}

/* --- 4: what does not end cleanly at F --- */

/* The group that the walk stands on, framed under another salt. */
static int reframe(const struct ate__walk *w, const struct ate__segment *next, struct ate__buf *buf)
{
    struct ate__wr wr = ate__wr_of(buf);
    size_t at = ATE__GROUP_HEAD;
    ate__buf_clear(buf);
    ate__group_head_write(&wr, next->seed, &w->head);
    for (uint32_t i = 0; i < w->head.count; i++) {
        uint64_t sequence;
        struct ate_bytes body;
        ate__group_next(w->bytes, &at, &sequence, &body);
        ate__record_write(&wr, next->seed, ATE__KIND_TRANSACTION, sequence, body);
    }
    if (w->head.sealed) {
        struct ate_hash seal = ate__group_seal(w->bytes);
        ate__seal_write(&wr, next->seed, w->head.end_sequence, &seal);
    }
    uint64_t room = ate__room_of(next, w->head.bytes);
    ate__wr_zeros(&wr, (size_t)(room - w->head.bytes));
    return ate__wr_end(&wr);
}

/* 4b: groups from v->above to v->length. */
static int copy_groups(struct ate__redo *r, const struct ate__survey *v, struct ate__segment *next)
{
    struct ate__segment *old = last_of(v);
    struct ate__buf group = ATE__BUF_NULL;
    struct ate__window window;
    enum ate__soundness verdict = ATE__GOOD;
    int rc = 0;
    ate__window_init(&window, r->vfs, old->file);
    struct ate__walk w = {
        .window = &window,
        .seed = old->seed,
        .padded = old->head.padded,
        .to = v->length,
        .offset = v->above,
        .sequence = v->above_end,
    };
    while (!rc && w.offset < w.to) {
        rc = ate__walk_next(&w, &verdict);
        if (!rc && verdict != ATE__GOOD)
            rc = ate__fail(ATE_E_IO, "%s reads otherwise than a moment ago", old->name);
        if (!rc)
            rc = reframe(&w, next, &group);
        if (!rc)
            rc = r->vfs->write(next->file, next->length, group.data, group.size);
        if (!rc) {
            if (w.head.count)
                ate__index_note(&next->index, next->head.capacity, next->end, next->length);
            next->length += group.size;
            next->end += w.head.count;
        }
    }
    if (next->file_bytes < next->length)
        next->file_bytes = next->length;
    ate__window_deinit(&window);
    ate__buf_deinit(&group);
    return rc;
}

/* The new segment with all that stands above F, synced and not listed. */
static int make_next(struct ate__redo *r, const struct ate__survey *v,
                     struct ate__segment **ret_next)
{
    const struct ate__segment *old = last_of(v);
    const struct ate__meta *m = &v->pair.meta;
    struct ate__next n;
    struct ate__segment *next = NULL;
    uint64_t id = 0;
    for (size_t i = 0; i < m->count; i++)
        id = m->segments[i].id > id ? m->segments[i].id : id;
    int rc = ate__next_create(r->env, r->dir, old->head.capacity, old->head.padded, &n);
    if (rc)
        return rc;
    rc = ate__next_finish(r->vfs, &n, &m->chain_id, id + 1, v->above_end, &next);
    if (!rc)
        rc = copy_groups(r, v, next);
    if (!rc)
        rc = r->vfs->sync(next->file);
    if (!rc) {
        *ret_next = next;
        return 0;
    }
    ate__next_drop(r->vfs, r->dir, &n);
    ate__segment_unref(r->vfs, next);
    return rc;
}

/* 4c: the list in which the old segment ends at F. */
static int list_next(struct ate__survey *v, const struct ate__segment *next, bool *ret_dropped)
{
    struct ate__meta_entry entry = {
        .id = next->head.id,
        .first = next->head.first_sequence,
        .end = next->end,
        .length = next->length,
    };
    const struct ate__meta *now = &v->pair.meta;
    struct ate__meta m = *now;
    int rc = 0;
    m.segments = NULL;
    m.count = m.capacity = 0;
    m.revision++;
    m.floor = next->end;
    *ret_dropped = v->above_end == now->segments[now->count - 1].first;
    for (size_t i = 0; i < now->count && !rc; i++) {
        struct ate__meta_entry old = now->segments[i];
        if (i + 1 == now->count) {
            if (*ret_dropped)
                break;
            old.end = v->above_end;
            old.length = v->above;
        }
        rc = ate__meta_add(&m, &old);
    }
    if (!rc)
        rc = ate__meta_add(&m, &entry);
    if (!rc && m.count > ATE__SEGMENTS_MAX)
        rc = ate__fail(ATE_TOO_BIG, "a log of more than %d segments", ATE__SEGMENTS_MAX);
    if (rc) {
        ate__meta_deinit(&m);
        return rc;
    }
    return ate__pair_change(&v->pair, &m);
}

/* 4d. The old segment's object goes on as a full one, or goes. */
static int end_old(struct ate__redo *r, struct ate__survey *v, struct ate__segment *next,
                   bool dropped)
{
    struct ate__segment *old = last_of(v);
    int rc = ate__next_rename(r->vfs, r->dir, next->head.id);
    if (!rc && dropped)
        rc = r->vfs->remove(r->dir, old->name);
    if (!rc && !dropped)
        rc = r->vfs->truncate(old->file, v->above);
    if (!rc && !dropped)
        rc = r->vfs->sync(old->file);
    if (rc)
        return rc > 0 ? ate__context(ATE_E_SYSTEM, "end %s", old->name) : rc;
    if (dropped) {
        ate__segment_unref(r->vfs, old);
        v->list.count--;
    } else {
        old->file_bytes = v->above;
        ate__index_cut(&old->index, v->above);
    }
    v->list.items[v->list.count++] = next;
    v->length = v->above = next->length;
    v->above_end = v->floor = v->witnessed = v->size;
    v->idle_offset = 0;
    return 0;
}

static int keep_tail(struct ate__redo *r, struct ate__survey *v)
{
    uint64_t kept = 0;
    uint64_t max = r->conf.trimmed_bytes_max ? r->conf.trimmed_bytes_max : ATE__TRIMMED_BYTES_MAX;
    int rc = ate__trim_keep(r->vfs, r->dir, v->pair.meta.revision, last_of(v), v->length,
                            v->length + v->torn_bytes, max, &kept);
    if (rc)
        return rc;
    snprintf(v->damage.text, sizeof v->damage.text,
             "a torn tail of %llu bytes, never acknowledged, was cut; %llu are kept in trimmed/",
             (unsigned long long)v->torn_bytes, (unsigned long long)kept);
    return 0;
}

static int relocate(struct ate__redo *r, struct ate__survey *v)
{
    struct ate__segment *next = NULL;
    bool dropped;
    int rc = v->torn_bytes && !r->full_once ? keep_tail(r, v) : 0;
    if (!rc)
        rc = ate__grow(&v->list.items, &v->list.capacity, v->list.count + 1, sizeof *v->list.items);
    if (!rc)
        rc = make_next(r, v, &next);
    if (!rc)
        rc = list_next(v, next, &dropped);
    if (!rc)
        rc = end_old(r, v, next, dropped);
    if (rc && next)
        ate__segment_unref(r->vfs, next);
    return rc;
}

/* --- 5 --- */

static int rewrite_idle(struct ate__redo *r, struct ate__survey *v)
{
    uint8_t bytes[ATE__GROUP_HEAD];
    struct ate__file *file = last_of(v)->file;
    size_t got = 0;
    int rc = r->vfs->read(file, v->idle_offset, bytes, sizeof bytes, &got);
    if (!rc && got < sizeof bytes)
        rc = ate__fail(ATE_E_IO, "%s reads otherwise than a moment ago", last_of(v)->name);
    if (!rc)
        rc = r->vfs->write(file, v->idle_offset, bytes, sizeof bytes);
    return rc ? rc : r->vfs->sync(file);
}

/* Whether the log does not end cleanly at F. */
static bool is_unclean(const struct ate__survey *v)
{
    return v->torn_bytes || v->above < v->length;
}

/* Whether more than an idle mark is changed: all segments are read through first. */
static bool has_to_verify(const struct ate__survey *v)
{
    return is_unclean(v) || !v->pair.equal || v->next_named || v->compact_named || v->new_named ||
           v->leftovers;
}

bool ate__recover_due(const struct ate__survey *v)
{
    return has_to_verify(v) || v->idle_offset;
}

int ate__recover_apply(struct ate__redo *r, struct ate__survey *v)
{
    bool moves = is_unclean(v);
    int rc = 0;
    if (has_to_verify(v))
        rc = ate__survey_verify(r, v);
    if (!rc && v->damage.what != ATE_OK)
        return ate__damage_fail(&v->damage);
    if (!rc && v->pair.lost && !v->damage.trimmed_bytes) {
        snprintf(v->damage.file, sizeof v->damage.file, "%s", v->pair.lost);
        snprintf(v->damage.text, sizeof v->damage.text, "not whole; made anew from the other list");
        v->damage.sequence = v->size;
    }
    if (!rc && !v->pair.equal)
        rc = ate__pair_settle(&v->pair);
    if (!rc)
        rc = settle_names(r, v);
    if (!rc && moves)
        rc = relocate(r, v);
    else if (!rc && v->idle_offset)
        rc = rewrite_idle(r, v);
    return rc;
}
