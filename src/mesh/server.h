/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.h: serves the chains below one directory (LOGS) to any number of clients.
 *
 * LOGS/example.com/joe/notes/,chain is the chain /example.com/joe/notes; LOGS/,server holds the server's key and its lock. A chain is opened when the
 * first client asks for it and its descriptors go when it has been idle for a while.
 */
#pragma once
#include "chain/local.h"
#include "net/tcp_uv.h"

struct ate__server;
struct ate__server_conf {
    const struct ate__env *env;
    const char *logs, *listen;     /* directory, made if missing; host literal */
    uint16_t port;                 /* 0: any free one */
    enum ate__sync sync;
    uint32_t sync_interval_ms;
    bool no_wire_encryption;
    struct ate__net_limits limits; /* zeros: the defaults */
    /* May this peer create the chain? 0, or a refusal with its sentence (DENIED, ...); any thread, must not block. NULL: nobody may. */
    int (*admit)(void *arg, const char *path, const struct ate_hash *root, const char *peer);
    void *admit_arg;
    /* One line for the log: level 0 error, 1 warning, 2 info, 3 debug; any thread. NULL: none. */
    void (*log)(void *arg, int level, const char *line);
    void *log_arg;
};
/* Errors: IN_USE: another server has LOGS, or the port is taken; E_*. */
int ate__server_start(const struct ate__server_conf *conf, struct ate__server **ret_server) ATE__CHECK;
const char *ate__server_address(const struct ate__server *s); /* tcp://127.0.0.1:5000/#pin=... */
struct ate_hash ate__server_pin(const struct ate__server *s);
/* Refuses what is new, answers what is in flight, closes all chains (idle marks and all); returns within 10 s. Takes NULL. */
void ate__server_end(struct ate__server *s);
/* The pin of LOGS/,server/key, which is made if it is missing. */
int ate__server_pin_of(const struct ate__env *env, const char *logs, struct ate_hash *ret_pin) ATE__CHECK;
