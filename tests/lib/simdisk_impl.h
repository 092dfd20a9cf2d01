/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk_impl.h: the parts of simdisk, for its own files.
 *
 * A disk is a list of nodes (files and directories); names refer to nodes by index, so that a copy
 * of a disk needs no translation. Pages are shared between disks and versions and never change once
 * a second owner has them.
 */
#pragma once
#include "base/vfs.h"
#include "lib/rnd.h"
#include <pthread.h>

enum { SIM_PAGE = 4096, SIM_SECTOR = 512, SIM_SECTORS = SIM_PAGE / SIM_SECTOR, ROOT = 0 };

/* Memory of the test itself: zeroed, aborts when there is none. */
void *sim_alloc(size_t size);
/* An array with room for one more; returns it. */
void *sim_grow(void *array, size_t count, size_t *capacity, size_t item_size);
char *sim_text(const char *text);

/* --- one file (simdisk_file.c) --- */

struct page; /* NULL: zeros without a place on the disk */

/* What a page was after a write or truncation. */
struct version {
    struct page *page;
    uint16_t from, to; /* bytes that the call changed */
    size_t truncation; /* number of the size event; 0: a write */
};
/* A page that is not on the disk as it is in the cache. */
struct dirty {
    size_t index;
    struct page *durable;
    bool lost; /* taken as clean after a failed sync: no versions, and no sync will write it */
    struct version *versions; /* oldest first; the last is what the cache has */
    size_t count, capacity;
};
struct size_event {
    bool truncate; /* else extended, by one or more calls in a row */
    uint64_t from, to;
};
struct simfile {
    uint64_t size, durable_size;
    struct page **pages;  /* the cache; behind page_count: zeros */
    struct dirty **dirty; /* of each page, or NULL */
    size_t page_count;
    struct dirty **list; /* the dirty ones, in the order in which they became so */
    size_t list_count, list_capacity;
    struct size_event *events; /* since the last sync */
    size_t event_count, event_capacity;
    size_t used; /* pages that have a place */
};

void simfile_deinit(struct simfile *f);
void simfile_clone(struct simfile *to, const struct simfile *from);
/* `to` as `from` may be after a power loss. */
void simfile_crash(struct simfile *to, const struct simfile *from, struct rnd *r);
size_t simfile_read(const struct simfile *f, uint64_t offset, void *to, size_t size);
/* Takes at most room_pages new pages; returns the bytes written. */
size_t simfile_write(struct simfile *f, uint64_t offset, const void *from, size_t size,
                     uint64_t room_pages);
void simfile_truncate(struct simfile *f, uint64_t size);
void simfile_sync(struct simfile *f);
/* Of all bytes that the process sees, and what was before. */
uint64_t simfile_digest(const struct simfile *f, uint64_t digest);
void simfile_sync_failed(struct simfile *f, struct rnd *r);

/* --- one directory (simdisk_dir.c) --- */

struct entry {
    char *name;
    size_t node;
};
struct entries {
    struct entry *items;
    size_t count, capacity;
};
/* A change that is not synced: the node loses one name (or NULL) and gets another (or NULL). */
struct dir_change {
    char *from, *to;
    size_t node;
};
struct simdir {
    struct entries live, durable;
    struct dir_change *changes;
    size_t change_count, change_capacity;
};

enum { NO_NODE = -1 };

void simdir_deinit(struct simdir *dir);
void simdir_clone(struct simdir *to, const struct simdir *from);
void simdir_crash(struct simdir *to, const struct simdir *from, struct rnd *r);
size_t simdir_find(const struct simdir *dir, const char *name); /* (size_t)NO_NODE: not there */
void simdir_change(struct simdir *dir, const char *from, const char *to, size_t node);
void simdir_sync(struct simdir *dir);
bool simdir_shows(const struct simdir *dir, size_t node); /* has it now */
/* Whether the directory, now or after a crash, may have the node. */
bool simdir_holds(const struct simdir *dir, size_t node);

/* --- the disk (simdisk.c) --- */

struct node {
    bool is_dir;
    size_t parent;  /* its directory */
    size_t handles; /* open ones */
    bool locked;    /* exclusively */
    size_t shared;  /* locks */
    struct simfile file;
    struct simdir dir;
};

enum { KINDS = 12 };

struct simdisk {
    struct ate__vfs vfs;
    pthread_mutex_t mutex; /* guards all below */
    struct rnd rnd;
    struct node **nodes; /* NULL: gone; an index is never used again */
    size_t node_count, node_capacity;
    size_t handles;
    uint64_t limit_pages;
    bool copy_on_write, trace;

    uint64_t counts[KINDS]; /* by the bit of the kind */
    uint64_t mutations;
    bool stopped, stop_planned;
    uint64_t stop_left;
    unsigned fail_kinds;
    uint64_t fail_seen, fail_at, fail_count;
    int fail_result;
    bool failed;
    void (*watch)(void *arg, uint64_t number);
    void *watch_arg;
};

/* The callers hold the mutex. */
size_t simdisk_add(struct simdisk *d, size_t parent, const char *name, bool is_dir);
void simdisk_drop(struct simdisk *d, size_t node); /* if nothing can reach it any more */
/* Pages with a place, of files that have a name or are open. */
uint64_t simdisk_pages(const struct simdisk *d);
