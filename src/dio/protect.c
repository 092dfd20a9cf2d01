/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * protect.c: who may do what: rules, the readers of a scope and its epochs.
 */
#include "base/text.h"
#include "dio/txn.h"
#include <stdlib.h>

/* ---- rules as they are given ---- */

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ate_hash));
}

/* Rules on their way into a change: auth's keys point into `keys`. */
struct given {
    struct ate__auth auth;
    struct ate__buf keys[ATE__RIGHTS];
};

static void given_deinit(struct given *g)
{
    for (unsigned i = 0; i < ATE__RIGHTS; i++)
        ate__buf_deinit(&g->keys[i]);
}

static int take_rule(struct given *g, unsigned right, const struct ate_rule *rule)
{
    struct ate__buf *keys = &g->keys[right];
    if (rule->who > ATE_KEYS || (rule->who == ATE_KEYS) != (rule->key_count > 0))
        return ate__fail(ATE_MISUSE, "rules: keys go with ATE_KEYS, and with nothing else");
    if (rule->key_count > ATE__RULE_KEYS_MAX)
        return ate__fail(ATE_TOO_BIG, "rules: %zu keys; a rule has at most %d", rule->key_count,
                         ATE__RULE_KEYS_MAX);
    int rc = ate__buf_append(keys, ate__bytes(rule->keys, rule->key_count * sizeof *rule->keys));
    if (rc)
        return rc;
    size_t n = 0;
    if (rule->key_count)
        qsort(keys->data, rule->key_count, sizeof(struct ate_hash), compare_hashes);
    for (size_t i = 0; i < rule->key_count; i++)
        if (!n || memcmp(keys->data + (n - 1) * 32, keys->data + i * 32, 32))
            memmove(keys->data + n++ * 32, keys->data + i * 32, 32);
    g->auth.rule[right] =
        (struct ate__rule){.who = (uint8_t)rule->who, .count = (uint32_t)n, .keys = keys->data};
    return 0;
}

static bool same_rule(const struct ate__rule *a, const struct ate__rule *b)
{
    return a->who == b->who && a->count == b->count &&
           (!a->count || !memcmp(a->keys, b->keys, a->count * 32ul));
}

/* It becomes a scope of its own, or ceases to be one: its body and what takes its scope or names
 * from it are sealed anew. A private scope that stays one has its readers changed, and no body. */
static int restate_for(struct ate_txn *t, struct ate__change *c, const struct ate__control *control,
                       const struct ate__rule *read)
{
    static const struct ate__rule inherit = {.who = ATE__RULE_INHERIT};
    const struct ate__rule *before = ate__txn_read_rule(c, control);
    bool was_scope = before && before->who == ATE__RULE_ANY_OF;
    if (!c->existed || same_rule(before ? before : &inherit, read) ||
        (was_scope && read->who == ATE__RULE_ANY_OF))
        return 0;
    int rc = ate__id_equal(&c->id, &ate_top) ? 0 : ate__txn_restate(t, c);
    if (!rc)
        rc = ate__txn_restate_below(t, &c->id);
    return rc == ATE_TOO_BIG ? ate__context(rc, "use ate_protect_only(), then ate_reseal()") : rc;
}

/* The change of an object that is there. */
static int touch(struct ate_txn *t, struct ate_id id, struct ate__object_facts *ret_facts,
                 struct ate__change **ret_change)
{
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, ret_facts);
    return rc ? rc : ate__txn_touch(t, &id, ret_change);
}

static int protect(struct ate_txn *t, struct ate_id id, const struct ate_rules *rules, bool restate)
{
    const struct ate_rule *each[ATE__RIGHTS] = {&rules->read, &rules->write, &rules->append,
                                                &rules->admin};
    ate__cleanup(given_deinit) struct given given = {0};
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = ate__txn_write(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    for (unsigned i = 0; !rc && i < ATE__RIGHTS; i++)
        rc = take_rule(&given, i, each[i]);
    if (!rc)
        rc = touch(t, id, &facts, &c);
    if (!rc && restate)
        rc = restate_for(t, c, facts.control, &given.auth.rule[ATE__RIGHT_READ]);
    if (rc)
        return rc;
    for (unsigned i = 0; i < ATE__RIGHTS; i++) {
        struct ate__buf before = c->keys[i];
        c->keys[i] = given.keys[i];
        given.keys[i] = before;
    }
    c->auth = given.auth;
    c->open = c->publish = false; /* what was said last counts */
    c->rules = true;
    return 0;
}

int ate_protect(struct ate_txn *t, struct ate_id id, const struct ate_rules *rules)
{
    return protect(t, id, rules, true);
}

int ate_protect_only(struct ate_txn *t, struct ate_id id, const struct ate_rules *rules)
{
    return protect(t, id, rules, false);
}

/* ---- epochs ---- */

static int not_a_scope(const struct ate_id *id)
{
    char text[ATE__OBJECT_TEXT];
    return ate__fail(ATE_MISUSE, "%s: it is no private scope of its own",
                     ate__object_text(id, text));
}

int ate_rotate(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    int rc = touch(t, id, &facts, &c);
    if (rc)
        return rc;
    const struct ate__rule *read = ate__txn_read_rule(c, facts.control);
    if (!read || read->who != ATE__RULE_ANY_OF)
        return not_a_scope(&id);
    c->rotate = true;
    return 0;
}

/* The four rules that an object would have if nothing more was said. */
static void rules_now(const struct ate__change *c, const struct ate__control *control,
                      struct ate_rules *ret_rules)
{
    const struct ate__auth *auth = c->rules ? &c->auth : control ? &control->header.auth : NULL;
    struct ate_rule *each[ATE__RIGHTS] = {&ret_rules->read, &ret_rules->write, &ret_rules->append,
                                          &ret_rules->admin};
    *ret_rules = (struct ate_rules){.read.who = ATE_INHERIT};
    for (unsigned i = 0; auth && i < ATE__RIGHTS; i++)
        *each[i] =
            (struct ate_rule){(enum ate_who)auth->rule[i].who,
                              (const struct ate_hash *)auth->rule[i].keys, auth->rule[i].count};
}

int ate_publish(struct ate_txn *t, struct ate_id id)
{
    struct ate__object_facts facts;
    struct ate__change *c;
    struct ate_rules rules;
    int rc = touch(t, id, &facts, &c);
    if (rc)
        return rc;
    if (!ate__control_epoch(c->before.control))
        return not_a_scope(&id);
    rules_now(c, c->before.control, &rules);
    rules.read = (struct ate_rule){.who = ATE_EVERYONE};
    rc = protect(t, id, &rules, false);
    if (!rc)
        c->publish = true;
    return rc;
}

/* ---- readers ---- */

struct listing { /* one block: the entries, then the text of their labels */
    struct ate_reader *readers;
    size_t count;
    struct ate__buf labels;
    bool blind; /* the session does not read the scope */
};

static void listing_deinit(struct listing *l)
{
    ate__free(l->readers);
    ate__buf_deinit(&l->labels);
}

static int list_reader(struct ate_txn *t, const struct ate__control *control,
                       const struct ate__recipient *entry, struct listing *l)
{
    struct ate_reader *r = &l->readers[l->count++];
    size_t start = l->labels.size;
    *r = (struct ate_reader){
        .fingerprint = entry->fingerprint,
        .by_read_key = entry->method == ATE__WRAPPED_BY_READ_KEY,
        .has_ended =
            ate__trust_is_revoked(t->dio->pipe->v->trust(t->dio->pipe), &entry->fingerprint),
    };
    int rc = l->blind ? 0 : ate__label_of(&t->dio->seal, t->session, control, entry, &l->labels);
    l->blind |= rc == ATE_NO_KEY;
    if (rc == ATE_NO_KEY || rc == ATE_TAMPERED) { /* it is shown without */
        l->labels.size = start;
        rc = 0;
    }
    return rc ? rc : ate__buf_append(&l->labels, ate__bytes("", 1));
}

static int lend_listing(struct ate_txn *t, const struct listing *l, struct ate_scope *scope)
{
    size_t entries = l->count * sizeof *l->readers;
    uint8_t *block = ate__alloc(entries + l->labels.size);
    if (!block)
        return ate__no_memory();
    const char *label = memcpy(block + entries, l->labels.data, l->labels.size);
    for (size_t i = 0; i < l->count; i++) {
        l->readers[i].label = label;
        label += strlen(label) + 1;
    }
    scope->readers = memcpy(block, l->readers, entries);
    scope->reader_count = l->count;
    return ate__txn_lend(t, block);
}

static int list_readers(struct ate_txn *t, const struct ate__control *control,
                        struct ate_scope *scope)
{
    ate__cleanup(listing_deinit) struct listing l = {0};
    struct ate__recipient entry;
    int rc = 0;
    l.readers =
        ate__alloc_array(control->header.auth.rule[ATE__RIGHT_READ].count, sizeof *l.readers);
    if (!l.readers)
        return ate__no_memory();
    for (size_t at = 0; !rc && ate__recipient_next(control->header.recipients, &at, &entry);)
        rc = list_reader(t, control, &entry, &l);
    return rc ? rc : lend_listing(t, &l, scope);
}

int ate_readers(struct ate_txn *t, struct ate_id id, struct ate_scope *ret_scope)
{
    struct ate__object_facts facts;
    const struct ate__control *control;
    struct ate_scope scope = {0};
    int rc = ate__txn_read(t);
    if (!rc)
        rc = ate__txn_need(t, &id, &facts);
    if (!rc)
        rc = ate__scope_of(t->dio->pipe->v->facts(t->snapshot), &id, &scope.id, &control);
    if (rc)
        return rc;
    scope.is_private = control && ate__header_has(&control->header, ATE__TAG_EPOCH);
    scope.published = control && ate__header_has(&control->header, ATE__TAG_PUBLISHED);
    if (scope.is_private) {
        scope.epoch = control->header.epoch.epoch;
        rc = list_readers(t, control, &scope);
    }
    if (!rc)
        *ret_scope = scope;
    return rc;
}

/* ---- rules in force ---- */

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
