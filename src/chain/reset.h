/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reset.h: a chain that went back (docs/format/trust.md, 20): saying so, as a root key alone may,
 * and finding out whether what was seen before may be given up for it.
 *
 *  1. Whoever remembers a head gives it up for a history that does not hold it only because of a
 *     RESET in that history, all of which he has verified.
 *  2. A RESET to more than he has seen says nothing about what he has seen.
 *  3. It is signed later than the time of the head that he remembers: so no RESET that he has
 *     passed, nor one that others made before, is shown to him again.
 *  4. Among those who sign it is a root key that was in force at the head that he remembers, or,
 *     where he does not know which were, one that he names himself: so a key that ended meanwhile
 *     takes nothing back, and neither does one that only the other history made a root key.
 *  5. Who has the history that he gives up has the same head there as the RESET goes back to.
 */
#pragma once
#include "chain/chain.h"
#include "trust/session.h"

struct ate__reset {
    uint64_t sequence; /* of the RESET; so many transactions stayed */
    uint64_t old_size; /* that the chain had, as who signed it knew; 0: not known */
    uint64_t signed_us;
    uint8_t reason; /* enum ate__reset_reason */
    char text[ATE__RESET_TEXT_MAX + 1]; /* as it came: to be escaped */
};

struct ate__reset_conf {
    struct ate_session *session; /* borrowed */
    uint64_t old_size; /* of the chain before, if that is known; what is not above the size it has
                        * now is not stated */
    struct ate_hash old_root;
    uint8_t reason;
    const char *text;
};
/* Errors: DENIED: of an archive, which never goes back. */
int ate__reset_check_chain(const struct ate__trust *trust) ATE__CHECK;
/* Before anything is done: whether it could be written into the beginning of this chain, as far as
 * that can be told here. Errors: NO_KEY MALFORMED TOO_BIG; DENIED: it is an archive. */
int ate__chain_reset_check(struct ate__chain *c, const struct ate__reset_conf *conf) ATE__CHECK;
/* WAITS: the RESET behind the head that the chain has now; synced. Errors: NO_KEY; READ_ONLY: a
 * mirror, or damaged; MALFORMED TOO_BIG: the text; DENIED: the clock stands before what the chain
 * has; those of a commit. */
int ate__chain_reset(struct ate__chain *c, const struct ate__reset_conf *conf,
                     struct ate__receipt *ret_receipt) ATE__CHECK;

/* What was seen of the chain before. */
struct ate__reset_seen {
    uint64_t size;
    uint64_t time_us; /* root time at that size, or later; UINT64_MAX: not known */
    const struct ate_hash *keys; /* fingerprints, rule 4; NULL: who looks is the chain's own root */
    size_t key_count;
    bool keys_named; /* by the user: it is not known which were in force */
    struct ate__chain *own; /* rule 5; NULL: only the head is known */
};
/* Searches a chain that was verified, and may not have begun, for the first RESET that allows it.
 * Errors: NOT_FOUND: none of its RESETs does, with the reason in the sentence; E_* */
int ate__chain_reset_find(struct ate__chain *c, const struct ate__reset_seen *seen,
                          struct ate__reset *ret_reset) ATE__CHECK;
/* The newest transaction, if it is one; else *ret_reset has sequence 0. Errors: E_* */
int ate__chain_reset_last(struct ate__chain *c, struct ate__reset *ret_reset) ATE__CHECK;
/* Root time of the last group. */
uint64_t ate__chain_last_time(struct ate__chain *c);
