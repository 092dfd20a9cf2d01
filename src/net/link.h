/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * link.h: the seam between the machines of the mesh and what carries their frames (net/tcp_uv.c;
 * in tests, memory).
 *
 * A link is one open or opening connection. All of it happens on one thread, its loop's:
 *
 *  1. opened() comes once, after TLS and HELLO; frame() only after it, in order, each frame once.
 *  2. closed() comes exactly once, is the last event, and never comes inside a call of the owner.
 *     The link may be used until closed() returns; then it is gone.
 *  3. Inside any event the owner may call any function here.
 *  4. What is sent in one turn of the loop leaves as one batch. Nothing that was sent before
 *     close() is lost by closing, as long as the peer reads on.
 *  5. An owner that answers what it reads pauses the link when room() is 0 and goes on at
 *     drained(): so it has room for every answer, and who does not read answers is not read.
 */
#pragma once
#include "net/hello.h"

struct ate__link;

struct ate__link_events {
    void (*opened)(void *owner);
    void (*frame)(void *owner, const struct ate__net_frame *frame); /* body: until it returns */
    void (*drained)(void *owner); /* room again after room() was 0; may be NULL */
    /* result: what close() was given; ATE_END the peer closed; ATE_OFFLINE not reached, lost or
     * dead; ATE_TIMEOUT no greeting in time; ATE_UNTRUSTED another pin; ATE_BAD_PEER, ATE_TOO_BIG,
     * ATE_UNSUPPORTED the peer broke the protocol; what the peer's ERROR frame says; ATE_E_x.
     * text: the sentence, until it returns. */
    void (*closed)(void *owner, int result, const char *text);
};

struct ate__link_ops {
    int (*begin)(struct ate__link *l, uint16_t type, uint32_t stream, struct ate__wr *ret_w);
    int (*end)(struct ate__link *l, struct ate__wr *w);
    size_t (*room)(const struct ate__link *l);
    void (*pause)(struct ate__link *l, bool paused);
    void (*close)(struct ate__link *l, int result, const char *text);
    size_t (*unsent)(const struct ate__link *l, uint64_t *ret_stuck_ms);
    void (*drop)(struct ate__link *l, int result, const char *text);
    void (*confine)(struct ate__link *l, bool confined);
};

struct ate__link {
    const struct ate__link_ops *ops;
    const struct ate__link_events *events;
    void *owner;
    const char *peer; /* "127.0.0.1:40312", for sentences; lives as long as the link */
    uint16_t version; /* agreed; 0 before opened() */
    uint64_t features; /* agreed */
    bool encrypted;
    struct ate_hash pin; /* of the server, to its client; zeros: clear text, or before opened() */
    struct ate_hash channel; /* RFC 9266, tls-exporter, from opened() on; zeros in clear text */
};

/* Starts a frame straight in the send queue; its body follows through *ret_w, then end() is due,
 * with nothing between them on this link.
 * Errors: ATE_BUSY the credit is used up, drained() will come; ATE_OFFLINE not open. */
ATE__CHECK static inline int ate__link_begin(struct ate__link *l, uint16_t type, uint32_t stream,
                                             struct ate__wr *ret_w)
{
    return l->ops->begin(l, type, stream, ret_w);
}
/* Errors: ATE_TOO_BIG, ATE_E_MEMORY: nothing of that frame is sent, and the link is as before. */
ATE__CHECK static inline int ate__link_end(struct ate__link *l, struct ate__wr *w)
{
    return l->ops->end(l, w);
}
/* A frame whose body is these parts, one after the other. Errors: as begin() and end(). */
int ate__link_send(struct ate__link *l, uint16_t type, uint32_t stream,
                   const struct ate_bytes *parts, size_t count) ATE__CHECK;
/* Bytes until the credit is used up. */
static inline size_t ate__link_room(const struct ate__link *l)
{
    return l->ops->room(l);
}
/* While paused no frame() comes and nothing is read, so the peer is slowed down by its queue. */
static inline void ate__link_pause(struct ate__link *l, bool paused)
{
    l->ops->pause(l, paused);
}
/* Sends what is queued, then an ERROR frame of result and text (ATE_CANCELED with text NULL: no
 * such frame), then closes. No frame() comes any more; closed() does, soon. The second time, and
 * after the peer's end, it does nothing. */
static inline void ate__link_close(struct ate__link *l, int result, const char *text)
{
    l->ops->close(l, result, text);
}
/* Bytes that wait to be sent, and for how long the peer's system has taken none of them: 0 if it
 * was not asked to yet. */
static inline size_t ate__link_unsent(const struct ate__link *l, uint64_t *ret_stuck_ms)
{
    return l->ops->unsent(l, ret_stuck_ms);
}
/* Throws away what is queued, and closes: for a peer that does not read, and so cannot be told.
 * closed() comes soon. After close() it takes what that left; after the end, it does nothing. */
static inline void ate__link_drop(struct ate__link *l, int result, const char *text)
{
    l->ops->drop(l, result, text);
}
/* While confined, the limits of a greeting go on for what is received: its frame, and its bytes and
 * its time since the connection began. Who passes them is closed. */
static inline void ate__link_confine(struct ate__link *l, bool confined)
{
    l->ops->confine(l, confined);
}
