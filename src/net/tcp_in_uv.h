/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tcp_in_uv.h: a connection over TCP, as connect_uv.c and listen_uv.c make it and tcp_uv.c runs it.
 *
 *     state       what is there                    ends with
 *     CONNECTING  connecting (client only)         ate__tcp_run(), or ate__tcp_give_up()
 *     RUNNING     socket, conn                     conn's end: the owner is told
 *     LINGERING   socket; what comes is dropped    all sent and the peer closed, or linger_ms over
 *
 *  1. All of it on the loop's thread. It is a guest of the loop from its making to its end.
 *  2. The owner, or the acceptor, is told of the end once, with `told`; from then on no event.
 *  3. It is freed at the end of its own turn or timer, never inside another's.
 */
#pragma once
#include "net/loop_in_uv.h"
#include "net/tcp_uv.h"

enum { ATE__PEER_TEXT = 64 };

struct ate__tcp;
struct ate__connecting; /* of connect_uv.c */

/* A socket being watched; outlives its connection until libuv has let go of it. */
struct ate__watch {
    uv_poll_t poll;
    void (*ready)(void *owner, int status, int events); /* set with owner, by who holds it */
    void *owner; /* NULL: let go */
    int fd;
    int events; /* asked for at present */
};
/* Takes the socket, which is closed on failure too. */
int ate__watch_new(struct ate__loop *l, int take_fd, struct ate__watch **ret_watch) ATE__CHECK;
/* events 0: none. A failure leaves none. */
int ate__watch_set(struct ate__watch *w, int events) ATE__CHECK;
void ate__watch_free(struct ate__watch *w); /* closes the socket; takes NULL */

/* What an acceptor wants to hear of its connections. */
struct ate__tcp_hooks {
    int (*opened)(struct ate__tcp *t); /* gives t->link events and owner, or a refusal */
    void (*greeted)(struct ate__tcp *t); /* no greeting any more: opened, or ended before */
    void (*ended)(struct ate__tcp *t, int result, const char *text); /* without an owner */
    void (*rests)(struct ate__tcp *t, size_t held); /* ate__conn_held() at the end of a turn */
    void (*gone)(struct ate__tcp *t); /* is being freed */
};

struct ate__tcp {
    struct ate__link link; /* what the owner holds */
    struct ate__loop *loop;
    struct ate__loop_guest guest;
    struct ate__loop_turn turn;
    struct ate__loop_timer *timer;
    uint64_t timer_ms; /* when it fires; UINT64_MAX: not */
    struct ate__conn *conn; /* NULL while CONNECTING */
    struct ate__watch *watch; /* NULL while CONNECTING */
    struct ate__connecting *connecting;
    struct ate__net_limits limits;
    const struct ate__tcp_hooks *hooks; /* NULL: a client */
    uint64_t ended_ms; /* when the end began */
    bool in_turn;
    bool got_frame; /* since rests() cleared it */
    bool told;
    bool greeted; /* hooks->greeted() was called */
    bool paused;
    bool blocked; /* the socket took no more */
    uint64_t blocked_ms; /* since when */
    bool again; /* there is more to do as soon as the socket takes more */
    bool lost; /* the socket is of no use any more */
    bool lingering;
    char peer[ATE__PEER_TEXT];

    /* of listen_uv.c */
    struct ate__acceptor *acceptor;
    struct ate__tcp *next, *prev; /* all of the acceptor's */
    struct ate__tcp *next_greeting, *prev_greeting; /* those before HELLO, oldest first */
    struct ate__tcp *next_half, *prev_half; /* those that hold half of a frame, oldest first */
    size_t held; /* by this one; 0: it is not among them */
    uint64_t since_ms;
    uint8_t source[16];
};

/* A guest without socket and conn. Errors: ATE_E_MEMORY. */
int ate__tcp_new(struct ate__loop *l, const struct ate__net_limits *limits,
                 struct ate__tcp **ret_tcp) ATE__CHECK;
/* Gives it its socket, taken also on failure, and its conn; RUNNING from here. */
int ate__tcp_run(struct ate__tcp *t, struct ate__watch *take_watch,
                 const struct ate__conn_conf *conf) ATE__CHECK;
/* Tells the owner or the acceptor, and frees t. For CONNECTING, and for what must go at once. */
void ate__tcp_give_up(struct ate__tcp *t, int result, const char *text);
/* Begins the end as ate__link_close() does; from outside of its turn. */
void ate__tcp_end(struct ate__tcp *t, int result, const char *text);
/* From now on its end takes so long at most, from when it began. */
void ate__tcp_hurry(struct ate__tcp *t, uint32_t linger_ms);
void ate__tcp_timer(struct ate__tcp *t, uint64_t at_ms); /* UINT64_MAX: none */

/* connect_uv.c; t is CONNECTING */
void ate__connecting_timer(struct ate__tcp *t);
void ate__connecting_turn(struct ate__tcp *t);
void ate__connecting_close(struct ate__tcp *t, int result, const char *text);
void ate__connecting_free(struct ate__tcp *t);

/* "127.0.0.1:5000", "[::1]:5000" */
void ate__peer_text(const struct sockaddr *address, char ret_text[ATE__PEER_TEXT]);
bool ate__peer_is_loopback(const struct sockaddr *address);
