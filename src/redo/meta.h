/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * meta.h: the list of what is live, as it stands in meta.a and in meta.b; pure encoding and
 * decoding.
 *
 *   OFFSET SIZE
 *        0    8  magic "ATE meta"
 *        8    4  version: 1
 *       12    4  bytes of the file
 *       16   32  chain id
 *       48    4  role: 1 root, 2 mirror
 *       52    4  number of segments n, at least 1
 *       56    8  revision, from 1, rises with every change
 *       64    8  floor: sequences below it are on stable storage
 *       72    8  generation: how often the log was compacted
 *       80    8  cut-off: sequences below it may be missing; never falls
 *       88 72*n  segments in the order of their sequences:
 *                  0  8  segment id, below 2^32, each once
 *                  8  8  sequence of the first record
 *                 16  8  the sequence after the last record
 *                 24  8  length in bytes: sealed, the file's; else the end of its groups; in the
 *                        last segment, as much of it as is known to be on stable storage
 *                 32  4  flags; 1: sealed, it ends in a footer; 2: compacted (format.h)
 *                 36  4  zero
 *                 40 32  head after the last record; zeros: not known, or the last segment
 *  88+72*n   32  SHA-256 of all in front of it (the last 32 bytes in every version)
 *
 *  1. Segments follow each other without a gap; the first begins at sequence 0.
 *  2. The last is not sealed, and ends at the floor: what lies below its length is no torn tail.
 *  3. A compacted segment is sealed, and only a log of a generation above 0 has any. The cut-off is
 *     at most the floor.
 *  4. A sound file of a newer version is ATE_UNSUPPORTED.
 */
#pragma once
#include "base/rd.h"
#include "base/wr.h"
#include "redo/limits.h"
#include "redo/storage.h"

enum {
    ATE__META_VERSION = 1,
    ATE__META_HEAD = 88,
    ATE__META_ENTRY = 72,
    ATE__META_SHA = 32,
    ATE__META_BYTES_MAX = ATE__META_HEAD + ATE__SEGMENTS_MAX * ATE__META_ENTRY + ATE__META_SHA,
};

struct ate__meta_entry {
    uint64_t id, first, end; /* end: the sequence after the last */
    uint64_t length;
    bool sealed, compacted;
    struct ate_hash head;
};
struct ate__meta {
    struct ate_hash chain_id;
    enum ate__role role;
    uint64_t revision, floor, generation, cut_off;
    struct ate__meta_entry *segments; /* owned */
    size_t count, capacity;
};
#define ATE__META_NULL ((struct ate__meta){.count = 0})

void ate__meta_deinit(struct ate__meta *m);
/* Appends a segment. ATE_E_MEMORY, and m is unchanged. */
int ate__meta_add(struct ate__meta *m, const struct ate__meta_entry *entry) ATE__CHECK;
/* Where that id is; the count: nowhere. */
size_t ate__meta_find(const struct ate__meta *m, uint64_t id);
/* buf is cleared first. ATE_E_MEMORY */
int ate__meta_encode(const struct ate__meta *m, struct ate__buf *buf) ATE__CHECK;
/* ret_meta is the caller's to deinit. Errors: TAMPERED (not whole, or against the rules above)
 * UNSUPPORTED E_MEMORY. */
int ate__meta_decode(struct ate_bytes bytes, struct ate__meta *ret_meta) ATE__CHECK;
