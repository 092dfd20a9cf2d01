/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world.h"

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static void assert_rule(const struct ate_rule *rule, enum ate_who who, size_t keys)
{
    assert_int_equal(rule->who, who);
    assert_int_equal(rule->key_count, keys);
}

static void what_an_object_sets_itself(void **state)
{
    (void)state;
    struct ate_txn *t = world_begin(&w);
    struct ate_rules own;
    struct ate_id id;
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_own_rules(t, id, &own));
    assert_rule(&own.read, ATE_INHERIT, 0);
    assert_rule(&own.admin, ATE_INHERIT, 0);
    ok(ate_txn_commit(t, NULL));

    struct ate_rules rules = {.write = world_rule(&w, 3), .append.who = ATE_EVERYONE};
    ok(ate_protect(t, id, &rules));
    ok(ate_own_rules(t, id, &own)); /* those that wait */
    assert_rule(&own.write, ATE_KEYS, 2);
    ok(ate_txn_commit(t, NULL));
    ok(ate_own_rules(t, id, &own));
    assert_rule(&own.read, ATE_INHERIT, 0);
    assert_rule(&own.write, ATE_KEYS, 2);
    assert_rule(&own.append, ATE_EVERYONE, 0);
    assert_rule(&own.admin, ATE_INHERIT, 0);

    ok(ate_own_rules(t, ate_top, &own)); /* made private to its owner when it was created */
    assert_rule(&own.read, ATE_KEYS, 1);
    struct ate_hash owner = world_key(&w, 0);
    assert_memory_equal(own.read.keys, &owner, sizeof owner);
    expect(ate_own_rules(t, (struct ate_id){{9}}, &own), ATE_NOT_FOUND);
    ate_txn_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_an_object_sets_itself, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
