/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_destroy.c: the end of a chain, once its name was typed.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/common/units.h"
#include <string.h>
#include <unistd.h>

static void print_json(const struct ate_destroyed_chain *d)
{
    char id[ATE_HASH_TEXT], head[ATE_HASH_TEXT], key[ATE_HASH_TEXT];
    json_t *object = json_object();
    ate__json_set_bool(object, "destroyed", d->time_ns != 0);
    ate__json_set_text(object, "name", d->name);
    ate__json_set_text(object, "chain", ate_hash_text(d->chain_id, id));
    ate__json_set_number(object, "size", d->head.size);
    ate__json_set_text(object, "head", ate_hash_text(d->head.root, head));
    ate__json_set_text(object, "key", ate_hash_text(d->key, key));
    ate__print_json(object);
}

static void print_done(const struct ate_destroyed_chain *d)
{
    char id[ATE_HASH_TEXT], count[ATE__COUNT_TEXT];
    ate__print("destroyed: %s, %s, chain id %s\n", d->name,
               ate__count_text(d->head.size, "transaction", "transactions", count),
               ate_hash_text(d->chain_id, id));
}

static bool can_ask(void)
{
    return !ate__out.json && isatty(STDIN_FILENO) && ate__out.terminal;
}

/* On a terminal alone. Errors: DENIED: nothing was typed. */
static int ask_name(const struct ate_destroyed_chain *seen, char *ret_name, int capacity)
{
    char id[ATE_HASH_TEXT], count[ATE__COUNT_TEXT];
    if (!can_ask())
        return ate__fail(ATE_DENIED,
                         "nothing was changed; where nobody can be asked, --yes %s "
                         "destroys it",
                         seen->name);
    ate__print("%s: %s, chain id %s\n", seen->name,
               ate__count_text(seen->head.size, "transaction", "transactions", count),
               ate_hash_text(seen->chain_id, id));
    ate__print(seen->resumed ? "it is destroyed already, and what is left of it goes\n"
                             : "it will be gone, and nothing but a backup brings it back\n");
    ate__print("type its name to destroy it: ");
    if (ate__out_flush() || !fgets(ret_name, capacity, stdin))
        return ate__fail(ATE_DENIED, "nothing was changed");
    ret_name[strcspn(ret_name, "\n")] = 0;
    return 0;
}

static int destroy(const struct options *o, struct ate_session *session,
                   struct ate_destroy_conf *conf)
{
    struct ate_destroyed_chain d;
    char name[sizeof d.name + 1];
    int rc = 0;
    conf->name = o->yes_name;
    if (!o->yes_name) {
        rc = ate_chain_destroy(o->operand[0], session, conf, &d);
        if (rc)
            return ate__report(rc, o->operand[0]);
        rc = ask_name(&d, name, (int)sizeof name);
        if (rc)
            return ate__report(rc, o->operand[0]);
        conf->name = name;
    }
    rc = ate_chain_destroy(o->operand[0], session, conf, &d);
    if (rc)
        return ate__report(rc, o->operand[0]);
    if (ate__out.json)
        print_json(&d);
    else
        print_done(&d);
    return 0;
}

static int run(const struct options *o)
{
    struct ate_session *session = NULL;
    struct ate_destroy_conf conf = {
        .timeout_ms = o->timeout_ms, .no_wire_encryption = o->clear, .lookup = &o->lookup};
    ate__cleanup(ate__freep) char *roots = NULL;
    int rc = open_anchor(o, &session, &roots);
    conf.root = roots;
    int status = rc ? ate__report(rc, o->operand[0]) : destroy(o, session, &conf);
    ate_session_close(session);
    return status;
}

const struct command cmd_destroy = {
    .name = "destroy",
    .summary = "end a chain: its files go, and its name is never silently another's",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_YES_NAME),
    .run = run,
    .help =
        "ate destroy CHAIN [--yes NAME]\n"
        "\n"
        "Removes all files of a chain, for its owner: who has a root key of it that is in force.\n"
        "It asks for the chain's name, as it is shown; for scripts --yes NAME says it. What stays\n"
        "is a file ,destroyed in its directory that says which chain this was, signed with that\n"
        "key: whoever opens the chain is told, and none can be made in its place until that file\n"
        "is removed.\n"
        "\n"
        "There is no way back but a backup. Copies are not reached: backups, mirrors, and what\n"
        "ate repair kept beside the chain. An archive goes only when nothing in it has to be kept\n"
        "any more. No process may have a chain in a directory open. A server has to be started\n"
        "with --allow-destroy; who has the chain open there is told. Cut short, it is run again.\n"
        "\n"
        "Exit status 0: it is gone; 1: there is none; 3: not the owner, another name, an archive,\n"
        "or a server that does not do it, and nothing was changed; 4: others keep committing; 5:\n"
        "it is in use, or no answer came; 8: this machine failed.\n"
        "\n"
        "  ate destroy notes\n"
        "  ate destroy @work\n"
        "\n"
        "  -y, --yes NAME  the chain's name; do not ask\n",
};
