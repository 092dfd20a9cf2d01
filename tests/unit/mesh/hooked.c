/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "hooked.h"
#include "base/err.h"
#include "base/vfs.h"
#include <stdatomic.h>

static const struct ate__vfs *const disk = &ate__vfs_posix;
static _Atomic(hook_fn *) present;

void hooked_set(hook_fn *hook)
{
    atomic_store(&present, hook);
}

static int meet(const char *call)
{
    hook_fn *hook = atomic_load(&present);
    int rc = hook ? hook(call) : 0;
    return rc ? ate__fail(rc, "%s: the hook failed", call) : 0;
}

static int open_root(void *user, const char *path, struct ate__dir **ret_dir)
{
    int rc = meet("open_root");
    return rc ? rc : disk->open_root(user, path, ret_dir);
}

static int open_dir(struct ate__dir *parent, const char *name, bool create,
                    struct ate__dir **ret_dir)
{
    int rc = meet("open_dir");
    return rc ? rc : disk->open_dir(parent, name, create, ret_dir);
}

static void close_dir(struct ate__dir *dir)
{
    (void)meet("close_dir");
    disk->close_dir(dir);
}

static int sync_dir(struct ate__dir *dir)
{
    int rc = meet("sync_dir");
    return rc ? rc : disk->sync_dir(dir);
}

static int list(struct ate__dir *dir, int (*each)(void *arg, const char *name), void *arg)
{
    int rc = meet("list");
    return rc ? rc : disk->list(dir, each, arg);
}

static int open_file(struct ate__dir *dir, const char *name, unsigned flags,
                     struct ate__file **ret_file)
{
    int rc = meet("open");
    return rc ? rc : disk->open(dir, name, flags, ret_file);
}

static void close_file(struct ate__file *file)
{
    (void)meet("close");
    disk->close(file);
}

static int read_file(struct ate__file *file, uint64_t offset, void *to, size_t size,
                     size_t *ret_size)
{
    int rc = meet("read");
    return rc ? rc : disk->read(file, offset, to, size, ret_size);
}

static int write_file(struct ate__file *file, uint64_t offset, const void *from, size_t size)
{
    int rc = meet("write");
    return rc ? rc : disk->write(file, offset, from, size);
}

static int sync_file(struct ate__file *file)
{
    int rc = meet("sync");
    return rc ? rc : disk->sync(file);
}

static int truncate_file(struct ate__file *file, uint64_t size)
{
    int rc = meet("truncate");
    return rc ? rc : disk->truncate(file, size);
}

static int stat_file(struct ate__file *file, struct ate__stat *ret_stat)
{
    int rc = meet("stat");
    return rc ? rc : disk->stat(file, ret_stat);
}

static int lock_file(struct ate__file *file, bool exclusive)
{
    int rc = meet("lock");
    return rc ? rc : disk->lock(file, exclusive);
}

static void unlock_file(struct ate__file *file)
{
    (void)meet("unlock");
    disk->unlock(file);
}

static int rename_file(struct ate__dir *dir, const char *from, const char *to)
{
    int rc = meet("rename");
    return rc ? rc : disk->rename(dir, from, to);
}

static int remove_file(struct ate__dir *dir, const char *name)
{
    int rc = meet("remove");
    return rc ? rc : disk->remove(dir, name);
}

static bool copy_on_write(struct ate__dir *dir)
{
    (void)meet("copy_on_write");
    return disk->copy_on_write(dir);
}

static uint64_t room(struct ate__dir *dir)
{
    (void)meet("room");
    return disk->room(dir);
}

static const struct ate__vfs hooked_vfs = {
    .open_root = open_root,
    .open_dir = open_dir,
    .close_dir = close_dir,
    .sync_dir = sync_dir,
    .list = list,
    .open = open_file,
    .close = close_file,
    .read = read_file,
    .write = write_file,
    .sync = sync_file,
    .truncate = truncate_file,
    .stat = stat_file,
    .lock = lock_file,
    .unlock = unlock_file,
    .rename = rename_file,
    .remove = remove_file,
    .copy_on_write = copy_on_write,
    .room = room,
};

const struct ate__env hooked_env = {
    .wall_us = ate__clock_wall_us,
    .monotonic_ms = ate__clock_monotonic_ms,
    .random = ate__rng_os,
    .vfs = &hooked_vfs,
    .sleep_ms = ate__clock_sleep_ms,
};
