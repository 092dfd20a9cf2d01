/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * create.h: the transaction 0 of a new chain (docs/format/trust.md, 3): genesis, and the top's
 * first control event.
 */
#pragma once
#include "trust/seal.h"

/* What a new chain is; zeros: the defaults. */
struct ate__genesis_conf {
    struct ate_bytes options; /* an item list */
    /* Least one of its keys, in bits: every composite that is so strong may sign. 0: 192, and the
     * usual composite alone, as in every chain of versions before. */
    uint16_t strength;
    uint8_t hash_alg; /* 0: SHA-256 */
    const uint16_t *plain; /* signature algorithms to allow beside the composites */
    size_t plain_count;
    bool centralized;
    struct ate_bytes log_key; /* that may sign its order beside the root's; empty: none */
};

/* Whether the session's keys are such as a chain like that takes: before anything is made. Errors:
 * of ate__genesis_make(). */
int ate__genesis_check(const struct ate_session *session, const struct ate__genesis_conf *conf)
    ATE__CHECK;
/* name: the declared path, checked by its grammar.
 * The session's first private key is the root and signs, and its log key is the one of the chain;
 * all its keys, public ones included, may read and write from the top down. Appends the encoded,
 * signed transaction and gives the chain id. Errors: NO_KEY: the session has no private key that
 * signs; DENIED: its key is none that such a chain takes; MALFORMED UNSUPPORTED E_*. */
int ate__genesis_make(const struct ate__env *env, struct ate_session *session, const char *name,
                      const struct ate__genesis_conf *conf, struct ate__buf *buf,
                      struct ate_hash *ret_chain_id) ATE__CHECK;
