/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kept.h: opening what a deep compaction left (docs/format/trust.md, 18).
 *
 * Below the cut-off S transactions may be missing, or have lost events. A chain that was cut off
 * there is believed only as a whole: the tree of S leaves and the state behind them must be those
 * that a SNAPSHOT further up in the same chain states; until that was seen nothing is served.
 *
 *  1. What is missing lies below the last full tile of leaves, which stands in the tiles; there,
 *     the leaf of a record that is left must be the one in its tile, too.
 *  2. A compaction that did not come to its end left a history of which the first segments have
 *     lost all of some objects and the others have not. What is written about an object that does
 *     not live is passed over, and an object that goes below one that does not live goes: that is
 *     what the compaction would have done. The state at S tells whether it was right.
 */
#pragma once
#include "chain/chain.h"

enum { ATE__IDENTITY_BYTES = 88 };
struct ate__identity { /* what is left of a transaction of which no event was kept */
    struct ate__txn_id id;
    struct ate_hash hash, signatures_hash;
};
/* Errors: MALFORMED. */
int ate__identity_read(struct ate_bytes bytes, struct ate__identity *ret_identity) ATE__CHECK;
int ate__identity_write(struct ate__buf *buf, const struct ate__identity *identity) ATE__CHECK;
/* Of a transaction that is there. */
int ate__identity_of(const struct ate__tx *tx, enum ate__hash_alg alg,
                     struct ate__identity *ret_identity) ATE__CHECK;
/* Of a record, whether it is whole or only that is left of it. Errors: as of decoding. */
int ate__identity_of_record(const struct ate__record_out *record, enum ate__hash_alg alg,
                            struct ate__identity *ret_identity) ATE__CHECK;

/* The state root behind the first `size` transactions, which the view and the trust state of this
 * chain hold, and no more. By who opens it. Errors: TAMPERED E_*. */
int ate__chain_state_root(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
    ATE__CHECK;

struct ate__kept { /* of one replay */
    struct ate__chain *c;
    uint64_t cut_off;    /* 0: nothing is missing */
    uint64_t gaps_below; /* nothing from there on is missing */
    bool reached;        /* state_root is that of the cut-off */
    bool certified;
    bool contradicted;   /* some SNAPSHOT of this size states another state */
    struct ate_hash state_root;
    struct ate_hash *tile; /* ATE__TILE_LEAVES leaves from tile_first on; NULL: none yet */
    uint64_t tile_first;
};
void ate__kept_begin(struct ate__kept *k, struct ate__chain *c, uint64_t cut_off);
void ate__kept_deinit(struct ate__kept *k);
/* It is not known yet whether what was read so far may be believed. */
bool ate__kept_open(const struct ate__kept *k);
/* Leaf of a transaction that is missing. Errors: TAMPERED: it may not be; E_*. */
int ate__kept_leaf(struct ate__kept *k, uint64_t sequence, struct ate_hash *ret_leaf) ATE__CHECK;
/* That the leaf of a record is the one in the tiles, where those must have it. Errors: as above. */
int ate__kept_compare(struct ate__kept *k, uint64_t sequence, const struct ate_hash *leaf)
    ATE__CHECK;
/* Judges and takes in what is left of a transaction below the cut-off; events that are passed over
 * become DROPPED in `tx`. Errors: as ate__accept_kept(). */
int ate__kept_take(struct ate__kept *k, struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
/* All below the cut-off was taken in, and nothing else. Errors: as state_root(). */
int ate__kept_reach(struct ate__kept *k) ATE__CHECK;
/* A transaction was accepted: it may be the certificate. */
void ate__kept_look(struct ate__kept *k, const struct ate__tx *tx, uint64_t sequence);
/* At the end of the history. Errors: OMITTED. */
int ate__kept_end(const struct ate__kept *k) ATE__CHECK;
