/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ate.h: all of the interface: chains, sessions, transactions, typed objects, history, watches,
 * servers.
 *
 * Six rules hold for every call, so that the comments in the headers need not repeat them.
 *  1. Result. 0: done. Positive: an answer to handle where it is given (ATE_NOT_FOUND,
 *     ATE_CONFLICT, ...). Negative: this machine failed; pass it on. ate_error() is the sentence
 *     (what, where, what to do) for this thread's last one other than 0. Every call may return
 *     ATE_MISUSE for an argument that cannot be right, and ATE_E_MEMORY.
 *  2. ret_ parameters are written on success only.
 *  3. Ownership. What *_open, *_begin, *_start, *_new gave you ends with its partner, which
 *     takes NULL. All that such a thing gives through a pointer to const is borrowed: from a
 *     transaction until ate_txn_end() or ate_txn_end_loans(), from a watch or a history until
 *     its next call, from anything else until it is ended. ate_keep() makes a copy of your own,
 *     ended with ate_free(). The library keeps no memory of yours after a call returns, and
 *     keeps alive itself what it needs of a session or a chain, so these may be closed in any
 *     order.
 *  4. Units. Text is UTF-8 ending in NUL. Durations are in ms, -1 without limit. Times are in ns
 *     since 1970 UTC. Sizes are in bytes.
 *  5. Threads. Chains, sessions and loops: any thread at any time. The rest: one thread at a
 *     time. After fork() the child may only exec or exit.
 *  6. No call waits for the network or the disk but those marked WAITS, within a time limit
 *     each, and reads as txn.h says. Those that open, sync, commit or ask for an outcome have an
 *     _async form (loop.h), whose callback runs once, in ate_loop_run() of your own thread; a
 *     watch has a descriptor. `progress` and `in_use` run inside your own waiting call. Nothing
 *     else calls you.
 *
 * Structs that you fill (conf, rules, ...) are zeros but for what you say, so begin with `= {0}`:
 * zero is the default of every field, those of later versions too. A struct keeps its size and its
 * fields their places; a later version takes what it needs from the end of its struct's `reserved`,
 * whose bytes it reads as zeros from programs that were built before. A program that was built for
 * a later version and says there what this one does not know is MISUSE, not ignored. A struct whose
 * reserve is used up gets a successor, `_conf2`, with a function of its own that takes it; the old
 * one stays.
 */
#pragma once
#include <ate/archive.h>
#include <ate/backup.h>
#include <ate/base.h>
#include <ate/bytes.h>
#include <ate/chain.h>
#include <ate/compact.h>
#include <ate/destroy.h>
#include <ate/history.h>
#include <ate/loop.h>
#include <ate/plugin.h>
#include <ate/proof.h>
#include <ate/relation.h>
#include <ate/result.h>
#include <ate/server.h>
#include <ate/session.h>
#include <ate/txn.h>
#include <ate/type.h>
#include <ate/watch.h>
