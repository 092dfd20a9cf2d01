/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/import.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOANS_MAX = 64, LOOKS_MAX = 3 };

/* ---- names ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct import_name *)a)->name, ((const struct import_name *)b)->name);
}

/* Sorts, and keeps the first IMPORT_WINDOW_MAX. Some were let go: true. */
static bool sort(struct import_window *w)
{
    bool cut = w->count > IMPORT_WINDOW_MAX;
    if (w->count)
        qsort(w->names, w->count, sizeof *w->names, compare);
    while (w->count > IMPORT_WINDOW_MAX)
        ate__free(w->names[--w->count].name);
    return cut;
}

/* While more are read than are kept, whatever comes behind the last that is kept is passed over. */
static int add(struct import_window *w, const char *name, bool *more)
{
    if (*more && strcmp(name, w->names[IMPORT_WINDOW_MAX - 1].name) > 0)
        return 0;
    int rc = ate__grow(&w->names, &w->capacity, w->count + 1, sizeof *w->names);
    char *copy = rc ? NULL : ate__copy_text(name);
    if (!copy)
        return ate__no_memory();
    w->names[w->count++] = (struct import_name){.name = copy};
    if (w->count == 2 * IMPORT_WINDOW_MAX)
        *more |= sort(w);
    return 0;
}

static int read_names(DIR *stream, const char *after, struct import_window *w, bool *ret_more)
{
    const struct dirent *entry;
    bool more = false;
    int rc = 0;
    while (!rc && (errno = 0, entry = readdir(stream))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, after) > 0)
            rc = add(w, name, &more);
    }
    if (!rc && errno)
        rc = ate__fail_errno(errno, "read");
    more |= sort(w);
    *ret_more = more;
    return rc;
}

int import_window_fill(struct import *im, const char *after, struct import_window *w,
                       bool *ret_more)
{
    int copy = openat(way_dir(&im->way), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        int rc = ate__fail_errno(errno, "open");
        if (copy >= 0)
            close(copy);
        return rc;
    }
    int rc = read_names(stream, after, w, ret_more);
    closedir(stream);
    im->held += w->count;
    if (rc)
        import_window_drop(im, w);
    return rc;
}

void import_window_drop(struct import *im, struct import_window *w)
{
    im->held -= w->count;
    for (size_t i = 0; i < w->count; i++)
        ate__free(w->names[i].name);
    ate__free(w->names);
    ate__free(w->unfinished);
    *w = (struct import_window){NULL, 0, 0, NULL, 0, 0};
}

static struct import_name *find(const struct import_window *w, struct ate_bytes name)
{
    char text[FS_NAME_MAX + 1];
    struct import_name key = {.name = text};
    if (!w->count || name.size > FS_NAME_MAX || memchr(name.data, 0, name.size))
        return NULL;
    memcpy(text, name.data, name.size);
    text[name.size] = 0;
    return bsearch(&key, w->names, w->count, sizeof *w->names, compare);
}

/* ---- what is there ---- */

static int look_at_file(struct ate_txn *txn, struct import_there *there)
{
    const struct fs_file *file;
    int rc = ate_load(txn, fs_file, there->id, &file);
    if (rc)
        return rc;
    there->state = (struct fs_dir){file->mode, file->uid, file->gid, file->mtime_ns};
    there->size = file->size;
    there->page_count = file->page_count ? *file->page_count : 0;
    there->has_hash = file->hash;
    if (file->hash)
        there->hash = *file->hash;
    return 0;
}

static int look_at(struct ate_txn *txn, struct import_there *there)
{
    const struct fs_dir *dir;
    const struct fs_symlink *symlink;
    const struct fs_hardlink *hardlink;
    int rc = 0;
    switch (there->kind) {
    case CONTENT_DIR:
        rc = ate_load(txn, fs_dir, there->id, &dir);
        if (!rc)
            there->state = *dir;
        break;
    case CONTENT_SYMLINK:
        rc = ate_load(txn, fs_symlink, there->id, &symlink);
        if (!rc) {
            there->size = symlink->target.size;
            rc = ate__sha256(symlink->target, &there->hash);
        }
        break;
    case CONTENT_HARDLINK:
        rc = ate_load(txn, fs_hardlink, there->id, &hardlink);
        if (!rc)
            there->target = hardlink->object;
        break;
    case CONTENT_FILE: return look_at_file(txn, there);
    default: break;
    }
    return rc;
}

/* What is not as its type wants it is as good as nothing: it is replaced. */
static int note(struct ate_txn *txn, const struct ate_object *o, struct import_there *ret)
{
    struct import_there there = {.kind = content_kind_of(o), .id = o->id};
    int rc = look_at(txn, &there);
    if (rc == ATE_WRONG_TYPE || rc == ATE_MALFORMED) {
        there.has_hash = false;
        there.size = UINT64_MAX;
        rc = 0;
    }
    if (!rc)
        *ret = there;
    return rc;
}

static int note_unfinished(struct ate_txn *txn, const struct ate_object *o, struct import_window *w)
{
    struct import_there there;
    if (content_kind_of(o) != CONTENT_FILE || w->unfinished_count == IMPORT_UNFINISHED_MAX)
        return 0;
    int rc = note(txn, o, &there);
    if (rc || there.has_hash)
        return rc;
    rc = ate__grow(&w->unfinished, &w->unfinished_capacity, w->unfinished_count + 1,
                   sizeof *w->unfinished);
    if (!rc)
        w->unfinished[w->unfinished_count++] =
            (struct import_unfinished){o->id, there.size, there.state.mtime_ns};
    return rc;
}

static int look_at_children(struct ate_txn *txn, struct ate_id id, struct import_window *w)
{
    struct ate_cursor *cursor;
    struct ate_object o;
    int rc = ate_children(txn, id, &cursor);
    if (rc)
        return rc;
    for (size_t i = 1; !(rc = ate_next_raw(cursor, ATE_NO_PAYLOAD, &o)); i++) {
        struct import_name *name = o.name.size ? find(w, o.name) : NULL;
        if (name)
            rc = note(txn, &o, &name->there);
        else if (o.readable && !o.name.size)
            rc = note_unfinished(txn, &o, w);
        if (rc)
            break;
        if (i % LOANS_MAX == 0)
            ate_txn_end_loans(txn);
    }
    ate_cursor_end(cursor);
    return rc == ATE_END ? 0 : rc;
}

/* For a directory of which a thin chain does not list all that is in it. */
static int look_by_name(struct ate_txn *txn, struct ate_id id, struct import_window *w)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < w->count; i++) {
        struct ate_object o;
        rc = ate_find_raw(txn, id, ate__text_bytes(w->names[i].name), ATE_NO_PAYLOAD, &o);
        if (!rc)
            rc = note(txn, &o, &w->names[i].there);
        if (rc == ATE_NOT_FOUND)
            rc = 0;
        if (i % LOANS_MAX == 0)
            ate_txn_end_loans(txn);
    }
    return rc;
}

/* What was noted before a view grew too old is noted again. */
static int look(struct ate_txn *txn, struct ate_id id, struct import_window *w)
{
    w->unfinished_count = 0;
    int rc = look_at_children(txn, id, w);
    return rc == ATE_TOO_BIG ? look_by_name(txn, id, w) : rc;
}

int import_window_look(struct import *im, struct ate_id id, struct import_window *w)
{
    int rc = im->look ? 0 : ate_txn_begin(im->at.chain, NULL, ATE_READ, &im->look);
    if (rc)
        return rc;
    ate_txn_end_loans(im->look);
    rc = look(im->look, id, w);
    for (unsigned i = 1; rc == ATE_STALE && i < LOOKS_MAX; i++) {
        rc = ate_txn_refresh(im->look);
        if (!rc)
            rc = look(im->look, id, w);
    }
    return rc;
}
