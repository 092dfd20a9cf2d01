/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Changes: what a call that fails leaves behind, deletions and moves that meet, rules and moves in
 * one transaction, preconditions.
 */
#include "world.h"

static struct world w;

/* A call that was refused changes nothing: what is committed then is what was there before it. */
static void refused_calls_leave_nothing(void **state)
{
    (void)state;
    struct ate_id id, missing = {{1, 2, 3}};
    char name[300];
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    expect(ate_put_as(t, note, ate_top, name, NOTE("x", 1), &id), ATE_MALFORMED);
    expect(ate_put_as(t, note, ate_top, "a/b", NOTE("x", 1), &id), ATE_MALFORMED);
    expect(ate_push(t, note, missing, NOTE("x", 1), &id), ATE_NOT_FOUND);
    expect(ate_delete(t, missing, 0), ATE_NOT_FOUND);
    uint64_t size = world_size(&w);
    ok(ate_txn_commit(t, NULL)); /* nothing to commit */
    assert_true(world_size(&w) == size);
    ok(ate_put_as(t, note, ate_top, "a", NOTE("x", 1), &id));
    expect(ate_move(t, id, missing, "b"), ATE_NOT_FOUND);
    expect(ate_move(t, id, id, "b"), ATE_MISUSE);
    expect(ate_move(t, id, ate_top, "a/b"), ATE_MALFORMED);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_named(t, ate_top, "a"), 1);
    ate_txn_end(t);
    world_deinit(&w);
}

static void ids_are_used_once(void **state)
{
    (void)state;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_delete(t, id, 0));
    assert_int_equal(note_at(t, id), -ATE_NOT_FOUND);
    expect(ate_put(t, note, id, NOTE("y", 2)), ATE_EXISTS); /* never lost without a word */
    ok(ate_txn_commit(t, NULL));
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, id, 0));
    expect(ate_put(t, note, id, NOTE("y", 2)), ATE_EXISTS);
    ok(ate_txn_commit(t, NULL));
    expect(ate_put(t, note, id, NOTE("y", 2)), ATE_EXISTS);
    ate_txn_end(t);
    world_deinit(&w);
}

/* What lay below goes with it, also what was moved there in this transaction. */
static void moved_below_what_is_deleted(void **state)
{
    (void)state;
    for (unsigned stored = 0; stored < 2; stored++) {
        struct ate_id x, kid, a, kept;
        world_init(&w, true);
        struct ate_txn *t = world_begin(&w);
        ok(ate_put_as(t, note, ate_top, "x", NOTE("x", 1), &x));
        ok(ate_put_as(t, note, x, "kid", NOTE("kid", 2), &kid));
        ok(ate_put_as(t, note, x, "kept", NOTE("kept", 3), &kept));
        if (stored)
            ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 4), &a));
        ok(ate_txn_commit(t, NULL));
        if (!stored)
            ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 4), &a));
        ok(ate_move(t, x, a, "x"));
        ok(ate_move(t, kept, ate_top, "kept"));
        ok(ate_delete(t, a, ATE_TREE));
        for (unsigned i = 0; i < 2; i++) { /* before and after the commit */
            assert_int_equal(note_at(t, x), -ATE_NOT_FOUND);
            assert_int_equal(note_at(t, kid), -ATE_NOT_FOUND);
            assert_int_equal(note_at(t, a), -ATE_NOT_FOUND);
            assert_int_equal(note_named(t, ate_top, "x"), -ATE_NOT_FOUND);
            assert_int_equal(note_named(t, ate_top, "kept"), 3);
            assert_int_equal(count_children(t, ate_top), 1);
            ok(ate_txn_commit(t, NULL));
        }
        ate_txn_end(t);
        world_deinit(&w);
    }
}

/* Rules and bodies below what is deleted in the same transaction are not sent. */
static void changed_then_deleted_with_its_tree(void **state)
{
    (void)state;
    struct ate_id a, b, c;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    struct ate_rules rules = {.write = world_rule(&w, 3)};
    ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 1), &a));
    ok(ate_put_as(t, note, a, "b", NOTE("b", 2), &b));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put(t, note, b, NOTE("changed", 3)));
    ok(ate_protect(t, b, &rules));
    ok(ate_push(t, note, b, NOTE("c", 4), &c));
    ok(ate_protect(t, c, &rules));
    ok(ate_delete(t, a, ATE_TREE));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(count_children(t, ate_top), 0);
    ate_txn_end(t);
    world_deinit(&w);
}

static void moving_to_where_it_is(void **state)
{
    (void)state;
    struct ate_id a, b;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 1), &a));
    ok(ate_put_as(t, note, ate_top, "b", NOTE("b", 2), &b));
    ok(ate_move(t, a, ate_top, "a"));
    expect(ate_move(t, a, ate_top, "b"), ATE_EXISTS);
    ok(ate_txn_commit(t, NULL));
    ok(ate_move(t, a, ate_top, "a"));
    expect(ate_move(t, a, ate_top, "b"), ATE_EXISTS);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_named(t, ate_top, "a"), 1);
    /* Two change their names with each other. */
    ok(ate_move(t, a, ate_top, "tmp"));
    ok(ate_move(t, b, ate_top, "a"));
    ok(ate_move(t, a, ate_top, "b"));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_named(t, ate_top, "a"), 2);
    assert_int_equal(note_named(t, ate_top, "b"), 1);
    ok(ate_move(t, a, ate_top, NULL));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_named(t, ate_top, "b"), -ATE_NOT_FOUND);
    assert_int_equal(note_at(t, a), 1);
    ate_txn_end(t);
    world_deinit(&w);
}

/* A folder becomes a scope of its own and takes something in, in either order, in one transaction
 * or two: its reader reads all of it afterwards, by name too. */
static void moved_into_a_new_scope(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 3; order++) {
        struct ate_id folder, x, kid;
        world_init(&w, true);
        struct ate_txn *t = world_begin(&w);
        struct ate_rules rules = {.read = world_rule(&w, 3)};
        ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 1), &folder));
        ok(ate_put_as(t, note, ate_top, "x", NOTE("x", 2), &x));
        ok(ate_put_as(t, note, x, "kid", NOTE("kid", 3), &kid));
        ok(ate_txn_commit(t, NULL));
        if (order != 1)
            ok(ate_protect(t, folder, &rules));
        if (order == 2)
            ok(ate_txn_commit(t, NULL));
        ok(ate_move(t, x, folder, "x"));
        if (order == 1)
            ok(ate_protect(t, folder, &rules));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
        struct ate_txn *other = world_begin_as(&w, 1);
        assert_int_equal(note_at(other, folder), 1);
        assert_int_equal(note_named(other, folder, "x"), 2);
        assert_int_equal(note_at(other, kid), 3);
        assert_int_equal(note_named(other, x, "kid"), 3);
        assert_int_equal(note_named(other, ate_top, "folder"), -ATE_NO_KEY);
        ate_txn_end(other);
        world_deinit(&w);
    }
}

static void preconditions(void **state)
{
    (void)state;
    struct ate_id a, b;
    const struct ate_conflict *conflicts;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w), *u = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "a", NOTE("a", 1), &a));
    ok(ate_txn_commit(t, NULL));
    /* Alone they are no change: the view that was read had it so. */
    ok(ate_require(t, a));
    ok(ate_txn_commit(t, NULL));
    ok(ate_require(t, a));
    ok(ate_put_as(u, note, ate_top, "a", NOTE("a", 2), NULL));
    ok(ate_txn_commit(u, NULL));
    ok(ate_store(t, note, NOTE("b", 3), &b));
    expect(ate_txn_commit(t, NULL), ATE_CONFLICT);
    assert_int_equal(ate_txn_conflicts(t, &conflicts), 1);
    assert_memory_equal(&conflicts[0].id, &a, sizeof a);
    ate_txn_cancel(t);
    ok(ate_txn_refresh(t));
    ok(ate_require(t, a));
    ok(ate_store(t, note, NOTE("b", 3), &b));
    ok(ate_txn_commit(t, NULL));

    expect(ate_require_absent(t, a), ATE_EXISTS);
    expect(ate_require_no_child(t, ate_top, ate__text_bytes("a")), ATE_EXISTS);
    ok(ate_require_no_child(t, ate_top, ate__text_bytes("new")));
    ok(ate_store(t, note, NOTE("c", 4), NULL));
    ok(ate_put_as(u, note, ate_top, "new", NOTE("d", 5), NULL));
    ok(ate_txn_commit(u, NULL));
    expect(ate_txn_commit(t, NULL), ATE_CONFLICT);
    ate_txn_end(t);
    ate_txn_end(u);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_calls_leave_nothing),
        cmocka_unit_test(ids_are_used_once),
        cmocka_unit_test(moved_below_what_is_deleted),
        cmocka_unit_test(changed_then_deleted_with_its_tree),
        cmocka_unit_test(moving_to_where_it_is),
        cmocka_unit_test(moved_into_a_new_scope),
        cmocka_unit_test(preconditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
