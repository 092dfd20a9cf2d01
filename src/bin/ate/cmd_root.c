/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_root.c: the root keys of a chain: shown, added, removed.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/ask.h"
#include "bin/ate/describe.h"
#include "bin/ate/open.h"
#include "bin/ate/who.h"

static void print_roots(const struct opened *x)
{
    const struct ate_hash *roots;
    char text[ATE_HASH_TEXT];
    size_t count = ate_chain_roots(x->chain, &roots);
    if (ate__out.json) {
        json_t *object = json_object();
        (void)!json_object_set_new(object, "root_keys", describe_hashes(roots, count));
        ate__print_json(object);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ate__print("%s\n", ate_hash_text(roots[i], text));
    if (!count)
        ate__note("no root key is in force: all of them were ended (ate revoke), and nobody can "
                  "do any more what takes one");
}

static int add(const struct options *o, const struct opened *x, struct ate_hash *ret_key,
               struct ate_receipt *ret_receipt)
{
    int rc = ate_session_add_key(x->session, o->add_root);
    if (!rc)
        rc = who_key(o->add_root, strlen(o->add_root), NULL, ret_key);
    return rc ? rc : ate_root_add(x->chain, *ret_key, ret_receipt);
}

static int take_away(const struct options *o, const struct opened *x, struct ate_hash *ret_key,
                     struct ate_receipt *ret_receipt)
{
    int rc = who_key(o->remove_root, strlen(o->remove_root), NULL, ret_key);
    return rc ? rc : ate_root_remove(x->chain, *ret_key, ret_receipt);
}

static int run(const struct options *o)
{
    struct opened x = {0};
    struct ate_receipt receipt;
    struct ate_hash key;
    char text[ATE_HASH_TEXT];
    bool changes = o->add_root || o->remove_root;
    if (o->add_root && o->remove_root)
        return ate__report_usage("--add and --remove exclude each other: add first");
    char *subject = open_subject(o);
    int rc = open_chain(o, changes ? OPEN_CHANGES : OPEN_STREAMS, &x);
    if (!rc && !changes)
        print_roots(&x);
    else if (!rc)
        rc = o->add_root ? add(o, &x, &key, &receipt) : take_away(o, &x, &key, &receipt);
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc && changes)
        open_say_receipt(ate_hash_text(key, text), NULL, &receipt);
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_root = {
    .name = "root",
    .summary = "show and change the root keys of a chain",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_ADD_ROOT) | OPT(OPT_REMOVE_ROOT),
    .run = run,
    .help =
        "ate root CHAIN\n"
        "ate root CHAIN --add FILE\n"
        "ate root CHAIN --remove KEY\n"
        "\n"
        "Prints the root keys in force, a fingerprint a line; or adds or removes one. A root key\n"
        "says which keys are root keys, ends keys (ate revoke), names log keys, and holds what no\n"
        "rule of the top gives to others. A chain is trusted by any key that is or was one, so an\n"
        "address goes on working.\n"
        "\n"
        "The key that is added signs, too: FILE is its private key file. The last one stays.\n"
        "Rules that name a removed key go on naming it: ate revoke ends it.\n"
        "\n"
        "Exit status 3: no root key; 4: it is one already, or is none.\n"
        "\n"
        "  ate root notes\n"
        "  ate root notes --add new.key && ate root notes -k new.key --remove OLD\n"
        "\n"
        "  --add FILE    make its key a root key\n"
        "  --remove KEY  a fingerprint or a key file; a root key no more\n",
};
