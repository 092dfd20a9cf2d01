/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the real disk is asked for: that an append returned means that the kernel was told to sync
 * the very bytes, and every new name its directory. The simulated disk shows what follows from
 * these calls; here they stand in for the kernel's own, note themselves, and go on to them.
 */
#include "kit.h"
#include "lib/tmpdir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct ate__vfs *const vfs = &ate__vfs_posix;

static struct {
    const uint8_t *wanted; /* bytes that a sync is to cover; NULL: none */
    size_t wanted_size;
    unsigned covered;      /* syncs of a file that had them */
    unsigned syncs, dir_syncs;
    unsigned names_due;    /* names that were made since the last sync of a directory */
    int fail;              /* errno of the next sync of a file */
} seen;

static bool has_wanted(int fd)
{
    struct stat about;
    if (!seen.wanted || fstat(fd, &about) || !about.st_size)
        return false;
    uint8_t *bytes = malloc((size_t)about.st_size);
    ssize_t got = pread(fd, bytes, (size_t)about.st_size, 0);
    bool has = got > 0 && memmem(bytes, (size_t)got, seen.wanted, seen.wanted_size);
    free(bytes);
    return has;
}

int fdatasync(int fd);
int fdatasync(int fd)
{
    seen.syncs++;
    seen.covered += has_wanted(fd);
    if (seen.fail) {
        errno = seen.fail;
        seen.fail = 0;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd);
int fsync(int fd)
{
    seen.dir_syncs++;
    seen.names_due = 0;
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to);
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    seen.names_due++;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int mkdirat(int dir, const char *path, mode_t mode);
int mkdirat(int dir, const char *path, mode_t mode)
{
    seen.names_due++;
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}

static struct ate__storage *create(struct ate__dir **ret_dir)
{
    struct ate__storage *s;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(vfs->open_root(vfs->user, tmpdir_new(), ret_dir), 0);
    assert_int_equal(ate__storage_open_file(&ate__env_real, *ret_dir, ATE__STORAGE_CREATE,
                                            &kit_chain, ATE__ROLE_ROOT, NULL, &s),
                     0);
    return s;
}

/* One record, whose bytes a sync has to cover. */
static int append(struct ate__storage *s, size_t size)
{
    struct kit k = {.s = s};
    uint8_t *wanted = malloc(size);
    kit_record(wanted, size, kit_state(&k).size, 0);
    seen.wanted = wanted;
    seen.wanted_size = size;
    seen.covered = 0;
    int rc = kit_append(&k, 1, size, 0);
    seen.wanted = NULL;
    free(wanted);
    return rc;
}

static void test_each_append_is_synced(void **state)
{
    (void)state;
    struct ate__dir *dir;
    struct ate__storage *s = create(&dir);
    assert_true(seen.syncs >= 3 && seen.dir_syncs >= 2); /* both lists, the segment; names */
    assert_int_equal(seen.names_due, 0);
    for (unsigned i = 0; i < 60; i++) { /* over several segments */
        assert_int_equal(append(s, 100 + i * 200), 0);
        if (!seen.covered)
            fail_msg("append %u returned before its bytes were synced", i);
        assert_int_equal(seen.names_due, 0);
    }
    s->v->close(s);
    assert_int_equal(seen.names_due, 0);
    vfs->close_dir(dir);
}

/* A sync that fails is asked for once more by nobody: new pages are written and synced. */
static void test_a_sync_that_fails(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    for (size_t i = 0; i < ATE__COUNT_OF(errors); i++) {
        struct ate__dir *dir;
        struct ate__storage *s = create(&dir);
        struct kit k = {.s = s};
        assert_int_equal(append(s, 500), 0);
        seen.fail = errors[i];
        assert_int_equal(append(s, 700), ATE_E_IO);
        assert_true(kit_state(&k).failed && kit_state(&k).size == 1);
        assert_int_equal(append(s, 500), ATE_READ_ONLY);
        uint8_t stands[700];
        kit_record(stands, sizeof stands, 1, 0);
        seen.wanted = stands;
        seen.wanted_size = sizeof stands;
        seen.covered = 0;
        assert_int_equal(s->v->recover(s), 0);
        seen.wanted = NULL;
        assert_true(kit_state(&k).size == 1 || (kit_state(&k).size == 2 && seen.covered));
        assert_int_equal(append(s, 500), 0);
        assert_true(seen.covered);
        s->v->close(s);
        vfs->close_dir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_append_is_synced),
        cmocka_unit_test(test_a_sync_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
