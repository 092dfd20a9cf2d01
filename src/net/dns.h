/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns.h: what DNS says, validated here (DNSSEC), and nothing else (docs/decisions/0040).
 *
 *  1. An answer is secure: signatures up to the trust anchor hold, for the records, or for the
 *     proof that there are none; or it is insecure: nothing is signed there. What an insecure
 * answer holds never leaves dns_uv.c, but for the addresses of hosts: nothing is believed of who
 *     answers there, before he shows by his key that he is the right one.
 *  2. Everything else is a failure: an answer whose signatures do not hold or are missing where the
 *     parent says that there are some, no answer, an answer of an error.
 *  3. Validation is done in this process. The name servers that are asked, and the way to them, are
 *     trusted in nothing; they can make it fail.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "net/limits.h"
#include "net/lookup.h"
#include <stddef.h>

struct ate__loop;

#define ATE__DNS_ANCHOR "/usr/share/dns/root.key"

enum ate__dns_type { ATE__DNS_A = 1, ATE__DNS_TXT = 16, ATE__DNS_AAAA = 28, ATE__DNS_TLSA = 52 };

struct ate__dns_answer {
    bool secure; /* else count is 0, but of A and AAAA */
    size_t count;
    struct ate_bytes record[ATE__DNS_RECORDS_MAX]; /* the data of each, lent for the call */
};

struct ate__dns; /* asks one question at a time; all of it on the loop's thread */
/* What is asked, once it is answered. result: 0; UNTRUSTED: bogus; OFFLINE: no answer, or an
 * error; MALFORMED: no name; TOO_BIG: more or longer records than the limits say; E_*; with its
 * sentence set. From here d may be asked again, or freed. */
typedef void ate__dns_fn(void *owner, int result, const struct ate__dns_answer *answer);
/* Nothing is sent yet. Errors: MALFORMED TOO_BIG: the anchor file; MISUSE: the server's
 * address; OFFLINE: no name server is known; E_*. */
int ate__dns_new(struct ate__loop *l, const struct ate__lookup *conf, ate__dns_fn *answered,
                 void *owner, struct ate__dns **ret_dns) ATE__CHECK;
/* 0: answered() comes, later. Errors: as answered(). */
int ate__dns_ask(struct ate__dns *d, const char *name, enum ate__dns_type type) ATE__CHECK;
void ate__dns_free(struct ate__dns *d); /* answered() comes no more; takes NULL */
