/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * authority.h: who holds a right in the state before a transaction; for acceptance.
 */
#pragma once
#include "trust/accept.h"

/* Which keys of those who act: a bit each, from the first; ANYBODY: it is asked of nobody. */
enum { ATE__ANYBODY = 1 << 29 };
_Static_assert(ATE__PROVED_MAX < 29 && ATE__PROVED_MAX >= (int)ATE__TX_SIGNATURES_MAX, "a bit");

/* Who acts: keys that are claimed. Those that were revoked count for nothing. */
struct ate__signers {
    const struct ate__trust *t;
    const struct ate_hash *fingerprints;
    size_t count;
};

/* Who holds a right. */
struct ate__holder {
    const struct ate__rule *rule; /* NULL: the root keys, the top's default for all but read */
    struct ate_id at;             /* the object that sets it */
};
/* Errors: NOT_FOUND (id is not live), TOO_BIG (too deep), and those of the facts. */
int ate__holder_of(const struct ate__facts *facts, const struct ate_id *id, enum ate__right right,
                   struct ate__holder *ret_holder) ATE__CHECK;
/* Which of them; 0: none. */
uint32_t ate__holder_admits(const struct ate__holder *holder, const struct ate__signers *signers);
/* Whom write on id or any ancestor admits: those of the first that admits some, or (all) of each.
 * Errors: as ate__holder_of(). */
int ate__deleter_admits(const struct ate__facts *facts, const struct ate_id *id,
                        const struct ate__signers *signers, bool all, uint32_t *ret_admitted)
    ATE__CHECK;

/* Whether HOLD is in force at id or any ancestor; ret_at: the nearest. Errors: as above. */
int ate__hold_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_at,
                 bool *ret_held) ATE__CHECK;

/* "write is held by 7f3k... and 2 more, signed by nobody". id: the object that was asked about. */
enum { ATE__HOLDER_TEXT = 512 };
const char *ate__holder_text(const struct ate__holder *holder, enum ate__right right,
                             const struct ate_id *id, const struct ate__signers *signers,
                             char text[ATE__HOLDER_TEXT]);
