/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_checkpoint.c: signs the head of a chain, for others to keep.
 */
#include "base/alloc.h"
#include "bin/ate/open.h"
#include "bin/ate/proof_text.h"

static int print(const struct options *o, const struct opened *x)
{
    char *text = NULL;
    int rc = o->log_keys ? ate_log_keys(x->chain, &text) : ate_checkpoint(x->chain, &text);
    if (!rc)
        proof_text_print(o->log_keys ? "log_keys" : "checkpoint", text);
    ate_free(text);
    return rc;
}

static int run(const struct options *o)
{
    struct opened x = {0};
    char *subject = open_subject(o);
    int rc = open_chain(o, o->log_keys ? OPEN_READS : OPEN_CHANGES, &x);
    if (!rc)
        rc = print(o, &x);
    int status = rc ? open_report(rc, &x, subject) : 0;
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_checkpoint = {
    .name = "checkpoint",
    .summary = "sign the newest head, for others to keep",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_LOG_KEYS),
    .run = run,
    .help =
        "ate checkpoint CHAIN [--log-keys]\n"
        "\n"
        "Prints the newest head, signed by your log key: a few lines of text (C2SP\n"
        "tlog-checkpoint) that whoever keeps them can hold against the chain for ever. Nothing is\n"
        "signed that does not extend what was signed there last. The log key follows from the key\n"
        "that made the chain. A chain at a server needs --mirror, where it is remembered what was\n"
        "signed.\n"
        "\n"
        "  ate checkpoint notes > notes.checkpoint\n"
        "  ate checkpoint @work --mirror auto\n"
        "  ate checkpoint notes --log-keys > notes.keys    for ate check-proof --log-key\n"
        "\n"
        "  --log-keys      print the log keys instead, as verifier keys, a line each\n",
};
