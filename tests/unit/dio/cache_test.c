/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The cache of decoded objects: what is found, what room it takes, and that nothing ends which is
 * lent, with one thread and with several.
 */
#include "dio/cache.h"
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <pthread.h>

static const uint64_t seed[2] = {3, 4};
static const struct ate_type types[2];

static struct ate_id id_of(uint64_t n)
{
    struct ate_id id = {{0}};
    memcpy(id.b, &n, sizeof n);
    return id;
}

static struct ate__decoded *new_object(uint64_t n, uint64_t sequence, size_t size)
{
    struct ate__decoded *d = ate__alloc(sizeof *d + size);
    assert_non_null(d);
    d->id = id_of(n);
    d->type = &types[0];
    d->sequence = sequence;
    d->size = sizeof *d + size;
    memset(d->object, (int)(n % 251), size);
    return d;
}

static bool whole(const struct ate__decoded *d, uint64_t n)
{
    size_t size = d->size - sizeof *d;
    struct ate_id id = id_of(n);
    bool same = !memcmp(&d->id, &id, sizeof id);
    for (size_t i = 0; i < size; i++)
        same &= d->object[i] == n % 251;
    return same;
}

static struct ate__cache *new_cache(uint64_t bytes)
{
    struct ate__cache *c;
    assert_int_equal(ate__cache_new(bytes, seed, &c), 0);
    return c;
}

static struct ate__lender *new_lender(struct ate__cache *c)
{
    struct ate__lender *l;
    assert_int_equal(ate__cache_lender(c, &l), 0);
    return l;
}

static void found_by_id_and_type(void **state)
{
    (void)state;
    struct ate__cache *c = new_cache(1 << 20);
    struct ate__lender *l = new_lender(c);
    struct ate_id id = id_of(7);
    assert_null(ate__cache_get(c, l, &id, &types[0]));
    struct ate__decoded *d = new_object(7, 1, 100), *newer = new_object(7, 2, 100);
    assert_true(ate__cache_put(c, l, d));
    assert_ptr_equal(ate__cache_get(c, l, &id, &types[0]), d);
    assert_null(ate__cache_get(c, l, &id, &types[1]));
    assert_true(ate__cache_put(c, l, newer)); /* in its place */
    assert_ptr_equal(ate__cache_get(c, l, &id, &types[0]), newer);
    assert_true(whole(d, 7)); /* still lent */
    ate__decoded_seen(newer, 9);
    ate__decoded_seen(newer, 5);
    assert_true(newer->seen == 9);
    id = id_of(8);
    assert_null(ate__cache_get(c, l, &id, &types[0]));
    ate__cache_give_back(c, l);
    ate__cache_give_back(c, NULL);
    ate__lender_clear(NULL);
    ate__cache_free(c);
    ate__cache_free(NULL);
}

static void what_is_too_big_stays_the_callers(void **state)
{
    (void)state;
    struct ate__cache *c = new_cache(8000), *none = new_cache(0);
    struct ate__lender *l = new_lender(c);
    struct ate__decoded *d = new_object(1, 1, 1000);
    assert_false(ate__cache_put(c, l, d));
    assert_false(ate__cache_put(none, l, d));
    ate__free(d);
    ate__cache_give_back(c, l);
    ate__cache_free(c);
    ate__cache_free(none);
}

/* Lenders that take and let go at random: all that they hold stays whole, memory stays bounded by
 * the limit and by what is held. */
static void nothing_ends_that_is_lent(void **state)
{
    (void)state;
    enum { LENDERS = 6, HELD = 3000, OBJECTS = 4000, STEPS = 60000, LIMIT = 1 << 17 };
    static const struct ate__decoded *held[LENDERS][HELD];
    static uint64_t number[LENDERS][HELD];
    size_t count[LENDERS] = {0}, hits = 0, most = 0;
    struct ate__lender *lender[LENDERS];
    struct rnd r = rnd_of(rnd_seed(5));
    heap_start();
    struct ate__cache *c = new_cache(LIMIT);
    for (unsigned i = 0; i < LENDERS; i++)
        lender[i] = new_lender(c);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rnd_below(&r, LENDERS);
        uint64_t n = rnd_below(&r, OBJECTS);
        if (count[i] == HELD || rnd_below(&r, 1000 + 1000 * i) == 0) {
            for (size_t k = 0; k < count[i]; k++)
                assert_true(whole(held[i][k], number[i][k]));
            if (rnd_below(&r, 2)) {
                ate__cache_give_back(c, lender[i]);
                lender[i] = new_lender(c);
            } else {
                ate__lender_clear(lender[i]);
            }
            count[i] = 0;
        }
        struct ate_id id = id_of(n);
        const struct ate__decoded *d = ate__cache_get(c, lender[i], &id, &types[0]);
        hits += d != NULL;
        if (!d) {
            struct ate__decoded *made = new_object(n, step, rnd_below(&r, 300));
            assert_true(ate__cache_put(c, lender[i], made));
            d = made;
        }
        held[i][count[i]] = d;
        number[i][count[i]++] = n;
    }
    for (unsigned i = 0; i < LENDERS; i++) {
        for (size_t k = 0; k < count[i]; k++)
            assert_true(whole(held[i][k], number[i][k]));
        ate__cache_give_back(c, lender[i]);
    }
    struct ate__lender *l = new_lender(c);
    for (unsigned step = 0; step < 20000; step++) {
        assert_true(ate__cache_put(c, l, new_object(step, 0, 200)));
        ate__lender_clear(l);
        if (step > 10000 && heap_bytes() > most)
            most = heap_bytes();
    }
    print_message("%zu of %u found; at most %zu bytes\n", hits, STEPS, most);
    assert_true(hits > STEPS / 50);
    assert_true(most < 3 * LIMIT);
    ate__cache_give_back(c, l);
    ate__cache_free(c);
    heap_stop();
}

static int with_little_memory(void *arg)
{
    (void)arg;
    struct ate__cache *c;
    struct ate__lender *l;
    int rc = ate__cache_new(1 << 16, seed, &c);
    if (rc)
        return rc;
    rc = ate__cache_lender(c, &l);
    for (uint64_t n = 0; !rc && n < 1200; n++) {
        struct ate__decoded *d = ate__alloc(sizeof *d);
        if (!d) {
            rc = ate__no_memory();
            break;
        }
        d->id = id_of(n % 10);
        d->type = &types[0];
        d->size = sizeof *d;
        if (!ate__cache_put(c, l, d)) {
            ate__free(d);
            rc = ate__no_memory();
        }
    }
    ate__cache_free(c);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    heap_sweep(with_little_memory, NULL, false);
}

/* ---- threads ---- */

enum { THREADS = 3, ROUNDS = 30000, NUMBERS = 600, AT_ONCE = 700 };

struct user {
    pthread_t thread;
    struct ate__cache *cache;
    struct rnd r;
};

static void *use(void *arg)
{
    struct user *u = arg;
    struct ate__cache *c = u->cache;
    struct ate__lender *l = new_lender(c);
    static _Thread_local const struct ate__decoded *held[AT_ONCE];
    uint64_t number[AT_ONCE];
    unsigned count = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t n = rnd_below(&u->r, NUMBERS);
        struct ate_id id = id_of(n);
        const struct ate__decoded *d = ate__cache_get(c, l, &id, &types[0]);
        if (!d) {
            struct ate__decoded *made = new_object(n, i, 40);
            if (!ate__cache_put(c, l, made)) {
                ate__free(made);
                continue;
            }
            d = made;
        }
        held[count] = d;
        number[count++] = n;
        if (count < AT_ONCE)
            continue;
        while (count--)
            if (!whole(held[count], number[count]))
                fail_msg("an object ended while it was lent");
        count = 0;
        ate__lender_clear(l);
        if (i % 5 == 0) {
            ate__cache_give_back(c, l);
            l = new_lender(c);
        }
    }
    ate__cache_give_back(c, l);
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct user users[THREADS];
    uint64_t first = rnd_seed(6);
    struct ate__cache *c = new_cache(1 << 15);
    for (unsigned i = 0; i < THREADS; i++) {
        users[i] = (struct user){.cache = c, .r = rnd_of(first + i)};
        assert_int_equal(pthread_create(&users[i].thread, NULL, use, &users[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(users[i].thread, NULL);
    ate__cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_id_and_type),
        cmocka_unit_test(what_is_too_big_stays_the_callers),
        cmocka_unit_test(nothing_ends_that_is_lent),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
