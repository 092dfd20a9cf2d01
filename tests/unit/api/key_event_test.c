/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Keys that end, and root keys that come and go, through the public interface: who may, and what
 * follows.
 */
#include "api/key_event.h"
#include "ate/history.h"
#include "unit/dio/world.h"

static struct world w;
static struct ate_chain chain[WORLD_SESSIONS + 1]; /* one chain, a handle a session; none */

static int begin(void **state)
{
    (void)state;
    world_init(&w, false);
    for (unsigned i = 0; i <= WORLD_SESSIONS; i++) {
        chain[i] = (struct ate_chain){.dio = w.dio,
                                      .pipe = w.dio->pipe,
                                      .session = i < WORLD_SESSIONS ? w.session[i] : NULL,
                                      .name = "/notes",
                                      .timeout_ms = -1};
        atomic_init(&chain[i].refs, 1);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

/* Everybody whom the mask says may write and rule at the top, and everyone may read. */
static void rule_top(unsigned mask)
{
    struct ate_rules rules = {.read.who = ATE_EVERYONE, .write = world_rule(&w, mask)};
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, ate_top, &rules));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static int put_as(unsigned session)
{
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_store(t, note, NOTE("x", 1), NULL));
    int rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    return rc;
}

/* A handle with a session that has the keys of the first two. */
static struct ate_chain with_both(struct ate_session **ret_session)
{
    struct ate_chain c = chain[0];
    struct ate__key *copy;
    ok(ate__session_new(ret_session));
    for (unsigned i = 0; i < 2; i++) {
        ok(ate__key_of_seed(&ate__session_key(w.session[i], 0)->seed, NULL, &copy));
        ok(ate__session_add(*ret_session, copy));
    }
    c.session = *ret_session;
    return c;
}

static void by_a_root_key(void **state)
{
    (void)state;
    struct ate_receipt receipt;
    rule_top(7);
    ok(put_as(1));
    assert_false(ate_chain_has_revoked(&chain[0], world_key(&w, 1)));
    ok(ate_revoke(&chain[0], world_key(&w, 1), &receipt));
    assert_true(receipt.sequence + 1 == world_size(&w) && receipt.stage == ATE_DURABLE);
    assert_true(ate_chain_has_revoked(&chain[0], world_key(&w, 1)));
    expect(put_as(1), ATE_DENIED);
    ok(put_as(2));
    expect(ate_revoke(&chain[0], world_key(&w, 1), NULL), ATE_EXISTS);
}

static void by_itself_and_by_nobody_else(void **state)
{
    (void)state;
    rule_top(7);
    expect(ate_revoke(&chain[1], world_key(&w, 2), NULL), ATE_DENIED);
    expect(ate_revoke(&chain[1], world_key(&w, 0), NULL), ATE_DENIED);
    expect(ate_revoke(&chain[WORLD_SESSIONS], world_key(&w, 2), NULL), ATE_DENIED);
    ok(put_as(2));
    ok(ate_revoke(&chain[2], world_key(&w, 2), NULL));
    expect(put_as(2), ATE_DENIED);
    expect(ate_revoke(&chain[2], world_key(&w, 1), NULL), ATE_DENIED);
}

/* The owner with both keys in hand, as the one who hands over and the one who takes over. */
static void root_keys(void **state)
{
    (void)state;
    const struct ate_hash *roots;
    struct ate_hash old = world_key(&w, 0), new = world_key(&w, 1);
    rule_top(1);
    expect(ate_root_add(&chain[0], new, NULL), ATE_DENIED); /* without its private half */
    expect(ate_root_add(&chain[1], new, NULL), ATE_DENIED); /* without a root key */
    expect(ate_root_remove(&chain[1], old, NULL), ATE_DENIED);
    expect(ate_root_remove(&chain[0], new, NULL), ATE_CONFLICT);
    expect(ate_root_remove(&chain[0], old, NULL), ATE_DENIED); /* the last one */
    expect(ate_root_add(&chain[0], old, NULL), ATE_CONFLICT);
    assert_int_equal(ate_chain_roots(&chain[0], &roots), 1);

    struct ate_session *both;
    struct ate_chain of_both = with_both(&both);
    ok(ate_root_add(&of_both, new, NULL));
    assert_int_equal(ate_chain_roots(&chain[0], &roots), 2);
    ok(ate_root_remove(&chain[1], old, NULL));
    assert_int_equal(ate_chain_roots(&chain[0], &roots), 1);
    assert_memory_equal(roots, &new, sizeof new);
    expect(ate_revoke(&chain[0], new, NULL), ATE_DENIED);
    ok(ate_revoke(&chain[1], old, NULL));
    expect(put_as(0), ATE_DENIED); /* the rule of the top names it in vain */
    ate__session_unref(both);

    struct ate_history *h;
    struct ate_history_txn x;
    unsigned seen = 0;
    ok(ate_history_start(&chain[0], NULL, 0, &h));
    while (!ate_history_next(h, &x)) {
        const struct ate_history_event *e = &x.events[0];
        seen |= e->kind == ATE_EVENT_ROOT && e->added_count == 1 && !e->removed_count &&
                !memcmp(e->added, &new, sizeof new) && x.author_count == 2;
        if (e->kind == ATE_EVENT_ROOT && e->removed_count == 1 && !e->added_count)
            seen |= 2u * !memcmp(e->removed, &old, sizeof old);
        if (e->kind == ATE_EVENT_REVOKE)
            seen |= 4u * !memcmp(&e->fingerprint, &old, sizeof old);
    }
    ate_history_end(h);
    assert_int_equal(seen, 7);
}

static void a_revoked_key_becomes_no_root_key(void **state)
{
    (void)state;
    struct ate_session *both;
    ok(ate_revoke(&chain[0], world_key(&w, 1), NULL));
    struct ate_chain of_both = with_both(&both);
    expect(ate_root_add(&of_both, world_key(&w, 1), NULL), ATE_DENIED);
    ate__session_unref(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_a_root_key, begin, end),
        cmocka_unit_test_setup_teardown(by_itself_and_by_nobody_else, begin, end),
        cmocka_unit_test_setup_teardown(root_keys, begin, end),
        cmocka_unit_test_setup_teardown(a_revoked_key_becomes_no_root_key, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
