/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "redo/resetting.h"
#include "base/replace.h"

int ate__resetting_begin(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    int rc = ate__replace_file(vfs, dir, ATE__RESETTING_NAME, ate__bytes("", 0), 0);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, ATE__RESETTING_NAME) : rc;
}

int ate__resetting_end(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    int rc = vfs->remove(dir, ATE__RESETTING_NAME);
    if (!rc)
        rc = vfs->sync_dir(dir);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__resetting_there(const struct ate__vfs *vfs, struct ate__dir *dir, bool *ret_there)
{
    struct ate__file *file = NULL;
    int rc = vfs->open(dir, ATE__RESETTING_NAME, ATE__OPEN_READ, &file);
    if (!rc)
        vfs->close(file);
    *ret_there = !rc;
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__resetting_check(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    bool there;
    int rc = ate__resetting_there(vfs, dir, &there);
    if (rc || !there)
        return rc;
    return ate__fail(ATE_DENIED,
                     "an older state was put here, to say that the chain went back, and that was "
                     "cut short: restore it again, with --reset; until then it is only read");
}
