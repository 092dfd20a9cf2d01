/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * public_key_decode_fuzz.c: ate__public_key_decode(), ate__log_key_decode(). A file that is taken
 * is written again byte for byte.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__buf public_key = ATE__BUF_NULL, text = ATE__BUF_NULL;
    char label[ATE__KEY_LABEL_MAX + 1];
    int rc = ate__public_key_decode(ate__bytes(data, size), &public_key, label);
    if (!rc) {
        ate__assert(!ate__public_key_encode(ate__buf_bytes(&public_key), label, &text));
        ate__assert(ate__bytes_equal(ate__buf_bytes(&text), ate__bytes(data, size)));
    } else {
        ate__assert(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TOO_BIG);
        ate__assert(!public_key.size);
    }
    ate__buf_clear(&public_key);
    ate__buf_clear(&text);
    rc = ate__log_key_decode(ate__bytes(data, size), &public_key);
    if (!rc) {
        ate__assert(!ate__log_key_encode(ate__buf_bytes(&public_key), &text));
        ate__assert(ate__bytes_equal(ate__buf_bytes(&text), ate__bytes(data, size)));
    } else {
        ate__assert(rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TOO_BIG);
        ate__assert(!public_key.size);
    }
    ate__buf_deinit(&public_key);
    ate__buf_deinit(&text);
    return 0;
}
