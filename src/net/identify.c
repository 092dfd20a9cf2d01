/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * identify.c: by what a server is known, from DNS: one question after the other.
 */
#include "net/identify.h"
#include "base/alloc.h"
#include "net/addr.h"
#include <stdio.h>

enum { NAME_SIZE = ATE__ADDR_HOST_MAX + sizeof "_65535._tcp." };

struct ate__identify {
    struct ate__dns *dns;
    ate__identify_fn *identified;
    void *owner;
    bool asked_txt;
    char txt[NAME_SIZE];
};

static void answered(void *owner, int result, const struct ate__dns_answer *answer)
{
    struct ate__identify *i = owner;
    struct ate__dns_facts facts = {.pin_count = 0};
    if (!result && i->asked_txt)
        result = ate__context(ate__dns_facts_of(answer, NULL, &facts), "DNS: TXT of %s", i->txt);
    else if (!result)
        result = ate__context(ate__dns_facts_of_tlsa(answer, &facts), "DNS: TLSA");
    if (!result && !facts.pin_count && !i->asked_txt) {
        i->asked_txt = true;
        result = ate__dns_ask(i->dns, i->txt, ATE__DNS_TXT);
        if (!result)
            return;
    }
    i->identified(i->owner, result, &facts);
}

int ate__identify_new(struct ate__loop *l, const struct ate__lookup *conf, const char *host,
                      uint16_t port, ate__identify_fn *identified, void *owner,
                      struct ate__identify **ret_identify)
{
    char tlsa[NAME_SIZE];
    struct ate__identify *i = ate__alloc(sizeof *i);
    if (!i)
        return ate__no_memory();
    i->identified = identified;
    i->owner = owner;
    snprintf(i->txt, sizeof i->txt, "_ate.%s", host);
    snprintf(tlsa, sizeof tlsa, "_%u._tcp.%s", port, host);
    int rc = ate__dns_new(l, conf, answered, i, &i->dns);
    if (!rc)
        rc = ate__dns_ask(i->dns, tlsa, ATE__DNS_TLSA);
    if (rc) {
        ate__identify_free(i);
        return rc;
    }
    *ret_identify = i;
    return 0;
}

void ate__identify_free(struct ate__identify *i)
{
    if (!i)
        return;
    ate__dns_free(i->dns);
    ate__free(i);
}
