/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The file `reserve`: how large, made, given up, made again. */
#include "redo/reserve.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "redo/limits.h"

static struct simdisk *disk;
static const struct ate__vfs *vfs;
static struct ate__dir *root;
static struct ate__reserve reserve;

static int setup(void **state)
{
    (void)state;
    disk = simdisk_new(1);
    vfs = simdisk_vfs(disk);
    reserve = (struct ate__reserve){.file = NULL};
    return vfs->open_root(vfs->user, "/", &root);
}

static int teardown(void **state)
{
    (void)state;
    ate__reserve_deinit(vfs, &reserve);
    vfs->close_dir(root);
    simdisk_free(disk);
    return 0;
}

static void test_target(void **state)
{
    (void)state;
    assert_true(ate__reserve_target(65536, true) == 16384);
    assert_true(ate__reserve_target(65536, false) == 32768);
    assert_true(ate__reserve_target(1 << 20, false) == 1 << 19);
    assert_true(ate__reserve_target(1 << 21, false) == 1 << 20);
    assert_true(ate__reserve_target(64 << 20, false) == ATE__RESERVE_BYTES_MAX);
    assert_true(ate__reserve_target(64 << 20, true) == ATE__RESERVE_BYTES_MIN);
}

static void test_fill(void **state)
{
    (void)state;
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 100000, 100000), 0);
    assert_true(reserve.bytes == 100000 && simdisk_size(disk, "/reserve") == 100000);
    uint64_t calls = simdisk_count(disk, SIMDISK_MUTATING);
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 50000, 50000), 0);
    assert_true(reserve.bytes == 100000 && simdisk_count(disk, SIMDISK_MUTATING) == calls);
    /* Room is looked for beyond what is kept. */
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 300000, 120000), 0);
    assert_true(reserve.bytes == 120000 && simdisk_size(disk, "/reserve") == 120000);
    /* The next process finds it. */
    ate__reserve_deinit(vfs, &reserve);
    assert_true(ate__reserve_give(vfs, root, &reserve, 5000) == 8192);
    assert_true(reserve.bytes == 120000 - 8192);
    assert_true(ate__reserve_give(vfs, root, &reserve, 1 << 20) == 120000 - 8192);
    assert_true(ate__reserve_give(vfs, root, &reserve, 1) == 0 && !reserve.bytes);
}

/* Such a file system frees what one sync wrote only when all of it is cut off. */
static void test_copy_on_write(void **state)
{
    (void)state;
    simdisk_set_copy_on_write(disk, true);
    uint64_t syncs = simdisk_count(disk, SIMDISK_SYNC);
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 200000, 200000), 0);
    assert_true(simdisk_count(disk, SIMDISK_SYNC) - syncs >= 4); /* three of 64 KiB, the rest */
    assert_true(ate__reserve_give(vfs, root, &reserve, 1) == 200000 - 2 * 65536);
    assert_true(ate__reserve_give(vfs, root, &reserve, 5000) == 65536);
    assert_true(ate__reserve_give(vfs, root, &reserve, 65537) == 65536);
    assert_true(!reserve.bytes && ate__reserve_give(vfs, root, &reserve, 1) == 0);
    assert_true(simdisk_size(disk, "/reserve") == 0);
}

static void test_full(void **state)
{
    (void)state;
    simdisk_limit(disk, 90000);
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 200000, 200000), ATE_E_NO_SPACE);
    assert_true(reserve.bytes == 86016 && simdisk_size(disk, "/reserve") == 86016); /* 21 pages */
    assert_true(ate__reserve_give(vfs, root, &reserve, 4096) == 4096);
    simdisk_limit(disk, 300000);
    /* There is room for it, and not for more: it is whole, and the disk full. */
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 400000, 200000), ATE_E_NO_SPACE);
    assert_true(reserve.bytes == 200000 && simdisk_size(disk, "/reserve") == 200000);
    simdisk_limit(disk, UINT64_MAX);
    assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 400000, 200000), 0);
    assert_true(reserve.bytes == 200000);
}

static void test_none(void **state)
{
    (void)state;
    assert_true(ate__reserve_give(vfs, root, &reserve, 4096) == 0);
    assert_false(simdisk_exists(disk, "/reserve"));
}

/* Whatever call fails: no more is believed to be there than is. */
static void test_faults(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (uint64_t n = 1; n < 12; n++) {
        simdisk_unlink(disk, "/reserve");
        ate__reserve_deinit(vfs, &reserve);
        simdisk_fail(disk, SIMDISK_ALL, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
        int rc = ate__reserve_fill(vfs, root, &reserve, 200000, 100000);
        failed += rc != 0;
        simdisk_fail(disk, 0, 0, 0, 0);
        assert_true(reserve.bytes <=
                    (simdisk_exists(disk, "/reserve") ? simdisk_size(disk, "/reserve") : 0));
        if (!rc)
            assert_true(reserve.bytes == 100000);
        assert_int_equal(ate__reserve_fill(vfs, root, &reserve, 200000, 100000), 0);
        assert_true(reserve.bytes >= 100000 && reserve.bytes <= 200000);
    }
    assert_true(failed > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_target, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_on_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
