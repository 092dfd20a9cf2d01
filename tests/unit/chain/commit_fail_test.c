/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Commits: what a failed log leaves of them, and weaker policies.
 */
#include "offers.h"

/* ---- a log that fails ---- */

struct in_flight {
    struct one leader, follower, twin, async;
};

/* One in the group, one behind it, a repeat of that, and one without a thread; then the append
 * fails. */
static void fail_all(struct in_flight *f, int result, bool written)
{
    one_init(&f->leader, 1, "leader");
    one_init(&f->follower, 2, "follower");
    one_repeat(&f->twin, &f->follower);
    one_init(&f->async, 3, "async");
    gate_fail(kit.gate, GATE_APPEND, result, written);
    gate_shut(kit.gate);
    one_start(&f->leader);
    gate_wait_inside(kit.gate);
    one_start(&f->follower);
    wait_ordered(1, 0);
    one_start(&f->twin);
    wait_ordered(1, 1);
    one_offer(&f->async);
    wait_ordered(2, 1);
    gate_open(kit.gate);
    one_join(&f->leader);
    one_join(&f->follower);
    one_join(&f->twin);
    one_wait_done(&f->async);
}

static void all_have(const struct in_flight *f, int result, const char *text)
{
    const struct one *all[] = {&f->leader, &f->follower, &f->twin, &f->async};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(all[i]->offer.result, result);
        if (!strstr(all[i]->offer.text, text))
            fail_msg("%u: %s", i, all[i]->offer.text);
    }
}

static void in_flight_deinit(struct in_flight *f)
{
    one_deinit(&f->leader);
    one_deinit(&f->follower);
    one_deinit(&f->twin);
    one_deinit(&f->async);
}

static void the_outcome_is_not_known(void **state)
{
    (void)state;
    for (unsigned written = 0; written < 2; written++) {
        struct in_flight f;
        struct ate__receipt receipt;
        kit_init(&kit, 5);
        kit.gated = true;
        kit.memory = !written;
        kit_ok(ate__workers_new(2, &kit.workers));
        kit_create_ok(&kit);
        kit_put_ok(&kit, 9, "before");
        fail_all(&f, ATE_E_IO, written);
        all_have(&f, ATE_UNKNOWN, "the gate failed");
        /* What stands is shown, what does not has left no trace. */
        assert_true(kit_size(&kit) == 2 + written);
        assert_string_equal(kit_text(&kit, 1), written ? "leader" : "");
        assert_string_equal(kit_text(&kit, 2), "");
        assert_int_equal(ate__chain_outcome(kit.chain, &f.leader.d.in.id, NULL, &receipt),
                         written ? 0 : ATE_NOT_FOUND);
        /* The same bytes again get the true outcome, in any case. */
        kit_ok(kit_commit_bytes(&kit, f.leader.offer.encoded));
        assert_true(kit.receipt.sequence == 2);
        kit_ok(kit_commit_bytes(&kit, f.async.offer.encoded));
        kit_ok(kit_commit_bytes(&kit, f.follower.offer.encoded));
        assert_true(kit_size(&kit) == 5);
        assert_string_equal(kit_text(&kit, 2), "follower");
        in_flight_deinit(&f);
        if (!kit.memory) {
            kit.gated = false;
            kit_reopen_ok(&kit);
            assert_true(kit_size(&kit) == 5);
        }
        end();
    }
}

static void nothing_was_written(void **state)
{
    (void)state;
    struct in_flight f;
    kit_init(&kit, 5);
    kit.gated = kit.memory = true;
    kit_ok(ate__workers_new(2, &kit.workers));
    kit_create_ok(&kit);
    fail_all(&f, ATE_E_NO_SPACE, false);
    all_have(&f, ATE_E_NO_SPACE, "the gate failed");
    assert_int_equal(gate_count(kit.gate, GATE_RECOVER), 0);
    assert_true(kit_size(&kit) == 1);
    kit_ok(kit_commit_bytes(&kit, f.follower.offer.encoded));
    assert_true(kit.receipt.sequence == 1);
    kit_ok(kit_commit_bytes(&kit, f.leader.offer.encoded));
    in_flight_deinit(&f);
    end();
}

static void a_log_that_stays_broken(void **state)
{
    (void)state;
    struct ate__receipt receipt;
    begin(false, true);
    kit_put_ok(&kit, 1, "before");
    struct draft d;
    kit_begin(&kit, &d);
    draft_text(&d, id_of(2), NULL, "lost");
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    gate_fail(kit.gate, GATE_RECOVER, ATE_E_IO, false);
    assert_int_equal(kit_commit(&kit, &d), ATE_UNKNOWN);
    assert_int_equal(ate__chain_outcome(kit.chain, &d.in.id, NULL, &receipt), ATE_UNKNOWN);
    assert_int_equal(kit_commit(&kit, &d), ATE_E_IO);
    assert_non_null(strstr(kit.text, "not recovered yet: the gate failed"));
    assert_string_equal(kit_text(&kit, 1), "before"); /* reading goes on */
    assert_int_equal(gate_count(kit.gate, GATE_RECOVER), 1);
    /* It is tried again after a second: in vain, then with success. */
    simenv_pass_ms(&kit.sim, 1000);
    gate_fail(kit.gate, GATE_RECOVER, ATE_E_IO, false);
    assert_int_equal(kit_commit(&kit, &d), ATE_E_IO);
    assert_int_equal(kit_commit(&kit, &d), ATE_E_IO);
    assert_int_equal(gate_count(kit.gate, GATE_RECOVER), 2);
    simenv_pass_ms(&kit.sim, 1000);
    kit_ok(kit_commit(&kit, &d));
    assert_int_equal(gate_count(kit.gate, GATE_RECOVER), 3);
    kit_ok(ate__chain_outcome(kit.chain, &d.in.id, NULL, &receipt));
    draft_deinit(&d);
    kit.gated = false;
    kit_reopen_ok(&kit);
    assert_true(kit_size(&kit) == 3);
    end();
}

/* A key came with a transaction that did not stand: whoever relied on it is refused, though its
 * signature was good when it was checked, or made here. */
static void a_key_that_went_away(void **state)
{
    (void)state;
    struct one bringer, user;
    struct draft d;
    kit_init(&kit, 5);
    kit.gated = kit.memory = true;
    kit_create_ok(&kit);
    one_init(&bringer, 1, "x");
    draft_item(&bringer.d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&kit_key(1)->public_key));
    bringer.d.signer[bringer.d.signer_count++] = kit_key(1);
    bringer.offer.encoded = draft_encode(&bringer.d);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(2), NULL, "y");
    d.signer[d.signer_count++] = kit_key(1);
    struct ate_bytes encoded = draft_encode(&d);
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    bringer.offer.waits = true;
    ate__chain_wait(kit.chain, &bringer.offer);
    assert_int_equal(bringer.offer.result, ATE_UNKNOWN);
    struct ate__own own = {.events = d.hashes, .event_count = d.count, .hash = d.hash};
    user.offer =
        (struct ate__offer){.encoded = encoded, .own = &own, .waits = true, .timeout_ms = -1};
    ate__chain_wait(kit.chain, &user.offer);
    assert_int_equal(user.offer.result, ATE_DENIED);
    assert_non_null(strstr(user.offer.text, "does not hold this key"));
    /* And the other way round: checked before the key came, ordered behind it. */
    gate_shut(kit.gate);
    one_start(&bringer);
    gate_wait_inside(kit.gate);
    user.offer.own = NULL;
    struct ate__work *w;
    kit_ok(ate__work_new(kit.chain, &user.offer, &w));
    w->tx = draft_tx(&d);
    w->decoded = true;
    w->checked = ATE_DENIED;
    pthread_mutex_lock(&kit.chain->mutex);
    kit_ok(ate__work_order(kit.chain, w));
    w->offer = NULL;
    pthread_mutex_unlock(&kit.chain->mutex);
    gate_open(kit.gate);
    bringer.done = 1;
    pthread_join(bringer.thread, NULL);
    assert_int_equal(bringer.offer.result, 0);
    kit_put_ok(&kit, 7, "and goes on");
    assert_string_equal(kit_text(&kit, 2), "y");
    draft_deinit(&d);
    one_deinit(&bringer);
    end();
}

/* ---- weaker policies ---- */

static void queued_until_it_is_synced(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct ate__receipt receipt;
        struct draft d;
        kit_init(&kit, 5);
        kit.gated = true;
        kit.sync = i ? ATE__SYNC_NEVER : ATE__SYNC_INTERVAL;
        kit.sync_interval_ms = 1000;
        kit_create_ok(&kit);
        kit_begin(&kit, &d);
        draft_text(&d, id_of(1), NULL, "x");
        kit_ok(kit_commit(&kit, &d));
        assert_int_equal(kit.receipt.stage, ATE__QUEUED);
        assert_true(kit.receipt.sequence == 1);
        assert_string_equal(kit_text(&kit, 1), "x"); /* seen at once in this process */
        kit_ok(ate__chain_outcome(kit.chain, &d.in.id, NULL, &receipt));
        assert_int_equal(receipt.stage, ATE__QUEUED);
        kit_ok(ate__chain_sync(kit.chain, &receipt));
        assert_true(receipt.sequence == 1 && receipt.size == 2);
        assert_int_equal(receipt.stage, ATE__DURABLE);
        kit_ok(ate__chain_outcome(kit.chain, &d.in.id, NULL, &receipt));
        assert_int_equal(receipt.stage, ATE__DURABLE);
        kit_ok(kit_commit(&kit, &d));
        assert_int_equal(kit.receipt.stage, ATE__DURABLE);
        simenv_pass_ms(&kit.sim, 1001);
        kit_put_ok(&kit, 2, "y"); /* INTERVAL: this one syncs */
        assert_int_equal(kit.receipt.stage, i ? ATE__QUEUED : ATE__DURABLE);
        kit.gated = false;
        kit_crash(&kit, 3);
        kit_open_ok(&kit, 0);
        assert_string_equal(kit_text(&kit, 1), "x");
        draft_deinit(&d);
        end();
    }
}

static void a_sync_that_fails(void **state)
{
    (void)state;
    struct ate__receipt receipt = {.sequence = 77};
    kit_init(&kit, 5);
    kit.gated = true;
    kit.sync = ATE__SYNC_NEVER;
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    gate_fail(kit.gate, GATE_SYNC, ATE_E_IO, false);
    assert_int_equal(ate__chain_sync(kit.chain, &receipt), ATE_E_IO);
    assert_true(receipt.sequence == 77);
    assert_int_equal(gate_count(kit.gate, GATE_RECOVER), 1);
    kit_put_ok(&kit, 2, "it was recovered");
    kit_ok(ate__chain_sync(kit.chain, &receipt));
    assert_true(receipt.sequence == 2);
    end();
}

static void *as_a_loop(void *arg)
{
    struct ate_hash root;
    uint64_t size;
    one_offer(arg);
    ate__chain_head(kit.chain, &size, &root);
    return NULL;
}

/* Neither an offer nor the head waits for a log that is being recovered; what was offered is
 * decided then. */
static void offers_while_it_recovers(void **state)
{
    (void)state;
    enum { OFFERS = 3 };
    struct one leader, async[OFFERS];
    kit_init(&kit, 5);
    kit.gated = kit.memory = true;
    kit_ok(ate__workers_new(2, &kit.workers));
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "before");
    one_init(&leader, 2, "leader");
    for (unsigned i = 0; i < OFFERS; i++)
        one_init(&async[i], 3 + i, "async");
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    gate_shut_recover(kit.gate);
    one_start(&leader);
    gate_wait_count(kit.gate, GATE_RECOVER, 1);
    for (unsigned i = 0; i < OFFERS; i++)
        kit_at_once(as_a_loop, &async[i]);
    gate_open(kit.gate);
    one_join(&leader);
    assert_int_equal(leader.offer.result, ATE_UNKNOWN);
    for (unsigned i = 0; i < OFFERS; i++) {
        one_wait_done(&async[i]);
        assert_int_equal(async[i].offer.result, 0);
        assert_string_equal(kit_text(&kit, 3 + i), "async");
        one_deinit(&async[i]);
    }
    one_deinit(&leader);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outcome_is_not_known),  cmocka_unit_test(nothing_was_written),
        cmocka_unit_test(a_log_that_stays_broken),   cmocka_unit_test(a_key_that_went_away),
        cmocka_unit_test(queued_until_it_is_synced), cmocka_unit_test(a_sync_that_fails),
        cmocka_unit_test(offers_while_it_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
