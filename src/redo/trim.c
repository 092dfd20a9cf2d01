/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * trim.c: trimmed/, where torn tails are kept for inspection.
 */
#include "redo/trim.h"
#include "base/alloc.h"
#include "redo/window.h"
#include <stdio.h>
#include <stdlib.h>

#define TRIMMED_NAME "trimmed"
enum { NAME_SIZE = 3 * 16 + 2 + 1 };

static int copy(const struct ate__vfs *vfs, struct ate__file *from_file, uint64_t from, uint64_t to,
                struct ate__file *file)
{
    struct ate__window window;
    int rc = vfs->truncate(file, 0); /* of an attempt that was interrupted */
    ate__window_init(&window, vfs, from_file);
    for (uint64_t at = from; !rc && at < to;) {
        struct ate_bytes bytes;
        uint64_t left = to - at;
        rc = ate__window_get(&window, at, left < ATE__WINDOW_BYTES ? left : ATE__WINDOW_BYTES,
                             &bytes);
        if (rc || !bytes.size)
            break;
        rc = vfs->write(file, at - from, bytes.data, bytes.size);
        at += bytes.size;
    }
    ate__window_deinit(&window);
    return rc ? rc : vfs->sync(file);
}

/* --- the oldest go first --- */

struct kept {
    char name[NAME_SIZE];
    uint64_t size;
};
struct all_kept {
    struct kept *items;
    size_t count, capacity;
};

static int each_kept(void *arg, const char *name)
{
    struct all_kept *all = arg;
    if (strlen(name) != NAME_SIZE - 1)
        return 0; /* not one of ours */
    int rc = ate__grow(&all->items, &all->capacity, all->count + 1, sizeof *all->items);
    if (!rc)
        memcpy(all->items[all->count++].name, name, NAME_SIZE);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct kept *)a)->name, ((const struct kept *)b)->name);
}

static int size_of(const struct ate__vfs *vfs, struct ate__dir *dir, const char *name,
                   uint64_t *ret_size)
{
    struct ate__file *file;
    struct ate__stat about;
    int rc = vfs->open(dir, name, ATE__OPEN_READ, &file);
    if (rc)
        return rc;
    rc = vfs->stat(file, &about);
    vfs->close(file);
    if (!rc)
        *ret_size = about.size;
    return rc;
}

static int remove_oldest(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t bytes_max)
{
    struct all_kept all = {.count = 0};
    uint64_t bytes = 0;
    int rc = vfs->list(dir, each_kept, &all);
    for (size_t i = 0; i < all.count && !rc; i++) {
        rc = size_of(vfs, dir, all.items[i].name, &all.items[i].size);
        bytes += rc ? 0 : all.items[i].size;
    }
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, compare_names);
    for (size_t i = 0; !rc && (bytes > bytes_max || all.count - i >= ATE__TRIMMED_FILES_MAX); i++) {
        rc = vfs->remove(dir, all.items[i].name);
        bytes -= all.items[i].size;
    }
    ate__free(all.items);
    return rc;
}

/* Errors: E_* */
static int keep(const struct ate__vfs *vfs, struct ate__dir *trimmed, const char *name,
                const struct ate__segment *s, uint64_t from, uint64_t to)
{
    struct ate__file *file = NULL;
    int rc = vfs->open(trimmed, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &file);
    if (!rc)
        rc = copy(vfs, s->file, from, to, file);
    vfs->close(file);
    return rc ? rc : vfs->sync_dir(trimmed);
}

int ate__trim_keep(const struct ate__vfs *vfs, struct ate__dir *dir, uint64_t revision,
                   const struct ate__segment *s, uint64_t from, uint64_t to, uint64_t bytes_max,
                   uint64_t *ret_kept)
{
    struct ate__dir *trimmed = NULL;
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%016llx-%016llx-%016llx", (unsigned long long)revision,
             (unsigned long long)s->head.id, (unsigned long long)from);
    if (to - from > bytes_max)
        to = from + bytes_max;
    int rc = vfs->open_dir(dir, TRIMMED_NAME, true, &trimmed);
    if (rc)
        return rc == ATE_NOT_FOUND ? ate__context(ATE_E_SYSTEM, TRIMMED_NAME) : rc;
    uint64_t kept = 0;
    /* Where no room can be made, none is taken. */
    if (!remove_oldest(vfs, trimmed, bytes_max - (to - from))) {
        rc = keep(vfs, trimmed, name, s, from, to);
        kept = rc ? 0 : to - from;
    }
    if (rc == ATE_E_NO_SPACE) {
        int left = vfs->remove(trimmed, name);
        (void)left; /* it counts the next time */
        rc = 0;
    }
    vfs->close_dir(trimmed);
    if (!rc)
        *ret_kept = kept;
    return rc;
}
