/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scan.c: a segment read group by group.
 */
#include "redo/scan.h"
#include "base/endian.h"
#include "redo/limits.h"

/* The zeros that fill a padded segment up to the next group; `at` is where the last one ended. */
static int check_gap(struct ate__walk *w, uint64_t at, uint64_t start, enum ate__soundness *verdict)
{
    struct ate_bytes gap;
    int rc = ate__window_get(w->window, at, (size_t)(start - at), &gap);
    if (rc)
        return rc;
    if (gap.size < start - at || !ate__all_zero(gap)) {
        w->bad_offset = at;
        *verdict = ATE__BAD;
    }
    return 0;
}

/* The header of the next group. */
static int read_head(struct ate__walk *w, enum ate__soundness *verdict)
{
    struct ate_bytes bytes;
    w->bad_offset = w->offset;
    if (w->offset >= w->to) {
        *verdict = ATE__NOTHING;
        return 0;
    }
    int rc = ate__window_get(w->window, w->offset, ATE__GROUP_HEAD, &bytes);
    if (rc)
        return rc;
    struct ate__group_head head;
    *verdict =
        bytes.size ? ate__group_head_read(bytes, w->seed, w->compacted, &head) : ATE__NOTHING;
    if (*verdict != ATE__GOOD)
        return 0;
    if (head.first_sequence != w->sequence || head.bytes > w->to - w->offset)
        *verdict = ATE__BAD;
    else
        w->head = head;
    return 0;
}

/* Behind the group that was just found good. */
static int advance(struct ate__walk *w, enum ate__soundness *verdict)
{
    uint64_t end = w->offset + w->head.bytes;
    uint64_t start = ate__group_start(end, w->padded);
    if (start != end) {
        int rc = check_gap(w, end, start, verdict);
        if (rc || *verdict != ATE__GOOD)
            return rc;
    }
    w->group_offset = w->offset;
    w->offset = start;
    w->sequence = w->head.end_sequence;
    return 0;
}

int ate__walk_skip(struct ate__walk *w, enum ate__soundness *ret_verdict)
{
    enum ate__soundness verdict;
    w->bytes = ate__bytes(NULL, 0);
    int rc = read_head(w, &verdict);
    if (!rc && verdict == ATE__GOOD)
        rc = advance(w, &verdict);
    if (!rc)
        *ret_verdict = verdict;
    return rc;
}

int ate__walk_next(struct ate__walk *w, enum ate__soundness *ret_verdict)
{
    enum ate__soundness verdict;
    int rc = read_head(w, &verdict);
    if (!rc && verdict == ATE__GOOD) {
        size_t at = 0;
        /* Up to the next start at once: what advance() looks at must not move the window. */
        uint64_t whole = ate__group_start(w->offset + w->head.bytes, w->padded) - w->offset;
        rc = ate__window_get(w->window, w->offset, (size_t)whole, &w->bytes);
        if (rc)
            return rc;
        w->bytes.size = ate__min(w->bytes.size, w->head.bytes);
        verdict = ate__group_check(w->bytes, w->seed, &w->head, &at);
        w->bad_offset = w->offset + at;
        if (verdict == ATE__GOOD)
            rc = advance(w, &verdict);
    }
    if (!rc)
        *ret_verdict = verdict;
    return rc;
}

/* A cheap look that nearly all places fail: length, kind and flags of a group header. */
static bool may_be_head(const uint8_t *p)
{
    return ate__load32(p) == ATE__GROUP_BODY && ate__load16(p + 4) == ATE__KIND_GROUP &&
           ate__load16(p + 6) <= ATE__RECORD_SEALED;
}

int ate__seek_heads(struct ate__window *w, uint32_t seed, uint64_t from, uint64_t to,
                    uint64_t sequence, struct ate__behind *behind)
{
    from = (from + 7) & ~(uint64_t)7;
    while (from + ATE__GROUP_HEAD <= to) {
        struct ate_bytes bytes;
        uint64_t left = to - from;
        size_t size = (size_t)(left < ATE__WINDOW_BYTES ? left : ATE__WINDOW_BYTES);
        int rc = ate__window_get(w, from, size, &bytes);
        if (rc)
            return rc;
        const uint8_t *p = bytes.data;
        size_t at = 0;
        for (; at + ATE__GROUP_HEAD <= bytes.size; at += 8) {
            struct ate__group_head head;
            if (!may_be_head(p + at) || ate__group_head_read(ate__bytes(p + at, bytes.size - at),
                                                             seed, false, &head) != ATE__GOOD)
                continue;
            behind->any = true;
            behind->floor = head.floor > behind->floor ? head.floor : behind->floor;
            behind->same_sequence |= head.first_sequence == sequence;
        }
        if (!at)
            break; /* the file ends here */
        from += at;
    }
    return 0;
}
