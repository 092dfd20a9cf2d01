/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * values.h: what is in force is whole.
 *
 * A payload may be left out once its body was superseded or its object deleted (chain/compact.h).
 * The hash of an event does not tell: whoever has the files, or sends a history, can leave out one
 * that is still in force, and all else holds. So who says that a chain is whole, or copies it,
 * asks here of each transaction.
 *
 * 1. An open does not ask: a log that ends earlier than it once did (repair, restore) lacks what
 *    was superseded behind its end, and the rest of it can be read.
 */
#pragma once
#include "chain/chain.h"

/* Of a transaction of the chain: no payload is left out that the newest published state has.
 * Errors: OMITTED; STALE: a reader's, and another process has compacted the log since it was
 * opened, so that what is missing may have been superseded; E_*. Any thread. */
int ate__chain_check_values(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence)
    ATE__CHECK;
/* Of all that is published. Reads and decodes all of the log. Errors: as above. Any thread. */
int ate__chain_check_all_values(struct ate__chain *c) ATE__CHECK;
