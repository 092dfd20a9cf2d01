/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_watch.c: tells what happens in a chain, a line an event.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/known.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include <inttypes.h>

struct watch {
    const struct options *o;
    struct path path;
    struct opened at;
    struct known known;
    struct ate_id root; /* what is watched */
};

static const char *const changes[] = {"created", "updated", "deleted"};

/* Names of what lies above an event, as far as they are still to be had. */
static int learn_above(struct watch *w, struct ate_id id)
{
    struct ate_txn *txn;
    int rc = ate_txn_begin(w->at.chain, NULL, ATE_READ, &txn);
    while (!rc && !known_has(&w->known, id) && !ate__id_equal(&id, &ate_top)) {
        struct ate_object o;
        rc = ate_load_raw(txn, id, ATE_NO_PAYLOAD, &o);
        if (rc == ATE_NOT_FOUND) { /* it is gone by now */
            rc = 0;
            break;
        }
        if (!rc)
            rc = known_set(&w->known, id, o.parent, o.name);
        id = o.parent;
    }
    ate_txn_end(txn);
    return rc;
}

static int print_event(struct watch *w, const struct ate_event *e)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    char time[ATE__TIME_TEXT], id[ATE_ID_TEXT];
    int rc = learn_above(w, e->parent);
    /* A deletion does not repeat the name. */
    if (!rc && (e->name.size || !known_has(&w->known, e->id)))
        rc = known_set(&w->known, e->id, e->parent, e->name);
    if (rc)
        return rc;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "sequence", e->sequence);
        ate__json_set_text(object, "time", ate__time_text(e->time_ns, false, time));
        ate__json_set_text(object, "change", changes[e->change]);
        ate__json_set_text(object, "id", ate_id_text(e->id, id));
        ate__json_set_text(object, "parent", ate_id_text(e->parent, id));
        ate__json_set_text(object, "type", e->type);
        if (known_path_bytes(&w->known, e->id, &path))
            ate__json_set_bytes(object, "name", ate__buf_bytes(&path));
        ate__json_set_bool(object, "last", e->last);
        ate__print_json(object);
    } else {
        rc = known_path(&w->known, e->id, &path);
        if (!rc)
            rc = ate__buf_append(&path, ate__bytes("", 1));
        if (rc)
            return rc;
        ate__print("%" PRIu64 "  %s  %s  ", e->sequence, ate__time_text(e->time_ns, true, time),
                   changes[e->change]);
        ate__print_escaped(ate__text_bytes(e->type                    ? e->type
                                           : e->change == ATE_DELETED ? "-"
                                                                      : "private"));
        ate__print("  %s\n", (const char *)path.data);
    }
    return ate__out_flush();
}

static int find_root(struct watch *w)
{
    struct ate_object o;
    struct ate_txn *txn;
    int rc = ate_txn_begin(w->at.chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = path_find(txn, &w->path, ATE_NO_PAYLOAD, &o, NULL);
    if (!rc)
        w->root = o.id;
    ate_txn_end(txn);
    return rc;
}

static int follow(struct watch *w)
{
    struct ate_watch *watch;
    struct ate_event event;
    int32_t timeout_ms = w->o->timeout_ms ? w->o->timeout_ms : -1;
    uint64_t from = w->o->has_since ? w->o->since : ATE_NOW;
    int rc = ate_watch_start(w->at.chain, NULL, w->root, ATE_TREE, from, &watch);
    if (rc)
        return rc;
    ate__note_verbose("%s: watching from sequence %" PRIu64, ate__out.program,
                      w->o->has_since ? from : ate_chain_head(w->at.chain).size);
    for (uint64_t n = 0; !rc && n < w->o->count; n++) {
        rc = ate_watch_next(watch, timeout_ms, &event);
        if (!rc)
            rc = print_event(w, &event);
    }
    ate_watch_end(watch);
    if (rc == ATE_TIMEOUT)
        ate__fail(rc, "nothing happened within the time given");
    return rc;
}

static int run(const struct options *o)
{
    struct watch w = {.o = o};
    char *subject = open_subject(o);
    known_init(&w.known);
    int rc = path_parse(o->operand_count > 1 ? o->operand[1] : NULL, &w.path);
    if (!rc)
        rc = open_chain(o, OPEN_STREAMS, &w.at);
    if (!rc)
        rc = find_root(&w);
    if (!rc)
        rc = follow(&w);
    int status = rc ? open_report(rc, &w.at, subject) : 0;
    known_deinit(&w.known);
    status = open_close(&w.at, status);
    path_deinit(&w.path);
    ate__free(subject);
    return status;
}

const struct command cmd_watch = {
    .name = "watch",
    .summary = "tell what happens, as it happens",
    .operands = "CHAIN [NAME]",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_SINCE) | OPT(OPT_COUNT),
    .run = run,
    .help =
        "ate watch CHAIN [NAME] [--since SEQ] [--count N]\n"
        "\n"
        "Prints a line for each object that is created, updated or deleted below NAME: sequence,\n"
        "time, what happened, type, path. Only what the root has confirmed is shown, in its\n"
        "order. It goes on until it is interrupted.\n"
        "\n"
        "  ate watch @work\n"
        "  ate watch @work orders --json\n"
        "  ate watch notes --since 0 --count 10\n"
        "\n"
        "  --since SEQ     what happened from that sequence on first; else only what is new\n"
        "  --count N       ends after N events\n"
        "  --timeout TIME  ends with status 5 when nothing happens for so long [none]\n",
};
