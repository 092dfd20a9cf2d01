/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * (origin, number) -> sequence: against a list of all that was committed, over windows, rollbacks
 * and the bound on origins; and what an entry costs.
 */
#include "trust/origin.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include <stdlib.h>

enum { ORIGINS = 40, LIST = 200000 };

static const uint64_t seed[2] = {7, 8};
static struct ate__txn_id *list; /* by sequence */
static uint64_t size;

static struct ate__txn_id id_of(unsigned origin, uint64_t number)
{
    struct ate__txn_id id = {.number = number};
    id.origin[0] = (uint8_t)origin;
    id.origin[1] = (uint8_t)(origin >> 8);
    id.origin[2] = (uint8_t)(origin >> 16);
    id.origin[15] = 0x77;
    return id;
}

static bool same(const struct ate__txn_id *a, const struct ate__txn_id *b)
{
    return a->number == b->number && !memcmp(a->origin, b->origin, sizeof a->origin);
}

/* What has to be known: all of the last `kept`, and the newest of each origin. */
static bool plain(const struct ate__txn_id *id, uint64_t kept, uint64_t *ret_sequence)
{
    bool newest = true;
    for (uint64_t s = size; s-- > 0;) {
        if (memcmp(list[s].origin, id->origin, sizeof id->origin))
            continue;
        if (same(&list[s], id) && (newest || size - s <= kept)) {
            *ret_sequence = s;
            return true;
        }
        newest = false;
    }
    return false;
}

static void compare(const struct ate__origins *o, const struct ate__txn_id *id)
{
    uint64_t expected = 0, sequence = 0;
    bool known = plain(id, o->kept, &expected);
    assert_int_equal(ate__origins_find(o, id, &sequence), known);
    if (known)
        assert_int_equal(sequence, expected);
}

static void add(struct ate__origins *o, struct ate__txn_id id)
{
    uint64_t ignored;
    if (plain(&id, o->kept, &ignored))
        return; /* the caller answers a repeat and does not commit it */
    assert_int_equal(ate__origins_add(o, &id, size), 0);
    list[size++] = id;
}

static void roll_back(struct ate__origins *o, uint64_t to)
{
    ate__origins_rollback(o, to);
    size = to;
}

static void random_histories(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(9));
    list = calloc(LIST, sizeof *list);
    assert_non_null(list);
    for (int history = 0; history < 30; history++) {
        struct ate__origins o;
        uint64_t window = 1 + rnd_below(&rnd, 50), back = 20;
        size = 0;
        ate__origins_init(&o, seed, window);
        o.kept = window + back; /* as if a rollback took back 20 at most */
        o.undo_max = back;
        uint64_t settled = 0;   /* what a rollback must not reach */
        for (int step = 0; step < 600; step++) {
            unsigned origin = (unsigned)rnd_below(&rnd, ORIGINS);
            if (rnd_below(&rnd, 25) == 0) {
                uint64_t low = size > back ? size - back : 0;
                low = low > settled ? low : settled;
                roll_back(&o, low + rnd_below(&rnd, size - low + 1));
                settled = size; /* another one comes after as many again */
            }
            add(&o, id_of(origin, rnd_below(&rnd, 30)));
            if (settled + back < size)
                settled = 0;
            struct ate__txn_id any =
                id_of((unsigned)rnd_below(&rnd, ORIGINS + 2), rnd_below(&rnd, 32));
            uint64_t ignored;
            /* Beyond the window only what is certain is asked for. */
            if (plain(&any, window, &ignored) || !plain(&any, UINT64_MAX, &ignored))
                compare(&o, &any);
        }
        ate__origins_deinit(&o);
    }
    free(list);
}

static void origins_are_forgotten_beyond_the_window_only(void **state)
{
    (void)state;
    struct ate__origins o;
    uint64_t sequence;
    ate__origins_init(&o, seed, 10);
    o.kept = 20;
    o.undo_max = 10;
    o.origins_max = 5;
    for (unsigned i = 0; i < 100; i++) {
        struct ate__txn_id id = id_of(i, 1);
        assert_int_equal(ate__origins_add(&o, &id, i), 0);
        for (unsigned k = 0; k <= i; k++) {
            id = id_of(k, 1);
            bool known = ate__origins_find(&o, &id, &sequence);
            if (known)
                assert_int_equal(sequence, k);
            if (i - k < 20)
                assert_true(known); /* however many origins that are */
        }
    }
    assert_true(o.origin_count <= 21);
    struct ate__txn_id id = id_of(70, 1);
    assert_false(ate__origins_find(&o, &id, &sequence));
    ate__origins_deinit(&o);
}

static void a_silent_origin_knows_its_newest(void **state)
{
    (void)state;
    struct ate__origins o;
    uint64_t sequence;
    ate__origins_init(&o, seed, 5);
    o.kept = 8;
    o.undo_max = 3;
    struct ate__txn_id first = id_of(1, 10), second = id_of(1, 4);
    assert_int_equal(ate__origins_add(&o, &first, 0), 0);
    assert_int_equal(ate__origins_add(&o, &second, 1), 0); /* numbers come in any order */
    for (unsigned i = 2; i < 1000; i++) {
        struct ate__txn_id id = id_of(2, i);
        assert_int_equal(ate__origins_add(&o, &id, i), 0);
    }
    assert_false(ate__origins_find(&o, &first, &sequence));
    assert_true(ate__origins_find(&o, &second, &sequence));
    assert_int_equal(sequence, 1);
    /* What a rollback takes back makes the old newest the newest again. */
    struct ate__txn_id third = id_of(1, 11);
    assert_int_equal(ate__origins_add(&o, &third, 1000), 0);
    assert_false(ate__origins_find(&o, &second, &sequence));
    ate__origins_rollback(&o, 1000);
    assert_true(ate__origins_find(&o, &second, &sequence));
    assert_false(ate__origins_find(&o, &third, &sequence));
    ate__origins_deinit(&o);
}

/* Behind a gap only what comes then is known, and the last of each origin; the same pair may not
 * come again where it would be taken for new. */
static void gaps_of_a_compaction(void **state)
{
    (void)state;
    static const uint64_t gaps[] = {1, 1000, 1 << 20, 1 << 22};
    struct ate__origins o;
    struct rnd r = rnd_of(rnd_seed(9));
    uint64_t sequence = 0, found;
    ate__origins_init(&o, seed, 100);
    for (size_t i = 0; i < ATE__COUNT_OF(gaps); i++) {
        uint64_t from = sequence, count = 1 + rnd_below(&r, 3000);
        for (; sequence < from + count; sequence++) {
            struct ate__txn_id id = id_of((unsigned)(sequence % 7), sequence);
            assert_int_equal(ate__origins_add(&o, &id, sequence), 0);
        }
        for (uint64_t s = from; s < sequence; s++) {
            struct ate__txn_id id = id_of((unsigned)(s % 7), s);
            assert_true(ate__origins_find(&o, &id, &found));
            assert_true(found == s);
        }
        struct ate__txn_id last = id_of((unsigned)((sequence - 1) % 7), sequence - 1);
        struct ate__txn_id before = id_of((unsigned)((sequence - 1) % 7), sequence - 8);
        sequence += gaps[i];
        ate__origins_skip(&o, sequence);
        ate__origins_skip(&o, sequence - 1); /* nothing */
        assert_true(o.next == sequence);
        assert_true(ate__origins_find(&o, &last, &found));
        assert_true(found == last.number);
        if (count > 8)
            assert_false(ate__origins_find(&o, &before, &found));
        ate__origins_rollback(&o, 0); /* nothing to take back */
        assert_true(o.next == sequence);
    }
    ate__origins_deinit(&o);
}

/* An image behind a gap has origins, and no entry; one behind entries has numbers in any order. */
static void an_image_knows_as_much(void **state)
{
    (void)state;
    for (unsigned gap = 0; gap < 2; gap++) {
        static const uint64_t numbers[] = {40, 7, 90, 8};
        ate__cleanup(ate__buf_deinit) struct ate__buf image = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&image);
        struct ate__origins o, copy;
        uint64_t found, next = ATE__COUNT_OF(numbers) + gap;
        ate__origins_init(&o, seed, 100);
        ate__origins_init(&copy, seed, 100);
        for (unsigned i = 0; i < ATE__COUNT_OF(numbers); i++) {
            struct ate__txn_id id = id_of(1, numbers[i]);
            assert_int_equal(ate__origins_add(&o, &id, i), 0);
        }
        ate__origins_skip(&o, next);
        assert_int_equal(ate__origins_write(&o, next, &w), 0);
        assert_int_equal(ate__wr_end(&w), 0);
        struct ate__rd rd = ate__rd_of(ate__buf_bytes(&image));
        assert_int_equal(ate__origins_read(&copy, next, &rd), 0);
        for (uint64_t number = 0; number < 100; number++) {
            struct ate__txn_id id = id_of(1, number);
            bool known =
                gap ? number == 8 : number == 40 || number == 7 || number == 90 || number == 8;
            assert_int_equal(ate__origins_find(&copy, &id, &found), known);
            assert_int_equal(ate__origins_find(&o, &id, &found), known);
        }
        ate__origins_deinit(&o);
        ate__origins_deinit(&copy);
    }
}

static void an_entry_costs_little(void **state)
{
    (void)state;
    enum { WINDOW = 400000 };
    struct ate__origins o;
    heap_start();
    ate__origins_init(&o, seed, WINDOW);
    o.kept = WINDOW;
    o.undo_max = 16;
    for (unsigned i = 0; i < WINDOW + 1000; i++) {
        struct ate__txn_id id = id_of(1, i);
        assert_int_equal(ate__origins_add(&o, &id, i), 0);
    }
    assert_true(heap_bytes() <= 24 * (size_t)WINDOW);
    ate__origins_deinit(&o);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories),
        cmocka_unit_test(origins_are_forgotten_beyond_the_window_only),
        cmocka_unit_test(a_silent_origin_knows_its_newest),
        cmocka_unit_test(gaps_of_a_compaction),
        cmocka_unit_test(an_image_knows_as_much),
        cmocka_unit_test(an_entry_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
