/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kdf.c: HKDF on HMAC-SHA-256, key wrap on OpenSSL's AES-256-WRAP.
 */
#include "crypto/kdf.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/mac.h"
#include "crypto/ossl.h"

enum { HASH = 32 };

int ate__hkdf_extract(struct ate_bytes salt, struct ate_bytes ikm, struct ate__key32 *ret_prk)
{
    ate__cleanup(ate__mac_deinit) struct ate__mac m; /* wiped */
    ate__mac_begin(&m, salt);
    ate__mac_bytes(&m, ikm);
    return ate__mac_end(&m, ret_prk->b);
}

/* T(n) = HMAC(prk, T(n - 1), info, n); the text of info is a frame if there is a label. */
static int expand_block(const struct ate__key32 *prk, struct ate_bytes before, const char *label,
                        const struct ate_bytes *info, size_t count, uint8_t n, uint8_t ret[HASH])
{
    ate__cleanup(ate__mac_deinit) struct ate__mac m; /* wiped */
    ate__mac_begin(&m, ate__bytes(prk->b, sizeof prk->b));
    ate__mac_bytes(&m, before);
    if (label)
        ate__mac_frame(&m, label, info, count);
    else
        ate__mac_bytes(&m, *info);
    ate__mac_bytes(&m, ate__bytes(&n, 1));
    return ate__mac_end(&m, ret);
}

int ate__hkdf_expand(const struct ate__key32 *prk, struct ate_bytes info, uint8_t *ret, size_t size)
{
    ate__assert(size <= ATE__HKDF_EXPAND_MAX);
    ate__cleanup(ate__key32_deinit) struct ate__key32 t = {{0}}; /* wiped */
    struct ate_bytes before = {NULL, 0};
    uint8_t n = 1;
    for (size_t at = 0; at < size; at += HASH, n++) {
        int rc = expand_block(prk, before, NULL, &info, 1, n, t.b);
        if (rc) {
            ate__wipe(ret, at);
            return rc;
        }
        memcpy(ret + at, t.b, ate__min(HASH, size - at));
        before = ate__bytes(t.b, HASH);
    }
    return 0;
}

int ate__kdf(const struct ate__key32 *key, const char *label, const struct ate_bytes *fields,
             size_t count, struct ate__key32 *ret_key)
{
    return expand_block(key, ate__bytes(NULL, 0), label, fields, count, 1, ret_key->b);
}

static int wrap_begin(const struct ate__key32 *wrapping_key, bool wrap, EVP_CIPHER_CTX **ret_ctx)
{
    const EVP_CIPHER *cipher = ate__ossl_cipher(ATE__CIPHER_AES256_WRAP);
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (ctx)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, wrapping_key->b, NULL, wrap, NULL))
        return ate__ossl_fail("begin a key wrap");
    *ret_ctx = ate__steal(&ctx);
    return 0;
}

int ate__wrap(const struct ate__key32 *wrapping_key, const struct ate__key32 *key,
              uint8_t ret[ATE__WRAPPED_KEY])
{
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL; /* wiped */
    int rc = wrap_begin(wrapping_key, true, &ctx);
    if (rc)
        return rc;
    uint8_t wrapped[ATE__WRAPPED_KEY + 8]; /* as much as the cipher asks room for */
    int size;
    if (!EVP_EncryptUpdate(ctx, wrapped, &size, key->b, sizeof key->b) || size != ATE__WRAPPED_KEY)
        return ate__ossl_fail("wrap a key");
    memcpy(ret, wrapped, ATE__WRAPPED_KEY);
    return 0;
}

int ate__unwrap(const struct ate__key32 *wrapping_key, const uint8_t wrapped[ATE__WRAPPED_KEY],
                struct ate__key32 *ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL; /* wiped */
    int rc = wrap_begin(wrapping_key, false, &ctx);
    if (rc)
        return rc;
    uint8_t key[ATE__WRAPPED_KEY + 8]; /* as much as the cipher asks room for */
    int size;
    if (EVP_DecryptUpdate(ctx, key, &size, wrapped, ATE__WRAPPED_KEY) <= 0 ||
        size != sizeof ret_key->b)
        rc = ate__ossl_refused(ATE_NO_KEY, "a wrapped key does not open with this key");
    else
        memcpy(ret_key->b, key, sizeof ret_key->b);
    ate__wipe(key, sizeof key);
    return rc;
}
