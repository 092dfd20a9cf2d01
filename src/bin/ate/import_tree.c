/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * import_tree.c: down a tree of files, each directory's entries in the order of their names.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/import.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SHOWN = 512 };

struct fs_dir import_state(const struct stat *st)
{
    return (struct fs_dir){
        .mode = st->st_mode & FS_MODE_MASK,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

bool import_same_state(const struct fs_dir *a, const struct fs_dir *b)
{
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->mtime_ns == b->mtime_ns;
}

/* A file beyond a limit, and with it all that come later in the order, are counted only. */
static bool is_left_out(struct import *im, const struct stat *st)
{
    bool has_content = S_ISREG(st->st_mode) && !import_is_again(im, st);
    uint64_t size = has_content ? (uint64_t)st->st_size : 0;
    if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
        return im->full;
    if (im->counts.files + im->counts.symlinks >= im->o->max_files ||
        im->counts.bytes > im->o->max_bytes || size > im->o->max_bytes - im->counts.bytes)
        im->full = true;
    if (im->full) {
        im->counts.left_out_files++;
        im->counts.left_out_bytes += size;
    }
    return im->full;
}

/* ---- directories ---- */

static bool is_the_chain(struct import *im, const struct stat *st)
{
    char shown[SHOWN];
    if (!im->chain_inode || st->st_ino != im->chain_inode || st->st_dev != im->chain_device)
        return false;
    im->counts.chains++;
    ate__note("import: %s: passed over: it is the chain itself",
              ate__escaped(ate__text_bytes(way_path(&im->way)), shown, sizeof shown));
    return true;
}

/* The directory's own object: as it is, if nothing of it changed. */
static int store_directory(struct import *im, const struct import_entry *e,
                           struct store_node **ret_node, bool *ret_new)
{
    static const struct store_when missing = {.missing = true};
    const struct import_there *there = &e->name->there;
    struct fs_dir state = import_state(&e->st);
    *ret_new = there->kind != CONTENT_DIR && there->kind != CONTENT_OTHER;
    if (there->kind == CONTENT_DIR && import_same_state(&there->state, &state)) {
        im->counts.unchanged++;
        *ret_node = store_node_new(there->id);
        return *ret_node ? 0 : ate__no_memory();
    }
    return store_dir(im->store, e->parent, e->name->name, &state,
                     there->kind == CONTENT_OTHER ? &missing : NULL, ret_node);
}

/* Into the directory. Far down a wide tree, the names beside it are let go meanwhile. */
static int descend(struct import *im, const struct import_entry *e, int take_fd,
                   struct store_node *node, bool is_new, unsigned depth)
{
    int rc = way_enter(&im->way, take_fd);
    if (rc)
        return rc;
    if (im->held > IMPORT_HELD_MAX)
        import_window_drop(im, e->window);
    rc = import_tree(im, node, is_new, depth + 1);
    int leave = way_leave(&im->way);
    im->is_over |= leave != 0;
    return rc ? rc : leave;
}

static int import_directory(struct import *im, struct import_entry *e, unsigned depth)
{
    ate__cleanup(store_node_unrefp) struct store_node *node = NULL;
    bool is_new = false;
    int rc = 0;
    if (depth + 1 >= FS_DEPTH_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d directories inside each other", FS_DEPTH_MAX);
    int fd =
        openat(way_dir(&im->way), e->name->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && fstat(fd, &e->st))
        rc = ate__fail_errno(errno, "stat");
    if (!rc && !im->full && !is_the_chain(im, &e->st)) {
        rc = store_directory(im, e, &node, &is_new);
        im->counts.directories += !rc;
    }
    if (rc || error || (!node && !im->full)) {
        if (fd >= 0)
            close(fd);
        return rc || !error || im->full ? rc : ate__fail_errno(error, "open");
    }
    return descend(im, e, fd, node, is_new, depth);
}

/* ---- entries ---- */

static int import_entry(struct import *im, struct import_entry *e, unsigned depth)
{
    if (fstatat(way_dir(&im->way), e->name->name, &e->st, AT_SYMLINK_NOFOLLOW))
        return ate__fail_errno(errno, "stat");
    if (S_ISDIR(e->st.st_mode))
        return import_directory(im, e, depth);
    return is_left_out(im, &e->st) ? 0 : import_file(im, e);
}

static int import_window(struct import *im, struct import_window *w, struct store_node *node,
                         unsigned depth, char last[FS_NAME_MAX + 1])
{
    int rc = 0;
    for (size_t i = 0; !rc && i < w->count; i++) {
        struct import_entry e = {.window = w, .name = &w->names[i], .parent = node};
        snprintf(last, FS_NAME_MAX + 1, "%s", e.name->name);
        rc = way_to(&im->way, e.name->name);
        if (!rc)
            rc = import_entry(im, &e, depth);
        if (rc)
            rc = import_failed(im, rc);
        way_back(&im->way);
        import_progress(im);
    }
    return rc;
}

int import_tree(struct import *im, struct store_node *node, bool is_new, unsigned depth)
{
    struct import_window w = {NULL, 0, 0, NULL, 0, 0};
    char after[FS_NAME_MAX + 1] = "";
    bool more = true;
    int rc = 0;
    while (!rc && more) {
        rc = import_window_fill(im, after, &w, &more);
        if (!rc && node && !is_new)
            rc = import_window_look(im, store_node_id(node), &w);
        if (rc) {
            rc = import_failed(im, rc);
            more = false;
        }
        size_t count = w.count;
        if (!rc && count)
            rc = import_window(im, &w, node, depth, after);
        more |= count && !w.count; /* they were let go in between */
        import_window_drop(im, &w);
    }
    return rc;
}
