/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.h: a program that serves chains itself; atedb is one.
 */
#pragma once
#include <ate/chain.h>

ATE__BEGIN

struct ate_limit {
    const char *name; /* as in docs/format/limits.md */
    uint64_t value;
};
struct ate_server_conf {       /* zero means the default in every field */
    const char *logs;          /* directory of the chains; made if missing */
    const char *listen;        /* NULL: "127.0.0.1" */
    uint16_t port;             /* 0: 5000 */
    bool any_port;             /* a free one, whatever `port` says; ate_server_address() tells */
    bool no_auth;              /* anyone may create chains, within the limits */
    /* clear text: both sides must say it, and it is refused outside loopback */
    bool no_wire_encryption;
    bool allow_destroy; /* the owner of a chain may destroy it from afar (destroy.h) */
    /* a chain is shown only to who proves a private key whose public half it holds, and has not
     * revoked; nobody else is told whether it is there */
    bool members_only;
    /* May this root key create this chain? 0: yes; else the result to refuse with. Runs in
     * ate_loop_run() of `loop`; must not wait. NULL: see no_auth; neither: nobody may create. */
    int (*admit)(void *arg, const char *chain, struct ate_hash root);
    void *admit_arg;
    /* One line of text for each thing worth telling, without a newline, safe to print; level 0:
     * warning, 1: info, 2: debug. Runs in ate_loop_run() of `loop`. NULL: none. */
    void (*log)(void *arg, int level, const char *line);
    void *log_arg;
    struct ate_loop *loop; /* for the two above; may be NULL without them */
    enum ate_sync sync;
    uint32_t sync_interval_ms; /* for ATE_SYNC_INTERVAL; 0: 100 */
    uint32_t drain_ms; /* how long ate_server_end() waits for work in flight; 0: 10,000 */
    const struct ate_limit *limits; /* those that differ from their default */
    size_t limit_count;
    /* When the chains that are open are compacted by themselves (compact.h); NULL: never */
    const struct ate_compact_when *compact;
    uint64_t segment_bytes; /* as that of struct ate_chain_conf, for all chains */
    /* plugin.h: those that take part in all chains; at most 16. What they have to say goes to
     * `log`. */
    struct ate_plugin *const *plugins;
    size_t plugin_count;
    uint64_t reserved[6]; /* zero, else MISUSE */
};

/* Listens when it returns. Its key is LOGS/,server/key, made at the first start. What it alone is
 * to read again on this machine is sealed under the host key, which is made when it is missing:
 * $STATE_DIRECTORY/host.key, else /var/lib/atedb/host.key as root, else
 * ${XDG_STATE_HOME:-~/.local/state}/ate/host.key.
 * Errors: IN_USE: another process serves LOGS, or the port is taken; DENIED, MALFORMED, MISUSE:
 * an unknown limit; E_*. */
ATE_CALL int ate_server_start(const struct ate_server_conf *conf, struct ate_server **ret_server);
/* tcp://127.0.0.1:5000/#pin=...; borrowed from it */
ATE_API const char *ate_server_address(const struct ate_server *server);

/* Its log key, LOGS/,server/log-key, made at the first start: the public half, as text for
 * ate_log_key_add(), ended with ate_free(). It signs the heads of the chains that name it.
 * Errors: E_MEMORY. */
ATE_CALL int ate_server_log_key(const struct ate_server *server, char **ret_text);

/* Orderly: takes no more work, finishes what it has within drain_ms, closes; takes NULL. What
 * was acknowledged is on disk in any case. */
ATE_API void ate_server_end(struct ate_server *server);

ATE__END
