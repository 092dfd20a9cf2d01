/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk_dir.c: the names in one directory, in the cache and on the disk.
 */
#include "lib/simdisk_impl.h"
#include <stdlib.h>

/* --- a set of names --- */

static size_t entries_find(const struct entries *e, const char *name)
{
    size_t i = 0;
    while (i < e->count && strcmp(e->items[i].name, name))
        i++;
    return i;
}

static void entries_remove(struct entries *e, size_t i)
{
    free(e->items[i].name);
    memmove(e->items + i, e->items + i + 1, (e->count - i - 1) * sizeof *e->items);
    e->count--;
}

static void entries_add(struct entries *e, const char *name, size_t node)
{
    e->items = sim_grow(e->items, e->count, &e->capacity, sizeof *e->items);
    e->items[e->count++] = (struct entry){sim_text(name), node};
}

static void entries_clear(struct entries *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->items[i].name);
    free(e->items);
    *e = (struct entries){0};
}

static void entries_copy(struct entries *to, const struct entries *from)
{
    *to = (struct entries){0};
    for (size_t i = 0; i < from->count; i++)
        entries_add(to, from->items[i].name, from->items[i].node);
}

/* The node has one name, so whatever else it was called is gone once it gets another. */
static void entries_apply(struct entries *e, const char *from, const char *to, size_t node)
{
    for (size_t i = e->count; i--;)
        if (e->items[i].node == node && (to || !strcmp(e->items[i].name, from)))
            entries_remove(e, i);
    if (!to)
        return;
    size_t i = entries_find(e, to);
    if (i < e->count)
        entries_remove(e, i);
    entries_add(e, to, node);
}

/* --- a directory --- */

static void forget_changes(struct simdir *dir)
{
    for (size_t i = 0; i < dir->change_count; i++) {
        free(dir->changes[i].from);
        free(dir->changes[i].to);
    }
    dir->change_count = 0;
}

void simdir_deinit(struct simdir *dir)
{
    forget_changes(dir);
    free(dir->changes);
    entries_clear(&dir->live);
    entries_clear(&dir->durable);
    *dir = (struct simdir){0};
}

size_t simdir_find(const struct simdir *dir, const char *name)
{
    size_t i = entries_find(&dir->live, name);
    return i < dir->live.count ? dir->live.items[i].node : (size_t)NO_NODE;
}

void simdir_change(struct simdir *dir, const char *from, const char *to, size_t node)
{
    entries_apply(&dir->live, from, to, node);
    dir->changes =
        sim_grow(dir->changes, dir->change_count, &dir->change_capacity, sizeof *dir->changes);
    dir->changes[dir->change_count++] = (struct dir_change){sim_text(from), sim_text(to), node};
}

void simdir_sync(struct simdir *dir)
{
    if (!dir->change_count)
        return;
    forget_changes(dir);
    entries_clear(&dir->durable);
    entries_copy(&dir->durable, &dir->live);
}

bool simdir_shows(const struct simdir *dir, size_t node)
{
    for (size_t i = 0; i < dir->live.count; i++)
        if (dir->live.items[i].node == node)
            return true;
    return false;
}

bool simdir_holds(const struct simdir *dir, size_t node)
{
    if (simdir_shows(dir, node))
        return true;
    for (size_t i = 0; i < dir->durable.count; i++)
        if (dir->durable.items[i].node == node)
            return true;
    for (size_t i = 0; i < dir->change_count; i++)
        if (dir->changes[i].node == node)
            return true;
    return false;
}

void simdir_clone(struct simdir *to, const struct simdir *from)
{
    *to =
        (struct simdir){.change_count = from->change_count, .change_capacity = from->change_count};
    entries_copy(&to->live, &from->live);
    entries_copy(&to->durable, &from->durable);
    to->changes = sim_alloc(from->change_count * sizeof *to->changes);
    for (size_t i = 0; i < from->change_count; i++)
        to->changes[i] = (struct dir_change){sim_text(from->changes[i].from),
                                             sim_text(from->changes[i].to), from->changes[i].node};
}

void simdir_crash(struct simdir *to, const struct simdir *from, struct rnd *r)
{
    enum { ALL, NONE, IN_ORDER, ALL_BUT_ONE, ANY, MOODS };
    uint64_t mood = rnd_below(r, MOODS);
    size_t special = from->change_count ? (size_t)rnd_below(r, from->change_count) : 0;
    *to = (struct simdir){0};
    entries_copy(&to->live, &from->durable);
    for (size_t i = 0; i < from->change_count; i++) {
        const struct dir_change *change = &from->changes[i];
        bool happened = mood == ALL || (mood == IN_ORDER && i <= special) ||
                        (mood == ALL_BUT_ONE && i != special) || (mood == ANY && rnd_below(r, 2));
        if (happened)
            entries_apply(&to->live, change->from, change->to, change->node);
    }
    entries_copy(&to->durable, &to->live);
}
