/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * checkpoint.h: the signed head of a chain (docs/format/proof.md): a note of its tree whose origin
 * and key name are `ate/` and the chain id, with both signature lines of a log key.
 */
#pragma once
#include "crypto/note.h"
#include "base/text.h"

enum { ATE__CHECKPOINT_NAME = 4 + ATE__HASH_TEXT }; /* bytes of the key name, with the NUL */

struct ate__checkpoint {
    struct ate_hash chain_id, root;
    uint64_t size;
    uint64_t time_s;         /* since 1970, when it was signed, as the signer says */
    struct ate_hash log_key; /* fingerprint of who signed it, once that is verified */
};
const char *ate__checkpoint_name(const struct ate_hash *chain_id,
                                 char ret_name[ATE__CHECKPOINT_NAME]);
/* Signs; c->log_key is not read. Appends. Errors: E_*. */
int ate__checkpoint_make(const struct ate__checkpoint *c, const struct ate__log_key *key,
                         struct ate__buf *buf) ATE__CHECK;
/* What it says, without a look at a signature: no time, no log key. Errors: MALFORMED TOO_BIG. */
int ate__checkpoint_parse(struct ate_bytes note, struct ate__checkpoint *ret_checkpoint) ATE__CHECK;
/* When it was signed, as its lines say, of which none is verified: of a file of one's own. In
 * seconds since 1970; UINT64_MAX: that is not told. */
uint64_t ate__checkpoint_said_time(struct ate_bytes note);
/* log_keys: the public keys that are trusted to sign it. Errors: as of parse(); UNTRUSTED: none of
 * them signed it with both of its halves; TAMPERED: a line of one of them does not hold; of the
 * keys: MALFORMED UNSUPPORTED; E_*. */
int ate__checkpoint_verify(struct ate_bytes note, const struct ate_bytes *log_keys, size_t count,
                           struct ate__checkpoint *ret_checkpoint) ATE__CHECK;
/* Verifier keys (note.h), of which each pair is for one chain: appends its id to ret_chain_ids and
 * the log key to ret_log_keys, ATE__LOG_PUBLIC bytes each. Errors: MALFORMED, also where a name is
 * not that of a chain; UNSUPPORTED TOO_BIG E_MEMORY. */
int ate__checkpoint_keys_decode(struct ate_bytes text, struct ate__buf *ret_chain_ids,
                                struct ate__buf *ret_log_keys) ATE__CHECK;
