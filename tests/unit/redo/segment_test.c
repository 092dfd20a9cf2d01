/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One segment file: its name, header, footer. */
#include "redo/segment.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

static void test_names(void **state)
{
    (void)state;
    char name[ATE__SEGMENT_NAME];
    uint64_t id;
    ate__segment_name(0x1234abcd, name);
    assert_string_equal(name, "000000001234abcd.seg");
    assert_true(ate__segment_id_of(name, &id) && id == 0x1234abcd);
    ate__segment_name(UINT64_MAX, name);
    assert_true(ate__segment_id_of(name, &id) && id == UINT64_MAX);
    static const char *const others[] = {
        "",
        "next",
        "lock",
        "000000001234abcd",
        "000000001234abcd.seh",
        "000000001234ABCD.seg",
        "000000001234abcd.seg1",
        "00000001234abcd.seg",
        "x00000001234abcd.seg",
        "meta.a",
        "-00000001234abcd.seg",
    };
    for (size_t i = 0; i < ATE__COUNT_OF(others); i++)
        assert_false(ate__segment_id_of(others[i], &id));
}

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
};

static void setup(struct fixture *x)
{
    x->disk = simdisk_new(1);
    x->vfs = simdisk_vfs(x->disk);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
}

static void teardown(struct fixture *x)
{
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
}

static void put_segment(struct fixture *x, const char *path, bool padded)
{
    struct ate__segment_head head = {
        .id = 7, .salt = 99, .first_sequence = 40, .capacity = 65536, .padded = padded};
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&buf);
    ate__segment_head_write(&w, &head);
    ate__wr_zeros(&w, 10000);
    assert_int_equal(ate__wr_end(&w), 0);
    simdisk_put(x->disk, path, buf.data, buf.size);
    ate__buf_deinit(&buf);
}

static void test_open(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    setup(&x);
    assert_int_equal(ate__segment_open(x.vfs, x.root, "none", ATE__OPEN_READ, &verdict, &s),
                     ATE_NOT_FOUND);
    for (int padded = 0; padded < 2; padded++) {
        put_segment(&x, "/s", padded);
        assert_int_equal(ate__segment_open(x.vfs, x.root, "s", ATE__OPEN_READ, &verdict, &s), 0);
        assert_int_equal(verdict, ATE__GOOD);
        assert_true(s->head.id == 7 && s->end == 40 && s->refs == 1);
        assert_true(s->length == (padded ? 4096 : 88));
        assert_true(s->file_bytes == simdisk_size(x.disk, "/s"));
        assert_int_equal(s->seed, ate__salt_seed(99));
        assert_string_equal(s->name, "0000000000000007.seg");
        struct ate__segment *again = ate__segment_ref(s);
        ate__segment_unref(x.vfs, s);
        assert_int_equal(simdisk_handles(x.disk), 2);
        ate__segment_unref(x.vfs, again);
        assert_int_equal(simdisk_handles(x.disk), 1);
    }
    simdisk_flip(x.disk, "/s", 3000, 1);
    assert_int_equal(ate__segment_open(x.vfs, x.root, "s", ATE__OPEN_READ, &verdict, &s), 0);
    assert_int_equal(verdict, ATE__BAD);
    assert_null(s);
    ate__segment_unref(x.vfs, NULL);
    teardown(&x);
}

static void test_seal(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__segment *s = NULL;
    enum ate__soundness verdict;
    struct ate__footer footer;
    struct ate_hash sha, want;
    setup(&x);
    put_segment(&x, "/s", false);
    assert_int_equal(ate__segment_open(x.vfs, x.root, "s", ATE__OPEN_WRITE, &verdict, &s), 0);
    s->end = 45;
    s->length = 88 + 5000;
    s->end_head.b[3] = 3;
    assert_int_equal(ate__segment_footer(x.vfs, s->file, s->seed, s->length, &verdict, &footer), 0);
    assert_int_equal(verdict, ATE__BAD);
    assert_int_equal(ate__segment_seal(x.vfs, s->file, s), 0);
    assert_int_equal(simdisk_size(x.disk, "/s"), s->length + ATE__FOOTER);
    assert_int_equal(ate__segment_footer(x.vfs, s->file, s->seed, s->length, &verdict, &footer), 0);
    assert_int_equal(verdict, ATE__GOOD);
    assert_true(footer.count == 5 && footer.next_sequence == 45 && footer.head.b[3] == 3);
    assert_int_equal(ate__segment_sha256(x.vfs, s->file, s->length, &sha), 0);
    assert_true(ate__hash_equal(&sha, &footer.sha256));
    size_t size;
    uint8_t *bytes = simdisk_get(x.disk, "/s", &size);
    assert_int_equal(ate__sha256(ate__bytes(bytes, (size_t)s->length), &want), 0);
    assert_true(ate__hash_equal(&sha, &want));
    free(bytes);
    simdisk_flip(x.disk, "/s", 2000, 1);
    assert_int_equal(ate__segment_sha256(x.vfs, s->file, s->length, &sha), 0);
    assert_false(ate__hash_equal(&sha, &want));
    /* Each call of it may fail. */
    for (uint64_t n = 1;; n++) {
        simdisk_fail(x.disk, SIMDISK_ALL, n, 1, ATE_E_IO);
        int rc = ate__segment_seal(x.vfs, s->file, s);
        if (!simdisk_failed(x.disk)) {
            assert_int_equal(rc, 0);
            assert_true(n > 4);
            break;
        }
        assert_int_equal(rc, ATE_E_IO);
    }
    ate__segment_unref(x.vfs, s);
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
