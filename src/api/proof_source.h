/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof_source.h: what proofs of a chain are made of: from the history that is here, or, of a thin
 * chain, from its server. What a server says is verified against the heads of which it speaks, and
 * these against the newest one that was ever seen of the chain.
 */
#pragma once
#include "api/api.h"
#include "chain/signed.h"

/* Public keys of the log keys that may sign for the chain now. */
struct ate__log_keys {
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX]; /* views into bytes */
    size_t count;
    struct ate__buf bytes;
};
/* All: Errors: of a server: OFFLINE TIMEOUT BAD_PEER TAMPERED FORKED ROLLED_BACK ...; E_*. */
int ate__proof_log_keys(struct ate_chain *c, struct ate__log_keys *ret_keys) ATE__CHECK;
void ate__log_keys_deinit(struct ate__log_keys *k);
bool ate__log_keys_has(const struct ate__log_keys *k, struct ate_bytes key);
/* The newest checkpoint that the server has, appended; not verified. NOT_FOUND UNSUPPORTED: the
 * chain is here. */
int ate__proof_ask_note(struct ate_chain *c, struct ate__buf *ret_note) ATE__CHECK;
/* That it is of this chain and a prefix of it. WRONG_CHAIN ROLLED_BACK FORKED */
/* A note of anybody's: a log key in force signed it, and what it signs is in the history that was
 * seen. Errors: as of ate__checkpoint_verify(), and of the next. */
int ate__proof_check_note(struct ate_chain *c, struct ate_bytes note,
                          struct ate__checkpoint *ret_checkpoint) ATE__CHECK;
int ate__proof_check_prefix(struct ate_chain *c, const struct ate__checkpoint *checkpoint)
    ATE__CHECK;
/* In the tree of a checkpoint that is a prefix of the chain. NOT_FOUND COMPACTED TAMPERED */
int ate__proof_inclusion(struct ate_chain *c, uint64_t sequence,
                         const struct ate__checkpoint *checkpoint,
                         struct ate__proof_entry *ret_entry, struct ate__proof *ret_path)
    ATE__CHECK;
int ate__proof_consistency(struct ate_chain *c, const struct ate__checkpoint *older,
                           const struct ate__checkpoint *checkpoint, struct ate__proof *ret_path)
    ATE__CHECK;
/* Transaction 0 with the event of the genesis body alone, appended. */
int ate__proof_genesis(struct ate_chain *c, struct ate__buf *ret_genesis) ATE__CHECK;
