/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/replace.h"
#include "base/err.h"
#include <stdio.h>

enum { NAME_MAX_ = 255 };

static int write_new(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                     struct ate_bytes bytes, unsigned flags)
{
    struct ate__file *file;
    int rc = vfs->remove(dir, name);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    rc = vfs->open(dir, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE | ATE__OPEN_EXCLUSIVE | flags,
                   &file);
    if (rc)
        return rc;
    rc = vfs->write(file, 0, bytes.data, bytes.size);
    if (!rc)
        rc = vfs->sync(file);
    vfs->close(file);
    return rc;
}

int ate__replace_file_by(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                         const char *new_name, struct ate_bytes bytes, unsigned flags)
{
    int rc = write_new(vfs, dir, new_name, bytes, flags);
    if (!rc)
        rc = vfs->rename(dir, new_name, name);
    return rc ? rc : vfs->sync_dir(dir);
}

int ate__replace_file(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                      struct ate_bytes bytes, unsigned flags)
{
    char new_name[NAME_MAX_ + 1];
    int size = snprintf(new_name, sizeof new_name, "%s.new", name);
    if (size < 0 || (size_t)size >= sizeof new_name)
        return ate__fail(ATE_MISUSE, "a file's name of more than %d bytes", NAME_MAX_ - 4);
    return ate__replace_file_by(vfs, dir, name, new_name, bytes, flags);
}
