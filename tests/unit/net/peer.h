/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * peer.h: owners of links and acceptors for tests over real sockets: they count, and the test waits
 * for counts.
 */
#pragma once
#include "lib/check.h"
#include "net/tcp_uv.h"
#include <pthread.h>

struct peer {
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;
    struct ate__loop *loop;
    struct ate__link *link; /* of the loop's thread */
    struct peer *server; /* of which it is a connection; or NULL */
    bool echo; /* answers each frame with itself */
    bool pause_at_open;
    size_t opened, frames, bytes, drained, closed, refused;
    size_t events; /* opened and closed */
    int result; /* of the last end or refusal */
    char text[ATE__ERROR_SIZE];
    uint64_t next; /* u64 expected at the start of the next frame's body, if `ordered` */
    bool ordered;

    /* of a server */
    struct ate__acceptor *acceptor;
    int refuse; /* result with which every peer is turned away */
    struct peer **accepted;
    size_t accepted_count; /* in all, gone ones too */
    size_t open_count;
};

/* Waits until *count is at least `least`; fails the test after 20 s. */
void peer_wait(struct peer *p, const size_t *count, size_t least);
size_t peer_get(struct peer *p, const size_t *count); /* under its mutex, as the next */
int peer_result(struct peer *p);
/* Runs call(arg) on the loop's thread. */
void peer_do(struct peer *p, int (*call)(void *arg), void *arg);

struct ate_hash peer_pin(void);
struct ate__acceptor_conf peer_acceptor_conf(void); /* 127.0.0.1, any port, the test's key */
void peer_serve(struct peer *p, struct ate__loop *l, const struct ate__acceptor_conf *conf);
int peer_try_serve(struct peer *p, struct ate__loop *l, const struct ate__acceptor_conf *conf);
void peer_serve_end(struct peer *p);

/* The address of the server at 127.0.0.1. */
struct ate__addr peer_addr(const struct peer *server);
int peer_connect(struct peer *p, struct ate__loop *l, const struct ate__addr *addr,
                 const struct ate__tcp_conf *conf); /* conf NULL: no limits changed */
void peer_init(struct peer *p);
void peer_end(struct peer *p); /* after closed() */

/* Sends from the loop's thread: `count` frames of `size` bytes (at least 8: a running number). */
int peer_send(struct peer *p, size_t count, size_t size);
void peer_close(struct peer *p, int result, const char *text);
void peer_pause(struct peer *p, bool paused);
