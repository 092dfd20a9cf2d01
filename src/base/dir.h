/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dir.h: directories by path, as a user types it.
 */
#pragma once
#include "base/vfs.h"

enum ate__dir_make { ATE__DIR_FIND, ATE__DIR_MAKE, ATE__DIR_MAKE_ALL };
/* MAKE: made where it is missing; MAKE_ALL: with those above it. Any thread.
 * Errors: NOT_FOUND: it is missing, or what is above it; as of vfs->open_root(), open_dir(). */
int ate__dir_open(const struct ate__vfs *vfs, const char *path, enum ate__dir_make make,
                  struct ate__dir **ret_dir) ATE__CHECK;
