/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "ate/result.h"
#include "base/err.h"
#include "base/text.h"
#include "dio/json.h"
#include "dio/limits.h"
#include "event/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"

static int read_bytes(struct ate_bytes json, struct ate__buf *map)
{
    struct ate_bytes exact = exact_copy(json);
    int rc = ate__json_to_msgpack(exact, map);
    test_free((void *)exact.data);
    return rc;
}

static void expect(const char *json, const char *wanted_hex)
{
    struct arena a = {NULL, 0};
    struct ate__buf map = ATE__BUF_NULL;
    int rc = read_bytes(ate__text_bytes(json), &map);
    if (rc)
        fail_msg("%s: %s", json, ate__error_text());
    char *hex = arena_take(&a, 2 * map.size + 1);
    ate__hex_encode(ate__buf_bytes(&map), hex);
    assert_string_equal(hex, wanted_hex);
    ate__buf_deinit(&map);
    arena_free(&a);
}

static void test_values(void **state)
{
    (void)state;
    expect("{}", "df00000000");
    expect(" \t\r\n{ } \n", "df00000000");
    expect("{\"a\":[]}", "df00000001a161dd00000000");
    expect("{\"a\":[null,true,false],\"b\":{\"\":1}}",
           "df00000002a161dd00000003c0c3c2a162df00000001a001");
    expect("{\"a\":[0,-0,-1,127,128,18446744073709551615,-9223372036854775808]}",
           "df00000001a161dd00000007"
           "0000ff7fcc80cfffffffffffffffffd38000000000000000");
    expect("{\"a\":[18446744073709551616,-9223372036854775809,1.5,-2e0,1E+2,5e-1]}",
           "df00000001a161dd00000006cb43f0000000000000cbc3e0000000000000cb3ff8000000000000"
           "cbc000000000000000cb4059000000000000cb3fe0000000000000");
    expect("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20ac\\ud83d\\ude42\\u0000\"}",
           "df00000001a161b3225c2f080c0a0d0941c3a4e282acf09f998200");
    expect("{\"\xc3\xa4\":\"\xf0\x9f\x99\x82\x7f\"}", "df00000001a2c3a4a5f09f99827f");
}

/* Not JSON, or no object. */
static const char *const refused[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "[]",
    "1",
    "\"x\"",
    "null",
    "{}}",
    "{} x",
    "{}{}",
    "\xef\xbb\xbf{}",
    "{a:1}",
    "{'a':1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":[1 2]}",
    "{\"a\":[1}",
    "{\"a\":{]}",
    "{\"a\":nul}",
    "{\"a\":nulll}",
    "{\"a\":True}",
    "{\"a\":tru",
    "{\"a\":01}",
    "{\"a\":+1}",
    "{\"a\":-}",
    "{\"a\":.5}",
    "{\"a\":1.}",
    "{\"a\":1e}",
    "{\"a\":1e+}",
    "{\"a\":0x1}",
    "{\"a\":1e999}",
    "{\"a\":-1e999}",
    "{\"a\":NaN}",
    "{\"a\":Infinity}",
    "{\"a\":\"}",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\\x41\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"\\ud800\\ud800\"}",
    "{\"a\":\"\\udc00\"}",
    "{\"a\":\"\\",
    "{\"a\":\"\\u",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\xc3\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"\xff\":1}",
    "{/**/}",
    "{\"a\":1}//",
    "{1:2}",
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(refused); i++) {
        struct ate__buf map = ATE__BUF_NULL;
        int rc = read_bytes(ate__text_bytes(refused[i]), &map);
        if (rc != ATE_MALFORMED || map.size)
            fail_msg("%s: %d", refused[i], rc);
        assert_int_equal(strncmp(ate__error_text(), "not JSON: ", 10), 0);
        ate__buf_deinit(&map);
    }
    struct ate__buf map = ATE__BUF_NULL;
    assert_int_equal(read_bytes(ate__bytes("{\0}", 3), &map), ATE_MALFORMED);
    assert_int_equal(read_bytes(ate__bytes("{}\0", 3), &map), ATE_MALFORMED);
    assert_int_equal(read_bytes(ate__bytes("{\"a\":\"\0\"}", 9), &map), ATE_MALFORMED);
    ate__buf_deinit(&map);
}

/* Cut off at every byte. */
static void test_cut(void **state)
{
    (void)state;
    struct ate_bytes json = ate__text_bytes(
        "{\"a\":[1,-2.5e+3,\"x\\n\\ud83d\\ude42\xe2\x82\xac\",{}],\"b\":{\"c\":null,\"d\":true}}");
    struct ate__buf map = ATE__BUF_NULL;
    for (size_t size = 0; size < json.size; size++)
        assert_int_equal(read_bytes(ate__bytes(json.data, size), &map), ATE_MALFORMED);
    assert_int_equal(read_bytes(json, &map), 0);
    ate__buf_deinit(&map);
}

static void test_limits(void **state)
{
    (void)state;
    struct ate__buf map = ATE__BUF_NULL;
    char text[2 * ATE__JSON_NUMBER_MAX + 100] = "";
    /* lists inside each other */
    for (size_t depth = ATE__OBJECT_DEPTH_MAX - 1; depth <= ATE__OBJECT_DEPTH_MAX; depth++) {
        size_t at = (size_t)snprintf(text, sizeof text, "{\"a\":");
        memset(text + at, '[', depth);
        memset(text + at + depth, ']', depth);
        (void)snprintf(text + at + 2 * depth, 2, "}");
        assert_int_equal(read_bytes(ate__text_bytes(text), &map),
                         depth < ATE__OBJECT_DEPTH_MAX ? 0 : ATE_TOO_BIG);
    }
    /* digits */
    for (size_t digits = ATE__JSON_NUMBER_MAX; digits <= ATE__JSON_NUMBER_MAX + 1; digits++) {
        size_t at = (size_t)snprintf(text, sizeof text, "{\"a\":0.");
        memset(text + at, '3', digits - 2);
        (void)snprintf(text + at + digits - 2, 2, "}");
        assert_int_equal(read_bytes(ate__text_bytes(text), &map),
                         digits == ATE__JSON_NUMBER_MAX ? 0 : ATE_TOO_BIG);
    }
    /* bytes; what grows most fits what is set aside for it */
    char *large = test_malloc(ATE__PAYLOAD_MAX + 1);
    memset(large, ' ', ATE__PAYLOAD_MAX + 1);
    memcpy(large, "{\"a\":[", 6);
    for (size_t i = 6; i + 4 <= ATE__PAYLOAD_MAX - 6; i += 4)
        memcpy(large + i, "1e1,", 4);
    memcpy(large + ATE__PAYLOAD_MAX - 6, "1   ]}", 6);
    int rc = ate__json_to_msgpack(ate__bytes(large, ATE__PAYLOAD_MAX), &map);
    if (rc)
        fail_msg("%s", ate__error_text());
    assert_true(map.size < 1 << 24);
    assert_int_equal(ate__json_to_msgpack(ate__bytes(large, ATE__PAYLOAD_MAX + 1), &map),
                     ATE_TOO_BIG);
    test_free(large);
    ate__buf_deinit(&map);
}

static int read_it(void *arg)
{
    struct ate__buf map = ATE__BUF_NULL;
    int rc = ate__json_to_msgpack(ate__text_bytes(arg), &map);
    ate__buf_deinit(&map);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    char json[] =
        "{\"a\":[1,2.5,\"a text that is longer than what a buffer begins with \\u20ac\"]}";
    assert_true(heap_sweep(read_it, json, false) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refused), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
