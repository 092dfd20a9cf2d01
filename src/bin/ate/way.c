/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/way.h"
#include "base/alloc.h"
#include "base/err.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct way_dir *last(const struct way *w)
{
    return &w->dirs[w->count - 1];
}

int way_dir(const struct way *w)
{
    return last(w)->fd;
}

const char *way_path(const struct way *w)
{
    return w->path.data ? (const char *)w->path.data : "";
}

/* ---- path ---- */

static void cut(struct way *w, size_t size)
{
    w->path.size = size + 1;
    w->path.data[size] = 0;
}

int way_to(struct way *w, const char *name)
{
    size_t size = last(w)->path_size, name_size = strlen(name);
    int rc = ate__buf_reserve(&w->path, name_size + 2);
    if (rc)
        return rc;
    if (size && w->path.data[size - 1] != '/')
        w->path.data[size++] = '/';
    memcpy(w->path.data + size, name, name_size);
    cut(w, size + name_size);
    return 0;
}

void way_back(struct way *w)
{
    cut(w, last(w)->path_size);
}

/* ---- directories ---- */

static int add(struct way *w, int take_fd)
{
    struct way_dir dir = {.fd = take_fd, .path_size = w->path.size - 1};
    struct stat st;
    int rc = fstat(take_fd, &st) ? ate__fail_errno(errno, "stat") : 0;
    if (!rc)
        rc = ate__grow(&w->dirs, &w->capacity, w->count + 1, sizeof *w->dirs);
    if (rc) {
        close(take_fd);
        return rc;
    }
    dir.device = st.st_dev;
    dir.inode = st.st_ino;
    w->dirs[w->count++] = dir;
    return 0;
}

int way_begin(struct way *w, const char *path, int take_fd)
{
    *w = (struct way){.path = ATE__BUF_NULL};
    int rc = ate__buf_append(&w->path, ate__bytes(path, strlen(path) + 1));
    if (rc)
        close(take_fd);
    else
        rc = add(w, take_fd);
    return rc;
}

void way_end(struct way *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->dirs[i].fd >= 0)
            close(w->dirs[i].fd);
    ate__free(w->dirs);
    ate__buf_deinit(&w->path);
    *w = (struct way){.path = ATE__BUF_NULL};
}

int way_enter(struct way *w, int take_fd)
{
    int rc = add(w, take_fd);
    if (rc || w->count <= WAY_OPEN_MAX + 1)
        return rc;
    struct way_dir *far = &w->dirs[w->count - 1 - WAY_OPEN_MAX];
    if (far->fd >= 0)
        close(far->fd);
    far->fd = -1;
    return 0;
}

static int open_above(struct way_dir *above, int below)
{
    struct stat st;
    int fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ate__fail_errno(errno, "open the directory above");
    if (fstat(fd, &st) || st.st_dev != above->device || st.st_ino != above->inode) {
        close(fd);
        return ate__fail(ATE_CONFLICT, "it was moved to another directory meanwhile");
    }
    above->fd = fd;
    return 0;
}

int way_leave(struct way *w)
{
    struct way_dir left = *last(w);
    int rc = 0;
    w->count--;
    if (last(w)->fd < 0)
        rc = left.fd >= 0 ? open_above(last(w), left.fd)
                          : ate__fail(ATE_CONFLICT, "it was moved to another directory meanwhile");
    cut(w, left.path_size);
    if (left.fd >= 0)
        close(left.fd);
    return rc;
}
