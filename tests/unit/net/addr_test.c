/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/addr.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/heap.h"
#include <stdlib.h>

#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        unsigned port;
        const char *path;
        size_t pins, roots;
        bool chain;
        const char *printed; /* NULL: the text */
    } cases[] = {
        {"tcp://h:1/a", "h", 1, "/a", 0, 0, false, NULL},
        {"tcp://h/a", "h", 5000, "/a", 0, 0, false, "tcp://h:5000/a"},
        {"tcp://127.0.0.1:5000/#pin=" A, "127.0.0.1", 5000, "/", 1, 0, false, NULL},
        {"tcp://Example.COM/joe/My.db", "example.com", 5000, "/joe/My.db", 0, 0, false,
         "tcp://example.com:5000/joe/My.db"},
        {"tcp://h/a#pin=" A ",pin=" B, "h", 5000, "/a", 2, 0, false,
         "tcp://h:5000/a#pin=" A ",pin=" B},
        {"tcp://h:65535/a#root=" A ",chain=" B ",pin=" B ",root=" B, "h", 65535, "/a", 1, 2, true,
         "tcp://h:65535/a#pin=" B ",root=" A ",root=" B ",chain=" B},
        {"tcp://[::1]/x", "::1", 5000, "/x", 0, 0, false, "tcp://[::1]:5000/x"},
        {"tcp://[FE80::1]:7/x", "fe80::1", 7, "/x", 0, 0, false, "tcp://[fe80::1]:7/x"},
        {"tcp://[::ffff:1.2.3.4]:7/x", "::ffff:1.2.3.4", 7, "/x", 0, 0, false, NULL},
        {"tcp://a-b_c.d1:9/x", "a-b_c.d1", 9, "/x", 0, 0, false, NULL},
        {"tcp://1.2.3.4a:9/x", "1.2.3.4a", 9, "/x", 0, 0, false, NULL},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__addr addr;
        if (ate__addr_parse(cases[i].text, &addr))
            fail_msg("%s: %s", cases[i].text, ate__error_text());
        assert_string_equal(addr.host, cases[i].host);
        assert_int_equal(addr.port, cases[i].port);
        assert_string_equal(addr.path, cases[i].path);
        assert_int_equal(addr.pin_count, cases[i].pins);
        assert_int_equal(addr.root_count, cases[i].roots);
        assert_int_equal(addr.has_chain, cases[i].chain);
        struct ate__buf buf = ATE__BUF_NULL;
        assert_int_equal(ate__addr_print(&addr, &buf), 0);
        const char *printed = cases[i].printed ? cases[i].printed : cases[i].text;
        assert_true(ate__bytes_equal(ate__buf_bytes(&buf), ate__text_bytes(printed)));
        ate__buf_deinit(&buf);
        struct ate__addr again;
        assert_int_equal(ate__addr_parse(printed, &again), 0);
        assert_memory_equal(&addr, &again, sizeof addr);
    }
    struct ate__addr addr;
    assert_int_equal(ate__addr_parse("tcp://h/a#pin=" A ",pin=" B, &addr), 0);
    assert_int_equal(addr.pins[0].b[5], 0);
    assert_int_equal(addr.pins[1].b[31], 1);
}

static const char *const bad[] = {
    "",
    "tcp:/h/a",
    "tcp//h/a",
    "TCP://h/a",
    "http://h/a",
    "h/a",
    " tcp://h/a",
    "tcp://",
    "tcp:///a",
    "tcp://h",
    "tcp://h:5000",
    "tcp://h#pin=" A,
    "tcp://:5000/a",
    "tcp://h:/a",
    "tcp://h:0/a",
    "tcp://h:65536/a",
    "tcp://h:99999999999/a",
    "tcp://h:-1/a",
    "tcp://h:+1/a",
    "tcp://h:05000/a",
    "tcp://h: 1/a",
    "tcp://h:1x/a",
    "tcp://h:1:2/a",
    "tcp://u@h/a",
    "tcp://u:p@h/a",
    "tcp://h%41/a",
    "tcp://-h/a",
    "tcp://h-/a",
    "tcp://h-.x/a",
    "tcp://.h/a",
    "tcp://h./a",
    "tcp://a..b/a",
    "tcp://caf\xc3\xa9/a",
    "tcp://a b/a",
    "tcp://a\tb/a",
    "tcp://a\x1b[2J/a",
    "tcp://1.2.3/a",
    "tcp://1.2.3.256/a",
    "tcp://127.1/a",
    "tcp://1/a",
    "tcp://01.2.3.4/a",
    "tcp://0x7f.1/a9.1",
    "tcp://[::1/a",
    "tcp://::1/a",
    "tcp://[]/a",
    "tcp://[::1]x/a",
    "tcp://[::1]5000/a",
    "tcp://[::1]:/a",
    "tcp://[1.2.3.4]/a",
    "tcp://[::1%25lo]/a",
    "tcp://[fe80::1%lo]/a",
    "tcp://[::g]/a",
    "tcp://[[::1]]/a",
    "tcp://h//",
    "tcp://h/a/",
    "tcp://h//a",
    "tcp://h/a//b",
    "tcp://h/../a",
    "tcp://h/a/.",
    "tcp://h/+sys",
    "tcp://h/-a",
    "tcp://h/.a",
    "tcp://h/a b",
    "tcp://h/a?b=c",
    "tcp://h/a%20",
    "tcp://h/a,b",
    "tcp://h/a#",
    "tcp://h/a#,",
    "tcp://h/a#pin",
    "tcp://h/a#pin=",
    "tcp://h/a#pin=" A ",",
    "tcp://h/a#,pin=" A,
    "tcp://h/a#pin=" A ",,root=" A,
    "tcp://h/a#PIN=" A,
    "tcp://h/a#pins=" A,
    "tcp://h/a#key=" A,
    "tcp://h/a# pin=" A,
    "tcp://h/a#pin =" A,
    "tcp://h/a#pin=" A "A",
    "tcp://h/a#pin=" A "=",
    "tcp://h/a#pin=AAAA",
    "tcp://h/a#pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", /* loose last bits */
    "tcp://h/a#pin=AAAAAAAAAAAAAAAAAAAAA/AAAAAAAAAAAAAAAAAAAAA",
    "tcp://h/a#pin=AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA",
    "tcp://h/a#pin=" A "&root=" A,
    "tcp://h/a#pin=" A ";root=" A,
    "tcp://h/a#pin=" A "#root=" A,
    "tcp://h/a#chain=" A ",chain=" B,
    "tcp://h/a#pin=" A ",pin=" A,
    "tcp://h/a#=" A,
    "tcp://h/a##pin=" A,
    "tcp://h#/a",
    "tcp://#pin=" A "/",
    "tcp://h/a#\x1b[2J=" A,
    "tcp://h\\x/a",
    "tcp://h\n/a",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        struct ate__addr addr = {.port = 42};
        if (ate__addr_parse(bad[i], &addr) != ATE_MALFORMED)
            fail_msg("`%s` is taken", bad[i]);
        assert_int_equal(addr.port, 42);
        for (const char *at = ate__error_text(); *at; at++)
            assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
    }
}

static int parse_format(const char *format, ...)
{
    static char text[2 * ATE__ADDR_TEXT_MAX];
    struct ate__addr addr;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ate__addr_parse(text, &addr);
}

static void test_limits(void **state)
{
    (void)state;
    char label[64], host[300], items[1000] = "", path[1100];
    memset(label, 'x', 63);
    label[63] = 0;
    assert_int_equal(parse_format("tcp://%s/a", label), 0);
    assert_int_equal(parse_format("tcp://%sx/a", label), ATE_MALFORMED);
    snprintf(host, sizeof host, "%s.%s.%s.%.61s", label, label, label, label);
    assert_int_equal(strlen(host), 253);
    assert_int_equal(parse_format("tcp://%s/a", host), 0);
    assert_int_equal(parse_format("tcp://%sx/a", host), ATE_TOO_BIG);
    for (int i = 0; i < ATE__NET_PINS_MAX + 1; i++) {
        char text[ATE__HASH_TEXT];
        struct ate_hash hash = {{(uint8_t)i}};
        assert_int_equal(parse_format("tcp://h/a#%s%s", items, "chain=" A), 0);
        snprintf(items + strlen(items), 60, "root=%s,", ate__hash_text(&hash, text));
    }
    assert_int_equal(parse_format("tcp://h/a#%s%s", items, "chain=" A), ATE_TOO_BIG);
    memset(path, 'a', sizeof path);
    path[0] = path[200] = path[400] = path[600] = path[800] = path[1000] = '/';
    path[1024] = 0;
    assert_int_equal(parse_format("tcp://h%s", path), 0);
    assert_int_equal(parse_format("tcp://h%sa", path), ATE_TOO_BIG);
    char *big = malloc(1 << 20);
    memset(big, 'x', 1 << 20);
    memcpy(big, "tcp://", 6);
    big[(1 << 20) - 1] = 0;
    struct ate__addr addr;
    assert_int_equal(ate__addr_parse(big, &addr), ATE_TOO_BIG);
    free(big);
    /* The longest address there can be is below the limit of its text. */
    _Static_assert(6 + ATE__ADDR_HOST_MAX + 2 + 6 + ATE__CHAIN_NAME_MAX +
                           2 * ATE__NET_PINS_MAX * 49 + 50 <
                       ATE__ADDR_TEXT_MAX,
                   "a printed address can be read again");
}

static void test_loopback(void **state)
{
    (void)state;
    static const char *const loopback[] = {"localhost", "127.0.0.1", "127.9.9.9", "::1"};
    static const char *const others[] = {
        "localhost.example.com", "128.0.0.1", "0.0.0.0", "::", "::2", "example.com",
        "127.0.0.1.example.com", ""};
    for (size_t i = 0; i < ATE__COUNT_OF(loopback); i++)
        assert_true(ate__addr_host_is_loopback(loopback[i]));
    for (size_t i = 0; i < ATE__COUNT_OF(others); i++)
        assert_false(ate__addr_host_is_loopback(others[i]));
    assert_true(ate__addr_is("tcp://x"));
    assert_false(ate__addr_is("./tcp://x"));
    assert_false(ate__addr_is("tcp:/x"));
    assert_false(ate__addr_is("@name"));
}

static int print_one(void *arg)
{
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = ate__addr_print(arg, &buf);
    assert_int_equal(rc ? buf.size : 0, 0);
    ate__buf_deinit(&buf);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct ate__addr addr;
    assert_int_equal(ate__addr_parse("tcp://h/a#pin=" A ",root=" B, &addr), 0);
    assert_true(heap_sweep(print_one, &addr, false) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
