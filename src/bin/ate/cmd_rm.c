/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_rm.c: deletes an object.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/content.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/retry.h"
#include "bin/ate/stop.h"
#include <inttypes.h>
#include <string.h>

enum { NAMED_MAX = 5, SHOWN = 512 };

/* Pages are part of their file; all other children are the user's. */
static int check_childless(struct ate_txn *txn, struct ate_id id, bool *ret_pages)
{
    char named[SHOWN] = "", one[128];
    struct ate_cursor *cursor;
    struct ate_object child;
    size_t at = 0;
    uint64_t count = 0;
    *ret_pages = false;
    int rc = ate_children(txn, id, &cursor);
    while (!rc && !(rc = ate_next_raw(cursor, ATE_NO_PAYLOAD, &child))) {
        if (content_kind_of(&child) == CONTENT_PAGE) {
            *ret_pages = true;
            continue;
        }
        if (count++ >= NAMED_MAX)
            continue;
        if (child.name.size)
            ate__escaped(child.name, one, sizeof one);
        at += (size_t)snprintf(named + at, sizeof named - at, "%s%s", at ? ", " : "",
                               child.name.size  ? one
                               : child.readable ? "one without a name"
                                                : "a private one");
        at = at < sizeof named ? at : sizeof named - 1;
    }
    if (rc != ATE_END)
        return rc;
    if (!count)
        return 0;
    if (count > NAMED_MAX)
        return ate__fail(ATE_CONFLICT,
                         "it has children: %s and %" PRIu64 " more; -r removes them "
                         "with it",
                         named, count - NAMED_MAX);
    return ate__fail(ATE_CONFLICT, "it has children: %s; -r removes them with it", named);
}

static bool same_authors(const struct ate_object *a, const struct ate_object *b)
{
    return a->author_count == b->author_count &&
           (!a->author_count ||
            !memcmp(a->authors, b->authors, a->author_count * sizeof *a->authors));
}

/* What a file in an archive says its pages lie below goes with it, unless its writer named what is
 * not its own: a directory, or the pages of another's. */
static int own_pages(struct ate_txn *txn, const struct ate_object *o, bool *ret_own,
                     struct ate_id *ret_pages)
{
    struct ate_object file, pages;
    int rc = content_pages(txn, o, ret_own, ret_pages);
    if (rc || !*ret_own)
        return rc;
    rc = ate_load_raw(txn, o->id, ATE_NO_PAYLOAD | ATE_AUTHORS, &file);
    if (!rc)
        rc = ate_load_raw(txn, *ret_pages, ATE_NO_PAYLOAD | ATE_AUTHORS, &pages);
    *ret_own = !rc && pages.type && !strcmp(pages.type, "pages") && same_authors(&file, &pages) &&
               ate__id_equal(&file.parent, &pages.parent);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

struct rm {
    const struct options *o;
    struct path path;
};

static int change(void *arg, struct ate_txn *txn)
{
    const struct rm *rm = arg;
    struct ate_object o;
    bool tree = rm->o->recursive;
    int rc = path_find(txn, &rm->path, ATE_NO_PAYLOAD, &o, NULL);
    if (!rc && !tree)
        rc = check_childless(txn, o.id, &tree);
    bool apart = false;
    struct ate_id pages;
    if (!rc)
        rc = own_pages(txn, &o, &apart, &pages);
    if (!rc)
        rc = ate_delete(txn, o.id, tree ? ATE_TREE : 0);
    if (!rc && apart)
        rc = ate_delete(txn, pages, ATE_TREE);
    return rc == ATE_NOT_FOUND && apart ? 0 : rc;
}

static int run(const struct options *o)
{
    struct rm rm = {.o = o};
    struct opened x = {0};
    struct ate_receipt receipt;
    char *subject = open_subject(o);
    stop_after(o->timeout_ms, subject);
    int rc = path_parse(o->operand[1], &rm.path);
    if (!rc && !rm.path.count)
        rc = ate__fail(ATE_MISUSE, "the top cannot be removed: name what lies below it");
    if (!rc)
        rc = open_chain(o, OPEN_CHANGES, &x);
    if (!rc)
        rc = retry_commit(o, x.chain, change, &rm, &receipt);
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc)
        open_say_receipt(o->operand[1], NULL, &receipt);
    status = open_close(&x, status);
    path_deinit(&rm.path);
    ate__free(subject);
    return status;
}

const struct command cmd_rm = {
    .name = "rm",
    .summary = "remove an object; -r with all below it",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_SCOPE) | OPT(OPT_RECURSIVE),
    .run = run,
    .help =
        "ate rm CHAIN NAME [-r]\n"
        "\n"
        "Removes the object: it is no longer there for anybody, but stays in the chain's history,\n"
        "which ate log shows. An object with others below it is removed with -r only.\n"
        "\n"
        "  ate rm notes hello\n"
        "  ate rm -r @work photos/2025\n"
        "\n"
        "  -r, --recursive  with all that lies below it, in one step\n"
        "  --scope SCOPE    full (the default), local, none\n"
        "  --timeout TIME   of the whole command\n",
};
