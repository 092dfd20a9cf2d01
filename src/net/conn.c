/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * conn.c: one connection without its transport.
 *
 * Frames to be sent wait in `queue` as they are, and are encrypted into `out` only when all of
 * `out` was sent: so what piles up while the transport is full leaves in few large records, and is
 * in memory once. In clear text they leave from `queue` itself.
 */
#include "net/conn.h"
#include "base/alloc.h"
#include "base/assert.h"
#include <stdio.h>

enum {
    SLICE = 96 << 10, /* bytes encrypted at a time */
    KEEP = 128 << 10, /* bytes of memory that an empty buffer keeps while the connection is busy */
    DECISIVE = 3 /* bytes that tell TLS from clear text */
};

/* A buffer that is filled at its end and emptied from its start. */
struct pipe {
    struct ate__buf buf;
    size_t at; /* what is before it is done with */
};

struct ate__conn {
    bool server;
    enum ate__wire wire; /* EITHER until the client's first bytes are there */
    const struct ate__tls_server_key *server_key;
    struct ate__hello ours, theirs;
    struct ate__net_limits limits;
    struct ate__tls *tls; /* NULL in clear text */

    enum ate__conn_state state;
    uint16_t version;
    uint64_t features;
    int result;
    char text[ATE__ERROR_SIZE];

    struct pipe in; /* received, in clear */
    size_t greeting_bytes; /* received before OPEN, and while confined */
    bool confined;
    bool paused;
    int end_result; /* of the transport's or peer's end, which waits until `in` is read; or 0 */
    char end_text[128];
    bool end_now; /* it does not wait for an owner that is paused */

    struct pipe queue; /* frames to be sent */
    struct pipe out; /* the same encrypted; unused in clear text */
    size_t frame_mark; /* of the frame between begin() and end() */
    bool frame_begun;
    bool mute; /* nothing can be sent any more: TLS failed, or the transport is gone */
    bool fin_made; /* close_notify is in `out` */
    bool choked; /* the credit was used up */
    bool drained; /* and is free again: not yet told */
    bool pong_due;
    uint64_t pong_value, ping_value;

    uint64_t started_ms, heard_ms, said_ms, pinged_ms, closing_ms;
};

/* --- pipes --- */

static struct ate_bytes pipe_bytes(const struct pipe *p)
{
    return ate__bytes(p->buf.data ? p->buf.data + p->at : NULL, p->buf.size - p->at);
}

static size_t pipe_size(const struct pipe *p)
{
    return p->buf.size - p->at;
}

static void pipe_clear(struct pipe *p, size_t keep)
{
    p->at = 0;
    ate__buf_clear(&p->buf);
    if (p->buf.capacity > keep)
        ate__buf_deinit(&p->buf);
}

/* What was taken is moved out of the way when it is at least half of the buffer, so each byte is
 * moved about once. */
static void pipe_take(struct pipe *p, size_t size)
{
    p->at += size;
    ate__assert(p->at <= p->buf.size);
    if (p->at == p->buf.size) {
        pipe_clear(p, KEEP);
    } else if (p->at >= p->buf.size / 2) {
        ate__buf_drop_front(&p->buf, p->at);
        p->at = 0;
    }
}

/* --- the end --- */

static size_t pending(const struct ate__conn *c)
{
    return pipe_size(&c->queue) + pipe_size(&c->out);
}

/* Is there a way to tell the peer something? */
static bool can_say(const struct ate__conn *c)
{
    ate__assert(!c->frame_begun);
    if (c->mute)
        return false;
    return c->tls ? ate__tls_ready(c->tls) : c->wire == ATE__WIRE_CLEAR;
}

/* A small frame of this layer's own, outside the credit. What memory does not allow is not said. */
static int say(struct ate__conn *c, uint16_t type, void (*encode)(struct ate__wr *w, void *arg),
               void *arg)
{
    struct ate__wr w = ate__wr_of(&c->queue.buf);
    size_t mark = ate__net_frame_begin(&w, type, 0);
    encode(&w, arg);
    return ate__net_frame_end(&w, mark, ATE__NET_GREETING_FRAME_MAX);
}

static void encode_u64(struct ate__wr *w, void *arg)
{
    ate__wr_u64(w, *(const uint64_t *)arg);
}

static void encode_hello(struct ate__wr *w, void *arg)
{
    ate__hello_encode(w, arg);
}

static void encode_end(struct ate__wr *w, void *arg)
{
    const struct ate__conn *c = arg;
    ate__net_error_encode(w, c->result, c->text);
}

/* The owner may still look at the body of a frame, so `in` stays until next(). */
static void end(struct ate__conn *c, int result, const char *text, uint64_t now_ms)
{
    c->result = result;
    snprintf(c->text, sizeof c->text, "%s", text);
    c->state = ATE__CONN_CLOSING;
    c->closing_ms = now_ms;
    c->pong_due = c->drained = false;
}

static void closed(struct ate__conn *c)
{
    c->state = ATE__CONN_CLOSED;
    c->mute = true;
    pipe_clear(&c->queue, 0);
    pipe_clear(&c->out, 0);
}

/* The queue goes out before: a frame of it may be half sent. */
static void tell_end(struct ate__conn *c)
{
    if (can_say(c) && say(c, ATE__NET_ERROR, encode_end, c))
        c->mute = true; /* no memory for the reason: it ends without one */
}

/* The thread's sentence says what the peer did wrong, or what failed here; the peer is told. */
static void fail(struct ate__conn *c, int result, uint64_t now_ms)
{
    end(c, result, ate__error_text(), now_ms);
    tell_end(c);
}

/* The peer, or its transport, ended: nothing is to be told. */
static void fail_silently(struct ate__conn *c, int result, const char *text, uint64_t now_ms)
{
    end(c, result, text, now_ms);
    pipe_clear(&c->queue, 0);
    if (c->mute)
        closed(c);
}

void ate__conn_close(struct ate__conn *c, int result, const char *text, uint64_t now_ms)
{
    if (c->state >= ATE__CONN_CLOSING)
        return;
    end(c, result, text ? text : "closed by this side", now_ms);
    if (result != ATE_CANCELED || text)
        tell_end(c);
}

void ate__conn_drop(struct ate__conn *c, int result, const char *text, uint64_t now_ms)
{
    if (c->state == ATE__CONN_CLOSED)
        return;
    if (c->state < ATE__CONN_CLOSING)
        end(c, result, text, now_ms);
    closed(c);
}

size_t ate__conn_unsent(const struct ate__conn *c)
{
    return pending(c);
}

size_t ate__conn_held(const struct ate__conn *c)
{
    return c->state == ATE__CONN_OPEN && pipe_size(&c->in) ? c->in.buf.capacity : 0;
}

void ate__conn_hurry(struct ate__conn *c, uint32_t linger_ms)
{
    if (c->limits.linger_ms > linger_ms)
        c->limits.linger_ms = linger_ms;
}

/* --- life --- */

static int start(struct ate__conn *c, const struct ate__conn_conf *conf)
{
    if (c->server && c->wire == ATE__WIRE_TLS)
        return ate__tls_new_server(c->server_key, &c->tls);
    if (c->server)
        return 0;
    if (c->wire == ATE__WIRE_TLS && !conf->pin_count && conf->host)
        return ate__tls_new_client_named(conf->host, conf->authorities, &c->tls);
    if (c->wire == ATE__WIRE_TLS)
        return ate__tls_new_client(conf->pins, conf->pin_count, &c->tls);
    return say(c, ATE__NET_HELLO, encode_hello, &c->ours);
}

int ate__conn_new(const struct ate__conn_conf *conf, uint64_t now_ms, struct ate__conn **ret_conn)
{
    ate__cleanup(ate__conn_freep) struct ate__conn *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    ate__assert(conf->server || conf->wire != ATE__WIRE_EITHER);
    c->server = conf->server;
    c->wire = conf->wire;
    c->server_key = conf->server_key;
    c->ours = conf->hello;
    c->limits = ate__net_limits_of(&conf->limits);
    c->started_ms = c->heard_ms = c->said_ms = c->pinged_ms = now_ms;
    int rc = start(c, conf);
    if (rc)
        return rc;
    *ret_conn = ate__steal(&c);
    return 0;
}

void ate__conn_free(struct ate__conn *c)
{
    if (!c)
        return;
    ate__tls_free(c->tls);
    ate__buf_deinit(&c->in.buf);
    ate__buf_deinit(&c->queue.buf);
    ate__buf_deinit(&c->out.buf);
    ate__free(c);
}

/* --- who is not known yet --- */

static bool is_greeting(const struct ate__conn *c)
{
    return c->state == ATE__CONN_GREETING || (c->state == ATE__CONN_OPEN && c->confined);
}

static int check_greeting_bytes(const struct ate__conn *c)
{
    if (!is_greeting(c) || c->greeting_bytes <= c->limits.greeting_bytes)
        return 0;
    return ate__fail(ATE_TOO_BIG, "the other side sent more than %u bytes before %s",
                     c->limits.greeting_bytes, c->confined ? "it proved a key" : "HELLO");
}

void ate__conn_confine(struct ate__conn *c, bool confined)
{
    c->confined = confined;
}

/* --- bytes in --- */

static bool looks_like_tls(struct ate_bytes first)
{
    /* A record of TLS: type 20 to 23, version 3.1 or newer. As the length of a frame it would be
     * 64 KiB or more, which no first frame may be. */
    const uint8_t *b = first.data;
    return first.size >= DECISIVE && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2];
}

static int feed_tls(struct ate__conn *c, struct ate_bytes bytes)
{
    bool was_ready = ate__tls_ready(c->tls);
    int rc = ate__tls_feed(c->tls, bytes, &c->in.buf);
    if (rc) {
        c->mute = true; /* only the alert leaves */
        return rc;
    }
    if (ate__tls_closed(c->tls) && !c->end_result) {
        c->end_result = ATE_END;
        snprintf(c->end_text, sizeof c->end_text, "the other side closed the connection");
    }
    if (!was_ready && ate__tls_ready(c->tls) && !c->server)
        return say(c, ATE__NET_HELLO, encode_hello, &c->ours);
    return 0;
}

/* A server that takes both: the client's first bytes tell. */
static int feed_undecided(struct ate__conn *c, struct ate_bytes bytes)
{
    int rc = ate__buf_append(&c->in.buf, bytes);
    if (rc || c->in.buf.size < DECISIVE)
        return rc;
    if (!looks_like_tls(ate__buf_bytes(&c->in.buf))) {
        c->wire = ATE__WIRE_CLEAR;
        return 0;
    }
    c->wire = ATE__WIRE_TLS;
    ate__cleanup(ate__buf_deinit) struct ate__buf first = c->in.buf;
    c->in.buf = ATE__BUF_NULL;
    rc = ate__tls_new_server(c->server_key, &c->tls);
    return rc ? rc : feed_tls(c, ate__buf_bytes(&first));
}

void ate__conn_feed(struct ate__conn *c, struct ate_bytes bytes, uint64_t now_ms)
{
    if (c->state >= ATE__CONN_CLOSING || c->end_result || !bytes.size)
        return;
    c->heard_ms = now_ms;
    if (is_greeting(c))
        c->greeting_bytes += bytes.size;
    int rc = c->wire == ATE__WIRE_EITHER ? feed_undecided(c, bytes)
             : c->tls                    ? feed_tls(c, bytes)
                                         : ate__buf_append(&c->in.buf, bytes);
    if (rc)
        fail(c, rc, now_ms);
}

void ate__conn_eof(struct ate__conn *c, const char *error_text)
{
    c->mute = true;
    if (c->state >= ATE__CONN_CLOSING) {
        closed(c);
        return;
    }
    if (c->end_result)
        return; /* TLS said so before */
    c->end_result = ATE_OFFLINE;
    c->end_now = error_text != NULL;
    if (error_text)
        snprintf(c->end_text, sizeof c->end_text, "the connection was lost: %s", error_text);
    else if (c->state == ATE__CONN_GREETING)
        snprintf(c->end_text, sizeof c->end_text, "%s%s",
                 "the other side closed the connection before it said HELLO",
                 c->tls || c->server ? ""
                                     : "; does it allow clear text (conf.no_wire_encryption)?");
    else if (c->tls)
        snprintf(c->end_text, sizeof c->end_text,
                 "the connection was cut: it ended without TLS's end");
    else {
        c->end_result = ATE_END;
        snprintf(c->end_text, sizeof c->end_text, "the other side closed the connection");
    }
}

/* --- events --- */

static int bad_control(const struct ate__net_frame *frame)
{
    return ate__fail(ATE_BAD_PEER, "a frame of type %u on stream %u, %zu bytes: not as documented",
                     frame->type, frame->stream, frame->body.size);
}

/* The first frame of the other side. */
static int greet(struct ate__conn *c, const struct ate__net_frame *frame)
{
    if (frame->type != ATE__NET_HELLO || frame->stream)
        return ate__fail(ATE_BAD_PEER, "the first frame is of type %u, not HELLO", frame->type);
    int rc = ate__hello_decode(frame->body, &c->theirs);
    if (!rc)
        rc = ate__hello_agree(&c->ours, &c->theirs, &c->version, &c->features);
    if (!rc && c->server)
        rc = say(c, ATE__NET_HELLO, encode_hello, &c->ours);
    if (!rc)
        c->state = ATE__CONN_OPEN;
    return rc;
}

/* A frame of this layer once the connection is open. */
static int control(struct ate__conn *c, const struct ate__net_frame *frame)
{
    struct ate__rd r = ate__rd_of(frame->body);
    uint64_t value = ate__rd_u64(&r);
    if ((frame->type != ATE__NET_PING && frame->type != ATE__NET_PONG) || frame->stream ||
        !ate__rd_end(&r))
        return bad_control(frame);
    if (frame->type == ATE__NET_PING) {
        c->pong_due = true;
        c->pong_value = value;
    }
    return 0;
}

/* ERROR on stream 0: the peer's last frame. */
static void told_the_end(struct ate__conn *c, const struct ate__net_frame *frame, uint64_t now_ms)
{
    int result;
    char text[ATE__ERROR_SIZE];
    int rc = ate__net_error_decode(frame->body, &result, text);
    if (rc) {
        fail(c, rc, now_ms);
        return;
    }
    ate__fail(result, "%s", text);
    ate__context(result, "the other side ended the connection");
    fail_silently(c, result, ate__error_text(), now_ms);
}

/* The frame that starts at c->in.at was taken out; what does it mean? */
static enum ate__conn_event judge(struct ate__conn *c, const struct ate__net_frame *frame,
                                  uint64_t now_ms)
{
    int rc;
    if (frame->type == ATE__NET_ERROR && !frame->stream) {
        told_the_end(c, frame, now_ms);
        return ATE__CONN_ENDED;
    }
    if (c->state == ATE__CONN_GREETING) {
        rc = greet(c, frame);
        if (!rc)
            return ATE__CONN_OPENED;
    } else if (frame->type == ATE__NET_ERROR || frame->type >= ATE__NET_TYPE_FIRST) {
        return ATE__CONN_FRAME;
    } else {
        rc = control(c, frame);
    }
    if (rc)
        fail(c, rc, now_ms);
    return rc ? ATE__CONN_ENDED : ATE__CONN_NOTHING;
}

/* No whole frame is left. */
static enum ate__conn_event starved(struct ate__conn *c, uint64_t now_ms)
{
    if (c->in.at) {
        ate__buf_drop_front(&c->in.buf, c->in.at);
        c->in.at = 0;
        if (!c->in.buf.size)
            pipe_clear(&c->in, KEEP);
    }
    if (c->end_result) {
        if (c->end_result == ATE_END && c->in.buf.size) {
            c->end_result = ATE_OFFLINE;
            snprintf(c->end_text, sizeof c->end_text,
                     "the other side closed the connection inside a frame");
        }
        fail_silently(c, c->end_result, c->end_text, now_ms);
    } else {
        int rc = check_greeting_bytes(c);
        if (rc)
            fail(c, rc, now_ms);
    }
    return c->state >= ATE__CONN_CLOSING ? ATE__CONN_ENDED : ATE__CONN_NOTHING;
}

static int decode(struct ate__conn *c, struct ate__net_frame *ret_frame, size_t *ret_size)
{
    bool greeting = is_greeting(c);
    struct ate_bytes bytes = pipe_bytes(&c->in);
    if (c->state == ATE__CONN_GREETING && !c->tls && looks_like_tls(bytes))
        return ate__fail(ATE_BAD_PEER, "the other side speaks TLS, this side clear text; "
                                       "conf.no_wire_encryption has to be set on both");
    int rc = c->confined ? check_greeting_bytes(c) : 0;
    if (rc)
        return rc;
    return ate__net_frame_decode(bytes,
                                 greeting ? c->limits.greeting_frame_bytes : c->limits.frame_bytes,
                                 ret_frame, ret_size);
}

enum ate__conn_event ate__conn_next(struct ate__conn *c, uint64_t now_ms,
                                    struct ate__net_frame *ret_frame)
{
    while (c->state < ATE__CONN_CLOSING) {
        struct ate__net_frame frame;
        size_t size = 0;
        if (c->paused && c->state == ATE__CONN_OPEN) {
            if (!c->end_now)
                return ATE__CONN_NOTHING;
            fail_silently(c, c->end_result, c->end_text, now_ms);
            break;
        }
        if (c->wire == ATE__WIRE_EITHER)
            return starved(c, now_ms);
        int rc = decode(c, &frame, &size);
        if (rc) {
            fail(c, rc, now_ms);
            break;
        }
        if (!size)
            return starved(c, now_ms);
        c->in.at += size;
        enum ate__conn_event event = judge(c, &frame, now_ms);
        if (event == ATE__CONN_FRAME)
            *ret_frame = frame;
        if (event != ATE__CONN_NOTHING)
            return event;
    }
    pipe_clear(&c->in, 0);
    return ATE__CONN_ENDED;
}

void ate__conn_pause(struct ate__conn *c, bool paused, uint64_t now_ms)
{
    if (c->paused && !paused)
        c->heard_ms = now_ms; /* what was not read says nothing about the peer */
    c->paused = paused;
}

bool ate__conn_want_read(const struct ate__conn *c)
{
    if (c->state == ATE__CONN_OPEN)
        return !c->paused && !c->end_result;
    return c->state == ATE__CONN_GREETING && !c->end_result;
}

/* --- bytes out --- */

int ate__conn_begin(struct ate__conn *c, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
{
    ate__assert(!c->frame_begun);
    if (c->state != ATE__CONN_OPEN)
        return ate__fail(ATE_OFFLINE, "the connection is not open");
    if (pending(c) >= c->limits.credit_bytes) {
        c->choked = true;
        return ate__fail(ATE_BUSY, "%zu bytes wait to be sent; the limit is %u", pending(c),
                         c->limits.credit_bytes);
    }
    *ret_w = ate__wr_of(&c->queue.buf);
    c->frame_mark = ate__net_frame_begin(ret_w, type, stream);
    c->frame_begun = true;
    return 0;
}

int ate__conn_end(struct ate__conn *c, struct ate__wr *w)
{
    ate__assert(c->frame_begun);
    c->frame_begun = false;
    int rc = ate__net_frame_end(w, c->frame_mark, c->limits.frame_bytes);
    if (!rc && pending(c) >= c->limits.credit_bytes)
        c->choked = true;
    return rc;
}

size_t ate__conn_room(const struct ate__conn *c)
{
    return c->limits.credit_bytes - ate__min(pending(c), c->limits.credit_bytes);
}

bool ate__conn_take_drained(struct ate__conn *c)
{
    bool drained = c->drained;
    c->drained = false;
    return drained;
}

/* Fills the empty `out`: the next slice of the queue, or at the end TLS's own end. */
static int encrypt(struct ate__conn *c)
{
    struct ate_bytes plain = pipe_bytes(&c->queue);
    plain.size = ate__min(plain.size, SLICE);
    int rc = 0;
    if (c->mute) {
        pipe_clear(&c->queue, 0); /* an alert may be due */
    } else if (plain.size) {
        rc = ate__tls_write(c->tls, plain);
        pipe_take(&c->queue, plain.size);
    } else if (c->state == ATE__CONN_CLOSING && !c->fin_made) {
        c->fin_made = true;
        rc = ate__tls_close(c->tls);
    }
    return rc ? rc : ate__tls_pull(c->tls, &c->out.buf);
}

struct ate_bytes ate__conn_out(struct ate__conn *c)
{
    ate__assert(!c->frame_begun);
    if (c->pong_due && c->state == ATE__CONN_OPEN && pending(c) < c->limits.credit_bytes)
        c->pong_due = say(c, ATE__NET_PONG, encode_u64, &c->pong_value) != 0;
    if (c->state == ATE__CONN_CLOSED)
        return ate__bytes(NULL, 0);
    if (c->tls && !pipe_size(&c->out)) {
        int rc = encrypt(c);
        if (rc) { /* nothing that follows could be read by the peer */
            if (c->state < ATE__CONN_CLOSING)
                end(c, rc, ate__error_text(), c->said_ms);
            closed(c);
        }
    }
    if (c->mute && !c->tls)
        pipe_clear(&c->queue, 0);
    struct ate_bytes bytes = pipe_bytes(c->tls ? &c->out : &c->queue);
    if (!bytes.size && c->state == ATE__CONN_CLOSING)
        closed(c);
    return bytes;
}

void ate__conn_sent(struct ate__conn *c, size_t size, uint64_t now_ms)
{
    if (!size || c->state == ATE__CONN_CLOSED)
        return;
    c->said_ms = now_ms;
    pipe_take(c->tls ? &c->out : &c->queue, size);
    if (c->choked && pending(c) <= c->limits.credit_bytes / 2) {
        c->choked = false;
        c->drained = c->state == ATE__CONN_OPEN;
    }
}

/* --- time --- */

void ate__conn_alive(struct ate__conn *c, uint64_t now_ms)
{
    c->heard_ms = now_ms;
}

static uint64_t last_word_ms(const struct ate__conn *c)
{
    uint64_t quiet = c->heard_ms < c->said_ms ? c->heard_ms : c->said_ms;
    return quiet > c->pinged_ms ? quiet : c->pinged_ms;
}

uint64_t ate__conn_deadline(const struct ate__conn *c)
{
    uint64_t dead = c->heard_ms + c->limits.dead_ms, ping = last_word_ms(c) + c->limits.ping_ms;
    switch (c->state) {
    case ATE__CONN_GREETING: return c->started_ms + c->limits.greeting_ms;
    case ATE__CONN_OPEN:
        dead = ate__min(dead, ping);
        return c->confined ? ate__min(dead, c->started_ms + c->limits.greeting_ms) : dead;
    case ATE__CONN_CLOSING: return c->closing_ms + c->limits.linger_ms;
    default: return UINT64_MAX;
    }
}

static void tick_open(struct ate__conn *c, uint64_t now_ms)
{
    if (now_ms - c->heard_ms >= c->limits.dead_ms) {
        char text[96];
        snprintf(text, sizeof text, "the other side is dead: nothing came from it for %u ms",
                 c->limits.dead_ms);
        c->mute = true;
        fail_silently(c, ATE_OFFLINE, text, now_ms);
        return;
    }
    if (now_ms < last_word_ms(c) + c->limits.ping_ms)
        return;
    c->pinged_ms = now_ms;
    if (pipe_size(&c->in) == 0)
        pipe_clear(&c->in, 0); /* quiet connections hold no memory */
    if (pending(c))
        return; /* the peer will hear that */
    pipe_clear(&c->queue, 0);
    pipe_clear(&c->out, 0);
    c->ping_value++;
    if (say(c, ATE__NET_PING, encode_u64, &c->ping_value))
        pipe_clear(&c->queue, 0); /* no memory: the next one will do */
}

void ate__conn_tick(struct ate__conn *c, uint64_t now_ms)
{
    switch (c->state) {
    case ATE__CONN_GREETING:
        if (now_ms - c->started_ms >= c->limits.greeting_ms)
            fail(c,
                 ate__fail(ATE_TIMEOUT, "the other side did not say HELLO within %u ms",
                           c->limits.greeting_ms),
                 now_ms);
        break;
    case ATE__CONN_OPEN:
        if (c->confined && now_ms - c->started_ms >= c->limits.greeting_ms)
            fail(c,
                 ate__fail(ATE_TIMEOUT, "the other side proved no key within %u ms",
                           c->limits.greeting_ms),
                 now_ms);
        else
            tick_open(c, now_ms);
        break;
    case ATE__CONN_CLOSING:
        if (now_ms - c->closing_ms >= c->limits.linger_ms)
            closed(c);
        break;
    default: break;
    }
}

/* --- what it is --- */

enum ate__conn_state ate__conn_state(const struct ate__conn *c)
{
    return c->state;
}

int ate__conn_result(const struct ate__conn *c)
{
    return c->result;
}

const char *ate__conn_text(const struct ate__conn *c)
{
    return c->text;
}

uint16_t ate__conn_version(const struct ate__conn *c)
{
    return c->version;
}

uint64_t ate__conn_features(const struct ate__conn *c)
{
    return c->features;
}

struct ate_hash ate__conn_pin(const struct ate__conn *c)
{
    return c->tls ? ate__tls_peer_pin(c->tls) : (struct ate_hash){{0}};
}

bool ate__conn_encrypted(const struct ate__conn *c)
{
    return c->tls != NULL;
}

int ate__conn_channel(const struct ate__conn *c, struct ate_hash *ret_channel)
{
    if (c->tls)
        return ate__tls_channel(c->tls, ret_channel);
    *ret_channel = (struct ate_hash){{0}};
    return 0;
}
