/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_prove.c: PROVE and CHECKPOINT, and their answers PROVEN and SIGNED; NOTES and NOTE.
 */
#include "mesh/msg_parts.h"

static int check_kind(unsigned kind, const char *name)
{
    return kind == ATE__PROVE_INCLUSION || kind == ATE__PROVE_CONSISTENCY
               ? 0
               : ate__fail(ATE_UNSUPPORTED, "%s: unknown kind %u", name, kind);
}

/* ---- PROVE, PROVEN ---- */

void ate__msg_prove_encode(struct ate__wr *w, const struct ate__msg_prove *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_u8(w, m->kind);
    ate__wr_u64(w, m->first);
    ate__wr_u64(w, m->size);
}

int ate__msg_prove_decode(struct ate_bytes body, struct ate__msg_prove *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_prove m = {.request = ate__rd_request(&r)};
    m.kind = ate__rd_u8(&r);
    m.first = ate__rd_u64(&r);
    m.size = ate__rd_u64(&r);
    int rc = ate__msg_end(&r, "PROVE");
    if (!rc)
        rc = check_kind(m.kind, "PROVE");
    if (!rc && (m.first > m.size || (m.first == m.size && m.kind == ATE__PROVE_INCLUSION)))
        rc = ate__fail(ATE_MALFORMED, "PROVE: %llu in a tree of %llu", (unsigned long long)m.first,
                       (unsigned long long)m.size);
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_proven_encode(struct ate__wr *w, const struct ate__msg_proven *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_u8(w, m->kind);
    ate__wr_proof(w, &m->path);
    if (m->kind != ATE__PROVE_INCLUSION)
        return;
    ate__wr_u64(w, m->root_time_us);
    ate__wr_hash(w, &m->tx_hash);
    ate__wr_hash(w, &m->signatures_hash);
}

int ate__msg_proven_decode(struct ate_bytes body, struct ate__msg_proven *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_proven m = {.request = ate__rd_request(&r)};
    m.kind = ate__rd_u8(&r);
    ate__rd_proof(&r, &m.path);
    if (m.kind == ATE__PROVE_INCLUSION) {
        m.root_time_us = ate__rd_u64(&r);
        m.tx_hash = ate__rd_hash(&r);
        m.signatures_hash = ate__rd_hash(&r);
    }
    int rc = ate__rd_ok(&r) ? check_kind(m.kind, "PROVEN") : 0;
    if (!rc)
        rc = ate__msg_end(&r, "PROVEN");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- CHECKPOINT, SIGNED ---- */

static struct ate_bytes read_note(struct ate__rd *r)
{
    struct ate_bytes note = ate__rd_bytes32(r, ATE__NOTE_MAX);
    if (!note.size)
        ate__rd_fail(r);
    return note;
}

void ate__msg_checkpoint_encode(struct ate__wr *w, const struct ate__msg_checkpoint *m)
{
    ate__wr_u32(w, m->request);
}

int ate__msg_checkpoint_decode(struct ate_bytes body, struct ate__msg_checkpoint *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_checkpoint m = {.request = ate__rd_request(&r)};
    int rc = ate__msg_end(&r, "CHECKPOINT");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_signed_encode(struct ate__wr *w, const struct ate__msg_signed *m)
{
    ate__wr_u32(w, m->request);
    ate__wr_bytes32(w, m->note);
}

int ate__msg_signed_decode(struct ate_bytes body, struct ate__msg_signed *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_signed m = {.request = ate__rd_request(&r)};
    m.note = read_note(&r);
    int rc = ate__msg_end(&r, "SIGNED");
    if (!rc)
        *ret = m;
    return rc;
}

/* ---- NOTES, NOTE ---- */

void ate__msg_notes_encode(struct ate__wr *w, const struct ate__msg_notes *m)
{
    ate__wr_u32(w, m->least_ms);
}

int ate__msg_notes_decode(struct ate_bytes body, struct ate__msg_notes *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_notes m = {.least_ms = ate__rd_u32(&r)};
    int rc = ate__msg_end(&r, "NOTES");
    if (!rc)
        *ret = m;
    return rc;
}

void ate__msg_note_encode(struct ate__wr *w, const struct ate__msg_note *m)
{
    ate__wr_bytes32(w, m->note);
}

int ate__msg_note_decode(struct ate_bytes body, struct ate__msg_note *ret)
{
    struct ate__rd r = ate__rd_of(body);
    struct ate__msg_note m = {.note = read_note(&r)};
    int rc = ate__msg_end(&r, "NOTE");
    if (!rc)
        *ret = m;
    return rc;
}
