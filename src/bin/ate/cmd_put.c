/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_put.c: stores a value under a name, or, for who may only add, without one.
 *
 * The first piece of the value is read before the chain is opened: a file that is not there makes
 * no chain. A value over FS_INLINE_MAX becomes a file, whose pages are stored as they are read.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/content.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/source.h"
#include "bin/ate/stop.h"
#include "bin/ate/store.h"
#include "crypto/digest.h"
#include <string.h>

enum {
    PAYLOAD_MAX = 4 << 20, /* bytes of an object of a program's own type */
    SHOWN = 512
};

struct put {
    const struct options *o;
    bool unnamed;     /* `path` is what it shall lie below */
    struct path path; /* of the value */
    struct source source;
    uint8_t *piece;            /* the first PAYLOAD_MAX + 1 bytes of the value, or all of it */
    size_t size;
    struct opened at;
    struct store *store;
    struct store_node *parent;
    struct store_node *file;   /* unfinished */
    struct store_node *made;   /* without a name */
    struct store_receipt receipt;
};

/* ---- what kind of value ---- */

static bool is_text(const struct put *p)
{
    return ate__utf8_valid(ate__bytes(p->piece, p->size)) && !memchr(p->piece, 0, p->size);
}

/* "msgpack" or "json", by the first byte (docs/format/object.md); NULL: neither */
static const char *encoding_of(const struct put *p)
{
    uint8_t first = p->size ? p->piece[0] : 0;
    if ((first & 0xf0) == 0x80 || first == 0xde || first == 0xdf)
        return "msgpack";
    return first == '{' || (first && strchr(" \t\r\n", first)) ? "json" : NULL;
}

static bool type_is(const struct put *p, const char *type)
{
    return p->o->type && !strcmp(p->o->type, type);
}

static bool is_file(const struct put *p)
{
    return type_is(p, "file") || (!p->o->type && p->size > FS_INLINE_MAX);
}

static int check_value(const struct put *p)
{
    bool value = type_is(p, "text") || type_is(p, "bytes");
    if (p->unnamed && is_file(p) && p->size > FS_INLINE_MAX)
        return ate__fail(ATE_TOO_BIG, "a value without a name has at most 1 MiB: a larger one is "
                                      "stored in pieces, and changed when the last of them is "
                                      "there");
    if (!p->o->type || type_is(p, "file"))
        return 0;
    if (value && p->size > FS_INLINE_MAX)
        return ate__fail(ATE_TOO_BIG,
                         "a value of type %s has at most 1 MiB; without --type a "
                         "larger one is stored as a file",
                         p->o->type);
    if (type_is(p, "text") && !is_text(p))
        return ate__fail(ATE_MALFORMED, "the value is no text: not UTF-8, or with a NUL");
    if (value)
        return 0;
    if (p->size > PAYLOAD_MAX)
        return ate__fail(ATE_TOO_BIG, "the object has more than 4 MiB");
    if (!encoding_of(p))
        return ate__fail(ATE_MALFORMED, "with --type the value is the object's fields, a JSON "
                                        "object such as '{\"title\":\"x\"}', or a MessagePack map");
    return 0;
}

static int read_first(struct put *p)
{
    int rc = source_open(p->o->operand_count > 2 ? p->o->operand[2] : NULL, &p->source);
    if (rc)
        return rc;
    p->piece = ate__alloc(PAYLOAD_MAX + 1);
    if (!p->piece)
        return ate__no_memory();
    rc = source_read(&p->source, p->piece, PAYLOAD_MAX + 1, &p->size);
    return rc ? rc : check_value(p);
}

/* ---- where ---- */

/* What of the path is there: the last object of it that is, and what the value's own parent would
 * be pushed below. What is stored is sealed to those who may read there: the given keys have to be
 * among them. */
static int look(struct put *p, struct ate_txn *txn, struct ate_object *ret_above, size_t *ret_depth)
{
    struct ate_object last;
    char shown[SHOWN];
    size_t depth;
    int rc = path_find_part(txn, &p->path, p->path.count, ATE_NO_PAYLOAD, &last, &depth);
    if (rc == ATE_NO_KEY) { /* of the names below it; what there is instead is said with the key */
        int told = open_check_readers(p->o, txn, last.id);
        return told ? told : rc;
    }
    if (rc && rc != ATE_NOT_FOUND)
        return rc;
    rc = p->o->is_public ? 0 : open_check_readers(p->o, txn, last.id);
    if (!rc && depth == p->path.count) /* it is replaced where it lies */
        rc = path_find_part(txn, &p->path, --depth, ATE_NO_PAYLOAD, &last, NULL);
    if (!rc && depth > 0 && last.readable && !content_may_hold(&last))
        rc = ate__fail(ATE_CONFLICT, "what it would lie below is no directory: \"%s\"",
                       ate__escaped(ate__text_bytes(p->path.part[depth - 1]), shown, sizeof shown));
    *ret_above = last;
    *ret_depth = depth;
    return rc;
}

/* What it shall lie below is there. */
static int find_parent(struct put *p)
{
    struct ate_object o;
    struct ate_txn *txn;
    int rc = ate_txn_begin(p->at.chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = path_find(txn, &p->path, ATE_NO_PAYLOAD, &o, NULL);
    if (!rc && p->path.count && o.readable && !content_may_hold(&o))
        rc = ate__fail(ATE_CONFLICT, "what it would lie below is no directory");
    if (!rc) {
        p->parent = store_node_new(o.id);
        rc = p->parent ? 0 : ate__no_memory();
    }
    ate_txn_end(txn);
    return rc;
}

/* The nodes of the parents; those that are missing are made in the same transaction. */
static int make_parents(struct put *p)
{
    static const struct fs_dir made = {.mode = FS_DIR_MODE};
    static const struct store_when when = {.missing = true};
    struct ate_object above;
    struct ate_txn *txn;
    size_t depth;
    int rc = ate_txn_begin(p->at.chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = look(p, txn, &above, &depth);
    if (!rc) {
        p->parent = store_node_new(above.id);
        rc = p->parent ? 0 : ate__no_memory();
    }
    ate_txn_end(txn);
    for (; !rc && depth + 1 < p->path.count; depth++) {
        struct store_node *child;
        rc = store_dir(p->store, p->parent, p->path.part[depth], &made, &when, &child);
        if (!rc) {
            store_node_unref(p->parent);
            p->parent = child;
        }
    }
    return rc;
}

/* ---- a file in pages ---- */

static int store_pages(struct put *p, struct fs_file *file, uint64_t *ret_pages,
                       struct ate_hash *ret_hash)
{
    struct ate__hasher hasher;
    uint64_t index = 0;
    size_t at = 0, n;
    int rc = 0;
    ate__hasher_begin_raw(&hasher, ATE__SHA256);
    for (;; index++) {
        /* Out of the first piece as long as it lasts; what is left of it moves to its front. */
        if (p->size - at < FS_PAGE_SIZE) {
            memmove(p->piece, p->piece + at, p->size - at);
            p->size -= at;
            at = 0;
            rc = source_read(&p->source, p->piece + p->size, FS_PAGE_SIZE - p->size, &n);
            p->size += rc ? 0 : n;
        }
        if (rc || p->size == at)
            break;
        struct ate_bytes page = {p->piece + at, ate__min(p->size - at, FS_PAGE_SIZE)};
        ate__hasher_raw(&hasher, page);
        rc = store_page(p->store, p->file, index, page);
        file->size += page.size;
        at += page.size;
        if (rc)
            break;
    }
    *ret_pages = index;
    if (!rc)
        rc = ate__hasher_end(&hasher, ret_hash);
    ate__hasher_deinit(&hasher);
    return rc;
}

static int store_large(struct put *p, const char *name, const struct store_when *when)
{
    struct fs_file file = {.mode = FS_FILE_MODE};
    struct store_when begin = {.is_public = when->is_public}, finish = *when;
    struct ate_hash hash;
    uint64_t pages;
    int rc = store_file_begin(p->store, p->parent, &file, &begin, &p->file);
    if (!rc)
        rc = store_pages(p, &file, &pages, &hash);
    if (rc)
        return rc;
    finish.is_public = false; /* it is already */
    file.hash = &hash;
    file.page_count = &pages;
    return store_file_finish(p->store, p->file, p->parent, name, &file, &finish);
}

/* Nothing leads to the pages of a file that was not finished. */
static void remove_unfinished(struct put *p)
{
    struct ate_txn *txn;
    if (ate_chain_archive(p->at.chain, NULL) || ate_txn_begin(p->at.chain, NULL, 0, &txn))
        return;
    if (!ate_delete(txn, store_node_id(p->file), ATE_TREE))
        (void)!ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
}

/* ---- the value ---- */

static int store_small(struct put *p, const char *name, const struct store_when *when)
{
    struct ate_bytes value = {p->piece, p->size};
    p->piece[p->size] = 0; /* there is room: it is shorter than its limit */
    if (type_is(p, "bytes") || (!p->o->type && !is_text(p)))
        return store_bytes(p->store, p->parent, name, value, when, &p->made);
    if (!p->o->type || type_is(p, "text"))
        return store_text(p->store, p->parent, name, (const char *)p->piece, when, &p->made);
    return store_raw(p->store, p->parent, name, p->o->type, encoding_of(p), value, when, &p->made);
}

static int store_file_small(struct put *p, const char *name, const struct store_when *when)
{
    struct fs_file file = {.mode = FS_FILE_MODE, .size = p->size, .data = {p->piece, p->size}};
    struct ate_hash hash;
    int rc = ate__sha256(file.data, &hash);
    file.hash = &hash;
    return rc ? rc : store_file(p->store, p->parent, name, &file, when, &p->made);
}

static int store_value(struct put *p)
{
    const char *name = p->unnamed ? NULL : p->path.part[p->path.count - 1];
    struct store_when when = {
        .absent = p->o->absent,
        .current = p->o->has_if,
        .sequence = p->o->if_sequence,
        .is_public = p->o->is_public,
    };
    int rc = p->unnamed ? find_parent(p) : make_parents(p);
    if (rc)
        return rc;
    if (is_file(p) && p->size > FS_INLINE_MAX)
        rc = store_large(p, name, &when);
    else
        rc = is_file(p) ? store_file_small(p, name, &when) : store_small(p, name, &when);
    if (rc)
        return rc;
    stop_commits(true);
    rc = store_flush(p->store);
    stop_commits(false);
    return rc;
}

static void acknowledged(void *arg, const struct store_receipt *receipt)
{
    ((struct put *)arg)->receipt = *receipt;
}

static int put(struct put *p)
{
    struct store_conf conf = {
        .scope = p->o->scope, .tries = 1, .acknowledged = acknowledged, .arg = p};
    int rc = path_parse(p->o->operand[1], &p->path);
    if (!rc && !p->unnamed && !p->path.count)
        rc = ate__fail(ATE_MISUSE, "the name is empty");
    if (!rc)
        rc = read_first(p);
    if (!rc)
        rc = open_chain(p->o, p->unnamed ? OPEN_CHANGES : OPEN_CREATES, &p->at);
    if (rc)
        return rc;
    conf.chain = p->at.chain;
    rc = store_new(&conf, &p->store);
    if (!rc)
        rc = store_value(p);
    if (rc && p->file && rc != ATE_UNKNOWN && rc != ATE_OFFLINE && rc != ATE_TIMEOUT) {
        ate__cleanup(ate__freep) char *sentence = ate__copy_text(ate__error_text());
        store_free(p->store);
        p->store = NULL;
        remove_unfinished(p);
        ate__error_set(sentence ? sentence : "");
    }
    return rc;
}

/* ---- the command ---- */

/* What has no name has its id, as a path takes it. */
static void say_made(const struct put *p)
{
    const struct ate_receipt *r = &p->receipt.receipt;
    char text[ATE_ID_TEXT], head[ATE_HASH_TEXT];
    ate_id_text(store_node_id(p->made), text);
    if (!ate__out.json) {
        ate__print("(%s)\n", text);
        return;
    }
    json_t *object = json_object();
    ate__json_set_bytes(object, "below", ate__text_bytes(p->o->operand[1]));
    ate__json_set_text(object, "id", text);
    ate__json_set_text(object, "stage", open_stage_text(r));
    if (r->stage >= ATE_DURABLE) {
        ate__json_set_number(object, "sequence", r->sequence);
        ate__json_set_text(object, "head", ate_hash_text(r->head, head));
    }
    ate__print_json(object);
}

static int store(const struct options *o, bool unnamed)
{
    struct put p = {.o = o, .unnamed = unnamed};
    if (o->absent && o->has_if)
        return ate__report_usage("--if and --if-absent exclude each other");
    char *subject = open_subject(o);
    stop_after(o->timeout_ms, subject);
    int rc = put(&p);
    int status = rc ? open_report(rc, &p.at, subject) : 0;
    if (!rc && unnamed)
        say_made(&p);
    if (!rc && !unnamed)
        open_say_receipt(o->operand[1], NULL, &p.receipt.receipt);
    store_free(p.store);
    store_node_unref(p.made);
    store_node_unref(p.file);
    store_node_unref(p.parent);
    status = open_close(&p.at, status);
    source_close(&p.source);
    path_deinit(&p.path);
    ate__free(p.piece);
    ate__free(subject);
    return status;
}

static int run(const struct options *o)
{
    return store(o, false);
}

static int run_push(const struct options *o)
{
    return store(o, true);
}

const struct command cmd_push = {
    .name = "push",
    .summary = "store a value without a name: all that who may only add can do",
    .operands = "CHAIN NAME [VALUE | @FILE | -]",
    .operands_min = 2,
    .operands_max = 3,
    .options = OPTS_CHAIN | OPT(OPT_SCOPE) | OPT(OPT_TYPE),
    .run = run_push,
    .help =
        "ate push CHAIN NAME [VALUE | @FILE | -]\n"
        "\n"
        "Stores the value below NAME, or with / at the top, without a name of its own, and prints\n"
        "(ID), which stands for it in a path. Each push makes one more object. It needs the right\n"
        "to append there, and none to read: what you cannot read is sealed for those who do, you\n"
        "cannot read it again, and nobody who has only that right can change or remove it. So a\n"
        "drop box is made of a directory and one rule:\n"
        "\n"
        "  ate protect notes inbox --append ada.pub    by its owner; --json: its id\n"
        "  ate push notes \"(ID)\" hello -k ada.key      by Ada, who does not see its name\n"
        "  date | ate push notes inbox                 stdin\n"
        "  ate ls notes inbox                          by who reads it\n"
        "  ate get notes \"(ID)\"\n"
        "\n"
        "  --type T         text, bytes or file; or any other: as of ate put\n"
        "  --scope SCOPE    full: on disk at the root (the default); local: on disk here; none\n"
        "  -k, --key FILE   your key; the chain has to name it where not everyone may append\n"
        "  --timeout TIME   of the whole command\n"
        "\n"
        "A value has at most 1 MiB; with a type of your own, 4 MiB. The chain has to be there.\n"
        "Exit status 3: no right to append there.\n",
};

const struct command cmd_put = {
    .name = "put",
    .summary = "store a value under a name; makes the chain if it is not there",
    .operands = "CHAIN NAME [VALUE | @FILE | -]",
    .operands_min = 2,
    .operands_max = 3,
    .options = OPTS_CHAIN | OPT(OPT_SCOPE) | OPT(OPT_PUBLIC) | OPT(OPT_ABSENT) | OPT(OPT_IF) |
               OPT(OPT_TYPE) | OPTS_NEW,
    .run = run,
    .help =
        "ate put CHAIN NAME [VALUE | @FILE | -]\n"
        "\n"
        "Stores the value under that name, encrypted for the keys that may read the chain and\n"
        "signed by yours. Without a value, or with -, it is read from stdin. Directories on the\n"
        "way to NAME are made. A chain that is not there is made: yours, readable and writable\n"
        "with the keys given by -k.\n"
        "\n"
        "  ate put notes hello world                  text\n"
        "  ate put notes photos/cat @cat.jpg          a file's bytes\n"
        "  date | ate put @work log/today             stdin\n"
        "  ate put notes todo '{\"done\":false}' --type task   an object of a type of your own\n"
        "\n"
        "  --public         open this object to every reader of the chain's bytes\n"
        "  --if-absent      only if the name is free, else exit status 1\n"
        "  --if SEQ         only if it is still the version of sequence SEQ, else exit status 4\n"
        "  --type T         text, bytes or file; or any other: the value is then the object's\n"
        "                   fields, a JSON object or a MessagePack map\n"
        "  --scope SCOPE    full: on disk at the root (the default); local: on disk here; none\n"
        "  --worm           the chain is made an archive: nothing in it is changed or deleted\n"
        "  --centralized --log-key FILE  the chain is made one whose server, with that log\n"
        "                   key, says who made what: see ate(1)\n"
        "  --compress zstd  the chain is made one that compresses what is stored; sizes then tell\n"
        "                   more of what is in an object: see ate(1)\n"
        "  --segment-size SIZE  of a chain in a directory: its files double up to this [64M]\n"
        "  --retain TIME    with --worm: each object may be deleted when so much time has passed\n"
        "                   since it was stored: 30s, 5m, 2h, 90d, 6w, 7y (of 365 days)\n"
        "  --strength BITS  the chain is made one that takes keys of 128, 192, 256 bits or more;\n"
        "                   without it of 192 alone\n"
        "  --allow NAME     so also keys of one family: ed25519, ed448, mldsa44, mldsa65, mldsa87\n"
        "  --hash HASH      it is made with sha256, or sha3-256\n"
        "  -k, --key FILE   your key; once more for each public key that may read a new chain\n"
        "  --timeout TIME   of the whole command\n"
        "\n"
        "A value is text if it is UTF-8 without NUL, else bytes; one over 1 MiB is a file.\n"
        "A conflict with another writer is tried again 8 times, unless --if is given.\n"
        "For a value that begins with @ or -, use stdin: printf %s @you | ate put notes who\n",
};
