/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * files.c: the few files of the user: key files, remembered heads, addresses.
 */
#include "api/api.h"
#include "base/replace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_at(const char *path, const char *what)
{
    char shown[512];
    int error = errno;
    return ate__fail_errno(error, "%s: %s",
                           ate__escaped(ate__text_bytes(path), shown, sizeof shown), what);
}

int ate__user_path(const char *variable, const char *below_home, const char *name, char **ret_path)
{
    const char *dir = getenv(variable), *home = getenv("HOME");
    char *path;
    if (dir && dir[0] == '/')
        path = ate__format("%s/ate/%s", dir, name);
    else if (home && home[0] == '/')
        path = ate__format("%s/%s/ate/%s", home, below_home, name);
    else
        return ate__fail(ATE_E_SYSTEM, "neither %s nor HOME names a directory", variable);
    if (!path)
        return ate__no_memory();
    *ret_path = path;
    return 0;
}

static int read_all(int fd, const char *path, size_t size_max, struct ate__buf *bytes)
{
    char shown[512];
    for (;;) {
        int rc = ate__buf_reserve(bytes, 4096);
        if (rc)
            return rc;
        ssize_t n = read(fd, bytes->data + bytes->size, bytes->capacity - bytes->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_at(path, "read");
        if (!n)
            return 0;
        bytes->size += (size_t)n;
        if (bytes->size > size_max)
            return ate__fail(ATE_TOO_BIG, "%s: more than %zu bytes",
                             ate__escaped(ate__text_bytes(path), shown, sizeof shown), size_max);
    }
}

int ate__file_read(const char *path, size_t size_max, struct ate__buf *ret_bytes,
                   unsigned *ret_mode)
{
    struct stat st;
    char shown[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return ate__fail(ATE_NOT_FOUND, "%s: no such file",
                         ate__escaped(ate__text_bytes(path), shown, sizeof shown));
    }
    if (fd < 0)
        return fail_at(path, "open");
    int rc = 0;
    if (fstat(fd, &st))
        rc = fail_at(path, "stat");
    else if (!S_ISREG(st.st_mode))
        rc = ate__fail(ATE_MALFORMED, "%s: not a regular file",
                       ate__escaped(ate__text_bytes(path), shown, sizeof shown));
    if (!rc)
        rc = read_all(fd, path, size_max, ret_bytes);
    close(fd);
    if (!rc && ret_mode)
        *ret_mode = st.st_mode & 0777;
    return rc;
}

int ate__folder_make(const char *path)
{
    ate__cleanup(ate__freep) char *copy = ate__copy_text(path);
    if (!copy)
        return ate__no_memory();
    for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(copy, 0700) && errno != EEXIST)
            return fail_at(copy, "mkdir");
        *slash = '/';
    }
    return mkdir(copy, 0700) && errno != EEXIST ? fail_at(copy, "mkdir") : 0;
}

static int write_all(int fd, const char *path, struct ate_bytes bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        ssize_t n = write(fd, (const char *)bytes.data + at, bytes.size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_at(path, "write");
        at += (size_t)n;
    }
    return fsync(fd) ? fail_at(path, "sync") : 0;
}

static int sync_folder_of(const char *path)
{
    ate__cleanup(ate__freep) char *folder = ate__copy_text(path);
    if (!folder)
        return ate__no_memory();
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_at(folder, "open");
    int rc = fsync(fd) && errno != EINVAL ? fail_at(folder, "sync") : 0;
    close(fd);
    return rc;
}

static int make_folder_of(const char *path)
{
    ate__cleanup(ate__freep) char *folder = ate__copy_text(path);
    if (!folder)
        return ate__no_memory();
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return 0;
    *slash = 0;
    return ate__folder_make(folder);
}

static int create(const char *path, struct ate_bytes bytes)
{
    char shown[512];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return ate__fail(ATE_EXISTS, "%s: the file is there already, and is never overwritten",
                         ate__escaped(ate__text_bytes(path), shown, sizeof shown));
    if (fd < 0)
        return fail_at(path, "create");
    int rc = write_all(fd, path, bytes);
    close(fd);
    if (rc)
        unlink(path);
    return rc;
}

int ate__file_create(const char *path, struct ate_bytes bytes)
{
    int rc = make_folder_of(path);
    if (!rc)
        rc = create(path, bytes);
    return rc ? rc : sync_folder_of(path);
}

int ate__file_replace_on(const struct ate__vfs *vfs, const char *path, struct ate_bytes bytes)
{
    ate__cleanup(ate__freep) char *folder = ate__copy_text(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    ate__cleanup(ate__freep) char *fresh =
        ate__format("%s.%ld", slash ? slash + 1 : path, (long)getpid());
    struct ate__dir *dir;
    char shown[512];
    if (!folder || !fresh)
        return ate__no_memory();
    const char *name = path + (slash ? slash + 1 - folder : 0);
    if (slash)
        slash[slash == folder] = 0;
    int rc = vfs->open_root(vfs->user, slash ? folder : ".", &dir);
    if (!rc) {
        rc = ate__replace_file_by(vfs, dir, name, fresh, bytes, ATE__OPEN_PRIVATE);
        vfs->close_dir(dir);
    }
    return ate__context(rc, "%s", ate__escaped(ate__text_bytes(path), shown, sizeof shown));
}

int ate__file_replace(const char *path, struct ate_bytes bytes)
{
    int rc = make_folder_of(path);
    return rc ? rc : ate__file_replace_on(ate__env_real.vfs, path, bytes);
}
