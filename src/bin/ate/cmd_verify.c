/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd_verify.c: checks every signature, hash and right of a chain, and says the first thing wrong.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include "bin/ate/stop.h"

static void add_range(void *arg, const char *file, uint64_t offset, uint64_t size)
{
    json_t *range = json_object();
    ate__json_set_text(range, "file", file);
    ate__json_set_number(range, "offset", offset);
    ate__json_set_number(range, "size", size);
    json_array_append_new(arg, range);
}

static void add_damage(json_t *object, const struct ate_damage *d)
{
    ate__json_set_text(object, "damage", ate_result_name((int)d->what) + 4); /* without "ATE_" */
    ate__json_set_number(object, "sequence", d->sequence);
    ate__json_set_text(object, "file", d->file);
    if (d->file)
        ate__json_set_number(object, "offset", d->offset);
}

static void print_json(const struct ate_verified *v, json_t *take_in_use)
{
    json_t *object = json_object();
    char root[ATE_HASH_TEXT];
    json_object_set_new(object, "holds", json_boolean(v->damage.what == ATE_OK));
    ate__json_set_number(object, "size", v->head.size);
    ate__json_set_text(object, "head", ate_hash_text(v->head.root, root));
    ate__json_set_number(object, "transactions", v->transactions);
    ate__json_set_number(object, "events", v->events);
    ate__json_set_number(object, "signatures", v->signatures);
    ate__json_set_number(object, "bytes", v->bytes);
    ate__json_set_number(object, "trimmed_bytes", v->trimmed_bytes);
    if (v->damage.what != ATE_OK)
        add_damage(object, &v->damage);
    json_object_set_new(object, "in_use", take_in_use);
    ate__print_json(object);
}

static void print_text(const struct ate_verified *v)
{
    char root[ATE_HASH_TEXT], size[ATE__SIZE_TEXT];
    ate__print("%llu transactions, %llu events, %llu signatures, %s: all holds\n",
               (unsigned long long)v->transactions, (unsigned long long)v->events,
               (unsigned long long)v->signatures, ate__size_text(v->bytes, size));
    ate__print("head %llu %s\n", (unsigned long long)v->head.size,
               ate_hash_text(v->head.root, root));
    if (v->trimmed_bytes)
        ate__print("%s of a torn tail, acknowledged to nobody, lie in trimmed/\n",
                   ate__size_text(v->trimmed_bytes, size));
}

/* Where the damage is, in front of what it is. */
static int say_damage(const struct ate_verified *v)
{
    const struct ate_damage *d = &v->damage;
    if (d->file)
        return ate__fail((int)d->what, "%s at byte %llu, transaction %llu: %s", d->file,
                         (unsigned long long)d->offset, (unsigned long long)d->sequence, d->text);
    return ate__fail((int)d->what, "transaction %llu: %s", (unsigned long long)d->sequence,
                     d->text);
}

static int verify(const struct options *o, struct opened *at)
{
    struct ate_verified v;
    json_t *in_use = json_array();
    int rc = open_chain(o, OPEN_STREAMS, at);
    if (!rc)
        rc = ate_chain_verify(at->chain, ate__out.json ? add_range : NULL, in_use, &v);
    if (rc) {
        json_decref(in_use);
        return rc;
    }
    if (ate__out.json)
        print_json(&v, in_use);
    else
        json_decref(in_use);
    if (v.damage.what != ATE_OK)
        return say_damage(&v);
    if (!ate__out.json)
        print_text(&v);
    return 0;
}

static int run(const struct options *o)
{
    struct opened at = {0};
    int rc = verify(o, &at);
    int status = rc ? ate__report(rc, o->operand[0]) : 0;
    open_close(&at);
    return status;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "check every signature, hash and right of a chain",
    .operands = "CHAIN",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTS_CHAIN,
    .run = run,
    .help =
        "ate verify CHAIN\n"
        "\n"
        "Reads the whole chain, from the disk or the server, and checks all of it from the root key\n"
        "on: hashes, signatures, who had the right to what, and the Merkle root. No key is needed to\n"
        "verify, only the root key to trust.\n"
        "\n"
        "  ate verify notes\n"
        "  ate verify @work --root 7f3kQ...\n"
        "  ate verify notes --json | jq .in_use     which bytes of which files are in use\n"
        "\n"
        "Exit status 0: all holds; 6: the first thing wrong is named, with file, offset and\n"
        "transaction.\n",
};
