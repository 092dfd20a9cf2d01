/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tls_feed_fuzz.c: ate__tls_feed() at a server and at a client, before anything was agreed. No
 * plaintext ever comes of it.
 */
#include "base/assert.h"
#include "base/err.h"
#include "server_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    struct ate_hash pin = ate__tls_server_key_pin(server_key);
    struct ate__tls *server, *client;
    ate__assert(!ate__tls_new_server(server_key, &server));
    ate__assert(!ate__tls_new_client(&pin, 1, &client));
    feed(server, ate__bytes(data, size));
    feed(client, ate__bytes(data, size));
    return 0;
}
