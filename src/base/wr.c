/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * wr.c: the writer.
 */
#include "base/wr.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"

/* Room for `size` bytes at the end, which counts as written; NULL when out of memory. */
static uint8_t *room(struct ate__wr *w, size_t size)
{
    if (w->failed || ate__buf_reserve(w->buf, size)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->buf->data + w->buf->size;
    w->buf->size += size;
    return p;
}

struct ate__wr ate__wr_of(struct ate__buf *buf)
{
    return (struct ate__wr){buf, false};
}

void ate__wr_u8(struct ate__wr *w, uint8_t v)
{
    uint8_t *p = room(w, 1);
    if (p)
        *p = v;
}

void ate__wr_u16(struct ate__wr *w, uint16_t v)
{
    uint8_t *p = room(w, 2);
    if (p)
        ate__store16(p, v);
}

void ate__wr_u32(struct ate__wr *w, uint32_t v)
{
    uint8_t *p = room(w, 4);
    if (p)
        ate__store32(p, v);
}

void ate__wr_u64(struct ate__wr *w, uint64_t v)
{
    uint8_t *p = room(w, 8);
    if (p)
        ate__store64(p, v);
}

void ate__wr_varint(struct ate__wr *w, uint64_t v)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[size++] = (uint8_t)(v | 0x80);
    bytes[size++] = (uint8_t)v;
    ate__wr_copy(w, bytes, size);
}

void ate__wr_bytes(struct ate__wr *w, struct ate_bytes bytes)
{
    ate__wr_copy(w, bytes.data, bytes.size);
}

void ate__wr_copy(struct ate__wr *w, const void *data, size_t size)
{
    if (!size)
        return;
    uint8_t *p = room(w, size);
    if (p)
        memcpy(p, data, size);
}

void ate__wr_zeros(struct ate__wr *w, size_t size)
{
    if (!size)
        return;
    uint8_t *p = room(w, size);
    if (p)
        memset(p, 0, size);
}

void ate__wr_id(struct ate__wr *w, const struct ate_id *id)
{
    ate__wr_copy(w, id->b, sizeof id->b);
}

void ate__wr_hash(struct ate__wr *w, const struct ate_hash *hash)
{
    ate__wr_copy(w, hash->b, sizeof hash->b);
}

void ate__wr_bytes32(struct ate__wr *w, struct ate_bytes bytes)
{
    ate__assert(bytes.size <= UINT32_MAX);
    ate__wr_u32(w, (uint32_t)bytes.size);
    ate__wr_bytes(w, bytes);
}

size_t ate__wr_reserve32(struct ate__wr *w)
{
    size_t mark = w->buf->size;
    ate__wr_u32(w, 0);
    return mark;
}

void ate__wr_fill32(struct ate__wr *w, size_t mark)
{
    if (w->failed)
        return;
    ate__assert(mark <= w->buf->size && w->buf->size - mark >= 4);
    size_t size = w->buf->size - mark - 4;
    ate__assert(size <= UINT32_MAX);
    ate__store32(w->buf->data + mark, (uint32_t)size);
}

int ate__wr_end(const struct ate__wr *w)
{
    return w->failed ? ate__no_memory() : 0;
}
