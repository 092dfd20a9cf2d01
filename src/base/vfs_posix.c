/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vfs_posix.c: the real disk.
 *
 * 1. Below the directory that the user named every name is opened on its own, relative to the
 *    handle of its directory, and a symbolic link in its place is refused.
 * 2. Only regular files are opened; whatever else stands there is refused without waiting for it.
 * 3. Every handle keeps the path it was reached by, escaped, for sentences alone.
 * 4. A lock (flock) belongs to one handle: a second handle, of this process too, is another owner.
 *    A child process has copies of all handles, and with them the lock, until it executes something
 *    else: so a lock is given back before its handle is closed.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "base/vfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

struct ate__dir {
    int fd; /* -1: none */
    char *path;
};
struct ate__file {
    int fd; /* -1: none */
    bool locked;
    char *path;
};

enum { MODE_DIR = 0755, MODE_FILE = 0644, MODE_PRIVATE = 0600 };

/* --- helpers --- */

/* Repeats a call that a signal interrupted. */
#define RETRY(call)                                                                                \
    ({                                                                                             \
        __typeof__(call) got_;                                                                     \
        do                                                                                         \
            got_ = (call);                                                                         \
        while (got_ < 0 && errno == EINTR);                                                        \
        got_;                                                                                      \
    })

/* The path of a name in a directory (NULL: a path of its own) as a sentence may show it. */
static int path_of(const struct ate__dir *dir, const char *name, char **ret_path)
{
    struct ate__buf path = ATE__BUF_NULL;
    int rc = dir ? ate__buf_append(&path, ate__text_bytes(dir->path)) : 0;
    if (!rc && path.size && path.data[path.size - 1] != '/')
        rc = ate__buf_append(&path, ate__text_bytes("/"));
    if (!rc)
        rc = ate__escape(ate__text_bytes(name), &path);
    if (!rc)
        rc = ate__buf_append(&path, ate__bytes("", 1));
    if (rc) {
        ate__buf_deinit(&path);
        return rc;
    }
    *ret_path = (char *)path.data;
    return 0;
}

/* A call on a name failed: ENOENT is an answer, all else a failure. */
static int fail_in(int error_number, const char *call, const struct ate__dir *dir, const char *name)
{
    char shown[256];
    int rc = ate__fail_errno(error_number, "%s %s/%s", call, dir->path,
                             ate__escaped(ate__text_bytes(name), shown, sizeof shown));
    return error_number == ENOENT ? ATE_NOT_FOUND : rc;
}

/* One component of a path, so that a call on it stays in its directory. */
static int check_name(const char *call, const struct ate__dir *dir, const char *name)
{
    if (name[0] && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/'))
        return 0;
    return fail_in(EINVAL, call, dir, name);
}

/* pread() and its like take a signed offset. */
static int check_range(const char *call, const struct ate__file *file, uint64_t offset, size_t size)
{
    if (offset <= INT64_MAX && size <= INT64_MAX - offset)
        return 0;
    return ate__fail_errno(EFBIG, "%s %s at %llu", call, file->path, (unsigned long long)offset);
}

/* --- directories --- */

static void close_dir(struct ate__dir *dir)
{
    if (!dir)
        return;
    if (dir->fd >= 0)
        close(dir->fd);
    ate__free(dir->path);
    ate__free(dir);
}
ATE__FREEP(struct ate__dir, close_dir)

static int new_dir(const struct ate__dir *parent, const char *name, struct ate__dir **ret_dir)
{
    ate__cleanup(close_dirp) struct ate__dir *dir = ate__alloc(sizeof *dir);
    if (!dir)
        return ate__no_memory();
    dir->fd = -1;
    int rc = path_of(parent, name, &dir->path);
    if (rc)
        return rc;
    *ret_dir = ate__steal(&dir);
    return 0;
}

static int open_root(void *user, const char *path, struct ate__dir **ret_dir)
{
    (void)user;
    if (!path[0])
        return ate__fail(ATE_E_SYSTEM, "open a directory: the path is empty");
    ate__cleanup(close_dirp) struct ate__dir *dir = NULL;
    int rc = new_dir(NULL, path, &dir);
    if (rc)
        return rc;
    dir->fd = RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir->fd < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "open %s: no such directory", dir->path);
    if (dir->fd < 0)
        return ate__fail_errno(errno, "open %s", dir->path);
    *ret_dir = ate__steal(&dir);
    return 0;
}

static int sync_dir(struct ate__dir *dir)
{
    /* EINVAL: a file system that has no sync of directories has nothing more to give. */
    if (RETRY(fsync(dir->fd)) && errno != EINVAL)
        return ate__fail_errno(errno, "sync %s", dir->path);
    return 0;
}

static int open_dir(struct ate__dir *parent, const char *name, bool create,
                    struct ate__dir **ret_dir)
{
    int rc = check_name("open", parent, name);
    if (rc)
        return rc;
    ate__cleanup(close_dirp) struct ate__dir *dir = NULL;
    rc = new_dir(parent, name, &dir);
    if (rc)
        return rc;
    if (create && mkdirat(parent->fd, name, MODE_DIR) && errno != EEXIST)
        return ate__fail_errno(errno, "create %s", dir->path);
    /* Also where it was there: who made it may have died before this. */
    rc = create ? sync_dir(parent) : 0;
    if (rc)
        return rc;
    dir->fd = RETRY(openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (dir->fd < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "open %s: no such directory", dir->path);
    if (dir->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return ate__fail(ATE_E_SYSTEM, "open %s: not a directory (links are not followed)",
                         dir->path);
    if (dir->fd < 0)
        return ate__fail_errno(errno, "open %s", dir->path);
    *ret_dir = ate__steal(&dir);
    return 0;
}

static int list(struct ate__dir *dir, int (*each)(void *arg, const char *name), void *arg)
{
    /* Opened anew, for a position of its own: two threads may list at once. */
    int fd = RETRY(openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int rc = ate__fail_errno(errno, "list %s", dir->path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    int rc = 0;
    while (!rc) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            if (errno)
                rc = ate__fail_errno(errno, "list %s", dir->path);
            break;
        }
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            rc = each(arg, entry->d_name);
    }
    closedir(stream);
    return rc;
}

static int rename_in(struct ate__dir *dir, const char *from, const char *to)
{
    int rc = check_name("rename", dir, from);
    if (!rc)
        rc = check_name("rename to", dir, to);
    if (rc)
        return rc;
    if (RETRY(renameat(dir->fd, from, dir->fd, to)))
        return fail_in(errno, "rename", dir, from);
    return 0;
}

static int remove_in(struct ate__dir *dir, const char *name)
{
    int rc = check_name("remove", dir, name);
    if (rc)
        return rc;
    if (!RETRY(unlinkat(dir->fd, name, 0)))
        return 0;
    /* EISDIR is Linux, EPERM is POSIX. */
    if (errno == EISDIR || errno == EPERM) {
        int error_number = errno;
        if (!RETRY(unlinkat(dir->fd, name, AT_REMOVEDIR)))
            return 0;
        if (errno == ENOTDIR)
            errno = error_number;
    }
    return fail_in(errno, "remove", dir, name);
}

static bool copy_on_write(struct ate__dir *dir)
{
    /* btrfs, zfs, bcachefs */
    static const uint32_t magics[] = {0x9123683e, 0x2fc12fc1, 0xca451a4e};
    struct statfs about;
    if (RETRY(fstatfs(dir->fd, &about)))
        return false;
    for (size_t i = 0; i < ATE__COUNT_OF(magics); i++)
        if ((uint32_t)about.f_type == magics[i])
            return true;
    return false;
}

static uint64_t room(struct ate__dir *dir)
{
    struct statvfs about;
    uint64_t bytes;
    if (RETRY(fstatvfs(dir->fd, &about)) || !about.f_blocks ||
        __builtin_mul_overflow((uint64_t)about.f_bavail, (uint64_t)about.f_frsize, &bytes))
        return UINT64_MAX;
    return bytes;
}

/* --- files --- */

static void close_file(struct ate__file *file)
{
    if (!file)
        return;
    if (file->locked)
        (void)flock(file->fd, LOCK_UN); /* on a lock that is held nothing can fail */
    if (file->fd >= 0)
        close(file->fd);
    ate__free(file->path);
    ate__free(file);
}
ATE__FREEP(struct ate__file, close_file)

static int open_file(struct ate__dir *dir, const char *name, unsigned flags,
                     struct ate__file **ret_file)
{
    int rc = check_name("open", dir, name);
    if (rc)
        return rc;
    ate__cleanup(close_filep) struct ate__file *file = ate__alloc(sizeof *file);
    if (!file)
        return ate__no_memory();
    file->fd = -1;
    rc = path_of(dir, name, &file->path);
    if (rc)
        return rc;
    /* O_NONBLOCK means nothing for a regular file, and a FIFO or device cannot make us wait. */
    int how = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    how |= flags & ATE__OPEN_WRITE ? O_RDWR : O_RDONLY;
    if (flags & ATE__OPEN_CREATE)
        how |= O_CREAT | (flags & ATE__OPEN_EXCLUSIVE ? O_EXCL : 0);
    file->fd =
        RETRY(openat(dir->fd, name, how, flags & ATE__OPEN_PRIVATE ? MODE_PRIVATE : MODE_FILE));
    if (file->fd < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "open %s: no such file", file->path);
    if (file->fd < 0 && errno == EEXIST)
        return ate__fail(ATE_EXISTS, "create %s: it exists already", file->path);
    if (file->fd < 0 && errno == ELOOP)
        return ate__fail(ATE_E_SYSTEM, "open %s: a symbolic link, and none is followed",
                         file->path);
    if (file->fd < 0)
        return ate__fail_errno(errno, "open %s", file->path);
    struct stat about;
    if (fstat(file->fd, &about))
        return ate__fail_errno(errno, "stat %s", file->path);
    if (!S_ISREG(about.st_mode))
        return ate__fail(ATE_E_SYSTEM, "open %s: not a regular file", file->path);
    *ret_file = ate__steal(&file);
    return 0;
}

static int read_file(struct ate__file *file, uint64_t offset, void *to, size_t size,
                     size_t *ret_size)
{
    int rc = check_range("read", file, offset, size);
    if (rc)
        return rc;
    uint8_t *p = to;
    size_t done = 0;
    while (done < size) {
        ssize_t got = RETRY(pread(file->fd, p + done, size - done, (off_t)(offset + done)));
        if (got < 0)
            return ate__fail_errno(errno, "read %s at %llu", file->path,
                                   (unsigned long long)(offset + done));
        if (!got)
            break;
        done += (size_t)got;
    }
    *ret_size = done;
    return 0;
}

static int write_file(struct ate__file *file, uint64_t offset, const void *from, size_t size)
{
    int rc = check_range("write", file, offset, size);
    if (rc)
        return rc;
    const uint8_t *p = from;
    size_t done = 0;
    while (done < size) {
        ssize_t got = RETRY(pwrite(file->fd, p + done, size - done, (off_t)(offset + done)));
        if (got <= 0)
            return ate__fail_errno(got ? errno : EIO, "write %s at %llu", file->path,
                                   (unsigned long long)(offset + done));
        done += (size_t)got;
    }
    return 0;
}

static int sync_file(struct ate__file *file)
{
    if (RETRY(fdatasync(file->fd)))
        return ate__fail_errno(errno, "sync %s", file->path);
    return 0;
}

static int truncate_file(struct ate__file *file, uint64_t size)
{
    int rc = check_range("truncate", file, size, 0);
    if (rc)
        return rc;
    if (RETRY(ftruncate(file->fd, (off_t)size)))
        return ate__fail_errno(errno, "truncate %s to %llu", file->path, (unsigned long long)size);
    return 0;
}

static int stat_file(struct ate__file *file, struct ate__stat *ret_stat)
{
    struct stat about;
    if (fstat(file->fd, &about))
        return ate__fail_errno(errno, "stat %s", file->path);
    *ret_stat = (struct ate__stat){
        .size = (uint64_t)about.st_size,
        .device = about.st_dev,
        .inode = about.st_ino,
        .mode = about.st_mode & 07777,
        .is_dir = S_ISDIR(about.st_mode),
        .is_file = S_ISREG(about.st_mode),
    };
    return 0;
}

static int lock_file(struct ate__file *file, bool exclusive)
{
    if (!RETRY(flock(file->fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB))) {
        file->locked = true;
        return 0;
    }
    if (errno == EWOULDBLOCK)
        return ate__fail(ATE_IN_USE, "lock %s: somebody else has it open", file->path);
    return ate__fail_errno(errno, "lock %s", file->path);
}

static void unlock_file(struct ate__file *file)
{
    (void)flock(file->fd, LOCK_UN);
    file->locked = false;
}

const struct ate__vfs ate__vfs_posix = {
    .user = NULL,
    .open_root = open_root,
    .open_dir = open_dir,
    .close_dir = close_dir,
    .sync_dir = sync_dir,
    .list = list,
    .open = open_file,
    .close = close_file,
    .read = read_file,
    .write = write_file,
    .sync = sync_file,
    .truncate = truncate_file,
    .stat = stat_file,
    .lock = lock_file,
    .unlock = unlock_file,
    .rename = rename_in,
    .remove = remove_in,
    .copy_on_write = copy_on_write,
    .room = room,
};
