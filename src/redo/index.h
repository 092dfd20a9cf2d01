/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * index.h: where some groups of a segment begin: about one for each ATE__INDEX_STEP_BYTES, so that
 * a search by sequence reads no more than that.
 *
 * It is filled by whoever passes by, in order; what is missing makes a search longer, never wrong.
 * Not thread-safe.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ate__index_entry {
    uint64_t sequence, offset;
};
struct ate__index {
    struct ate__index_entry *entries; /* ascending; NULL until the first note */
    size_t count, capacity;           /* capacity is that of a whole segment from the start */
};

void ate__index_deinit(struct ate__index *x);
/* A group of records begins at offset with this sequence. Where memory is short nothing is kept. */
void ate__index_note(struct ate__index *x, uint64_t segment_bytes, uint64_t sequence,
                     uint64_t offset);
/* The last entry at or below sequence; false: none. */
bool ate__index_find(const struct ate__index *x, uint64_t sequence,
                     struct ate__index_entry *ret_entry);
/* Forgets what begins at or behind offset. */
void ate__index_cut(struct ate__index *x, uint64_t offset);
