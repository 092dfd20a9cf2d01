/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/codec_pack.h"
#include "ate/result.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/heap.h"

static void expect(struct ate__buf *buf, const char *hex)
{
    char text[128];
    ate__hex_encode(ate__buf_bytes(buf), text);
    assert_string_equal(text, hex);
    ate__buf_clear(buf);
}

static void test_shortest(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__pack p = ate__pack_of(&buf, 100);
    static const struct {
        int64_t v;
        const char *hex;
    } ints[] = {
        {0, "00"},
        {127, "7f"},
        {128, "cc80"},
        {255, "ccff"},
        {256, "cd0100"},
        {65536, "ce00010000"},
        {-1, "ff"},
        {-32, "e0"},
        {-33, "d0df"},
        {-128, "d080"},
        {-129, "d1ff7f"},
        {-32769, "d2ffff7fff"},
        {INT64_MIN, "d38000000000000000"},
        {INT64_MAX, "cf7fffffffffffffff"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(ints); i++) {
        ate__pack_int(&p, ints[i].v);
        expect(&buf, ints[i].hex);
        if (ints[i].v < 0)
            continue;
        ate__pack_uint(&p, (uint64_t)ints[i].v);
        expect(&buf, ints[i].hex);
    }
    ate__pack_uint(&p, UINT64_MAX);
    expect(&buf, "cfffffffffffffffff");
    ate__pack_nil(&p);
    ate__pack_bool(&p, true);
    ate__pack_bool(&p, false);
    expect(&buf, "c0c3c2");
    ate__pack_float(&p, 1.5f);
    expect(&buf, "ca3fc00000");
    ate__pack_double(&p, -2);
    expect(&buf, "cbc000000000000000");
    ate__pack_text(&p, ate__text_bytes("abc"));
    ate__pack_text(&p, ate__bytes(NULL, 0));
    ate__pack_bytes(&p, ate__bytes("\x00\xff", 2));
    ate__pack_bytes(&p, ate__bytes(NULL, 0));
    expect(&buf, "a3616263"
                 "a0"
                 "c40200ff"
                 "c400");
    ate__pack_list(&p, 15);
    ate__pack_list(&p, 16);
    ate__pack_map(&p, 15);
    ate__pack_map(&p, 65536);
    ate__pack_raw(&p, ate__bytes("\x01", 1));
    expect(&buf, "9fdc00108fdf0001000001");
    assert_int_equal(p.rc, 0);
    ate__buf_deinit(&buf);
}

/* The limit counts what is added, is met exactly, and sticks. */
static void test_limit(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&buf, ate__bytes("12345", 5)), 0);
    struct ate__pack p = ate__pack_of(&buf, 4);
    ate__pack_text(&p, ate__text_bytes("abc"));
    assert_int_equal(p.rc, 0);
    assert_int_equal(buf.size, 9);
    ate__pack_nil(&p);
    assert_int_equal(p.rc, ATE_TOO_BIG);
    ate__pack_raw(&p, ate__bytes(NULL, 0));
    assert_int_equal(p.rc, ATE_TOO_BIG);
    assert_int_equal(buf.size, 9);
    ate__buf_deinit(&buf);
}

static void test_memory(void **state)
{
    (void)state;
    heap_start();
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__pack p = ate__pack_of(&buf, 100);
    heap_fail(1, false);
    ate__pack_uint(&p, 1);
    assert_int_equal(p.rc, ATE_E_MEMORY);
    ate__pack_uint(&p, 1);
    assert_int_equal(p.rc, ATE_E_MEMORY);
    ate__buf_deinit(&buf);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortest),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
