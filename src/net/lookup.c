/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * lookup.c: copies of what says where to look.
 */
#include "net/lookup.h"
#include "base/alloc.h"

static int copy(const char *text, const char **ret_text)
{
    *ret_text = text ? ate__copy_text(text) : NULL;
    return *ret_text || !text ? 0 : ate__no_memory();
}

int ate__lookup_copy(const struct ate__lookup *lookup, struct ate__lookup **ret_copy)
{
    ate__cleanup(ate__lookup_freep) struct ate__lookup *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    int rc = copy(lookup->dns_server, &l->dns_server);
    if (!rc)
        rc = copy(lookup->dns_anchor, &l->dns_anchor);
    if (!rc)
        rc = copy(lookup->authorities, &l->authorities);
    if (!rc)
        *ret_copy = ate__steal(&l);
    return rc;
}

void ate__lookup_free(struct ate__lookup *lookup)
{
    if (!lookup)
        return;
    ate__free((char *)lookup->dns_server);
    ate__free((char *)lookup->dns_anchor);
    ate__free((char *)lookup->authorities);
    ate__free(lookup);
}
