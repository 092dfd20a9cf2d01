/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact_auto.h: a chain that is compacted by itself, when it is due (chain/compact_mode.h).
 *
 *  1. It looks at the log on a thread of its pool, some time after the log has grown or when the
 *     timer says; a chain that rests has no task but that of its timer.
 *  2. A run reads and writes at a pace, and holds no lock that a commit waits for longer than for
 *     one record. What fails is told and tried again; no commit ever fails for it.
 *  3. It ends soon: what is under way stops at the next record, and what it did stands.
 *  4. Deep where a key of the session may sign the certificate in that chain, at most once a day,
 *     because all of the history is verified for it; else shallow.
 */
#pragma once
#include "chain/chain.h"

struct ate__auto;
/* At the end of begin() or create(); of c->conf.compact. NULL where there is nothing to do: mode
 * never, opened for reading. Errors: MISUSE E_MEMORY. */
int ate__auto_begin(struct ate__chain *c, struct ate__auto **ret_auto) ATE__CHECK;
/* Returns when nothing of it runs any more; takes NULL. Not from its pool. */
void ate__auto_end(struct ate__auto *a);
