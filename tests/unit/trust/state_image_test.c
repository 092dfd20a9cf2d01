/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Origins and offices of a view image: written at an earlier size than the present one they are
 * what they were then, and go on from there. That a whole trust state does is in chain/image. */
#include "trust/state_image.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "trust/origin.h"
#include "trust/roster.h"
#include <stdlib.h>

enum { ORIGINS = 30, STEPS = 3000, WINDOW = 100 };
static const uint64_t seed[2] = {3, 4};

static struct ate__txn_id any_id(struct rnd *r, uint64_t *numbers)
{
    unsigned origin = (unsigned)rnd_below(r, ORIGINS);
    struct ate__txn_id id = {.number = ++numbers[origin]};
    id.origin[0] = (uint8_t)origin;
    return id;
}

static void write_origins(const struct ate__origins *o, uint64_t size, struct ate__buf *buf)
{
    struct ate__wr w = ate__wr_of(buf);
    assert_int_equal(ate__origins_write(o, size, &w), 0);
    assert_int_equal(ate__wr_end(&w), 0);
}

static int read_origins(struct ate__origins *o, uint64_t size, struct ate_bytes bytes)
{
    struct ate__rd rd = ate__rd_of(bytes);
    ate__origins_init(o, seed, WINDOW);
    int rc = ate__origins_read(o, size, &rd);
    if (!rc)
        assert_true(ate__rd_end(&rd));
    return rc;
}

/* What each knows of every pair that was ever committed. */
static void same_origins(const struct ate__origins *a, const struct ate__origins *b,
                         const uint64_t *numbers)
{
    for (unsigned origin = 0; origin < ORIGINS; origin++)
        for (uint64_t n = 0; n <= numbers[origin] + 1; n++) {
            struct ate__txn_id id = {.origin = {(uint8_t)origin}, .number = n};
            uint64_t sa = 0, sb = 0;
            assert_int_equal(ate__origins_find(a, &id, &sa), ate__origins_find(b, &id, &sb));
            assert_true(sa == sb);
        }
}

static void origins_come_back(void **state)
{
    (void)state;
    uint64_t first = rnd_seed(5);
    for (uint64_t round = 0; round < 20; round++) {
        struct rnd r = rnd_of(first + round);
        uint64_t numbers[ORIGINS] = {0}, size = 1 + rnd_below(&r, STEPS), behind;
        struct ate__origins then, now, back;
        struct ate__buf bytes = ATE__BUF_NULL;
        ate__origins_init(&then, seed, WINDOW);
        ate__origins_init(&now, seed, WINDOW);
        if (round % 3 == 2) { /* as after a deep compaction */
            ate__origins_skip(&then, size / 2);
            ate__origins_skip(&now, size / 2);
        }
        for (uint64_t s = round % 3 == 2 ? size / 2 : 0; s < size; s++) {
            struct ate__txn_id id = any_id(&r, numbers);
            assert_int_equal(ate__origins_add(&then, &id, s), 0);
            assert_int_equal(ate__origins_add(&now, &id, s), 0);
        }
        behind = rnd_below(&r, 200); /* what is ordered and not published yet */
        for (uint64_t s = size; s < size + behind; s++) {
            struct ate__txn_id id = any_id(&r, numbers);
            assert_int_equal(ate__origins_add(&now, &id, s), 0);
        }
        write_origins(&now, size, &bytes);
        assert_int_equal(read_origins(&back, size, ate__buf_bytes(&bytes)), 0);
        same_origins(&then, &back, numbers);
        for (uint64_t s = size; s < size + 50; s++) {
            struct ate__txn_id id = any_id(&r, numbers);
            assert_int_equal(ate__origins_add(&then, &id, s), 0);
            assert_int_equal(ate__origins_add(&back, &id, s), 0);
        }
        ate__origins_rollback(&then, size + 10);
        ate__origins_rollback(&back, size + 10);
        same_origins(&then, &back, numbers);
        ate__buf_deinit(&bytes);
        ate__origins_deinit(&then);
        ate__origins_deinit(&now);
        ate__origins_deinit(&back);
    }
}

static void hostile_origins(void **state)
{
    (void)state;
    struct ate__origins o, back;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct rnd r = rnd_of(7);
    uint64_t numbers[ORIGINS] = {0};
    ate__origins_init(&o, seed, WINDOW);
    for (uint64_t s = 0; s < 40; s++) {
        struct ate__txn_id id = any_id(&r, numbers);
        assert_int_equal(ate__origins_add(&o, &id, s), 0);
    }
    write_origins(&o, 40, &bytes);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(read_origins(&back, 40, ate__bytes(bytes.data, cut)), ATE_MALFORMED);
        ate__origins_deinit(&back);
    }
    for (size_t at = 0; at < bytes.size; at++) {
        bytes.data[at] ^= 0x80;
        int rc = read_origins(&back, 40, ate__buf_bytes(&bytes));
        assert_true(rc == 0 || rc == ATE_MALFORMED);
        ate__origins_deinit(&back);
        bytes.data[at] ^= 0x80;
    }
    ate__buf_deinit(&bytes);
    ate__origins_deinit(&o);
}

/* ---- offices ---- */

static struct ate_hash key_of(uint64_t n)
{
    struct ate_hash h = {{(uint8_t)n, 0x33}};
    return h;
}

static void change(struct ate__roster *a, struct rnd *r, uint64_t sequence)
{
    enum ate__office office = (enum ate__office)rnd_below(r, ATE__OFFICES);
    struct ate_hash key = key_of(rnd_below(r, 20));
    uint64_t what = rnd_below(r, 8);
    if (what < 4)
        assert_int_equal(ate__roster_add(a, office, &key, sequence), 0);
    else if (what < 7)
        ate__roster_remove(a, office, &key, sequence);
    else
        assert_int_equal(ate__roster_revoke(a, &key, sequence), 0);
}

static void offices_come_back(void **state)
{
    (void)state;
    uint64_t first = rnd_seed(6);
    for (uint64_t round = 0; round < 40; round++) {
        struct rnd r = rnd_of(first + round);
        uint64_t size = 1 + rnd_below(&r, 60);
        struct ate__roster now, back;
        struct ate__buf bytes = ATE__BUF_NULL, again = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&bytes), w2 = ate__wr_of(&again);
        ate__roster_init(&now, seed);
        ate__roster_init(&back, seed);
        for (uint64_t s = 0; s < size + 10; s++)
            change(&now, &r, s);
        ate__roster_write(&now, size, &w);
        struct ate__rd rd = ate__rd_of(ate__buf_bytes(&bytes));
        assert_int_equal(ate__roster_read(&back, size, &rd), 0);
        assert_true(ate__rd_end(&rd));
        ate__roster_rollback(&now, size);
        ate__roster_write(&now, size, &w2);
        assert_true(ate__bytes_equal(ate__buf_bytes(&bytes), ate__buf_bytes(&again)));
        for (unsigned k = 0; k < 20; k++)
            for (int office = 0; office < ATE__OFFICES; office++) {
                struct ate_hash key = key_of(k);
                enum ate__office o = (enum ate__office)office;
                assert_int_equal(ate__roster_is(&now, o, &key), ate__roster_is(&back, o, &key));
                assert_int_equal(ate__roster_was(&now, o, &key), ate__roster_was(&back, o, &key));
                assert_int_equal(ate__roster_is_revoked(&now, &key),
                                 ate__roster_is_revoked(&back, &key));
            }
        for (size_t cut = 0; cut < bytes.size; cut++) {
            rd = ate__rd_of(ate__bytes(bytes.data, cut));
            assert_int_equal(ate__roster_read(&back, size, &rd), ATE_MALFORMED);
        }
        if (bytes.size > 8 && size > 1) { /* of a later time than the image */
            rd = ate__rd_of(ate__buf_bytes(&bytes));
            int rc = ate__roster_read(&back, 1, &rd);
            assert_true(rc == 0 || rc == ATE_MALFORMED);
        }
        ate__buf_deinit(&bytes);
        ate__buf_deinit(&again);
        ate__roster_deinit(&now);
        ate__roster_deinit(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_come_back),
        cmocka_unit_test(hostile_origins),
        cmocka_unit_test(offices_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
