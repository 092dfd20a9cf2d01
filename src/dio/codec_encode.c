/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec_encode.c: an object to MessagePack.
 *
 * A struct is read through memcpy at the offsets of its table, never through a pointer of another
 * type. Fields that are absent (NULL text, bytes without a pointer, an optional NULL) are left out.
 * What the version before had and the table does not know is copied, byte for byte; in structs that
 * lie in the object by value or as an optional too, but not in lists, whose items have no name to
 * find them by.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "dio/codec_form.h"
#include "dio/codec_pack.h"
#include "dio/limits.h"
#include "dio/unpack.h"
#include "event/limits.h"
#include <math.h>
#include <stdio.h>

struct encoder {
    struct ate__pack pack;
    enum ate__number_form form;
};

/* 2^53 - 1: up to here every reader of JSON has integers. */
static const uint64_t json_int_max = (UINT64_C(1) << 53) - 1;

static int encode_object(struct encoder *e, const struct ate__schema *s, const uint8_t *object,
                         struct ate_bytes old, const struct ate__codec_place *up, unsigned depth);

/* ---- scalars ---- */

static void encode_int(struct encoder *e, int64_t v)
{
    char text[24];
    if (e->form == ATE__PLAIN || (v >= -(int64_t)json_int_max && v <= (int64_t)json_int_max)) {
        ate__pack_int(&e->pack, v);
    } else {
        (void)snprintf(text, sizeof text, "%lld", (long long)v);
        ate__pack_text(&e->pack, ate__text_bytes(text));
    }
}

static void encode_uint(struct encoder *e, uint64_t v)
{
    char text[24];
    if (e->form == ATE__PLAIN || v <= json_int_max) {
        ate__pack_uint(&e->pack, v);
    } else {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
        ate__pack_text(&e->pack, ate__text_bytes(text));
    }
}

static void encode_signed(struct encoder *e, const uint8_t *from, size_t size)
{
    int8_t v8;
    int16_t v16;
    int32_t v32;
    int64_t v64;
    switch (size) {
    case 1:
        memcpy(&v8, from, size);
        v64 = v8;
        break;
    case 2:
        memcpy(&v16, from, size);
        v64 = v16;
        break;
    case 4:
        memcpy(&v32, from, size);
        v64 = v32;
        break;
    default: memcpy(&v64, from, sizeof v64);
    }
    encode_int(e, v64);
}

static void encode_unsigned(struct encoder *e, const uint8_t *from, size_t size)
{
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    switch (size) {
    case 1:
        memcpy(&v8, from, size);
        v64 = v8;
        break;
    case 2:
        memcpy(&v16, from, size);
        v64 = v16;
        break;
    case 4:
        memcpy(&v32, from, size);
        v64 = v32;
        break;
    default: memcpy(&v64, from, sizeof v64);
    }
    encode_uint(e, v64);
}

static void encode_float(struct encoder *e, const uint8_t *from, size_t size)
{
    float v32 = 0;
    double v = 0;
    memcpy(size == sizeof v32 ? (void *)&v32 : (void *)&v, from, size);
    if (size == sizeof v32)
        v = (double)v32;
    if (e->form == ATE__AS_TEXT && !isfinite(v))
        ate__pack_text(&e->pack, ate__text_bytes(isnan(v) ? "NaN"
                                                 : v < 0  ? "-Infinity"
                                                          : "Infinity"));
    else if (size == sizeof v32)
        ate__pack_float(&e->pack, v32);
    else
        ate__pack_double(&e->pack, v);
}

static int encode_string(struct encoder *e, const uint8_t *from,
                         const struct ate__codec_place *place)
{
    const char *text;
    memcpy(&text, from, sizeof text);
    if (!text) {
        ate__pack_nil(&e->pack);
        return 0;
    }
    size_t size = strnlen(text, ATE__PAYLOAD_MAX + 1);
    if (size > ATE__PAYLOAD_MAX)
        return ate__place_fail(ATE_TOO_BIG, place, "text over the limit of %d bytes",
                               ATE__PAYLOAD_MAX);
    if (!ate__utf8_valid(ate__bytes(text, size)))
        return ate__place_fail(ATE_WRONG_TYPE, place, "bytes that are not UTF-8 in a string");
    ate__pack_text(&e->pack, ate__bytes(text, size));
    return 0;
}

static int encode_base64(struct encoder *e, struct ate_bytes bytes)
{
    size_t size = ate__b64_size(bytes.size);
    ate__cleanup(ate__freep) char *text = ate__alloc(size + 1);
    if (!text)
        return ate__no_memory();
    ate__b64_encode(bytes, text);
    ate__pack_text(&e->pack, ate__bytes(text, size));
    return 0;
}

static int encode_bytes(struct encoder *e, const uint8_t *from,
                        const struct ate__codec_place *place)
{
    struct ate_bytes bytes;
    memcpy(&bytes, from, sizeof bytes);
    if (bytes.size && !bytes.data)
        return ate__place_fail(ATE_MISUSE, place, "%zu bytes at NULL", bytes.size);
    if (bytes.size > ATE__PAYLOAD_MAX)
        return ate__place_fail(ATE_TOO_BIG, place, "%zu bytes, over the limit of %d", bytes.size,
                               ATE__PAYLOAD_MAX);
    if (!bytes.data)
        ate__pack_nil(&e->pack);
    else if (e->form == ATE__AS_TEXT)
        return encode_base64(e, bytes);
    else
        ate__pack_bytes(&e->pack, bytes);
    return 0;
}

static void encode_fixed(struct encoder *e, const uint8_t *from, const struct ate_field *f)
{
    char text[ATE__HASH_TEXT];
    if (e->form == ATE__PLAIN) {
        ate__pack_bytes(&e->pack, ate__bytes(from, f->size));
        return;
    }
    if (f->kind == ATE_ID)
        ate__hex_encode(ate__bytes(from, f->size), text);
    else
        ate__b64_encode(ate__bytes(from, f->size), text);
    ate__pack_text(&e->pack, ate__text_bytes(text));
}

static int encode_value(struct encoder *e, const struct ate__codec_place *place,
                        const uint8_t *from, struct ate_bytes old, unsigned depth)
{
    const struct ate_field *f = place->member->field;
    switch ((enum ate_kind)f->kind) {
    case ATE_BOOL: ate__pack_bool(&e->pack, *from != 0); break;
    case ATE_INT: encode_signed(e, from, f->size); break;
    case ATE_UINT: encode_unsigned(e, from, f->size); break;
    case ATE_FLOAT: encode_float(e, from, f->size); break;
    case ATE_STRING: return encode_string(e, from, place);
    case ATE_BYTES: return encode_bytes(e, from, place);
    case ATE_ID:
    case ATE_HASH: encode_fixed(e, from, f); break;
    case ATE_OBJECT: return encode_object(e, place->member->schema, from, old, place, depth);
    case ATE_VEC: /* no members of a schema */
    case ATE_MAP:
    case ATE_CHILD: ate__assert(false);
    }
    return e->pack.rc;
}

/* ---- fields ---- */

static bool is_absent(const struct ate_field *f, const uint8_t *object)
{
    const void *p;
    if (f->shape == ATE_MANY ||
        (f->shape == ATE_ONE && f->kind != ATE_STRING && f->kind != ATE_BYTES))
        return false;
    /* An optional, text and bytes begin with a pointer. */
    memcpy(&p, object + f->offset, sizeof p);
    if (f->shape == ATE_ONE && f->kind == ATE_BYTES) {
        struct ate_bytes bytes;
        memcpy(&bytes, object + f->offset, sizeof bytes);
        return !bytes.data && !bytes.size;
    }
    return !p;
}

static int encode_list(struct encoder *e, struct ate__codec_place *place, const uint8_t *object,
                       unsigned depth)
{
    const struct ate_field *f = place->member->field;
    const uint8_t *items;
    size_t count;
    memcpy(&items, object + f->offset, sizeof items);
    memcpy(&count, object + f->count_offset, sizeof count);
    if (count && !items)
        return ate__place_fail(ATE_MISUSE, place, "%zu items at NULL", count);
    if (count > ATE__PAYLOAD_MAX)
        return ate__place_fail(ATE_TOO_BIG, place, "%zu items, over the limit of %d bytes", count,
                               ATE__PAYLOAD_MAX);
    if (!depth)
        return ate__place_fail(ATE_TOO_BIG, place,
                               "over the limit of %d lists and structs inside "
                               "each other",
                               ATE__OBJECT_DEPTH_MAX);
    ate__pack_list(&e->pack, count);
    int rc = e->pack.rc;
    for (place->index = 0; place->index < count && !rc; place->index++)
        rc = encode_value(e, place, items + place->index * f->size, ate__bytes(NULL, 0), depth - 1);
    place->index = SIZE_MAX;
    return rc;
}

/* The value of a key in an old map; empty if it is not there. */
static int find_old(struct ate_bytes old, struct ate_bytes key, struct ate_bytes *ret_value)
{
    struct ate__rd r = ate__rd_of(old);
    struct ate__unpacked head;
    struct ate_bytes found = {NULL, 0}, name, value;
    int rc = old.size ? ate__unpack(&r, &head) : 0;
    uint32_t count = old.size && !rc && head.kind == ATE__MAP ? head.count : 0;
    for (uint32_t i = 0; i < count && !rc && !found.size; i++) {
        rc = ate__read_key(&r, NULL, &name);
        if (!rc)
            rc = ate__unpack_whole(&r, ATE__OBJECT_DEPTH_MAX, &value);
        if (!rc && ate__bytes_equal(name, key))
            found = value;
    }
    if (!rc)
        *ret_value = found;
    return rc;
}

static int encode_field(struct encoder *e, struct ate__codec_place *place, const uint8_t *object,
                        struct ate_bytes old, unsigned depth)
{
    const struct ate_field *f = place->member->field;
    const uint8_t *from = object + f->offset;
    struct ate_bytes old_value = {NULL, 0};
    ate__pack_text(&e->pack, place->member->name);
    if (f->shape == ATE_MANY)
        return encode_list(e, place, object, depth);
    if (f->shape == ATE_MAYBE)
        memcpy(&from, object + f->offset, sizeof from);
    if (f->kind == ATE_OBJECT) {
        int rc = find_old(old, place->member->name, &old_value);
        if (rc)
            return ate__context(rc, "the version that is replaced");
    }
    return encode_value(e, place, from, old_value, depth);
}

/* ---- what the table does not know ---- */

/* Counts the pairs of an old map whose key is in no field of the schema, or (pack) copies them. */
static int unknown_pairs(const struct ate__schema *s, struct ate_bytes old, struct ate__pack *pack,
                         size_t *ret_count)
{
    struct ate__rd r = ate__rd_of(old);
    struct ate__unpacked head = {.kind = ATE__NIL};
    size_t count = 0;
    int rc = old.size ? ate__unpack(&r, &head) : 0;
    uint32_t pairs = !rc && head.kind == ATE__MAP ? head.count : 0;
    for (uint32_t i = 0; i < pairs && !rc; i++) {
        size_t start = r.at;
        struct ate_bytes key, value;
        rc = ate__read_key(&r, NULL, &key);
        if (!rc)
            rc = ate__unpack_whole(&r, ATE__OBJECT_DEPTH_MAX - 1, &value);
        if (rc || ate__schema_find(s, key, i))
            continue;
        count++;
        if (pack)
            ate__pack_raw(pack, ate__bytes(r.data + start, r.at - start));
    }
    if (!rc && pack)
        rc = pack->rc;
    if (!rc)
        *ret_count = count;
    return rc;
}

static int encode_object(struct encoder *e, const struct ate__schema *s, const uint8_t *object,
                         struct ate_bytes old, const struct ate__codec_place *up, unsigned depth)
{
    struct ate__codec_place place = {up, s, NULL, SIZE_MAX};
    size_t unknown = 0, known = 0;
    if (!depth)
        return ate__place_fail(ATE_TOO_BIG, &place,
                               "over the limit of %d lists and structs inside "
                               "each other",
                               ATE__OBJECT_DEPTH_MAX);
    int rc = unknown_pairs(s, old, NULL, &unknown);
    if (rc)
        return ate__context(rc, "the version that is replaced");
    for (uint32_t i = 0; i < s->member_count; i++)
        known += !is_absent(s->members[i].field, object);
    if (known + unknown > ATE__OBJECT_FIELDS_MAX)
        return ate__place_fail(ATE_TOO_BIG, &place, "%zu fields, over the limit of %d",
                               known + unknown, ATE__OBJECT_FIELDS_MAX);
    ate__pack_map(&e->pack, known + unknown);
    for (uint32_t i = 0; i < s->member_count && !rc; i++) {
        place.member = &s->members[i];
        if (!is_absent(place.member->field, object))
            rc = encode_field(e, &place, object, old, depth - 1);
    }
    if (!rc)
        rc = e->pack.rc;
    return rc ? rc : unknown_pairs(s, old, &e->pack, &unknown);
}

int ate__encode_form(const struct ate_type *type, const void *object, enum ate__number_form form,
                     struct ate_bytes old, struct ate__buf *buf)
{
    const struct ate__schema *s = NULL;
    int rc = object ? ate__schema_of(type, &s) : ate__fail(ATE_MISUSE, "an object at NULL");
    if (rc)
        return rc;
    size_t start = buf->size;
    struct encoder e = {ate__pack_of(buf, ATE__PAYLOAD_MAX), form};
    rc = encode_object(&e, s, object, old, NULL, ATE__OBJECT_DEPTH_MAX);
    if (e.pack.rc)
        (void)ate__context(rc, "an object of type %s", type->name);
    if (rc)
        buf->size = start;
    return rc;
}
