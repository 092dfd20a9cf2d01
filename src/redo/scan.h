/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * scan.h: a segment read group by group, and the search for what lies behind damage.
 *
 *  1. A walk stops at the first group that is not whole, or does not carry the sequence that must
 *     come, and says where and what stands there instead.
 *  2. Behind damage group headers are sought at every 8-byte boundary. A header counts if both its
 *     checksums hold under the segment's salt and its floor is not above its first sequence,
 *     whatever became of its group: its floor is evidence that all below it was on stable storage.
 *  3. A walk believes nothing that it has not checked: headers, records, padding, and the zeros
 *     between the groups of a padded segment.
 */
#pragma once
#include "redo/format.h"
#include "redo/window.h"

struct ate__walk {
    struct ate__window *window; /* borrowed */
    uint32_t seed;
    bool padded, compacted;
    uint64_t to; /* the walk ends here; no group may reach beyond */
    /* where it stands: the next group */
    uint64_t offset, sequence;
    /* the group found last; bytes: until the window is used again */
    struct ate__group_head head;
    struct ate_bytes bytes;
    uint64_t group_offset;
    /* where not a group was found */
    uint64_t bad_offset;
};

/* Reads and checks the next group. *ret_verdict: GOOD, and the walk stands behind it; NOTHING:
 * zeros or the end of the file or `to`, bad_offset tells where; BAD, NEWER: bad_offset tells where.
 * Errors: E_* */
int ate__walk_next(struct ate__walk *w, enum ate__soundness *ret_verdict) ATE__CHECK;
/* The same by its header alone: the records are neither read nor checked; bytes is empty. */
int ate__walk_skip(struct ate__walk *w, enum ate__soundness *ret_verdict) ATE__CHECK;

struct ate__behind {
    bool any;             /* a header counts */
    uint64_t floor;       /* the highest of theirs */
    bool same_sequence;   /* one begins with the sequence that the damage stands at */
};
/* Seeks headers in [from, to). Adds to *behind. Errors: E_* */
int ate__seek_heads(struct ate__window *w, uint32_t seed, uint64_t from, uint64_t to,
                    uint64_t sequence, struct ate__behind *behind) ATE__CHECK;
