/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * create.h: the transaction 0 of a new chain (docs/format/trust.md, 3): genesis, and the top's
 * first control event.
 */
#pragma once
#include "trust/seal.h"

/* name: the declared path, checked by its grammar; options: the genesis', an item list, or empty.
 * The session's first private key is the root and signs, and its log key is the one of the chain;
 * all its keys, public ones included, may read and write from the top down. Appends the encoded,
 * signed transaction and gives the chain id. Errors: NO_KEY: the session has no private key;
 * MALFORMED E_*. */
int ate__genesis_make(const struct ate__env *env, struct ate_session *session, const char *name,
                      struct ate_bytes options, struct ate__buf *buf, struct ate_hash *ret_chain_id)
    ATE__CHECK;
