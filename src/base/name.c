/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * name.c: names of chains.
 */
#include "base/name.h"
#include "base/err.h"
#include "base/text.h"

static const char alphabet[] = "letters, digits and . _ @ + - are allowed";

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '@' || c == '+' || c == '-';
}

int ate__chain_segment_check(struct ate_bytes segment)
{
    char shown[160];
    const uint8_t *at = segment.data;
    if (!segment.size)
        return ate__fail(ATE_MALFORMED, "name of a chain: a part between two `/` is empty");
    if (segment.size > ATE__CHAIN_SEGMENT_MAX)
        return ate__fail(ATE_TOO_BIG, "name of a chain: a part of %zu bytes; at most %d",
                         segment.size, ATE__CHAIN_SEGMENT_MAX);
    for (size_t i = 0; i < segment.size; i++)
        if (!is_name_byte(at[i]))
            return ate__fail(ATE_MALFORMED, "name of a chain: byte %zu of `%s`: %s", i + 1,
                             ate__escaped(segment, shown, sizeof shown), alphabet);
    if (at[0] == '-' || at[0] == '.' || at[0] == '+')
        return ate__fail(ATE_MALFORMED,
                         "name of a chain: `%s` starts with `%c`; `-`, `.` and `+` "
                         "may not come first",
                         ate__escaped(segment, shown, sizeof shown), at[0]);
    return 0;
}

int ate__chain_name_check(struct ate_bytes name)
{
    char shown[160];
    const uint8_t *bytes = name.data;
    if (name.size > ATE__CHAIN_NAME_MAX)
        return ate__fail(ATE_TOO_BIG, "name of a chain: %zu bytes; at most %d", name.size,
                         ATE__CHAIN_NAME_MAX);
    if (!name.size || bytes[0] != '/')
        return ate__fail(ATE_MALFORMED, "name of a chain: `%s` does not start with `/`",
                         ate__escaped(name, shown, sizeof shown));
    size_t count = 0;
    for (size_t at = 1; at <= name.size; count++) {
        const uint8_t *end = memchr(bytes + at, '/', name.size - at);
        size_t size = end ? (size_t)(end - bytes) - at : name.size - at;
        if (count == ATE__CHAIN_SEGMENTS_MAX)
            return ate__fail(ATE_TOO_BIG, "name of a chain: more than %d parts",
                             ATE__CHAIN_SEGMENTS_MAX);
        int rc = ate__chain_segment_check(ate__bytes(bytes + at, size));
        if (rc)
            return rc;
        at += size + 1;
    }
    return 0;
}

bool ate__chain_name_next(struct ate_bytes name, size_t *at, struct ate_bytes *ret_segment)
{
    const uint8_t *bytes = name.data;
    if (*at >= name.size)
        return false;
    size_t start = *at + 1; /* behind the `/` */
    const uint8_t *end = memchr(bytes + start, '/', name.size - start);
    size_t stop = end ? (size_t)(end - bytes) : name.size;
    *ret_segment = ate__bytes(bytes + start, stop - start);
    *at = stop;
    return true;
}
