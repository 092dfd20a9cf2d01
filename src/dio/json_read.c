/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * json_read.c: JSON to MessagePack.
 *
 * How many items a list or map has is known at its end, so its head is written with 32 bits and
 * filled in then.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/rd.h"
#include "base/text.h"
#include "dio/codec_pack.h"
#include "dio/json.h"
#include "dio/limits.h"
#include "event/limits.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A list item is at least 2 bytes of text ("0,"); of them at most 9 become a float64, of "[]" 5. */
enum { GROWTH_MAX = 5 };

struct json {
    struct ate__rd r;
    struct ate__pack out;
    struct ate__buf text; /* of the string that is being read */
    char point[8]; /* of numbers in this locale; empty: not asked yet */
};

static int read_value(struct json *j, unsigned depth);

static int bad(const struct json *j, const char *why)
{
    return ate__fail(ATE_MALFORMED, "not JSON: %s at byte %zu", why, j->r.at);
}

/* The next byte, which stays; 0 at the end. A NUL is nowhere legal. */
static uint8_t peek(const struct json *j)
{
    return j->r.at < j->r.size ? j->r.data[j->r.at] : 0;
}

static bool skip(struct json *j, char c)
{
    if (peek(j) != (uint8_t)c || j->r.at == j->r.size)
        return false;
    j->r.at++;
    return true;
}

static uint8_t skip_blanks(struct json *j)
{
    while (ate__json_is_blank(peek(j)))
        j->r.at++;
    return peek(j);
}

/* ---- strings ---- */

static bool read_hex4(struct json *j, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = peek(j);
        uint32_t digit = c >= '0' && c <= '9'   ? c - (uint32_t)'0'
                         : c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10
                         : c >= 'A' && c <= 'F' ? c - (uint32_t)'A' + 10
                                                : 16;
        if (digit > 15)
            return false;
        v = v << 4 | digit;
        j->r.at++;
    }
    *ret = v;
    return true;
}

static size_t utf8_of(uint32_t v, uint8_t to[4])
{
    if (v < 0x80) {
        to[0] = (uint8_t)v;
        return 1;
    }
    size_t size = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i; i--, v >>= 6)
        to[i] = (uint8_t)(0x80 | (v & 0x3f));
    to[0] = (uint8_t)(0xf00 >> size | v);
    return size;
}

static int read_unicode(struct json *j)
{
    uint32_t v, low;
    uint8_t utf8[4];
    if (!read_hex4(j, &v))
        return bad(j, "an escape without four hex digits");
    if (v >= 0xd800 && v < 0xdc00) {
        if (!skip(j, '\\') || !skip(j, 'u') || !read_hex4(j, &low) || low < 0xdc00 || low > 0xdfff)
            return bad(j, "half a surrogate pair");
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    } else if (v >= 0xdc00 && v < 0xe000) {
        return bad(j, "half a surrogate pair");
    }
    return ate__buf_append(&j->text, ate__bytes(utf8, utf8_of(v, utf8)));
}

static int read_escape(struct json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = peek(j);
    if (skip(j, 'u'))
        return read_unicode(j);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return bad(j, "an unknown escape");
    j->r.at++;
    return ate__buf_append(&j->text, ate__bytes(&to[at - from], 1));
}

/* Behind the opening quote. */
static int read_string(struct json *j)
{
    ate__buf_clear(&j->text);
    for (;;) {
        size_t start = j->r.at;
        uint8_t c = peek(j);
        while (c >= 0x20 && c != '"' && c != '\\') {
            j->r.at++;
            c = peek(j);
        }
        int rc = ate__buf_append(&j->text, ate__bytes(j->r.data + start, j->r.at - start));
        if (rc)
            return rc;
        if (skip(j, '"'))
            break;
        if (!skip(j, '\\'))
            return bad(j, "a control character, or the end, in a string");
        rc = read_escape(j);
        if (rc)
            return rc;
    }
    if (!ate__utf8_valid(ate__buf_bytes(&j->text)))
        return bad(j, "a string that is not UTF-8");
    ate__pack_text(&j->out, ate__buf_bytes(&j->text));
    return j->out.rc;
}

/* ---- numbers ---- */

static bool skip_digits(struct json *j)
{
    size_t start = j->r.at;
    while (peek(j) >= '0' && peek(j) <= '9')
        j->r.at++;
    return j->r.at > start;
}

/* strtod() reads the point of the locale, so it gets that one. */
static int pack_real(struct json *j, struct ate_bytes number)
{
    char text[ATE__JSON_NUMBER_MAX + sizeof j->point];
    const char *p = number.data;
    size_t size = 0;
    if (!j->point[0]) {
        char one_and_half[sizeof j->point + 2];
        int length = snprintf(one_and_half, sizeof one_and_half, "%.1f", 1.5);
        ate__assert(length > 2 && (size_t)length < sizeof one_and_half);
        memcpy(j->point, one_and_half + 1, (size_t)length - 2);
        j->point[length - 2] = 0;
    }
    for (size_t i = 0; i < number.size; i++) {
        const char *part = p[i] == '.' ? j->point : &p[i];
        size_t part_size = p[i] == '.' ? strlen(part) : 1;
        memcpy(text + size, part, part_size);
        size += part_size;
    }
    text[size] = 0;
    double v = strtod(text, NULL);
    if (!isfinite(v))
        return bad(j, "a number out of range");
    ate__pack_double(&j->out, v);
    return j->out.rc;
}

static bool pack_integer(struct json *j, struct ate_bytes number)
{
    const char *p = number.data, *end = p + number.size;
    bool minus = *p == '-';
    uint64_t v = 0;
    for (p += minus; p < end; p++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    if (minus && v > (uint64_t)INT64_MAX + 1)
        return false;
    if (minus)
        ate__pack_int(&j->out, (int64_t)(0 - v));
    else
        ate__pack_uint(&j->out, v);
    return true;
}

static int read_number(struct json *j)
{
    size_t start = j->r.at;
    bool is_integer = true;
    (void)skip(j, '-');
    if (!skip(j, '0') && !skip_digits(j))
        return bad(j, "no value");
    if (skip(j, '.')) {
        is_integer = false;
        if (!skip_digits(j))
            return bad(j, "a number without digits behind the point");
    }
    if (skip(j, 'e') || skip(j, 'E')) {
        is_integer = false;
        if (!skip(j, '+'))
            (void)skip(j, '-');
        if (!skip_digits(j))
            return bad(j, "a number without an exponent");
    }
    struct ate_bytes number = {j->r.data + start, j->r.at - start};
    if (number.size > ATE__JSON_NUMBER_MAX)
        return ate__fail(ATE_TOO_BIG, "a number of %zu characters, over the limit of %d",
                         number.size, ATE__JSON_NUMBER_MAX);
    if (is_integer && pack_integer(j, number))
        return j->out.rc;
    return pack_real(j, number);
}

/* ---- lists and objects ---- */

static int read_pair(struct json *j, unsigned depth)
{
    (void)skip_blanks(j);
    if (!skip(j, '"'))
        return bad(j, "no key");
    int rc = read_string(j);
    if (rc)
        return rc;
    (void)skip_blanks(j);
    return skip(j, ':') ? read_value(j, depth) : bad(j, "no colon behind a key");
}

/* Behind the opening bracket. */
static int read_items(struct json *j, bool is_map, unsigned depth)
{
    if (!depth)
        return ate__fail(ATE_TOO_BIG, "over the limit of %d lists and objects inside each other",
                         ATE__OBJECT_DEPTH_MAX);
    uint8_t head[5] = {is_map ? 0xdf : 0xdd};
    size_t mark = j->out.buf->size;
    ate__pack_raw(&j->out, ate__bytes(head, sizeof head));
    int rc = j->out.rc;
    uint32_t count = 0;
    (void)skip_blanks(j);
    if (!rc && skip(j, is_map ? '}' : ']'))
        return 0;
    for (; !rc; count++) {
        rc = is_map ? read_pair(j, depth - 1) : read_value(j, depth - 1);
        if (rc)
            break;
        (void)skip_blanks(j);
        if (skip(j, is_map ? '}' : ']'))
            break;
        if (!skip(j, ','))
            rc = bad(j, "no comma between two values");
    }
    count++;
    for (int i = 4; i && !rc; i--, count >>= 8)
        j->out.buf->data[mark + (size_t)i] = (uint8_t)count;
    return rc;
}

static int read_word(struct json *j, const char *word)
{
    size_t size = strlen(word);
    if (j->r.size - j->r.at < size || memcmp(j->r.data + j->r.at, word, size) != 0)
        return bad(j, "no value");
    j->r.at += size;
    return 0;
}

static int read_value(struct json *j, unsigned depth)
{
    int rc;
    switch (skip_blanks(j)) {
    case '{': j->r.at++; return read_items(j, true, depth);
    case '[': j->r.at++; return read_items(j, false, depth);
    case '"': j->r.at++; return read_string(j);
    case 'n':
        rc = read_word(j, "null");
        ate__pack_nil(&j->out);
        break;
    case 't':
        rc = read_word(j, "true");
        ate__pack_bool(&j->out, true);
        break;
    case 'f':
        rc = read_word(j, "false");
        ate__pack_bool(&j->out, false);
        break;
    default: return read_number(j);
    }
    return rc ? rc : j->out.rc;
}

int ate__json_to_msgpack(struct ate_bytes json, struct ate__buf *ret_map)
{
    if (json.size > ATE__PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG, "JSON of %zu bytes, over the limit of %d", json.size,
                         ATE__PAYLOAD_MAX);
    struct json j = {
        .r = ate__rd_of(json),
        .out = ate__pack_of(ret_map, GROWTH_MAX * json.size),
    };
    int rc = skip_blanks(&j) == '{' ? read_value(&j, ATE__OBJECT_DEPTH_MAX) : bad(&j, "no object");
    (void)skip_blanks(&j);
    if (!rc && !ate__rd_end(&j.r))
        rc = bad(&j, "more behind the end");
    ate__buf_deinit(&j.text);
    if (rc)
        ret_map->size = j.out.start;
    return rc;
}
