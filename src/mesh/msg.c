/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg.c: the messages that begin and follow a chain: OPEN, OPENED, CREATE, EXISTS, SUBSCRIBE,
 * SUBSCRIBED, GROUP. msg_commit.c and msg_get.c have the others.
 */
#include "base/name.h"
#include "mesh/msg_parts.h"

const char *ate__message_name(unsigned type)
{
    switch (type) {
#define ATE__X(name, number)                                                                       \
    case number: return #name;
        ATE__MESSAGES(ATE__X)
#undef ATE__X
    default: return "a message";
    }
}

/* The name of a chain, checked. */
static struct ate_bytes read_path(struct ate__rd *r, const char *name, int *rc)
{
    struct ate_bytes path = ate__rd_bytes32(r, ATE__CHAIN_NAME_MAX);
    if (ate__rd_ok(r))
        *rc = ate__context(ate__chain_name_check(path), "%s", name);
    return path;
}

/* ---- OPEN, OPENED ---- */

void ate__msg_open_encode(struct ate__wr *w, const struct ate__msg_open *m)
{
    ate__wr_u8(w, 0);
    ate__wr_bytes32(w, m->path);
}

int ate__msg_open_decode(struct ate_bytes body, struct ate__msg_open *ret)
{
    struct ate__rd r = ate__rd_of(body);
    int path_rc = 0;
    unsigned flags = ate__rd_u8(&r);
    struct ate__msg_open m = {.path = read_path(&r, "OPEN", &path_rc)};
    int rc = ate__msg_end(&r, "OPEN");
    if (!rc && flags)
        rc = ate__fail(ATE_UNSUPPORTED, "OPEN: unknown flags %u", flags);
    if (!rc)
        rc = path_rc;
    if (!rc)
        *ret = m;
    return rc;
}

enum { OPENED_CREATED = 1, OPENED_READ_ONLY = 2, OPENED_WEAK_SYNC = 4 };

void ate__msg_opened_encode(struct ate__wr *w, const struct ate__msg_opened *m)
{
    ate__wr_u8(w,
               (uint8_t)((m->created ? OPENED_CREATED : 0) | (m->read_only ? OPENED_READ_ONLY : 0) |
                         (m->weak_sync ? OPENED_WEAK_SYNC : 0)));
    ate__wr_hash(w, &m->chain_id);
    ate__wr_head(w, &m->head);
    ate__wr_u64(w, m->genesis_time_us);
    ate__wr_proof(w, &m->inclusion);
    ate__wr_bytes32(w, m->genesis);
}

int ate__msg_opened_decode(struct ate_bytes body, struct ate__msg_opened *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_opened m = {0};
    unsigned flags = ate__rd_u8(&r);
    m.created = flags & OPENED_CREATED;
    m.read_only = flags & OPENED_READ_ONLY;
    m.weak_sync = flags & OPENED_WEAK_SYNC;
    m.chain_id = ate__rd_hash(&r);
    m.head = ate__rd_head(&r);
    m.genesis_time_us = ate__rd_u64(&r);
    ate__rd_proof(&r, &m.inclusion);
    m.genesis = ate__rd_tx(&r);
    int rc = ate__msg_end(&r, "OPENED");
    if (!rc && flags & ~(unsigned)(OPENED_CREATED | OPENED_READ_ONLY | OPENED_WEAK_SYNC))
        rc = ate__fail(ATE_UNSUPPORTED, "OPENED: unknown flags %u", flags);
    if (!rc && !m.head.size)
        rc = ate__fail(ATE_MALFORMED, "OPENED: a chain without transaction 0");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- CREATE, EXISTS ---- */

void ate__msg_create_encode(struct ate__wr *w, const struct ate__msg_create *m)
{
    ate__wr_bytes32(w, m->path);
    ate__wr_bytes32(w, m->genesis);
}

int ate__msg_create_decode(struct ate_bytes body, struct ate__msg_create *ret)
{
    struct ate__rd r = ate__rd_of(body);
    int path_rc = 0;
    struct ate__msg_create m = {.path = read_path(&r, "CREATE", &path_rc)};
    m.genesis = ate__rd_tx(&r);
    int rc = ate__msg_end(&r, "CREATE");
    if (!rc)
        rc = path_rc;
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_exists_encode(struct ate__wr *w, const struct ate__msg_exists *m)
{
    ate__wr_hash(w, &m->chain_id);
}

int ate__msg_exists_decode(struct ate_bytes body, struct ate__msg_exists *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_exists m = {.chain_id = ate__rd_hash(&r)};
    int rc = ate__msg_end(&r, "EXISTS");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- SUBSCRIBE, SUBSCRIBED, GROUP ---- */

void ate__msg_subscribe_encode(struct ate__wr *w, const struct ate__msg_subscribe *m)
{
    ate__wr_head(w, &m->head);
}

int ate__msg_subscribe_decode(struct ate_bytes body, struct ate__msg_subscribe *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_subscribe m = {.head = ate__rd_head(&r)};
    int rc = ate__msg_end(&r, "SUBSCRIBE");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_subscribed_encode(struct ate__wr *w, const struct ate__msg_subscribed *m)
{
    ate__wr_head(w, &m->head);
    ate__wr_proof(w, &m->consistency);
}

int ate__msg_subscribed_decode(struct ate_bytes body, struct ate__msg_subscribed *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_subscribed m = {.head = ate__rd_head(&r)};
    ate__rd_proof(&r, &m.consistency);
    int rc = ate__msg_end(&r, "SUBSCRIBED");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_group_encode(struct ate__wr *w, const struct ate__msg_group *m)
{
    ate__wr_u64(w, m->first_sequence);
    ate__wr_u64(w, m->root_time_us);
    ate__wr_hash(w, &m->head_after);
    ate__wr_u32(w, m->count);
    ate__wr_bytes(w, m->records);
}

void ate__msg_group_add(struct ate__wr *w, struct ate_bytes record)
{
    ate__wr_bytes32(w, record);
}

int ate__msg_group_decode(struct ate_bytes body, struct ate__msg_group *ret)
{
    enum { RECORD_MIN = 4 + 1 };
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_group m = {0};
    m.first_sequence = ate__rd_u64(&r);
    m.root_time_us = ate__rd_u64(&r);
    m.head_after = ate__rd_hash(&r);
    m.count = ate__rd_count(&r, ATE__GROUP_FRAME_RECORDS_MAX, RECORD_MIN);
    if (!m.count || m.first_sequence > UINT64_MAX - m.count)
        ate__rd_fail(&r);
    size_t start = r.at;
    for (uint32_t i = 0; i < m.count && ate__rd_ok(&r); i++)
        (void)ate__rd_tx(&r);
    int rc = ate__msg_end(&r, "GROUP");
    if (rc)
        return rc;
    m.records = ate__bytes(r.data + start, r.size - start);
    *ret = m;
    return 0;
}

bool ate__msg_group_next(struct ate_bytes records, size_t *at, struct ate_bytes *ret_record)
{
    struct ate__rd r = ate__rd_of(records);
    r.at = *at;
    if (!ate__rd_left(&r))
        return false;
    *ret_record = ate__rd_tx(&r);
    *at = r.at;
    return ate__rd_ok(&r);
}
