/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.h: a log copied into another directory, segment by segment, while it is being written
 * and compacted: a backup, a restored log, a repaired one (docs/format/redo.md, "Copies").
 *
 * What comes out is an ordinary log of the same segments, with the same ids and bytes. What a crash
 * after each step leaves in the target:
 *
 *   1. segments that are not there, or differ, written as ID.new, synced    leftovers
 *   2. those that the list has already get their name; directory synced     the same log, longer
 *   3. full tiles of leaves below the cut-off synced                        as before
 *   4. meta.a, then meta.b: the new list                                    listed under ID.new
 *   5. names, directory synced                                              the new log, whole
 *   6. footers of those that were the last; meta.a, then meta.b             as the old one sealed
 *   7. files that the list does not name are removed
 *
 *  1. At every moment the target is a log that opens, and never a shorter one.
 *  2. A step 4 covers ATE__BACKUP_STEP_BYTES: a large copy that is cut short goes on from there.
 *  3. Every byte is checked before it is listed: each record by its checksums and by record(), a
 *     sealed segment by the SHA-256 in its footer, on both sides.
 *  4. What the target has already is read and checked the same way; a segment that is not whole is
 *     written anew, a record that record() refuses ends the copy before anything was changed.
 *  5. The source is read through pins; compaction beside it makes the plan begin anew.
 */
#pragma once
#include "redo/storage.h"

struct ate__backup {
    struct ate__storage *source; /* of the engine `file` */
    uint64_t to;  /* the log's size there: not above what the source has on stable storage */
    bool split;   /* `to` may lie inside a group, of which the beginning is written then */
    const char *dir_name; /* NULL: ",chain" */
    bool existing; /* a log that is there already is brought up to `to`; false: EXISTS */
    uint64_t step_bytes; /* 0: ATE__BACKUP_STEP_BYTES */
    /* Each time that a plan is made: below which sequence the source is cut off now, and whether
     * the copy would end inside of a segment that compaction made, for which it gets a segment of
     * its own. A result that is not 0 ends it. May be NULL. */
    int (*planned)(void *arg, uint64_t cut_off, bool ends_inside);
    /* Each record that is copied or stands in the target. A result that is not 0 ends it. */
    int (*record)(void *arg, const struct ate__record_out *record);
    /* 256 leaves from `first` on, of a log that was compacted. */
    int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves);
    /* The head before that sequence, where a compacted group is framed anew. */
    int (*head)(void *arg, uint64_t sequence, struct ate_hash *ret_head);
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes; may be NULL */
    void *arg;
};
struct ate__backed_up {
    uint64_t size_before; /* the target had; 0 also where there was no log */
    uint64_t segments_copied, segments_kept, bytes_copied;
};
/* The log becomes `,chain`, or that name, below `dir`, which is borrowed. Errors: EXISTS; DENIED:
 * one was destroyed there; IN_USE: somebody writes there; WRONG_CHAIN; ROLLED_BACK: it is larger
 * than `to`; TAMPERED (the source; or the target has no whole list) UNSUPPORTED; COMPACTED: `to`
 * lies below the cut-off; STALE: the source is compacted all the time; MISUSE: the target is the
 * source; those of the callbacks, E_*. Whatever was switched stays. */
int ate__backup_run(const struct ate__env *env, const struct ate__backup *backup,
                    struct ate__dir *dir, struct ate__backed_up *ret_done) ATE__CHECK;
