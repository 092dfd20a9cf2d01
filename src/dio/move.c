/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * move.c: objects under another parent, and what lies below them.
 *
 * What takes its scope or its names from above is sealed anew for where it goes: in the same
 * transaction (ate_move), or later in batches (ate_move_only, then ate_reseal).
 *
 *  1. A body is sealed for an epoch of an object above it or above which it lay. A move that would
 *     take the last way to such a scope away writes its id into CAME_FROM of what is moved, which
 *     takes the right to administer that; so no move loses a key or a name.
 *  2. What has a scope of its own is sealed for that, but for what ate_protect_only() left. Whether
 *     there is any such thing is looked for up to LOOKED_AT_MAX objects; beyond it is taken for
 *     granted.
 */
#include "ate/relation.h"
#include "base/text.h"
#include "dio/objects.h"
#include <stdlib.h>

enum { LOOKED_AT_MAX = 1024 };

/* ---- ids ---- */

struct list {
    struct ate_id *ids;
    size_t count, capacity;
};

static void list_deinit(struct list *l)
{
    ate__free(l->ids);
}

static int add_id(struct list *l, const struct ate_id *id)
{
    int rc = ate__grow(&l->ids, &l->capacity, l->count + 1, sizeof *l->ids);
    if (!rc)
        l->ids[l->count++] = *id;
    return rc;
}

static int add_ids(struct list *l, struct ate_bytes ids)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ids.size / sizeof(struct ate_id); i++)
        rc = add_id(l, (const struct ate_id *)ids.data + i);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_id));
}

static void sort(struct list *l)
{
    size_t n = 0;
    if (l->count)
        qsort(l->ids, l->count, sizeof *l->ids, compare_ids);
    for (size_t i = 0; i < l->count; i++)
        if (!n || !ate__id_equal(&l->ids[n - 1], &l->ids[i]))
            l->ids[n++] = l->ids[i];
    l->count = n;
}

/* ---- where an object lies ---- */

/* It sets the names of its children, now or with a pending rule. */
static bool names_children(const struct ate__change *c, const struct ate__control *control)
{
    const struct ate__rule *read = ate__txn_read_rule(c, control);
    return (control && ate__header_has(&control->header, ATE__TAG_NAMEKEY)) ||
           (read && read->who == ATE__RULE_ANY_OF);
}

/* It is a private scope, now or with a pending rule: it names its children, and shields what lies
 * below it. */
static bool shields(const struct ate__change *c, const struct ate__control *control)
{
    const struct ate__rule *read = ate__txn_read_rule(c, control);
    return read && read->who == ATE__RULE_ANY_OF;
}

/* It is none any more, and its name key is wrapped for another. */
static bool names_on(const struct ate__change *c, const struct ate__control *control)
{
    return control && ate__header_has(&control->header, ATE__TAG_NAMEKEY) &&
           control->header.namekey.wrapped && !shields(c, control);
}

/* Whose scope and whose names an object's children come to lie in, pending rules included. */
struct surroundings {
    struct ate_id scope, namer;
};

static int too_deep(void)
{
    return ate__fail(ATE_TOO_BIG, "move: more than %d parents above an object", ATE__PARENTS_MAX);
}

static int surroundings_of(struct ate_txn *t, const struct ate_id *id, struct surroundings *ret)
{
    struct ate_id at = *id;
    bool scope = false, namer = false;
    *ret = (struct surroundings){ate_top, ate_top};
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        struct ate__object_facts facts;
        int rc = ate__txn_need(t, &at, &facts);
        if (rc)
            return rc;
        const struct ate__change *c = ate__txn_change(t, &at);
        if (!scope && ate__txn_read_rule(c, facts.control))
            ret->scope = at, scope = true;
        if (!namer && names_children(c, facts.control))
            ret->namer = at, namer = true;
        if ((scope && namer) || ate__id_equal(&at, &ate_top))
            return 0;
        at = facts.parent;
    }
    return too_deep();
}

/* `above` is the object or lies above it. */
static int lies_in(struct ate_txn *t, struct ate_id at, const struct ate_id *above, bool *ret_lies)
{
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        struct ate__object_facts facts;
        *ret_lies = ate__id_equal(&at, above);
        if (*ret_lies || ate__id_equal(&at, &ate_top))
            return 0;
        int rc = ate__txn_need(t, &at, &facts);
        if (rc)
            return rc;
        at = facts.parent;
    }
    return too_deep();
}

/* ---- a move ---- */

struct move {
    struct ate_txn *t;
    struct ate_id id;
    struct ate_place to;
    struct ate__object_facts facts; /* before it */
    struct ate__change *c;
    bool same;     /* who reads, and whose names, as before */
    bool shield;   /* what lies below has its scope and its names from the object itself */
    bool marked;   /* something that is left behind says where it came from itself */
    struct list from; /* scopes that are left behind */
};

/* What the object leaves: scopes that do not lie above it any more, and who named it. */
static int look_behind(struct move *m)
{
    struct surroundings now, then;
    struct ate_id at = m->facts.parent;
    int rc = surroundings_of(m->t, &m->facts.parent, &now);
    if (!rc)
        rc = surroundings_of(m->t, &m->to.parent, &then);
    if (rc)
        return rc;
    bool named = ate__id_equal(&now.namer, &then.namer), shared = false;
    m->same = ate__id_equal(&now.scope, &then.scope) && named;
    if (!named && !m->shield)
        rc = add_id(&m->from, &now.namer);
    while (!rc && !(rc = lies_in(m->t, m->to.parent, &at, &shared)) && !shared) {
        struct ate__object_facts facts;
        rc = ate__txn_need(m->t, &at, &facts);
        if (rc)
            break;
        struct ate_bytes marks = ate__facts_came_from(&facts);
        m->marked |= marks.size > 0;
        rc = add_ids(&m->from, marks);
        if (!rc && ate__control_epoch(facts.control))
            rc = add_id(&m->from, &at);
        at = facts.parent;
    }
    return rc;
}

int ate__txn_came_from(struct ate__change *c, struct ate_bytes ids)
{
    ate__buf_clear(&c->scopes);
    int rc = ate__buf_append(&c->scopes, ids);
    if (rc)
        return rc;
    c->came_from = ate__buf_bytes(&c->scopes);
    c->came = true;
    return 0;
}

/* What was said before stays said. */
static int mark(struct move *m)
{
    struct ate_bytes before = m->c->came ? m->c->came_from : ate__facts_came_from(&m->c->before);
    int rc = m->from.count ? add_ids(&m->from, before) : 0;
    if (rc || !m->from.count)
        return rc;
    sort(&m->from);
    if (m->from.count > ATE__CAME_FROM_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "move: what lies there may still be sealed for %zu scopes that it was "
                         "moved out of; %d are the most: seal it anew first",
                         m->from.count, ATE__CAME_FROM_MAX);
    return ate__txn_came_from(m->c, ate__bytes(m->from.ids, m->from.count * sizeof *m->from.ids));
}

/* ---- what lies below ---- */

struct walk {
    struct list todo;
    struct list shields; /* that were met */
    struct list namers;  /* that are no scopes any more, and still name what lies below them */
    size_t bytes;        /* of payload */
};

static void walk_deinit(struct walk *w)
{
    list_deinit(&w->todo);
    list_deinit(&w->shields);
    list_deinit(&w->namers);
}

/* One child that takes its scope or its tag from above. */
static int restate_child(struct ate_txn *t, struct walk *w, const struct ate_id *id)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_object(t, id, &facts);
    if (!rc)
        rc = ate__txn_touch(t, id, &c);
    if (!rc)
        rc = ate__txn_restate(t, c);
    if (rc)
        return rc;
    w->bytes += c->payload.size;
    if (w->bytes > ATE__TX_UNSIGNED_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "more has to be sealed anew than the %d bytes that a "
                         "transaction holds",
                         ATE__TX_UNSIGNED_MAX);
    if (shields(c, facts.control))
        return add_id(&w->shields, id);
    rc = names_on(c, facts.control) ? add_id(&w->namers, id) : 0;
    return rc ? rc : add_id(&w->todo, id);
}

static int each_child(struct ate_txn *t, struct walk *w, struct ate_id parent,
                      int (*each)(struct ate_txn *t, struct walk *w, const struct ate_id *id))
{
    struct ate_cursor *cursor;
    struct ate_id child;
    int rc = ate_children(t, parent, &cursor);
    if (rc)
        return rc;
    while (!rc && !(rc = ate__txn_next_child(cursor, &child)))
        rc = each(t, w, &child);
    ate_cursor_end(cursor);
    return rc == ATE_END ? 0 : rc;
}

static int restate_all(struct ate_txn *t, struct walk *w, const struct ate_id *id)
{
    int rc = add_id(&w->todo, id);
    for (size_t i = 0; !rc && i < w->todo.count; i++)
        rc = each_child(t, w, w->todo.ids[i], restate_child);
    w->todo.count = 0;
    return rc;
}

int ate__txn_restate_below(struct ate_txn *t, const struct ate_id *id)
{
    ate__cleanup(walk_deinit) struct walk w = {.bytes = 0};
    return restate_all(t, &w, id);
}

/* *ret_found: what has this data key lies above it by then, or it says that it came from there. */
static int is_found(struct ate_txn *t, const struct ate_id *id, const struct ate_hash *data_key_id,
                    bool *ret_found)
{
    const struct ate__control *holder;
    int rc = ate__data_key_holder(&t->facts, id, data_key_id, &holder);
    *ret_found = !rc;
    return rc == ATE_NO_KEY ? 0 : rc;
}

/* The name key of an object, if it names on, opens where it lies by then. */
static int names_there(struct ate_txn *t, const struct ate_id *id, bool *ret_names)
{
    struct ate__object_facts facts;
    int rc = ate__txn_object(t, id, &facts);
    *ret_names = true;
    if (rc || !names_on(ate__txn_change(t, id), facts.control))
        return rc;
    return is_found(t, id, &facts.control->header.namekey.data_key_id, ret_names);
}

/* So does the stored body of what lies in a scope of its own. */
static int opens_there(struct ate_txn *t, const struct ate_id *id, bool *ret_opens)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    const struct ate__change *c = ate__txn_change(t, id);
    struct ate__event e;
    *ret_opens = true;
    if (c && c->body)
        return 0;
    int rc = t->dio->pipe->v->event(t->snapshot, id, &bytes, &e, NULL);
    if (rc || !ate__header_has(&e.header, ATE__TAG_CONF))
        return rc;
    return is_found(t, id, ate__sealing_id(&e.header), ret_opens);
}

static int add_child(struct ate_txn *t, struct walk *w, const struct ate_id *id)
{
    (void)t;
    return add_id(&w->todo, id);
}

/* One that lies below a shield. may_mark: that something does not open there is enough to know. */
static int look_at(struct ate_txn *t, const struct ate_id *id, bool may_mark, bool *ret_opens)
{
    struct ate__change *c;
    bool opens;
    int rc = names_there(t, id, ret_opens);
    if (!rc)
        rc = opens_there(t, id, &opens);
    if (rc || opens)
        return rc;
    if (may_mark) {
        *ret_opens = false;
        return 0;
    }
    rc = ate__txn_touch(t, id, &c);
    return rc ? rc : ate__txn_restate(t, c);
}

/* What lies below shields and is not sealed for them yet, and name keys that are wrapped for what
 * is left behind; the object is placed where it goes. *ret_opens: all of it opens there. */
static int look_inside(struct ate_txn *t, struct walk *w, bool may_mark, bool *ret_opens)
{
    int rc = 0;
    *ret_opens = true;
    for (size_t i = 0; !rc && *ret_opens && i < w->namers.count; i++)
        rc = names_there(t, &w->namers.ids[i], ret_opens);
    for (size_t i = 0; !rc && *ret_opens && i < w->shields.count; i++)
        rc = each_child(t, w, w->shields.ids[i], add_child);
    for (size_t i = 0; !rc && *ret_opens && i < w->todo.count; i++) {
        if (may_mark && i == LOOKED_AT_MAX)
            *ret_opens = false;
        else
            rc = look_at(t, &w->todo.ids[i], may_mark, ret_opens);
        if (!rc && *ret_opens)
            rc = each_child(t, w, w->todo.ids[i], add_child);
    }
    return rc;
}

static int may_administer(struct move *m, bool *ret_may)
{
    const struct ate__trust *trust = m->t->dio->pipe->v->trust(m->t->dio->pipe);
    const struct ate__facts *facts = m->t->dio->pipe->v->facts(m->t->snapshot);
    const struct ate_hash *keys = NULL;
    size_t count = m->t->session ? ate__session_lend_fingerprints(m->t->session, &keys) : 0;
    *ret_may = false;
    if (!m->c->existed) /* by who makes it */
        return 0;
    int rc = ate__may(trust, facts, &m->id, ATE__RIGHT_ADMIN, keys, count);
    *ret_may = !rc;
    return rc == ATE_DENIED ? 0 : rc;
}

/* All that is to be sealed anew, in this transaction. */
static int seal_below(struct move *m)
{
    ate__cleanup(walk_deinit) struct walk w = {.bytes = 0};
    bool may_mark, opens = true;
    int rc = may_administer(m, &may_mark);
    if (rc)
        return rc;
    if (names_on(m->c, m->facts.control))
        rc = add_id(&w.namers, &m->id);
    if (!rc && m->shield)
        rc = add_id(&w.shields, &m->id);
    else if (!rc && (!m->same || m->marked))
        rc = restate_all(m->t, &w, &m->id);
    if (!rc && m->from.count && (w.shields.count || w.namers.count))
        rc = m->marked ? 0 : look_inside(m->t, &w, may_mark, &opens);
    if (!rc && (!opens || (m->marked && (w.shields.count || w.namers.count))))
        rc = mark(m);
    return rc == ATE_TOO_BIG ? ate__context(rc, "use ate_move_only(), then ate_reseal()") : rc;
}

/* ---- the calls ---- */

static int check_not_below(struct ate_txn *t, const struct ate_id *id, const struct ate_id *to)
{
    bool lies;
    int rc = lies_in(t, *to, id, &lies);
    if (!rc && lies)
        rc = ate__fail(ATE_MISUSE, "move: an object cannot lie below itself");
    return rc;
}

/* What a move needs to be one. */
static int check_move(struct ate_txn *t, const struct ate_id *id, const struct ate_place *to,
                      struct ate_bytes new_name, struct ate__object_facts *ret_facts)
{
    struct ate__object_facts parent_facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, id, ret_facts);
    if (!rc && ate__id_equal(id, &ate_top))
        rc = ate__fail(ATE_MISUSE, "move: the top stays where it is");
    if (!rc)
        rc = ate__txn_need(t, &to->parent, &parent_facts);
    if (!rc)
        rc = check_not_below(t, id, &to->parent);
    if (!rc && new_name.size)
        rc = ate__object_name_free_for(t, to, new_name, id);
    return rc;
}

/* Or could have, and has the key of their names. */
static int has_children(struct move *m, bool *ret_has)
{
    struct ate_cursor *cursor;
    struct ate_id child;
    int rc = ate_children(m->t, m->id, &cursor);
    if (rc)
        return rc;
    rc = ate__txn_next_child(cursor, &child);
    ate_cursor_end(cursor);
    *ret_has = !rc || names_on(ate__txn_change(m->t, &m->id), m->facts.control);
    return rc == ATE_END ? 0 : rc;
}

static int place(struct move *m, struct ate_bytes new_name)
{
    int rc = ate__txn_place(m->t, m->c, &m->to, new_name);
    if (!rc)
        m->c->moved = true;
    return rc;
}

/* Nothing is left of a move that cannot be. */
static int place_and_seal(struct move *m, struct ate_bytes new_name, bool only)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf name = ATE__BUF_NULL;
    const struct ate_place before = {m->c->parent, m->c->collection};
    bool moved = m->c->moved;
    int rc = ate__buf_append(&name, ate__buf_bytes(&m->c->name));
    if (!rc)
        rc = place(m, new_name);
    if (rc)
        return rc;
    rc = !only ? seal_below(m) : m->c->existed ? mark(m) : 0;
    if (!rc)
        return 0;
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    if (ate__txn_place(m->t, m->c, &before, ate__buf_bytes(&name)))
        ate__txn_drop_changes(m->t); /* no memory: rather none of it */
    else
        m->c->moved = moved;
    return ate__fail(rc, "%s", why ? why : "");
}

static int object_move(struct move *m, struct ate_bytes new_name, bool only)
{
    bool has = false;
    int rc = check_move(m->t, &m->id, &m->to, new_name, &m->facts);
    if (rc)
        return rc;
    m->shield = shields(ate__txn_change(m->t, &m->id), m->facts.control);
    rc = look_behind(m);
    if (!rc)
        rc = has_children(m, &has);
    if (!rc)
        rc = ate__txn_touch(m->t, &m->id, &m->c);
    if (!rc)
        rc = ate__txn_restate(m->t, m->c);
    if (rc)
        return rc;
    return has ? place_and_seal(m, new_name, only) : place(m, new_name);
}

static int move(struct ate_txn *t, struct ate_id id, const struct ate_place *to,
                const char *new_name, bool only)
{
    struct move m = {.t = t, .id = id, .to = *to};
    int rc = object_move(&m, new_name ? ate__text_bytes(new_name) : (struct ate_bytes){0}, only);
    list_deinit(&m.from);
    return rc;
}

/* Below another object it is in no field; where it is renamed it stays in that which it is in. */
static int move_below(struct ate_txn *t, struct ate_id id, struct ate_id new_parent,
                      const char *new_name, bool only)
{
    struct ate_place to = {.parent = new_parent};
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc && ate__id_equal(&facts.parent, &new_parent))
        to.collection = facts.collection;
    return rc ? rc : move(t, id, &to, new_name, only);
}

int ate_move(struct ate_txn *t, struct ate_id id, struct ate_id new_parent, const char *new_name)
{
    return move_below(t, id, new_parent, new_name, false);
}

int ate_move_only(struct ate_txn *t, struct ate_id id, struct ate_id new_parent,
                  const char *new_name)
{
    return move_below(t, id, new_parent, new_name, true);
}

int ate_attach(struct ate_txn *t, struct ate_id id, struct ate_place place, const char *name)
{
    return move(t, id, &place, name, false);
}

int ate_detach(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (rc || !facts.collection)
        return rc;
    return move(t, id, &(struct ate_place){.parent = facts.parent}, NULL, false);
}
