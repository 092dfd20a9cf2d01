/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup_file.c: one segment of a copy.
 */
#include "redo/backup_file.h"
#include "base/endian.h"

/* ---- what the target has ---- */

static int each_record(struct ate__backup_world *x, const struct ate__walk *w, uint64_t below)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf opened = ATE__BUF_NULL;
    size_t at = ATE__GROUP_HEAD;
    int rc = 0;
    for (uint32_t i = 0; i < w->head.count && !rc; i++) {
        struct ate__record_out record = {.root_time_us = w->head.root_time_us};
        record.identity =
            ate__group_next(w->bytes, &at, &record.sequence, &record.body) == ATE__KIND_IDENTITY;
        if (record.sequence >= below)
            break;
        record.last_in_group = i + 1 == w->head.count || record.sequence + 1 == below;
        if (!record.identity)
            rc = ate__at_rest_open(x->source->at_rest, &x->source->chain_id, record.sequence,
                                   record.body, &opened, &record.body);
        if (!rc)
            rc = x->b->record(x->b->arg, &record);
    }
    return rc;
}

static bool is_listed_so(const struct ate__segment_head *head, const struct ate__meta_entry *e,
                         const struct ate_hash *chain_id)
{
    return head->id == e->id && head->first_sequence == e->first &&
           head->compacted == e->compacted && ate__hash_equal(&head->chain_id, chain_id);
}

static uint64_t groups_end_of(const struct ate__meta_entry *e)
{
    return e->length - (e->sealed ? ATE__FOOTER : 0);
}

/* *ret_segment NULL: there is none that fits the list. */
static int open_listed(struct ate__backup_world *x, const struct ate__meta_entry *e,
                       struct ate__segment **ret_segment)
{
    char name[ATE__SEGMENT_NAME];
    struct ate__segment *s = NULL;
    enum ate__soundness verdict = ATE__BAD;
    *ret_segment = NULL;
    ate__segment_name(e->id, name);
    int rc = ate__segment_open(x->vfs, x->dir, name, ATE__OPEN_READ, &verdict, &s);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc && verdict == ATE__NEWER)
        rc = ate__fail(ATE_UNSUPPORTED, "%s in the target was written by a newer version", name);
    if (!rc && s && !is_listed_so(&s->head, e, &x->pair.meta.chain_id)) {
        ate__segment_unref(x->vfs, s);
        s = NULL;
    }
    if (!rc)
        *ret_segment = s;
    return rc;
}

static int footer_holds(struct ate__backup_world *x, const struct ate__segment *s,
                        uint64_t groups_end, struct ate_hash *ret_sha, bool *ret_holds)
{
    struct ate__footer footer;
    struct ate_hash sha;
    enum ate__soundness verdict;
    *ret_holds = false;
    int rc = ate__segment_footer(x->vfs, s->file, s->seed, groups_end, &verdict, &footer);
    if (rc || verdict != ATE__GOOD)
        return rc;
    rc = ate__segment_sha256(x->vfs, s->file, groups_end, &sha);
    if (rc)
        return rc;
    *ret_holds = ate__hash_equal(&sha, &footer.sha256);
    *ret_sha = sha;
    return 0;
}

int ate__backup_check(struct ate__backup_world *x, const struct ate__meta_entry *e, bool *ret_sound)
{
    struct ate__segment *s;
    struct ate__window window;
    struct ate__walk w;
    struct ate_hash sha;
    enum ate__soundness verdict = ATE__GOOD;
    bool is_sound = false;
    int rc = open_listed(x, e, &s);
    if (rc || !s) {
        *ret_sound = false;
        return rc;
    }
    ate__window_init(&window, x->vfs, s->file);
    ate__walk_begin(&w, &window, s, groups_end_of(e));
    while (!rc && verdict == ATE__GOOD && w.offset < w.to) {
        rc = ate__walk_next(&w, &verdict);
        if (!rc && verdict == ATE__GOOD)
            rc = each_record(x, &w, UINT64_MAX);
    }
    is_sound = verdict == ATE__GOOD && w.sequence == e->end;
    if (!rc && is_sound && e->sealed)
        rc = footer_holds(x, s, groups_end_of(e), &sha, &is_sound);
    ate__window_deinit(&window);
    ate__segment_unref(x->vfs, s);
    if (!rc)
        *ret_sound = is_sound;
    return rc;
}

/* ---- the source ---- */

/* Errors: STALE: compaction has replaced it. */
static int pin_row(struct ate__backup_world *x, const struct ate__backup_row *row,
                   struct ate__pinned *ret_pinned)
{
    int rc = ate__pin(x->source, row->entry.first, ret_pinned);
    if (rc)
        return rc;
    if (ret_pinned->segment->head.id == row->head.id &&
        ret_pinned->segment->head.salt == row->head.salt)
        return 0;
    ate__unpin(x->source, ret_pinned);
    return ate__fail(ATE_STALE, "the source was compacted while it was copied");
}

static int source_footer(struct ate__backup_world *x, const struct ate__backup_row *row,
                         const struct ate__pinned *p, struct ate__footer *ret_footer)
{
    enum ate__soundness verdict;
    int rc = ate__segment_footer(x->vfs, p->file, p->segment->seed, row->groups_end, &verdict,
                                 ret_footer);
    if (!rc && verdict != ATE__GOOD)
        rc = ate__damage_found(x->source, verdict, row->entry.end, p->segment->name,
                               row->groups_end, "no whole footer");
    return rc;
}

static int same_prefix(struct ate__backup_world *x, const struct ate__pinned *p,
                       const struct ate__segment *s, uint64_t size, bool *ret_same)
{
    struct ate_hash a, b;
    int rc = ate__segment_sha256(x->vfs, p->file, size, &a);
    if (!rc)
        rc = ate__segment_sha256(x->vfs, s->file, size, &b);
    if (!rc)
        *ret_same = ate__hash_equal(&a, &b);
    return rc;
}

static int compare(struct ate__backup_world *x, const struct ate__meta_entry *e,
                   const struct ate__backup_row *row, const struct ate__segment *s,
                   const struct ate__pinned *p, bool *ret_fits)
{
    struct ate__footer footer;
    struct ate_hash sha;
    bool holds;
    uint64_t have = groups_end_of(e);
    if (s->head.salt != row->head.salt)
        return ate__fail(ATE_UNSUPPORTED,
                         "%s in the target is another segment of that name: copy to a new place",
                         s->name);
    if (row->is_last)
        return row->entry.end != e->end ? 0 : same_prefix(x, p, s, have, ret_fits);
    /* Of one that recovery ended in the source, less counts now than was shown before. */
    if (have < row->groups_end || (e->sealed && have != row->groups_end))
        return 0;
    if (!row->is_sealed || !e->sealed)
        return same_prefix(x, p, s, row->groups_end, ret_fits);
    int rc = source_footer(x, row, p, &footer);
    if (!rc)
        rc = footer_holds(x, s, have, &sha, &holds);
    if (!rc)
        *ret_fits = holds && ate__hash_equal(&sha, &footer.sha256);
    return rc;
}

int ate__backup_fits(struct ate__backup_world *x, const struct ate__meta_entry *e,
                     const struct ate__backup_row *row, bool *ret_fits)
{
    struct ate__segment *s;
    struct ate__pinned p;
    bool fits = false;
    int rc = open_listed(x, e, &s);
    if (rc || !s) {
        *ret_fits = false;
        return rc;
    }
    rc = pin_row(x, row, &p);
    if (!rc) {
        rc = compare(x, e, row, s, &p, &fits);
        ate__unpin(x->source, &p);
    }
    ate__segment_unref(x->vfs, s);
    if (!rc)
        *ret_fits = fits;
    return rc;
}

/* ---- copying ---- */

struct copying {
    struct ate__backup_world *x;
    struct ate__backup_row *row;
    struct ate__pinned p;
    struct ate__file *file;
    struct ate__walk w;
    struct ate__buf out; /* the end of it, not written yet */
    uint64_t length;
    uint32_t seed; /* of the target's segment */
};

static int flush(struct copying *c)
{
    int rc = c->x->vfs->write(c->file, c->length - c->out.size, c->out.data, c->out.size);
    c->x->done.bytes_copied += c->out.size;
    ate__buf_clear(&c->out);
    if (!rc && c->x->b->progress)
        c->x->b->progress(c->x->b->arg, ate__min(c->x->done.bytes_copied, c->x->total_bytes),
                          c->x->total_bytes);
    return rc;
}

static int put(struct copying *c, struct ate_bytes bytes)
{
    int rc = ate__buf_append(&c->out, bytes);
    if (rc)
        return rc;
    c->length += bytes.size;
    return c->out.size < ATE__WINDOW_BYTES ? 0 : flush(c);
}

/* A group, or its beginning up to `to`, under the target's salt. */
static int frame(struct copying *c)
{
    struct ate__backup_world *x = c->x;
    const struct ate__walk *w = &c->w;
    struct ate__group_head head = w->head;
    struct ate_hash before;
    ate__cleanup(ate__buf_deinit) struct ate__buf records = ATE__BUF_NULL;
    struct ate__wr wr = ate__wr_of(&records);
    size_t at = ATE__GROUP_HEAD;
    int rc = 0;
    if (head.compacted) {
        if (head.end_sequence - head.first_sequence != head.count)
            return ate__fail(ATE_COMPACTED, "transactions from %llu on were left out",
                             (unsigned long long)head.first_sequence);
        rc = x->b->head(x->b->arg, head.first_sequence, &before);
        head.head_before = ate__load64(before.b);
        head.compacted = false;
    }
    head.count = (uint32_t)ate__min(x->to - head.first_sequence, head.count);
    head.sealed &= head.count == w->head.count; /* a seal is of a group's end */
    for (uint32_t i = 0; i < head.count; i++) {
        uint64_t sequence;
        struct ate_bytes body;
        ate__group_next(w->bytes, &at, &sequence, &body);
        ate__record_write(&wr, c->seed, ATE__KIND_TRANSACTION, sequence, body);
    }
    if (head.sealed) {
        struct ate_hash seal = ate__group_seal(w->bytes);
        ate__seal_write(&wr, c->seed, head.end_sequence, &seal);
    }
    if (!rc)
        rc = ate__wr_end(&wr);
    head.bytes = (uint32_t)(ATE__GROUP_HEAD + records.size);
    ate__buf_clear(&x->buf);
    wr = ate__wr_of(&x->buf);
    ate__group_head_write(&wr, c->seed, &head);
    ate__wr_bytes(&wr, ate__buf_bytes(&records));
    ate__wr_zeros(&wr, (size_t)(ate__group_start(c->length + head.bytes, w->padded) - c->length -
                                head.bytes));
    if (!rc)
        rc = ate__wr_end(&wr);
    return rc ? rc : put(c, ate__buf_bytes(&x->buf));
}

/* The group that the walk has just passed, and the zeros behind it. */
static int put_group(struct copying *c)
{
    static const uint8_t zeros[ATE__PAD_BYTES];
    const struct ate__walk *w = &c->w;
    int rc = each_record(c->x, w, c->row->is_last ? c->x->to : UINT64_MAX);
    if (rc)
        return rc;
    bool part = c->row->is_last && w->sequence > c->x->to;
    if (part && !c->x->b->split)
        return ate__fail(ATE_MISUSE, "%llu lies inside of a group", (unsigned long long)c->x->to);
    if (part || c->row->is_framed)
        return frame(c);
    uint64_t gap = w->offset - w->group_offset - w->head.bytes;
    rc = put(c, w->bytes);
    return rc || !gap ? rc : put(c, ate__bytes(zeros, (size_t)gap));
}

/* Of a segment of its own. */
static int put_new_head(struct copying *c)
{
    struct ate__segment_head head = c->row->head;
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&bytes);
    head.id = c->row->entry.id;
    head.compacted = head.padded = false;
    head.capacity = ate__next_capacity(ATE__SEGMENT_BYTES_MIN, 2 * c->row->groups_end);
    head.capacity = ate__min(head.capacity, ATE__SEGMENT_BYTES_MAX);
    head.salt = ate__random_u64(c->x->env);
    c->seed = ate__salt_seed(head.salt);
    ate__segment_head_write(&w, &head);
    int rc = ate__wr_end(&w);
    return rc ? rc : put(c, ate__buf_bytes(&bytes));
}

static int put_head(struct copying *c)
{
    size_t size = (size_t)c->w.offset;
    size_t got = 0;
    ate__buf_clear(&c->x->buf);
    int rc = ate__buf_reserve(&c->x->buf, size);
    if (!rc)
        rc = c->x->vfs->read(c->p.file, 0, c->x->buf.data, size, &got);
    if (!rc && got < size)
        rc = ate__fail(ATE_E_IO, "%s reads otherwise than a moment ago", c->p.segment->name);
    return rc ? rc : put(c, ate__bytes(c->x->buf.data, size));
}

static int put_groups(struct copying *c)
{
    struct ate__backup_row *row = c->row;
    enum ate__soundness verdict = ATE__GOOD;
    uint64_t until = row->is_last ? c->x->to : UINT64_MAX;
    int rc = 0;
    while (!rc && verdict == ATE__GOOD && c->w.offset < c->w.to && c->w.sequence < until) {
        rc = ate__walk_next(&c->w, &verdict);
        if (!rc && verdict == ATE__GOOD)
            rc = put_group(c);
    }
    if (rc)
        return rc;
    if (verdict == ATE__GOOD && c->w.sequence >= row->entry.end)
        return 0;
    return ate__damage_found(c->x->source, verdict == ATE__GOOD ? ATE__BAD : verdict, c->w.sequence,
                             c->p.segment->name, c->w.bad_offset, "a checksum does not hold");
}

/* Of a sealed one: what was written is what the footer says. */
static int put_footer(struct copying *c)
{
    uint8_t bytes[ATE__FOOTER];
    struct ate__footer footer;
    struct ate_hash sha;
    size_t got = 0;
    int rc = source_footer(c->x, c->row, &c->p, &footer);
    if (!rc)
        rc = flush(c);
    if (!rc)
        rc = ate__segment_sha256(c->x->vfs, c->file, c->length, &sha);
    if (!rc && (c->length != c->row->groups_end || !ate__hash_equal(&sha, &footer.sha256)))
        rc = ate__damage_found(c->x->source, ATE__BAD, c->row->entry.first, c->p.segment->name, 0,
                               "the SHA-256 in its footer does not hold");
    if (!rc)
        rc = c->x->vfs->read(c->p.file, c->row->groups_end, bytes, sizeof bytes, &got);
    if (!rc && got < sizeof bytes)
        rc = ate__fail(ATE_E_IO, "%s reads otherwise than a moment ago", c->p.segment->name);
    return rc ? rc : put(c, ate__bytes(bytes, sizeof bytes));
}

static int make_file(struct copying *c)
{
    char name[ATE__SEGMENT_NAME];
    ate__segment_new_name(c->row->entry.id, name);
    return ate__segment_create(c->x->vfs, c->x->dir, name, &c->file);
}

int ate__backup_copy(struct ate__backup_world *x, struct ate__backup_row *row)
{
    struct copying c = {.x = x, .row = row};
    struct ate__window window;
    int rc = pin_row(x, row, &c.p);
    if (rc)
        return rc;
    bool seals = row->is_sealed && !row->is_last && !row->is_short;
    ate__window_init(&window, x->vfs, c.p.file);
    ate__walk_begin(&c.w, &window, c.p.segment, row->groups_end);
    c.seed = c.p.segment->seed;
    rc = make_file(&c);
    if (!rc)
        rc = row->is_framed ? put_new_head(&c) : put_head(&c);
    if (!rc)
        rc = put_groups(&c);
    if (!rc && !row->is_last)
        row->groups_end = c.w.offset;
    if (!rc && seals)
        rc = put_footer(&c);
    if (!rc)
        rc = flush(&c);
    if (!rc)
        rc = x->vfs->sync(c.file);
    if (!rc) {
        row->entry.length = c.length;
        row->entry.sealed = seals;
        x->done.segments_copied++;
    }
    x->vfs->close(c.file);
    ate__buf_deinit(&c.out);
    ate__window_deinit(&window);
    ate__unpin(x->source, &c.p);
    return rc;
}

int ate__backup_seal(struct ate__backup_world *x, struct ate__backup_row *row)
{
    struct ate__pinned p;
    struct ate__footer there, here;
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    char name[ATE__SEGMENT_NAME];
    int rc = pin_row(x, row, &p);
    if (rc)
        return rc;
    ate__segment_name(row->entry.id, name);
    rc = source_footer(x, row, &p, &there);
    ate__unpin(x->source, &p);
    if (!rc)
        rc = ate__segment_open(x->vfs, x->dir, name, ATE__OPEN_WRITE, &verdict, &s);
    if (rc || !s)
        return rc < 0 ? rc : ate__context(ATE_E_SYSTEM, "%s is gone", name);
    s->length = row->groups_end;
    s->end = row->entry.end;
    s->end_head = there.head;
    rc = ate__segment_seal(x->vfs, s->file, s);
    if (!rc)
        rc = ate__segment_footer(x->vfs, s->file, s->seed, s->length, &verdict, &here);
    if (!rc && (verdict != ATE__GOOD || !ate__hash_equal(&here.sha256, &there.sha256)))
        rc = ate__fail(ATE_TAMPERED, "%s: the copy has not the bytes of the source", name);
    ate__segment_unref(x->vfs, s);
    if (!rc) {
        row->entry.sealed = true;
        row->entry.length = row->groups_end + ATE__FOOTER;
        row->entry.head = there.head;
    }
    return rc;
}
