/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tiles against the tree computed naively, their places, and what is written when. */
#include "redo/tiles.h"
#include "base/err.h"
#include "crypto/merkle.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

enum { MANY = 70000 }; /* more than 256 * 256: three levels */

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
    struct ate_hash *leaves;
    struct ate_hash **node; /* by level of the tree: all complete subtrees of MANY leaves */
};

static void setup(struct fixture *x, size_t count)
{
    struct rnd r = rnd_of(1);
    *x = (struct fixture){.disk = simdisk_new(1)};
    x->vfs = simdisk_vfs(x->disk);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
    x->leaves = malloc(count * sizeof *x->leaves);
    rnd_bytes(&r, x->leaves, count * sizeof *x->leaves);
    x->node = calloc(64, sizeof *x->node);
    x->node[0] = x->leaves;
    for (unsigned level = 1; count >> level; level++) {
        x->node[level] = malloc((count >> level) * sizeof *x->leaves);
        for (size_t i = 0; i < count >> level; i++)
            assert_int_equal(ate__node_hash(&x->node[level - 1][2 * i],
                                            &x->node[level - 1][2 * i + 1], &x->node[level][i]),
                             0);
    }
}

static void teardown(struct fixture *x)
{
    for (unsigned level = 0; level < 64; level++)
        free(x->node[level]);
    free(x->node);
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
}

static void append(struct ate__tiles *t, const struct fixture *x, uint64_t to)
{
    uint64_t size = ate__tiles_size(t);
    assert_int_equal(ate__tiles_append(t, x->leaves + size, (size_t)(to - size)), 0);
    assert_true(ate__tiles_size(t) == to);
}

static void check_node(struct ate__tiles *t, const struct fixture *x, unsigned level,
                       uint64_t index)
{
    struct ate_hash hash;
    int rc = ate__tiles_node(t, level, index, &hash);
    bool there = level < 64 && index < ate__tiles_size(t) >> level;
    assert_int_equal(rc, there ? 0 : ATE_NOT_FOUND);
    if (there && !ate__hash_equal(&hash, &x->node[level][index]))
        fail_msg("node %llu of level %u of %llu leaves", (unsigned long long)index, level,
                 (unsigned long long)ate__tiles_size(t));
}

/* The edge of each level and some others. */
static void check_nodes(struct ate__tiles *t, const struct fixture *x, struct rnd *r)
{
    uint64_t size = ate__tiles_size(t);
    for (unsigned level = 0; level < 20; level++) {
        check_node(t, x, level, size >> level);
        if (size >> level)
            check_node(t, x, level, (size >> level) - 1);
        check_node(t, x, level, 0);
        check_node(t, x, level, rnd_below(r, (size >> level) + 1));
    }
    check_node(t, x, 64, 0);
    check_node(t, x, 63, 0);
    check_node(t, x, 0, UINT64_MAX);
}

/* In the order in which tiles are begun, the file has no hole. */
static void test_places(void **state)
{
    (void)state;
    uint64_t place = 0;
    uint64_t next[ATE__TILE_LEVELS] = {0};
    for (uint64_t n = 0; n < (1 << 17); n++) {
        assert_true(ate__tile_place(0, n) == place++);
        /* Tile n is full now: it gives a hash to the level above, and may so begin a tile. */
        uint64_t hashes = n + 1;
        for (unsigned level = 1; level < ATE__TILE_LEVELS; level++) {
            if ((hashes - 1) % ATE__TILE_HASHES == 0) {
                assert_true(ate__tile_place(level, next[level]) == place++);
                next[level]++;
            }
            if (hashes % ATE__TILE_HASHES)
                break;
            hashes /= ATE__TILE_HASHES;
        }
    }
    assert_true(next[1] == 512 && next[2] == 2 && next[3] == 1);
    assert_true(ate__tile_place(1, 0) == 1 && ate__tile_place(0, 1) == 2);
    assert_true(ate__tile_place(0, 255) == 256 && ate__tile_place(2, 0) == 257);
}

static void test_nodes(void **state)
{
    (void)state;
    struct fixture x;
    struct ate__tiles t;
    struct rnd r = rnd_of(rnd_seed(1));
    setup(&x, MANY);
    ate__tiles_init(&t, x.vfs, x.root, true);
    check_nodes(&t, &x, &r);
    static const uint64_t sizes[] = {1,   2,    3,    255,   256,   257,   511,   512,   513,
                                     769, 4096, 4097, 65535, 65536, 65537, 65792, 65793, MANY};
    for (size_t i = 0; i < ATE__COUNT_OF(sizes); i++) {
        append(&t, &x, sizes[i]);
        check_nodes(&t, &x, &r);
    }
    for (int i = 0; i < 2000; i++) {
        unsigned level = (unsigned)rnd_below(&r, 17);
        check_node(&t, &x, level, rnd_below(&r, ((uint64_t)MANY >> level) + 1));
    }
    ate__tiles_deinit(&t);
    /* In the file every full tile of level 0 is where it belongs. */
    size_t size;
    uint8_t *bytes = simdisk_get(x.disk, "/tiles", &size);
    for (uint64_t k = 0; k < MANY / 256; k++)
        assert_memory_equal(bytes + ate__tile_place(0, k) * ATE__TILE_BYTES, x.leaves + 256 * k,
                            ATE__TILE_BYTES);
    assert_memory_equal(bytes + ate__tile_place(0, MANY / 256) * ATE__TILE_BYTES,
                        x.leaves + MANY / 256 * 256, MANY % 256 * 32);
    assert_memory_equal(bytes + ate__tile_place(1, 0) * ATE__TILE_BYTES, x.node[8],
                        ATE__TILE_BYTES);
    assert_memory_equal(bytes + ate__tile_place(2, 0) * ATE__TILE_BYTES, x.node[16], 32);
    assert_true(size < (MANY + 512) * 32 + 4 * ATE__TILE_BYTES);
    free(bytes);
    teardown(&x);
}

/* Random appends and truncations, on the disk and in memory. */
static void test_truncate(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    struct fixture x;
    setup(&x, MANY);
    for (int memory = 0; memory < 2; memory++) {
        struct ate__tiles t;
        ate__tiles_init(&t, x.vfs, memory ? NULL : x.root, !memory);
        for (int i = 0; i < 120; i++) {
            uint64_t size = ate__tiles_size(&t);
            if (rnd_below(&r, 3)) {
                uint64_t step = rnd_below(&r, 4) ? 600 : 20000;
                uint64_t to = size + rnd_below(&r, step);
                append(&t, &x, to < MANY ? to : MANY);
            } else {
                uint64_t to = rnd_below(&r, 2) ? rnd_below(&r, size + 1) / 256 * 256
                                               : rnd_below(&r, size + 1);
                assert_int_equal(ate__tiles_truncate(&t, to), 0);
            }
            check_nodes(&t, &x, &r);
        }
        assert_int_equal(ate__tiles_truncate(&t, ate__tiles_size(&t) + 1), ATE_MISUSE);
        ate__tiles_deinit(&t);
    }
    teardown(&x);
}

/* Other leaves in the place of those that were there: nothing of these is shown any more. */
static void test_other_leaves(void **state)
{
    (void)state;
    enum { SOME = 900 };
    struct fixture x, other;
    struct rnd r = rnd_of(rnd_seed(1));
    setup(&x, SOME);
    setup(&other, SOME);
    for (size_t i = 0; i < SOME; i++)
        other.leaves[i].b[0] ^= 0xff;
    for (unsigned level = 1; SOME >> level; level++)
        for (size_t i = 0; i < (size_t)SOME >> level; i++)
            assert_int_equal(ate__node_hash(&other.node[level - 1][2 * i],
                                            &other.node[level - 1][2 * i + 1],
                                            &other.node[level][i]),
                             0);
    for (int kind = 0; kind < 3; kind++) { /* written, kept beside a file, kept */
        struct ate__tiles t;
        ate__tiles_init(&t, x.vfs, kind == 2 ? NULL : x.root, kind == 0);
        for (int i = 0; i < 4; i++) {
            const struct fixture *now = i % 2 ? &other : &x;
            append(&t, now, SOME);
            for (int n = 0; n < 20; n++)
                check_nodes(&t, now, &r);
            assert_int_equal(ate__tiles_truncate(&t, 0), 0);
        }
        ate__tiles_deinit(&t);
    }
    teardown(&other);
    teardown(&x);
}

/* What the file holds is compared and not written again; a reader writes never. */
static void test_reopen(void **state)
{
    (void)state;
    enum { SOME = 3000 };
    struct fixture x;
    struct ate__tiles t;
    struct rnd r = rnd_of(rnd_seed(1));
    setup(&x, SOME);
    ate__tiles_init(&t, x.vfs, x.root, true);
    append(&t, &x, 2000);
    ate__tiles_deinit(&t);
    uint64_t writes = simdisk_count(x.disk, SIMDISK_WRITE);
    ate__tiles_init(&t, x.vfs, x.root, true);
    assert_true(ate__tiles_size(&t) == 0);
    append(&t, &x, 2000);
    ate__tiles_deinit(&t);
    assert_true(simdisk_count(x.disk, SIMDISK_WRITE) == writes);
    /* One tile is not as it should be. */
    simdisk_flip(x.disk, "/tiles", ate__tile_place(0, 3) * ATE__TILE_BYTES + 77, 1);
    uint64_t digest = simdisk_digest(x.disk);
    ate__tiles_init(&t, x.vfs, x.root, false);
    append(&t, &x, SOME);
    check_nodes(&t, &x, &r);
    check_node(&t, &x, 2, 200);
    ate__tiles_deinit(&t);
    assert_true(simdisk_digest(x.disk) == digest);
    ate__tiles_init(&t, x.vfs, x.root, true);
    append(&t, &x, 2000);
    check_nodes(&t, &x, &r);
    ate__tiles_deinit(&t);
    assert_true(simdisk_count(x.disk, SIMDISK_WRITE) == writes + 1);
    /* A shorter tree leaves a shorter file. */
    uint64_t size = simdisk_size(x.disk, "/tiles");
    ate__tiles_init(&t, x.vfs, x.root, true);
    append(&t, &x, 1000);
    ate__tiles_deinit(&t);
    assert_true(simdisk_size(x.disk, "/tiles") < size);
    simdisk_unlink(x.disk, "/tiles");
    ate__tiles_init(&t, x.vfs, x.root, false);
    append(&t, &x, SOME);
    check_nodes(&t, &x, &r);
    ate__tiles_deinit(&t);
    assert_false(simdisk_exists(x.disk, "/tiles"));
    teardown(&x);
}

static void test_faults(void **state)
{
    (void)state;
    enum { SOME = 1500 };
    struct fixture x;
    struct rnd r = rnd_of(rnd_seed(1));
    setup(&x, SOME);
    for (uint64_t n = 1;; n++) {
        struct ate__tiles t;
        ate__tiles_init(&t, x.vfs, x.root, true);
        simdisk_fail(x.disk, SIMDISK_ALL, n, 1, n % 2 ? ATE_E_IO : ATE_E_NO_SPACE);
        bool failed = false;
        while (ate__tiles_size(&t) < SOME) {
            uint64_t size = ate__tiles_size(&t);
            int rc = ate__tiles_append(&t, x.leaves + size, (size_t)(SOME - size));
            assert_true(!rc || rc == ATE_E_IO || rc == ATE_E_NO_SPACE);
            failed |= rc != 0;
        }
        bool met = simdisk_failed(x.disk);
        simdisk_fail(x.disk, 0, 0, 0, 0);
        check_nodes(&t, &x, &r);
        for (uint64_t i = 0; i < SOME; i += 37)
            check_node(&t, &x, 0, i);
        ate__tiles_deinit(&t);
        simdisk_unlink(x.disk, "/tiles");
        assert_true(failed == met);
        if (!met)
            break;
    }
    teardown(&x);
}

static int leaves_again(void *arg, uint64_t first, struct ate_hash *ret_leaves)
{
    const struct fixture *x = arg;
    if (!x->leaves)
        return ate__fail(ATE_E_IO, "no leaves");
    memcpy(ret_leaves, x->leaves + first, ATE__TILE_BYTES);
    return 0;
}

/* Nothing is written before release(), not even a file; what was read from neither file nor memory
 * is the same. */
static void test_hold(void **state)
{
    (void)state;
    struct fixture x, whole;
    struct ate__tiles t;
    struct rnd r = rnd_of(rnd_seed(1));
    setup(&x, MANY);
    setup(&whole, MANY);
    ate__tiles_init(&t, whole.vfs, whole.root, true);
    append(&t, &whole, MANY);
    ate__tiles_deinit(&t);
    for (int kind = 0; kind < 4; kind++) {
        bool few = kind % 2, file = kind / 2; /* tiles in memory; a file that is wrong */
        if (file)
            for (uint64_t k = 0; k < MANY / 256; k += 3)
                simdisk_flip(x.disk, "/tiles", ate__tile_place(0, k) * ATE__TILE_BYTES + 7, 1);
        else
            simdisk_unlink(x.disk, "/tiles");
        uint64_t digest = simdisk_digest(x.disk);
        for (int released = 0; released < 2; released++) {
            ate__tiles_init(&t, x.vfs, x.root, true);
            ate__tiles_hold(&t, leaves_again, &x);
            t.kept_leaves = few ? ATE__TILES_HELD_MAX - 20 : 0;
            append(&t, &x, MANY);
            check_nodes(&t, &x, &r);
            assert_int_equal(ate__tiles_truncate(&t, 30 * 256), 0);
            check_nodes(&t, &x, &r);
            append(&t, &x, MANY);
            check_nodes(&t, &x, &r);
            assert_true(t.kept_leaves <= ATE__TILES_HELD_MAX);
            if (released)
                assert_int_equal(ate__tiles_release(&t), 0);
            check_nodes(&t, &x, &r);
            ate__tiles_deinit(&t);
            assert_true(released || simdisk_digest(x.disk) == digest);
        }
        assert_true(simdisk_digest(x.disk) == simdisk_digest(whole.disk));
    }
    teardown(&whole);
    teardown(&x);
}

static void test_hold_faults(void **state)
{
    (void)state;
    enum { SOME = 5000 };
    struct fixture x, none = {.leaves = NULL};
    struct rnd r = rnd_of(rnd_seed(1));
    struct ate__tiles t;
    struct ate_hash hash;
    setup(&x, SOME);
    for (uint64_t n = 1; n < 12; n++) { /* of the writes that release() makes */
        simdisk_unlink(x.disk, "/tiles");
        ate__tiles_init(&t, x.vfs, x.root, true);
        ate__tiles_hold(&t, leaves_again, &x);
        t.kept_leaves = ATE__TILES_HELD_MAX - 5;
        append(&t, &x, SOME);
        simdisk_fail(x.disk, SIMDISK_WRITE, n, 1, ATE_E_NO_SPACE);
        assert_int_equal(ate__tiles_release(&t), ATE_E_NO_SPACE);
        simdisk_fail(x.disk, 0, 0, 0, 0);
        check_nodes(&t, &x, &r);
        assert_int_equal(ate__tiles_release(&t), 0);
        check_nodes(&t, &x, &r);
        ate__tiles_deinit(&t);
    }
    simdisk_unlink(x.disk, "/tiles");
    ate__tiles_init(&t, x.vfs, x.root, true);
    ate__tiles_hold(&t, leaves_again, &none);
    t.kept_leaves = ATE__TILES_HELD_MAX - 5;
    append(&t, &x, SOME);
    check_node(&t, &x, 0, 4 * 256);
    assert_int_equal(ate__tiles_node(&t, 0, 5 * 256, &hash), ATE_E_IO);
    assert_int_equal(ate__tiles_release(&t), ATE_E_IO);
    ate__tiles_deinit(&t);
    teardown(&x);
}

static struct ate_hash some[700];

static int use(void *arg)
{
    struct fixture *x = arg;
    struct ate__tiles t;
    struct ate_hash hash;
    ate__tiles_init(&t, x->vfs, NULL, false);
    int rc = ate__tiles_append(&t, some, ATE__COUNT_OF(some));
    if (!rc)
        rc = ate__tiles_truncate(&t, 300);
    if (!rc)
        rc = ate__tiles_node(&t, 3, 5, &hash);
    ate__tiles_deinit(&t);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    struct fixture x;
    setup(&x, 1);
    assert_true(heap_sweep(use, &x, false) > 4);
    teardown(&x);
}

/* Roots and proofs come out of the tiles as out of the tree. */
static int node_of(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    return ate__tiles_node(arg, level, index, ret_hash);
}

static void test_roots(void **state)
{
    (void)state;
    enum { SOME = 1200 };
    struct fixture x;
    struct ate__tiles t;
    struct ate__frontier f;
    setup(&x, SOME);
    ate__tiles_init(&t, x.vfs, x.root, true);
    append(&t, &x, SOME);
    ate__frontier_init(&f);
    for (uint64_t size = 1; size <= SOME; size++) {
        struct ate_hash want, got;
        assert_int_equal(ate__frontier_append(&f, &x.leaves[size - 1]), 0);
        if (size % 7 && size > 520)
            continue;
        assert_int_equal(ate__frontier_root(&f, &want), 0);
        assert_int_equal(ate__merkle_root_at(node_of, &t, size, &got), 0);
        assert_true(ate__hash_equal(&want, &got));
    }
    assert_true(ate__tiles_bytes(&t) > 0);
    ate__tiles_deinit(&t);
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),       cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_truncate),     cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_other_leaves), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_hold),         cmocka_unit_test(test_hold_faults),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
