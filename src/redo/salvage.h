/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * salvage.h: what can still be read of a damaged log: believed by its checksums alone, so good for
 * a repair and nothing else.
 */
#pragma once
#include "redo/pair.h"

struct ate__salvaged {
    const char *file;
    uint64_t offset; /* of the record */
    uint64_t sequence;
    struct ate_bytes body; /* until the callback returns */
};
/* Every record of a transaction whose checksums hold, in every file of the directory that begins
 * with a segment header, whatever lies around it. unreadable(): a file with the name of a segment
 * and no such header. A non-zero result of a callback ends it. Errors: E_* */
int ate__salvage_scan(const struct ate__vfs *vfs, struct ate__dir *dir,
                      int (*each)(void *arg, const struct ate__salvaged *record),
                      int (*unreadable)(void *arg, const char *file), void *arg) ATE__CHECK;
/* A list as it may have been, where neither of the two is whole: segments that follow each other
 * from sequence 0 on, up to the first gap. Where it was cut off no segment says. Errors: TAMPERED:
 * there is none; E_* */
int ate__salvage_list(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t cut_off,
                      struct ate__meta *ret_meta) ATE__CHECK;
