/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The window shows what the file holds, wherever it is moved. */
#include "redo/window.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include "redo/limits.h"
#include <stdlib.h>

enum { SIZE = 3 * ATE__WINDOW_BYTES + 1234 };

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
    struct ate__file *file;
    uint8_t *bytes;
};

static void setup(struct fixture *x, uint64_t seed, bool zeros)
{
    struct rnd r = rnd_of(seed);
    *x = (struct fixture){.disk = simdisk_new(seed), .bytes = calloc(1, SIZE)};
    x->vfs = simdisk_vfs(x->disk);
    if (!zeros)
        rnd_bytes(&r, x->bytes, SIZE);
    simdisk_put(x->disk, "/f", x->bytes, SIZE);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
    assert_int_equal(x->vfs->open(x->root, "f", ATE__OPEN_READ, &x->file), 0);
}

static void teardown(struct fixture *x)
{
    x->vfs->close(x->file);
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
    free(x->bytes);
}

static void test_get(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    struct fixture x;
    struct ate__window w;
    setup(&x, 1, false);
    ate__window_init(&w, x.vfs, x.file);
    uint64_t at = 0;
    for (int i = 0; i < 3000; i++) {
        size_t size = rnd_below(&r, 20) ? rnd_below(&r, 3000) : rnd_below(&r, 2 * SIZE);
        struct ate_bytes bytes;
        if (!rnd_below(&r, 10))
            at = rnd_below(&r, SIZE + 100);
        assert_int_equal(ate__window_get(&w, at, size, &bytes), 0);
        size_t want = at >= SIZE ? 0 : size < SIZE - at ? size : SIZE - (size_t)at;
        assert_int_equal(bytes.size, want);
        if (want)
            assert_memory_equal(bytes.data, x.bytes + at, want);
        at += want;
    }
    ate__window_deinit(&w);
    teardown(&x);
}

/* Small steps forward cost one call for each ATE__WINDOW_BYTES, and a few to begin with. */
static void test_calls(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__window w;
    struct ate_bytes bytes;
    setup(&x, 1, false);
    ate__window_init(&w, x.vfs, x.file);
    uint64_t before = simdisk_count(x.disk, SIMDISK_READ);
    for (uint64_t at = 0; at < SIZE; at += 64)
        assert_int_equal(ate__window_get(&w, at, 64, &bytes), 0);
    assert_true(simdisk_count(x.disk, SIMDISK_READ) - before <= SIZE / ATE__WINDOW_BYTES + 5);
    simdisk_fail(x.disk, SIMDISK_READ, 1, 1, ATE_E_IO);
    assert_int_equal(ate__window_get(&w, 0, 64, &bytes), ATE_E_IO);
    assert_int_equal(ate__window_get(&w, 0, 64, &bytes), 0);
    assert_memory_equal(bytes.data, x.bytes, 64);
    ate__window_deinit(&w);
    teardown(&x);
}

static void test_nonzero(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    struct fixture x;
    setup(&x, 1, true);
    for (int i = 0; i < 200; i++) {
        struct ate__window w;
        uint64_t first, behind, a = rnd_below(&r, SIZE), b = a + rnd_below(&r, SIZE - a);
        uint64_t from = rnd_below(&r, SIZE), to = from + rnd_below(&r, SIZE - from + 1);
        bool some = rnd_below(&r, 4);
        if (some) {
            simdisk_flip(x.disk, "/f", a, 4);
            if (b != a)
                simdisk_flip(x.disk, "/f", b, 1);
        }
        ate__window_init(&w, x.vfs, x.file);
        assert_int_equal(ate__window_nonzero(&w, from, to, &first, &behind), 0);
        bool has_a = some && a >= from && a < to, has_b = some && b >= from && b < to;
        assert_true(first == (has_a ? a : has_b ? b : to));
        assert_true(behind == (has_b ? b + 1 : has_a ? a + 1 : from));
        ate__window_deinit(&w);
        if (some) {
            simdisk_flip(x.disk, "/f", a, 4);
            if (b != a)
                simdisk_flip(x.disk, "/f", b, 1);
        }
    }
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_nonzero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
