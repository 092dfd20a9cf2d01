/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls_key_load_fuzz.c: ate__tls_server_key_load(). What is taken serves a connection.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__tls_server_key *key = NULL;
    struct ate__tls *tls;
    int rc = ate__tls_server_key_load(ate__bytes(data, size), &key);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED || rc == ATE_TOO_BIG);
    if (!rc) {
        ate__assert(!ate__tls_new_server(key, &tls));
        ate__tls_free(tls);
    }
    ate__tls_server_key_free(key);
    return 0;
}
