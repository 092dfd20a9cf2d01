/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_revoke.c: ends a key in a chain, for ever.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/ask.h"
#include "bin/ate/open.h"
#include "bin/ate/who.h"

/* Whether nobody could change the rules of the top any more. */
static bool locks_the_top(const struct opened *x, const struct ate_hash *key)
{
    struct ate_rules rules = {.admin.who = ATE_EVERYONE};
    struct ate_txn *txn;
    if (ate_txn_begin(x->chain, NULL, ATE_READ, &txn))
        return false;
    bool named = false,
         others = ate_protection(txn, ate_top, &rules) || rules.admin.who != ATE_KEYS;
    for (size_t i = 0; !others && i < rules.admin.key_count; i++) {
        bool is_it = ate__hash_equal(&rules.admin.keys[i], key);
        named |= is_it;
        others = !is_it && !ate_chain_has_revoked(x->chain, rules.admin.keys[i]);
    }
    ate_txn_end(txn);
    return named && !others;
}

static int ask(const struct options *o, const struct opened *x, const struct ate_hash *key)
{
    const struct ate_hash *roots;
    size_t count = ate_chain_roots(x->chain, &roots);
    char text[ATE_HASH_TEXT];
    bool last = count == 1 && ate__hash_equal(&roots[0], key);
    ate__cleanup(ate__freep) char *question =
        ate__format("the key %s would never count again in this chain%s%s",
                    ate_hash_text(*key, text), last ? ", no root key would be left" : "",
                    locks_the_top(x, key) ? ", nobody could change the rules of the top" : "");
    return question ? ask_yes(o, question) : ate__no_memory();
}

static int run(const struct options *o)
{
    struct opened x = {0};
    struct ate_receipt receipt;
    struct ate_hash key;
    char text[ATE_HASH_TEXT];
    char *subject = open_subject(&(struct options){.operand = {o->operand[0]}, .operand_count = 1});
    int rc = open_chain(o, OPEN_CHANGES, &x);
    if (!rc)
        rc = who_key(o->operand[1], strlen(o->operand[1]), NULL, &key);
    if (!rc && !ate_chain_has_revoked(x.chain, key))
        rc = ask(o, &x, &key);
    if (!rc)
        rc = ate_revoke(x.chain, key, &receipt);
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc)
        open_say_receipt(ate_hash_text(key, text), NULL, &receipt);
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_revoke = {
    .name = "revoke",
    .summary = "end a key in a chain, for ever",
    .operands = "CHAIN KEY",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_YES),
    .run = run,
    .help =
        "ate revoke CHAIN KEY\n"
        "\n"
        "Ends a key in the whole chain: what it signs from now on is refused, whatever rule names\n"
        "it. What it signed before stays as it is. Needs a root key, or that very key: who lost\n"
        "control of his own ends it himself. KEY is a fingerprint or a key file. There is no way\n"
        "back, so it asks.\n"
        "\n"
        "What the key could read it can read on. To seal what is written from now on to the\n"
        "others alone take it out of the readers as well: ate protect --read.\n"
        "\n"
        "Exit status 1: it has ended already; 3: neither a root key nor that key.\n"
        "\n"
        "  ate revoke @work ada.pub\n"
        "  ate revoke @work -k old.key --root ... old.key --yes\n"
        "\n"
        "  -y, --yes  do not ask\n",
};
