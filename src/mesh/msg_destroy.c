/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_destroy.c: DESTROY and DESTROYED.
 */
#include "mesh/msg_parts.h"

enum { MAY_BE = 0, IS = 1 };

void ate__msg_destroy_encode(struct ate__wr *w, const struct ate__msg_destroy *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_bytes32(w, m->statement);
}

int ate__msg_destroy_decode(struct ate_bytes body, struct ate__msg_destroy *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_destroy m = {.request = ate__rd_request(&r)};
    m.statement = ate__rd_bytes32(&r, ATE__DESTRUCTION_MAX);
    int rc = ate__msg_end(&r, "DESTROY");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_destroyed_encode(struct ate__wr *w, const struct ate__msg_destroyed *m)
{
    ate__wr_u8(w, m->request ? MAY_BE : IS);
    if (!m->request) {
        ate__wr_bytes32(w, m->statement);
        return;
    }
    ate__wr_u32(w, m->request);
    ate__wr_hash(w, &m->pin);
    ate__wr_hash(w, &m->nonce);
}

int ate__msg_destroyed_decode(struct ate_bytes body, struct ate__msg_destroyed *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_destroyed m = {.request = 0};
    unsigned kind = ate__rd_u8(&r);
    if (ate__rd_ok(&r) && kind > IS)
        return ate__fail(ATE_UNSUPPORTED, "DESTROYED: unknown kind %u", kind);
    if (kind == MAY_BE) {
        m.request = ate__rd_request(&r);
        m.pin = ate__rd_hash(&r);
        m.nonce = ate__rd_hash(&r);
    } else {
        m.statement = ate__rd_bytes32(&r, ATE__DESTRUCTION_MAX);
        if (!m.statement.size)
            ate__rd_fail(&r);
    }
    int rc = ate__msg_end(&r, "DESTROYED");
    if (!rc)
        *ret = m;
    return rc;
}
