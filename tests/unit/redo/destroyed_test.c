/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A place where a chain was destroyed: whatever the file says, no log is opened or made there. */
#include "redo/destroyed.h"
#include "kit.h"

static void expect_gone(int rc, int expected)
{
    assert_int_equal(rc, expected);
    assert_non_null(strstr(ate__error_text(), "was destroyed by its owner"));
}

static void test_place(void **state)
{
    (void)state;
    struct kit k;
    struct ate__storage *s;
    struct ate__storage_conf ends = {.destroyed_too = true};
    kit_init(&k, 1);
    const struct ate__vfs *vfs = simdisk_vfs(k.disk);
    assert_int_equal(ate__destroyed_check(vfs, k.root, ATE_NOT_FOUND), 0);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_close(&k);
    simdisk_put(k.disk, "/c/,destroyed", "", 0);
    expect_gone(ate__destroyed_check(vfs, k.root, ATE_NOT_FOUND), ATE_NOT_FOUND);
    for (unsigned chain = 0; chain < 2; chain++) {
        uint64_t before = simdisk_digest(k.disk);
        expect_gone(kit_open(&k, 0), ATE_NOT_FOUND);
        expect_gone(kit_open(&k, ATE__STORAGE_READ), ATE_NOT_FOUND);
        expect_gone(kit_open(&k, ATE__STORAGE_CREATE), ATE_DENIED);
        assert_true(simdisk_digest(k.disk) == before);
        if (!chain) {
            assert_int_equal(
                ate__storage_open_file(&k.sim.env, k.root, 0, NULL, ATE__ROLE_ROOT, &ends, &s), 0);
            s->v->close(s);
            assert_true(simdisk_digest(k.disk) == before);
            simdisk_unlink(k.disk, "/c/,chain");
        }
    }
    simdisk_unlink(k.disk, "/c/,destroyed");
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_deinit(&k);
}

/* What cannot be looked at is no permission. */
static void test_faults(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 2);
    simdisk_mkdir(k.disk, "/c/,destroyed");
    assert_int_equal(ate__destroyed_check(simdisk_vfs(k.disk), k.root, ATE_DENIED), ATE_E_SYSTEM);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
