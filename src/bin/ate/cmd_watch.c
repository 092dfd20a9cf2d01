/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_watch.c: what happens in a chain, a line each, as it happens.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/stop.h"

static const char *const words[] = {"created", "updated", "deleted"};

static void print_event(const struct ate_event *e)
{
    char id[ATE_ID_TEXT], time[ATE__TIME_TEXT];
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "sequence", e->sequence);
        ate__json_set_text(object, "change", words[e->change]);
        ate__json_set_text(object, "id", ate_id_text(e->id, id));
        ate__json_set_text(object, "parent", ate_id_text(e->parent, id));
        ate__json_set_text(object, "type", e->type);
        if (e->name.size)
            ate__json_set_bytes(object, "name", e->name);
        ate__json_set_text(object, "time", ate__time_text(e->time_ns, false, time));
        json_object_set_new(object, "last", json_boolean(e->last));
        ate__print_json(object);
    } else {
        ate__print("%llu %s %s ", (unsigned long long)e->sequence,
                   ate__time_text(e->time_ns, true, time), words[e->change]);
        if (e->name.size)
            ate__print_escaped(e->name);
        else
            ate__print("%s", ate_id_text(e->id, id));
        if (e->type) {
            ate__print(" ");
            ate__print_escaped(ate__text_bytes(e->type));
        }
        ate__print("\n");
    }
    fflush(stdout); /* whoever reads a pipe of it waits for each line */
}

static int find_parent(const struct options *o, struct ate_chain *chain, struct ate_id *ret_id)
{
    struct path path = {0};
    struct ate_object object;
    struct ate_txn *txn;
    int rc = path_parse(o->operand_count > 1 ? o->operand[1] : NULL, &path);
    if (rc)
        return rc;
    rc = ate_txn_begin(chain, NULL, ATE_READ, &txn);
    if (!rc) {
        rc = path_find(txn, &path, ATE_NO_PAYLOAD, &object, NULL);
        if (!rc)
            *ret_id = object.id;
        ate_txn_end(txn);
    }
    path_deinit(&path);
    return rc;
}

static int watch(const struct options *o, struct opened *at)
{
    struct ate_watch *w;
    struct ate_id parent;
    int rc = open_chain(o, OPEN_STREAMS, at);
    if (!rc)
        rc = find_parent(o, at->chain, &parent);
    if (!rc)
        rc = ate_watch_start(at->chain, NULL, parent, ATE_TREE, o->has_since ? o->since : ATE_NOW,
                             &w);
    if (rc)
        return rc;
    for (uint64_t n = 0; !rc && n < o->count; n++) {
        struct ate_event e;
        rc = ate_watch_next(w, o->timeout_ms ? o->timeout_ms : -1, &e);
        if (!rc)
            print_event(&e);
    }
    ate_watch_end(w);
    return rc;
}

static int run(const struct options *o)
{
    struct opened at = {0};
    int rc = watch(o, &at);
    int status = rc ? ate__report(rc, o->operand[0]) : 0;
    open_close(&at);
    return status;
}

const struct command cmd_watch = {
    .name = "watch",
    .summary = "print what happens in a chain, as it happens",
    .operands = "CHAIN [NAME]",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_SINCE) | OPT(OPT_COUNT),
    .run = run,
    .help =
        "ate watch CHAIN [NAME]\n"
        "\n"
        "Prints a line for every object below NAME that is created, updated or deleted, in the\n"
        "chain's order, from now on. Nothing is missed, and only what is on disk is shown.\n"
        "\n"
        "  ate watch @work\n"
        "  ate watch @work log --since 0 --count 10 --json\n"
        "\n"
        "  --since SEQ      first what happened from that sequence on\n"
        "  --count N        end after N lines\n"
        "  --timeout TIME   end with status 5 when nothing happened for that long [none]\n",
};
