/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_compact.c: makes the log of a chain shorter.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include <inttypes.h>

static void print_json(const struct ate_compacted *c)
{
    json_t *object = json_object();
    ate__json_set_number(object, "files", c->files);
    ate__json_set_number(object, "rewritten", c->rewritten);
    ate__json_set_number(object, "payloads", c->payloads);
    ate__json_set_number(object, "events", c->events);
    ate__json_set_number(object, "transactions", c->transactions);
    ate__json_set_number(object, "cut_off", c->cut_off);
    ate__json_set_number(object, "bytes_before", c->bytes_before);
    ate__json_set_number(object, "bytes_after", c->bytes_after);
    ate__print_json(object);
}

static void print_text(const struct options *o, const struct ate_compacted *c)
{
    char before[ATE__SIZE_TEXT], after[ATE__SIZE_TEXT], values[ATE__COUNT_TEXT],
        files[ATE__COUNT_TEXT], events[ATE__COUNT_TEXT], transactions[ATE__COUNT_TEXT];
    if (c->rewritten)
        ate__print("%s became %s: %s went, %" PRIu64 " of %s %s written anew\n",
                   ate__size_text(c->bytes_before, before), ate__size_text(c->bytes_after, after),
                   ate__count_text(c->payloads, "old value", "old values", values), c->rewritten,
                   ate__count_text(c->files, "file", "files", files),
                   c->rewritten == 1 ? "was" : "were");
    else
        ate__print("%s: there is nothing to gain%s\n", ate__size_text(c->bytes_after, after),
                   o->deep && !o->cut_off ? " that is old enough; --cut-off says what is" : "");
    if (c->events)
        ate__print("below transaction %" PRIu64 ": %s went, and %s with them\n", c->cut_off,
                   ate__count_text(c->events, "event", "events", events),
                   ate__count_text(c->transactions, "transaction", "transactions", transactions));
}

static int run(const struct options *o)
{
    struct opened x = {0};
    struct ate_compacted done;
    struct ate_compact_conf conf = {
        .bytes_per_second = o->rate,
        .deep = o->deep,
        .cut_off = o->cut_off,
        .progress = open_show_progress,
    };
    if (o->cut_off && !o->deep)
        return ate__report_usage("--cut-off goes with --deep");
    char *subject = open_subject(o);
    int rc = open_chain(o, o->deep ? OPEN_CHANGES : OPEN_TENDS, &x);
    if (!rc)
        rc = ate_chain_compact(x.chain, &conf, &done);
    ate__progress_end();
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc && ate__out.json)
        print_json(&done);
    else if (!rc)
        print_text(o, &done);
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_compact = {
    .name = "compact",
    .summary = "drop old values, keep every proof",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_RATE) | OPT(OPT_DEEP) | OPT(OPT_CUT_OFF),
    .run = run,
    .help =
        "ate compact CHAIN [--deep [--cut-off SEQ]] [--rate SIZE]\n"
        "\n"
        "Drops the values of versions that newer ones replaced, and of deleted objects: --at and\n"
        "ate history find them no more. Who wrote what and when, every hash and every signature\n"
        "stay, so that ate verify says the same as before. Only a chain in a directory; nothing\n"
        "else may have it open for writing. It may be stopped at any moment.\n"
        "\n"
        "With --deep transactions go as well, below a cut-off: all that belongs to no object\n"
        "that lives or was deleted a short while ago. A certificate is committed first, signed\n"
        "by your key, which must be a root key or a compactor key, or in a centralized chain by\n"
        "nobody: its server's log key signs what stands above it. Without it nobody opens a\n"
        "chain that lacks something. Every proof for every earlier size can still be made.\n"
        "\n"
        "  ate compact notes\n"
        "  ate compact notes --rate 20M\n"
        "  ate compact notes --deep\n"
        "  ate compact notes --deep --cut-off now\n"
        "\n"
        "  --deep          drop transactions, too; there is no way back but a backup from before\n"
        "  --cut-off SEQ   those below this one, or `now`: all; else those older than 7 days, or\n"
        "                  than an hour where much has gathered\n"
        "  --rate SIZE     read and write no more than about so many bytes a second\n",
};
