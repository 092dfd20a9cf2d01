/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * replace.h: a small file replaced at once. A crash at any moment leaves the file that was there or
 * the new one, whole, and perhaps a leftover NAME.new, which the next call removes.
 */
#pragma once
#include "base/vfs.h"

/* NAME.new is written and synced, takes the name, and the directory is synced. name: short enough
 * for the ending. flags: 0 or ATE__OPEN_PRIVATE; a leftover's rights do not count. One caller for a
 * name at a time. After a failure the file is the old one, or, where only the last sync failed, the
 * new one. Errors: as of struct ate__vfs. */
int ate__replace_file(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                      struct ate_bytes bytes, unsigned flags) ATE__CHECK;
/* The same by way of another name, for callers of several processes. */
int ate__replace_file_by(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                         const char *new_name, struct ate_bytes bytes, unsigned flags) ATE__CHECK;
