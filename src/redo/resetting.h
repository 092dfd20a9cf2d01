/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * resetting.h: the place of a chain that is being put back to an older state, which is then to say
 * that it went back. From before the first byte is copied until that is said a file `,resetting`
 * lies beside `,chain`, and nobody writes into the log: whoever did so first would leave no place
 * for saying it (docs/format/trust.md, 20). Reading goes on.
 */
#pragma once
#include "base/env.h"
#include "base/err.h"

#define ATE__RESETTING_NAME ",resetting"

/* dir: the directory that `,chain` lies in, or will. Synced. Errors: E_*. */
int ate__resetting_begin(const struct ate__vfs *vfs, struct ate__dir *dir) ATE__CHECK;
/* Nothing there is no failure. Errors: E_*. */
int ate__resetting_end(const struct ate__vfs *vfs, struct ate__dir *dir) ATE__CHECK;
int ate__resetting_there(const struct ate__vfs *vfs, struct ate__dir *dir, bool *ret_there)
    ATE__CHECK;
/* For who would write. Errors: DENIED: it is there; E_*. */
int ate__resetting_check(const struct ate__vfs *vfs, struct ate__dir *dir) ATE__CHECK;
