/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trimmed/: what is kept of torn tails, and for how long. */
#include "redo/trim.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

enum { SIZE = 300000 };

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
    struct ate__segment *s;
    uint8_t *bytes;
};

static void setup(struct fixture *x)
{
    struct rnd r = rnd_of(1);
    struct ate__segment_head head = {.id = 5, .capacity = 1 << 20};
    struct ate__file *file;
    *x = (struct fixture){.disk = simdisk_new(1), .bytes = malloc(SIZE)};
    x->vfs = simdisk_vfs(x->disk);
    rnd_bytes(&r, x->bytes, SIZE);
    simdisk_put(x->disk, "/s", x->bytes, SIZE);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
    assert_int_equal(x->vfs->open(x->root, "s", ATE__OPEN_READ, &file), 0);
    assert_int_equal(ate__segment_new(&head, file, &x->s), 0);
}

static void teardown(struct fixture *x)
{
    ate__segment_unref(x->vfs, x->s);
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
    free(x->bytes);
}

static void expect(struct fixture *x, const char *path, uint64_t from, uint64_t to)
{
    size_t size;
    uint8_t *bytes = simdisk_get(x->disk, path, &size);
    assert_int_equal(size, to - from);
    assert_memory_equal(bytes, x->bytes + from, size);
    free(bytes);
}

#define NAME(revision, offset) "/trimmed/" revision "-0000000000000005-" offset

static void test_keep(void **state)
{
    (void)state;
    struct fixture x;
    uint64_t kept;
    setup(&x);
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 1, x.s, 100, 50100, 120000, &kept), 0);
    assert_true(kept == 50000);
    expect(&x, NAME("0000000000000001", "0000000000000064"), 100, 50100);
    /* Done again, as after a crash: the same file. */
    simdisk_patch(x.disk, NAME("0000000000000001", "0000000000000064"), 60000, "more", 4);
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 1, x.s, 100, 50100, 120000, &kept), 0);
    expect(&x, NAME("0000000000000001", "0000000000000064"), 100, 50100);
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 2, x.s, 200, 60200, 120000, &kept), 0);
    assert_true(simdisk_exists(x.disk, NAME("0000000000000001", "0000000000000064")));
    /* The oldest goes when there is no room; what is not ours stays. */
    simdisk_put(x.disk, "/trimmed/notes", "mine", 4);
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 0x10, x.s, 200, 30200, 120000, &kept), 0);
    assert_false(simdisk_exists(x.disk, NAME("0000000000000001", "0000000000000064")));
    assert_true(simdisk_exists(x.disk, NAME("0000000000000002", "00000000000000c8")));
    assert_true(simdisk_exists(x.disk, "/trimmed/notes"));
    expect(&x, NAME("0000000000000010", "00000000000000c8"), 200, 30200);
    /* One that is bigger than all that may be kept is kept in part. */
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 0x11, x.s, 0, SIZE, 120000, &kept), 0);
    assert_true(kept == 120000);
    expect(&x, NAME("0000000000000011", "0000000000000000"), 0, 120000);
    assert_false(simdisk_exists(x.disk, NAME("0000000000000010", "00000000000000c8")));
    teardown(&x);
}

/* What is said to be kept outlasts a loss of power, its name as well. */
static void test_power_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture x;
        uint64_t kept;
        setup(&x);
        simdisk_settle(x.disk);
        assert_int_equal(ate__trim_keep(x.vfs, x.root, 1, x.s, 100, 50100, 120000, &kept), 0);
        struct fixture after = {.disk = simdisk_crash(x.disk, seed), .bytes = x.bytes};
        expect(&after, NAME("0000000000000001", "0000000000000064"), 100, 50100);
        simdisk_free(after.disk);
        teardown(&x);
    }
}

static void test_full_disk(void **state)
{
    (void)state;
    struct fixture x;
    uint64_t kept = 1;
    setup(&x);
    simdisk_limit(x.disk, simdisk_used(x.disk) + 40000);
    assert_int_equal(ate__trim_keep(x.vfs, x.root, 1, x.s, 0, 50000, 120000, &kept), 0);
    assert_true(kept == 0);
    assert_false(simdisk_exists(x.disk, NAME("0000000000000001", "0000000000000000")));
    teardown(&x);
}

static void add_size(void *arg, const char *name, bool is_dir, uint64_t size)
{
    (void)name, (void)is_dir;
    *(uint64_t *)arg += size;
}

/* Whatever fails, there is never more than the limit; one that cannot be kept is no failure where
 * the disk takes the rest. */
static void test_faults(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fixture x;
        uint64_t kept = 7, total = 0;
        setup(&x);
        for (uint64_t i = 0; i < 3; i++)
            assert_int_equal(ate__trim_keep(x.vfs, x.root, i, x.s, 0, 20000, 60000, &kept), 0);
        simdisk_fail(x.disk, SIMDISK_ALL, n, 1, ATE_E_IO);
        int rc = ate__trim_keep(x.vfs, x.root, 9, x.s, 0, 50000, 60000, &kept);
        bool met = simdisk_failed(x.disk);
        assert_true(rc == (met ? rc : 0) && (!rc || rc == ATE_E_IO));
        assert_true(rc || kept == 50000 || (met && kept == 0));
        simdisk_fail(x.disk, 0, 0, 0, 0);
        assert_int_equal(ate__trim_keep(x.vfs, x.root, 10, x.s, 0, 30000, 60000, &kept), 0);
        assert_true(kept == 30000);
        simdisk_each(x.disk, "/trimmed", add_size, &total);
        assert_true(total <= 60000 && total >= 30000);
        teardown(&x);
        if (!met) {
            assert_true(n > 12);
            break;
        }
    }
}

static void count(void *arg, const char *name, bool is_dir, uint64_t size)
{
    (void)name, (void)is_dir, (void)size;
    ++*(size_t *)arg;
}

/* Many small ones: a block each is more than their bytes, so their number has a limit, too. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = ATE__TRIMMED_FILES_MAX + 20 };
    struct fixture x;
    uint64_t kept;
    size_t files = 0;
    setup(&x);
    for (uint64_t i = 1; i <= MANY; i++)
        assert_int_equal(ate__trim_keep(x.vfs, x.root, i, x.s, 100, 108, 1 << 20, &kept), 0);
    simdisk_each(x.disk, "/trimmed", count, &files);
    assert_int_equal(files, ATE__TRIMMED_FILES_MAX);
    assert_false(simdisk_exists(x.disk, NAME("0000000000000014", "0000000000000064")));
    assert_true(simdisk_exists(x.disk, NAME("0000000000000015", "0000000000000064")));
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep),   cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_many),   cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
