/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * alloc.h: all memory of the library.
 *
 * One replaceable set of functions, so that tests can make the n-th allocation fail. Sizes are
 * checked for overflow. None of these sets a sentence (base/err.h) but ate__grow(). Thread-safe;
 * ate__alloc_set() only while no other thread is in the library and nothing is allocated.
 */
#pragma once
#include "base/compiler.h"
#include <stdint.h>
#include <string.h>

struct ate__allocator {
    /* block NULL: new; never called with size 0 */
    void *(*resize)(void *user, void *block, size_t size_bytes);
    void (*release)(void *user, void *block);
    void *user;
};
/* NULL: the C library's; else borrowed for ever */
void ate__alloc_set(const struct ate__allocator *allocator);

/* All give NULL when out of memory; size 0 gives 1 byte. */
void *ate__alloc(size_t size_bytes) ATE__CHECK;                     /* zeroed */
void *ate__alloc_array(size_t count, size_t size_bytes) ATE__CHECK; /* zeroed; NULL on overflow */
/* What is added is not zeroed; the old block stays valid when NULL comes back. */
void *ate__resize(void *block, size_t size_bytes) ATE__CHECK;
void *ate__copy(const void *data, size_t size_bytes) ATE__CHECK;
char *ate__copy_text(const char *text) ATE__CHECK;
char *ate__format(const char *format, ...) ATE__CHECK ATE__PRINTF(1, 2);
void ate__free(void *block); /* takes NULL */
/* What was freed goes back to the system, as far as it can: after much that was of passing use. */
void ate__alloc_trim(void);

static inline void ate__freep(void *pp)
{
    void *block; /* copied, for the pointer may be of any type */
    memcpy(&block, pp, sizeof block);
    ate__free(block);
    block = NULL;
    memcpy(pp, &block, sizeof block);
}

/* Makes room for at least `count` items in an array of `*capacity`; grows by half; new items are
 * not zeroed. Returns 0, or ATE_E_MEMORY and the array is unchanged.
 *     rc = ate__grow(&a->items, &a->capacity, a->count + 1, sizeof *a->items); */
int ate__grow(void *array_pointer, size_t *capacity, size_t count, size_t item_size) ATE__CHECK;
