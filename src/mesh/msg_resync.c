/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_resync.c: RESYNC, LEAVES, KEPT: what compaction has left of a chain.
 */
#include "mesh/msg_parts.h"

/* ---- RESYNC ---- */

void ate__msg_resync_encode(struct ate__wr *w, const struct ate__msg_resync *m)
{
    ate__wr_head(w, &m->head);
    ate__wr_proof(w, &m->consistency);
    ate__wr_u64(w, m->cut_off);
    ate__wr_head(w, &m->kept);
    ate__wr_u64(w, m->certified);
    ate__wr_bytes32(w, m->note);
}

int ate__msg_resync_decode(struct ate_bytes body, struct ate__msg_resync *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_resync m = {.head = ate__rd_head(&r)};
    ate__rd_proof(&r, &m.consistency);
    m.cut_off = ate__rd_u64(&r);
    m.kept = ate__rd_head(&r);
    m.certified = ate__rd_u64(&r);
    m.note = ate__rd_bytes32(&r, ATE__NOTE_MAX);
    int rc = ate__msg_end(&r, "RESYNC");
    if (!rc && (!m.kept.size || m.kept.size > m.head.size || m.cut_off >= m.certified ||
                m.certified > m.head.size))
        rc = ate__fail(ATE_MALFORMED, "RESYNC: %llu, %llu, %llu of %llu transactions",
                       (unsigned long long)m.kept.size, (unsigned long long)m.cut_off,
                       (unsigned long long)m.certified, (unsigned long long)m.head.size);
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- LEAVES ---- */

void ate__msg_leaves_encode(struct ate__wr *w, const struct ate__msg_leaves *m)
{
    ate__wr_u64(w, m->first);
    ate__wr_u32(w, m->count);
    ate__wr_copy(w, m->hashes, (size_t)m->count * sizeof(struct ate_hash));
}

int ate__msg_leaves_decode(struct ate_bytes body, struct ate__msg_leaves *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_leaves m = {.first = ate__rd_u64(&r)};
    m.count = ate__rd_count(&r, ATE__LEAVES_FRAME_MAX, sizeof(struct ate_hash));
    struct ate_bytes hashes = ate__rd_bytes(&r, (size_t)m.count * sizeof(struct ate_hash));
    m.hashes = hashes.data;
    if (!m.count || m.count % ATE__TILE_LEAVES || m.first % ATE__TILE_LEAVES ||
        m.first > UINT64_MAX - m.count)
        ate__rd_fail(&r);
    int rc = ate__msg_end(&r, "LEAVES");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- KEPT ---- */

enum { KEPT_WHOLE = 0, KEPT_IDENTITY = 1, KEPT_RECORD_MIN = 1 + 8 + 4 + 1 };

void ate__msg_kept_encode(struct ate__wr *w, const struct ate__msg_kept *m)
{
    ate__wr_u64(w, m->first);
    ate__wr_u64(w, m->end);
    ate__wr_u64(w, m->root_time_us);
    ate__wr_u32(w, m->count);
    ate__wr_bytes(w, m->records);
}

void ate__msg_kept_add(struct ate__wr *w, const struct ate__kept_record *record)
{
    ate__wr_u8(w, record->identity ? KEPT_IDENTITY : KEPT_WHOLE);
    ate__wr_u64(w, record->sequence);
    ate__wr_bytes32(w, record->body);
}

static struct ate__kept_record read_record(struct ate__rd *r, unsigned *ret_kind)
{
    *ret_kind = ate__rd_u8(r);
    struct ate__kept_record record = {.identity = *ret_kind == KEPT_IDENTITY};
    record.sequence = ate__rd_u64(r);
    record.body = ate__rd_tx(r);
    return record;
}

/* Ascending, inside of what it stands for. */
static int check_records(struct ate__rd *r, const struct ate__msg_kept *m)
{
    uint64_t next = m->first;
    for (uint32_t i = 0; i < m->count && ate__rd_ok(r); i++) {
        unsigned kind;
        struct ate__kept_record record = read_record(r, &kind);
        if (ate__rd_ok(r) && kind > KEPT_IDENTITY)
            return ate__fail(ATE_UNSUPPORTED, "KEPT: unknown kind %u", kind);
        if (record.sequence < next || record.sequence >= m->end)
            ate__rd_fail(r);
        next = record.sequence + 1;
    }
    return 0;
}

int ate__msg_kept_decode(struct ate_bytes body, struct ate__msg_kept *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_kept m = {.first = ate__rd_u64(&r)};
    m.end = ate__rd_u64(&r);
    m.root_time_us = ate__rd_u64(&r);
    m.count = ate__rd_count(&r, ATE__GROUP_FRAME_RECORDS_MAX, KEPT_RECORD_MIN);
    if (m.end <= m.first)
        ate__rd_fail(&r);
    size_t start = r.at;
    int rc = check_records(&r, &m);
    if (!rc)
        rc = ate__msg_end(&r, "KEPT");
    if (rc)
        return rc;
    m.records = ate__bytes(r.data + start, r.size - start);
    *ret = m;
    return 0;
}

bool ate__msg_kept_next(struct ate_bytes records, size_t *at, struct ate__kept_record *ret_record)
{
    struct ate__rd r = ate__rd_of(records);
    unsigned kind;
    r.at = *at;
    if (!ate__rd_left(&r))
        return false;
    *ret_record = read_record(&r, &kind);
    *at = r.at;
    return ate__rd_ok(&r);
}
