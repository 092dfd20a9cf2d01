/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "event/field.h"
#include "lib/check.h"

static void bytes(void **state)
{
    (void)state;
    struct ate_bytes found = ate__bytes("x", 1);
    struct ate__rd r = ate__rd_of(ate__bytes("\3\0\0\0abcd", 8));
    assert_int_equal(ate__field_bytes(&r, "word", 3, &found), 0);
    assert_true(ate__bytes_equal(found, ate__text_bytes("abc")));
    assert_int_equal(ate__rd_left(&r), 1);
    r = ate__rd_of(ate__bytes("\3\0\0\0abcd", 8));
    assert_int_equal(ate__field_bytes(&r, "letters of a word", 2, &found), ATE_TOO_BIG);
    assert_string_equal(ate__error_text(), "letters of a word: 3, and the limit is 2");
    r = ate__rd_of(ate__bytes("\5\0\0\0abcd", 8));
    assert_int_equal(ate__field_bytes(&r, "word", 9, &found), ATE_MALFORMED);
    assert_string_equal(ate__error_text(), "word: the bytes end early, at byte 4 of 8");
    r = ate__rd_of(ate__bytes("\5\0\0", 3));
    assert_int_equal(ate__field_bytes(&r, "word", 9, &found), ATE_MALFORMED);
    assert_true(ate__bytes_equal(found, ate__text_bytes("abc")));
}

static void counts(void **state)
{
    (void)state;
    uint32_t count = 77;
    struct ate__rd r = ate__rd_of(ate__bytes("\2\0\0\0abcd", 8));
    assert_int_equal(ate__field_count(&r, "pairs", 2, 2, &count), 0);
    assert_int_equal(count, 2);
    r = ate__rd_of(ate__bytes("\2\0\0\0abcd", 8));
    assert_int_equal(ate__field_count(&r, "pairs", 1, 2, &count), ATE_TOO_BIG);
    r = ate__rd_of(ate__bytes("\2\0\0\0abcd", 8));
    assert_int_equal(ate__field_count(&r, "triples", 2, 3, &count), ATE_MALFORMED);
    r = ate__rd_of(ate__bytes("\377\377\377\377", 4));
    assert_int_equal(ate__field_count(&r, "pairs", UINT32_MAX, 2, &count), ATE_MALFORMED);
    r = ate__rd_of(ate__bytes("\0\0\0", 3));
    assert_int_equal(ate__field_count(&r, "pairs", 2, 2, &count), ATE_MALFORMED);
    assert_int_equal(count, 2);
}

static void order(void **state)
{
    (void)state;
    uint8_t hashes[96] = {0};
    assert_true(ate__field_ascending(NULL, 0));
    assert_true(ate__field_ascending(hashes, 1));
    assert_false(ate__field_ascending(hashes, 2));
    hashes[63] = 1;
    hashes[64] = 1;
    assert_true(ate__field_ascending(hashes, 3));
    hashes[0] = 1;
    assert_false(ate__field_ascending(hashes, 3));

    const struct ate_bytes sorted[] = {ate__bytes(NULL, 0),   ate__bytes("\0", 1),
                                       ate__bytes("\0\0", 2), ate__bytes("\0\377", 2),
                                       ate__bytes("\1", 1),   ate__bytes("\200", 1)};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 6; k++) {
            int found = ate__field_compare(sorted[i], sorted[k]);
            assert_int_equal((found > 0) - (found < 0), (i > k) - (i < k));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(counts),
        cmocka_unit_test(order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
