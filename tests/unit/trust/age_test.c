/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/age.h"
#include "lib/check.h"

enum {
    BEGUN = 5000000,
    SIGNER = 1700000000,
    MOST = 120
}; /* two clocks that have nothing in common */

static struct ate__age age;
static uint64_t now; /* since the begin, both clocks */
static uint64_t wall_ms; /* own clock, in the signer's time; UINT64_MAX: it is of 1970 */

static int begin(void **state)
{
    (void)state;
    now = 0;
    wall_ms = UINT64_MAX;
    ate__age_begin(&age, BEGUN);
    return 0;
}

/* What was signed then comes now. */
static void comes(uint64_t signed_ms)
{
    uint64_t wall_s = wall_ms == UINT64_MAX ? 7 : SIGNER + wall_ms / 1000;
    ate__age_signed(&age, BEGUN + now, wall_s, MOST, SIGNER + signed_ms / 1000);
}

static void expect(uint64_t from_ms, uint64_t to_ms)
{
    uint64_t ms = ate__age_ms(&age, BEGUN + now);
    if (ms < from_ms || ms > to_ms)
        fail_msg("%llu ms old, not %llu to %llu", (unsigned long long)ms,
                 (unsigned long long)from_ms, (unsigned long long)to_ms);
}

static void test_nothing_comes(void **state)
{
    (void)state;
    now = 70000;
    expect(70000, 70000);
    assert_false(age.known);
    assert_int_equal(ate__age_ms(&age, BEGUN - 1), 0); /* a clock that fell is no age */
}

/* A head each 30 s, a week long, each a little late, by a signer whose clock is slower or faster.
 */
static void test_as_it_should_be(void **state)
{
    (void)state;
    for (int drift = -900; drift <= 900; drift += 300) {
        begin(NULL);
        for (unsigned i = 0; i < 20160; i++) {
            now += 30000;
            uint64_t late = i * 7919 % 5000;
            now += late;
            comes((now - late) + (uint64_t)((int64_t)(now / 1000) * drift / 1000));
            now -= late;
            expect(0, 7000);
        }
        assert_true(age.known);
    }
}

static void test_nothing_comes_any_more(void **state)
{
    (void)state;
    for (; now < 300000; now += 30000)
        comes(now);
    now = 270000 + 121000;
    expect(121000, 121000);
    comes(now);
    expect(0, 0);
}

/* The same again, and older ones. */
static void test_again(void **state)
{
    (void)state;
    now = 50000;
    comes(50000);
    for (; now < 200000; now += 10000) {
        comes(50999);
        comes(20000);
        comes(0);
    }
    expect(150000, 150000);
}

/* A stock of heads of a chain that grew, one a second, is let out slowly. */
static void test_held_back(void **state)
{
    (void)state;
    for (; now < 100000; now += 1000)
        comes(now);
    uint64_t signed_ms = now;
    for (; now < 700000; now += 30000) {
        comes(signed_ms);
        signed_ms += 1000;
    }
    expect(570000, 615000);
    now = 720000;
    comes(now); /* and what is new is that */
    expect(0, 0);
}

/* The first of all was held back: that does not show, but it does not get worse. */
static void test_from_the_first(void **state)
{
    (void)state;
    for (now = 600000; now < 900000; now += 30000) {
        comes(now - 600000);
        expect(0, 1000);
    }
    now = 900000;
    comes(now); /* what came soonest is what counts from now on */
    now = 930000;
    comes(930000 - 600000);
    expect(30000, 30000);
}

/* By the two clocks it is too old: that is doubted, once nothing measures it. */
static void test_doubt(void **state)
{
    (void)state;
    wall_ms = 1000000;
    now = 10000;
    comes(879000);
    assert_false(age.known);
    assert_int_equal(age.doubted_s, 121);
    expect(10000, 10000);
    comes(880000);
    assert_true(age.known);
    assert_int_equal(age.doubted_s, 0);
    expect(0, 0);
    wall_ms = 9000000; /* a clock that is set right later */
    now = 40000;
    comes(910000);
    assert_int_equal(age.doubted_s, 0);
    expect(0, 0);
    begin(NULL);
    wall_ms = 1000;
    comes(900000); /* nobody has kept what is yet to be signed */
    assert_true(age.known);
}

/* The signer's clock is set right: forward, and back again. */
static void test_jumps(void **state)
{
    (void)state;
    now = 30000;
    comes(30000);
    now = 60000;
    comes(4000000);
    expect(0, 0);
    now = 90000;
    comes(90000); /* it signs what it signed before that; nothing says that this is newer */
    expect(30000, 30000);
    ate__age_signed(&age, BEGUN + now, 0, MOST, UINT64_MAX);
    expect(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_comes, begin),
        cmocka_unit_test_setup(test_as_it_should_be, begin),
        cmocka_unit_test_setup(test_nothing_comes_any_more, begin),
        cmocka_unit_test_setup(test_again, begin),
        cmocka_unit_test_setup(test_held_back, begin),
        cmocka_unit_test_setup(test_from_the_first, begin),
        cmocka_unit_test_setup(test_doubt, begin),
        cmocka_unit_test_setup(test_jumps, begin),
    };
    return cmocka_run_group_tests_name("trust/age", tests, NULL, NULL);
}
