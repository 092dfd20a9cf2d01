/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pair.h: meta.a and meta.b, each a complete list of what is live (meta.h), so that a crash or rot
 * in one of them loses nothing (docs/format/redo.md, "The list").
 *
 *  1. A change writes and syncs `a`, then writes and syncs `b`, in place. Its switch point is the
 *     sync of `a`.
 *  2. Before `a` is written, `b` holds on stable storage what is in force; before `b` is written,
 *     `a` does. What a file was read to hold may be in the page cache alone (a sync failed, and the
 *     process died of it), so the first change of a handle writes `b` once more before it begins:
 *     ate__pair_settle().
 *  3. The higher revision is in force. A list `a` that is newer than `b` may not be on stable
 *     storage either: it is written again, while `b` stands, and then `b`.
 *
 * Which files may be overwritten, by what was found:
 *
 *   a            b            settle() writes
 *   good         good, equal  b
 *   good         bad, missing b            (b is begun only after the sync of a)
 *   good, newer  good         a, b
 *   bad          good         a, b
 *   good         good, newer  a, b
 */
#pragma once
#include "redo/meta.h"

struct ate__pair {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;  /* borrowed */
    struct ate__meta meta; /* in force */
    bool a_good, b_good, equal;
    bool settled; /* rule 2 holds */
    bool begun;   /* b has no byte, beside a good a: its creation was cut short between the two */
    const char *lost; /* the name of the file that is not good, NULL: none; for reports */
};

/* Reads both. The result is the caller's to deinit. Errors: NOT_FOUND (no log: neither is good and
 * b does not exist, as creation leaves it) TAMPERED UNSUPPORTED E_*. */
int ate__pair_read(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__pair *ret_pair)
    ATE__CHECK;
void ate__pair_deinit(struct ate__pair *p);
/* Undoes ate__pair_create(), `b` first. Errors: E_* */
int ate__pair_remove(const struct ate__vfs *vfs, struct ate__dir *dir) ATE__CHECK;
int ate__pair_settle(struct ate__pair *p) ATE__CHECK;
/* Settles, then puts `take_meta` in force. After a failure it is not known which list is, and both
 * must be read anew. */
int ate__pair_change(struct ate__pair *p, struct ate__meta *take_meta) ATE__CHECK;
/* The first list of a log. */
int ate__pair_create(const struct ate__vfs *vfs, struct ate__dir *dir, const struct ate__meta *meta)
    ATE__CHECK;
