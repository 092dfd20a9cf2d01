/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/env.h"
#include "lib/check.h"
#include "lib/simenv.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_clocks(void **state)
{
    (void)state;
    const struct ate__env *e = &ate__env_real;
    assert_true(ate__wall_us(e) > 1577836800000000); /* 2020 */
    uint64_t before = ate__monotonic_ms(e);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = ate__monotonic_ms(e);
        assert_true(now >= before);
        before = now;
    }
    assert_ptr_equal(e->vfs, &ate__vfs_posix);
    before = ate__monotonic_ms(e);
    ate__sleep_ms(e, 5);
    ate__sleep_ms(e, 0);
    assert_true(ate__monotonic_ms(e) >= before + 5);
    before = ate__clock_boot_ms();
    ate__sleep_ms(e, 5);
    assert_true(ate__clock_boot_ms() >= before + 5);
}

/* Not a test of randomness: that all bytes are filled, also those of a large request. */
static void test_random(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    static uint8_t bytes[SIZE + 1];
    ate__random(&ate__env_real, bytes, 0);
    assert_int_equal(bytes[0], 0);
    ate__random(&ate__env_real, bytes, SIZE);
    assert_int_equal(bytes[SIZE], 0);
    for (size_t at = 0; at < SIZE; at += 64) {
        static const uint8_t zeros[64];
        assert_memory_not_equal(bytes + at, zeros, 64);
    }
}

static int compare_draws(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static void test_small_draws_never_repeat(void **state)
{
    (void)state;
    enum { DRAWS = 10000 };
    static uint8_t draws[DRAWS][16];
    for (int i = 0; i < DRAWS; i++)
        ate__random(&ate__env_real, draws[i], 16);
    qsort(draws, DRAWS, 16, compare_draws);
    for (int i = 1; i < DRAWS; i++)
        assert_memory_not_equal(draws[i - 1], draws[i], 16);
}

static void test_a_forked_child_draws_its_own(void **state)
{
    (void)state;
    uint8_t mine[16], its[16];
    int pipes[2], status;
    ate__random(&ate__env_real, mine, sizeof mine); /* bytes are read ahead now */
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    ate__random(&ate__env_real, mine, sizeof mine);
    if (!child)
        _exit(write(pipes[1], mine, sizeof mine) != sizeof mine);
    assert_int_equal(read(pipes[0], its, sizeof its), sizeof its);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(mine, its, sizeof mine);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_simenv(void **state)
{
    (void)state;
    struct simenv a, b;
    simenv_init(&a, 7, NULL);
    simenv_init(&b, 7, NULL);
    uint64_t wall = ate__wall_us(&a.env), monotonic = ate__monotonic_ms(&a.env);
    assert_int_equal(ate__wall_us(&a.env), wall);
    simenv_pass_ms(&a, 1500);
    assert_int_equal(ate__wall_us(&a.env), wall + 1500000);
    assert_int_equal(ate__monotonic_ms(&a.env), monotonic + 1500);
    ate__sleep_ms(&a.env, 500);
    assert_int_equal(ate__monotonic_ms(&a.env), monotonic + 2000);
    simenv_set_wall_us(&a, 5);
    assert_int_equal(ate__wall_us(&a.env), 5);
    assert_int_equal(ate__monotonic_ms(&a.env), monotonic + 2000);
    uint8_t x[21], y[21];
    ate__random(&a.env, x, sizeof x);
    ate__random(&b.env, y, sizeof y);
    assert_memory_equal(x, y, sizeof x);
    ate__random(&a.env, x, sizeof x);
    assert_memory_not_equal(x, y, sizeof x);
    assert_ptr_equal(a.env.vfs, &ate__vfs_posix);
    simenv_deinit(&a);
    simenv_deinit(&b);
}

static void eight_bytes(void *user, void *to, size_t size)
{
    (void)user;
    assert_int_equal(size, 8);
    memcpy(to, "\x01\x02\x03\x04\x05\x06\x07\x88", 8);
}

static void test_a_random_number_is_its_bytes(void **state)
{
    (void)state;
    const struct ate__env e = {.random = eight_bytes};
    assert_true(ate__random_u64(&e) == 0x8807060504030201);
}

/* A writer's time is whatever he says. */
static void test_times_that_are_claimed(void **state)
{
    (void)state;
    assert_int_equal(ate__ns_of(0), 0);
    assert_int_equal(ate__ns_of(1609459200000000), 1609459200000000000);
    assert_true(ate__ns_of(INT64_MAX / 1000) == INT64_MAX / 1000 * 1000);
    assert_true(ate__ns_of(INT64_MAX / 1000 + 1) == INT64_MAX);
    assert_true(ate__ns_of(UINT64_MAX) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_small_draws_never_repeat),
        cmocka_unit_test(test_a_forked_child_draws_its_own),
        cmocka_unit_test(test_simenv),
        cmocka_unit_test(test_a_random_number_is_its_bytes),
        cmocka_unit_test(test_times_that_are_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
