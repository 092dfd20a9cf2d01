/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/units.h"
#include "base/err.h"
#include "lib/check.h"

static void test_numbers(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_int_equal(ate__number_parse("-n", "0", 0, 9, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(ate__number_parse("-n", "18446744073709551615", 0, UINT64_MAX, &n), 0);
    assert_true(n == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1e3",
                                      "a",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    n = 7;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__number_parse("-n", bad[i], 0, UINT64_MAX, &n), ATE_MISUSE);
    assert_int_equal(ate__number_parse("-n", "10", 1, 9, &n), ATE_MISUSE);
    assert_string_equal(ate__error_text(), "-n: 10 is not in 1 to 9");
    assert_int_equal(ate__number_parse("-n", "0", 1, 9, &n), ATE_MISUSE);
    assert_int_equal(n, 7);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t ms;
    } good[] = {{"30s", 30000},
                {"500ms", 500},
                {"2", 2000},
                {"5m", 300000},
                {"2h", 7200000},
                {"none", -1},
                {"2147483647ms", INT32_MAX},
                {"596h", 2145600000}};
    int32_t ms;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(ate__duration_parse("t", good[i].text, &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",   "s",    "1x",   "-1s",          "0",   "0s",
                                      "1S", "597h", "1.5s", "2147483648ms", "1 s", "never"};
    ms = 5;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__duration_parse("t", bad[i], &ms), ATE_MISUSE);
    assert_int_equal(ms, 5);
}

static void test_periods(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"1s", 1},
                {"90s", 90},
                {"5m", 300},
                {"2h", 7200},
                {"30d", 2592000},
                {"6w", 3628800},
                {"7y", 220752000},
                {"1000y", 31536000000},
                {"1y", 31536000},
                {"0007d", 604800},
                {"31536000000s", 31536000000}};
    uint64_t seconds;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(ate__period_parse("t", good[i].text, &seconds), 0);
        assert_true(seconds == good[i].seconds);
    }
    static const char *const bad[] = {"",
                                      "y",
                                      "1",
                                      "0d",
                                      "-1d",
                                      "1.5y",
                                      "1Y",
                                      "1 y",
                                      "1yy",
                                      "1001y",
                                      "1y1d",
                                      "none",
                                      "1ms",
                                      "1M",
                                      "365001d",
                                      "31536000001s",
                                      "99999999999999999999s"};
    seconds = 5;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__period_parse("t", bad[i], &seconds), ATE_MISUSE);
    assert_true(seconds == 5);
}

static void test_sizes(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(ate__size_parse("s", "1000", &n), 0);
    assert_int_equal(n, 1000);
    assert_int_equal(ate__size_parse("s", "512M", &n), 0);
    assert_int_equal(n, 512 << 20);
    assert_int_equal(ate__size_parse("s", "64KiB", &n), 0);
    assert_int_equal(n, 65536);
    assert_int_equal(ate__size_parse("s", "16777215T", &n), 0);
    static const char *const bad[] = {"",          "M",     "1MB", "1m",  "1 M",
                                      "16777216T", "1KiBx", "1Ki", "1.5M"};
    n = 5;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__size_parse("s", bad[i], &n), ATE_MISUSE);
    assert_int_equal(n, 5);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-02T00:00", INT64_C(86400000000000)},
        {"2027-01-31T23:59:59Z", INT64_C(1801439999000000000)},
        {"2027-01-31 23:59:59.5", INT64_C(1801439999500000000)},
        {"2027-01-31T23:59:59.123456789Z", INT64_C(1801439999123456789)},
        {"2024-02-29", INT64_C(1709164800000000000)},
        {"2027-01-31T23:59:59+00:00", INT64_C(1801439999000000000)},
        {"2027-01-31T23:59:59+01:00", INT64_C(1801436399000000000)},
        {"2027-01-31 23:59:59.5-05:30", INT64_C(1801459799500000000)},
        {"2027-02-01T01:59+02:00", INT64_C(1801439940000000000)},
    };
    int64_t ns;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(ate__time_parse("t", good[i].text, &ns), 0);
        assert_true(ns == good[i].ns);
    }
    static const char *const bad[] = {"",
                                      "2027",
                                      "2027-1-1",
                                      "2027-13-01",
                                      "2027-02-29",
                                      "2027-04-31",
                                      "2027-01-01T",
                                      "2027-01-01T24:00",
                                      "2027-01-01T00:00:60",
                                      "2027-01-01x",
                                      "1969-12-31",
                                      "2262-01-01",
                                      "2027-01-01T00",
                                      "2027-01-01T00:00.",
                                      "0000-01-01",
                                      "2027-01-01T00:00:00.1234567890",
                                      "2027-01-01T00:00:00+24:00",
                                      "2027-01-01T00:00:00+01:60",
                                      "2027-01-01T00:00:00+0100",
                                      "2027-01-01T00:00:00+1:00",
                                      "2027-01-01T00:00:00Z+01:00",
                                      "2027-01-01+01:00",
                                      "1970-01-01T00:00+01:00",
                                      "-2h"};
    ns = 5;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__time_parse("t", bad[i], &ns), ATE_MISUSE);
    assert_true(ns == 5);
}

static void test_moments(void **state)
{
    (void)state;
    const int64_t now = INT64_C(1801439999123456789), second = INT64_C(1000000000);
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"-0s", 0},
                {"-90s", 90},
                {"-30m", 1800},
                {"-2h", 7200},
                {"-7d", 604800},
                {"-1w", 604800},
                {"-1040w", INT64_C(1040) * 604800}};
    int64_t ns;
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++) {
        assert_int_equal(ate__moment_parse("t", good[i].text, now, &ns), 0);
        assert_true(ns == now - good[i].seconds * second);
    }
    assert_int_equal(ate__moment_parse("t", "2027-01-31T23:59:59Z", 0, &ns), 0);
    assert_true(ns == INT64_C(1801439999000000000));
    static const char *const bad[] = {"",
                                      "-",
                                      "-2",
                                      "-h",
                                      "--2h",
                                      "-2 h",
                                      "-2y",
                                      "-2h3m",
                                      "+2h",
                                      "-99999w",
                                      "2h",
                                      "-1.5h",
                                      "-18446744073709551615s",
                                      "-99999999999999999999s"};
    ns = 5;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__moment_parse("t", bad[i], now, &ns), ATE_MISUSE);
    assert_true(ns == 5);
}

static void test_texts(void **state)
{
    (void)state;
    char time[ATE__TIME_TEXT], size[ATE__SIZE_TEXT];
    assert_string_equal(ate__time_text(INT64_C(1801439999123456789), false, time),
                        "2027-01-31T23:59:59.123456Z");
    assert_string_equal(ate__time_text(INT64_C(1801439999123456789), true, time),
                        "2027-01-31 23:59:59");
    assert_string_equal(ate__time_text(-1, false, time), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(ate__time_text(INT64_MIN, true, time), "1677-09-21 00:12:43");
    assert_string_equal(ate__time_text(INT64_MAX, true, time), "2262-04-11 23:47:16");
    assert_string_equal(ate__size_text(0, size), "0 B");
    assert_string_equal(ate__size_text(1023, size), "1023 B");
    assert_string_equal(ate__size_text(1024, size), "1.0 KiB");
    assert_string_equal(ate__size_text(1536 << 10, size), "1.5 MiB");
    assert_string_equal(ate__size_text((1 << 20) - 1, size), "1.0 MiB");
    assert_string_equal(ate__size_text(UINT64_MAX, size), "16.0 EiB");
    char count[ATE__COUNT_TEXT];
    assert_string_equal(ate__count_text(0, "file", "files", count), "0 files");
    assert_string_equal(ate__count_text(1, "file", "files", count), "1 file");
    assert_string_equal(ate__count_text(2, "directory", "directories", count), "2 directories");
    assert_string_equal(ate__count_text(UINT64_MAX, "", "transactions", count),
                        "18446744073709551615 transactions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_periods), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_moments),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
