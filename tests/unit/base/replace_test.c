/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file replaced at once: whatever fails and whenever the power goes, it is the old or the new. */
#include "base/replace.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/tmpdir.h"
#include <stdlib.h>
#include <string.h>

static const char old_text[] = "what was there";
static char new_text[20000];

static struct ate__dir *root_of(struct simdisk *d)
{
    struct ate__dir *dir;
    assert_int_equal(simdisk_vfs(d)->open_root(simdisk_vfs(d)->user, "/", &dir), 0);
    return dir;
}

static int replace(struct simdisk *d, struct ate_bytes bytes, unsigned flags)
{
    struct ate__dir *dir = root_of(d);
    int rc = ate__replace_file(simdisk_vfs(d), dir, "file", bytes, flags);
    simdisk_vfs(d)->close_dir(dir);
    assert_int_equal(simdisk_handles(d), 0);
    return rc;
}

static bool holds(struct simdisk *d, struct ate_bytes bytes)
{
    size_t size;
    uint8_t *found = simdisk_get(d, "/file", &size);
    bool same = size == bytes.size && !memcmp(found, bytes.data, size);
    free(found);
    return same;
}

static struct ate_bytes old_bytes(void)
{
    return ate__bytes(old_text, sizeof old_text);
}
static struct ate_bytes new_bytes(void)
{
    return ate__bytes(new_text, sizeof new_text);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof new_text; i++)
        new_text[i] = (char)(i * 7 % 251);
    return 0;
}

static void test_replaced(void **state)
{
    (void)state;
    struct simdisk *d = simdisk_new(1);
    assert_int_equal(replace(d, old_bytes(), 0), 0);
    assert_true(holds(d, old_bytes()));
    simdisk_put(d, "/file.new", new_text, 300); /* a leftover, longer than what comes */
    assert_int_equal(replace(d, ate__bytes("x", 1), ATE__OPEN_PRIVATE), 0);
    assert_true(holds(d, ate__bytes("x", 1)));
    assert_int_equal(replace(d, ate__bytes("", 0), 0), 0);
    assert_true(holds(d, ate__bytes("", 0)));
    assert_false(simdisk_exists(d, "/file.new"));
    simdisk_free(d);
}

/* After an answer of 0 the new one; else one of them. */
static void test_failing_calls(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (uint64_t n = 1;; n++) {
        struct simdisk *d = simdisk_new(n);
        simdisk_put(d, "/file", old_text, sizeof old_text);
        simdisk_fail(d, SIMDISK_ALL & ~SIMDISK_OPEN, n, 1, ATE_E_IO);
        int rc = replace(d, new_bytes(), 0);
        bool hit = simdisk_failed(d);
        failed += hit;
        assert_int_equal(rc, hit ? ATE_E_IO : 0);
        assert_true(holds(d, new_bytes()) || (rc && holds(d, old_bytes())));
        simdisk_fail(d, SIMDISK_ALL, 0, 0, 0);
        assert_int_equal(replace(d, new_bytes(), 0), 0); /* whatever that left */
        assert_true(holds(d, new_bytes()));
        simdisk_free(d);
        if (!hit)
            break;
    }
    assert_true(failed >= 6);
    struct simdisk *d = simdisk_new(1);
    simdisk_put(d, "/file", old_text, sizeof old_text);
    simdisk_limit(d, 8192);
    assert_int_equal(replace(d, new_bytes(), 0), ATE_E_NO_SPACE);
    assert_true(holds(d, old_bytes()));
    simdisk_free(d);
}

struct losing {
    struct simdisk *d;
    unsigned olds, news;
    bool done;
};

static void lose_power(void *arg, uint64_t number)
{
    struct losing *l = arg;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct simdisk *after = simdisk_crash(l->d, number * 100 + seed);
        bool is_new = holds(after, new_bytes());
        assert_true(is_new || (!l->done && holds(after, old_bytes())));
        l->news += is_new;
        l->olds += !is_new;
        simdisk_free(after);
    }
}

static void test_power_loss(void **state)
{
    (void)state;
    struct losing l = {.d = simdisk_new(9)};
    simdisk_put(l.d, "/file", old_text, sizeof old_text);
    simdisk_watch(l.d, lose_power, &l);
    assert_int_equal(replace(l.d, new_bytes(), 0), 0);
    simdisk_watch(l.d, NULL, NULL);
    assert_true(l.olds >= 40 && l.news >= 20);
    l.done = true;
    lose_power(&l, 1000);
    simdisk_free(l.d);
}

static void test_a_real_disk(void **state)
{
    (void)state;
    const struct ate__vfs *vfs = &ate__vfs_posix;
    struct ate__stat about;
    struct ate__file *file;
    struct ate__dir *dir;
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    assert_int_equal(vfs->open_root(vfs->user, tmpdir_new(), &dir), 0);
    for (unsigned i = 0; i < 3; i++) { /* the rights are those of the new one */
        unsigned flags = i % 2 ? 0 : ATE__OPEN_PRIVATE;
        assert_int_equal(ate__replace_file(vfs, dir, "file", old_bytes(), flags), 0);
        assert_int_equal(vfs->open(dir, "file", ATE__OPEN_READ, &file), 0);
        assert_int_equal(vfs->stat(file, &about), 0);
        assert_true(about.size == sizeof old_text);
        assert_int_equal(about.mode & 0400, 0400);
        assert_true(!flags || !(about.mode & 077));
        vfs->close(file);
    }
    for (size_t size = 250; size < 260; size++) {
        long_name[size] = 0;
        int rc = ate__replace_file(vfs, dir, long_name, old_bytes(), 0);
        assert_int_equal(rc, size + 4 <= 255 ? 0 : ATE_MISUSE);
        long_name[size] = 'n';
    }
    assert_true(ate__replace_file(vfs, dir, "a/b", old_bytes(), 0) < 0);
    vfs->close_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_failing_calls),
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_a_real_disk),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
