/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Who signs: the fewest of the session's keys that have the rights, in its order; nobody where
 * everyone may. And what was signed so is accepted; with a key less it is not.
 */
#include "world.h"

static struct world w;
static struct ate_session *both; /* the keys of sessions 1 and 2, in this order */
static struct ate_id folder, box, inner, thing;

static struct ate_session *session_of_both(void)
{
    struct ate_session *s;
    ok(ate__session_new(&s));
    for (unsigned n = 1; n < 3; n++) {
        struct ate__key32 seed;
        struct ate__key *key;
        memset(&seed, 0x61 + (int)n, sizeof seed);
        ok(ate__key_of_seed(&seed, NULL, &key));
        ok(ate__session_add(s, key));
    }
    return s;
}

/* folder: session 1 writes, session 2 appends; box: session 2 writes, 0 administers;
 * box/inner: session 1 writes; folder/thing: as the folder. Everyone of them reads all. */
static void begin(void)
{
    struct ate_rule all, one, two;
    struct ate_hash keys[3] = {world_key(&w, 0), world_key(&w, 1), world_key(&w, 2)};
    all = (struct ate_rule){ATE_KEYS, keys, 3};
    one = (struct ate_rule){ATE_KEYS, &keys[1], 1};
    two = (struct ate_rule){ATE_KEYS, &keys[2], 1};
    struct ate_rule zero = {ATE_KEYS, &keys[0], 1};
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, ate_top, &(struct ate_rules){.read = all, .write = zero}));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("x", 1), &folder));
    ok(ate_protect(t, folder, &(struct ate_rules){.write = one, .append = two, .admin = one}));
    ok(ate_put_as(t, note, ate_top, "box", NOTE("x", 2), &box));
    ok(ate_protect(t, box, &(struct ate_rules){.write = two, .admin = zero}));
    ok(ate_put_as(t, note, box, "inner", NOTE("x", 3), &inner));
    ok(ate_protect(t, inner, &(struct ate_rules){.write = one}));
    ok(ate_put_as(t, note, folder, "thing", NOTE("x", 4), &thing));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static int set_up(void **state)
{
    (void)state;
    world_init(&w, true);
    both = session_of_both();
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ate__session_unref(both);
    world_deinit(&w);
    return 0;
}

static struct ate_txn *begin_as(struct ate_session *s)
{
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, 0, &t));
    return t;
}

/* Commits it; who signed, as a mask of sessions. */
static unsigned signers_of(struct ate_txn *t)
{
    struct ate__tx tx;
    unsigned mask = 0;
    ok(ate__txn_build(t));
    ok(ate__tx_decode(ate__buf_bytes(&t->encoded), ATE__SHA256, &tx));
    for (uint32_t i = 0; i < tx.signature_count; i++)
        for (unsigned n = 0; n < 3; n++) {
            struct ate_hash key = world_key(&w, n);
            mask |= ate__hash_equal(&tx.signatures[i].fingerprint, &key) ? 1u << n : 0;
        }
    ate__tx_deinit(&tx);
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    return mask;
}

/* It needs both keys: with one of them it is refused here already, and says who could. */
static void expect_denied_alone(int (*change)(struct ate_txn *t))
{
    for (unsigned n = 1; n < 3; n++) {
        struct ate_txn *t = begin_as(w.session[n]);
        ok(change(t));
        expect(ate_txn_commit(t, NULL), ATE_DENIED);
        assert_true(strlen(ate__error_text()) > 20);
        ate_txn_cancel(t);
        ate_txn_end(t);
    }
}

static void the_fewest(void **state)
{
    (void)state;
    struct ate_txn *t = begin_as(both);
    ok(ate_put(t, note, folder, NOTE("y", 1)));
    assert_int_equal(signers_of(t), 1 << 1);
    t = begin_as(both);
    ok(ate_push(t, note, folder, NOTE("y", 1), NULL));
    assert_int_equal(signers_of(t), 1 << 2);
    t = begin_as(both);
    ok(ate_put(t, note, box, NOTE("y", 1)));
    ok(ate_push(t, note, box, NOTE("y", 1), NULL)); /* append follows write */
    assert_int_equal(signers_of(t), 1 << 2);
    t = begin_as(both);
    ok(ate_put(t, note, folder, NOTE("y", 2)));
    ok(ate_put(t, note, box, NOTE("y", 2)));
    ok(ate_put(t, note, thing, NOTE("y", 2)));
    assert_int_equal(signers_of(t), 1 << 1 | 1 << 2);
}

static int move_thing(struct ate_txn *t)
{
    return ate_move(t, thing, box, "thing");
}

static void a_move_needs_both_ends(void **state)
{
    (void)state;
    expect_denied_alone(move_thing);
    struct ate_txn *t = begin_as(both);
    ok(move_thing(t));
    assert_int_equal(signers_of(t), 1 << 1 | 1 << 2);
    /* Another name is a change of the object alone. */
    t = begin_as(both);
    ok(ate_move(t, thing, box, "renamed"));
    assert_int_equal(signers_of(t), 1 << 2);
}

static void deletions_from_above(void **state)
{
    (void)state;
    struct ate_txn *t = begin_as(w.session[2]); /* who may write what lies above */
    ok(ate_delete(t, inner, 0));
    assert_int_equal(signers_of(t), 1 << 2);
    t = begin_as(w.session[2]);
    ok(ate_delete(t, thing, 0));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
    t = world_begin(&w);
    ok(ate_delete(t, thing, 0));
    assert_int_equal(signers_of(t), 1 << 0);
}

static void rules_need_admin(void **state)
{
    (void)state;
    struct ate_rules mine = {.write = {.who = ATE_EVERYONE}};
    struct ate_txn *t = begin_as(both);
    ok(ate_protect(t, box, &mine));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
    t = begin_as(both);
    ok(ate_protect(t, folder, &mine));
    assert_int_equal(signers_of(t), 1 << 1);
    /* From now on nobody has to sign. */
    t = begin_as(both);
    ok(ate_put(t, note, folder, NOTE("y", 5)));
    ok(ate_push(t, note, folder, NOTE("y", 6), NULL));
    assert_int_equal(signers_of(t), 0);
}

/* What is new lies below what is new: the right is looked for at the nearest that was there. */
static void new_below_new(void **state)
{
    (void)state;
    struct ate_id a, b;
    struct ate_txn *t = begin_as(both);
    struct ate_rules mine = {.write = {.who = ATE_NOBODY}};
    ok(ate_push(t, note, folder, NOTE("a", 1), &a));
    ok(ate_protect(t, a, &mine)); /* its own rules say nothing about its making */
    ok(ate_push(t, note, a, NOTE("b", 1), &b));
    assert_int_equal(signers_of(t), 1 << 2);
    t = begin_as(both);
    ok(ate_push(t, note, a, NOTE("c", 1), NULL));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
}

static void no_keys(void **state)
{
    (void)state;
    struct ate_txn *t = begin_as(w.none);
    ok(ate_delete(t, thing, 0));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_fewest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_needs_both_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deletions_from_above, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_need_admin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_below_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_keys, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
