/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof.h: proofs as text that stands alone (docs/format/proof.md): that a transaction is in a
 * chain (C2SP tlog-proof), or that one checkpoint extends another.
 *
 * Beside the path and the checkpoint a proof carries what the leaf is made of, and the genesis,
 * which says who may sign checkpoints, to whoever trusts its root key or the chain id. None of it
 * is believed for being there.
 */
#pragma once
#include "crypto/merkle.h"
#include "trust/checkpoint.h"
#include "trust/limits.h"

enum ate__proof_kind { ATE__PROOF_INCLUSION = 1, ATE__PROOF_CONSISTENCY = 2 };

/* What the entry of a transaction is hashed from (docs/format/event.md). */
struct ate__proof_entry {
    uint64_t sequence, root_time_us;
    struct ate_hash tx_hash, signatures_hash;
};
struct ate__proof_text {
    enum ate__proof_kind kind;
    struct ate__proof_entry entry;   /* of an inclusion */
    struct ate_bytes genesis; /* encoded transaction 0; events may have been left out of it */
    struct ate_bytes old_checkpoint; /* of a consistency; a note */
    struct ate_bytes checkpoint; /* a note */
    struct ate__proof path;
    struct ate__buf extra; /* of a decoded one: what genesis is a view into */
};
/* Appends. extra is not read. Errors: TOO_BIG: the genesis; E_MEMORY. */
int ate__proof_encode(const struct ate__proof_text *p, struct ate__buf *buf) ATE__CHECK;
/* Checks the form alone, and of the notes only where they end. Notes are views into text; deinit is
 * due after success. Errors: MALFORMED; UNSUPPORTED: of a later version; TOO_BIG E_MEMORY. */
int ate__proof_decode(struct ate_bytes text, struct ate__proof_text *ret_proof) ATE__CHECK;
void ate__proof_deinit(struct ate__proof_text *p);

/* Verifies it with the log keys that are trusted; ret_old: of a consistency. Errors: as of
 * ate__checkpoint_verify(); TAMPERED: the path does not hold; WRONG_CHAIN: two checkpoints of two
 * chains; FORKED: two of one size and two roots, which proves that a log key signed two histories;
 * E_*. */
int ate__proof_verify(const struct ate__proof_text *p, const struct ate_bytes *log_keys,
                      size_t count, struct ate__checkpoint *ret_old,
                      struct ate__checkpoint *ret_checkpoint) ATE__CHECK;
