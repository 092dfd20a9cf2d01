/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dir.c: directories by path.
 */
#include "base/dir.h"
#include "base/alloc.h"
#include "base/err.h"

/* Of path[0..size), which is cut there; "" is the present directory. */
static int open_at(const struct ate__vfs *vfs, char *path, size_t size, enum ate__dir_make make,
                   struct ate__dir **ret_dir)
{
    while (size > 1 && path[size - 1] == '/')
        size--;
    path[size] = 0;
    int rc = vfs->open_root(vfs->user, size ? path : ".", ret_dir);
    if (rc != ATE_NOT_FOUND || !size || make == ATE__DIR_FIND)
        return rc;
    size_t last = size;
    while (last && path[last - 1] != '/')
        last--;
    ate__cleanup(ate__freep) char *name = ate__copy_text(path + last);
    struct ate__dir *parent;
    if (!name)
        return ate__no_memory();
    rc = open_at(vfs, path, last, make == ATE__DIR_MAKE ? ATE__DIR_FIND : make, &parent);
    if (rc)
        return rc;
    rc = vfs->open_dir(parent, name, true, ret_dir);
    vfs->close_dir(parent);
    return rc;
}

int ate__dir_open(const struct ate__vfs *vfs, const char *path, enum ate__dir_make make,
                  struct ate__dir **ret_dir)
{
    if (!*path)
        return ate__fail(ATE_E_SYSTEM, "a directory without a name");
    ate__cleanup(ate__freep) char *copy = ate__copy_text(path);
    return copy ? open_at(vfs, copy, strlen(copy), make, ret_dir) : ate__no_memory();
}
