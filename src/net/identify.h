/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * identify.h: by what a server is known whose address has no pin: the TLSA records at
 * _PORT._tcp.HOST; else the pins of the TXT records at _ate.HOST; else an authority that the system
 * trusts. The first that is there decides, alone; a failure is final (docs/decisions/0040).
 */
#pragma once
#include "net/dns_facts.h"

struct ate__identify; /* all of it on the loop's thread */
/* facts: of which the pins count; none: neither source is there, and an authority is to decide.
 * result: as of ate__dns_fn, and as of ate__dns_facts_of(). From here i may be freed. */
typedef void ate__identify_fn(void *owner, int result, const struct ate__dns_facts *facts);
/* Errors: as ate__dns_new() and ate__dns_ask(). */
int ate__identify_new(struct ate__loop *l, const struct ate__lookup *conf, const char *host,
                      uint16_t port, ate__identify_fn *identified, void *owner,
                      struct ate__identify **ret_identify) ATE__CHECK;
void ate__identify_free(struct ate__identify *i); /* identified() comes no more; takes NULL */

/* What the TXT records at _ate.HOST say of the chain `path`. WAITS, timeout_ms at most; not on the
 * loop's thread. ret_facts: none, where none are there. Errors: as ate__dns_fn and
 * ate__dns_facts_of(). */
int ate__dns_facts_ask(const struct ate__lookup *conf, const char *host, const char *path,
                       uint32_t timeout_ms, struct ate__dns_facts *ret_facts) ATE__CHECK;
