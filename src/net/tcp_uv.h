/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tcp_uv.h: links over TCP: connecting and listening.
 *
 * Sockets are watched by the loop (uv_poll_t) and read and written with recv() and send() straight
 * from and to the buffers of struct ate__conn: no write requests, no copy, and what an event sends
 * leaves before the loop waits again.
 */
#pragma once
#include "net/addr.h"
#include "net/conn.h"
#include "net/link.h"
#include "net/lookup.h"
#include "net/loop_uv.h"

/* --- client --- */

struct ate__tcp_conf {
    struct ate__hello hello;
    struct ate__net_limits limits;
    bool no_wire_encryption; /* clear text; refused unless what is connected to is this machine */
    /* For an address with a name and without a pin: then the server is known by what identify.h
     * says. NULL: such an address is refused. Outlives the connection, or the call that closes it.
     */
    const struct ate__lookup *lookup;
};
/* Starts to connect to addr's host and port under addr's pins. From any thread; the events come on
 * the loop's, after *ret_link is set. The link may be used there from then on. When the last
 * reference to the loop goes, links are closed.
 * `localhost` and literals need no resolver; the addresses of a name are tried in turn.
 * Errors: ATE_UNTRUSTED no pin, nothing to look one up by, and not no_wire_encryption;
 * ATE_E_MEMORY. All else: closed(). */
int ate__tcp_connect(struct ate__loop *l, const struct ate__addr *addr,
                     const struct ate__tcp_conf *conf, const struct ate__link_events *events,
                     void *owner, struct ate__link **ret_link) ATE__CHECK;

/* --- server --- */

struct ate__acceptor_events {
    /* A peer is through TLS and HELLO: gives the events and owner of its link (opened() does not
     * come), or refuses with a result and its sentence, which go to the peer as an ERROR frame. */
    int (*accept)(void *user, struct ate__link *link, const struct ate__link_events **ret_events,
                  void **ret_owner);
    /* A peer that never came so far is gone, or was turned away at a limit. For log lines; may be
     * NULL. */
    void (*refused)(void *user, const char *peer, int result, const char *text);
};
struct ate__acceptor_conf {
    const char *host; /* literal or `localhost`; borrowed for the call */
    uint16_t port; /* 0: any free one */
    const struct ate__tls_server_key *key; /* outlives the acceptor */
    struct ate__hello hello;
    struct ate__net_limits limits;
    bool no_wire_encryption; /* clear text as well; refused unless host is of the loopback net */
};

struct ate__acceptor;
/* Binds and listens. From any thread. The loop is referenced until free().
 * Errors: ATE_IN_USE the port is taken; ATE_MISUSE clear text outside loopback; ATE_MALFORMED
 * host; ATE_E_SYSTEM; ATE_E_MEMORY. */
int ate__acceptor_new(struct ate__loop *l, const struct ate__acceptor_conf *conf,
                      const struct ate__acceptor_events *events, void *user,
                      struct ate__acceptor **ret_acceptor) ATE__CHECK;
uint16_t ate__acceptor_port(const struct ate__acceptor *s);
/* From any thread: no more peers are accepted; the open ones stay. */
void ate__acceptor_stop(struct ate__acceptor *s);
/* Stops, closes what is open (closed() comes for each, ATE_CANCELED), and returns when all is sent
 * or linger_ms are over, or ATE__NET_STUCK_MS, whichever is less. Not on the loop's thread. Takes
 * NULL. */
void ate__acceptor_free(struct ate__acceptor *s);
ATE__FREEP(struct ate__acceptor, ate__acceptor_free)
