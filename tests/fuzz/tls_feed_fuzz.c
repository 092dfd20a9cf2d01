/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls_feed_fuzz.c: ate__tls_feed() at a server and at a client, before anything was agreed. No
 * plaintext ever comes of it.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ate__tls_server_key *key;

static void key_make(void)
{
    struct ate__secret pem = ATE__SECRET_NULL;
    ate__assert(!ate__tls_server_key_generate(&pem));
    ate__assert(!ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &key));
    ate__secret_deinit(&pem);
}

static void feed(struct ate__tls *t, struct ate_bytes bytes)
{
    struct ate__buf plain = ATE__BUF_NULL, out = ATE__BUF_NULL;
    int rc = ate__tls_feed(t, bytes, &plain);
    ate__assert(!rc || rc == ATE_BAD_PEER || rc == ATE_UNTRUSTED);
    ate__assert(!plain.size && !ate__tls_ready(t));
    ate__assert(!ate__tls_pull(t, &out));
    ate__buf_deinit(&plain);
    ate__buf_deinit(&out);
    ate__tls_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!key)
        key_make();
    struct ate_hash pin = ate__tls_server_key_pin(key);
    struct ate__tls *server, *client;
    ate__assert(!ate__tls_new_server(key, &server));
    ate__assert(!ate__tls_new_client(&pin, 1, &client));
    feed(server, ate__bytes(data, size));
    feed(client, ate__bytes(data, size));
    return 0;
}
