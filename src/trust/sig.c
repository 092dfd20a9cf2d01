/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sig.c: making and verifying the signatures of transactions.
 *
 * A key is sought first where the chain holds it, then in the transaction itself: only then are the
 * keys that it brings looked at, each once.
 */
#include "base/err.h"
#include "base/text.h"
#include "trust/state_private.h"

static struct ate_bytes context(void)
{
    return ate__text_bytes("ate/tx/1");
}

static int check_one(struct ate__trust *t, const struct ate__tx *tx, const struct ate__signature *s,
                     const struct ate__prepared *key)
{
    struct ate_hash message, proof;
    int rc = ate__batch_message(ate__trust_alg(t), &tx->hash, s, &message);
    if (!rc)
        rc = ate__verified_proof(&message, s->bytes, &proof);
    if (rc || ate__verified_has(&t->verified, &proof))
        return rc;
    rc = ate__verify(key->key, context(), ate__bytes(&message, sizeof message), s->bytes);
    if (rc == ATE_TAMPERED)
        return ate__fail(rc, "it does not hold");
    if (!rc)
        ate__verified_add(&t->verified, &proof);
    return rc;
}

/* Errors: NOT_FOUND (the chain does not hold the key), and those of ate__trust_verify(). */
static int check_held(struct ate__trust *t, const struct ate__tx *tx,
                      const struct ate__signature *s)
{
    ate__cleanup(ate__prepared_unrefp) struct ate__prepared *key = NULL;
    int rc = ate__keyring_prepare(&t->keyring, &s->fingerprint, &key);
    return rc ? rc : check_one(t, tx, s, key);
}

static int blame(int rc, const struct ate__signature *s)
{
    char text[ATE__HASH_TEXT];
    return ate__context(rc, "signature by %s", ate__hash_text(&s->fingerprint, text));
}

/* The signatures in `missing`, a bit each, by keys that the transaction brings. */
static int check_brought(struct ate__trust *t, const struct ate__tx *tx, uint32_t missing)
{
    struct ate__brought brought = {.tx = tx};
    struct ate_bytes public_key;
    uint32_t event;
    while (missing && ate__brought_next(&brought, &public_key, &event)) {
        struct ate_hash fingerprint;
        int rc = ate__fingerprint(public_key, &fingerprint);
        for (uint32_t i = 0; !rc && i < tx->signature_count; i++) {
            const struct ate__signature *s = &tx->signatures[i];
            if (!(missing >> i & 1) || !ate__hash_equal(&s->fingerprint, &fingerprint))
                continue;
            ate__cleanup(ate__prepared_unrefp) struct ate__prepared *key = NULL;
            rc = ate__prepare(public_key, &key);
            if (!rc)
                rc = check_one(t, tx, s, key);
            rc = blame(rc, s);
            missing &= ~(UINT32_C(1) << i);
        }
        if (rc)
            return rc;
    }
    if (!missing)
        return 0;
    return blame(
        ate__fail(ATE_DENIED,
                  "the chain does not hold this key and the transaction does not bring it"),
        &tx->signatures[__builtin_ctz(missing)]);
}

int ate__trust_verify(struct ate__trust *t, const struct ate__tx *tx)
{
    uint32_t missing = 0;
    _Static_assert(ATE__TX_SIGNATURES_MAX <= 32, "a bit each");
    for (uint32_t i = 0; i < tx->signature_count; i++) {
        int rc = check_held(t, tx, &tx->signatures[i]);
        if (rc == ATE_NOT_FOUND)
            missing |= UINT32_C(1) << i;
        else if (rc)
            return blame(rc, &tx->signatures[i]);
    }
    return missing ? check_brought(t, tx, missing) : 0;
}

int ate__trust_sign(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg,
                    const struct ate_hash *tx_hash, struct ate__buf *ret_bytes,
                    struct ate__signature *ret_signature)
{
    uint8_t signature[ATE__SIG_SIZE];
    struct ate__signature s = {.fingerprint = key->fingerprint,
                               .batch_size = 1,
                               .bytes = ate__bytes(signature, sizeof signature)};
    struct ate_hash message, proof;
    int rc = ate__batch_message(alg, tx_hash, &s, &message);
    if (!rc)
        rc = ate__sign(key->sign_key, context(), ate__bytes(&message, sizeof message), signature);
    if (!rc)
        rc = ate__buf_append(ret_bytes, ate__bytes(signature, sizeof signature));
    if (rc)
        return rc;
    s.bytes = ate__bytes(ret_bytes->data + ret_bytes->size - sizeof signature, sizeof signature);
    if (t) {
        rc = ate__verified_proof(&message, s.bytes, &proof);
        if (rc) {
            ret_bytes->size -= sizeof signature;
            return rc;
        }
        ate__verified_add(&t->verified, &proof);
    }
    *ret_signature = s;
    return 0;
}
