/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rd.c: the bounds-checked cursor.
 */
#include "base/rd.h"
#include "base/endian.h"

/* The next `size` bytes, or NULL and the cursor has failed. */
static const uint8_t *take(struct ate__rd *r, size_t size)
{
    if (r->failed || size > r->size - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += size;
    return p;
}

struct ate__rd ate__rd_of(struct ate_bytes bytes)
{
    /* Something to point at spares every reader the case of no pointer. */
    static const uint8_t nothing;
    return (struct ate__rd){bytes.data ? bytes.data : &nothing, bytes.size, 0, false};
}

uint8_t ate__rd_u8(struct ate__rd *r)
{
    const uint8_t *p = take(r, 1);
    return p ? *p : 0;
}

uint16_t ate__rd_u16(struct ate__rd *r)
{
    const uint8_t *p = take(r, 2);
    return p ? ate__load16(p) : 0;
}

uint32_t ate__rd_u32(struct ate__rd *r)
{
    const uint8_t *p = take(r, 4);
    return p ? ate__load32(p) : 0;
}

uint64_t ate__rd_u64(struct ate__rd *r)
{
    const uint8_t *p = take(r, 8);
    return p ? ate__load64(p) : 0;
}

uint64_t ate__rd_varint(struct ate__rd *r)
{
    uint64_t v = 0;
    for (size_t i = 0; !r->failed && i < r->size - r->at && i < 10; i++) {
        uint8_t byte = r->data[r->at + i];
        if (i == 9 && byte > 1)
            break; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (!byte && i)
            break; /* a shorter form exists */
        r->at += i + 1;
        return v;
    }
    r->failed = true;
    return 0;
}

struct ate_bytes ate__rd_bytes(struct ate__rd *r, size_t size)
{
    const uint8_t *p = take(r, size);
    return p ? ate__bytes(p, size) : ate__bytes(NULL, 0);
}

void ate__rd_copy(struct ate__rd *r, void *to, size_t size)
{
    const uint8_t *p = take(r, size);
    if (!size)
        return;
    if (p)
        memcpy(to, p, size);
    else
        memset(to, 0, size);
}

struct ate_id ate__rd_id(struct ate__rd *r)
{
    struct ate_id id;
    ate__rd_copy(r, id.b, sizeof id.b);
    return id;
}

struct ate_hash ate__rd_hash(struct ate__rd *r)
{
    struct ate_hash hash;
    ate__rd_copy(r, hash.b, sizeof hash.b);
    return hash;
}

struct ate_bytes ate__rd_bytes32(struct ate__rd *r, size_t size_max)
{
    uint32_t size = ate__rd_u32(r);
    if (size > size_max)
        r->failed = true;
    return ate__rd_bytes(r, size);
}

uint32_t ate__rd_count(struct ate__rd *r, uint32_t count_max, size_t item_size_min)
{
    uint32_t count = ate__rd_u32(r);
    if (count > count_max || (item_size_min && count > ate__rd_left(r) / item_size_min))
        r->failed = true;
    return r->failed ? 0 : count;
}

size_t ate__rd_left(const struct ate__rd *r)
{
    return r->failed ? 0 : r->size - r->at;
}
