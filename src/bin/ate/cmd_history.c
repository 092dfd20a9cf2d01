/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_history.c: prints the versions of one object, newest first.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/at.h"
#include "bin/ate/describe.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/stop.h"
#include <inttypes.h>

enum { WORDS = 2 };

struct history {
    const struct options *o;
    struct path path;
    struct opened at;
    struct ate_id id;
};

/* What happened to it; returns how many words. */
static size_t words_of(const struct ate_object_version *v, const char *ret_words[WORDS])
{
    size_t n = 0;
    if (v->moved)
        ret_words[n++] = "moved";
    if (v->renamed)
        ret_words[n++] = "renamed";
    if (!n)
        ret_words[n++] = v->deleted ? "deleted" : v->created ? "created" : "changed";
    return n;
}

static void print_json(const struct history *h, const struct ate_object_version *v)
{
    char time[ATE__TIME_TEXT], id[ATE_ID_TEXT], hash[ATE_HASH_TEXT];
    const char *words[WORDS];
    size_t n = words_of(v, words);
    json_t *object = json_object(), *what = json_array();
    ate__json_set_number(object, "sequence", v->sequence);
    ate__json_set_text(object, "time", ate__time_text(v->root_time_ns, false, time));
    ate__json_set_text(object, "writer_time", ate__time_text(v->writer_time_ns, false, time));
    for (size_t i = 0; what && i < n; i++)
        (void)!json_array_append_new(what, json_string(words[i]));
    if (object)
        (void)!json_object_set_new(object, "what", what);
    else
        json_decref(what);
    ate__json_set_text(object, "id", ate_id_text(h->id, id));
    if (!v->deleted) {
        ate__json_set_text(object, "parent", ate_id_text(v->parent, id));
        if (v->name.size)
            ate__json_set_bytes(object, "name", v->name);
        ate__json_set_text(object, "type", v->type);
        ate__json_set_number(object, "size", v->payload_size);
        ate__json_set_bool(object, "payload", v->has_payload);
        ate__json_set_bool(object, "encrypted", v->encrypted);
        ate__json_set_bool(object, "readable", v->readable);
    }
    if (object)
        (void)!json_object_set_new(object, "authors", describe_hashes(v->authors, v->author_count));
    ate__json_set_text(object, "hash", ate_hash_text(v->event_hash, hash));
    ate__print_json(object);
}

static void print_text(const struct ate_object_version *v)
{
    char text[ATE_HASH_TEXT], time[ATE__TIME_TEXT], size[ATE__SIZE_TEXT], id[ATE_ID_TEXT];
    const char *words[WORDS];
    size_t n = words_of(v, words);
    ate__print("%" PRIu64 "  %s  ", v->sequence, ate__time_text(v->root_time_ns, true, time));
    for (size_t i = 0; i < v->author_count; i++)
        ate__print("%s%s", i ? "," : "by ", ate_hash_text(v->authors[i], text));
    ate__print("%s  ", v->author_count ? "" : "unsigned");
    for (size_t i = 0; i < n; i++)
        ate__print("%s%s", i ? ", " : "", words[i]);
    if (!v->deleted) {
        bool gone = !v->has_payload && v->payload_size; /* and maybe its type with it */
        ate__print("  ");
        ate__print_escaped(ate__text_bytes(v->type               ? v->type
                                           : v->readable || gone ? "-"
                                                                 : "private"));
        ate__print("  %s", gone ? "compacted" : ate__size_text(v->payload_size, size));
    }
    if (v->name.size) {
        ate__print("  ");
        ate__print_escaped(v->name);
    }
    if (v->moved && ate__id_equal(&v->parent, &ate_top))
        ate__print("  to the top");
    else if (v->moved)
        ate__print("  below (%.8s)", ate_id_text(v->parent, id));
    ate__print("\n");
}

static void print_hole(void)
{
    json_t *object;
    if (!ate__out.json) {
        ate__print("...  versions that were compacted away\n");
        return;
    }
    object = json_object();
    ate__json_set_bool(object, "compacted", true);
    ate__print_json(object);
}

static int print_all(const struct history *h)
{
    static const struct ate_progress progress = {open_show_progress, NULL};
    struct ate_versions *versions;
    struct ate_object_version v;
    uint64_t printed = 0;
    int rc = ate_versions_start(h->at.chain, NULL, h->id, &progress, &versions);
    if (rc)
        return rc;
    while (!rc && printed < h->o->count) {
        rc = ate_versions_next(versions, &v);
        if (rc && rc != ATE_COMPACTED)
            break;
        if (rc)
            print_hole();
        else if (ate__out.json)
            print_json(h, &v);
        else
            print_text(&v);
        printed += rc == 0;
        rc = ate__out_flush();
    }
    ate_versions_end(versions);
    return rc == ATE_END ? 0 : rc;
}

/* The object that has the name, or had it then. */
static int find(struct history *h)
{
    struct ate_object o;
    struct ate_txn *txn;
    int rc = at_begin(h->o, h->at.chain, false, &txn);
    if (rc)
        return rc;
    rc = path_find(txn, &h->path, ATE_NO_PAYLOAD, &o, NULL);
    if (!rc)
        h->id = o.id;
    ate_txn_end(txn);
    return rc == ATE_NOT_FOUND && !h->o->has_at
               ? ate__context(rc, "at present (--at SEQ|TIME finds what had the name then)")
               : rc;
}

static int show(struct history *h)
{
    int rc = path_parse(h->o->operand[1], &h->path);
    if (!rc && !h->path.count)
        rc = ate__fail(ATE_MISUSE, "the top has no versions: ate log prints the chain's history");
    if (!rc)
        rc = open_chain(h->o, OPEN_STREAMS, &h->at);
    if (!rc)
        rc = find(h);
    return rc ? rc : print_all(h);
}

static int run(const struct options *o)
{
    struct history h = {.o = o};
    char *subject = open_subject(o);
    stop_after(o->timeout_ms, subject);
    int rc = show(&h);
    int status = rc ? open_report(rc, &h.at, subject) : 0;
    status = open_close(&h.at, status);
    path_deinit(&h.path);
    ate__free(subject);
    return status;
}

const struct command cmd_history = {
    .name = "history",
    .summary = "print the versions of one object: who changed it, and when",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_NUMBER) | OPT(OPT_AT),
    .run = run,
    .help =
        "ate history CHAIN NAME [-n N] [--at SEQ|TIME]\n"
        "\n"
        "Prints each version of an object, newest first: its sequence, the root's time, who\n"
        "signed it, and whether it was created, changed, moved, renamed or deleted; then type,\n"
        "size and name. ate get --at SEQ prints the value. What your keys do not open is\n"
        "\"private\"; where compaction left nothing, a line says so.\n"
        "\n"
        "  ate history notes hello\n"
        "  ate history @work docs/plan -n 5\n"
        "  ate history notes gone --at -7d            of what had the name a week ago, and was\n"
        "                                             deleted, moved or renamed since\n"
        "\n"
        "  -n, --number N   at most N versions\n"
        "  --at SEQ|TIME    NAME as of then, with all that became of it; ate get --help has the\n"
        "                   forms of TIME\n"
        "  --timeout TIME   of the whole command\n",
};
