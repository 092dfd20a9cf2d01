/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * part.c: ML-DSA, Ed25519, Ed448 and ML-KEM, as OpenSSL has them.
 */
#include "crypto/part.h"
#include "base/assert.h"
#include "base/err.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

enum { ED25519_PUBLIC = 32, ED448_PUBLIC = 57 };

static const struct {
    const char *name;
    size_t seed_size, public_size, signature_size;
    bool is_curve;
} algorithm[] = {
    [ATE__PART_NONE] = {"", 0, 0, 0, false},
    [ATE__PART_ED25519] = {"ED25519", 32, ED25519_PUBLIC, 64, true},
    [ATE__PART_ED448] = {"ED448", 57, ED448_PUBLIC, 114, true},
    [ATE__PART_MLDSA44] = {"ML-DSA-44", 32, 1312, 2420, false},
    [ATE__PART_MLDSA65] = {"ML-DSA-65", 32, 1952, 3309, false},
    [ATE__PART_MLDSA87] = {"ML-DSA-87", 32, 2592, 4627, false},
};

size_t ate__part_seed_size(enum ate__part part)
{
    return algorithm[part].seed_size;
}

size_t ate__part_public_size(enum ate__part part)
{
    return algorithm[part].public_size;
}

size_t ate__part_signature_size(enum ate__part part)
{
    return algorithm[part].signature_size;
}

/* A key pair of an algorithm that takes its seed as a parameter. */
static EVP_PKEY *pair_of(const char *name, const char *parameter, const uint8_t *seed, size_t size)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(parameter, (void *)seed, size),
        OSSL_PARAM_construct_end(),
    };
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        library ? EVP_PKEY_CTX_new_from_name(library, name, NULL) : NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        return NULL;
    return key;
}

static EVP_PKEY *curve_of(const char *name, const uint8_t *seed, size_t size)
{
    OSSL_LIB_CTX *library = ate__ossl();
    return library ? EVP_PKEY_new_raw_private_key_ex(library, name, NULL, seed, size) : NULL;
}

int ate__part_of_seed(enum ate__part part, const uint8_t *seed, EVP_PKEY **ret_key,
                      uint8_t *ret_public)
{
    const char *name = algorithm[part].name;
    size_t size = algorithm[part].seed_size, made = algorithm[part].public_size;
    ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key =
        algorithm[part].is_curve ? curve_of(name, seed, size)
                                 : pair_of(name, OSSL_PKEY_PARAM_ML_DSA_SEED, seed, size);
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

/* The field of Ed448 has p = 2^448 - 2^224 - 1; y stands in 56 bytes, x's sign in the top bit of
 * the 57th. The points of small order have y = 1, -1 (orders 1 and 2) and 0 (order 4). */
static int check_ed448(const uint8_t point[ED448_PUBLIC])
{
    uint8_t p[56], below[56], zero[56] = {0}, one[56] = {1};
    memset(p, 0xff, sizeof p);
    p[28] = 0xfe;
    memcpy(below, p, sizeof p);
    below[0] = 0xfe;
    unsigned top = 55;
    while (top && point[top] == p[top])
        top--;
    bool canonical = !(point[56] & 0x7f) && point[top] < p[top];
    if (!canonical)
        return ate__fail(ATE_MALFORMED, "an Ed448 public key is not in its canonical form");
    if (!memcmp(point, zero, 56) || !memcmp(point, one, 56) || !memcmp(point, below, 56))
        return ate__fail(ATE_MALFORMED, "an Ed448 public key is a point of small order");
    return 0;
}

static int check_point(enum ate__part part, const uint8_t *public_key)
{
    switch (part) {
    case ATE__PART_ED25519: return check_ed25519(public_key);
    case ATE__PART_ED448: return check_ed448(public_key);
    default: return 0;
    }
}

int ate__part_load(enum ate__part part, const uint8_t *public_key, EVP_PKEY **ret_key)
{
    int rc = check_point(part, public_key);
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

/* ---- ML-KEM ---- */

EVP_PKEY *ate__mlkem_of_seed(const char *name, const uint8_t seed[ATE__MLKEM_SEED])
{
    return pair_of(name, OSSL_PKEY_PARAM_ML_KEM_SEED, seed, ATE__MLKEM_SEED);
}

/* OpenSSL checks the key when it takes it. */
int ate__mlkem_load(const char *name, const uint8_t *public_key, size_t size, const char *sentence,
                    EVP_PKEY **ret_key)
{
    OSSL_LIB_CTX *library = ate__ossl();
    if (!library)
        return ate__ossl_fail("begin");
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(library, name, NULL, public_key, size);
    if (!key)
        return ate__ossl_refused(ATE_MALFORMED, sentence);
    *ret_key = key;
    return 0;
}

int ate__mlkem_encapsulate(EVP_PKEY *key, uint8_t *ret_cipher, size_t size,
                           uint8_t ret_shared[ATE__MLKEM_SHARED])
{
    size_t cipher_size = size, shared_size = ATE__MLKEM_SHARED;
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(ate__ossl(), key, NULL);
    if (!ctx || EVP_PKEY_encapsulate_init(ctx, NULL) <= 0 ||
        EVP_PKEY_encapsulate(ctx, ret_cipher, &cipher_size, ret_shared, &shared_size) <= 0)
        return ate__ossl_fail("encapsulate");
    ate__assert(cipher_size == size && shared_size == ATE__MLKEM_SHARED);
    return 0;
}

int ate__mlkem_decapsulate(EVP_PKEY *key, const uint8_t *cipher, size_t size,
                           uint8_t ret_shared[ATE__MLKEM_SHARED])
{
    size_t shared_size = ATE__MLKEM_SHARED;
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(ate__ossl(), key, NULL);
    if (!ctx || EVP_PKEY_decapsulate_init(ctx, NULL) <= 0 ||
        EVP_PKEY_decapsulate(ctx, ret_shared, &shared_size, cipher, size) <= 0)
        return ate__ossl_fail("decapsulate");
    return 0;
}
