/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"

static void test_append(void **state)
{
    (void)state;
    heap_start();
    struct ate__buf b = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&b, ate__bytes(NULL, 0)), 0);
    assert_int_equal(b.size, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ate__buf_append(&b, ate__text_bytes("abc")), 0);
    assert_int_equal(b.size, 3000);
    assert_memory_equal(b.data + 2997, "abc", 3);
    ate__buf_clear(&b);
    assert_int_equal(b.size, 0);
    assert_true(b.capacity >= 3000);
    ate__buf_deinit(&b);
    assert_null(b.data);
    assert_int_equal(b.capacity, 0);
    ate__buf_deinit(&b);
    heap_stop();
}

static void test_drop_front(void **state)
{
    (void)state;
    struct ate__buf b = ATE__BUF_NULL;
    ate__buf_drop_front(&b, 0);
    assert_int_equal(ate__buf_append(&b, ate__text_bytes("0123456789")), 0);
    ate__buf_drop_front(&b, 0);
    assert_int_equal(b.size, 10);
    ate__buf_drop_front(&b, 3);
    assert_int_equal(b.size, 7);
    assert_memory_equal(b.data, "3456789", 7);
    ate__buf_drop_front(&b, 7);
    assert_int_equal(b.size, 0);
    ate__buf_deinit(&b);
}

static void test_refused(void **state)
{
    (void)state;
    heap_start();
    struct ate__buf b = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&b, ate__text_bytes("held")), 0);
    heap_fail(1, true);
    assert_int_equal(ate__buf_reserve(&b, 1000), ATE_E_MEMORY);
    assert_int_equal(ate__buf_append(&b, ate__bytes((uint8_t[1000]){0}, 1000)), ATE_E_MEMORY);
    assert_true(ate__bytes_equal(ate__buf_bytes(&b), ate__text_bytes("held")));
    assert_int_equal(ate__buf_reserve(&b, SIZE_MAX), ATE_E_MEMORY);
    assert_int_equal(ate__buf_reserve(&b, SIZE_MAX - 10), ATE_E_MEMORY);
    ate__buf_deinit(&b);
    heap_stop();
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(ate__bytes_equal(ate__bytes(NULL, 0), ate__bytes("x", 0)));
    assert_true(ate__bytes_equal(ate__bytes("ab", 2), ate__bytes("abc", 2)));
    assert_false(ate__bytes_equal(ate__bytes("ab", 2), ate__bytes("abc", 3)));
    assert_false(ate__bytes_equal(ate__bytes("ab", 2), ate__bytes("ac", 2)));
    struct ate_id a = {{1}}, b = {{1}};
    assert_true(ate__id_equal(&a, &b));
    b.b[15] = 1;
    assert_false(ate__id_equal(&a, &b));
    struct ate_hash zero = {{0}}, one = {{0}};
    one.b[31] = 1;
    assert_true(ate__hash_is_zero(&zero));
    assert_false(ate__hash_is_zero(&one));
    assert_false(ate__hash_equal(&zero, &one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_drop_front),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
