/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * fresh.h: what the caller says of a chain that is made: its kind, and which keys it takes. Of one
 * that is there already it is asked whether it is that.
 */
#pragma once
#include "ate/chain.h"
#include "chain/create.h"

struct ate__fresh {
    struct ate__buf options;
    uint16_t strength;
    uint8_t hash_alg; /* enum ate__hash_alg; 0: the default */
    uint16_t plain[ATE__ALGORITHMS_MAX];
    size_t plain_count;
    bool centralized;
    struct ate__buf log_key; /* empty: none is given */
};
/* Errors: MISUSE. */
int ate__fresh_check(const struct ate_chain_conf *conf, unsigned flags) ATE__CHECK;
/* f: zeros; deinit is due in any case. Errors: MALFORMED UNSUPPORTED: the log key; E_MEMORY. */
int ate__fresh_prepare(const struct ate_chain_conf *conf, struct ate__fresh *f) ATE__CHECK;
void ate__fresh_deinit(struct ate__fresh *f);
struct ate__genesis_conf ate__fresh_genesis(const struct ate__fresh *f); /* views */
/* EXISTS: the chain is another than conf asks for. */
int ate__fresh_matches(const struct ate_chain_conf *conf, const struct ate__genesis *g) ATE__CHECK;
