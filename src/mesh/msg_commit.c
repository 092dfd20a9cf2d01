/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_commit.c: COMMIT, OUTCOME and their answers COMMITTED and REJECTED.
 */
#include "event/field.h"
#include "mesh/msg_parts.h"

void ate__msg_commit_encode(struct ate__wr *w, const struct ate__msg_commit *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_head(w, &m->known);
    ate__wr_bytes32(w, m->tx);
}

int ate__msg_commit_decode(struct ate_bytes body, struct ate__msg_commit *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_commit m = {.request = ate__rd_request(&r)};
    m.known = ate__rd_head(&r);
    m.tx = ate__rd_tx(&r);
    int rc = ate__msg_end(&r, "COMMIT");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_outcome_encode(struct ate__wr *w, const struct ate__msg_outcome *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_head(w, &m->known);
    ate__wr_copy(w, m->id.origin, sizeof m->id.origin);
    ate__wr_u64(w, m->id.number);
    ate__wr_hash(w, &m->tx_hash);
}

int ate__msg_outcome_decode(struct ate_bytes body, struct ate__msg_outcome *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_outcome m = {.request = ate__rd_request(&r)};
    m.known = ate__rd_head(&r);
    ate__rd_copy(&r, m.id.origin, sizeof m.id.origin);
    m.id.number = ate__rd_u64(&r);
    m.tx_hash = ate__rd_hash(&r);
    int rc = ate__msg_end(&r, "OUTCOME");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_committed_encode(struct ate__wr *w, const struct ate__msg_committed *m)
{
    struct ate__head head = {m->receipt.size, m->receipt.head};
    ate__wr_u32(w, m->request);
    ate__wr_u64(w, m->receipt.sequence);
    ate__wr_u64(w, m->receipt.root_time_us);
    ate__wr_head(w, &head);
    ate__wr_u8(w, (uint8_t)m->receipt.stage);
    ate__wr_u64(w, m->known_size);
    ate__wr_proof(w, &m->inclusion);
    ate__wr_proof(w, &m->consistency);
    if (!m->attested_count && !m->has_signatures_hash)
        return;
    ate__wr_u32(w, m->attested_count);
    ate__wr_copy(w, m->attested, m->attested_count * sizeof(struct ate_hash));
    if (m->has_signatures_hash)
        ate__wr_hash(w, &m->signatures_hash);
}

/* Nothing where nobody is named, and no hash follows. */
static void read_attested(struct ate__rd *r, struct ate__msg_committed *m)
{
    if (!ate__rd_ok(r) || !ate__rd_left(r))
        return;
    m->attested_count = ate__rd_count(r, ATE__TX_SIGNATURES_MAX, sizeof(struct ate_hash));
    m->attested = ate__rd_bytes(r, m->attested_count * sizeof(struct ate_hash)).data;
    m->has_signatures_hash = ate__rd_ok(r) && ate__rd_left(r);
    if (ate__rd_ok(r) && ((!m->attested_count && !m->has_signatures_hash) ||
                          !ate__field_ascending(m->attested, m->attested_count)))
        ate__rd_fail(r);
    if (m->has_signatures_hash)
        m->signatures_hash = ate__rd_hash(r);
}

int ate__msg_committed_decode(struct ate_bytes body, struct ate__msg_committed *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_committed m = {.request = ate__rd_request(&r)};
    m.receipt.sequence = ate__rd_u64(&r);
    m.receipt.root_time_us = ate__rd_u64(&r);
    struct ate__head head = ate__rd_head(&r);
    m.receipt.size = head.size;
    m.receipt.head = head.root;
    unsigned stage = ate__rd_u8(&r);
    m.receipt.stage = (enum ate__stage)stage;
    m.known_size = ate__rd_u64(&r);
    ate__rd_proof(&r, &m.inclusion);
    ate__rd_proof(&r, &m.consistency);
    read_attested(&r, &m);
    int rc = ate__msg_end(&r, "COMMITTED");
    if (!rc && (m.receipt.sequence >= head.size || m.known_size > head.size))
        rc = ate__fail(ATE_MALFORMED,
                       "COMMITTED: transaction %llu and known size %llu in a head of size %llu",
                       (unsigned long long)m.receipt.sequence, (unsigned long long)m.known_size,
                       (unsigned long long)head.size);
    if (!rc && stage > ATE__WITNESSED)
        rc = ate__fail(ATE_MALFORMED, "COMMITTED: unknown stage %u", stage);
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- REJECTED ---- */

/* What this machine lacks is not the other side's to know; nothing was applied, since a commit of
 * which that is not sure is UNKNOWN. */
static int said(int result)
{
    return result < 0 ? ATE_OFFLINE : result;
}

void ate__msg_rejected_encode(struct ate__wr *w, const struct ate__msg_rejected *m)
{
    size_t size = ate__min(m->text.size, ATE__NET_ERROR_TEXT_MAX);
    uint32_t count = m->verdict.conflict_count;
    ate__assert(m->result && count <= ATE__CONFLICTS_MAX);
    ate__wr_u32(w, m->request);
    ate__wr_u32(w, (uint32_t)said(m->result));
    ate__wr_u16(w, (uint16_t)size);
    ate__wr_copy(w, m->text.data, size);
    ate__wr_u32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct ate__conflict *c = &m->verdict.conflicts[i];
        ate__wr_id(w, &c->id);
        ate__wr_u32(w, (uint32_t)said(c->why));
        ate__wr_u64(w, c->sequence);
    }
}

/* A positive number; those that this version does not know break no rule, but say nothing. */
static int read_result(struct ate__rd *r)
{
    int result = (int)(int32_t)ate__rd_u32(r);
    if (result <= 0)
        ate__rd_fail(r);
    return ate__result_known(result);
}

int ate__msg_rejected_decode(struct ate_bytes body, struct ate__msg_rejected *ret)
{
    enum { CONFLICT_SIZE = 16 + 4 + 8 };
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_rejected m = {.request = ate__rd_request(&r)};
    m.result = read_result(&r);
    uint16_t size = ate__rd_u16(&r);
    if (size > ATE__NET_ERROR_TEXT_MAX)
        ate__rd_fail(&r);
    m.text = ate__rd_bytes(&r, size);
    m.verdict.result = m.result;
    m.verdict.conflict_count = ate__rd_count(&r, ATE__CONFLICTS_MAX, CONFLICT_SIZE);
    for (uint32_t i = 0; i < m.verdict.conflict_count; i++) {
        struct ate__conflict *c = &m.verdict.conflicts[i];
        c->id = ate__rd_id(&r);
        c->why = read_result(&r);
        c->sequence = ate__rd_u64(&r);
    }
    int rc = ate__msg_end(&r, "REJECTED");
    if (!rc)
        *ret = m;
    return rc;
}
