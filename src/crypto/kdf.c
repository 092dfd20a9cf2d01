/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kdf.c: HKDF on HMAC-SHA-256; key wrap (RFC 3394) on AES-256-ECB. OpenSSL's own key wrap does not
 * use the processor's AES: it looks up tables at places that the key gives (tests/timing).
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

enum { HALF = 8, BLOCK = 2 * HALF, HALVES = 4, STEPS = 6 * HALVES };

static const uint8_t unwrapped[HALF] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

static int wrap_begin(const struct ate__key32 *wrapping_key, bool wrap, EVP_CIPHER_CTX **ret_ctx)
{
    const EVP_CIPHER *cipher = ate__ossl_cipher(ATE__CIPHER_AES256_ECB);
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (!ctx || !EVP_CipherInit_ex2(ctx, cipher, wrapping_key->b, NULL, wrap, NULL) ||
        !EVP_CIPHER_CTX_set_padding(ctx, 0))
        return ate__ossl_fail("begin a key wrap");
    *ret_ctx = ate__steal(&ctx);
    return 0;
}

/* All steps in place, over the first half and the halves of the key behind it (RFC 3394, 2.2.1 and
 * 2.2.2); unwrapping takes them back, the last one first. */
static int wrap_steps(const struct ate__key32 *wrapping_key, bool wrap,
                      uint8_t bytes[ATE__WRAPPED_KEY])
{
    ate__cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL; /* wiped */
    uint8_t block[BLOCK];
    int size, rc = wrap_begin(wrapping_key, wrap, &ctx);
    for (unsigned n = 0; !rc && n < STEPS; n++) {
        unsigned step = wrap ? n : STEPS - 1 - n;
        uint8_t *half = bytes + HALF + step % HALVES * HALF;
        memcpy(block, bytes, HALF);
        memcpy(block + HALF, half, HALF);
        if (!wrap)
            block[HALF - 1] ^= (uint8_t)(step + 1);
        if (!EVP_CipherUpdate(ctx, block, &size, block, BLOCK))
            rc = ate__ossl_fail("wrap or unwrap a key");
        if (wrap)
            block[HALF - 1] ^= (uint8_t)(step + 1);
        memcpy(bytes, block, HALF);
        memcpy(half, block + HALF, HALF);
    }
    ate__wipe(block, sizeof block);
    return rc;
}

int ate__wrap(const struct ate__key32 *wrapping_key, const struct ate__key32 *key,
              uint8_t ret[ATE__WRAPPED_KEY])
{
    uint8_t bytes[ATE__WRAPPED_KEY];
    memcpy(bytes, unwrapped, HALF);
    memcpy(bytes + HALF, key->b, sizeof key->b);
    int rc = wrap_steps(wrapping_key, true, bytes);
    if (!rc)
        memcpy(ret, bytes, sizeof bytes);
    ate__wipe(bytes, sizeof bytes);
    return rc;
}

int ate__unwrap(const struct ate__key32 *wrapping_key, const uint8_t wrapped[ATE__WRAPPED_KEY],
                struct ate__key32 *ret_key)
{
    uint8_t bytes[ATE__WRAPPED_KEY];
    memcpy(bytes, wrapped, sizeof bytes);
    int rc = wrap_steps(wrapping_key, false, bytes);
    if (!rc && !ate__secret_equal(bytes, unwrapped, HALF))
        rc = ate__fail(ATE_NO_KEY, "a wrapped key does not open with this key");
    if (!rc)
        memcpy(ret_key->b, bytes + HALF, sizeof ret_key->b);
    ate__wipe(bytes, sizeof bytes);
    return rc;
}
