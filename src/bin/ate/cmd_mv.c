/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_mv.c: gives an object another name or another parent. What lies below goes to other readers
 * in the same transaction, or where that does not hold it in batches behind it; broken off there, a
 * move of the object to where it is goes on.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/retry.h"
#include "bin/ate/stop.h"
#include <inttypes.h>

enum { SHOWN = 512 };

struct mv {
    struct path from, to;
    struct ate_id id;
    bool only; /* what lies below is sealed anew behind it */
    struct ate_resealed done;
};

static int change(void *arg, struct ate_txn *txn)
{
    struct mv *mv = arg;
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
    mv->id = o.id;
    if (!rc && ate__id_equal(&taken.id, &o.id)) {
        mv->only = true;
        return 0; /* it lies there already */
    }
    if (!rc)
        return ate__fail(ATE_EXISTS, "the new name is taken; ate rm frees it");
    if (rc != ATE_NOT_FOUND)
        return rc;
    return mv->only ? ate_move_only(txn, o.id, parent.id, name)
                    : ate_move(txn, o.id, parent.id, name);
}

static int each_resealed(void *arg, const struct ate_resealed *so_far)
{
    (void)arg;
    if (ate__progress_due())
        ate__progress_line("%s: sealed anew %" PRIu64 " of %" PRIu64 " seen", ate__out.program,
                           so_far->resealed, so_far->seen);
    return 0;
}

static int reseal(struct mv *mv, struct ate_chain *chain)
{
    struct ate_txn *txn;
    int rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = ate_reseal(txn, mv->id, each_resealed, NULL, &mv->done);
    ate__progress_end();
    ate_txn_end(txn);
    if (rc)
        return ate__context(rc, "it is moved, but what lies below it is not all sealed for who "
                                "reads there: move it to where it is to go on");
    if (mv->done.left)
        return ate__fail(ATE_NO_KEY,
                         "it is moved, but %" PRIu64 " objects below it stay readable for those "
                         "who could read them: who reads and writes them can seal them anew",
                         mv->done.left);
    return 0;
}

static int move(const struct options *o, struct mv *mv, struct ate_chain *chain,
                struct ate_receipt *ret_receipt)
{
    int rc = retry_commit(o, chain, change, mv, ret_receipt);
    if (rc == ATE_TOO_BIG && !mv->only) {
        mv->only = true;
        rc = retry_commit(o, chain, change, mv, ret_receipt);
    }
    return rc || !mv->only ? rc : reseal(mv, chain);
}

static int run(const struct options *o)
{
    struct mv mv = {.only = false};
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
        rc = move(o, &mv, x.chain, &receipt);
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
        "What lies below it is sealed for who reads at NEW. Where that takes more than one\n"
        "transaction it stays readable, meanwhile, for who could read it; broken off, the same\n"
        "with NEW for both goes on. That needs the right to administer the object.\n"
        "\n"
        "  ate mv notes hello greeting\n"
        "  ate mv @work drafts/plan archive/plan-2026\n"
        "\n"
        "  --scope SCOPE    full (the default), local, none\n",
};
