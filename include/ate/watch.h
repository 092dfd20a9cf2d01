/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * watch.h: what happens in a chain, in its order: ask for the next event, or poll the
 * descriptor.
 *
 * A remote chain needs a mirror for it (conf.mirror_dir, which may be in memory). Only confirmed
 * transactions are shown. A watch that falls behind catches up from the log: it
 * misses nothing and slows nobody. One thread at a time.
 *
 * A mirror that was without its server while that compacted deeply takes over what was left, and a
 * watch goes on with it: first it tells what has gone and stands nowhere any more, as ATE_DELETED
 * with the sequence of what was told last and time_ns 0, in one transaction; then what was left of
 * the transactions behind that, in their order. Of what changed several times the last is told.
 */
#pragma once
#include <ate/txn.h>

ATE__BEGIN

#define ATE_NOW UINT64_MAX /* from_sequence: only what happens from now on */

enum ate_change { ATE_CREATED, ATE_UPDATED, ATE_DELETED };
struct ate_event {
    enum ate_change change;
    struct ate_id id, parent;
    const char *type;       /* NULL: private to others */
    struct ate_bytes name;  /* empty: none, or private to others */
    uint64_t sequence;
    int64_t time_ns;        /* the root's; 0: not known any more */
    bool last;              /* no more of this transaction comes: here the view is consistent */
    uint64_t reserved[4];
};

/* The children of parent; flags: ATE_TREE: and all below them. session NULL: the chain's.
 * Errors: UNSUPPORTED: the chain is thin; MISUSE, E_MEMORY, E_SYSTEM. */
ATE_CALL int ate_watch_start(struct ate_chain *chain, struct ate_session *session,
                             struct ate_id parent, unsigned flags, uint64_t from_sequence,
                             struct ate_watch **ret_watch);

/* WAITS for at most timeout_ms (0: not at all, -1: without limit). What it gives is borrowed
 * until the next call.
 * Errors: TIMEOUT, STALE, TAMPERED, FORKED, ROLLED_BACK, COMPACTED, WOULD_DEADLOCK, E_*; NOT_FOUND:
 * its owner destroyed the chain. */
ATE_CALL int ate_watch_next(struct ate_watch *watch, int timeout_ms, struct ate_event *ret_event);
/* for poll(): readable when ate_watch_next() would not wait */
ATE_API int ate_watch_fd(const struct ate_watch *watch);
ATE_API void ate_watch_end(struct ate_watch *watch);     /* takes NULL */

ATE__END
