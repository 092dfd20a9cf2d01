/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * window.h: a file seen through a buffer that moves: what every scan reads through.
 *
 * One thread at a time. The file is borrowed. Small steps forward cost no call: the window reads
 * ahead, twice as far each time, from ATE__WINDOW_BYTES_MIN to ATE__WINDOW_BYTES. The bytes seen
 * are those at the time of the read.
 */
#pragma once
#include "base/vfs.h"

struct ate__window {
    const struct ate__vfs *vfs;
    struct ate__file *file;
    struct ate__buf buf; /* bytes of the file from `offset` on */
    uint64_t offset;
    size_t ahead; /* bytes of the last read */
    bool at_end; /* the file ends where buf does */
};

void ate__window_init(struct ate__window *w, const struct ate__vfs *vfs, struct ate__file *file);
void ate__window_deinit(struct ate__window *w);
/* Points to `size` bytes of the file from `offset` on, or to fewer, where it ends; until the next
 * call. Errors: E_* */
int ate__window_get(struct ate__window *w, uint64_t offset, size_t size,
                    struct ate_bytes *ret_bytes) ATE__CHECK;
/* Where in [from, to) the first byte stands that is not zero, and the one behind the last such;
 * both `to` and `from` where all are, or none is there. */
int ate__window_nonzero(struct ate__window *w, uint64_t from, uint64_t to, uint64_t *ret_first,
                        uint64_t *ret_behind_last) ATE__CHECK;
