/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.h: serves the chains below one directory (LOGS) to any number of clients.
 *
 * LOGS/example.com/joe/notes/,chain is the chain /example.com/joe/notes; LOGS/,server holds the
 * server's key and its lock (mesh/home.h). A chain is opened when the first client asks for it and
 * its descriptors go when it has been idle for a while. One that is damaged is served up to the
 * damage, read-only.
 */
#pragma once
#include "chain/host_key.h"
#include "chain/local.h"
#include "net/limits.h"

struct ate__server;

/* A zero field means the default of mesh/limits.h. */
struct ate__server_limits {
    uint32_t streams, commits, commit_bytes, requests, failed_signatures, catch_up_bytes;
    uint32_t chains, open_chains, create_chains, sources;
    uint32_t idle_ms, drain_ms, log_lines, checkpoint_ms, refusal_ms;
    uint64_t create_bytes, unread_bytes;
};
struct ate__server_conf {
    const struct ate__env *env;
    const char *logs, *listen; /* directory, made if missing; host literal */
    uint16_t port; /* 0: any free one */
    enum ate__sync sync;
    uint32_t sync_interval_ms;
    uint64_t segment_bytes; /* struct ate__storage_conf */
    bool no_wire_encryption;
    bool no_view_image; /* none is read or written (chain/image.h) */
    /* Borrowed until the end. NULL: no images, and no centralized chain is written. */
    struct ate__host_key *host_key;
    struct ate__net_limits limits; /* zeros: the defaults */
    struct ate__server_limits server_limits;
    /* May this peer create the chain, whose root key (one of them) has this fingerprint? 0, or a
     * refusal with its sentence (DENIED, ...); any thread, must not block. */
    int (*admit)(void *arg, const char *path, const struct ate_hash *root, const char *peer);
    void *admit_arg;
    bool allow_destroy; /* the owner of a chain may destroy it (DESTROY) */
    /* Nothing is said of a chain but to who proves a key that it holds (POSSESSION). */
    bool members_only;
    bool no_auth; /* anyone may create, within the limits of a source address; admit is not asked.
                   * Neither: nobody may. */
    /* Each chain that is open is compacted by itself, one after the other; its session is borrowed
     * until the end. Zeros: never. workers, since_ms, done and arg are not looked at. */
    struct ate__auto_conf compact;
    const struct ate__plugins *plugins; /* of all chains (trust/plugin.h); NULL: none */
    /* A chain was opened, or is going to be closed: both on a thread that may wait. NULL: nobody
     * is told. */
    int (*attach)(void *arg, const char *path, struct ate__chain *chain, void **ret_attached);
    void (*detach)(void *attached); /* takes NULL */
    void *attach_arg;
    /* One line for the log: level 0 error, 1 warning, 2 info, 3 debug; any thread. NULL: none. */
    void (*log)(void *arg, int level, const char *line);
    void *log_arg;
};

/* Sets one limit, of the network or of the server, by its name in docs/format/limits.md.
 * Errors: MISUSE: no such name, or a value that it cannot have; the sentence says which it can. */
int ate__server_limit_set(struct ate__server_conf *conf, const char *name, uint64_t value)
    ATE__CHECK;
/* Their names and values in turn, with the defaults filled in: from 0 on; false at the end. */
bool ate__server_limit_next(const struct ate__server_conf *conf, size_t *at, const char **ret_name,
                            uint64_t *ret_value);

/* Listens when it returns. Errors: IN_USE: another server has LOGS, or the port is taken;
 * MALFORMED: the address to listen on, or a file of `,server`; MISUSE: clear text outside
 * loopback; E_*. */
int ate__server_start(const struct ate__server_conf *conf, struct ate__server **ret_server)
    ATE__CHECK;
/* tcp://127.0.0.1:5000/#pin=... */
const char *ate__server_address(const struct ate__server *s);
struct ate_hash ate__server_pin(const struct ate__server *s);
/* The public half of its log key, as text (crypto/keyfile.h); appended. Errors: E_MEMORY. */
int ate__server_log_key(const struct ate__server *s, struct ate__buf *ret_text) ATE__CHECK;
/* Refuses what is new, answers what is in flight, closes all chains (idle marks and all); returns
 * within drain_ms, but for a chain that is just being opened. Commits are finished; who does not
 * read its answers is waited for no longer than ATE__NET_STUCK_MS. Takes NULL. */
void ate__server_end(struct ate__server *s);
/* The pin of LOGS/,server/key, which is made if it is missing. Errors: as start. */
int ate__server_pin_of(const struct ate__env *env, const char *logs, struct ate_hash *ret_pin)
    ATE__CHECK;
/* The same of LOGS/,server/log-key. */
int ate__server_log_key_of(const struct ate__env *env, const char *logs, struct ate__buf *ret_text)
    ATE__CHECK;
