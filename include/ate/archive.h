/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * archive.h: archives: chains in which nothing is changed, and nothing is deleted before its time.
 *
 * A chain is made an archive by conf.archive when it is created, and stays one: the genesis says
 * so. Then, whoever signs, the owner with every key too (docs/format/trust.md, 16):
 *
 *  1. Objects are created. A new version, another name or another place is ATE_DENIED.
 *  2. An object is deleted once the root's time has passed its own by the retention, and while
 *     neither it nor anything above it is held. ATE_TREE deletes each object by itself.
 *  3. Holds are set and taken away by a root key.
 *
 * The root's time never goes back. Whoever runs the root can set its clock forward, which all later
 * transactions then show.
 */
#pragma once
#include <ate/txn.h>

ATE__BEGIN

/* true: it is one. ret_retention_s, which may be NULL: seconds, rounded up; 0: for ever. */
ATE_API bool ate_chain_archive(const struct ate_chain *chain, uint64_t *ret_retention_s);

/* While it is held, neither the object nor what lies below it can be deleted; ate_top: nothing in
 * the chain. The commit is signed by a root key of the session, which needs no other right. 0 also
 * if it is held itself already, or is not.
 * Errors: NOT_FOUND, UNSUPPORTED: the chain is no archive; READ_ONLY, TOO_BIG, E_MEMORY. The commit
 * is DENIED where the session has no root key. */
ATE_CALL int ate_hold(struct ate_txn *txn, struct ate_id id);
ATE_CALL int ate_release(struct ate_txn *txn, struct ate_id id);

struct ate_kept {
    bool archive;   /* false: the chain is none, and all else is zero */
    bool for_ever;  /* no time comes at which it may be deleted */
    bool held;      /* by itself, or by something above it, changes of the transaction included */
    struct ate_id held_at; /* the nearest that is held: itself or above; zeros also for the top */
    /* Root time from which it may be deleted; 0: for ever, or it is pending in this transaction. */
    int64_t until_ns;
};
/* What keeps the object. Reads as ate_protection() does.
 * Errors: NOT_FOUND, STALE, TOO_BIG, E_*. */
ATE_CALL int ate_keeping(struct ate_txn *txn, struct ate_id id, struct ate_kept *ret_keeping);

ATE__END
