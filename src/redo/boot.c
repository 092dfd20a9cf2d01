/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * boot.c: from the disk into the handle: open, begin(), recover(), refresh().
 */
#include "redo/recover.h"
#include "base/assert.h"
#include <stdio.h>

/* --- the survey becomes what the handle shows --- */

/* Under the mutex. */
static void show_segments(struct ate__redo *r, const struct ate__survey *v)
{
    r->unsealed = 0;
    r->full_bytes = 0;
    for (size_t i = 0; i < r->list.count; i++) {
        const struct ate__meta_entry *e = &v->pair.meta.segments[i];
        struct ate__segment *s = r->list.items[i];
        bool last = i + 1 == r->list.count;
        s->sealed = e->sealed && !last;
        s->end = last ? v->size : e->end;
        s->length = last ? v->length : e->length - (e->sealed ? ATE__FOOTER : 0);
        s->end_head = e->head;
        r->unsealed += !last && !s->sealed;
        r->full_bytes += last ? 0 : s->file_bytes;
    }
}

/* Takes over the survey's list and pair. */
static void show(struct ate__redo *r, struct ate__survey *v, bool writable)
{
    struct ate__list old = r->list;
    const struct ate__meta *m = &v->pair.meta;
    pthread_mutex_lock(&r->mutex);
    r->list = v->list;
    v->list = (struct ate__list){.count = 0};
    show_segments(r, v);
    r->size = v->size;
    r->floor = v->floor < v->size ? v->floor : v->size;
    r->floor_length = v->length;
    r->witnessed = v->witnessed;
    r->root_time_us = v->root_time_us > r->root_time_us ? v->root_time_us : r->root_time_us;
    r->chain_id = m->chain_id;
    r->role = m->role;
    r->revision = m->revision;
    r->generation = m->generation;
    r->cut_off = m->cut_off;
    r->meta_bytes = ATE__META_HEAD + m->count * ATE__META_ENTRY + ATE__META_SHA;
    r->meta_lost = writable ? NULL : v->pair.lost;
    r->synced_ms = ate__monotonic_ms(r->env);
    r->epoch++;
    r->writable = writable;
    r->failed = r->full = r->filled = r->next_ready = r->resting = r->held = r->due = false;
    if (r->damage.what == ATE_OK)
        r->damage = v->damage;
    ate__list_deinit(r->vfs, &old);
    pthread_mutex_unlock(&r->mutex);
    ate__pair_deinit(&r->pair);
    r->pair = v->pair;
    v->pair = (struct ate__pair){.settled = false};
}

/* --- readers --- */

/* Whether a writer is at work: the mode. *ret_lock: to be closed after the survey; it keeps writers
 * away that long; NULL: none. */
static int reader_mode(struct ate__redo *r, enum ate__survey_mode *ret_mode,
                       struct ate__file **ret_lock)
{
    struct ate__file *lock = NULL;
    *ret_mode = ATE__SURVEY_ALONE;
    *ret_lock = NULL;
    int rc = r->vfs->open(r->dir, ATE__LOCK_NAME, ATE__OPEN_READ, &lock);
    if (rc == ATE_NOT_FOUND)
        return 0; /* a copy: nobody ever wrote here */
    if (rc)
        return rc;
    rc = r->vfs->lock(lock, false);
    if (rc == ATE_IN_USE) {
        *ret_mode = ATE__SURVEY_BESIDE;
        rc = 0;
    }
    if (rc)
        r->vfs->close(lock);
    else
        *ret_lock = lock;
    return rc;
}

static int survey_reading(struct ate__redo *r, const struct ate__list *reuse,
                          struct ate__survey *ret_survey)
{
    int rc = 0;
    for (int i = 0; i < ATE__READER_TRIES; i++) {
        enum ate__survey_mode mode;
        struct ate__file *lock = NULL;
        rc = reader_mode(r, &mode, &lock);
        if (rc)
            return rc;
        rc = ate__survey_take(r, mode, 0, reuse, ret_survey);
        r->vfs->close(lock);
        /* Lists that are just being written, segments that are just replaced. */
        if (mode != ATE__SURVEY_BESIDE || (rc != ATE_STALE && rc != ATE_TAMPERED))
            break;
    }
    return rc == ATE_STALE ? ate__context(ATE_E_SYSTEM, "the log changes all the time") : rc;
}

/* A list that does not hold is damage, though the other tells all; beside a writer it may be that
 * he is just writing it, and behind one that was killed that he had not begun. */
static void tell_lost_list(struct ate__survey *v)
{
    if (!v->pair.lost || v->mode == ATE__SURVEY_BESIDE || (v->pair.begun && !v->newer))
        return;
    const char *what = v->newer ? "not whole, and a segment is newer than the other list"
                                : "not whole; the other list is";
    if (!v->pair.a_good && !v->pair.b_good)
        what = "not whole, nor is the other list; this is what the segments tell";
    ate__damage_set(&v->damage, ATE_TAMPERED, v->size, v->pair.lost, 0, what);
}

static int boot_reading(struct ate__redo *r, const struct ate__list *reuse)
{
    struct ate__survey v;
    int rc = survey_reading(r, reuse, &v);
    if (rc)
        return rc;
    tell_lost_list(&v);
    show(r, &v, false);
    ate__survey_deinit(r, &v);
    return 0;
}

int ate__file_refresh(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    if (r->lock)
        return 0;
    pthread_mutex_lock(&r->change);
    pthread_mutex_lock(&r->mutex);
    bool damaged = r->damage.what != ATE_OK;
    pthread_mutex_unlock(&r->mutex);
    /* A list that ends at damage is no place to go on from. */
    int rc = boot_reading(r, damaged ? NULL : &r->list);
    pthread_mutex_unlock(&r->change);
    return rc;
}

/* --- writers --- */

static void keep_damage(struct ate__redo *r, const struct ate__survey *v)
{
    pthread_mutex_lock(&r->mutex);
    if (r->damage.what == ATE_OK)
        r->damage = v->damage;
    pthread_mutex_unlock(&r->mutex);
}

/* The open: what stands there, and what will have to be changed. */
static int boot_writing(struct ate__redo *r)
{
    struct ate__survey v;
    int rc = ate__survey_take(r, ATE__SURVEY_WRITER, 0, NULL, &v);
    if (rc)
        return rc;
    bool trusted = !v.newer;
    if (v.damage.what != ATE_OK) {
        rc = ate__damage_fail(&v.damage);
        keep_damage(r, &v);
    } else {
        bool due = ate__recover_due(&v);
        uint64_t moves = v.above_end;
        if (!trusted)
            tell_lost_list(&v);
        show(r, &v, trusted);
        pthread_mutex_lock(&r->mutex);
        r->held = trusted;
        r->due = trusted && due;
        r->moves = moves;
        pthread_mutex_unlock(&r->mutex);
    }
    ate__survey_deinit(r, &v);
    return rc;
}

int ate__boot(struct ate__redo *r)
{
    return r->lock ? boot_writing(r) : boot_reading(r, NULL);
}

/* Looked at anew, so that no reader shares a segment with what changes it; by begin() it has to say
 * what was judged. Under `change`. */
static int change_once(struct ate__redo *r, uint64_t known_floor, const uint64_t *judged)
{
    struct ate__survey v;
    int rc = ate__survey_take(r, ATE__SURVEY_WRITER, known_floor, NULL, &v);
    if (rc)
        return rc;
    bool trusted = !v.newer;
    if (v.damage.what != ATE_OK)
        rc = ate__damage_fail(&v.damage);
    else if (judged && (v.size != *judged || !trusted))
        rc = ate__fail(ATE_E_IO, "the log reads otherwise than a moment ago");
    else if (trusted)
        rc = ate__recover_apply(r, &v);
    else
        tell_lost_list(&v);
    if (rc)
        keep_damage(r, &v);
    else
        show(r, &v, trusted);
    ate__survey_deinit(r, &v);
    return rc;
}

/* On a full disk with the room that is kept, too. Under `change`. */
static int change_files(struct ate__redo *r, uint64_t known_floor, const uint64_t *judged)
{
    r->full_once = false;
    int rc = change_once(r, known_floor, judged);
    if (rc != ATE_E_NO_SPACE)
        return rc;
    if (!ate__give_spare(r))
        return ate__fail(rc,
                         "the disk is full, and nothing is left of what the log keeps: make room");
    r->full_once = true;
    return change_once(r, known_floor, judged);
}

/* Without it the log goes on all the same: with E_NO_SPACE it is full. Under `change`. */
static void keep_room(struct ate__redo *r)
{
    int rc = ate__fill_reserve(r);
    (void)rc;
}

int ate__file_begin(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    pthread_mutex_lock(&r->change);
    pthread_mutex_lock(&r->mutex);
    bool held = r->held, due = r->due;
    uint64_t size = r->size, floor = r->floor;
    pthread_mutex_unlock(&r->mutex);
    int rc = due ? change_files(r, floor, &size) : 0;
    if (held && !rc) {
        pthread_mutex_lock(&r->mutex);
        r->held = false;
        pthread_mutex_unlock(&r->mutex);
        ate__tiles_may_write(&r->tiles);
        keep_room(r);
    }
    pthread_mutex_unlock(&r->change);
    return ate__context(rc, "recover the log");
}

int ate__file_recover(struct ate__storage *storage)
{
    struct ate__redo *r = (struct ate__redo *)storage;
    pthread_mutex_lock(&r->mutex);
    bool writable = r->writable, failed = r->failed, full = r->full;
    uint64_t floor = r->floor;
    pthread_mutex_unlock(&r->mutex);
    if (!writable)
        return ate__fail(ATE_READ_ONLY, "the log was opened for reading");
    if (!failed)
        return 0;
    pthread_mutex_lock(&r->change);
    ate__next_drop(r->vfs, r->dir, &r->next);
    int rc = change_files(r, floor, NULL);
    if (!rc && (full || r->full_once))
        ate__set_full(r, true, 0); /* until prepare() finds room */
    pthread_mutex_unlock(&r->change);
    return ate__context(rc, "recover the log");
}

/* --- a new log --- */

int ate__create_log(struct ate__redo *r, const struct ate_hash *chain_id, enum ate__role role)
{
    struct ate__next n;
    struct ate__segment *s = NULL;
    struct ate__meta m = {.chain_id = *chain_id, .role = role, .revision = 1};
    int rc = ate__next_create(r->env, r->dir, ATE__SEGMENT_BYTES_MIN, r->conf.pad, &n);
    if (rc)
        return rc;
    rc = ate__next_finish(r->vfs, &n, chain_id, 1, 0, &s);
    if (!rc)
        rc = r->vfs->sync(s->file);
    if (!rc) {
        struct ate__meta_entry entry = {.id = s->head.id, .length = s->length};
        rc = ate__meta_add(&m, &entry);
    }
    if (!rc)
        rc = ate__pair_create(r->vfs, r->dir, &m);
    if (!rc)
        rc = ate__next_rename(r->vfs, r->dir, s->head.id);
    ate__meta_deinit(&m);
    ate__next_drop(r->vfs, r->dir, &n);
    ate__segment_unref(r->vfs, s);
    return rc;
}

int ate__uncreate_log(struct ate__redo *r)
{
    ate__assert(r->list.count == 1 && !r->size && r->writable);
    int rc = r->vfs->rename(r->dir, r->list.items[0]->name, ATE__NEXT_NAME);
    if (!rc)
        rc = r->vfs->sync_dir(r->dir);
    if (!rc)
        rc = ate__pair_remove(r->vfs, r->dir);
    ate__list_deinit(r->vfs, &r->list);
    ate__pair_deinit(&r->pair);
    r->pair = (struct ate__pair){.settled = false};
    r->damage = (struct ate__storage_damage){.what = ATE_OK};
    return rc ? ate__context(rc, "remove what was begun") : 0;
}
