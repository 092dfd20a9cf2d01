/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin.h: snapshots of a chain of which nothing is held here: what struct ate__pipe_vtable asks of
 * one. What is verified of the answers, and what rests on the server: thin_check.h.
 *
 *  1. A snapshot reads at the head of the first answer that it got, which is the newest one that
 *     the server had then; so the first question costs no round trip more than the others. Before
 *     that, head() fixes it to the newest verified head that is known.
 *  2. What was shown is kept, and asked for again only where that took too much room; facts that
 *     are asked for of one object bring those of all its ancestors.
 *  3. The server keeps few snapshots, and none over a lost connection: where it has this one no
 *     more, but nothing was committed since, reading goes on; else it is ATE_STALE.
 *  4. After a commit a snapshot moves on to the state right behind it, with all that it knows and
 *     the commit did not change, where that much is certain: nobody else's transactions lie
 * between. If the server no longer has that state when it is first asked, and what was told of it
 * so far is the same in the newest one, the snapshot is taken for one of the newest.
 */
#pragma once
#include "mesh/thin_check.h"

/* Where answers come from. */
struct ate__thin_source {
    /* Asks and waits. get: request and known are not read. at_root: the root at get->at, where that
     * is not 0. ret_body: the body of GOT; ret_head: its head, proven to belong to the one history
     * of the chain. Errors: STALE TIMEOUT OFFLINE FORKED ROLLED_BACK BAD_PEER ... */
    int (*get)(void *arg, const struct ate__msg_get *get, const struct ate_hash *at_root,
               struct ate__buf *ret_body, struct ate__head *ret_head);
    struct ate__head (*newest)(void *arg); /* that is verified, without asking */
    /* An answer did not hold: this server is not asked any more. */
    void (*condemn)(void *arg, int result, const char *text);
    void *arg;
};

/* pipe: the one that it belongs to; a reference is taken. chain and source live as long as that. */
int ate__thin_begin(struct ate__pipe *pipe, struct ate__thin_chain *chain,
                    const struct ate__thin_source *source, struct ate__snapshot **ret_snapshot)
    ATE__CHECK;
int ate__thin_refresh(struct ate__snapshot *s) ATE__CHECK;
int ate__thin_committed(struct ate__snapshot *s, const struct ate__receipt *receipt) ATE__CHECK;
void ate__thin_end(struct ate__snapshot *s); /* takes NULL; lets the pipe go */
void ate__thin_head(const struct ate__snapshot *s, uint64_t *ret_size, struct ate_hash *ret_root);
const struct ate__facts *ate__thin_facts(struct ate__snapshot *s);
int ate__thin_event(struct ate__snapshot *s, const struct ate_id *id, struct ate__buf *buf,
                    struct ate__event *ret_event, struct ate__authors *ret_authors) ATE__CHECK;
