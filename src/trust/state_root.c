/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state_root.c: the rows of a state in their order, and their root.
 *
 * Integers in rows are big-endian, as in a leaf's entry: so rows of transactions ascend with their
 * sequences.
 */
#include "trust/state_root.h"
#include "base/alloc.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/merkle.h"
#include "trust/limits.h"
#include "trust/state_private.h"

enum {
    ROW_OBJECT = 1,
    ROW_ROOT_KEY = 2, /* and one each for the other offices, as enum ate__office */
    ROW_REVOKED = 5,
    ROW_DELETED = 6,
    ROW_TXN = 7,
    ROW_PUBLIC_KEY = 8,
    BODY_MAX = 16 + 32 + 32 /* bytes behind the kind: of an object */
};
_Static_assert(ROW_ROOT_KEY + (int)ATE__OFFICES == ROW_REVOKED, "a kind of rows for each office");

struct row {
    uint8_t bytes[BODY_MAX]; /* the rest: zeros */
};
struct making {
    const struct ate__trust *t;
    uint64_t size, window_from; /* the first of the last W sequences */
    const struct ate__state_source *source;
    struct ate__frontier tree;
    struct row *rows; /* a heap, the highest first; then sorted */
    size_t count, capacity, rows_max;
};

static void making_deinit(struct making *m)
{
    ate__free(m->rows);
}

static int add_leaf(struct making *m, uint8_t kind, const void *bytes, size_t size)
{
    uint8_t row[1 + BODY_MAX] = {kind};
    struct ate_hash leaf;
    memcpy(row + 1, bytes, size);
    int rc = ate__leaf_hash(ate__bytes(row, 1 + size), &leaf);
    return rc ? rc : ate__frontier_append(&m->tree, &leaf);
}

/* ---- the lowest rows of a walk ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct row));
}

static void swap(struct row *a, struct row *b)
{
    struct row c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct row *rows, size_t i)
{
    for (; i && compare(&rows[(i - 1) / 2], &rows[i]) < 0; i = (i - 1) / 2)
        swap(&rows[(i - 1) / 2], &rows[i]);
}

static void sift_down(struct row *rows, size_t count)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && compare(&rows[child], &rows[child + 1]) < 0)
            child++;
        if (compare(&rows[i], &rows[child]) >= 0)
            return;
        swap(&rows[i], &rows[child]);
    }
}

/* From a heap to ascending order, in place. */
static void sort(struct making *m)
{
    for (size_t end = m->count; end > 1; end--) {
        swap(&m->rows[0], &m->rows[end - 1]);
        sift_down(m->rows, end - 1);
    }
}

static int keep_one(struct making *m, const struct row *row)
{
    int rc = ate__grow(&m->rows, &m->capacity, m->count + 1, sizeof *m->rows);
    if (rc)
        return rc;
    m->rows[m->count] = *row;
    sift_up(m->rows, m->count++);
    return 0;
}

static int keep_lowest(struct making *m, const struct row *row)
{
    if (m->count < m->rows_max)
        return keep_one(m, row);
    if (compare(row, &m->rows[0]) < 0) {
        m->rows[0] = *row;
        sift_down(m->rows, m->count);
    }
    return 0;
}

/* ---- kinds 1 and 6 ---- */

/* False: it has no row of that kind. */
static bool row_of(const struct making *m, const struct ate__state_object *o, uint8_t kind,
                   struct row *row)
{
    *row = (struct row){{0}};
    memcpy(row->bytes, o->id.b, 16);
    if (kind == ROW_OBJECT) {
        memcpy(row->bytes + 16, o->body.b, 32);
        memcpy(row->bytes + 48, o->control.b, 32);
        return o->live;
    }
    ate__store64be(row->bytes + 16, o->sequence);
    return !o->live && o->sequence >= m->window_from && o->sequence < m->size;
}

/* By its id alone: it came in a walk before, or does not come in this one. */
static bool is_due(const struct making *m, const struct ate_id *id, const struct row *last)
{
    if (last && memcmp(id->b, last->bytes, sizeof id->b) < 0)
        return false;
    return m->count < m->rows_max || memcmp(id->b, m->rows[0].bytes, sizeof id->b) <= 0;
}

/* One walk: the lowest rows above `last` (NULL: all). */
static int walk(struct making *m, uint8_t kind, const struct row *last)
{
    struct ate__state_object o;
    struct row row;
    uint64_t at = 0;
    int rc;
    m->count = 0;
    while (!(rc = m->source->next_object(m->source->arg, &at, &o))) {
        if (!is_due(m, &o.id, last) || !row_of(m, &o, kind, &row) ||
            (last && compare(&row, last) <= 0))
            continue;
        rc = keep_lowest(m, &row);
        if (rc)
            return rc;
    }
    if (rc != ATE_END)
        return rc;
    sort(m);
    return 0;
}

static int twice(const struct row *row)
{
    struct ate_id id;
    char text[ATE__ID_TEXT];
    memcpy(id.b, row->bytes, sizeof id.b);
    return ate__fail(ATE_TAMPERED, "state: object %s stands in it twice", ate__id_text(&id, text));
}

static int add_objects(struct making *m, uint8_t kind)
{
    size_t size = kind == ROW_OBJECT ? BODY_MAX : 16 + 8;
    struct row last;
    bool any = false, more = true;
    while (more) {
        int rc = walk(m, kind, any ? &last : NULL);
        for (size_t i = 0; !rc && i < m->count; i++) {
            if (any && !memcmp(last.bytes, m->rows[i].bytes, 16))
                return twice(&m->rows[i]);
            rc = add_leaf(m, kind, m->rows[i].bytes, size);
            last = m->rows[i];
            any = true;
        }
        if (rc)
            return rc;
        more = m->count == m->rows_max;
    }
    return 0;
}

/* ---- kinds 2 to 5, and 8 ---- */

static bool next_key(const struct making *m, uint8_t kind, size_t *at, struct row *ret_row)
{
    struct ate__trust *t = (struct ate__trust *)(uintptr_t)m->t;
    struct ate_hash fingerprint;
    uint64_t sequence = 0;
    bool found;
    if (kind == ROW_PUBLIC_KEY)
        found = ate__keyring_next_at(&t->keyring, m->size, at, &fingerprint, &sequence);
    else if (kind == ROW_REVOKED)
        found = ate__roster_next_revoked_at(&t->roster, m->size, at, &fingerprint);
    else
        found = ate__roster_next_at(&t->roster, (enum ate__office)(kind - ROW_ROOT_KEY), m->size,
                                    at, &fingerprint);
    if (!found)
        return false;
    *ret_row = (struct row){{0}};
    memcpy(ret_row->bytes, fingerprint.b, sizeof fingerprint.b);
    ate__store64be(ret_row->bytes + sizeof fingerprint.b, sequence);
    return true;
}

static int add_keys(struct making *m, uint8_t kind)
{
    size_t at = 0, size = kind == ROW_PUBLIC_KEY ? 32 + 8 : 32;
    struct row row;
    m->count = 0;
    while (next_key(m, kind, &at, &row)) {
        int rc = keep_one(m, &row);
        if (rc)
            return rc;
    }
    sort(m);
    for (size_t i = 0; i < m->count; i++) {
        int rc = add_leaf(m, kind, m->rows[i].bytes, size);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- kind 7 ---- */

static int add_txns(struct making *m)
{
    struct ate__state_txn txn;
    uint64_t at = 0, next = m->window_from;
    int rc;
    while (!(rc = m->source->next_txn(m->source->arg, &at, &txn))) {
        uint8_t row[8 + 16 + 8 + 32];
        if (txn.sequence != next++)
            return ate__fail(ATE_TAMPERED, "state: transaction %llu comes where %llu is due",
                             (unsigned long long)txn.sequence, (unsigned long long)(next - 1));
        ate__store64be(row, txn.sequence);
        memcpy(row + 8, txn.id.origin, 16);
        ate__store64be(row + 24, txn.id.number);
        memcpy(row + 32, txn.hash.b, 32);
        rc = add_leaf(m, ROW_TXN, row, sizeof row);
        if (rc)
            return rc;
    }
    if (rc == ATE_END && next != m->size)
        return ate__fail(ATE_TAMPERED, "state: it ends before transaction %llu",
                         (unsigned long long)next);
    return rc == ATE_END ? 0 : rc;
}

/* ---- all of them ---- */

int ate__state_root_rows(const struct ate__trust *t, uint64_t size,
                         const struct ate__state_source *source, size_t rows_max,
                         struct ate_hash *ret_root)
{
    uint64_t window = ate__trust_genesis(t)->window;
    ate__cleanup(making_deinit) struct making m = {.t = t,
                                                   .size = size,
                                                   .window_from = size > window ? size - window : 0,
                                                   .source = source,
                                                   .rows_max = rows_max};
    ate__frontier_init(&m.tree);
    int rc = add_objects(&m, ROW_OBJECT);
    for (uint8_t kind = ROW_ROOT_KEY; !rc && kind <= ROW_REVOKED; kind++)
        rc = add_keys(&m, kind);
    if (!rc)
        rc = add_objects(&m, ROW_DELETED);
    if (!rc)
        rc = add_txns(&m);
    if (!rc)
        rc = add_keys(&m, ROW_PUBLIC_KEY);
    return rc ? rc : ate__frontier_root(&m.tree, ret_root);
}

int ate__state_root(const struct ate__trust *t, uint64_t size,
                    const struct ate__state_source *source, struct ate_hash *ret_root)
{
    return ate__state_root_rows(t, size, source, ATE__STATE_ROWS_MAX, ret_root);
}
