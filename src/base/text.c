/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * text.c: text forms of bytes.
 *
 * 1. Every value has one text form, and the decoders take no other.
 * 2. No sentence repeats the text, which may be a secret.
 * 3. Base64 may be that of a key: neither a branch nor an address depends on the bytes or on their
 *    text, but for the one branch on whether a text is good (tests/timing).
 */
#include "base/text.h"
#include "base/assert.h"
#include "base/err.h"
#include <stdio.h>

enum { ESCAPED_MAX = 16 /* bytes: four of \xHH */ };

static const char hex_digits[16] = "0123456789abcdef";
/* The alphabets of base64 differ in the last two characters. */
struct alphabet {
    const char *name;
    uint8_t last[2];
};
static const struct alphabet url = {"base64url", {'-', '_'}}, standard = {"base64", {'+', '/'}};

void ate__hex_encode(struct ate_bytes bytes, char *ret_text)
{
    const uint8_t *p = bytes.data;
    for (size_t i = 0; i < bytes.size; i++) {
        *ret_text++ = hex_digits[p[i] >> 4];
        *ret_text++ = hex_digits[p[i] & 15];
    }
    *ret_text = 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ate__hex_decode(const char *text, size_t text_size, uint8_t *ret, size_t size)
{
    if (text_size / 2 != size || text_size % 2)
        return ate__fail(ATE_MALFORMED, "hex text of %zu characters where %zu belong", text_size,
                         2 * size);
    for (size_t i = 0; i < text_size; i++)
        if (hex_value(text[i]) < 0)
            return ate__fail(ATE_MALFORMED, "character %zu is no lower-case hex digit", i);
    for (size_t i = 0; i < size; i++)
        ret[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    return 0;
}

size_t ate__b64_size(size_t bytes_size)
{
    return bytes_size / 3 * 4 + (bytes_size % 3 ? bytes_size % 3 + 1 : 0);
}

/* All bits where from <= c <= to, else none; of numbers below 2^31. */
static uint32_t within(uint32_t c, uint32_t from, uint32_t to)
{
    return (((from - 1 - c) & (c - 1 - to)) >> 31) * UINT32_MAX;
}

static char digit(const struct alphabet *a, uint32_t value)
{
    uint32_t c = (within(value, 0, 25) & (value + 'A')) |
                 (within(value, 26, 51) & (value - 26 + 'a')) |
                 (within(value, 52, 61) & (value - 52 + '0')) |
                 (within(value, 62, 62) & a->last[0]) | (within(value, 63, 63) & a->last[1]);
    return (char)c;
}

/* Returns the end of the text, which gets no NUL. */
static char *encode_base64(const struct alphabet *a, struct ate_bytes bytes, char *ret_text)
{
    const uint8_t *p = bytes.data;
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that wait */
    for (size_t i = 0; i < bytes.size; i++) {
        bits = bits << 8 | p[i];
        for (count += 8; count >= 6; count -= 6)
            *ret_text++ = digit(a, bits >> (count - 6) & 63);
    }
    if (count)
        *ret_text++ = digit(a, bits << (6 - count) & 63);
    return ret_text;
}

void ate__b64_encode(struct ate_bytes bytes, char *ret_text)
{
    *encode_base64(&url, bytes, ret_text) = 0;
}

/* NONE: c is no digit. */
enum { NONE = 64 };

static uint32_t digit_of(const struct alphabet *a, char character)
{
    uint32_t c = (uint8_t)character, first = a->last[0], second = a->last[1];
    uint32_t above = (within(c, 'A', 'Z') & (c - 'A' + 1)) |
                     (within(c, 'a', 'z') & (c - 'a' + 27)) |
                     (within(c, '0', '9') & (c - '0' + 53)) | (within(c, first, first) & 63) |
                     (within(c, second, second) & 64); /* 0: none */
    return ((above - 1) & 63) | (within(above, 0, 0) & NONE);
}

/* What is wrong with a text that is known to be none. */
static int refuse_base64(const struct alphabet *a, const char *text, size_t text_size)
{
    for (size_t i = 0; i < text_size; i++)
        if (digit_of(a, text[i]) == NONE)
            return ate__fail(ATE_MALFORMED, "character %zu is not of %s", i, a->name);
    return ate__fail(ATE_MALFORMED, "the last character has bits that mean nothing");
}

/* Without padding. */
static int decode_base64(const struct alphabet *a, const char *text, size_t text_size, uint8_t *ret,
                         size_t ret_capacity, size_t *ret_size)
{
    size_t size = text_size / 4 * 3 + (text_size % 4 ? text_size % 4 - 1 : 0);
    if (text_size % 4 == 1)
        return ate__fail(ATE_MALFORMED, "%s text cannot have %zu characters", a->name, text_size);
    if (size > ret_capacity)
        return ate__fail(ATE_MALFORMED, "%s text of %zu bytes where at most %zu belong", a->name,
                         size, ret_capacity);
    uint32_t bad = 0, bits = 0;
    for (size_t i = 0; i < text_size; i++)
        bad |= digit_of(a, text[i]) & NONE;
    if (text_size % 4)
        bad |= digit_of(a, text[text_size - 1]) & (text_size % 4 == 2 ? 15 : 3);
    if (bad)
        return refuse_base64(a, text, text_size);
    unsigned count = 0;
    for (size_t i = 0; i < text_size; i++) {
        bits = bits << 6 | digit_of(a, text[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            *ret++ = (uint8_t)(bits >> count);
        }
    }
    *ret_size = size;
    return 0;
}

int ate__b64_decode(const char *text, size_t text_size, uint8_t *ret, size_t ret_capacity,
                    size_t *ret_size)
{
    return decode_base64(&url, text, text_size, ret, ret_capacity, ret_size);
}

size_t ate__base64_size(size_t bytes_size)
{
    return (bytes_size + 2) / 3 * 4;
}

void ate__base64_encode(struct ate_bytes bytes, char *ret_text)
{
    char *end = encode_base64(&standard, bytes, ret_text);
    while ((end - ret_text) % 4)
        *end++ = '=';
    *end = 0;
}

int ate__base64_decode(const char *text, size_t text_size, uint8_t *ret, size_t ret_capacity,
                       size_t *ret_size)
{
    if (text_size % 4)
        return ate__fail(ATE_MALFORMED, "base64 text has a multiple of 4 characters, not %zu",
                         text_size);
    for (unsigned i = 0; i < 2 && text_size && text[text_size - 1] == '='; i++)
        text_size--;
    return decode_base64(&standard, text, text_size, ret, ret_capacity, ret_size);
}

bool ate__take_line(struct ate_bytes *rest, struct ate_bytes *ret_line)
{
    const char *from = rest->data;
    const char *end = rest->size ? memchr(from, '\n', rest->size) : NULL;
    if (!end)
        return false;
    *ret_line = ate__bytes(from, (size_t)(end - from));
    *rest = ate__bytes(end + 1, rest->size - ret_line->size - 1);
    return true;
}

int ate__decimal_parse(const char *text, size_t text_size, uint64_t *ret_number)
{
    uint64_t number = 0;
    bool good = text_size && !(text[0] == '0' && text_size > 1);
    for (size_t i = 0; good && i < text_size; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        good = digit <= 9 && number <= (UINT64_MAX - digit) / 10;
        if (good)
            number = number * 10 + digit;
    }
    if (!good)
        return ate__fail(ATE_MALFORMED, "no decimal number in its shortest form");
    *ret_number = number;
    return 0;
}

const char *ate__id_text(const struct ate_id *id, char text[ATE__ID_TEXT])
{
    ate__hex_encode(ate__bytes(id->b, sizeof id->b), text);
    return text;
}

const char *ate__object_text(const struct ate_id *id, char text[ATE__OBJECT_TEXT])
{
    static const struct ate_id top;
    char hex[ATE__ID_TEXT];
    if (memcmp(id, &top, sizeof top))
        snprintf(text, ATE__OBJECT_TEXT, "object %s", ate__id_text(id, hex));
    else
        snprintf(text, ATE__OBJECT_TEXT, "the top of the chain");
    return text;
}

const char *ate__hash_text(const struct ate_hash *hash, char text[ATE__HASH_TEXT])
{
    ate__b64_encode(ate__bytes(hash->b, sizeof hash->b), text);
    return text;
}

int ate__hash_parse(const char *text, size_t text_size, struct ate_hash *ret_hash)
{
    struct ate_hash hash;
    size_t size;
    if (text_size != ATE__HASH_TEXT - 1)
        return ate__fail(ATE_MALFORMED, "a hash has %d characters, not %zu", ATE__HASH_TEXT - 1,
                         text_size);
    int rc = ate__b64_decode(text, text_size, hash.b, sizeof hash.b, &size);
    if (rc)
        return ate__context(rc, "a hash");
    *ret_hash = hash;
    return 0;
}

int ate__id_parse(const char *text, size_t text_size, struct ate_id *ret_id)
{
    return ate__context(ate__hex_decode(text, text_size, ret_id->b, sizeof ret_id->b), "an id");
}

/* The length of the UTF-8 character at p, or 0 if none stands there. left: at least 1. */
static size_t utf8_character(const uint8_t *p, size_t left, uint32_t *ret_code)
{
    static const uint32_t code_min[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (!size || p[0] > 0xf4 || size > left)
        return 0;
    uint32_t code = size == 1 ? p[0] : p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < code_min[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return size;
}

bool ate__utf8_valid(struct ate_bytes bytes)
{
    const uint8_t *p = bytes.data;
    uint32_t code;
    for (size_t at = 0, size; at < bytes.size; at += size) {
        size = utf8_character(p + at, bytes.size - at, &code);
        if (!size)
            return false;
    }
    return true;
}

static bool may_show(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
        return false; /* C0, DEL, C1 */
    if (code == 0x2028 || code == 0x2029)
        return false; /* line and paragraph separator */
    return code != 0x061c && code != 0x200e && code != 0x200f &&
           !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

/* Escapes what stands at p into `to`; returns the bytes written, *ret_taken the bytes read. */
static size_t escape_one(const uint8_t *p, size_t left, char to[ESCAPED_MAX], size_t *ret_taken)
{
    uint32_t code = 0;
    size_t taken = utf8_character(p, left, &code);
    *ret_taken = taken ? taken : 1;
    if (code == '\\') {
        memcpy(to, "\\\\", 2);
        return 2;
    }
    if (taken && may_show(code)) {
        memcpy(to, p, taken);
        return taken;
    }
    for (size_t i = 0; i < *ret_taken; i++) {
        to[4 * i] = '\\';
        to[4 * i + 1] = 'x';
        to[4 * i + 2] = hex_digits[p[i] >> 4];
        to[4 * i + 3] = hex_digits[p[i] & 15];
    }
    return 4 * *ret_taken;
}

int ate__escape(struct ate_bytes bytes, struct ate__buf *buf)
{
    const uint8_t *p = bytes.data;
    char one[ESCAPED_MAX];
    for (size_t at = 0, taken; at < bytes.size; at += taken) {
        size_t size = escape_one(p + at, bytes.size - at, one, &taken);
        int rc = ate__buf_append(buf, ate__bytes(one, size));
        if (rc)
            return rc;
    }
    return 0;
}

const char *ate__escaped(struct ate_bytes bytes, char *ret_text, size_t capacity)
{
    static const char dots[] = "...";
    ate__assert(capacity >= sizeof dots);
    const uint8_t *p = bytes.data;
    size_t size = 0, cut = 0; /* cut: where the dots go if it turns out too long */
    char one[ESCAPED_MAX];
    for (size_t at = 0, taken; at < bytes.size; at += taken) {
        size_t more = escape_one(p + at, bytes.size - at, one, &taken);
        if (size + more >= capacity) {
            memcpy(ret_text + cut, dots, sizeof dots);
            return ret_text;
        }
        memcpy(ret_text + size, one, more);
        size += more;
        if (size + sizeof dots <= capacity)
            cut = size;
    }
    ret_text[size] = 0;
    return ret_text;
}
