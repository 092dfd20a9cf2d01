/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A segment read group by group, and headers found behind damage. */
#include "redo/scan.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

enum { GROUPS = 40 };

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *vfs;
    struct ate__dir *root;
    struct ate__file *file;
    struct ate__window window;
    struct ate__buf buf;
    uint32_t seed;
    bool padded;
    uint64_t start[GROUPS + 1], sequence[GROUPS + 1]; /* of each group; the last: the end */
};

static void add_group(struct fixture *x, struct ate__wr *w, struct rnd *r, unsigned i)
{
    uint32_t count = (uint32_t)rnd_below(r, 5);
    uint64_t sequence = x->sequence[i];
    struct ate__group_head head = {
        .count = count, .first_sequence = sequence, .bytes = ATE__GROUP_HEAD, .floor = sequence};
    static uint8_t body[3000];
    uint32_t sizes[5];
    for (uint32_t k = 0; k < count; k++) {
        sizes[k] = 1 + (uint32_t)rnd_below(r, sizeof body);
        head.bytes += (uint32_t)ate__record_bytes(sizes[k]);
    }
    ate__group_head_write(w, x->seed, &head);
    for (uint32_t k = 0; k < count; k++) {
        rnd_bytes(r, body, sizes[k]);
        ate__record_write(w, x->seed, ATE__KIND_TRANSACTION, sequence + k,
                          ate__bytes(body, sizes[k]));
    }
    ate__wr_zeros(w, (size_t)(ate__group_start(x->buf.size, x->padded) - x->buf.size));
    x->start[i + 1] = x->buf.size;
    x->sequence[i + 1] = sequence + count;
}

static void setup(struct fixture *x, uint64_t seed, bool padded)
{
    struct rnd r = rnd_of(seed);
    *x = (struct fixture){.disk = simdisk_new(1), .seed = 1234, .padded = padded};
    x->vfs = simdisk_vfs(x->disk);
    x->start[0] = padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD;
    x->sequence[0] = 100;
    struct ate__wr w = ate__wr_of(&x->buf);
    ate__wr_zeros(&w, (size_t)x->start[0]);
    for (unsigned i = 0; i < GROUPS; i++)
        add_group(x, &w, &r, i);
    assert_int_equal(ate__wr_end(&w), 0);
    simdisk_put(x->disk, "/s", x->buf.data, x->buf.size);
    simdisk_cut(x->disk, "/s", x->buf.size + 10000);
    assert_int_equal(x->vfs->open_root(x->vfs->user, "/", &x->root), 0);
    assert_int_equal(x->vfs->open(x->root, "s", ATE__OPEN_READ, &x->file), 0);
}

static void teardown(struct fixture *x)
{
    ate__buf_deinit(&x->buf);
    x->vfs->close(x->file);
    x->vfs->close_dir(x->root);
    simdisk_free(x->disk);
}

static struct ate__walk begin(struct fixture *x)
{
    ate__window_init(&x->window, x->vfs, x->file);
    return (struct ate__walk){
        .window = &x->window,
        .seed = x->seed,
        .padded = x->padded,
        .to = 1 << 26,
        .offset = x->start[0],
        .sequence = x->sequence[0],
    };
}

/* How many groups come, by one of the two ways; the walk then stands at the next. */
static unsigned walk(struct fixture *x, struct ate__walk *w, bool skip,
                     enum ate__soundness *verdict)
{
    unsigned n = 0;
    for (;;) {
        assert_int_equal(skip ? ate__walk_skip(w, verdict) : ate__walk_next(w, verdict), 0);
        if (*verdict != ATE__GOOD)
            return n;
        assert_true(w->group_offset == x->start[n] && w->offset == x->start[n + 1]);
        assert_true(w->head.first_sequence == x->sequence[n]);
        assert_true(w->sequence == x->sequence[n + 1]);
        assert_int_equal(w->bytes.size, skip ? 0 : w->head.bytes);
        if (!skip)
            assert_memory_equal(w->bytes.data, x->buf.data + w->group_offset, w->bytes.size);
        n++;
    }
}

static void test_walk(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct fixture x;
        enum ate__soundness verdict;
        setup(&x, i, i & 1);
        struct ate__walk w = begin(&x);
        assert_int_equal(walk(&x, &w, i & 2, &verdict), GROUPS);
        assert_int_equal(verdict, ATE__NOTHING);
        assert_true(w.bad_offset == x.start[GROUPS]);
        ate__window_deinit(&x.window);
        w = begin(&x); /* up to a length, as readers do */
        w.to = x.start[7];
        assert_int_equal(walk(&x, &w, false, &verdict), 7);
        assert_int_equal(verdict, ATE__NOTHING);
        ate__window_deinit(&x.window);
        w = begin(&x); /* a length within a group is no length */
        w.to = x.start[7] - 8;
        walk(&x, &w, false, &verdict);
        assert_true(verdict == ATE__BAD || w.padded);
        ate__window_deinit(&x.window);
        teardown(&x);
    }
}

/* Any byte of any group, padding included: the walk ends in front of that group. */
static void test_damage(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    for (unsigned i = 0; i < 600; i++) {
        struct fixture x;
        enum ate__soundness verdict;
        if (i % 100 == 0)
            setup(&x, i, i / 100 & 1);
        uint64_t at = x.start[0] + rnd_below(&r, x.start[GROUPS] - x.start[0]);
        uint8_t mask = (uint8_t)(1u << rnd_below(&r, 8));
        unsigned group = 0;
        while (x.start[group + 1] <= at)
            group++;
        simdisk_flip(x.disk, "/s", at, mask);
        struct ate__walk w = begin(&x);
        assert_int_equal(walk(&x, &w, false, &verdict), group);
        assert_int_equal(verdict, ATE__BAD);
        assert_true(w.offset == x.start[group] && w.sequence == x.sequence[group]);
        assert_true(w.bad_offset <= at && w.bad_offset >= x.start[group]);
        ate__window_deinit(&x.window);
        simdisk_flip(x.disk, "/s", at, mask);
        if (i % 100 == 99)
            teardown(&x);
    }
}

/* A file that ends within a group. */
static void test_cut(void **state)
{
    (void)state;
    struct fixture x;
    enum ate__soundness verdict;
    setup(&x, 3, false);
    for (uint64_t end = x.start[GROUPS]; end > x.start[GROUPS - 3]; end--) {
        simdisk_cut(x.disk, "/s", end);
        unsigned whole = 0;
        while (whole < GROUPS && x.start[whole + 1] <= end)
            whole++;
        struct ate__walk w = begin(&x);
        assert_int_equal(walk(&x, &w, false, &verdict), whole);
        assert_int_equal(verdict, end == x.start[whole] ? ATE__NOTHING : ATE__BAD);
        ate__window_deinit(&x.window);
    }
    teardown(&x);
}

static void test_sequence(void **state)
{
    (void)state;
    struct fixture x;
    enum ate__soundness verdict;
    setup(&x, 3, false);
    struct ate__walk w = begin(&x);
    w.sequence++;
    assert_int_equal(walk(&x, &w, false, &verdict), 0);
    assert_int_equal(verdict, ATE__BAD);
    ate__window_deinit(&x.window);
    teardown(&x);
}

static void test_seek(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct fixture x;
        setup(&x, i, i & 1);
        for (unsigned from = 0; from <= GROUPS; from++) {
            struct ate__behind behind = {.any = false};
            ate__window_init(&x.window, x.vfs, x.file);
            assert_int_equal(ate__seek_heads(&x.window, x.seed, x.start[from] - 7, 1 << 26,
                                             x.sequence[from], &behind),
                             0);
            ate__window_deinit(&x.window);
            assert_true(behind.any == (from < GROUPS));
            assert_true(behind.same_sequence == (from < GROUPS));
            assert_true(behind.floor == (from < GROUPS ? x.sequence[GROUPS - 1] : 0));
            /* Not those in front, and not one that is cut off. */
            behind = (struct ate__behind){.any = false};
            ate__window_init(&x.window, x.vfs, x.file);
            assert_int_equal(ate__seek_heads(&x.window, x.seed, x.start[0],
                                             x.start[from] + ATE__GROUP_HEAD - 1, 99, &behind),
                             0);
            ate__window_deinit(&x.window);
            assert_true(behind.any == (from > 0) && !behind.same_sequence);
            assert_true(behind.floor == (from ? x.sequence[from - 1] : 0));
        }
        /* Under another salt nothing is found. */
        struct ate__behind behind = {.any = false};
        ate__window_init(&x.window, x.vfs, x.file);
        assert_int_equal(ate__seek_heads(&x.window, x.seed + 1, 0, 1 << 26, 0, &behind), 0);
        ate__window_deinit(&x.window);
        assert_false(behind.any);
        teardown(&x);
    }
}

static void test_faults(void **state)
{
    (void)state;
    struct fixture x;
    enum ate__soundness verdict;
    struct ate__behind behind = {.any = false};
    setup(&x, 3, false);
    struct ate__walk w = begin(&x);
    simdisk_fail(x.disk, SIMDISK_READ, 1, 3, ATE_E_IO);
    assert_int_equal(ate__walk_next(&w, &verdict), ATE_E_IO);
    assert_int_equal(ate__walk_skip(&w, &verdict), ATE_E_IO);
    assert_int_equal(ate__seek_heads(&x.window, x.seed, 0, 1 << 20, 0, &behind), ATE_E_IO);
    assert_int_equal(walk(&x, &w, false, &verdict), GROUPS);
    ate__window_deinit(&x.window);
    teardown(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_cut),  cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_seek), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
