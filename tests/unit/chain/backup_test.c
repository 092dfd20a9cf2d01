/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies of a chain: each record is the verified one, or nothing is changed. */
#include "chain/backup.h"
#include "chain/signed.h"
#include "story.h"
#include <stdlib.h>

static struct ate__dir *dir_of(struct kit *k, const char *path)
{
    struct ate__dir *dir;
    const struct ate__vfs *vfs = simdisk_vfs(k->disk);
    simdisk_mkdir(k->disk, path);
    kit_ok(vfs->open_root(vfs->user, path, &dir));
    return dir;
}

static int copy_to(struct kit *k, const char *path, uint64_t size, bool existing,
                   struct ate__chain_copied *ret)
{
    const struct ate__chain_copy copy = {.size = size, .existing = existing};
    struct ate__dir *dir = dir_of(k, path);
    int rc = ate__chain_copy(k->chain, dir, &copy, ret);
    simdisk_vfs(k->disk)->close_dir(dir);
    return rc;
}

/* Opens the copy as a chain, and compares its head. */
static void check_copy(struct kit *k, const char *path, uint64_t size)
{
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__dir *dir = dir_of(k, path);
    struct ate__storage *storage;
    struct ate__chain *c;
    struct ate_hash root, want;
    uint64_t found;
    kit_ok(ate__storage_open_file(&k->sim.env, dir, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT, NULL,
                                  &storage));
    kit_ok(ate__chain_open(&conf, storage, ATE__STORAGE_READ, &c));
    ate__chain_head(c, &found, &root);
    kit_ok(ate__chain_root_at(k->chain, size, &want));
    assert_true(found == size && ate__hash_equal(&root, &want));
    ate__chain_close(c);
    simdisk_vfs(k->disk)->close_dir(dir);
}

static void put_some(struct kit *k, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        kit_put_ok(k, 1 + i % 20, i % 3 ? "a text" : "another text, a bit longer than that");
}

static void test_copy(void **state)
{
    (void)state;
    struct kit k;
    struct ate__chain_copied done;
    kit_init(&k, 1);
    kit_create_ok(&k);
    put_some(&k, 0, 300);
    kit_ok(copy_to(&k, "/b", 0, true, &done));
    assert_true(done.size == kit_size(&k) && done.log.size_before == 0);
    check_copy(&k, "/b", kit_size(&k));
    put_some(&k, 300, 500);
    kit_ok(copy_to(&k, "/b", 0, true, &done));
    assert_true(done.log.size_before == 301);
    check_copy(&k, "/b", 501);
    assert_int_equal(copy_to(&k, "/b", 0, false, &done), ATE_EXISTS);
    assert_int_equal(copy_to(&k, "/b", 400, true, &done), ATE_ROLLED_BACK);
    assert_int_equal(copy_to(&k, "/p", 502, true, &done), ATE_NOT_FOUND);
    kit_ok(copy_to(&k, "/p", 123, false, &done));
    check_copy(&k, "/p", 123);
    kit_ok(copy_to(&k, "/p", 0, true, &done));
    check_copy(&k, "/p", 501);
    kit_deinit(&k);
}

/* The target has more than the chain that is copied ever had. */
static void test_smaller(void **state)
{
    (void)state;
    struct kit k;
    struct ate__chain_copied done;
    struct ate__storage *storage;
    struct ate__chain *larger;
    kit_init(&k, 7);
    kit_create_ok(&k);
    put_some(&k, 0, 100);
    kit_ok(copy_to(&k, "/small", 0, true, &done));
    put_some(&k, 100, 200);
    kit_ok(copy_to(&k, "/large", 0, true, &done));
    struct ate__dir *dir = dir_of(&k, "/small");
    struct ate__chain_conf conf = kit_conf(&k);
    kit_ok(ate__storage_open_file(&k.sim.env, dir, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT, NULL,
                                  &storage));
    larger = k.chain;
    kit_ok(ate__chain_open(&conf, storage, ATE__STORAGE_READ, &k.chain));
    assert_int_equal(copy_to(&k, "/large", 0, true, &done), ATE_ROLLED_BACK);
    ate__chain_close(k.chain);
    k.chain = larger;
    simdisk_vfs(k.disk)->close_dir(dir);
    check_copy(&k, "/large", 201);
    kit_deinit(&k);
}

/* The same chain went on otherwise elsewhere: a copy of the one takes nothing from the other. */
static void test_forked(void **state)
{
    (void)state;
    struct kit k, other;
    struct ate__chain_copied done;
    size_t size;
    kit_init(&k, 2);
    kit_create_ok(&k);
    put_some(&k, 0, 40);
    kit_close(&k);
    kit_take(&other, &k, simdisk_clone(k.disk), 3);
    kit_open_ok(&k, 0);
    put_some(&k, 40, 60);
    kit_ok(copy_to(&k, "/b", 0, true, &done));
    kit_open_ok(&other, 0);
    other.number = k.number + 100;
    put_some(&other, 40, 90);
    static const char *const files[] = {"meta.a", "meta.b", "0000000000000001.seg"};
    simdisk_mkdir(other.disk, "/b/,chain");
    for (size_t i = 0; i < ATE__COUNT_OF(files); i++) {
        char path[64];
        snprintf(path, sizeof path, "/b/,chain/%s", files[i]);
        uint8_t *bytes = simdisk_get(k.disk, path, &size);
        simdisk_put(other.disk, path, bytes, size);
        free(bytes);
    }
    assert_int_equal(copy_to(&other, "/b", 0, true, &done), ATE_FORKED);
    assert_non_null(strstr(ate__error_text(), "transaction 41"));
    kit_deinit(&k);
    kit_deinit(&other);
}

/* A damaged chain is not copied, unless that is asked for; then up to the damage. */
static void test_damaged(void **state)
{
    (void)state;
    struct kit k;
    struct ate__chain_copied done;
    kit_init(&k, 4);
    kit_create_ok(&k);
    put_some(&k, 0, 300);
    kit_close(&k);
    simdisk_flip(k.disk, "/c/,chain/0000000000000001.seg", 30000, 8);
    kit_open_ok(&k, ATE__STORAGE_READ);
    uint64_t size = kit_size(&k);
    if (size < 10 || size >= 300)
        fail_msg("%llu transactions", (unsigned long long)size);
    assert_int_equal(copy_to(&k, "/b", 0, true, &done), ATE_TAMPERED);
    assert_false(simdisk_exists(k.disk, "/b/,chain"));
    const struct ate__chain_copy copy = {.damaged = true};
    struct ate__dir *dir = dir_of(&k, "/b");
    kit_ok(ate__chain_copy(k.chain, dir, &copy, &done));
    simdisk_vfs(k.disk)->close_dir(dir);
    assert_true(done.size == size);
    check_copy(&k, "/b", size);
    kit_deinit(&k);
}

/* ---- of a chain that was deeply compacted ---- */

static struct story s;
static unsigned told;

static void compact_once(void *arg, uint64_t done, uint64_t total)
{
    struct ate__compacted compacted;
    (void)arg;
    (void)done;
    (void)total;
    if (!told++)
        kit_ok(story_compact(&s, UINT64_MAX, &compacted));
}

static int copy_while_compacted(const char *path, uint64_t size, struct ate__chain_copied *ret)
{
    const struct ate__chain_copy copy = {.size = size, .existing = true, .progress = compact_once};
    struct ate__dir *dir = dir_of(&s.k, path);
    told = 0;
    int rc = ate__chain_copy(s.k.chain, dir, &copy, ret);
    simdisk_vfs(s.k.disk)->close_dir(dir);
    assert_true(told > 0);
    return rc;
}

/* A copy has the certificate of what is cut off in it, also of what is cut off while it is made;
 * one that is to end in front of it is the whole one of before or does not come to be. */
static void test_compacted_meanwhile(void **state)
{
    (void)state;
    struct ate__chain_copied done;
    unsigned refused = 0;
    story_init(&s, 80);
    for (unsigned round = 0; round < 3; round++) {
        char path[32];
        snprintf(path, sizeof path, "/p%u", round);
        kit_ok(story_go_on(&s, 400));
        kit_ok(copy_while_compacted("/b", 0, &done));
        check_copy(&s.k, "/b", done.size);
        kit_ok(story_go_on(&s, 400));
        int rc = copy_while_compacted(path, kit_size(&s.k) - 3, &done);
        if (!rc)
            check_copy(&s.k, path, done.size);
        else if (rc != ATE_STALE && rc != ATE_COMPACTED)
            fail_msg("%s", ate__result_name(rc));
        refused += rc != 0;
        snprintf(path, sizeof path, "/p%u/,chain/meta.a", round);
        assert_true(simdisk_exists(s.k.disk, path) == !rc);
    }
    assert_true(refused > 0);
    story_deinit(&s);
}

/* One up to a sequence above the certificate and below, and brought up to date over compactions. */
static void test_copy_of_a_compacted_chain(void **state)
{
    (void)state;
    struct ate__chain_copied done;
    struct ate__compacted compacted;
    story_init(&s, 81);
    kit_ok(story_go_on(&s, 700));
    kit_ok(copy_to(&s.k, "/b", 0, true, &done));
    for (unsigned round = 0; round < 3; round++) {
        ate__view_reclaim(ate__chain_view(s.k.chain), 0);
        kit_ok(story_compact(&s, UINT64_MAX, &compacted));
        print_message("cut off at %u, %u events and %u transactions went\n",
                      (unsigned)compacted.cut_off, (unsigned)compacted.events,
                      (unsigned)compacted.transactions);
        assert_true(compacted.cut_off > 500);
        uint64_t certified = kit_size(&s.k);
        kit_ok(story_go_on(&s, 300));
        kit_ok(copy_to(&s.k, "/b", 0, true, &done));
        check_copy(&s.k, "/b", kit_size(&s.k));
        char path[8];
        snprintf(path, sizeof path, "/p%u", round);
        assert_int_equal(copy_to(&s.k, path, certified - 1, true, &done), ATE_COMPACTED);
        assert_int_equal(copy_to(&s.k, path, compacted.cut_off, true, &done), ATE_COMPACTED);
        assert_int_equal(copy_to(&s.k, path, compacted.cut_off - 200, true, &done), ATE_COMPACTED);
        kit_ok(copy_to(&s.k, path, certified, true, &done));
        check_copy(&s.k, path, certified);
        kit_ok(copy_to(&s.k, path, certified + 77, true, &done));
        check_copy(&s.k, path, certified + 77);
        assert_int_equal(copy_to(&s.k, path, certified + 76, true, &done), ATE_ROLLED_BACK);
    }
    story_deinit(&s);
}

/* ---- restored, while calls fail ---- */

/* From the copy "/b" to "/r", as ate_restore() does it: opened, copied, and what was signed. */
static int restore_within(struct kit *k, struct ate__dir *from, struct ate__dir *to)
{
    const struct ate__vfs *vfs = simdisk_vfs(k->disk);
    const struct ate__chain_copy copy = {.existing = true, .values = true};
    struct ate__chain_conf conf = kit_conf(k);
    struct ate__dir *of = NULL, *into = NULL;
    struct ate__chain_copied done;
    struct ate__storage *storage;
    struct ate__chain *c;
    int rc = ate__storage_open_file(&k->sim.env, from, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT,
                                    NULL, &storage);
    if (!rc)
        rc = ate__chain_open(&conf, storage, ATE__STORAGE_READ, &c);
    if (rc)
        return rc;
    rc = ate__chain_copy(c, to, &copy, &done);
    if (!rc)
        rc = vfs->open_dir(from, ATE__CHAIN_NAME, false, &of);
    if (!rc)
        rc = vfs->open_dir(to, ATE__CHAIN_NAME, false, &into);
    if (!rc)
        rc = ate__chain_signed_keep(vfs, of, into);
    vfs->close_dir(into);
    vfs->close_dir(of);
    ate__chain_close(c);
    return rc;
}

static int restore(struct kit *k, unsigned kinds, uint64_t n, int result, bool *ret_failed)
{
    struct ate__dir *from = dir_of(k, "/b"), *to = dir_of(k, "/r");
    simdisk_fail(k->disk, kinds, n, 1, result);
    int rc = restore_within(k, from, to);
    *ret_failed = simdisk_failed(k->disk);
    simdisk_fail(k->disk, 0, 0, 0, 0);
    simdisk_vfs(k->disk)->close_dir(from);
    simdisk_vfs(k->disk)->close_dir(to);
    return rc;
}

/* What was begun is said to have failed, changes nothing of the copy, and is ended by the next. */
static void fail_each(const struct kit *whole, unsigned kinds, int result)
{
    uint64_t n = 0;
    for (bool failed = true; failed;) {
        struct kit k;
        kit_take(&k, whole, simdisk_clone(whole->disk), ++n);
        int rc = restore(&k, kinds, n, result, &failed);
        if (rc && !(failed && rc == result))
            fail_msg("call %llu: %s: %s", (unsigned long long)n, ate__result_name(rc),
                     ate__error_text());
        if (rc) {
            bool again;
            kit_ok(restore(&k, 0, 0, 0, &again));
        }
        kit_open_ok(&k, ATE__STORAGE_READ);
        check_copy(&k, "/b", kit_size(&k));
        check_copy(&k, "/r", kit_size(&k));
        kit_deinit(&k);
    }
    print_message("%llu calls\n", (unsigned long long)n - 1);
    assert_true(n > 10);
}

static void test_restore_faults(void **state)
{
    (void)state;
    struct ate__chain_copied done;
    struct ate__compacted compacted;
    story_init(&s, 82);
    kit_ok(story_go_on(&s, 300));
    for (unsigned deep = 0; deep < 2; deep++) {
        if (deep) {
            kit_open_ok(&s.k, 0);
            ate__view_reclaim(ate__chain_view(s.k.chain), 0);
            kit_ok(story_compact(&s, UINT64_MAX, &compacted));
        }
        kit_ok(copy_to(&s.k, "/b", 0, true, &done));
        kit_close(&s.k);
        fail_each(&s.k, SIMDISK_ALL & ~(unsigned)SIMDISK_LOCK, ATE_E_IO);
        fail_each(&s.k, SIMDISK_TAKING, ATE_E_NO_SPACE);
    }
    kit_open_ok(&s.k, 0);
    story_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_smaller),
        cmocka_unit_test(test_forked),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_compacted_meanwhile),
        cmocka_unit_test(test_copy_of_a_compacted_chain),
        cmocka_unit_test(test_restore_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
