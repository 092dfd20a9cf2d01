/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The nodes of one acceptance, few and many, and its refusals.
 */
#include "world.h"
#include "trust/judge.h"

static void nodes(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 8, 9, 500};
    for (size_t c = 0; c < ATE__COUNT_OF(counts); c++) {
        struct world w;
        struct ate__judge j;
        struct ate__verdict v = {.result = 0};
        world_init(&w, 1, NULL);
        struct draft *d = draft_new(&w);
        for (unsigned i = 0; i < counts[c]; i++)
            draft_create(d, id_of(i), id_of(1000 + i));
        assert_int_equal(ate__judge_init(&j, w.t, &w.m.facts, draft_tx(d), w.m.size, &v), 0);
        assert_true(ate__is_top(&ate__node_top(&j)->id));
        for (unsigned i = 0; i < counts[c]; i++) {
            struct ate__node *object, *parent, *again;
            struct ate_id id = id_of(i), above = id_of(1000 + i);
            assert_null(ate__node_find(&j, &id));
            assert_int_equal(ate__node_of(&j, &id, &object), 0);
            assert_int_equal(ate__node_of(&j, &above, &parent), 0);
            assert_ptr_not_equal(object, parent);
            assert_int_equal(object->body, ATE__NO_EVENT);
            assert_int_equal(ate__node_of(&j, &id, &again), 0);
            assert_ptr_equal(object, again);
            assert_ptr_equal(ate__node_find(&j, &above), parent);
        }
        assert_int_equal(j.node_count, 1 + 2 * counts[c]);
        ate__judge_deinit(&j);
        draft_free(d);
        world_deinit(&w);
    }
}

static void the_first_refusal_gives_the_sentence(void **state)
{
    (void)state;
    struct world w;
    struct ate__judge j;
    struct ate__verdict v = {.result = 0};
    struct ate_id one = id_of(1), two = id_of(2);
    world_init(&w, 2, NULL);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    assert_int_equal(ate__judge_init(&j, w.t, &w.m.facts, draft_tx(d), w.m.size, &v), 0);
    ate__refuse(&j, ATE_CONFLICT, &one, 5, "first %d", 1);
    ate__refuse(&j, ATE_DENIED, &two, 6, "second");
    ate__refuse(&j, ATE_DENIED, &one, 7, "third");
    ate__refuse(&j, ATE_DENIED, NULL, 0, "fourth");
    assert_int_equal(j.result, ATE_CONFLICT);
    assert_string_equal(j.text, "first 1");
    assert_int_equal(v.conflict_count, 2);
    assert_int_equal(v.conflicts[0].why, ATE_CONFLICT);
    assert_int_equal(v.conflicts[0].sequence, 5);
    assert_int_equal(v.conflicts[1].why, ATE_DENIED);
    ate__judge_deinit(&j);
    draft_free(d);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes),
        cmocka_unit_test(the_first_refusal_gives_the_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
