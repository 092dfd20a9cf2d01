/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_get.c: prints the bytes of an object, or what there is to know of it.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/at.h"
#include "bin/ate/describe.h"
#include "bin/ate/open.h"
#include "bin/ate/path.h"
#include "bin/ate/sink.h"
#include "bin/ate/stop.h"
#include <string.h>

struct get {
    const struct options *o;
    struct path path;
    struct opened at;
    struct ate_txn *txn;
    struct ate_object object;
    struct sink sink;
};

static int find(struct get *g)
{
    /* The payload of then may be gone, which is better told than that its type is. */
    unsigned flags = ate__out.json ? ATE_AUTHORS : g->o->has_at ? 0 : ATE_NO_PAYLOAD;
    int rc = at_begin(g->o, g->at.chain, false, &g->txn);
    if (!rc)
        rc = path_find(g->txn, &g->path, flags, &g->object, NULL);
    if (!rc && g->object.compacted)
        rc = ate__fail(ATE_COMPACTED,
                       "its value is not there: it was overwritten and compacted just now, or "
                       "left out, as ate verify says then");
    if (!rc && !g->object.readable) {
        char readers[512];
        open_readers_text(g->txn, g->object.id, readers, sizeof readers);
        rc = ate__fail(ATE_NO_KEY, "your keys do not open it; readers: %s (ate ls -l shows them)",
                       readers);
    }
    return rc;
}

/* The value of an object that has a small one; a larger one is left to --output. */
static int add_value(struct get *g, json_t *object)
{
    enum content_kind kind = content_kind_of(&g->object);
    struct sink memory;
    if (kind == CONTENT_DIR || kind == CONTENT_PAGE)
        return 0;
    if (kind == CONTENT_OTHER) {
        json_t *fields = describe_payload(&g->object);
        if (fields)
            (void)!json_object_set_new(object, "value", fields);
        else
            ate__json_set_bytes(object, "value", g->object.payload);
        return 0;
    }
    sink_memory(&memory, FS_INLINE_MAX);
    int rc = content_read(g->txn, g->object.id, sink_write, &memory);
    if (!rc)
        ate__json_set_bytes(object, "value", ate__buf_bytes(&memory.held));
    sink_deinit(&memory);
    return rc == ATE_TOO_BIG ? 0 : rc;
}

static int print_json(struct get *g)
{
    json_t *object = describe_object(&g->object, g->o->operand[1]);
    int rc = object ? describe_attributes(g->txn, &g->object, object) : ate__no_memory();
    if (!rc)
        rc = describe_keeping(g->txn, g->object.id, object);
    if (!rc && !g->o->output)
        rc = add_value(g, object);
    if (rc)
        json_decref(object);
    else
        ate__print_json(object);
    return rc;
}

static int write_content(struct get *g)
{
    int rc = 0;
    if (g->o->output && strcmp(g->o->output, "-") != 0)
        rc = sink_file(&g->sink, g->o->output);
    else
        sink_stdout(&g->sink);
    if (!rc)
        rc = content_read(g->txn, g->object.id, sink_write, &g->sink);
    return rc ? rc : sink_finish(&g->sink);
}

static int get(struct get *g)
{
    int rc = path_parse(g->o->operand[1], &g->path);
    if (!rc && !g->path.count)
        rc = ate__fail(ATE_MISUSE, "the top has no value: ate ls lists it");
    if (!rc)
        rc = open_chain(g->o, g->o->has_at ? OPEN_STREAMS : OPEN_READS, &g->at);
    if (!rc)
        rc = find(g);
    if (!rc && ate__out.json)
        rc = print_json(g);
    if (!rc && (!ate__out.json || g->o->output))
        rc = write_content(g);
    return rc;
}

static int run(const struct options *o)
{
    struct get g = {.o = o, .sink = {.fd = -1}};
    char *subject = open_subject(o);
    if (ate__out.json && o->output && !strcmp(o->output, "-"))
        return ate__report_usage("--json and --output - would both write to stdout");
    stop_after(o->timeout_ms, subject);
    int rc = get(&g);
    int status = rc ? open_report(rc, &g.at, subject) : 0;
    sink_deinit(&g.sink);
    ate_txn_end(g.txn);
    status = open_close(&g.at, status);
    path_deinit(&g.path);
    ate__free(subject);
    return status;
}

const struct command cmd_get = {
    .name = "get",
    .summary = "print a value: its bytes, and nothing else",
    .operands = "CHAIN NAME",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTS_CHAIN | OPT(OPT_OUTPUT) | OPT(OPT_AT),
    .run = run,
    .help =
        "ate get CHAIN NAME [-o FILE] [--at SEQ|TIME]\n"
        "\n"
        "Prints exactly the bytes that were stored; on a terminal with control characters escaped\n"
        "and a newline at the end. A file's bytes are checked against its hash: if they do not\n"
        "hold, the exit status is 6, and FILE is not touched.\n"
        "\n"
        "  ate get notes hello\n"
        "  ate get @work photos/cat -o cat.jpg\n"
        "  ate get notes hello --json                 with type, times, sequence and authors\n"
        "  ate get notes hello --at 2026-12-31        as it was at the beginning of that day\n"
        "  ate get notes hello --at -2h               as it was two hours ago\n"
        "\n"
        "  -o, --output FILE   into the file, which appears when it is whole\n"
        "  --at SEQ|TIME       as it was after that sequence, or at that time by the clock of the\n"
        "                      chain's root: 2026-12-31, 2026-12-31T23:59:59+01:00, or without a\n"
        "                      zone in UTC; -90s, -30m, -2h, -7d, -1w: so long ago\n"
        "  --timeout TIME      of the whole command\n",
};
