/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A chain that is compacted by itself: in each way that can make it due, beside commits, after
 * failures, and that it ends at once. */
#include "chain/compact_auto.h"
#include "base/workers.h"
#include "chain/chain_private.h"
#include "chain/compact.h"
#include "story.h"
#include <stdatomic.h>
#include <stdlib.h>

enum { OBJECTS = 20, TEXT = 900, HOUR_MS = 3600 * 1000 };
#define DAY_MS (UINT64_C(24) * HOUR_MS)

static struct story s;
#define kit (s.k)

/* ---- what it tells ---- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned runs, sleeps;
    int result;
    char text[512];
    struct ate__compacted done;
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void tell(void *arg, int result, const char *text, const struct ate__compacted *done)
{
    (void)arg;
    pthread_mutex_lock(&told.mutex);
    told.runs++;
    told.result = result;
    snprintf(told.text, sizeof told.text, "%s", text);
    told.done = *done;
    pthread_cond_broadcast(&told.cond);
    pthread_mutex_unlock(&told.mutex);
}

static unsigned runs_now(void)
{
    pthread_mutex_lock(&told.mutex);
    unsigned runs = told.runs;
    pthread_mutex_unlock(&told.mutex);
    return runs;
}

static void told_ok(void)
{
    if (told.result)
        fail_msg("%s: %s", ate__result_name(told.result), told.text);
}

static void wait_runs(unsigned runs)
{
    pthread_mutex_lock(&told.mutex);
    while (told.runs < runs)
        pthread_cond_wait(&told.cond, &told.mutex);
    pthread_mutex_unlock(&told.mutex);
}

/* ---- a chain ---- */

static void put_round(unsigned round)
{
    char text[TEXT + 1];
    memset(text, 'a' + (int)(round % 26), TEXT);
    text[TEXT] = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        kit_put_ok(&kit, 100 + i, text);
}

static void put_rounds(unsigned from, unsigned to)
{
    for (unsigned round = from; round < to; round++)
        put_round(round);
}

/* Not compacted yet; its rule holds from the next open on. */
static void begin(uint64_t seed, unsigned rounds, struct ate__compact_rule rule)
{
    told.runs = told.sleeps = 0;
    told.result = 0;
    story_init(&s, seed);
    kit_ok(ate__workers_new(1, &kit.compact.workers));
    put_rounds(0, rounds);
    kit_close(&kit);
    if (!rule.bytes_min)
        rule.bytes_min = 1;
    kit.compact.rule = rule;
    kit.compact.look_ms = 1;
    kit.compact.done = tell;
    kit.compact.bytes_per_second = UINT64_MAX; /* its sleeps would move the clock of all */
}

static void end(void)
{
    struct ate__workers *w = kit.compact.workers;
    story_deinit(&s);
    ate__workers_unref(w);
}

static void check_whole(unsigned round)
{
    char text[TEXT + 1];
    memset(text, 'a' + (int)(round % 26), TEXT);
    text[TEXT] = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_string_equal(kit_text(&kit, 100 + i), text);
}

static void test_never(void **state)
{
    (void)state;
    begin(1, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_NEVER});
    kit_open_ok(&kit, 0);
    assert_null(kit.chain->compacts);
    put_round(1);
    kit_close(&kit);
    assert_int_equal(runs_now(), 0);
    /* Nor what was opened for reading. */
    kit.compact.rule.mode = ATE__COMPACT_ON_OPEN;
    kit_open_ok(&kit, ATE__STORAGE_READ);
    assert_null(kit.chain->compacts);
    end();
}

static void test_on_open(void **state)
{
    (void)state;
    begin(2, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN});
    kit_open_ok(&kit, 0);
    wait_runs(1);
    told_ok();
    assert_true(told.done.rewritten && told.done.payloads > 100);
    assert_true(told.done.bytes_after < told.done.bytes_before && !told.done.cut_off);
    put_rounds(30, 50);
    check_whole(49);
    kit_close(&kit);
    assert_int_equal(runs_now(), 1);
    kit_open_ok(&kit, 0);
    wait_runs(2);
    assert_true(told.done.payloads > 100);
    check_whole(49);
    end();
}

/* A log below the least is left alone, as often as it is looked at. */
static void test_small(void **state)
{
    (void)state;
    begin(3, 30,
          (struct ate__compact_rule){
              .mode = ATE__COMPACT_SIZE, .growth_bytes = 1, .bytes_min = 64 << 20});
    kit_open_ok(&kit, 0);
    put_rounds(30, 40);
    kit_close(&kit);
    assert_int_equal(runs_now(), 0);
    end();
}

static void put_until(unsigned runs, unsigned *round)
{
    for (unsigned i = 0; runs_now() < runs && i < 10000; i++)
        put_round((*round)++);
    wait_runs(runs);
}

/* By growth: beside the commits that make it grow, and again when as much has come on top. */
static void test_growth(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned round = 5;
        enum ate__compact_mode mode = i ? ATE__COMPACT_FACTOR_OR_TIMER : ATE__COMPACT_SIZE;
        begin(4 + i, round,
              (struct ate__compact_rule){
                  .mode = mode, .growth_bytes = 200000, .every_ms = UINT64_MAX});
        kit_open_ok(&kit, 0);
        put_until(1, &round);
        put_until(2, &round);
        put_until(3, &round);
        told_ok();
        check_whole(round - 1);
        kit_reopen_ok(&kit);
        check_whole(round - 1);
        end();
    }
}

static void test_timer(void **state)
{
    (void)state;
    begin(6, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = HOUR_MS});
    kit.compact.since_ms = ate__monotonic_ms(&kit.sim.env);
    simenv_pass_ms(&kit.sim, HOUR_MS - 1);
    kit_open_ok(&kit, 0);
    kit_close(&kit); /* it is looked at, or not: not due */
    assert_int_equal(runs_now(), 0);
    simenv_pass_ms(&kit.sim, 1);
    kit_open_ok(&kit, 0);
    wait_runs(1);
    told_ok();
    assert_true(told.done.payloads > 100);
    check_whole(29);
    end();
}

/* It fails, commits go on, it is tried again later, and then it succeeds. */
static void test_failure(void **state)
{
    (void)state;
    begin(7, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 1});
    simdisk_limit(kit.disk, 4096);
    kit_open_ok(&kit, 0);
    wait_runs(1);
    assert_int_equal(told.result, ATE_E_NO_SPACE);
    assert_true(strlen(told.text) > 0);
    simdisk_limit(kit.disk, UINT64_MAX);
    kit_put_ok(&kit, 1, "too early");
    simenv_pass_ms(&kit.sim, 60000);
    kit_put_ok(&kit, 3, "now");
    wait_runs(2);
    told_ok();
    assert_true(told.done.payloads > 100);
    assert_string_equal(kit_text(&kit, 1), "too early");
    check_whole(29);
    kit_reopen_ok(&kit);
    check_whole(29);
    end();
}

/* ---- what holds it off ---- */

static _Atomic unsigned held, held_times; /* to be answered; how often it was asked */

static uint64_t held_ms(void *arg)
{
    (void)arg;
    held_times++;
    pthread_mutex_lock(&told.mutex);
    pthread_cond_broadcast(&told.cond);
    pthread_mutex_unlock(&told.mutex);
    return held;
}

static void wait_asked(unsigned times)
{
    pthread_mutex_lock(&told.mutex);
    while (held_times < times)
        pthread_cond_wait(&told.cond, &told.mutex);
    pthread_mutex_unlock(&told.mutex);
}

/* It is due and waits, however it became due, as long as somebody holds it; then it runs. */
static void test_held(void **state)
{
    (void)state;
    static const enum ate__compact_mode modes[] = {ATE__COMPACT_ON_OPEN, ATE__COMPACT_SIZE,
                                                   ATE__COMPACT_TIMER};
    for (size_t i = 0; i < ATE__COUNT_OF(modes); i++) {
        begin(20 + i, 30,
              (struct ate__compact_rule){.mode = modes[i], .growth_bytes = 1, .every_ms = 1});
        kit.compact.held_ms = held_ms;
        held = 2;
        held_times = 0;
        kit.compact.since_ms = ate__monotonic_ms(&kit.sim.env);
        simenv_pass_ms(&kit.sim, HOUR_MS);
        kit_open_ok(&kit, 0);
        wait_asked(3);
        put_rounds(30, 32);
        wait_asked(6);
        assert_int_equal(runs_now(), 0);
        held = 0;
        wait_runs(1);
        told_ok();
        assert_true(told.done.payloads > 100);
        check_whole(31);
        /* What is held ends with the chain. */
        held = 3600 * 1000;
        held_times = 0;
        simenv_pass_ms(&kit.sim, HOUR_MS);
        put_rounds(32, 34);
        kit_close(&kit);
        assert_true(runs_now() <= 2);
        kit.compact.held_ms = NULL;
        end();
    }
}

/* ---- the end ---- */

static void sleep_real(void *user, uint64_t ms)
{
    (void)user;
    pthread_mutex_lock(&told.mutex);
    told.sleeps++;
    pthread_cond_broadcast(&told.cond);
    pthread_mutex_unlock(&told.mutex);
    ate__clock_sleep_ms(NULL, ms);
}

/* In the midst of one that would take hours. */
static void test_ends_at_once(void **state)
{
    (void)state;
    for (unsigned deep = 0; deep < 2; deep++) {
        begin(8 + deep, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN});
        kit.compact.bytes_per_second = 100;
        kit.compact.deep = deep;
        kit.compact.session = deep ? s.session : NULL;
        kit.sim.env.sleep_ms = sleep_real;
        simenv_pass_ms(&kit.sim, 8 * DAY_MS);
        kit_open_ok(&kit, 0);
        pthread_mutex_lock(&told.mutex);
        while (told.sleeps < 2)
            pthread_cond_wait(&told.cond, &told.mutex);
        pthread_mutex_unlock(&told.mutex);
        put_round(77); /* nobody waits for it */
        uint64_t from_ms = ate__clock_monotonic_ms(NULL);
        kit_close(&kit);
        assert_true(ate__clock_monotonic_ms(NULL) - from_ms < 1000);
        assert_int_equal(runs_now(), 0); /* an end is no failure */
        kit.compact.rule.mode = ATE__COMPACT_NEVER;
        kit_open_ok(&kit, 0);
        check_whole(77);
        end();
    }
}

/* ---- deep ---- */

/* With something new, beside which the rest is so old. */
static void open_after_days(unsigned days)
{
    enum ate__compact_mode mode = kit.compact.rule.mode;
    kit_close(&kit);
    simenv_pass_ms(&kit.sim, days * DAY_MS);
    kit.compact.rule.mode = ATE__COMPACT_NEVER;
    kit_open_ok(&kit, 0);
    kit_put_ok(&kit, 99, "new");
    kit_close(&kit);
    kit.compact.rule.mode = mode;
    kit_open_ok(&kit, 0);
}

/* With a key that may sign, and then not again before a day has passed. */
static void test_deep(void **state)
{
    (void)state;
    begin(10, 40, (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 200000});
    kit.compact.deep = true;
    kit.compact.session = s.session;
    uint64_t size = 0;
    struct ate_hash root;
    open_after_days(8);
    wait_runs(1);
    told_ok();
    assert_true(told.done.cut_off > 700 && told.done.transactions > 100);
    ate__chain_head(kit.chain, &size, &root);
    assert_true(size == told.done.cut_off + 2); /* what is new, and the certificate */
    check_whole(39);
    uint64_t cut_off = told.done.cut_off;
    unsigned round = 40;
    simenv_pass_ms(&kit.sim, 8 * DAY_MS);
    put_until(2, &round);
    told_ok();
    assert_true(told.done.cut_off > cut_off);
    cut_off = told.done.cut_off;
    simenv_pass_ms(&kit.sim, DAY_MS / 2); /* not yet, whatever may have grown old meanwhile */
    put_until(3, &round);
    told_ok();
    assert_true(told.done.cut_off == cut_off);
    kit.compact.rule.mode = ATE__COMPACT_NEVER;
    kit_reopen_ok(&kit);
    check_whole(round - 1);
    end();
}

/* Without such a key payloads go, and nothing else. */
static void test_no_office(void **state)
{
    (void)state;
    struct ate_session *stranger;
    struct ate__key *key;
    struct ate__key32 seed;
    memset(&seed, 9, sizeof seed);
    kit_ok(ate__session_new(&stranger));
    kit_ok(ate__key_of_seed(&seed, NULL, &key));
    kit_ok(ate__session_add(stranger, key));
    begin(11, 30, (struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN});
    kit.compact.deep = true;
    kit.compact.session = stranger;
    uint64_t size;
    struct ate_hash root;
    open_after_days(8);
    wait_runs(1);
    told_ok();
    assert_true(told.done.payloads > 100 && !told.done.transactions && !told.done.cut_off);
    ate__chain_head(kit.chain, &size, &root);
    assert_true(size == 4 + 30 * OBJECTS);
    check_whole(29);
    end();
    ate__session_unref(stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never),   cmocka_unit_test(test_on_open),
        cmocka_unit_test(test_small),   cmocka_unit_test(test_growth),
        cmocka_unit_test(test_timer),   cmocka_unit_test(test_held),
        cmocka_unit_test(test_failure), cmocka_unit_test(test_ends_at_once),
        cmocka_unit_test(test_deep),    cmocka_unit_test(test_no_office),
    };
    return cmocka_run_group_tests_name("chain/compact_auto", tests, NULL, NULL);
}
