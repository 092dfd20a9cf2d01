/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * objects.c: changes: store, put, move, delete, require, protect.
 */
#include "base/text.h"
#include "dio/objects.h"
#include "dio/txn.h"
#include <stdlib.h>

/* ---- creating and replacing ---- */

static int set_body(struct ate__change *c, const struct ate__new_body *body)
{
    struct ate_bytes type = ate__text_bytes(body->type);
    if (!type.size || type.size > ATE__TYPE_MAX || !ate__utf8_valid(type))
        return ate__fail(ATE_MISUSE, "object: a type is 1 to %d bytes of UTF-8", ATE__TYPE_MAX);
    if (body->payload.size > ATE__PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "object: a payload of %zu bytes; it may have %d: store it in "
                         "pages",
                         body->payload.size, ATE__PAYLOAD_MAX);
    ate__buf_clear(&c->type);
    ate__buf_clear(&c->payload);
    int rc = ate__buf_append(&c->type, type);
    if (!rc)
        rc = ate__buf_append(&c->payload, body->payload);
    c->encoding = body->encoding;
    c->has_payload = true;
    c->open |= body->open;
    c->body = rc == 0;
    return rc;
}

int ate__object_create(struct ate_txn *t, const struct ate_id *id, const struct ate_id *parent,
                       struct ate_bytes name, const struct ate__new_body *body)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_need(t, parent, &facts);
    if (!rc)
        rc = ate__txn_touch(t, id, &c);
    if (rc)
        return rc;
    if (c->existed || c->body || c->before.deleted)
        return ate__fail(ATE_EXISTS, "object: that id is in use, or was until it was deleted");
    c->parent = *parent;
    rc = ate__txn_name(t, c, name);
    return rc ? rc : set_body(c, body);
}

/* Name, user items and unknown fields of the version before are kept by the callers' payload and by
 * restating first. */
int ate__object_replace(struct ate_txn *t, const struct ate_id *id,
                        const struct ate__new_body *body)
{
    struct ate__change *c;
    int rc = ate__txn_touch(t, id, &c);
    if (!rc)
        rc = ate__txn_restate(t, c);
    return rc ? rc : set_body(c, body);
}

struct ate_id ate__object_new_id(struct ate_txn *t)
{
    struct ate_id id;
    do
        ate__random(t->dio->pipe->env, id.b, sizeof id.b);
    while (ate__id_equal(&id, &ate_top));
    t->drawn = id;
    return id;
}

/* The name is free, as far as the session can see. */
int ate__object_name_free(struct ate_txn *t, const struct ate_id *parent, struct ate_bytes name)
{
    struct ate_id id;
    char shown[256];
    int rc = ate__txn_child(t, parent, name, &id);
    if (rc == ATE_NOT_FOUND)
        return 0;
    return rc ? rc
              : ate__fail(ATE_EXISTS, "%s: the name is taken",
                          ate__escaped(name, shown, sizeof shown));
}

/* ---- subtrees that are sealed anew ---- */

struct walk {
    struct ate_id *ids;
    size_t count, capacity;
};

static int add_id(struct walk *w, const struct ate_id *id)
{
    int rc = ate__grow(&w->ids, &w->capacity, w->count + 1, sizeof *w->ids);
    if (!rc)
        w->ids[w->count++] = *id;
    return rc;
}

/* Restates what lies below `id` and takes its scope or names from there: all but what an own scope
 * shields. */
static int restate_below(struct ate_txn *t, const struct ate_id *id)
{
    struct walk w = {0};
    int rc = add_id(&w, id);
    for (size_t i = 0; !rc && i < w.count; i++) {
        struct ate_cursor *cursor;
        struct ate_id child, at = w.ids[i];
        rc = ate_children(t, at, &cursor);
        while (!rc && !(rc = ate__txn_next_child(cursor, &child))) {
            struct ate__object_facts facts;
            struct ate__change *c;
            rc = ate__txn_object(t, &child, &facts);
            if (!rc)
                rc = ate__txn_touch(t, &child, &c);
            if (!rc)
                rc = ate__txn_restate(t, c);
            bool shielded =
                !rc && facts.control && ate__header_has(&facts.control->header, ATE__TAG_NAMEKEY);
            if (!rc && !shielded)
                rc = add_id(&w, &child);
        }
        if (rc == ATE_END)
            rc = 0;
        if (w.count && !rc)
            ate_cursor_end(cursor);
    }
    ate__free(w.ids);
    return rc;
}

static int same_surroundings(struct ate_txn *t, const struct ate_id *a, const struct ate_id *b,
                             bool *ret_same)
{
    struct ate_id scope_a, scope_b, namer_a, namer_b;
    const struct ate__control *ignored;
    int rc = ate__scope_of(&t->facts, a, &scope_a, &ignored);
    if (!rc)
        rc = ate__scope_of(&t->facts, b, &scope_b, &ignored);
    if (!rc)
        rc = ate__namer_of(&t->facts, a, &namer_a, &ignored);
    if (!rc)
        rc = ate__namer_of(&t->facts, b, &namer_b, &ignored);
    if (!rc)
        *ret_same = ate__id_equal(&scope_a, &scope_b) && ate__id_equal(&namer_a, &namer_b);
    return rc;
}

/* ---- move ---- */

static int check_not_below(struct ate_txn *t, const struct ate_id *id, struct ate_id at)
{
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        struct ate__object_facts facts;
        if (ate__id_equal(&at, id))
            return ate__fail(ATE_MISUSE, "move: an object cannot lie below itself");
        if (ate__id_equal(&at, &ate_top))
            return 0;
        int rc = ate__txn_need(t, &at, &facts);
        if (rc)
            return rc;
        at = facts.parent;
    }
    return ate__fail(ATE_TOO_BIG, "move: more than %d parents above", ATE__PARENTS_MAX);
}

int ate__object_move(struct ate_txn *t, struct ate_id id, struct ate_id new_parent,
                     struct ate_bytes new_name)
{
    struct ate__object_facts facts, parent_facts;
    struct ate__change *c;
    bool same;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc && ate__id_equal(&id, &ate_top))
        rc = ate__fail(ATE_MISUSE, "move: the top stays where it is");
    if (!rc)
        rc = ate__txn_need(t, &new_parent, &parent_facts);
    if (!rc)
        rc = check_not_below(t, &id, new_parent);
    if (!rc && new_name.size)
        rc = ate__object_name_free(t, &new_parent, new_name);
    if (!rc)
        rc = same_surroundings(t, &facts.parent, &new_parent, &same);
    if (!rc)
        rc = ate__txn_touch(t, &id, &c);
    if (!rc)
        rc = ate__txn_restate(t, c);
    if (!rc && !same &&
        !(facts.control && ate__header_has(&facts.control->header, ATE__TAG_NAMEKEY)))
        rc = restate_below(t, &id);
    if (!rc)
        rc = ate__txn_name(t, c, (struct ate_bytes){0});
    if (rc)
        return rc;
    c->parent = new_parent;
    return ate__txn_name(t, c, new_name);
}

int ate_move(struct ate_txn *t, struct ate_id id, struct ate_id new_parent, const char *new_name)
{
    return ate__object_move(t, id, new_parent,
                            new_name ? ate__text_bytes(new_name) : (struct ate_bytes){0});
}

/* ---- delete ---- */

static int check_childless(struct ate_txn *t, const struct ate_id *id)
{
    struct ate_cursor *cursor;
    struct ate_id child;
    char text[ATE__ID_TEXT];
    int rc = ate_children(t, *id, &cursor);
    if (rc)
        return rc;
    rc = ate__txn_next_child(cursor, &child);
    ate_cursor_end(cursor);
    if (rc == ATE_END)
        return 0;
    return rc ? rc
              : ate__fail(ATE_CONFLICT,
                          "object %s has children: delete them first, or all "
                          "with it",
                          ate__id_text(id, text));
}

int ate_delete(struct ate_txn *t, struct ate_id id, unsigned flags)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    if (flags & ~(unsigned)ATE_TREE || ate__id_equal(&id, &ate_top))
        return ate__fail(ATE_MISUSE, "delete: %s",
                         flags & ~(unsigned)ATE_TREE ? "unknown flags" : "the top stays");
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc && !(flags & ATE_TREE))
        rc = check_childless(t, &id);
    if (!rc)
        rc = ate__txn_touch(t, &id, &c);
    if (!rc)
        rc = ate__txn_name(t, c, (struct ate_bytes){0});
    if (rc)
        return rc;
    c->deleted = true;
    c->body = false;
    if (flags & ATE_TREE) {
        c->subtree = true;
        t->subtrees++;
    }
    return 0;
}

/* ---- preconditions ---- */

static int add_precondition(struct ate_txn *t, struct ate__precondition p)
{
    int rc = ate__grow(&t->preconditions, &t->precondition_capacity, t->precondition_count + 1,
                       sizeof *t->preconditions);
    if (!rc)
        t->preconditions[t->precondition_count++] = p;
    return rc;
}

int ate_require(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    const struct ate__change *c = rc ? NULL : ate__txn_change(t, &id);
    if (rc || (c && c->body)) /* its own PREV requires it already */
        return rc;
    return add_precondition(t, (struct ate__precondition){ATE__IS_CURRENT, id, facts.body});
}

int ate_require_absent(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    char text[ATE__ID_TEXT];
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_object(t, &id, &facts);
    if (!rc && facts.live)
        rc = ate__fail(ATE_EXISTS, "object %s is there", ate__id_text(&id, text));
    if (rc)
        return rc;
    return add_precondition(t, (struct ate__precondition){.kind = ATE__IS_ABSENT, .id = id});
}

int ate_require_no_child(struct ate_txn *t, struct ate_id parent, struct ate_bytes name)
{
    ate__cleanup(ate__key32_deinit) struct ate__key32 key = {{0}};
    struct ate__precondition p = {.kind = ATE__TAG_FREE, .id = parent};
    bool is_private;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__object_name_free(t, &parent, name);
    if (!rc)
        rc = ate__txn_name_key(t, &parent, &is_private, &key);
    if (!rc)
        rc = is_private ? ate__name_tag_private(&key, &parent, name, p.hash.b)
                        : ate__name_tag_open(t->dio->seal.alg, &parent, name, p.hash.b);
    return rc ? rc : add_precondition(t, p);
}

/* ---- rules ---- */

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_hash));
}

static int take_rule(struct ate__change *c, unsigned right, const struct ate_rule *rule)
{
    struct ate__rule *r = &c->auth.rule[right];
    struct ate__buf *keys = &c->keys[right];
    if (rule->who > ATE_KEYS || (rule->who == ATE_KEYS) != (rule->key_count > 0))
        return ate__fail(ATE_MISUSE, "rules: keys go with ATE_KEYS, and with nothing else");
    if (rule->key_count > ATE__RULE_KEYS_MAX)
        return ate__fail(ATE_TOO_BIG, "rules: %zu keys; a rule has at most %d", rule->key_count,
                         ATE__RULE_KEYS_MAX);
    ate__buf_clear(keys);
    int rc = ate__buf_append(keys, ate__bytes(rule->keys, rule->key_count * sizeof *rule->keys));
    if (rc)
        return rc;
    size_t n = 0;
    if (rule->key_count)
        qsort(keys->data, rule->key_count, sizeof(struct ate_hash), compare_hashes);
    for (size_t i = 0; i < rule->key_count; i++)
        if (!n || memcmp(keys->data + (n - 1) * 32, keys->data + i * 32, 32))
            memmove(keys->data + n++ * 32, keys->data + i * 32, 32);
    *r = (struct ate__rule){.who = (uint8_t)rule->who, .count = (uint32_t)n, .keys = keys->data};
    return 0;
}

static bool same_rule(const struct ate__rule *a, const struct ate__rule *b)
{
    return a->who == b->who && a->count == b->count &&
           (!a->count || !memcmp(a->keys, b->keys, a->count * 32ul));
}

int ate_protect(struct ate_txn *t, struct ate_id id, const struct ate_rules *rules)
{
    const struct ate_rule *given[ATE__RIGHTS] = {&rules->read, &rules->write, &rules->append,
                                                 &rules->admin};
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc)
        rc = ate__txn_touch(t, &id, &c);
    for (unsigned i = 0; !rc && i < ATE__RIGHTS; i++)
        rc = take_rule(c, i, given[i]);
    if (rc)
        return rc;
    static const struct ate__rule inherit = {.who = ATE__RULE_INHERIT};
    const struct ate__rule *before =
        facts.control ? &facts.control->header.auth.rule[ATE__RIGHT_READ] : &inherit;
    if (c->existed && !same_rule(before, &c->auth.rule[ATE__RIGHT_READ]) &&
        !(facts.control && before->who == ATE__RULE_ANY_OF)) {
        /* It becomes a scope of its own: its body and what inherits from it are sealed anew. */
        rc = ate__id_equal(&id, &ate_top) ? 0 : ate__txn_restate(t, c);
        if (!rc)
            rc = restate_below(t, &id);
    }
    c->rules = rc == 0;
    return rc;
}

static int rule_in_force(struct ate_txn *t, const struct ate_id *id, unsigned right,
                         struct ate_rule *ret_rule)
{
    struct ate_id at = *id;
    for (unsigned depth = 0; depth <= ATE__PARENTS_MAX; depth++) {
        struct ate__object_facts facts;
        int rc = ate__txn_object(t, &at, &facts);
        if (rc)
            return rc;
        const struct ate__change *c = ate__txn_change(t, &at);
        const struct ate__auth *auth = c && c->rules   ? &c->auth
                                       : facts.control ? &facts.control->header.auth
                                                       : NULL;
        const struct ate__rule *rule = auth ? &auth->rule[right] : NULL;
        if (rule && rule->who == ATE__RULE_INHERIT && right >= ATE__RIGHT_APPEND)
            rule = &auth->rule[ATE__RIGHT_WRITE];
        if (rule && rule->who != ATE__RULE_INHERIT) {
            *ret_rule = (struct ate_rule){(enum ate_who)rule->who,
                                          (const struct ate_hash *)rule->keys, rule->count};
            return 0;
        }
        if (ate__id_equal(&at, &ate_top))
            break;
        at = facts.parent;
    }
    *ret_rule = (struct ate_rule){right == ATE__RIGHT_READ ? ATE_EVERYONE : ATE_KEYS, NULL, 0};
    return 0;
}

int ate_protection(struct ate_txn *t, struct ate_id id, struct ate_rules *ret_rules)
{
    struct ate__object_facts facts;
    struct ate_rule rule[ATE__RIGHTS];
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    for (unsigned i = 0; !rc && i < ATE__RIGHTS; i++) {
        rc = rule_in_force(t, &id, i, &rule[i]);
        if (rc || rule[i].who != ATE_KEYS)
            continue;
        /* Lent as a copy: the control event it stands in may be replaced. */
        size_t n = rule[i].key_count ? rule[i].key_count : ATE__ROOT_KEYS_MAX;
        struct ate_hash *keys = ate__alloc_array(n, sizeof *keys);
        if (!keys)
            return ate__no_memory();
        if (rule[i].key_count)
            memcpy(keys, rule[i].keys, n * sizeof *keys);
        else
            rule[i].key_count = ate__trust_root_keys(t->dio->pipe->v->trust(t->dio->pipe), keys, n);
        rule[i].keys = keys;
        rc = ate__txn_lend(t, keys);
    }
    if (!rc)
        *ret_rules = (struct ate_rules){rule[0], rule[1], rule[2], rule[3]};
    return rc;
}
