/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_decode_fuzz.c: ate__key_decode(). A file that is taken is written again byte for byte.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__key *key = NULL;
    int rc = ate__key_decode(ate__bytes(data, size), &key);
    if (!rc) {
        struct ate__secret text;
        ate__assert(!ate__key_encode(key, &text));
        ate__assert(text.size == size && !memcmp(text.data, data, size));
        ate__secret_deinit(&text);
    } else {
        ate__assert(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TOO_BIG);
        ate__assert(!key);
    }
    ate__key_free(key);
    ate__assert(!ate__secret_blocks());
    return 0;
}
