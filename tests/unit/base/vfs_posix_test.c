/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/vfs.h"
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ate__vfs *const v = &ate__vfs_posix;

static struct ate__dir *root_of(const char *path)
{
    struct ate__dir *dir = NULL;
    assert_int_equal(v->open_root(v->user, path, &dir), 0);
    return dir;
}

static struct ate__file *file_of(struct ate__dir *dir, const char *name, unsigned flags)
{
    struct ate__file *file = NULL;
    assert_int_equal(v->open(dir, name, flags, &file), 0);
    return file;
}

static void says(const char *expected)
{
    if (!strstr(ate__error_text(), expected))
        fail_msg("sentence \"%s\" lacks \"%s\"", ate__error_text(), expected);
}

static void test_read_write(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    struct ate__dir *dir = root_of(path);
    struct ate__file *file = NULL;
    assert_int_equal(v->open(dir, "log", ATE__OPEN_WRITE, &file), ATE_NOT_FOUND);
    assert_null(file);
    file = file_of(dir, "log", ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_EXCLUSIVE);
    struct ate__file *other = NULL;
    assert_int_equal(
        v->open(dir, "log", ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_EXCLUSIVE, &other),
        ATE_EXISTS);
    char bytes[32];
    size_t size = 99;
    assert_int_equal(v->read(file, 0, bytes, sizeof bytes, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(v->write(file, 5, "hello", 5), 0);
    assert_int_equal(v->write(file, 0, NULL, 0), 0);
    assert_int_equal(v->sync(file), 0);
    assert_int_equal(v->sync_dir(dir), 0);
    assert_int_equal(v->read(file, 0, bytes, sizeof bytes, &size), 0);
    assert_int_equal(size, 10);
    assert_memory_equal(bytes, "\0\0\0\0\0hello", 10);
    assert_int_equal(v->read(file, 7, bytes, 2, &size), 0);
    assert_int_equal(size, 2);
    assert_memory_equal(bytes, "ll", 2);
    struct ate__stat about;
    assert_int_equal(v->stat(file, &about), 0);
    assert_int_equal(about.size, 10);
    assert_true(about.is_file && !about.is_dir && about.inode);
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(about.mode, 0644 & ~mask);
    assert_int_equal(v->truncate(file, 6), 0);
    assert_int_equal(v->truncate(file, 8), 0);
    assert_int_equal(v->read(file, 4, bytes, sizeof bytes, &size), 0);
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "\0h\0\0", 4);
    v->close(file);
    file = file_of(dir, "log", ATE__OPEN_READ);
    assert_int_equal(v->write(file, 0, "x", 1), ATE_E_SYSTEM);
    says("write ");
    says("/log at 0: ");
    v->close(file);
    v->close(NULL);
    v->close_dir(dir);
    v->close_dir(NULL);
}

static void test_far(void **state)
{
    (void)state;
    struct ate__dir *dir = root_of(tmpdir_new());
    struct ate__file *file = file_of(dir, "f", ATE__OPEN_WRITE | ATE__OPEN_CREATE);
    char byte;
    size_t size;
    assert_int_equal(v->write(file, UINT64_MAX, "x", 1), ATE_E_SYSTEM);
    assert_int_equal(v->write(file, INT64_MAX, "x", 1), ATE_E_SYSTEM);
    assert_int_equal(v->read(file, UINT64_MAX, &byte, 1, &size), ATE_E_SYSTEM);
    assert_int_equal(v->truncate(file, UINT64_MAX), ATE_E_SYSTEM);
    says("truncate ");
    assert_int_equal(v->read(file, 1ull << 40, &byte, 1, &size), 0);
    assert_int_equal(size, 0);
    v->close(file);
    v->close_dir(dir);
}

/* A limit on the size of files stands for the full disk: the system refuses the rest of a write. */
static void test_refused_write(void **state)
{
    (void)state;
    struct ate__dir *dir = root_of(tmpdir_new());
    struct ate__file *file = file_of(dir, "f", ATE__OPEN_WRITE | ATE__OPEN_CREATE);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){6000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const char bytes[10000];
    int rc = v->write(file, 100, bytes, sizeof bytes);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(rc, ATE_E_SYSTEM);
    says("/f at 6000: File too large");
    v->close(file);
    v->close_dir(dir);
}

static void test_names(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    struct ate__dir *dir = root_of(path), *deeper = NULL;
    struct ate__file *file = NULL;
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "/etc", "../x"};
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        assert_int_equal(v->open(dir, bad[i], ATE__OPEN_CREATE | ATE__OPEN_WRITE, &file),
                         ATE_E_SYSTEM);
        assert_int_equal(v->open_dir(dir, bad[i], true, &deeper), ATE_E_SYSTEM);
        assert_int_equal(v->rename(dir, bad[i], "x"), ATE_E_SYSTEM);
        assert_int_equal(v->rename(dir, "x", bad[i]), ATE_E_SYSTEM);
        assert_int_equal(v->remove(dir, bad[i]), ATE_E_SYSTEM);
    }
    assert_null(file);
    assert_null(deeper);
    struct ate__dir *none = NULL;
    assert_int_equal(v->open_root(v->user, "", &none), ATE_E_SYSTEM);
    assert_int_equal(v->open_root(v->user, "/nonexistent/x", &none), ATE_NOT_FOUND);
    assert_int_equal(v->open_root(v->user, "/dev/null", &none), ATE_E_SYSTEM);
    assert_null(none);
    /* A terminal must not be driven by the name of a file. */
    assert_int_equal(v->open(dir, "\x1b[2J", ATE__OPEN_READ, &file), ATE_NOT_FOUND);
    says("/\\x1b[2J: no such file");
    v->close_dir(dir);
    dir = root_of("/");
    assert_int_equal(v->open(dir, "no-such-file", ATE__OPEN_READ, &file), ATE_NOT_FOUND);
    assert_string_equal(ate__error_text(), "open /no-such-file: no such file");
    v->close_dir(dir);
}

static void test_links(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    char text[300];
    struct ate__dir *dir = root_of(path), *deeper = NULL, *real;
    struct ate__file *file = file_of(dir, "file", ATE__OPEN_CREATE | ATE__OPEN_WRITE);
    assert_int_equal(v->open_dir(dir, "real", true, &real), 0);
    v->close(file);
    file = NULL;
    static const char *const links[][2] = {
        {"file", "to-file"}, {"real", "to-dir"}, {"missing", "to-nothing"}, {"self", "self"}};
    for (size_t i = 0; i < ATE__COUNT_OF(links); i++) {
        snprintf(text, sizeof text, "%s/%s", path, links[i][1]);
        assert_int_equal(symlink(links[i][0], text), 0);
        assert_int_equal(v->open(dir, links[i][1], ATE__OPEN_READ, &file), ATE_E_SYSTEM);
        says("a symbolic link");
        assert_int_equal(v->open(dir, links[i][1], ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file),
                         ATE_E_SYSTEM);
        assert_int_equal(v->open(dir, links[i][1],
                                 ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_EXCLUSIVE, &file),
                         ATE_EXISTS);
        assert_int_equal(v->open_dir(dir, links[i][1], false, &deeper), ATE_E_SYSTEM);
        says("not a directory (links are not followed)");
        assert_int_equal(v->open_dir(dir, links[i][1], true, &deeper), ATE_E_SYSTEM);
    }
    snprintf(text, sizeof text, "%s/missing", path);
    assert_int_equal(access(text, F_OK), -1);
    /* The path of the user is followed. */
    snprintf(text, sizeof text, "%s/to-dir", path);
    deeper = root_of(text);
    v->close_dir(deeper);
    /* A link is removed and replaced itself. */
    assert_int_equal(v->remove(dir, "to-dir"), 0);
    assert_int_equal(v->rename(dir, "file", "to-nothing"), 0);
    file = file_of(dir, "to-nothing", ATE__OPEN_READ);
    v->close(file);
    assert_int_equal(v->open_dir(dir, "real", false, &deeper), 0);
    v->close_dir(deeper);
    v->close_dir(real);
    v->close_dir(dir);
}

/* Nothing but a regular file opens, and none of these makes us wait. */
static void test_not_regular(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    char text[300];
    struct ate__dir *dir = root_of(path), *deeper;
    struct ate__file *file = NULL;
    snprintf(text, sizeof text, "%s/fifo", path);
    assert_int_equal(mkfifo(text, 0600), 0);
    assert_int_equal(v->open(dir, "fifo", ATE__OPEN_READ, &file), ATE_E_SYSTEM);
    says("/fifo: not a regular file");
    assert_int_equal(v->open(dir, "fifo", ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file), ATE_E_SYSTEM);
    assert_int_equal(v->open_dir(dir, "fifo", false, &deeper), ATE_E_SYSTEM);
    assert_int_equal(v->open_dir(dir, "sub", true, &deeper), 0);
    v->close_dir(deeper);
    assert_int_equal(v->open(dir, "sub", ATE__OPEN_READ, &file), ATE_E_SYSTEM);
    assert_int_equal(v->open(dir, "sub", ATE__OPEN_WRITE, &file), ATE_E_SYSTEM);
    v->close_dir(dir);
    dir = root_of("/dev");
    assert_int_equal(v->open(dir, "null", ATE__OPEN_READ, &file), ATE_E_SYSTEM);
    assert_int_equal(v->open(dir, "tty", ATE__OPEN_READ, &file), ATE_E_SYSTEM);
    assert_null(file);
    v->close_dir(dir);
}

struct names {
    unsigned count, stop_at;
    bool seen[3];
};

static int each_name(void *arg, const char *name)
{
    struct names *names = arg;
    static const char *const known[] = {"a", "b", "sub"};
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(name, known[i])) {
            assert_false(names->seen[i]);
            names->seen[i] = true;
            return ++names->count == names->stop_at ? ATE_CANCELED : 0;
        }
    fail_msg("unexpected name %s", name);
    return 0;
}

static void test_directories(void **state)
{
    (void)state;
    struct ate__dir *dir = root_of(tmpdir_new()), *sub = NULL;
    assert_int_equal(v->open_dir(dir, "sub", false, &sub), ATE_NOT_FOUND);
    assert_null(sub);
    assert_int_equal(v->open_dir(dir, "sub", true, &sub), 0);
    v->close_dir(sub);
    assert_int_equal(v->open_dir(dir, "sub", true, &sub), 0);
    v->close(file_of(dir, "a", ATE__OPEN_CREATE));
    v->close(file_of(dir, "b", ATE__OPEN_CREATE | ATE__OPEN_WRITE));
    v->close(file_of(sub, "inner", ATE__OPEN_CREATE | ATE__OPEN_WRITE));
    assert_int_equal(v->open_dir(dir, "a", false, &sub), ATE_E_SYSTEM);
    for (int round = 0; round < 2; round++) {
        struct names names = {0};
        assert_int_equal(v->list(dir, each_name, &names), 0);
        assert_int_equal(names.count, 3);
    }
    struct names names = {.stop_at = 2};
    assert_int_equal(v->list(dir, each_name, &names), ATE_CANCELED);
    assert_int_equal(names.count, 2);

    assert_int_equal(v->remove(dir, "sub"), ATE_E_SYSTEM);
    says("/sub: Directory not empty");
    assert_int_equal(v->remove(sub, "inner"), 0);
    assert_int_equal(v->remove(dir, "sub"), 0);
    assert_int_equal(v->remove(dir, "sub"), ATE_NOT_FOUND);
    assert_int_equal(v->rename(dir, "nothing", "x"), ATE_NOT_FOUND);
    struct ate__file *file = file_of(dir, "a", ATE__OPEN_WRITE);
    assert_int_equal(v->write(file, 0, "A", 1), 0);
    assert_int_equal(v->rename(dir, "a", "b"), 0);
    v->close(file);
    file = file_of(dir, "b", ATE__OPEN_READ);
    char byte;
    size_t size;
    assert_int_equal(v->read(file, 0, &byte, 1, &size), 0);
    assert_int_equal(byte, 'A');
    v->close(file);
    (void)v->copy_on_write(dir);
    assert_true(v->room(dir) > 0);
    v->close_dir(sub);
    v->close_dir(dir);
}

static void test_modes(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    char text[300];
    struct ate__dir *dir = root_of(path);
    mode_t mask = umask(027);
    v->close(file_of(dir, "common", ATE__OPEN_WRITE | ATE__OPEN_CREATE));
    v->close(file_of(dir, "secret", ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_PRIVATE));
    umask(mask);
    struct stat about;
    snprintf(text, sizeof text, "%s/common", path);
    assert_int_equal(stat(text, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0640);
    snprintf(text, sizeof text, "%s/secret", path);
    assert_int_equal(stat(text, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    v->close_dir(dir);
}

static void test_locks(void **state)
{
    (void)state;
    struct ate__dir *dir = root_of(tmpdir_new());
    struct ate__file *a = file_of(dir, "lock", ATE__OPEN_WRITE | ATE__OPEN_CREATE);
    struct ate__file *b = file_of(dir, "lock", ATE__OPEN_WRITE);
    assert_int_equal(v->lock(a, true), 0);
    assert_int_equal(v->lock(a, true), 0);
    assert_int_equal(v->lock(b, true), ATE_IN_USE);
    says("/lock: somebody else has it open");
    assert_int_equal(v->lock(b, false), ATE_IN_USE);
    v->unlock(a);
    assert_int_equal(v->lock(b, false), 0);
    assert_int_equal(v->lock(a, false), 0);
    assert_int_equal(v->lock(a, true), ATE_IN_USE);
    v->close(b);
    assert_int_equal(v->lock(a, true), 0);
    /* Another process. */
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct ate__file *c = NULL;
        int rc = v->open(dir, "lock", ATE__OPEN_WRITE, &c);
        _exit(rc ? 1 : v->lock(c, true) == ATE_IN_USE ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    v->close(a);
    v->close_dir(dir);
}

static size_t open_count(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* All descriptors are closed on exec, and none is left over, on no path. */
static void test_descriptors(void **state)
{
    (void)state;
    const char *path = tmpdir_new();
    size_t before = open_count();
    bool was[256];
    for (int fd = 0; fd < 256; fd++)
        was[fd] = fcntl(fd, F_GETFD) >= 0;
    struct ate__dir *dir = root_of(path), *sub;
    assert_int_equal(v->open_dir(dir, "sub", true, &sub), 0);
    struct ate__file *file = file_of(dir, "a", ATE__OPEN_WRITE | ATE__OPEN_CREATE);
    assert_int_equal(open_count(), before + 3);
    for (int fd = 0; fd < 256; fd++)
        if (!was[fd] && fcntl(fd, F_GETFD) >= 0)
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    struct ate__file *none;
    struct names names = {.stop_at = 1};
    assert_int_equal(v->open(dir, "sub", ATE__OPEN_READ, &none), ATE_E_SYSTEM);
    assert_int_equal(v->list(dir, each_name, &names), ATE_CANCELED);
    assert_int_equal(open_count(), before + 3);
    v->close(file);
    v->close_dir(sub);
    v->close_dir(dir);
    assert_int_equal(open_count(), before);
}

static int open_all(void *arg)
{
    struct ate__dir *dir = NULL, *sub = NULL;
    struct ate__file *file = NULL;
    int rc = v->open_root(v->user, arg, &dir);
    if (!rc)
        rc = v->open_dir(dir, "sub", true, &sub);
    if (!rc)
        rc = v->open(sub, "f", ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file);
    v->close(file);
    v->close_dir(sub);
    v->close_dir(dir);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    size_t before = open_count();
    assert_true(heap_sweep(open_all, (void *)tmpdir_new(), false) >= 6);
    assert_int_equal(open_count(), before);
}

struct work {
    struct ate__dir *dir;
    struct ate__file *file;
    unsigned number;
    int rc;
};

static int ignore_name(void *arg, const char *name)
{
    *(unsigned *)arg += name[0] != 0;
    return 0;
}

static void *work(void *arg)
{
    struct work *w = arg;
    for (unsigned i = 0; i < 100 && !w->rc; i++) {
        uint64_t at = (i * 4 + w->number) * 8, back = 0;
        size_t size = 0;
        unsigned names = 0;
        w->rc = v->write(w->file, at, &at, sizeof at);
        if (!w->rc)
            w->rc = v->read(w->file, at, &back, sizeof back, &size);
        if (!w->rc)
            w->rc = v->list(w->dir, ignore_name, &names);
        if (!w->rc && (size != 8 || back != at || names != 20))
            w->rc = ATE_E_BUG;
    }
    return NULL;
}

/* One handle in several threads; listing has no position that they would share. */
static void test_threads(void **state)
{
    (void)state;
    struct ate__dir *dir = root_of(tmpdir_new());
    struct ate__file *file = NULL;
    for (int i = 0; i < 20; i++) {
        char name[4] = {'f', (char)('a' + i), 0};
        v->close(file);
        file = file_of(dir, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE);
    }
    pthread_t threads[4];
    struct work works[4];
    for (unsigned i = 0; i < 4; i++) {
        works[i] = (struct work){dir, file, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &works[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(works[i].rc, 0);
    }
    v->close(file);
    v->close_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_write),    cmocka_unit_test(test_far),
        cmocka_unit_test(test_refused_write), cmocka_unit_test(test_names),
        cmocka_unit_test(test_links),         cmocka_unit_test(test_not_regular),
        cmocka_unit_test(test_directories),   cmocka_unit_test(test_modes),
        cmocka_unit_test(test_locks),         cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
