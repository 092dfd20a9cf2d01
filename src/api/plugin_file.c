/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin_file.c: the way to the file of a plug-in, each step of which nobody may change but root
 * and this process's user.
 *
 * It is walked name by name from "/", each folder opened in the one before it, so that what was
 * looked at is what is used. A link to a folder is followed like that too, for the likes of /lib;
 * the file itself is no link, and nothing but a file: whatever else it is, it is not opened.
 */
#include "api/plugin.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as the kernel's */

struct way {
    const char *file; /* as it was given */
    char rest[PATH_MAX]; /* the names that are left */
    char done[PATH_MAX]; /* where we are, for sentences */
    int fd;
    unsigned links;
};

static int way_fail(const struct way *w, int error)
{
    if (error == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "plug-in: there is no %s", w->file);
    return ate__fail_errno(error, "plug-in: %s", w->file);
}

static int no_file(const struct way *w, bool is_link)
{
    return ate__fail(ATE_DENIED, "plug-in: %s is %s", w->file,
                     is_link ? "a link: name the file itself" : "no regular file");
}

/* A folder in which all may write, and only the owner of a name may take it away, as /tmp, is no
 * danger to what lies in it and is ours; a plug-in does not lie in it itself. */
static int check_owner(const struct stat *s, const char *path, bool above)
{
    if (s->st_uid && s->st_uid != geteuid())
        return ate__fail(ATE_DENIED, "plug-in: %s belongs to another user (uid %u)", path,
                         (unsigned)s->st_uid);
    if (S_ISLNK(s->st_mode) || !(s->st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    if (above && s->st_mode & S_ISVTX)
        return 0;
    return ate__fail(ATE_DENIED,
                     "plug-in: others may write to %s (mode %o); make it yours alone: "
                     "chmod go-w %s",
                     path, (unsigned)(s->st_mode & 07777), path);
}

/* To "/". */
static int begin(struct way *w)
{
    struct stat s;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return way_fail(w, errno);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->done[0] = 0;
    return fstat(fd, &s) ? way_fail(w, errno) : check_owner(&s, "/", false);
}

static int set_rest(struct way *w, const char *first, const char *then)
{
    char rest[PATH_MAX];
    int size = snprintf(rest, sizeof rest, "%s/%s", first, then);
    if (size < 0 || (size_t)size >= sizeof rest)
        return way_fail(w, ENAMETOOLONG);
    memcpy(w->rest, rest, (size_t)size + 1);
    return 0;
}

/* Takes the next name off; "" behind the last. */
static void next_name(struct way *w, char *ret_name)
{
    const char *at = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(at, "/");
    memcpy(ret_name, at, size);
    ret_name[size] = 0;
    at += size;
    at += strspn(at, "/");
    memmove(w->rest, at, strlen(at) + 1);
}

static int follow(struct way *w, int link)
{
    char target[PATH_MAX];
    if (++w->links > LINKS_MAX)
        return way_fail(w, ELOOP);
    ssize_t size = readlinkat(link, "", target, sizeof target - 1);
    if (size < 0)
        return way_fail(w, errno);
    target[size] = 0;
    int rc = set_rest(w, target, w->rest);
    return rc || target[0] != '/' ? rc : begin(w);
}

/* What is open as *fd, and named so in the folder where we are: the file, a folder, a link to one.
 * *fd is -1 where it was taken over. */
static int step(struct way *w, const char *name, int *fd)
{
    struct stat s;
    size_t size = strlen(w->done);
    bool last = !w->rest[0];
    if (fstat(*fd, &s))
        return way_fail(w, errno);
    if (snprintf(w->done + size, sizeof w->done - size, "/%s", name) >=
        (int)(sizeof w->done - size))
        return way_fail(w, ENAMETOOLONG);
    int rc = check_owner(&s, w->done, strchr(w->rest, '/'));
    if (rc)
        return rc;
    if (last && !S_ISREG(s.st_mode))
        return no_file(w, S_ISLNK(s.st_mode));
    if (S_ISLNK(s.st_mode)) {
        w->done[size] = 0;
        return follow(w, *fd);
    }
    if (!last && !S_ISDIR(s.st_mode))
        return way_fail(w, ENOTDIR);
    close(w->fd);
    w->fd = *fd;
    *fd = -1;
    return 0;
}

static int walk(struct way *w)
{
    char name[PATH_MAX];
    int rc = begin(w);
    if (!rc && w->rest[strlen(w->rest) - 1] == '/')
        return no_file(w, false);
    while (!rc && w->rest[0]) {
        next_name(w, name);
        if (!name[0])
            continue;
        int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return way_fail(w, errno);
        rc = step(w, name, &fd);
        if (fd >= 0)
            close(fd);
    }
    return rc;
}

int ate__plugin_file_open(const char *file, int *ret_fd)
{
    ate__cleanup(ate__freep) struct way *w = ate__alloc(sizeof *w);
    char here[PATH_MAX] = "";
    if (!w)
        return ate__no_memory();
    *w = (struct way){.file = file, .fd = -1};
    if (file[0] != '/' && !getcwd(here, sizeof here))
        return way_fail(w, errno);
    int rc = set_rest(w, here, file);
    if (!rc)
        rc = walk(w);
    if (!rc)
        *ret_fd = w->fd;
    else if (w->fd >= 0)
        close(w->fd);
    return rc;
}
