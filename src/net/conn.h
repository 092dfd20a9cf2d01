/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * conn.h: one connection without its transport: bytes in, frames out; frames in, bytes out (the
 * shape of BearSSL's engine).
 *
 *     transport -> feed() -> [TLS] -> received -> next() -> owner
 *     owner -> begin(), end() -> queue -> [TLS] -> out(), sent() -> transport
 *
 *     state     becomes   when                                          in
 *     GREETING  OPEN      TLS is done and HELLO went both ways          next
 *     GREETING  CLOSING   a failure, the peer's end, close()            feed next tick eof close
 *     OPEN      CLOSING   the same                                      the same
 *     CLOSING   CLOSED    all is sent, or linger_ms are over, or eof    sent out tick eof
 *     any       CLOSED    drop()                                        drop
 *
 *  1. No I/O, no clock, no thread: time comes in as now_ms, monotonic. One thread at a time.
 *  2. HELLO, PING, PONG and ERROR of stream 0 are handled inside; the owner sees all else, and
 *     nothing before OPEN.
 *  3. A failure is sticky: one result and one sentence, the first. Frames that arrived whole
 *     before the peer or the transport ended are delivered first (not to an owner that is paused
 *     while the transport fails: it could wait for room that never comes); after any other failure
 *     none is.
 *  4. Memory: of received bytes one frame and one feed(); of bytes to be sent the credit, one
 *     frame and a few small ones. A PONG answers its PING and all before it, so a flood of PINGs
 *     has one answer waiting at most.
 *  5. Silence is time without a byte from the peer (feed) or another sign of it (alive). A PING
 *     goes out after ping_ms of silence, and after ping_ms of sending nothing, so that each side
 *     hears the other even while one of them does not read. After dead_ms of silence the peer is
 *     dead, however well its system's kernel acknowledges.
 *  6. What holds before OPEN of frames, bytes and time holds on while the owner confines it.
 */
#pragma once
#include "crypto/tls.h"
#include "net/hello.h"

enum ate__wire {
    ATE__WIRE_TLS,
    ATE__WIRE_CLEAR, /* client with no_wire_encryption, the peer being this machine */
    ATE__WIRE_EITHER /* server with no_wire_encryption, the peer being this machine: its choice */
};

struct ate__conn_conf {
    bool server;
    enum ate__wire wire;
    const struct ate__tls_server_key *server_key; /* server; outlives the connection */
    const struct ate_hash *pins; /* client with TLS; borrowed for the call */
    size_t pin_count;
    const char *host, *authorities; /* client with TLS and no pin: ate__tls_new_client_named() */
    struct ate__hello hello;
    struct ate__net_limits limits; /* zeros: the defaults */
};

enum ate__conn_state { ATE__CONN_GREETING, ATE__CONN_OPEN, ATE__CONN_CLOSING, ATE__CONN_CLOSED };
enum ate__conn_event {
    ATE__CONN_NOTHING, /* feed() more */
    ATE__CONN_OPENED, /* once */
    ATE__CONN_FRAME,
    ATE__CONN_ENDED /* see result(); from then on always */
};

struct ate__conn;
int ate__conn_new(const struct ate__conn_conf *conf, uint64_t now_ms, struct ate__conn **ret_conn)
    ATE__CHECK;
void ate__conn_free(struct ate__conn *c); /* takes NULL */
ATE__FREEP(struct ate__conn, ate__conn_free)

/* --- the transport's side --- */

/* Bytes that arrived. A failure shows in next(). Ignored from CLOSING on. */
void ate__conn_feed(struct ate__conn *c, struct ate_bytes bytes, uint64_t now_ms);
/* The transport ended: error_text NULL for its orderly end. Nothing can be sent any more. */
void ate__conn_eof(struct ate__conn *c, const char *error_text);
/* The bytes due to the transport, a view until the next call on c. When all before them were sent,
 * what is queued is encrypted, as one batch. Empty when there is nothing more. */
struct ate_bytes ate__conn_out(struct ate__conn *c);
/* The transport took the first `size` of them. */
void ate__conn_sent(struct ate__conn *c, size_t size, uint64_t now_ms);
/* Another sign of the peer: it acknowledged bytes of a full transport, or sent what was not read
 * yet. */
void ate__conn_alive(struct ate__conn *c, uint64_t now_ms);
bool ate__conn_want_read(const struct ate__conn *c); /* not paused, not CLOSING */
/* Judges time: deadlines, PING, death. Due at deadline(), allowed at any time. */
void ate__conn_tick(struct ate__conn *c, uint64_t now_ms);
uint64_t ate__conn_deadline(const struct ate__conn *c); /* ms; UINT64_MAX: never */

/* --- the owner's side --- */

/* The next event; NOTHING while paused. A body is valid until the next feed(), next() or free(). */
enum ate__conn_event ate__conn_next(struct ate__conn *c, uint64_t now_ms,
                                    struct ate__net_frame *ret_frame);
/* A frame into the queue, as ate__link_begin() and ate__link_end() say. */
int ate__conn_begin(struct ate__conn *c, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
    ATE__CHECK;
int ate__conn_end(struct ate__conn *c, struct ate__wr *w) ATE__CHECK;
size_t ate__conn_room(const struct ate__conn *c); /* bytes until the credit is used up */
/* True once when the queue has fallen to half of the credit after room() was 0. */
bool ate__conn_take_drained(struct ate__conn *c);
void ate__conn_pause(struct ate__conn *c, bool paused, uint64_t now_ms);
/* As ate__link_confine() says. */
void ate__conn_confine(struct ate__conn *c, bool confined);
/* The queue, then an ERROR frame, then the end. ATE_CANCELED and text NULL: no ERROR frame. */
void ate__conn_close(struct ate__conn *c, int result, const char *text, uint64_t now_ms);
/* The end at once: what is queued is thrown away. */
void ate__conn_drop(struct ate__conn *c, int result, const char *text, uint64_t now_ms);
/* Memory that holds received bytes which wait, as those of a frame that is not whole; 0 before
 * OPEN, where greeting_bytes hold, and from CLOSING on. */
size_t ate__conn_held(const struct ate__conn *c);
size_t ate__conn_unsent(const struct ate__conn *c); /* bytes that wait to be sent */
/* From now on a close takes so long at most, also one that is under way. */
void ate__conn_hurry(struct ate__conn *c, uint32_t linger_ms);

enum ate__conn_state ate__conn_state(const struct ate__conn *c);
int ate__conn_result(const struct ate__conn *c); /* 0 before CLOSING; then see link.h, closed() */
const char *ate__conn_text(const struct ate__conn *c); /* its sentence; lives as long as c */
uint16_t ate__conn_version(const struct ate__conn *c); /* agreed */
uint64_t ate__conn_features(const struct ate__conn *c); /* agreed */
/* Of a client, once it is open: the server's; zeros: clear text. */
struct ate_hash ate__conn_pin(const struct ate__conn *c);
bool ate__conn_encrypted(const struct ate__conn *c);
/* ate__tls_channel(); zeros in clear text. From OPEN on. Errors: E_*. */
int ate__conn_channel(const struct ate__conn *c, struct ate_hash *ret_channel) ATE__CHECK;
