/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign.c: the composite of draft-ietf-lamps-pq-composite-sigs-19:
 *
 *   M' = Prefix || Label || len(ctx) || ctx || SHA-512(M)
 *   signature = ML-DSA-65(M', context = Label) || Ed25519(M')
 *   public key = ML-DSA-65 public key || Ed25519 public key
 */
#include "crypto/sign.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/ossl.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

enum {
    MLDSA_PUBLIC = 1952,
    MLDSA_SIGNATURE = 3309,
    ED25519_PUBLIC = 32,
    ED25519_SIGNATURE = 64,
    DIGEST = 64
};
_Static_assert(MLDSA_PUBLIC + ED25519_PUBLIC == ATE__SIG_PUBLIC, "sizes");
_Static_assert(MLDSA_SIGNATURE + ED25519_SIGNATURE == ATE__SIG_SIZE, "sizes");

static const char prefix[] = "CompositeAlgorithmSignatures2025";
static const char label[] = "COMPSIG-MLDSA65-Ed25519-SHA512";

/* No field is a secret itself: OpenSSL holds those, and wipes them. */
struct ate__sign_key {
    EVP_PKEY *mldsa, *ed25519;
    uint8_t public_key[ATE__SIG_PUBLIC];
};
struct ate__verify_key {
    EVP_PKEY *mldsa, *ed25519;
};

struct representative { /* M' */
    uint8_t bytes[sizeof prefix - 1 + sizeof label - 1 + 1 + ATE__SIGN_CONTEXT_MAX + DIGEST];
    size_t size;
};

static int represent(struct ate_bytes ctx, struct ate_bytes message, struct representative *ret_m)
{
    uint8_t *to = ret_m->bytes;
    to = mempcpy(to, prefix, sizeof prefix - 1);
    to = mempcpy(to, label, sizeof label - 1);
    *to++ = (uint8_t)ctx.size;
    if (ctx.size)
        to = mempcpy(to, ctx.data, ctx.size);
    const EVP_MD *md = ate__ossl_md(ATE__MD_SHA512);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = md ? EVP_MD_CTX_new() : NULL;
    if (!hash || !EVP_DigestInit_ex2(hash, md, NULL) ||
        !EVP_DigestUpdate(hash, message.data, message.size) || !EVP_DigestFinal_ex(hash, to, NULL))
        return ate__ossl_fail("hash a message");
    ret_m->size = (size_t)(to - ret_m->bytes) + DIGEST;
    return 0;
}

/* What ML-DSA gets besides the message; plain Ed25519 gets nothing. */
static const OSSL_PARAM *mldsa_params(OSSL_PARAM to[2])
{
    to[0] = OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, (char *)label,
                                              sizeof label - 1);
    to[1] = OSSL_PARAM_construct_end();
    return to;
}

static int sign_part(EVP_PKEY *key, const OSSL_PARAM *params, const struct representative *m,
                     uint8_t *ret_signature, size_t size)
{
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t made = size;
    if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, ate__ossl(), NULL, key, params) <= 0 ||
        EVP_DigestSign(ctx, ret_signature, &made, m->bytes, m->size) <= 0)
        return ate__ossl_fail("sign");
    ate__assert(made == size);
    return 0;
}

static int verify_part(EVP_PKEY *key, const OSSL_PARAM *params, const struct representative *m,
                       const uint8_t *signature, size_t size)
{
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, ate__ossl(), NULL, key, params) <= 0)
        return ate__ossl_fail("begin to verify");
    if (EVP_DigestVerify(ctx, signature, size, m->bytes, m->size) != 1)
        return ate__ossl_refused(ATE_TAMPERED, "a signature does not hold");
    return 0;
}

static int check_context(struct ate_bytes ctx)
{
    if (ctx.size > ATE__SIGN_CONTEXT_MAX)
        return ate__fail(ATE_MISUSE, "a signature's context of %zu bytes; %d is the most", ctx.size,
                         ATE__SIGN_CONTEXT_MAX);
    return 0;
}

/* --- signing --- */

static EVP_PKEY *mldsa_of_seed(const struct ate__key32 *seed)
{
    EVP_PKEY *key = NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_DSA_SEED, (void *)seed->b,
                                          sizeof seed->b),
        OSSL_PARAM_construct_end(),
    };
    OSSL_LIB_CTX *library = ate__ossl();
    ate__cleanup(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        library ? EVP_PKEY_CTX_new_from_name(library, "ML-DSA-65", NULL) : NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, (OSSL_PARAM *)params) <= 0)
        return NULL;
    return key;
}

static bool public_of(EVP_PKEY *key, uint8_t *ret_public, size_t size)
{
    size_t made = size;
    return EVP_PKEY_get_raw_public_key(key, ret_public, &made) > 0 && made == size;
}

int ate__sign_key_new(const struct ate__key32 *mldsa_seed, const struct ate__key32 *ed25519_seed,
                      struct ate__sign_key **ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__sign_key_freep) struct ate__sign_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->mldsa = mldsa_of_seed(mldsa_seed);
    k->ed25519 = !k->mldsa
                     ? NULL
                     : EVP_PKEY_new_raw_private_key_ex(ate__ossl(), "ED25519", NULL,
                                                       ed25519_seed->b, sizeof ed25519_seed->b);
    if (!k->ed25519 || !public_of(k->mldsa, k->public_key, MLDSA_PUBLIC) ||
        !public_of(k->ed25519, k->public_key + MLDSA_PUBLIC, ED25519_PUBLIC))
        return ate__ossl_fail("make a signature key");
    int rc = ate__ossl_noted();
    if (rc)
        return rc;
    *ret_key = ate__steal(&k);
    return 0;
}

void ate__sign_key_free(struct ate__sign_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->mldsa);
    EVP_PKEY_free(k->ed25519);
    ate__free(k);
}

void ate__sign_key_public(const struct ate__sign_key *k, uint8_t ret_public[ATE__SIG_PUBLIC])
{
    memcpy(ret_public, k->public_key, sizeof k->public_key);
}

int ate__sign(const struct ate__sign_key *k, struct ate_bytes ctx, struct ate_bytes message,
              uint8_t ret_signature[ATE__SIG_SIZE])
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    struct representative m;
    uint8_t signature[ATE__SIG_SIZE];
    OSSL_PARAM params[2];
    int rc = check_context(ctx);
    if (!rc)
        rc = represent(ctx, message, &m);
    if (!rc)
        rc = sign_part(k->mldsa, mldsa_params(params), &m, signature, MLDSA_SIGNATURE);
    if (!rc)
        rc = sign_part(k->ed25519, NULL, &m, signature + MLDSA_SIGNATURE, ED25519_SIGNATURE);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        memcpy(ret_signature, signature, sizeof signature);
    return rc;
}

/* --- verifying --- */

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

int ate__verify_key_new(struct ate_bytes public_key, struct ate__verify_key **ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    if (public_key.size != ATE__SIG_PUBLIC)
        return ate__fail(ATE_MALFORMED, "a signature's public key has %d bytes, not %zu",
                         ATE__SIG_PUBLIC, public_key.size);
    const uint8_t *mldsa = public_key.data, *ed25519 = mldsa + MLDSA_PUBLIC;
    int rc = check_ed25519(ed25519);
    if (rc)
        return rc;
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *k = ate__alloc(sizeof *k);
    OSSL_LIB_CTX *library = ate__ossl();
    if (!k || !library)
        return ate__no_memory();
    k->mldsa = EVP_PKEY_new_raw_public_key_ex(library, "ML-DSA-65", NULL, mldsa, MLDSA_PUBLIC);
    k->ed25519 = EVP_PKEY_new_raw_public_key_ex(library, "ED25519", NULL, ed25519, ED25519_PUBLIC);
    if (!k->mldsa || !k->ed25519)
        return ate__ossl_refused(ATE_MALFORMED, "not a signature's public key");
    *ret_key = ate__steal(&k);
    return 0;
}

void ate__verify_key_free(struct ate__verify_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->mldsa);
    EVP_PKEY_free(k->ed25519);
    ate__free(k);
}

int ate__verify(const struct ate__verify_key *k, struct ate_bytes ctx, struct ate_bytes message,
                struct ate_bytes signature)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    struct representative m;
    OSSL_PARAM params[2];
    if (signature.size != ATE__SIG_SIZE)
        return ate__fail(ATE_TAMPERED, "a signature has %d bytes, not %zu", ATE__SIG_SIZE,
                         signature.size);
    const uint8_t *mldsa = signature.data, *ed25519 = mldsa + MLDSA_SIGNATURE;
    int rc = check_context(ctx);
    if (!rc)
        rc = represent(ctx, message, &m);
    if (!rc) /* the quicker one first */
        rc = verify_part(k->ed25519, NULL, &m, ed25519, ED25519_SIGNATURE);
    if (!rc)
        rc = verify_part(k->mldsa, mldsa_params(params), &m, mldsa, MLDSA_SIGNATURE);
    return rc;
}
