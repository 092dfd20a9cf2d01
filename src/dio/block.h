/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * block.h: an object and all that it points to in one block of memory, in two rounds of the same
 * code: the first measures (start NULL), the second fills what was then allocated.
 */
#pragma once
#include "dio/limits.h"
#include <stdbool.h>
#include <stdint.h>

struct ate__block {
    uint8_t *start; /* NULL: measuring */
    size_t used;    /* bytes */
};

/* Room for size bytes; large items begin where any C type may. Measuring: NULL. False: over
 * ATE__OBJECT_MEMORY_MAX. */
static inline bool ate__block_take(struct ate__block *b, size_t size, uint8_t **ret)
{
    size_t align = size & 15 ? size & -size : 16;
    size_t at = (b->used + align - 1) & -align;
    if (size > ATE__OBJECT_MEMORY_MAX || at > ATE__OBJECT_MEMORY_MAX - size)
        return false;
    *ret = b->start ? b->start + at : NULL;
    b->used = at + size;
    return true;
}
