/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine `mem`: answers as the engine `file` does (file_test.c runs the same model). */
#include "lib/heap.h"
#include "model.h"

static void test_model(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < 20; i++)
        model_run(seed + i, 400, true, &(struct ate__storage_conf){.sync = ATE__SYNC_ALWAYS});
}

static int open_and_use(void *arg)
{
    struct simenv *sim = arg;
    struct ate__storage *s = NULL;
    struct ate_bytes record = ate__text_bytes("a record");
    struct ate__group_in group = {.records = &record, .count = 1};
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = ate__storage_open_mem(&sim->env, &kit_chain, ATE__ROLE_ROOT, &s);
    if (rc)
        return rc;
    rc = s->v->append(s, &group);
    if (!rc)
        rc = s->v->load(s, 0, NULL, &buf);
    if (!rc)
        rc = s->v->tiles_append(s, &(struct ate_hash){{1}}, 1);
    ate__buf_deinit(&buf);
    s->v->close(s);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, 1, NULL);
    assert_true(heap_sweep(open_and_use, &sim, false) > 4);
    simenv_deinit(&sim);
}

static void test_refusals(void **state)
{
    (void)state;
    struct simenv sim;
    struct ate__storage *s = NULL;
    struct ate__storage_damage damage;
    simenv_init(&sim, 1, NULL);
    assert_int_equal(ate__storage_open_mem(&sim.env, &kit_chain, ATE__ROLE_MIRROR, &s), 0);
    static uint8_t big[16 << 20];
    struct ate_bytes records[] = {{"x", 1}, {"", 0}};
    struct ate_bytes bigs[] = {{big, sizeof big}, {big, sizeof big}};
    struct ate__group_in group = {.first_sequence = 1, .records = records, .count = 1};
    assert_int_equal(s->v->append(s, &group), ATE_MISUSE);
    group.first_sequence = 0;
    group.count = 2;
    assert_int_equal(s->v->append(s, &group), ATE_MISUSE);
    group.records = bigs;
    assert_int_equal(s->v->append(s, &group), ATE_TOO_BIG);
    bigs[0].size = bigs[1].size = sizeof big / 2;
    assert_int_equal(s->v->append(s, &group), ATE_TOO_BIG);
    group.count = 0;
    assert_int_equal(s->v->append(s, &group), 0);
    struct ate__storage_state now;
    s->v->state(s, &now);
    assert_true(now.size == 0 && now.role == ATE__ROLE_MIRROR && now.writable);
    assert_memory_equal(&now.chain_id, &kit_chain, sizeof kit_chain);
    s->v->damage(s, &damage);
    assert_int_equal(damage.what, ATE_OK);
    assert_int_equal(s->v->durable_copies, 0);
    const struct ate__storage_vtable *v = s->v;
    v->close(s);
    v->close(NULL);
    simenv_deinit(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
