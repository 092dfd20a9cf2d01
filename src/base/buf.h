/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * buf.h: bytes that are owned (struct ate__buf) and views of bytes (struct ate_bytes).
 */
#pragma once
#include "ate/bytes.h"
#include "base/compiler.h"
#include <stdbool.h>
#include <string.h>

struct ate__buf {
    uint8_t *data;
    size_t size, capacity; /* bytes */
};
#define ATE__BUF_NULL ((struct ate__buf){NULL, 0, 0})

/* room behind size; 0 or ATE_E_MEMORY */
int ate__buf_reserve(struct ate__buf *b, size_t more_bytes) ATE__CHECK;
/* bytes: not of b itself; 0, or ATE_E_MEMORY and b holds what it held */
int ate__buf_append(struct ate__buf *b, struct ate_bytes bytes) ATE__CHECK;
void ate__buf_clear(struct ate__buf *b);  /* size 0; keeps the memory */
void ate__buf_deinit(struct ate__buf *b); /* frees; b is then ATE__BUF_NULL */
void ate__buf_drop_front(struct ate__buf *b, size_t size_bytes); /* at most b->size */

static inline struct ate_bytes ate__bytes(const void *data, size_t size)
{
    return (struct ate_bytes){data, size};
}
static inline struct ate_bytes ate__buf_bytes(const struct ate__buf *b)
{
    return ate__bytes(b->data, b->size);
}
static inline struct ate_bytes ate__text_bytes(const char *text)
{
    return ate__bytes(text, strlen(text));
}
/* Empty views with and without a pointer are equal. Not for secrets: see crypto/secret.h. */
static inline bool ate__bytes_equal(struct ate_bytes a, struct ate_bytes b)
{
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}
static inline bool ate__id_equal(const struct ate_id *a, const struct ate_id *b)
{
    return !memcmp(a, b, sizeof *a);
}
static inline bool ate__hash_equal(const struct ate_hash *a, const struct ate_hash *b)
{
    return !memcmp(a, b, sizeof *a);
}
static inline bool ate__hash_is_zero(const struct ate_hash *h)
{
    return ate__hash_equal(h, &(struct ate_hash){{0}});
}
