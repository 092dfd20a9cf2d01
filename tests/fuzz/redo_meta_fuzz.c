/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Target functions: ate__meta_decode(), ate__meta_encode().
 *
 * The first byte says whether the SHA-256 at the end is made right, so that the fields behind it
 * are reached. What decodes encodes to the same bytes. */
#include "base/assert.h"
#include "crypto/digest.h"
#include "redo/meta.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__meta m;
    struct ate__buf again = ATE__BUF_NULL;
    struct ate_hash sha;
    if (!size)
        return 0;
    bool repair = data[0] & 1;
    size--;
    uint8_t *bytes = malloc(size ? size : 1);
    if (size)
        memcpy(bytes, data + 1, size);
    if (repair && size >= sizeof sha.b) {
        ate__assert(!ate__sha256(ate__bytes(bytes, size - sizeof sha.b), &sha));
        memcpy(bytes + size - sizeof sha.b, sha.b, sizeof sha.b);
    }
    if (!ate__meta_decode(ate__bytes(bytes, size), &m)) {
        ate__assert(!ate__meta_encode(&m, &again));
        ate__assert(ate__bytes_equal(ate__bytes(bytes, size), ate__buf_bytes(&again)));
        ate__buf_deinit(&again);
        ate__meta_deinit(&m);
    }
    free(bytes);
    return 0;
}
