/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The same random calls to the real disk and to the simulated one have the same results. */
#include "base/err.h"
#include "base/vfs.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include "lib/tmpdir.h"
#include <stdlib.h>

enum { DIRS = 3, FILES = 8, NAMES = 6, STEPS = 10000, SIZE_MAX_TEST = 20000 };
static const char *const names[NAMES] = {"a", "b", "c", "d", ".", "x/y"};

/* One of the two sides. */
struct side {
    const struct ate__vfs *v;
    struct ate__dir *root, *dirs[DIRS];
    struct ate__file *files[FILES];
};

struct listing {
    char *names[64];
    size_t count;
};

static int keep_name(void *arg, const char *name)
{
    struct listing *l = arg;
    assert_true(l->count < 64);
    l->names[l->count++] = strdup(name);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void compare_lists(struct side *sides, size_t dir)
{
    struct listing lists[2] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sides[i].v->list(sides[i].dirs[dir], keep_name, &lists[i]), 0);
        qsort(lists[i].names, lists[i].count, sizeof(char *), by_text);
    }
    assert_int_equal(lists[0].count, lists[1].count);
    for (size_t i = 0; i < lists[0].count; i++) {
        assert_string_equal(lists[0].names[i], lists[1].names[i]);
        free(lists[0].names[i]);
        free(lists[1].names[i]);
    }
}

static void compare_files(struct side *sides, size_t file)
{
    static uint8_t bytes[2][2 * SIZE_MAX_TEST];
    size_t sizes[2] = {0};
    struct ate__stat about[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct ate__file *f = sides[i].files[file];
        assert_int_equal(sides[i].v->read(f, 0, bytes[i], sizeof bytes[i], &sizes[i]), 0);
        assert_int_equal(sides[i].v->stat(f, &about[i]), 0);
        assert_int_equal(about[i].size, sizes[i]);
        assert_true(about[i].is_file && !about[i].is_dir);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
}

static int step_dir(struct side *s, uint64_t what, size_t dir, const char *name, const char *other,
                    unsigned flags, size_t slot)
{
    switch (what) {
    case 0:
    case 1:
        if (s->files[slot])
            return 0;
        return s->v->open(s->dirs[dir], name, flags, &s->files[slot]);
    case 2: return s->v->rename(s->dirs[dir], name, other);
    case 3: return s->v->remove(s->dirs[dir], name);
    case 4: return s->v->sync_dir(s->dirs[dir]);
    default: {
        struct ate__dir *found = NULL;
        int rc = s->v->open_dir(s->dirs[dir], name, flags & 1, &found);
        if (found && dir) {
            s->v->close_dir(s->dirs[dir]);
            s->dirs[dir] = found;
        } else {
            s->v->close_dir(found);
        }
        return rc;
    }
    }
}

static int step_file(struct side *s, uint64_t what, size_t slot, uint64_t offset,
                     const uint8_t *bytes, size_t size)
{
    struct ate__file *f = s->files[slot];
    uint8_t got[SIZE_MAX_TEST];
    size_t got_size = 0;
    if (!f)
        return 0;
    switch (what) {
    case 0:
    case 1: return s->v->write(f, offset, bytes, size);
    case 2: return s->v->truncate(f, offset);
    case 3: return s->v->sync(f);
    case 4: return s->v->read(f, offset, got, size, &got_size) + (int)got_size;
    case 5: return s->v->lock(f, size & 1);
    case 6: s->v->unlock(f); return 0;
    default:
        s->v->close(f);
        s->files[slot] = NULL;
        return 0;
    }
}

static void close_all(struct side *s)
{
    for (size_t i = 0; i < FILES; i++)
        s->v->close(s->files[i]);
    for (size_t i = 0; i < DIRS; i++)
        s->v->close_dir(s->dirs[i]);
    s->v->close_dir(s->root);
}

static void test_same(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(9));
    struct simdisk *disk = simdisk_new(1);
    struct side sides[2] = {{.v = &ate__vfs_posix}, {.v = simdisk_vfs(disk)}};
    const char *roots[2] = {tmpdir_new(), "/"};
    for (int i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        assert_int_equal(s->v->open_root(s->v->user, roots[i], &s->root), 0);
        for (size_t k = 0; k < DIRS; k++)
            assert_int_equal(s->v->open_dir(s->root, names[k], true, &s->dirs[k]), 0);
    }
    unsigned seen[256] = {0};
    for (int step = 0; step < STEPS; step++) {
        uint64_t kind = rnd_below(&r, 3), what = rnd_below(&r, kind ? 8 : 6);
        size_t dir = rnd_below(&r, DIRS), slot = rnd_below(&r, FILES);
        uint64_t name = rnd_below(&r, 100), other = rnd_below(&r, 100);
        name = name < 96 ? name % 4 : name % NAMES;
        other = other < 96 ? other % 4 : other % NAMES;
        unsigned flags = (unsigned)rnd_below(&r, 16);
        uint64_t offset = rnd_below(&r, SIZE_MAX_TEST);
        uint8_t bytes[SIZE_MAX_TEST];
        size_t size = rnd_below(&r, rnd_below(&r, 2) ? 100 : SIZE_MAX_TEST);
        rnd_bytes(&r, bytes, size);
        int rc[2];
        for (int i = 0; i < 2; i++)
            rc[i] = kind ? step_file(&sides[i], what, slot, offset, bytes, size)
                         : step_dir(&sides[i], what, dir, names[name], names[other], flags, slot);
        if (rc[0] != rc[1])
            fail_msg("step %d (%d, %d): %d and %d (%s)", step, (int)kind, (int)what, rc[0], rc[1],
                     ate__error_text());
        seen[(uint8_t)rc[0]]++;
        compare_lists(sides, dir);
        if (sides[0].files[slot])
            compare_files(sides, slot);
    }
    assert_true(seen[ATE_NOT_FOUND] > 9 && seen[ATE_EXISTS] > 9 && seen[ATE_IN_USE]);
    assert_true(seen[(uint8_t)ATE_E_SYSTEM] && seen[0]);
    for (int i = 0; i < 2; i++)
        close_all(&sides[i]);
    assert_int_equal(simdisk_handles(disk), 0);
    simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
