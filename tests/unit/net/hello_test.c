/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/hello.h"
#include "lib/check.h"

static const struct ate__hello sample = {1, 3, 0x0123456789abcdef, "ate 0.1.0"};

static void test_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1,    0, 3,   0,   0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23,
                                       0x01, 9, 'a', 't', 'e',  ' ',  '0',  '.',  '1',  '.',  '0'};
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    ate__hello_encode(&w, &sample);
    assert_int_equal(ate__wr_end(&w), 0);
    assert_int_equal(buf.size, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    struct ate__hello got;
    assert_int_equal(ate__hello_decode(ate__buf_bytes(&buf), &got), 0);
    assert_memory_equal(&got, &sample, sizeof got);
    for (size_t i = 0; i < buf.size; i++)
        assert_int_equal(ate__hello_decode(ate__bytes(buf.data, i), &got), ATE_BAD_PEER);
    /* A later version may say more. */
    ate__wr_u64(&w, 42);
    assert_int_equal(ate__hello_decode(ate__buf_bytes(&buf), &got), 0);
    assert_string_equal(got.product, "ate 0.1.0");
    ate__buf_deinit(&buf);
}

static int decode(uint16_t min, uint16_t max, const char *product, size_t size)
{
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    struct ate__hello got;
    ate__wr_u16(&w, min);
    ate__wr_u16(&w, max);
    ate__wr_u64(&w, UINT64_MAX);
    ate__wr_u8(&w, (uint8_t)size);
    ate__wr_copy(&w, product, size);
    int rc = ate__hello_decode(ate__buf_bytes(&buf), &got);
    ate__buf_deinit(&buf);
    return rc;
}

static void test_hostile(void **state)
{
    (void)state;
    char product[255];
    memset(product, 'x', sizeof product);
    assert_int_equal(decode(1, 1, "", 0), 0);
    assert_int_equal(decode(1, UINT16_MAX, product, sizeof product), 0);
    assert_int_equal(decode(0, 1, "", 0), ATE_BAD_PEER);
    assert_int_equal(decode(0, 0, "", 0), ATE_BAD_PEER);
    assert_int_equal(decode(2, 1, "", 0), ATE_BAD_PEER);
    assert_int_equal(decode(1, 1, "a\0b", 3), ATE_BAD_PEER);
    assert_int_equal(decode(1, 1, "\x1b[2J", 4), ATE_BAD_PEER);
    assert_int_equal(decode(1, 1, "caf\xc3\xa9", 5), ATE_BAD_PEER);
    assert_int_equal(decode(1, 1, "\x7f", 1), ATE_BAD_PEER);
}

static void test_agree(void **state)
{
    (void)state;
    static const struct {
        uint16_t min1, max1, min2, max2, agreed;
    } cases[] = {
        {1, 1, 1, 1, 1},
        {1, 3, 2, 5, 3},
        {2, 5, 1, 3, 3},
        {1, 9, 4, 4, 4},
        {1, 1, 2, 2, 0},
        {5, 6, 1, 4, 0},
        {1, UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        struct ate__hello a = {cases[i].min1, cases[i].max1, 0xff, "a"};
        struct ate__hello b = {cases[i].min2, cases[i].max2, 0xf0f, "b"};
        uint16_t version = 0;
        uint64_t features = 0;
        int rc = ate__hello_agree(&a, &b, &version, &features);
        assert_int_equal(rc, cases[i].agreed ? 0 : ATE_UNSUPPORTED);
        assert_int_equal(version, cases[i].agreed);
        assert_int_equal(features, cases[i].agreed ? 0x0f : 0);
    }
    struct ate__hello ours = ate__hello_ours();
    assert_int_equal(ours.version_min, ATE__WIRE_VERSION);
    assert_non_null(strstr(ours.product, "ate "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
