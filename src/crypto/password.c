/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * password.c: Argon2id as OpenSSL has it, and XAES-256-GCM over it. OpenSSL wipes the memory that
 * Argon2id fills, and does not lock it.
 */
#include "crypto/password.h"
#include "base/err.h"
#include "crypto/ossl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

struct ate__password_cost ate__password_cost(void)
{
    return (struct ate__password_cost){ATE__PASSWORD_KIB_MIN, ATE__PASSWORD_PASSES_MIN, 4};
}

int ate__password_cost_check(const struct ate__password_cost *cost)
{
    if (cost->memory_kib < ATE__PASSWORD_KIB_MIN || cost->passes < ATE__PASSWORD_PASSES_MIN ||
        !cost->lanes)
        return ate__fail(ATE_DENIED,
                         "Argon2id with %u KiB, %u passes, %u lanes: at least %d KiB and %d passes "
                         "are asked of a password's guesser",
                         cost->memory_kib, cost->passes, cost->lanes, ATE__PASSWORD_KIB_MIN,
                         ATE__PASSWORD_PASSES_MIN);
    if (cost->memory_kib > ATE__PASSWORD_KIB_MAX || cost->passes > ATE__PASSWORD_PASSES_MAX ||
        cost->lanes > ATE__PASSWORD_LANES_MAX ||
        (uint64_t)cost->memory_kib * cost->passes > ATE__PASSWORD_WORK_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "Argon2id with %u KiB, %u passes, %u lanes: at most %d KiB, %d passes, %d "
                         "lanes, and %d KiB times passes",
                         cost->memory_kib, cost->passes, cost->lanes, ATE__PASSWORD_KIB_MAX,
                         ATE__PASSWORD_PASSES_MAX, ATE__PASSWORD_LANES_MAX, ATE__PASSWORD_WORK_MAX);
    return 0;
}

static int derive(const struct ate__password_cost *cost, const uint8_t salt[ATE__PASSWORD_SALT],
                  struct ate_bytes password, struct ate__key32 *ret_key)
{
    uint32_t memory = cost->memory_kib, passes = cost->passes, lanes = cost->lanes;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)password.data,
                                          password.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
                                          ATE__PASSWORD_SALT),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_MEMCOST, &memory),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &passes),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ARGON2_LANES, &lanes),
        OSSL_PARAM_construct_end(),
    };
    if (!password.size)
        return ate__fail(ATE_MISUSE, "an empty password");
    if (password.size > ATE__PASSWORD_MAX)
        return ate__fail(ATE_TOO_BIG, "a password has at most %d bytes", ATE__PASSWORD_MAX);
    int rc = ate__password_cost_check(cost);
    if (rc)
        return rc;
    EVP_KDF *kdf = ate__ossl_argon2id();
    ate__cleanup(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    if (!ctx || EVP_KDF_derive(ctx, ret_key->b, sizeof ret_key->b, params) <= 0)
        return ate__ossl_fail("compute Argon2id");
    return 0;
}

int ate__password_seal(const struct ate__env *env, const struct ate__password_cost *cost,
                       const uint8_t salt[ATE__PASSWORD_SALT], struct ate_bytes password,
                       struct ate_bytes aad, struct ate_bytes secret, uint8_t *ret_sealed)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}}; /* wiped */
    ate__cleanup(ate__aead_freep) struct ate__aead *aead = NULL;   /* wiped */
    ate__cleanup(ate__buf_deinit) struct ate__buf cipher = ATE__BUF_NULL;
    uint8_t nonce[ATE__AEAD_NONCE];
    int rc = derive(cost, salt, password, &key);
    if (!rc)
        rc = ate__aead_new(&key, &aead);
    if (!rc)
        rc = ate__aead_encrypt(aead, env, aad, secret, nonce, &cipher);
    if (rc)
        return rc;
    memcpy(ret_sealed, nonce, sizeof nonce);
    memcpy(ret_sealed + sizeof nonce, cipher.data, cipher.size);
    return 0;
}

int ate__password_open(const struct ate__password_cost *cost,
                       const uint8_t salt[ATE__PASSWORD_SALT], struct ate_bytes password,
                       struct ate_bytes aad, struct ate_bytes sealed, uint8_t *ret_secret,
                       size_t size)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}}; /* wiped */
    ate__cleanup(ate__aead_freep) struct ate__aead *aead = NULL;   /* wiped */
    const uint8_t *nonce = sealed.data;
    int rc = derive(cost, salt, password, &key);
    if (!rc)
        rc = ate__aead_new(&key, &aead);
    if (!rc && sealed.size < ATE__AEAD_NONCE)
        rc = ATE_TAMPERED;
    if (!rc)
        rc = ate__aead_decrypt_to(
            aead, nonce, aad, ate__bytes(nonce + ATE__AEAD_NONCE, sealed.size - ATE__AEAD_NONCE),
            ret_secret, size);
    return rc == ATE_TAMPERED
               ? ate__fail(ATE_NO_KEY, "it does not open: a wrong password, or it was changed")
               : rc;
}
