/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_verify.c: checks all of a chain against its root key, believing nothing else.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "bin/ate/open.h"
#include <inttypes.h>

static void print_range(void *arg, const char *file, uint64_t offset, uint64_t size)
{
    (void)arg;
    json_t *object = json_object();
    ate__json_set_text(object, "in_use", file);
    ate__json_set_number(object, "offset", offset);
    ate__json_set_number(object, "size", size);
    ate__print_json(object);
}

static void print_json(const struct options *o, const struct opened *x,
                       const struct ate_verified *v)
{
    char text[ATE_HASH_TEXT];
    const struct ate_hash *roots;
    json_t *object = json_object();
    ate__json_set_bool(object, "verified", true);
    ate__json_set_text(object, "chain", ate_hash_text(ate_chain_id(x->chain), text));
    if (ate_chain_roots(x->chain, &roots))
        ate__json_set_text(object, "root", ate_hash_text(roots[0], text));
    ate__json_set_number(object, "transactions", v->transactions);
    ate__json_set_number(object, "events", v->events);
    ate__json_set_number(object, "signatures", v->signatures);
    ate__json_set_number(object, "bytes", v->bytes);
    ate__json_set_number(object, "trimmed_bytes", v->trimmed_bytes);
    ate__json_set_number(object, "size", v->head.size);
    ate__json_set_number(object, "cut_off", v->cut_off);
    ate__json_set_number(object, "transactions_gone", v->head.size - v->transactions);
    ate__json_set_number(object, "events_gone", v->events_gone);
    ate__json_set_number(object, "payloads_gone", v->payloads_gone);
    if (v->queued)
        ate__json_set_number(object, "queued", v->queued);
    if (ate_chain_compression(x->chain) == ATE_ZSTD)
        ate__json_set_text(object, "compression", "zstd");
    ate__json_set_text(object, "head", ate_hash_text(v->head.root, text));
    struct ate_age age;
    if (o->max_age_ms > 0 && ate_chain_age(x->chain, &age)) {
        char time[ATE__TIME_TEXT];
        ate__json_set_number(object, "age_ms", (uint64_t)age.age_ms);
        ate__json_set_number(object, "signed_size", age.head.size);
        ate__json_set_text(object, "signed", ate__time_text(age.signed_ns, false, time));
    }
    ate__print_json(object);
}

static void print_age(const struct opened *x)
{
    struct ate_age age;
    char time[ATE__TIME_TEXT], count[ATE__COUNT_TEXT];
    if (ate_chain_age(x->chain, &age))
        ate__print("a log key signed the first %s at %s, %" PRId64 " s ago at most\n",
                   ate__count_text(age.head.size, "transaction", "transactions", count),
                   ate__time_text(age.signed_ns, false, time), age.age_ms / 1000 + 1);
}

static void print_text(const struct options *o, const struct opened *x,
                       const struct ate_verified *v)
{
    char head[ATE_HASH_TEXT], size[ATE__SIZE_TEXT], transactions[ATE__COUNT_TEXT],
        events[ATE__COUNT_TEXT], last[ATE__COUNT_TEXT];
    ate__print("all holds: %s, %s, %s, %s; head %s\n",
               ate__count_text(v->transactions, "transaction", "transactions", transactions),
               ate__count_text(v->events, "event", "events", events),
               ate__count_text(v->signatures, "signature", "signatures", last),
               ate__size_text(v->bytes, size), ate_hash_text(v->head.root, head));
    if (ate_chain_compression(x->chain) == ATE_ZSTD)
        ate__print("what is stored is compressed (zstd)\n");
    if (o->max_age_ms > 0)
        print_age(x);
    if (v->queued)
        ate__print("queued, for no checkpoint covers it: %s\n",
                   ate__count_text(v->queued, "transaction", "transactions", last));
    if (v->cut_off)
        ate__print("gone below transaction %" PRIu64
                   ", as a certificate in the chain allows: %s, %s, %s\n",
                   v->cut_off,
                   ate__count_text(v->head.size - v->transactions, "transaction", "transactions",
                                   transactions),
                   ate__count_text(v->events_gone, "more event", "more events", events),
                   ate__count_text(v->payloads_gone, "more value", "more values", last));
    if (v->trimmed_bytes)
        ate__note("%s: %s of an unfinished write at the end, never acknowledged", ate__out.program,
                  ate__count_text(v->trimmed_bytes, "byte", "bytes", last));
}

/* What a plug-in says of history; it makes nothing in it wrong. */
static void print_objection(void *arg, uint64_t sequence, enum ate_result result, const char *text)
{
    (void)arg;
    if (!ate__out.json) {
        ate__print("transaction %" PRIu64 ": %s: %s\n", sequence, ate_result_name(result) + 4,
                   text);
        return;
    }
    json_t *object = json_object();
    ate__json_set_number(object, "objection", sequence);
    ate__json_set_text(object, "result", ate_result_name(result) + 4);
    ate__json_set_text(object, "text", text);
    ate__print_json(object);
}

static int review(const struct options *o, const struct opened *x)
{
    uint64_t count;
    char text[ATE__COUNT_TEXT];
    if (!o->plugins.count)
        return 0;
    int rc = ate_chain_review(x->chain, print_objection, NULL, &count);
    if (!rc && count && !ate__out.json)
        ate__print("plug-ins object to %s, which %s valid all the same\n",
                   ate__count_text(count, "transaction", "transactions", text),
                   count == 1 ? "is" : "are");
    return rc;
}

static int run(const struct options *o)
{
    struct opened x = {0};
    struct ate_verified v;
    char *subject = open_subject(o);
    int rc = open_chain(o, OPEN_VERIFIES, &x);
    if (!rc)
        rc = ate_chain_verify(x.chain, ate__out.json ? print_range : NULL, NULL, &v);
    ate__progress_end();
    if (!rc && v.damage.what == ATE_OK)
        rc = review(o, &x);
    int status = rc ? open_report(rc, &x, subject) : 0;
    /* What a server keeps back because of damage, a mirror of the rest does not know. */
    bool is_damaged = !rc && (v.damage.what != ATE_OK || ate_chain_damage(x.chain, &v.damage));
    if (is_damaged)
        status = open_say_damage(&v.damage, subject);
    else if (!rc && ate__out.json)
        print_json(o, &x, &v);
    else if (!rc)
        print_text(o, &x, &v);
    status = open_close(&x, status);
    ate__free(subject);
    return status;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "check every signature, hash and right, from the root key on",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN,
    .run = run,
    .help =
        "ate verify CHAIN\n"
        "\n"
        "Reads the whole history and checks every record, hash, signature and right, and the\n"
        "Merkle tree over them, starting from the root key that you trust and believing nothing\n"
        "else. Nobody's read key is needed. Exit status 0: all holds; 6: the first thing that is\n"
        "wrong is named, with its place. What was compacted away under a certificate is counted;\n"
        "a value that is in force and is not there is wrong, though all hashes hold (OMITTED).\n"
        "What a mirror of a centralized chain holds behind the newest checkpoint is queued.\n"
        "\n"
        "  ate verify notes\n"
        "  ate verify notes --root 7f3kQ...     a chain of somebody else\n"
        "  ate verify @work\n"
        "\n"
        "  --json          also which bytes of which files are in use: flip any of them, and\n"
        "                  verify says so\n"
        "  --plugin        also what those that validate object to in the history; it stays\n"
        "                  valid, and the exit status is the same\n",
};
