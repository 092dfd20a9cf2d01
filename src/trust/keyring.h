/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keyring.h: the public keys that a chain holds, by fingerprint.
 *
 * 1. A key is brought in by the transaction of one sequence and leaves only by rollback.
 * 2. A key that is verified with is prepared once and kept ready; ATE__PREPARED_KEYS_MAX at most,
 *    the longest prepared one gives way. What is in use elsewhere stays until it is given back.
 *
 * Lookups: any thread at any time. Changes: one thread, under the chain's commit mutex.
 */
#pragma once
#include "base/map.h"
#include "crypto/sign.h"
#include <pthread.h>
#include <stdatomic.h>

struct ate__keyring {
    pthread_rwlock_t lock; /* guards the rest */
    struct ate__map index; /* fingerprint -> struct ate__keyring_entry */
    struct ate__keyring_entry **entries; /* in the order in which they came */
    size_t count, capacity;
    struct ate_hash *prepared; /* ring: fingerprints of the entries with a prepared key */
    size_t prepared_count, prepared_next;
};
/* A key ready to verify with; reference-counted. */
struct ate__prepared {
    atomic_uint refs;
    struct ate__verify_key *key;
};
void ate__prepared_unref(struct ate__prepared *p); /* takes NULL */
static inline void ate__prepared_unrefp(struct ate__prepared **pp)
{
    ate__prepared_unref(*pp);
    *pp = NULL;
}

void ate__keyring_init(struct ate__keyring *k, const uint64_t seed[2]);
void ate__keyring_deinit(struct ate__keyring *k);
/* Each gets what the other held. `other` is one caller's. */
void ate__keyring_swap(struct ate__keyring *k, struct ate__keyring *other);
/* One that it holds already is no failure. Errors: E_MEMORY (nothing changed). */
int ate__keyring_add(struct ate__keyring *k, const struct ate_hash *fingerprint,
                     struct ate_bytes public_key, uint64_t sequence) ATE__CHECK;
void ate__keyring_rollback(struct ate__keyring *k, uint64_t sequence);
bool ate__keyring_has(struct ate__keyring *k, const struct ate_hash *fingerprint);
/* Of the transaction that brought it. */
bool ate__keyring_sequence(struct ate__keyring *k, const struct ate_hash *fingerprint,
                           uint64_t *ret_sequence);
/* Appends the public key. Errors: NOT_FOUND (without a sentence). */
int ate__keyring_get(struct ate__keyring *k, const struct ate_hash *fingerprint,
                     struct ate__buf *buf) ATE__CHECK;
/* Those of sequences below `size`, in the order in which they came: *at starts at 0; END (without a
 * sentence). Appends the public key. */
int ate__keyring_next(struct ate__keyring *k, uint64_t size, size_t *at, uint64_t *ret_sequence,
                      struct ate__buf *buf) ATE__CHECK;
/* The same without the key itself; false at the end. */
bool ate__keyring_next_at(struct ate__keyring *k, uint64_t size, size_t *at,
                          struct ate_hash *ret_fingerprint, uint64_t *ret_sequence);
/* Errors: NOT_FOUND (without a sentence), and those of ate__prepare(). */
int ate__keyring_prepare(struct ate__keyring *k, const struct ate_hash *fingerprint,
                         struct ate__prepared **ret_prepared) ATE__CHECK;
/* Of a key that no keyring holds. Errors: DENIED (it has no part that signs), MALFORMED,
 * UNSUPPORTED. */
int ate__prepare(struct ate_bytes public_key, struct ate__prepared **ret_prepared) ATE__CHECK;
