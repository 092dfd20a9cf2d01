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
#include "crypto/part.h"
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

static int check_context(struct ate_bytes ctx)
{
    if (ctx.size > ATE__SIGN_CONTEXT_MAX)
        return ate__fail(ATE_MISUSE, "a signature's context of %zu bytes; %d is the most", ctx.size,
                         ATE__SIGN_CONTEXT_MAX);
    return 0;
}

/* --- signing --- */

int ate__sign_key_new(const struct ate__key32 *mldsa_seed, const struct ate__key32 *ed25519_seed,
                      struct ate__sign_key **ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__sign_key_freep) struct ate__sign_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    int rc = ate__part_of_seed(ATE__PART_MLDSA65, mldsa_seed, &k->mldsa, k->public_key);
    if (!rc)
        rc = ate__part_of_seed(ATE__PART_ED25519, ed25519_seed, &k->ed25519,
                               k->public_key + MLDSA_PUBLIC);
    if (!rc)
        rc = ate__ossl_noted();
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
        rc = ate__part_sign(k->mldsa, mldsa_params(params), ate__bytes(m.bytes, m.size), signature,
                            MLDSA_SIGNATURE);
    if (!rc)
        rc = ate__part_sign(k->ed25519, NULL, ate__bytes(m.bytes, m.size),
                            signature + MLDSA_SIGNATURE, ED25519_SIGNATURE);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        memcpy(ret_signature, signature, sizeof signature);
    return rc;
}

/* --- verifying --- */

int ate__verify_key_new(struct ate_bytes public_key, struct ate__verify_key **ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    if (public_key.size != ATE__SIG_PUBLIC)
        return ate__fail(ATE_MALFORMED, "a signature's public key has %d bytes, not %zu",
                         ATE__SIG_PUBLIC, public_key.size);
    const uint8_t *mldsa = public_key.data, *ed25519 = mldsa + MLDSA_PUBLIC;
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    int rc = ate__part_load(ATE__PART_ED25519, ed25519, &k->ed25519);
    if (!rc)
        rc = ate__part_load(ATE__PART_MLDSA65, mldsa, &k->mldsa);
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
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
        rc = ate__part_verify(k->ed25519, NULL, ate__bytes(m.bytes, m.size),
                              ate__bytes(ed25519, ED25519_SIGNATURE));
    if (!rc)
        rc = ate__part_verify(k->mldsa, mldsa_params(params), ate__bytes(m.bytes, m.size),
                              ate__bytes(mldsa, MLDSA_SIGNATURE));
    return rc;
}
