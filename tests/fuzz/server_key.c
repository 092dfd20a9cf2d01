/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_key.c: made before the first input and freed after the last: a key holds a secret, and
 * leak checkers do not look through what secrets lie in.
 */
#include "server_key.h"
#include "base/assert.h"
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

struct ate__tls_server_key *server_key;

static void end(void)
{
    ate__tls_server_key_free(server_key);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct ate__secret pem = ATE__SECRET_NULL;
    (void)argc;
    (void)argv;
    ate__assert(!ate__tls_server_key_generate(&pem));
    ate__assert(!ate__tls_server_key_load(ate__bytes(pem.data, pem.size), &server_key));
    ate__secret_deinit(&pem);
    ate__assert(!atexit(end));
    return 0;
}
