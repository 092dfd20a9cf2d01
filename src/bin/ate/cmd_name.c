/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_name.c: addresses kept under names of one's own.
 */
#include "api/names.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/cmd.h"

static int print_one(void *arg, const char *name, const char *address)
{
    (void)arg;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "name", name);
        ate__json_set_bytes(object, "address", ate__text_bytes(address));
        ate__print_json(object);
        return 0;
    }
    ate__print("@%s  ", name);
    ate__print_escaped(ate__text_bytes(address));
    ate__print("\n");
    return 0;
}

static int show(const char *name)
{
    ate__cleanup(ate__freep) char *address = NULL;
    int rc = ate__name_lookup(name, &address);
    if (rc)
        return rc;
    if (ate__out.json)
        return print_one(NULL, name, address);
    ate__print_escaped(ate__text_bytes(address));
    ate__print("\n");
    return 0;
}

static int run(const struct options *o)
{
    const char *name = o->operand[0];
    int rc;
    if (o->remove && o->operand_count != 1)
        return ate__report_usage("--remove takes one NAME");
    if (name && name[0] == '@')
        name++;
    if (!name)
        rc = ate__name_each(print_one, NULL);
    else if (o->remove)
        rc = ate__name_set(name, NULL);
    else if (o->operand_count == 2)
        rc = ate__name_set(name, o->operand[1]);
    else
        rc = show(name);
    return rc ? ate__report(rc, NULL) : 0;
}

const struct command cmd_name = {
    .name = "name",
    .summary = "remember an address, to be used as @NAME",
    .operands = "[NAME [ADDRESS]]",
    .operands_min = 0,
    .operands_max = 2,
    .options = OPTS_ALL | OPT(OPT_REMOVE),
    .run = run,
    .help =
        "ate name [NAME [ADDRESS]] [--remove]\n"
        "\n"
        "Remembers the address of a chain at a server, with the pin of the server's key and the\n"
        "root key to trust, so that @NAME stands for all of it. Addresses are kept in\n"
        "~/.config/ate/config, which nothing else writes.\n"
        "\n"
        "  ate name work tcp://db.example.com/example.com/joe/notes#pin=...,root=...\n"
        "  ate put @work hello world\n"
        "  ate name work                  its address, to be handed on\n"
        "  ate name                       all of them\n"
        "\n"
        "  --remove       forget it:  ate name work --remove\n",
};
