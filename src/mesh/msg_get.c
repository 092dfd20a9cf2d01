/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_get.c: GET and its answer GOT.
 */
#include "mesh/msg_parts.h"

enum { ID_SIZE = sizeof(struct ate_id), OBJECT_SIZE = ID_SIZE + 1 };
enum { LIST_ONE = 1, LIST_REVERSE = 2, LIST_FROM = 4 };

static void wr_listing(struct ate__wr *w, const struct ate__listing *l)
{
    ate__wr_id(w, &l->parent);
    ate__wr_u8(w, (uint8_t)((l->one ? LIST_ONE : 0) | (l->reverse ? LIST_REVERSE : 0) |
                            (l->has_from ? LIST_FROM : 0)));
    if (l->one)
        ate__wr_u32(w, l->collection);
    if (l->has_from)
        ate__wr_id(w, &l->from);
}

static struct ate__listing rd_listing(struct ate__rd *r)
{
    struct ate__listing l = {.parent = ate__rd_id(r)};
    uint8_t flags = ate__rd_u8(r);
    if (flags & ~(LIST_ONE | LIST_REVERSE | LIST_FROM))
        ate__rd_fail(r);
    l.one = flags & LIST_ONE;
    l.reverse = flags & LIST_REVERSE;
    l.has_from = flags & LIST_FROM;
    if (l.one)
        l.collection = ate__rd_u32(r);
    if (l.has_from)
        l.from = ate__rd_id(r);
    return l;
}

void ate__msg_get_encode(struct ate__wr *w, const struct ate__msg_get *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_u64(w, m->at);
    ate__wr_head(w, &m->known);
    ate__wr_u8(w, m->kind);
    ate__wr_u8(w, m->flags);
    switch (m->kind) {
    case ATE__GET_OBJECTS:
        ate__wr_u32(w, m->id_count);
        ate__wr_copy(w, m->ids, (size_t)m->id_count * ID_SIZE);
        break;
    case ATE__GET_NAME:
        ate__wr_id(w, &m->parent);
        ate__wr_u8(w, (uint8_t)m->tag_count);
        ate__wr_copy(w, m->tags, (size_t)m->tag_count * ATE__NAME_TAG);
        break;
    case ATE__GET_CHILDREN:
        wr_listing(w, &m->listing);
        ate__wr_u64(w, m->cursor);
        break;
    default: ate__assert(m->kind == ATE__GET_HEAD || m->kind == ATE__GET_LOG_KEYS);
    }
}

static void read_what(struct ate__rd *r, struct ate__msg_get *m)
{
    switch (m->kind) {
    case ATE__GET_OBJECTS:
        m->id_count = ate__rd_count(r, ATE__GET_IDS_MAX, ID_SIZE);
        m->ids = ate__rd_bytes(r, (size_t)m->id_count * ID_SIZE).data;
        if (!m->id_count)
            ate__rd_fail(r);
        break;
    case ATE__GET_NAME:
        m->parent = ate__rd_id(r);
        m->tag_count = ate__rd_u8(r);
        if (m->tag_count < 1 || m->tag_count > 2) {
            ate__rd_fail(r);
            m->tag_count = 0;
        }
        ate__rd_copy(r, m->tags, (size_t)m->tag_count * ATE__NAME_TAG);
        break;
    case ATE__GET_CHILDREN:
        m->listing = rd_listing(r);
        m->cursor = ate__rd_u64(r);
        break;
    default: break;
    }
}

int ate__msg_get_decode(struct ate_bytes body, struct ate__msg_get *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_get m = {.request = ate__rd_request(&r)};
    m.at = ate__rd_u64(&r);
    m.known = ate__rd_head(&r);
    m.kind = ate__rd_u8(&r);
    m.flags = ate__rd_u8(&r);
    if (ate__rd_ok(&r) && m.kind > ATE__GET_LOG_KEYS)
        return ate__fail(ATE_UNSUPPORTED, "GET: unknown kind %u", m.kind);
    if (ate__rd_ok(&r) && m.flags & ~ATE__GET_NO_PAYLOAD)
        return ate__fail(ATE_UNSUPPORTED, "GET: unknown flags %u", m.flags);
    read_what(&r, &m);
    int rc = ate__msg_end(&r, "GET");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- GOT ---- */

void ate__msg_got_encode(struct ate__wr *w, const struct ate__msg_got *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_head(w, &m->head);
    ate__wr_u64(w, m->known_size);
    ate__wr_proof(w, &m->consistency);
    ate__wr_u64(w, m->cursor);
    ate__wr_u32(w, m->object_count);
    ate__wr_copy(w, m->objects, (size_t)m->object_count * OBJECT_SIZE);
    ate__wr_u32(w, m->tx_count);
    ate__wr_bytes(w, m->txs);
}

void ate__msg_got_add(struct ate__wr *w, const struct ate__shown_tx *tx)
{
    ate__wr_u64(w, tx->sequence);
    ate__wr_u64(w, tx->root_time_us);
    ate__wr_proof(w, &tx->inclusion);
    ate__wr_bytes32(w, tx->record);
}

static void read_shown(struct ate__rd *r, struct ate__shown_tx *ret_tx)
{
    ret_tx->sequence = ate__rd_u64(r);
    ret_tx->root_time_us = ate__rd_u64(r);
    ate__rd_proof(r, &ret_tx->inclusion);
    ret_tx->record = ate__rd_tx(r);
}

/* Ascending, each of them in the head. */
static void check_txs(struct ate__rd *r, const struct ate__msg_got *m)
{
    struct ate__shown_tx tx;
    uint64_t after = 0;
    for (uint32_t i = 0; i < m->tx_count && ate__rd_ok(r); i++) {
        read_shown(r, &tx);
        if (tx.sequence < after || tx.sequence >= m->head.size)
            ate__rd_fail(r);
        after = tx.sequence + 1;
    }
}

int ate__msg_got_decode(struct ate_bytes body, struct ate__msg_got *ret)
{
    enum { SHOWN_MIN = 8 + 8 + 1 + 4 + 1 };
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_got m = {.request = ate__rd_request(&r)};
    m.head = ate__rd_head(&r);
    m.known_size = ate__rd_u64(&r);
    ate__rd_proof(&r, &m.consistency);
    m.cursor = ate__rd_u64(&r);
    m.object_count = ate__rd_count(&r, ATE__GOT_OBJECTS_MAX, OBJECT_SIZE);
    m.objects = ate__rd_bytes(&r, (size_t)m.object_count * OBJECT_SIZE).data;
    for (uint32_t i = 0; i < m.object_count && ate__rd_ok(&r); i++)
        if (m.objects[i * OBJECT_SIZE + ID_SIZE] > 1)
            ate__rd_fail(&r);
    m.tx_count = ate__rd_count(&r, ATE__GOT_TXS_MAX, SHOWN_MIN);
    size_t start = r.at;
    check_txs(&r, &m);
    int rc = ate__msg_end(&r, "GOT");
    if (!rc && m.known_size > m.head.size)
        rc = ate__fail(ATE_MALFORMED, "GOT: known size %llu in a head of size %llu",
                       (unsigned long long)m.known_size, (unsigned long long)m.head.size);
    if (rc)
        return rc;
    m.txs = ate__bytes(r.data + start, r.size - start);
    *ret = m;
    return 0;
}

bool ate__msg_got_next(struct ate_bytes txs, size_t *at, struct ate__shown_tx *ret_tx)
{
    struct ate__rd r = ate__rd_of(txs);
    r.at = *at;
    if (!ate__rd_left(&r))
        return false;
    read_shown(&r, ret_tx);
    *at = r.at;
    return ate__rd_ok(&r);
}
