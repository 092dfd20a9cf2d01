/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * codec.c: which encoding a payload has, and where a value lies.
 */
#include "dio/codec.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "dio/codec_form.h"
#include "dio/json.h"
#include "dio/limits.h"
#include "dio/unpack.h"
#include "event/limits.h"
#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {[ATE__MSGPACK] = "msgpack", [ATE__JSON] = "json"};

const char *ate__encoding_name(enum ate__encoding encoding)
{
    return names[encoding];
}

int ate__encoding_parse(const char *name, enum ate__encoding *ret)
{
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        if (names[i] && !strcmp(name, names[i])) {
            *ret = (enum ate__encoding)i;
            return 0;
        }
    }
    char text[64];
    return ate__fail(ATE_UNSUPPORTED, "no encoding \"%s\"; there are msgpack and json",
                     ate__escaped(ate__text_bytes(name), text, sizeof text));
}

/* No MessagePack map begins with '{' or a blank, and no JSON object with anything else. */
int ate__encoding_of(struct ate_bytes payload, enum ate__encoding *ret)
{
    const uint8_t *p = payload.data;
    if (payload.size && ((p[0] & 0xf0) == 0x80 || p[0] == 0xde || p[0] == 0xdf))
        *ret = ATE__MSGPACK;
    else if (payload.size && (p[0] == '{' || ate__json_is_blank(p[0])))
        *ret = ATE__JSON;
    else
        return ate__fail(ATE_MALFORMED, payload.size
                                            ? "the payload is no map in MessagePack or JSON"
                                            : "the payload is empty, not a map of fields");
    return 0;
}

static int check_size(struct ate_bytes payload)
{
    return payload.size <= ATE__PAYLOAD_MAX
               ? 0
               : ate__fail(ATE_TOO_BIG, "a payload of %zu bytes, over the limit of %d",
                           payload.size, ATE__PAYLOAD_MAX);
}

int ate__codec_encode(const struct ate_type *type, const void *object, struct ate_bytes old_payload,
                      struct ate__buf *buf)
{
    enum ate__encoding encoding = ATE__MSGPACK;
    if (old_payload.size) {
        int rc = ate__encoding_of(old_payload, &encoding);
        if (!rc)
            rc = check_size(old_payload);
        if (rc)
            return ate__context(rc, "the version that is replaced");
    }
    if (encoding == ATE__JSON)
        return ate__json_encode(type, object, old_payload, buf);
    return ate__encode_form(type, object, ATE__PLAIN, old_payload, buf);
}

int ate__codec_decode(const struct ate_type *type, struct ate_bytes payload, void **ret_object,
                      size_t *ret_size)
{
    return ate__codec_decode_behind(type, payload, 0, ret_object, ret_size);
}

int ate__codec_decode_behind(const struct ate_type *type, struct ate_bytes payload, size_t room,
                             void **ret_block, size_t *ret_size)
{
    enum ate__encoding encoding;
    int rc = check_size(payload);
    if (!rc)
        rc = ate__encoding_of(payload, &encoding);
    if (rc)
        return rc;
    if (encoding == ATE__JSON)
        return ate__json_decode(type, payload, room, ret_block, ret_size);
    return ate__decode_form(type, payload, ATE__PLAIN, room, ret_block, ret_size);
}

int ate__codec_check(struct ate_bytes payload, enum ate__encoding encoding)
{
    enum ate__encoding found;
    int rc = check_size(payload);
    if (!rc)
        rc = ate__encoding_of(payload, &found);
    if (rc)
        return rc;
    if (found != encoding)
        return ate__fail(ATE_MALFORMED, "the payload is not %s", ate__encoding_name(encoding));
    if (encoding == ATE__MSGPACK)
        return ate__codec_check_form(payload);
    ate__cleanup(ate__buf_deinit) struct ate__buf map = ATE__BUF_NULL;
    rc = ate__json_to_msgpack(payload, &map);
    return rc ? rc : ate__codec_check_form(ate__buf_bytes(&map));
}

/* ---- places ---- */

static size_t add(char *text, size_t at, const char *format, ...) ATE__PRINTF(3, 4);
static size_t add(char *text, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text + at, ATE__PLACE_TEXT - at, format, args);
    va_end(args);
    return ate__min(at + (size_t)(size > 0 ? size : 0), ATE__PLACE_TEXT - 1);
}

const char *ate__place_text(const struct ate__codec_place *place, char text[ATE__PLACE_TEXT])
{
    const struct ate__codec_place *way[ATE__OBJECT_DEPTH_MAX + 1];
    size_t count = 0, at = 0;
    for (; place && count < ATE__COUNT_OF(way); place = place->up)
        way[count++] = place;
    at = add(text, at, "type %s", way[count - 1]->schema->type->name);
    const char *between = ", field ";
    while (count--) {
        if (!way[count]->member)
            continue;
        at = add(text, at, "%s%s", between, way[count]->member->field->name);
        if (way[count]->index != SIZE_MAX)
            at = add(text, at, "[%zu]", way[count]->index);
        between = ".";
    }
    return text;
}

int ate__place_fail(int rc, const struct ate__codec_place *place, const char *format, ...)
{
    char where[ATE__PLACE_TEXT], why[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return ate__fail(rc, "%s: %s", ate__place_text(place, where), why);
}

int ate__read_key(struct ate__rd *r, const struct ate__codec_place *place,
                  struct ate_bytes *ret_key)
{
    struct ate__unpacked u;
    int rc = ate__unpack(r, &u);
    if (rc)
        return rc;
    if (u.kind != ATE__TEXT || !u.bytes.size || u.bytes.size > ATE__FIELD_NAME_MAX ||
        !ate__utf8_valid(u.bytes))
        return place ? ate__place_fail(ATE_MALFORMED, place, "a key is not text of 1 to 255 bytes")
                     : ate__fail(ATE_MALFORMED, "a key is not text of 1 to 255 bytes");
    *ret_key = u.bytes;
    return 0;
}
