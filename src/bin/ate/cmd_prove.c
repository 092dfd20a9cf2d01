/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_prove.c: makes a proof that needs no chain to be checked.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/proof_text.h"

static int read_sequence(const struct options *o, uint64_t *ret_sequence)
{
    if (o->operand_count > 1 && o->since_file)
        return ate__fail(ATE_MISUSE, "SEQ and --since exclude each other");
    if (o->operand_count < 2 && !o->since_file)
        return ate__fail(ATE_MISUSE, "prove what? SEQ or --since FILE");
    return o->since_file ? 0 : ate__number_parse("SEQ", o->operand[1], 0, INT64_MAX, ret_sequence);
}

static int prove(const struct options *o, const struct opened *x, uint64_t sequence)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf older = ATE__BUF_NULL, checkpoint = ATE__BUF_NULL;
    char *text = NULL;
    int rc = o->since_file ? proof_text_read(o->since_file, &older) : 0;
    if (!rc && o->checkpoint)
        rc = proof_text_read(o->checkpoint, &checkpoint);
    const char *given = (const char *)checkpoint.data;
    if (!rc)
        rc = o->since_file ? ate_prove_since(x->chain, (const char *)older.data, given, &text)
                           : ate_prove(x->chain, sequence, given, &text);
    if (!rc)
        proof_text_print("proof", text);
    ate_free(text);
    return rc;
}

static int run(const struct options *o)
{
    struct opened x = {0};
    uint64_t sequence = 0;
    if (read_sequence(o, &sequence))
        return ate__report_usage("%s", ate__error_text());
    char *subject = ate__copy_text(o->operand[0]);
    int rc = open_chain(o, OPEN_READS, &x);
    if (!rc)
        rc = prove(o, &x, sequence);
    int status = rc ? open_report(rc, &x, subject) : 0;
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_prove = {
    .name = "prove",
    .summary = "print a proof that a transaction is in a chain",
    .operands = "CHAIN SEQ",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_SINCE_FILE) | OPT(OPT_CHECKPOINT),
    .run = run,
    .help =
        "ate prove CHAIN SEQ [--checkpoint FILE]\n"
        "ate prove CHAIN --since FILE [--checkpoint FILE]\n"
        "\n"
        "Prints a proof (C2SP tlog-proof) that the transaction is in the chain, or that nothing\n"
        "was changed or left out since the checkpoint in the file. Whoever has it checks it with\n"
        "ate check-proof, without the chain. It ends with a checkpoint: the last one that ate\n"
        "checkpoint signed there, the newest of the chain's server, or the one that is given.\n"
        "\n"
        "  ate prove notes 3 > 3.tlog-proof\n"
        "  ate prove notes --since notes.checkpoint > extends.proof\n"
        "\n"
        "  --since FILE        an older checkpoint; \"-\" is stdin\n"
        "  --checkpoint FILE   prove it in the head that this one signs\n"
        "\n"
        "Exit status 6 with --since or --checkpoint: what it signs is not a part of this chain.\n",
};
