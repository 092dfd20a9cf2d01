/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Thin snapshots that move on over their own client's commits.
 */
#include "base/err.h"
#include "thin_world.h"

/* A snapshot of the family when it had `size` transactions, and object 2 was read. */
static void begin_at(struct thin_world *w, uint64_t size)
{
    struct ate__object_facts f;
    thin_init(w, thin_family());
    w->size = size;
    must(thin_object(w, 2, &f));
}

/* The next transactions up to `size` are this client's, and it has got the answer to the last. */
static void commit_to(struct thin_world *w, uint64_t size)
{
    uint64_t before;
    struct ate_hash root;
    ate__thin_head(w->s, &before, &root);
    for (uint64_t i = before; i < size; i++)
        ate__thin_own_note(&w->chain.own, &w->past->tx[i], i);
    struct ate__receipt receipt = thin_receipt(w, size);
    w->size = w->size < size ? size : w->size;
    must(ate__thin_committed(w->s, &receipt));
}

static uint64_t size_of_head(struct thin_world *w)
{
    uint64_t size;
    struct ate_hash root;
    ate__thin_head(w->s, &size, &root);
    return size;
}

/* What the commit did not change is known on; what it did is asked for. */
static void test_carried(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_id id, three = id_of(3);
    begin_at(&w, 3);
    assert_int_equal(thin_holder(&w, 2, "three", &id), ATE_NOT_FOUND);
    must(thin_object(&w, 3, &f));
    assert_false(f.live);
    assert_int_equal(w.asked, 3);
    commit_to(&w, 4); /* object 3 was created */
    assert_int_equal(size_of_head(&w), 4);
    must(thin_object(&w, 2, &f));
    must(thin_object(&w, 1, &f));
    assert_non_null(f.control);
    must(thin_object(&w, 0, &f));
    must(thin_holder(&w, 1, "two", &id));
    assert_int_equal(w.asked, 3);
    must(thin_holder(&w, 2, "three", &id));
    assert_memory_equal(&id, &three, sizeof id);
    assert_int_equal(w.asked, 4);
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 3);

    commit_to(&w, 5); /* object 3 was changed */
    must(thin_object(&w, 2, &f));
    assert_int_equal(w.asked, 4);
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 4);
    assert_int_equal(w.asked, 5);
    thin_deinit(&w);
}

/* Several at once; and lists are asked for again. */
static void test_carried_far(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    begin_at(&w, 3);
    assert_int_equal(thin_next(&w, 2, &at, &id), ATE_END);
    commit_to(&w, 6);
    must(thin_object(&w, 2, &f));
    assert_int_equal(w.asked, 2);
    at = 0;
    must(thin_next(&w, 2, &at, &id));
    assert_int_equal(w.asked, 3);
    thin_deinit(&w);
}

static void expect_anew(struct thin_world *w, uint64_t size)
{
    struct ate__object_facts f;
    unsigned asked = w->asked;
    must(thin_object(w, 2, &f));
    assert_int_equal(w->asked, asked + 1);
    assert_int_equal(size_of_head(w), size);
}

/* Where another's transaction lies between, or a commit changed more than bodies, or an object
 * that lies above others, all is asked for anew. */
static void test_not_carried(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    begin_at(&w, 3);
    struct ate__receipt receipt = thin_receipt(&w, 5);
    w.size = 5;
    ate__thin_own_note(&w.chain.own, &w.past->tx[4], 4); /* 3 was another's */
    must(ate__thin_committed(w.s, &receipt));
    expect_anew(&w, 5);
    must(ate__thin_refresh(w.s));
    receipt = thin_receipt(&w, 6);
    w.size = 6;
    ate__thin_own_note(&w.chain.own, &w.past->tx[5], 5);
    must(ate__thin_committed(w.s, &receipt)); /* it had no head */
    expect_anew(&w, 6);
    thin_deinit(&w);

    struct past *past = thin_family();
    past_rule(past, ROOT, 4, ROOT, ALICE);
    past_change(past, BOB, 2, 1, "two", "two again");
    thin_init(&w, past);
    w.size = 6;
    must(thin_object(&w, 2, &f));
    commit_to(&w, 7); /* a rule */
    expect_anew(&w, 7);
    must(thin_object(&w, 3, &f));
    commit_to(&w, 8); /* of object 2, above 3 */
    expect_anew(&w, 8);
    assert_int_equal(f.sequence, 4);
    thin_deinit(&w);
}

/* The state was never asked for while the server had it: the newest one is taken for it where what
 * was told is the same there. */
static void test_carried_too_late(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    begin_at(&w, 3);
    must(thin_object(&w, 1, &f));
    const struct ate__control *lent = f.control;
    struct ate_hash hash = lent->hash;
    commit_to(&w, 4);
    must(thin_object(&w, 1, &f));
    w.size = 6;
    w.no_snapshots_before = 6;
    unsigned asked = w.asked;
    must(thin_next(&w, 0, &at, &id));
    assert_int_equal(w.asked, asked + 4); /* there, newest, what was told, then */
    assert_int_equal(size_of_head(&w), 6);
    must(thin_object(&w, 1, &f));
    assert_int_equal(w.asked, asked + 4);
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 4);
    assert_memory_equal(&lent->hash, &hash, sizeof hash);
    thin_deinit(&w);

    begin_at(&w, 3); /* nothing was told */
    commit_to(&w, 4);
    w.size = 6;
    w.no_snapshots_before = 6;
    must(thin_object(&w, 3, &f));
    assert_int_equal(f.sequence, 4);
    thin_deinit(&w);
}

/* What was told is another now, or the head was told: STALE, and a refresh mends it. */
static void test_carried_stale(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    struct past *past = thin_family();
    past_change(past, BOB, 2, 1, "two", "two again");
    thin_init(&w, past);
    w.size = 3;
    must(thin_object(&w, 2, &f));
    commit_to(&w, 4);
    must(thin_object(&w, 2, &f));
    w.size = past->size;
    w.no_snapshots_before = past->size;
    assert_int_equal(thin_object(&w, 3, &f), ATE_STALE);
    assert_string_equal(ate__error_text(), "not kept");
    must(thin_object(&w, 2, &f)); /* what is known is known */
    assert_int_equal(f.sequence, 2);
    must(ate__thin_refresh(w.s));
    must(thin_object(&w, 3, &f));
    thin_deinit(&w);

    begin_at(&w, 3);
    commit_to(&w, 4);
    assert_int_equal(size_of_head(&w), 4);
    w.size = 6;
    w.no_snapshots_before = 6;
    assert_int_equal(thin_object(&w, 3, &f), ATE_STALE);
    must(ate__thin_refresh(w.s));
    must(thin_object(&w, 3, &f));
    thin_deinit(&w);
}

/* A server that shows what was told otherwise at the newest size is caught as ever. */
static void hide_rules(struct past_answer *a)
{
    for (uint32_t i = 0; i < a->show_count; i++)
        if (a->show[i].sequence == 1)
            a->show[i].hidden = true;
}

static void test_carried_twisted(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__object_facts f;
    begin_at(&w, 3);
    commit_to(&w, 4);
    must(thin_object(&w, 1, &f));
    w.size = 6;
    w.no_snapshots_before = 6;
    w.twist = hide_rules;
    assert_int_equal(thin_object(&w, 4, &f), ATE_BAD_PEER);
    assert_int_equal(w.condemned, ATE_BAD_PEER);
    w.twist = NULL;
    thin_deinit(&w);
}

/* The notes: a fixed number, the newest stay. */
static void test_own_notes(void **state)
{
    (void)state;
    struct thin_world w;
    struct ate__map touched;
    struct ate__thin_own own;
    struct ate_id three = id_of(3);
    thin_init(&w, thin_family());
    ate__thin_own_init(&own);
    ate__map_init(&touched, sizeof(struct ate_id), (const uint64_t[2]){1, 2});
    ate__thin_own_note(&own, &w.past->tx[3], 3);
    assert_true(ate__thin_own_touched(&own, 3, 4, &touched));
    assert_true(ate__map_get(&touched, &three, NULL));
    assert_int_equal(touched.count, 1);
    assert_false(ate__thin_own_touched(&own, 3, 5, &touched));
    assert_false(ate__thin_own_touched(&own, 2, 4, &touched));
    ate__thin_own_note(&own, &w.past->tx[4], 3 + ATE__OWN_NOTES);
    assert_false(ate__thin_own_touched(&own, 3, 4, &touched));
    ate__thin_own_note(&own, &w.past->tx[3], 3); /* an answer that comes late */
    assert_false(ate__thin_own_touched(&own, 3, 4, &touched));
    assert_true(ate__thin_own_touched(&own, 3 + ATE__OWN_NOTES, 4 + ATE__OWN_NOTES, &touched));
    assert_false(ate__thin_own_touched(&own, 0, UINT64_MAX, &touched));
    ate__thin_own_note(&own, &w.past->tx[1], 70); /* it has rules */
    assert_false(ate__thin_own_touched(&own, 70, 71, &touched));
    ate__map_deinit(&touched);
    ate__thin_own_deinit(&own);
    thin_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carried),       cmocka_unit_test(test_carried_far),
        cmocka_unit_test(test_not_carried),   cmocka_unit_test(test_carried_too_late),
        cmocka_unit_test(test_carried_stale), cmocka_unit_test(test_carried_twisted),
        cmocka_unit_test(test_own_notes),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
