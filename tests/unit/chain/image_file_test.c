/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The file of a view image: what goes in comes out, and nothing that was changed does. */
#include "chain/image_file.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include "base/alloc.h"
#include "base/err.h"
#include <stdlib.h>

static const struct ate__key32 secrets[3] = {{{1}}, {{2}}, {{3}}};
static const struct ate__image_head head = {{{7}}, {{8}}, 5, 6, {0}};
static uint8_t stream[3 * ATE__IMAGE_TEXT], back[3 * ATE__IMAGE_TEXT];

struct world {
    struct simdisk *disk;
    struct simenv sim;
    struct ate__dir *dir;
};

static void world_init(struct world *w)
{
    w->disk = simdisk_new(1);
    simenv_init(&w->sim, 1, simdisk_vfs(w->disk));
    simdisk_mkdir(w->disk, "/c");
    assert_int_equal(w->sim.env.vfs->open_root(w->sim.env.vfs->user, "/c", &w->dir), 0);
    struct rnd r = rnd_of(9);
    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (uint8_t)rnd_below(&r, 256);
}

static void world_deinit(struct world *w)
{
    w->sim.env.vfs->close_dir(w->dir);
    simenv_deinit(&w->sim);
    simdisk_free(w->disk);
}

static int write_file(struct world *w, size_t size)
{
    struct ate__image_out *out;
    uint64_t bytes = 0;
    int rc = ate__image_out_new(&w->sim.env, w->dir, &secrets[0], &head, &out);
    if (rc)
        return rc;
    for (size_t at = 0, n; !rc && at < size; at += n) {
        n = ate__min(size - at, 1 + at % 5000);
        rc = ate__image_put(out, stream + at, n);
    }
    if (!rc)
        rc = ate__image_out_end(out, &bytes);
    if (!rc)
        assert_true(bytes == simdisk_size(w->disk, "/c/view"));
    ate__image_out_free(out);
    return rc;
}

/* All of it, or how it failed; what comes is right whatever follows. */
static int read_file(struct world *w, const struct ate__key32 *with, size_t count, size_t size)
{
    struct ate__image_head got;
    struct ate__image_in *in;
    int rc = ate__image_in_new(&w->sim.env, w->dir, with, count, &got, &in);
    if (rc)
        return rc;
    size_t at = 0;
    while (!rc && at < size) {
        size_t n = ate__min(size - at, 4000);
        rc = ate__image_get(in, back + at, n);
        at += rc ? 0 : n;
    }
    assert_memory_equal(back, stream, at);
    if (!rc)
        rc = ate__image_in_end(in);
    if (!rc) {
        assert_memory_equal(&got.chain_id, &head.chain_id, 32);
        assert_memory_equal(&got.root, &head.root, 32);
        assert_true(got.size == 5 && got.generation == 6);
    }
    ate__image_in_free(in);
    return rc;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, ATE__IMAGE_TEXT - 1, ATE__IMAGE_TEXT, ATE__IMAGE_TEXT + 1, 3 * ATE__IMAGE_TEXT};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(write_file(&w, sizes[i]), 0);
        assert_false(simdisk_exists(w.disk, "/c/view.new"));
        assert_int_equal(read_file(&w, secrets, 1, sizes[i]), 0);
        if (sizes[i])
            assert_int_equal(read_file(&w, secrets, 1, sizes[i] - 1), ATE_MALFORMED);
    }
    world_deinit(&w);
}

static void test_secrets(void **state)
{
    (void)state;
    const struct ate__key32 turned[3] = {secrets[1], secrets[2], secrets[0]};
    struct world w;
    world_init(&w);
    assert_int_equal(read_file(&w, secrets, 1, 10), ATE_NOT_FOUND);
    assert_int_equal(write_file(&w, 10), 0);
    assert_int_equal(read_file(&w, turned, 2, 10), ATE_NO_KEY);
    assert_int_equal(read_file(&w, turned, 3, 10), 0);
    assert_int_equal(read_file(&w, turned, 0, 10), ATE_NO_KEY);
    world_deinit(&w);
}

/* A bit of every byte, every length, pages in another order, twice, of another image. */
static void test_changed(void **state)
{
    (void)state;
    struct world w;
    size_t size;
    world_init(&w);
    assert_int_equal(write_file(&w, 300), 0);
    size = (size_t)simdisk_size(w.disk, "/c/view");
    for (size_t at = 0; at < size; at++) {
        simdisk_flip(w.disk, "/c/view", at, (uint8_t)(1u << at % 8));
        assert_int_not_equal(read_file(&w, secrets, 1, 300), 0);
        simdisk_flip(w.disk, "/c/view", at, (uint8_t)(1u << at % 8));
    }
    uint8_t *whole = simdisk_get(w.disk, "/c/view", &size);
    for (size_t cut = 0; cut < size; cut++) {
        simdisk_put(w.disk, "/c/view", whole, cut);
        bool pages = cut >= ATE__IMAGE_HEAD + ATE__AEAD_NONCE + ATE__AEAD_TAG;
        assert_int_equal(read_file(&w, secrets, 1, 300), pages ? ATE_NO_KEY : ATE_MALFORMED);
    }
    simdisk_put(w.disk, "/c/view", whole, size);
    simdisk_cut(w.disk, "/c/view", size + 1);
    assert_int_not_equal(read_file(&w, secrets, 1, 300), 0);
    free(whole);
    world_deinit(&w);
}

static void test_pages(void **state)
{
    (void)state;
    enum { PAGE = ATE__IMAGE_PAGE, HEAD = ATE__IMAGE_HEAD, ALL = 3 * ATE__IMAGE_TEXT };
    struct world w;
    size_t size;
    world_init(&w);
    assert_int_equal(write_file(&w, ALL), 0);
    uint8_t *whole = simdisk_get(w.disk, "/c/view", &size);
    assert_int_equal(size, HEAD + 3 * PAGE);
    simdisk_put(w.disk, "/c/view", whole, HEAD + 2 * PAGE); /* the last is missing */
    assert_int_equal(read_file(&w, secrets, 1, ALL), ATE_TAMPERED);
    simdisk_put(w.disk, "/c/view", whole, HEAD + PAGE);
    assert_int_equal(read_file(&w, secrets, 1, ALL), ATE_NO_KEY);
    simdisk_put(w.disk, "/c/view", whole, size);
    simdisk_patch(w.disk, "/c/view", HEAD + PAGE, whole + HEAD, PAGE); /* the first twice */
    assert_int_equal(read_file(&w, secrets, 1, ALL), ATE_TAMPERED);
    assert_int_equal(write_file(&w, ALL), 0); /* the same once more, with another salt */
    simdisk_patch(w.disk, "/c/view", HEAD + PAGE, whole + HEAD + PAGE, PAGE);
    assert_int_equal(read_file(&w, secrets, 1, ALL), ATE_TAMPERED);
    free(whole);
    world_deinit(&w);
}

static void test_head(void **state)
{
    (void)state;
    uint8_t bytes[ATE__IMAGE_HEAD] = "ate-view\1\0\0\0\0\0\1";
    struct ate__image_head got;
    assert_int_equal(ate__image_head_read(ate__bytes(bytes, sizeof bytes), &got), 0);
    assert_int_equal(ate__image_head_read(ate__bytes(bytes, sizeof bytes - 1), &got),
                     ATE_MALFORMED);
    bytes[8] = 2;
    assert_int_equal(ate__image_head_read(ate__bytes(bytes, sizeof bytes), &got), ATE_UNSUPPORTED);
    bytes[8] = 1, bytes[14] = 2; /* pages of another size */
    assert_int_equal(ate__image_head_read(ate__bytes(bytes, sizeof bytes), &got), ATE_UNSUPPORTED);
    bytes[14] = 1, bytes[0] = 'A';
    assert_int_equal(ate__image_head_read(ate__bytes(bytes, sizeof bytes), &got), ATE_MALFORMED);
}

static int (*whole_stat)(struct ate__file *file, struct ate__stat *ret_stat);

static int stat_longer(struct ate__file *file, struct ate__stat *ret_stat)
{
    int rc = whole_stat(file, ret_stat);
    ret_stat->size += ATE__IMAGE_PAGE;
    return rc;
}

/* Somebody cuts it off between the look at its size and the read. */
static void test_cut_meanwhile(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(write_file(&w, 300), 0);
    struct ate__vfs vfs = *w.sim.env.vfs;
    whole_stat = vfs.stat;
    vfs.stat = stat_longer;
    w.sim.env.vfs = &vfs;
    assert_int_equal(read_file(&w, secrets, 1, 300), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "became shorter"));
    w.sim.env.vfs = simdisk_vfs(w.disk);
    world_deinit(&w);
}

/* A power loss after any call leaves the old one or the new one, whole. */
static void test_crash(void **state)
{
    (void)state;
    struct world w;
    for (uint64_t n = 0;; n++) {
        world_init(&w);
        assert_int_equal(write_file(&w, 100), 0);
        simdisk_stop(w.disk, n);
        int rc = write_file(&w, 2 * ATE__IMAGE_TEXT);
        for (uint64_t seed = 0; seed < 8; seed++) {
            struct world after;
            after.disk = simdisk_crash(w.disk, seed);
            simenv_init(&after.sim, 1, simdisk_vfs(after.disk));
            assert_int_equal(
                after.sim.env.vfs->open_root(after.sim.env.vfs->user, "/c", &after.dir), 0);
            int old = read_file(&after, secrets, 1, 100);
            int new = old ? read_file(&after, secrets, 1, 2 * ATE__IMAGE_TEXT) : 0;
            assert_true(!old || !new);
            assert_true(rc || old);
            assert_int_equal(write_file(&after, 50), 0); /* what was left is no obstacle */
            world_deinit(&after);
        }
        world_deinit(&w);
        if (!rc)
            break;
    }
}

static void test_failures(void **state)
{
    (void)state;
    struct world w;
    for (uint64_t n = 1;; n++) {
        world_init(&w);
        simdisk_fail(w.disk, SIMDISK_ALL, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
        int rc = write_file(&w, 2 * ATE__IMAGE_TEXT);
        bool failed = simdisk_failed(w.disk);
        simdisk_fail(w.disk, SIMDISK_ALL, 0, 0, 0);
        if (!rc)
            assert_int_equal(read_file(&w, secrets, 1, 2 * ATE__IMAGE_TEXT), 0);
        assert_int_equal(write_file(&w, 2 * ATE__IMAGE_TEXT), 0);
        simdisk_fail(w.disk, SIMDISK_ALL, n, 1, ATE_E_IO);
        rc = read_file(&w, secrets, 1, 2 * ATE__IMAGE_TEXT);
        failed |= simdisk_failed(w.disk);
        assert_true(rc == 0 || rc == ATE_E_IO);
        world_deinit(&w);
        if (!failed)
            break;
    }
}

static int write_and_read(void *arg)
{
    struct world *w = arg;
    int rc = write_file(w, 100);
    return rc ? rc : read_file(w, secrets, 1, 100);
}

static void test_memory(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    heap_sweep(write_and_read, &w, false);
    world_deinit(&w);
}

/* The worked bytes of docs/format/image.md: salt and nonce are all 0x5a. */
static void all_5a(void *user, void *to, size_t size)
{
    (void)user;
    memset(to, 0x5a, size);
}

static void test_worked_bytes(void **state)
{
    (void)state;
    static const char page[] = "ab2c077e788fc19ddd3431bb0714368ba6008c1cf8";
    char text[2 * 64 + 1];
    struct world w;
    size_t size;
    world_init(&w);
    w.sim.env.random = all_5a;
    memcpy(stream, "hello", 5);
    assert_int_equal(write_file(&w, 5), 0);
    uint8_t *bytes = simdisk_get(w.disk, "/c/view", &size);
    assert_int_equal(size, ATE__IMAGE_HEAD + ATE__AEAD_NONCE + 5 + ATE__AEAD_TAG);
    for (size_t i = 0; i < 5 + ATE__AEAD_TAG; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[ATE__IMAGE_HEAD + ATE__AEAD_NONCE + i]);
    assert_string_equal(text, page);
    free(bytes);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_changed),      cmocka_unit_test(test_pages),
        cmocka_unit_test(test_head),         cmocka_unit_test(test_crash),
        cmocka_unit_test(test_failures),     cmocka_unit_test(test_memory),
        cmocka_unit_test(test_worked_bytes), cmocka_unit_test(test_cut_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
