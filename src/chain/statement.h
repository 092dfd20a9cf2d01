/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * statement.h: what the library itself says in a chain: a transaction of one event without a
 * payload, on the newest head, signed by one key, or by nobody.
 */
#pragma once
#include "chain/chain.h"

/* WAITS until it is committed. header: of the event; key: borrowed for the call; NULL: nobody
 * signs. Not synced under a
 * weaker policy. Errors: as of a commit. */
int ate__chain_state(struct ate__chain *c, const struct ate__key *key, struct ate_bytes header,
                     struct ate__receipt *ret_receipt) ATE__CHECK;
