/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.c: a log copied into another directory: the plan, and the switch from what the target
 * lists to what it is to list.
 */
#include "redo/backup.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "redo/backup_file.h"
#include "redo/destroyed.h"

enum { PLAN_TRIES = 16 };

/* ---- the target ---- */

static int each_segment(void *arg, const char *name)
{
    uint64_t id;
    *(bool *)arg |= ate__segment_id_of(name, &id);
    return 0;
}

static int stat_list(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate__stat *ret)
{
    struct ate__file *file = NULL;
    int rc = vfs->open(dir, "meta.a", ATE__OPEN_READ, &file);
    if (!rc)
        rc = vfs->stat(file, ret);
    vfs->close(file);
    return rc;
}

static int check_other(const struct ate__backup_world *x)
{
    struct ate__stat a, b;
    int rc = stat_list(x->vfs, x->source->dir, &a);
    if (!rc)
        rc = stat_list(x->vfs, x->dir, &b);
    if (rc == ATE_NOT_FOUND)
        return 0;
    if (!rc && a.device == b.device && a.inode == b.inode)
        rc = ate__fail(ATE_MISUSE, "it is the directory that is to be copied");
    return rc;
}

static int take_lock(struct ate__backup_world *x)
{
    int rc = x->vfs->open(x->dir, ATE__LOCK_NAME, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &x->lock);
    return rc ? rc : x->vfs->lock(x->lock, true);
}

static int read_lists(struct ate__backup_world *x)
{
    const struct ate__meta *m = &x->pair.meta;
    bool any = false;
    int rc = ate__pair_read(x->vfs, x->dir, &x->pair);
    x->is_fresh = rc == ATE_NOT_FOUND;
    if (x->is_fresh) {
        rc = x->vfs->list(x->dir, each_segment, &any);
        if (!rc && any)
            rc = ate__fail(ATE_TAMPERED, "segments are there, and no whole list of them");
    }
    if (rc || x->is_fresh)
        return rc;
    x->done.size_before = m->floor;
    if (!ate__hash_equal(&m->chain_id, &x->source->chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "another chain lies there");
    if (!x->b->existing)
        return ate__fail(ATE_EXISTS, "this chain lies there already, with %llu transactions",
                         (unsigned long long)m->floor);
    x->is_sound = ate__alloc_array(m->count, sizeof *x->is_sound);
    return x->is_sound ? 0 : ate__no_memory();
}

/* What a copy that was cut short has listed, and not given its name. */
static int name_listed(struct ate__backup_world *x)
{
    int rc = 0;
    for (size_t i = 0; i < x->pair.meta.count && !rc; i++) {
        char from[ATE__SEGMENT_NAME], to[ATE__SEGMENT_NAME];
        struct ate__file *file = NULL;
        ate__segment_name(x->pair.meta.segments[i].id, to);
        ate__segment_new_name(x->pair.meta.segments[i].id, from);
        rc = x->vfs->open(x->dir, to, ATE__OPEN_READ, &file);
        x->vfs->close(file);
        if (rc == ATE_NOT_FOUND) {
            rc = x->vfs->rename(x->dir, from, to);
            rc = rc == ATE_NOT_FOUND ? 0 : rc;
        }
    }
    return rc ? rc : x->vfs->sync_dir(x->dir);
}

/* All that it has is part of what it is to become, before anything is changed. */
static int check_target(struct ate__backup_world *x)
{
    const struct ate__meta *m = &x->pair.meta;
    int rc = name_listed(x);
    for (size_t i = 0; i < m->count && !rc && m->segments[i].first < x->b->to; i++)
        rc = ate__backup_check(x, &m->segments[i], &x->is_sound[i]);
    if (!rc && m->floor > x->b->to)
        rc = ate__fail(ATE_ROLLED_BACK,
                       "it has %llu transactions, and would have %llu: it stays as it is",
                       (unsigned long long)m->floor, (unsigned long long)x->b->to);
    return rc;
}

static int open_target(struct ate__backup_world *x, struct ate__dir *dir)
{
    const char *name = x->b->dir_name ? x->b->dir_name : ATE__CHAIN_NAME;
    int rc = ate__destroyed_check(x->vfs, dir, ATE_DENIED);
    if (!rc)
        rc = x->vfs->open_dir(dir, name, true, &x->dir);
    if (!rc)
        rc = check_other(x);
    if (!rc)
        rc = take_lock(x);
    if (!rc)
        rc = read_lists(x);
    return rc || x->is_fresh ? rc : check_target(x);
}

/* NULL: it has no segment of that id. */
static const struct ate__meta_entry *listed_in_target(const struct ate__backup_world *x,
                                                      uint64_t id)
{
    size_t i = ate__meta_find(&x->pair.meta, id);
    return i < x->pair.meta.count ? &x->pair.meta.segments[i] : NULL;
}

/* ---- the plan ---- */

static struct ate__backup_row row_of(const struct ate__segment *s)
{
    return (struct ate__backup_row){
        .entry =
            {
                .id = s->head.id,
                .first = s->head.first_sequence,
                .end = s->end,
                .compacted = s->head.compacted,
                .head = s->end_head,
            },
        .head = s->head,
        .groups_end = s->length,
        .is_sealed = s->sealed,
    };
}

/* Which segment is to be the last: it holds `to`, or would. Under the source's mutex. */
static int last_row(const struct ate__backup_world *x, size_t *ret_last)
{
    const struct ate__list *list = &x->source->list;
    size_t k = ate__list_find(list, x->b->to);
    if (k && list->items[k]->head.compacted && list->items[k]->head.first_sequence == x->b->to &&
        !list->items[k - 1]->head.compacted)
        k--;
    if (x->b->to < x->source->cut_off)
        return ate__fail(ATE_COMPACTED, "what lies below %llu was compacted: not up to %llu",
                         (unsigned long long)x->source->cut_off, (unsigned long long)x->b->to);
    *ret_last = k;
    return 0;
}

/* A large copy is switched step by step; not one whose holes need a certificate that follows. */
static size_t step_end(struct ate__backup_world *x, size_t last)
{
    const struct ate__list *list = &x->source->list;
    uint64_t step = x->b->step_bytes ? x->b->step_bytes : ATE__BACKUP_STEP_BYTES, bytes = 0;
    size_t end = last;
    for (size_t i = 0; i <= last; i++) {
        const struct ate__segment *s = list->items[i];
        if (end == last && bytes >= step && !s->head.compacted &&
            s->head.first_sequence >= x->pair.meta.floor &&
            x->source->cut_off == x->pair.meta.cut_off)
            end = i;
        if (!listed_in_target(x, s->head.id))
            bytes += s->length;
    }
    if (!x->total_bytes)
        x->total_bytes = bytes;
    return end;
}

/* No segment has it, here or there. Under the source's mutex. */
static uint64_t free_id(const struct ate__backup_world *x)
{
    uint64_t id = 0;
    for (size_t i = 0; i < x->source->list.count; i++)
        id = ate__max(id, x->source->list.items[i]->head.id);
    for (size_t i = 0; i < x->pair.meta.count; i++)
        id = ate__max(id, x->pair.meta.segments[i].id);
    return id + 1;
}

static int make_rows(struct ate__backup_world *x)
{
    struct ate__redo *r = x->source;
    size_t last = 0, end = 0;
    uint64_t id = 0;
    pthread_mutex_lock(&r->mutex);
    int rc = last_row(x, &last);
    x->cut_off = r->cut_off;
    x->generation = r->generation;
    if (!rc) {
        end = step_end(x, last);
        id = free_id(x);
        ate__free(x->rows);
        x->rows = ate__alloc_array(end + 1, sizeof *x->rows);
        rc = x->rows ? 0 : ate__no_memory();
    }
    for (size_t i = 0; !rc && i <= end; i++)
        x->rows[i] = row_of(r->list.items[i]);
    pthread_mutex_unlock(&r->mutex);
    x->row_count = rc ? 0 : end + 1;
    if (rc)
        return rc;
    struct ate__backup_row *at = &x->rows[end];
    x->to = end == last ? x->b->to : at->entry.first;
    at->is_last = true;
    at->entry.end = x->to;
    at->entry.head = (struct ate_hash){{0}};
    if (!at->head.compacted)
        return 0;
    at->is_framed = true;
    at->is_sealed = at->entry.compacted = false;
    at->entry.id = id;
    return 0;
}

/* ---- the files ---- */

static int rename_new(struct ate__backup_world *x, const struct ate__backup_row *row)
{
    char from[ATE__SEGMENT_NAME];
    ate__segment_new_name(row->entry.id, from);
    return ate__segment_rename(x->vfs, x->dir, from, row->entry.id);
}

static void keep(struct ate__backup_world *x, const struct ate__meta_entry *e,
                 struct ate__backup_row *row)
{
    x->done.segments_kept++;
    if (row->is_last || e->sealed) {
        row->entry = *e;
        return;
    }
    row->entry.length = row->groups_end;
    row->is_short = row->is_sealed;
}

/* One that the target has under this id gets its name at once: as far as the list goes, it holds
 * the same. */
static int take_row(struct ate__backup_world *x, struct ate__backup_row *row)
{
    const struct ate__meta_entry *e = listed_in_target(x, row->entry.id);
    bool sound = e && x->is_sound[e - x->pair.meta.segments], fits = false;
    int rc = sound ? ate__backup_fits(x, e, row, &fits) : 0;
    if (rc)
        return rc;
    if (fits) {
        keep(x, e, row);
        return 0;
    }
    row->is_short = e && !e->sealed && row->is_sealed && !row->is_last;
    rc = ate__backup_copy(x, row);
    if (rc)
        return rc;
    row->is_new = !e || e->sealed != row->entry.sealed || row->entry.length < e->length;
    return row->is_new ? 0 : rename_new(x, row);
}

static int take_rows(struct ate__backup_world *x)
{
    int rc = 0;
    for (size_t i = 0; i < x->row_count && !rc; i++)
        rc = take_row(x, &x->rows[i]);
    return rc ? rc : x->vfs->sync_dir(x->dir);
}

/* ---- leaves ---- */

static uint64_t cut_off_of(const struct ate__backup_world *x)
{
    return ate__max(x->pair.meta.cut_off, ate__min(x->cut_off, x->to));
}

/* Those that the target has already are there still. */
static int first_lacking(struct ate__backup_world *x, struct ate__tiles *t, uint64_t *ret_first)
{
    struct ate_hash want[ATE__TILE_LEAVES], have[ATE__TILE_LEAVES];
    uint64_t at = 0;
    for (; at + ATE__TILE_LEAVES <= x->pair.meta.cut_off; at += ATE__TILE_LEAVES) {
        int rc = ate__tiles_stored(t, at, have);
        if (rc == ATE_NOT_FOUND)
            break;
        if (!rc)
            rc = x->b->leaves(x->b->arg, at, want);
        if (rc)
            return rc;
        if (memcmp(want, have, sizeof want))
            break;
    }
    *ret_first = at;
    return 0;
}

static int keep_leaves(struct ate__backup_world *x)
{
    struct ate__tiles t;
    uint64_t first = 0, full;
    if (!cut_off_of(x))
        return 0;
    ate__tiles_init(&t, x->vfs, x->dir, true);
    ate__tiles_hold(&t, x->b->leaves, x->b->arg);
    int rc = ate__tiles_release(&t);
    if (!rc)
        rc = first_lacking(x, &t, &first);
    t.size = x->to; /* for keep(); what lies above the leaves is made anew by whoever opens */
    if (!rc)
        rc = ate__tiles_keep(&t, first, cut_off_of(x), &full);
    t.size = 0;
    ate__tiles_deinit(&t);
    return rc;
}

/* ---- the switch ---- */

static int make_list(struct ate__backup_world *x, struct ate__meta *ret_meta)
{
    const struct ate__meta *now = &x->pair.meta;
    struct ate__meta m = {
        .chain_id = x->source->chain_id,
        .role = x->source->role,
        .revision = now->revision + 1,
        .floor = x->to,
        .generation = ate__max(now->generation, x->generation),
        .cut_off = cut_off_of(x),
    };
    int rc = 0;
    for (size_t i = 0; i < x->row_count && !rc; i++)
        rc = ate__meta_add(&m, &x->rows[i].entry);
    if (rc)
        ate__meta_deinit(&m);
    else
        *ret_meta = m;
    return rc;
}

static bool same_entry(const struct ate__meta_entry *a, const struct ate__meta_entry *b)
{
    return a->id == b->id && a->first == b->first && a->end == b->end && a->length == b->length &&
           a->sealed == b->sealed && a->compacted == b->compacted &&
           ate__hash_equal(&a->head, &b->head);
}

static bool same_list(const struct ate__meta *a, const struct ate__meta *b)
{
    bool same = a->count == b->count && a->role == b->role && a->floor == b->floor &&
                a->generation == b->generation && a->cut_off == b->cut_off;
    for (size_t i = 0; same && i < a->count; i++)
        same = same_entry(&a->segments[i], &b->segments[i]);
    return same;
}

static int put_list(struct ate__backup_world *x)
{
    struct ate__meta m;
    int rc = make_list(x, &m);
    if (rc)
        return rc;
    if (!x->is_fresh && x->pair.equal && same_list(&m, &x->pair.meta)) {
        ate__meta_deinit(&m);
        return 0;
    }
    if (!x->is_fresh)
        return ate__pair_change(&x->pair, &m);
    rc = ate__pair_create(x->vfs, x->dir, &m);
    ate__meta_deinit(&m);
    if (!rc)
        rc = ate__pair_read(x->vfs, x->dir, &x->pair);
    x->pair.settled = !rc;
    x->is_fresh = rc != 0;
    return rc;
}

static int name_rows(struct ate__backup_world *x)
{
    int rc = 0;
    for (size_t i = 0; i < x->row_count && !rc; i++)
        if (x->rows[i].is_new)
            rc = rename_new(x, &x->rows[i]);
    return rc ? rc : x->vfs->sync_dir(x->dir);
}

static int seal_rows(struct ate__backup_world *x)
{
    bool any = false;
    int rc = 0;
    for (size_t i = 0; i < x->row_count && !rc; i++)
        if (x->rows[i].is_short) {
            any = true;
            rc = ate__backup_seal(x, &x->rows[i]);
        }
    return rc || !any ? rc : put_list(x);
}

/* A footer and what is left over are no part of what was asked for: compaction beside may take the
 * source of a footer away, and the next copy sees to them. */
static int finish_switch(struct ate__backup_world *x)
{
    int rc = name_rows(x);
    if (!rc)
        rc = seal_rows(x);
    if (rc == ATE_STALE)
        rc = 0;
    return rc ? rc : ate__segment_remove_leftovers(x->vfs, x->dir, &x->pair.meta);
}

static int note_sound(struct ate__backup_world *x)
{
    bool *is_sound = ate__alloc_array(x->pair.meta.count, sizeof *is_sound);
    if (!is_sound)
        return ate__no_memory();
    for (size_t i = 0; i < x->pair.meta.count; i++)
        is_sound[i] = true;
    ate__free(x->is_sound);
    x->is_sound = is_sound;
    return 0;
}

/* The last segment of the target is sealed in it, where the source, a copy itself, goes on in it:
 * there is nothing behind it. */
static bool is_behind(const struct ate__backup_world *x)
{
    const struct ate__meta_entry *e = listed_in_target(x, x->rows[x->row_count - 1].entry.id);
    return e && e->sealed && x->pair.meta.floor == x->b->to;
}

static int one_switch(struct ate__backup_world *x)
{
    int rc = make_rows(x);
    if (!rc && x->b->planned)
        rc = x->b->planned(x->b->arg, x->cut_off, x->rows[x->row_count - 1].is_framed);
    if (!rc && is_behind(x)) {
        x->to = x->b->to;
        return 0;
    }
    if (!rc)
        rc = take_rows(x);
    if (!rc)
        rc = keep_leaves(x);
    if (!rc)
        rc = put_list(x);
    if (!rc)
        rc = finish_switch(x);
    return rc ? rc : note_sound(x);
}

static int run(struct ate__backup_world *x, struct ate__dir *dir)
{
    int rc = open_target(x, dir);
    for (int tries = 0; !rc && (x->to != x->b->to || !x->row_count);) {
        uint64_t kept = x->done.segments_kept;
        rc = one_switch(x);
        if (rc == ATE_STALE && ++tries < PLAN_TRIES) {
            x->to = 0;
            x->row_count = 0;
            rc = 0;
        }
        if (x->to != x->b->to)
            x->done.segments_kept = kept; /* they are counted once, by the last step */
    }
    return rc;
}

int ate__backup_run(const struct ate__env *env, const struct ate__backup *backup,
                    struct ate__dir *dir, struct ate__backed_up *ret_done)
{
    struct ate__backup_world x = {
        .env = env,
        .vfs = env->vfs,
        .b = backup,
        .source = (struct ate__redo *)backup->source,
        .is_fresh = true,
    };
    if (!backup->to)
        return ate__fail(ATE_MISUSE, "a copy without a transaction");
    int rc = run(&x, dir);
    ate__pair_deinit(&x.pair);
    ate__free(x.is_sound);
    ate__free(x.rows);
    ate__buf_deinit(&x.buf);
    x.vfs->close(x.lock);
    x.vfs->close_dir(x.dir);
    if (!rc)
        *ret_done = x.done;
    return rc;
}
