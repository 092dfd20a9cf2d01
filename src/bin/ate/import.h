/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import.h: one import under way: what its files share.
 *
 * A directory is walked depth first, the names of each in the order of their bytes; no symbolic
 * link is followed: every entry is opened from the directory that holds it.
 */
#pragma once
#include "base/map.h"
#include "bin/ate/list.h"
#include "bin/ate/open.h"
#include "bin/ate/store.h"
#include <sys/stat.h>

struct import_counts {
    uint64_t files, directories, symlinks, hardlinks; /* now in the chain */
    uint64_t bytes;                /* of the files among them */
    uint64_t unchanged;            /* of those: there already, not sent again */
    uint64_t sockets, devices, fifos; /* skipped */
    uint64_t failed;               /* named on stderr */
    uint64_t left_out_files, left_out_bytes; /* by --max-files and --max-bytes */
};
struct import {
    const struct options *o;
    struct opened at;
    struct store *store;
    struct ate_txn *look;      /* for what is there already */
    struct ate__map links;     /* device, inode -> struct store_node */
    struct ate__buf path;      /* of the entry at hand, below the directory, ended with NUL */
    uint8_t *piece;            /* FS_PAGE_SIZE + 1 bytes */
    bool full;                 /* a limit was reached: the rest is counted only */
    int status;                /* of the entries that failed */
    uint64_t begun_ms, acknowledged;
    struct import_counts counts;
};

struct import_entry { /* one entry of a directory */
    int dir;                   /* the directory's descriptor */
    const char *name;
    struct stat st;
    struct store_node *parent; /* what it is stored below */
    const struct list *there;  /* what the parent has already; NULL: nothing */
};

/* import_file.c; files of any size and kind but directories. 0 also where the entry failed and
 * was reported; else the import is over. */
int import_file(struct import *im, const struct import_entry *e) ATE__CHECK;
/* import.c. An entry failed with that result and this thread's sentence: it is named and counted.
 * 0, or the result if the whole import is to end. */
int import_failed(struct import *im, int result) ATE__CHECK;
/* Sets the sentence to errno's. */
int import_errno(const char *what);
