/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_key.c: makes key files, and shows what they hold.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/password.h"
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 512 };

/* As people say them. One that is not here is shown by the name that --algorithm takes. */
static const char *said(const char *name)
{
    static const char *const names[][2] = {
        {"mldsa44-ed25519-sha512", "Ed25519 + ML-DSA-44"},
        {"mldsa65-ed25519-sha512", "Ed25519 + ML-DSA-65"},
        {"mldsa87-ed448-shake256", "Ed448 + ML-DSA-87"},
        {"mldsa44", "ML-DSA-44"},
        {"mldsa65", "ML-DSA-65"},
        {"mldsa87", "ML-DSA-87"},
        {"ed25519", "Ed25519"},
        {"ed448", "Ed448"},
        {"x-wing", "X-Wing"},
        {"mlkem1024-p384", "P-384 + ML-KEM-1024"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++)
        if (!strcmp(name, names[i][0]))
            return names[i][1];
    return name;
}

/* info's algorithm names one or two. */
static void print_made(const char *shown, const char *fingerprint, struct ate_key_info info)
{
    char *second = strchr(info.algorithm, ' ');
    if (second)
        *second++ = 0;
    ate__print("%s  %s   (%s%s%s). Back it up: nobody can restore it.\n", shown, fingerprint,
               said(info.algorithm), second ? ", " : "", second ? said(second) : "");
}

static int make(const struct options *o, const char *path)
{
    char shown[SHOWN], text[ATE_HASH_TEXT];
    struct ate_hash fingerprint;
    struct ate_password fresh = password_fresh(o->password_file);
    struct ate_key_conf conf = {
        .label = o->label,
        .strength = o->strength,
        .algorithm = o->algorithm,
        .password = o->password || o->password_file ? &fresh : NULL,
    };
    struct ate_key_info info;
    int rc = ate_key_make(path, &conf, &fingerprint);
    if (!rc)
        rc = ate_key_show(path, &info);
    password_forget();
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
        ate__json_set_text(object, "algorithm", info.algorithm);
        ate__json_set_text(object, "label", o->label);
        ate__print_json(object);
    } else {
        print_made(shown, text, info);
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

static const char *half_text(const struct ate_key_info *info)
{
    return info->half == ATE_HALF_READS    ? ", the half that reads"
           : info->half == ATE_HALF_WRITES ? ", the half that writes"
                                           : "";
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
        ate__json_set_number(object, "strength", info.strength);
        ate__json_set_bool(object, "sealed", info.is_sealed);
        if (info.half)
            ate__json_set_text(object, "half", info.half == ATE_HALF_READS ? "read" : "write");
        if (info.label[0])
            ate__json_set_text(object, "label", info.label);
        ate__print_json(object);
        return 0;
    }
    ate__print("%s  %s   %s key%s, %s%s", shown, text, info.is_private ? "private" : "public",
               half_text(&info), info.algorithm, info.is_sealed ? ", with a password" : "");
    if (info.label[0]) {
        ate__print(", ");
        ate__print_escaped(ate__text_bytes(info.label));
    }
    ate__print("\n");
    return 0;
}

/* Sets the password, changes it, or takes it away. */
static int seal(const struct options *o, const char *path)
{
    char shown[SHOWN];
    struct ate_password known = password_known(o), fresh = password_fresh(o->new_password_file);
    int rc = ate_key_seal(path, &known, o->remove ? NULL : &fresh);
    password_forget();
    open_home_text(path, shown, sizeof shown);
    if (rc)
        return report_missing(rc, shown);
    ate__note("%s is %s", shown,
              o->remove ? "sealed with no password any more"
                        : "sealed with the new password: nobody can restore it");
    return 0;
}

static void say_half(json_t *object, const char *name, const char *file, const char *what)
{
    char shown[SHOWN];
    if (object)
        ate__json_set_bytes(object, name, ate__text_bytes(file));
    else
        ate__print("%s  %s\n", open_home_text(file, shown, sizeof shown), what);
}

static int split(const struct options *o, const char *path)
{
    ate__cleanup(ate__freep) char *reads = ate__format("%s.read", path);
    ate__cleanup(ate__freep) char *writes = ate__format("%s.write", path);
    ate__cleanup(ate__freep) char *public_half = ate__format("%s.pub", path);
    struct ate_key_halves files = {reads, writes, public_half};
    struct ate_password known = password_known(o), fresh = password_fresh(o->new_password_file);
    char shown[SHOWN];
    if (!reads || !writes || !public_half)
        return ate__report(ate__no_memory(), NULL);
    int rc =
        ate_key_split(path, &known, &files, o->password || o->new_password_file ? &fresh : NULL);
    password_forget();
    open_home_text(path, shown, sizeof shown);
    if (rc)
        return report_missing(rc, shown);
    json_t *object = ate__out.json ? json_object() : NULL;
    say_half(object, "read", reads, "opens what the key opens, and signs nothing");
    say_half(object, "write", writes, "signs as the key does, and opens nothing");
    say_half(object, "public", public_half, "to give away");
    if (object)
        ate__print_json(object);
    return 0;
}

enum verb { NEW, SHOW, PASSWORD, SPLIT, VERBS };
static const char *const verb_name[VERBS] = {"new", "show", "password", "split"};

static enum verb verb_of(const char *word)
{
    enum verb verb = NEW;
    while (verb < VERBS && strcmp(word, verb_name[verb]) != 0)
        verb++;
    return verb;
}

/* NULL: each option goes with the verb. */
static const char *misfit(const struct options *o, enum verb verb)
{
    if (o->is_public && verb != SHOW)
        return "--public goes with ate key show";
    if ((o->label || o->strength || o->algorithm) && verb != NEW)
        return "--label, --strength and --algorithm go with ate key new";
    if (o->strength && o->algorithm)
        return "--strength or --algorithm";
    if (o->password && verb != NEW && verb != SPLIT)
        return "--password goes with ate key new and ate key split";
    if (o->password_file && verb == SHOW)
        return "ate key show needs no password";
    if (o->remove && verb != PASSWORD)
        return "--remove goes with ate key password";
    if (o->new_password_file && verb != PASSWORD && verb != SPLIT)
        return "--new-password-file goes with ate key password and ate key split";
    return o->remove && o->new_password_file ? "--remove or --new-password-file" : NULL;
}

static int run(const struct options *o)
{
    ate__cleanup(ate__freep) char *path = NULL;
    enum verb verb = verb_of(o->operand[0]);
    const char *wrong = verb == VERBS ? "ate key new, show, password or split" : misfit(o, verb);
    if (wrong)
        return ate__report_usage("%s", wrong);
    const char *variable = verb == NEW ? NULL : getenv("ATE_KEY");
    if (o->operand_count > 1)
        path = ate__copy_text(o->operand[1]);
    else if (variable && *variable)
        path = ate__copy_text(variable);
    else if (open_default_key(&path))
        return ate__report(ATE_E_SYSTEM, NULL);
    if (!path)
        return ate__report(ate__no_memory(), NULL);
    switch (verb) {
    case NEW: return make(o, path);
    case PASSWORD: return seal(o, path);
    case SPLIT: return split(o, path);
    default: return show(o, path);
    }
}

const struct command cmd_key = {
    .name = "key",
    .summary = "make a key, show what a key file holds, seal or split it",
    .operands = "new | show | password | split [FILE]",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_ALL | OPT(OPT_LABEL) | OPT(OPT_PUBLIC) | OPT(OPT_STRENGTH) |
               OPT(OPT_ALGORITHM) | OPT(OPT_PASSWORD) | OPT(OPT_PASSWORD_FILE) |
               OPT(OPT_NEW_PASSWORD_FILE) | OPT(OPT_REMOVE),
    .run = run,
    .help =
        "ate key new [FILE] [--strength BITS | --algorithm NAMES] [--password] [--label TEXT]\n"
        "ate key show [FILE] [--public]\n"
        "ate key password [FILE] [--remove]\n"
        "ate key split [FILE] [--password]\n"
        "\n"
        "A key file holds your private key: it owns the chains that you make, signs what you\n"
        "store, and opens what is stored for you. It is readable by you alone. Nobody can restore\n"
        "it: keep a copy at another place. FILE is ~/.config/ate/key unless it is given; all but\n"
        "new look at $ATE_KEY first.\n"
        "\n"
        "  ate key new                              make yours; never overwrites\n"
        "  ate key new --password                   sealed with a password, which is asked for\n"
        "  ate key new backup.key --label 'backup of the office'\n"
        "  ate key show --public > me.pub           the half to give away: with it others make\n"
        "                                           chains that you can read: ate put -k ... -k\n"
        "  ate key password                         set or change the password\n"
        "  ate key split                            FILE.read opens and does not sign,\n"
        "                                           FILE.write the other way round; FILE.pub\n"
        "\n"
        "  --strength BITS   128, 192 (the default), 256; a chain says what it takes: ate put\n"
        "  --algorithm NAMES in place of it: 'mldsa87-ed448-shake256 x-wing', ed25519, ...\n"
        "  --label TEXT      a line that is kept in the file, for its reader\n"
        "  --public          print the public half\n"
        "  --password        new, split: seal what is written; the password is typed twice\n"
        "  --remove          of the password: the file is sealed no more\n"
        "  --password-file FILE      the password is the first line of it; -: of stdin\n"
        "  --new-password-file FILE  so for the new one of password and split\n",
};
