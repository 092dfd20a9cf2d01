/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_export.c: writes what lies in a chain to a new directory.
 */
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/at.h"
#include "bin/ate/export.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum {
    SHOWN = 512,
    STATUS_NO = 1,
    STATUS_REFUSED = 3,
    STATUS_NOT_REACHED = 5,
    WORKING_MODE = 0700
};

/* ---- entries that fail ---- */

static bool ends_all(const struct export *ex, int result)
{
    return ex->is_over || result == ATE_E_MEMORY || result == ATE_E_IO ||
           result == ATE_E_NO_SPACE || result == ATE_E_BUG ||
           ate__exit_status(result) == STATUS_NOT_REACHED;
}

int export_failed(struct export *ex, int result)
{
    if (result == ATE_WRONG_TYPE) /* by its type's name it is ours, but not by its fields */
        result = ATE_MALFORMED;
    int status = ate__exit_status(result);
    if (ends_all(ex, result)) {
        ex->is_over = true;
        return result;
    }
    ex->counts.failed++;
    if (status > ex->status)
        ex->status = status;
    ate__report(result, way_path(&ex->way));
    return 0;
}

void export_private(struct export *ex, const char *what)
{
    char shown[SHOWN];
    ex->counts.is_private++;
    ate__note_verbose("export: %s: skipped: your keys do not open it",
                      ate__escaped(ate__text_bytes(what), shown, sizeof shown));
}

/* ---- the view ---- */

int export_refresh(struct export *ex, int rc)
{
    if (rc == ATE_STALE)
        rc = ate_txn_refresh(ex->txn);
    if (!rc)
        export_check_view(ex);
    return rc;
}

void export_check_view(struct export *ex)
{
    uint64_t size = ate_txn_base(ex->txn).size;
    if (ex->view && size != ex->view && !ex->counts.views++)
        ate__note("export: the chain was changed meanwhile: what follows is of sequence %" PRIu64,
                  size - 1);
    ex->view = size;
}

/* ---- what is said ---- */

static double seconds_since(uint64_t begun_ms)
{
    return (double)(ate__monotonic_ms(&ate__env_real) - begun_ms + 1) / 1000;
}

void export_progress(const struct export *ex)
{
    char size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT], shown[SHOWN];
    if (!ate__progress_due())
        return;
    double per_second = (double)ex->counts.bytes / seconds_since(ex->begun_ms);
    ate__progress_line("export: %" PRIu64 " files, %s, %s/s  %s", ex->counts.files,
                       ate__size_text(ex->counts.bytes, size),
                       ate__size_text((uint64_t)per_second, rate),
                       ate__escaped(ate__text_bytes(way_path(&ex->way)), shown, sizeof shown));
}

static void print_json(const struct export *ex, double seconds)
{
    const struct export_counts *c = &ex->counts;
    json_t *object = json_object();
    ate__json_set_number(object, "files", c->files + c->hardlinks);
    ate__json_set_number(object, "directories", c->directories);
    ate__json_set_number(object, "links", c->symlinks);
    ate__json_set_number(object, "hard_links", c->hardlinks);
    ate__json_set_number(object, "bytes", c->bytes);
    ate__json_set_number(object, "private", c->is_private);
    ate__json_set_number(object, "compacted", c->compacted);
    ate__json_set_number(object, "nameless", c->nameless);
    ate__json_set_number(object, "unfinished", c->unfinished);
    ate__json_set_number(object, "not_owned", c->not_owned);
    ate__json_set_number(object, "failed", c->failed);
    (void)!json_object_set_new(object, "seconds", json_real(seconds));
    ate__print_json(object);
}

static void say_done(const struct export *ex)
{
    const struct export_counts *c = &ex->counts;
    char size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT], files[ATE__COUNT_TEXT],
        directories[ATE__COUNT_TEXT], links[ATE__COUNT_TEXT];
    double seconds = seconds_since(ex->begun_ms);
    if (ate__out.json) {
        print_json(ex, seconds);
        return;
    }
    ate__note("export: %s, %s, %s, %s in %.1f s (%s/s)",
              ate__count_text(c->files + c->hardlinks, "file", "files", files),
              ate__count_text(c->directories, "directory", "directories", directories),
              ate__count_text(c->symlinks, "link", "links", links), ate__size_text(c->bytes, size),
              seconds, ate__size_text((uint64_t)((double)c->bytes / seconds), rate));
    if (c->is_private)
        ate__note("export: skipped: %" PRIu64 " that your keys do not open (-v names them)",
                  c->is_private);
    if (c->compacted)
        ate__note("export: skipped: %" PRIu64 " whose content of then was compacted away",
                  c->compacted);
    if (c->nameless)
        ate__note("export: skipped: %" PRIu64 " objects without a name", c->nameless);
    if (c->not_owned)
        ate__note("export: %" PRIu64 " could not be given to their owner", c->not_owned);
    if (c->failed)
        ate__note("export: %" PRIu64 " could not be written; they are named above", c->failed);
}

/* ---- the directory ---- */

static int check_empty(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    bool is_empty = true;
    if (!stream) {
        int rc = ate__fail_errno(errno, "open");
        if (copy >= 0)
            close(copy);
        return rc;
    }
    while (is_empty && (entry = readdir(stream)))
        is_empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    closedir(stream);
    return is_empty ? 0
                    : ate__fail(ATE_EXISTS, "the directory is not empty: export writes to a "
                                            "new one");
}

/* Made, or there and empty. */
static int make_top(const char *path, bool *ret_made, int *ret_fd)
{
    bool made = !mkdir(path, WORKING_MODE);
    if (!made && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "the directory above it is not there");
    if (!made && errno != EEXIST)
        return ate__fail_errno(errno, "make the directory");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        return ate__fail(ATE_EXISTS, "it is there, and no directory");
    if (fd < 0)
        return ate__fail_errno(errno, "open");
    int rc = made ? 0 : check_empty(fd);
    if (rc) {
        close(fd);
        return rc;
    }
    *ret_made = made;
    *ret_fd = fd;
    return 0;
}

/* Of the directory that NAME is; the top of a chain has none. */
static int top_attributes(struct export *ex, const struct ate_object *o,
                          struct export_attributes *ret)
{
    const struct fs_dir *dir;
    *ret = (struct export_attributes){.mtime_ns = o->updated_ns};
    if (content_kind_of(o) != CONTENT_DIR)
        return 0;
    int rc = ate_load(ex->txn, fs_dir, o->id, &dir);
    if (!rc)
        *ret = (struct export_attributes){true, dir->mode, dir->uid, dir->gid, dir->mtime_ns};
    return rc;
}

static int finish_top(struct export *ex, bool made, const struct export_attributes *a)
{
    int fd = way_dir(&ex->way);
    if (!ate__id_equal(&ex->top, &ate_top))
        return export_apply(ex, fd, a);
    return made && fchmod(fd, 0777 & ~ex->umask) ? ate__fail_errno(errno, "set the mode") : 0;
}

/* ---- the command ---- */

static int find_top(struct export *ex, struct export_attributes *ret_attributes)
{
    ate__cleanup(path_deinit) struct path path = {NULL, 0, NULL};
    const char *name = ex->o->operand_count > 2 ? ex->o->operand[2] : NULL;
    struct ate_object o = {.id = ate_top};
    int rc = path_parse(name, &path);
    if (!rc)
        rc = path_find(ex->txn, &path, ATE_NO_PAYLOAD, &o, NULL);
    if (rc)
        return rc;
    ex->top = o.id;
    if (!path.count)
        return 0;
    switch (content_kind_of(&o)) {
    case CONTENT_PRIVATE: return ate__fail(ATE_NO_KEY, "your keys do not open it");
    case CONTENT_DIR:
    case CONTENT_OTHER: return top_attributes(ex, &o, ret_attributes);
    default:
        return ate__fail(ATE_MISUSE, "it is no directory: ate get CHAIN NAME -o FILE writes it");
    }
}

static int open_all(struct export *ex, struct export_attributes *ret_attributes)
{
    uint64_t seed[2];
    mode_t mask = umask(0);
    umask(mask);
    ex->umask = mask;
    ex->owns = geteuid() == 0;
    ate__random(&ate__env_real, seed, sizeof seed);
    ate__map_init(&ex->written, sizeof(struct ate_id), seed);
    ate__map_init(&ex->apart, sizeof(struct ate_id), seed);
    int rc = open_chain(ex->o, OPEN_STREAMS, &ex->at);
    if (!rc)
        rc = at_begin(ex->o, ex->at.chain, true, &ex->txn);
    if (rc)
        return rc;
    export_check_view(ex);
    return find_top(ex, ret_attributes);
}

static int export(struct export *ex, const struct export_attributes *attributes)
{
    bool made = false;
    int fd = -1;
    ex->begun_ms = ate__monotonic_ms(&ate__env_real);
    int rc = make_top(ex->o->operand[1], &made, &fd);
    if (!rc)
        rc = way_begin(&ex->way, "", fd);
    if (!rc)
        rc = export_tree(ex);
    return rc ? rc : finish_top(ex, made, attributes);
}

/* Gives the exit status. */
static int end(struct export *ex, int status)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&ex->apart, &at, NULL, &value);)
        ate__free(ate__map_pointer(value));
    ate__map_deinit(&ex->apart);
    ate__map_deinit(&ex->written);
    export_drop_rest(ex);
    way_end(&ex->way);
    ate_txn_end(ex->txn);
    return open_close(&ex->at, status);
}

/* What failed as a whole: the chain or NAME in it, or the directory, at the entry then at hand. */
static int report(const struct export *ex, int rc, bool at_disk)
{
    const char *chain = ex->o->operand[0], *dir = ex->o->operand[1], *at = way_path(&ex->way);
    const char *name = ex->o->operand_count > 2 ? ex->o->operand[2] : NULL;
    ate__cleanup(ate__freep) char *subject =
        at_disk ? ate__format("%s%s%s", dir, *at ? "/" : "", at)
                : ate__format("%s%s%s", chain, name ? "/" : "", name ? name : "");
    return open_report(rc, &ex->at, subject ? subject : dir);
}

static int run(const struct options *o)
{
    struct export ex = {.o = o};
    struct export_attributes attributes = {0};
    if (!strcmp(o->operand[1], "-"))
        return ate__report_usage("export writes a directory; ate get writes one object to stdout");
    int rc = open_all(&ex, &attributes);
    int status = rc ? report(&ex, rc, false) : 0;
    if (!rc) {
        rc = export(&ex, &attributes);
        ate__progress_end();
        status = rc ? report(&ex, rc, true) : ex.status;
        if (!status && ex.counts.is_private)
            status = STATUS_REFUSED;
        if (!status && ex.counts.compacted)
            status = STATUS_NO;
        if (!rc)
            say_done(&ex);
    }
    return end(&ex, status);
}

const struct command cmd_export = {
    .name = "export",
    .summary = "write what lies in a chain to a new directory",
    .operands = "CHAIN DIR [NAME]",
    .operands_min = 2,
    .operands_max = 3,
    .options = OPTS_CHAIN | OPT(OPT_AT),
    .run = run,
    .help =
        "ate export CHAIN DIR [NAME] [--at SEQ|TIME]\n"
        "\n"
        "Writes what lies below NAME, or all of the chain, to DIR, which is made, or empty. Files\n"
        "and directories get the modes and times that they were imported with, and as root their\n"
        "owners; links stay links. Every file's content is checked against its hash, and nothing\n"
        "is ever written outside of DIR, whatever the chain holds.\n"
        "\n"
        "  ate export notes /tmp/notes\n"
        "  ate export @work include.copy include\n"
        "  ate export -v @work public-part            names what your keys do not open\n"
        "\n"
        "Values of ate put become files; so do objects of other programs, as they are stored.\n"
        "What your keys do not open is skipped, and the exit status is 3 at the end; so is what\n"
        "was compacted away since --at: 1. What does not hold or fits no file system is named and\n"
        "not written: 6 or 7; 8 is this machine.\n"
        "\n"
        "  -v               name what is skipped\n"
        "  --at SEQ|TIME    as it was then; ate get --help has the forms of TIME. Reads the log\n"
        "                   up to there, and holds as much in memory as an open of it\n"
        "  --json           the summary as an object; a line for each entry that fails\n"
        "  --mirror DIR     keep a copy of a remote chain there: the next export fetches less\n",
};
