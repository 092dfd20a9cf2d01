/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "redo/destroyed.h"

int ate__destroyed_check(const struct ate__vfs *vfs, struct ate__dir *dir, int result)
{
    struct ate__file *file = NULL;
    int rc = vfs->open(dir, ATE__DESTROYED_NAME, ATE__OPEN_READ, &file);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    vfs->close(file);
    return ate__fail(result, "the chain that was here was destroyed by its owner; none is made in "
                             "its place while the file " ATE__DESTROYED_NAME " is there");
}
