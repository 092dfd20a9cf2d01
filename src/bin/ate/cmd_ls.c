/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_ls.c: lists what lies below an object.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/at.h"
#include "bin/ate/describe.h"
#include "bin/ate/list.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/stop.h"
#include <inttypes.h>

enum { KEYS_SHOWN = 30, READERS_SHOWN = 100 }; /* characters of a column */

struct ls {
    const struct options *o;
    struct path path;
    struct opened at;
    struct ate_txn *txn;
};

/* What an entry is called: its path below the listed one, "private", "compacted", or its id. */
static int name_of(const struct list_entry *e, const char *prefix, struct ate__buf *ret_name)
{
    char id[ATE_ID_TEXT];
    struct ate_bytes name = ate__bytes(e->name, e->name_size);
    int rc = ate__buf_append(ret_name, ate__text_bytes(prefix));
    if (rc)
        return rc;
    if (e->name)
        return ate__buf_append(ret_name, name);
    ate_id_text(e->id, id);
    if (e->object.compacted)
        return ate__buf_append(ret_name, ate__text_bytes("compacted"));
    rc = ate__buf_append(ret_name, ate__text_bytes(e->kind == CONTENT_PRIVATE ? "private" : "("));
    if (!rc && e->kind != CONTENT_PRIVATE)
        rc = ate__buf_append(ret_name, ate__text_bytes(id));
    if (!rc && e->kind != CONTENT_PRIVATE)
        rc = ate__buf_append(ret_name, ate__text_bytes(")"));
    return rc;
}

/* What an object says of itself may be anything; it is listed all the same, by what surrounds it.
 */
static bool is_broken(int rc)
{
    return rc == ATE_WRONG_TYPE || rc == ATE_MALFORMED || rc == ATE_TOO_BIG;
}

static int print_json(struct ls *ls, const struct list_entry *e, const struct ate__buf *name)
{
    struct ate_rules rules;
    json_t *object = describe_object(&e->object, NULL);
    int rc = object ? describe_attributes(ls->txn, &e->object, object) : ate__no_memory();
    if (is_broken(rc)) {
        ate__json_set_text(object, "broken", ate_error());
        rc = 0;
    }
    if (!rc)
        rc = ate_protection(ls->txn, e->id, &rules);
    if (!rc)
        rc = describe_keeping(ls->txn, e->id, object);
    if (!rc)
        rc = describe_rights(ls->txn, e->id, object);
    if (rc) {
        json_decref(object);
        return rc;
    }
    if (e->object.compacted)
        ate__json_set_bool(object, "compacted", true);
    if (e->name)
        ate__json_set_bytes(object, "name", ate__buf_bytes(name));
    if (rules.read.who == ATE_KEYS)
        (void)!json_object_set_new(object, "readers",
                                   describe_hashes(rules.read.keys, rules.read.key_count));
    else
        ate__json_set_text(object, "readers",
                           rules.read.who == ATE_EVERYONE ? "everyone" : "nobody");
    ate__print_json(object);
    return 0;
}

/* Size, time and type of the row, as far as the object tells them. */
static int measure(struct ls *ls, const struct list_entry *e, uint64_t *size, int64_t *time_ns,
                   const char **type)
{
    const struct fs_file *file = NULL;
    const struct fs_dir *dir = NULL;
    int rc = content_size(ls->txn, &e->object, size);
    if (!rc && e->kind == CONTENT_FILE)
        rc = ate_load(ls->txn, fs_file, e->id, &file);
    if (!rc && e->kind == CONTENT_DIR)
        rc = ate_load(ls->txn, fs_dir, e->id, &dir);
    if (file && file->mtime_ns)
        *time_ns = file->mtime_ns;
    if (dir && dir->mtime_ns)
        *time_ns = dir->mtime_ns;
    if (file && !file->hash)
        *type = "unfinished";
    return is_broken(rc) ? 0 : rc;
}

static int print_long(struct ls *ls, const struct list_entry *e)
{
    char time[ATE__TIME_TEXT], authors[KEYS_SHOWN], readers[READERS_SHOWN], kept[DESCRIBE_KEEPING],
        rights[DESCRIBE_RIGHTS];
    uint64_t size = e->object.payload_size;
    int64_t time_ns = e->object.updated_ns;
    const char *type = e->type ? e->type : "-";
    int rc = describe_readers(ls->txn, e->id, readers, sizeof readers);
    if (!rc)
        rc = measure(ls, e, &size, &time_ns, &type);
    if (!rc)
        rc = describe_keeping_text(ls->txn, e->id, kept);
    if (!rc)
        rc = describe_rights_text(ls->txn, e->id, rights);
    if (rc)
        return rc;
    describe_keys(e->authors, e->object.author_count, authors, sizeof authors);
    ate__print_escaped(ate__text_bytes(type));
    ate__print("%*s %10" PRIu64 " %6" PRIu64 "  %s  %-8s  %-8s  %-8s  ",
               (int)(10 - ate__min(strlen(type), 10)), "", size, e->object.sequence,
               ate__time_text(time_ns, true, time), authors, readers, rights);
    if (kept[0]) /* in an archive everything has it */
        ate__print("%-32s  ", kept);
    return 0;
}

static int print_entry(struct ls *ls, const struct list_entry *e, const struct ate__buf *name)
{
    bool color = ate__out.color && e->kind == CONTENT_DIR;
    if (ate__out.json)
        return print_json(ls, e, name);
    int rc = ls->o->long_form ? print_long(ls, e) : 0;
    if (rc)
        return rc;
    ate__print("%s", color ? "\x1b[1;34m" : "");
    ate__print_escaped(ate__buf_bytes(name));
    ate__print("%s\n", color ? "\x1b[0m" : "");
    return 0;
}

static int list_below(struct ls *ls, struct ate_id id, const char *prefix, unsigned depth);

static int show(struct ls *ls, const struct list_entry *e, const char *prefix, unsigned depth)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf name = ATE__BUF_NULL;
    int rc = name_of(e, prefix, &name);
    if (!rc)
        rc = print_entry(ls, e, &name);
    ate_txn_end_loans(ls->txn);
    if (rc || !ls->o->tree || depth >= FS_DEPTH_MAX)
        return rc;
    rc = ate__buf_append(&name, ate__bytes("/", 2));
    return rc ? rc : list_below(ls, e->id, (const char *)name.data, depth + 1);
}

static int list_below(struct ls *ls, struct ate_id id, const char *prefix, unsigned depth)
{
    bool wants_authors = ls->o->long_form || ate__out.json;
    struct list l;
    int rc = list_children(ls->txn, id, wants_authors ? ATE_AUTHORS : 0, &l);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < l.count; i++)
        rc = show(ls, &l.entries[i], prefix, depth);
    list_deinit(&l);
    return rc;
}

/* An object that nothing lies below is listed itself. What O lends ends with the walk. */
static int list_itself(struct ls *ls, const struct ate_object *o)
{
    struct list below, itself;
    int rc = list_one(o, &itself);
    if (rc)
        return rc;
    const struct list_entry *e = &itself.entries[0];
    rc = list_children(ls->txn, e->id, 0, &below);
    bool alone = !rc && !below.count && e->kind != CONTENT_DIR;
    if (!rc)
        list_deinit(&below);
    if (!rc)
        rc = alone ? show(ls, e, "", 0) : list_below(ls, e->id, "", 0);
    list_deinit(&itself);
    return rc;
}

static int list_all(struct ls *ls)
{
    struct ate_object o;
    int rc = path_parse(ls->o->operand_count > 1 ? ls->o->operand[1] : NULL, &ls->path);
    if (!rc)
        rc = open_chain(ls->o, ls->o->has_at ? OPEN_STREAMS : OPEN_READS, &ls->at);
    if (!rc)
        rc = at_begin(ls->o, ls->at.chain, ls->o->tree, &ls->txn);
    if (!rc)
        rc = path_find(ls->txn, &ls->path, ATE_NO_PAYLOAD | ATE_AUTHORS, &o, NULL);
    if (rc)
        return rc;
    return ls->path.count ? list_itself(ls, &o) : list_below(ls, ate_top, "", 0);
}

static int run(const struct options *o)
{
    struct ls ls = {.o = o};
    char *subject = open_subject(o);
    stop_after(o->timeout_ms, subject);
    int rc = list_all(&ls);
    int status = rc ? open_report(rc, &ls.at, subject) : 0;
    ate_txn_end(ls.txn);
    status = open_close(&ls.at, status);
    path_deinit(&ls.path);
    ate__free(subject);
    return status;
}

const struct command cmd_ls = {
    .name = "ls",
    .summary = "list what lies in a chain, or below an object",
    .operands = "CHAIN [NAME]",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_LONG) | OPT(OPT_TREE) | OPT(OPT_AT),
    .run = run,
    .help =
        "ate ls CHAIN [NAME] [-lR] [--at SEQ|TIME]\n"
        "\n"
        "Lists the names one level below, sorted; what your keys do not open is listed as\n"
        "\"private\", what was compacted away since --at as \"compacted\", what has no name by\n"
        "its id. Control characters in names are escaped.\n"
        "\n"
        "  ate ls notes\n"
        "  ate ls -l @work docs\n"
        "  ate ls -R notes --json | jq -r .name\n"
        "\n"
        "  -l, --long      type, size, sequence, time, who signed, who may read, who may write\n"
        "                  (and append and administer, where those are others; \"+\": it has\n"
        "                  rules of its own, see ate protect), of an archive how long it is\n"
        "                  kept and whether it is held, name\n"
        "  -R, --tree      all levels, as paths\n"
        "  --at SEQ|TIME   what lay there then; ate get --help has the forms of TIME\n"
        "  --timeout TIME  of the whole command\n",
};
