/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * reserve.h: the file `reserve`: room on the disk that is kept for what makes room, deletions and
 * compaction, and for a recovery. What stands in it is never read
 * (docs/decisions/0023-room-for-what-makes-room.md).
 */
#pragma once
#include "base/vfs.h"

#define ATE__RESERVE_NAME "reserve"

struct ate__reserve {      /* zero: not looked at yet */
    struct ate__file *file; /* NULL: not open */
    uint64_t bytes;
    /* A copy-on-write file system gives back what was written with one sync when all of it is cut
     * off: the reserve is written, and cut, in blocks. */
    bool in_blocks;
};

/* What a log keeps whose last segment has this capacity; `only`: and which has no other. */
uint64_t ate__reserve_target(uint64_t capacity, bool only);
/* Makes it `bytes` long if it is shorter, and cuts it to `keep` afterwards, whether that went well
 * or not. Errors: E_NO_SPACE (it is as long as there was room for) E_* */
int ate__reserve_fill(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__reserve *v,
                      uint64_t bytes, uint64_t keep) ATE__CHECK;
/* Gives up so much of it, or what it has, and tells how much that was; the first time it looks
 * whether there is one. */
uint64_t ate__reserve_give(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__reserve *v,
                           uint64_t bytes);
void ate__reserve_deinit(const struct ate__vfs *vfs, struct ate__reserve *v);
