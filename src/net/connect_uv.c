/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * connect_uv.c: from an address to a TCP connection.
 *
 * First it is found out by what the server is known, where the address does not say it; what that
 * was is settled before anything is sent to the server. The addresses of hosts come from the
 * system, or from the name servers that the caller names, unchecked: who forges such an answer
 * leads to a server that is not the right one, and that is found out by its key.
 *
 * The addresses of the host are tried one after the other, each with its share of the time that is
 * left. Every end comes through finish(), and the owner hears of it in the connection's next turn.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"
#include "net/identify.h"
#include "net/tcp_in_uv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum {
    ADDRESSES_MAX = 16, /* of one name; the others are not tried */
    SHARE_MS_MIN = 250 /* for one address */
};

/* A question to the resolver; outlives who asked until libuv gives it back. */
struct lookup {
    uv_getaddrinfo_t request;
    struct ate__tcp *asker; /* NULL: it went away */
};

struct ate__connecting {
    struct ate__addr addr;
    struct ate__hello hello;
    bool clear;
    const struct ate__lookup *where; /* NULL: nothing is looked up but what the system knows */
    struct ate__identify *identify;
    struct ate__dns *dns; /* being asked for addresses */
    bool by_name; /* the server is known by DNS or by an authority */
    bool asked_v6;
    struct lookup *lookup;
    struct ate__watch *watch; /* of the address being tried */
    struct sockaddr_storage address[ADDRESSES_MAX];
    size_t address_count, at; /* `at`: the next to be tried */
    uint64_t deadline_ms, share_ms; /* of all, of this one */
    int failed_result; /* of the last address tried */
    char failed_text[256];
    int result; /* finish() was called */
    char text[ATE__ERROR_SIZE];
};

static void finish(struct ate__tcp *t, int result, const char *text)
{
    struct ate__connecting *c = t->connecting;
    if (c->result)
        return;
    c->result = result;
    snprintf(c->text, sizeof c->text, "%s", text);
    ate__watch_free(c->watch);
    c->watch = NULL;
    ate__identify_free(ate__steal(&c->identify));
    ate__dns_free(ate__steal(&c->dns));
    ate__loop_turn_soon(t->loop, &t->turn);
}

static void finish_failed(struct ate__tcp *t, int result, const char *reason)
{
    struct ate__connecting *c = t->connecting;
    finish(
        t,
        ate__fail(result, "cannot connect to %s port %u: %s", c->addr.host, c->addr.port, reason),
        ate__error_text());
}

/* --- one address after the other --- */

static void connected(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    const struct ate__conn_conf conf = {
        .wire = c->clear ? ATE__WIRE_CLEAR : ATE__WIRE_TLS,
        .pins = c->addr.pins,
        .pin_count = c->addr.pin_count,
        .host = c->by_name ? c->addr.host : NULL,
        .authorities = c->by_name ? c->where->authorities : NULL,
        .hello = c->hello,
        .limits = t->limits,
    };
    struct ate__watch *watch = c->watch;
    c->watch = NULL;
    int rc = ate__tcp_run(t, watch, &conf);
    if (rc)
        finish(t, rc, ate__error_text());
    else
        ate__connecting_free(t);
}

static void failed(struct ate__connecting *c, int result, const char *text)
{
    c->failed_result = result;
    snprintf(c->failed_text, sizeof c->failed_text, "%s", text);
    ate__watch_free(c->watch);
    c->watch = NULL;
}

static void try_next(struct ate__tcp *t);

static void on_ready(void *owner, int status, int events)
{
    struct ate__tcp *t = owner;
    struct ate__connecting *c = t->connecting;
    int error = 0;
    socklen_t size = sizeof error;
    (void)events;
    if (getsockopt(c->watch->fd, SOL_SOCKET, SO_ERROR, &error, &size))
        error = errno;
    if (!error && status < 0)
        error = ECONNRESET;
    if (error) {
        failed(c, ATE_OFFLINE, strerror(error));
        try_next(t);
    } else {
        connected(t);
    }
}

/* Begins to connect to the one at `at`. Its failure is kept in failed_result. */
static int begin(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    const struct sockaddr *address = (const void *)&c->address[c->at++];
    socklen_t size =
        address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    ate__peer_text(address, t->peer);
    if (c->clear && !ate__peer_is_loopback(address))
        return ate__fail(ATE_MISUSE, "clear text is for this machine only, not for %s", t->peer);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ate__fail_errno(errno, "no socket");
    int rc = ate__watch_new(t->loop, fd, &c->watch);
    if (rc)
        return rc;
    c->watch->ready = on_ready;
    c->watch->owner = t;
    if (connect(fd, address, size) && errno != EINPROGRESS)
        return ate__fail(ATE_OFFLINE, "%s", strerror(errno));
    return ate__watch_set(c->watch, UV_WRITABLE);
}

static void try_next(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    while (c->at < c->address_count) {
        uint64_t now = ate__loop_now_ms(t->loop);
        uint64_t left = c->deadline_ms > now ? c->deadline_ms - now : 0;
        uint64_t share = left / (c->address_count - c->at);
        int rc = begin(t);
        if (!rc) {
            c->share_ms = now + (share > SHARE_MS_MIN ? share : SHARE_MS_MIN);
            ate__tcp_timer(t, c->share_ms < c->deadline_ms ? c->share_ms : c->deadline_ms);
            return;
        }
        failed(c, rc, ate__error_text());
    }
    finish_failed(t, c->failed_result, c->failed_text);
}

void ate__connecting_timer(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    uint64_t now = ate__loop_now_ms(t->loop);
    char text[64];
    if (c->result)
        return;
    if (now >= c->deadline_ms) {
        snprintf(text, sizeof text, "no answer%s within %u ms",
                 c->identify || c->dns ? " from DNS" : "", t->limits.connect_ms);
        finish_failed(t, ATE_OFFLINE, text);
    } else if (c->watch && now >= c->share_ms) {
        failed(c, ATE_OFFLINE, "no answer");
        try_next(t);
    } else {
        ate__tcp_timer(t, c->deadline_ms);
    }
}

/* --- the host's addresses --- */

static void add_address(struct ate__connecting *c, const struct sockaddr *address)
{
    struct sockaddr_storage *to = &c->address[c->address_count];
    uint16_t port = htons(c->addr.port);
    if (c->address_count == ADDRESSES_MAX)
        return;
    if (address->sa_family == AF_INET) {
        memcpy(to, address, sizeof(struct sockaddr_in));
        ((struct sockaddr_in *)to)->sin_port = port;
    } else if (address->sa_family == AF_INET6) {
        memcpy(to, address, sizeof(struct sockaddr_in6));
        ((struct sockaddr_in6 *)to)->sin6_port = port;
    } else {
        return;
    }
    c->address_count++;
}

/* Literals, and the one name that means this machine whatever the resolver says. */
static bool add_known(struct ate__connecting *c, const char *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (!strcmp(host, "localhost"))
        return add_known(c, "127.0.0.1") && add_known(c, "::1");
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        add_address(c, (const struct sockaddr *)&v4);
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        add_address(c, (const struct sockaddr *)&v6);
    return c->address_count > 0;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lookup *lookup = ATE__CONTAINER(request, struct lookup, request);
    struct ate__tcp *t = lookup->asker;
    ate__free(lookup);
    if (t) {
        struct ate__connecting *c = t->connecting;
        c->lookup = NULL;
        for (const struct addrinfo *a = found; !status && a; a = a->ai_next)
            add_address(c, a->ai_addr);
        if (c->address_count)
            try_next(t);
        else
            finish_failed(t, ATE_OFFLINE, status ? uv_strerror(status) : "it has no address");
    }
    uv_freeaddrinfo(found);
}

static int resolve(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = ate__alloc(sizeof *lookup);
    if (!lookup)
        return ate__no_memory();
    int error = uv_getaddrinfo(ate__loop_uv(t->loop), &lookup->request, on_resolved, c->addr.host,
                               NULL, &hints);
    if (error) {
        ate__free(lookup);
        return ate__fail_errno(-error, "cannot ask for the address of %s", c->addr.host);
    }
    lookup->asker = t;
    c->lookup = lookup;
    return 0;
}

/* Of the caller's own name servers, for one family after the other. */
static void on_addresses(void *owner, int result, const struct ate__dns_answer *answer)
{
    struct ate__tcp *t = owner;
    struct ate__connecting *c = t->connecting;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    for (size_t i = 0; i < answer->count; i++) {
        struct ate_bytes a = answer->record[i];
        if (a.size == sizeof v4.sin_addr) {
            memcpy(&v4.sin_addr, a.data, a.size);
            add_address(c, (const struct sockaddr *)&v4);
        } else if (a.size == sizeof v6.sin6_addr) {
            memcpy(&v6.sin6_addr, a.data, a.size);
            add_address(c, (const struct sockaddr *)&v6);
        }
    }
    if (!result && !c->asked_v6) {
        c->asked_v6 = true;
        result = ate__dns_ask(c->dns, c->addr.host, ATE__DNS_AAAA);
        if (!result)
            return;
    }
    ate__dns_free(ate__steal(&c->dns));
    if (c->address_count)
        try_next(t);
    else if (result)
        finish(t, result, ate__error_text());
    else
        finish_failed(t, ATE_OFFLINE, "it has no address");
}

static int resolve_there(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    int rc = ate__dns_new(t->loop, c->where, on_addresses, t, &c->dns);
    return rc ? rc : ate__dns_ask(c->dns, c->addr.host, ATE__DNS_A);
}

static void find_host(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    int rc = 0;
    if (add_known(c, c->addr.host))
        try_next(t);
    else if (c->where && c->where->dns_server)
        rc = resolve_there(t);
    else
        rc = resolve(t);
    if (rc)
        finish(t, rc, ate__error_text());
}

/* --- by what it is known --- */

static void on_identified(void *owner, int result, const struct ate__dns_facts *facts)
{
    struct ate__tcp *t = owner;
    struct ate__connecting *c = t->connecting;
    if (result) {
        finish(t, result, ate__error_text());
        return;
    }
    ate__identify_free(ate__steal(&c->identify));
    memcpy(c->addr.pins, facts->pins, sizeof facts->pins);
    c->addr.pin_count = facts->pin_count;
    find_host(t);
}

static void identify(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    int rc = ate__identify_new(t->loop, c->where, c->addr.host, c->addr.port, on_identified, t,
                               &c->identify);
    if (rc)
        finish(t, rc, ate__error_text());
}

/* --- life --- */

void ate__connecting_turn(struct ate__tcp *t)
{
    const struct ate__connecting *c = t->connecting;
    if (c->result)
        ate__tcp_give_up(t, c->result, c->text);
}

void ate__connecting_close(struct ate__tcp *t, int result, const char *text)
{
    finish(t, result, text ? text : "closed by this side");
}

void ate__connecting_free(struct ate__tcp *t)
{
    struct ate__connecting *c = t->connecting;
    t->connecting = NULL;
    ate__watch_free(c->watch);
    ate__identify_free(c->identify);
    ate__dns_free(c->dns);
    if (c->lookup) {
        c->lookup->asker = NULL;
        uv_cancel((uv_req_t *)&c->lookup->request); /* or it comes back by itself */
    }
    ate__free(c);
}

static bool needs_lookup(const struct ate__addr *addr, const struct ate__tcp_conf *conf)
{
    return !addr->pin_count && !conf->no_wire_encryption;
}

struct connect_call {
    struct ate__loop *loop;
    const struct ate__addr *addr;
    const struct ate__tcp_conf *conf;
    const struct ate__link_events *events;
    void *owner;
    struct ate__link **ret_link;
};

static int connect_here(void *arg)
{
    const struct connect_call *call = arg;
    struct ate__tcp *t;
    struct ate__connecting *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    int rc = ate__tcp_new(call->loop, &call->conf->limits, &t);
    if (rc) {
        ate__free(c);
        return rc;
    }
    c->addr = *call->addr;
    c->hello = call->conf->hello;
    c->clear = call->conf->no_wire_encryption;
    c->where = call->conf->lookup;
    c->by_name = needs_lookup(call->addr, call->conf);
    c->deadline_ms = ate__loop_now_ms(t->loop) + t->limits.connect_ms;
    snprintf(t->peer, sizeof t->peer, "%.40s:%u", c->addr.host, c->addr.port);
    t->link.events = call->events;
    t->link.owner = call->owner;
    t->connecting = c;
    ate__tcp_timer(t, c->deadline_ms);
    if (c->by_name)
        identify(t);
    else
        find_host(t);
    *call->ret_link = &t->link;
    return 0;
}

int ate__tcp_connect(struct ate__loop *l, const struct ate__addr *addr,
                     const struct ate__tcp_conf *conf, const struct ate__link_events *events,
                     void *owner, struct ate__link **ret_link)
{
    struct connect_call call = {l, addr, conf, events, owner, ret_link};
    if (needs_lookup(addr, conf) && !(conf->lookup && ate__addr_host_is_name(addr->host)))
        return ate__fail(ATE_UNTRUSTED,
                         "nothing says which server to trust at %s port %u; the address needs "
                         "#pin=..., as the server prints it",
                         addr->host, addr->port);
    return ate__loop_call(l, connect_here, &call);
}
