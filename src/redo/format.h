/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * format.h: the bytes of a segment file; pure encoding and decoding. docs/format/redo.md has a
 * worked example.
 *
 * A segment is a segment header, groups, and, once it is sealed, a footer. Integers are
 * little-endian.
 *
 *   segment header (88 bytes, then zeros to 4,096 if it is padded)
 *     OFFSET SIZE
 *          0    8  magic "ATE seg\n"
 *          8    4  version: 1
 *         12    4  flags; 1: padded, every group and the footer start at a multiple of 4,096;
 *                 2: compacted, what compaction left of older segments
 *         16   32  chain id
 *         48    8  segment id, at least 1; its file is named by it in 16 hex digits, ".seg"
 *         56    8  salt: random, drawn when the segment is prepared
 *         64    8  sequence of the first record
 *         72    8  capacity: bytes that the file is meant to hold, a multiple of 4,096
 *         80    4  zero
 *         84    4  CRC-32C of bytes 0 to 83 (at this place in every version)
 *
 *   record (24 bytes, the body, zeros to a multiple of 8)
 *          0    4  bytes of the body, at least 1
 *          4    2  kind: 1 group header, 2 transaction, 3 segment footer, 4 identity, 5 seal
 *          6    2  flags; 1, of a group header alone: the group ends in a seal
 *          8    8  sequence
 *         16    4  salted CRC-32C of bytes 0 to 15
 *         20    4  salted CRC-32C of the body
 *
 *   body of a group header; its sequence is that of the group's first record
 *          0    4  bytes of the group, this record included
 *          4    4  records that follow; 0: an idle mark
 *          8    8  sequence of the first record
 *         16    8  root time, microseconds since 1970
 *         24    8  floor: sequences below it were on stable storage when this was written
 *         32    8  the first 8 bytes of the head before the group; 0 in an idle mark
 *
 *   A group of a compacted segment is what is left of one group, and stands for a range of
 *   sequences that begins where the group before it ends: its first sequence is that of the range,
 *   in place of the floor it has the sequence behind the range, in place of the head zeros, and its
 *   records ascend within the range. It may have none.
 *
 *   body of an identity, which stands for a transaction of which no event was kept (docs/format/
 *   redo.md has it), 88 bytes; storage does not look into it
 *
 *   body of a seal, the last record of a group: 32 bytes of whoever wrote it, which storage does
 * not look into (docs/format/redo.md, "Sealed groups"); its sequence is the one behind all that the
 *   group stands for
 *
 *   body of a footer; its sequence is the one after the last that the segment stands for
 *          0    8  sequences that the segment stands for
 *          8    8  the last of them
 *         16   32  head after it; zeros: not known (recovery ended the segment)
 *         48   32  SHA-256 of the file in front of the footer
 *
 * A salted CRC is the CRC-32C of the salt's 8 bytes as they stand in the header, followed by the
 * bytes in question: the seed is the CRC-32C of the salt.
 *
 *  1. Zeros are never a record: kind 0 and length 0 are invalid. They mean "nothing was written".
 *  2. Every byte of a record is under one of its two checksums or is padding, which is checked.
 *  3. A sound header of an unknown kind, flag or version is NEWER, never skipped.
 *  4. A group counts whole or not at all.
 */
#pragma once
#include "base/rd.h"
#include "base/wr.h"
#include "redo/limits.h"

enum {
    ATE__SEGMENT_VERSION = 1,
    ATE__SEGMENT_PADDED = 1, /* flags */
    ATE__SEGMENT_COMPACTED = 2,
    ATE__SEGMENT_HEAD = 88,
    ATE__RECORD_HEAD = 24,
    ATE__GROUP_BODY = 40,
    ATE__GROUP_HEAD = ATE__RECORD_HEAD + ATE__GROUP_BODY,
    ATE__FOOTER_BODY = 80,
    ATE__FOOTER = ATE__RECORD_HEAD + ATE__FOOTER_BODY,
    ATE__RECORD_MIN = ATE__RECORD_HEAD + 8, /* bytes of the smallest record */
    ATE__RECORD_SEALED = 1, /* flags */
    ATE__SEAL_BODY = 32,
    ATE__SEAL = ATE__RECORD_HEAD + ATE__SEAL_BODY,
};
enum ate__kind {
    ATE__KIND_GROUP = 1,
    ATE__KIND_TRANSACTION = 2,
    ATE__KIND_FOOTER = 3,
    ATE__KIND_IDENTITY = 4,
    ATE__KIND_SEAL = 5
};

enum ate__soundness {
    ATE__GOOD,
    ATE__NOTHING, /* zeros */
    ATE__BAD,     /* damaged, or not written to its end */
    ATE__NEWER,   /* sound, but not of this version */
};

struct ate__segment_head {
    struct ate_hash chain_id;
    uint64_t id, salt, first_sequence, capacity;
    bool padded, compacted;
};
struct ate__record_head {
    uint32_t size; /* bytes of the body */
    enum ate__kind kind;
    uint64_t sequence;
    uint32_t body_crc;
    bool sealed;
};
struct ate__group_head {
    uint32_t bytes, count;
    uint64_t first_sequence, root_time_us;
    uint64_t floor, head_before; /* compacted: 0 */
    uint64_t end_sequence; /* behind all that it stands for; written where it is compacted */
    bool compacted;
    bool sealed; /* behind `count` records comes a seal */
};
struct ate__footer {
    uint64_t next_sequence, count;
    struct ate_hash head, sha256;
};

uint32_t ate__salt_seed(uint64_t salt);

/* Bytes of a record with a body of `size`, padding included. */
static inline uint64_t ate__record_bytes(uint64_t size)
{
    return ATE__RECORD_HEAD + ((size + 7) & ~(uint64_t)7);
}
/* Where the next group or the footer may start at or after `offset`. */
static inline uint64_t ate__group_start(uint64_t offset, bool padded)
{
    return padded ? (offset + ATE__PAD_BYTES - 1) / ATE__PAD_BYTES * ATE__PAD_BYTES : offset;
}
bool ate__all_zero(struct ate_bytes bytes);

/* Writers append to w. */
void ate__segment_head_write(struct ate__wr *w, const struct ate__segment_head *head);
void ate__record_write(struct ate__wr *w, uint32_t seed, enum ate__kind kind, uint64_t sequence,
                       struct ate_bytes body);
/* The last of a sealed group. */
void ate__seal_write(struct ate__wr *w, uint32_t seed, uint64_t end_sequence,
                     const struct ate_hash *seal);
void ate__group_head_write(struct ate__wr *w, uint32_t seed, const struct ate__group_head *head);
void ate__footer_write(struct ate__wr *w, uint32_t seed, const struct ate__footer *footer);

/* Readers look at the beginning of `bytes` and write ret_* on GOOD alone. */
enum ate__soundness ate__segment_head_read(struct ate_bytes bytes,
                                           struct ate__segment_head *ret_head);
enum ate__soundness ate__record_head_read(struct ate_bytes bytes, uint32_t seed,
                                          struct ate__record_head *ret_head);
/* The body and padding too. ret_body is a view. */
enum ate__soundness ate__record_read(struct ate_bytes bytes, uint32_t seed,
                                     struct ate__record_head *ret_head, struct ate_bytes *ret_body);
enum ate__soundness ate__group_head_read(struct ate_bytes bytes, uint32_t seed, bool compacted,
                                         struct ate__group_head *ret_head);
enum ate__soundness ate__footer_read(struct ate_bytes bytes, uint32_t seed,
                                     struct ate__footer *ret_footer);

/* Checks the records of a group whose header was read. group: head->bytes, fewer are BAD. *ret_at
 * is always written: where the first record stands that is not GOOD, or the end. */
enum ate__soundness ate__group_check(struct ate_bytes group, uint32_t seed,
                                     const struct ate__group_head *head, size_t *ret_at);
/* The seal of a group that passed ate__group_check(), and is sealed. */
struct ate_hash ate__group_seal(struct ate_bytes group);
/* The record at *at of a group that passed ate__group_check(); moves *at on. Begin with *at at
 * ATE__GROUP_HEAD. Its kind is TRANSACTION or IDENTITY. */
enum ate__kind ate__group_next(struct ate_bytes group, size_t *at, uint64_t *ret_sequence,
                               struct ate_bytes *ret_body);
