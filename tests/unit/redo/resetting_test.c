/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A place that is being put back to an older state: nobody writes there but who says so. */
#include "redo/resetting.h"
#include "kit.h"

static void test_place(void **state)
{
    (void)state;
    struct kit k;
    struct ate__storage *s;
    struct ate__storage_conf says = {.resetting_too = true};
    bool there = true;
    kit_init(&k, 1);
    const struct ate__vfs *vfs = simdisk_vfs(k.disk);
    assert_int_equal(ate__resetting_there(vfs, k.root, &there), 0);
    assert_false(there);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_close(&k);
    assert_int_equal(ate__resetting_begin(vfs, k.root), 0);
    assert_int_equal(ate__resetting_begin(vfs, k.root), 0); /* once more */
    assert_int_equal(ate__resetting_there(vfs, k.root, &there), 0);
    assert_true(there);
    for (unsigned chain = 0; chain < 2; chain++) {
        uint64_t before = simdisk_digest(k.disk);
        assert_int_equal(kit_open(&k, 0), ATE_DENIED);
        assert_non_null(strstr(ate__error_text(), "restore it again, with --reset"));
        assert_int_equal(kit_open(&k, ATE__STORAGE_CREATE), ATE_DENIED);
        assert_true(simdisk_digest(k.disk) == before);
        if (chain)
            break;
        kit_open_ok(&k, ATE__STORAGE_READ);
        kit_close(&k);
        assert_int_equal(
            ate__storage_open_file(&k.sim.env, k.root, 0, NULL, ATE__ROLE_ROOT, &says, &s), 0);
        s->v->close(s);
        simdisk_unlink(k.disk, "/c/,chain");
    }
    assert_int_equal(ate__resetting_end(vfs, k.root), 0);
    assert_int_equal(ate__resetting_end(vfs, k.root), 0);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_deinit(&k);
}

/* What cannot be looked at is no permission. */
static void test_faults(void **state)
{
    (void)state;
    struct kit k;
    bool there;
    kit_init(&k, 2);
    simdisk_mkdir(k.disk, "/c/,resetting");
    const struct ate__vfs *vfs = simdisk_vfs(k.disk);
    assert_int_equal(ate__resetting_there(vfs, k.root, &there), ATE_E_SYSTEM);
    assert_int_equal(ate__resetting_check(vfs, k.root), ATE_E_SYSTEM);
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
