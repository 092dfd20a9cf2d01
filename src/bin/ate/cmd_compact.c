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
    ate__json_set_number(object, "bytes_before", c->bytes_before);
    ate__json_set_number(object, "bytes_after", c->bytes_after);
    ate__print_json(object);
}

static void print_text(const struct ate_compacted *c)
{
    char before[ATE__SIZE_TEXT], after[ATE__SIZE_TEXT];
    if (c->rewritten)
        ate__print("%s became %s: %" PRIu64 " old values went, %" PRIu64 " of %" PRIu64
                   " files were written anew\n",
                   ate__size_text(c->bytes_before, before), ate__size_text(c->bytes_after, after),
                   c->payloads, c->rewritten, c->files);
    else
        ate__print("%s: there is nothing to gain\n", ate__size_text(c->bytes_after, after));
}

static int run(const struct options *o)
{
    struct opened x = {0};
    struct ate_compacted done;
    struct ate_compact_conf conf = {
        .bytes_per_second = o->rate,
        .progress = open_show_progress,
    };
    char *subject = open_subject(o);
    int rc = open_chain(o, OPEN_CHANGES, &x);
    if (!rc)
        rc = ate_chain_compact(x.chain, &conf, &done);
    ate__progress_end();
    int status = rc ? open_report(rc, &x, subject) : 0;
    if (!rc && ate__out.json)
        print_json(&done);
    else if (!rc)
        print_text(&done);
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
    .options = OPTS_CHAIN | OPT(OPT_RATE),
    .run = run,
    .help =
        "ate compact CHAIN\n"
        "\n"
        "Drops what nobody can ask for any more: the values of versions that newer ones replaced,\n"
        "and of deleted objects. Who wrote what and when, every hash and every signature stay, so\n"
        "that ate verify says the same as before. Only a chain in a directory; nothing else may\n"
        "have it open for writing. It may be stopped at any moment.\n"
        "\n"
        "  ate compact notes\n"
        "  ate compact notes --rate 20M\n"
        "\n"
        "  --rate SIZE     read and write no more than about so many bytes a second\n",
};
