/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Checks 2 to 4: the chain, the base, PREV and preconditions.
 */
#include "one_world.h"

/* ---- chain ---- */

static void a_transaction_of_another_chain(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    d->chain_id.b[0] ^= 1;
    expect(&w, d, ATE_WRONG_CHAIN, "made for the chain");
}

static void the_genesis_of_another_chain(void **state)
{
    (void)state;
    struct model empty;
    struct ate__verdict v;
    struct ate__buf body = ATE__BUF_NULL;
    model_init(&empty);
    world_genesis(&w.root, 1, WORLD_WINDOW + 1, &body);
    struct draft *d = draft_signed();
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    d->base_size = 0;
    d->base_root = model_root(0);
    assert_int_equal(ate__accept(w.t, &empty.facts, draft_tx(d), 0, w.m.now_us, &v),
                     ATE_WRONG_CHAIN);
    draft_free(d);
    ate__buf_deinit(&body);
    model_deinit(&empty);
}

/* ---- base ---- */

static void the_base_lies_within_the_window(void **state)
{
    (void)state;
    struct world far;
    world_init(&far, 2, NULL);
    for (unsigned i = 0; i < WORLD_WINDOW + 3; i++)
        plant(&far, id_of(100 + i), ate__top_id);
    for (uint64_t size = 0; size <= far.m.size + 2; size++) {
        struct draft *d = draft_new(&far);
        draft_sign(d, far.root->fingerprint);
        draft_create(d, id_of(99), ate__top_id);
        d->base_size = size;
        d->base_root = model_root(size);
        if (size > far.m.size)
            expect(&far, d, ATE_MALFORMED, "more than come before it");
        else if (far.m.size - size > WORLD_WINDOW)
            expect(&far, d, ATE_STALE, "40 between them are the most");
        else
            expect(&far, d, 0, NULL);
    }
    world_deinit(&far);
}

static void the_base_is_this_history(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    d->base_root.b[5] ^= 1;
    expect(&w, d, ATE_FORKED, "another history");
    d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    d->base_size--; /* the newest root under an older size */
    expect(&w, d, ATE_FORKED, "another history");
}

/* ---- PREV of bodies ---- */

static void a_body_replaces_the_version_that_it_names(void **state)
{
    (void)state;
    plant(&w, id_of(2), ate__top_id);
    struct ate_hash first = body_of(&w, id_of(2)), wrong = hash_of(3);
    struct draft *d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(2), .prev = &wrong});
    expect(&w, d, ATE_CONFLICT, "not the current one: changed at");

    d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(2), .prev = &first, .payload = "second"});
    commit(&w, d);
    d = draft_signed(); /* somebody else's, on the same version */
    draft_body(d, &(struct body){.id = id_of(2), .prev = &first, .payload = "late"});
    expect(&w, d, ATE_CONFLICT, "not the current one");
    d = draft_signed();
    draft_tombstone(d, id_of(2), first, false);
    expect(&w, d, ATE_CONFLICT, "not the current one");

    d = draft_signed(); /* of an object that never was */
    draft_body(d, &(struct body){.id = id_of(77), .prev = &first});
    expect(&w, d, ATE_CONFLICT, "not there");
    d = draft_signed(); /* created, and there */
    draft_create(d, id_of(2), ate__top_id);
    expect(&w, d, ATE_CONFLICT, "it is there since");
}

static void a_deleted_id_rests_for_the_window(void **state)
{
    (void)state;
    struct world old;
    world_init(&old, 3, NULL);
    plant(&old, id_of(1), ate__top_id);
    plant(&old, id_of(2), id_of(1));
    struct draft *d = draft_new(&old);
    struct ate_hash below = body_of(&old, id_of(2));
    draft_sign(d, old.root->fingerprint);
    draft_tombstone(d, id_of(1), body_of(&old, id_of(1)), true);
    uint64_t deleted = commit(&old, d);
    for (unsigned i = 0; i < WORLD_WINDOW + 2; i++) {
        /* The object itself, and what went with its subtree. */
        for (unsigned id = 1; id <= 2; id++) {
            bool rests = old.m.size - deleted <= WORLD_WINDOW;
            d = draft_new(&old);
            draft_sign(d, old.root->fingerprint);
            draft_create(d, id_of(id), ate__top_id);
            expect(&old, d, rests ? ATE_CONFLICT : 0, "its id was deleted at");
            d = draft_new(&old);
            draft_sign(d, old.root->fingerprint);
            draft_body(d, &(struct body){.id = id_of(id), .prev = &below});
            expect(&old, d, ATE_CONFLICT, "deleted at");
        }
        plant(&old, id_of(100 + i), ate__top_id);
    }
    world_deinit(&old);
}

/* ---- PREV of control events ---- */

static void a_control_event_replaces_the_one_in_force(void **state)
{
    (void)state;
    struct ate_hash wrong = hash_of(9);
    struct control c = {.id = id_of(3), .auth = auth_write(rule_who(&w, 1))};
    plant(&w, id_of(3), ate__top_id);
    struct draft *d = draft_signed();
    c.prev = &wrong;
    draft_control(d, &c);
    expect(&w, d, ATE_CONFLICT, "none is");

    rule(&w, id_of(3), auth_of(rule_inherit, rule_inherit, rule_inherit, rule_inherit));
    struct ate_hash first = control_of(&w, id_of(3))->hash;
    rule(&w, id_of(3), auth_write(rule_inherit));
    struct ate_hash now = control_of(&w, id_of(3))->hash;
    const struct ate_hash *prevs[] = {NULL, &first, &wrong, &now};
    for (size_t i = 0; i < ATE__COUNT_OF(prevs); i++) {
        c.prev = prevs[i];
        d = draft_signed();
        draft_control(d, &c);
        expect(&w, d, prevs[i] == &now ? 0 : ATE_CONFLICT, "another one is");
    }
}

static void a_control_event_needs_its_object(void **state)
{
    (void)state;
    struct control c = {.id = id_of(4), .auth = auth_write(rule_who(&w, 1))};
    struct ate_hash wrong = hash_of(9);
    struct draft *d = draft_signed();
    draft_control(d, &c);
    expect(&w, d, ATE_CONFLICT, "what does not live: not there");
    d = draft_signed(); /* together with it */
    draft_control(d, &c);
    draft_create(d, id_of(4), ate__top_id);
    expect(&w, d, 0, NULL);
    c.prev = &wrong;
    d = draft_signed();
    draft_create(d, id_of(4), ate__top_id);
    draft_control(d, &c);
    expect(&w, d, ATE_CONFLICT, "none is");

    c.prev = NULL;
    plant(&w, id_of(4), ate__top_id);
    rule(&w, id_of(4), auth_write(rule_inherit));
    struct ate_hash before = control_of(&w, id_of(4))->hash;
    d = draft_signed();
    draft_tombstone(d, id_of(4), body_of(&w, id_of(4)), false);
    commit(&w, d);
    c.prev = &before;
    d = draft_signed();
    draft_control(d, &c);
    expect(&w, d, ATE_CONFLICT, "what does not live: deleted at");
}

/* A tombstone ends both lines: a view that still knows the old control event does no harm. */
static void the_rules_of_a_deleted_object_are_not_inherited_by_its_id(void **state)
{
    (void)state;
    struct world old;
    world_init(&old, 4, NULL);
    plant(&old, id_of(1), ate__top_id);
    rule(&old, id_of(1), auth_write(rule_everyone));
    struct ate__control *stale =
        ate__control_ref(model_find(&old.m, &(struct ate_id){{0xa0, 0, 0, 0, 1, 1}})->control);
    struct draft *d = draft_new(&old);
    draft_tombstone(d, id_of(1), body_of(&old, id_of(1)), false);
    commit(&old, d);
    for (unsigned i = 0; i <= WORLD_WINDOW; i++)
        plant(&old, id_of(100 + i), ate__top_id);
    struct ate_id id = id_of(1);
    model_find(&old.m, &id)->control = stale;
    d = draft_new(&old);
    draft_create(d, id_of(1), ate__top_id);
    draft_control(d, &(struct control){.id = id_of(1), .auth = auth_write(rule_who(&old, 1))});
    draft_sign(d, old.root->fingerprint);
    expect(&old, d, 0, NULL); /* without PREV: no control event is in force */
    world_deinit(&old);
}

/* ---- preconditions ---- */

static void current(void **state)
{
    (void)state;
    struct ate_hash now = body_of(&w, id_of(1)), wrong = hash_of(9);
    struct draft *d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_CURRENT, id_of(1), &now);
    expect(&w, d, 0, NULL);
    d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_CURRENT, id_of(1), &wrong);
    expect(&w, d, ATE_CONFLICT, "as it was seen: changed at");
    d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_CURRENT, id_of(88), &now);
    expect(&w, d, ATE_CONFLICT, "as it was seen: not there");
    plant(&w, id_of(11), ate__top_id); /* deleted, in its last version */
    struct ate_hash last = body_of(&w, id_of(11));
    d = draft_signed();
    draft_tombstone(d, id_of(11), last, false);
    commit(&w, d);
    d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_CURRENT, id_of(11), &last);
    expect(&w, d, ATE_CONFLICT, "as it was seen: deleted at");
    d = draft_signed(); /* of what the transaction itself makes: the state before counts */
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_CURRENT, id_of(10), &now);
    expect(&w, d, ATE_CONFLICT, "not there");
}

static void absent(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_ABSENT, id_of(88), NULL);
    draft_require(d, ATE__IS_ABSENT, id_of(10), NULL);
    expect(&w, d, 0, NULL);
    d = draft_signed();
    draft_create(d, id_of(10), ate__top_id);
    draft_require(d, ATE__IS_ABSENT, id_of(1), NULL);
    expect(&w, d, ATE_CONFLICT, "was to be absent, and is there since 1");
}

static void tag_free(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct ate_hash tag = {"notes"};
    struct draft *d = draft_signed();
    draft_body(d, &(struct body){.id = id_of(20), .tag = "notes"});
    uint64_t sequence = commit(&w, d);
    for (int taken = 0; taken < 2; taken++) {
        d = draft_signed();
        draft_create(d, id_of(10), ate__top_id);
        draft_require(d, ATE__TAG_FREE, taken ? ate__top_id : id_of(1), &tag);
        assert_int_equal(judge(&w, d, &v), taken ? ATE_CONFLICT : 0);
        if (taken) {
            struct ate_id holder = id_of(20);
            assert_int_equal(v.conflict_count, 1);
            assert_true(ate__id_equal(&v.conflicts[0].id, &holder));
            assert_int_equal(v.conflicts[0].sequence, sequence);
        }
        draft_free(d);
    }
}

/* Each of many preconditions is looked at, whatever its kind and place. */
static void every_precondition_counts(void **state)
{
    (void)state;
    struct ate_hash now = body_of(&w, id_of(1)), wrong = hash_of(9), free_tag = {"free"};
    for (unsigned bad = 0; bad <= 30; bad++) {
        struct draft *d = draft_signed();
        draft_create(d, id_of(10), ate__top_id);
        for (unsigned i = 0; i < 30; i++) {
            if (i % 3 == 0)
                draft_require(d, ATE__IS_CURRENT, i == bad ? id_of(500 + i) : id_of(1),
                              i == bad ? &wrong : &now);
            else if (i % 3 == 1)
                draft_require(d, ATE__IS_ABSENT, i == bad ? id_of(1) : id_of(600 + i), NULL);
            else
                draft_require(d, ATE__TAG_FREE, i == bad ? ate__top_id : id_of(700 + i),
                              i == bad ? &(struct ate_hash){"notes"} : &free_tag);
        }
        expect(&w, d, bad < 30 ? ATE_CONFLICT : 0, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_of_another_chain),
        cmocka_unit_test(the_genesis_of_another_chain),
        cmocka_unit_test(the_base_lies_within_the_window),
        cmocka_unit_test(the_base_is_this_history),
        cmocka_unit_test(a_body_replaces_the_version_that_it_names),
        cmocka_unit_test(a_deleted_id_rests_for_the_window),
        cmocka_unit_test(a_control_event_replaces_the_one_in_force),
        cmocka_unit_test(a_control_event_needs_its_object),
        cmocka_unit_test(the_rules_of_a_deleted_object_are_not_inherited_by_its_id),
        cmocka_unit_test(current),
        cmocka_unit_test(absent),
        cmocka_unit_test(tag_free),
        cmocka_unit_test(every_precondition_counts),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
