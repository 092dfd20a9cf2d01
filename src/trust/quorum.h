/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * quorum.h: whose signatures under a checkpoint are enough: a policy file (C2SP tlog-policy), lines
 * of words between spaces and tabs, "#" begins a comment:
 *
 *     log VKEY [URL]
 *     witness NAME VKEY [URL]
 *     group NAME any|all|K MEMBER...
 *     quorum NAME|none
 *
 *  1. There is exactly one quorum. A name is defined before it is used, once, and is a member at
 *     most once: so each witness counts once.
 *  2. No public key is there twice, whatever its name.
 *  3. A witness counts if a line of its key holds; that of a key which is no witness counts for
 *     nothing; one that does not hold ends it.
 */
#pragma once
#include "crypto/note.h"

enum {
    ATE__POLICY_MAX = 512 << 10, /* bytes */
    ATE__POLICY_LOGS_MAX = 64,
    ATE__POLICY_WITNESSES_MAX = 64,
    ATE__POLICY_GROUPS_MAX = 64
};

struct ate__quorum; /* immutable, thread-safe; has views into the text */
/* Errors: MALFORMED TOO_BIG UNSUPPORTED E_MEMORY, with the line. */
int ate__quorum_parse(struct ate_bytes text, struct ate__quorum **ret_quorum) ATE__CHECK;
void ate__quorum_free(struct ate__quorum *q); /* takes NULL */
ATE__FREEP(struct ate__quorum, ate__quorum_free)

struct ate__quorum_verdict {
    unsigned witnesses; /* that cosigned */
    uint64_t time_s;    /* the oldest of their times; 0: none did */
};
/* Errors: UNTRUSTED: the policy names logs, and none of them signed it; the quorum is not reached;
 * TAMPERED: a line of a key of the policy does not hold; MALFORMED: a key of it; E_*. */
int ate__quorum_check(const struct ate__quorum *q, const struct ate__note *n,
                      struct ate__quorum_verdict *ret_verdict) ATE__CHECK;
