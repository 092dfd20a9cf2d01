/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Control events in force: what they copy, hold and release.
 */
#include "world.h"
#include "lib/heap.h"

static void it_lives_without_its_event(void **state)
{
    (void)state;
    struct world w = {.number = 0};
    struct ate__control *c;
    struct draft *d = draft_new(&w);
    struct ate_hash key = who(4), prev = hash_of(3);
    struct control spec = {.id = id_of(7),
                           .prev = &prev,
                           .auth =
                               auth_of(rule_who(&w, 4), rule_nobody, rule_inherit, rule_everyone),
                           .epoch_id = 5};
    draft_control(d, &spec);
    const struct ate__event *e = &draft_tx(d)->events[0];
    struct ate_hash hash = e->hash;
    assert_int_equal(ate__control_new(e, 12, NULL, &c), 0);
    draft_free(d);
    struct ate_id id = id_of(7);
    assert_true(ate__id_equal(&c->object, &id));
    assert_true(ate__hash_equal(&c->hash, &hash));
    assert_int_equal(c->sequence, 12);
    assert_true(ate__rule_has(&c->header.auth.rule[ATE__RIGHT_READ], &key));
    assert_int_equal(c->header.auth.rule[ATE__RIGHT_WRITE].who, ATE__RULE_NOBODY);
    assert_true(ate__header_has(&c->header, ATE__TAG_EPOCH));
    assert_null(c->older);
    ate__control_unref(c);
    world_deinit(&w);
}

/* A row of a hundred thousand goes without a deep stack, and only when nobody holds it. */
static void a_long_row_is_released(void **state)
{
    (void)state;
    struct world w = {.number = 0};
    struct draft *d = draft_new(&w);
    draft_control(d, &(struct control){.id = id_of(1)});
    const struct ate__event *e = &draft_tx(d)->events[0];
    struct ate__control *row = NULL, *middle = NULL;
    heap_start();
    for (unsigned i = 0; i < 100000; i++) {
        struct ate__control *c;
        assert_int_equal(ate__control_new(e, i, row, &c), 0);
        ate__control_unref(row); /* the new one holds it */
        row = c;
        if (i == 50000)
            middle = ate__control_ref(c);
    }
    ate__control_unref(row);
    assert_int_equal(heap_blocks(), 2 * 50001);
    assert_int_equal(middle->sequence, 50000);
    assert_int_equal(middle->older->sequence, 49999);
    ate__control_unref(middle);
    heap_stop();
    assert_null(ate__control_ref(NULL));
    ate__control_unref(NULL);
    draft_free(d);
    world_deinit(&w);
}

static void rules_by_right(void **state)
{
    (void)state;
    struct world w = {.number = 0};
    struct ate__rule rules[] = {rule_inherit, rule_everyone, rule_nobody, rule_who(&w, 1)};
    for (unsigned i = 0; i < 256; i++) {
        struct ate__auth auth =
            auth_of(rules[i & 3], rules[i >> 2 & 3], rules[i >> 4 & 3], rules[i >> 6]);
        for (int right = 0; right < ATE__RIGHTS; right++) {
            bool own = auth.rule[right].who != ATE__RULE_INHERIT;
            bool by_write =
                right >= ATE__RIGHT_APPEND && auth.rule[ATE__RIGHT_WRITE].who != ATE__RULE_INHERIT;
            const struct ate__rule *expected = own        ? &auth.rule[right]
                                               : by_write ? &auth.rule[ATE__RIGHT_WRITE]
                                                          : NULL;
            assert_ptr_equal(ate__auth_rule(&auth, (enum ate__right)right), expected);
        }
    }
    assert_null(ate__control_rule(NULL, ATE__RIGHT_READ));
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lives_without_its_event),
        cmocka_unit_test(a_long_row_is_released),
        cmocka_unit_test(rules_by_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
