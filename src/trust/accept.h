/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept.h: the one acceptance function (TRUST 4, 5), the same at the root, at every replica and on every open.
 *
 * Order of checks; the verdict is that of the first that fails:
 *   1 size and canonical form   tx_decode           2 chain id                    WRONG_CHAIN
 *   3 base and window           STALE, MALFORMED    4 PREV and preconditions      CONFLICT
 *   5 authority of the claimed keys  DENIED         6 encryption ids              STALE_KEY
 *   7 the state after           CONFLICT ...        8 signatures                  ate__trust_verify(), DENIED TAMPERED
 * (origin, number) is checked by the caller before 3: a repeat is answered, not judged.
 *
 * Authority of an object that existed before is judged by the state before the transaction; of an object created in it, at the nearest ancestor
 * that existed before (that ancestor's append), the top at the latest. The state after it must satisfy: every parent lives, no cycle, at most
 * ATE__PARENTS_MAX parents, no surviving child of a deleted object, each name tag once among the live children of a parent, every body encrypted
 * for the scope it lies in.
 *
 * A right is looked for from the object upwards through stored parents. read, write: the first control event whose rule is not `inherit`.
 * append, admin: the first control event that sets it or, failing that at the same object, sets write. The top without a rule: read is everyone, the rest
 * the root keys.
 */
#pragma once
#include "trust/facts.h"
#include "trust/limits.h"
#include "trust/state.h"

struct ate__conflict {
    struct ate_id id;
    int why;           /* ATE_CONFLICT, ATE_DENIED, ... */
    uint64_t sequence; /* of the version that won; 0: none */
};
struct ate__verdict {
    int result;        /* 0: accepted */
    uint32_t conflict_count;
    struct ate__conflict conflicts[ATE__CONFLICTS_MAX];
}; /* the sentence is ate__error_text() */

/* Checks 2 to 7 at the sequence it would get. Returns verdict->result, or a machine failure. Iterative in depth, never recursive; bounded by the transaction's
 * size and the depth limit (and by the size of the subtree for a SUBTREE tombstone only where the facts must be walked). */
int ate__accept(const struct ate__trust *t, const struct ate__facts *facts, const struct ate__tx *tx, uint64_t sequence,
                struct ate__verdict *verdict) ATE__CHECK;

/* ---- the questions behind it, shared by those who prepare a transaction ---- */
/* Nearest object from id upwards (itself included) whose control event sets read; its control, or NULL for the top's default (everyone). NOT_FOUND: id is not
 * live. ret_scope: which object. */
int ate__scope_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_scope, const struct ate__control **ret_control) ATE__CHECK;
/* Nearest object from id upwards with a NAMEKEY: it names id's children. ret_control NULL: names are open. */
int ate__namer_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_namer, const struct ate__control **ret_control) ATE__CHECK;
/* May any of these keys do it to an object that exists? DENIED otherwise. */
int ate__may(const struct ate__trust *t, const struct ate__facts *facts, const struct ate_id *id, enum ate__right right,
             const struct ate_hash *fingerprints, size_t count) ATE__CHECK;
