/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * simdisk_tools.c: what a test sets up on a simdisk, and what it does to it by hand.
 */
#include "base/map.h"
#include "lib/check.h"
#include "lib/simdisk.h"
#include "lib/simdisk_impl.h"
#include <stdlib.h>

/* --- faults and counts --- */

size_t simdisk_handles(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    size_t handles = d->handles;
    pthread_mutex_unlock(&d->mutex);
    return handles;
}

void simdisk_stop(struct simdisk *d, uint64_t n)
{
    pthread_mutex_lock(&d->mutex);
    d->stopped = !n;
    d->stop_planned = n != 0;
    d->stop_left = n;
    pthread_mutex_unlock(&d->mutex);
}

bool simdisk_stopped(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    bool stopped = d->stopped;
    pthread_mutex_unlock(&d->mutex);
    return stopped;
}

void simdisk_fail(struct simdisk *d, unsigned kinds, uint64_t n, uint64_t count, int result)
{
    pthread_mutex_lock(&d->mutex);
    d->fail_kinds = kinds;
    d->fail_at = n;
    d->fail_count = count;
    d->fail_result = result;
    d->fail_seen = 0;
    d->failed = false;
    pthread_mutex_unlock(&d->mutex);
}

bool simdisk_failed(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    bool failed = d->failed;
    pthread_mutex_unlock(&d->mutex);
    return failed;
}

void simdisk_limit(struct simdisk *d, uint64_t bytes)
{
    pthread_mutex_lock(&d->mutex);
    d->limit_pages = bytes == UINT64_MAX ? UINT64_MAX : bytes / SIM_PAGE;
    pthread_mutex_unlock(&d->mutex);
}

uint64_t simdisk_used(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    uint64_t pages = simdisk_pages(d);
    pthread_mutex_unlock(&d->mutex);
    return pages * SIM_PAGE;
}

uint64_t simdisk_count(struct simdisk *d, unsigned kinds)
{
    uint64_t count = 0;
    pthread_mutex_lock(&d->mutex);
    for (unsigned bit = 0; bit < KINDS; bit++)
        count += kinds >> bit & 1 ? d->counts[bit] : 0;
    pthread_mutex_unlock(&d->mutex);
    return count;
}

void simdisk_watch(struct simdisk *d, void (*each)(void *arg, uint64_t number), void *arg)
{
    pthread_mutex_lock(&d->mutex);
    d->watch = each;
    d->watch_arg = arg;
    pthread_mutex_unlock(&d->mutex);
}

void simdisk_set_copy_on_write(struct simdisk *d, bool truth)
{
    pthread_mutex_lock(&d->mutex);
    d->copy_on_write = truth;
    pthread_mutex_unlock(&d->mutex);
}

/* --- by hand; walk() takes the mutex and every function gives it back --- */

enum walk { MUST_BE, MAY_BE_MISSING, MAKE_FILE, MAKE_DIRS };

/* The node at the path, or NO_NODE, with the mutex held. */
static size_t walk(struct simdisk *d, const char *path, enum walk how)
{
    pthread_mutex_lock(&d->mutex);
    size_t node = ROOT;
    char *parts = sim_text(path), *rest = NULL;
    for (char *part = strtok_r(parts, "/", &rest), *next; part; part = next) {
        next = strtok_r(NULL, "/", &rest);
        size_t parent = node;
        bool make = how == MAKE_DIRS || (how == MAKE_FILE && !next);
        node =
            d->nodes[parent]->is_dir ? simdir_find(&d->nodes[parent]->dir, part) : (size_t)NO_NODE;
        if (node == (size_t)NO_NODE && make && d->nodes[parent]->is_dir) {
            node = simdisk_add(d, parent, part, how == MAKE_DIRS);
            simdir_sync(&d->nodes[parent]->dir);
        }
        if (node == (size_t)NO_NODE)
            break;
    }
    free(parts);
    if (node == (size_t)NO_NODE && how != MAY_BE_MISSING) {
        pthread_mutex_unlock(&d->mutex);
        fail_msg("simdisk: there is no %s", path);
    }
    return node;
}

/* The file at the path, with the mutex held. */
static struct simfile *walk_file(struct simdisk *d, const char *path, enum walk how)
{
    size_t node = walk(d, path, how);
    if (d->nodes[node]->is_dir) {
        pthread_mutex_unlock(&d->mutex);
        fail_msg("simdisk: %s is a directory", path);
    }
    return &d->nodes[node]->file;
}

/* Ends a change to one file. */
static void done(struct simdisk *d, struct simfile *f)
{
    simfile_sync(f);
    pthread_mutex_unlock(&d->mutex);
}

void simdisk_mkdir(struct simdisk *d, const char *path)
{
    walk(d, path, MAKE_DIRS);
    pthread_mutex_unlock(&d->mutex);
}

bool simdisk_exists(struct simdisk *d, const char *path)
{
    size_t node = walk(d, path, MAY_BE_MISSING);
    pthread_mutex_unlock(&d->mutex);
    return node != (size_t)NO_NODE;
}

uint64_t simdisk_size(struct simdisk *d, const char *path)
{
    uint64_t size = walk_file(d, path, MUST_BE)->size;
    pthread_mutex_unlock(&d->mutex);
    return size;
}

uint8_t *simdisk_get(struct simdisk *d, const char *path, size_t *ret_size)
{
    const struct simfile *f = walk_file(d, path, MUST_BE);
    size_t size = (size_t)f->size;
    uint8_t *data = sim_alloc(size);
    simfile_read(f, 0, data, size);
    pthread_mutex_unlock(&d->mutex);
    *ret_size = size;
    return data;
}

void simdisk_put(struct simdisk *d, const char *path, const void *data, size_t size)
{
    struct simfile *f = walk_file(d, path, MAKE_FILE);
    simfile_truncate(f, 0);
    simfile_write(f, 0, data, size, UINT64_MAX);
    done(d, f);
}

void simdisk_patch(struct simdisk *d, const char *path, uint64_t at, const void *data, size_t size)
{
    struct simfile *f = walk_file(d, path, MUST_BE);
    simfile_write(f, at, data, size, UINT64_MAX);
    done(d, f);
}

void simdisk_flip(struct simdisk *d, const char *path, uint64_t at, uint8_t mask)
{
    struct simfile *f = walk_file(d, path, MUST_BE);
    uint8_t byte = 0;
    size_t got = simfile_read(f, at, &byte, 1);
    byte ^= mask;
    if (got)
        simfile_write(f, at, &byte, 1, UINT64_MAX);
    done(d, f);
    if (!got)
        fail_msg("simdisk: %s ends before %llu", path, (unsigned long long)at);
}

void simdisk_cut(struct simdisk *d, const char *path, uint64_t size)
{
    struct simfile *f = walk_file(d, path, MUST_BE);
    simfile_truncate(f, size);
    done(d, f);
}

static void unlink_all(struct simdisk *d, size_t index)
{
    struct node *node = d->nodes[index];
    while (node->dir.live.count)
        unlink_all(d, node->dir.live.items[0].node);
    if (index == ROOT)
        return;
    struct simdir *names = &d->nodes[node->parent]->dir;
    for (size_t i = 0; i < names->live.count; i++)
        if (names->live.items[i].node == index) {
            char *name = sim_text(names->live.items[i].name);
            simdir_change(names, name, NULL, index);
            free(name);
            break;
        }
    simdir_sync(names);
    simdisk_drop(d, index);
}

void simdisk_unlink(struct simdisk *d, const char *path)
{
    size_t node = walk(d, path, MAY_BE_MISSING);
    if (node != (size_t)NO_NODE)
        unlink_all(d, node);
    pthread_mutex_unlock(&d->mutex);
}

void simdisk_settle(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < d->node_count; i++) {
        if (!d->nodes[i])
            continue;
        simfile_sync(&d->nodes[i]->file);
        simdir_sync(&d->nodes[i]->dir);
    }
    for (size_t i = d->node_count; i-- > 1;)
        simdisk_drop(d, i);
    pthread_mutex_unlock(&d->mutex);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

void simdisk_each(struct simdisk *d, const char *path,
                  void (*each)(void *arg, const char *name, bool is_dir, uint64_t size), void *arg)
{
    size_t node = walk(d, path, MUST_BE);
    struct simdir names;
    simdir_clone(&names, &d->nodes[node]->dir);
    size_t count = names.live.count;
    uint64_t *sizes = sim_alloc(count * sizeof *sizes);
    bool *dirs = sim_alloc(count);
    if (count)
        qsort(names.live.items, count, sizeof *names.live.items, by_name);
    for (size_t i = 0; i < count; i++) {
        sizes[i] = d->nodes[names.live.items[i].node]->file.size;
        dirs[i] = d->nodes[names.live.items[i].node]->is_dir;
    }
    pthread_mutex_unlock(&d->mutex);
    for (size_t i = 0; i < count; i++)
        each(arg, names.live.items[i].name, dirs[i], sizes[i]);
    free(sizes);
    free(dirs);
    simdir_deinit(&names);
}

static uint64_t digest_more(uint64_t digest, const void *data, size_t size)
{
    return ate__siphash((uint64_t[2]){digest, size}, data, size);
}

static uint64_t digest_node(const struct simdisk *d, size_t index, uint64_t digest)
{
    const struct node *node = d->nodes[index];
    digest = digest_more(digest, &node->is_dir, sizeof node->is_dir);
    digest = simfile_digest(&node->file, digest);
    struct simdir names;
    simdir_clone(&names, &node->dir);
    if (names.live.count)
        qsort(names.live.items, names.live.count, sizeof *names.live.items, by_name);
    for (size_t i = 0; i < names.live.count; i++) {
        const struct entry *entry = &names.live.items[i];
        digest = digest_more(digest, entry->name, strlen(entry->name));
        digest = digest_node(d, entry->node, digest);
    }
    simdir_deinit(&names);
    return digest;
}

uint64_t simdisk_digest(struct simdisk *d)
{
    pthread_mutex_lock(&d->mutex);
    uint64_t digest = digest_node(d, ROOT, 0);
    pthread_mutex_unlock(&d->mutex);
    return digest;
}
