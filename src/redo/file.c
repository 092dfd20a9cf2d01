/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * file.c: the engine `file`: open and close. redo.h tells what it is made of.
 */
#include "base/alloc.h"
#include "redo/destroyed.h"
#include "redo/redo.h"
#include "redo/resetting.h"

/* --- close --- */

/* The tail that was prewritten and not used, `next`, and lists that vouch for all there is. What
 * fails here the next open finds as after a crash. */
static int end_writing(struct ate__redo *r)
{
    int rc = ate__file_sync(&r->storage);
    if (!rc)
        rc = ate__file_idle(&r->storage);
    if (rc)
        return rc;
    rc = ate__give_back(r);
    if (!rc)
        rc = ate__fill_reserve(r);
    rc = rc == ATE_E_NO_SPACE ? 0 : rc;
    const struct ate__meta_entry *listed = &r->pair.meta.segments[r->pair.meta.count - 1];
    if (rc || listed->length == r->floor_length)
        return rc;
    struct ate__meta m;
    rc = ate__meta_of(r, &m);
    return rc ? rc : ate__meta_put(r, &m);
}

static void destroy(struct ate__redo *r)
{
    if (!r)
        return;
    if (r->dir)
        ate__tiles_deinit(&r->tiles);
    r->vfs->close(r->next.file);
    ate__reserve_deinit(r->vfs, &r->reserve);
    ate__list_deinit(r->vfs, &r->list);
    ate__pair_deinit(&r->pair);
    ate__buf_deinit(&r->group);
    r->vfs->close(r->lock); /* the last that a writer does */
    r->vfs->close_dir(r->dir);
    pthread_mutex_destroy(&r->mutex);
    pthread_mutex_destroy(&r->syncing);
    pthread_mutex_destroy(&r->change);
    ate__at_rest_unref(r->at_rest);
    ate__free(r);
}
ATE__FREEP(struct ate__redo, destroy)

static void file_close(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    if (r && r->writable && !r->held && !r->failed) {
        pthread_mutex_lock(&r->change);
        int rc = end_writing(r);
        (void)rc;
        pthread_mutex_unlock(&r->change);
    }
    destroy(r);
}

/* --- tiles --- */

static int tiles_append(struct ate__storage *storage, const struct ate_hash *leaves, size_t count)
{
    return ate__tiles_append(&((struct ate__redo *)storage)->tiles, leaves, count);
}

static uint64_t tiles_size(struct ate__storage *storage)
{
    return ate__tiles_size(&((struct ate__redo *)storage)->tiles);
}

static int tiles_truncate(struct ate__storage *storage, uint64_t size)
{
    return ate__tiles_truncate(&((struct ate__redo *)storage)->tiles, size);
}

static int tiles_node(struct ate__storage *storage, unsigned level, uint64_t index,
                      struct ate_hash *ret_hash)
{
    return ate__tiles_node(&((struct ate__redo *)storage)->tiles, level, index, ret_hash);
}

static void tiles_hold(struct ate__storage *storage,
                       int (*leaves)(void *arg, uint64_t first, struct ate_hash *ret_leaves),
                       void *arg)
{
    ate__tiles_hold(&((struct ate__redo *)storage)->tiles, leaves, arg);
}

static int tiles_release(struct ate__storage *storage)
{
    return ate__tiles_release(&((struct ate__redo *)storage)->tiles);
}

static int tiles_stored(struct ate__storage *storage, uint64_t first, struct ate_hash *ret_leaves)
{
    return ate__tiles_stored(&((struct ate__redo *)storage)->tiles, first, ret_leaves);
}

static struct ate__dir *file_dir(struct ate__storage *storage)
{
    return ((struct ate__redo *)storage)->dir;
}

/* What both vtables have. */
#define CALLS                                                                                      \
    .durable_copies = 1, .close = file_close, .state = ate__file_state,                            \
    .damage = ate__file_damage, .begin = ate__file_begin, .sync = ate__file_sync,                  \
    .recover = ate__file_recover, .idle = ate__file_idle, .prepare = ate__file_prepare,            \
    .refresh = ate__file_refresh, .used = ate__file_used, .rest = ate__file_rest,                  \
    .tiles_append = tiles_append, .tiles_size = tiles_size, .tiles_truncate = tiles_truncate,      \
    .tiles_node = tiles_node, .tiles_hold = tiles_hold, .tiles_release = tiles_release,            \
    .tiles_stored = tiles_stored, .segments = ate__file_segments, .replace = ate__log_replace,     \
    .dir = file_dir

static const struct ate__storage_vtable file_vtable = {
    CALLS,
    .group_bytes_max = ATE__GROUP_BYTES_MAX,
    .append = ate__file_append,
    .scan = ate__file_scan,
    .load = ate__file_load,
    .read_part = ate__file_read_part,
    .rewrite = ate__file_rewrite,
};
static const struct ate__storage_vtable sealed_vtable = {
    CALLS,
    .group_bytes_max = ATE__AT_REST_GROUP_BYTES_MAX,
    .append = ate__sealed_append,
    .scan = ate__sealed_scan,
    .load = ate__sealed_load,
    .read_part = ate__sealed_read_part,
    .rewrite = ate__sealed_rewrite,
};

/* --- open --- */

static int new_redo(const struct ate__env *env, const struct ate__storage_conf *conf,
                    struct ate__redo **ret_redo)
{
    struct ate__redo *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    r->storage.v = &file_vtable;
    r->env = env;
    r->vfs = env->vfs;
    if (conf)
        r->conf = *conf;
    pthread_mutex_init(&r->change, NULL);
    pthread_mutex_init(&r->syncing, NULL);
    pthread_mutex_init(&r->mutex, NULL);
    *ret_redo = r;
    return 0;
}

/* Errors: NOT_FOUND IN_USE E_* */
static int take_lock(struct ate__redo *r, bool create)
{
    unsigned flags = ATE__OPEN_WRITE | (create ? ATE__OPEN_CREATE : 0);
    int rc = r->vfs->open(r->dir, ATE__LOCK_NAME, flags, &r->lock);
    if (rc)
        return rc;
    uint64_t begin_ms = ate__monotonic_ms(r->env);
    for (;;) {
        rc = r->vfs->lock(r->lock, true);
        if (rc != ATE_IN_USE || ate__monotonic_ms(r->env) - begin_ms >= ATE__LOCK_WAIT_MS)
            return rc;
        ate__sleep_ms(r->env, ATE__LOCK_POLL_MS);
    }
}

/* Whether there is a log, whole or not. Errors: E_* */
static int look_for_log(struct ate__redo *r, bool *ret_there)
{
    struct ate__pair pair;
    int rc = ate__pair_read(r->vfs, r->dir, &pair);
    if (!rc)
        ate__pair_deinit(&pair);
    if (rc < 0)
        return rc;
    *ret_there = rc != ATE_NOT_FOUND;
    return 0;
}

/* A log that is there gives way if that was asked for and it has no record. */
static int clear_way(struct ate__redo *r, unsigned flags)
{
    int rc = flags & ATE__STORAGE_ANEW ? ate__boot(r) : ATE_EXISTS;
    if (rc < 0)
        return rc;
    if (rc || r->size || !r->writable)
        return ate__fail(ATE_EXISTS, "there is a log already");
    rc = ate__file_begin(&r->storage);
    return rc ? rc : ate__uncreate_log(r);
}

static int begin_writing(struct ate__redo *r, unsigned flags, const struct ate_hash *chain_id,
                         enum ate__role role)
{
    bool create = flags & ATE__STORAGE_CREATE, there = create;
    int rc = take_lock(r, create);
    if (rc == ATE_NOT_FOUND) {
        /* A copy may come without its lock. */
        rc = look_for_log(r, &there);
        if (!rc)
            rc = there ? take_lock(r, true) : ate__fail(ATE_NOT_FOUND, "there is no log");
    }
    if (rc || !create)
        return rc;
    rc = look_for_log(r, &there);
    if (!rc && !there)
        rc = ate__any_segment(r, &there);
    if (!rc && there)
        rc = clear_way(r, flags);
    return rc ? rc : ate__create_log(r, chain_id, role);
}

/* Between the two renames of a repair there is no log, and none may be made (chain/repair.h); nor
 * where one was destroyed. */
static int open_log_dir(struct ate__redo *r, struct ate__dir *dir, bool create)
{
    const char *name = r->conf.dir_name ? r->conf.dir_name : ATE__CHAIN_NAME;
    struct ate__dir *repaired = NULL;
    int gone = create ? ATE_DENIED : ATE_NOT_FOUND;
    int rc = r->conf.destroyed_too ? 0 : ate__destroyed_check(r->vfs, dir, gone);
    if (rc)
        return rc;
    rc = r->vfs->open_dir(dir, name, false, &r->dir);
    if (rc != ATE_NOT_FOUND)
        return rc;
    rc = r->vfs->open_dir(dir, ATE__REPAIRED_NAME, false, &repaired);
    r->vfs->close_dir(repaired);
    if (!rc)
        return ate__fail(ATE_TAMPERED, "a repair was cut short: repair it again, to its end");
    return rc == ATE_NOT_FOUND ? r->vfs->open_dir(dir, name, create, &r->dir) : rc;
}

int ate__storage_open_file(const struct ate__env *env, struct ate__dir *dir, unsigned flags,
                           const struct ate_hash *chain_id, enum ate__role role,
                           const struct ate__storage_conf *conf, struct ate__storage **ret_storage)
{
    bool read = flags & ATE__STORAGE_READ, create = flags & ATE__STORAGE_CREATE;
    ate__cleanup(destroyp) struct ate__redo *r = NULL;
    if (read && create)
        return ate__fail(ATE_MISUSE, "a new log cannot be opened for reading");
    int rc = conf ? ate__segment_bytes_check(conf->segment_bytes) : 0;
    if (!rc)
        rc = new_redo(env, conf, &r);
    if (!rc)
        rc = read || r->conf.resetting_too ? 0 : ate__resetting_check(r->vfs, dir);
    if (!rc)
        rc = open_log_dir(r, dir, create);
    if (rc)
        return rc;
    ate__tiles_init(&r->tiles, r->vfs, r->dir, false);
    if (!read)
        rc = begin_writing(r, flags, chain_id, role);
    if (!rc)
        rc = ate__boot(r);
    if (!rc)
        r->at_rest = ate__at_rest_ref();
    if (r->at_rest)
        r->storage.v = &sealed_vtable;
    if (!rc && create)
        rc = ate__file_begin(&r->storage);
    if (rc)
        return ate__context(rc, ATE__CHAIN_NAME);
    r->prewrite = r->conf.sync == ATE__SYNC_ALWAYS && !r->conf.no_prewrite &&
                  !(r->vfs->copy_on_write && r->vfs->copy_on_write(r->dir));
    *ret_storage = &ate__steal(&r)->storage;
    return 0;
}
