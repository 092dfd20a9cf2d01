/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * roster.h: the root keys of a chain and the keys that were revoked, with the sequences from which
 * it holds, so that a rollback can take it back.
 *
 * Queries: any thread at any time. Changes: one thread, under the chain's commit mutex.
 */
#pragma once
#include "base/map.h"
#include <pthread.h>

struct ate__roster {
    pthread_rwlock_t lock; /* guards the rest */
    struct ate__roster_root *roots; /* in the order in which they came; none is ever forgotten */
    size_t root_count, root_capacity;
    struct ate__map revoked; /* fingerprint -> sequence of its first revocation */
    struct ate__roster_revocation *revocations; /* in order */
    size_t revocation_count, revocation_capacity;
};
void ate__roster_init(struct ate__roster *r, const uint64_t seed[2]);
void ate__roster_deinit(struct ate__roster *r);
/* All three: what holds already is no failure. Errors: E_MEMORY (nothing changed). */
int ate__roster_add(struct ate__roster *r, const struct ate_hash *fingerprint, uint64_t sequence)
    ATE__CHECK;
void ate__roster_remove(struct ate__roster *r, const struct ate_hash *fingerprint,
                        uint64_t sequence);
int ate__roster_revoke(struct ate__roster *r, const struct ate_hash *fingerprint, uint64_t sequence)
    ATE__CHECK;
void ate__roster_rollback(struct ate__roster *r, uint64_t sequence);

/* Root keys now in force: neither removed nor revoked. Writes up to capacity, returns the count. */
size_t ate__roster_roots(struct ate__roster *r, struct ate_hash *ret_fingerprints, size_t capacity);
bool ate__roster_is_root(struct ate__roster *r, const struct ate_hash *fingerprint);
bool ate__roster_was_root(struct ate__roster *r, const struct ate_hash *fingerprint);
bool ate__roster_is_revoked(struct ate__roster *r, const struct ate_hash *fingerprint);
