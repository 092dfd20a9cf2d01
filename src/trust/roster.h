/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * roster.h: the keys of a chain that have an office, root keys, log keys and compactor keys, and
 * the keys that were revoked, with the sequences from which it holds, so that a rollback can take
 * it back and the state at any size can be asked for.
 *
 * Queries: any thread at any time. Changes: one thread, under the chain's commit mutex.
 */
#pragma once
#include "base/map.h"
#include "base/rd.h"
#include "base/wr.h"
#include <pthread.h>

enum ate__office { ATE__ROOT_KEY, ATE__LOG_KEY, ATE__COMPACTOR_KEY, ATE__OFFICES };

struct ate__roster {
    pthread_rwlock_t lock; /* guards the rest */
    struct ate__roster_holder *holders; /* in the order in which they came; none is forgotten */
    size_t holder_count, holder_capacity;
    struct ate__map revoked; /* fingerprint -> sequence of its first revocation */
    struct ate__roster_revocation *revocations; /* in order */
    size_t revocation_count, revocation_capacity;
};
void ate__roster_init(struct ate__roster *r, const uint64_t seed[2]);
void ate__roster_deinit(struct ate__roster *r);
/* Each gets what the other held. `other` is one caller's. */
void ate__roster_swap(struct ate__roster *r, struct ate__roster *other);
/* All three: what holds already is no failure. Errors: E_MEMORY (nothing changed). */
int ate__roster_add(struct ate__roster *r, enum ate__office office,
                    const struct ate_hash *fingerprint, uint64_t sequence) ATE__CHECK;
void ate__roster_remove(struct ate__roster *r, enum ate__office office,
                        const struct ate_hash *fingerprint, uint64_t sequence);
int ate__roster_revoke(struct ate__roster *r, const struct ate_hash *fingerprint, uint64_t sequence)
    ATE__CHECK;
void ate__roster_rollback(struct ate__roster *r, uint64_t sequence);

/* Keys now in force: neither removed nor revoked. Writes up to capacity, returns the count. */
size_t ate__roster_list(struct ate__roster *r, enum ate__office office,
                        struct ate_hash *ret_fingerprints, size_t capacity);
bool ate__roster_is(struct ate__roster *r, enum ate__office office,
                    const struct ate_hash *fingerprint);
bool ate__roster_was(struct ate__roster *r, enum ate__office office,
                     const struct ate_hash *fingerprint);
bool ate__roster_is_revoked(struct ate__roster *r, const struct ate_hash *fingerprint);
/* The transactions 1 to size - 1 by which the office of a key began or ended, some perhaps more
 * than once: *at starts at 0; false at the end. Any thread. */
bool ate__roster_next_change(struct ate__roster *r, enum ate__office office, uint64_t size,
                             size_t *at, uint64_t *ret_sequence);

/* Those of them by which this key was given the office. */
bool ate__roster_next_start(struct ate__roster *r, enum ate__office office,
                            const struct ate_hash *fingerprint, uint64_t size, size_t *at,
                            uint64_t *ret_sequence);

/* Behind the transactions 0 to size - 1, in the order in which they came: *at starts at 0; false at
 * the end. For one caller that keeps changes out meanwhile. */
bool ate__roster_next_at(struct ate__roster *r, enum ate__office office, uint64_t size, size_t *at,
                         struct ate_hash *ret_fingerprint);
bool ate__roster_next_revoked_at(struct ate__roster *r, uint64_t size, size_t *at,
                                 struct ate_hash *ret_fingerprint);

/* ---- for a view image (docs/format/image.md) ---- */

/* As it is behind the transactions 0 to size - 1. For one caller that keeps changes out. */
void ate__roster_write(struct ate__roster *r, uint64_t size, struct ate__wr *w);
/* In the place of all that it holds. Errors: MALFORMED E_MEMORY; what it holds then is undefined,
 * but can be freed. */
int ate__roster_read(struct ate__roster *r, uint64_t size, struct ate__rd *rd) ATE__CHECK;
