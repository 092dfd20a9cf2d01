/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sig.c: making and verifying the signatures of transactions.
 *
 * A key is sought first where the chain holds it, then in the transaction itself: only then are the
 * keys that it brings looked at, each once.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "event/batch.h"
#include "trust/policy.h"
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
            rc = ate__policy_check(&t->genesis, public_key);
            if (!rc)
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
    if (tx->attested)
        return ate__trust_genesis(t)->mode == ATE__CENTRALIZED
                   ? 0
                   : ate__fail(ATE_MALFORMED, "attested, in a chain whose mode is distributed");
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

/* ---- making them ---- */

static int tree_of(const struct ate__to_sign *list, struct ate__batch_tree *ret_tree)
{
    size_t count = 0, at = 0;
    for (const struct ate__to_sign *s = list; s; s = s->next)
        count++;
    if (count > ATE__BATCH_MAX)
        return ate__fail(ATE_TOO_BIG, "%zu transactions under one signature; the most are %d",
                         count, ATE__BATCH_MAX);
    ate__cleanup(ate__freep) struct ate_hash *hashes = ate__alloc_array(count, sizeof *hashes);
    if (!hashes)
        return ate__no_memory();
    for (const struct ate__to_sign *s = list; s; s = s->next)
        hashes[at++] = s->tx_hash;
    return ate__batch_tree(hashes, (uint32_t)count, ret_tree);
}

/* Signature and path behind what stands in its buffer. */
static int give(struct ate__to_sign *s, const struct ate__batch_tree *tree, uint32_t index,
                const struct ate_hash *fingerprint, struct ate_bytes signature)
{
    struct ate_hash path[ATE__BATCH_PATH_MAX];
    uint32_t count = ate__batch_path(tree, index, path);
    size_t before = s->ret_bytes->size, path_size = sizeof *path * count;
    int rc = ate__buf_append(s->ret_bytes, signature);
    if (!rc)
        rc = ate__buf_append(s->ret_bytes, ate__bytes(path, path_size));
    if (rc) {
        s->ret_bytes->size = before;
        return rc;
    }
    const uint8_t *bytes = s->ret_bytes->data + before;
    s->signature = (struct ate__signature){
        .fingerprint = *fingerprint,
        .batch_size = tree->size,
        .batch_index = index,
        .path_count = count,
        .path = bytes + signature.size,
        .bytes = ate__bytes(bytes, signature.size),
    };
    return 0;
}

static void take_back(struct ate__to_sign *list, const struct ate__to_sign *end)
{
    for (struct ate__to_sign *s = list; s != end; s = s->next)
        s->ret_bytes->size -= s->signature.bytes.size + 32 * (size_t)s->signature.path_count;
}

static int sign_tree(const struct ate__key *key, enum ate__hash_alg alg,
                     const struct ate__batch_tree *tree, const struct ate_hash *first,
                     uint8_t *ret_signature, struct ate_hash *ret_proof)
{
    struct ate_hash path[ATE__BATCH_PATH_MAX], message;
    struct ate__signature s = {.fingerprint = key->fingerprint,
                               .batch_size = tree->size,
                               .path_count = ate__batch_path(tree, 0, path),
                               .path = path[0].b};
    int rc = ate__batch_message(alg, first, &s, &message);
    if (!rc)
        rc = ate__sign(key->sign_key, context(), ate__bytes(&message, sizeof message),
                       ret_signature);
    return rc ? rc
              : ate__verified_proof(&message,
                                    ate__bytes(ret_signature, key->parts.signature->made_size),
                                    ret_proof);
}

int ate__trust_sign_batch(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg,
                          struct ate__to_sign *list)
{
    ate__cleanup(ate__batch_tree_deinit) struct ate__batch_tree tree = {0, NULL};
    uint8_t signature[ATE__SIG_SIZE_MAX];
    struct ate_hash proof;
    uint32_t index = 0;
    int rc = ate__key_signs(key);
    if (rc)
        return rc;
    const struct ate_bytes bytes = ate__bytes(signature, key->parts.signature->made_size);
    rc = tree_of(list, &tree);
    if (!rc)
        rc = sign_tree(key, alg, &tree, &list->tx_hash, signature, &proof);
    for (struct ate__to_sign *s = list; !rc && s; s = s->next) {
        rc = give(s, &tree, index++, &key->fingerprint, bytes);
        if (rc)
            take_back(list, s);
    }
    if (!rc && t)
        ate__verified_add(&t->verified, &proof);
    return rc;
}

int ate__trust_sign(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg,
                    const struct ate_hash *tx_hash, struct ate__buf *ret_bytes,
                    struct ate__signature *ret_signature)
{
    struct ate__to_sign s = {.tx_hash = *tx_hash, .ret_bytes = ret_bytes};
    int rc = t ? ate__sign_together(&t->sign_queue, t, key, alg, &s)
               : ate__trust_sign_batch(NULL, key, alg, &s);
    if (!rc)
        *ret_signature = s.signature;
    return rc;
}
