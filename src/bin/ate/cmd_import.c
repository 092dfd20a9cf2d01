/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_import.c: stores a directory with all below it.
 */
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/import.h"
#include "bin/ate/path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SHOWN = 512, STATUS_MACHINE = 8, AUTHORITY = 3, NOT_REACHED = 5, NOT_TRUSTED = 6 };

/* ---- entries that fail ---- */

int import_errno(const char *what)
{
    return ate__fail_errno(errno, "%s", what);
}

int import_failed(struct import *im, int result)
{
    int status = ate__exit_status(result);
    if (store_result(im->store) || result == ATE_E_MEMORY || status == AUTHORITY ||
        status == NOT_REACHED || status == NOT_TRUSTED)
        return result;
    im->counts.failed++;
    im->status = im->status == STATUS_MACHINE ? im->status : status;
    ate__report(result, (const char *)im->path.data);
    return 0;
}

/* ---- what is said meanwhile ---- */

static double seconds_since(uint64_t begun_ms)
{
    return (double)(ate__monotonic_ms(&ate__env_real) - begun_ms + 1) / 1000;
}

static void show_progress(void *arg)
{
    const struct import *im = arg;
    const struct import_counts *c = &im->counts;
    char shown[SHOWN], size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT];
    if (!ate__progress_due())
        return;
    double per_second = (double)c->bytes / seconds_since(im->begun_ms);
    ate__progress_line(
        "import: %" PRIu64 " files, %s, %s/s  %s", c->files, ate__size_text(c->bytes, size),
        ate__size_text((uint64_t)per_second, rate),
        ate__escaped(ate__text_bytes((const char *)im->path.data), shown, sizeof shown));
}

static void acknowledged(void *arg, const struct store_receipt *r)
{
    struct import *im = arg;
    char size[ATE__SIZE_TEXT];
    im->acknowledged = r->number;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "acknowledged", r->number);
        if (r->receipt.stage >= ATE_DURABLE)
            ate__json_set_number(object, "sequence", r->receipt.sequence);
        ate__json_set_number(object, "objects", r->objects);
        ate__json_set_number(object, "bytes", r->bytes);
        ate__print_json(object);
        (void)!ate__out_flush();
    }
    ate__note_verbose("import: acknowledged %" PRIu64 ": sequence %" PRIu64 ", %zu objects, %s",
                      r->number, r->receipt.sequence, r->objects, ate__size_text(r->bytes, size));
}

static void print_json(const struct import *im)
{
    const struct import_counts *c = &im->counts;
    json_t *object = json_object();
    ate__json_set_bool(object, "imported", im->status == 0);
    ate__json_set_number(object, "files", c->files);
    ate__json_set_number(object, "directories", c->directories);
    ate__json_set_number(object, "symlinks", c->symlinks);
    ate__json_set_number(object, "hardlinks", c->hardlinks);
    ate__json_set_number(object, "bytes", c->bytes);
    ate__json_set_number(object, "unchanged", c->unchanged);
    ate__json_set_number(object, "sockets", c->sockets);
    ate__json_set_number(object, "devices", c->devices);
    ate__json_set_number(object, "fifos", c->fifos);
    ate__json_set_number(object, "failed", c->failed);
    ate__json_set_number(object, "left_out_files", c->left_out_files);
    ate__json_set_number(object, "left_out_bytes", c->left_out_bytes);
    ate__json_set_number(object, "transactions", im->acknowledged);
    ate__json_set_number(object, "milliseconds", ate__monotonic_ms(&ate__env_real) - im->begun_ms);
    ate__print_json(object);
}

static void say_done(const struct import *im)
{
    const struct import_counts *c = &im->counts;
    char size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT];
    double seconds = seconds_since(im->begun_ms);
    if (ate__out.json)
        print_json(im);
    ate__note("import: %" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " links, %s in %.1f s"
              " (%s/s), %" PRIu64 " transactions",
              c->files, c->directories, c->symlinks + c->hardlinks, ate__size_text(c->bytes, size),
              seconds, ate__size_text((uint64_t)((double)c->bytes / seconds), rate),
              im->acknowledged);
    if (c->unchanged)
        ate__note("import: %" PRIu64 " of them were there already", c->unchanged);
    if (c->sockets + c->devices + c->fifos)
        ate__note("import: skipped: %" PRIu64 " sockets, %" PRIu64 " devices, %" PRIu64 " fifos",
                  c->sockets, c->devices, c->fifos);
    if (c->left_out_files)
        ate__note("import: left out by the limits: %" PRIu64 " files, %s", c->left_out_files,
                  ate__size_text(c->left_out_bytes, size));
    if (c->failed)
        ate__note("import: %" PRIu64 " could not be stored; they are named above", c->failed);
}

/* ---- the path of the entry at hand ---- */

static int push_name(struct import *im, const char *name, size_t *ret_before)
{
    *ret_before = im->path.size;
    im->path.size--; /* the NUL */
    int rc = im->path.size && im->path.data[im->path.size - 1] != '/'
                 ? ate__buf_append(&im->path, ate__bytes("/", 1))
                 : 0;
    return rc ? rc : ate__buf_append(&im->path, ate__bytes(name, strlen(name) + 1));
}

static void pop_name(struct import *im, size_t before)
{
    im->path.size = before;
    im->path.data[before - 1] = 0;
}

/* ---- a directory ---- */

struct names {
    char **name;
    size_t count, capacity;
};

static void names_deinit(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        ate__free(n->name[i]);
    ate__free(n->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of the directory, sorted; its descriptor stays open. */
static int read_names(int dir, struct names *ret)
{
    ate__cleanup(names_deinit) struct names n = {NULL, 0, 0};
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        int rc = import_errno("open");
        if (copy >= 0)
            close(copy);
        return rc;
    }
    const struct dirent *entry;
    int rc = 0;
    errno = 0;
    while (!rc && (entry = readdir(stream))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        rc = ate__grow(&n.name, &n.capacity, n.count + 1, sizeof *n.name);
        char *name = rc ? NULL : ate__copy_text(entry->d_name);
        if (!rc && !name)
            rc = ate__no_memory();
        if (!rc)
            n.name[n.count++] = name;
        errno = 0;
    }
    if (!rc && errno)
        rc = import_errno("read");
    closedir(stream);
    if (rc)
        return rc;
    if (n.count)
        qsort(n.name, n.count, sizeof *n.name, compare_names);
    *ret = n;
    n = (struct names){NULL, 0, 0};
    return 0;
}

/* A file beyond a limit, and with it all that come later in the order, are counted only. */
static bool is_left_out(struct import *im, const struct stat *st)
{
    uint64_t size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    uint64_t files = im->counts.files + im->counts.symlinks + im->counts.hardlinks;
    if (!im->full && (files >= im->o->max_files || im->counts.bytes + size > im->o->max_bytes))
        im->full = true;
    if (!im->full)
        return false;
    if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode)) {
        im->counts.left_out_files++;
        im->counts.left_out_bytes += size;
    }
    return true;
}

static int walk(struct import *im, int dir, struct store_node *node, bool is_new, unsigned depth);

static struct fs_dir attributes(const struct stat *st)
{
    return (struct fs_dir){
        .mode = st->st_mode & FS_MODE_MASK,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

/* The directory's own object: as it is, if nothing of it changed. */
static int store_directory(struct import *im, const struct import_entry *e,
                           struct store_node **ret_node, bool *ret_new)
{
    const struct list_entry *there =
        e->there ? list_find(e->there, ate__text_bytes(e->name)) : NULL;
    struct fs_dir dir = attributes(&e->st);
    const struct fs_dir *old;
    *ret_new = !there;
    if (there && there->kind == CONTENT_DIR && !ate_load(im->look, fs_dir, there->id, &old) &&
        old->mode == dir.mode && old->uid == dir.uid && old->gid == dir.gid &&
        old->mtime_ns == dir.mtime_ns) {
        im->counts.unchanged++;
        *ret_node = store_node_new(there->id);
        return *ret_node ? 0 : ate__no_memory();
    }
    return store_dir(im->store, e->parent, e->name, &dir, NULL, ret_node);
}

static int import_directory(struct import *im, const struct import_entry *e, unsigned depth)
{
    struct store_node *node = NULL;
    struct import_entry opened = *e;
    bool is_new = false;
    int rc = 0;
    int dir = openat(e->dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &opened.st))
        rc = import_errno("open");
    else if (depth >= FS_DEPTH_MAX)
        rc = ate__fail(ATE_TOO_BIG, "more than %d directories inside each other", FS_DEPTH_MAX);
    if (!rc && !im->full) {
        rc = store_directory(im, &opened, &node, &is_new);
        im->counts.directories += !rc;
    }
    rc = rc ? import_failed(im, rc) : walk(im, dir, node, is_new, depth + 1);
    if (dir >= 0)
        close(dir);
    store_node_unref(node);
    return rc;
}

static int import_entry(struct import *im, struct import_entry *e, unsigned depth)
{
    if (fstatat(e->dir, e->name, &e->st, AT_SYMLINK_NOFOLLOW))
        return import_failed(im, import_errno("stat"));
    if (S_ISDIR(e->st.st_mode))
        return import_directory(im, e, depth);
    return is_left_out(im, &e->st) ? 0 : import_file(im, e);
}

/* node NULL: only to be counted. */
static int walk(struct import *im, int dir, struct store_node *node, bool is_new, unsigned depth)
{
    ate__cleanup(names_deinit) struct names names = {NULL, 0, 0};
    struct list there = {NULL, 0, 0};
    int rc = read_names(dir, &names);
    if (rc)
        return import_failed(im, rc);
    if (node && !is_new)
        rc = list_children(im->look, store_node_id(node), 0, &there);
    for (size_t i = 0; !rc && i < names.count; i++) {
        struct import_entry e = {
            .dir = dir, .name = names.name[i], .parent = node, .there = &there};
        size_t before;
        rc = push_name(im, names.name[i], &before);
        if (!rc)
            rc = import_entry(im, &e, depth);
        pop_name(im, before);
        show_progress(im);
    }
    list_deinit(&there);
    return rc;
}

/* ---- the beginning ---- */

/* The directory's own object: NAME, or the top. */
static int make_root(struct import *im, const struct path *path, const struct stat *st,
                     struct store_node **ret_node, bool *ret_new)
{
    static const struct fs_dir made = {.mode = FS_DIR_MODE};
    struct store_when missing = {.missing = true};
    struct ate_object nearest;
    size_t depth;
    int rc = path_find_part(im->look, path, path->count, ATE_NO_PAYLOAD, &nearest, &depth);
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    *ret_new = rc == ATE_NOT_FOUND;
    if (!*ret_new && im->o->is_public && !nearest.open)
        return ate__fail(ATE_EXISTS, "it is there already, and private: --public opens only what "
                                     "import makes");
    rc = im->o->is_public ? 0 : open_check_readers(im->o, im->look, nearest.id);
    struct store_node *node = rc ? NULL : store_node_new(nearest.id);
    if (!rc && !node)
        rc = ate__no_memory();
    for (; !rc && depth < path->count; depth++) {
        bool last = depth + 1 == path->count;
        struct store_when when = {.is_public = last && im->o->is_public};
        struct fs_dir own = attributes(st);
        struct store_node *child;
        rc = store_dir(im->store, node, path->part[depth], last ? &own : &made,
                       last ? &when : &missing, &child);
        if (!rc) {
            store_node_unref(node);
            node = child;
        }
    }
    if (rc)
        store_node_unref(node);
    else
        *ret_node = node;
    return rc;
}

static int begin(struct import *im)
{
    struct store_conf conf = {
        .scope = im->o->scope, .acknowledged = acknowledged, .waiting = show_progress, .arg = im};
    uint64_t seed[2];
    ate__random(&ate__env_real, seed, sizeof seed);
    ate__map_init(&im->links, 2 * sizeof(uint64_t), seed);
    im->begun_ms = ate__monotonic_ms(&ate__env_real);
    im->piece = ate__alloc(FS_PAGE_SIZE + 1);
    if (!im->piece)
        return ate__no_memory();
    int rc =
        ate__buf_append(&im->path, ate__bytes(im->o->operand[1], strlen(im->o->operand[1]) + 1));
    if (!rc)
        rc = open_chain(im->o, OPEN_CREATES, &im->at);
    if (rc)
        return rc;
    conf.chain = im->at.chain;
    rc = ate_txn_begin(im->at.chain, NULL, ATE_READ, &im->look);
    return rc ? rc : store_new(&conf, &im->store);
}

/* One descriptor stays open for each directory on the way down. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_directory(const char *path, int *ret_dir, struct stat *ret_st)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && errno == ENOTDIR)
        return ate__fail(ATE_MISUSE, "it is no directory; ate put CHAIN NAME @FILE stores a file");
    if (dir < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "there is no such directory");
    if (dir < 0 || fstat(dir, ret_st)) {
        int rc = import_errno("open");
        if (dir >= 0)
            close(dir);
        return rc;
    }
    *ret_dir = dir;
    return 0;
}

static int import_all(struct import *im, const struct path *path, int dir, const struct stat *st)
{
    struct store_node *root = NULL;
    bool is_new;
    int rc = begin(im);
    if (!rc)
        rc = make_root(im, path, st, &root, &is_new);
    if (!rc)
        rc = walk(im, dir, root, is_new, 0);
    if (!rc)
        rc = store_flush(im->store);
    store_node_unref(root);
    return rc;
}

static void end(struct import *im)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&im->links, &at, NULL, &value);)
        store_node_unref(ate__map_pointer(value));
    ate__map_deinit(&im->links);
    store_free(im->store);
    ate_txn_end(im->look);
    open_close(&im->at);
    ate__buf_deinit(&im->path);
    ate__free(im->piece);
}

static int run(const struct options *o)
{
    struct import im = {.o = o};
    struct path path = {NULL, 0, NULL};
    struct stat st;
    int dir = -1;
    raise_descriptors();
    int rc = path_parse(o->operand_count > 2 ? o->operand[2] : NULL, &path);
    if (!rc && o->is_public && !path.count)
        rc = ate__fail(ATE_MISUSE, "--public needs a NAME: it opens that directory, not the chain");
    if (!rc)
        rc = open_directory(o->operand[1], &dir, &st);
    int status = rc ? ate__report(rc, o->operand[1]) : 0;
    if (!rc) {
        rc = import_all(&im, &path, dir, &st);
        ate__progress_end();
        status = rc ? open_report(rc, &im.at, o->operand[0]) : im.status;
        if (!rc)
            say_done(&im);
        else if (ate__exit_status(rc) == NOT_REACHED)
            ate__note("import: run the same command again: it continues");
        end(&im);
        close(dir);
    }
    path_deinit(&path);
    return status;
}

const struct command cmd_import = {
    .name = "import",
    .summary = "store a directory with all below it; makes the chain if it is not there",
    .operands = "CHAIN DIR [NAME]",
    .operands_min = 2,
    .operands_max = 3,
    .options =
        OPTS_CHAIN | OPT(OPT_SCOPE) | OPT(OPT_PUBLIC) | OPT(OPT_MAX_FILES) | OPT(OPT_MAX_BYTES),
    .run = run,
    .help =
        "ate import CHAIN DIR [NAME]\n"
        "\n"
        "Stores what lies in DIR below NAME, or at the top of the chain: files, directories,\n"
        "symbolic and hard links, with modes, owners and times. Names are bytes, in any encoding.\n"
        "Run again, it continues: what is there with the same size, time and hash is not sent\n"
        "again. Sockets, devices and fifos are skipped; a file that cannot be read is named, and\n"
        "the exit status is 8 at the end.\n"
        "\n"
        "  ate import notes ~/Documents docs\n"
        "  ate import @work /usr/include include --max-files 20000 --max-bytes 512M\n"
        "  ate import -v @work . src\n"
        "\n"
        "  --public           what is made below NAME is open to every reader\n"
        "  --max-files N      no more than the first N, in sorted order; says what is left out\n"
        "  --max-bytes SIZE   no more than the first so many bytes\n"
        "  --scope SCOPE      full (the default), local, none\n"
        "  -v                 a line for each transaction that is acknowledged; --json too\n",
};
