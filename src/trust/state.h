/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state.h: what a chain's history says about trust as a whole: genesis, root keys, log keys and
 * compactor keys, revocations, public keys, origins.
 *
 * Changed only under the chain's commit mutex, transaction by transaction; rollback() takes back
 * all from a sequence on (a group whose sync failed). Root keys, revocations and public keys may be
 * looked up, and signatures made and verified, from any thread at any time; origins under the mutex
 * only.
 */
#pragma once
#include "crypto/keyfile.h"
#include "event/tx.h"
#include "trust/roster.h"

struct ate__trust; /* opaque */
/* From the encoded genesis transaction 0; checks that it is signed by every root key in it and
 * brings no other, and takes the whole of it in: apply() of sequence 0 is not needed, and does
 * nothing. env: for hash seeds. Errors: MALFORMED UNSUPPORTED TAMPERED E_MEMORY, and DENIED (signed
 * by a key that it does not bring). */
int ate__trust_new(const struct ate__env *env, const struct ate__tx *genesis_tx,
                   struct ate__trust **ret_trust) ATE__CHECK;
void ate__trust_free(struct ate__trust *t);
ATE__FREEP(struct ate__trust, ate__trust_free)
const struct ate__genesis *ate__trust_genesis(const struct ate__trust *t);
const struct ate_hash *ate__trust_chain_id(const struct ate__trust *t);
enum ate__hash_alg ate__trust_alg(const struct ate__trust *t);
/* Now in force: neither removed nor revoked. Writes up to capacity, returns the count. */
size_t ate__trust_root_keys(const struct ate__trust *t, struct ate_hash *ret_fingerprints,
                            size_t capacity);
/* The same for any office. */
size_t ate__trust_office(const struct ate__trust *t, enum ate__office office,
                         struct ate_hash *ret_fingerprints, size_t capacity);
bool ate__trust_has_office(const struct ate__trust *t, enum ate__office office,
                           const struct ate_hash *fingerprint);
/* See ate__roster_next_change(). */
bool ate__trust_next_change(const struct ate__trust *t, enum ate__office office, uint64_t size,
                            size_t *at, uint64_t *ret_sequence);
bool ate__trust_next_start(const struct ate__trust *t, enum ate__office office,
                           const struct ate_hash *fingerprint, uint64_t size, size_t *at,
                           uint64_t *ret_sequence);
bool ate__trust_is_root(const struct ate__trust *t, const struct ate_hash *fingerprint);
/* In genesis or added later: anchors (docs/format/keys.md). */
bool ate__trust_was_root(const struct ate__trust *t, const struct ate_hash *fingerprint);
bool ate__trust_is_revoked(const struct ate__trust *t, const struct ate_hash *fingerprint);
bool ate__trust_has_key(const struct ate__trust *t, const struct ate_hash *fingerprint);
/* Public key bytes (a copy appended to buf). Errors: NOT_FOUND. */
int ate__trust_public_key(const struct ate__trust *t, const struct ate_hash *fingerprint,
                          struct ate__buf *buf) ATE__CHECK;
/* Sequence of the transaction that brought it; 0: the genesis. Errors: NOT_FOUND. */
int ate__trust_key_sequence(const struct ate__trust *t, const struct ate_hash *fingerprint,
                            uint64_t *ret_sequence) ATE__CHECK;

/* Takes an accepted transaction in: keys it brings, roots, revocations, its (origin, number).
 * Sequences come without a gap. Errors: E_MEMORY (nothing was taken in). */
int ate__trust_apply(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
/* For a chain that was deeply compacted. skip: the next one taken in has this sequence; those
 * before it were left out, and no rollback reaches below it. identity: takes in one of which only
 * (origin, number) was left. Errors: E_MEMORY. */
void ate__trust_skip(struct ate__trust *t, uint64_t sequence);
int ate__trust_apply_identity(struct ate__trust *t, const struct ate__txn_id *id, uint64_t sequence)
    ATE__CHECK;
/* Takes back all with a sequence >= this, ATE__ROLLBACK_MAX at most; the genesis stays. */
void ate__trust_rollback(struct ate__trust *t, uint64_t sequence);
/* It gets what `other` holds, of the same genesis, which is one caller's alone; that gets what it
 * held. Under the commit mutex; who looks something up meanwhile finds the old or the new. */
void ate__trust_swap(struct ate__trust *t, struct ate__trust *other);
/* For one that does not hold the history (a thin client): takes in the public keys that a
 * transaction brings, and nothing else of it; *count: of those that it took in so, ever, at most
 * count_max. One thread at a time. Errors: TOO_BIG E_MEMORY. */
int ate__trust_learn(struct ate__trust *t, const struct ate__tx *tx, uint64_t sequence,
                     size_t *count, size_t count_max) ATE__CHECK;
/* Sequence under which (origin, number) was committed. Errors: NOT_FOUND. */
int ate__trust_origin(const struct ate__trust *t, const struct ate__txn_id *id,
                      uint64_t *ret_sequence) ATE__CHECK;

/* Verifies every signature of tx with keys that the chain holds or the transaction brings. Any
 * thread, no lock held. Verified signatures are remembered. tx of sequence 0: its genesis root keys
 * count as held. Errors: DENIED (a key that is in neither, or cannot sign), TAMPERED (a signature
 * does not hold), MALFORMED, UNSUPPORTED. */
int ate__trust_verify(struct ate__trust *t, const struct ate__tx *tx) ATE__CHECK;
/* For who verifies many: calls each(arg, n) once for every n below count, on the threads of the
 * workers (NULL: on this one), in such an order that what a batch has in common is verified once
 * and different signatures beside each other. tx(arg, n) may be NULL: nothing is to be verified. */
struct ate__workers;
struct ate__signed {
    const struct ate__tx *(*tx)(void *arg, size_t n);
    void (*each)(void *arg, size_t n);
    void *arg;
};
void ate__trust_each(const struct ate__trust *t, struct ate__workers *workers, size_t count,
                     const struct ate__signed *s);

/* A transaction that a key is to sign. */
struct ate__to_sign {
    struct ate_hash tx_hash;
    struct ate__buf *ret_bytes; /* the signature and its path are appended */
    /* The answer; it views ret_bytes: one buffer a signature, or one that need not grow. */
    struct ate__signature signature;
    struct ate__to_sign *next; /* of the same batch */
};
/* One signature with ctx "ate/tx/1" by this key over all in the list; it is remembered as verified.
 * t NULL: for a genesis. None has a signature after a failure. Errors: TOO_BIG (more than
 * ATE__BATCH_MAX) E_MEMORY, those of ate__sign(). */
int ate__trust_sign_batch(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg,
                          struct ate__to_sign *list) ATE__CHECK;
/* A signature over one, or over what other threads have this key sign at the same moment, too
 * (trust/sign_queue.h). Errors: those of one alone. */
int ate__trust_sign(struct ate__trust *t, const struct ate__key *key, enum ate__hash_alg alg,
                    const struct ate_hash *tx_hash, struct ate__buf *ret_bytes,
                    struct ate__signature *ret_signature) ATE__CHECK;
