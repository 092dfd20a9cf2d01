/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The file `next`, from its first zero to its name. */
#include "redo/next.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include <stdlib.h>

struct fixture {
    struct simdisk *disk;
    struct simenv sim;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
};

static void setup(struct fixture *x)
{
    x->disk = simdisk_new(1);
    x->vfs = simdisk_vfs(x->disk);
    simenv_init(&x->sim, 1, x->vfs);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
}

static void teardown(struct fixture *x)
{
    x->vfs->close_dir(x->root);
    simenv_deinit(&x->sim);
    simdisk_free(x->disk);
}

static void test_capacity(void **state)
{
    (void)state;
    assert_true(ate__next_capacity(131072, 0) == 131072);
    assert_true(ate__next_capacity(131072, 131072) == 131072);
    assert_true(ate__next_capacity(131072, 131073) == 131072 + 4096);
    assert_true(ate__next_capacity(UINT64_C(1) << 40, 5) == ATE__SEGMENT_BYTES_MAX);
}

static void test_life(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__next n;
    struct ate__segment *s;
    setup(&x);
    simdisk_put(x.disk, "/next", "left over", 9);
    assert_int_equal(ate__next_create(&x.sim.env, x.root, 65536, false, &n), 0);
    assert_true(n.salt && !n.zeros);
    assert_int_equal(simdisk_size(x.disk, "/next"), 0);
    assert_int_equal(ate__next_prewrite(x.vfs, &n, 40000), 0);
    assert_true(n.zeros == 40000);
    assert_int_equal(ate__next_prewrite(x.vfs, &n, 40000), 0);
    assert_true(n.zeros == 65536);
    /* What was prewritten is on the disk. */
    struct simdisk *after = simdisk_crash(x.disk, 5);
    assert_int_equal(simdisk_size(after, "/next"), 65536);
    simdisk_free(after);
    uint64_t salt = n.salt;
    assert_int_equal(ate__next_finish(x.vfs, &n, &(struct ate_hash){{5}}, 3, 17, &s), 0);
    assert_null(n.file);
    assert_true(s->head.id == 3 && s->head.salt == salt && s->head.first_sequence == 17);
    assert_true(s->file_bytes == 65536 && s->length == ATE__SEGMENT_HEAD);
    assert_int_equal(ate__next_rename(x.vfs, x.root, 3), 0);
    assert_true(simdisk_exists(x.disk, "/0000000000000003.seg"));
    assert_int_equal(ate__next_rename(x.vfs, x.root, 3), ATE_E_SYSTEM);
    ate__segment_unref(x.vfs, s);
    /* Two salts differ. */
    assert_int_equal(ate__next_create(&x.sim.env, x.root, 65536, true, &n), 0);
    assert_true(n.salt != salt);
    assert_int_equal(ate__next_finish(x.vfs, &n, &(struct ate_hash){{5}}, UINT32_MAX, 17, &s), 0);
    assert_true(s->file_bytes == ATE__PAD_BYTES && s->length == ATE__PAD_BYTES);
    ate__segment_unref(x.vfs, s);
    assert_int_equal(ate__next_create(&x.sim.env, x.root, 65536, true, &n), 0);
    /* An id that no list could hold is refused before anything names it. */
    assert_int_equal(
        ate__next_finish(x.vfs, &n, &(struct ate_hash){{5}}, UINT64_C(1) << 32, 17, &s),
        ATE_TOO_BIG);
    assert_non_null(n.file);
    ate__next_drop(x.vfs, x.root, &n);
    assert_false(simdisk_exists(x.disk, "/next"));
    ate__next_drop(x.vfs, x.root, &n);
    teardown(&x);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__next n;
    setup(&x);
    assert_int_equal(ate__next_create(&x.sim.env, x.root, 262144, false, &n), 0);
    simdisk_limit(x.disk, 100000);
    assert_int_equal(ate__next_prewrite(x.vfs, &n, 65536), 0);
    assert_int_equal(ate__next_prewrite(x.vfs, &n, 65536), ATE_E_NO_SPACE);
    assert_true(n.zeros == 65536);
    simdisk_limit(x.disk, UINT64_MAX);
    assert_int_equal(ate__next_prewrite(x.vfs, &n, 262144), 0);
    assert_true(n.zeros == 262144);
    ate__next_drop(x.vfs, x.root, &n);
    teardown(&x);
}

static void test_faults(void **state)
{
    (void)state;
    struct fixture x;
    setup(&x);
    for (uint64_t i = 1;; i++) {
        struct ate__next n = {.file = NULL};
        struct ate__segment *s = NULL;
        simdisk_fail(x.disk, SIMDISK_ALL, i, 1, ATE_E_IO);
        int rc = ate__next_create(&x.sim.env, x.root, 65536, false, &n);
        if (!rc)
            rc = ate__next_prewrite(x.vfs, &n, 65536);
        if (!rc)
            rc = ate__next_finish(x.vfs, &n, &(struct ate_hash){{5}}, 3, 17, &s);
        if (!rc)
            rc = ate__next_rename(x.vfs, x.root, 3);
        ate__next_drop(x.vfs, x.root, &n);
        ate__segment_unref(x.vfs, s);
        if (!simdisk_failed(x.disk)) {
            assert_int_equal(rc, 0);
            assert_true(i > 8);
            break;
        }
        assert_int_equal(rc, ATE_E_IO);
    }
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
