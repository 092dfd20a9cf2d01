/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_log.c: prints the history, transaction by transaction.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/describe.h"
#include "bin/ate/known.h"
#include "bin/ate/open.h"
#include <inttypes.h>

enum { RULE_SHOWN = 40 };

struct log {
    const struct options *o;
    struct opened at;
    struct known known;
};

static const char *const kinds[] = {"object",      "deleted",   "rules",      "chain",
                                    "root key",    "revoked",   "public key", "other",
                                    "certificate", "compacted", "reset"};
static const char *const reasons[] = {
    "", [ATE_RESET_RESTORE] = "restored", [ATE_RESET_REPAIR] = "repaired",
    [ATE_RESET_ADOPT] = "adopted"};

static const char *const grounds[] = {[ATE_BY_SIGNATURES] = "signed",
                                      [ATE_BY_LOG_KEY] = "log key",
                                      [ATE_BY_CERTIFICATE] = "certificate",
                                      [ATE_BY_HOST_KEY] = "host key"};

/* ---- JSON ---- */

static void set_reset(json_t *object, const struct ate_reset *r)
{
    ate__json_set_text(object, "reason", reasons[r->reason]);
    ate__json_set_text(object, "text", r->text);
    if (r->old_size)
        ate__json_set_number(object, "old_size", r->old_size);
}

static json_t *event_json(struct log *log, const struct ate_history_event *e)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    char id[ATE_ID_TEXT], hash[ATE_HASH_TEXT];
    json_t *object = json_object();
    if (!object)
        return NULL;
    ate__json_set_text(object, "kind", kinds[e->kind]);
    if (e->kind <= ATE_EVENT_CONTROL)
        ate__json_set_text(object, "id", ate_id_text(e->id, id));
    if (e->kind == ATE_EVENT_BODY) {
        ate__json_set_text(object, "parent", ate_id_text(e->parent, id));
        ate__json_set_bool(object, "creates", e->creates);
        ate__json_set_number(object, "size", e->payload_size);
        ate__json_set_bool(object, "encrypted", e->encrypted);
        ate__json_set_bool(object, "readable", e->readable);
        ate__json_set_bool(object, "compacted", e->payload_size && !e->has_payload);
        ate__json_set_text(object, "type", e->type);
        if (known_path_bytes(&log->known, e->id, &path) && path.size)
            ate__json_set_bytes(object, "name", ate__buf_bytes(&path));
    }
    if (e->subtree)
        ate__json_set_bool(object, "subtree", true);
    if (e->rules) {
        (void)!json_object_set_new(object, "read", describe_rule_json(&e->rules->read));
        (void)!json_object_set_new(object, "write", describe_rule_json(&e->rules->write));
        (void)!json_object_set_new(object, "append", describe_rule_json(&e->rules->append));
        (void)!json_object_set_new(object, "admin", describe_rule_json(&e->rules->admin));
        ate__json_set_number(object, "sealed_to", e->recipient_count);
    }
    if (e->kind == ATE_EVENT_CERTIFICATE)
        ate__json_set_number(object, "certified", e->certified);
    if (e->reset)
        set_reset(object, e->reset);
    if (e->kind == ATE_EVENT_ROOT) {
        (void)!json_object_set_new(object, "added", describe_hashes(e->added, e->added_count));
        (void)!json_object_set_new(object, "removed",
                                   describe_hashes(e->removed, e->removed_count));
    }
    if (!ate__hash_is_zero(&e->fingerprint))
        ate__json_set_text(object, "fingerprint", ate_hash_text(e->fingerprint, hash));
    ate__json_set_text(object, "hash", ate_hash_text(e->event_hash, hash));
    return object;
}

static void print_txn_json(struct log *log, const struct ate_history_txn *t)
{
    char time[ATE__TIME_TEXT], hash[ATE_HASH_TEXT];
    json_t *object = json_object(), *events = json_array();
    ate__json_set_number(object, "sequence", t->sequence);
    ate__json_set_text(object, "time", ate__time_text(t->root_time_ns, false, time));
    ate__json_set_text(object, "writer_time", ate__time_text(t->writer_time_ns, false, time));
    ate__json_set_text(object, "hash", ate_hash_text(t->tx_hash, hash));
    ate__json_set_bool(object, "verified", t->verified);
    ate__json_set_text(object, "grounds", grounds[t->grounds]);
    if (t->grounds == ATE_BY_LOG_KEY)
        ate__json_set_text(object, "log_key", ate_hash_text(t->log_key, hash));
    if (object)
        (void)!json_object_set_new(object, "authors", describe_hashes(t->authors, t->author_count));
    for (size_t i = 0; events && i < t->event_count; i++)
        (void)!json_array_append_new(events, event_json(log, &t->events[i]));
    if (object)
        (void)!json_object_set_new(object, "events", events);
    else
        json_decref(events);
    ate__print_json(object);
}

/* ---- text ---- */

static int print_path(struct log *log, struct ate_id id)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf path = ATE__BUF_NULL;
    int rc = known_path(&log->known, id, &path);
    if (!rc)
        ate__print("%.*s", (int)path.size, (const char *)path.data);
    return rc;
}

static int print_body(struct log *log, const struct ate_history_event *e)
{
    char id[ATE_ID_TEXT], size[ATE__SIZE_TEXT];
    ate__print("    %c ", e->creates ? '+' : '~');
    bool is_gone = e->payload_size && !e->has_payload;
    if (!e->readable) {
        ate__print("%s  %s  (%.8s)", is_gone ? "compacted" : "private",
                   ate__size_text(e->payload_size, size), ate_id_text(e->id, id));
        if (!ate__id_equal(&e->parent, &ate_top))
            ate__print(" below (%.8s)", ate_id_text(e->parent, id));
        ate__print("\n");
        return 0;
    }
    ate__print_escaped(ate__text_bytes(e->type ? e->type : "-"));
    ate__print("  %s  ", is_gone ? "compacted" : ate__size_text(e->payload_size, size));
    int rc = print_path(log, e->id);
    ate__print("%s\n", e->encrypted ? "" : "  open");
    return rc;
}

static int print_rules(struct log *log, const struct ate_history_event *e)
{
    static const char *const names[] = {"read", "write", "append", "admin"};
    const struct ate_rule *rules[] = {&e->rules->read, &e->rules->write, &e->rules->append,
                                      &e->rules->admin};
    char text[RULE_SHOWN];
    ate__print("    ! rules for ");
    int rc = print_path(log, e->id);
    for (size_t i = 0; i < ATE__COUNT_OF(rules); i++) {
        if (rules[i]->who == ATE_INHERIT)
            continue;
        describe_rule(rules[i], text, sizeof text);
        ate__print("  %s: %s", names[i], text);
    }
    if (e->recipient_count)
        ate__print("  key sealed to %zu", e->recipient_count);
    ate__print("\n");
    return rc;
}

static void print_reset(const struct ate_reset *r)
{
    ate__print("    * reset  %s: went back to the first %" PRIu64 " transactions",
               reasons[r->reason], r->sequence);
    if (r->old_size)
        ate__print(", from %" PRIu64, r->old_size);
    if (r->text[0]) {
        ate__print(": ");
        ate__print_escaped(ate__text_bytes(r->text));
    }
    ate__print("\n");
}

static void print_roots(const struct ate_history_event *e)
{
    char text[ATE_HASH_TEXT];
    for (size_t i = 0; i < e->added_count; i++)
        ate__print("    * root key added  %s\n", ate_hash_text(e->added[i], text));
    for (size_t i = 0; i < e->removed_count; i++)
        ate__print("    * root key removed  %s\n", ate_hash_text(e->removed[i], text));
}

static int print_event(struct log *log, const struct ate_history_event *e)
{
    char text[ATE_HASH_TEXT];
    int rc = 0;
    switch (e->kind) {
    case ATE_EVENT_BODY: return print_body(log, e);
    case ATE_EVENT_TOMBSTONE:
        ate__print("    - ");
        rc = print_path(log, e->id);
        ate__print("%s\n", e->subtree ? "  with all below it" : "");
        return rc;
    case ATE_EVENT_CONTROL:
        if (e->rules)
            return print_rules(log, e);
        break;
    case ATE_EVENT_CHAIN: {
        const char *name = ate_chain_name(log->at.chain);
        ate__print("    * chain ");
        ate__print_escaped(ate__text_bytes(name));
        ate__print("\n");
        return 0;
    }
    case ATE_EVENT_CERTIFICATE:
        ate__print("    * certificate  transactions below %" PRIu64 " may be compacted away\n",
                   e->certified);
        return 0;
    case ATE_EVENT_RESET: print_reset(e->reset); return 0;
    case ATE_EVENT_ROOT: print_roots(e); return 0;
    case ATE_EVENT_COMPACTED: ate__print("    compacted\n"); return 0;
    default: break;
    }
    ate__print("    * %s", kinds[e->kind]);
    if (!ate__hash_is_zero(&e->fingerprint))
        ate__print("  %s", ate_hash_text(e->fingerprint, text));
    ate__print("\n");
    return 0;
}

static void print_grounds(const struct ate_history_txn *t)
{
    static const char *const said[] = {
        [ATE_BY_SIGNATURES] = "verified",
        [ATE_BY_LOG_KEY] = "attested, under log key ",
        [ATE_BY_CERTIFICATE] = "attested, under a certificate",
        [ATE_BY_HOST_KEY] = "attested, under this machine's host key",
    };
    char text[ATE_HASH_TEXT];
    const char *color = t->verified ? "\x1b[32m" : "\x1b[31m";
    ate__print("  %s%s%s%s\n", ate__out.color ? color : "",
               t->verified ? said[t->grounds] : "not verified",
               t->grounds == ATE_BY_LOG_KEY ? ate_hash_text(t->log_key, text) : "",
               ate__out.color ? "\x1b[0m" : "");
}

static int print_txn(struct log *log, const struct ate_history_txn *t)
{
    char time[ATE__TIME_TEXT], text[ATE_HASH_TEXT];
    int rc = 0;
    ate__print("%" PRIu64 "  %s  ", t->sequence, ate__time_text(t->root_time_ns, true, time));
    for (size_t i = 0; i < t->author_count; i++)
        ate__print("%s%s", i ? "," : "by ", ate_hash_text(t->authors[i], text));
    ate__print("%s", t->author_count ? "" : "unsigned");
    print_grounds(t);
    for (size_t i = 0; !rc && i < t->event_count; i++)
        rc = print_event(log, &t->events[i]);
    return rc;
}

/* ---- the walk ---- */

static int learn(struct log *log, const struct ate_history_txn *t)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < t->event_count; i++)
        if (t->events[i].kind == ATE_EVENT_BODY)
            rc = known_set(&log->known, t->events[i].id, t->events[i].parent, t->events[i].name);
    return rc;
}

/* What was compacted away in front of a transaction, from `first` on. */
static void print_gap(struct log *log, uint64_t first, uint64_t end)
{
    first = first < log->o->since ? log->o->since : first;
    if (first >= end)
        return;
    if (ate__out.json) {
        json_t *object = json_object();
        ate__json_set_number(object, "sequence", first);
        ate__json_set_number(object, "count", end - first);
        ate__json_set_bool(object, "compacted", true);
        ate__print_json(object);
    } else if (end - first == 1) {
        ate__print("%" PRIu64 "  compacted away\n", first);
    } else {
        ate__print("%" PRIu64 " to %" PRIu64 "  compacted away\n", first, end - 1);
    }
}

/* Walks from the beginning, so that names are known; prints what was asked for. */
static int walk(struct log *log)
{
    struct ate_history *h;
    struct ate_history_txn t;
    uint64_t printed = 0, next = 0;
    int rc = ate_history_start(log->at.chain, NULL, 0, &h);
    if (rc)
        return rc;
    while (printed < log->o->count && !(rc = ate_history_next(h, &t))) {
        rc = learn(log, &t);
        if (!rc && t.sequence >= log->o->since) {
            printed++;
            print_gap(log, next, t.sequence);
            if (ate__out.json)
                print_txn_json(log, &t);
            else
                rc = print_txn(log, &t);
        }
        next = t.sequence + 1;
        if (!rc)
            rc = ate__out_flush();
        if (rc)
            break;
    }
    ate_history_end(h);
    return rc == ATE_END ? 0 : rc;
}

static int run(const struct options *o)
{
    struct log log = {.o = o};
    char *subject = open_subject(o);
    known_init(&log.known);
    int rc = open_chain(o, OPEN_STREAMS, &log.at);
    if (!rc)
        rc = walk(&log);
    int status = rc ? open_report(rc, &log.at, subject) : 0;
    known_deinit(&log.known);
    status = open_close(&log.at, status);
    ate__free(subject);
    return status;
}

const struct command cmd_log = {
    .name = "log",
    .summary = "print the history: who changed what, and when",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_SINCE) | OPT(OPT_NUMBER),
    .run = run,
    .help =
        "ate log CHAIN [--since SEQ] [-n N]\n"
        "\n"
        "Prints each transaction with its sequence, the root's time, who signed it and whether it\n"
        "was verified, and below it what it changed: + made, ~ changed, - removed, ! who may do\n"
        "what, * keys and settings. \"private\": your keys do not open it; \"compacted\": what it\n"
        "was is gone.\n"
        "\n"
        "  ate log notes\n"
        "  ate log @work --since 100 -n 10\n"
        "  ate log notes --json | jq .authors\n"
        "\n"
        "  --since SEQ      from that sequence on\n"
        "  -n, --number N   at most N transactions, the first from there on\n",
};
