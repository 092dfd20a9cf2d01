/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state_root.h: one hash over the state behind the transactions 0 to size - 1, which a SNAPSHOT
 * states (docs/format/trust.md, 17): the RFC 9162 SHA-256 root over rows that strictly ascend as
 * bytes.
 *
 *   1  object       id, event hash of its body, of its control event (zeros: none)
 *   2  root key     fingerprint        3  log key   4  compactor key   5  revoked key
 *   6  deletion     id, u64 sequence of the tombstone; of the last W sequences
 *   7  transaction  u64 sequence, origin, u64 number, tx_hash; of the last W sequences
 *   8  public key   fingerprint, u64 sequence of the transaction that brought it
 *
 * 1. Who holds the history gives the rows of kinds 1, 6 and 7 as a source; the others are in the
 *    trust state, which may be ahead of `size`.
 * 2. Objects come in any order, in as many walks as are needed: of each walk the lowest
 *    ATE__STATE_ROWS_MAX rows that are still due are kept and sorted. So memory is bounded
 *    whatever the number of objects and whoever chose their ids, and the walks are
 *    objects / ATE__STATE_ROWS_MAX.
 */
#pragma once
#include "trust/state.h"

struct ate__state_object {
    struct ate_id id;
    bool live;                    /* else it is deleted */
    uint64_t sequence;            /* of the tombstone that deleted it; else not read */
    struct ate_hash body, control; /* live: event hashes; the top's body, and no control: zeros */
};
struct ate__state_txn {
    uint64_t sequence;
    struct ate__txn_id id;
    struct ate_hash hash;
};
/* All as of the size asked for; the same at every walk. *at: the source's own, 0 before the first.
 * 0, ATE_END, or a failure, which ends the whole. */
struct ate__state_source {
    /* Every live object, the top if it has a control event, and those that were deleted within the
     * last W sequences before `size` (others that were deleted are passed over). Any order. */
    int (*next_object)(void *arg, uint64_t *at, struct ate__state_object *ret_object);
    /* The transactions of the last W sequences before `size`, ascending without a gap. */
    int (*next_txn)(void *arg, uint64_t *at, struct ate__state_txn *ret_txn);
    void *arg;
};
/* t: holds at least `size` transactions and does not change meanwhile. Errors: E_MEMORY, TAMPERED
 * (the source gives an object twice or transactions out of order), and those of the source. */
int ate__state_root(const struct ate__trust *t, uint64_t size,
                    const struct ate__state_source *source, struct ate_hash *ret_root) ATE__CHECK;
/* The same with another ATE__STATE_ROWS_MAX, at least 1; for tests. */
int ate__state_root_rows(const struct ate__trust *t, uint64_t size,
                         const struct ate__state_source *source, size_t rows_max,
                         struct ate_hash *ret_root) ATE__CHECK;
