/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * replace.c: a log takes over what another one holds.
 *
 * What a crash after each step leaves:
 *
 *   1. its segments written as ID.new, synced   leftovers
 *   2. its full tiles below its cut-off synced  as before: of the same history they say the same
 *   3. meta.a, then meta.b: the new list        listed under ID.new, as a backup leaves it
 *   4. names, directory synced                  the new log, whole
 *   5. the old files removed
 *
 *  1. Readers that have pinned an old segment read on in its file, which is gone for all others.
 *  2. The bytes are copied as they are: a position in the other log is one in this.
 *  3. Up to step 3 a failure changes nothing; from there on it makes the handle fail.
 */
#include "base/alloc.h"
#include "redo/redo.h"
#include "redo/window.h"

struct replacing {
    struct ate__redo *r, *with;
    struct ate__list list; /* of r to be: their files are ID.new until they have their names */
    uint64_t same;
};

/* ---- the segments ---- */

static int copy_bytes(const struct replacing *x, const struct ate__pinned *from, uint64_t length,
                      struct ate__file *to)
{
    struct ate__window window;
    int rc = 0;
    ate__window_init(&window, x->with->vfs, from->file);
    for (uint64_t at = 0; !rc && at < length;) {
        struct ate_bytes bytes;
        rc = ate__window_get(&window, at, (size_t)ate__min(length - at, ATE__WINDOW_BYTES), &bytes);
        if (!rc && !bytes.size)
            rc = ate__fail(ATE_E_IO, "%s is shorter than it was", from->segment->name);
        if (!rc)
            rc = x->r->vfs->write(to, at, bytes.data, bytes.size);
        at += rc ? 0 : bytes.size;
    }
    ate__window_deinit(&window);
    return rc ? rc : x->r->vfs->sync(to);
}

static int take_segment(struct replacing *x, const struct ate__pinned *from)
{
    const struct ate__segment *s = from->segment;
    uint64_t length = from->length + (from->sealed ? ATE__FOOTER : 0);
    struct ate__segment *copy = NULL;
    struct ate__file *file = NULL;
    char name[ATE__SEGMENT_NAME];
    ate__segment_new_name(s->head.id, name);
    int rc = ate__segment_create(x->r->vfs, x->r->dir, name, &file);
    if (!rc)
        rc = copy_bytes(x, from, length, file);
    if (!rc)
        rc = ate__segment_new(&s->head, file, &copy);
    if (rc) {
        x->r->vfs->close(file);
        return rc;
    }
    copy->end = from->end;
    copy->length = from->length;
    copy->sealed = from->sealed;
    copy->file_bytes = length;
    copy->end_head = s->end_head;
    if (!from->last) { /* the last one is the appender's */
        x->r->vfs->close(file);
        copy->file = NULL;
    }
    rc = ate__list_add(&x->list, copy);
    if (rc)
        ate__segment_unref(x->r->vfs, copy);
    return rc;
}

/* A segment of both ids would be taken for the other by who has a position in it. */
static int check_id(const struct replacing *x, uint64_t id)
{
    const struct ate__meta *m = &x->r->pair.meta;
    return ate__meta_find(m, id) == m->count
               ? 0
               : ate__fail(ATE_MISUSE, "both logs have a segment %llu", (unsigned long long)id);
}

static int take_segments(struct replacing *x)
{
    int rc = 0;
    bool last = false;
    for (uint64_t from = 0; !rc && !last;) {
        struct ate__pinned p;
        rc = ate__pin(x->with, from, &p);
        if (rc)
            break;
        last = p.last;
        from = p.end;
        rc = check_id(x, p.segment->head.id);
        if (!rc)
            rc = take_segment(x, &p);
        ate__unpin(x->with, &p);
    }
    return rc ? rc : x->r->vfs->sync_dir(x->r->dir);
}

/* ---- the switch ---- */

static int make_list(const struct replacing *x, struct ate__meta *ret_meta)
{
    const struct ate__meta *now = &x->r->pair.meta;
    struct ate__meta m = {
        .chain_id = now->chain_id,
        .role = now->role,
        .revision = now->revision + 1,
        .floor = x->with->size,
        .generation = ate__max(now->generation, x->with->generation) + 1,
        .cut_off = x->with->cut_off,
    };
    int rc = 0;
    for (size_t i = 0; !rc && i < x->list.count; i++) {
        const struct ate__segment *s = x->list.items[i];
        struct ate__meta_entry entry = {
            .id = s->head.id,
            .first = s->head.first_sequence,
            .end = s->end,
            .length = s->file_bytes,
            .sealed = s->sealed,
            .compacted = s->head.compacted,
            .head = s->end_head,
        };
        rc = ate__meta_add(&m, &entry);
    }
    if (rc)
        ate__meta_deinit(&m);
    else
        *ret_meta = m;
    return rc;
}

static int name_segments(const struct replacing *x)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < x->list.count; i++) {
        char name[ATE__SEGMENT_NAME];
        uint64_t id = x->list.items[i]->head.id;
        ate__segment_new_name(id, name);
        rc = ate__segment_rename(x->r->vfs, x->r->dir, name, id);
    }
    return rc ? rc : x->r->vfs->sync_dir(x->r->dir);
}

/* x->list has the old segments then. */
static void install(struct replacing *x)
{
    struct ate__redo *r = x->r, *with = x->with;
    struct ate__list old;
    pthread_mutex_lock(&r->mutex);
    old = r->list;
    r->list = x->list;
    x->list = old;
    const struct ate__segment *last = r->list.items[r->list.count - 1];
    r->unsealed = 0;
    r->full_bytes = 0;
    for (size_t i = 0; i + 1 < r->list.count; i++) {
        r->unsealed += !r->list.items[i]->sealed;
        r->full_bytes += r->list.items[i]->file_bytes;
    }
    r->size = r->floor = r->witnessed = with->size;
    r->floor_length = last->length;
    r->root_time_us = with->root_time_us;
    r->generation = r->pair.meta.generation;
    r->cut_off = r->pair.meta.cut_off;
    r->synced_ms = ate__monotonic_ms(r->env);
    r->epoch++;
    r->resting = false;
    pthread_mutex_unlock(&r->mutex);
}

static void remove_old(const struct replacing *x)
{
    for (size_t i = 0; i < x->list.count; i++) {
        int rc = x->r->vfs->remove(x->r->dir, x->list.items[i]->name);
        (void)rc; /* a leftover, removed by the next open for writing */
    }
}

static int put_in_force(struct replacing *x)
{
    struct ate__redo *r = x->r;
    struct ate__meta m;
    int rc = make_list(x, &m);
    if (rc)
        return rc;
    rc = ate__meta_put(r, &m);
    if (!rc)
        rc = name_segments(x);
    if (!rc)
        install(x);
    if (!rc)
        rc = ate__tiles_take(&r->tiles, &x->with->tiles, x->same);
    if (rc) {
        ate__tiles_leave(&r->tiles);
        return ate__broke(r, rc);
    }
    remove_old(x);
    return 0;
}

static void remove_new(const struct replacing *x)
{
    for (size_t i = 0; i < x->list.count; i++) {
        char name[ATE__SEGMENT_NAME];
        ate__segment_new_name(x->list.items[i]->head.id, name);
        int rc = x->r->vfs->remove(x->r->dir, name);
        (void)rc; /* a leftover */
    }
}

/* Under `change` of r. */
static int replace(struct replacing *x)
{
    struct ate__redo *r = x->r;
    int rc = take_segments(x);
    if (!rc && x->with->cut_off)
        rc = ate__tiles_keep_of(&r->tiles, &x->with->tiles, x->with->cut_off);
    if (rc) {
        remove_new(x);
        return rc;
    }
    ate__next_drop(r->vfs, r->dir, &r->next);
    pthread_mutex_lock(&r->mutex);
    r->next_ready = false;
    pthread_mutex_unlock(&r->mutex);
    return put_in_force(x);
}

int ate__log_replace(struct ate__storage *storage, struct ate__storage *with, uint64_t same)
{
    struct replacing x = {
        .r = (struct ate__redo *)storage, .with = (struct ate__redo *)with, .same = same};
    if (with->v != storage->v || !ate__hash_equal(&x.r->chain_id, &x.with->chain_id))
        return ate__fail(ATE_MISUSE, "a log takes over one of its own engine and chain");
    int rc = ate__check_usable(x.r);
    if (rc)
        return rc;
    pthread_mutex_lock(&x.r->change);
    rc = replace(&x);
    pthread_mutex_unlock(&x.r->change);
    pthread_mutex_lock(&x.r->mutex);
    ate__list_deinit(x.r->vfs, &x.list);
    pthread_mutex_unlock(&x.r->mutex);
    return rc;
}
