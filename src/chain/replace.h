/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * replace.h: an open mirror takes over the state of another chain, which lies aside and has been
 * judged: after a RESYNC (chain/resync.h), or where its history begins anew.
 *
 *     aside: open, begin, judge ---> ate__chain_replace() ---> the handle, its pipe, listeners and
 *                                                              snapshots are those of before
 *
 *  1. The handle stays: log, trust state and view of the other one become its own. What the handle
 *     has given away is valid as long as it was: the storage and the trust state are the same
 *     objects with another content; a view stays until the last snapshot of it has ended.
 *  2. In the view it is one step: a snapshot is of the old state or of the new one. One of the old
 *     state goes on to read what it did, until it is refreshed; but payloads that the new log does
 *     not have are STALE there. A refresh moves it to the new state, and what was lent before is
 *     valid until the snapshot ends. A listing of children that was begun before is STALE then.
 *  3. On the disk it is one step too, that of the lists (redo/replace.c): a crash leaves the old
 *     chain or the new one.
 *  4. Sizes may fall: nothing here asks how the two histories belong together. Whoever calls has
 *     seen to it that the other one is to be believed, and that this is what its owner wants.
 *  5. Listeners are told as of any group. What has gone without a record a watch finds by the state
 *     that was left: ate__chain_left().
 */
#pragma once
#include "chain/chain.h"

/* take_other is consumed even on failure: of the same chain and storage engine, begun, with
 * segment ids that c has not, on nobody's mind but the caller's. same: so many transactions from
 * the beginning are the same in both. No feed, sync or compaction of c is under way; c has no
 * offers, as no mirror has. The caller's thread waits for the disk, and for an RCU grace period.
 * Errors: BUSY: it is being compacted; READ_ONLY E_NO_SPACE E_MEMORY E_IO: nothing has changed, or
 * the log has failed, and an open tells which state is on the disk; c still reads the old one. */
int ate__chain_replace(struct ate__chain *c, struct ate__chain *take_other, uint64_t same)
    ATE__CHECK;
/* The state that was replaced since the listener asked last, the oldest where there were several;
 * ended with ate__chain_view_end(). Errors: NOT_FOUND: none was, without a sentence; COMPACTED: one
 * was, and memory was short. Any thread. */
int ate__chain_left(struct ate__chain *c, struct ate__listener *l,
                    struct ate__view_snapshot *ret_left) ATE__CHECK;
