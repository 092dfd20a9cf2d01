/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log_key.c: the two keys of a log key.
 */
#include "crypto/log_key.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/rd.h"
#include "crypto/algorithm.h"
#include "crypto/kdf.h"
#include "crypto/part.h"

enum { ED25519_AT = 6, MLDSA44_AT = ED25519_AT + ATE__LOG_ED25519_PUBLIC + 6 };
_Static_assert(MLDSA44_AT + ATE__LOG_MLDSA44_PUBLIC == ATE__LOG_PUBLIC, "places");

/* No field is a secret itself: OpenSSL holds those, and wipes them. */
struct ate__log_key {
    EVP_PKEY *ed25519, *mldsa44;
    uint8_t public_key[ATE__LOG_PUBLIC];
};
struct ate__log_verify {
    EVP_PKEY *ed25519, *mldsa44;
    uint8_t public_key[ATE__LOG_PUBLIC];
};

/* --- signing --- */

/* Lays out the list around the places of both parts. */
static void put_heads(uint8_t public_key[ATE__LOG_PUBLIC])
{
    static const uint8_t ed25519[6] = {ATE__SIG_ED25519, 0, ATE__LOG_ED25519_PUBLIC, 0, 0, 0};
    static const uint8_t mldsa44[6] = {
        ATE__SIG_MLDSA44, 0, ATE__LOG_MLDSA44_PUBLIC & 0xff, ATE__LOG_MLDSA44_PUBLIC >> 8, 0, 0};
    memcpy(public_key, ed25519, sizeof ed25519);
    memcpy(public_key + MLDSA44_AT - sizeof mldsa44, mldsa44, sizeof mldsa44);
}

int ate__log_key_of_seed(const struct ate__key32 *seed, struct ate__log_key **ret_key)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 ed25519, mldsa44; /* wiped */
    int rc = ate__kdf(seed, "ate seed log ed25519 1", NULL, 0, &ed25519);
    if (!rc)
        rc = ate__kdf(seed, "ate seed log mldsa44 1", NULL, 0, &mldsa44);
    if (rc)
        return rc;
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    ate__cleanup(ate__log_key_freep) struct ate__log_key *k = ate__alloc(sizeof *k);
    if (!k)
        return ate__no_memory();
    put_heads(k->public_key);
    rc = ate__part_of_seed(ATE__PART_ED25519, ed25519.b, &k->ed25519, k->public_key + ED25519_AT);
    if (!rc)
        rc = ate__part_of_seed(ATE__PART_MLDSA44, mldsa44.b, &k->mldsa44,
                               k->public_key + MLDSA44_AT);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        *ret_key = ate__steal(&k);
    return rc;
}

void ate__log_key_free(struct ate__log_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->ed25519);
    EVP_PKEY_free(k->mldsa44);
    ate__free(k);
}

struct ate_bytes ate__log_key_public(const struct ate__log_key *k)
{
    return ate__bytes(k->public_key, sizeof k->public_key);
}

static int sign_with(EVP_PKEY *key, struct ate_bytes message, uint8_t *ret_signature, size_t size)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    uint8_t signature[ATE__LOG_MLDSA44_SIGNATURE];
    int rc = ate__part_sign(key, NULL, message, signature, size);
    if (!rc)
        rc = ate__ossl_noted();
    if (!rc)
        memcpy(ret_signature, signature, size);
    return rc;
}

int ate__log_sign_ed25519(const struct ate__log_key *k, struct ate_bytes message,
                          uint8_t ret_signature[ATE__LOG_ED25519_SIGNATURE])
{
    return sign_with(k->ed25519, message, ret_signature, ATE__LOG_ED25519_SIGNATURE);
}

int ate__log_sign_mldsa44(const struct ate__log_key *k, struct ate_bytes message,
                          uint8_t ret_signature[ATE__LOG_MLDSA44_SIGNATURE])
{
    return sign_with(k->mldsa44, message, ret_signature, ATE__LOG_MLDSA44_SIGNATURE);
}

/* --- verifying --- */

static int take_part(struct ate__rd *r, unsigned id, size_t size, struct ate_bytes *ret_part)
{
    unsigned found = ate__rd_u16(r);
    if (!ate__rd_ok(r))
        return ate__fail(ATE_MALFORMED, "a log key ends too early");
    if (!ate__algorithm(found))
        return ate__fail(ATE_UNSUPPORTED, "a log key of unknown algorithm 0x%04x", found);
    if (found != ATE__SIG_ED25519 && found != ATE__SIG_MLDSA44)
        return ate__fail(ATE_MALFORMED, "a signature key where a log key belongs");
    struct ate_bytes part = ate__rd_bytes32(r, size);
    if (!ate__rd_ok(r) || found != id || part.size != size)
        return ate__fail(ATE_MALFORMED, "a log key is one Ed25519 and one ML-DSA-44 key");
    *ret_part = part;
    return 0;
}

int ate__log_public_parse(struct ate_bytes public_key, struct ate__log_parts *ret_parts)
{
    struct ate__log_parts parts;
    struct ate__rd r = ate__rd_of(public_key);
    int rc = take_part(&r, ATE__SIG_ED25519, ATE__LOG_ED25519_PUBLIC, &parts.ed25519);
    if (!rc)
        rc = take_part(&r, ATE__SIG_MLDSA44, ATE__LOG_MLDSA44_PUBLIC, &parts.mldsa44);
    if (rc)
        return rc;
    if (!ate__rd_end(&r))
        return ate__fail(ATE_MALFORMED, "a log key has more than its two parts");
    *ret_parts = parts;
    return 0;
}

int ate__log_public_make(const uint8_t *ed25519, const uint8_t *mldsa44, struct ate__buf *buf)
{
    uint8_t public_key[ATE__LOG_PUBLIC];
    put_heads(public_key);
    memcpy(public_key + ED25519_AT, ed25519, ATE__LOG_ED25519_PUBLIC);
    memcpy(public_key + MLDSA44_AT, mldsa44, ATE__LOG_MLDSA44_PUBLIC);
    return ate__buf_append(buf, ate__bytes(public_key, sizeof public_key));
}

int ate__log_verify_new(struct ate_bytes public_key, struct ate__log_verify **ret_key)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    struct ate__log_parts parts;
    int rc = ate__log_public_parse(public_key, &parts);
    if (rc)
        return rc;
    ate__cleanup(ate__log_verify_freep) struct ate__log_verify *v = ate__alloc(sizeof *v);
    if (!v)
        return ate__no_memory();
    memcpy(v->public_key, public_key.data, sizeof v->public_key);
    rc = ate__part_load(ATE__PART_ED25519, parts.ed25519.data, &v->ed25519);
    if (!rc)
        rc = ate__part_load(ATE__PART_MLDSA44, parts.mldsa44.data, &v->mldsa44);
    if (!rc)
        *ret_key = ate__steal(&v);
    return rc;
}

void ate__log_verify_free(struct ate__log_verify *v)
{
    if (!v)
        return;
    EVP_PKEY_free(v->ed25519);
    EVP_PKEY_free(v->mldsa44);
    ate__free(v);
}

struct ate_bytes ate__log_verify_public(const struct ate__log_verify *v)
{
    return ate__bytes(v->public_key, sizeof v->public_key);
}

static int verify_with(EVP_PKEY *key, struct ate_bytes message, struct ate_bytes signature)
{
    ate__cleanup(ate__ossl_end) unsigned long stale = ate__ossl_begin();
    return ate__part_verify(key, NULL, message, signature);
}

int ate__log_verify_ed25519(const struct ate__log_verify *v, struct ate_bytes message,
                            struct ate_bytes signature)
{
    return verify_with(v->ed25519, message, signature);
}

int ate__log_verify_mldsa44(const struct ate__log_verify *v, struct ate_bytes message,
                            struct ate_bytes signature)
{
    return verify_with(v->mldsa44, message, signature);
}
