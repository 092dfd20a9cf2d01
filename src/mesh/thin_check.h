/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_check.h: verifying what a server shows to a thin client (docs/decisions/0005). Pure: bytes
 * in, verified objects out.
 *
 * Verified of each answer, against the root of the snapshot's head (which the client has proven):
 *   - each transaction shown is in the tree at its sequence with its root time: its leaf holds the
 *     tx_hash and its signatures, and the tx_hash the hash of every event, so header, payload,
 *     parent, tags and author of each event shown are those of the history;
 *   - its signatures hold, by keys whose fingerprints they name;
 *   - objects are the ones that were asked for, have the name or the parent that was asked for, and
 *     lie below the top: every ancestor is shown, no cycle, at most ATE__PARENTS_MAX;
 *   - the control events of an object form one line from its first on, without a gap;
 *   - whoever signed a current body or a control event had the right to it by the control events in
 *     force before that transaction, of the object and of the ancestors that it has now; the root
 *     keys are those of the genesis, and those that a ROOT event shown adds in turn.
 *
 * Rests on the server:
 *   - that nothing newer exists: no newer body, control event, move, deletion, or object of that
 *     name; that what it calls absent is, and that a list of children is complete;
 *   - that an object whose rules it does not show has none, that no key was revoked, and no root
 * key or log key removed;
 *   - where an ancestor lay when something below it was signed, if its own current body is
 *     younger: then a right that is not given by the rules below that ancestor is not judged; and,
 *     for a body that replaced another, that it did not come from elsewhere, where what its
 *     signers hold is the right to append;
 *   - base, preconditions, encryption for the right scope, and the root's time.
 */
#pragma once
#include "base/workers.h"
#include "mesh/msg.h"
#include "mesh/thin_known.h"
#include "mesh/thin_own.h"
#include "trust/state.h"
#include <pthread.h>

/* What is known of the chain as a whole, shared by all snapshots. */
struct ate__thin_chain {
    struct ate__trust *trust;       /* of the genesis, and keys that were shown */
    const struct ate__tx *genesis;  /* transaction 0 */
    uint64_t genesis_time_us;
    struct ate__workers *workers;   /* for signatures; NULL: none */
    struct ate__thin_own own;
    pthread_mutex_t mutex;          /* guards the rest */
    size_t keys;                    /* learned */
    struct ate__thin_root {
        struct ate_hash fingerprint;
        uint64_t sequence;
    } *roots; /* added */
    size_t root_count, root_capacity;
};
void ate__thin_chain_init(struct ate__thin_chain *c, struct ate__trust *trust,
                          const struct ate__tx *genesis, uint64_t genesis_time_us,
                          struct ate__workers *workers);
void ate__thin_chain_deinit(struct ate__thin_chain *c);
/* Takes in the keys that a transaction brings, which was verified to be in the history.
 * Errors: TOO_BIG E_MEMORY. */
int ate__thin_learn(struct ate__thin_chain *c, const struct ate__tx *tx, uint64_t sequence)
    ATE__CHECK;

/* Verifies an answer to `get` and adds what it shows to `known`. head: of the snapshot. On failure
 * `known` holds less than was shown, but nothing that is not verified.
 * Errors: TAMPERED: something does not hold, naming object and transaction; BAD_PEER: something
 * is not there that had to be, or is told otherwise than before; UNSUPPORTED TOO_BIG E_MEMORY. */
int ate__thin_check(struct ate__thin_chain *c, const struct ate__head *head,
                    const struct ate__msg_get *get, const struct ate__msg_got *got,
                    struct ate__thin_known *known) ATE__CHECK;

/* The same of an answer to ATE__GET_LOG_KEYS: the public keys of the log keys in force, of
 * ATE__LOG_PUBLIC bytes each, appended. Those that were added are signed for by a root key. */
int ate__thin_log_keys(struct ate__thin_chain *c, const struct ate__head *head,
                       const struct ate__msg_got *got, struct ate__buf *ret_keys) ATE__CHECK;
