/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/export.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WORKING_MODE = 0700, DIR_MODE = 0777, FILE_MODE = 0666 };

struct export_later { /* a directory that its owner cannot enter once it has its mode */
    char *path;
    struct export_attributes attributes;
};

int export_errno(const char *what)
{
    if (errno == EEXIST)
        return ate__fail(ATE_MALFORMED, "another object there has the same name");
    return ate__fail_errno(errno, "%s", what);
}

/* ---- attributes ---- */

static struct timespec time_of(int64_t ns)
{
    enum { NS_PER_S = 1000000000 };
    int64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = (long)rest};
}

/* Bits that lend the owner's rights go only with the owner. */
int export_apply(struct export *ex, int fd, const struct export_attributes *a)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(a->mtime_ns)};
    struct stat st;
    bool owned = ex->owns && a->given;
    if (owned && fchown(fd, a->uid, a->gid)) {
        owned = false;
        ex->counts.not_owned++;
    }
    if (fstat(fd, &st))
        return ate__fail_errno(errno, "stat");
    mode_t mode = a->given              ? a->mode & FS_MODE_MASK
                  : S_ISDIR(st.st_mode) ? DIR_MODE & ~ex->umask
                                        : FILE_MODE & ~ex->umask;
    if (!owned && !S_ISDIR(st.st_mode))
        mode &= ~(mode_t)(S_ISUID | S_ISGID);
    if (fchmod(fd, mode))
        return ate__fail_errno(errno, "set the mode");
    if (futimens(fd, times))
        return ate__fail_errno(errno, "set the time");
    return 0;
}

int export_apply_later(struct export *ex, const struct export_attributes *a)
{
    int rc = ate__grow(&ex->later, &ex->later_capacity, ex->later_count + 1, sizeof *ex->later);
    char *path = rc ? NULL : ate__copy_text(way_path(&ex->way));
    if (!path)
        return ate__no_memory();
    ex->later[ex->later_count++] = (struct export_later){path, *a};
    return 0;
}

/* ---- by path ---- */

/* The directory that the path below the top leads to but for its last part, which is in *ret_name.
 * No part of it may be a link. path: cut at its last '/'. */
static int open_parent(const struct export *ex, char *path, int *ret_fd, const char **ret_name)
{
    int fd = openat(ex->way.dirs[0].fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char *slash; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        *slash = 0;
        int next = openat(fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    if (fd < 0)
        return ate__fail_errno(errno, "open the directories above it");
    *ret_fd = fd;
    *ret_name = path;
    return 0;
}

static int apply_one(struct export *ex, const struct export_later *l)
{
    const char *name = NULL;
    int parent = -1;
    int rc = open_parent(ex, l->path, &parent, &name);
    if (rc)
        return rc;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    rc = fd < 0 ? ate__fail_errno(errno, "open") : export_apply(ex, fd, &l->attributes);
    if (fd >= 0)
        close(fd);
    close(parent);
    return rc;
}

/* Those inside of others came before them. */
int export_apply_rest(struct export *ex)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < ex->later_count; i++) {
        rc = apply_one(ex, &ex->later[i]);
        if (rc)
            rc = export_failed(ex, rc);
    }
    return rc;
}

void export_drop_rest(struct export *ex)
{
    for (size_t i = 0; i < ex->later_count; i++)
        ate__free(ex->later[i].path);
    ate__free(ex->later);
}

int export_link(struct export *ex, const char *path, uint64_t inode, const char *name)
{
    ate__cleanup(ate__freep) char *copy = ate__copy_text(path);
    const char *old_name = NULL;
    struct stat st;
    int parent = -1;
    if (!copy)
        return ate__no_memory();
    int rc = open_parent(ex, copy, &parent, &old_name);
    if (rc)
        return rc == ATE_E_MEMORY ? rc : ATE_NOT_FOUND;
    if (fstatat(parent, old_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
        st.st_ino != inode || st.st_dev != ex->way.dirs[0].device)
        rc = ate__fail(ATE_NOT_FOUND, "the file that it is to be linked to is no longer there");
    else if (linkat(parent, old_name, way_dir(&ex->way), name, 0))
        rc = export_errno("link");
    close(parent);
    return rc;
}

/* ---- directories ---- */

int export_enter(struct export *ex, const char *name)
{
    int at = way_dir(&ex->way);
    if (mkdirat(at, name, WORKING_MODE))
        return export_errno("make the directory");
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? ate__fail_errno(errno, "open") : way_enter(&ex->way, fd);
}
