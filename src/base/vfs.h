/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * vfs.h: the disk as the redo log sees it; tests put a crashing one in its place.
 *
 * Names are relative to a directory handle and hold no '/': every deeper place is reached with
 * open_dir(), component by component, and nothing ever follows a symbolic link. Results: 0;
 * ATE_NOT_FOUND, ATE_EXISTS, ATE_IN_USE where named; else ATE_E_IO, ATE_E_NO_SPACE, ATE_E_SYSTEM
 * (also for a name with '/', "." and ".."), ATE_E_MEMORY. Interrupted calls are retried inside;
 * short writes are continued inside (what a failed write left in the file is undefined within the
 * written range, and nothing outside changes). Thread-safe; one file's calls may come from several
 * threads.
 */
#pragma once
#include "base/buf.h"

struct ate__file; /* opaque, of the implementation */
struct ate__dir;

enum {
    ATE__OPEN_READ = 0,
    ATE__OPEN_WRITE = 1,     /* read and write */
    ATE__OPEN_CREATE = 2,    /* made if missing */
    ATE__OPEN_EXCLUSIVE = 4, /* with CREATE: ATE_EXISTS if it is there */
    ATE__OPEN_PRIVATE = 8    /* with CREATE: mode 0600 instead of 0644 & ~umask */
};

struct ate__stat {
    uint64_t size;
    uint64_t device, inode;
    uint32_t mode; /* permission bits; 0: there are none */
    bool is_dir, is_file;
};

struct ate__vfs {
    void *user;
    /* A directory by path: any path the user may type, whose links are followed; "" is an error.
     * ATE_NOT_FOUND. */
    int (*open_root)(void *user, const char *path, struct ate__dir **ret_dir);
    /* A directory inside one. create: made if missing, and the parent is synced whether it was
     * missing or not, for who made it may have died before that. ATE_NOT_FOUND. */
    int (*open_dir)(struct ate__dir *parent, const char *name, bool create,
                    struct ate__dir **ret_dir);
    void (*close_dir)(struct ate__dir *dir); /* takes NULL */
    int (*sync_dir)(struct ate__dir *dir);
    /* Calls `each` for every name except "." and ".."; stops with its non-zero result. */
    int (*list)(struct ate__dir *dir, int (*each)(void *arg, const char *name), void *arg);
    /* A regular file; anything else in its place is ATE_E_SYSTEM. ATE_NOT_FOUND, ATE_EXISTS. */
    int (*open)(struct ate__dir *dir, const char *name, unsigned flags,
                struct ate__file **ret_file);
    void (*close)(struct ate__file *file); /* takes NULL; releases its lock */
    /* short only at the end of the file */
    int (*read)(struct ate__file *file, uint64_t offset, void *to, size_t size, size_t *ret_size);
    int (*write)(struct ate__file *file, uint64_t offset, const void *from, size_t size);
    int (*sync)(struct ate__file *file); /* data and size: fdatasync */
    int (*truncate)(struct ate__file *file, uint64_t size);
    int (*stat)(struct ate__file *file, struct ate__stat *ret_stat);
    /* The lock is the handle's: a second handle is another owner. Never waits; changes the kind of
     * lock that the handle has, and may lose it where that fails. ATE_IN_USE. */
    int (*lock)(struct ate__file *file, bool exclusive);
    void (*unlock)(struct ate__file *file);
    /* Replaces what `to` was; not durable before sync_dir(). ATE_NOT_FOUND. */
    int (*rename)(struct ate__dir *dir, const char *from, const char *to);
    /* A file or an empty directory. ATE_NOT_FOUND. */
    int (*remove)(struct ate__dir *dir, const char *name);
    /* True where overwriting prewritten bytes is no cheaper than extending (copy-on-write). */
    bool (*copy_on_write)(struct ate__dir *dir);
    /* Bytes that this user may still write where the directory is, of which others take, too;
     * UINT64_MAX: not known, or no limit. */
    uint64_t (*room)(struct ate__dir *dir);
};

extern const struct ate__vfs ate__vfs_posix; /* the real disk (base/vfs_posix.c) */
