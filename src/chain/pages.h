/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pages.h: an array that grows without moving: chunk k holds 256 << k items. Items are zeroed,
 * indices dense, addresses stable.
 *
 * One writer grows; readers may use any index that was published to them by other means.
 */
#pragma once
#include "base/alloc.h"

enum { ATE__PAGES_CHUNKS = 24, ATE__PAGES_FIRST = 256 };

struct ate__pages {
    void *chunk[ATE__PAGES_CHUNKS];
    size_t item_size;
    uint32_t count; /* indices below it are handed out */
};

static inline void *ate__pages_at(const struct ate__pages *p, uint32_t index)
{
    uint64_t j = (uint64_t)index + ATE__PAGES_FIRST;
    unsigned k = 63u - (unsigned)__builtin_clzll(j) - 8;
    return (char *)p->chunk[k] + (j - ((uint64_t)ATE__PAGES_FIRST << k)) * p->item_size;
}
int ate__pages_add(struct ate__pages *p, uint32_t *ret_index)
    ATE__CHECK; /* one more item. Errors: E_MEMORY, BUSY: no index is left */
void ate__pages_deinit(struct ate__pages *p);
