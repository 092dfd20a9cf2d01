/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * mirror.h: a byte copy of a chain's history, fed by the groups that its root sends:
 * a chain in the role of a mirror, in a directory or in memory.
 *
 *     loop's thread      group() -> queue -+                                    confirm() -+
 *     a worker                             +-> verified, appended, published -> fed()      |
 *                                                           the log is asked -> fed()  <---+
 *
 *  1. Every group is verified in full before anything of it is shown (ate__chain_feed()).
 *  2. Groups are taken in in the order in which they came, by one worker at a time; without
 *     workers, inside group().
 *  3. The log is not synced for each group: what a power loss takes is fetched again.
 *  4. With workers, what the loop calls neither touches the disk nor waits for it: that is the
 *     worker's, and, in new(), prepare() and check_remembered(), their caller's.
 *  5. What a server has left of a part that it compacted is judged as a whole, aside
 *     (chain/resync.h), and then taken over by the chain, whoever reads it (chain/replace.h).
 *  6. One process has the directory open for writing, by the lock of the storage.
 *
 * Calls: the loop's thread, but where they say otherwise.
 */
#pragma once
#include "chain/chain.h"
#include "mesh/client_step.h"

struct ate__mirror;
struct ate__mirror_conf {
    const struct ate__env *env;
    struct ate__workers *workers; /* NULL: none */
    const char *dir;              /* NULL: in memory */
    struct ate__head remembered;  /* that the history must hold; size 0: none */
    void (*progress)(void *arg, const char *stage, uint64_t done, uint64_t total); /* in new() */
    void *progress_arg;
    uint64_t bytes_max; /* that the server may send over all links; 0: no bound of its own */
    /* As of struct ate__chain_conf; borrowed until prepare() has returned. */
    const struct ate__key32 *image_secrets;
    size_t image_secret_count;
    /* More was taken in, or it failed, or the queue is empty now, or confirmed() has an answer; any
     * thread, no lock held. */
    void (*fed)(void *arg);
    void *arg;
};
/* Opens what is in the directory, verifying it, and changes nothing; nothing there is no failure.
 * Any thread.
 * Errors: IN_USE; EXISTS: a chain whose root this machine is lies there; TAMPERED UNSUPPORTED
 * E_*. */
int ate__mirror_new(const struct ate__mirror_conf *conf, struct ate__mirror **ret_mirror)
    ATE__CHECK;
/* Waits for a group that is being taken in; another history that is being judged is given up. No
 * snapshot and no listener is left. Any thread but a
 * worker's. Takes NULL. */
void ate__mirror_free(struct ate__mirror *m);

/* The chain that the server has: makes the mirror of it where there is none yet. Any thread, before
 * the first subscribe(). Once. Errors: WRONG_CHAIN: a mirror of another is there; FORKED: the
 * remembered head is not in it (nothing was changed); IN_USE E_*. */
int ate__mirror_prepare(struct ate__mirror *m, const struct ate_hash *chain_id) ATE__CHECK;
struct ate__chain *ate__mirror_chain(struct ate__mirror *m); /* NULL before prepare() */

/* As struct ate__client_driver has them. */
bool ate__mirror_subscribe(struct ate__mirror *m, struct ate__head *ret_head);
int ate__mirror_subscribed(struct ate__mirror *m, const struct ate__msg_subscribed *msg) ATE__CHECK;
/* Errors: as of subscribed(); BAD_PEER: it is not needed; E_* */
int ate__mirror_resync(struct ate__mirror *m, const struct ate__msg_resync *msg) ATE__CHECK;
int ate__mirror_remains(struct ate__mirror *m, uint16_t type, struct ate_bytes body) ATE__CHECK;
int ate__mirror_group(struct ate__mirror *m, struct ate_bytes body) ATE__CHECK;
/* With workers ATE_END: confirmed() will have the answer; before the next group is taken in. */
int ate__mirror_confirm(struct ate__mirror *m, const struct ate__call *call) ATE__CHECK;
void ate__mirror_lost(struct ate__mirror *m);
/* The next answer, in the order of the questions, with the call's ticket; its sentence is set.
 * False: there is none just now. */
bool ate__mirror_confirmed(struct ate__mirror *m, uint64_t *ret_ticket, int *ret_result);

/* What was taken in; any thread. */
struct ate__head ate__mirror_head(struct ate__mirror *m);
uint64_t ate__mirror_target(struct ate__mirror *m); /* size by the last SUBSCRIBED; 0: none came */
bool ate__mirror_is_full(struct ate__mirror *m); /* the link is not to be read just now */
/* 0, or why nothing is taken in any more, with its sentence; told once for each failure, and after
 * all that confirm() was asked before: that was taken in. */
int ate__mirror_failure(struct ate__mirror *m) ATE__CHECK;
/* The remembered head is in the history that was taken in. FORKED */
int ate__mirror_check_remembered(struct ate__mirror *m) ATE__CHECK;
