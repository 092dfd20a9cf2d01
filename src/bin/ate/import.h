/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import.h: one import under way: what its files share.
 *
 *  1. A directory is walked depth first, the names of each in the order of their bytes. No symbolic
 *     link is followed: every entry is opened from the directory that holds it.
 *  2. Names are held in windows: so many of a directory at a time, with what the chain has under
 *     them. So memory is bounded whatever the tree, and the names under one directory of the chain
 *     are asked for once, if they fit one window.
 *  3. What belongs to one entry alone makes that entry fail: it is named, and the rest goes on.
 */
#pragma once
#include "base/map.h"
#include "bin/ate/content.h"
#include "bin/ate/open.h"
#include "bin/ate/store.h"
#include "bin/ate/way.h"
#include <sys/stat.h>

enum {
    IMPORT_WINDOW_MAX = 16384,   /* names of one directory that are held at a time */
    IMPORT_HELD_MAX = 65536, /* names of all directories on the way; beyond, windows are let go */
    IMPORT_LINKS_MAX = 1 << 18, /* inodes whose other names may still come */
    IMPORT_UNFINISHED_MAX = 1024 /* unfinished files of one directory that are looked at */
};

struct import_counts {
    uint64_t files, directories, symlinks; /* in the chain now; files: hard links too */
    uint64_t hardlinks; /* of the files: stored as links */
    uint64_t bytes; /* of the files' contents */
    uint64_t unchanged; /* of all: there already, not sent again */
    uint64_t sockets, devices, fifos; /* skipped */
    uint64_t chains; /* skipped: the chain itself */
    uint64_t unlinked; /* hard links that are files of their own: too many of them */
    uint64_t failed; /* named */
    uint64_t left_out_files, left_out_bytes; /* by --max-files and --max-bytes */
};
struct import {
    const struct options *o;
    struct opened at;
    struct store *store;
    struct ate_txn *look;      /* for what is there already; NULL: not needed yet */
    struct way way;
    struct ate__map links; /* device and inode -> struct import_link */
    dev_t chain_device; /* the chain's own directory; */
    ino_t chain_inode; /* 0: it is elsewhere */
    size_t held; /* names in windows */
    uint8_t *piece; /* FS_PAGE_SIZE + 1 bytes */
    uint64_t passing; /* bytes of the file at hand that were read */
    bool full; /* a limit was reached: the rest is counted only */
    bool is_over; /* no entry alone failed, but the import */
    int status; /* of the entries that failed */
    uint64_t begun_ms, transactions;
    struct import_counts counts;
};

/* What the chain has under a name. */
struct import_there {
    enum content_kind kind; /* CONTENT_PRIVATE: nothing that can be read */
    struct ate_id id;
    struct fs_dir state; /* of a directory or file */
    uint64_t size; /* of a file or of a link's target; pages of one: page_count */
    uint64_t page_count;
    bool has_hash; /* of a file: it is finished */
    struct ate_hash hash; /* of a file, or of a link's target */
    struct ate_id target; /* of a hard link */
};
struct import_name {
    char *name;
    struct import_there there;
};
struct import_unfinished { /* a file that an import was broken off in */
    struct ate_id id;
    uint64_t size;
    int64_t mtime_ns;
};
struct import_window {
    struct import_name *names; /* in the order of their bytes */
    size_t count, capacity;
    struct import_unfinished *unfinished;
    size_t unfinished_count, unfinished_capacity;
};

struct import_entry { /* one entry of the last directory of the way */
    struct import_window *window;
    const struct import_name *name;
    struct stat st;
    struct store_node *parent; /* what it is stored below */
};

/* ---- cmd_import.c ---- */

/* The entry at hand failed with that result and this thread's sentence: it is named and counted. 0,
 * or the result if the whole import is to end. */
int import_failed(struct import *im, int result) ATE__CHECK;
void import_progress(void *im);

/* ---- import_tree.c ---- */

/* All below the last directory of the way. node: what it is in the chain; is_new: nothing can be
 * below that yet; depth: parents above the node. Errors: those that end the import. */
int import_tree(struct import *im, struct store_node *node, bool is_new, unsigned depth) ATE__CHECK;
struct fs_dir import_state(const struct stat *st);
bool import_same_state(const struct fs_dir *a, const struct fs_dir *b);

/* ---- import_window.c ---- */

/* The next names of the last directory of the way, behind `after`. *ret_more: that are not all.
 * E_MEMORY E_SYSTEM */
int import_window_fill(struct import *im, const char *after, struct import_window *w,
                       bool *ret_more) ATE__CHECK;
/* Looks up what the chain has below id under these names. Errors: as ate_load(). */
int import_window_look(struct import *im, struct ate_id id, struct import_window *w) ATE__CHECK;
void import_window_drop(struct import *im, struct import_window *w); /* it is empty then */

/* ---- import_file.c ---- */

/* All that is no directory. Errors: also those of this entry alone. */
int import_file(struct import *im, const struct import_entry *e) ATE__CHECK;
/* It will be a hard link to what was stored before. */
bool import_is_again(const struct import *im, const struct stat *st);
void import_links_deinit(struct import *im);
