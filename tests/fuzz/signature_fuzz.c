/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * signature_fuzz.c: ate__verify_key_new(), ate__verify(). A signature with patches (patch.h), or
 * the rest of the input as key and signature: whatever is not the signature itself does not hold.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/sign.h"
#include "patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t public_key[ATE__SIG_PUBLIC], good[ATE__SIG_SIZE];
static struct ate__verify_key *good_key;

/* The signature is made with random bytes: it is another one in each process. */
static void make(void)
{
    const struct ate__sign_seeds seeds = {{1}, {1}};
    struct ate__sign_key *key;
    ate__assert(!ate__sign_key_new(ATE__SIG_MLDSA65_ED25519, &seeds, &key));
    memcpy(public_key, ate__sign_key_public(key).data, sizeof public_key);
    ate__assert(!ate__sign(key, ate__bytes("ctx", 3), ate__bytes("message", 7), good));
    ate__assert(!ate__verify_key_new(ATE__SIG_MLDSA65_ED25519,
                                     ate__bytes(public_key, sizeof public_key), &good_key));
    ate__sign_key_free(key);
}

static int verify(const struct ate__verify_key *key, struct ate_bytes signature)
{
    return ate__verify(key, ate__bytes("ctx", 3), ate__bytes("message", 7), signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good_key)
        make();
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate__verify_key *key = NULL;
    uint8_t kind = ate__rd_u8(&r), bytes[ATE__SIG_SIZE], key_bytes[ATE__SIG_PUBLIC];
    memcpy(bytes, good, sizeof bytes);
    memcpy(key_bytes, public_key, sizeof key_bytes);
    if (kind == 0) { /* another signature */
        bool changed = fuzz_patch(&r, bytes, sizeof bytes);
        ate__assert(verify(good_key, ate__bytes(bytes, sizeof bytes)) ==
                    (changed ? ATE_TAMPERED : 0));
    } else if (kind == 1) { /* another key */
        bool changed = fuzz_patch(&r, key_bytes, sizeof key_bytes);
        int rc = ate__verify_key_new(ATE__SIG_MLDSA65_ED25519,
                                     ate__bytes(key_bytes, sizeof key_bytes), &key);
        ate__assert(!rc || rc == ATE_MALFORMED);
        ate__assert(rc || !changed == !verify(key, ate__bytes(good, sizeof good)));
    } else { /* neither */
        struct ate_bytes rest = ate__rd_bytes(&r, ate__rd_left(&r));
        size_t key_size = ate__min(rest.size, kind == 2 ? (size_t)ATE__SIG_PUBLIC : kind);
        ate__assert(verify(good_key, rest) == ATE_TAMPERED);
        if (!ate__verify_key_new(ATE__SIG_MLDSA65_ED25519, ate__bytes(rest.data, key_size), &key))
            ate__assert(verify(key, ate__bytes((const uint8_t *)rest.data + key_size,
                                               rest.size - key_size)) == ATE_TAMPERED);
    }
    ate__verify_key_free(key);
    return 0;
}
