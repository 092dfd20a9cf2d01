/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_backup.c: copies a chain into another directory, and back.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include <inttypes.h>

enum { TRIES = 16 };

static void print_done(const struct ate_backed_up *d, bool has_files)
{
    char head[ATE_HASH_TEXT], size[ATE__SIZE_TEXT], transactions[ATE__COUNT_TEXT],
        copied[ATE__COUNT_TEXT], kept[ATE__COUNT_TEXT];
    ate__count_text(d->head.size, "transaction", "transactions", transactions);
    ate_hash_text(d->head.root, head);
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "size", d->head.size);
        ate__json_set_text(object, "head", head);
        if (has_files) {
            ate__json_set_number(object, "size_before", d->size_before);
            ate__json_set_number(object, "files_copied", d->files_copied);
            ate__json_set_number(object, "files_kept", d->files_kept);
            ate__json_set_number(object, "bytes_copied", d->bytes_copied);
            ate__json_set_bool(object, "reset", d->reset);
        }
        ate__print_json(object);
    } else if (has_files) {
        ate__print("%s, %" PRIu64 " of them new; %s copied in %s, %s %s there; head %s\n",
                   transactions, d->head.size - d->size_before,
                   ate__size_text(d->bytes_copied, size),
                   ate__count_text(d->files_copied, "file", "files", copied),
                   ate__count_text(d->files_kept, "file", "files", kept),
                   d->files_kept == 1 ? "was" : "were", head);
    } else {
        ate__print("%s; head %s\n", transactions, head);
    }
}

/* What the result is about: the place that is written to, but for the chain that cannot be opened.
 */
static int end(int rc, struct opened *x, const struct options *o)
{
    ate__progress_end();
    return rc ? open_report(rc, x, o->operand[x->chain ? 1 : 0]) : 0;
}

static int check_dir(const char *where)
{
    return open_is_remote(where)
               ? ate__fail(ATE_MISUSE, "a backup is a directory, and what is restored is one")
               : 0;
}

/* A copy of a chain at a server is a mirror. */
static int back_up_remote(const struct options *o)
{
    struct options mirrored = *o;
    struct opened x = {0};
    struct ate_backed_up done = {0};
    mirrored.mirror = o->operand[1];
    int rc = o->mirror ? ate__fail(ATE_MISUSE, "--mirror: DIR is the mirror") : 0;
    if (!rc)
        rc = open_chain(&mirrored, OPEN_VERIFIES, &x);
    if (!rc)
        rc = ate_chain_sync(x.chain, NULL);
    struct ate_damage damage;
    if (!rc && ate_chain_damage(x.chain, &damage))
        return open_close(&x, open_say_damage(&damage, o->operand[0]));
    if (!rc)
        done.head = ate_chain_head(x.chain);
    int status = end(rc, &x, o);
    if (!rc)
        print_done(&done, false);
    return open_close(&x, status);
}

static int back_up(const struct options *o)
{
    struct opened x = {0};
    struct ate_backed_up done;
    const struct ate_backup_conf conf = {.progress = open_show_progress};
    int rc = check_dir(o->operand[1]);
    if (rc)
        return end(rc, &x, o);
    if (open_is_remote(o->operand[0]))
        return back_up_remote(o);
    rc = ATE_STALE;
    /* STALE: its server compacted it meanwhile. */
    for (unsigned tries = 0; rc == ATE_STALE && tries < TRIES; tries++) {
        (void)!open_close(&x, 0);
        rc = open_chain(o, OPEN_VERIFIES, &x);
        if (!rc)
            rc = ate_backup(x.chain, o->operand[1], &conf, &done);
    }
    int status = end(rc, &x, o);
    if (!rc)
        print_done(&done, true);
    return open_close(&x, status);
}

/* The sequence is the last that comes along. */
static int restore(const struct options *o)
{
    struct opened x = {0};
    struct ate_backed_up done;
    const struct ate_backup_conf conf = {
        .size = o->has_to ? o->to + 1 : 0,
        .existing = o->existing,
        .accept_loss = o->accept_loss,
        .reset = o->reset,
        .progress = open_show_progress,
    };
    int rc = check_dir(o->operand[0]);
    if (!rc)
        rc = check_dir(o->operand[1]);
    if (!rc)
        rc = open_chain(o, OPEN_VERIFIES, &x);
    if (!rc)
        rc = ate_restore(x.chain, o->operand[1], &conf, &done);
    int status = end(rc, &x, o);
    if (!rc)
        print_done(&done, true);
    if (!rc && !done.reset && !ate__out.json)
        ate__print("whoever has seen more of the chain refuses this one; where it takes the place "
                   "of what was lost, --reset TEXT and a root key let them follow\n");
    return open_close(&x, status);
}

const struct command cmd_backup = {
    .name = "backup",
    .summary = "copy a chain, in use or not, to a directory; again: what is new",
    .operands = "CHAIN DIR",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN,
    .run = back_up,
    .help =
        "ate backup CHAIN DIR\n"
        "\n"
        "Brings DIR up to the chain's head; it is made if it is missing. The chain may be in use.\n"
        "All of it is verified first, and every transaction that lies in DIR afterwards is the\n"
        "verified one. Only what is new is copied; what is there is read, and copied anew where\n"
        "it is not whole. Whatever happens meanwhile, DIR holds a chain that opens, and never\n"
        "less than before. A chain at a server becomes a mirror in DIR.\n"
        "\n"
        "DIR is a chain itself: ate verify DIR, ate ls DIR. What is sealed in the chain is sealed\n"
        "there. DIR stays as it is where it has more than the chain (exit status 6), or is of\n"
        "another one.\n"
        "\n"
        "  ate backup notes /mnt/backup/notes\n"
        "  ate backup @work /mnt/backup/work\n",
};

const struct command cmd_restore = {
    .name = "restore",
    .summary = "make a chain of a backup, or of its beginning",
    .operands = "BACKUP CHAIN",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_TO) | OPT(OPT_EXISTING) | OPT(OPT_ACCEPT_LOSS) | OPT(OPT_RESET),
    .run = restore,
    .help =
        "ate restore BACKUP CHAIN [--to SEQ] [--existing] [--accept-loss] [--reset TEXT]\n"
        "\n"
        "Makes the directory CHAIN a chain of what the backup holds, after verifying all of it.\n"
        "Whoever has seen more of the chain than CHAIN then has, refuses it: it looks like an\n"
        "attack, and so it does here where this user has seen more of it at CHAIN. With --reset\n"
        "a root key signs in it that it went back, and why: then they follow, are told so, and\n"
        "keep what they held beyond it. Only the chain that takes the place of the lost one gets\n"
        "that, and before anything else is written there: a copy that has it can take them back.\n"
        "\n"
        "  ate restore /mnt/backup/notes notes --key root.key --reset 'the disk died'\n"
        "  ate restore /mnt/backup/notes notes\n"
        "  ate restore /mnt/backup/notes before --to 4711   as it was then, in a new place\n"
        "\n"
        "  --to SEQ         up to that sequence and with it\n"
        "  --existing       CHAIN may be there, with no more than it gets\n"
        "  --accept-loss    what was seen there beyond it is forgotten on this machine\n"
        "  --reset TEXT     sign that the chain went back, for this reason\n",
};
