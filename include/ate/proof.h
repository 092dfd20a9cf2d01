/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * proof.h: signed heads of a chain, and proofs that stand alone: that a transaction is in it, or
 * that one head extends another. docs/format/proof.md has the texts, which are those of C2SP
 * tlog-checkpoint and tlog-proof.
 *
 * Checkpoints are signed by log keys, which the chain itself names: its genesis names that of
 * whoever created it, which follows from the creator's private key, and a root key adds and
 * removes others, such as a server's. They are made where the history is: of a chain in a
 * directory, or with a mirror, here; else its server is asked, and what it answers is verified
 * here.
 *
 * The newest checkpoint that a server gave is kept beside the head that is remembered of it. Where
 * an open fails later with FORKED or ROLLED_BACK, the server is asked what it signs now; if that
 * contradicts what was kept, both are written to one file, which the error's sentence names.
 *
 * Text that is given comes back as a string of the library's, ended with ate_free().
 */
#pragma once
#include <ate/txn.h>

ATE__BEGIN

/* WAITS. Signs the newest head that is durable, with the log key of the first of the chain's
 * session's private keys whose log key is in force, once it was noted beside the chain that this
 * was signed: what is signed later extends it, or is refused. Of a chain at a server that is thin,
 * or where the session has no such key: the newest checkpoint that the server has, which a server
 * with a log key in force signs when it is asked; it is verified to be signed by a log key in force
 * and to be a part of all that was ever seen of the chain here.
 * Errors: NO_KEY: no log key of the session is in force; NOT_FOUND: the server has none; READ_ONLY:
 * the chain was opened for reading; UNSUPPORTED: its mirror is in memory; ROLLED_BACK, FORKED,
 * WRONG_CHAIN, TAMPERED: it does not extend what was signed there last, or what was seen of it;
 * UNTRUSTED: no log key signed it; OFFLINE, TIMEOUT, WOULD_DEADLOCK, E_*. */
ATE_CALL int ate_checkpoint(struct ate_chain *chain, char **ret_text);

/* The log keys in force, for those who check what they sign: two lines each, as verifier keys of
 * C2SP signed-note. WAITS where the chain is thin: that none was removed rests on its server then.
 * Errors: NOT_FOUND: the chain names none; E_MEMORY; of a server: OFFLINE, TIMEOUT, TAMPERED, ...
 */
ATE_CALL int ate_log_keys(struct ate_chain *chain, char **ret_text);

/* WAITS. Who may sign from the next transaction on, by a root key of the session. log_key: the text
 * of a log key, as `atedb log-key` and ate_server_log_key() give it; to remove one also its
 * fingerprint. What a key signed before it was removed does not verify any more for who knows of
 * the removal. ret_receipt may be NULL.
 * Errors: DENIED: the session has no root key; CONFLICT: it is one already, or is none; TOO_BIG:
 * there are 64; MALFORMED, UNSUPPORTED: the text; READ_ONLY; others as of a commit. */
ATE_CALL int ate_log_key_add(struct ate_chain *chain, const char *log_key,
                             struct ate_receipt *ret_receipt);
ATE_CALL int ate_log_key_remove(struct ate_chain *chain, const char *log_key,
                                struct ate_receipt *ret_receipt);

/* WAITS. That the transaction is in the chain, as the checkpoint signs it. checkpoint NULL: a new
 * one as of ate_checkpoint(), or where that cannot be made here, the last that was, or the
 * server's. Errors: NOT_FOUND: the chain, or the checkpoint, has no such transaction, or nothing
 * was signed here; COMPACTED: a deep compaction left nothing of the transaction; of a checkpoint
 * that is given: MALFORMED, UNTRUSTED: no log key of the chain signed it; TAMPERED: its signature
 * does not hold; WRONG_CHAIN, FORKED, ROLLED_BACK: it is none of this chain's; others as of
 * ate_checkpoint(). */
ATE_CALL int ate_prove(struct ate_chain *chain, uint64_t sequence, const char *checkpoint,
                       char **ret_text);

/* The same: that the checkpoint extends an older one. */
ATE_CALL int ate_prove_since(struct ate_chain *chain, const char *older_checkpoint,
                             const char *checkpoint, char **ret_text);

/* ---- checking, without the chain ---- */

/* Whom to trust. The first that is given decides, alone; without any: the session's private keys,
 * as root keys. Root keys and a chain id lead to the log keys of the genesis, which each proof
 * carries; those that were added later have to be given as log_keys. */
struct ate_proof_conf {
    const char *log_keys; /* text of ate_log_keys() */
    const char *chain; /* chain id, 43 characters */
    const char *root; /* fingerprints or public key files, separated by commas */
    /* Text of a policy (C2SP tlog-policy): the checkpoint, of two the newer one, must also be
     * signed by one of its logs, if it names any, and be cosigned by its quorum of witnesses. */
    const char *policy;
    uint64_t reserved[4];
};
enum ate_proof_kind {
    ATE_PROOF_CHECKPOINT, /* a head that a log key signed */
    ATE_PROOF_INCLUSION, /* and a transaction is in it */
    ATE_PROOF_CONSISTENCY /* and it extends an older one */
};
struct ate_proved {
    enum ate_proof_kind kind;
    struct ate_hash chain;
    struct ate_head head;
    struct ate_hash log_key; /* fingerprint of who signed it */
    int64_t signed_ns; /* when, as the signer's clock said */
    struct ate_head older; /* of a consistency */
    uint64_t sequence; /* of an inclusion: the transaction */
    struct ate_hash tx_hash;
    int64_t root_time_ns; /* when the root ordered it */
    uint32_t witnesses; /* of the policy, that cosigned it */
    int64_t witnessed_ns; /* the first of them, as its clock said */
};
/* text: a proof or a checkpoint (for which log_keys are needed, as it carries no genesis). session
 * may be NULL; conf NULL: nothing in it is given. Asks nobody and reads nothing but key files.
 * Errors: UNTRUSTED: nobody whom you trust signed it, or too few witnesses did; WRONG_CHAIN: it is
 * of another chain than that of the keys or the id; TAMPERED: a signature, or the proof, does not
 * hold; FORKED: it shows two histories of one chain, both signed; MALFORMED, UNSUPPORTED, TOO_BIG,
 * NOT_FOUND: a key file; E_*.
 */
ATE_CALL int ate_check_proof(const char *text, struct ate_session *session,
                             const struct ate_proof_conf *conf, struct ate_proved *ret_proved);

/* WAITS. Whether a transaction is in what witnesses have cosigned: then, and by nothing else, the
 * stage of *receipt becomes ATE_WITNESSED. receipt: of this chain, at least ATE_DURABLE.
 * checkpoint: one that a log key in force signed, with the lines of witnesses, as they gave it
 * back. policy: as of struct ate_proof_conf. The server has no part in it. Errors: NOT_FOUND: the
 * checkpoint is of less; UNTRUSTED: no log key, or too few witnesses signed it; TAMPERED: a line
 * does not hold; WRONG_CHAIN, FORKED, ROLLED_BACK: it is none of this chain's; MALFORMED, TOO_BIG,
 * UNSUPPORTED: the policy; MISUSE; others as of ate_checkpoint(). */
ATE_CALL int ate_witnessed(struct ate_chain *chain, const char *checkpoint, const char *policy,
                           struct ate_receipt *receipt);

ATE__END
