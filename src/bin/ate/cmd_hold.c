/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_hold.c: holds what lies in an archive, and releases it.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/content.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/retry.h"

struct hold {
    struct path path;
    int (*turn)(struct ate_txn *txn, struct ate_id id);
};

/* The content goes with its name: through a hard link, and with pages that lie apart. */
static int change(void *arg, struct ate_txn *txn)
{
    const struct hold *h = arg;
    struct ate_object o;
    struct ate_id pages;
    bool apart;
    int rc = path_find(txn, &h->path, ATE_NO_PAYLOAD, &o, NULL);
    if (!rc)
        rc = h->turn(txn, o.id);
    if (!rc && h->path.count && content_kind_of(&o) == CONTENT_HARDLINK) {
        rc = content_follow(txn, &o, &o);
        if (!rc)
            rc = h->turn(txn, o.id);
    }
    if (!rc)
        rc = content_pages(txn, &o, &apart, &pages);
    return rc || !apart ? rc : h->turn(txn, pages);
}

static int run_as(const struct options *o, int (*turn)(struct ate_txn *txn, struct ate_id id))
{
    struct hold h = {.turn = turn};
    struct opened x = {0};
    struct ate_receipt receipt;
    char *subject = open_subject(o);
    int rc = path_parse(o->operand[1], &h.path);
    if (!rc)
        rc = open_chain(o, OPEN_CHANGES, &x);
    if (!rc)
        rc = retry_commit(o, x.chain, change, &h, &receipt);
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc)
        open_say_receipt(o->operand[1], NULL, &receipt);
    status = open_close(&x, status);
    path_deinit(&h.path);
    ate__free(subject);
    return status;
}

static int run_hold(const struct options *o)
{
    return run_as(o, ate_hold);
}

static int run_release(const struct options *o)
{
    return run_as(o, ate_release);
}

const struct command cmd_hold = {
    .name = "hold",
    .summary = "keep an object of an archive whatever its time",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN,
    .run = run_hold,
    .help =
        "ate hold CHAIN NAME\n"
        "\n"
        "Holds an object of an archive: neither it nor what lies below it can be deleted, by\n"
        "anybody and whatever its time, until ate release. Needs a root key of the chain, and no\n"
        "other right. The name / holds all of the chain. ate ls -l shows what is held.\n"
        "\n"
        "  ate put books 2026/january @ledger --worm --retain 7y\n"
        "  ate hold books 2026\n",
};
const struct command cmd_release = {
    .name = "release",
    .summary = "end what ate hold began",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN,
    .run = run_release,
    .help =
        "ate release CHAIN NAME\n"
        "\n"
        "Ends the hold of this object: it is kept until its time again, or as long as something\n"
        "above it is held. Needs a root key of the chain.\n"
        "\n"
        "  ate release books 2026\n",
};
