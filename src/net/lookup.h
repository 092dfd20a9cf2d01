/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lookup.h: where is looked up what an address does not say: by what its server is known, and which
 * root keys its chain has.
 */
#pragma once
#include "base/err.h"

struct ate__lookup {
    const char *dns_server; /* ADDRESS[@PORT], more behind commas; NULL: those of
                               /etc/resolv.conf, and for addresses all that the system asks */
    const char *dns_anchor; /* file of DS or DNSKEY records; NULL: ATE__DNS_ANCHOR */
    const char *authorities; /* file of certificates in PEM; NULL: those of the system */
};
/* A copy with its texts. Errors: E_MEMORY. */
int ate__lookup_copy(const struct ate__lookup *lookup, struct ate__lookup **ret_copy) ATE__CHECK;
void ate__lookup_free(struct ate__lookup *lookup); /* a copy; takes NULL */
ATE__FREEP(struct ate__lookup, ate__lookup_free)
