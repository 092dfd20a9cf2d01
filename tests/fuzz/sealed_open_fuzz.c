/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sealed_open_fuzz.c: ate__hpke_open(), ate__xwing_decapsulate(), ate__aead_decrypt(),
 * ate__unwrap(). What was sealed, with patches (patch.h), opens only without them; other bytes do
 * not open, and what does not open leaves nothing behind.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/hpke.h"
#include "patch.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLAIN = 32 };
static const struct ate__key32 seed = {{7}}, secret = {{9, 8, 7}};
static struct ate__buf sealed, cipher;
static uint8_t nonce[ATE__AEAD_NONCE], wrapped[ATE__WRAPPED_KEY];
static struct ate__aead *aead;
static const struct ate_bytes info = {"info", 4}, aad = {"aad", 3};

/* Secrets, and what they point to, lie in memory that leak checkers do not look through. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void make(void)
{
    uint8_t public_key[ATE__XWING_PUBLIC];
    struct ate_bytes plain = ate__bytes(secret.b, sizeof secret.b);
    ate__assert(!ate__xwing_public(&seed, public_key));
    ate__assert(!ate__hpke_seal(ATE__KEM_XWING, ate__bytes(public_key, sizeof public_key),
                                &ate__env_real, info, aad, plain, &sealed));
    ate__assert(!ate__aead_new(&seed, &aead));
    ate__assert(!ate__aead_encrypt(aead, &ate__env_real, aad, plain, nonce, &cipher));
    ate__assert(!ate__wrap(&seed, &secret, wrapped));
}

static void check_hpke(struct ate_bytes bytes, bool opens)
{
    static const uint8_t nothing[PLAIN];
    uint8_t plain[PLAIN] = {0};
    int rc = ate__hpke_open(ATE__KEM_XWING, &seed, info, aad, bytes, plain, sizeof plain);
    ate__assert(rc == (opens ? 0 : ATE_NO_KEY));
    ate__assert(!memcmp(plain, opens ? secret.b : nothing, sizeof plain));
}

static void check_aead(const uint8_t *with, struct ate_bytes bytes, bool opens)
{
    struct ate__buf plain = ATE__BUF_NULL;
    int rc = ate__aead_decrypt(aead, with, aad, bytes, &plain);
    ate__assert(rc == (opens ? 0 : ATE_TAMPERED) && plain.size == (opens ? PLAIN : 0));
    ate__buf_deinit(&plain);
}

static void check_patched(struct ate__rd *r)
{
    struct ate__key32 back;
    uint8_t *bytes = malloc(sealed.size);
    memcpy(bytes, sealed.data, sealed.size);
    bool changed = fuzz_patch(r, bytes, sealed.size);
    check_hpke(ate__bytes(bytes, sealed.size), !changed);
    memcpy(bytes, cipher.data, cipher.size);
    changed = fuzz_patch(r, bytes, cipher.size);
    uint8_t with[ATE__AEAD_NONCE], wrap[ATE__WRAPPED_KEY];
    memcpy(with, nonce, sizeof with);
    changed |= fuzz_patch(r, with, sizeof with);
    check_aead(with, ate__bytes(bytes, cipher.size), !changed);
    memcpy(wrap, wrapped, sizeof wrap);
    changed = fuzz_patch(r, wrap, sizeof wrap);
    ate__assert(ate__unwrap(&seed, wrap, &back) == (changed ? ATE_NO_KEY : 0));
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!aead) {
        if (__lsan_disable)
            __lsan_disable();
        make();
        if (__lsan_enable)
            __lsan_enable();
    }
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    struct ate__key32 shared;
    if (!(ate__rd_u8(&r) & 1)) {
        check_patched(&r);
        return 0;
    }
    struct ate_bytes rest = ate__rd_bytes(&r, ate__rd_left(&r));
    check_hpke(rest, false);
    check_aead(nonce, rest, false);
    if (rest.size >= ATE__XWING_ENC) {
        int rc = ate__xwing_decapsulate(&seed, rest.data, &shared);
        ate__assert(!rc || rc == ATE_NO_KEY);
    }
    if (rest.size >= ATE__WRAPPED_KEY)
        ate__assert(ate__unwrap(&seed, rest.data, &shared) == ATE_NO_KEY);
    return 0;
}
