/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * tcp_uv.c: a connection over TCP at work.
 *
 * Whatever happens to a connection (its socket is ready, its timer fires, its owner did something)
 * ends in one turn(): take the events of conn, send what is due, judge what is left, wait again.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "net/tcp_in_uv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    ROUNDS = 3, /* of events and sending in one turn, before others have theirs */
    HURRY_MS = 500 /* to wait for the peer's end when the loop itself ends */
};

static const struct ate__link_ops link_ops;
static void link_close(struct ate__link *l, int result, const char *text);

/* --- watching a socket --- */

static void on_watch(uv_poll_t *poll, int status, int events)
{
    struct ate__watch *w = ATE__CONTAINER(poll, struct ate__watch, poll);
    if (status < 0)
        w->events = 0; /* libuv watches no longer */
    if (w->owner)
        w->ready(w->owner, status, events);
}

int ate__watch_new(struct ate__loop *l, int take_fd, struct ate__watch **ret_watch)
{
    struct ate__watch *w = ate__alloc(sizeof *w);
    int error = w ? uv_poll_init(ate__loop_uv(l), &w->poll, take_fd) : 0;
    if (!w || error) {
        ate__free(w);
        close(take_fd);
        return error ? ate__fail_errno(-error, "cannot watch a socket") : ate__no_memory();
    }
    w->fd = take_fd;
    *ret_watch = w;
    return 0;
}

int ate__watch_set(struct ate__watch *w, int events)
{
    if (w->events == events)
        return 0;
    w->events = 0;
    int error = events ? uv_poll_start(&w->poll, events, on_watch) : uv_poll_stop(&w->poll);
    if (error)
        return ate__fail_errno(-error, "cannot watch a socket");
    w->events = events;
    return 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    ate__free(ATE__CONTAINER(handle, struct ate__watch, poll));
}

void ate__watch_free(struct ate__watch *w)
{
    if (!w)
        return;
    w->owner = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
    close(w->fd); /* allowed right after uv_close() */
}

/* --- the end --- */

static void tcp_free(struct ate__tcp *t)
{
    if (t->hooks)
        t->hooks->gone(t);
    if (t->connecting)
        ate__connecting_free(t);
    ate__loop_turn_cancel(t->loop, &t->turn);
    ate__loop_leave(t->loop, &t->guest);
    ate__watch_free(t->watch);
    ate__loop_timer_free(t->timer);
    ate__conn_free(t->conn);
    ate__free(t);
}

static void greeted(struct ate__tcp *t)
{
    if (t->hooks && !t->greeted)
        t->hooks->greeted(t);
    t->greeted = true;
}

/* The one place where an end is told. */
static void tell(struct ate__tcp *t, int result, const char *text)
{
    if (t->told)
        return;
    t->told = true;
    t->ended_ms = ate__loop_now_ms(t->loop);
    greeted(t);
    if (t->link.events)
        t->link.events->closed(t->link.owner, result, text);
    else if (t->hooks)
        t->hooks->ended(t, result, text);
}

void ate__tcp_give_up(struct ate__tcp *t, int result, const char *text)
{
    ate__assert(!t->in_turn);
    t->in_turn = true; /* the owner may call close() once more */
    tell(t, result, text);
    tcp_free(t);
}

/* All is sent: says so to the peer, and waits for its end. To close at once, with bytes of the peer
 * unread, would make the system throw away what the peer has not read yet. */
static void linger(struct ate__tcp *t)
{
    if (t->lingering)
        return;
    t->lingering = true;
    if (shutdown(t->watch->fd, SHUT_WR))
        t->lost = true;
}

/* --- bytes --- */

static const char *socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
        error = errno;
    return strerror(error ? error : ECONNRESET);
}

static void lose(struct ate__tcp *t, const char *error_text)
{
    if (t->lost)
        return;
    t->lost = true;
    ate__conn_eof(t->conn, error_text);
}

static void read_in(struct ate__tcp *t)
{
    uint8_t *scratch = ate__loop_scratch(t->loop);
    ssize_t size;
    do
        size = recv(t->watch->fd, scratch, ATE__LOOP_SCRATCH, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        ate__conn_feed(t->conn, ate__bytes(scratch, (size_t)size), ate__loop_now_ms(t->loop));
    else if (size == 0)
        lose(t, NULL);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        lose(t, strerror(errno));
}

static void block(struct ate__tcp *t)
{
    t->blocked = true;
    t->blocked_ms = ate__loop_now_ms(t->loop);
}

static void write_out(struct ate__tcp *t)
{
    while (!t->lost && !t->blocked) {
        struct ate_bytes out = ate__conn_out(t->conn);
        if (!out.size)
            return;
        ssize_t size = send(t->watch->fd, out.data, out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size >= 0)
            ate__conn_sent(t->conn, (size_t)size, ate__loop_now_ms(t->loop));
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            block(t);
        else if (errno != EINTR)
            lose(t, strerror(errno));
    }
}

/* --- a turn --- */

static void on_opened(struct ate__tcp *t)
{
    t->link.version = ate__conn_version(t->conn);
    t->link.features = ate__conn_features(t->conn);
    t->link.encrypted = ate__conn_encrypted(t->conn);
    if (!t->hooks)
        t->link.pin = ate__conn_pin(t->conn);
    greeted(t);
    int rc = ate__conn_channel(t->conn, &t->link.channel);
    if (!rc && !t->hooks) {
        t->link.events->opened(t->link.owner);
        return;
    }
    if (!rc)
        rc = t->hooks->opened(t);
    if (rc)
        ate__conn_close(t->conn, rc, ate__error_text(), ate__loop_now_ms(t->loop));
}

static void take_events(struct ate__tcp *t)
{
    while (!t->told) {
        struct ate__net_frame frame;
        switch (ate__conn_next(t->conn, ate__loop_now_ms(t->loop), &frame)) {
        case ATE__CONN_NOTHING: return;
        case ATE__CONN_OPENED: on_opened(t); break;
        case ATE__CONN_FRAME:
            t->got_frame = true;
            t->link.events->frame(t->link.owner, &frame);
            break;
        case ATE__CONN_ENDED: tell(t, ate__conn_result(t->conn), ate__conn_text(t->conn)); return;
        }
    }
}

/* True if the owner was told that there is room again, and so may have sent more. */
static bool take_drained(struct ate__tcp *t)
{
    if (t->told || !ate__conn_take_drained(t->conn))
        return false;
    if (t->link.events && t->link.events->drained)
        t->link.events->drained(t->link.owner);
    return true;
}

static int wanted_events(const struct ate__tcp *t)
{
    if (t->lost)
        return 0;
    bool read = t->lingering || ate__conn_want_read(t->conn);
    return (read ? UV_READABLE : 0) | (t->blocked || t->again ? UV_WRITABLE : 0);
}

/* Waits for what comes next. False: nothing will. */
static bool wait_again(struct ate__tcp *t)
{
    if (ate__conn_state(t->conn) == ATE__CONN_CLOSED) {
        if (!t->lost)
            linger(t);
        if (t->lost)
            return false;
        ate__tcp_timer(t, t->ended_ms + t->limits.linger_ms);
    } else {
        ate__tcp_timer(t, ate__conn_deadline(t->conn));
    }
    int rc = ate__watch_set(t->watch, wanted_events(t));
    if (rc)
        tell(t, rc, ate__error_text());
    return rc == 0;
}

static void turn(struct ate__tcp *t)
{
    t->in_turn = true;
    t->again = true;
    for (int i = 0; i < ROUNDS && t->again; i++) {
        bool lost = t->lost;
        take_events(t);
        write_out(t);
        t->again = take_drained(t) || lost != t->lost;
    }
    if (t->lost || ate__conn_state(t->conn) >= ATE__CONN_CLOSING)
        take_events(t); /* what sending brought about */
    if (t->hooks)
        t->hooks->rests(t, ate__conn_held(t->conn));
    if (wait_again(t))
        t->in_turn = false;
    else
        tcp_free(t);
}

static void on_turn(struct ate__loop_turn *link)
{
    struct ate__tcp *t = ATE__CONTAINER(link, struct ate__tcp, turn);
    if (t->conn)
        turn(t);
    else
        ate__connecting_turn(t);
}

static void on_ready(void *owner, int status, int events)
{
    struct ate__tcp *t = owner;
    if (status < 0 || (events & UV_WRITABLE)) {
        if (t->blocked)
            ate__conn_alive(t->conn, ate__loop_now_ms(t->loop));
        t->blocked = false;
    }
    if (status < 0 && !ate__conn_want_read(t->conn))
        lose(t, socket_error(t->watch->fd));
    else if (status < 0 || (events & UV_READABLE))
        read_in(t);
    turn(t);
}

static void on_timer(void *arg)
{
    struct ate__tcp *t = arg;
    int unread = 0;
    t->timer_ms = UINT64_MAX;
    if (!t->conn) {
        ate__connecting_timer(t);
        return;
    }
    uint64_t now = ate__loop_now_ms(t->loop);
    if (t->lingering && now >= t->ended_ms + t->limits.linger_ms)
        t->lost = true;
    else if (t->paused && !ioctl(t->watch->fd, FIONREAD, &unread) && unread > 0)
        ate__conn_alive(t->conn, now); /* it sent what is not read */
    ate__conn_tick(t->conn, now);
    turn(t);
}

/* The last reference to the loop is gone, so somebody may be waiting. */
static void on_hurry(struct ate__loop_guest *guest)
{
    struct ate__tcp *t = ATE__CONTAINER(guest, struct ate__tcp, guest);
    ate__tcp_hurry(t, HURRY_MS);
    link_close(&t->link, ATE_CANCELED, NULL);
    ate__loop_turn_soon(t->loop, &t->turn);
}

/* --- life --- */

void ate__tcp_hurry(struct ate__tcp *t, uint32_t linger_ms)
{
    if (t->limits.linger_ms > linger_ms)
        t->limits.linger_ms = linger_ms;
    if (t->conn)
        ate__conn_hurry(t->conn, linger_ms);
    ate__loop_turn_soon(t->loop, &t->turn); /* which sets the timer */
}

void ate__tcp_timer(struct ate__tcp *t, uint64_t at_ms)
{
    /* A deadline that moves away is looked at again when the old one comes: bytes cost no timer. */
    if (at_ms >= t->timer_ms)
        return;
    uint64_t now = ate__loop_now_ms(t->loop);
    t->timer_ms = at_ms;
    ate__loop_timer_start(t->timer, at_ms > now ? at_ms - now : 0);
}

int ate__tcp_new(struct ate__loop *l, const struct ate__net_limits *limits,
                 struct ate__tcp **ret_tcp)
{
    struct ate__tcp *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    int rc = ate__loop_timer_new(l, on_timer, t, &t->timer);
    if (rc) {
        ate__free(t);
        return rc;
    }
    t->link = (struct ate__link){.ops = &link_ops, .peer = t->peer};
    t->loop = l;
    t->limits = ate__net_limits_of(limits);
    t->timer_ms = UINT64_MAX;
    t->guest.hurry = on_hurry;
    t->turn.run = on_turn;
    ate__loop_enter(l, &t->guest);
    *ret_tcp = t;
    return 0;
}

int ate__tcp_run(struct ate__tcp *t, struct ate__watch *take_watch,
                 const struct ate__conn_conf *conf)
{
    int yes = 1;
    setsockopt(take_watch->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    int rc = ate__conn_new(conf, ate__loop_now_ms(t->loop), &t->conn);
    if (rc) {
        ate__watch_free(take_watch);
        return rc;
    }
    t->watch = take_watch;
    t->watch->ready = on_ready;
    t->watch->owner = t;
    if (t->paused)
        ate__conn_pause(t->conn, true, ate__loop_now_ms(t->loop));
    ate__loop_turn_soon(t->loop, &t->turn);
    return 0;
}

void ate__tcp_end(struct ate__tcp *t, int result, const char *text)
{
    if (t->conn)
        ate__conn_close(t->conn, result, text, ate__loop_now_ms(t->loop));
    ate__loop_turn_soon(t->loop, &t->turn);
}

/* --- the link --- */

static struct ate__tcp *tcp_of(const struct ate__link *l)
{
    return ATE__CONTAINER(l, struct ate__tcp, link);
}

static void soon(struct ate__tcp *t)
{
    ate__assert(ate__loop_here(t->loop));
    if (!t->in_turn)
        ate__loop_turn_soon(t->loop, &t->turn);
}

static int link_begin(struct ate__link *l, uint16_t type, uint32_t stream, struct ate__wr *ret_w)
{
    struct ate__tcp *t = tcp_of(l);
    if (!t->conn)
        return ate__fail(ATE_OFFLINE, "the connection is not open");
    return ate__conn_begin(t->conn, type, stream, ret_w);
}

static int link_end(struct ate__link *l, struct ate__wr *w)
{
    struct ate__tcp *t = tcp_of(l);
    int rc = ate__conn_end(t->conn, w);
    soon(t);
    return rc;
}

static size_t link_room(const struct ate__link *l)
{
    const struct ate__tcp *t = tcp_of(l);
    return t->conn ? ate__conn_room(t->conn) : 0;
}

static void link_pause(struct ate__link *l, bool paused)
{
    struct ate__tcp *t = tcp_of(l);
    t->paused = paused;
    if (!t->conn)
        return;
    ate__conn_pause(t->conn, paused, ate__loop_now_ms(t->loop));
    soon(t);
}

static void link_close(struct ate__link *l, int result, const char *text)
{
    struct ate__tcp *t = tcp_of(l);
    if (t->told)
        return;
    if (t->conn)
        ate__conn_close(t->conn, result, text, ate__loop_now_ms(t->loop));
    else
        ate__connecting_close(t, result, text);
    soon(t);
}

static size_t link_unsent(const struct ate__link *l, uint64_t *ret_stuck_ms)
{
    const struct ate__tcp *t = tcp_of(l);
    *ret_stuck_ms = t->blocked ? ate__loop_now_ms(t->loop) - t->blocked_ms : 0;
    return t->conn ? ate__conn_unsent(t->conn) : 0;
}

static void link_drop(struct ate__link *l, int result, const char *text)
{
    struct ate__tcp *t = tcp_of(l);
    if (!t->conn) {
        link_close(l, result, text);
        return;
    }
    ate__conn_drop(t->conn, result, text, ate__loop_now_ms(t->loop));
    t->lost = true; /* nor does it linger */
    soon(t);
}

static void link_confine(struct ate__link *l, bool confined)
{
    struct ate__tcp *t = tcp_of(l);
    if (t->conn)
        ate__conn_confine(t->conn, confined);
    soon(t); /* which sets the timer */
}

static const struct ate__link_ops link_ops = {
    .begin = link_begin,
    .end = link_end,
    .room = link_room,
    .pause = link_pause,
    .close = link_close,
    .unsent = link_unsent,
    .drop = link_drop,
    .confine = link_confine,
};

/* --- addresses --- */

void ate__peer_text(const struct sockaddr *address, char ret_text[ATE__PEER_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(ret_text, ATE__PEER_TEXT, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(ret_text, ATE__PEER_TEXT, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}

bool ate__peer_is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (address->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
