/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * main.c: finds the command, reads its words, runs it.
 */
#include "base/text.h"
#include "bin/ate/cmd.h"
#include "bin/ate/hint.h"
#include "bin/ate/stop.h"
#include <string.h>

const struct command *const commands[] = {
    &cmd_key,   &cmd_put,         &cmd_push,   &cmd_get,     &cmd_rm,     &cmd_mv,
    &cmd_ls,    &cmd_watch,       &cmd_log,    &cmd_history, &cmd_verify, &cmd_checkpoint,
    &cmd_prove, &cmd_check_proof, &cmd_import, &cmd_export,  &cmd_name,   &cmd_compact,
    &cmd_hold,  &cmd_release,     &cmd_backup, &cmd_restore, &cmd_repair, &cmd_destroy,
    &cmd_bench, &cmd_protect,     &cmd_revoke, &cmd_root,    NULL,
};

static const char first_help[] =
    "ate: data as chains: append-only logs, encrypted and signed, in a directory or at a server.\n"
    "\n"
    "  ate key new                       make your key: it owns, signs and opens what you store\n"
    "  ate put notes hello world         store a value by its name; makes the chain ./notes\n"
    "  ate get notes hello               print it\n"
    "  ate name work tcp://HOST/PATH#pin=...,root=...   remember an address\n"
    "  ate ls -l @work                   and use it as @NAME, in place of a directory\n"
    "\n"
    "Commands: ate COMMAND --help tells more\n";

static const char last_help[] =
    "\n"
    "CHAIN is a directory, an address tcp://HOST[:PORT]/PATH#pin=...,root=..., or @NAME.\n"
    "NAME is a path such as docs/hello. Options may stand anywhere behind the command; \"--\"\n"
    "ends them, \"-\" is stdin.\n"
    "\n"
    "  -k, --key FILE      a key file; the first one signs and owns; may be repeated\n"
    "                      [$ATE_KEY; else ~/.config/ate/key]\n"
    "      --root KEY      the root key to trust: a fingerprint or a public key file; may be\n"
    "                      repeated (--root-key is the same)\n"
    "      --mirror DIR    keep a copy of a remote chain there; auto: in ~/.cache/ate\n"
    "      --timeout TIME  500ms, 30s, 5m, none [30s]\n"
    "      --max-age TIME  nothing of a remote chain that may be older: 60s or more\n"
    "      --plugin FILE[=OPTIONS] loads a plug-in: libate(3), PLUG-INS; may be repeated\n"
    "      --password-file FILE   the password of your key, if it has one; else you are asked\n"
    "      --no-wire-encryption   clear text, to a server on this machine that allows it too\n"
    "      --centralized   a chain whose server says who made what is expected: ate(1)\n"
    "      --dns-server ADDRESS[@PORT], --dns-anchor FILE, --ca-file FILE\n"
    "                             where a pin or a root that the address lacks is looked up: man\n"
    "                             7 ate, \"Trust\"\n"
    "      --json          one JSON object a line, errors too\n"
    "  -q, --quiet   -v, --verbose   say less, say more\n"
    "      --progress auto|always|never   --color auto|always|never\n"
    "  -h, --help   --version\n"
    "\n"
    "Exit status: 0 done; 1 no: not found, exists, nothing more; 2 usage; 3 refused: no right, no\n"
    "key; 4 conflict, too old; 5 not reached, busy, outcome unknown; 6 not to be trusted;\n"
    "7 malformed, unsupported, too big; 8 this machine; 129, 130, 143 ended by SIGHUP, SIGINT,\n"
    "SIGTERM.\n";

static int help(void)
{
    ate__print("%s", first_help);
    for (const struct command *const *c = commands; *c; c++)
        ate__print("  %-11s %s\n", (*c)->name, (*c)->summary);
    ate__print("%s", last_help);
    return 0;
}

static const struct command *find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}

static int unknown(const char *word)
{
    char shown[64];
    const char *names[ATE__COUNT_OF(commands)] = {NULL};
    for (size_t i = 0; commands[i]; i++)
        names[i] = commands[i]->name;
    ate__escaped(ate__text_bytes(word), shown, sizeof shown);
    const char *meant = word[0] == '-' ? NULL : ate__args_nearest(word, names);
    if (word[0] == '-')
        return ate__report_usage("the command comes first: ate COMMAND %s", shown);
    if (meant)
        return ate__report_usage("there is no command \"%s\"; did you mean %s?", shown, meant);
    return ate__report_usage("there is no command \"%s\"; the first word is one of key, put, push, "
                             "get, rm, mv, ls, watch, log, history, verify, checkpoint, prove, "
                             "check-proof, import, export, name, compact, hold, release, "
                             "backup, restore, repair, destroy, bench, protect, revoke, root",
                             shown);
}

static int run(char **words)
{
    struct options o;
    int status;
    if (!words[0])
        return ate__report_usage("what is to be done? For example: ate put notes hello world");
    if (!strcmp(words[0], "--help") || !strcmp(words[0], "-h"))
        return help();
    if (!strcmp(words[0], "help")) {
        const struct command *about = words[1] ? find(words[1]) : NULL;
        if (words[1] && !about)
            return unknown(words[1]);
        ate__print("%s", about ? about->help : "");
        return about ? 0 : help();
    }
    if (!strcmp(words[0], "--version")) {
        ate__print("ate %s\n", ate_version());
        return 0;
    }
    const struct command *c = find(words[0]);
    if (!c)
        return unknown(words[0]);
    ate__out.command = c->name;
    if (!options_read(c, words + 1, &o, &status))
        return status;
    int rc = plugins_load(&o.plugins, o.plugin, o.plugin_count);
    if (rc)
        return ate__report(rc, NULL);
    status = c->run(&o);
    plugins_end(&o.plugins);
    return status;
}

int main(int argc, char **argv)
{
    ate__out_begin("ate");
    ate__out.hint = hint_add;
    stop_begin();
    return ate__out_end(run(argc > 0 ? argv + 1 : argv));
}
