/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_repair.c: what is lost of a damaged chain, and, once that is accepted, the rest as a chain.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 512, STATUS_NOT_TRUSTED = 6 };

static void print_json(const struct ate_repaired *r, bool changed)
{
    char head[ATE_HASH_TEXT];
    json_t *object = json_object();
    ate__json_set_bool(object, "damaged", r->is_damaged);
    ate__json_set_bool(object, "repaired", changed && r->is_damaged);
    ate__json_set_bool(object, "reset", r->reset);
    if (!r->resumed) {
        ate__json_set_number(object, "size", r->head.size);
        ate__json_set_text(object, "head", ate_hash_text(r->head.root, head));
    }
    if (r->is_damaged) {
        ate__json_set_text(object, "text", r->text);
        ate__json_set_number(object, "lost", r->known - r->head.size);
        ate__json_set_number(object, "behind", r->behind);
        ate__json_set_number(object, "unreadable", r->unreadable);
    }
    if (changed && r->is_damaged && !r->resumed) {
        ate__json_set_text(object, "original", r->damaged);
        if (r->salvage[0])
            ate__json_set_text(object, "salvage", r->salvage);
    }
    ate__print_json(object);
}

/* Before anything is changed. */
static void print_loss(const struct ate_repaired *r)
{
    uint64_t lost = r->known - r->head.size;
    char count[ATE__COUNT_TEXT];
    ate__print("damaged: %s\n", r->text);
    if (r->resumed) {
        ate__print("an earlier repair is to be ended\n");
        return;
    }
    bool one = r->head.size == 1;
    ate__print("%s %s, from the first on; %s\n",
               ate__count_text(r->head.size, "transaction", "transactions", count),
               one ? "verifies" : "verify", one ? "it stays" : "they stay");
    if (lost)
        ate__print("%s lost, or more: from sequence %" PRIu64 " to %" PRIu64 "\n",
                   ate__count_text(lost, "is", "are", count), r->head.size, r->known - 1);
    if (r->behind)
        ate__print("%s behind the damage %s: kept beside the chain, not in it\n",
                   ate__count_text(r->behind, "record", "records", count),
                   r->behind == 1 ? "is whole by itself" : "are whole by themselves");
    if (r->unreadable)
        ate__print("%s cannot be read at all\n",
                   ate__count_text(r->unreadable, "file", "files", count));
}

static void print_done(const struct ate_repaired *r, const char *dir)
{
    char shown[SHOWN], head[ATE_HASH_TEXT], count[ATE__COUNT_TEXT];
    if (r->reset)
        ate__print("a root key has signed that the chain went back to what it has\n");
    else if (r->known > r->head.size)
        ate__print("whoever has seen more of the chain refuses it; --reset TEXT and a root key let "
                   "them follow\n");
    if (r->resumed)
        ate__print("the earlier repair is ended\n");
    if (r->resumed || !r->is_damaged)
        return;
    ate__escaped(ate__text_bytes(dir), shown, sizeof shown);
    ate__print("repaired: %s; head %s\n",
               ate__count_text(r->head.size, "transaction", "transactions", count),
               ate_hash_text(r->head.root, head));
    ate__print("the original, as it was: %s/%s\n", shown, r->damaged);
    if (r->salvage[0])
        ate__print("what was behind the damage: %s/%s\n", shown, r->salvage);
}

/* On a terminal alone. */
static bool agrees(const struct options *o)
{
    char line[16];
    if (o->yes)
        return true;
    if (ate__out.json || !isatty(STDIN_FILENO) || !ate__out.terminal)
        return false;
    ate__print(o->reset ? "go back to that? (yes or no) " : "repair it? (yes or no) ");
    if (ate__out_flush() || !fgets(line, sizeof line, stdin))
        return false;
    return !strcmp(line, "yes\n");
}

static int report_declined(const struct ate_repaired *r, const char *dir)
{
    char text[SHOWN];
    if (!r->is_damaged)
        return ate__report(ate__fail(ATE_DENIED, "nothing was signed: --yes does it"), dir);
    ate__escaped(ate__text_bytes(r->text), text, sizeof text);
    return ate__report(ate__fail((int)r->what, "%s; nothing was changed: --yes repairs it", text),
                       dir);
}

static int change(const struct options *o, struct ate_session *session,
                  struct ate_repair_conf *conf, const struct ate_repaired *seen)
{
    struct ate_repaired r;
    int rc;
    if (!agrees(o)) {
        if (ate__out.json)
            print_json(seen, false);
        (void)!report_declined(seen, o->operand[0]);
        return STATUS_NOT_TRUSTED;
    }
    conf->change = true;
    rc = ate_repair(o->operand[0], session, conf, &r);
    ate__progress_end();
    if (rc)
        return ate__report(rc, o->operand[0]);
    if (ate__out.json)
        print_json(&r, true);
    else
        print_done(&r, o->operand[0]);
    return 0;
}

static int look(const struct options *o, struct ate_session *session, const char *roots)
{
    struct ate_repaired r;
    char count[ATE__COUNT_TEXT];
    struct ate_repair_conf conf = {
        .root = roots, .reset = o->reset, .progress = open_show_progress};
    int rc = ate_repair(o->operand[0], session, &conf, &r);
    if (rc)
        return ate__report(rc, o->operand[0]);
    if (!r.is_damaged && ate__out.json && !o->reset)
        print_json(&r, false);
    else if (!r.is_damaged && !ate__out.json)
        ate__print("all holds: %s; there is nothing to repair\n",
                   ate__count_text(r.head.size, "transaction", "transactions", count));
    if (!r.is_damaged && !o->reset)
        return 0;
    if (r.is_damaged && !ate__out.json)
        print_loss(&r);
    return change(o, session, &conf, &r);
}

static int run(const struct options *o)
{
    struct ate_session *session = NULL;
    ate__cleanup(ate__freep) char *roots = NULL;
    const char *where = o->operand[0];
    int rc = open_is_remote(where)
                 ? ate__fail(ATE_MISUSE, "a chain at a server is repaired where it lies")
                 : open_anchor(o, &session, &roots);
    int status = rc ? ate__report(rc, where) : look(o, session, roots);
    ate_session_close(session);
    return status;
}

const struct command cmd_repair = {
    .name = "repair",
    .summary = "say what is lost of a damaged chain, and make the rest a chain",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_YES) | OPT(OPT_RESET),
    .run = run,
    .help =
        "ate repair CHAIN [--yes] [--reset TEXT]\n"
        "\n"
        "Says first what verifies and what is lost, and changes nothing before that was answered\n"
        "with yes, or --yes is given. Then the chain ends before the first thing that does not\n"
        "verify. The original is kept beside it as it was, in CHAIN/,damaged-N, and so are the\n"
        "transactions behind the damage that are whole by themselves, in CHAIN/,salvage-N with a\n"
        "list: they hang on what is missing, so no reader can believe them.\n"
        "\n"
        "Whoever has seen more of the chain refuses it from then on; a backup that has more is\n"
        "the better way. With --reset a root key signs behind it that it went back, and they\n"
        "follow; of a chain that was set back by other means too, as with a machine's snapshot,\n"
        "before anything else is written there. It needs as much room as the chain.\n"
        "\n"
        "Exit status 0: all holds, or it was repaired; 6: damaged, and nothing was changed, or\n"
        "what lies there holds and is less than was seen there before, or something else; 8:\n"
        "this machine failed, and the original is there.\n"
        "\n"
        "  ate repair notes\n"
        "\n"
        "  -y, --yes       do not ask\n"
        "  --reset TEXT    sign that the chain went back, for this reason\n",
};
