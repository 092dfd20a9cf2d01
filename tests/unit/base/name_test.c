/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/name.h"
#include "base/err.h"
#include "lib/check.h"

static int check(const char *text)
{
    return ate__chain_name_check(ate__text_bytes(text));
}

static void test_good(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/a",     "/example.com/joe/mydb", "/group", "/group/db", "/a@b", "/_x", "/@x",
        "/0/1/2", "/a-b/c+d/e.f/g_h",      "/A.Z",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(good); i++)
        if (check(good[i]))
            fail_msg("%s: %s", good[i], ate__error_text());
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "a",     "a/b",      "/",       "//",       "/a/",       "/a//b",
        "/.",       "/..",   "/a/..",    "/../etc", "/.hidden", "/-rf",      "/+directory",
        "/a/+sys",  "/a b",  "/a,chain", "/,chain", "/a\\b",    "/a\x1b[2J", "/caf\xc3\xa9",
        "/a?b",     "/a#b",  "/a%2f",    "/a:b",    "/a*",      "/a\n",      " /a",
        "/a/b/ ",   "/a~",   "/a=b",     "/a;b",    "/a|b",     "/a'",       "/a\"b",
        "/a\x7f/b", "/\xff", "/a(b",     "/a\tb",   "/$HOME",   "/a&b",      "/a!",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        if (check(bad[i]) != ATE_MALFORMED)
            fail_msg("`%s` is taken", bad[i]);
        for (const char *at = ate__error_text(); *at; at++)
            assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
    }
    assert_int_equal(ate__chain_name_check(ate__bytes("/a\0b", 4)), ATE_MALFORMED);
    assert_int_equal(ate__chain_name_check(ate__bytes(NULL, 0)), ATE_MALFORMED);
}

static void test_limits(void **state)
{
    (void)state;
    char name[ATE__CHAIN_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    name[0] = '/';
    assert_int_equal(ate__chain_name_check(ate__bytes(name, 1 + 255)), 0);
    assert_int_equal(ate__chain_name_check(ate__bytes(name, 1 + 256)), ATE_TOO_BIG);
    name[256] = name[512] = name[768] = '/';
    assert_int_equal(ate__chain_name_check(ate__bytes(name, 1024)), 0);
    assert_int_equal(ate__chain_name_check(ate__bytes(name, 1025)), ATE_TOO_BIG);
    char parts[2 * (ATE__CHAIN_SEGMENTS_MAX + 1)];
    for (size_t i = 0; i < sizeof parts; i += 2)
        memcpy(parts + i, "/x", 2);
    assert_int_equal(ate__chain_name_check(ate__bytes(parts, sizeof parts - 2)), 0);
    assert_int_equal(ate__chain_name_check(ate__bytes(parts, sizeof parts)), ATE_TOO_BIG);
    assert_int_equal(ate__chain_name_check(ate__bytes(parts, sizeof parts - 3)), ATE_MALFORMED);
    assert_int_equal(ate__chain_segment_check(ate__text_bytes("notes")), 0);
    assert_int_equal(ate__chain_segment_check(ate__text_bytes("a/b")), ATE_MALFORMED);
    assert_int_equal(ate__chain_segment_check(ate__bytes(NULL, 0)), ATE_MALFORMED);
}

static void test_walk(void **state)
{
    (void)state;
    static const char *const expected[] = {"example.com", "joe", "mydb"};
    struct ate_bytes name = ate__text_bytes("/example.com/joe/mydb"), segment;
    size_t at = 0, count = 0;
    while (ate__chain_name_next(name, &at, &segment))
        assert_true(ate__bytes_equal(segment, ate__text_bytes(expected[count++])));
    assert_int_equal(count, 3);
    assert_false(ate__chain_name_next(name, &at, &segment));
    at = 0;
    assert_true(ate__chain_name_next(ate__text_bytes("/x"), &at, &segment));
    assert_true(ate__bytes_equal(segment, ate__text_bytes("x")));
    assert_false(ate__chain_name_next(ate__text_bytes("/x"), &at, &segment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
