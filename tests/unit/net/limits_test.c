/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/limits.h"
#include "lib/check.h"

static void test_defaults(void **state)
{
    (void)state;
    struct ate__net_limits l = ate__net_limits_of(NULL);
    assert_int_equal(l.frame_bytes, 16 * 1024 * 1024);
    assert_int_equal(l.greeting_frame_bytes, 16 * 1024);
    assert_int_equal(l.greeting_bytes, 64 * 1024);
    assert_int_equal(l.greeting_ms, 10000);
    assert_int_equal(l.dead_ms, 30000);
    const uint32_t *fields = (const uint32_t *)&l;
    for (size_t i = 0; i < sizeof l / sizeof *fields; i++)
        assert_int_not_equal(fields[i], 0);
}

static void test_given(void **state)
{
    (void)state;
    struct ate__net_limits given = {.dead_ms = 7, .connections = 3};
    struct ate__net_limits l = ate__net_limits_of(&given);
    assert_int_equal(l.dead_ms, 7);
    assert_int_equal(l.connections, 3);
    assert_int_equal(l.ping_ms, ATE__NET_PING_MS);
    memset(&given, 0x11, sizeof given);
    l = ate__net_limits_of(&given);
    assert_memory_equal(&l, &given, sizeof l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
