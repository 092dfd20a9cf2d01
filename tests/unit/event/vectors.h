/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vectors.h: reads the files of tests/vectors/event: records of `key: value` lines, divided by an
 * empty line; # begins a comment. Whatever is missing or malformed fails the test.
 */
#pragma once
#include "base/buf.h"

enum { VECTOR_FIELDS = 16 };

struct vector {
    struct {
        const char *key, *value;
    } field[VECTOR_FIELDS];
    size_t count;
};
struct vectors {
    char *text;
    struct vector *items;
    size_t count;
};

struct vectors vectors_load(const char *file_name);
void vectors_deinit(struct vectors *v);
const struct vector *vectors_find(const struct vectors *v, const char *name);

/* The n-th value of that key, counted from 0; NULL: there is none. */
const char *vector_nth(const struct vector *v, const char *key, size_t n);
const char *vector_text(const struct vector *v, const char *key); /* must be there */
int vector_result(const struct vector *v);
/* In a block of its exact size, so that a read behind it is seen; deinitialise it. */
struct ate__buf vector_bytes(const char *hex);
void assert_hex(const void *data, size_t size, const char *hex);

/* A file of the source tree, NUL-terminated, from malloc(). */
char *source_file(const char *path);
