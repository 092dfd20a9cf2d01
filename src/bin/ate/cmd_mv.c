/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_mv.c: gives an object another name or another parent.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/retry.h"
#include "bin/ate/stop.h"

enum { SHOWN = 512 };

struct mv {
    struct path from, to;
};

static int change(void *arg, struct ate_txn *txn)
{
    const struct mv *mv = arg;
    struct ate_object o, parent, taken;
    char shown[SHOWN];
    size_t depth;
    int rc = path_find(txn, &mv->from, ATE_NO_PAYLOAD, &o, NULL);
    if (rc)
        return rc;
    rc = path_find_part(txn, &mv->to, mv->to.count - 1, ATE_NO_PAYLOAD, &parent, &depth);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(rc, "there is no \"%s\" for it to lie below",
                         ate__escaped(ate__text_bytes(mv->to.part[depth]), shown, sizeof shown));
    if (rc)
        return rc;
    const char *name = mv->to.part[mv->to.count - 1];
    rc = ate_find_raw(txn, parent.id, ate__text_bytes(name), ATE_NO_PAYLOAD, &taken);
    if (!rc && ate__id_equal(&taken.id, &o.id))
        return 0; /* it lies there already */
    if (!rc)
        return ate__fail(ATE_EXISTS, "the new name is taken; ate rm frees it");
    return rc == ATE_NOT_FOUND ? ate_move(txn, o.id, parent.id, name) : rc;
}

static int run(const struct options *o)
{
    struct mv mv = {{NULL, 0, NULL}, {NULL, 0, NULL}};
    struct opened x = {0};
    struct ate_receipt receipt;
    char *subject = open_subject(o);
    int rc = path_parse(o->operand[1], &mv.from);
    if (!rc)
        rc = path_parse(o->operand[2], &mv.to);
    if (!rc && (!mv.from.count || !mv.to.count))
        rc = ate__fail(ATE_MISUSE, "the top stays where it is");
    if (!rc)
        rc = open_chain(o, OPEN_CHANGES, &x);
    if (!rc)
        rc = retry_commit(o, x.chain, change, &mv, &receipt);
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc)
        open_say_receipt(o->operand[2], o->operand[1], &receipt);
    status = open_close(&x, status);
    path_deinit(&mv.from);
    path_deinit(&mv.to);
    ate__free(subject);
    return status;
}

const struct command cmd_mv = {
    .name = "mv",
    .summary = "give an object another name or place",
    .operands = "CHAIN NAME NEW",
    .operands_min = 3,
    .operands_max = 3,
    .options = OPTS_CHAIN | OPT(OPT_SCOPE),
    .run = run,
    .help =
        "ate mv CHAIN NAME NEW\n"
        "\n"
        "Gives the object the path NEW. It stays the same object, with all that lies below it and\n"
        "with its history. What NEW lies below has to be there; NEW itself must be free.\n"
        "\n"
        "  ate mv notes hello greeting\n"
        "  ate mv @work drafts/plan archive/plan-2026\n"
        "\n"
        "  --scope SCOPE    full (the default), local, none\n",
};
