/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state.h: what a chain's history says about trust as a whole: genesis, root keys, revocations, public keys, origins.
 *
 * Changed only under the chain's commit mutex, transaction by transaction; rollback() takes back all from a sequence on (a group whose sync
 * failed). Public keys may be looked up from any thread at any time.
 */
#pragma once
#include "crypto/keyfile.h"
#include "event/tx.h"

struct ate__trust; /* opaque */
/* From the encoded genesis transaction 0; checks that it is signed by every root key in it. env: for hash seeds. MALFORMED UNSUPPORTED TAMPERED E_MEMORY */
int ate__trust_new(const struct ate__env *env, const struct ate__tx *genesis_tx, struct ate__trust **ret_trust) ATE__CHECK;
void ate__trust_free(struct ate__trust *t);
ATE__FREEP(struct ate__trust, ate__trust_free)
const struct ate__genesis *ate__trust_genesis(const struct ate__trust *t);
const struct ate_hash *ate__trust_chain_id(const struct ate__trust *t);
enum ate__hash_alg ate__trust_alg(const struct ate__trust *t);
size_t ate__trust_root_keys(const struct ate__trust *t, struct ate_hash *ret_fingerprints, size_t capacity); /* now in force; returns the count */
bool ate__trust_is_root(const struct ate__trust *t, const struct ate_hash *fingerprint);
bool ate__trust_was_root(const struct ate__trust *t, const struct ate_hash *fingerprint); /* in genesis or added later: anchors (TRUST 2) */
bool ate__trust_is_revoked(const struct ate__trust *t, const struct ate_hash *fingerprint);
bool ate__trust_has_key(const struct ate__trust *t, const struct ate_hash *fingerprint);
/* Public key bytes (a copy appended to buf). NOT_FOUND */
int ate__trust_public_key(const struct ate__trust *t, const struct ate_hash *fingerprint, struct ate__buf *buf) ATE__CHECK;

/* Takes an accepted transaction in: keys it brings, roots, revocations, its (origin, number). E_MEMORY: nothing was taken in. */
int ate__trust_apply(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
void ate__trust_rollback(struct ate__trust *t, uint64_t sequence); /* takes back all with a sequence >= this */
/* Sequence under which (origin, number) was committed. NOT_FOUND. */
int ate__trust_origin(const struct ate__trust *t, const struct ate__txn_id *id, uint64_t *ret_sequence) ATE__CHECK;

/* Verifies every signature of tx with keys that the chain holds or the transaction brings. Any thread, no lock held. DENIED: a key that is in neither;
 * TAMPERED: a signature does not hold; UNSUPPORTED. Verified (fingerprint, message) pairs are remembered. tx of sequence 0: its genesis root keys count as held. */
int ate__trust_verify(struct ate__trust *t, const struct ate__tx *tx) ATE__CHECK;
/* One signature with ctx "ate/tx/1" by this key over tx_hash, n = 1; the pair is remembered as verified. t NULL: for a genesis. */
int ate__trust_sign(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg, const struct ate_hash *tx_hash,
                    struct ate__buf *ret_bytes, struct ate__signature *ret_signature) ATE__CHECK; /* ret_signature->bytes views ret_bytes */
