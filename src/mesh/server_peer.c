/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_peer.c: one connection.
 *
 * Nobody's slowness costs anybody else more than a bounded queue: what a peer does not read stays
 * with it. Frames that answer it and find no room wait in `waiting`; while there are any, or too
 * many of its requests have no answer, it is not read. What it follows is read from the log again
 * when there is room.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "mesh/server_private.h"
#include <stdio.h>

/* --- life --- */

void ate__peer_unref(struct ate__peer *p)
{
    if (--p->refs)
        return;
    ate__assert(!p->link && !p->streams && !p->commits && !p->requests);
    ate__free(p);
}

static void drop_waiting(struct ate__peer *p)
{
    for (struct ate__frame_out *f; (f = p->waiting);) {
        p->waiting = f->next;
        ate__buf_deinit(&f->body);
        ate__free(f);
    }
    p->last_waiting = &p->waiting;
    p->waiting_bytes = 0;
}

void ate__peer_drop(struct ate__peer *p, int result, const char *text)
{
    drop_waiting(p);
    if (p->link)
        ate__link_drop(p->link, result, text);
}

void ate__peer_close(struct ate__peer *p, int result, const char *text)
{
    if (p->link)
        ate__link_close(p->link, result, text);
}

static void on_closed(void *owner, int result, const char *text)
{
    struct ate__peer *p = owner;
    struct ate__server *s = p->server;
    bool orderly = result == ATE_END || result == ATE_CANCELED || result == ATE_OFFLINE;
    const char *name = ate__result_name(result) + strlen("ATE_");
    if (orderly)
        ate__server_log(s, ATE__LOG_DEBUG, "connection %s closed: %s: %s", p->name, name, text);
    else
        ate__server_log_peer(s, ATE__LOG_INFO, "connection %s closed: %s: %s", p->name, name, text);
    p->link = NULL;
    drop_waiting(p);
    ate__unread_note(p);
    while (p->streams)
        ate__stream_end(p->streams);
    ate__answer_turn(p);
    *(p->prev ? &p->prev->next : &s->peers) = p->next;
    if (p->next)
        p->next->prev = p->prev;
    ate__peer_unref(p);
}

/* --- sending --- */

void ate__peer_judge(struct ate__peer *p)
{
    const struct ate__server_limits *limits = &p->server->conf.server_limits;
    bool paused = p->waiting || p->proving || p->commits >= limits->commits ||
                  p->commit_bytes >= limits->commit_bytes || p->requests >= limits->requests;
    if (!p->link || paused == p->paused)
        return;
    p->paused = paused;
    ate__link_pause(p->link, paused);
}

static int send_now(struct ate__peer *p, uint16_t type, uint32_t stream, struct ate_bytes body)
{
    return ate__link_send(p->link, type, stream, &body, 1);
}

static void fail_send(struct ate__peer *p, int rc)
{
    if (rc && rc != ATE_OFFLINE)
        ate__peer_close(p, rc, ate__error_text());
}

void ate__peer_send(struct ate__peer *p, uint16_t type, uint32_t stream, struct ate__buf *take_body)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf body = *take_body;
    *take_body = ATE__BUF_NULL;
    if (!p->link)
        return;
    int rc = p->waiting ? ATE_BUSY : send_now(p, type, stream, ate__buf_bytes(&body));
    if (rc == ATE_BUSY) {
        struct ate__frame_out *f = ate__alloc(sizeof *f);
        if (f) {
            *f = (struct ate__frame_out){NULL, type, stream, body};
            body = ATE__BUF_NULL;
            *p->last_waiting = f;
            p->last_waiting = &f->next;
            p->waiting_bytes += f->body.size;
            ate__peer_judge(p);
        }
        rc = f ? 0 : ate__no_memory();
    }
    fail_send(p, rc);
    ate__unread_note(p);
}

void ate__peer_send_error(struct ate__peer *p, uint32_t stream, int result, const char *text)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__net_error_encode(&w, result, text);
    if (ate__wr_end(&w)) {
        ate__buf_deinit(&body);
        ate__peer_close(p, ATE_E_MEMORY, ate__error_text());
        return;
    }
    ate__peer_send(p, ATE__NET_ERROR, stream, &body);
}

static void on_drained(void *owner)
{
    struct ate__peer *p = owner;
    int rc = 0;
    for (struct ate__frame_out *f; !rc && (f = p->waiting);) {
        rc = send_now(p, f->type, f->stream, ate__buf_bytes(&f->body));
        if (rc == ATE_BUSY)
            break;
        p->waiting = f->next;
        if (!p->waiting)
            p->last_waiting = &p->waiting;
        p->waiting_bytes -= f->body.size;
        ate__buf_deinit(&f->body);
        ate__free(f);
    }
    if (rc != ATE_BUSY)
        fail_send(p, rc);
    ate__unread_note(p);
    ate__peer_judge(p);
    ate__answer_turn(p);
    ate__follow_catch_up(p);
}

/* --- receiving --- */

static void handle_close(struct ate__stream *s, struct ate_bytes body)
{
    if (body.size)
        ate__stream_fail(s, ATE_MALFORMED, "CLOSE: bytes behind its end");
    else
        ate__stream_end(s);
}

struct handler {
    void (*begins)(struct ate__peer *p, uint32_t stream, struct ate_bytes body);
    void (*goes_on)(struct ate__stream *s, struct ate_bytes body);
};
static const struct handler handlers[] = {
    [ATE__MSG_OPEN] = {.begins = ate__stream_open},
    [ATE__MSG_CREATE] = {.begins = ate__stream_create},
    [ATE__MSG_SUBSCRIBE] = {.goes_on = ate__follow_subscribe},
    [ATE__MSG_COMMIT] = {.goes_on = ate__answer_commit},
    [ATE__MSG_OUTCOME] = {.goes_on = ate__answer_outcome},
    [ATE__MSG_GET] = {.goes_on = ate__answer_get},
    [ATE__MSG_PROVE] = {.goes_on = ate__answer_prove},
    [ATE__MSG_CHECKPOINT] = {.goes_on = ate__answer_checkpoint},
    [ATE__MSG_DESTROY] = {.goes_on = ate__destroy_asked},
    [ATE__MSG_NOTES] = {.goes_on = ate__notes_ask},
    [ATE__MSG_POSSESSION] = {.goes_on = ate__members_prove},
    [ATE__MSG_READERS] = {.goes_on = ate__members_seal},
    [ATE__MSG_KEY] = {.goes_on = ate__keys_prove},
    [ATE__MSG_CLOSE] = {.goes_on = handle_close},
};

static void go_on(struct ate__peer *p, const struct ate__net_frame *frame, const struct handler *h)
{
    char text[128];
    struct ate__stream *s = ate__stream_find(p, frame->stream);
    bool proves = frame->type == ATE__MSG_READERS || frame->type == ATE__MSG_POSSESSION;
    bool open_to_all = proves || frame->type == ATE__MSG_CLOSE;
    if (s && (s->opened || open_to_all)) {
        int rc = open_to_all ? 0 : ate__members_check(s);
        if (rc)
            ate__stream_fail(s, rc, ate__error_text());
        else
            h->goes_on(s, frame->body);
        return;
    }
    /* It may have crossed our ERROR, or the answer to an earlier CLOSE. */
    if (!s && frame->type == ATE__MSG_CLOSE)
        return;
    snprintf(text, sizeof text, "%s: stream %u is not open", ate__message_name(frame->type),
             frame->stream);
    if (s)
        ate__stream_fail(s, ATE_BAD_PEER, text);
    else
        ate__peer_send_error(p, frame->stream, ATE_BAD_PEER, text);
}

static void on_frame(void *owner, const struct ate__net_frame *frame)
{
    struct ate__peer *p = owner;
    static const struct handler none;
    const struct handler *h =
        frame->type < ATE__COUNT_OF(handlers) ? &handlers[frame->type] : &none;
    char text[128];
    if (!h->begins && !h->goes_on) {
        snprintf(text, sizeof text, "a frame of type %u, which no client sends", frame->type);
        ate__peer_close(p, ATE_BAD_PEER, text);
    } else if (!frame->stream) {
        snprintf(text, sizeof text, "%s on stream 0, which is the connection's",
                 ate__message_name(frame->type));
        ate__peer_close(p, ATE_BAD_PEER, text);
    } else if (p->server->stopping && h->begins) {
        ate__peer_send_error(p, frame->stream, ATE_OFFLINE, "the server is stopping");
    } else if (h->begins) {
        h->begins(p, frame->stream, frame->body);
    } else {
        go_on(p, frame, h);
    }
}

static const struct ate__link_events events = {
    .frame = on_frame,
    .drained = on_drained,
    .closed = on_closed,
};

int ate__server_accept(void *user, struct ate__link *link,
                       const struct ate__link_events **ret_events, void **ret_owner)
{
    struct ate__server *s = user;
    if (s->stopping)
        return ate__fail(ATE_OFFLINE, "the server is stopping");
    struct ate__peer *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    p->server = s;
    p->link = link;
    snprintf(p->name, sizeof p->name, "%s", link->peer);
    p->source = ate__source_of(p->name);
    p->refs = 1;
    p->last_waiting = &p->waiting;
    p->last_catching = &p->catching;
    p->last_asking = &p->asking;
    p->next = s->peers;
    if (p->next)
        p->next->prev = p;
    s->peers = p;
    if (s->conf.members_only)
        ate__link_confine(link, true);
    ate__server_log(s, ATE__LOG_DEBUG, "connection %s%s", p->name,
                    link->encrypted ? "" : ", not encrypted");
    *ret_events = &events;
    *ret_owner = p;
    return 0;
}

void ate__server_refused(void *user, const char *peer, int result, const char *text)
{
    ate__server_log_peer(user, result < 0 ? ATE__LOG_WARNING : ATE__LOG_DEBUG,
                         "connection %s refused: %s: %s", peer,
                         ate__result_name(result) + strlen("ATE_"), text);
}
