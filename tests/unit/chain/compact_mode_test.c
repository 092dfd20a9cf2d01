/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a log is due, as a machine of states: each mode at its edge, from both sides. */
#include "chain/compact_mode.h"
#include "base/err.h"
#include "lib/check.h"

#define MIB (UINT64_C(1) << 20)
#define HOUR_MS UINT64_C(3600000)
#define WAITS ATE__COMPACT_WAITS

static struct ate__compact_watch w;

static void begin(struct ate__compact_rule rule, uint64_t since_ms, uint64_t base_bytes)
{
    assert_int_equal(ate__compact_rule_check(&rule), 0);
    ate__compact_watch_init(&w, &rule, since_ms, base_bytes);
}

static uint64_t look(uint64_t now_ms, uint64_t bytes, uint64_t size)
{
    return ate__compact_look(&w, &(struct ate__compact_seen){now_ms, bytes, size});
}

static void ran(bool well, uint64_t now_ms, uint64_t bytes, uint64_t size)
{
    ate__compact_ran(&w, well, size, &(struct ate__compact_seen){now_ms, bytes, size});
}

static const enum ate__compact_mode modes[] = {
    ATE__COMPACT_ON_OPEN, ATE__COMPACT_TIMER,           ATE__COMPACT_FACTOR,
    ATE__COMPACT_SIZE,    ATE__COMPACT_FACTOR_OR_TIMER, ATE__COMPACT_SIZE_OR_TIMER};

static void test_never(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){0}, 0, 0);
    assert_true(look(0, 0, 0) == WAITS);
    assert_true(look(UINT64_MAX, UINT64_MAX, UINT64_MAX) == WAITS);
    assert_false(ate__compact_by_growth(&w));
}

/* Whatever the mode: a small log, an empty chain, nothing new. */
static void test_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(modes); i++) {
        struct ate__compact_rule rule = {.mode = modes[i], .growth_bytes = 1};
        begin(rule, 0, 0);
        assert_true(look(9 * HOUR_MS, 2 * MIB - 1, 50) == WAITS);
        begin(rule, 0, 0);
        assert_true(look(9 * HOUR_MS, 2 * MIB, 0) == WAITS);
        begin(rule, 0, 0);
        assert_true(look(9 * HOUR_MS, 2 * MIB, 1) == 0);
        ran(true, 9 * HOUR_MS, 2 * MIB, 1);
        assert_true(look(99 * HOUR_MS, 9 * MIB, 1) == WAITS);
        rule.bytes_min = 9 * MIB;
        begin(rule, 0, 0);
        assert_true(look(9 * HOUR_MS, 9 * MIB - 1, 1) == WAITS);
    }
}

static void test_on_open(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN}, 0, 0);
    assert_true(look(0, 2 * MIB, 5) == 0);
    ran(true, 10, MIB, 5);
    assert_true(look(99 * HOUR_MS, 99 * MIB, 99) == WAITS);
    /* What grows after the open is left to the next one. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN}, 0, 0);
    assert_true(look(0, MIB, 5) == WAITS);
    assert_true(look(1000, 99 * MIB, 99) == WAITS);
    /* A run that failed is tried again. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN}, 0, 0);
    assert_true(look(0, 2 * MIB, 5) == 0);
    ran(false, 0, 2 * MIB, 5);
    assert_true(look(59999, 2 * MIB, 5) == 1);
    assert_true(look(60000, 2 * MIB, 5) == 0);
    ran(true, 60001, 2 * MIB, 5);
    assert_true(look(99 * HOUR_MS, 99 * MIB, 99) == WAITS);
}

static void test_timer(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_TIMER}, 500, 0);
    assert_true(look(500, 2 * MIB, 1) == HOUR_MS);
    assert_true(look(500 + HOUR_MS - 1, 2 * MIB, 1) == 1);
    assert_true(look(500 + HOUR_MS, 2 * MIB, 1) == 0);
    ran(true, 500 + HOUR_MS + 7, 2 * MIB, 1);
    assert_true(look(500 + HOUR_MS + 7, 2 * MIB, 2) == HOUR_MS);
    assert_true(look(507 + 2 * HOUR_MS, 2 * MIB, 2) == 0);
    /* Growth does not hasten it. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = 1000}, 0, 0);
    assert_true(look(999, UINT64_MAX, 9) == 1);
    assert_false(ate__compact_by_growth(&w));
    /* A time longer than the clock has run. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = UINT64_MAX}, 5, 0);
    assert_true(look(10, 2 * MIB, 1) == UINT64_MAX - 5);
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = HOUR_MS}, 0, 0);
    assert_true(look(0, 2 * MIB, 1) == HOUR_MS);
}

/* A clock that goes back makes nobody wait longer than from now on. */
static void test_clock_goes_back(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_TIMER}, 9 * HOUR_MS, 0);
    assert_true(look(5, 2 * MIB, 1) == HOUR_MS);
    assert_true(look(4, 2 * MIB, 1) == HOUR_MS);
    assert_true(look(4 + HOUR_MS, 2 * MIB, 1) == 0);
    ran(false, 99 * HOUR_MS, 2 * MIB, 1);
    assert_true(look(5 * HOUR_MS, 2 * MIB, 1) == 0);
    ran(true, 4 * HOUR_MS, 2 * MIB, 1);
    assert_true(look(3 * HOUR_MS, 2 * MIB, 2) == HOUR_MS);
}

static void test_factor(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR}, 0, 4 * MIB);
    assert_true(look(99 * HOUR_MS, 8 * MIB - 1, 1) == WAITS);
    assert_true(look(0, 8 * MIB, 1) == 0);
    assert_true(ate__compact_by_growth(&w));
    /* It became smaller, and grows from there. */
    ran(true, 5, 3 * MIB, 1);
    assert_true(look(5, 6 * MIB - 1, 2) == WAITS);
    assert_true(look(5, 6 * MIB, 2) == 0);
    /* Nothing was to be gained: not again before it has grown as much once more. */
    ran(true, 5, 6 * MIB, 2);
    assert_true(look(5, 12 * MIB - 1, 3) == WAITS);
    assert_true(look(5, 12 * MIB, 3) == 0);
    /* Other hands made it smaller. */
    assert_true(look(5, 2 * MIB, 4) == WAITS);
    assert_true(look(5, 4 * MIB - 1, 5) == WAITS);
    assert_true(look(5, 4 * MIB, 5) == 0);
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 101}, 0,
          100 * MIB);
    assert_true(look(0, 101 * MIB - 1, 1) == WAITS);
    assert_true(look(0, 101 * MIB, 1) == 0);
    /* Never compacted: all of it is growth. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 100000}, 0, 0);
    assert_true(look(0, 2 * MIB, 1) == 0);
    /* Numbers that no log has. */
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 100000}, 0,
          UINT64_MAX);
    assert_true(look(0, UINT64_MAX, 1) == WAITS);
}

static void test_size(void **state)
{
    (void)state;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_SIZE}, 0, 10 * MIB);
    assert_true(look(99 * HOUR_MS, 74 * MIB - 1, 1) == WAITS);
    assert_true(look(0, 74 * MIB, 1) == 0);
    ran(true, 0, 20 * MIB, 1);
    assert_true(look(0, 84 * MIB - 1, 2) == WAITS);
    assert_true(look(0, 84 * MIB, 2) == 0);
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = UINT64_MAX}, 0, 1);
    assert_true(look(0, UINT64_MAX, 1) == WAITS);
    assert_true(ate__compact_by_growth(&w));
}

static void test_either(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum ate__compact_mode mode = i ? ATE__COMPACT_SIZE_OR_TIMER : ATE__COMPACT_FACTOR_OR_TIMER;
        begin((struct ate__compact_rule){.mode = mode, .growth_bytes = 4 * MIB}, 0, 4 * MIB);
        assert_true(look(0, 8 * MIB - 1, 1) == HOUR_MS);
        assert_true(look(0, 8 * MIB, 1) == 0); /* grown, before its time */
        ran(true, 10, 4 * MIB, 1);
        assert_true(look(9 + HOUR_MS, 8 * MIB - 1, 2) == 1);
        assert_true(look(10 + HOUR_MS, 4 * MIB, 2) == 0); /* its time, without growth */
        assert_true(ate__compact_by_growth(&w));
    }
}

/* Twice as long each time, up to about an hour, and for ever. */
static void test_failures(void **state)
{
    (void)state;
    static const uint64_t minutes[] = {1, 2, 4, 8, 16, 32, 64, 64, 64};
    uint64_t now_ms = 0;
    begin((struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 1}, 0, 0);
    for (size_t i = 0; i < ATE__COUNT_OF(minutes); i++) {
        assert_true(look(now_ms, 2 * MIB, 1) == 0);
        ran(false, now_ms, 2 * MIB, 1);
        assert_true(look(now_ms, 2 * MIB, 1) == minutes[i] * 60000);
        now_ms += minutes[i] * 60000;
    }
    assert_true(look(now_ms, 2 * MIB, 1) == 0);
    ran(true, now_ms, 2 * MIB, 1);
    assert_true(look(now_ms, 2 * MIB + 1, 2) == 0);
    ran(false, now_ms, 2 * MIB + 1, 2);
    assert_true(look(now_ms, 2 * MIB + 1, 2) == 60000);
}

static void test_rules(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {1, 99, 100, 100001, UINT64_MAX};
    for (size_t i = 0; i < ATE__COUNT_OF(wrong); i++) {
        struct ate__compact_rule rule = {.mode = ATE__COMPACT_FACTOR, .factor_percent = wrong[i]};
        assert_int_equal(ate__compact_rule_check(&rule), ATE_MISUSE);
    }
    struct ate__compact_rule rule = {.mode = (enum ate__compact_mode)7};
    assert_int_equal(ate__compact_rule_check(&rule), ATE_MISUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_on_open),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_clock_goes_back),
        cmocka_unit_test(test_factor),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_either),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
