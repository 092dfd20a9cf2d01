/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * export_tree.c: down the tree of a chain, each directory's entries in the order of their names.
 *
 * A directory gets its mode and times when all below it is written, so the deepest come first. One
 * that its owner may not enter then gets them at the very end, for hard links may still lead into
 * it.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/export.h"
#include <stdio.h>

enum { SHOWN = 512 };

static int export_below(struct export *ex, struct ate_id id, unsigned depth);

/* ---- directories ---- */

static int load_attributes(struct export *ex, const struct list_entry *e,
                           struct export_attributes *ret)
{
    const struct fs_dir *dir;
    *ret = (struct export_attributes){.mtime_ns = e->object.updated_ns};
    if (e->kind != CONTENT_DIR)
        return 0;
    int rc = ate_load(ex->txn, fs_dir, e->id, &dir);
    if (rc == ATE_STALE) {
        rc = export_refresh(ex, rc);
        if (!rc)
            rc = ate_load(ex->txn, fs_dir, e->id, &dir);
    }
    if (!rc)
        *ret = (struct export_attributes){true, dir->mode, dir->uid, dir->gid, dir->mtime_ns};
    return rc;
}

/* The last directory of the way is whole. */
static int finish(struct export *ex, const struct export_attributes *a)
{
    int fd = way_dir(&ex->way);
    bool locked = a->given && !(a->mode & S_IXUSR) && !ex->owns;
    return locked ? export_apply_later(ex, a) : export_apply(ex, fd, a);
}

/* Without attributes that can be read it is made all the same, for what lies below. */
static int export_directory(struct export *ex, const struct list_entry *e, unsigned depth)
{
    struct export_attributes attributes;
    if (depth >= FS_DEPTH_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d directories inside each other", FS_DEPTH_MAX);
    int rc = load_attributes(ex, e, &attributes);
    if (rc)
        rc = export_failed(ex, rc);
    if (!rc)
        rc = export_enter(ex, e->name);
    if (rc)
        return rc;
    ex->counts.directories++;
    rc = export_below(ex, e->id, depth + 1);
    if (!rc) {
        rc = finish(ex, &attributes);
        if (rc)
            rc = export_failed(ex, rc);
    }
    int leave = way_leave(&ex->way);
    if (leave) {
        ex->is_over = true;
        rc = rc ? rc : leave;
    }
    return rc;
}

/* ---- entries ---- */

/* An object of a program's own type: what lies below it makes it a directory; else it is a file of
 * its payload. */
static int export_other(struct export *ex, const struct list_entry *e, unsigned depth)
{
    struct ate_cursor *cursor;
    struct ate_object first;
    int rc = ate_children(ex->txn, e->id, &cursor);
    if (rc)
        return rc;
    rc = ate_next_raw(cursor, ATE_NO_PAYLOAD, &first);
    ate_cursor_end(cursor);
    if (rc == ATE_END)
        return export_file(ex, e->name, e->id);
    return rc ? rc : export_directory(ex, e, depth);
}

static int export_entry(struct export *ex, const struct list_entry *e, unsigned depth)
{
    char id[ATE_ID_TEXT];
    switch (e->kind) {
    case CONTENT_DIR: return export_directory(ex, e, depth);
    case CONTENT_TEXT:
    case CONTENT_BYTES:
    case CONTENT_FILE: return export_file(ex, e->name, e->id);
    case CONTENT_SYMLINK: return export_symlink(ex, e->name, e->id);
    case CONTENT_HARDLINK: return export_hardlink(ex, e->name, &e->object);
    case CONTENT_OTHER: return export_other(ex, e, depth);
    default:
        return ate__fail(ATE_MALFORMED, "object %s: a page of a file, but with a name",
                         ate_id_text(e->id, id));
    }
}

/* What has no name is no part of the tree: a file that is still being stored, or was broken off; an
 * object of a program. */
static int pass_over(struct export *ex, const struct list_entry *e)
{
    const struct fs_file *file;
    char id[ATE_ID_TEXT], what[SHOWN];
    bool unfinished =
        e->kind == CONTENT_FILE && !ate_load(ex->txn, fs_file, e->id, &file) && !file->hash;
    ex->counts.unfinished += unfinished;
    ex->counts.nameless += !unfinished;
    ate__note_verbose("export: %s/(%s): %s",
                      ate__escaped(ate__text_bytes(way_path(&ex->way)), what, sizeof what),
                      ate_id_text(e->id, id), unfinished ? "an unfinished file" : "has no name");
    return 0;
}

static int check_name(const struct list_entry *e)
{
    char shown[SHOWN];
    struct ate_bytes name = {e->name, e->name_size};
    if (path_name_fits(name))
        return 0;
    return ate__fail(ATE_MALFORMED,
                     "the name \"%s\" fits no file system: a name is 1 to %d bytes "
                     "without '/' and NUL, and not \".\" or \"..\"",
                     ate__escaped(name, shown, sizeof shown), FS_NAME_MAX);
}

static int export_named(struct export *ex, const struct list_entry *e, unsigned depth)
{
    int rc = check_name(e);
    if (rc)
        return export_failed(ex, rc);
    rc = way_to(&ex->way, e->name);
    if (!rc)
        rc = export_entry(ex, e, depth);
    if (rc == ATE_NO_KEY) {
        export_private(ex, way_path(&ex->way));
        rc = 0;
    }
    if (rc)
        rc = export_failed(ex, rc);
    way_back(&ex->way);
    export_progress(ex);
    return rc;
}

static int export_hidden(struct export *ex, const struct list_entry *e)
{
    char id[ATE_ID_TEXT];
    ate__cleanup(ate__freep) char *what =
        ate__format("%s/(%s)", way_path(&ex->way), ate_id_text(e->id, id));
    export_private(ex, what ? what : "");
    return what ? 0 : ate__no_memory();
}

static int export_below(struct export *ex, struct ate_id id, unsigned depth)
{
    struct list l;
    ate_txn_end_loans(ex->txn);
    int rc = list_children(ex->txn, id, 0, &l);
    if (rc)
        return export_failed(ex, rc);
    export_check_view(ex);
    for (size_t i = 0; !rc && i < l.count; i++) {
        const struct list_entry *e = &l.entries[i];
        ate_txn_end_loans(ex->txn);
        if (e->object.compacted)
            ex->counts.compacted++;
        else if (e->kind == CONTENT_PRIVATE)
            rc = export_hidden(ex, e);
        else if (!e->name)
            rc = pass_over(ex, e);
        else
            rc = export_named(ex, e, depth);
    }
    list_deinit(&l);
    return rc;
}

int export_tree(struct export *ex)
{
    int rc = export_below(ex, ex->top, 0);
    return rc ? rc : export_apply_rest(ex);
}
