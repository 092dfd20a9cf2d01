/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_log.c: the chain as a readable tree: each transaction, and below it what it did.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/stop.h"
#include <string.h>

static const char *const kinds[] = {"object",    "deleted", "rules",      "genesis",
                                    "root keys", "revoke",  "public key", "other"};
static const char *const rights[] = {"read", "write", "append", "admin"};

/* ---- as JSON ---- */

static json_t *rule_json(const struct ate_rule *r)
{
    static const char *const who[] = {"inherit", "everyone", "nobody", "keys"};
    if (r->who != ATE_KEYS)
        return json_string(who[r->who]);
    json_t *keys = json_array();
    char text[ATE_HASH_TEXT];
    for (size_t i = 0; i < r->key_count; i++)
        json_array_append_new(keys, json_string(ate_hash_text(r->keys[i], text)));
    return keys;
}

static json_t *rules_json(const struct ate_rules *r)
{
    const struct ate_rule *each[] = {&r->read, &r->write, &r->append, &r->admin};
    json_t *object = json_object();
    for (unsigned i = 0; i < 4; i++)
        json_object_set_new(object, rights[i], rule_json(each[i]));
    return object;
}

static json_t *event_json(const struct ate_history_event *e)
{
    json_t *object = json_object();
    char text[ATE_HASH_TEXT];
    bool is_object = e->kind <= ATE_EVENT_CONTROL;
    ate__json_set_text(object, "kind", kinds[e->kind]);
    if (is_object)
        ate__json_set_text(object, "id", ate_id_text(e->id, text));
    if (e->kind == ATE_EVENT_BODY) {
        ate__json_set_text(object, "parent", ate_id_text(e->parent, text));
        json_object_set_new(object, "creates", json_boolean(e->creates));
        json_object_set_new(object, "private", json_boolean(!e->readable));
        json_object_set_new(object, "encrypted", json_boolean(e->encrypted));
        ate__json_set_text(object, "type", e->type);
        if (e->name.size)
            ate__json_set_bytes(object, "name", e->name);
        ate__json_set_number(object, "size", e->payload_size);
    }
    if (e->subtree)
        json_object_set_new(object, "subtree", json_true());
    if (e->rules)
        json_object_set_new(object, "rules", rules_json(e->rules));
    if (e->recipient_count)
        ate__json_set_number(object, "recipients", e->recipient_count);
    if (e->kind == ATE_EVENT_PUBLIC_KEY || e->kind == ATE_EVENT_REVOKE)
        ate__json_set_text(object, "fingerprint", ate_hash_text(e->fingerprint, text));
    return object;
}

static void print_json(const struct ate_history_txn *t)
{
    json_t *object = json_object(), *authors = json_array(), *events = json_array();
    char text[ATE_HASH_TEXT], time[ATE__TIME_TEXT];
    ate__json_set_number(object, "sequence", t->sequence);
    ate__json_set_text(object, "time", ate__time_text(t->root_time_ns, false, time));
    ate__json_set_text(object, "hash", ate_hash_text(t->tx_hash, text));
    for (size_t i = 0; i < t->author_count; i++)
        json_array_append_new(authors, json_string(ate_hash_text(t->authors[i], text)));
    json_object_set_new(object, "authors", authors);
    json_object_set_new(object, "verified", json_boolean(t->verified));
    for (size_t i = 0; i < t->event_count; i++)
        json_array_append_new(events, event_json(&t->events[i]));
    json_object_set_new(object, "events", events);
    ate__print_json(object);
}

/* ---- as text ---- */

static void print_rule(const char *right, const struct ate_rule *r)
{
    char text[ATE_HASH_TEXT];
    if (r->who == ATE_INHERIT)
        return;
    ate__print(" %s=", right);
    if (r->who == ATE_EVERYONE)
        ate__print("everyone");
    else if (r->who == ATE_NOBODY)
        ate__print("nobody");
    for (size_t i = 0; r->who == ATE_KEYS && i < r->key_count; i++)
        ate__print("%s%.8s", i ? "," : "", ate_hash_text(r->keys[i], text));
}

static void print_object(const struct ate_history_event *e)
{
    char size[ATE__SIZE_TEXT];
    ate__print(" ");
    if (!e->readable)
        ate__print("private");
    else if (e->name.size)
        ate__print_escaped(e->name);
    else
        ate__print("(no name)");
    if (e->type) {
        ate__print(" ");
        ate__print_escaped(ate__text_bytes(e->type));
    }
    ate__print(" %s%s", ate__size_text(e->payload_size, size), e->encrypted ? "" : " open");
}

static void print_event(const struct ate_history_event *e, bool last)
{
    char id[ATE_ID_TEXT], parent[ATE_ID_TEXT], fingerprint[ATE_HASH_TEXT];
    static const struct ate_id top;
    ate__print("  %s ", last ? "`-" : "|-");
    if (e->kind == ATE_EVENT_BODY) {
        ate__print("%s %s in %s", e->creates ? "new" : "changed", ate_id_text(e->id, id),
                   memcmp(&e->parent, &top, sizeof top) ? ate_id_text(e->parent, parent) : "top");
        print_object(e);
    } else if (e->kind == ATE_EVENT_TOMBSTONE) {
        ate__print("deleted %s%s", ate_id_text(e->id, id), e->subtree ? " with all below it" : "");
    } else if (e->kind == ATE_EVENT_CONTROL) {
        ate__print("rules of %s:",
                   memcmp(&e->id, &top, sizeof top) ? ate_id_text(e->id, id) : "top");
        const struct ate_rule *each[] = {&e->rules->read, &e->rules->write, &e->rules->append,
                                         &e->rules->admin};
        for (unsigned i = 0; i < 4; i++)
            print_rule(rights[i], each[i]);
        if (e->recipient_count)
            ate__print(", sealed to %zu", e->recipient_count);
    } else if (e->kind == ATE_EVENT_PUBLIC_KEY || e->kind == ATE_EVENT_REVOKE) {
        ate__print("%s %s", kinds[e->kind], ate_hash_text(e->fingerprint, fingerprint));
    } else {
        ate__print("%s", kinds[e->kind]);
    }
    ate__print("\n");
}

static void print_text(const struct ate_history_txn *t)
{
    char time[ATE__TIME_TEXT], author[ATE_HASH_TEXT];
    ate__print("%llu  %s  ", (unsigned long long)t->sequence,
               ate__time_text(t->root_time_ns, true, time));
    for (size_t i = 0; i < t->author_count; i++)
        ate__print("%s%.8s", i ? "," : "", ate_hash_text(t->authors[i], author));
    ate__print("%s%s\n", t->author_count ? "" : "unsigned", t->verified ? "  verified" : "");
    for (size_t i = 0; i < t->event_count; i++)
        print_event(&t->events[i], i + 1 == t->event_count);
}

static int print_history(const struct options *o, struct opened *at)
{
    struct ate_history *h;
    struct ate_history_txn t;
    uint64_t from = o->has_since ? o->since : 0;
    int rc = open_chain(o, OPEN_STREAMS, at);
    if (!rc && !o->has_since && o->count != UINT64_MAX) {
        uint64_t size = ate_chain_head(at->chain).size; /* -n alone: the newest */
        from = size > o->count ? size - o->count : 0;
    }
    if (!rc)
        rc = ate_history_start(at->chain, NULL, from, &h);
    if (rc)
        return rc;
    for (uint64_t n = 0; n < o->count && !(rc = ate_history_next(h, &t)); n++) {
        if (ate__out.json)
            print_json(&t);
        else
            print_text(&t);
    }
    ate_history_end(h);
    return rc == ATE_END ? 0 : rc;
}

static int run(const struct options *o)
{
    struct opened at = {0};
    int rc = print_history(o, &at);
    int status = rc ? ate__report(rc, o->operand[0]) : 0;
    open_close(&at);
    return status;
}

const struct command cmd_log = {
    .name = "log",
    .summary = "print the transactions of a chain as a tree",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN | OPT(OPT_SINCE) | OPT(OPT_NUMBER),
    .run = run,
    .help =
        "ate log CHAIN\n"
        "\n"
        "Prints every transaction with its sequence, time and authors, and below it what it did:\n"
        "objects with their parents, names, types and sizes, rules, keys. What your keys do not\n"
        "open is `private`. `verified`: every signature, hash and right was checked and held.\n"
        "\n"
        "  ate log notes\n"
        "  ate log @work -n 5\n"
        "  ate log @work --since 100 --json\n"
        "\n"
        "  --since SEQ   from that sequence on\n"
        "  -n N          at most N transactions; alone: the newest N\n",
};
