/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * buf.c: bytes that are owned.
 */
#include "base/buf.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"

int ate__buf_reserve(struct ate__buf *b, size_t more_bytes)
{
    size_t needed;
    if (__builtin_add_overflow(b->size, more_bytes, &needed))
        return ate__no_memory();
    return ate__grow(&b->data, &b->capacity, needed, 1);
}

int ate__buf_append(struct ate__buf *b, struct ate_bytes bytes)
{
    int rc = ate__buf_reserve(b, bytes.size);
    if (rc)
        return rc;
    if (bytes.size)
        memcpy(b->data + b->size, bytes.data, bytes.size);
    b->size += bytes.size;
    return 0;
}

void ate__buf_clear(struct ate__buf *b)
{
    b->size = 0;
}

void ate__buf_deinit(struct ate__buf *b)
{
    ate__free(b->data);
    *b = ATE__BUF_NULL;
}

void ate__buf_drop_front(struct ate__buf *b, size_t size_bytes)
{
    ate__assert(size_bytes <= b->size);
    b->size -= size_bytes;
    if (size_bytes && b->size)
        memmove(b->data, b->data + size_bytes, b->size);
}
