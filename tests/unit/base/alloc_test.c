/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"

static void test_sizes(void **state)
{
    (void)state;
    heap_start();
    uint8_t *p = ate__alloc(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    ate__free(p);
    p = ate__alloc(0);
    assert_non_null(p);
    *p = 1;
    ate__free(p);
    p = ate__alloc_array(3, 7);
    assert_int_equal(heap_bytes(), 21);
    ate__free(p);
    assert_null(ate__alloc_array(SIZE_MAX / 2, 3));
    assert_null(ate__alloc_array(SIZE_MAX, SIZE_MAX));
    assert_null(ate__alloc(SIZE_MAX));
    assert_null(ate__resize(NULL, (size_t)PTRDIFF_MAX + 1));
    ate__free(NULL);
    heap_stop();
}

static void test_copies(void **state)
{
    (void)state;
    heap_start();
    char *text = ate__copy_text("hello");
    assert_string_equal(text, "hello");
    char *more = ate__format("%s, %d", text, 42);
    assert_string_equal(more, "hello, 42");
    text = ate__resize(text, 100);
    assert_string_equal(text, "hello");
    void *none = ate__copy(NULL, 0);
    assert_non_null(none);
    ate__freep(&none);
    assert_null(none);
    ate__free(text);
    ate__free(more);
    heap_stop();
}

static void test_refused(void **state)
{
    (void)state;
    heap_start();
    char *text = ate__copy_text("stays");
    heap_fail(1, true);
    assert_null(ate__alloc(1));
    assert_null(ate__alloc_array(1, 1));
    assert_null(ate__resize(text, 1000));
    assert_string_equal(text, "stays");
    assert_null(ate__copy("x", 1));
    assert_null(ate__copy_text("x"));
    assert_null(ate__format("x"));
    heap_fail(0, false);
    ate__free(text);
    heap_stop();
}

static void test_grow(void **state)
{
    (void)state;
    heap_start();
    uint32_t *items = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(ate__grow(&items, &capacity, i + 1, sizeof *items), 0);
        assert_true(capacity > i);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    uint32_t *before = items;
    size_t capacity_before = capacity;
    assert_int_equal(ate__grow(&items, &capacity, 10, sizeof *items), 0);
    assert_int_equal(ate__grow(&items, &capacity, SIZE_MAX / 2, sizeof *items), ATE_E_MEMORY);
    assert_int_equal(ate__grow(&items, &capacity, SIZE_MAX, sizeof *items), ATE_E_MEMORY);
    assert_int_equal(ate__grow(&items, &capacity, SIZE_MAX / 4 + 2, sizeof *items), ATE_E_MEMORY);
    heap_fail(1, false);
    assert_int_equal(ate__grow(&items, &capacity, capacity + 1, sizeof *items), ATE_E_MEMORY);
    assert_string_equal(ate__error_text(), "out of memory");
    assert_ptr_equal(items, before);
    assert_int_equal(capacity, capacity_before);
    ate__free(items);
    heap_stop();
}

static int sweep_me(void *arg)
{
    (*(int *)arg)++;
    ate__cleanup(ate__freep) char *a = ate__copy_text("a");
    if (!a)
        return ate__no_memory();
    ate__cleanup(ate__freep) char *b = ate__format("%s b", a);
    return b ? 0 : ate__no_memory();
}

static void test_sweep(void **state)
{
    (void)state;
    int runs = 0;
    assert_int_equal(heap_sweep(sweep_me, &runs, false), 2);
    assert_int_equal(runs, 6);
    assert_int_equal(heap_blocks(), 0);
}

/* What is held stays as it is; with another allocator there is nothing to give back. */
static void trim_leaves_what_is_held(void **state)
{
    (void)state;
    enum { BLOCKS = 2000, SIZE = 1000 };
    uint8_t *block[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = ate__alloc(SIZE);
        assert_non_null(block[i]);
        block[i][i % SIZE] = 7;
    }
    for (int i = 0; i < BLOCKS; i += 2)
        ate__free(block[i]);
    ate__alloc_trim();
    for (int i = 1; i < BLOCKS; i += 2) {
        assert_int_equal(block[i][i % SIZE], 7);
        ate__free(block[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trim_leaves_what_is_held),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
