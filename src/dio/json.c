/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * json.c: objects in JSON, by way of MessagePack in the form ATE__AS_TEXT (codec_form.h); and
 * MessagePack to JSON. The way from JSON is json_read.c.
 */
#include "dio/json.h"
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
#include <stdlib.h>

int ate__json_encode(const struct ate_type *type, const void *object, struct ate_bytes old_payload,
                     struct ate__buf *buf)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf old = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf map = ATE__BUF_NULL;
    int rc = old_payload.size ? ate__json_to_msgpack(old_payload, &old) : 0;
    if (rc)
        return ate__context(rc, "the version that is replaced");
    rc = ate__encode_form(type, object, ATE__AS_TEXT, ate__buf_bytes(&old), &map);
    if (rc)
        return rc;
    rc = ate__json_of_msgpack(ate__buf_bytes(&map), buf);
    return ate__context(rc, "an object of type %s", type->name);
}

int ate__json_decode(const struct ate_type *type, struct ate_bytes payload, size_t room,
                     void **ret_block, size_t *ret_size)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf map = ATE__BUF_NULL;
    int rc = ate__json_to_msgpack(payload, &map);
    return rc ? rc
              : ate__decode_form(type, ate__buf_bytes(&map), ATE__AS_TEXT, room, ret_block,
                                 ret_size);
}

/* ---- MessagePack to JSON ---- */

static void put(struct ate__pack *out, const char *text, size_t size)
{
    ate__pack_raw(out, ate__bytes(text, size));
}

static void put_text(struct ate__pack *out, const char *text)
{
    put(out, text, strlen(text));
}

static int write_string(struct ate__pack *out, struct ate_bytes text)
{
    static const char shorts[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    const char *p = text.data, *end = p + text.size;
    if (!ate__utf8_valid(text))
        return ate__fail(ATE_MALFORMED, "text that is not UTF-8");
    put(out, "\"", 1);
    while (p < end) {
        const char *plain = p;
        while (p < end && (uint8_t)*p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        put(out, plain, (size_t)(p - plain));
        if (p == end)
            break;
        uint8_t c = (uint8_t)*p++;
        char escape[8];
        if (c >= 0x20)
            (void)snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < sizeof shorts && shorts[c])
            (void)snprintf(escape, sizeof escape, "\\%c", shorts[c]);
        else
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
        put_text(out, escape);
    }
    put(out, "\"", 1);
    return out->rc;
}

/* As few digits as give the value back; then whatever stands for the point in this locale
 * becomes one. */
static int write_float(struct ate__pack *out, const struct ate__unpacked *u)
{
    char text[64], plain[64];
    size_t size = 0;
    bool is_integer = true, is_other = false;
    if (!isfinite(u->real))
        return ate__fail(ATE_MALFORMED, "a number that is not finite");
    for (int digits = u->is_32 ? 6 : 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, u->real);
        double back = strtod(text, NULL);
        if (u->is_32 ? (float)back == (float)u->real : back == u->real)
            break;
    }
    for (const char *p = text; *p; p++) {
        bool is_number = (*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == 'e';
        if (is_number)
            plain[size++] = *p;
        else if (!is_other)
            plain[size++] = '.';
        is_other = !is_number;
        is_integer = is_integer && is_number && *p != 'e';
    }
    put(out, plain, size);
    if (is_integer)
        put_text(out, ".0");
    return out->rc;
}

static int write_value(struct ate__pack *out, struct ate__rd *r, unsigned depth);

static int write_items(struct ate__pack *out, struct ate__rd *r, const struct ate__unpacked *u,
                       unsigned depth)
{
    bool is_map = u->kind == ATE__MAP;
    int rc = depth ? 0
                   : ate__fail(ATE_TOO_BIG, "over the limit of %d lists and maps inside each other",
                               ATE__OBJECT_DEPTH_MAX);
    put_text(out, is_map ? "{" : "[");
    for (uint32_t i = 0; i < u->count && !rc; i++) {
        if (i)
            put_text(out, ",");
        if (is_map) {
            struct ate__unpacked key;
            rc = ate__unpack(r, &key);
            if (!rc && key.kind != ATE__TEXT)
                rc = ate__fail(ATE_MALFORMED, "a key that is %s", ate__unpacked_text(&key));
            if (!rc)
                rc = write_string(out, key.bytes);
            put_text(out, ":");
        }
        if (!rc)
            rc = write_value(out, r, depth - 1);
    }
    put_text(out, is_map ? "}" : "]");
    return rc ? rc : out->rc;
}

static int write_value(struct ate__pack *out, struct ate__rd *r, unsigned depth)
{
    char text[32];
    struct ate__unpacked u;
    int rc = ate__unpack(r, &u);
    if (rc)
        return rc;
    switch (u.kind) {
    case ATE__NIL: put_text(out, "null"); break;
    case ATE__BOOL: put_text(out, u.truth ? "true" : "false"); break;
    case ATE__UINT:
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)u.uint);
        put_text(out, text);
        break;
    case ATE__INT:
        (void)snprintf(text, sizeof text, "%lld", (long long)u.sint);
        put_text(out, text);
        break;
    case ATE__FLOAT: return write_float(out, &u);
    case ATE__TEXT: return write_string(out, u.bytes);
    case ATE__LIST:
    case ATE__MAP: return write_items(out, r, &u, depth);
    case ATE__BYTES:
    case ATE__EXT:
        return ate__fail(ATE_MALFORMED, "%s, which JSON has not", ate__unpacked_text(&u));
    }
    return out->rc;
}

int ate__json_of_msgpack(struct ate_bytes value, struct ate__buf *ret_json)
{
    struct ate__pack out = ate__pack_of(ret_json, ATE__PAYLOAD_MAX);
    struct ate__rd r = ate__rd_of(value);
    int rc = write_value(&out, &r, ATE__OBJECT_DEPTH_MAX);
    if (!rc && !ate__rd_end(&r))
        rc = ate__fail(ATE_MALFORMED, "%zu bytes behind the end of the value", ate__rd_left(&r));
    if (rc)
        ret_json->size = out.start;
    return rc;
}
