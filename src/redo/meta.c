/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * meta.c: the list of what is live.
 */
#include "redo/meta.h"
#include "base/alloc.h"
#include "crypto/digest.h"
#include "redo/format.h"
#include <stdlib.h>

enum { MAGIC_SIZE = 8, SEALED = 1, COMPACTED = 2 };
static const char meta_magic[] = "ATE meta";

void ate__meta_deinit(struct ate__meta *m)
{
    ate__free(m->segments);
    *m = ATE__META_NULL;
}

int ate__meta_add(struct ate__meta *m, const struct ate__meta_entry *entry)
{
    int rc = ate__grow(&m->segments, &m->capacity, m->count + 1, sizeof *m->segments);
    if (!rc)
        m->segments[m->count++] = *entry;
    return rc;
}

size_t ate__meta_find(const struct ate__meta *m, uint64_t id)
{
    size_t i = 0;
    while (i < m->count && m->segments[i].id != id)
        i++;
    return i;
}

int ate__meta_encode(const struct ate__meta *m, struct ate__buf *buf)
{
    ate__buf_clear(buf);
    struct ate__wr w = ate__wr_of(buf);
    ate__wr_copy(&w, meta_magic, MAGIC_SIZE);
    ate__wr_u32(&w, ATE__META_VERSION);
    ate__wr_u32(&w, (uint32_t)(ATE__META_HEAD + m->count * ATE__META_ENTRY + ATE__META_SHA));
    ate__wr_hash(&w, &m->chain_id);
    ate__wr_u32(&w, (uint32_t)m->role);
    ate__wr_u32(&w, (uint32_t)m->count);
    ate__wr_u64(&w, m->revision);
    ate__wr_u64(&w, m->floor);
    ate__wr_u64(&w, m->generation);
    ate__wr_u64(&w, m->cut_off);
    for (size_t i = 0; i < m->count; i++) {
        const struct ate__meta_entry *e = &m->segments[i];
        ate__wr_u64(&w, e->id);
        ate__wr_u64(&w, e->first);
        ate__wr_u64(&w, e->end);
        ate__wr_u64(&w, e->length);
        ate__wr_u32(&w, (e->sealed ? SEALED : 0) | (e->compacted ? COMPACTED : 0));
        ate__wr_u32(&w, 0);
        ate__wr_hash(&w, &e->head);
    }
    struct ate_hash sha;
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = ate__sha256(ate__buf_bytes(buf), &sha);
    if (rc)
        return rc;
    ate__wr_hash(&w, &sha);
    return ate__wr_end(&w);
}

static int bad(const char *what)
{
    return ate__fail(ATE_TAMPERED, "a list of segments: %s", what);
}

static struct ate__meta_entry read_entry(struct ate__rd *r)
{
    struct ate__meta_entry e;
    e.id = ate__rd_u64(r);
    e.first = ate__rd_u64(r);
    e.end = ate__rd_u64(r);
    e.length = ate__rd_u64(r);
    uint32_t flags = ate__rd_u32(r);
    uint32_t zero = ate__rd_u32(r);
    e.head = ate__rd_hash(r);
    e.sealed = flags & SEALED;
    e.compacted = flags & COMPACTED;
    uint64_t length_min = ATE__SEGMENT_HEAD + (e.sealed ? ATE__GROUP_HEAD + ATE__FOOTER : 0);
    if (flags & ~(uint32_t)(SEALED | COMPACTED) || (e.compacted && !e.sealed) || zero || !e.id ||
        e.id > UINT32_MAX || e.end < e.first || (e.sealed && e.end == e.first) ||
        e.length < length_min || e.length > ATE__SEGMENT_BYTES_MAX)
        ate__rd_fail(r);
    return e;
}

/* Ids in order of size would be broken by compaction, so that each pair is looked at. */
static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int check_ids(const struct ate__meta *m)
{
    uint64_t *ids = ate__alloc_array(m->count, sizeof *ids);
    if (!ids)
        return ate__no_memory();
    for (size_t i = 0; i < m->count; i++)
        ids[i] = m->segments[i].id;
    qsort(ids, m->count, sizeof *ids, compare_ids);
    bool twice = false;
    for (size_t i = 1; i < m->count; i++)
        twice |= ids[i] == ids[i - 1];
    ate__free(ids);
    return twice ? bad("a segment stands in it twice") : 0;
}

static int read_segments(struct ate__rd *r, uint32_t count, struct ate__meta *m)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ate__meta_entry e = read_entry(r);
        uint64_t expected = i ? m->segments[i - 1].end : 0;
        if (!ate__rd_ok(r) || e.first != expected || (e.compacted && !m->generation))
            return bad("an entry that cannot be");
        int rc = ate__meta_add(m, &e);
        if (rc)
            return rc;
    }
    if (!count || !ate__rd_end(r))
        return bad("it has another length than it says");
    const struct ate__meta_entry *last = &m->segments[count - 1];
    if (last->sealed || last->end != m->floor)
        return bad("its last segment does not end at its floor");
    return check_ids(m);
}

int ate__meta_decode(struct ate_bytes bytes, struct ate__meta *ret_meta)
{
    struct ate_hash sha;
    if (bytes.size < ATE__META_HEAD + ATE__META_SHA || bytes.size > ATE__META_BYTES_MAX ||
        memcmp(bytes.data, meta_magic, MAGIC_SIZE))
        return bad("not one");
    struct ate_bytes front = ate__bytes(bytes.data, bytes.size - ATE__META_SHA);
    int rc = ate__sha256(front, &sha);
    if (rc)
        return rc;
    if (memcmp((const uint8_t *)bytes.data + front.size, sha.b, sizeof sha.b))
        return bad("its SHA-256 does not hold");
    struct ate__rd r = ate__rd_of(front);
    ate__rd_bytes(&r, MAGIC_SIZE);
    uint32_t version = ate__rd_u32(&r);
    if (version > ATE__META_VERSION)
        return ate__fail(ATE_UNSUPPORTED,
                         "a list of segments of version %u; %d is the newest known", version,
                         ATE__META_VERSION);
    uint32_t size = ate__rd_u32(&r);
    struct ate__meta m = {.chain_id = ate__rd_hash(&r)};
    uint32_t role = ate__rd_u32(&r);
    uint32_t count = ate__rd_count(&r, ATE__SEGMENTS_MAX, 0);
    m.revision = ate__rd_u64(&r);
    m.floor = ate__rd_u64(&r);
    m.generation = ate__rd_u64(&r);
    m.cut_off = ate__rd_u64(&r);
    if (role > ATE__ROLE_MIRROR)
        return ate__fail(ATE_UNSUPPORTED, "a list of segments of an unknown role");
    if (!ate__rd_ok(&r) || !version || size != bytes.size || !role || !m.revision ||
        m.cut_off > m.floor || (m.cut_off && !m.generation))
        return bad("a field that cannot be");
    m.role = (enum ate__role)role;
    rc = read_segments(&r, count, &m);
    if (rc) {
        ate__meta_deinit(&m);
        return rc;
    }
    *ret_meta = m;
    return 0;
}
