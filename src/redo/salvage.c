/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * salvage.c: what can still be read of a damaged log.
 */
#include "redo/salvage.h"
#include "base/alloc.h"
#include "base/endian.h"
#include "redo/at_rest.h"
#include "redo/scan.h"
#include "redo/segment.h"
#include <stdlib.h>

/* ---- records ---- */

struct scanning {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
    int (*each)(void *arg, const struct ate__salvaged *record);
    int (*unreadable)(void *arg, const char *file);
    void *arg;
    struct ate__at_rest *at_rest; /* a reference, or NULL */
};

/* What may begin with a segment header. */
static bool is_segment(const char *name)
{
    uint64_t id;
    return ate__segment_id_of(name, &id) || ate__segment_is_unnamed(name);
}

/* A cheap look that nearly all places fail: kind and flags of a transaction. */
static bool may_be_record(const uint8_t *p)
{
    return ate__load32(p + 4) == ATE__KIND_TRANSACTION;
}

/* The record at `at`, if one is whole there; *ret_bytes: how far to go on, 0: there is none. */
static int take_record(struct scanning *x, struct ate__window *w, const struct ate__segment *s,
                       const char *name, uint64_t at, uint64_t *ret_bytes)
{
    struct ate__record_head head;
    struct ate_bytes bytes, body;
    *ret_bytes = 0;
    int rc = ate__window_get(w, at, ATE__RECORD_HEAD, &bytes);
    if (rc || ate__record_head_read(bytes, s->seed, &head) != ATE__GOOD ||
        head.size > ATE__GROUP_BYTES_MAX)
        return rc;
    rc = ate__window_get(w, at, (size_t)ate__record_bytes(head.size), &bytes);
    if (rc || ate__record_read(bytes, s->seed, &head, &body) != ATE__GOOD)
        return rc;
    *ret_bytes = ate__record_bytes(head.size);
    ate__cleanup(ate__buf_deinit) struct ate__buf opened = ATE__BUF_NULL;
    rc = ate__at_rest_open(x->at_rest, &s->head.chain_id, head.sequence, body, &opened, &body);
    if (rc)
        return rc == ATE_TAMPERED ? 0 : rc; /* it does not count, as where no checksum holds */
    const struct ate__salvaged record = {name, at, head.sequence, body};
    return x->each(x->arg, &record);
}

static int scan_segment(struct scanning *x, const struct ate__segment *s, const char *name)
{
    struct ate__window w;
    int rc = 0;
    ate__window_init(&w, x->vfs, s->file);
    for (uint64_t at = ATE__SEGMENT_HEAD; !rc;) {
        struct ate_bytes bytes;
        uint64_t whole = 0;
        rc = ate__window_get(&w, at, ATE__WINDOW_BYTES_MIN, &bytes);
        if (rc || bytes.size < ATE__RECORD_MIN)
            break;
        size_t i = 0;
        while (i + ATE__RECORD_MIN <= bytes.size && !may_be_record((const uint8_t *)bytes.data + i))
            i += 8;
        at += i;
        if (i + ATE__RECORD_MIN > bytes.size)
            continue;
        rc = take_record(x, &w, s, name, at, &whole);
        at += whole ? whole : 8;
    }
    ate__window_deinit(&w);
    return rc;
}

static int scan_file(void *arg, const char *name)
{
    struct scanning *x = arg;
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    if (!is_segment(name))
        return 0;
    int rc = ate__segment_open(x->vfs, x->dir, name, ATE__OPEN_READ, &verdict, &s);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc && !s)
        return x->unreadable(x->arg, name);
    if (!rc)
        rc = scan_segment(x, s, name);
    if (s)
        ate__segment_unref(x->vfs, s);
    return rc;
}

int ate__salvage_scan(const struct ate__vfs *vfs, struct ate__dir *dir,
                      int (*each)(void *arg, const struct ate__salvaged *record),
                      int (*unreadable)(void *arg, const char *file), void *arg)
{
    struct scanning x = {vfs, dir, each, unreadable, arg, ate__at_rest_ref()};
    int rc = vfs->list(dir, scan_file, &x);
    ate__at_rest_unref(x.at_rest);
    return rc;
}

/* ---- a list ---- */

struct candidate {
    struct ate__segment_head head;
    uint64_t file_bytes;
};
struct candidates {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
    struct candidate *items;
    size_t count, capacity;
};

static int add_candidate(void *arg, const char *name)
{
    struct candidates *c = arg;
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    uint64_t id;
    if (!ate__segment_id_of(name, &id))
        return 0;
    int rc = ate__segment_open(c->vfs, c->dir, name, ATE__OPEN_READ, &verdict, &s);
    if (rc || !s)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    if (s->head.id == id)
        rc = ate__grow(&c->items, &c->capacity, c->count + 1, sizeof *c->items);
    if (!rc && s->head.id == id)
        c->items[c->count++] = (struct candidate){s->head, s->file_bytes};
    ate__segment_unref(c->vfs, s);
    return rc;
}

/* The newest that begins there, and is of the same chain. */
static const struct candidate *find(const struct candidates *c, uint64_t first,
                                    const struct ate_hash *chain_id)
{
    const struct candidate *best = NULL;
    for (size_t i = 0; i < c->count; i++) {
        const struct candidate *at = &c->items[i];
        if (at->head.first_sequence == first && (!best || at->head.id > best->head.id) &&
            (!chain_id || ate__hash_equal(&at->head.chain_id, chain_id)))
            best = at;
    }
    return best;
}

/* How far its groups go, and whether a footer ends it. */
static int measure(const struct candidates *c, const struct candidate *of,
                   struct ate__meta_entry *ret_entry)
{
    char name[ATE__SEGMENT_NAME];
    struct ate__segment *s = NULL;
    struct ate__window window;
    struct ate__footer footer;
    enum ate__soundness verdict = ATE__GOOD;
    ate__segment_name(of->head.id, name);
    int rc = ate__segment_open(c->vfs, c->dir, name, ATE__OPEN_READ, &verdict, &s);
    if (rc || !s)
        return rc < 0 ? rc : ate__context(ATE_E_SYSTEM, "%s is gone", name);
    ate__window_init(&window, c->vfs, s->file);
    struct ate__walk w = {
        .window = &window,
        .seed = s->seed,
        .padded = s->head.padded,
        .compacted = s->head.compacted,
        .to = of->file_bytes,
        .offset = s->head.padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD,
        .sequence = s->head.first_sequence,
    };
    while (!rc && verdict == ATE__GOOD)
        rc = ate__walk_next(&w, &verdict);
    if (!rc)
        rc = ate__segment_footer(c->vfs, s->file, s->seed, w.offset, &verdict, &footer);
    bool sealed = verdict == ATE__GOOD && footer.next_sequence == w.sequence;
    *ret_entry = (struct ate__meta_entry){
        .id = of->head.id,
        .first = of->head.first_sequence,
        .end = w.sequence,
        .length = w.offset + (sealed ? ATE__FOOTER : 0),
        .sealed = sealed,
        .compacted = of->head.compacted,
    };
    if (sealed)
        ret_entry->head = footer.head;
    ate__window_deinit(&window);
    ate__segment_unref(c->vfs, s);
    return rc;
}

static int build(const struct candidates *c, struct ate__meta *m)
{
    const struct candidate *of = find(c, 0, NULL);
    int rc = 0;
    m->role = ATE__ROLE_ROOT;
    m->revision = 1;
    while (of && !rc) {
        struct ate__meta_entry entry;
        rc = measure(c, of, &entry);
        if (!rc)
            rc = ate__meta_add(m, &entry);
        if (rc || entry.end == entry.first)
            break;
        m->chain_id = of->head.chain_id;
        m->generation += entry.compacted;
        m->floor = entry.end;
        of = find(c, entry.end, &m->chain_id);
    }
    if (!rc && !m->floor)
        rc = ate__fail(ATE_TAMPERED, "no segment can be read from its beginning on");
    if (rc)
        return rc;
    struct ate__meta_entry *last = &m->segments[m->count - 1];
    if (last->sealed)
        last->length -= ATE__FOOTER;
    last->sealed = false;
    last->head = (struct ate_hash){{0}};
    return 0;
}

int ate__salvage_list(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t cut_off,
                      struct ate__meta *ret_meta)
{
    struct candidates c = {.vfs = vfs, .dir = dir};
    struct ate__meta m = ATE__META_NULL;
    int rc = vfs->list(dir, add_candidate, &c);
    if (!rc)
        rc = build(&c, &m);
    m.cut_off = ate__min(cut_off, m.floor);
    ate__free(c.items);
    if (rc)
        ate__meta_deinit(&m);
    else
        *ret_meta = m;
    return rc;
}
