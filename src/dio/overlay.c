/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * overlay.c: the state as a transaction sees it: its snapshot with its own changes over it.
 */
#include "base/text.h"
#include "dio/txn.h"

static struct ate_txn *txn_of(const struct ate__facts *f)
{
    return ATE__CONTAINER(f, struct ate_txn, facts);
}

static const struct ate__facts *below(struct ate_txn *t)
{
    return t->dio->pipe->v->facts(t->snapshot);
}

struct ate__change *ate__txn_change(const struct ate_txn *t, const struct ate_id *id)
{
    uint64_t value;
    return ate__map_get(&t->by_id, id, &value) ? ate__map_pointer(value) : NULL;
}

/* What the snapshot and the changes say of the object itself, ancestors aside. */
static int own_object(struct ate_txn *t, const struct ate_id *id, struct ate__object_facts *ret)
{
    const struct ate__change *c = ate__txn_change(t, id);
    if (!c)
        return below(t)->v->object(below(t), id, ret);
    *ret = c->before;
    if (c->control)
        ret->control = c->control;
    if (c->came)
        ret->came_from = &c->came_from;
    if (c->deleted) {
        ret->live = false;
        ret->deleted = true;
    } else if (c->body) {
        ret->live = true;
        ret->parent = c->parent;
        ret->collection = c->collection;
        ret->tag_count = 0; /* decided when it is committed */
    }
    return 0;
}

/* Does an ancestor go with its subtree in this transaction? Walks up only if any subtree does. */
static int gone_with_ancestor(struct ate_txn *t, const struct ate_id *parent, bool *ret_gone)
{
    struct ate_id at = *parent;
    *ret_gone = false;
    for (unsigned depth = 0; depth < ATE__PARENTS_MAX && !ate__id_equal(&at, &ate_top); depth++) {
        struct ate__object_facts facts;
        const struct ate__change *c = ate__txn_change(t, &at);
        if (c && c->deleted) {
            *ret_gone = true;
            return 0;
        }
        int rc = own_object(t, &at, &facts);
        if (rc)
            return rc;
        at = facts.parent;
    }
    return 0;
}

int ate__txn_object(struct ate_txn *t, const struct ate_id *id, struct ate__object_facts *ret)
{
    int rc = own_object(t, id, ret);
    if (rc || !t->subtrees || !ret->live || ate__id_equal(id, &ate_top))
        return rc;
    bool gone;
    rc = gone_with_ancestor(t, &ret->parent, &gone);
    if (!rc && gone) {
        ret->live = false;
        ret->deleted = true;
    }
    return rc;
}

int ate__txn_need(struct ate_txn *t, const struct ate_id *id, struct ate__object_facts *ret)
{
    char text[ATE__ID_TEXT];
    int rc = ate__txn_object(t, id, ret);
    if (!rc && !ret->live)
        rc = ate__fail(ATE_NOT_FOUND, "object %s: there is none%s", ate__id_text(id, text),
                       ret->deleted ? " any more: it was deleted" : "");
    return rc;
}

/* ---- as facts, for the questions of trust/accept.h ---- */

static int facts_object(const struct ate__facts *f, const struct ate_id *id,
                        struct ate__object_facts *ret)
{
    return ate__txn_object(txn_of(f), id, ret);
}

static int facts_tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                            const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    return below(txn_of(f))->v->tag_holder(below(txn_of(f)), parent, tag, ret_id);
}

static int facts_next_child(const struct ate__facts *f, const struct ate__listing *l, uint64_t *at,
                            struct ate_id *ret_child)
{
    return below(txn_of(f))->v->next_child(below(txn_of(f)), l, at, ret_child);
}

static int facts_root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
{
    return below(txn_of(f))->v->root_at(below(txn_of(f)), size, ret_root);
}

static const struct ate__facts_vtable overlay_facts = {
    .object = facts_object,
    .tag_holder = facts_tag_holder,
    .next_child = facts_next_child,
    .root_at = facts_root_at,
};

void ate__overlay_init(struct ate_txn *t)
{
    t->facts.v = &overlay_facts;
}

/* ---- changes ---- */

int ate__txn_touch(struct ate_txn *t, const struct ate_id *id, struct ate__change **ret_change)
{
    struct ate__change *c = ate__txn_change(t, id);
    if (c) {
        *ret_change = c;
        return 0;
    }
    if (t->change_count == ATE__TX_EVENTS_MAX)
        return ate__fail(ATE_TOO_BIG, "transaction: more than %d objects changed",
                         ATE__TX_EVENTS_MAX);
    c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    c->id = *id;
    c->encoding = ATE__MSGPACK;
    /* On a thin chain the question costs a round trip, for each object that is made. */
    bool fresh = !ate__is_top(id) && ate__id_equal(id, &t->drawn);
    t->drawn = ate_top; /* after a commit the snapshot holds it */
    int rc = fresh ? 0 : below(t)->v->object(below(t), id, &c->before);
    if (!rc)
        rc = ate__map_put(&t->by_id, id, ate__map_of_pointer(c));
    if (rc) {
        ate__free(c);
        return rc;
    }
    c->existed = c->before.live;
    c->prev = c->before.body;
    c->parent = c->before.parent;
    c->collection = c->before.collection;
    *t->changes_end = c;
    t->changes_end = &c->next;
    t->change_count++;
    *ret_change = c;
    return 0;
}

void ate__txn_unname(struct ate_txn *t, struct ate__change *c)
{
    uint64_t value;
    if (!c->name.size)
        return;
    if (ate__map_get(&t->by_name, c->name_key, &value) && ate__map_pointer(value) == c)
        ate__map_remove(&t->by_name, c->name_key);
    ate__buf_clear(&c->name);
}

int ate__txn_place(struct ate_txn *t, struct ate__change *c, const struct ate_place *place,
                   struct ate_bytes name)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf copy = ATE__BUF_NULL;
    uint8_t key[ATE__NAME_TAG];
    const struct ate_place at = *place;
    if (name.size) {
        int rc = ate__name_check(name);
        if (!rc)
            rc = ate__name_tag_open(t->dio->seal.alg, place, name, key);
        if (!rc)
            rc = ate__buf_append(&copy, name);
        if (!rc) /* first, as the rest cannot fail */
            rc = ate__map_put(&t->by_name, key, ate__map_of_pointer(c));
        if (rc)
            return rc;
    }
    if (c->name.size && (!name.size || memcmp(key, c->name_key, sizeof key) != 0))
        ate__txn_unname(t, c);
    ate__buf_deinit(&c->name);
    c->name = copy;
    copy = ATE__BUF_NULL;
    if (name.size)
        memcpy(c->name_key, key, sizeof key);
    c->parent = at.parent;
    c->collection = at.collection;
    return 0;
}

const struct ate__rule *ate__txn_read_rule(const struct ate__change *c,
                                           const struct ate__control *control)
{
    static const struct ate__rule everyone = {.who = ATE__RULE_EVERYONE};
    if (c && c->open)
        return &everyone;
    return c && c->rules ? ate__auth_rule(&c->auth, ATE__RIGHT_READ)
                         : ate__control_rule(control, ATE__RIGHT_READ);
}

/* What goes with an ancestor need not be deleted by itself, unless it was moved there. */
static enum ate__effect effect_of_gone(const struct ate__change *c)
{
    if (!c->existed)
        return ATE__NOTHING;
    bool moved = c->body && !ate__id_equal(&c->parent, &c->before.parent);
    return c->deleted || moved ? ATE__DELETES : ATE__NOTHING;
}

int ate__txn_effect(struct ate_txn *t, const struct ate__change *c, enum ate__effect *ret_effect)
{
    struct ate__object_facts facts;
    int rc = ate__txn_object(t, &c->id, &facts);
    if (rc)
        return rc;
    if (!facts.live)
        *ret_effect = effect_of_gone(c);
    else if (c->body)
        *ret_effect = c->existed ? ATE__REPLACES : ATE__CREATES;
    else
        *ret_effect = ate__change_rules(c) || c->holds ? ATE__RULES : ATE__NOTHING;
    return 0;
}

/* ---- names ---- */

/* In the past: who was let in since then has the name key all the same. */
static int name_key_now(struct ate_txn *t, const struct ate_id *parent, bool *ret_private,
                        struct ate__key32 *ret_key)
{
    struct ate__pipe *now = t->dio->pipe->now;
    struct ate__snapshot *s;
    bool is_private = false;
    int rc = now->v->begin(now, &s);
    if (rc)
        return rc;
    rc =
        ate__name_key_of(&t->dio->seal, t->session, now->v->facts(s), parent, &is_private, ret_key);
    now->v->end(s);
    *ret_private = true;
    if (rc == ATE_NOT_FOUND || (!rc && !is_private))
        rc = ate__fail(ATE_NO_KEY, "the names there were private, and are not any more");
    return rc;
}

int ate__txn_name_key(struct ate_txn *t, const struct ate_id *parent, bool *ret_private,
                      struct ate__key32 *ret_key)
{
    int rc = ate__name_key_of(&t->dio->seal, t->session, &t->facts, parent, ret_private, ret_key);
    return rc == ATE_NO_KEY && t->dio->pipe->now ? name_key_now(t, parent, ret_private, ret_key)
                                                 : rc;
}

/* The object that holds one of the tags in the snapshot, unless this transaction took it away from
 * there. */
static int stored_child(struct ate_txn *t, const struct ate_id *parent, const uint8_t *tag,
                        struct ate_id *ret_id)
{
    struct ate__object_facts facts;
    struct ate_id id;
    const struct ate__change *made = ate__txn_change(t, parent);
    if (made && !made->existed) /* made here: nothing lies below it yet */
        return ATE_NOT_FOUND;
    int rc = below(t)->v->tag_holder(below(t), parent, tag, &id);
    if (rc)
        return rc;
    const struct ate__change *c = ate__txn_change(t, &id);
    if (c && (c->deleted || c->body)) /* where its name is now, by_name knows */
        return ATE_NOT_FOUND;
    rc = ate__txn_object(t, &id, &facts);
    if (!rc && !facts.live)
        rc = ATE_NOT_FOUND;
    if (!rc)
        *ret_id = id;
    return rc;
}

static int not_found(struct ate_bytes name)
{
    char shown[256];
    return ate__fail(ATE_NOT_FOUND, "%s: there is no such object",
                     ate__escaped(name, shown, sizeof shown));
}

/* By a name key of where it, or what it lies in, was moved from and is not sealed anew since. */
static int child_moved_here(struct ate_txn *t, const struct ate_place *place, struct ate_bytes name,
                            struct ate_id *ret_id)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    uint8_t tag[ATE__NAME_TAG];
    struct ate__way_back way = {.at = place->parent};
    bool missed = false;
    int rc = ATE_NOT_FOUND;
    while (rc == ATE_NOT_FOUND && !(rc = ate__name_key_before(&t->dio->seal, t->session, &t->facts,
                                                              &way, &missed, &key))) {
        rc = ate__name_tag_private(&key, place, name, tag);
        if (!rc)
            rc = stored_child(t, &place->parent, tag, ret_id);
    }
    return rc == ATE_END ? ATE_NOT_FOUND : rc;
}

int ate__txn_child(struct ate_txn *t, const struct ate_place *place, struct ate_bytes name,
                   struct ate_id *ret_id)
{
    const struct ate_id *parent = &place->parent;
    ate__cleanup(ate__key32_deinit) struct ate__key32 name_key = {{0}};
    uint8_t open_tag[ATE__NAME_TAG], private_tag[ATE__NAME_TAG];
    struct ate__object_facts facts;
    uint64_t value;
    bool is_private;
    int rc = ate__name_check(name);
    if (!rc)
        rc = ate__txn_need(t, parent, &facts);
    if (!rc)
        rc = ate__name_tag_open(t->dio->seal.alg, place, name, open_tag);
    if (rc)
        return rc;
    if (ate__map_get(&t->by_name, open_tag, &value)) {
        const struct ate__change *c = ate__map_pointer(value);
        if (!c->deleted) {
            *ret_id = c->id;
            return 0;
        }
    }
    const struct ate__change *made = ate__txn_change(t, parent);
    if (made && !made->existed) /* all that lies below it was made here too */
        return not_found(name);
    int key_rc = ate__txn_name_key(t, parent, &is_private, &name_key);
    if (key_rc && key_rc != ATE_NO_KEY)
        return key_rc;
    if (is_private && !key_rc) {
        rc = ate__name_tag_private(&name_key, place, name, private_tag);
        if (!rc)
            rc = stored_child(t, parent, private_tag, ret_id);
        if (rc != ATE_NOT_FOUND)
            return rc;
    }
    ate__cleanup(ate__freep) char *why = key_rc ? ate__copy_text(ate__error_text()) : NULL;
    rc = stored_child(t, parent, open_tag, ret_id);
    if (rc == ATE_NOT_FOUND)
        rc = child_moved_here(t, place, name, ret_id);
    if (rc == ATE_NOT_FOUND && key_rc)
        return ate__fail(ATE_NO_KEY, "%s", why ? why : "");
    return rc == ATE_NOT_FOUND ? not_found(name) : rc;
}

int ate_exists(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    int rc = ate__txn_read(t);
    return rc ? rc : ate__txn_need(t, &id, &facts);
}
