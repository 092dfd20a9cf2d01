/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * unpack.c: reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md).
 */
#include "dio/unpack.h"
#include "base/assert.h"
#include "base/err.h"
#include "dio/limits.h"

/* MessagePack is big-endian. */
static uint64_t read_be(struct ate__rd *r, size_t size)
{
    const uint8_t *p = ate__rd_bytes(r, size).data;
    uint64_t v = 0;
    for (size_t i = 0; p && i < size; i++)
        v = v << 8 | p[i];
    return v;
}

static void set_signed(struct ate__unpacked *u, int64_t v)
{
    if (v < 0) {
        u->kind = ATE__INT;
        u->sint = v;
    } else {
        u->kind = ATE__UINT;
        u->uint = (uint64_t)v;
    }
}

static void read_float(struct ate__rd *r, struct ate__unpacked *u, bool is_32)
{
    u->kind = ATE__FLOAT;
    u->is_32 = is_32;
    if (is_32) {
        uint32_t bits = (uint32_t)read_be(r, 4);
        float v;
        memcpy(&v, &bits, sizeof v);
        u->real = (double)v;
    } else {
        uint64_t bits = read_be(r, 8);
        memcpy(&u->real, &bits, sizeof u->real);
    }
}

static void read_view(struct ate__rd *r, struct ate__unpacked *u, enum ate__unpacked_kind kind,
                      uint64_t size)
{
    u->kind = kind;
    u->bytes = ate__rd_bytes(r, size);
}

static void read_head(struct ate__rd *r, struct ate__unpacked *u, enum ate__unpacked_kind kind,
                      uint64_t count)
{
    u->kind = kind;
    u->count = (uint32_t)count;
    /* At least one byte an item: what is claimed beyond that cannot be there. */
    if (count * (kind == ATE__MAP ? 2 : 1) > ate__rd_left(r))
        ate__rd_fail(r);
}

/* Heads that say the kind and the length in one byte. */
static bool read_short(struct ate__rd *r, uint8_t head, struct ate__unpacked *u)
{
    if (head < 0x80 || head >= 0xe0)
        set_signed(u, (int8_t)head);
    else if (head < 0x90)
        read_head(r, u, ATE__MAP, head & 15);
    else if (head < 0xa0)
        read_head(r, u, ATE__LIST, head & 15);
    else if (head < 0xc0)
        read_view(r, u, ATE__TEXT, head & 31);
    else
        return false;
    return true;
}

static void read_ext(struct ate__rd *r, struct ate__unpacked *u, uint64_t size)
{
    (void)ate__rd_u8(r); /* the application's type */
    read_view(r, u, ATE__EXT, size);
}

static void read_long(struct ate__rd *r, uint8_t head, struct ate__unpacked *u)
{
    switch (head) {
    case 0xc0: u->kind = ATE__NIL; break;
    case 0xc2:
    case 0xc3:
        u->kind = ATE__BOOL;
        u->truth = head & 1;
        break;
    case 0xc4: read_view(r, u, ATE__BYTES, read_be(r, 1)); break;
    case 0xc5: read_view(r, u, ATE__BYTES, read_be(r, 2)); break;
    case 0xc6: read_view(r, u, ATE__BYTES, read_be(r, 4)); break;
    case 0xc7: read_ext(r, u, read_be(r, 1)); break;
    case 0xc8: read_ext(r, u, read_be(r, 2)); break;
    case 0xc9: read_ext(r, u, read_be(r, 4)); break;
    case 0xca:
    case 0xcb: read_float(r, u, head == 0xca); break;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        u->kind = ATE__UINT;
        u->uint = read_be(r, (size_t)1 << (head - 0xcc));
        break;
    case 0xd0: set_signed(u, (int8_t)read_be(r, 1)); break;
    case 0xd1: set_signed(u, (int16_t)read_be(r, 2)); break;
    case 0xd2: set_signed(u, (int32_t)read_be(r, 4)); break;
    case 0xd3: set_signed(u, (int64_t)read_be(r, 8)); break;
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: read_ext(r, u, (uint64_t)1 << (head - 0xd4)); break;
    case 0xd9: read_view(r, u, ATE__TEXT, read_be(r, 1)); break;
    case 0xda: read_view(r, u, ATE__TEXT, read_be(r, 2)); break;
    case 0xdb: read_view(r, u, ATE__TEXT, read_be(r, 4)); break;
    case 0xdc: read_head(r, u, ATE__LIST, read_be(r, 2)); break;
    case 0xdd: read_head(r, u, ATE__LIST, read_be(r, 4)); break;
    case 0xde: read_head(r, u, ATE__MAP, read_be(r, 2)); break;
    case 0xdf: read_head(r, u, ATE__MAP, read_be(r, 4)); break;
    default: ate__rd_fail(r); /* 0xc1: never used */
    }
}

int ate__unpack(struct ate__rd *r, struct ate__unpacked *ret)
{
    size_t at = r->at;
    struct ate__unpacked u = {.kind = ATE__NIL};
    uint8_t head = ate__rd_u8(r);
    if (!read_short(r, head, &u))
        read_long(r, head, &u);
    if (!ate__rd_ok(r))
        return ate__fail(ATE_MALFORMED, "not MessagePack, or cut off: the value at byte %zu", at);
    *ret = u;
    return 0;
}

int ate__unpack_whole(struct ate__rd *r, unsigned depth_max, struct ate_bytes *ret)
{
    uint64_t left[ATE__OBJECT_DEPTH_MAX]; /* values that the open lists and maps still wait for */
    unsigned open = 0;
    size_t start = r->at;
    ate__assert(depth_max <= ATE__OBJECT_DEPTH_MAX);
    do {
        struct ate__unpacked u;
        int rc = ate__unpack(r, &u);
        if (rc)
            return rc;
        if (u.kind == ATE__LIST || u.kind == ATE__MAP) {
            if (open == depth_max)
                return ate__fail(ATE_TOO_BIG,
                                 "over the limit of %d lists and maps inside each other",
                                 ATE__OBJECT_DEPTH_MAX);
            /* One more: the head itself, which is taken off below. */
            left[open++] = 1 + (uint64_t)u.count * (u.kind == ATE__MAP ? 2 : 1);
        }
        while (open && --left[open - 1] == 0)
            open--;
    } while (open);
    *ret = ate__bytes(r->data + start, r->at - start);
    return 0;
}

const char *ate__unpacked_text(const struct ate__unpacked *u)
{
    static const char *const texts[] = {
        [ATE__NIL] = "nothing",      [ATE__BOOL] = "true or false",
        [ATE__UINT] = "an integer",  [ATE__INT] = "a negative integer",
        [ATE__FLOAT] = "a fraction", [ATE__TEXT] = "text",
        [ATE__BYTES] = "bytes",      [ATE__LIST] = "a list",
        [ATE__MAP] = "a map",        [ATE__EXT] = "an extension",
    };
    return texts[u->kind];
}
