/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import.c: what compaction left of another log becomes a log.
 *
 * In a directory: the tiles, and the ranges in sealed segments; when the first whole group comes,
 * all that is synced, the last segment made, the lists written, and the log opened. The lists give
 * a cut-off only at the end, for it may not lie above the floor.
 */
#include "redo/import.h"
#include "base/alloc.h"
#include "redo/mem.h"
#include "redo/redo.h"

struct ate__import {
    struct ate__import_conf conf;
    uint64_t gaps_below;          /* leaves that have to come */
    uint64_t leaves, size;        /* that came */
    struct ate__storage *storage; /* NULL: in a directory, before the first whole group */
    /* The directory, until then: */
    struct ate__dir *dir;
    struct ate__file *tiles;
    struct ate__segment *segment; /* NULL: the next range begins one */
    struct ate__buf out, group;   /* the end of its file, not written yet; records of a group */
    uint64_t range_first;         /* of the group to be written */
    uint64_t root_time_us, next_id;
    struct ate__meta meta; /* segments that are sealed */
};

static const struct ate__vfs *vfs_of(const struct ate__import *i)
{
    return i->conf.env->vfs;
}

uint64_t ate__import_size(const struct ate__import *i)
{
    return i->size;
}

/* ---- segments ---- */

static int flush(struct ate__import *i)
{
    const struct ate__segment *s = i->segment;
    int rc = vfs_of(i)->write(s->file, s->length - i->out.size, i->out.data, i->out.size);
    ate__buf_clear(&i->out);
    return rc;
}

static int begin_segment(struct ate__import *i)
{
    struct ate__segment_head head = {
        .chain_id = i->conf.chain_id,
        .id = i->next_id,
        .salt = ate__random_u64(i->conf.env),
        .first_sequence = i->range_first,
        .capacity = ATE__SEGMENT_BYTES_MAX,
        .compacted = true,
    };
    struct ate__wr w = ate__wr_of(&i->out);
    struct ate__file *file;
    char name[ATE__SEGMENT_NAME];
    ate__segment_name(head.id, name);
    ate__segment_head_write(&w, &head);
    int rc = ate__wr_end(&w);
    if (!rc)
        rc = ate__segment_create(vfs_of(i), i->dir, name, &file);
    if (rc)
        return rc;
    rc = ate__segment_new(&head, file, &i->segment);
    if (rc)
        vfs_of(i)->close(file);
    i->next_id++;
    return rc;
}

static int write_group(struct ate__import *i, uint32_t count, uint64_t end)
{
    struct ate__segment *s = i->segment;
    struct ate__wr w = ate__wr_of(&i->out);
    struct ate__group_head head = {
        .bytes = (uint32_t)(ATE__GROUP_HEAD + i->group.size),
        .count = count,
        .first_sequence = i->range_first,
        .root_time_us = i->root_time_us,
        .end_sequence = end,
        .compacted = true,
    };
    ate__group_head_write(&w, s->seed, &head);
    ate__wr_bytes(&w, ate__buf_bytes(&i->group));
    int rc = ate__wr_end(&w);
    if (rc)
        return rc;
    ate__buf_clear(&i->group);
    s->length += head.bytes;
    i->range_first = end;
    return i->out.size < ATE__WINDOW_BYTES ? 0 : flush(i);
}

/* A range of which nothing is left ends it in a group without records. */
static int seal_segment(struct ate__import *i)
{
    struct ate__segment *s = i->segment;
    int rc = i->range_first < i->size ? write_group(i, 0, i->size) : 0;
    if (!rc && i->out.size)
        rc = flush(i);
    if (rc)
        return rc;
    s->end = i->size;
    if (s->end == i->conf.kept_end)
        s->end_head = i->conf.kept_root;
    rc = ate__segment_seal(vfs_of(i), s->file, s);
    if (!rc)
        rc = ate__meta_add(&i->meta, &(struct ate__meta_entry){
                                         .id = s->head.id,
                                         .first = s->head.first_sequence,
                                         .end = s->end,
                                         .length = s->length + ATE__FOOTER,
                                         .sealed = true,
                                         .compacted = true,
                                         .head = s->end_head,
                                     });
    ate__segment_unref(vfs_of(i), s);
    i->segment = NULL;
    return rc;
}

static int frame_range(struct ate__import *i, const struct ate__import_range *range)
{
    uint64_t bytes = ATE__GROUP_HEAD;
    for (size_t n = 0; n < range->count; n++)
        bytes += ate__record_bytes(range->records[n].body.size);
    if (i->segment &&
        i->segment->length + bytes + ATE__GROUP_HEAD + ATE__FOOTER > ATE__SEGMENT_BYTES_MAX) {
        int rc = seal_segment(i);
        if (rc)
            return rc;
    }
    int rc = i->segment ? 0 : begin_segment(i);
    if (rc)
        return rc;
    struct ate__wr w = ate__wr_of(&i->group);
    for (size_t n = 0; n < range->count; n++)
        ate__record_write(&w, i->segment->seed,
                          range->records[n].identity ? ATE__KIND_IDENTITY : ATE__KIND_TRANSACTION,
                          range->records[n].sequence, range->records[n].body);
    rc = ate__wr_end(&w);
    i->root_time_us = range->root_time_us;
    return rc || !range->count ? rc : write_group(i, (uint32_t)range->count, range->end);
}

/* ---- the log ---- */

static int add_last(struct ate__import *i, struct ate__next *n, struct ate__segment **ret_segment)
{
    struct ate__segment *s = NULL;
    int rc = ate__next_finish(vfs_of(i), n, &i->conf.chain_id, i->next_id, i->conf.kept_end, &s);
    if (!rc)
        rc = vfs_of(i)->sync(s->file);
    if (!rc)
        rc = ate__meta_add(&i->meta, &(struct ate__meta_entry){.id = s->head.id,
                                                               .first = i->conf.kept_end,
                                                               .end = i->conf.kept_end,
                                                               .length = s->length});
    *ret_segment = s;
    return rc;
}

/* Names first, for the lists name nothing that is not there. */
static int write_lists(struct ate__import *i)
{
    struct ate__next n;
    struct ate__segment *s = NULL;
    int rc = ate__next_create(i->conf.env, i->dir, ATE__SEGMENT_BYTES_MIN, false, &n);
    if (rc)
        return rc;
    rc = add_last(i, &n, &s);
    if (!rc)
        rc = ate__next_rename(vfs_of(i), i->dir, s->head.id);
    if (!rc)
        rc = ate__pair_create(vfs_of(i), i->dir, &i->meta);
    ate__next_drop(vfs_of(i), i->dir, &n);
    ate__segment_unref(vfs_of(i), s);
    return rc;
}

static int open_log(struct ate__import *i)
{
    struct ate__storage_conf conf = {.sync = ATE__SYNC_NEVER, .dir_name = i->conf.dir_name};
    int rc = i->segment ? seal_segment(i) : 0;
    if (!rc && i->leaves)
        rc = vfs_of(i)->sync(i->tiles);
    if (!rc)
        rc = write_lists(i);
    if (!rc)
        rc = ate__storage_open_file(i->conf.env, i->conf.dir, 0, NULL, i->conf.role, &conf,
                                    &i->storage);
    return rc ? rc : i->storage->v->begin(i->storage);
}

/* All below kept_end has come. */
static int need_log(struct ate__import *i)
{
    if (i->size < i->conf.kept_end || i->leaves < i->gaps_below)
        return ate__fail(ATE_MALFORMED, "what compaction left ends at %llu, where %llu was said",
                         (unsigned long long)i->size, (unsigned long long)i->conf.kept_end);
    return i->storage ? 0 : open_log(i);
}

/* The cut-off, in the lists. */
static int put_cut_off(struct ate__import *i)
{
    struct ate__redo *r = (struct ate__redo *)i->storage;
    struct ate__meta m;
    pthread_mutex_lock(&r->change);
    int rc = ate__meta_of(r, &m);
    if (!rc) {
        m.cut_off = i->conf.cut_off;
        rc = ate__meta_put(r, &m);
    }
    pthread_mutex_lock(&r->mutex);
    r->cut_off = r->pair.meta.cut_off;
    pthread_mutex_unlock(&r->mutex);
    pthread_mutex_unlock(&r->change);
    return rc;
}

/* ---- public ---- */

static int make_dir(struct ate__import *i)
{
    struct ate__dir *there = NULL;
    int rc = vfs_of(i)->open_dir(i->conf.dir, i->conf.dir_name, false, &there);
    vfs_of(i)->close_dir(there);
    if (rc != ATE_NOT_FOUND)
        return rc ? rc : ate__fail(ATE_EXISTS, "%s is there already", i->conf.dir_name);
    rc = vfs_of(i)->open_dir(i->conf.dir, i->conf.dir_name, true, &i->dir);
    if (!rc)
        rc = ate__segment_create(vfs_of(i), i->dir, "tiles", &i->tiles);
    return rc;
}

int ate__import_new(const struct ate__import_conf *conf, struct ate__import **ret_import)
{
    if (!conf->kept_end || !conf->cut_off)
        return ate__fail(ATE_MALFORMED, "a log that is cut off at %llu and compacted to %llu",
                         (unsigned long long)conf->cut_off, (unsigned long long)conf->kept_end);
    struct ate__import *i = ate__alloc(sizeof *i);
    if (!i)
        return ate__no_memory();
    i->conf = *conf;
    i->gaps_below = conf->cut_off - conf->cut_off % ATE__TILE_LEAVES;
    i->next_id = conf->first_id;
    i->meta = (struct ate__meta){.chain_id = conf->chain_id,
                                 .role = conf->role,
                                 .revision = 1,
                                 .floor = conf->kept_end,
                                 .generation = 1};
    int rc = conf->dir ? make_dir(i)
                       : ate__storage_open_mem(conf->env, &conf->chain_id, conf->role, &i->storage);
    if (rc) {
        ate__import_free(i);
        return rc;
    }
    *ret_import = i;
    return 0;
}

int ate__import_leaves(struct ate__import *i, const struct ate_hash *leaves)
{
    if (i->leaves == i->gaps_below)
        return ate__fail(ATE_MALFORMED, "more leaves than lie below the cut-off");
    uint64_t place = ate__tile_place(0, i->leaves / ATE__TILE_LEAVES);
    int rc = i->conf.dir ? vfs_of(i)->write(i->tiles, place * ATE__TILE_BYTES, leaves,
                                            ATE__TILE_LEAVES * sizeof *leaves)
                         : ate__mem_take_leaves(i->storage, leaves);
    if (!rc)
        i->leaves += ATE__TILE_LEAVES;
    return rc;
}

static int check_range(const struct ate__import *i, const struct ate__import_range *range)
{
    uint64_t next = range->first, bytes = ATE__GROUP_HEAD;
    bool fits = i->leaves == i->gaps_below && range->first == i->size &&
                range->end > range->first && range->end <= i->conf.kept_end &&
                range->count <= range->end - range->first;
    for (size_t n = 0; fits && n < range->count; n++) {
        const struct ate__import_record *r = &range->records[n];
        fits = r->sequence >= next && r->sequence < range->end && r->body.size;
        next = r->sequence + 1;
        bytes += ate__record_bytes(ate__min(r->body.size, (size_t)ATE__GROUP_BYTES_MAX));
        if (bytes > ATE__GROUP_BYTES_MAX)
            return ate__fail(ATE_TOO_BIG, "a group of more than %d bytes", ATE__GROUP_BYTES_MAX);
    }
    return fits ? 0
                : ate__fail(ATE_MALFORMED, "what compaction left, from %llu: not in its order",
                            (unsigned long long)range->first);
}

int ate__import_range(struct ate__import *i, const struct ate__import_range *range)
{
    int rc = check_range(i, range);
    if (!rc)
        rc = i->conf.dir ? frame_range(i, range) : ate__mem_take_range(i->storage, range);
    if (!rc)
        i->size = range->end;
    return rc;
}

/* A log that nobody has yet is given up where it fails: for want of room is all that matters. */
static int why(const struct ate__import *i, int rc)
{
    struct ate__storage_state state = {.filled = false};
    if (rc == ATE_E_IO && i->storage)
        i->storage->v->state(i->storage, &state);
    return state.filled ? ate__context(ATE_E_NO_SPACE, "aside") : rc;
}

int ate__import_group(struct ate__import *i, const struct ate__group_in *group)
{
    int rc = need_log(i);
    if (!rc && group->first_sequence != i->size)
        rc = ate__fail(ATE_MALFORMED, "a group at %llu where %llu is next",
                       (unsigned long long)group->first_sequence, (unsigned long long)i->size);
    if (!rc)
        rc = why(i, i->storage->v->append(i->storage, group));
    if (!rc)
        i->size += group->count;
    return rc;
}

int ate__import_end(struct ate__import *i, struct ate__storage **ret_storage)
{
    int rc = need_log(i);
    if (!rc && i->size < i->conf.cut_off)
        rc = ate__fail(ATE_MALFORMED, "it ends at %llu, below its cut-off at %llu",
                       (unsigned long long)i->size, (unsigned long long)i->conf.cut_off);
    if (!rc)
        rc = why(i, i->storage->v->sync(i->storage));
    if (!rc && i->conf.dir)
        rc = put_cut_off(i);
    else if (!rc)
        ate__mem_cut_off(i->storage, i->conf.cut_off);
    if (!rc)
        *ret_storage = ate__steal(&i->storage);
    return rc;
}

void ate__import_free(struct ate__import *i)
{
    if (!i)
        return;
    if (i->storage)
        i->storage->v->close(i->storage);
    ate__segment_unref(vfs_of(i), i->segment);
    vfs_of(i)->close(i->tiles);
    vfs_of(i)->close_dir(i->dir);
    ate__meta_deinit(&i->meta);
    ate__buf_deinit(&i->out);
    ate__buf_deinit(&i->group);
    ate__free(i);
}

/* ---- what is left of one ---- */

struct removal {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
};

static int remove_name(void *arg, const char *name)
{
    const struct removal *r = arg;
    int rc = r->vfs->remove(r->dir, name);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__import_remove(const struct ate__vfs *vfs, struct ate__dir *dir, const char *dir_name)
{
    struct removal r = {vfs, NULL};
    int rc = vfs->open_dir(dir, dir_name, false, &r.dir);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    rc = remove_name(&r, "meta.b");
    if (!rc)
        rc = remove_name(&r, "meta.a");
    if (!rc)
        rc = vfs->list(r.dir, remove_name, &r);
    vfs->close_dir(r.dir);
    return rc ? rc : remove_name(&(struct removal){vfs, dir}, dir_name);
}
