/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/log_limit.h"
#include "lib/check.h"

static struct ate__log_limit limit;
static uint64_t now_ms;

static unsigned take(unsigned times)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < times; i++)
        taken += ate__log_limit_take(&limit, 3, now_ms);
    return taken;
}

static uint64_t left_out(bool ends)
{
    return ate__log_limit_left_out(&limit, now_ms, ends);
}

static void test_minutes(void **state)
{
    (void)state;
    limit = (struct ate__log_limit){0};
    now_ms = 5000;
    assert_int_equal(left_out(false), 0);
    assert_int_equal(take(2), 2);
    now_ms += ATE__LOG_MINUTE_MS - 1; /* the same one */
    assert_int_equal(left_out(false), 0);
    assert_int_equal(take(5), 1);
    assert_int_equal(left_out(false), 0);
    now_ms++;
    assert_int_equal(left_out(false), 4);
    assert_int_equal(left_out(false), 0); /* once */
    now_ms += 10 * ATE__LOG_MINUTE_MS; /* the next begins with its first line */
    assert_int_equal(take(10), 3);
    now_ms += ATE__LOG_MINUTE_MS - 1;
    assert_int_equal(left_out(false), 0);
    assert_int_equal(take(1), 0);
    now_ms++;
    assert_int_equal(left_out(false), 8);
    assert_int_equal(take(3), 3);
    now_ms += ATE__LOG_MINUTE_MS;
    assert_int_equal(left_out(false), 0); /* none was */
    assert_int_equal(take(3), 3);
}

static void test_end(void **state)
{
    (void)state;
    limit = (struct ate__log_limit){0};
    now_ms = 0;
    assert_int_equal(left_out(true), 0);
    assert_int_equal(take(7), 3);
    assert_int_equal(left_out(true), 4);
    assert_int_equal(left_out(true), 0);
    assert_int_equal(take(7), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minutes),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
