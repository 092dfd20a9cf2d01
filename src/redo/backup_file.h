/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup_file.h: one segment of a copy: what is planned for it, and its bytes.
 */
#pragma once
#include "redo/backup.h"
#include "redo/redo.h"

/* A segment as the target is to list it. */
struct ate__backup_row {
    struct ate__meta_entry entry;
    struct ate__segment_head head; /* of the source's; the target's has the id of `entry` */
    uint64_t groups_end; /* bytes in front of the footer; of the source until it is copied */
    bool is_sealed;      /* in the source */
    bool is_last;        /* in the target: it ends at `to` */
    bool is_new;         /* its file is ID.new, to be named behind the switch */
    bool is_framed; /* the last, and compacted in the source: framed anew, as groups that a log
                     * can go on behind */
    bool is_short;       /* to be sealed behind the switch */
};
struct ate__backup_world {
    const struct ate__env *env;
    const struct ate__vfs *vfs;
    const struct ate__backup *b;
    struct ate__redo *source;
    struct ate__dir *dir;   /* the target's ,chain */
    struct ate__file *lock; /* the target's */
    struct ate__pair pair;
    bool is_fresh;  /* there is no list yet */
    bool *is_sound; /* of the segments in pair.meta */
    struct ate__backup_row *rows;
    size_t row_count;
    uint64_t to; /* of the present switch */
    uint64_t cut_off, generation; /* of the source, when it was planned */
    uint64_t total_bytes;
    struct ate__backed_up done;
    struct ate__buf buf;
};

/* Walks the listed groups of a segment of the target, each record through record(). *ret_sound:
 * all of it is whole. Errors: those of record(), E_* */
int ate__backup_check(struct ate__backup_world *x, const struct ate__meta_entry *e, bool *ret_sound)
    ATE__CHECK;
/* Whether the file that the target lists as `e` can stay as what `row` says. Errors: UNSUPPORTED
 * E_*, those of the source. */
int ate__backup_fits(struct ate__backup_world *x, const struct ate__meta_entry *e,
                     const struct ate__backup_row *row, bool *ret_fits) ATE__CHECK;
/* Writes and syncs ID.new; with its footer unless is_short. row->entry becomes what it is. Errors:
 * TAMPERED STALE E_*, those of record(). */
int ate__backup_copy(struct ate__backup_world *x, struct ate__backup_row *row) ATE__CHECK;
/* Writes the footer of a segment that is full. Errors: TAMPERED: it is not the source's; E_* */
int ate__backup_seal(struct ate__backup_world *x, struct ate__backup_row *row) ATE__CHECK;
