/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Syncs and outcomes that nobody waits for: they end when what was offered before is written, or
 * lost, on a worker that never waits; and before the chain is closed.
 */
#include "offers.h"

struct asked {
    struct ate__ask ask;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done; /* times */
    pthread_t thread; /* that told */
};

static void asked_done(struct ate__ask *ask)
{
    struct asked *a = ask->user;
    pthread_mutex_lock(&a->mutex);
    a->done++;
    a->thread = pthread_self();
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->mutex);
}

static void ask(struct asked *a, enum ate__ask_kind kind, const struct ate__txn_id *id)
{
    *a = (struct asked){.ask = {.kind = kind, .done = asked_done, .user = a}};
    if (id)
        a->ask.id = *id;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    ate__chain_ask(kit.chain, &a->ask);
}

static bool is_done(struct asked *a)
{
    pthread_mutex_lock(&a->mutex);
    bool done = a->done;
    pthread_mutex_unlock(&a->mutex);
    return done;
}

static int answer(struct asked *a)
{
    pthread_mutex_lock(&a->mutex);
    while (!a->done)
        pthread_cond_wait(&a->changed, &a->mutex);
    assert_int_equal(a->done, 1);
    pthread_mutex_unlock(&a->mutex);
    ate__error_set(a->ask.text);
    return a->ask.result;
}

static void begin_with(unsigned workers, enum ate__sync sync)
{
    kit_init(&kit, 5);
    kit.gated = true;
    kit.sync = sync;
    if (workers)
        kit_ok(ate__workers_new(workers, &kit.workers));
    kit_create_ok(&kit);
}

/* One worker, which writes what was offered before: a sync that waited on it would wait for ever.
 */
static void behind_what_is_written(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct one one, two;
        struct asked before, sync, outcome;
        begin_with(workers, ATE__SYNC_ALWAYS);
        one_init(&one, 1, "x");
        one_init(&two, 2, "y");
        ask(&before, ATE__ASK_SYNC, NULL);
        kit_ok(answer(&before));
        assert_int_equal(before.ask.receipt.size, 1);
        assert_false(pthread_equal(before.thread, pthread_self()));
        gate_shut(kit.gate);
        one_offer(&one);
        gate_wait_inside(kit.gate);
        one_offer(&two);
        ask(&sync, ATE__ASK_SYNC, NULL);
        ask(&outcome, ATE__ASK_OUTCOME, &one.d.in.id);
        if (workers == 2) {
            assert_int_equal(answer(&outcome), ATE_UNKNOWN); /* it is being written */
            assert_non_null(strstr(outcome.ask.text, "ask again"));
        }
        assert_false(is_done(&sync));
        gate_open(kit.gate);
        kit_ok(answer(&sync));
        assert_int_equal(sync.ask.receipt.size, 3);
        assert_int_equal(sync.ask.receipt.sequence, 2);
        assert_int_equal(sync.ask.receipt.stage, ATE__DURABLE);
        one_wait_done(&one);
        one_wait_done(&two);
        if (workers == 1)
            kit_ok(answer(&outcome));
        ask(&outcome, ATE__ASK_OUTCOME, &two.d.in.id);
        kit_ok(answer(&outcome));
        assert_int_equal(outcome.ask.receipt.sequence, 2);
        ask(&outcome, ATE__ASK_OUTCOME, &(struct ate__txn_id){.number = 77});
        assert_int_equal(answer(&outcome), ATE_NOT_FOUND);
        one_deinit(&one);
        one_deinit(&two);
        end();
    }
}

/* What was offered is lost: so says the sync, and the next one is good. */
static void what_was_lost(void **state)
{
    (void)state;
    struct one one;
    struct asked sync;
    begin_with(1, ATE__SYNC_ALWAYS);
    one_init(&one, 1, "x");
    gate_fail(kit.gate, GATE_APPEND, ATE_E_IO, false);
    gate_shut(kit.gate);
    one_offer(&one);
    ask(&sync, ATE__ASK_SYNC, NULL);
    gate_open(kit.gate);
    assert_int_equal(answer(&sync), ATE_E_IO);
    assert_non_null(strstr(ate__error_text(), "may be lost"));
    one_wait_done(&one);
    assert_int_equal(one.offer.result, ATE_UNKNOWN);
    ask(&sync, ATE__ASK_SYNC, NULL);
    kit_ok(answer(&sync));
    assert_int_equal(sync.ask.receipt.size, 1);
    one_deinit(&one);
    end();
}

/* Under a weaker policy a worker syncs the log. */
static void of_a_weaker_policy(void **state)
{
    (void)state;
    struct asked sync;
    begin_with(1, ATE__SYNC_NEVER);
    kit_put_ok(&kit, 1, "x");
    assert_int_equal(kit.receipt.stage, ATE__QUEUED);
    unsigned before = gate_count(kit.gate, GATE_SYNC);
    ask(&sync, ATE__ASK_SYNC, NULL);
    kit_ok(answer(&sync));
    assert_int_equal(sync.ask.receipt.stage, ATE__DURABLE);
    assert_int_equal(gate_count(kit.gate, GATE_SYNC), before + 1);
    gate_fail(kit.gate, GATE_SYNC, ATE_E_IO, false);
    ask(&sync, ATE__ASK_SYNC, NULL);
    assert_int_equal(answer(&sync), ATE_E_IO);
    end();
}

/* Many at once, while others commit with and without waiting; then the chain is closed. */
static void many_before_the_end(void **state)
{
    (void)state;
    enum { ASKS = 200, ONES = 8 };
    static struct asked asks[ASKS];
    struct one ones[ONES];
    begin_with(1, ATE__SYNC_ALWAYS);
    for (unsigned i = 0; i < ONES; i++)
        one_init(&ones[i], i + 1, "x");
    gate_shut(kit.gate);
    one_offer(&ones[0]);
    gate_wait_inside(kit.gate);
    for (unsigned i = 1; i < ONES; i++) {
        if (i % 2)
            one_start(&ones[i]);
        else
            one_offer(&ones[i]);
    }
    for (unsigned i = 0; i < ASKS; i++)
        ask(&asks[i], i % 2 ? ATE__ASK_OUTCOME : ATE__ASK_SYNC, &ones[0].d.in.id);
    gate_open(kit.gate);
    for (unsigned i = 1; i < ONES; i += 2)
        one_join(&ones[i]);
    kit_close(&kit);
    for (unsigned i = 0; i < ASKS; i++) {
        assert_true(is_done(&asks[i])); /* before close() returned */
        kit_ok(answer(&asks[i]));
        assert_true(asks[i].ask.receipt.size >= (i % 2 ? 2 : 1 + 1 + (ONES - 1) / 2));
    }
    for (unsigned i = 0; i < ONES; i++)
        one_deinit(&ones[i]);
    kit_open_ok(&kit, 0);
    assert_int_equal(kit_size(&kit), 1 + ONES);
    end();
}

/* Without workers it happens inside the call, as with offers. */
static void without_workers(void **state)
{
    (void)state;
    struct asked sync;
    begin_with(0, ATE__SYNC_NEVER);
    kit_put_ok(&kit, 1, "x");
    ask(&sync, ATE__ASK_SYNC, NULL);
    assert_true(is_done(&sync) && pthread_equal(sync.thread, pthread_self()));
    kit_ok(answer(&sync));
    assert_int_equal(sync.ask.receipt.size, 2);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_what_is_written), cmocka_unit_test(what_was_lost),
        cmocka_unit_test(of_a_weaker_policy),     cmocka_unit_test(many_before_the_end),
        cmocka_unit_test(without_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
