/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sparse index against the list of all that was noted. */
#include "redo/index.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "redo/limits.h"

static void test_empty(void **state)
{
    (void)state;
    struct ate__index x = {.count = 0};
    struct ate__index_entry entry;
    assert_false(ate__index_find(&x, UINT64_MAX, &entry));
    ate__index_cut(&x, 0);
    ate__index_deinit(&x);
}

static void test_random(void **state)
{
    (void)state;
    enum { GROUPS = 3000, BYTES = 8 << 20 };
    static struct ate__index_entry groups[GROUPS];
    struct rnd r = rnd_of(rnd_seed(1));
    struct ate__index x = {.count = 0};
    uint64_t sequence = 10, offset = 88;
    size_t n = 0;
    while (n < GROUPS && offset < BYTES) {
        groups[n++] = (struct ate__index_entry){sequence, offset};
        ate__index_note(&x, BYTES, sequence, offset);
        if (n > 50) /* again, and out of order: changes nothing */
            ate__index_note(&x, BYTES, groups[n - 40].sequence, groups[n - 40].offset);
        sequence += 1 + rnd_below(&r, 5);
        offset += 96 + rnd_below(&r, 6000);
    }
    assert_true(x.count >= offset / ATE__INDEX_STEP_BYTES / 2 && x.count <= x.capacity);
    for (uint64_t s = 0; s < sequence + 5; s++) {
        struct ate__index_entry entry;
        bool found = ate__index_find(&x, s, &entry);
        assert_true(found == (s >= groups[0].sequence));
        if (!found)
            continue;
        assert_true(entry.sequence <= s);
        size_t i = 0, at = n;
        for (; i < n && groups[i].sequence <= s; i++)
            at = groups[i].sequence == entry.sequence ? i : at;
        assert_true(at < n && groups[at].offset == entry.offset);
        assert_true(groups[i - 1].offset - entry.offset < ATE__INDEX_STEP_BYTES);
    }
    ate__index_cut(&x, groups[n / 2].offset);
    struct ate__index_entry entry;
    assert_true(ate__index_find(&x, UINT64_MAX, &entry));
    assert_true(entry.offset < groups[n / 2].offset);
    ate__index_cut(&x, 0);
    assert_int_equal(x.count, 0);
    ate__index_deinit(&x);
}

/* Without memory it stays empty and finds nothing. */
static void test_no_memory(void **state)
{
    (void)state;
    struct ate__index x = {.count = 0};
    struct ate__index_entry entry;
    heap_start();
    heap_fail(1, true);
    ate__index_note(&x, 65536, 1, 88);
    assert_false(ate__index_find(&x, 5, &entry));
    heap_fail(0, false);
    ate__index_note(&x, 65536, 2, 200);
    assert_true(ate__index_find(&x, 5, &entry));
    ate__index_deinit(&x);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
