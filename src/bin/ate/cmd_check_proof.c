/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_check_proof.c: checks a proof or a checkpoint, without the chain.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/proof_text.h"

static int check(const struct options *o, struct ate_session *session, struct ate_proved *ret)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL, keys = ATE__BUF_NULL;
    ate__cleanup(ate__buf_deinit) struct ate__buf policy = ATE__BUF_NULL;
    ate__cleanup(ate__freep) char *roots = NULL;
    struct ate_proof_conf conf = {.chain = o->chain_id};
    int rc = proof_text_read(o->operand[0], &text);
    if (!rc && o->log_key_count)
        rc = proof_text_read_all(o->log_key, o->log_key_count, &keys);
    if (!rc && o->root_count)
        rc = open_join(o->root, o->root_count, &roots);
    if (!rc && o->policy)
        rc = proof_text_read(o->policy, &policy);
    conf.policy = (const char *)policy.data;
    conf.log_keys = (const char *)keys.data;
    conf.root = roots;
    return rc ? rc : ate_check_proof((const char *)text.data, session, &conf, ret);
}

static int run(const struct options *o)
{
    struct ate_session *session = NULL;
    struct ate_proved proved;
    bool given = o->log_key_count || o->root_count || o->chain_id;
    if ((o->log_key_count != 0) + (o->root_count != 0) + (o->chain_id != NULL) > 1)
        return ate__report_usage("--log-key, --root and --chain exclude each other");
    int rc = given ? 0 : open_keys(o, &session);
    if (!rc)
        rc = check(o, session, &proved);
    if (!rc)
        proof_text_tell(&proved);
    ate_session_close(session);
    return rc ? ate__report(rc, o->operand[0]) : 0;
}

const struct command cmd_check_proof = {
    .name = "check-proof",
    .summary = "check a proof or a checkpoint, without the chain",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_ALL | OPT(OPT_KEY) | OPT(OPT_PASSWORD_FILE) | OPT(OPT_ROOT) | OPT(OPT_LOG_KEY) |
               OPT(OPT_CHAIN) | OPT(OPT_POLICY),
    .run = run,
    .help =
        "ate check-proof FILE [--log-key FILE | --root KEY | --chain ID] [--policy FILE]\n"
        "\n"
        "Checks what ate prove or ate checkpoint printed; needs neither the chain nor a server.\n"
        "What it says counts as far as you trust the log key that signed it, by the first of\n"
        "these: log keys that you give; a chain id or root keys that you give, which lead to the\n"
        "log keys of the genesis in the proof; your own keys, as root keys. Exit status 0: it\n"
        "holds; 6: it does not, or is of another chain, or nobody whom you trust signed it.\n"
        "\n"
        "  ate check-proof 3.tlog-proof --root 7f3kQ...\n"
        "  ate check-proof notes.checkpoint --log-key notes.keys\n"
        "\n"
        "  FILE             \"-\" is stdin\n"
        "  --log-key FILE   verifier keys, as ate checkpoint prints them; may be repeated\n"
        "  --root KEY       a root key of the chain: a fingerprint or a public key file; may be\n"
        "                   repeated (--root-key is the same)\n"
        "  --chain ID       the chain id\n"
        "  --policy FILE    witnesses (C2SP tlog-policy), of whom a quorum must have cosigned the\n"
        "                   checkpoint too\n",
};
