/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rd.h: the bounds-checked cursor through which every parser reads.
 *
 * 1. A read past the end sets `failed`, consumes nothing more and yields zeros; later reads do the
 *    same (sticky). Nothing is left then.
 * 2. A parser reads like a schema, one line per field, and ends with ate__rd_end() or ate__rd_ok().
 * 3. Views that it hands out point into the given bytes and live as long as they.
 */
#pragma once
#include "base/buf.h"

struct ate__rd {
    const uint8_t *data;
    size_t size, at;
    bool failed;
};

struct ate__rd ate__rd_of(struct ate_bytes bytes);
uint8_t ate__rd_u8(struct ate__rd *r);
uint16_t ate__rd_u16(struct ate__rd *r); /* little-endian, as all */
uint32_t ate__rd_u32(struct ate__rd *r);
uint64_t ate__rd_u64(struct ate__rd *r);
uint64_t ate__rd_varint(struct ate__rd *r);                     /* LEB128 in its shortest form */
struct ate_bytes ate__rd_bytes(struct ate__rd *r, size_t size); /* a view */
void ate__rd_copy(struct ate__rd *r, void *to, size_t size);    /* zeros on failure */
struct ate_id ate__rd_id(struct ate__rd *r);
struct ate_hash ate__rd_hash(struct ate__rd *r);
/* u32 length, then bytes; fails above size_max */
struct ate_bytes ate__rd_bytes32(struct ate__rd *r, size_t size_max);
/* A u32 count of items that are at least item_size_min bytes each: fails if it is above count_max
 * or more than can follow. */
uint32_t ate__rd_count(struct ate__rd *r, uint32_t count_max, size_t item_size_min);
size_t ate__rd_left(const struct ate__rd *r);
static inline bool ate__rd_ok(const struct ate__rd *r)
{
    return !r->failed;
}
static inline bool ate__rd_end(const struct ate__rd *r) /* all was read and nothing failed */
{
    return !r->failed && r->at == r->size;
}
static inline void ate__rd_fail(struct ate__rd *r)
{
    r->failed = true;
}
