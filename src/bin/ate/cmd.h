/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cmd.h: the commands of `ate`, and what their words and options became.
 */
#pragma once
#include "bin/common/args.h"
#include "bin/common/out.h"
#include "bin/common/plugins.h"
#include "bin/common/progress.h"
#include "bin/common/units.h"
#include <ate/ate.h>

enum { OPTION_FILES_MAX = 64, OPERANDS_MAX = 3 };

/* The bit of an option in struct command; its id is the bit's number, from 1. */
typedef unsigned __int128 option_set; /* a bit for each: there are more than 64 */
#define OPT(id) ((option_set)1 << (id))
enum option_id {
    OPT_HELP = 1,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_PROGRESS,
    OPT_COLOR,
    OPT_KEY,
    OPT_ROOT,
    OPT_MIRROR,
    OPT_TIMEOUT,
    OPT_CLEAR,
    OPT_SCOPE,
    OPT_PUBLIC,
    OPT_ABSENT,
    OPT_IF,
    OPT_TYPE,
    OPT_OUTPUT,
    OPT_AT,
    OPT_RECURSIVE,
    OPT_TREE,
    OPT_LONG,
    OPT_SINCE,
    OPT_COUNT,
    OPT_NUMBER,
    OPT_LABEL,
    OPT_MAX_FILES,
    OPT_MAX_BYTES,
    OPT_REMOVE,
    OPT_RATE,
    OPT_DEEP,
    OPT_CUT_OFF,
    OPT_SINCE_FILE,
    OPT_CHECKPOINT,
    OPT_LOG_KEY,
    OPT_LOG_KEYS,
    OPT_CHAIN,
    OPT_WORM,
    OPT_RETAIN,
    OPT_COMPRESS,
    OPT_STRENGTH,
    OPT_HASH,
    OPT_ALLOW,
    OPT_ALGORITHM,
    OPT_PASSWORD,
    OPT_PASSWORD_FILE,
    OPT_NEW_PASSWORD_FILE,
    OPT_TO,
    OPT_EXISTING,
    OPT_SEGMENT_SIZE,
    OPT_ACCEPT_LOSS,
    OPT_RESET,
    OPT_YES,
    OPT_ADD_LOG_KEY,
    OPT_REMOVE_LOG_KEY,
    OPT_CLIENTS,
    OPT_SIZE,
    OPT_OBJECTS,
    OPT_YES_NAME,
    OPT_DNS_SERVER,
    OPT_DNS_ANCHOR,
    OPT_CA_FILE,
    OPT_READ,
    OPT_WRITE,
    OPT_APPEND,
    OPT_ADMIN,
    OPT_PUBLISH,
    OPT_ADD_ROOT,
    OPT_REMOVE_ROOT,
    OPT_CENTRALIZED,
    OPT_PLUGIN,
    OPT_MAX_AGE,
    OPT_POLICY
};
#define OPTS_ALL                                                                                   \
    (OPT(OPT_HELP) | OPT(OPT_JSON) | OPT(OPT_QUIET) | OPT(OPT_VERBOSE) | OPT(OPT_COLOR) |          \
     OPT(OPT_PROGRESS))
#define OPTS_LOOKUP (OPT(OPT_DNS_SERVER) | OPT(OPT_DNS_ANCHOR) | OPT(OPT_CA_FILE))
#define OPTS_CHAIN                                                                                 \
    (OPTS_ALL | OPTS_LOOKUP | OPT(OPT_KEY) | OPT(OPT_PASSWORD_FILE) | OPT(OPT_ROOT) |              \
     OPT(OPT_MIRROR) | OPT(OPT_TIMEOUT) | OPT(OPT_CLEAR) | OPT(OPT_CENTRALIZED) |                  \
     OPT(OPT_PLUGIN) | OPT(OPT_MAX_AGE))
/* What is said of a chain that is made. */
#define OPTS_NEW                                                                                   \
    (OPT(OPT_WORM) | OPT(OPT_RETAIN) | OPT(OPT_SEGMENT_SIZE) | OPT(OPT_COMPRESS) |                 \
     OPT(OPT_STRENGTH) | OPT(OPT_HASH) | OPT(OPT_ALLOW) | OPT(OPT_LOG_KEY))

struct options { /* strings are words of the command line */
    const char *operand[OPERANDS_MAX];
    size_t operand_count;
    const char *key[OPTION_FILES_MAX];
    size_t key_count;
    const char *root[OPTION_FILES_MAX];
    size_t root_count;
    const char *mirror;
    int32_t timeout_ms; /* 0: not given; -1: none */
    int32_t max_age_ms; /* 0: not given; -1: any */
    bool clear;         /* no wire encryption */
    bool centralized;
    struct ate_lookup lookup;
    unsigned scope;     /* flag of ate_txn_begin() */
    bool is_public, absent, recursive, tree, long_form, remove, log_keys;
    bool has_if, has_since;
    uint64_t if_sequence, since;
    uint64_t count; /* of --count or -n; UINT64_MAX: all */
    const char *type, *output, *label;
    const char *since_file, *checkpoint, *chain_id, *policy;
    const char *add_log_key, *remove_log_key; /* files; the latter also a fingerprint */
    const char *log_key[OPTION_FILES_MAX];
    size_t log_key_count;
    bool has_at;      /* as after sequence at_size - 1, or, where that is 0, at this time */
    uint64_t at_size;
    int64_t at_ns;
    uint64_t max_files, max_bytes; /* UINT64_MAX: all */
    uint64_t rate; /* bytes a second; 0: not given */
    bool worm;     /* of the chain that is made: an archive */
    uint64_t retain_s; /* of an archive; 0: not given */
    enum ate_compression compression; /* of the chain that is made; so the next three */
    uint16_t strength; /* bits; also of a key; 0: not given */
    uint8_t hash;      /* enum ate_hash_alg; 0: not given */
    uint8_t allow;     /* enum ate_allow */
    const char *algorithm; /* of a key */
    bool password;         /* a key file is sealed with one */
    const char *password_file, *new_password_file;
    uint64_t segment_bytes; /* 0: not given */
    const char *plugin[PLUGINS_MAX]; /* FILE[=OPTIONS] */
    size_t plugin_count;
    struct plugins plugins; /* loaded */
    bool has_to, existing, accept_loss, yes;
    const char *reset; /* why; NULL: not asked for */
    const char *yes_name; /* of the chain; NULL: not given */
    uint64_t to; /* a sequence */
    const char *read, *write, *append, *admin; /* who may; NULL: as it is */
    bool publish; /* everyone may read, also all that was ever written */
    const char *add_root, *remove_root; /* a key file; the latter also a fingerprint */
    uint64_t clients, size_bytes, objects; /* of a benchmark; 0: not given */
    bool deep;
    uint64_t cut_off; /* 0: not given; ATE_CUT_OFF_NEWEST */
};

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* all of --help */
    option_set options;  /* OPT() bits */
    size_t operands_min, operands_max;
    const char *operands; /* "CHAIN NAME [VALUE | @FILE]" */
    int (*run)(const struct options *o); /* the exit status */
};
extern const struct command cmd_key, cmd_put, cmd_get, cmd_rm, cmd_mv, cmd_ls, cmd_watch, cmd_log,
    cmd_verify, cmd_checkpoint, cmd_prove, cmd_check_proof, cmd_import, cmd_export, cmd_name,
    cmd_compact, cmd_history, cmd_hold, cmd_release, cmd_backup, cmd_restore, cmd_repair,
    cmd_destroy, cmd_bench, cmd_protect, cmd_push, cmd_revoke, cmd_root;

/* Reads the words behind the command's name. 0; or the exit status, reported, in *ret_status, or
 * with --help, 0 in it. */
bool options_read(const struct command *command, char **words, struct options *ret_options,
                  int *ret_status);
/* ends with NULL */
extern const struct command *const commands[];
