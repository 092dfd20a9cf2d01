/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroyed.h: the place of a chain that its owner destroyed (docs/format/trust.md, 19). A file
 * `,destroyed` beside where `,chain` was: as long as it is there no log is opened there and none is
 * made, whatever it says.
 */
#pragma once
#include "base/env.h"
#include "base/err.h"

#define ATE__DESTROYED_NAME ",destroyed"

/* dir: the directory that `,chain` would lie in. 0: nothing was destroyed there; `result` with its
 * sentence where something was. Errors: E_*. */
int ate__destroyed_check(const struct ate__vfs *vfs, struct ate__dir *dir, int result) ATE__CHECK;
