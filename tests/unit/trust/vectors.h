/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vectors.h: reads tests/vectors/trust/seal.txt: records of `key: value` lines, divided by an empty
 * line. Whatever is missing or malformed fails the test.
 */
#pragma once
#include "base/text.h"
#include "lib/check.h"
#include <stdlib.h>

/* A file of the source tree, NUL-terminated, from malloc(). */
static inline char *source_file(const char *path)
{
    const char *root = getenv("ATE_SOURCE_ROOT");
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root ? root : ".", path);
    FILE *file = fopen(full, "rb");
    if (!file)
        fail_msg("cannot open %s", full);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    text[size] = 0;
    fclose(file);
    return text;
}

/* The value of a key in the record of that name, without its newline: *ret_size characters. */
static inline const char *vector_text(const char *vectors, const char *name, const char *key,
                                      size_t *ret_size)
{
    char mark[128];
    snprintf(mark, sizeof mark, "\n\nname: %s\n", name);
    const char *record = strstr(vectors, mark);
    if (!record)
        fail_msg("no record %s", name);
    const char *end = strstr(record + 2, "\n\n");
    snprintf(mark, sizeof mark, "\n%s: ", key);
    const char *value = strstr(record + 1, mark);
    if (!value || (end && value > end))
        fail_msg("%s: no %s", name, key);
    value += strlen(mark);
    *ret_size = strcspn(value, "\n");
    return value;
}

/* The same as bytes, whose number is known, or ret_size says. */
static inline size_t vector_get(const char *vectors, const char *name, const char *key, void *ret,
                                size_t capacity)
{
    size_t size;
    const char *text = vector_text(vectors, name, key, &size);
    assert_true(size / 2 <= capacity);
    assert_int_equal(ate__hex_decode(text, size, ret, size / 2), 0);
    return size / 2;
}

/* Fills an object of exactly that size. */
#define VECTOR(vectors, name, key, object)                                                         \
    assert_int_equal(vector_get(vectors, name, key, &(object), sizeof(object)), sizeof(object))
