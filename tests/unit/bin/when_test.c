/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/when.h"
#include "base/err.h"
#include "lib/check.h"

#define HOUR_MS UINT64_C(3600000)
#define MIB (UINT64_C(1) << 20)

static void good(const char *text, struct ate__compact_rule expected)
{
    struct ate__compact_rule rule;
    if (ate__when_parse("--compact", text, &rule))
        fail_msg("%s: %s", text, ate__error_text());
    assert_int_equal(rule.mode, expected.mode);
    assert_true(rule.every_ms == expected.every_ms);
    assert_true(rule.growth_bytes == expected.growth_bytes);
    assert_true(rule.factor_percent == expected.factor_percent);
}

static void test_good(void **state)
{
    (void)state;
    good("never", (struct ate__compact_rule){.mode = ATE__COMPACT_NEVER});
    good("on-open", (struct ate__compact_rule){.mode = ATE__COMPACT_ON_OPEN});
    good("timer", (struct ate__compact_rule){.mode = ATE__COMPACT_TIMER});
    good("timer=1h", (struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = HOUR_MS});
    good("timer=90s",
         (struct ate__compact_rule){.mode = ATE__COMPACT_TIMER, .every_ms = 90 * 1000});
    good("factor", (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR});
    good("factor=2",
         (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 200});
    good("factor=1.5",
         (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 150});
    good("factor=1.01",
         (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 101});
    good("factor=1000",
         (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR, .factor_percent = 100000});
    good("size=64MiB",
         (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 64 * MIB});
    good("size=1", (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE, .growth_bytes = 1});
    good("factor-or-timer", (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR_OR_TIMER});
    good("factor-or-timer=2,1h", (struct ate__compact_rule){.mode = ATE__COMPACT_FACTOR_OR_TIMER,
                                                            .factor_percent = 200,
                                                            .every_ms = HOUR_MS});
    good("size-or-timer=1G,7d", (struct ate__compact_rule){.mode = ATE__COMPACT_SIZE_OR_TIMER,
                                                           .growth_bytes = 1024 * MIB,
                                                           .every_ms = 168 * HOUR_MS});
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "=",
        "always",
        "never=1",
        "on-open=1",
        "nevers",
        "neve",
        "timer=",
        "timer=1h,",
        "timer=,",
        "timer=1h,2",
        "timer=0",
        "timer=1x",
        "timer=-1",
        "factor=",
        "factor=1",
        "factor=0.5",
        "factor=1.",
        "factor=.5",
        "factor=1.234",
        "factor=2x",
        "factor=1001",
        "factor=1000.01",
        "factor=99999",
        "factor=2,1h",
        "size=0",
        "size=x",
        "size=-1",
        "factor-or-timer=2",
        "factor-or-timer=2,",
        "factor-or-timer=,1h",
        "factor-or-timer=1h,2",
        "factor-or-timer=2,1h,3",
        "size-or-timer=1h,64M",
        "timer=1111111111111111111111111111111111111111111111111111",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        struct ate__compact_rule rule;
        if (ate__when_parse("--compact", bad[i], &rule) != ATE_MISUSE)
            fail_msg("%s was taken", bad[i]);
        assert_true(!strncmp(ate__error_text(), "--compact: ", 11));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
