/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * accept.h: the one acceptance function (docs/format/trust.md), the same at the root,
 * at every replica and on every open.
 *
 * Order of checks; the verdict is that of the first that fails:
 *   1 size and canonical form      tx_decode(), then MALFORMED UNSUPPORTED OMITTED
 *   2 chain id                     WRONG_CHAIN
 *   3 base and window              STALE MALFORMED FORKED
 *   4 PREV and preconditions       CONFLICT
 *   5 authority of claimed keys    DENIED (ROOT, CHAIN also CONFLICT TOO_BIG; keys also MALFORMED
 *                                  UNSUPPORTED); what an archive keeps: DENIED
 *   6 encryption ids               STALE_KEY (control events also MALFORMED DENIED UNSUPPORTED)
 *   7 the state after              CONFLICT TOO_BIG
 *   8 signatures                   ate__trust_verify(), DENIED TAMPERED
 * (origin, number) is checked by the caller before 3: a repeat is answered, not judged.
 *
 * Authority of an object that existed before is judged by the state before the transaction; of an
 * object created in it, at the nearest ancestor that existed before (that ancestor's append), the
 * top at the latest. The state after it must satisfy: every parent lives, no cycle, at most
 * ATE__PARENTS_MAX parents above what was written, no surviving child of a deleted object, each
 * name tag once among the live children of a parent, every body encrypted for the scope it lies in.
 * Moves come before deletions: what a transaction moves out of a subtree that it deletes survives,
 * and what it moves into one is refused.
 *
 * A right is looked for from the object upwards through stored parents. read, write: the first
 * control event whose rule is not `inherit`. append, admin: the first control event that sets it
 * or, failing that at the same object, sets write. The top without a rule: read is everyone, the
 * rest the root keys.
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
    int result; /* 0: accepted */
    uint32_t conflict_count;
    struct ate__conflict conflicts[ATE__CONFLICTS_MAX];
}; /* the sentence is ate__error_text() */

/* Checks 1 (what tx_decode() leaves of it) to 7 at the sequence it would get. root_time_us: of its
 * group; before that is known, what it will not be less than; UINT64_MAX: what time forbids is no
 * matter. Returns verdict->result, or a machine failure. A payload that was left out (STRIPPED) is
 * judged by its hash, as replicas do; the root asks for ate__tx_is_whole() first. Iterative in
 * depth, never recursive; bounded by the transaction's size and the depth limit. */
int ate__accept(const struct ate__trust *t, const struct ate__facts *facts,
                const struct ate__tx *tx, uint64_t sequence, uint64_t root_time_us,
                struct ate__verdict *verdict) ATE__CHECK;
/* As ate__accept(), and ate__accept_purpose() where it comes from afar, of a transaction that
 * nobody signed and that any of these keys may have made, but for those that were revoked. Which of
 * them it takes: without any one of the fewest it would be refused, and where one will do for
 * another it is the first. */
struct ate__makers {
    const struct ate_hash *keys;
    uint32_t count; /* at most ATE__PROVED_MAX */
    bool from_afar;
    uint32_t fewest; /* a bit each; written where it is accepted, else 0 */
};
int ate__accept_proved(const struct ate__trust *t, const struct ate__facts *facts,
                       const struct ate__tx *tx, uint64_t sequence, uint64_t root_time_us,
                       struct ate__makers *proved, struct ate__verdict *verdict) ATE__CHECK;
/* What compaction left of a transaction that was accepted at this sequence: below the cut-off of a
 * chain that was deeply compacted. Judged is what still can be: form, the chain id, keys and
 * rights, and that all above what it writes lives; not PREV, preconditions, tags, encryption and
 * base, which the certificate stands for. The facts are those behind what was kept before it.
 * DROPPED events are passed over. OMITTED: something is missing that the keep rules keep
 * (trust/keep.h). Else as ate__accept(). */
int ate__accept_kept(const struct ate__trust *t, const struct ate__facts *facts,
                     const struct ate__tx *tx, uint64_t sequence, struct ate__verdict *verdict)
    ATE__CHECK;
/* What a server asks of what others send, in front of an order that all judge alike: PUBLIC_KEY and
 * the REVOKE of a key that the chain does not hold, by itself, ask for no right. Where nothing else
 * is in it, it needs append at the top: keys are never compacted away, and whoever reaches a server
 * has any number of them. Errors: DENIED. */
int ate__accept_purpose(const struct ate__trust *t, const struct ate__facts *facts,
                        const struct ate__tx *tx) ATE__CHECK;
/* No event and no payload was left out. */
bool ate__tx_is_whole(const struct ate__tx *tx);

/* ---- the questions behind it, shared by those who prepare a transaction ---- */

/* Nearest object from id upwards (itself included) whose control event sets read; its control, or
 * NULL for the top's default (everyone). ret_scope: which object. Errors: NOT_FOUND (id is not
 * live), TOO_BIG (more than ATE__PARENTS_MAX above it). */
int ate__scope_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_scope,
                  const struct ate__control **ret_control) ATE__CHECK;
/* Nearest object from id upwards with a NAMEKEY: it names id's children. ret_control NULL: names
 * are open. Errors: as above. */
int ate__namer_of(const struct ate__facts *facts, const struct ate_id *id, struct ate_id *ret_namer,
                  const struct ate__control **ret_control) ATE__CHECK;
/* May any of these keys do it to an object that exists? Revoked keys may do nothing that not
 * everyone may. Errors: DENIED, NOT_FOUND, TOO_BIG. */
int ate__may(const struct ate__trust *t, const struct ate__facts *facts, const struct ate_id *id,
             enum ate__right right, const struct ate_hash *fingerprints, size_t count) ATE__CHECK;
