/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * export_file.c: files, and links of both kinds.
 *
 * The first of a file's names that is met gets the content, be it the file itself or a hard link to
 * it; the others are linked to that. Where it was written is found again by the file's path in the
 * chain, or, if a hard link came first, by what is noted in ex->apart.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/export.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { READS_MAX = 3, WORKING_MODE = 0600 };

/* ---- content ---- */

struct output {
    struct export *ex;
    int fd;
    uint64_t size, holes;
};

static bool is_zero(struct ate_bytes piece)
{
    const uint8_t *p = piece.data;
    return piece.size && !p[0] && !memcmp(p, p + 1, piece.size - 1);
}

/* Pieces of zeros become holes. */
static int write_piece(void *arg, struct ate_bytes piece)
{
    struct output *out = arg;
    const char *at = piece.data;
    export_progress(out->ex);
    if (is_zero(piece)) {
        out->size += piece.size;
        out->holes += piece.size;
        return 0;
    }
    for (size_t left = piece.size; left;) {
        ssize_t n = pwrite(out->fd, at, left, (off_t)out->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ate__fail_errno(errno, "write");
        at += n;
        left -= (size_t)n;
        out->size += (uint64_t)n;
    }
    return 0;
}

static int load_attributes(struct export *ex, struct ate_id id, struct export_attributes *ret)
{
    const struct fs_file *file;
    struct ate_object o;
    int rc = ate_load_raw(ex->txn, id, ATE_NO_PAYLOAD, &o);
    if (rc)
        return rc;
    *ret = (struct export_attributes){.mtime_ns = o.updated_ns};
    if (content_kind_of(&o) != CONTENT_FILE)
        return 0;
    rc = ate_load(ex->txn, fs_file, id, &file);
    if (!rc)
        *ret = (struct export_attributes){true, file->mode, file->uid, file->gid, file->mtime_ns};
    return rc;
}

/* Attributes and content of one version. */
static int write_content(struct export *ex, struct ate_id id, struct output *out,
                         struct export_attributes *ret_attributes)
{
    int rc = 0;
    for (unsigned i = 0; i < READS_MAX; i++) {
        out->size = out->holes = 0;
        rc = ftruncate(out->fd, 0) ? ate__fail_errno(errno, "truncate") : 0;
        if (!rc)
            rc = load_attributes(ex, id, ret_attributes);
        if (!rc)
            rc = content_read(ex->txn, id, write_piece, out);
        if (!rc && out->holes && ftruncate(out->fd, (off_t)out->size))
            rc = ate__fail_errno(errno, "write");
        if (rc != ATE_STALE && rc != ATE_CONFLICT)
            break;
        rc = export_refresh(ex, ATE_STALE);
        if (rc)
            break;
        rc = ATE_CONFLICT;
    }
    return rc;
}

/* ---- files ---- */

static int write_file(struct export *ex, const char *name, struct ate_id id)
{
    struct output out = {.ex = ex};
    struct export_attributes attributes = {0};
    struct stat st;
    int at = way_dir(&ex->way);
    out.fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, WORKING_MODE);
    if (out.fd < 0)
        return export_errno("make the file");
    int rc = write_content(ex, id, &out, &attributes);
    if (!rc)
        rc = export_apply(ex, out.fd, &attributes);
    if (!rc && fstat(out.fd, &st))
        rc = ate__fail_errno(errno, "stat");
    if (close(out.fd) && !rc)
        rc = ate__fail_errno(errno, "write");
    if (!rc)
        rc = ate__map_put(&ex->written, &id, st.st_ino);
    if (rc) {
        unlinkat(at, name, 0);
        return rc;
    }
    ex->counts.files++;
    ex->counts.bytes += out.size;
    ex->counts.holes += out.holes;
    return 0;
}

/* The path below the top where the file was written. */
static int find_written(struct export *ex, struct ate_id id, struct ate__buf *ret_path)
{
    uint64_t value;
    if (!ate__map_get(&ex->apart, &id, &value))
        return path_of(ex->txn, id, ex->top, ret_path);
    const char *path = ate__map_pointer(value);
    return ate__buf_append(ret_path, ate__bytes(path, strlen(path) + 1));
}

/* NOT_FOUND: it was not written yet, or is no longer where it was. */
static int link_written(struct export *ex, const char *name, struct ate_id id)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    uint64_t inode;
    if (!ate__map_get(&ex->written, &id, &inode))
        return ATE_NOT_FOUND;
    int rc = find_written(ex, id, &path);
    if (rc == ATE_STALE) {
        rc = export_refresh(ex, rc);
        if (!rc)
            rc = find_written(ex, id, &path);
    }
    if (!rc)
        rc = export_link(ex, (const char *)path.data, inode, name);
    ex->counts.hardlinks += !rc;
    return rc == ATE_NO_KEY || rc == ATE_MALFORMED ? ATE_NOT_FOUND : rc;
}

int export_file(struct export *ex, const char *name, struct ate_id id)
{
    int rc = link_written(ex, name, id);
    return rc == ATE_NOT_FOUND ? write_file(ex, name, id) : rc;
}

/* ---- links ---- */

static int note_apart(struct export *ex, struct ate_id id)
{
    ate__cleanup(ate__freep) char *path = ate__copy_text(way_path(&ex->way));
    uint64_t old;
    bool replaces = ate__map_get(&ex->apart, &id, &old);
    int rc = path ? ate__map_put(&ex->apart, &id, ate__map_of_pointer(path)) : ate__no_memory();
    if (rc)
        return rc;
    if (replaces)
        ate__free(ate__map_pointer(old));
    ate__steal(&path);
    return 0;
}

int export_hardlink(struct export *ex, const char *name, const struct ate_object *link)
{
    struct ate_object target;
    int rc = content_follow(ex->txn, link, &target);
    if (rc == ATE_STALE) {
        rc = export_refresh(ex, rc);
        if (!rc)
            rc = content_follow(ex->txn, link, &target);
    }
    if (rc)
        return rc;
    rc = link_written(ex, name, target.id);
    if (rc != ATE_NOT_FOUND)
        return rc;
    rc = write_file(ex, name, target.id);
    return rc ? rc : note_apart(ex, target.id);
}

int export_symlink(struct export *ex, const char *name, struct ate_id id)
{
    const struct fs_symlink *symlink;
    char target[PATH_MAX];
    int rc = ate_load(ex->txn, fs_symlink, id, &symlink);
    if (rc == ATE_STALE) {
        rc = export_refresh(ex, rc);
        if (!rc)
            rc = ate_load(ex->txn, fs_symlink, id, &symlink);
    }
    if (rc)
        return rc;
    struct ate_bytes bytes = symlink->target;
    if (!bytes.size || bytes.size >= sizeof target || memchr(bytes.data, 0, bytes.size))
        return ate__fail(ATE_MALFORMED,
                         "the target of the link has %zu bytes, or a NUL: no file "
                         "system holds it",
                         bytes.size);
    memcpy(target, bytes.data, bytes.size);
    target[bytes.size] = 0;
    if (symlinkat(target, way_dir(&ex->way), name))
        return export_errno("make the link");
    ex->counts.symlinks++;
    return 0;
}
