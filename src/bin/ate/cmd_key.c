/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_key.c: makes key files, and shows what they hold.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 512 };

static int make(const struct options *o, const char *path)
{
    char shown[SHOWN], text[ATE_HASH_TEXT];
    struct ate_hash fingerprint;
    int rc = ate_key_create(path, o->label, &fingerprint);
    open_home_text(path, shown, sizeof shown);
    if (rc == ATE_EXISTS)
        ate__fail(rc, "there is a file already, and it stays: who loses a key loses the data");
    if (rc)
        return ate__report(rc, shown);
    ate_hash_text(fingerprint, text);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_bytes(object, "file", ate__text_bytes(path));
        ate__json_set_text(object, "fingerprint", text);
        ate__json_set_text(object, "label", o->label);
        ate__print_json(object);
    } else {
        ate__print("%s  %s   (Ed25519 + ML-DSA-65, X-Wing). Back it up: nobody can restore it.\n",
                   shown, text);
    }
    return 0;
}

static int report_missing(int rc, const char *shown)
{
    if (rc == ATE_NOT_FOUND)
        rc = ate__fail(rc, "there is no such key file; ate key new makes one");
    return ate__report(rc, shown);
}

static int show_public(const char *path, const char *shown)
{
    char *text;
    int rc = ate_key_public_text(path, &text);
    if (rc)
        return report_missing(rc, shown);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_text(object, "public", text);
        ate__print_json(object);
    } else {
        ate__print("%s", text);
    }
    ate_free(text);
    return 0;
}

static int show(const struct options *o, const char *path)
{
    char shown[SHOWN], text[ATE_HASH_TEXT];
    struct ate_key_info info;
    open_home_text(path, shown, sizeof shown);
    if (o->is_public)
        return show_public(path, shown);
    int rc = ate_key_show(path, &info);
    if (rc)
        return report_missing(rc, shown);
    ate_hash_text(info.fingerprint, text);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_bytes(object, "file", ate__text_bytes(path));
        ate__json_set_text(object, "fingerprint", text);
        ate__json_set_bool(object, "private", info.is_private);
        ate__json_set_text(object, "algorithm", info.algorithm);
        if (info.label[0])
            ate__json_set_text(object, "label", info.label);
        ate__print_json(object);
        return 0;
    }
    ate__print("%s  %s   %s key, %s", shown, text, info.is_private ? "private" : "public",
               info.algorithm);
    if (info.label[0]) {
        ate__print(", ");
        ate__print_escaped(ate__text_bytes(info.label));
    }
    ate__print("\n");
    return 0;
}

static int run(const struct options *o)
{
    ate__cleanup(ate__freep) char *path = NULL;
    bool is_new = !strcmp(o->operand[0], "new");
    if (!is_new && strcmp(o->operand[0], "show") != 0)
        return ate__report_usage("ate key new [FILE], or ate key show [FILE]");
    if (is_new && o->is_public)
        return ate__report_usage("--public goes with ate key show");
    if (!is_new && o->label)
        return ate__report_usage("--label goes with ate key new");
    const char *variable = is_new ? NULL : getenv("ATE_KEY");
    if (o->operand_count > 1)
        path = ate__copy_text(o->operand[1]);
    else if (variable && *variable)
        path = ate__copy_text(variable);
    else if (open_default_key(&path))
        return ate__report(ATE_E_SYSTEM, NULL);
    if (!path)
        return ate__report(ate__no_memory(), NULL);
    return is_new ? make(o, path) : show(o, path);
}

const struct command cmd_key = {
    .name = "key",
    .summary = "make a key (new), or show what a key file holds (show)",
    .operands = "new [FILE] | show [FILE]",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_ALL | OPT(OPT_LABEL) | OPT(OPT_PUBLIC),
    .run = run,
    .help =
        "ate key new [FILE] [--label TEXT]\n"
        "ate key show [FILE] [--public]\n"
        "\n"
        "A key file holds your private key: it owns the chains that you make, signs what you\n"
        "store, and opens what is stored for you. It is readable by you alone. Nobody can restore\n"
        "it: keep a copy at another place. FILE is ~/.config/ate/key unless it is given; show\n"
        "looks at $ATE_KEY first.\n"
        "\n"
        "  ate key new                              make yours; never overwrites\n"
        "  ate key new backup.key --label 'backup of the office'\n"
        "  ate key show --public > me.pub           the half to give away: with it others make\n"
        "                                           chains that you can read: ate put -k ... -k\n"
        "\n"
        "  --label TEXT   a line that is kept in the file, for its reader\n"
        "  --public       print the public half\n",
};
