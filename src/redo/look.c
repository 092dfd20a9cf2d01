/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * look.c: reading what counts: scans, single records.
 *
 * Readers pin a segment and read below the length it had then, where nothing changes (redo.h, 1).
 * recover() and refresh() may replace the list meanwhile and end a segment earlier than before: who
 * meets anything odd asks whether the list is still the one that he began with, and begins anew.
 */
#include "base/assert.h"
#include "redo/redo.h"

/* Moves the walk to the group that holds the sequence, or to the first thing at or behind it. */
static int walk_to(struct ate__redo *r, struct ate__walk *w, struct ate__pinned *p,
                   uint64_t sequence, enum ate__soundness *ret_verdict)
{
    struct ate__index_entry entry;
    pthread_mutex_lock(&r->mutex);
    if (ate__index_find(&p->segment->index, sequence, &entry) && entry.offset < p->length) {
        w->offset = entry.offset;
        w->sequence = entry.sequence;
    }
    pthread_mutex_unlock(&r->mutex);
    *ret_verdict = ATE__GOOD;
    while (w->sequence < sequence && w->offset < w->to) {
        struct ate__walk before = *w;
        int rc = ate__walk_skip(w, ret_verdict);
        if (rc || *ret_verdict != ATE__GOOD)
            return rc;
        if (w->sequence > sequence) {
            w->offset = before.offset;
            w->sequence = before.sequence;
            break;
        }
        if (w->head.count)
            ate__note_group(r, p->segment, before.sequence, before.offset);
    }
    return 0;
}

/* The walk met what should not be there. */
static int walk_damage(struct ate__redo *r, const struct ate__walk *w, const struct ate__pinned *p,
                       enum ate__soundness verdict)
{
    return ate__damage_found(r, verdict, w->sequence, p->segment->name, w->bad_offset,
                             verdict == ATE__NOTHING ? "records are missing"
                                                     : "a checksum does not hold");
}

/* --- scans --- */

struct scanning {
    struct ate__redo *r;
    const struct ate__scan *scan;
    uint64_t next, to; /* sequences */
    bool ended;        /* by `to` */
};

/* Calls back for one group. */
static int deliver(struct scanning *c, const struct ate__walk *w, const struct ate__segment *s)
{
    const struct ate__group_head *head = &w->head;
    struct ate__group_out group = {
        .first_sequence = head->first_sequence,
        .root_time_us = head->root_time_us,
        .floor = head->floor,
        .head_before = head->head_before,
        .count = head->count,
        .compacted = head->compacted,
        .end_sequence = head->end_sequence,
    };
    struct ate_hash seal;
    if (head->sealed) {
        seal = ate__group_seal(w->bytes);
        group.seal = &seal;
    }
    int rc = c->scan->group ? c->scan->group(c->scan->arg, &group) : 0;
    size_t at = ATE__GROUP_HEAD;
    for (uint32_t i = 0; i < head->count && !rc; i++) {
        struct ate__record_out record = {.root_time_us = head->root_time_us};
        uint64_t offset = w->group_offset + at;
        record.identity =
            ate__group_next(w->bytes, &at, &record.sequence, &record.body) == ATE__KIND_IDENTITY;
        if (record.sequence < c->next)
            continue;
        if (record.sequence >= c->to)
            break;
        record.position.place = ate__position_place(s, offset);
        record.position.size = (uint32_t)record.body.size;
        record.last_in_group = i + 1 == head->count;
        rc = c->scan->record(c->scan->arg, &record);
        c->next = record.sequence + 1;
    }
    if (!rc && head->compacted && c->next < head->end_sequence)
        c->next = ate__min(head->end_sequence, c->to);
    return rc;
}

/* One pinned segment from c->next on. *ret_verdict: what stopped it before its end. */
static int scan_segment(struct scanning *c, struct ate__pinned *p, struct ate__walk *w,
                        enum ate__soundness *ret_verdict)
{
    int rc = walk_to(c->r, w, p, c->next, ret_verdict);
    while (!rc && *ret_verdict == ATE__GOOD && w->offset < w->to && !c->ended) {
        rc = ate__walk_next(w, ret_verdict);
        if (rc || *ret_verdict != ATE__GOOD)
            break;
        const struct ate__group_head *head = &w->head;
        bool mark = !head->count && !head->compacted;
        c->ended = mark ? head->first_sequence > c->to : head->first_sequence >= c->to;
        if (c->ended)
            break;
        if (head->count)
            ate__note_group(c->r, p->segment, head->first_sequence, w->group_offset);
        rc = deliver(c, w, p->segment);
        /* What the segment has behind that is nothing to this scan, damage least of all. */
        c->ended = c->next >= c->to && c->to < p->end;
    }
    return rc;
}

/* Where a segment was read to its end, that is the next one's beginning. */
static int scan_pinned(struct scanning *c, struct ate__pinned *p)
{
    struct ate__window window;
    struct ate__walk w;
    enum ate__soundness verdict;
    ate__window_init(&window, c->r->vfs, p->file);
    ate__walk_begin(&w, &window, p->segment, p->length);
    int rc = scan_segment(c, p, &w, &verdict);
    bool whole = c->ended || w.sequence == p->end;
    if (!rc && (verdict != ATE__GOOD || !whole) && ate__still(c->r, p))
        rc = walk_damage(c->r, &w, p, verdict == ATE__GOOD ? ATE__NOTHING : verdict);
    ate__window_deinit(&window);
    return rc;
}

int ate__file_scan(struct ate__storage *storage, uint64_t from, uint64_t to,
                   const struct ate__scan *scan)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    pthread_mutex_lock(&r->mutex);
    uint64_t size = r->size;
    pthread_mutex_unlock(&r->mutex);
    if (from > size)
        return ate__fail(ATE_NOT_FOUND, "a scan from sequence %llu in a log of %llu",
                         (unsigned long long)from, (unsigned long long)size);
    struct scanning c = {.r = r, .scan = scan, .next = from, .to = to < size ? to : size};
    bool last = false;
    int rc = 0;
    while (!rc && !c.ended && !last && c.next < c.to) {
        struct ate__pinned p;
        rc = ate__pin(r, c.next, &p);
        if (rc)
            break;
        rc = scan_pinned(&c, &p);
        /* A list made anew may end below c.to: records of a weaker policy that did not stand. */
        last = p.last && ate__still(r, &p);
        ate__unpin(r, &p);
    }
    return rc;
}

/* --- single records --- */

/* Appends the body of the record at a place to buf, if that very record is there. The result says
 * whether; errors: E_* */
static int load_at(struct ate__redo *r, const struct ate__pinned *p, uint64_t sequence,
                   uint64_t offset, uint32_t size, bool *ret_there, struct ate__buf *buf)
{
    uint64_t whole = ate__record_bytes(size);
    struct ate__record_head head;
    struct ate_bytes body;
    size_t got = 0;
    *ret_there = false;
    if (offset > p->length || whole > p->length - offset)
        return 0;
    int rc = ate__buf_reserve(buf, (size_t)whole);
    if (rc)
        return rc;
    uint8_t *to = buf->data + buf->size;
    rc = r->vfs->read(p->file, offset, to, (size_t)whole, &got);
    if (rc)
        return rc;
    if (ate__record_read(ate__bytes(to, got), p->segment->seed, &head, &body) != ATE__GOOD ||
        head.kind != ATE__KIND_TRANSACTION || head.sequence != sequence || head.size != size)
        return 0;
    memmove(to, body.data, size);
    buf->size += size;
    *ret_there = true;
    return 0;
}

static int below_size(struct ate__redo *r, uint64_t sequence)
{
    pthread_mutex_lock(&r->mutex);
    uint64_t size = r->size;
    pthread_mutex_unlock(&r->mutex);
    return sequence < size ? 0
                           : ate__fail(ATE_NOT_FOUND, "record %llu of a log of %llu",
                                       (unsigned long long)sequence, (unsigned long long)size);
}

/* Pins the segment of a position, if that is where the sequence lies. Errors: NOT_FOUND TAMPERED
 * E_* */
static int pin_place(struct ate__redo *r, uint64_t sequence, const struct ate__position *position,
                     struct ate__pinned *ret_pinned, uint64_t *ret_offset)
{
    int rc = ate__pin(r, sequence, ret_pinned);
    if (rc)
        return rc;
    *ret_offset = (position->place & UINT32_MAX) * 8;
    if (ret_pinned->segment->head.id == position->place >> 32)
        return 0;
    ate__unpin(r, ret_pinned);
    return ate__fail(ATE_NOT_FOUND, "the record is not there any more");
}

/* In the group that the walk found: where the record is. Errors: COMPACTED */
static int find_in_group(const struct ate__walk *w, uint64_t sequence, uint64_t *ret_offset,
                         struct ate_bytes *ret_body)
{
    size_t at = ATE__GROUP_HEAD;
    for (uint32_t i = 0; i < w->head.count; i++) {
        size_t here = at;
        uint64_t found;
        enum ate__kind kind = ate__group_next(w->bytes, &at, &found, ret_body);
        *ret_offset = w->group_offset + here;
        if (found == sequence && kind == ATE__KIND_TRANSACTION)
            return 0;
    }
    ate__assert(w->head.compacted);
    return ate__fail(ATE_COMPACTED, "transaction %llu was compacted away",
                     (unsigned long long)sequence);
}

/* Looks for a record by its sequence alone. buf: gets the body; NULL: not wanted. */
static int search(struct ate__redo *r, uint64_t sequence, struct ate__position *ret_position,
                  struct ate__buf *buf)
{
    struct ate__pinned p;
    struct ate__window window;
    struct ate__walk w;
    enum ate__soundness verdict;
    bool again;
    int rc;
    do {
        rc = below_size(r, sequence);
        if (!rc)
            rc = ate__pin(r, sequence, &p);
        if (rc)
            return rc;
        again = false;
        ate__window_init(&window, r->vfs, p.file);
        ate__walk_begin(&w, &window, p.segment, p.length);
        rc = walk_to(r, &w, &p, sequence, &verdict);
        while (!rc && verdict == ATE__GOOD && w.sequence <= sequence && w.offset < w.to)
            rc = ate__walk_next(&w, &verdict);
        if (!rc && verdict == ATE__GOOD && w.sequence > sequence) {
            struct ate_bytes body;
            uint64_t offset = 0;
            rc = find_in_group(&w, sequence, &offset, &body);
            if (!rc) {
                ret_position->place = ate__position_place(p.segment, offset);
                ret_position->size = (uint32_t)body.size;
                rc = buf ? ate__buf_append(buf, body) : 0;
            }
        } else if (!rc) {
            again = !ate__still(r, &p);
            rc = again ? 0 : walk_damage(r, &w, &p, verdict == ATE__GOOD ? ATE__BAD : verdict);
        }
        ate__window_deinit(&window);
        ate__unpin(r, &p);
    } while (again);
    return rc;
}

int ate__file_load(struct ate__storage *storage, uint64_t sequence,
                   const struct ate__position *position, struct ate__buf *ret_body)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    struct ate__position found;
    bool there = false;
    int rc = below_size(r, sequence);
    if (rc)
        return rc;
    if (position) {
        struct ate__pinned p;
        uint64_t offset;
        rc = pin_place(r, sequence, position, &p, &offset);
        if (rc && rc != ATE_NOT_FOUND)
            return rc;
        if (!rc) {
            rc = load_at(r, &p, sequence, offset, position->size, &there, ret_body);
            ate__unpin(r, &p);
        } else {
            rc = 0;
        }
    }
    return rc || there ? rc : search(r, sequence, &found, ret_body);
}

int ate__file_read_part(struct ate__storage *storage, uint64_t sequence,
                        const struct ate__position *position, uint32_t offset, uint32_t size,
                        struct ate__buf *ret_bytes)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    struct ate__position found;
    struct ate__pinned p;
    uint64_t at;
    int rc = below_size(r, sequence);
    if (!rc && !position) {
        rc = search(r, sequence, &found, NULL);
        position = &found;
    }
    if (rc)
        return rc;
    if (offset > position->size || size > position->size - offset)
        return ate__fail(ATE_MALFORMED, "%u bytes from %u of a record of %u", size, offset,
                         position->size);
    rc = pin_place(r, sequence, position, &p, &at);
    if (rc)
        return rc;
    size_t got = 0;
    if (at > p.length || ate__record_bytes(position->size) > p.length - at)
        rc = ate__fail(ATE_NOT_FOUND, "the record is not there any more");
    if (!rc)
        rc = ate__buf_reserve(ret_bytes, size);
    if (!rc && size)
        rc = r->vfs->read(p.file, at + ATE__RECORD_HEAD + offset, ret_bytes->data + ret_bytes->size,
                          size, &got);
    if (!rc && got < size)
        rc = ate__fail(ATE_NOT_FOUND, "the record is not there any more");
    if (!rc)
        ret_bytes->size += size;
    ate__unpin(r, &p);
    return rc;
}
