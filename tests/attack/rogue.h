/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rogue.h: a server on the loopback that shows a history made by hand, truly or not.
 *
 * It speaks the protocol well: TLS with a key of its own, HELLO and what may follow it,
 * with true proofs for the history that it has. What it lies about is one of its hooks.
 */
#pragma once
#include "ate/ate.h"
#include "net/tcp_uv.h"
#include "unit/mesh/past.h"

struct rogue {
    struct past *past;
    uint64_t size;    /* how much of it is shown */
    const char *name; /* path under which it is asked for; NULL: the declared one */
    const char *host; /* that the address names; NULL: 127.0.0.1 */
    int32_t timeout_ms; /* of the client; 0: 20 s */
    bool centralized; /* such a chain is what the client expects */
    bool clear;       /* clear text; set before the address is asked for */
    struct ate_hash pin; /* that the address names; its own, unless the test sets another */

    /* Hooks, on the loop's thread; NULL: the truth. */
    void (*opened)(struct rogue *r, struct ate__msg_opened *m);
    void (*subscribed)(struct rogue *r, struct ate__msg_subscribed *m);
    /* Of the transactions of a stream one after the other; false: it is left out. */
    bool (*group)(struct rogue *r, struct ate__msg_group *m, struct ate__buf *records);
    void (*answer)(struct past_answer *a);
    /* To COMMIT and OUTCOME; without it commits are refused. */
    void (*committed)(struct rogue *r, const struct ate__msg_commit *m,
                      struct ate__msg_committed *ret);
    struct ate_session *session; /* the client's; NULL: none */
    /* What is signed, a note; without it nothing is. */
    struct ate__buf note;
    void (*proven)(struct rogue *r, struct ate__msg_proven *m);
    /* What it says by itself, notes: the first when it is asked to, the second behind the log keys
     * that were asked for next. */
    struct ate__buf said[2];

    struct ate__loop *loop;
    struct ate__tls_server_key *key;
    struct ate__acceptor *listener;
    char address[700];
};
/* It listens when its address is asked for first. How it lies may be set until then, and between
 * two clients. */
struct rogue *rogue_new(struct past *take_past);
void rogue_free(struct rogue *r);
/* tcp://127.0.0.1:PORT/NAME#pin=...,root=... */
const char *rogue_address(struct rogue *r);
/* Opens it as a client without keys does. mirror NULL: thin. The state directory is one for all
 * chains of an attack. */
int rogue_open(struct rogue *r, const char *mirror, struct ate_chain **ret_chain);
