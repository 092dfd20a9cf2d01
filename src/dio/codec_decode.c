/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_decode.c: MessagePack to an object in one block.
 *
 *  1. Two rounds over the same bytes: the first checks all of them and measures, the second fills
 *     the block. Both take the same room in the same order.
 *  2. Room for a list is taken by its count only after as many bytes were seen to follow, and is
 *     allocated only after the first round has read every item.
 *  3. What the table does not know is checked to be well-formed, and passed over.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "dio/block.h"
#include "dio/codec_form.h"
#include "dio/limits.h"
#include "dio/unpack.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

struct decoder {
    struct ate__block block;
    enum ate__number_form form;
};

static int decode_map(struct decoder *d, const struct ate__schema *s, uint32_t count,
                      struct ate__rd *r, uint8_t *to, const struct ate__codec_place *up,
                      unsigned depth);

static int wrong_type(const struct ate__codec_place *place, const struct ate__unpacked *u)
{
    char text[ATE__KIND_TEXT];
    return ate__place_fail(ATE_WRONG_TYPE, place, "%s does not fit %s", ate__unpacked_text(u),
                           ate__field_text(place->member->field, text));
}

static int take(struct decoder *d, const struct ate__codec_place *place, size_t size, uint8_t **ret)
{
    return ate__block_take(&d->block, size, ret)
               ? 0
               : ate__place_fail(ATE_TOO_BIG, place, "an object over the limit of %d MiB in memory",
                                 ATE__OBJECT_MEMORY_MAX >> 20);
}

/* ---- scalars; to is NULL in the first round ---- */

static void store(uint8_t *to, const void *value, size_t size)
{
    if (to)
        memcpy(to, value, size);
}

/* Decimal text, which JSON has for integers beyond 2^53. False: no such integer. */
static bool integer_of_text(struct ate_bytes text, struct ate__unpacked *ret)
{
    const char *p = text.data, *end = p + text.size;
    bool minus = p < end && *p == '-';
    uint64_t v = 0;
    p += minus;
    if (p == end || (*p == '0' && (minus || end - p > 1)))
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    }
    if (minus && v > (uint64_t)INT64_MAX + 1)
        return false;
    *ret = (struct ate__unpacked){.kind = minus ? ATE__INT : ATE__UINT};
    if (minus)
        ret->sint = (int64_t)(0 - v);
    else
        ret->uint = v;
    return true;
}

static int decode_int(struct decoder *d, const struct ate__codec_place *place,
                      const struct ate__unpacked *u, uint8_t *to)
{
    const struct ate_field *f = place->member->field;
    struct ate__unpacked v = *u;
    if (v.kind == ATE__TEXT && (d->form != ATE__AS_TEXT || !integer_of_text(u->bytes, &v)))
        return wrong_type(place, u);
    unsigned bits = f->size * 8;
    bool fits = false;
    if (v.kind == ATE__UINT)
        fits = v.uint <= UINT64_MAX >> (64 - bits + (f->kind == ATE_INT));
    else if (v.kind == ATE__INT && f->kind == ATE_INT)
        fits = v.sint >= INT64_MIN >> (64 - bits);
    if (!fits && (v.kind == ATE__UINT || v.kind == ATE__INT)) {
        char text[ATE__KIND_TEXT];
        ate__field_text(f, text);
        return v.kind == ATE__UINT
                   ? ate__place_fail(ATE_WRONG_TYPE, place, "the integer %llu does not fit %s",
                                     (unsigned long long)v.uint, text)
                   : ate__place_fail(ATE_WRONG_TYPE, place, "the integer %lld does not fit %s",
                                     (long long)v.sint, text);
    }
    if (!fits)
        return wrong_type(place, u);
    /* Two's complement: the low bytes are the value in every width. */
    uint64_t value = v.kind == ATE__UINT ? v.uint : (uint64_t)v.sint;
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    switch (f->size) {
    case 1: store(to, &v8, sizeof v8); break;
    case 2: store(to, &v16, sizeof v16); break;
    case 4: store(to, &v32, sizeof v32); break;
    default: store(to, &value, sizeof value);
    }
    return 0;
}

/* Integers count as fractions where that loses nothing: some writers have one kind of number. */
static bool real_of(const struct ate__unpacked *u, enum ate__number_form form, double *ret)
{
    static const struct {
        const char *text;
        double value;
    } named[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    double limit = 9007199254740992.0; /* 2^53 */
    switch (u->kind) {
    case ATE__FLOAT: *ret = u->real; return true;
    case ATE__UINT: *ret = (double)u->uint; return *ret <= limit;
    case ATE__INT: *ret = (double)u->sint; return *ret >= -limit;
    case ATE__TEXT:
        for (size_t i = 0; form == ATE__AS_TEXT && i < ATE__COUNT_OF(named); i++) {
            if (ate__bytes_equal(u->bytes, ate__text_bytes(named[i].text))) {
                *ret = named[i].value;
                return true;
            }
        }
        return false;
    default: return false;
    }
}

static int decode_float(struct decoder *d, const struct ate__codec_place *place,
                        const struct ate__unpacked *u, uint8_t *to)
{
    double v;
    if (!real_of(u, d->form, &v))
        return wrong_type(place, u);
    if (place->member->field->size == sizeof v) {
        store(to, &v, sizeof v);
        return 0;
    }
    if (isfinite(v) && fabs(v) > (double)FLT_MAX)
        return wrong_type(place, u);
    float v32 = (float)v;
    store(to, &v32, sizeof v32);
    return 0;
}

static int decode_string(struct decoder *d, const struct ate__codec_place *place,
                         const struct ate__unpacked *u, uint8_t *to)
{
    if (u->kind != ATE__TEXT)
        return wrong_type(place, u);
    if ((u->bytes.size && memchr(u->bytes.data, 0, u->bytes.size)) || !ate__utf8_valid(u->bytes))
        return ate__place_fail(ATE_WRONG_TYPE, place,
                               "text with a NUL, or not UTF-8, does not fit string");
    uint8_t *text = NULL;
    int rc = take(d, place, u->bytes.size + 1, &text);
    if (rc || !text)
        return rc;
    if (u->bytes.size)
        memcpy(text, u->bytes.data, u->bytes.size);
    text[u->bytes.size] = 0;
    store(to, &text, sizeof text);
    return 0;
}

static int decode_bytes(struct decoder *d, const struct ate__codec_place *place,
                        const struct ate__unpacked *u, uint8_t *to)
{
    bool is_text = d->form == ATE__AS_TEXT;
    if (u->kind != (is_text ? ATE__TEXT : ATE__BYTES))
        return wrong_type(place, u);
    /* Base64: 4 characters are 3 bytes, and what is left over is checked when it is decoded. */
    size_t size = is_text ? u->bytes.size / 4 * 3 + u->bytes.size % 4 * 3 / 4 : u->bytes.size;
    uint8_t *data = NULL;
    int rc = take(d, place, size, &data);
    if (rc || !data)
        return rc;
    if (is_text && ate__b64_decode(u->bytes.data, u->bytes.size, data, size, &size))
        return ate__place_fail(ATE_WRONG_TYPE, place,
                               "text that is not base64url does not fit bytes");
    if (!is_text && size)
        memcpy(data, u->bytes.data, size);
    struct ate_bytes bytes = {data, size};
    store(to, &bytes, sizeof bytes);
    return 0;
}

static int decode_fixed(struct decoder *d, const struct ate__codec_place *place,
                        const struct ate__unpacked *u, uint8_t *to)
{
    const struct ate_field *f = place->member->field;
    uint8_t value[sizeof(struct ate_hash)];
    bool fits = false;
    size_t size = 0;
    if (d->form == ATE__PLAIN) {
        fits = u->kind == ATE__BYTES && u->bytes.size == f->size;
        if (fits)
            memcpy(value, u->bytes.data, f->size);
    } else if (u->kind == ATE__TEXT && f->kind == ATE_ID) {
        fits = !ate__hex_decode(u->bytes.data, u->bytes.size, value, f->size);
    } else if (u->kind == ATE__TEXT) {
        fits = !ate__b64_decode(u->bytes.data, u->bytes.size, value, sizeof value, &size) &&
               size == f->size;
    }
    if (!fits && (u->kind == ATE__BYTES || u->kind == ATE__TEXT)) {
        char text[ATE__KIND_TEXT];
        return ate__place_fail(ATE_WRONG_TYPE, place, "%s of %zu bytes does not fit %s",
                               ate__unpacked_text(u), u->bytes.size, ate__field_text(f, text));
    }
    if (!fits)
        return wrong_type(place, u);
    store(to, value, f->size);
    return 0;
}

static int decode_value(struct decoder *d, const struct ate__codec_place *place,
                        const struct ate__unpacked *u, struct ate__rd *r, uint8_t *to,
                        unsigned depth)
{
    uint8_t truth;
    switch ((enum ate_kind)place->member->field->kind) {
    case ATE_BOOL:
        if (u->kind != ATE__BOOL)
            break;
        truth = u->truth;
        store(to, &truth, sizeof truth);
        return 0;
    case ATE_INT:
    case ATE_UINT: return decode_int(d, place, u, to);
    case ATE_FLOAT: return decode_float(d, place, u, to);
    case ATE_STRING: return decode_string(d, place, u, to);
    case ATE_BYTES: return decode_bytes(d, place, u, to);
    case ATE_ID:
    case ATE_HASH: return decode_fixed(d, place, u, to);
    case ATE_OBJECT:
        if (u->kind != ATE__MAP)
            break;
        return decode_map(d, place->member->schema, u->count, r, to, place, depth);
    case ATE_VEC: /* no members of a schema */
    case ATE_MAP:
    case ATE_CHILD: ate__assert(false);
    }
    return wrong_type(place, u);
}

/* ---- fields ---- */

static int decode_list(struct decoder *d, struct ate__codec_place *place,
                       const struct ate__unpacked *u, struct ate__rd *r, uint8_t *object,
                       unsigned depth)
{
    const struct ate_field *f = place->member->field;
    uint8_t *items = NULL;
    if (u->kind != ATE__LIST)
        return wrong_type(place, u);
    if (!depth)
        return ate__place_fail(ATE_TOO_BIG, place,
                               "over the limit of %d lists and maps inside each "
                               "other",
                               ATE__OBJECT_DEPTH_MAX);
    size_t count = u->count;
    int rc = count ? take(d, place, count * f->size, &items) : 0;
    if (!rc && object) {
        memcpy(object + f->offset, &items, sizeof items);
        memcpy(object + f->count_offset, &count, sizeof count);
    }
    for (place->index = 0; place->index < count && !rc; place->index++) {
        struct ate__unpacked item = {.kind = ATE__NIL};
        rc = ate__unpack(r, &item);
        bool nil_fits = f->kind == ATE_STRING || f->kind == ATE_BYTES;
        if (!rc && !(item.kind == ATE__NIL && nil_fits))
            rc = decode_value(d, place, &item, r, items ? items + place->index * f->size : NULL,
                              depth - 1);
    }
    place->index = SIZE_MAX;
    return rc;
}

static int decode_field(struct decoder *d, struct ate__codec_place *place, struct ate__rd *r,
                        uint8_t *object, unsigned depth)
{
    const struct ate_field *f = place->member->field;
    struct ate__unpacked u = {.kind = ATE__NIL};
    int rc = ate__unpack(r, &u);
    if (rc || u.kind == ATE__NIL)
        return rc;
    if (f->shape == ATE_MANY)
        return decode_list(d, place, &u, r, object, depth);
    uint8_t *to = object ? object + f->offset : NULL;
    if (f->shape == ATE_MAYBE) {
        uint8_t *value = NULL;
        rc = take(d, place, f->size, &value);
        if (rc)
            return rc;
        store(to, &value, sizeof value);
        to = value;
    }
    return decode_value(d, place, &u, r, to, depth);
}

/* ---- maps ---- */

/* The keys that a map had so far: one bit for each field that the table knows, and where the others
 * are, as place << 8 | size. */
struct keys_seen {
    uint64_t known[ATE__TYPE_FIELDS_MAX / 64];
    uint32_t other[ATE__OBJECT_FIELDS_MAX];
    size_t other_count;
};

static bool seen_known(struct keys_seen *seen, size_t index)
{
    uint64_t bit = UINT64_C(1) << (index % 64), *word = &seen->known[index / 64];
    bool before = *word & bit;
    *word |= bit;
    return before;
}

static void see_other(struct keys_seen *seen, const struct ate__rd *r, struct ate_bytes key)
{
    size_t at = (size_t)((const uint8_t *)key.data - r->data);
    ate__assert(at < 1 << 24 && key.size <= 0xff);
    seen->other[seen->other_count++] = (uint32_t)(at << 8 | key.size);
}

static int compare_keys(const struct ate__rd *r, uint32_t a, uint32_t b)
{
    int sizes = (int)(a & 0xff) - (int)(b & 0xff);
    return sizes ? sizes : memcmp(r->data + (a >> 8), r->data + (b >> 8), a & 0xff);
}

static int check_count(const struct ate__codec_place *place, uint32_t count)
{
    if (count <= ATE__OBJECT_FIELDS_MAX)
        return 0;
    return place ? ate__place_fail(ATE_TOO_BIG, place, "%u fields, over the limit of %d", count,
                                   ATE__OBJECT_FIELDS_MAX)
                 : ate__fail(ATE_TOO_BIG, "%u fields, over the limit of %d", count,
                             ATE__OBJECT_FIELDS_MAX);
}

static int twice(const struct ate__codec_place *place, struct ate_bytes key)
{
    char text[64];
    ate__escaped(key, text, sizeof text);
    return place ? ate__place_fail(ATE_MALFORMED, place, "the key \"%s\" occurs twice", text)
                 : ate__fail(ATE_MALFORMED, "the key \"%s\" occurs twice", text);
}

/* Sorts the other keys (Shell's method), so that a map made to have many costs little more than
 * they are bytes. */
static int check_others(struct keys_seen *seen, const struct ate__rd *r,
                        const struct ate__codec_place *place)
{
    static const size_t gaps[] = {301, 132, 57, 23, 10, 4, 1};
    uint32_t *keys = seen->other;
    for (size_t g = 0; g < ATE__COUNT_OF(gaps); g++) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < seen->other_count; i++) {
            uint32_t key = keys[i];
            size_t at = i;
            for (; at >= gap && compare_keys(r, keys[at - gap], key) > 0; at -= gap)
                keys[at] = keys[at - gap];
            keys[at] = key;
        }
    }
    for (size_t i = 1; i < seen->other_count; i++)
        if (!compare_keys(r, keys[i - 1], keys[i]))
            return twice(place, ate__bytes(r->data + (keys[i] >> 8), keys[i] & 0xff));
    return 0;
}

static int decode_map(struct decoder *d, const struct ate__schema *s, uint32_t count,
                      struct ate__rd *r, uint8_t *to, const struct ate__codec_place *up,
                      unsigned depth)
{
    struct ate__codec_place place = {up, s, NULL, SIZE_MAX};
    struct keys_seen seen;
    memset(seen.known, 0, sizeof seen.known);
    seen.other_count = 0;
    if (!depth)
        return ate__place_fail(ATE_TOO_BIG, &place,
                               "over the limit of %d lists and maps inside "
                               "each other",
                               ATE__OBJECT_DEPTH_MAX);
    int rc = check_count(&place, count);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < count && !rc; i++) {
        struct ate_bytes key, passed;
        place.member = NULL;
        rc = ate__read_key(r, &place, &key);
        if (rc)
            break;
        const struct ate__member *m = ate__schema_find(s, key, expected);
        if (m) {
            if (seen_known(&seen, (size_t)(m - s->members)))
                return twice(&place, key);
            expected = (uint32_t)(m - s->members) + 1;
            place.member = m;
            rc = decode_field(d, &place, r, to, depth - 1);
        } else {
            see_other(&seen, r, key);
            rc = ate__unpack_whole(r, depth - 1, &passed);
        }
    }
    place.member = NULL;
    return rc || d->block.start ? rc : check_others(&seen, r, &place);
}

/* ---- the whole ---- */

static int open_map(struct ate__rd *r, uint32_t *ret_count)
{
    struct ate__unpacked head = {.kind = ATE__NIL};
    int rc = ate__unpack(r, &head);
    if (rc)
        return rc;
    if (head.kind != ATE__MAP)
        return ate__fail(ATE_MALFORMED, "the payload is %s, not a map of fields",
                         ate__unpacked_text(&head));
    *ret_count = head.count;
    return 0;
}

static int close_map(const struct ate__rd *r)
{
    return ate__rd_end(r) ? 0
                          : ate__fail(ATE_MALFORMED, "%zu bytes behind the end of the payload",
                                      ate__rd_left(r));
}

static int decode_round(struct decoder *d, const struct ate__schema *s, struct ate_bytes map)
{
    struct ate__rd r = ate__rd_of(map);
    uint32_t count = 0;
    uint8_t *object = NULL;
    d->block.used = 0;
    bool taken = ate__block_take(&d->block, s->type->size, &object);
    ate__assert(taken);
    int rc = open_map(&r, &count);
    if (!rc)
        rc = decode_map(d, s, count, &r, object, NULL, ATE__OBJECT_DEPTH_MAX);
    return rc ? rc : close_map(&r);
}

int ate__decode_form(const struct ate_type *type, struct ate_bytes map, enum ate__number_form form,
                     size_t room, void **ret_block, size_t *ret_size)
{
    const struct ate__schema *s = NULL;
    struct decoder d = {{NULL, 0}, form};
    int rc = ate__schema_of(type, &s);
    if (!rc)
        rc = decode_round(&d, s, map);
    if (rc)
        return rc;
    size_t size = d.block.used;
    ate__cleanup(ate__freep) uint8_t *start = ate__alloc(room + size);
    if (!start)
        return ate__no_memory();
    d.block.start = start + room;
    rc = decode_round(&d, s, map);
    if (rc)
        return rc;
    ate__assert(d.block.used == size);
    *ret_block = ate__steal(&start);
    *ret_size = room + size;
    return 0;
}

int ate__codec_check_form(struct ate_bytes map)
{
    struct ate__rd r = ate__rd_of(map);
    struct keys_seen seen = {.other_count = 0};
    uint32_t count = 0;
    int rc = open_map(&r, &count);
    if (!rc)
        rc = check_count(NULL, count);
    for (uint32_t i = 0; i < count && !rc; i++) {
        struct ate_bytes key, passed;
        rc = ate__read_key(&r, NULL, &key);
        if (rc)
            break;
        see_other(&seen, &r, key);
        rc = ate__unpack_whole(&r, ATE__OBJECT_DEPTH_MAX - 1, &passed);
    }
    if (!rc)
        rc = check_others(&seen, &r, NULL);
    return rc ? rc : close_map(&r);
}
