/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* So many bytes a second, and an end within a slice. */
#include "chain/pace.h"
#include "lib/check.h"
#include "lib/simenv.h"

static struct simenv sim;
static unsigned asked, cancel_at;

static bool cancel(void *arg)
{
    (void)arg;
    return ++asked >= cancel_at;
}

static struct ate__pace begin(uint64_t rate, unsigned at)
{
    simenv_init(&sim, 1, NULL);
    asked = 0;
    cancel_at = at;
    return (struct ate__pace){&sim.env, rate, at ? cancel : NULL, NULL, 0};
}

static void test_rate(void **state)
{
    (void)state;
    struct ate__pace p = begin(1 << 20, 0);
    uint64_t from_ms = ate__monotonic_ms(&sim.env);
    for (unsigned i = 0; i < 1024; i++)
        ate__pace(&p, 4096);
    uint64_t passed_ms = ate__monotonic_ms(&sim.env) - from_ms;
    assert_true(passed_ms > 3600 && passed_ms <= 4000);
    ate__pace(&p, 64 << 20); /* one that is large is slept for as well */
    assert_true(ate__monotonic_ms(&sim.env) - from_ms >= 67000);
    simenv_deinit(&sim);
}

static void test_no_rate(void **state)
{
    (void)state;
    struct ate__pace p = begin(0, 1);
    uint64_t from_ms = ate__monotonic_ms(&sim.env);
    ate__pace(&p, UINT64_MAX);
    assert_true(ate__monotonic_ms(&sim.env) == from_ms);
    assert_true(ate__pace_canceled(&p));
    simenv_deinit(&sim);
}

static void test_cancel(void **state)
{
    (void)state;
    struct ate__pace p = begin(1000, 4);
    uint64_t from_ms = ate__monotonic_ms(&sim.env);
    ate__pace(&p, 8 << 20); /* hours */
    assert_true(ate__monotonic_ms(&sim.env) - from_ms == 3 * ATE__PACE_SLICE_MS);
    assert_true(ate__pace_canceled(&p));
    simenv_deinit(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_rate),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
