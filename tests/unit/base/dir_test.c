/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/dir.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ate__vfs *const vfs = &ate__vfs_posix;
static char top[4096];

static const char *below(const char *path)
{
    static char whole[5000];
    snprintf(whole, sizeof whole, "%s/%s", top, path);
    return whole;
}

static int try(const char *path, enum ate__dir_make make)
{
    struct ate__dir *dir = NULL;
    int rc = ate__dir_open(vfs, path, make, &dir);
    assert_true((rc == 0) == (dir != NULL));
    vfs->close_dir(dir);
    return rc;
}

static bool is_there(const char *path)
{
    struct stat st;
    return !stat(below(path), &st) && S_ISDIR(st.st_mode);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "%s", tmpdir_new());
    return 0;
}

static void test_how_far_it_makes(void **state)
{
    (void)state;
    assert_int_equal(try(below("a"), ATE__DIR_FIND), ATE_NOT_FOUND);
    assert_int_equal(try(below("a/b"), ATE__DIR_MAKE), ATE_NOT_FOUND);
    assert_false(is_there("a"));
    assert_int_equal(try(below("a"), ATE__DIR_MAKE), 0);
    assert_int_equal(try(below("a"), ATE__DIR_MAKE), 0);
    assert_int_equal(try(below("a"), ATE__DIR_FIND), 0);
    assert_int_equal(try(below("x//y/z///"), ATE__DIR_MAKE_ALL), 0);
    assert_true(is_there("x/y/z"));
    assert_int_equal(try(below("x/y/w/"), ATE__DIR_MAKE), 0);
    assert_true(is_there("x/y/w"));
}

static void test_names(void **state)
{
    (void)state;
    FILE *f = fopen(below("file"), "w");
    assert_non_null(f);
    fclose(f);
    for (enum ate__dir_make make = ATE__DIR_FIND; make <= ATE__DIR_MAKE_ALL; make++) {
        assert_int_equal(try("", make), ATE_E_SYSTEM);
        assert_int_equal(try("/", make), 0);
        assert_int_equal(try(".", make), 0);
        assert_true(try(below("file"), make) < 0);
        assert_true(try(below("file/below"), make) < 0);
    }
    assert_int_equal(chdir(top), 0);
    assert_int_equal(try("here", ATE__DIR_MAKE), 0);
    assert_true(is_there("here"));
    assert_int_equal(chdir("/"), 0);
}

static int make_all(void *arg)
{
    (void)arg;
    return try(below("p/q/r"), ATE__DIR_MAKE_ALL);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_true(heap_sweep(make_all, NULL, false) > 2);
    assert_true(is_there("p/q/r"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_how_far_it_makes, set_up),
        cmocka_unit_test_setup(test_names, set_up),
        cmocka_unit_test_setup(test_no_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
