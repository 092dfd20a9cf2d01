/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns_facts.h: the records of DNS that say whom to trust (docs/format/keys.md, "Records in DNS").
 * Pure.
 *
 *     _PORT._tcp.HOST   TLSA  3 1 1 <SHA-256 of the server's public key>
 *     _ate.HOST         TXT   v=ate1; pin=<pin>
 *                             v=ate1; root=<fingerprint>; path=/joe/...
 *                             v=ate1; chain=<chain id>; path=/joe/...
 *                             v=ate1; directory=<text>
 *
 *  1. One fact a record, written in one way: what says v=ate1 and is not exactly so is MALFORMED.
 *     A record of another version, or of none, is nobody's business here.
 *  2. A path is the name of a chain, or ends in a segment `*`, which stands for one or more
 *     segments. Of the facts whose path covers a chain, those with the most exact path hold, alone:
 *     a name before a pattern, a longer one before a shorter.
 */
#pragma once
#include "base/err.h"
#include "base/name.h"
#include "net/dns.h"

enum ate__dns_fact_kind {
    ATE__DNS_NONE, /* not ours */
    ATE__DNS_PIN,
    ATE__DNS_ROOT,
    ATE__DNS_CHAIN,
    ATE__DNS_DIRECTORY
};
struct ate__dns_fact {
    enum ate__dns_fact_kind kind;
    struct ate_hash hash; /* of PIN, ROOT, CHAIN */
    char path[ATE__CHAIN_NAME_MAX + 1]; /* of ROOT, CHAIN */
};
/* record: of TXT, as it is in the answer: strings with their lengths, which are put together.
 * Errors: MALFORMED TOO_BIG. */
int ate__dns_fact_parse(struct ate_bytes record, struct ate__dns_fact *ret_fact) ATE__CHECK;
/* 0: it does not cover the path; else the greater, the more exact. */
size_t ate__dns_fact_covers(const char *pattern, const char *path);

struct ate__dns_facts {
    struct ate_hash pins[ATE__NET_PINS_MAX], roots[ATE__NET_PINS_MAX], chain;
    size_t pin_count, root_count;
    bool has_chain;
};
/* What the records say of the server, and of the chain `path`; NULL: none is asked for. Errors:
 * MALFORMED; TOO_BIG: more than ATE__NET_PINS_MAX of a kind; UNTRUSTED: two chains for one path. */
int ate__dns_facts_of(const struct ate__dns_answer *txt, const char *path,
                      struct ate__dns_facts *ret_facts) ATE__CHECK;
/* The pins that TLSA records say: those of 3 1 1, which is all that is looked at. Errors:
 * MALFORMED; TOO_BIG; UNSUPPORTED: none is 3 1 1. */
int ate__dns_facts_of_tlsa(const struct ate__dns_answer *tlsa, struct ate__dns_facts *ret_facts)
    ATE__CHECK;
