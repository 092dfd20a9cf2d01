/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A log on the real disk and several processes: one writes; it may die without a word, and its
 * children hold nothing back.
 */
#include "kit.h"
#include "lib/tmpdir.h"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ate__vfs *const vfs = &ate__vfs_posix;

static struct ate__dir *open_dir_ok(const char *path)
{
    struct ate__dir *dir;
    assert_int_equal(vfs->open_root(vfs->user, path, &dir), 0);
    return dir;
}

static int open_log(struct ate__dir *dir, unsigned flags, struct ate__storage **ret_storage)
{
    int rc = ate__storage_open_file(&ate__env_real, dir, flags, &kit_chain, ATE__ROLE_ROOT, NULL,
                                    ret_storage);
    return rc ? rc : (*ret_storage)->v->begin(*ret_storage);
}

static void append_ok(struct ate__storage *s, size_t count)
{
    struct kit k = {.s = s};
    kit_append_ok(&k, count, 600);
}

/* A process that does its part, says so, and waits to be killed. */
static pid_t begin_child(void (*part)(void *arg), void *arg)
{
    int said[2];
    char byte = 0;
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        part(arg);
        if (write(said[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    return pid;
}

static void end_child(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void write_some(void *arg)
{
    struct ate__storage *s;
    if (open_log(arg, 0, &s))
        _exit(1);
    append_ok(s, 3);
    append_ok(s, 2);
}

static void test_another_process(void **state)
{
    (void)state;
    struct ate__dir *dir = open_dir_ok(tmpdir_new());
    struct ate__storage *s, *reader;
    assert_int_equal(open_log(dir, ATE__STORAGE_CREATE, &s), 0);
    append_ok(s, 4);
    s->v->close(s);
    pid_t pid = begin_child(write_some, dir);
    assert_int_equal(open_log(dir, 0, &s), ATE_IN_USE);
    assert_int_equal(open_log(dir, ATE__STORAGE_CREATE, &s), ATE_IN_USE);
    /* Beside it one sees what is known to be durable: the second group says so of the first. */
    assert_int_equal(open_log(dir, ATE__STORAGE_READ, &reader), 0);
    struct kit k = {.s = reader};
    kit_check_all(&k, 7);
    end_child(pid);
    assert_int_equal(reader->v->refresh(reader), 0);
    kit_check_all(&k, 9);
    reader->v->close(reader);
    assert_int_equal(open_log(dir, 0, &s), 0);
    k.s = s;
    kit_check_all(&k, 9);
    append_ok(s, 1);
    s->v->close(s);
    vfs->close_dir(dir);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

/* A child has copies of all descriptors until it executes something else. */
static void test_a_child_that_stays(void **state)
{
    (void)state;
    struct ate__dir *dir = open_dir_ok(tmpdir_new());
    struct ate__storage *s;
    assert_int_equal(open_log(dir, ATE__STORAGE_CREATE, &s), 0);
    append_ok(s, 4);
    pid_t pid = begin_child(do_nothing, NULL);
    s->v->close(s);
    int rc = open_log(dir, 0, &s);
    end_child(pid);
    if (rc)
        fail_msg("open: %d %s", rc, ate__error_text());
    append_ok(s, 1);
    s->v->close(s);
    vfs->close_dir(dir);
}

static void move(const char *root, const char *from, const char *to)
{
    char a[512], b[512];
    snprintf(a, sizeof a, "%s/%s", root, from);
    snprintf(b, sizeof b, "%s/%s", root, to);
    assert_int_equal(rename(a, b), 0);
}

static void link_to(const char *root, const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(symlink(target, path), 0);
}

/* The path to a chain may be a link, nothing inside it is: neither the folder nor a file of it. */
static void test_links(void **state)
{
    (void)state;
    static const char *const names[] = {",chain", ",chain/meta.a", ",chain/lock",
                                        ",chain/0000000000000001.seg"};
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        const char *root = tmpdir_new();
        struct ate__dir *dir = open_dir_ok(root);
        struct ate__storage *s;
        char link[64], target[128];
        assert_int_equal(open_log(dir, ATE__STORAGE_CREATE, &s), 0);
        append_ok(s, 4);
        s->v->close(s);
        snprintf(link, sizeof link, "/tmp/ate-link-%d", (int)getpid());
        unlink(link);
        assert_int_equal(symlink(root, link), 0);
        struct ate__dir *by_link = open_dir_ok(link);
        assert_int_equal(open_log(by_link, 0, &s), 0);
        s->v->close(s);
        vfs->close_dir(by_link);
        unlink(link);
        move(root, names[i], "elsewhere");
        snprintf(target, sizeof target, "%s/elsewhere", root);
        link_to(root, target, names[i]);
        assert_int_equal(open_log(dir, 0, &s), ATE_E_SYSTEM);
        assert_int_equal(open_log(dir, ATE__STORAGE_READ, &s), ATE_E_SYSTEM);
        int rc = open_log(dir, ATE__STORAGE_CREATE, &s);
        assert_true(rc == ATE_E_SYSTEM || rc == ATE_EXISTS);
        vfs->close_dir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_process),
        cmocka_unit_test(test_a_child_that_stays),
        cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
