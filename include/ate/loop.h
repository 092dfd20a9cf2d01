/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop.h: without waiting: a descriptor and the callbacks that are due.
 *
 * Opening, syncing, committing and asking for an outcome have an _async form with the same
 * arguments, then a loop, a callback and its argument. The contract is the same for all:
 *  1. It returns 0, and then `done` runs exactly once, inside ate_loop_run() of that loop, never
 *     inside the call that submitted; or it returns an error (MISUSE; BUSY: 65,536 callbacks or
 *     requests wait, or 256 opens are under way; E_MEMORY; E_SYSTEM: no thread for an open), and
 *     `done` never runs.
 *  2. ret_ parameters are written just before `done` runs, and only if its result is 0; they
 *     must live until then. All other arguments may go as soon as the call returned.
 *  3. The transaction or chain that it works on may meanwhile only be ended; then `done` still
 *     runs, with ATE_CANCELED or with the true result if that was already known.
 *  4. Inside `done` any call is allowed but those marked WAITS, which return ATE_WOULD_DEADLOCK
 *     at once; ate_loop_free() of the same loop is ATE_MISUSE and does nothing.
 *
 * Any number of commits, syncs and outcomes are under way without a thread of their own; the
 * waiting forms wait for the same answers. An open is its waiting form on a thread that lasts as
 * long as that call. They differ from the waiting forms in nothing else.
 */
#pragma once
#include <ate/base.h>

ATE__BEGIN

typedef void ate_done_fn(void *arg, int result);

/* Thread-safe, but only one thread at a time may be inside ate_loop_run() of one loop.
 * Errors: E_MEMORY, E_SYSTEM. */
ATE_CALL int ate_loop_new(struct ate_loop **ret_loop);

/* For poll(): readable while a callback is due. It belongs to the loop. */
ATE_API int ate_loop_fd(const struct ate_loop *loop);

/* Runs the callbacks that are due, in the order in which they came due; waits for the first one
 * at most timeout_ms (0: not at all, -1: without limit). 0: at least one ran.
 * Errors: TIMEOUT: none was due; WOULD_DEADLOCK: called from a callback; IN_USE: another thread
 * is in it. */
ATE_CALL int ate_loop_run(struct ate_loop *loop, int timeout_ms);

/* Ends the loop; takes NULL. Callbacks that have not run never run, and after it returned
 * nothing is written to what was submitted with it. The work itself goes on: a commit may still
 * be applied. */
ATE_API void ate_loop_free(struct ate_loop *loop);

ATE__END
