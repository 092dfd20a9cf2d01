/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * wr.h: the writer through which every encoder writes: appends to a buffer, remembers a failed
 * allocation (sticky), and fills in lengths after the fact.
 */
#pragma once
#include "base/buf.h"

struct ate__wr {
    struct ate__buf *buf; /* borrowed */
    bool failed;          /* out of memory */
};

struct ate__wr ate__wr_of(struct ate__buf *buf); /* appends behind what buf holds */
void ate__wr_u8(struct ate__wr *w, uint8_t v);
void ate__wr_u16(struct ate__wr *w, uint16_t v); /* little-endian, as all */
void ate__wr_u32(struct ate__wr *w, uint32_t v);
void ate__wr_u64(struct ate__wr *w, uint64_t v);
void ate__wr_varint(struct ate__wr *w, uint64_t v); /* LEB128, shortest form */
void ate__wr_bytes(struct ate__wr *w, struct ate_bytes bytes);
void ate__wr_copy(struct ate__wr *w, const void *data, size_t size);
void ate__wr_zeros(struct ate__wr *w, size_t size);
void ate__wr_id(struct ate__wr *w, const struct ate_id *id);
void ate__wr_hash(struct ate__wr *w, const struct ate_hash *hash);
/* u32 length, then the bytes, of which the caller has made sure that a u32 can count them */
void ate__wr_bytes32(struct ate__wr *w, struct ate_bytes bytes);
/* Room for a u32; gives its mark for ate__wr_fill32(), which puts the number of bytes written since
 * there. */
size_t ate__wr_reserve32(struct ate__wr *w);
void ate__wr_fill32(struct ate__wr *w, size_t mark);
int ate__wr_end(const struct ate__wr *w) ATE__CHECK; /* 0 or ATE_E_MEMORY with its sentence */
