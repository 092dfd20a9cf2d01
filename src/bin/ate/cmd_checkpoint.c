/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_checkpoint.c: signs the head of a chain, for others to keep; says who may.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include "bin/ate/proof_text.h"
#include <string.h>

static int print(const struct options *o, const struct opened *x)
{
    char *text = NULL;
    int rc = o->log_keys ? ate_log_keys(x->chain, &text) : ate_checkpoint(x->chain, &text);
    if (!rc)
        proof_text_print(o->log_keys ? "log_keys" : "checkpoint", text);
    ate_free(text);
    return rc;
}

static bool is_fingerprint(const char *word)
{
    struct ate_hash ignored;
    return !ate__hash_parse(word, strlen(word), &ignored);
}

static int change(const struct options *o, const struct opened *x, const char *subject)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    const char *word = o->add_log_key ? o->add_log_key : o->remove_log_key;
    bool is_text = !o->add_log_key && is_fingerprint(word);
    struct ate_receipt receipt;
    int rc = is_text ? 0 : proof_text_read(word, &text);
    const char *key = is_text ? word : (const char *)text.data;
    if (!rc)
        rc = o->add_log_key ? ate_log_key_add(x->chain, key, &receipt)
                            : ate_log_key_remove(x->chain, key, &receipt);
    if (!rc)
        open_say_receipt(subject, NULL, &receipt);
    return rc;
}

/* Of a chain at a server nobody needs a key to be shown what was signed. */
static enum open_kind kind_of(const struct options *o)
{
    if (o->add_log_key || o->remove_log_key)
        return OPEN_CHANGES;
    return o->log_keys || open_is_remote(o->operand[0]) ? OPEN_READS : OPEN_CHANGES;
}

static int run(const struct options *o)
{
    struct opened x = {0};
    bool changes = o->add_log_key || o->remove_log_key;
    if (o->log_keys + !!o->add_log_key + !!o->remove_log_key > 1)
        return ate__report_usage(
            "--log-keys, --add-log-key and --remove-log-key exclude each other");
    char *subject = open_subject(o);
    int rc = open_chain(o, kind_of(o), &x);
    if (!rc)
        rc = changes ? change(o, &x, subject) : print(o, &x);
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
    .options = OPTS_CHAIN | OPT(OPT_LOG_KEYS) | OPT(OPT_ADD_LOG_KEY) | OPT(OPT_REMOVE_LOG_KEY),
    .run = run,
    .help =
        "ate checkpoint CHAIN\n"
        "ate checkpoint CHAIN --log-keys\n"
        "ate checkpoint CHAIN --add-log-key FILE\n"
        "ate checkpoint CHAIN --remove-log-key FILE|KEY\n"
        "\n"
        "Prints the newest head, signed by your log key: a few lines of text (C2SP\n"
        "tlog-checkpoint) that whoever keeps them can hold against the chain for ever. Nothing is\n"
        "signed that does not extend what was signed there last. The log key follows from the key\n"
        "that made the chain. A chain at a server is signed by its server, if the chain names the\n"
        "server's log key; with --mirror by yours, and the mirror remembers what was signed.\n"
        "\n"
        "  ate checkpoint notes > notes.checkpoint\n"
        "  ate checkpoint @work > work.checkpoint\n"
        "  ate checkpoint notes --log-keys > notes.keys    for ate check-proof --log-key\n"
        "  ate checkpoint @work --add-log-key server.key   as atedb log-key prints it\n"
        "\n"
        "  --log-keys                 print the log keys instead, as verifier keys, a line each\n"
        "  --add-log-key FILE         its owner may sign the heads too; needs a root key\n"
        "  --remove-log-key FILE|KEY  not any more; KEY: its fingerprint\n",
};
