/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * children.c: lists of children: those of the snapshot that are still there, and behind them (in
 * front of them, where the newest come first) those that the transaction adds.
 */
#include "ate/relation.h"
#include "base/text.h"
#include "dio/txn.h"

static const struct ate__facts *below(const struct ate_txn *t)
{
    return t->dio->pipe->v->facts(t->snapshot);
}

static bool is_place(const struct ate__listing *l, const struct ate_id *parent, uint32_t collection)
{
    return ate__id_equal(parent, &l->parent) && (!l->one || collection == l->collection);
}

/* The transaction adds it to the list. */
static bool adds(const struct ate__listing *l, const struct ate__change *c)
{
    bool was_here = c->existed && is_place(l, &c->before.parent, c->before.collection);
    return c->body && !c->deleted && !was_here && is_place(l, &c->parent, c->collection);
}

static int collect_own(struct ate_cursor *cur)
{
    int rc = 0;
    for (const struct ate__change *c = cur->txn->changes; c && !rc; c = c->next)
        if (adds(&cur->listing, c)) {
            rc = ate__grow(&cur->own, &cur->own_capacity, cur->own_count + 1, sizeof *cur->own);
            if (!rc)
                cur->own[cur->own_count++] = c->id;
        }
    cur->own_known = !rc;
    return rc;
}

static int next_own(struct ate_cursor *cur, struct ate_id *ret_id)
{
    int rc = cur->own_known ? 0 : collect_own(cur);
    while (!rc && cur->own_at < cur->own_count) {
        size_t at = cur->own_at++;
        const struct ate_id *id = &cur->own[cur->listing.reverse ? cur->own_count - 1 - at : at];
        const struct ate__change *c = ate__txn_change(cur->txn, id);
        if (c && adds(&cur->listing, c)) {
            *ret_id = *id;
            return 0;
        }
    }
    return rc ? rc : ATE_END;
}

static int next_stored(struct ate_cursor *cur, struct ate_id *ret_id)
{
    const struct ate__facts *facts = below(cur->txn);
    const struct ate__change *parent = ate__txn_change(cur->txn, &cur->listing.parent);
    struct ate__object_facts f;
    int rc;
    if (parent && !parent->existed) /* made here: nothing was stored below it */
        return ATE_END;
    while (!(rc = facts->v->next_child(facts, &cur->listing, &cur->at, ret_id))) {
        rc = ate__txn_object(cur->txn, ret_id, &f);
        if (rc || (f.live && is_place(&cur->listing, &f.parent, f.collection)))
            break;
    }
    return rc;
}

int ate__txn_next_child(struct ate_cursor *cur, struct ate_id *ret_id)
{
    while (cur->walk != ATE__WALK_OVER) {
        bool own = cur->walk == ATE__WALK_OWN;
        int rc = own ? next_own(cur, ret_id) : next_stored(cur, ret_id);
        if (rc != ATE_END)
            return rc;
        if (own == cur->listing.reverse)
            cur->walk = own ? ATE__WALK_STORED : ATE__WALK_OWN;
        else
            cur->walk = ATE__WALK_OVER;
    }
    return ATE_END;
}

struct ate_place ate_place_of(struct ate_id object, const char *name)
{
    return (struct ate_place){object, ate__collection_of(ate__text_bytes(name))};
}

/* ---- cursors ---- */

/* It begins behind a child that the transaction itself adds. */
static int begin_in_own(struct ate_cursor *cur, const struct ate_id *from)
{
    int rc = collect_own(cur);
    cur->listing.has_from = false;
    cur->walk = ATE__WALK_OWN;
    for (size_t i = 0; !rc && i < cur->own_count; i++)
        if (ate__id_equal(&cur->own[i], from))
            cur->own_at = cur->listing.reverse ? cur->own_count - i : i + 1;
    return rc;
}

static int begin_at(struct ate_cursor *cur)
{
    const struct ate__change *c = ate__txn_change(cur->txn, &cur->listing.from);
    cur->walk = cur->listing.reverse ? ATE__WALK_OWN : ATE__WALK_STORED;
    if (!cur->listing.has_from)
        return 0;
    if (c && adds(&cur->listing, c))
        return begin_in_own(cur, &cur->listing.from);
    cur->walk = ATE__WALK_STORED;
    return 0;
}

static void cursor_free(struct ate_cursor *c)
{
    if (c)
        ate__free(c->own);
    ate__free(c);
}
ATE__FREEP(struct ate_cursor, cursor_free)

static int begin(struct ate_txn *t, const struct ate__listing *l, bool readable,
                 struct ate_cursor **ret_cursor)
{
    struct ate__object_facts facts;
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_need(t, &l->parent, &facts);
    if (rc)
        return rc;
    ate__cleanup(cursor_freep) struct ate_cursor *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    c->txn = t;
    c->listing = *l;
    c->readable = readable;
    rc = begin_at(c);
    if (rc)
        return rc;
    c->next = t->cursors;
    c->before = &t->cursors;
    if (c->next)
        c->next->before = &c->next;
    t->cursors = c;
    *ret_cursor = ate__steal(&c);
    return 0;
}

int ate_children(struct ate_txn *t, struct ate_id parent, struct ate_cursor **ret_cursor)
{
    return begin(t, &(struct ate__listing){.parent = parent}, false, ret_cursor);
}

int ate_list(struct ate_txn *t, struct ate_place place, const struct ate_list_conf *conf,
             struct ate_cursor **ret_cursor)
{
    static const struct ate_list_conf usual;
    const struct ate_list_conf *c = conf ? conf : &usual;
    int rc = ate__conf_check("list", c);
    if (rc)
        return rc;
    struct ate__listing l = {.parent = place.parent,
                             .one = true,
                             .collection = place.collection,
                             .reverse = c->reverse,
                             .has_from = !ate__is_top(&c->behind),
                             .from = c->behind};
    return begin(t, &l, c->readable, ret_cursor);
}

void ate_cursor_end(struct ate_cursor *c)
{
    if (!c)
        return;
    *c->before = c->next;
    if (c->next)
        c->next->before = c->before;
    cursor_free(c);
}
