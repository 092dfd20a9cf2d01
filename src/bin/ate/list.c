/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/list.h"
#include "base/alloc.h"
#include "base/err.h"
#include <stdlib.h>

enum { LOANS_MAX = 256 }; /* entries after which what the walk was lent is given back */

static void entry_deinit(struct list_entry *e)
{
    ate__free(e->name);
    ate__free(e->type);
    ate__free(e->authors);
}

void list_deinit(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        entry_deinit(&l->entries[i]);
    ate__free(l->entries);
    *l = (struct list){NULL, 0, 0};
}

static int add(struct list *l, const struct ate_object *o)
{
    struct list_entry e = {.id = o->id, .kind = content_kind_of(o), .object = *o};
    int rc = ate__grow(&l->entries, &l->capacity, l->count + 1, sizeof *l->entries);
    if (rc)
        return rc;
    if (o->name.size) {
        e.name = ate__alloc(o->name.size + 1);
        if (e.name)
            memcpy(e.name, o->name.data, o->name.size);
        e.name_size = o->name.size;
    }
    e.type = o->type ? ate__copy_text(o->type) : NULL;
    e.authors =
        o->author_count ? ate__copy(o->authors, o->author_count * sizeof *o->authors) : NULL;
    if ((o->name.size && !e.name) || (o->type && !e.type) || (o->author_count && !e.authors)) {
        entry_deinit(&e);
        return ate__no_memory();
    }
    e.object.name = (struct ate_bytes){e.name, e.name_size};
    e.object.type = e.type;
    e.object.authors = e.authors;
    e.object.payload = (struct ate_bytes){NULL, 0};
    l->entries[l->count++] = e;
    return 0;
}

static int compare_bytes(struct ate_bytes a, struct ate_bytes b)
{
    int order = a.size && b.size ? memcmp(a.data, b.data, ate__min(a.size, b.size)) : 0;
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

static int compare(const void *a, const void *b)
{
    const struct list_entry *x = a, *y = b;
    if (!x->name != !y->name)
        return x->name ? -1 : 1;
    int order = compare_bytes(ate__bytes(x->name, x->name_size), ate__bytes(y->name, y->name_size));
    return order ? order : memcmp(&x->id, &y->id, sizeof x->id);
}

static int walk(struct ate_txn *txn, struct ate_id parent, unsigned flags, struct list *l)
{
    struct ate_cursor *cursor;
    struct ate_object o;
    int rc = ate_children(txn, parent, &cursor);
    if (rc)
        return rc;
    while (!(rc = ate_next_raw(cursor, flags | ATE_NO_PAYLOAD, &o))) {
        rc = content_kind_of(&o) == CONTENT_PAGE ? 0 : add(l, &o);
        if (rc)
            break;
        if (l->count % LOANS_MAX == 0)
            ate_txn_end_loans(txn);
    }
    ate_cursor_end(cursor);
    return rc == ATE_END ? 0 : rc;
}

int list_children(struct ate_txn *txn, struct ate_id parent, unsigned flags, struct list *ret_list)
{
    struct list l = {NULL, 0, 0};
    int rc = walk(txn, parent, flags, &l);
    if (rc == ATE_STALE) { /* the view was too old: once more, in a new one */
        list_deinit(&l);
        rc = ate_txn_refresh(txn);
        if (!rc)
            rc = walk(txn, parent, flags, &l);
    }
    if (rc) {
        list_deinit(&l);
        return rc;
    }
    if (l.count)
        qsort(l.entries, l.count, sizeof *l.entries, compare);
    *ret_list = l;
    return 0;
}

int list_one(const struct ate_object *o, struct list *ret_list)
{
    struct list l = {NULL, 0, 0};
    int rc = add(&l, o);
    if (rc)
        list_deinit(&l);
    else
        *ret_list = l;
    return rc;
}

const struct list_entry *list_find(const struct list *l, struct ate_bytes name)
{
    size_t from = 0, to = l->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct list_entry *e = &l->entries[middle];
        int order = e->name ? compare_bytes(ate__bytes(e->name, e->name_size), name) : 1;
        if (!order)
            return e;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}
