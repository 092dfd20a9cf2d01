/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * field.c: reading lengths and counts against their limits.
 */
#include "event/field.h"

int ate__field_cut(const struct ate__rd *r, const char *what)
{
    return ate__fail(ATE_MALFORMED, "%s: the bytes end early, at byte %zu of %zu", what, r->at,
                     r->size);
}

int ate__field_over(const char *what, uint64_t size, uint64_t size_max)
{
    return ate__fail(ATE_TOO_BIG, "%s: %llu, and the limit is %llu", what, (unsigned long long)size,
                     (unsigned long long)size_max);
}

int ate__field_bytes(struct ate__rd *r, const char *what, size_t size_max,
                     struct ate_bytes *ret_bytes)
{
    uint32_t size = ate__rd_u32(r);
    if (size > size_max)
        return ate__field_over(what, size, size_max);
    struct ate_bytes bytes = ate__rd_bytes(r, size);
    if (!ate__rd_ok(r))
        return ate__field_cut(r, what);
    *ret_bytes = bytes;
    return 0;
}

int ate__field_count(struct ate__rd *r, const char *what, uint32_t count_max, size_t item_size_min,
                     uint32_t *ret_count)
{
    uint32_t count = ate__rd_u32(r);
    if (count > count_max)
        return ate__field_over(what, count, count_max);
    if (!ate__rd_ok(r) || count > ate__rd_left(r) / item_size_min)
        return ate__field_cut(r, what);
    *ret_count = count;
    return 0;
}

bool ate__field_ascending(const uint8_t *hashes, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (memcmp(hashes + 32 * (size_t)(i - 1), hashes + 32 * (size_t)i, 32) >= 0)
            return false;
    return true;
}

int ate__field_compare(struct ate_bytes a, struct ate_bytes b)
{
    size_t common = ate__min(a.size, b.size);
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}
