/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The engine `file`: open, append, read, close, and who may. */
#include "model.h"

static void test_create_and_reopen(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    assert_int_equal(kit_open(&k, 0), ATE_NOT_FOUND);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_NOT_FOUND);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ | ATE__STORAGE_CREATE), ATE_MISUSE);
    assert_false(simdisk_exists(k.disk, KIT_DIR));
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_check_all(&k, 0);
    kit_close(&k);
    assert_int_equal(kit_open(&k, ATE__STORAGE_CREATE), ATE_EXISTS);
    for (uint64_t i = 0; i < 50; i++) {
        kit_open_ok(&k, 0);
        kit_check_all(&k, 3 * i);
        kit_append_ok(&k, 2, 100);
        kit_append_ok(&k, 1, 1000);
        kit_check_all(&k, 3 * i + 3);
        kit_close(&k);
    }
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, 150);
    assert_int_equal(kit_append(&k, 1, 100, 0), ATE_READ_ONLY);
    kit_deinit(&k);
}

static void model(const struct ate__storage_conf *conf)
{
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < 8; i++)
        model_run(seed + i, 400, false, conf);
}

static void test_model(void **state)
{
    (void)state;
    model(&(struct ate__storage_conf){.sync = ATE__SYNC_ALWAYS});
}

static void test_model_padded(void **state)
{
    (void)state;
    model(&(struct ate__storage_conf){.sync = ATE__SYNC_ALWAYS, .pad = true});
}

static void test_model_growing(void **state)
{
    (void)state;
    model(&(struct ate__storage_conf){.sync = ATE__SYNC_ALWAYS, .no_prewrite = true});
}

static void test_model_interval(void **state)
{
    (void)state;
    model(&(struct ate__storage_conf){.sync = ATE__SYNC_INTERVAL, .sync_interval_ms = 100});
}

static void test_model_never(void **state)
{
    (void)state;
    model(&(struct ate__storage_conf){.sync = ATE__SYNC_NEVER});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_and_reopen), cmocka_unit_test(test_model),
        cmocka_unit_test(test_model_padded),      cmocka_unit_test(test_model_growing),
        cmocka_unit_test(test_model_interval),    cmocka_unit_test(test_model_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
