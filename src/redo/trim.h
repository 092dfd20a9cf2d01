/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * trim.h: trimmed/, where torn tails are kept for inspection. Nothing there is ever read back.
 *
 * A file is named revision-segment-offset, each in 16 hex digits, so that names in order are files
 * in order of age; an interrupted recovery that is done again writes the same file.
 */
#pragma once
#include "redo/limits.h"
#include "redo/segment.h"

/* Removes the oldest until there is room for one more within bytes_max, then copies [from, to) of a
 * segment's file there, as much as the limit allows. A full disk, or old ones that cannot be
 * removed, keep it from being kept, which is no error. *ret_kept: bytes. Errors: E_* */
int ate__trim_keep(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t revision,
                   const struct ate__segment *s, uint64_t from, uint64_t to, uint64_t bytes_max,
                   uint64_t *ret_kept) ATE__CHECK;
