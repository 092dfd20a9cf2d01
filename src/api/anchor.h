/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * anchor.h: which root key to trust (docs/format/keys.md, "Anchors"). The first source that is
 * given decides, alone, and its failure is final: conf.root, then #chain= or #root= of the address,
 * then the session's own private keys, then DNS.
 */
#pragma once
#include "net/addr.h"
#include "net/dns_facts.h"
#include "trust/session.h"
#include "trust/state.h"

struct ate__anchor {
    struct ate_hash *roots;  /* of conf.root, the address or DNS */
    size_t root_count;
    bool has_chain;
    struct ate_hash chain;
    struct ate_session *session; /* borrowed; may be NULL */
    const char *path;            /* that was asked for; NULL: a directory */
    bool centralized; /* a chain whose server says who wrote is accepted */
};
/* root: the text of conf.root, or NULL; addr: NULL for a directory. MALFORMED NOT_FOUND (a key
 * file) E_MEMORY */
int ate__anchor_init(struct ate__anchor *a, const char *root, const struct ate__addr *addr,
                     struct ate_session *session) ATE__CHECK;
void ate__anchor_deinit(struct ate__anchor *a);
/* Neither conf.root nor the address says anything: DNS is asked, if the session's keys are not
 * enough. */
bool ate__anchor_is_open(const struct ate__anchor *a);
/* What DNS says of the chain, to one that is open: from then on it decides alone. */
int ate__anchor_add(struct ate__anchor *a, const struct ate__dns_facts *facts) ATE__CHECK;
/* UNTRUSTED WRONG_CHAIN with the chain's id, its root keys and the option that would accept them;
 * UNTRUSTED too of a centralized chain that nobody said he expects: no peer chooses the mode. */
int ate__anchor_check(const struct ate__anchor *a, struct ate__trust *trust) ATE__CHECK;
/* The same of a genesis whose history is to come: it may still add a root key that satisfies the
 * anchor, and 0 says no more than that. */
int ate__anchor_check_genesis(const struct ate__anchor *a, struct ate__trust *trust) ATE__CHECK;
