/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * way.h: the way from the top of a tree of files down to the entry at hand: its path, for
 * sentences, and the directories that lead to it, as descriptors.
 *
 *  1. Only the last WAY_OPEN_MAX directories and the first are open, so that a deep tree does not
 *     need many descriptors. One that is come back to is opened again as ".." of the one below, and
 *     must be the same by device and inode.
 *  2. Whoever works in a directory names its entries alone, relative to way_dir(): no link is
 *     followed, and nobody who moves directories about leads us astray.
 */
#pragma once
#include "base/buf.h"
#include "base/compiler.h"
#include <sys/types.h>

enum { WAY_OPEN_MAX = 32 };

struct way_dir {
    int fd; /* -1: closed meanwhile */
    dev_t device;
    ino_t inode;
    size_t path_size; /* bytes of its path, without NUL */
};
struct way {
    struct ate__buf path; /* of the entry at hand, ended with NUL */
    struct way_dir *dirs; /* from the top down */
    size_t count, capacity;
};

/* path: how sentences call the top; "" for none. take_fd: the top; closed also on failure, as the
 * one of way_enter(). Both: E_MEMORY E_SYSTEM */
int way_begin(struct way *w, const char *path, int take_fd) ATE__CHECK;
void way_end(struct way *w); /* also of one that is all zero */

int way_dir(const struct way *w);          /* the descriptor of the last directory */
const char *way_path(const struct way *w); /* never NULL */

/* The entry at hand is now that of the last directory. E_MEMORY */
int way_to(struct way *w, const char *name) ATE__CHECK;
void way_back(struct way *w); /* and now it is that directory itself */

/* Into the directory at hand, which take_fd is. */
int way_enter(struct way *w, int take_fd) ATE__CHECK;
/* Out of the last directory, which is then the entry at hand. Errors: CONFLICT: the one above is no
 * longer where it was; E_SYSTEM. The way has one directory less all the same. */
int way_leave(struct way *w) ATE__CHECK;
