/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_name_fuzz.c: ate__chain_name_check(). The segments of what is taken put together give it
 * again; none is one that means something to a file system.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate_bytes name = ate__bytes(data, size), segment;
    int rc = ate__chain_name_check(name);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG);
    if (rc)
        return 0;
    size_t at = 0, total = 0, count = 0;
    while (ate__chain_name_next(name, &at, &segment)) {
        const uint8_t *b = segment.data;
        ate__assert(!ate__chain_segment_check(segment));
        ate__assert(b[0] != '.' && b[0] != '-' && b[0] != '+');
        ate__assert(!memchr(b, '/', segment.size) && !memchr(b, ',', segment.size) &&
                    !memchr(b, 0, segment.size));
        total += segment.size + 1;
        count++;
    }
    ate__assert(total == size && count >= 1 && count <= ATE__CHAIN_SEGMENTS_MAX);
    return 0;
}
