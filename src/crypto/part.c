/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * part.c: ML-DSA and Ed25519, as OpenSSL has them.
 */
#include "crypto/part.h"
#include "base/assert.h"
#include "base/err.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

enum { ED25519_PUBLIC = 32 };

static const struct {
    const char *name;
    size_t public_size;
} algorithm[] = {
    [ATE__PART_ED25519] = {"ED25519", ED25519_PUBLIC},
    [ATE__PART_MLDSA44] = {"ML-DSA-44", 1312},
    [ATE__PART_MLDSA65] = {"ML-DSA-65", 1952},
};

size_t ate__part_public_size(enum ate__part part)
{
    return algorithm[part].public_size;
}

static EVP_PKEY *mldsa_of_seed(const char *name, const struct ate__key32 *seed)
{
    EVP_PKEY *key = NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_DSA_SEED, (void *)seed->b,
                                          sizeof seed->b),
        OSSL_PARAM_construct_end(),
    };
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        library ? EVP_PKEY_CTX_new_from_name(library, name, NULL) : NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, (OSSL_PARAM *)params) <= 0)
        return NULL;
    return key;
}

static EVP_PKEY *ed25519_of_seed(const char *name, const struct ate__key32 *seed)
{
    OSSL_LIB_CTX *library = ate__ossl();
    return library ? EVP_PKEY_new_raw_private_key_ex(library, name, NULL, seed->b, sizeof seed->b)
                   : NULL;
}

int ate__part_of_seed(enum ate__part part, const struct ate__key32 *seed, EVP_PKEY **ret_key,
                      uint8_t *ret_public)
{
    const char *name = algorithm[part].name;
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key =
        part == ATE__PART_ED25519 ? ed25519_of_seed(name, seed) : mldsa_of_seed(name, seed);
    size_t made = algorithm[part].public_size;
    if (!key || EVP_PKEY_get_raw_public_key(key, ret_public, &made) <= 0)
        return ate__ossl_fail("make a signature key");
    ate__assert(made == algorithm[part].public_size);
    *ret_key = ate__steal(&key);
    return 0;
}

/* Of the field's elements y, little-endian: those of the eight points of small order. With the sign
 * of x left out, every encoding of such a point is one of these, or not canonical. */
static const uint8_t small_order[][ED25519_PUBLIC] = {
    {0}, /* order 4 */
    {1}, /* the neutral point */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* -1, order 2 */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* order 8 */
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* order 8 */
};

/* y: the bytes of the point with x's sign left out. Whether it is below p = 2^255 - 19. */
static bool canonical(const uint8_t y[ED25519_PUBLIC])
{
    if (y[31] != 0x7f)
        return true;
    for (unsigned i = 30; i > 0; i--)
        if (y[i] != 0xff)
            return true;
    return y[0] < 0xed;
}

static int check_ed25519(const uint8_t point[ED25519_PUBLIC])
{
    uint8_t y[ED25519_PUBLIC];
    memcpy(y, point, sizeof y);
    y[31] &= 0x7f;
    if (!canonical(y))
        return ate__fail(ATE_MALFORMED, "an Ed25519 public key is not in its canonical form");
    for (size_t i = 0; i < ATE__COUNT_OF(small_order); i++)
        if (!memcmp(y, small_order[i], sizeof y))
            return ate__fail(ATE_MALFORMED, "an Ed25519 public key is a point of small order");
    return 0;
}

int ate__part_load(enum ate__part part, const uint8_t *public_key, EVP_PKEY **ret_key)
{
    int rc = part == ATE__PART_ED25519 ? check_ed25519(public_key) : 0;
    if (rc)
        return rc;
    OSSL_LIB_CTX *library = ate__ossl();
    if (!library)
        return ate__no_memory();
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(library, algorithm[part].name, NULL, public_key,
                                                   algorithm[part].public_size);
    if (!key)
        return ate__ossl_refused(ATE_MALFORMED, "not a signature's public key");
    *ret_key = key;
    return 0;
}

int ate__part_sign(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                   uint8_t *ret_signature, size_t size)
{
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t made = size;
    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, ate__ossl(), NULL, key, params) <= 0 ||
        EVP_DigestSign(ctx, ret_signature, &made, message.data, message.size) <= 0)
        return ate__ossl_fail("sign");
    ate__assert(made == size);
    return 0;
}

int ate__part_verify(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                     struct ate_bytes signature)
{
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, ate__ossl(), NULL, key, params) <= 0)
        return ate__ossl_fail("begin to verify");
    if (EVP_DigestVerify(ctx, signature.data, signature.size, message.data, message.size) != 1)
        return ate__ossl_refused(ATE_TAMPERED, "a signature does not hold");
    return 0;
}
