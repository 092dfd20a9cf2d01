/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/pages.h"
#include "base/err.h"

int ate__pages_add(struct ate__pages *p, uint32_t *ret_index)
{
    uint64_t j = (uint64_t)p->count + ATE__PAGES_FIRST;
    unsigned k = 63u - (unsigned)__builtin_clzll(j) - 8;
    if (k >= ATE__PAGES_CHUNKS)
        return ate__fail(ATE_BUSY, "view: more than %llu objects or versions",
                         ((unsigned long long)ATE__PAGES_FIRST << ATE__PAGES_CHUNKS) -
                             ATE__PAGES_FIRST);
    if (!p->chunk[k]) {
        /* Not touched before an item is used, so that growing takes no more memory than that. */
        p->chunk[k] = ate__resize(NULL, ((size_t)ATE__PAGES_FIRST << k) * p->item_size);
        if (!p->chunk[k])
            return ate__no_memory();
    }
    memset(ate__pages_at(p, p->count), 0, p->item_size);
    *ret_index = p->count++;
    return 0;
}

void ate__pages_deinit(struct ate__pages *p)
{
    for (unsigned k = 0; k < ATE__PAGES_CHUNKS; k++)
        ate__free(p->chunk[k]);
    *p = (struct ate__pages){.item_size = p->item_size};
}
