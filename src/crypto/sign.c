/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign.c: the composites of draft-ietf-lamps-pq-composite-sigs-19,
 *
 *   M' = Prefix || Label || len(ctx) || ctx || digest(M)
 *   signature = ML-DSA(M', context = Label) || EdDSA(M')
 *   public key = ML-DSA public key || EdDSA public key
 *
 * and their parts by themselves: ML-DSA(M, context = ctx), EdDSA(ctx || 0x00 || M).
 */
#include "crypto/sign.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/sign_form.h"
#include <openssl/core_names.h>
#include <openssl/params.h>

enum { DIGEST = 64, LABEL_MAX = 32 };

static const char prefix[] = "CompositeAlgorithmSignatures2025";

/* No field is a secret itself: OpenSSL holds those, and wipes them. */
struct ate__sign_key {
    const struct ate__algorithm *a;
    EVP_PKEY *mldsa, *eddsa; /* NULL: the algorithm has no such part */
    uint8_t public_key[ATE__SIG_PUBLIC_MAX];
};
struct ate__verify_key {
    const struct ate__algorithm *a;
    EVP_PKEY *mldsa, *eddsa;
};

/* What the parts sign. */
struct input {
    struct ate_bytes bytes, mldsa_context;
    uint8_t composite[sizeof prefix - 1 + LABEL_MAX + 1 + ATE__SIGN_CONTEXT_MAX + DIGEST];
    struct ate__buf joined; /* ctx || 0x00 || M */
};

static void input_deinit(struct input *in)
{
    ate__buf_deinit(&in->joined);
}

static int digest(enum ate__ossl_md which, struct ate_bytes message, uint8_t ret[DIGEST])
{
    const EVP_MD *md = ate__ossl_md(which);
    ate__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = md ? EVP_MD_CTX_new() : NULL;
    if (!hash || !EVP_DigestInit_ex2(hash, md, NULL) ||
        !EVP_DigestUpdate(hash, message.data, message.size) ||
        !(which == ATE__MD_SHAKE256 ? EVP_DigestFinalXOF(hash, ret, DIGEST)
                                    : EVP_DigestFinal_ex(hash, ret, NULL)))
        return ate__ossl_fail("hash a message");
    return 0;
}

static int represent(const struct ate__sig_form *form, struct ate_bytes ctx,
                     struct ate_bytes message, struct input *in)
{
    uint8_t *to = in->composite;
    size_t label_size = strlen(form->label);
    ate__assert(label_size <= LABEL_MAX);
    to = mempcpy(to, prefix, sizeof prefix - 1);
    to = mempcpy(to, form->label, label_size);
    *to++ = (uint8_t)ctx.size;
    if (ctx.size)
        to = mempcpy(to, ctx.data, ctx.size);
    in->bytes = ate__bytes(in->composite, (size_t)(to - in->composite) + DIGEST);
    in->mldsa_context = ate__bytes(form->label, label_size);
    return digest(form->digest, message, to);
}

static int join(struct ate_bytes ctx, struct ate_bytes message, struct input *in)
{
    int rc = ate__buf_append(&in->joined, ctx);
    if (!rc)
        rc = ate__buf_append(&in->joined, ate__bytes("", 1));
    if (!rc)
        rc = ate__buf_append(&in->joined, message);
    in->bytes = ate__buf_bytes(&in->joined);
    return rc;
}

/* Fills in what is all zeros. */
static int prepare(const struct ate__algorithm *a, struct ate_bytes ctx, struct ate_bytes message,
                   struct input *in)
{
    if (ctx.size > ATE__SIGN_CONTEXT_MAX)
        return ate__fail(ATE_MISUSE, "a signature's context of %zu bytes; %d is the most", ctx.size,
                         ATE__SIGN_CONTEXT_MAX);
    if (a->composite)
        return represent(a->sig, ctx, message, in);
    if (a->sig->eddsa)
        return join(ctx, message, in);
    in->bytes = message;
    in->mldsa_context = ctx;
    return 0;
}

/* What ML-DSA gets besides the message; EdDSA gets nothing. */
static const OSSL_PARAM *mldsa_params(const struct input *in, OSSL_PARAM to[2])
{
    to[0] =
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING,
                                          (void *)in->mldsa_context.data, in->mldsa_context.size);
    to[1] = OSSL_PARAM_construct_end();
    return in->mldsa_context.size ? to : NULL;
}

static int find(unsigned id, const struct ate__algorithm **ret)
{
    const struct ate__algorithm *a = ate__algorithm(id);
    if (!a || a->use != ATE__USE_SIGN)
        return ate__fail(ATE_UNSUPPORTED, "a signature of unknown algorithm 0x%04x", id);
    *ret = a;
    return 0;
}

/* ---- signing ---- */

void ate__sign_seeds_deinit(struct ate__sign_seeds *s)
{
    ate__wipe(s, sizeof *s);
}

int ate__sign_key_new(unsigned algorithm, const struct ate__sign_seeds *seeds,
                      struct ate__sign_key **ret_key)
{
    const struct ate__algorithm *a = NULL;
    int rc = find(algorithm, &a);
    if (rc)
        return rc;
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__sign_key_freep) struct ate__sign_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->a = a;
    if (a->sig->mldsa)
        rc = ate__part_of_seed(a->sig->mldsa, seeds->mldsa, &k->mldsa, k->public_key);
    if (!rc && a->sig->eddsa)
        rc = ate__part_of_seed(a->sig->eddsa, seeds->eddsa, &k->eddsa,
                               k->public_key + ate__part_public_size(a->sig->mldsa));
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
    EVP_PKEY_free(k->eddsa);
    ate__free(k);
}

struct ate_bytes ate__sign_key_public(const struct ate__sign_key *k)
{
    return ate__bytes(k->public_key, k->a->public_size);
}

int ate__sign(const struct ate__sign_key *k, struct ate_bytes ctx, struct ate_bytes message,
              uint8_t *ret_signature)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(input_deinit) struct input in = {.bytes = {NULL, 0}};
    uint8_t signature[ATE__SIG_SIZE_MAX];
    OSSL_PARAM params[2];
    size_t mldsa_size = ate__part_signature_size(k->a->sig->mldsa);
    int rc = prepare(k->a, ctx, message, &in);
    if (!rc && k->mldsa)
        rc = ate__part_sign(k->mldsa, mldsa_params(&in, params), in.bytes, signature, mldsa_size);
    if (!rc && k->eddsa)
        rc = ate__part_sign(k->eddsa, NULL, in.bytes, signature + mldsa_size,
                            k->a->made_size - mldsa_size);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        memcpy(ret_signature, signature, k->a->made_size);
    return rc;
}

/* ---- verifying ---- */

int ate__verify_key_new(unsigned algorithm, struct ate_bytes public_key,
                        struct ate__verify_key **ret_key)
{
    const struct ate__algorithm *a = NULL;
    int rc = find(algorithm, &a);
    if (rc)
        return rc;
    if (public_key.size != a->public_size)
        return ate__fail(ATE_MALFORMED, "a public key of %s has %u bytes, not %zu", a->name,
                         (unsigned)a->public_size, public_key.size);
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    const uint8_t *mldsa = public_key.data;
    const uint8_t *eddsa = mldsa + ate__part_public_size(a->sig->mldsa);
    ate__cleanup(ate__verify_key_freep) struct ate__verify_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    k->a = a;
    if (a->sig->eddsa)
        rc = ate__part_load(a->sig->eddsa, eddsa, &k->eddsa);
    if (!rc && a->sig->mldsa)
        rc = ate__part_load(a->sig->mldsa, mldsa, &k->mldsa);
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
}

void ate__verify_key_free(struct ate__verify_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->mldsa);
    EVP_PKEY_free(k->eddsa);
    ate__free(k);
}

int ate__verify(const struct ate__verify_key *k, struct ate_bytes ctx, struct ate_bytes message,
                struct ate_bytes signature)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(input_deinit) struct input in = {.bytes = {NULL, 0}};
    OSSL_PARAM params[2];
    if (signature.size != k->a->made_size)
        return ate__fail(ATE_TAMPERED, "a signature of %s has %u bytes, not %zu", k->a->name,
                         (unsigned)k->a->made_size, signature.size);
    const uint8_t *mldsa = signature.data;
    size_t mldsa_size = ate__part_signature_size(k->a->sig->mldsa);
    int rc = prepare(k->a, ctx, message, &in);
    if (!rc && k->eddsa) /* the quicker one first */
        rc = ate__part_verify(k->eddsa, NULL, in.bytes,
                              ate__bytes(mldsa + mldsa_size, signature.size - mldsa_size));
    if (!rc && k->mldsa)
        rc = ate__part_verify(k->mldsa, mldsa_params(&in, params), in.bytes,
                              ate__bytes(mldsa, mldsa_size));
    return rc;
}
