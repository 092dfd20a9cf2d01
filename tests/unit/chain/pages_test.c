/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Arrays that grow without moving.
 */
#include "chain/pages.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "base/err.h"

struct item {
    uint64_t a, b;
};

static void items_stay_where_they_are(void **state)
{
    (void)state;
    struct ate__pages p = {.item_size = sizeof(struct item)};
    struct item *first[4] = {NULL};
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t index;
        assert_int_equal(ate__pages_add(&p, &index), 0);
        assert_int_equal(index, i);
        struct item *item = ate__pages_at(&p, index);
        assert_true(item->a == 0 && item->b == 0);
        item->a = i;
        item->b = ~(uint64_t)i;
        if (i % 1250 == 7)
            first[i / 1250] = item;
    }
    for (uint32_t i = 0; i < 5000; i++) {
        const struct item *item = ate__pages_at(&p, i);
        assert_true(item->a == i && item->b == ~(uint64_t)i);
        if (i % 1250 == 7)
            assert_ptr_equal(item, first[i / 1250]);
    }
    ate__pages_deinit(&p);
    assert_int_equal(p.count, 0);
    assert_int_equal(p.item_size, sizeof(struct item));
}

static void the_last_index(void **state)
{
    (void)state;
    struct ate__pages p = {.item_size = 1, .count = UINT32_MAX - ATE__PAGES_FIRST + 1};
    uint32_t index = 5;
    assert_int_equal(ate__pages_add(&p, &index), ATE_BUSY);
    assert_int_equal(index, 5);
    assert_non_null(strstr(ate__error_text(), "more than 4294967040"));
}

static int grow(void *arg)
{
    struct ate__pages p = {.item_size = sizeof(struct item)};
    uint32_t index, *count = arg;
    int rc = 0;
    for (*count = 0; !rc && *count < 3000; ++*count)
        rc = ate__pages_add(&p, &index);
    assert_true(p.count <= *count);
    ate__pages_deinit(&p);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    uint32_t count;
    assert_int_equal(heap_sweep(grow, &count, false), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_where_they_are),
        cmocka_unit_test(the_last_index),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
