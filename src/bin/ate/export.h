/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * export.h: one export under way: what its files share.
 *
 *  1. What is written lies below the new directory, whatever the chain says: every entry is made by
 *     its name in the directory that holds it, and only where there was none before; no link is
 *     followed.
 *  2. A file is there when its content has the right hash, else not at all.
 *  3. What belongs to one entry alone makes that entry fail: it is named, and the rest goes on.
 *     Memory, the disk, and a chain that cannot be read on end the export.
 */
#pragma once
#include "base/map.h"
#include "bin/ate/list.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/way.h"
#include <sys/stat.h>

/* Of a file or directory; those without (values of put, objects of a program) get what new files
 * get. */
struct export_attributes {
    bool given;
    uint32_t mode, uid, gid;
    int64_t mtime_ns;
};
struct export_counts {
    uint64_t files, directories, symlinks, hardlinks; /* written */
    uint64_t bytes;
    uint64_t holes;      /* of the bytes: not written, because they are zero */
    uint64_t is_private; /* not opened by the keys */
    uint64_t compacted;  /* in the chain as it was: gone since */
    uint64_t nameless;   /* objects without a name */
    uint64_t unfinished; /* files that their import did not finish */
    uint64_t views;      /* of other states of the chain than the first */
    uint64_t not_owned;  /* could not be given to their owner */
    uint64_t failed;
};
struct export
{
    const struct options *o;
    struct opened at;
    struct ate_txn *txn;
    uint64_t view; /* the size of the chain in the state that is read */
    struct ate_id top;    /* what is exported */
    struct way way;
    bool owns;            /* may give files away: root */
    mode_t umask;
    struct ate__map written; /* id of a file -> its inode */
    struct ate__map apart; /* id -> path: of a file that was written where a hard link to it is */
    struct export_later *later;
    size_t later_count, later_capacity;
    int status; /* of the entries that failed */
    bool is_over; /* no entry alone failed, but the export */
    uint64_t begun_ms;
    struct export_counts counts;
};

/* ---- cmd_export.c ---- */

/* The entry failed with that result and this thread's sentence: it is named and counted. 0, or the
 * result if the whole export is to end. */
int export_failed(struct export *ex, int result) ATE__CHECK;
/* The keys do not open the entry; what: its path, or what it is called instead. */
void export_private(struct export *ex, const char *what);
/* rc of a read: STALE moves the view on. 0: read again. */
int export_refresh(struct export *ex, int rc) ATE__CHECK;
/* Says it once if the view moved on to another state of the chain. */
void export_check_view(struct export *ex);
void export_progress(const struct export *ex);

/* ---- export_tree.c ---- */

/* All below ex->top into the last directory of the way. Errors: those that end the export. */
int export_tree(struct export *ex) ATE__CHECK;

/* ---- export_file.c; the entry at hand, below the last directory of the way ---- */

int export_file(struct export *ex, const char *name, struct ate_id id) ATE__CHECK;
int export_symlink(struct export *ex, const char *name, struct ate_id id) ATE__CHECK;
int export_hardlink(struct export *ex, const char *name, const struct ate_object *link) ATE__CHECK;

/* ---- export_place.c: what lies on the disk ---- */

/* Owner, mode and times of a file or directory of ours. Errors: E_SYSTEM. */
int export_apply(struct export *ex, int fd, const struct export_attributes *a) ATE__CHECK;
/* The same at the end of the export, for the directory at hand. E_MEMORY */
int export_apply_later(struct export *ex, const struct export_attributes *a) ATE__CHECK;
int export_apply_rest(struct export *ex) ATE__CHECK;
void export_drop_rest(struct export *ex);
/* Links the file with that path and inode to the name in the last directory of the way. Errors:
 * NOT_FOUND: it is not there, or another one is; MALFORMED: the name is taken; E_SYSTEM. */
int export_link(struct export *ex, const char *path, uint64_t inode, const char *name) ATE__CHECK;
/* Makes the directory at hand, and goes into it. Errors: MALFORMED: the name is taken; E_* */
int export_enter(struct export *ex, const char *name) ATE__CHECK;
/* What openat() and its kin said: MALFORMED where the name is taken, else as ate__fail_errno(). */
int export_errno(const char *what) ATE__CHECK;
