/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * options.c: the one table of options; each command allows some of them.
 */
#include "base/env.h"
#include "base/err.h"
#include "bin/ate/cmd.h"
#include <string.h>

/* Of what a benchmark does at once, and what it stores. */
enum { CLIENTS_MAX = 256, OBJECTS_MAX = 1000000, OBJECT_BYTES_MAX = 1 << 20 };

enum { MAX_AGE_LEAST_MS = 60000 };

/* clang-format off */
static const struct ate__option table[] = {
    {"help", 'h', OPT_HELP, NULL},
    {"json", 0, OPT_JSON, NULL},
    {"quiet", 'q', OPT_QUIET, NULL},
    {"verbose", 'v', OPT_VERBOSE, NULL},
    {"progress", 0, OPT_PROGRESS, "WHEN"},
    {"color", 0, OPT_COLOR, "WHEN"},
    {"key", 'k', OPT_KEY, "FILE"},
    {"root", 0, OPT_ROOT, "KEY"},
    {"root-key", 0, OPT_ROOT, "KEY"},
    {"mirror", 0, OPT_MIRROR, "DIR"},
    {"timeout", 0, OPT_TIMEOUT, "TIME"},
    {"no-wire-encryption", 0, OPT_CLEAR, NULL},
    {"centralized", 0, OPT_CENTRALIZED, NULL},
    {"dns-server", 0, OPT_DNS_SERVER, "ADDRESS"},
    {"dns-anchor", 0, OPT_DNS_ANCHOR, "FILE"},
    {"ca-file", 0, OPT_CA_FILE, "FILE"},
    {"scope", 0, OPT_SCOPE, "SCOPE"},
    {"public", 0, OPT_PUBLIC, NULL},
    {"if-absent", 0, OPT_ABSENT, NULL},
    {"if", 0, OPT_IF, "SEQ"},
    {"type", 0, OPT_TYPE, "T"},
    {"output", 'o', OPT_OUTPUT, "FILE"},
    {"at", 0, OPT_AT, "SEQ|TIME"},
    {"recursive", 'r', OPT_RECURSIVE, NULL},
    {"tree", 'R', OPT_TREE, NULL},
    {"long", 'l', OPT_LONG, NULL},
    {"since", 0, OPT_SINCE, "SEQ"},
    {"count", 0, OPT_COUNT, "N"},
    {"number", 'n', OPT_NUMBER, "N"},
    {"label", 0, OPT_LABEL, "TEXT"},
    {"max-files", 0, OPT_MAX_FILES, "N"},
    {"max-bytes", 0, OPT_MAX_BYTES, "SIZE"},
    {"remove", 0, OPT_REMOVE, NULL},
    {"rate", 0, OPT_RATE, "SIZE"},
    {"deep", 0, OPT_DEEP, NULL},
    {"cut-off", 0, OPT_CUT_OFF, "SEQ"},
    {"since", 0, OPT_SINCE_FILE, "FILE"},
    {"checkpoint", 0, OPT_CHECKPOINT, "FILE"},
    {"log-key", 0, OPT_LOG_KEY, "FILE"},
    {"log-keys", 0, OPT_LOG_KEYS, NULL},
    {"add-log-key", 0, OPT_ADD_LOG_KEY, "FILE"},
    {"remove-log-key", 0, OPT_REMOVE_LOG_KEY, "FILE|KEY"},
    {"chain", 0, OPT_CHAIN, "ID"},
    {"worm", 0, OPT_WORM, NULL},
    {"retain", 0, OPT_RETAIN, "TIME"},
    {"compress", 0, OPT_COMPRESS, "HOW"},
    {"strength", 0, OPT_STRENGTH, "BITS"},
    {"hash", 0, OPT_HASH, "HASH"},
    {"allow", 0, OPT_ALLOW, "ALGORITHM"},
    {"algorithm", 0, OPT_ALGORITHM, "NAMES"},
    {"password", 0, OPT_PASSWORD, NULL},
    {"password-file", 0, OPT_PASSWORD_FILE, "FILE"},
    {"new-password-file", 0, OPT_NEW_PASSWORD_FILE, "FILE"},
    {"segment-size", 0, OPT_SEGMENT_SIZE, "SIZE"},
    {"to", 0, OPT_TO, "SEQ"},
    {"existing", 0, OPT_EXISTING, NULL},
    {"accept-loss", 0, OPT_ACCEPT_LOSS, NULL},
    {"reset", 0, OPT_RESET, "TEXT"},
    {"yes", 'y', OPT_YES, NULL},
    {"clients", 'c', OPT_CLIENTS, "N"},
    {"size", 0, OPT_SIZE, "B"},
    {"objects", 0, OPT_OBJECTS, "N"},
    {"yes", 'y', OPT_YES_NAME, "NAME"},
    {"read", 0, OPT_READ, "WHO"},
    {"write", 0, OPT_WRITE, "WHO"},
    {"append", 0, OPT_APPEND, "WHO"},
    {"admin", 0, OPT_ADMIN, "WHO"},
    {"publish", 0, OPT_PUBLISH, NULL},
    {"add", 0, OPT_ADD_ROOT, "FILE"},
    {"remove", 0, OPT_REMOVE_ROOT, "KEY"},
    {"plugin", 0, OPT_PLUGIN, "FILE[=OPTIONS]"},
    {"max-age", 0, OPT_MAX_AGE, "TIME"},
    {"policy", 0, OPT_POLICY, "FILE"},
};
/* clang-format on */

static int take_cut_off(const char *value, uint64_t *ret_cut_off)
{
    if (strcmp(value, "now"))
        return ate__number_parse("--cut-off, which is a sequence or `now`", value, 1, INT64_MAX,
                                 ret_cut_off);
    *ret_cut_off = ATE_CUT_OFF_NEWEST;
    return 0;
}

static int take_size(const char *value, uint64_t *ret_bytes)
{
    int rc = ate__size_parse("--size", value, ret_bytes);
    if (!rc && (*ret_bytes < 1 || *ret_bytes > OBJECT_BYTES_MAX))
        return ate__fail(ATE_MISUSE, "--size: from 1 byte to 1 MiB");
    return rc;
}

static int take_compression(const char *value, enum ate_compression *ret_compression)
{
    if (strcmp(value, "zstd"))
        return ate__fail(ATE_MISUSE, "--compress: zstd");
    *ret_compression = ATE_ZSTD;
    return 0;
}

static int take_strength(const char *value, uint16_t *ret_bits)
{
    uint64_t bits = 0;
    int rc = ate__number_parse("--strength", value, 128, 256, &bits);
    if (!rc && bits != 128 && bits != 192 && bits != 256)
        return ate__fail(ATE_MISUSE, "--strength: 128, 192 or 256");
    *ret_bits = (uint16_t)bits;
    return rc;
}

static int take_hash(const char *value, uint8_t *ret_hash)
{
    if (!strcmp(value, "sha256"))
        *ret_hash = ATE_SHA256;
    else if (!strcmp(value, "sha3-256"))
        *ret_hash = ATE_SHA3_256;
    else
        return ate__fail(ATE_MISUSE, "--hash: sha256 or sha3-256");
    return 0;
}

static int take_allow(const char *value, uint8_t *allow)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } of[] = {{"mldsa44", ATE_ALLOW_MLDSA44},
              {"mldsa65", ATE_ALLOW_MLDSA65},
              {"mldsa87", ATE_ALLOW_MLDSA87},
              {"ed25519", ATE_ALLOW_ED25519},
              {"ed448", ATE_ALLOW_ED448}};
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++)
        if (!strcmp(value, of[i].name)) {
            *allow |= of[i].bit;
            return 0;
        }
    return ate__fail(ATE_MISUSE, "--allow: mldsa44, mldsa65, mldsa87, ed25519 or ed448");
}

static int take_max_age(const char *value, int32_t *ret_ms)
{
    int rc = ate__duration_parse("--max-age", value, ret_ms);
    if (!rc && *ret_ms >= 0 && *ret_ms < MAX_AGE_LEAST_MS)
        return ate__fail(ATE_MISUSE, "--max-age: at least 60s, for a server signs each 30s");
    return rc;
}

static int take_scope(const char *value, unsigned *ret_scope)
{
    if (!strcmp(value, "full"))
        *ret_scope = 0;
    else if (!strcmp(value, "local"))
        *ret_scope = ATE_SCOPE_LOCAL;
    else if (!strcmp(value, "none"))
        *ret_scope = ATE_SCOPE_NONE;
    else
        return ate__fail(ATE_MISUSE, "--scope: none, local or full");
    return 0;
}

static int take_file(const char *option, const char *value, const char **files, size_t *count)
{
    if (!*value)
        return ate__fail(ATE_MISUSE, "%s: the value is empty", option);
    if (*count == OPTION_FILES_MAX)
        return ate__fail(ATE_MISUSE, "%s: at most %d times", option, OPTION_FILES_MAX);
    files[(*count)++] = value;
    return 0;
}

static int take_text(const char *option, const char *value, const char **ret)
{
    if (!*value)
        return ate__fail(ATE_MISUSE, "%s: the value is empty", option);
    *ret = value;
    return 0;
}

static int take_plugin(const char *value, struct options *o)
{
    if (o->plugin_count == PLUGINS_MAX)
        return ate__fail(ATE_MISUSE, "--plugin: at most %d times", PLUGINS_MAX);
    o->plugin[o->plugin_count++] = value;
    return 0;
}

/* Digits alone are a sequence. */
static int take_at(struct options *o, const char *value)
{
    int64_t now_ns = (int64_t)ate__wall_us(&ate__env_real) * 1000;
    uint64_t sequence = 0;
    o->has_at = true;
    o->at_size = 0;
    if (!*value || value[strspn(value, "0123456789")])
        return ate__moment_parse("--at, which is a sequence or a time", value, now_ns, &o->at_ns);
    int rc = ate__number_parse("--at", value, 0, INT64_MAX, &sequence);
    o->at_size = sequence + 1;
    return rc;
}

static int take_value(struct options *o, enum option_id id, const char *value)
{
    switch (id) {
    case OPT_PROGRESS: return ate__progress_mode(value);
    case OPT_COLOR: return ate__out_color(value);
    case OPT_KEY: return take_file("--key", value, o->key, &o->key_count);
    case OPT_ROOT: return take_file("--root", value, o->root, &o->root_count);
    case OPT_MIRROR: return take_text("--mirror", value, &o->mirror);
    case OPT_TIMEOUT: return ate__duration_parse("--timeout", value, &o->timeout_ms);
    case OPT_MAX_AGE: return take_max_age(value, &o->max_age_ms);
    case OPT_DNS_SERVER: return take_text("--dns-server", value, &o->lookup.dns_server);
    case OPT_DNS_ANCHOR: return take_text("--dns-anchor", value, &o->lookup.dns_anchor);
    case OPT_CA_FILE: return take_text("--ca-file", value, &o->lookup.authorities);
    case OPT_SCOPE: return take_scope(value, &o->scope);
    case OPT_IF:
        o->has_if = true;
        return ate__number_parse("--if", value, 0, INT64_MAX, &o->if_sequence);
    case OPT_TYPE: return take_text("--type", value, &o->type);
    case OPT_OUTPUT: return take_text("--output", value, &o->output);
    case OPT_AT: return take_at(o, value);
    case OPT_RESET: return take_text("--reset", value, &o->reset);
    case OPT_LABEL: return take_text("--label", value, &o->label);
    case OPT_SINCE_FILE: return take_text("--since", value, &o->since_file);
    case OPT_CHECKPOINT: return take_text("--checkpoint", value, &o->checkpoint);
    case OPT_LOG_KEY: return take_file("--log-key", value, o->log_key, &o->log_key_count);
    case OPT_ADD_LOG_KEY: return take_text("--add-log-key", value, &o->add_log_key);
    case OPT_REMOVE_LOG_KEY: return take_text("--remove-log-key", value, &o->remove_log_key);
    case OPT_YES_NAME: return take_text("--yes", value, &o->yes_name);
    case OPT_READ: return take_text("--read", value, &o->read);
    case OPT_WRITE: return take_text("--write", value, &o->write);
    case OPT_APPEND: return take_text("--append", value, &o->append);
    case OPT_ADMIN: return take_text("--admin", value, &o->admin);
    case OPT_ADD_ROOT: return take_text("--add", value, &o->add_root);
    case OPT_REMOVE_ROOT: return take_text("--remove", value, &o->remove_root);
    case OPT_POLICY: return take_text("--policy", value, &o->policy);
    case OPT_CHAIN: return take_text("--chain", value, &o->chain_id);
    case OPT_SINCE:
        o->has_since = true;
        return ate__number_parse("--since", value, 0, INT64_MAX, &o->since);
    case OPT_COUNT: return ate__number_parse("--count", value, 1, INT64_MAX, &o->count);
    case OPT_NUMBER: return ate__number_parse("-n", value, 1, INT64_MAX, &o->count);
    case OPT_MAX_FILES: return ate__number_parse("--max-files", value, 0, INT64_MAX, &o->max_files);
    case OPT_MAX_BYTES: return ate__size_parse("--max-bytes", value, &o->max_bytes);
    case OPT_PLUGIN: return take_plugin(value, o);
    case OPT_RETAIN: return ate__period_parse("--retain", value, &o->retain_s);
    case OPT_COMPRESS: return take_compression(value, &o->compression);
    case OPT_STRENGTH: return take_strength(value, &o->strength);
    case OPT_HASH: return take_hash(value, &o->hash);
    case OPT_ALLOW: return take_allow(value, &o->allow);
    case OPT_ALGORITHM: return take_text("--algorithm", value, &o->algorithm);
    case OPT_PASSWORD_FILE: return take_text("--password-file", value, &o->password_file);
    case OPT_NEW_PASSWORD_FILE:
        return take_text("--new-password-file", value, &o->new_password_file);
    case OPT_TO: o->has_to = true; return ate__number_parse("--to", value, 0, INT64_MAX, &o->to);
    case OPT_SEGMENT_SIZE: return ate__size_parse("--segment-size", value, &o->segment_bytes);
    case OPT_RATE: return ate__size_parse("--rate", value, &o->rate);
    case OPT_CLIENTS: return ate__number_parse("-c", value, 1, CLIENTS_MAX, &o->clients);
    case OPT_SIZE: return take_size(value, &o->size_bytes);
    case OPT_OBJECTS: return ate__number_parse("--objects", value, 1, OBJECTS_MAX, &o->objects);
    case OPT_CUT_OFF: return take_cut_off(value, &o->cut_off);
    default: return 0;
    }
}

static void take_switch(struct options *o, enum option_id id)
{
    ate__out.json |= id == OPT_JSON;
    ate__out.quiet |= id == OPT_QUIET;
    ate__out.verbose += id == OPT_VERBOSE;
    o->clear |= id == OPT_CLEAR;
    o->centralized |= id == OPT_CENTRALIZED;
    o->is_public |= id == OPT_PUBLIC;
    o->absent |= id == OPT_ABSENT;
    o->recursive |= id == OPT_RECURSIVE;
    o->tree |= id == OPT_TREE;
    o->long_form |= id == OPT_LONG;
    o->remove |= id == OPT_REMOVE;
    o->log_keys |= id == OPT_LOG_KEYS;
    o->worm |= id == OPT_WORM;
    o->password |= id == OPT_PASSWORD;
    o->existing |= id == OPT_EXISTING;
    o->accept_loss |= id == OPT_ACCEPT_LOSS;
    o->yes |= id == OPT_YES;
    o->publish |= id == OPT_PUBLISH;
    o->deep |= id == OPT_DEEP;
}

static void allow(option_set options, struct ate__option *ret_rows)
{
    size_t n = 0;
    for (size_t i = 0; i < ATE__COUNT_OF(table); i++)
        if (options & OPT(table[i].id))
            ret_rows[n++] = table[i];
    ret_rows[n] = (struct ate__option){0};
}

static int check_operands(const struct command *c, const struct options *o)
{
    if (o->operand_count < c->operands_min)
        return ate__report_usage(o->operand_count ? "too few operands: %s" : "operands: %s",
                                 c->operands);
    if (o->retain_s && !o->worm)
        return ate__report_usage("--retain goes with --worm: it says how long an archive that is "
                                 "made keeps what it is given");
    return 0;
}

/* Errors are told as JSON also where the option that says so comes behind the wrong word. */
static void look_for_json(const struct command *c, char **words)
{
    for (; *words && strcmp(*words, "--") != 0; words++)
        if (!strcmp(*words, "--json") && c->options & OPT(OPT_JSON))
            ate__out.json = true;
}

bool options_read(const struct command *c, char **words, struct options *ret_options,
                  int *ret_status)
{
    struct ate__option rows[ATE__COUNT_OF(table) + 1];
    struct options o = {.count = UINT64_MAX, .max_files = UINT64_MAX, .max_bytes = UINT64_MAX};
    struct ate__args args;
    const char *value;
    int id;
    look_for_json(c, words);
    allow(c->options, rows);
    ate__args_init(&args, words, rows);
    while ((id = ate__args_next(&args, &value)) != ATE__ARG_END) {
        if (id == ATE__ARG_OPERAND && o.operand_count == c->operands_max) {
            *ret_status = ate__report_usage("one operand too many: %s", c->operands);
            return false;
        }
        if (id == ATE__ARG_OPERAND) {
            o.operand[o.operand_count++] = value;
        } else if (id == OPT_HELP) {
            ate__print("%s", c->help);
            *ret_status = 0;
            return false;
        } else if (id == ATE__ARG_BAD || (value && take_value(&o, (enum option_id)id, value))) {
            *ret_status = ate__report_usage("%s", ate__error_text());
            return false;
        } else if (!value) {
            take_switch(&o, (enum option_id)id);
        }
    }
    *ret_status = check_operands(c, &o);
    *ret_options = o;
    return *ret_status == 0;
}
