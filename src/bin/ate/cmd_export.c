/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_export.c: writes what lies in a chain to a new directory.
 *
 * Names and links are the chain's, and may be anything. Each entry is made in the directory that
 * holds it, by its descriptor, where nothing was before (O_EXCL, O_NOFOLLOW); a name that is no
 * name of one entry is refused; nothing is opened through a symbolic link. Hard links are made when
 * all files are there.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/list.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 512, STATUS_MACHINE = 8, NOT_REACHED = 5, NS_PER_S = 1000000000 };

struct link { /* to be made at the end */
    char *path;           /* below the new directory */
    struct ate_id object; /* the hard link's own */
};
struct export
{
    const struct options *o;
    struct opened at;
    struct ate_txn *txn;
    struct ate_id root;   /* what is exported */
    int top;              /* the new directory */
    bool is_root;         /* owners can be restored */
    struct ate__buf path; /* of the entry at hand, below the directory, ended with NUL */
    struct link *links;
    size_t link_count, link_capacity;
    int status;           /* of the entries that failed */
    uint64_t files, directories, symlinks, hardlinks, bytes, failed, other;
};

static int fail_errno(const char *what)
{
    return ate__fail_errno(errno, "%s", what);
}

/* Names an entry that cannot be written; the others go on. */
static int failed(struct export *x, int result)
{
    int status = ate__exit_status(result);
    if (result == ATE_E_MEMORY || result == ATE_E_NO_SPACE || status == NOT_REACHED)
        return result;
    x->failed++;
    if (!x->status || status == STATUS_MACHINE)
        x->status = status;
    const char *path = (const char *)x->path.data;
    ate__report(result, *path ? path : x->o->operand[0]);
    return 0;
}

/* ---- files ---- */

static int set_state(struct export *x, int fd, const struct fs_dir *state)
{
    mode_t mode = state->mode & FS_MODE_MASK;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
    int64_t seconds = state->mtime_ns / NS_PER_S, rest = state->mtime_ns % NS_PER_S;
    times[1].tv_sec = rest < 0 ? seconds - 1 : seconds;
    times[1].tv_nsec = rest < 0 ? rest + NS_PER_S : rest;
    if (x->is_root && fchown(fd, state->uid, state->gid))
        return fail_errno("chown");
    if (!x->is_root)
        mode &= 01777; /* of another owner, these would give rights that nobody meant */
    if (fchmod(fd, mode))
        return fail_errno("chmod");
    /* What put made has no time. */
    return state->mtime_ns && futimens(fd, times) ? fail_errno("times") : 0;
}

struct target {
    int fd;
    uint64_t bytes;
};

static int write_piece(void *arg, struct ate_bytes piece)
{
    struct target *t = arg;
    for (size_t at = 0; at < piece.size;) {
        ssize_t n = write(t->fd, (const char *)piece.data + at, piece.size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno("write");
        at += (size_t)n;
    }
    t->bytes += piece.size;
    return 0;
}

/* The state of a file that was exported; a value has none of its own. */
static int load_state(struct export *x, struct ate_id id, enum content_kind kind,
                      struct fs_dir *ret_state)
{
    const struct fs_file *file;
    *ret_state = (struct fs_dir){.mode = FS_FILE_MODE};
    if (kind != CONTENT_FILE)
        return 0;
    int rc = ate_load(x->txn, fs_file, id, &file);
    if (!rc)
        *ret_state = (struct fs_dir){file->mode, file->uid, file->gid, file->mtime_ns};
    return rc;
}

/* What turns out not to be its hash's is not left behind. */
static int export_file(struct export *x, int dir, const char *name, struct ate_id id,
                       enum content_kind kind)
{
    struct fs_dir state;
    struct target target = {
        .fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (target.fd < 0)
        return fail_errno("create");
    int rc = content_read(x->txn, id, write_piece, &target);
    if (!rc)
        rc = load_state(x, id, kind, &state);
    if (!rc)
        rc = set_state(x, target.fd, &state);
    if (close(target.fd) && !rc)
        rc = fail_errno("close");
    if (rc) {
        unlinkat(dir, name, 0);
        return rc;
    }
    x->files++;
    x->bytes += target.bytes;
    return 0;
}

static int export_symlink(struct export *x, int dir, const char *name, struct ate_id id)
{
    const struct fs_symlink *link;
    char target[PATH_MAX];
    int rc = ate_load(x->txn, fs_symlink, id, &link);
    if (rc)
        return rc;
    if (!link->target.size || link->target.size >= sizeof target ||
        memchr(link->target.data, 0, link->target.size))
        return ate__fail(ATE_MALFORMED, "a symbolic link to nothing that can be a path");
    memcpy(target, link->target.data, link->target.size);
    target[link->target.size] = 0;
    if (symlinkat(target, dir, name))
        return fail_errno("symlink");
    x->symlinks++;
    return 0;
}

/* ---- hard links ---- */

static int remember_link(struct export *x, struct ate_id id)
{
    int rc = ate__grow(&x->links, &x->link_capacity, x->link_count + 1, sizeof *x->links);
    char *path = rc ? NULL : ate__copy_text((const char *)x->path.data);
    if (rc || !path)
        return rc ? rc : ate__no_memory();
    x->links[x->link_count++] = (struct link){path, id};
    return 0;
}

/* The directory that holds the last name of a path that this export made; no link is followed. */
static int open_parent(struct export *x, const char *path, const char **ret_name)
{
    char part[FS_NAME_MAX + 1];
    int dir = dup(x->top);
    for (const char *slash; dir >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        size_t size = (size_t)(slash - path);
        if (size >= sizeof part) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, size);
        part[size] = 0;
        int below = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        dir = below;
    }
    *ret_name = path;
    return dir;
}

/* Links to the file that was exported; one that lies elsewhere in the chain is written out. */
static int make_link(struct export *x, const struct link *l)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf target = ATE__BUF_NULL;
    const char *name, *target_name;
    struct ate_object link, file;
    int rc = ate_load_raw(x->txn, l->object, ATE_NO_PAYLOAD, &link);
    if (!rc)
        rc = content_follow(x->txn, &link, &file);
    if (rc)
        return rc;
    int dir = open_parent(x, l->path, &name);
    if (dir < 0)
        return fail_errno("open");
    int known = path_of(x->txn, file.id, x->root, &target);
    int from = known ? -1 : open_parent(x, (const char *)target.data, &target_name);
    struct stat st;
    if (from >= 0 && !fstatat(from, target_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
        !linkat(from, target_name, dir, name, 0))
        x->hardlinks++;
    else
        rc = export_file(x, dir, name, file.id, content_kind_of(&file));
    if (from >= 0)
        close(from);
    close(dir);
    return rc;
}

static int make_links(struct export *x)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < x->link_count; i++) {
        ate__buf_clear(&x->path);
        rc = ate__buf_append(&x->path, ate__bytes(x->links[i].path, strlen(x->links[i].path) + 1));
        if (rc)
            return rc;
        ate_txn_end_loans(x->txn);
        rc = make_link(x, &x->links[i]);
        if (rc == ATE_STALE) {
            rc = ate_txn_refresh(x->txn);
            if (!rc)
                rc = make_link(x, &x->links[i]);
        }
        if (rc)
            rc = failed(x, rc);
    }
    return rc;
}

/* ---- directories ---- */

static int walk(struct export *x, int dir, struct ate_id id, unsigned depth);

static int export_directory(struct export *x, int parent, const struct list_entry *e,
                            unsigned depth)
{
    struct fs_dir state = {.mode = FS_DIR_MODE};
    const struct fs_dir *stored;
    int rc = e->kind == CONTENT_DIR ? ate_load(x->txn, fs_dir, e->id, &stored) : 0;
    if (rc)
        return rc;
    if (e->kind == CONTENT_DIR)
        state = *stored;
    if (depth >= FS_DEPTH_MAX)
        return ate__fail(ATE_TOO_BIG, "more than %d directories inside each other", FS_DEPTH_MAX);
    if (mkdirat(parent, e->name, 0700))
        return fail_errno("mkdir");
    int dir = openat(parent, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return fail_errno("open");
    x->directories++;
    rc = walk(x, dir, e->id, depth + 1);
    if (!rc)
        rc = set_state(x, dir, &state);
    close(dir);
    return rc;
}

static int export_entry(struct export *x, int dir, const struct list_entry *e, unsigned depth)
{
    if (e->kind == CONTENT_PRIVATE)
        return ate__fail(ATE_NO_KEY, "an object that your keys do not open");
    if (!e->name) { /* a file that is unfinished, or an object of a program */
        x->other++;
        return 0;
    }
    if (!path_name_fits(ate__bytes(e->name, e->name_size)))
        return ate__fail(ATE_MALFORMED, "a name that cannot be that of a file");
    switch (e->kind) {
    case CONTENT_DIR: return export_directory(x, dir, e, depth);
    case CONTENT_TEXT:
    case CONTENT_BYTES:
    case CONTENT_FILE: return export_file(x, dir, e->name, e->id, e->kind);
    case CONTENT_SYMLINK: return export_symlink(x, dir, e->name, e->id);
    case CONTENT_HARDLINK: return remember_link(x, e->id);
    default:
        x->other++;
        ate__note_verbose("export: %s is of type %s, and no file", (const char *)x->path.data,
                          e->type);
        return 0;
    }
}

static int push_name(struct export *x, const struct list_entry *e, size_t *ret_before)
{
    char id[ATE_ID_TEXT];
    struct ate_bytes name =
        e->name ? ate__bytes(e->name, e->name_size) : ate__text_bytes(ate_id_text(e->id, id));
    *ret_before = x->path.size;
    x->path.size--; /* the NUL */
    int rc = x->path.size ? ate__buf_append(&x->path, ate__bytes("/", 1)) : 0;
    if (!rc)
        rc = ate__buf_append(&x->path, name);
    return rc ? rc : ate__buf_append(&x->path, ate__bytes("", 1));
}

static void show_progress(const struct export *x)
{
    char shown[SHOWN], size[ATE__SIZE_TEXT];
    if (ate__progress_due())
        ate__progress_line(
            "export: %" PRIu64 " files, %s  %s", x->files, ate__size_text(x->bytes, size),
            ate__escaped(ate__text_bytes((const char *)x->path.data), shown, sizeof shown));
}

static int walk(struct export *x, int dir, struct ate_id id, unsigned depth)
{
    struct list children;
    int rc = list_children(x->txn, id, 0, &children);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < children.count; i++) {
        size_t before;
        rc = push_name(x, &children.entries[i], &before);
        if (!rc) {
            rc = export_entry(x, dir, &children.entries[i], depth);
            if (rc == ATE_STALE) {
                rc = ate_txn_refresh(x->txn);
                if (!rc)
                    rc = export_entry(x, dir, &children.entries[i], depth);
            }
            if (rc)
                rc = failed(x, rc);
        }
        x->path.size = before;
        x->path.data[before - 1] = 0;
        ate_txn_end_loans(x->txn);
        show_progress(x);
    }
    list_deinit(&children);
    return rc;
}

/* ---- the command ---- */

static int is_empty(int dir, bool *ret_empty)
{
    int copy = dup(dir);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    if (!stream)
        return fail_errno("open");
    *ret_empty = true;
    while ((entry = readdir(stream)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            *ret_empty = false;
    rewinddir(stream);
    closedir(stream);
    return 0;
}

static int make_top(struct export *x)
{
    const char *path = x->o->operand[1];
    bool empty = true;
    int rc = 0;
    if (mkdir(path, 0700) && errno != EEXIST)
        return fail_errno("mkdir");
    x->top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->top < 0 && errno == ENOTDIR)
        return ate__fail(ATE_EXISTS, "%s is there already, and no directory", path);
    if (x->top < 0)
        return fail_errno("open");
    rc = is_empty(x->top, &empty);
    if (!rc && !empty)
        rc = ate__fail(ATE_EXISTS, "the directory is not empty: name one that is not there yet");
    return rc;
}

static int find_root(struct export *x, const struct path *path, struct fs_dir *ret_state)
{
    const struct fs_dir *dir;
    struct ate_object o;
    int rc = path_find(x->txn, path, ATE_NO_PAYLOAD, &o, NULL);
    if (rc)
        return rc;
    enum content_kind kind = content_kind_of(&o);
    *ret_state = (struct fs_dir){.mode = FS_DIR_MODE};
    x->root = o.id;
    if (kind == CONTENT_PRIVATE && path->count)
        return ate__fail(ATE_NO_KEY, "your keys do not open it");
    if (kind == CONTENT_DIR) {
        rc = ate_load(x->txn, fs_dir, o.id, &dir);
        if (!rc)
            *ret_state = *dir;
    } else if (path->count && kind != CONTENT_OTHER) {
        rc = ate__fail(ATE_MISUSE, "it is no directory: ate get CHAIN NAME -o FILE writes it");
    }
    return rc;
}

static int export_all(struct export *x, const struct path *path)
{
    struct fs_dir state;
    int rc = open_chain(x->o, OPEN_STREAMS, &x->at);
    if (!rc)
        rc = ate_txn_begin(x->at.chain, NULL, ATE_READ, &x->txn);
    if (!rc)
        rc = find_root(x, path, &state);
    if (!rc)
        rc = make_top(x);
    if (!rc)
        rc = ate__buf_append(&x->path, ate__bytes("", 1));
    if (!rc)
        rc = walk(x, x->top, x->root, 0);
    if (!rc)
        rc = make_links(x);
    return rc ? rc : set_state(x, x->top, &state);
}

static void say_done(const struct export *x)
{
    char size[ATE__SIZE_TEXT];
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_bool(object, "exported", x->status == 0);
        ate__json_set_number(object, "files", x->files);
        ate__json_set_number(object, "directories", x->directories);
        ate__json_set_number(object, "symlinks", x->symlinks);
        ate__json_set_number(object, "hardlinks", x->hardlinks);
        ate__json_set_number(object, "bytes", x->bytes);
        ate__json_set_number(object, "failed", x->failed);
        ate__json_set_number(object, "other", x->other);
        ate__print_json(object);
    }
    ate__note("export: %" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " links, %s", x->files,
              x->directories, x->symlinks + x->hardlinks, ate__size_text(x->bytes, size));
    if (x->other)
        ate__note("export: %" PRIu64 " objects are no files, and were left out", x->other);
    if (x->failed)
        ate__note("export: %" PRIu64 " could not be written; they are named above", x->failed);
}

static void end(struct export *x)
{
    for (size_t i = 0; i < x->link_count; i++)
        ate__free(x->links[i].path);
    ate__free(x->links);
    ate_txn_end(x->txn);
    open_close(&x->at);
    ate__buf_deinit(&x->path);
    if (x->top >= 0)
        close(x->top);
}

static int run(const struct options *o)
{
    struct export x = {.o = o, .top = -1, .is_root = geteuid() == 0};
    struct path path = {NULL, 0, NULL};
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) { /* one for each directory on the way down */
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
    int rc = path_parse(o->operand_count > 2 ? o->operand[2] : NULL, &path);
    if (!rc)
        rc = export_all(&x, &path);
    ate__progress_end();
    int status = rc ? open_report(rc, &x.at, o->operand[x.top < 0 ? 0 : 1]) : x.status;
    if (!rc)
        say_done(&x);
    end(&x);
    path_deinit(&path);
    return status;
}

const struct command cmd_export = {
    .name = "export",
    .summary = "write what lies in a chain to a new directory",
    .operands = "CHAIN DIR [NAME]",
    .operands_min = 2,
    .operands_max = 3,
    .options = OPTS_CHAIN,
    .run = run,
    .help =
        "ate export CHAIN DIR [NAME]\n"
        "\n"
        "Writes what lies below NAME, or at the top of the chain, to DIR, which is new or empty:\n"
        "files, directories and links, with modes, times and, as root, owners. Each file is\n"
        "checked against its hash. Nothing is written outside of DIR, whatever the chain's names\n"
        "and links say.\n"
        "\n"
        "  ate export notes /tmp/notes\n"
        "  ate export @work ./include include\n"
        "\n"
        "Values that were put become files. Objects of a program's own types are left out, and\n"
        "counted. What your keys do not open is named, and the exit status is 3 at the end.\n",
};
