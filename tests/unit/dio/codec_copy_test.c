/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "dio/codec.h"
#include "dio/limits.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "sample.h"

/* The copy is equal and keeps nothing of the original, whose memory is gone. */
static void test_random(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(11));
    for (int i = 0; i < 300; i++) {
        struct arena a = {NULL, 0}, again = {NULL, 0};
        uint64_t seed = rnd_u64(&r);
        struct rnd first = rnd_of(seed), second = rnd_of(seed);
        void *object = sample_make(&a, &first, ate_type_sample()), *copy = NULL;
        assert_int_equal(ate__copy_object(ate_type_sample(), object, &copy), 0);
        arena_free(&a);
        object = sample_make(&again, &second, ate_type_sample());
        assert_true(sample_equal(ate_type_sample(), copy, object));
        ate__free(copy);
        arena_free(&again);
    }
}

static int copy(const struct ate_type *type, const void *object)
{
    void *to = NULL;
    int rc = ate__copy_object(type, object, &to);
    assert_true((rc == 0) == (to != NULL));
    ate__free(to);
    return rc;
}

static void test_refused(void **state)
{
    (void)state;
    struct sample s = {.bytes = {NULL, 1}};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_MISUSE);
    assert_string_equal(ate__error_text(), "type sample, field bytes: 1 bytes at NULL");
    s = (struct sample){.i16_count = 1};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_MISUSE);
    s = (struct sample){.blobs = (struct ate_bytes[]){{"", 0}, {NULL, 2}}, .blob_count = 2};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_MISUSE);
    assert_string_equal(ate__error_text(), "type sample, field blobs[1]: 2 bytes at NULL");
    s = (struct sample){.maybe_bytes = &(struct ate_bytes){NULL, 2}};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_MISUSE);
    assert_string_equal(ate__error_text(), "type sample, field maybe_bytes: 2 bytes at NULL");
    assert_int_equal(copy(ate_type_sample(), NULL), ATE_MISUSE);
    assert_int_equal(copy(NULL, &s), ATE_MISUSE);
}

static void test_limits(void **state)
{
    (void)state;
    struct sample s = {.bytes = {"x", ATE__OBJECT_MEMORY_MAX}};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_TOO_BIG);
    s = (struct sample){.u64s = (const uint64_t *)&s, .u64_count = SIZE_MAX / 8};
    assert_int_equal(copy(ate_type_sample(), &s), ATE_TOO_BIG);
    struct sample_node loop = {.label = "loop"};
    loop.next = &loop;
    assert_int_equal(copy(ate_type_sample_node(), &loop), ATE_TOO_BIG);
    loop.next = NULL;
    loop.kids = &loop;
    loop.kid_count = 1;
    assert_int_equal(copy(ate_type_sample_node(), &loop), ATE_TOO_BIG);
    struct sample_node nodes[ATE__OBJECT_DEPTH_MAX] = {{NULL, NULL, 0, NULL}};
    for (size_t i = 0; i < ATE__COUNT_OF(nodes) - 1; i++)
        nodes[i].next = &nodes[i + 1];
    assert_int_equal(copy(ate_type_sample_node(), nodes), 0);
}

static int copy_and_forget(void *arg)
{
    int rc = copy(ate_type_sample(), arg);
    ate__schema_forget_all();
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(12));
    struct arena a = {NULL, 0};
    void *object = sample_make(&a, &r, ate_type_sample());
    ate__schema_forget_all();
    assert_int_equal(heap_sweep(copy_and_forget, object, false), 4); /* 3 schemas, 1 block */
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
