/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * text_fuzz.c: the text forms of bytes: ate__hex_decode(), ate__b64_decode(),
 * ate__base64_decode(), ate__decimal_parse(), ate__hash_parse(), ate__id_parse(),
 * ate__utf8_valid(), ate__escape(), ate__escaped(). What is decoded has one text; what is escaped
 * can be shown.
 */
#include "base/assert.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_codes(const char *text, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    char *again = malloc(2 * size + 2), hash_text[ATE__HASH_TEXT], id_text[ATE__ID_TEXT];
    struct ate_hash hash;
    struct ate_id id;
    size_t decoded;
    if (!ate__hex_decode(text, size, bytes, size / 2)) {
        ate__hex_encode(ate__bytes(bytes, size / 2), again);
        ate__assert(strlen(again) == size && !memcmp(again, text, size));
    }
    if (!ate__b64_decode(text, size, bytes, size, &decoded)) {
        ate__assert(ate__b64_size(decoded) == size);
        ate__b64_encode(ate__bytes(bytes, decoded), again);
        ate__assert(strlen(again) == size && !memcmp(again, text, size));
    }
    if (!ate__base64_decode(text, size, bytes, size, &decoded)) {
        ate__assert(ate__base64_size(decoded) == size);
        ate__base64_encode(ate__bytes(bytes, decoded), again);
        ate__assert(strlen(again) == size && !memcmp(again, text, size));
    }
    uint64_t number;
    if (!ate__decimal_parse(text, size, &number)) {
        char shortest[24];
        snprintf(shortest, sizeof shortest, "%" PRIu64, number);
        ate__assert(strlen(shortest) == size && !memcmp(shortest, text, size));
    }
    if (!ate__hash_parse(text, size, &hash))
        ate__assert(!memcmp(ate__hash_text(&hash, hash_text), text, size));
    if (!ate__id_parse(text, size, &id))
        ate__assert(!memcmp(ate__id_text(&id, id_text), text, size));
    free(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes bytes = ate__bytes(data, size);
    struct ate__buf shown = ATE__BUF_NULL;
    char fixed[64];
    check_codes((const char *)data, size);
    ate__assert(!ate__escape(bytes, &shown));
    ate__assert(ate__utf8_valid(ate__buf_bytes(&shown)) && shown.size >= size);
    for (size_t i = 0; i < shown.size; i++)
        ate__assert(shown.data[i] >= ' ' && shown.data[i] != 127);
    size_t capacity = 4 + size % (sizeof fixed - 4);
    ate__assert(ate__escaped(bytes, fixed, capacity) == fixed && strlen(fixed) < capacity);
    ate__assert(ate__utf8_valid(ate__bytes(fixed, strlen(fixed))));
    (void)ate__utf8_valid(bytes);
    ate__buf_deinit(&shown);
    return 0;
}
