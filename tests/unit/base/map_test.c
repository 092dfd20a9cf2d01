/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"

static const uint64_t seed[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", appendix A (15 bytes), and
 * some of the vectors of their reference implementation. */
static void test_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t hash;
    } table[] = {
        {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {8, 0x93f5f5799a932462},
        {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
    };
    uint8_t bytes[64];
    for (int i = 0; i < 64; i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        assert_true(ate__siphash(seed, bytes, table[i].size) == table[i].hash);
}

/* The naive model: a list of pairs. */
struct model {
    uint8_t keys[4096][48];
    uint64_t values[4096];
    size_t count;
};

static size_t model_find(const struct model *model, const void *key, size_t key_size)
{
    size_t i = 0;
    while (i < model->count && memcmp(model->keys[i], key, key_size))
        i++;
    return i;
}

static void check_walk(const struct ate__map *m, const struct model *model)
{
    size_t at = 0, count = 0;
    const void *key;
    uint64_t value;
    while (ate__map_next(m, &at, &key, &value)) {
        size_t i = model_find(model, key, m->key_size);
        assert_true(i < model->count);
        assert_true(model->values[i] == value);
        count++;
    }
    assert_int_equal(count, model->count);
    assert_false(ate__map_next(m, &at, &key, &value));
}

/* keys: how many different ones; few of them make long runs of removal and insertion. */
static void check_random(struct rnd *r, uint32_t key_size, uint64_t keys, int steps)
{
    static struct model model;
    model.count = 0;
    struct ate__map m;
    ate__map_init(&m, key_size, (uint64_t[2]){rnd_u64(r), rnd_u64(r)});
    for (int step = 0; step < steps; step++) {
        uint8_t key[48] = {0};
        uint64_t number = rnd_below(r, keys), value = rnd_u64(r), got = 99;
        memcpy(key, &number, ate__min(key_size, sizeof number));
        size_t i = model_find(&model, key, key_size);
        switch (rnd_below(r, 5)) {
        case 0:
        case 1:
            assert_int_equal(ate__map_put(&m, key, value), 0);
            model.count += i == model.count;
            memmove(model.keys[i], key, sizeof key);
            model.values[i] = value;
            break;
        case 2:
            assert_int_equal(ate__map_get(&m, key, &got), i < model.count);
            assert_true(got == (i < model.count ? model.values[i] : 99));
            break;
        case 3:
            assert_int_equal(ate__map_remove(&m, key), i < model.count);
            if (i < model.count) {
                model.count--;
                memmove(model.keys[i], model.keys[model.count], sizeof key);
                model.values[i] = model.values[model.count];
            }
            break;
        default:
            if (!rnd_below(r, 500)) {
                ate__map_clear(&m);
                model.count = 0;
            }
            assert_int_equal(ate__map_get(&m, key, NULL),
                             model_find(&model, key, key_size) < model.count);
        }
        assert_int_equal(m.count, model.count);
        if (step % 256 == 0)
            check_walk(&m, &model);
    }
    check_walk(&m, &model);
    ate__map_deinit(&m);
}

static void test_model(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(2));
    heap_start();
    static const uint32_t key_sizes[] = {1, 2, 3, 8, 16, 32, 48};
    for (size_t i = 0; i < ATE__COUNT_OF(key_sizes); i++) {
        check_random(&r, key_sizes[i], 20, 4000);
        check_random(&r, key_sizes[i], 300, 4000);
    }
    check_random(&r, 16, 4000, 30000);
    heap_stop();
}

static void test_empty(void **state)
{
    (void)state;
    struct ate__map m;
    heap_start();
    heap_fail(1, true);
    ate__map_init(&m, 8, seed);
    uint64_t key = 1, value;
    size_t at = 0;
    const void *found;
    assert_false(ate__map_get(&m, &key, &value));
    assert_false(ate__map_remove(&m, &key));
    assert_false(ate__map_next(&m, &at, &found, &value));
    ate__map_clear(&m);
    assert_int_equal(ate__map_put(&m, &key, 5), ATE_E_MEMORY);
    assert_false(ate__map_get(&m, &key, &value));
    ate__map_deinit(&m);
    ate__map_deinit(&m);
    heap_stop();
}

/* A refused enlargement leaves what was there, and the same call works later. */
static void test_refused(void **state)
{
    (void)state;
    struct ate__map m;
    heap_start();
    ate__map_init(&m, 8, seed);
    uint64_t count = 0, value;
    for (uint64_t key = 0; key < 5000; key++) {
        heap_fail(1, false);
        int rc = ate__map_put(&m, &key, ~key);
        assert_int_equal(rc, heap_failed() ? ATE_E_MEMORY : 0);
        if (!rc)
            continue;
        count++;
        assert_false(ate__map_get(&m, &key, &value));
        for (uint64_t i = 0; i < key; i++)
            assert_true(ate__map_get(&m, &i, &value) && value == ~i);
        assert_int_equal(ate__map_put(&m, &key, ~key), 0);
    }
    assert_in_range(count, 5, 15);
    ate__map_deinit(&m);
    heap_stop();
}

static void test_pointers(void **state)
{
    (void)state;
    struct ate__map m;
    ate__map_init(&m, sizeof(struct ate_id), seed);
    struct ate_id id = {{9}};
    int target = 3;
    uint64_t value;
    assert_int_equal(ate__map_put(&m, &id, ate__map_of_pointer(&target)), 0);
    assert_true(ate__map_get(&m, &id, &value));
    assert_ptr_equal(ate__map_pointer(value), &target);
    ate__map_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash),  cmocka_unit_test(test_model),
        cmocka_unit_test(test_empty),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
