/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * survey.c: what stands on the disk, and how much of it counts.
 */
#include "redo/survey.h"
#include "base/map.h"
#include "redo/salvage.h"
#include "redo/tail.h"

void ate__survey_deinit(struct ate__redo *r, struct ate__survey *v)
{
    ate__pair_deinit(&v->pair);
    pthread_mutex_lock(&r->mutex); /* reused segments are shared */
    ate__list_deinit(r->vfs, &v->list);
    pthread_mutex_unlock(&r->mutex);
}

/* --- names --- */

struct names {
    struct ate__map ids; /* u64 of the listed segments */
    struct ate__survey *v;
    uint64_t highest; /* id in the list */
    bool any;         /* a segment file is there */
};

static int each_name(void *arg, const char *name)
{
    struct names *n = arg;
    uint64_t id, found;
    bool unnamed = ate__segment_is_unnamed(name);
    if (!unnamed && !ate__segment_id_of(name, &id))
        return 0;
    n->any |= !unnamed;
    if (unnamed || !ate__map_get(&n->ids, &id, &found)) {
        n->v->leftovers = true;
        n->v->newer |= !unnamed && id > n->highest;
    }
    return 0;
}

/* Which files are there that the list does not name. */
static int look_at_names(struct ate__redo *r, struct ate__survey *v, bool *ret_any)
{
    struct names n = {.v = v};
    uint64_t seed[2];
    int rc = 0;
    ate__random(r->env, seed, sizeof seed);
    ate__map_init(&n.ids, sizeof(uint64_t), seed);
    for (size_t i = 0; i < v->pair.meta.count && !rc; i++) {
        uint64_t id = v->pair.meta.segments[i].id;
        n.highest = id > n.highest ? id : n.highest;
        rc = ate__map_put(&n.ids, &id, 1);
    }
    if (!rc)
        rc = r->vfs->list(r->dir, each_name, &n);
    ate__map_deinit(&n.ids);
    *ret_any = n.any;
    return rc;
}

static int each_segment(void *arg, const char *name)
{
    uint64_t id;
    *(bool *)arg |= ate__segment_id_of(name, &id);
    return 0;
}

int ate__any_segment(struct ate__redo *r, bool *ret_any)
{
    *ret_any = false;
    return r->vfs->list(r->dir, each_segment, ret_any);
}

/* --- one segment --- */

static int damaged(struct ate__survey *v, enum ate__soundness verdict, uint64_t sequence,
                   const char *file, uint64_t offset, const char *text)
{
    bool newer = verdict == ATE__NEWER;
    ate__damage_set(&v->damage, newer ? ATE_UNSUPPORTED : ATE_TAMPERED, sequence, file, offset,
                    newer ? "written by a newer version" : text);
    return 0;
}

/* The file of a listed segment. *ret_segment NULL: damage, or it is not there. */
static int open_listed(struct ate__redo *r, struct ate__survey *v, size_t index,
                       struct ate__segment **ret_segment)
{
    const struct ate__meta_entry *e = &v->pair.meta.segments[index];
    bool last = index + 1 == v->pair.meta.count;
    unsigned flags = last && v->mode == ATE__SURVEY_WRITER ? ATE__OPEN_WRITE : ATE__OPEN_READ;
    char name[ATE__SEGMENT_NAME];
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    ate__segment_name(e->id, name);
    int rc = ate__segment_open(r->vfs, r->dir, name, flags, &verdict, &s);
    bool unnamed = rc == ATE_NOT_FOUND && (last || e->compacted);
    if (unnamed)
        rc = ate__segment_open(r->vfs, r->dir, last ? ATE__NEXT_NAME : ATE__COMPACT_NAME, flags,
                               &verdict, &s);
    bool is_new = rc == ATE_NOT_FOUND;
    if (is_new) {
        char new_name[ATE__SEGMENT_NAME];
        ate__segment_new_name(e->id, new_name);
        rc = ate__segment_open(r->vfs, r->dir, new_name, flags, &verdict, &s);
    }
    if (rc == ATE_NOT_FOUND && v->mode == ATE__SURVEY_BESIDE)
        return ate__fail(ATE_STALE, "%s is gone", name);
    if (rc == ATE_NOT_FOUND)
        return damaged(v, ATE__BAD, e->first, name, 0, "the file is gone");
    if (rc)
        return rc;
    const char *wrong = "the segment header does not hold";
    if (s && (s->head.id != e->id || s->head.first_sequence != e->first ||
              s->head.compacted != e->compacted ||
              !ate__hash_equal(&s->head.chain_id, &v->pair.meta.chain_id))) {
        wrong = "the segment header belongs to another segment";
        verdict = ATE__BAD;
    }
    if (verdict != ATE__GOOD) {
        ate__segment_unref(r->vfs, s);
        return damaged(v, verdict, e->first, name, 0, wrong);
    }
    v->next_named = unnamed && last && !is_new;
    if (unnamed && !last && !is_new)
        v->compact_named = e->id;
    v->new_named |= is_new;
    s->is_new = is_new;
    *ret_segment = s;
    return 0;
}

/* Where a segment's groups end that the list knows to be full. */
static uint64_t groups_end(const struct ate__meta_entry *e)
{
    return e->length - (e->sealed ? ATE__FOOTER : 0);
}

/* A full or sealed segment: all that can be seen without reading it through. */
static int check_full(struct ate__redo *r, struct ate__survey *v, const struct ate__meta_entry *e,
                      struct ate__segment *s)
{
    struct ate__footer footer;
    enum ate__soundness verdict;
    if (s->file_bytes < groups_end(e))
        return ate__tail_verify(r, v, e, s); /* says where */
    if (!e->sealed)
        return 0;
    int rc = ate__segment_footer(r->vfs, s->file, s->seed, groups_end(e), &verdict, &footer);
    if (rc)
        return rc;
    const char *text = "the footer does not hold";
    if (verdict == ATE__GOOD &&
        (footer.next_sequence != e->end || footer.count != e->end - e->first ||
         !ate__hash_equal(&footer.head, &e->head))) {
        text = "the footer does not fit the list";
        verdict = ATE__BAD;
    }
    if (verdict == ATE__GOOD && s->file_bytes != e->length) {
        text = "bytes behind the footer";
        verdict = ATE__BAD;
    }
    if (verdict != ATE__GOOD)
        return damaged(v, verdict, e->end, s->name, groups_end(e), text);
    return 0;
}

static struct ate__segment *reused(const struct ate__list *reuse, uint64_t id)
{
    for (size_t i = reuse ? reuse->count : 0; i-- > 0;)
        if (reuse->items[i]->head.id == id)
            return reuse->items[i];
    return NULL;
}

/* Adds the segment to v->list; its file stays open only if it is the last. */
static int take_segment(struct ate__redo *r, struct ate__survey *v, const struct ate__list *reuse,
                        size_t index)
{
    const struct ate__meta_entry *e = &v->pair.meta.segments[index];
    bool last = index + 1 == v->pair.meta.count;
    pthread_mutex_lock(&r->mutex);
    struct ate__segment *s = reused(reuse, e->id);
    bool known = s != NULL;
    if (s)
        ate__segment_ref(s);
    pthread_mutex_unlock(&r->mutex);
    int rc = s ? 0 : open_listed(r, v, index, &s);
    if (rc || !s)
        return rc;
    rc = ate__list_add(&v->list, s);
    if (rc) {
        pthread_mutex_lock(&r->mutex);
        ate__segment_unref(r->vfs, s);
        pthread_mutex_unlock(&r->mutex);
        return rc;
    }
    v->size = e->end;
    v->length = groups_end(e);
    if (last)
        return ate__tail_walk(r, v, e, s, known);
    if (known)
        return 0;
    rc = check_full(r, v, e, s);
    r->vfs->close(s->file);
    s->file = NULL;
    return rc;
}

/* --- all --- */

static int take_all(struct ate__redo *r, struct ate__survey *v, const struct ate__list *reuse)
{
    const struct ate__meta *m = &v->pair.meta;
    int rc = 0;
    for (size_t i = 0; i < m->count && !rc && v->damage.what == ATE_OK; i++)
        rc = take_segment(r, v, reuse, i);
    if (rc || v->damage.what == ATE_OK)
        return rc;
    /* Only what lies below the damage counts. */
    if (v->damage.sequence < v->size)
        v->size = v->damage.sequence;
    if (v->above > v->length) {
        v->above = v->length;
        v->above_end = v->size;
    }
    return 0;
}

int ate__survey_take(struct ate__redo *r, enum ate__survey_mode mode, uint64_t known_floor,
                     const struct ate__list *reuse, struct ate__survey *ret_survey)
{
    struct ate__survey v = {.mode = mode};
    bool any = false;
    int rc = ate__pair_read(r->vfs, r->dir, &v.pair);
    if (rc == ATE_TAMPERED && r->conf.rebuild_list) {
        rc = ate__salvage_list(r->vfs, r->dir, r->conf.rebuild_cut_off, &v.pair.meta);
        v.pair.lost = "meta.a";
    }
    int lists = rc;
    if (lists && lists != ATE_NOT_FOUND)
        return rc;
    if (mode == ATE__SURVEY_WRITER || v.pair.lost || lists) {
        rc = look_at_names(r, &v, &any);
        if (!rc && lists)
            rc = any ? ate__fail(ATE_TAMPERED, "segments are there, and no whole list of them")
                     : ate__fail(ATE_NOT_FOUND, "there is no log");
    }
    v.newer &= v.pair.lost != NULL;
    v.witnessed = v.pair.meta.floor;
    v.floor = v.pair.meta.floor > known_floor ? v.pair.meta.floor : known_floor;
    if (!rc)
        rc = take_all(r, &v, reuse);
    if (rc) {
        ate__survey_deinit(r, &v);
        return rc;
    }
    *ret_survey = v;
    return 0;
}

int ate__survey_verify(struct ate__redo *r, struct ate__survey *v)
{
    int rc = 0;
    for (size_t i = 0; i + 1 < v->list.count && !rc && v->damage.what == ATE_OK; i++) {
        struct ate__segment *s = v->list.items[i];
        rc = ate__open_file_of(r, s, &s->file);
        if (rc == ATE_NOT_FOUND)
            return ate__fail(ATE_E_SYSTEM, "%s is gone", s->name);
        if (!rc)
            rc = ate__tail_verify(r, v, &v->pair.meta.segments[i], s);
        r->vfs->close(s->file);
        s->file = NULL;
    }
    return rc;
}
