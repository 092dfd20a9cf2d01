/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * signed.h: signing the head of a chain, with a memory of what was signed before: the file
 * `checkpoint` in `,chain`, the last note that was signed there (docs/format/proof.md).
 *
 *  1. Nothing is signed that does not extend what that file says, unless the chain has a RESET
 *     (chain/reset.h) that was signed after that, nor while it cannot be read.
 *  2. A note is given to the caller once the file that holds it is synced.
 *     A mirror of a centralized chain keeps there what its server signed last (chain/believe.h).
 *  3. Copies, and what is restored or repaired, remember it too: what they lack of what was signed
 *     is never signed otherwise.
 *
 * Whoever signs has the chain open for writing, so no other process does. Thread-safe.
 */
#pragma once
#include "chain/chain.h"
#include "trust/checkpoint.h"
#include "trust/proof.h"

/* dir: the directory that `,chain` lies in, borrowed. size, root: a head of the chain that is on
 * stable storage. Appends the note. Errors: FORKED, ROLLED_BACK, WRONG_CHAIN: what was signed there
 * last is no prefix of it; TAMPERED: that file is none of ours; E_*: nothing was given to anybody.
 */
int ate__chain_sign(struct ate__chain *c, struct ate__dir *dir, const struct ate__log_key *key,
                    uint64_t size, const struct ate_hash *root, struct ate__buf *ret_note)
    ATE__CHECK;
/* The last note that was signed there; appended. Errors: NOT_FOUND TAMPERED E_*. */
int ate__chain_signed(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__buf *ret_note)
    ATE__CHECK;
/* The same of the directory of the log, `,chain`; what is put takes the place of what is there,
 * synced. Errors: as above; E_*. */
int ate__log_signed(const struct ate__vfs *vfs, struct ate__dir *log, struct ate__buf *ret_note)
    ATE__CHECK;
int ate__log_signed_put(const struct ate__vfs *vfs, struct ate__dir *log, struct ate_bytes note)
    ATE__CHECK;
/* What was signed in the log `from` binds the log `to`, which is to hold the same chain or its
 * beginning: its file is copied, synced, unless `to` remembers as much or more. Both are `,chain`
 * directories. Errors: E_*. */
int ate__chain_signed_keep(const struct ate__vfs *vfs, struct ate__dir *from, struct ate__dir *to)
    ATE__CHECK;
/* Whether a checkpoint is of this chain and a prefix of it. Errors: WRONG_CHAIN; ROLLED_BACK: the
 * chain has fewer transactions; FORKED: others; E_*. */
int ate__chain_check_checkpoint(struct ate__chain *c, const struct ate__checkpoint *checkpoint)
    ATE__CHECK;
/* The same of a note, which a log key that is in force must have signed. Errors: also UNTRUSTED
 * TAMPERED MALFORMED TOO_BIG. */
int ate__chain_check_note(struct ate__chain *c, struct ate_bytes note,
                          struct ate__checkpoint *ret_checkpoint) ATE__CHECK;
/* What the leaf of a published transaction is hashed from, of one too of which compaction left
 * nothing else. Errors: NOT_FOUND: there is no such one; COMPACTED: not even that was left; E_*. */
int ate__chain_entry(struct ate__chain *c, uint64_t sequence, struct ate__proof_entry *ret_entry)
    ATE__CHECK;
