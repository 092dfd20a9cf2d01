/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rewrite.c: compaction: some segments written anew, as one, with what is to stay of them.
 *
 * What a crash after each step leaves (docs/format/redo.md, "Compaction"):
 *
 *   1. full tiles of leaves synced           as before
 *   2. `compact` written, sealed, synced     a leftover
 *   3. meta.a, then meta.b, name it          it is listed; the next open renames it
 *   4. rename, directory synced              the old files are leftovers
 *   5. the old files removed
 *
 *  1. Readers that have pinned an old segment read on in its file, which is gone for all others.
 *  2. Appends are stopped by step 3 alone, and only where they want a new segment.
 *  3. The new segment is no longer than the old ones together with one header and one footer, so
 *     that a run that fits by its old sizes fits.
 */
#include "base/assert.h"
#include "redo/redo.h"

struct rewriting {
    struct ate__redo *r;
    const struct ate__rewrite *w;
    struct ate__list old; /* references */
    size_t at;            /* index of the first in the list */
    uint64_t epoch;       /* of the list */
    uint64_t id;          /* of the segment to be */
    struct ate_hash chain_id;
    uint64_t cut_off, gaps_below; /* what may be missing lies below both */
    uint64_t old_cut_off;
    struct ate__file *file;
    struct ate__segment *next; /* what is being made; its file is `file` */
    struct ate__buf group, body;
    struct ate__buf out;  /* the end of the file, not written yet */
    uint64_t range_first; /* of the group to be written: where the one before ended */
    struct ate_hash seal; /* of the group that is read; it is one of the tree, which stays */
    bool sealed;
    uint64_t old_bytes;
};

/* ---- which segments ---- */

static uint64_t groups_bytes(const struct ate__segment *s)
{
    return s->length - (s->head.padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD);
}

int ate__file_segments(struct ate__storage *storage, ate__segment_fn *each, void *arg)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    int rc = 0;
    for (uint64_t from = 0; !rc;) {
        struct ate__segment_out out;
        pthread_mutex_lock(&r->mutex);
        size_t i = r->list.count ? ate__list_find(&r->list, from) : 0;
        bool there = i + 1 < r->list.count;
        if (there) {
            const struct ate__segment *s = r->list.items[i];
            out = (struct ate__segment_out){
                .first = s->head.first_sequence,
                .end = s->end,
                .bytes = groups_bytes(s),
                .compacted = s->head.compacted,
            };
        }
        pthread_mutex_unlock(&r->mutex);
        if (!there)
            break;
        from = out.end;
        rc = each(arg, &out);
    }
    return rc;
}

/* The run: as many as fit into one. Under the mutex. */
static int choose(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    const uint64_t room = ate__segment_max(r) - ATE__SEGMENT_HEAD - ATE__FOOTER;
    x->at = r->list.count ? ate__list_find(&r->list, x->w->from) : 0;
    x->epoch = r->epoch;
    uint64_t bytes = 0;
    for (size_t i = x->at; i + 1 < r->list.count; i++) {
        struct ate__segment *s = r->list.items[i];
        bool more = x->old.count; /* one may be larger than segments are to be by now */
        if (s->end > x->w->to || (more && (r->full || bytes + groups_bytes(s) > room)))
            break;
        int rc = ate__list_add(&x->old, s);
        if (rc)
            return rc;
        ate__segment_ref(s);
        bytes += groups_bytes(s);
        x->old_bytes += s->file_bytes;
    }
    if (!x->old.count || x->old.items[0]->head.first_sequence != x->w->from)
        return ate__fail(ATE_NOT_FOUND, "no segment to compact from sequence %llu to %llu",
                         (unsigned long long)x->w->from, (unsigned long long)x->w->to);
    return 0;
}

/* ---- the new file ---- */

static int make_file(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    struct ate__segment_head head = {
        .chain_id = x->chain_id,
        .id = x->id,
        .first_sequence = x->w->from,
        .capacity = ATE__SEGMENT_BYTES_MAX, /* until it is known: seal() */
        .compacted = true,
    };
    head.salt = ate__random_u64(r->env);
    int rc = ate__segment_create(r->vfs, r->dir, ATE__COMPACT_NAME, &x->file);
    if (!rc)
        rc = r->vfs->sync_dir(r->dir);
    if (!rc)
        rc = ate__segment_new(&head, x->file, &x->next);
    if (!rc)
        x->file = NULL;
    return rc;
}

/* Its true capacity, and all of it synced. */
static int seal(struct rewriting *x)
{
    struct ate__segment *s = x->next;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&bytes);
    s->end = x->old.items[x->old.count - 1]->end;
    s->end_head = x->old.items[x->old.count - 1]->end_head;
    s->head.capacity =
        ate__max(ate__group_start(s->length + ATE__FOOTER, true), ATE__SEGMENT_BYTES_MIN);
    ate__segment_head_write(&w, &s->head);
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = x->r->vfs->write(s->file, 0, bytes.data, bytes.size);
    if (!rc)
        rc = ate__segment_seal(x->r->vfs, s->file, s);
    ate__buf_deinit(&bytes);
    s->sealed = !rc;
    s->file_bytes = s->length + ATE__FOOTER;
    return rc;
}

/* ---- groups ---- */

static int flush(struct rewriting *x)
{
    const struct ate__segment *s = x->next;
    int rc = x->r->vfs->write(s->file, s->length - x->out.size, x->out.data, x->out.size);
    ate__buf_clear(&x->out);
    return rc;
}

static int write_group(struct rewriting *x, uint32_t count, uint64_t end, uint64_t root_time_us)
{
    struct ate__segment *s = x->next;
    struct ate__wr w = ate__wr_of(&x->out);
    struct ate__group_head head = {
        .bytes = (uint32_t)(ATE__GROUP_HEAD + x->group.size + (x->sealed ? ATE__SEAL : 0)),
        .count = count,
        .first_sequence = x->range_first,
        .root_time_us = root_time_us,
        .end_sequence = end,
        .compacted = true,
        .sealed = x->sealed,
    };
    ate__group_head_write(&w, s->seed, &head);
    ate__wr_bytes(&w, ate__buf_bytes(&x->group));
    if (x->sealed)
        ate__seal_write(&w, s->seed, end, &x->seal);
    ate__buf_clear(&x->group);
    int rc = ate__wr_end(&w);
    if (rc)
        return rc;
    if (count)
        ate__index_note(&s->index, s->head.capacity, x->range_first, s->length);
    s->length += head.bytes;
    x->range_first = end;
    return x->out.size < ATE__WINDOW_BYTES ? 0 : flush(x);
}

static int take_record(struct rewriting *x, const struct ate__record_out *record, uint32_t *count)
{
    enum ate__remains remains = ATE__REMAINS_ALL;
    ate__buf_clear(&x->body);
    int rc = x->w->record(x->w->arg, record, &x->body, &remains);
    if (rc)
        return rc;
    bool leaves = remains == ATE__REMAINS_IDENTITY || remains == ATE__REMAINS_NOTHING;
    if (leaves && record->sequence >= ate__min(x->cut_off, x->gaps_below))
        return ate__fail(ATE_MISUSE, "transaction %llu may not be left out: below %llu only",
                         (unsigned long long)record->sequence,
                         (unsigned long long)ate__min(x->cut_off, x->gaps_below));
    if (remains == ATE__REMAINS_NOTHING)
        return 0;
    bool identity =
        remains == ATE__REMAINS_IDENTITY || (remains == ATE__REMAINS_ALL && record->identity);
    struct ate_bytes body = remains == ATE__REMAINS_ALL ? record->body : ate__buf_bytes(&x->body);
    if (!body.size || body.size > record->body.size)
        return ate__fail(ATE_MISUSE, "%zu bytes in the place of the %zu of transaction %llu",
                         body.size, record->body.size, (unsigned long long)record->sequence);
    struct ate__wr w = ate__wr_of(&x->group);
    ate__record_write(&w, x->next->seed, identity ? ATE__KIND_IDENTITY : ATE__KIND_TRANSACTION,
                      record->sequence, body);
    ++*count;
    return ate__wr_end(&w);
}

/* The group that the walk stands on. One of which nothing is left joins the next. */
static int take_group(struct rewriting *x, const struct ate__walk *walk)
{
    uint32_t count = 0;
    size_t at = ATE__GROUP_HEAD;
    int rc = 0;
    bool mark = !walk->head.count && !walk->head.compacted;
    if (walk->head.sealed)
        x->seal = ate__group_seal(walk->bytes);
    if (!mark)
        x->sealed = walk->head.sealed;
    for (uint32_t i = 0; i < walk->head.count && !rc; i++) {
        struct ate__record_out record = {.root_time_us = walk->head.root_time_us};
        record.identity =
            ate__group_next(walk->bytes, &at, &record.sequence, &record.body) == ATE__KIND_IDENTITY;
        record.last_in_group = i + 1 == walk->head.count;
        rc = take_record(x, &record, &count);
    }
    if (!rc && count)
        rc = write_group(x, count, walk->head.end_sequence, walk->head.root_time_us);
    return rc;
}

static int take_segment(struct rewriting *x, const struct ate__segment *s, uint64_t *root_time_us)
{
    struct ate__redo *r = x->r;
    struct ate__pinned p;
    struct ate__window window;
    struct ate__walk w;
    enum ate__soundness verdict = ATE__GOOD;
    int rc = ate__pin(r, s->head.first_sequence, &p);
    if (rc)
        return rc;
    if (p.segment != s) {
        ate__unpin(r, &p);
        return ate__fail(ATE_STALE, "the log was recovered while it was compacted");
    }
    ate__window_init(&window, r->vfs, p.file);
    ate__walk_begin(&w, &window, s, p.length);
    while (!rc && verdict == ATE__GOOD && w.offset < w.to) {
        uint64_t before = w.offset;
        rc = ate__walk_next(&w, &verdict);
        if (!rc && verdict == ATE__GOOD)
            rc = take_group(x, &w);
        *root_time_us = w.head.root_time_us;
        if (!rc && x->w->pause)
            x->w->pause(x->w->arg, w.offset - before);
    }
    if (!rc && verdict != ATE__GOOD)
        rc = ate__damage_found(r, verdict, w.sequence, s->name, w.bad_offset,
                               "a checksum does not hold");
    ate__window_deinit(&window);
    ate__unpin(r, &p);
    return rc;
}

static int write_all(struct rewriting *x)
{
    uint64_t root_time_us = 0;
    int rc = make_file(x);
    x->range_first = x->w->from;
    for (size_t i = 0; i < x->old.count && !rc; i++)
        rc = take_segment(x, x->old.items[i], &root_time_us);
    uint64_t end = x->old.items[x->old.count - 1]->end;
    if (!rc && x->range_first < end)
        rc = write_group(x, 0, end, root_time_us);
    if (!rc && x->out.size)
        rc = flush(x);
    return rc ? rc : seal(x);
}

/* ---- the switch ---- */

/* The present list, with the new segment in the place of the old ones. Under `change`. */
static int meta_with(struct rewriting *x, struct ate__meta *ret_meta)
{
    struct ate__meta m;
    const struct ate__segment *s = x->next;
    int rc = ate__meta_of(x->r, &m);
    if (rc)
        return rc;
    m.generation++;
    m.cut_off = x->cut_off;
    m.segments[x->at] = (struct ate__meta_entry){
        .id = s->head.id,
        .first = s->head.first_sequence,
        .end = s->end,
        .length = s->file_bytes,
        .sealed = true,
        .compacted = true,
        .head = s->end_head,
    };
    size_t behind = x->at + x->old.count;
    memmove(&m.segments[x->at + 1], &m.segments[behind], (m.count - behind) * sizeof *m.segments);
    m.count -= x->old.count - 1;
    *ret_meta = m;
    return 0;
}

/* Under `change`. The references of the list to the old ones go. */
static void install(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    size_t behind = x->at + x->old.count;
    pthread_mutex_lock(&r->mutex);
    for (size_t i = x->at; i < behind; i++) {
        struct ate__segment *s = r->list.items[i];
        r->unsealed -= !s->sealed;
        r->full_bytes -= s->file_bytes;
        ate__segment_unref(r->vfs, s);
    }
    r->list.items[x->at] = x->next;
    r->full_bytes += x->next->file_bytes;
    memmove(&r->list.items[x->at + 1], &r->list.items[behind],
            (r->list.count - behind) * sizeof *r->list.items);
    r->list.count -= x->old.count - 1;
    r->generation = r->pair.meta.generation;
    r->cut_off = r->pair.meta.cut_off;
    x->next = NULL;
    pthread_mutex_unlock(&r->mutex);
}

static void remove_old(struct rewriting *x)
{
    for (size_t i = 0; i < x->old.count; i++) {
        int rc = x->r->vfs->remove(x->r->dir, x->old.items[i]->name);
        (void)rc; /* a leftover, removed by the next open for writing */
    }
}

static int check_present(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    pthread_mutex_lock(&r->mutex);
    bool same = r->epoch == x->epoch && !r->failed;
    pthread_mutex_unlock(&r->mutex);
    return same ? 0 : ate__fail(ATE_STALE, "the log was recovered while it was compacted");
}

int ate__rewrite_rename(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t id)
{
    int rc = ate__segment_rename(vfs, dir, ATE__COMPACT_NAME, id);
    return rc ? rc : vfs->sync_dir(dir);
}

static int put_in_force(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    struct ate__meta m;
    int rc = check_present(x);
    if (!rc)
        rc = meta_with(x, &m);
    if (rc)
        return rc;
    rc = ate__meta_put(r, &m);
    if (!rc)
        rc = ate__rewrite_rename(r->vfs, r->dir, x->next->head.id);
    if (rc)
        return ate__broke(r, rc);
    install(x);
    remove_old(x);
    return 0;
}

static void give_up(struct rewriting *x, int rc)
{
    struct ate__redo *r = x->r;
    r->vfs->close(x->file);
    bool made = x->next != NULL || x->file != NULL;
    pthread_mutex_lock(&r->mutex);
    ate__segment_unref(r->vfs, x->next);
    bool failed = r->failed;
    pthread_mutex_unlock(&r->mutex);
    /* After a failure of the lists it may be listed; after a recovery it is gone. */
    if (made && !failed && rc != ATE_STALE) {
        int remove_rc = r->vfs->remove(r->dir, ATE__COMPACT_NAME);
        (void)remove_rc; /* a leftover */
    }
}

/* Gaps need their leaves in tiles that are on stable storage (tiles.h). */
static int keep_leaves(struct rewriting *x)
{
    int rc = ate__tiles_keep(&x->r->tiles, x->old_cut_off, x->cut_off, &x->gaps_below);
    return rc ? ate__context(rc, "leaves of what is going to be left out") : 0;
}

static int begin(struct rewriting *x)
{
    struct ate__redo *r = x->r;
    pthread_mutex_lock(&r->change);
    pthread_mutex_lock(&r->mutex);
    int rc = choose(x);
    x->old_cut_off = r->cut_off;
    x->cut_off = ate__max(r->cut_off, x->w->cut_off);
    if (!rc && x->cut_off > r->floor)
        rc = ate__fail(ATE_MISUSE, "a cut-off above what is on stable storage");
    pthread_mutex_unlock(&r->mutex);
    x->chain_id = r->pair.meta.chain_id;
    if (!rc)
        x->id = r->rewriting_id = ate__free_id(r);
    pthread_mutex_unlock(&r->change);
    return rc;
}

static void end(struct rewriting *x, int rc)
{
    struct ate__redo *r = x->r;
    pthread_mutex_lock(&r->change);
    if (rc)
        give_up(x, rc);
    r->rewriting_id = 0;
    if (rc == ATE_E_NO_SPACE) {
        ate__give_spare(r);
        ate__set_full(r, true, 0);
    }
    pthread_mutex_unlock(&r->change);
    pthread_mutex_lock(&r->mutex);
    ate__list_deinit(r->vfs, &x->old);
    pthread_mutex_unlock(&r->mutex);
    ate__buf_deinit(&x->group);
    ate__buf_deinit(&x->body);
    ate__buf_deinit(&x->out);
}

int ate__file_rewrite(struct ate__storage *storage, const struct ate__rewrite *rewrite,
                      struct ate__rewritten *ret_rewritten)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    struct rewriting x = {.r = r, .w = rewrite};
    int rc = ate__check_usable(r);
    if (rc)
        return rc;
    rc = begin(&x);
    if (!rc && x.cut_off)
        rc = keep_leaves(&x);
    if (!rc)
        rc = write_all(&x);
    if (!rc && rewrite->ready)
        rc = rewrite->ready(rewrite->arg);
    if (!rc) {
        struct ate__rewritten done = {
            .end = x.next->end, .bytes_before = x.old_bytes, .bytes_after = x.next->file_bytes};
        pthread_mutex_lock(&r->change);
        rc = put_in_force(&x);
        pthread_mutex_unlock(&r->change);
        if (!rc)
            *ret_rewritten = done;
    }
    end(&x, rc);
    return rc;
}
