/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Who holds a right: random trees of random rules, against docs/format/trust.md, 6, written
 * down as recursion; scopes and namers alike; and the questions' edges.
 */
#include "world.h"
#include "trust/authority.h"

enum { TREES = 60, OBJECTS = 24, KEYS = 4, QUESTIONS = 200 };

/* ---- the text, as it stands ---- */

static const struct ate__rule *naive_rule(const struct model *m, const struct model_object *o,
                                          enum ate__right right)
{
    const struct ate__rule *rules = o->control ? o->control->header.auth.rule : NULL;
    if (rules && rules[right].who != ATE__RULE_INHERIT)
        return &rules[right];
    if (rules && right >= ATE__RIGHT_APPEND && rules[ATE__RIGHT_WRITE].who != ATE__RULE_INHERIT)
        return &rules[ATE__RIGHT_WRITE];
    if (ate__is_top(&o->id))
        return right == ATE__RIGHT_READ ? &rule_everyone : NULL;
    return naive_rule(m, model_find(m, &o->parent), right);
}

static bool naive_holds(struct world *w, const struct ate__rule *rule, const struct ate_hash *keys,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool root = ate__hash_equal(&keys[i], &w->root->fingerprint);
        if (rule ? ate__rule_has(rule, &keys[i]) : root)
            return true;
    }
    return rule && rule->who == ATE__RULE_EVERYONE;
}

static bool naive_deletes(struct world *w, const struct model_object *o,
                          const struct ate_hash *keys, size_t count)
{
    if (naive_holds(w, naive_rule(&w->m, o, ATE__RIGHT_WRITE), keys, count))
        return true;
    return !ate__is_top(&o->id) && naive_deletes(w, model_find(&w->m, &o->parent), keys, count);
}

/* The nearest from here upwards whose control event has it; NULL: none. */
static const struct ate__control *naive_nearest(const struct model *m, const struct model_object *o,
                                                bool name_key)
{
    const struct ate__control *c = o->control;
    if (c && (name_key ? ate__header_has(&c->header, ATE__TAG_NAMEKEY)
                       : c->header.auth.rule[ATE__RIGHT_READ].who != ATE__RULE_INHERIT))
        return c;
    return ate__is_top(&o->id) ? NULL : naive_nearest(m, model_find(m, &o->parent), name_key);
}

/* ---- trees ---- */

static struct ate__rule random_rule(struct world *w, struct rnd *r)
{
    struct ate_hash keys[KEYS + 1];
    uint32_t count = 0;
    switch (rnd_below(r, 5)) {
    case 0: return rule_everyone;
    case 1: return rule_nobody;
    case 2:
        for (unsigned i = 0; i < KEYS; i++)
            if (rnd_below(r, 2))
                keys[count++] = who(i);
        if (rnd_below(r, 3) == 0)
            keys[count++] = w->root->fingerprint;
        return count ? rule_of(w, keys, count) : rule_nobody;
    default: return rule_inherit;
    }
}

static void random_tree(struct world *w, struct rnd *r)
{
    struct draft *d = draft_new(w);
    for (unsigned i = 1; i <= OBJECTS; i++) {
        unsigned above = (unsigned)rnd_below(r, i);
        draft_create(d, id_of(i), above ? id_of(above) : ate__top_id);
    }
    for (unsigned i = 0; i <= OBJECTS; i++) {
        struct control c = {.id = i ? id_of(i) : ate__top_id};
        if (rnd_below(r, 2))
            continue;
        for (int right = 0; right < ATE__RIGHTS; right++)
            c.auth.rule[right] = random_rule(w, r);
        if (c.auth.rule[ATE__RIGHT_READ].who == ATE__RULE_ANY_OF)
            c.epoch_id = 1 + i;
        draft_control(d, &c);
    }
    force(w, d);
}

static size_t random_keys(struct world *w, struct rnd *r, struct ate_hash keys[KEYS + 1])
{
    size_t count = 0;
    for (unsigned i = 0; i < KEYS; i++)
        if (rnd_below(r, 3) == 0)
            keys[count++] = who(i);
    if (rnd_below(r, 4) == 0)
        keys[count++] = w->root->fingerprint;
    return count;
}

static void compare_nearest(struct world *w, const struct model_object *o)
{
    struct ate_id at;
    const struct ate__control *c, *expected = naive_nearest(&w->m, o, false);
    assert_int_equal(ate__scope_of(&w->m.facts, &o->id, &at, &c), 0);
    assert_ptr_equal(c, expected);
    assert_true(ate__id_equal(&at, expected ? &expected->object : &ate__top_id));
    expected = naive_nearest(&w->m, o, true);
    assert_int_equal(ate__namer_of(&w->m.facts, &o->id, &at, &c), 0);
    assert_ptr_equal(c, expected);
    assert_true(ate__id_equal(&at, expected ? &expected->object : &ate__top_id));
}

/* The same for deleting. */
static int may_delete(struct world *w, const struct ate_id *id, const struct ate_hash *keys,
                      size_t count)
{
    struct ate__signers signers = {w->t, keys, count};
    uint32_t admitted;
    int rc = ate__deleter_admits(&w->m.facts, id, &signers, count & 1, &admitted);
    return rc || admitted ? rc : ATE_DENIED;
}

static void random_trees_against_the_text(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(5));
    for (int tree = 0; tree < TREES; tree++) {
        struct world w;
        world_init(&w, 5, NULL);
        random_tree(&w, &r);
        for (int i = 0; i < QUESTIONS; i++) {
            struct ate_hash keys[KEYS + 1];
            size_t count = random_keys(&w, &r, keys);
            const struct model_object *o = &w.m.objects[rnd_below(&r, w.m.count)];
            enum ate__right right = (enum ate__right)rnd_below(&r, ATE__RIGHTS);
            bool holds = naive_holds(&w, naive_rule(&w.m, o, right), keys, count);
            assert_int_equal(ate__may(w.t, &w.m.facts, &o->id, right, keys, count),
                             holds ? 0 : ATE_DENIED);
            holds = naive_deletes(&w, o, keys, count);
            assert_int_equal(may_delete(&w, &o->id, keys, count), holds ? 0 : ATE_DENIED);
            compare_nearest(&w, o);
        }
        world_deinit(&w);
    }
}

/* What acceptance says to one change of the same trees, by the same keys. */
static void acceptance_agrees_with_the_questions(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(6));
    for (int tree = 0; tree < TREES; tree++) {
        struct world w;
        world_init(&w, 6, NULL);
        random_tree(&w, &r);
        for (int i = 0; i < 50; i++) {
            struct ate_hash keys[KEYS + 1];
            size_t count = random_keys(&w, &r, keys);
            const struct model_object *o = &w.m.objects[1 + rnd_below(&r, w.m.count - 1)];
            struct ate__verdict v;
            struct draft *d = draft_new(&w);
            unsigned what = (unsigned)rnd_below(&r, 4);
            struct ate_hash control = o->control ? o->control->hash : hash_of(0);
            if (what == 0)
                draft_create(d, id_of(99), o->id);
            if (what == 1)
                draft_body(d, &(struct body){.id = o->id,
                                             .parent = o->parent,
                                             .collection = o->collection,
                                             .prev = &o->body});
            if (what == 2)
                draft_tombstone(d, o->id, o->body, true);
            if (what == 3)
                draft_control(d,
                              &(struct control){.id = o->id, .prev = o->control ? &control : NULL});
            for (size_t k = 0; k < count; k++)
                draft_sign(d, keys[k]);
            static const enum ate__right rights[] = {ATE__RIGHT_APPEND, ATE__RIGHT_WRITE, 0,
                                                     ATE__RIGHT_ADMIN};
            int may = what == 2 ? may_delete(&w, &o->id, keys, count)
                                : ate__may(w.t, &w.m.facts, &o->id, rights[what], keys, count);
            assert_int_equal(judge(&w, d, &v) == ATE_DENIED, may == ATE_DENIED);
            draft_free(d);
        }
        world_deinit(&w);
    }
}

/* ---- edges ---- */

static void questions_about_what_is_not_there(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id = id_of(1), at;
    const struct ate__control *c;
    struct ate_hash key = who(1);
    world_init(&w, 7, NULL);
    assert_int_equal(ate__scope_of(&w.m.facts, &id, &at, &c), ATE_NOT_FOUND);
    assert_int_equal(ate__namer_of(&w.m.facts, &id, &at, &c), ATE_NOT_FOUND);
    assert_int_equal(ate__may(w.t, &w.m.facts, &id, ATE__RIGHT_READ, &key, 1), ATE_NOT_FOUND);
    assert_int_equal(may_delete(&w, &id, &key, 1), ATE_NOT_FOUND);
    w.m.fail = ATE_E_IO;
    assert_int_equal(ate__may(w.t, &w.m.facts, &id, ATE__RIGHT_READ, &key, 1), ATE_E_IO);
    w.m.fail = 0;
    assert_int_equal(ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_READ, NULL, 0), 0);
    world_deinit(&w);
}

/* Facts that break their own promise, here by a cycle, end the walk all the same. */
static void walks_end(void **state)
{
    (void)state;
    struct world w;
    struct ate_hash key = who(1);
    world_init(&w, 8, NULL);
    for (unsigned length = 1; length <= 3; length++) {
        struct draft *d = draft_new(&w);
        for (unsigned i = 0; i < length; i++)
            draft_create(d, id_of(10 * length + i), ate__top_id);
        force(&w, d);
        for (unsigned i = 0; i < length; i++) {
            struct ate_id id = id_of(10 * length + i);
            model_find(&w.m, &id)->parent = id_of(10 * length + (i + 1) % length);
        }
        struct ate_id id = id_of(10 * length), at;
        const struct ate__control *c;
        assert_int_equal(ate__may(w.t, &w.m.facts, &id, ATE__RIGHT_WRITE, &key, 1), ATE_TOO_BIG);
        assert_int_equal(may_delete(&w, &id, &key, 1), ATE_TOO_BIG);
        assert_int_equal(ate__scope_of(&w.m.facts, &id, &at, &c), ATE_TOO_BIG);
        assert_int_equal(ate__namer_of(&w.m.facts, &id, &at, &c), ATE_TOO_BIG);
    }
    world_deinit(&w);
}

static void revoked_keys_hold_nothing(void **state)
{
    (void)state;
    struct world w;
    struct ate_hash key = who(1);
    world_init(&w, 9, NULL);
    rule(&w, ate__top_id, auth_write(rule_who(&w, 1)));
    assert_int_equal(ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_WRITE, &key, 1), 0);
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&key, sizeof key));
    draft_sign(d, key);
    commit(&w, d);
    assert_int_equal(ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_WRITE, &key, 1),
                     ATE_DENIED);
    assert_non_null(strstr(ate__error_text(), ", which was revoked"));
    assert_int_equal(ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_READ, &key, 1), 0);
    world_deinit(&w);
}

/* More keys than a transaction has signatures: any of them may be the one. */
static void many_keys(void **state)
{
    (void)state;
    struct world w;
    struct ate_hash keys[ATE__TX_SIGNATURES_MAX + 4];
    world_init(&w, 10, NULL);
    rule(&w, ate__top_id, auth_write(rule_who(&w, 1)));
    for (unsigned i = 0; i < ATE__COUNT_OF(keys); i++)
        keys[i] = who(100 + i);
    assert_int_equal(
        ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_WRITE, keys, ATE__COUNT_OF(keys)),
        ATE_DENIED);
    keys[ATE__COUNT_OF(keys) - 1] = who(1);
    assert_int_equal(
        ate__may(w.t, &w.m.facts, &ate__top_id, ATE__RIGHT_WRITE, keys, ATE__COUNT_OF(keys)), 0);
    world_deinit(&w);
}

static void sentences(void **state)
{
    (void)state;
    struct world w;
    struct ate_hash three[] = {who(1), who(2), who(3)}, key = who(9);
    char text[ATE__HASH_TEXT], expected[512];
    struct ate_id id = id_of(1);
    world_init(&w, 11, NULL);
    plant(&w, id_of(1), ate__top_id);
    assert_int_equal(ate__may(w.t, &w.m.facts, &id, ATE__RIGHT_ADMIN, &key, 1), ATE_DENIED);
    snprintf(expected, sizeof expected,
             "object a0000000010100000000000000000000: admin is held by "
             "the root keys, signed by %s",
             ate__hash_text(&key, text));
    assert_string_equal(ate__error_text(), expected);
    rule(&w, ate__top_id, auth_write(rule_of(&w, three, 3)));
    assert_int_equal(ate__may(w.t, &w.m.facts, &id, ATE__RIGHT_APPEND, three, 0), ATE_DENIED);
    snprintf(expected, sizeof expected,
             "object a0000000010100000000000000000000: append (set at "
             "the top of the chain) is held by %s and 2 more, signed by nobody",
             ate__hash_text(&three[0], text));
    assert_string_equal(ate__error_text(), expected);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trees_against_the_text),
        cmocka_unit_test(acceptance_agrees_with_the_questions),
        cmocka_unit_test(questions_about_what_is_not_there),
        cmocka_unit_test(walks_end),
        cmocka_unit_test(revoked_keys_hold_nothing),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
