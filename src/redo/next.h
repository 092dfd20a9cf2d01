/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * next.h: the file `next`: the segment to come, from its first zero to its name.
 *
 *  1. It has no id and no header until it is about to be listed; its salt is drawn when it is made.
 *  2. Its header is synced before the lists name it, and the lists name it before it is renamed: so
 *     a file ID.seg was listed, whatever the lists say, and `next` is a leftover unless the lists
 *     name its id.
 */
#pragma once
#include "redo/segment.h"

struct ate__next {
    struct ate__file *file; /* NULL: there is none */
    uint64_t zeros;         /* bytes prewritten and synced */
    uint64_t capacity, salt;
    bool padded;
};

/* Makes the file anew, empty; the directory is synced. Errors: E_* */
int ate__next_create(const struct ate__env *env, struct ate__dir *dir, uint64_t capacity,
                     bool padded, struct ate__next *ret_next) ATE__CHECK;
/* Writes and syncs up to `step` more zeros. Errors: E_* */
int ate__next_prewrite(const struct ate__vfs *vfs, struct ate__next *n, uint64_t step) ATE__CHECK;
/* After E_NO_SPACE: the capacity becomes what was prewritten, and what there is still room for, if
 * that is `bytes` at least. Errors: E_NO_SPACE E_* */
int ate__next_make_do(const struct ate__vfs *vfs, struct ate__next *n, uint64_t bytes) ATE__CHECK;
/* A capacity that holds `bytes` at least. */
uint64_t ate__next_capacity(uint64_t wanted, uint64_t bytes);
/* Writes the header, not synced, and gives the segment, whose file it then is. Errors: TOO_BIG (an
 * id that no list can hold) E_* */
int ate__next_finish(const struct ate__vfs *vfs, struct ate__next *n,
                     const struct ate_hash *chain_id, uint64_t id, uint64_t first_sequence,
                     struct ate__segment **ret_segment) ATE__CHECK;
/* Gives it the name of its id; the directory is synced. Errors: E_* */
int ate__next_rename(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t id) ATE__CHECK;
/* Closes and removes it, if it is there. */
void ate__next_drop(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__next *n);
