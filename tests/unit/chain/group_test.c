/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Groups, and what is due between them: times that never fall, idle marks, interval syncs, the next
 * segment, tiles that were missed.
 */
#include "chain/chain_private.h"
#include "kit.h"
#include <sched.h>

static struct kit kit;

static void begin(unsigned workers, bool gated)
{
    kit_init(&kit, 31);
    kit.gated = gated;
    if (workers)
        kit_ok(ate__workers_new(workers, &kit.workers));
}

static void end(void)
{
    kit_deinit(&kit);
    ate__workers_unref(kit.workers);
}

static void time_never_falls(void **state)
{
    (void)state;
    begin(0, false);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    uint64_t first = kit.receipt.root_time_us;
    assert_true(first == kit.sim.wall_us);
    simenv_set_wall_us(&kit.sim, first - 5000000);
    kit_put_ok(&kit, 1, "y");
    assert_true(kit.receipt.root_time_us == first);
    struct ate__object_facts f = kit_facts(&kit, 1);
    assert_true(f.updated_us == first && f.created_us == first);
    simenv_set_wall_us(&kit.sim, first + 1);
    kit_put_ok(&kit, 1, "z");
    assert_true(kit.receipt.root_time_us == first + 1);
    f = kit_facts(&kit, 1);
    assert_true(f.updated_us == first + 1 && f.created_us == first);
    assert_true(f.created_sequence == 1 && f.sequence == 3);
    simenv_set_wall_us(&kit.sim, 5);
    kit_reopen_ok(&kit);
    kit_put_ok(&kit, 1, "a");
    assert_true(kit.receipt.root_time_us == first + 1);
    end();
}

/* What was judged at one time does not come to stand in a group of an earlier one: an archive lets
 * go by the clock. */
static void no_group_is_before_what_was_judged(void **state)
{
    (void)state;
    struct draft d;
    begin(0, false);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    uint64_t first = kit.receipt.root_time_us;
    struct ate_hash body = kit_facts(&kit, 1).body;
    simenv_set_wall_us(&kit.sim, first + 1000);
    kit_begin(&kit, &d);
    draft_text(&d, id_of(1), &body, "y");
    draft_require(&d, ATE__IS_ABSENT, id_of(1), NULL);
    assert_int_equal(kit_commit(&kit, &d), ATE_CONFLICT);
    draft_deinit(&d);
    simenv_set_wall_us(&kit.sim, first + 10);
    kit_put_ok(&kit, 1, "z");
    assert_true(kit.receipt.root_time_us == first + 1000);
    end();
}

static void wait_rest_due(void)
{
    for (bool due = false; !due; sched_yield()) {
        pthread_mutex_lock(&kit.chain->mutex);
        due = kit.chain->rest_due && !kit.chain->leading;
        pthread_mutex_unlock(&kit.chain->mutex);
    }
}

/* After a short rest the log is marked, once. */
static void the_idle_mark(void **state)
{
    (void)state;
    begin(1, true);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    gate_wait_count(kit.gate, GATE_IDLE, 1);
    struct ate__chain *c = kit.chain;
    wait_rest_due(); /* also after the next segment was prepared */
    struct ate__storage_state s;
    c->storage->v->state(c->storage, &s);
    assert_false(s.prepare_due);
    unsigned before = gate_count(kit.gate, GATE_IDLE);
    kit_put_ok(&kit, 1, "y");
    gate_wait_count(kit.gate, GATE_IDLE, before + 1);
    end();
}

/* After a long rest what was prewritten is given back; a commit before that moves the tick
 * nearer. */
static void rest(void **state)
{
    (void)state;
    begin(1, true);
    kit_create_ok(&kit);
    kit.chain->rest_ms = 30000; /* not reached in this part */
    kit_put_ok(&kit, 1, "x");
    gate_wait_count(kit.gate, GATE_IDLE, 1);
    wait_rest_due();
    unsigned before = gate_count(kit.gate, GATE_IDLE);
    kit.chain->rest_ms = 20;
    kit_put_ok(&kit, 1, "y");
    gate_wait_count(kit.gate, GATE_IDLE, before + 1);
    gate_wait_count(kit.gate, GATE_REST, 1);
    kit_put_ok(&kit, 1, "z");
    gate_wait_count(kit.gate, GATE_REST, 2);
    end();
}

static void interval_syncs(void **state)
{
    (void)state;
    begin(1, true);
    kit.sync = ATE__SYNC_INTERVAL;
    kit.sync_interval_ms = 20;
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    assert_int_equal(kit.receipt.stage, ATE__QUEUED);
    gate_wait_count(kit.gate, GATE_SYNC, 1);
    end();
}

/* The mark fails: what was ordered meanwhile is not known to stand, and is not written later
 * either. */
static void a_mark_that_fails(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(1, true);
        kit.sync = i ? ATE__SYNC_INTERVAL : ATE__SYNC_ALWAYS;
        kit.sync_interval_ms = 20;
        kit_create_ok(&kit);
        kit_put_ok(&kit, 1, "x");
        gate_fail(kit.gate, i ? GATE_SYNC : GATE_IDLE, ATE_E_IO, false);
        gate_wait_count(kit.gate, GATE_RECOVER, 1);
        kit_put_ok(&kit, 1, "y");
        kit_put_ok(&kit, 2, "z");
        assert_true(kit_size(&kit) == 4);
        kit.gated = false;
        kit_reopen_ok(&kit);
        assert_true(kit_size(&kit) == 4);
        assert_string_equal(kit_text(&kit, 1), "y");
        end();
    }
}

/* By hand, as threads cannot be made to meet in that order: a work is ordered while the mark is
 * under way, and the mark fails. */
struct ordered {
    struct draft d;
    struct ate__offer offer;
};

static void order(struct ordered *o)
{
    struct ate__chain *c = kit.chain;
    struct ate__work *w;
    kit_begin(&kit, &o->d);
    kit_draft_put(&kit, &o->d, 2, "while it fails");
    o->offer = (struct ate__offer){.encoded = draft_encode(&o->d), .timeout_ms = -1};
    kit_ok(ate__work_new(c, &o->offer, &w));
    ate__work_read(c, w);
    ate__work_verify(c, w);
    pthread_mutex_lock(&c->mutex);
    c->leading = true; /* the task marks the log */
    kit_ok(ate__work_order(c, w));
    pthread_mutex_unlock(&c->mutex);
}

/* Others: meanwhile as much was committed by others as was lost. */
static void mark_fails(bool others)
{
    struct ate__chain *c = kit.chain;
    struct ate__works done = {NULL, NULL, 0, 0};
    pthread_mutex_lock(&c->mutex);
    c->leading = false;
    uint64_t size = c->tree.size;
    ate__fail(ATE_E_IO, "the mark failed");
    ate__chain_failed(c, &done);
    assert_null(c->ordered.first);
    assert_true(c->next_sequence == size);
    ate__works_finish(c, &done);
    c->tree.size += others;
    pthread_mutex_unlock(&c->mutex);
}

static void expect_unknown(const struct ordered *o)
{
    assert_int_equal(o->offer.result, ATE_UNKNOWN);
    assert_non_null(strstr(o->offer.text, "the mark failed"));
}

static void ordered_while_the_mark_fails(void **state)
{
    (void)state;
    struct ordered o;
    begin(0, true);
    kit_create_ok(&kit);
    kit_put_ok(&kit, 1, "x");
    order(&o);
    mark_fails(false);
    expect_unknown(&o);
    kit_put_ok(&kit, 3, "z");
    assert_string_equal(kit_text(&kit, 2), "");
    kit_ok(kit_commit(&kit, &o.d));
    assert_true(kit.receipt.sequence == 3);
    draft_deinit(&o.d);
    kit.gated = false;
    kit_reopen_ok(&kit);
    assert_string_equal(kit_text(&kit, 2), "while it fails");
    end();
}

struct settling {
    pthread_t thread;
    bool begun, lost;
};

/* What a sync waits in. Nobody has the mutex until it does wait. */
static void *settle_thread(void *arg)
{
    struct settling *s = arg;
    struct ate__settling settling;
    pthread_mutex_lock(&kit.chain->mutex);
    s->begun = true;
    ate__chain_settle(kit.chain, &settling);
    s->lost = settling.lost;
    pthread_mutex_unlock(&kit.chain->mutex);
    return NULL;
}

static void settle_begin(struct settling *s)
{
    *s = (struct settling){.begun = false};
    assert_int_equal(pthread_create(&s->thread, NULL, settle_thread, s), 0);
    for (bool begun = false; !begun; sched_yield()) {
        pthread_mutex_lock(&kit.chain->mutex);
        begun = s->begun;
        pthread_mutex_unlock(&kit.chain->mutex);
    }
}

static void settle_while_the_mark_fails(bool others)
{
    enum { LIMIT_S = 20 };
    struct ordered o;
    struct settling s;
    struct timespec until;
    begin(0, true);
    kit_create_ok(&kit);
    order(&o);
    settle_begin(&s);
    mark_fails(others);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LIMIT_S;
    if (pthread_timedjoin_np(s.thread, NULL, &until))
        fail_msg("the sync still waits");
    kit.chain->tree.size -= others;
    assert_true(s.lost);
    expect_unknown(&o);
    draft_deinit(&o.d);
    end();
}

/* Whoever waits for what was ordered before it is woken when that goes with a mark that fails. */
static void a_sync_while_the_mark_fails(void **state)
{
    (void)state;
    settle_while_the_mark_fails(false);
}

/* Nor does what others commit stand for it. */
static void a_sync_of_what_was_lost(void **state)
{
    (void)state;
    settle_while_the_mark_fails(true);
}

/* And a sync that writes the group itself says what came of it. */
static void a_sync_that_writes_in_vain(void **state)
{
    (void)state;
    struct ordered o;
    struct ate__receipt receipt;
    begin(0, true);
    kit_create_ok(&kit);
    order(&o);
    kit.chain->leading = false; /* nobody has taken the lead yet */
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    assert_int_equal(ate__chain_sync(kit.chain, &receipt), ATE_E_IO);
    assert_int_equal(o.offer.result, ATE_UNKNOWN);
    draft_deinit(&o.d);
    kit_ok(ate__chain_sync(kit.chain, &receipt));
    end();
}

/* A chain that writes much gets its segments prepared, sealed, and read again. */
static void many_segments(void **state)
{
    (void)state;
    begin(1, false);
    kit_create_ok(&kit);
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    for (unsigned n = 0; n < 200; n++)
        kit_put_ok(&kit, 1 + n, text);
    struct ate__storage_state s;
    kit.chain->storage->v->state(kit.chain->storage, &s);
    assert_true(s.bytes > 900000);
    for (unsigned n = 0; n < 200; n += 7)
        assert_int_equal(strlen(kit_text(&kit, 1 + n)), KIT_TEXT - 1);
    kit_reopen_ok(&kit);
    assert_true(kit_size(&kit) == 201);
    end();
}

static void all_proofs(uint64_t size)
{
    struct ate_hash root, old;
    struct ate__proof proof;
    kit_ok(ate__chain_root_at(kit.chain, size, &root));
    for (uint64_t n = 1; n <= size; n++) {
        kit_ok(ate__chain_root_at(kit.chain, n, &old));
        kit_ok(ate__chain_consistency(kit.chain, n, size, &proof));
        kit_ok(ate__merkle_check_consistency(n, &old, size, &root, &proof));
    }
}

/* Leaves that the tiles could not take come later, from the log. */
static void tiles_that_were_missed(void **state)
{
    (void)state;
    begin(0, true);
    kit_create_ok(&kit);
    for (unsigned n = 0; n < 3; n++)
        kit_put_ok(&kit, 1 + n, "x");
    struct ate__storage *s = ate__chain_storage(kit.chain);
    gate_fail(kit.gate, GATE_TILES, ATE_E_NO_SPACE, false);
    kit_put_ok(&kit, 10, "missed");
    assert_true(s->v->tiles_size(s) == 4);
    gate_fail(kit.gate, GATE_TILES, ATE_E_IO, false);
    kit_put_ok(&kit, 11, "missed again");
    assert_true(s->v->tiles_size(s) == 4);
    kit_put_ok(&kit, 12, "not tried again at once");
    assert_true(s->v->tiles_size(s) == 4);
    /* It says so, rather than that the chain were shorter. */
    struct ate__proof proof;
    struct ate_hash root;
    assert_int_equal(ate__chain_consistency(kit.chain, 2, 7, &proof), ATE_E_IO);
    assert_int_equal(ate__chain_inclusion(kit.chain, 2, 7, &proof), ATE_E_IO);
    assert_int_equal(ate__chain_consistency(kit.chain, 2, 8, &proof), ATE_NOT_FOUND);
    assert_int_equal(ate__chain_root_at(kit.chain, 8, &root), ATE_NOT_FOUND);
    simenv_pass_ms(&kit.sim, 1000);
    kit_put_ok(&kit, 13, "now");
    assert_true(s->v->tiles_size(s) == 8);
    all_proofs(8);
    end();
}

/* Where nobody writes after that, the tick brings them. */
static void tiles_that_a_tick_brings(void **state)
{
    (void)state;
    begin(0, true);
    kit_create_ok(&kit);
    gate_fail(kit.gate, GATE_TILES, ATE_E_IO, false);
    kit_put_ok(&kit, 1, "missed");
    assert_true(ate__chain_lacks_leaves(kit.chain));
    for (int i = 0; i < 2; i++) { /* one that sees the write, one that marks the log as idle */
        simenv_pass_ms(&kit.sim, 1000);
        ate__chain_tick_run(&kit.chain->tick);
    }
    assert_false(ate__chain_lacks_leaves(kit.chain));
    all_proofs(2);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_never_falls),
        cmocka_unit_test(no_group_is_before_what_was_judged),
        cmocka_unit_test(the_idle_mark),
        cmocka_unit_test(rest),
        cmocka_unit_test(interval_syncs),
        cmocka_unit_test(a_mark_that_fails),
        cmocka_unit_test(ordered_while_the_mark_fails),
        cmocka_unit_test(a_sync_while_the_mark_fails),
        cmocka_unit_test(a_sync_of_what_was_lost),
        cmocka_unit_test(a_sync_that_writes_in_vain),
        cmocka_unit_test(many_segments),
        cmocka_unit_test(tiles_that_were_missed),
        cmocka_unit_test(tiles_that_a_tick_brings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
