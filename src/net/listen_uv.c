/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * listen_uv.c: accepting connections, within limits.
 *
 *  1. A greeting is a connection before HELLO is answered. Where greetings are at a limit, of one
 *     source or of all, the oldest gives way if it is past its grace; else the newcomer does. So
 *     silent clients cost others a second at most, and honest ones that all come at once do not
 *     throw each other out.
 *  2. When there is no descriptor for another connection, the newcomer is turned away at once: one
 *     descriptor is kept in reserve, given up to accept it, and taken again when it is closed. Else
 *     newcomers would wait in the system's queue, and learn nothing. That is told once, until
 *     accepting goes on.
 *  3. Where that does not help, and when there is no memory, accepting rests for a moment.
 *  4. What is kept of frames that are not whole has one limit for all. Where it is passed, who
 *     waits longest for the rest of a frame gives way: an honest frame is whole soon, and to hold
 *     much for long costs an attacker all of it again and again. One alone may pass it, so that
 *     no limit keeps a frame out.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/env.h"
#include "base/map.h"
#include "net/tcp_in_uv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPTS = 64, /* in one turn of the loop */
    REST_MS = 100
};

struct ate__acceptor {
    struct ate__loop *loop;
    const struct ate__acceptor_events *events;
    void *user;
    const struct ate__tls_server_key *key;
    struct ate__hello hello;
    struct ate__net_limits limits;
    bool clear;
    uint16_t port;

    /* of the loop's thread */
    struct ate__watch *watch; /* NULL: stopped */
    struct ate__loop_timer *rest;
    int reserve; /* a descriptor; -1: none */
    bool short_told; /* that descriptors are short; until accepting goes on */
    struct ate__tcp *first;
    struct ate__tcp *oldest, *newest; /* greetings */
    size_t greetings;
    struct ate__tcp *oldest_half, *newest_half; /* that hold half of a frame */
    size_t held; /* by these */
    struct ate__map sources; /* source address to its number of greetings */

    pthread_mutex_t mutex; /* guards count */
    pthread_cond_t empty;
    size_t count; /* connections */
};

/* --- greetings --- */

static void source_of(const struct sockaddr *address, uint8_t ret_source[16])
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    memset(ret_source, 0, 16);
    if (address->sa_family == AF_INET) {
        ret_source[10] = ret_source[11] = 0xff;
        memcpy(ret_source + 12, &v4->sin_addr, 4);
    } else { /* a /64 is one subscriber; an acceptor on :: has IPv4 ones, too, each its own */
        memcpy(ret_source, &v6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 16 : 8);
    }
}

static uint64_t source_count(const struct ate__acceptor *s, const uint8_t source[16])
{
    uint64_t count = 0;
    return ate__map_get(&s->sources, source, &count) ? count : 0;
}

static int greeting_add(struct ate__acceptor *s, struct ate__tcp *t)
{
    int rc = ate__map_put(&s->sources, t->source, source_count(s, t->source) + 1);
    if (rc)
        return rc;
    t->prev_greeting = s->newest;
    *(s->newest ? &s->newest->next_greeting : &s->oldest) = t;
    s->newest = t;
    s->greetings++;
    return 0;
}

static void on_greeted(struct ate__tcp *t)
{
    struct ate__acceptor *s = t->acceptor;
    uint64_t count = source_count(s, t->source);
    *(t->prev_greeting ? &t->prev_greeting->next_greeting : &s->oldest) = t->next_greeting;
    *(t->next_greeting ? &t->next_greeting->prev_greeting : &s->newest) = t->prev_greeting;
    s->greetings--;
    if (count > 1 && !ate__map_put(&s->sources, t->source, count - 1))
        return;
    ate__map_remove(&s->sources, t->source);
}

/* Makes room for one more greeting among all (source NULL) or those of the source. */
static bool make_room(struct ate__acceptor *s, const uint8_t *source)
{
    struct ate__tcp *t = s->oldest;
    while (t && source && memcmp(t->source, source, 16) != 0)
        t = t->next_greeting;
    if (!t || ate__loop_now_ms(s->loop) - t->since_ms < s->limits.grace_ms)
        return false;
    ate__tcp_give_up(t, ATE_BUSY,
                     "too many connections that have not said HELLO; the oldest gave way");
    return true;
}

/* --- halves of frames --- */

static void half_remove(struct ate__acceptor *s, struct ate__tcp *t)
{
    if (!t->held)
        return;
    *(t->prev_half ? &t->prev_half->next_half : &s->oldest_half) = t->next_half;
    *(t->next_half ? &t->next_half->prev_half : &s->newest_half) = t->prev_half;
    t->next_half = t->prev_half = NULL;
    s->held -= t->held;
    t->held = 0;
}

static void half_add(struct ate__acceptor *s, struct ate__tcp *t, size_t held)
{
    t->prev_half = s->newest_half;
    *(s->newest_half ? &s->newest_half->next_half : &s->oldest_half) = t;
    s->newest_half = t;
    t->held = held;
    s->held += held;
}

static void on_rests(struct ate__tcp *t, size_t held)
{
    struct ate__acceptor *s = t->acceptor;
    char text[160];
    if (!held || t->got_frame)
        half_remove(s, t);
    t->got_frame = false;
    if (held && !t->held)
        half_add(s, t, held);
    s->held += held - t->held;
    t->held = held;
    while (s->held > s->limits.unfinished_bytes && s->oldest_half != s->newest_half) {
        struct ate__tcp *gives_way = s->oldest_half;
        snprintf(text, sizeof text,
                 "%zu bytes are kept of frames that are not whole, of which this one waited "
                 "longest; the limit is %u (unfinished)",
                 s->held, s->limits.unfinished_bytes);
        half_remove(s, gives_way);
        ate__tcp_end(gives_way, ATE_BUSY, text);
    }
}

/* --- one connection --- */

static int on_opened(struct ate__tcp *t)
{
    struct ate__acceptor *s = t->acceptor;
    const struct ate__link_events *events = NULL;
    void *owner = NULL;
    int rc = s->events->accept(s->user, &t->link, &events, &owner);
    if (rc)
        return rc;
    t->link.owner = owner;
    t->link.events = events;
    return 0;
}

static void tell_refused(struct ate__acceptor *s, const char *peer, int result, const char *text)
{
    if (s->events->refused)
        s->events->refused(s->user, peer, result, text);
}

static void on_ended(struct ate__tcp *t, int result, const char *text)
{
    tell_refused(t->acceptor, t->peer, result, text);
}

static void on_gone(struct ate__tcp *t)
{
    struct ate__acceptor *s = t->acceptor;
    half_remove(s, t);
    *(t->prev ? &t->prev->next : &s->first) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    pthread_mutex_lock(&s->mutex);
    if (--s->count == 0)
        pthread_cond_signal(&s->empty);
    pthread_mutex_unlock(&s->mutex);
}

static const struct ate__tcp_hooks hooks = {on_opened, on_greeted, on_ended, on_rests, on_gone};

static void link_in(struct ate__acceptor *s, struct ate__tcp *t)
{
    t->acceptor = s;
    t->hooks = &hooks;
    t->since_ms = ate__loop_now_ms(s->loop);
    t->next = s->first;
    if (t->next)
        t->next->prev = t;
    s->first = t;
    pthread_mutex_lock(&s->mutex);
    s->count++;
    pthread_mutex_unlock(&s->mutex);
}

/* Takes the socket in any case. */
static int admit(struct ate__acceptor *s, int take_fd, const struct sockaddr *address)
{
    struct ate__watch *watch;
    struct ate__tcp *t;
    const struct ate__conn_conf conf = {
        .server = true,
        .wire = s->clear && ate__peer_is_loopback(address) ? ATE__WIRE_EITHER : ATE__WIRE_TLS,
        .server_key = s->key,
        .hello = s->hello,
        .limits = s->limits,
    };
    int rc = ate__watch_new(s->loop, take_fd, &watch);
    if (rc)
        return rc;
    rc = ate__tcp_new(s->loop, &s->limits, &t);
    if (rc) {
        ate__watch_free(watch);
        return rc;
    }
    link_in(s, t);
    ate__peer_text(address, t->peer);
    source_of(address, t->source);
    rc = greeting_add(s, t);
    if (rc) {
        t->greeted = true; /* it is in no list */
        ate__watch_free(watch);
    } else {
        rc = ate__tcp_run(t, watch, &conf);
    }
    if (rc)
        ate__tcp_give_up(t, rc, ate__error_text());
    return 0; /* its end was told */
}

static int check_limits(struct ate__acceptor *s, const struct sockaddr *address)
{
    uint8_t source[16];
    source_of(address, source);
    if (s->count >= s->limits.connections)
        return ate__fail(ATE_BUSY, "%u connections are open, which is the limit",
                         s->limits.connections);
    if (source_count(s, source) >= s->limits.greetings_source && !make_room(s, source))
        return ate__fail(ATE_BUSY,
                         "%u connections of this address have not said HELLO, which is "
                         "the limit",
                         s->limits.greetings_source);
    if (s->greetings >= s->limits.greetings && !make_room(s, NULL))
        return ate__fail(ATE_BUSY, "%u connections have not said HELLO, which is the limit",
                         s->limits.greetings);
    return 0;
}

static void welcome(struct ate__acceptor *s, int take_fd, const struct sockaddr *address)
{
    int rc = check_limits(s, address);
    if (rc)
        close(take_fd);
    else
        rc = admit(s, take_fd, address);
    if (rc) {
        char peer[ATE__PEER_TEXT], text[ATE__ERROR_SIZE];
        snprintf(text, sizeof text, "%s", ate__error_text());
        ate__peer_text(address, peer);
        tell_refused(s, peer, rc, text);
    }
}

/* --- accepting --- */

static void reserve(struct ate__acceptor *s)
{
    if (s->reserve < 0)
        s->reserve = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tell_short(struct ate__acceptor *s, int error)
{
    char text[160];
    if (s->short_told)
        return;
    s->short_told = true;
    snprintf(text, sizeof text, "newcomers are turned away, or wait, until there is room: %s",
             strerror(error));
    tell_refused(s, "?", ATE_E_SYSTEM, text);
}

static void rest(struct ate__acceptor *s, int error)
{
    tell_short(s, error);
    if (ate__watch_set(s->watch, 0) == 0)
        ate__loop_timer_start(s->rest, REST_MS);
}

static void on_rested(void *arg)
{
    struct ate__acceptor *s = arg;
    reserve(s);
    if (s->watch && ate__watch_set(s->watch, UV_READABLE))
        ate__loop_timer_start(s->rest, REST_MS);
}

static bool is_of_one_peer(int error)
{
    /* What went wrong on a connection that waited is reported by accept(): see accept(2). */
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == EHOSTDOWN || error == EHOSTUNREACH || error == ENETUNREACH || error == ENONET ||
           error == ENOPROTOOPT || error == EOPNOTSUPP || error == EPERM || error == ETIMEDOUT;
}

/* Turns away who is first in the system's queue. False: the descriptor that was given up for it
 * went to another thread of this process, or is of no use. */
static bool turn_away(struct ate__acceptor *s, int error)
{
    if ((error != EMFILE && error != ENFILE) || s->reserve < 0)
        return false;
    close(s->reserve);
    s->reserve = -1;
    int fd = accept4(s->watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool gone = fd >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || is_of_one_peer(errno);
    if (fd >= 0)
        close(fd);
    reserve(s);
    if (gone)
        tell_short(s, error);
    return gone;
}

static void on_ready(void *owner, int status, int events)
{
    struct ate__acceptor *s = owner;
    (void)events;
    if (status < 0) {
        rest(s, -status);
        return;
    }
    for (int i = 0; i < ACCEPTS && s->watch; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd =
            accept4(s->watch->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int error = errno;
        if (fd >= 0) {
            s->short_told = false;
            welcome(s, fd, (const struct sockaddr *)&address);
        } else if (error == EAGAIN || error == EWOULDBLOCK) {
            return;
        } else if (!is_of_one_peer(error) && !turn_away(s, error)) {
            rest(s, error);
            return;
        }
    }
}

/* --- life --- */

static int parse_host(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
                      socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (!strcmp(host, "localhost"))
        host = "127.0.0.1";
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(ret_address, &v4, sizeof v4);
        *ret_size = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(ret_address, &v6, sizeof v6);
        *ret_size = sizeof v6;
    } else {
        return ate__fail(ATE_MALFORMED, "address to listen on: neither localhost nor an IPv4 or "
                                        "IPv6 address");
    }
    return 0;
}

/* A bound socket that listens; *ret_port is the one it got. */
static int socket_listen(const struct ate__acceptor_conf *conf, int *ret_fd, uint16_t *ret_port)
{
    struct sockaddr_storage address;
    socklen_t size;
    int yes = 1, rc = parse_host(conf->host, conf->port, &address, &size);
    if (rc)
        return rc;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ate__fail_errno(errno, "cannot listen on %s", conf->host);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (const struct sockaddr *)&address, size) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        int error = errno;
        close(fd);
        if (error == EADDRINUSE)
            return ate__fail(ATE_IN_USE, "cannot listen on %s port %u: another program does",
                             conf->host, conf->port);
        return ate__fail_errno(error, "cannot listen on %s port %u", conf->host, conf->port);
    }
    *ret_port = ntohs(address.ss_family == AF_INET
                          ? ((const struct sockaddr_in *)(const void *)&address)->sin_port
                          : ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    *ret_fd = fd;
    return 0;
}

struct listen_call {
    struct ate__acceptor *s;
    int fd;
};

static int listen_here(void *arg)
{
    const struct listen_call *call = arg;
    struct ate__acceptor *s = call->s;
    int rc = ate__watch_new(s->loop, call->fd, &s->watch);
    if (rc)
        return rc;
    s->watch->ready = on_ready;
    s->watch->owner = s;
    rc = ate__loop_timer_new(s->loop, on_rested, s, &s->rest);
    if (!rc)
        rc = ate__watch_set(s->watch, UV_READABLE);
    return rc;
}

static int stop_here(void *arg)
{
    struct ate__acceptor *s = arg;
    ate__watch_free(s->watch);
    s->watch = NULL;
    ate__loop_timer_free(s->rest);
    s->rest = NULL;
    return 0;
}

static int close_here(void *arg)
{
    struct ate__acceptor *s = arg;
    for (struct ate__tcp *t = s->first; t; t = t->next) {
        ate__tcp_hurry(t, ATE__NET_STUCK_MS);
        ate__tcp_end(t, ATE_CANCELED, NULL);
    }
    return stop_here(s);
}

static void acceptor_free(struct ate__acceptor *s)
{
    struct ate__loop *l = s->loop;
    ate__map_deinit(&s->sources);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->empty);
    if (s->reserve >= 0)
        close(s->reserve);
    ate__free(s);
    ate__loop_unref(l);
}

int ate__acceptor_new(struct ate__loop *l, const struct ate__acceptor_conf *conf,
                      const struct ate__acceptor_events *events, void *user,
                      struct ate__acceptor **ret_acceptor)
{
    struct listen_call call = {0};
    if (conf->no_wire_encryption && !ate__addr_host_is_loopback(conf->host))
        return ate__fail(ATE_MISUSE, "clear text is for this machine only, not for %s", conf->host);
    struct ate__acceptor *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    uint64_t seed[2];
    ate__random(&ate__env_real, seed, sizeof seed);
    ate__map_init(&s->sources, sizeof((struct ate__tcp *)0)->source, seed);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->empty, NULL);
    s->loop = ate__loop_ref(l);
    s->events = events;
    s->user = user;
    s->key = conf->key;
    s->hello = conf->hello;
    s->limits = ate__net_limits_of(&conf->limits);
    s->clear = conf->no_wire_encryption;
    s->reserve = -1;
    reserve(s);
    call.s = s;
    int rc = socket_listen(conf, &call.fd, &s->port);
    if (!rc) {
        rc = ate__loop_call(l, listen_here, &call);
        if (rc) {
            char text[ATE__ERROR_SIZE];
            snprintf(text, sizeof text, "%s", ate__error_text());
            (void)!ate__loop_call(l, stop_here, s);
            ate__error_set(text);
        }
    }
    if (rc) {
        acceptor_free(s);
        return rc;
    }
    *ret_acceptor = s;
    return 0;
}

uint16_t ate__acceptor_port(const struct ate__acceptor *s)
{
    return s->port;
}

void ate__acceptor_stop(struct ate__acceptor *s)
{
    int rc = ate__loop_call(s->loop, stop_here, s);
    ate__assert(rc == 0);
}

void ate__acceptor_free(struct ate__acceptor *s)
{
    if (!s)
        return;
    ate__assert(!ate__loop_here(s->loop));
    int rc = ate__loop_call(s->loop, close_here, s);
    ate__assert(rc == 0);
    pthread_mutex_lock(&s->mutex);
    while (s->count)
        pthread_cond_wait(&s->empty, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    acceptor_free(s);
}
