/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * peer.c: owners of links and acceptors for tests over real sockets.
 */
#include "unit/net/peer.h"
#include "base/endian.h"
#include "unit/net/pair.h"
#include <stdlib.h>
#include <time.h>

/* --- events of a link --- */

static void on_opened(void *owner)
{
    struct peer *p = owner;
    pthread_mutex_lock(&p->mutex);
    p->opened++;
    p->events++;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
    if (p->pause_at_open)
        ate__link_pause(p->link, true);
}

static void on_frame(void *owner, const struct ate__net_frame *frame)
{
    struct peer *p = owner;
    if (p->ordered && (frame->body.size < 8 || ate__load64(frame->body.data) != p->next++))
        abort();
    if (p->echo && ate__link_send(p->link, frame->type, frame->stream, &frame->body, 1))
        abort();
    if (p->echo && !ate__link_room(p->link))
        ate__link_pause(p->link, true);
    pthread_mutex_lock(&p->mutex);
    p->frames++;
    p->bytes += frame->body.size;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
}

static void on_drained(void *owner)
{
    struct peer *p = owner;
    if (p->echo)
        ate__link_pause(p->link, false);
    pthread_mutex_lock(&p->mutex);
    p->drained++;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
}

static void note(struct peer *p, size_t *count, int result, const char *text)
{
    pthread_mutex_lock(&p->mutex);
    ++*count;
    p->events++;
    p->result = result;
    snprintf(p->text, sizeof p->text, "%s", text);
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->mutex);
}

static void on_closed(void *owner, int result, const char *text)
{
    struct peer *p = owner, *server = p->server;
    p->link = NULL;
    note(p, &p->closed, result, text);
    if (!server)
        return;
    pthread_mutex_lock(&server->mutex);
    server->open_count--;
    pthread_mutex_unlock(&server->mutex);
    note(server, &server->closed, result, text);
}

static const struct ate__link_events events = {on_opened, on_frame, on_drained, on_closed};

/* --- waiting --- */

void peer_wait(struct peer *p, const size_t *count, size_t least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int error = 0;
    pthread_mutex_lock(&p->mutex);
    while (*count < least && !error)
        error = pthread_cond_timedwait(&p->cond, &p->mutex, &until);
    size_t reached = *count;
    pthread_mutex_unlock(&p->mutex);
    if (error)
        fail_msg("waited in vain: %zu of %zu; last end %d %s", reached, least, p->result, p->text);
}

size_t peer_get(struct peer *p, const size_t *count)
{
    pthread_mutex_lock(&p->mutex);
    size_t reached = *count;
    pthread_mutex_unlock(&p->mutex);
    return reached;
}

int peer_result(struct peer *p)
{
    pthread_mutex_lock(&p->mutex);
    int result = p->result;
    pthread_mutex_unlock(&p->mutex);
    return result;
}

void peer_do(struct peer *p, int (*call)(void *arg), void *arg)
{
    assert_int_equal(ate__loop_call(p->loop, call, arg), 0);
}

/* --- life --- */

void peer_init(struct peer *p)
{
    *p = (struct peer){0};
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->cond, NULL);
}

void peer_end(struct peer *p)
{
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->cond);
}

/* --- servers --- */

struct ate_hash peer_pin(void)
{
    return pair_pin();
}

struct ate__acceptor_conf peer_acceptor_conf(void)
{
    return (struct ate__acceptor_conf){
        .host = "127.0.0.1", .key = pair_key(), .hello = ate__hello_ours()};
}

static int on_accept(void *user, struct ate__link *link, const struct ate__link_events **ret_events,
                     void **ret_owner)
{
    struct peer *server = user;
    if (server->refuse)
        return ate__fail(server->refuse, "turned away by the test");
    struct peer *p = malloc(sizeof *p);
    peer_init(p);
    p->loop = server->loop;
    p->link = link;
    p->server = server;
    p->echo = server->echo;
    p->opened = 1;
    *ret_events = &events;
    *ret_owner = p;
    pthread_mutex_lock(&server->mutex);
    server->accepted =
        realloc(server->accepted, (server->accepted_count + 1) * sizeof *server->accepted);
    server->accepted[server->accepted_count++] = p;
    server->open_count++;
    pthread_cond_broadcast(&server->cond);
    pthread_mutex_unlock(&server->mutex);
    if (server->pause_at_open)
        ate__link_pause(link, true);
    return 0;
}

static void on_refused(void *user, const char *peer, int result, const char *text)
{
    struct peer *server = user;
    if (!peer[0])
        abort();
    note(server, &server->refused, result, text);
}

static const struct ate__acceptor_events acceptor_events = {on_accept, on_refused};

int peer_try_serve(struct peer *p, struct ate__loop *l, const struct ate__acceptor_conf *conf)
{
    p->loop = l;
    return ate__acceptor_new(l, conf, &acceptor_events, p, &p->acceptor);
}

void peer_serve(struct peer *p, struct ate__loop *l, const struct ate__acceptor_conf *conf)
{
    if (peer_try_serve(p, l, conf))
        fail_msg("%s", ate__error_text());
}

void peer_serve_end(struct peer *p)
{
    ate__acceptor_free(p->acceptor);
    assert_int_equal(p->open_count, 0);
    for (size_t i = 0; i < p->accepted_count; i++) {
        assert_int_equal(p->accepted[i]->closed, 1);
        peer_end(p->accepted[i]);
        free(p->accepted[i]);
    }
    free(p->accepted);
    peer_end(p);
}

/* --- clients --- */

struct ate__addr peer_addr(const struct peer *server)
{
    struct ate__addr addr = {.host = "127.0.0.1", .path = "/", .pin_count = 1};
    addr.port = ate__acceptor_port(server->acceptor);
    addr.pins[0] = peer_pin();
    return addr;
}

int peer_connect(struct peer *p, struct ate__loop *l, const struct ate__addr *addr,
                 const struct ate__tcp_conf *conf)
{
    struct ate__tcp_conf usual = {.hello = ate__hello_ours()};
    p->loop = l;
    return ate__tcp_connect(l, addr, conf ? conf : &usual, &events, p, &p->link);
}

struct order {
    struct peer *p;
    size_t count, size;
    int result;
    const char *text;
    bool paused;
};

static int send_here(void *arg)
{
    struct order *o = arg;
    uint8_t *body = calloc(1, o->size);
    int rc = o->p->link ? 0 : ATE_OFFLINE;
    for (size_t i = 0; !rc && i < o->count; i++) {
        ate__store64(body, i);
        struct ate_bytes parts[2] = {ate__bytes(body, 8), ate__bytes(body + 8, o->size - 8)};
        rc = ate__link_send(o->p->link, 16, 1, parts, 2);
        if (!rc)
            o->result++;
    }
    free(body);
    return rc == ATE_BUSY ? 0 : rc;
}

int peer_send(struct peer *p, size_t count, size_t size)
{
    struct order o = {.p = p, .count = count, .size = size};
    return ate__loop_call(p->loop, send_here, &o) ? -1 : o.result;
}

static int close_here(void *arg)
{
    struct order *o = arg;
    if (o->p->link)
        ate__link_close(o->p->link, o->result, o->text);
    return 0;
}

void peer_close(struct peer *p, int result, const char *text)
{
    struct order o = {.p = p, .result = result, .text = text};
    peer_do(p, close_here, &o);
}

static int pause_here(void *arg)
{
    struct order *o = arg;
    if (o->p->link)
        ate__link_pause(o->p->link, o->paused);
    return 0;
}

void peer_pause(struct peer *p, bool paused)
{
    struct order o = {.p = p, .paused = paused};
    peer_do(p, pause_here, &o);
}
