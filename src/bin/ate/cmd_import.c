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
#include "bin/ate/stop.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum { SHOWN = 512, STATUS_REFUSED = 3, STATUS_NOT_REACHED = 5, STATUS_NOT_TRUSTED = 6 };

/* ---- entries that fail ---- */

static bool ends_all(const struct import *im, int result)
{
    int status = ate__exit_status(result);
    bool replaces = result == ATE_DENIED && ate_chain_archive(im->at.chain, NULL);
    return im->is_over || store_result(im->store) || result == ATE_E_MEMORY ||
           result == ATE_E_BUG || (status == STATUS_REFUSED && !replaces) ||
           status == STATUS_NOT_REACHED || status == STATUS_NOT_TRUSTED;
}

int import_failed(struct import *im, int result)
{
    int status = ate__exit_status(result);
    if (ends_all(im, result)) {
        im->is_over = true;
        return result;
    }
    im->counts.failed++;
    if (status > im->status)
        im->status = status;
    ate__report(result, way_path(&im->way));
    return 0;
}

/* ---- what is said ---- */

static double seconds_since(uint64_t begun_ms)
{
    return (double)(ate__monotonic_ms(&ate__env_real) - begun_ms + 1) / 1000;
}

void import_progress(void *arg)
{
    const struct import *im = arg;
    const struct import_counts *c = &im->counts;
    char shown[SHOWN], size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT];
    if (!ate__progress_due())
        return;
    uint64_t bytes = c->bytes + im->passing;
    double per_second = (double)bytes / seconds_since(im->begun_ms);
    ate__progress_line("import: %" PRIu64 " files, %s, %s/s  %s", c->files,
                       ate__size_text(bytes, size), ate__size_text((uint64_t)per_second, rate),
                       ate__escaped(ate__text_bytes(way_path(&im->way)), shown, sizeof shown));
}

static void acknowledged(void *arg, const struct store_receipt *r)
{
    struct import *im = arg;
    bool has_place = r->receipt.stage >= ATE_DURABLE;
    char size[ATE__SIZE_TEXT];
    im->transactions = r->number;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "transaction", r->number);
        if (has_place)
            ate__json_set_number(object, "sequence", r->receipt.sequence);
        ate__json_set_number(object, "objects", r->objects);
        ate__json_set_number(object, "bytes", r->bytes);
        ate__print_json(object);
        (void)!ate__out_flush();
    } else if (has_place) {
        ate__note_verbose("import: transaction %" PRIu64 ": sequence %" PRIu64 ", %zu objects, %s",
                          r->number, r->receipt.sequence, r->objects,
                          ate__size_text(r->bytes, size));
    } else {
        ate__note_verbose("import: transaction %" PRIu64 ": %zu objects, %s", r->number, r->objects,
                          ate__size_text(r->bytes, size));
    }
}

static void print_json(const struct import *im, double seconds)
{
    const struct import_counts *c = &im->counts;
    json_t *object = json_object();
    ate__json_set_number(object, "files", c->files);
    ate__json_set_number(object, "directories", c->directories);
    ate__json_set_number(object, "links", c->symlinks);
    ate__json_set_number(object, "hard_links", c->hardlinks);
    ate__json_set_number(object, "bytes", c->bytes);
    ate__json_set_number(object, "unchanged", c->unchanged);
    ate__json_set_number(object, "skipped", c->sockets + c->devices + c->fifos + c->chains);
    ate__json_set_number(object, "left_out", c->left_out_files);
    ate__json_set_number(object, "left_out_bytes", c->left_out_bytes);
    ate__json_set_number(object, "failed", c->failed);
    ate__json_set_number(object, "transactions", im->transactions);
    (void)!json_object_set_new(object, "seconds", json_real(seconds));
    ate__print_json(object);
}

static void say_exceptions(const struct import_counts *c)
{
    char size[ATE__SIZE_TEXT], sockets[ATE__COUNT_TEXT], devices[ATE__COUNT_TEXT],
        fifos[ATE__COUNT_TEXT], files[ATE__COUNT_TEXT];
    if (c->unchanged)
        ate__note("import: %" PRIu64 " of them were there already", c->unchanged);
    if (c->sockets + c->devices + c->fifos)
        ate__note("import: skipped: %s, %s, %s",
                  ate__count_text(c->sockets, "socket", "sockets", sockets),
                  ate__count_text(c->devices, "device", "devices", devices),
                  ate__count_text(c->fifos, "fifo", "fifos", fifos));
    if (c->unlinked)
        ate__note("import: stored once for each of their names, since more than %d were open at a "
                  "time: %s",
                  IMPORT_LINKS_MAX, ate__count_text(c->unlinked, "file", "files", files));
    if (c->left_out_files)
        ate__note("import: left out by the limits: %s, %s",
                  ate__count_text(c->left_out_files, "file", "files", files),
                  ate__size_text(c->left_out_bytes, size));
    if (c->failed)
        ate__note("import: %" PRIu64 " could not be stored; they are named above", c->failed);
}

static void say_done(const struct import *im)
{
    const struct import_counts *c = &im->counts;
    char size[ATE__SIZE_TEXT], rate[ATE__SIZE_TEXT], files[ATE__COUNT_TEXT],
        directories[ATE__COUNT_TEXT], links[ATE__COUNT_TEXT], transactions[ATE__COUNT_TEXT];
    double seconds = seconds_since(im->begun_ms);
    if (ate__out.json) {
        print_json(im, seconds);
        return;
    }
    ate__note("import: %s, %s, %s, %s in %.1f s (%s/s), %s",
              ate__count_text(c->files, "file", "files", files),
              ate__count_text(c->directories, "directory", "directories", directories),
              ate__count_text(c->symlinks, "link", "links", links), ate__size_text(c->bytes, size),
              seconds, ate__size_text((uint64_t)((double)c->bytes / seconds), rate),
              ate__count_text(im->transactions, "transaction", "transactions", transactions));
    say_exceptions(c);
}

/* ---- where it goes ---- */

static int check_top(struct import *im, struct ate_txn *txn, const struct ate_object *o)
{
    enum content_kind kind = content_kind_of(o);
    if (!ate__id_equal(&o->id, &ate_top) && kind != CONTENT_DIR && kind != CONTENT_OTHER)
        return kind == CONTENT_PRIVATE
                   ? ate__fail(ATE_NO_KEY, "your keys do not open what is there")
                   : ate__fail(ATE_CONFLICT, "what is there is no directory; ate rm removes it");
    return im->o->is_public ? 0 : open_check_readers(im->o, txn, o->id);
}

/* The nearest of the path's directories that is there. */
struct nearest {
    struct ate_id id, parent;
    bool has_state; /* it is a directory of ours */
    struct fs_dir state;
    size_t depth; /* parts of the path down to it */
};

static int find_nearest(struct import *im, struct ate_txn *txn, const struct path *path,
                        struct nearest *ret)
{
    const struct fs_dir *state;
    struct ate_object o;
    size_t depth;
    int rc = path_find_part(txn, path, path->count, ATE_NO_PAYLOAD, &o, &depth);
    if (rc == ATE_NOT_FOUND)
        rc = 0;
    if (!rc)
        rc = check_top(im, txn, &o);
    if (!rc && path->count && depth == path->count && im->o->is_public && !o.open)
        rc = ate__fail(ATE_EXISTS, "it is there already, and private: --public opens what import "
                                   "makes");
    if (rc)
        return rc;
    *ret = (struct nearest){.id = o.id, .parent = o.parent, .depth = depth};
    if (content_kind_of(&o) != CONTENT_DIR)
        return 0;
    rc = ate_load(txn, fs_dir, o.id, &state);
    if (!rc) {
        ret->has_state = true;
        ret->state = *state;
    }
    return rc;
}

/* Makes what is missing of the path. *take_node: of its first `depth` parts. */
static int make_path(struct import *im, const struct path *path, size_t depth,
                     const struct fs_dir *state, struct store_node **take_node)
{
    static const struct fs_dir made = {.mode = FS_DIR_MODE};
    static const struct store_when missing = {.missing = true};
    const struct store_when opened = {.is_public = im->o->is_public};
    int rc = 0;
    for (; !rc && depth < path->count; depth++) {
        bool last = depth + 1 == path->count;
        struct store_node *child;
        rc = store_dir(im->store, *take_node, path->part[depth], last ? state : &made,
                       last ? &opened : &missing, &child);
        if (!rc) {
            store_node_unref(*take_node);
            *take_node = child;
        }
    }
    return rc;
}

/* The directory's own object: NAME, or the top. */
static int make_top(struct import *im, const struct path *path, const struct stat *st,
                    struct store_node **ret_node, bool *ret_new)
{
    struct fs_dir state = import_state(st);
    struct nearest nearest;
    struct ate_txn *txn;
    int rc = ate_txn_begin(im->at.chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = find_nearest(im, txn, path, &nearest);
    ate_txn_end(txn);
    if (rc)
        return rc;
    *ret_new = nearest.depth < path->count;
    bool renew = !*ret_new && nearest.has_state && !import_same_state(&nearest.state, &state);
    size_t depth = nearest.depth - renew;
    struct store_node *node = store_node_new(renew ? nearest.parent : nearest.id);
    rc = node ? make_path(im, path, depth, &state, &node) : ate__no_memory();
    if (rc)
        store_node_unref(node);
    else
        *ret_node = node;
    return rc;
}

/* ---- the command ---- */

static int begin(struct import *im)
{
    struct store_conf conf = {
        .scope = im->o->scope, .acknowledged = acknowledged, .waiting = import_progress, .arg = im};
    struct stat st;
    uint64_t seed[2];
    stop_says("import: run the same command again: it continues\n");
    ate__random(&ate__env_real, seed, sizeof seed);
    ate__map_init(&im->links, 2 * sizeof(uint64_t), seed);
    im->piece = ate__alloc(FS_PAGE_SIZE + 1);
    int rc = im->piece ? open_chain(im->o, OPEN_CREATES, &im->at) : ate__no_memory();
    if (rc)
        return rc;
    if (!im->at.remote && !stat(ate_chain_address(im->at.chain), &st)) {
        im->chain_device = st.st_dev;
        im->chain_inode = st.st_ino;
    }
    im->begun_ms = ate__monotonic_ms(&ate__env_real);
    conf.chain = im->at.chain;
    return store_new(&conf, &im->store);
}

static int import_all(struct import *im, const struct path *path, const struct stat *st)
{
    ate__cleanup(store_node_unrefp) struct store_node *top = NULL;
    bool is_new = false; /* gcc -O1 does not see that make_top() sets it */
    int rc = begin(im);
    if (!rc && im->chain_inode == st->st_ino && im->chain_device == st->st_dev)
        rc = ate__fail(ATE_MISUSE, "the directory is the chain itself");
    if (!rc)
        rc = make_top(im, path, st, &top, &is_new);
    if (!rc) {
        im->counts.directories += path->count > 0;
        rc = import_tree(im, top, is_new, (unsigned)path->count);
    }
    return rc ? rc : store_flush(im->store);
}

/* Gives the exit status. */
static int end(struct import *im, int status)
{
    import_links_deinit(im);
    store_free(im->store);
    ate_txn_end(im->look);
    status = open_close(&im->at, status);
    way_end(&im->way);
    ate__free(im->piece);
    return status;
}

static int open_directory(struct import *im, struct stat *ret_st)
{
    const char *path = im->o->operand[1];
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        return ate__fail(ATE_MISUSE, "it is no directory; ate put CHAIN NAME @FILE stores a file");
    if (fd < 0 && errno == ENOENT)
        return ate__fail(ATE_NOT_FOUND, "there is no such directory");
    if (fd < 0)
        return ate__fail_errno(errno, "open");
    if (fstat(fd, ret_st)) {
        int rc = ate__fail_errno(errno, "stat");
        close(fd);
        return rc;
    }
    return way_begin(&im->way, path, fd);
}

/* What failed as a whole is the chain, or NAME in it. */
static int report(const struct import *im, int rc)
{
    const char *chain = im->o->operand[0];
    const char *name = im->o->operand_count > 2 ? im->o->operand[2] : NULL;
    ate__cleanup(ate__freep) char *subject =
        ate__format("%s%s%s", chain, name ? "/" : "", name ? name : "");
    int status = open_report(rc, &im->at, subject ? subject : chain);
    if (status == STATUS_NOT_REACHED)
        ate__note("import: run the same command again: it continues");
    return status;
}

static int run(const struct options *o)
{
    struct import im = {.o = o};
    ate__cleanup(path_deinit) struct path path = {NULL, 0, NULL};
    struct stat st;
    int rc = path_parse(o->operand_count > 2 ? o->operand[2] : NULL, &path);
    if (!rc && o->is_public && !path.count)
        rc = ate__fail(ATE_MISUSE, "--public needs a NAME: it opens that directory, not the chain");
    if (rc)
        return ate__report(rc, path.count ? o->operand[1] : o->operand[2]);
    rc = open_directory(&im, &st);
    if (rc)
        return ate__report(rc, o->operand[1]);
    rc = import_all(&im, &path, &st);
    ate__progress_end();
    int status = rc ? report(&im, rc) : im.status;
    if (!rc)
        say_done(&im);
    return end(&im, status);
}

const struct command cmd_import = {
    .name = "import",
    .summary = "store a directory with all below it; makes the chain if it is not there",
    .operands = "CHAIN DIR [NAME]",
    .operands_min = 2,
    .operands_max = 3,
    .options = OPTS_CHAIN | OPT(OPT_SCOPE) | OPT(OPT_PUBLIC) | OPT(OPT_MAX_FILES) |
               OPT(OPT_MAX_BYTES) | OPTS_NEW,
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
        "  --worm             the chain is made an archive: nothing in it is changed or deleted\n"
        "  --centralized --log-key FILE  the chain is made one whose server says who made what:\n"
        "                     see ate put\n"
        "  --compress zstd    the chain is made one that compresses: see ate(1)\n"
        "  --segment-size SIZE  of a chain in a directory: its files double up to this [64M]\n"
        "  --retain TIME      with --worm: an object may be deleted when so much time has passed\n"
        "                     since it was stored: 90d, 7y\n"
        "  --strength BITS    the chain is made one that takes keys of 128, 192, 256 bits or more\n"
        "  --allow NAME       so also keys of one family: see ate put\n"
        "  --hash HASH        it is made with sha256, or sha3-256\n"
        "  --scope SCOPE      full (the default), local, none\n"
        "  -v                 a line for each transaction that is acknowledged; --json too\n",
};
