/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* meta.a and meta.b: one of them always tells what is in force. */
#include "redo/pair.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
};

static void take(struct fixture *x, struct simdisk *take_disk)
{
    x->disk = take_disk;
    x->vfs = simdisk_vfs(take_disk);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
}

static void drop(struct fixture *x)
{
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
}

/* A list whose revision tells which it is; later ones are longer or shorter. */
static struct ate__meta list_of(uint64_t revision)
{
    struct ate__meta m = {.role = ATE__ROLE_ROOT, .revision = revision};
    for (uint64_t id = 1; id <= 1 + revision % 3; id++) {
        struct ate__meta_entry entry = {.id = id, .length = 88};
        assert_int_equal(ate__meta_add(&m, &entry), 0);
    }
    return m;
}

static void put(struct fixture *x, const char *path, uint64_t revision)
{
    struct ate__meta m = list_of(revision);
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(ate__meta_encode(&m, &buf), 0);
    simdisk_put(x->disk, path, buf.data, buf.size);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
}

static int read_pair(struct fixture *x, struct ate__pair *p)
{
    return ate__pair_read(x->vfs, x->root, p);
}

/* revisions of a and b; 0: missing, -1: bad. */
static void row(int a, int b, int result, uint64_t revision, const char *lost)
{
    struct fixture x;
    struct ate__pair p;
    static const char *const names[] = {"/meta.a", "/meta.b"};
    take(&x, simdisk_new(1));
    for (int i = 0; i < 2; i++) {
        int have = i ? b : a;
        if (have)
            put(&x, names[i], have > 0 ? (uint64_t)have : 1);
        if (have < 0)
            simdisk_flip(x.disk, names[i], 40, 1);
    }
    assert_int_equal(read_pair(&x, &p), result);
    if (!result) {
        assert_true(p.meta.revision == revision);
        assert_true(lost ? p.lost && !strcmp(p.lost, lost) : !p.lost);
        assert_true(p.equal == (a == b));
        assert_int_equal(ate__pair_settle(&p), 0);
        ate__pair_deinit(&p);
        assert_int_equal(read_pair(&x, &p), 0);
        assert_true(p.meta.revision == revision && p.equal && !p.lost);
        ate__pair_deinit(&p);
    }
    drop(&x);
}

static void test_found(void **state)
{
    (void)state;
    row(0, 0, ATE_NOT_FOUND, 0, NULL);
    row(-1, 0, ATE_NOT_FOUND, 0, NULL); /* as creation may leave it */
    row(0, -1, ATE_TAMPERED, 0, NULL);
    row(-1, -1, ATE_TAMPERED, 0, NULL);
    row(3, 3, 0, 3, NULL);
    row(4, 3, 0, 4, NULL);
    row(3, 4, 0, 4, NULL);
    row(3, 0, 0, 3, "meta.b");
    row(3, -1, 0, 3, "meta.b");
    row(0, 3, 0, 3, "meta.a");
    row(-1, 3, 0, 3, "meta.a");
}

static void test_contradiction(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__pair p;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__meta m = list_of(3);
    take(&x, simdisk_new(1));
    put(&x, "/meta.a", 3);
    m.role = ATE__ROLE_MIRROR;
    assert_int_equal(ate__meta_encode(&m, &buf), 0);
    simdisk_put(x.disk, "/meta.b", buf.data, buf.size);
    assert_int_equal(read_pair(&x, &p), ATE_TAMPERED);
    m.revision = 2;
    m.chain_id.b[0] = 1;
    assert_int_equal(ate__meta_encode(&m, &buf), 0);
    simdisk_put(x.disk, "/meta.b", buf.data, buf.size);
    assert_int_equal(read_pair(&x, &p), ATE_TAMPERED);
    simdisk_cut(x.disk, "/meta.b", ATE__META_BYTES_MAX + 1); /* too big to be looked at */
    assert_int_equal(read_pair(&x, &p), 0);
    assert_string_equal(p.lost, "meta.b");
    ate__pair_deinit(&p);
    ate__meta_deinit(&m);
    ate__buf_deinit(&buf);
    drop(&x);
}

/* What is in force after a power loss anywhere within changes is the old or the new list. */
static uint64_t promised, under_way, crashes;

static void each_call(void *arg, uint64_t number)
{
    const struct fixture *x = arg;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct fixture f;
        struct ate__pair p;
        take(&f, simdisk_crash(x->disk, seed + 100 * number));
        int rc = read_pair(&f, &p);
        crashes++;
        if (rc == ATE_NOT_FOUND && !promised) {
            drop(&f);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(p.meta.revision == promised || p.meta.revision == under_way);
        uint64_t revision = p.meta.revision;
        assert_int_equal(ate__pair_settle(&p), 0);
        ate__pair_deinit(&p);
        assert_int_equal(read_pair(&f, &p), 0);
        assert_true(p.meta.revision == revision && p.equal);
        ate__pair_deinit(&p);
        drop(&f);
    }
}

static void test_power_loss(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__pair p;
    take(&x, simdisk_new(1));
    promised = 0;
    under_way = 1;
    simdisk_watch(x.disk, each_call, &x);
    struct ate__meta m = list_of(1);
    assert_int_equal(ate__pair_create(x.vfs, x.root, &m), 0);
    ate__meta_deinit(&m);
    promised = 1;
    assert_int_equal(read_pair(&x, &p), 0);
    for (uint64_t revision = 2; revision < 12; revision++) {
        under_way = revision;
        m = list_of(revision);
        assert_int_equal(ate__pair_change(&p, &m), 0);
        assert_int_equal(m.count, 0);
        promised = revision;
    }
    ate__pair_deinit(&p);
    simdisk_watch(x.disk, NULL, NULL);
    drop(&x);
    assert_true(crashes > 2000);
}

/* Lists that are removed do not come back; it may be done again. */
static void test_remove(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture x, after;
        struct ate__pair p;
        take(&x, simdisk_new(seed));
        put(&x, "/meta.a", 1);
        put(&x, "/meta.b", 1);
        simdisk_settle(x.disk);
        assert_int_equal(ate__pair_remove(x.vfs, x.root), 0);
        take(&after, simdisk_crash(x.disk, seed));
        assert_int_equal(read_pair(&after, &p), ATE_NOT_FOUND);
        assert_int_equal(ate__pair_remove(after.vfs, after.root), 0);
        drop(&after);
        drop(&x);
    }
}

/* A sync fails, the process dies, the next one in the same boot finds in the cache what is on no
 * disk, changes the list, and the power goes: still one list is whole, and no older than promised.
 */
static void test_failed_sync(void **state)
{
    (void)state;
    uint64_t seed0 = rnd_seed(1), lost = 0;
    for (uint64_t seed = seed0; seed < seed0 + 3000; seed++) {
        struct fixture x;
        struct ate__pair p;
        struct ate__meta m = list_of(1);
        struct rnd r = rnd_of(seed);
        uint64_t sure = 1, newest = 1;
        take(&x, simdisk_new(seed));
        assert_int_equal(ate__pair_create(x.vfs, x.root, &m), 0);
        ate__meta_deinit(&m);
        for (int boot = 0; boot < 3; boot++) {
            assert_int_equal(read_pair(&x, &p), 0);
            assert_true(p.meta.revision >= sure && p.meta.revision <= newest);
            newest = p.meta.revision + 1;
            m = list_of(newest);
            simdisk_fail(x.disk, SIMDISK_SYNC, 1 + rnd_below(&r, 4), 1, ATE_E_IO);
            if (boot == 2)
                simdisk_stop(x.disk, 1 + rnd_below(&r, 6));
            int rc = ate__pair_change(&p, &m);
            sure = rc ? sure : newest;
            lost += rc != 0;
            ate__pair_deinit(&p);
            struct simdisk *next = boot == 2 ? simdisk_crash(x.disk, seed) : simdisk_clone(x.disk);
            drop(&x);
            take(&x, next);
        }
        assert_int_equal(read_pair(&x, &p), 0);
        assert_true(p.meta.revision >= sure && p.meta.revision <= newest);
        ate__pair_deinit(&p);
        drop(&x);
    }
    assert_true(lost > 1000);
}

static int use(void *arg)
{
    struct fixture *x = arg;
    struct ate__pair p;
    struct ate__meta m = {.role = ATE__ROLE_ROOT, .revision = 2};
    int rc = ate__pair_read(x->vfs, x->root, &p);
    if (rc)
        return rc;
    rc = ate__meta_add(&m, &(struct ate__meta_entry){.id = 1, .length = 88});
    if (!rc)
        rc = ate__pair_change(&p, &m);
    ate__meta_deinit(&m);
    ate__pair_deinit(&p);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct fixture x;
    take(&x, simdisk_new(1));
    put(&x, "/meta.a", 1);
    put(&x, "/meta.b", 1);
    assert_true(heap_sweep(use, &x, false) > 4);
    drop(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),      cmocka_unit_test(test_contradiction),
        cmocka_unit_test(test_power_loss), cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_remove),     cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
