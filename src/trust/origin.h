/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * origin.h: under which sequence (origin, number) was committed (docs/format/trust.md, 11).
 *
 * 1. Known of the last `kept` sequences is every pair: the window of the chain, and as many more as
 *    a rollback can bring back into it. An entry costs 12 bytes and its part of the index, 20 in
 *    all at full size.
 * 2. Known of each origin, for as long as the origin is remembered, is the pair that it committed
 *    last. Origins are forgotten above ATE__ORIGINS_MAX, the longest silent first, but never while
 *    the last `kept` sequences hold one of theirs: within the window no repeat is ever taken for
 *    new.
 * 3. Sequences come without a gap, but for ate__origins_skip().
 *
 * One thread at a time.
 */
#pragma once
#include "base/map.h"
#include "base/rd.h"
#include "base/wr.h"
#include "event/tx.h"

struct ate__origins {
    uint64_t seed[2];
    uint64_t kept;     /* sequences */
    uint64_t next;     /* the sequence that comes next */
    uint64_t count;    /* entries, of the sequences next - count to next - 1 */
    uint64_t origins_max;
    /* The ring: sequence modulo `kept` is the place. */
    uint32_t *origin;  /* index of the origin */
    uint64_t *number;
    size_t origin_capacity, number_capacity;
    uint32_t *index;   /* open addressing over places + 1; 0: free */
    size_t index_size; /* a power of two, or 0 */
    /* The origins. */
    struct ate__map origin_index; /* origin -> index */
    struct ate__origin_record *records;
    size_t record_count, record_capacity, origin_count;
    uint32_t free_record, longest, newest; /* index + 1; 0: none */
    /* What the latest entries replaced, oldest first in a ring of undo_max. */
    struct ate__origin_undo *undo;
    size_t undo_capacity, undo_count, undo_max;
    uint64_t undo_next; /* of all ever made: its remainder is the place */
};
void ate__origins_init(struct ate__origins *o, const uint64_t seed[2], uint64_t window);
void ate__origins_deinit(struct ate__origins *o);
/* Errors: E_MEMORY (nothing changed). */
int ate__origins_add(struct ate__origins *o, const struct ate__txn_id *id, uint64_t sequence)
    ATE__CHECK;
/* The next one added has this sequence: those between were left out by compaction, and all before
 * it are known no more but for the last of each origin; nothing before it is taken back. */
void ate__origins_skip(struct ate__origins *o, uint64_t sequence);
void ate__origins_rollback(struct ate__origins *o, uint64_t sequence);
bool ate__origins_find(const struct ate__origins *o, const struct ate__txn_id *id,
                       uint64_t *ret_sequence);

/* ---- for a view image (docs/format/image.md) ---- */

/* As it is behind the transactions 0 to size - 1, of which no more than a rollback can reach were
 * added since. Errors: E_MEMORY. */
int ate__origins_write(const struct ate__origins *o, uint64_t size, struct ate__wr *w) ATE__CHECK;
/* In the place of all that it holds; nothing below `size` can be taken back then. Errors: MALFORMED
 * E_MEMORY; what it holds then is undefined, but can be freed. */
int ate__origins_read(struct ate__origins *o, uint64_t size, struct ate__rd *rd) ATE__CHECK;
