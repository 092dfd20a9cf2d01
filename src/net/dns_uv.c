/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns_uv.c: questions to DNS through libunbound, which validates.
 *
 * libunbound works on a thread of its own and makes a descriptor readable when it has an answer, so
 * the loop waits for nothing. A struct ate__dns lives for one or two questions: each connection
 * reads the trust anchor and the addresses of the name servers afresh, and shares no cache.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "net/dns.h"
#include "net/loop_in_uv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unbound.h>
#include <unistd.h>

enum { CLASS_IN = 1, NO_ERROR = 0, NX_DOMAIN = 3, SHOWN = 256 };

/* The descriptor being watched; outlives struct ate__dns until libuv has let go of it. */
struct poll {
    uv_poll_t poll;
    struct ate__dns *dns; /* NULL: gone */
};
struct ate__dns {
    struct ub_ctx *ctx;
    struct poll *poll;
    ate__dns_fn *answered;
    void *owner;
    bool asked;
    int id; /* of the question, for libunbound */
    char name[SHOWN];
    enum ate__dns_type type;
    /* Between libunbound's callback and the end of its turn. */
    bool arrived;
    int error;
    struct ub_result *result;
};

/* --- the answer --- */

static const char *type_text(enum ate__dns_type type)
{
    switch (type) {
    case ATE__DNS_A: return "A";
    case ATE__DNS_AAAA: return "AAAA";
    case ATE__DNS_TLSA: return "TLSA";
    default: return "TXT";
    }
}

static bool is_address(enum ate__dns_type type)
{
    return type == ATE__DNS_A || type == ATE__DNS_AAAA;
}

static int collect(const struct ub_result *r, struct ate__dns_answer *ret_answer)
{
    struct ate__dns_answer answer = {.secure = r->secure};
    for (; r->havedata && r->data[answer.count]; answer.count++) {
        size_t i = answer.count, size = (size_t)r->len[i];
        if (i == ATE__DNS_RECORDS_MAX)
            return ate__fail(ATE_TOO_BIG, "more than %d records", ATE__DNS_RECORDS_MAX);
        if (size > ATE__DNS_RECORD_MAX)
            return ate__fail(ATE_TOO_BIG, "a record of %zu bytes; at most %d", size,
                             ATE__DNS_RECORD_MAX);
        answer.record[i] = ate__bytes(r->data[i], size);
    }
    *ret_answer = answer;
    return 0;
}

static int judge(int error, const struct ub_result *r, enum ate__dns_type type,
                 struct ate__dns_answer *ret_answer)
{
    char why[SHOWN];
    *ret_answer = (struct ate__dns_answer){.secure = false};
    if (error == UB_NOMEM)
        return ate__no_memory();
    if (error == UB_SYNTAX)
        return ate__fail(ATE_MALFORMED, "it is no name");
    if (error || !r)
        return ate__fail(ATE_OFFLINE, "no answer (%s)", ub_strerror(error));
    if (r->bogus)
        return ate__fail(
            ATE_UNTRUSTED,
            "the answer does not hold (%s); either it was forged, or signatures are "
            "kept back or out of date",
            ate__escaped(ate__text_bytes(r->why_bogus ? r->why_bogus : "DNSSEC"), why, sizeof why));
    if (r->rcode != NO_ERROR && r->rcode != NX_DOMAIN)
        return ate__fail(ATE_OFFLINE, "the name server answered with error %d", r->rcode);
    if (!r->secure && !is_address(type))
        return 0; /* nobody signed it: nothing of it is used */
    return collect(r, ret_answer);
}

static void on_answer(void *arg, int error, struct ub_result *result)
{
    struct ate__dns *d = arg;
    d->arrived = true;
    d->error = error;
    d->result = result;
}

/* Inside ub_process() the context may not be freed, so the owner is told after it. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct ate__dns *d = ATE__CONTAINER(handle, struct poll, poll)->dns;
    (void)events;
    if (!d || !d->asked)
        return;
    int error = status < 0 ? UB_PIPE : ub_process(d->ctx);
    if (!d->arrived && error)
        on_answer(d, error, NULL);
    if (!d->arrived)
        return;
    struct ate__dns_answer answer;
    struct ub_result *result = d->result;
    int rc = judge(d->error, result, d->type, &answer);
    rc = ate__context(rc, "DNS: %s of %s", type_text(d->type), d->name);
    d->asked = d->arrived = false;
    d->result = NULL;
    d->answered(d->owner, rc, &answer); /* d may be gone */
    ub_resolve_free(result);
}

/* --- what is asked of whom --- */

/* A file without a key would leave everything insecure, which is as good as no file. */
static bool names_a_key(char *text)
{
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        line[strcspn(line, ";")] = 0;
        char *rest = NULL;
        for (char *word = strtok_r(line, " \t\r", &rest); word;
             word = strtok_r(NULL, " \t\r", &rest))
            if (!strcasecmp(word, "DS") || !strcasecmp(word, "DNSKEY"))
                return true;
    }
    return false;
}

static int read_anchor(int fd, const char *shown)
{
    ate__cleanup(ate__freep) char *text = ate__alloc(ATE__DNS_ANCHOR_MAX + 2);
    size_t size = 0;
    ssize_t n = 1;
    if (!text)
        return ate__no_memory();
    while (n > 0 && size <= ATE__DNS_ANCHOR_MAX) {
        n = read(fd, text + size, ATE__DNS_ANCHOR_MAX + 1 - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        return ate__fail_errno(errno, "DNS: %s", shown);
    if (size > ATE__DNS_ANCHOR_MAX)
        return ate__fail(ATE_TOO_BIG, "DNS: %s: more than %d bytes", shown, ATE__DNS_ANCHOR_MAX);
    text[size] = 0;
    if (strlen(text) != size || !names_a_key(text))
        return ate__fail(ATE_MALFORMED, "DNS: %s: there is no DS and no DNSKEY record in it",
                         shown);
    return 0;
}

static int set_anchor(struct ub_ctx *ctx, const char *path)
{
    char shown[SHOWN];
    ate__escaped(ate__text_bytes(path ? path : ATE__DNS_ANCHOR), shown, sizeof shown);
    int fd = open(path ? path : ATE__DNS_ANCHOR, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ate__fail(ATE_E_SYSTEM,
                         "DNS: %s is not there, without which no answer can be checked%s", shown,
                         path ? ""
                              : "; the package dns-root-data has it, or the address says the pin "
                                "and the root itself");
    if (fd < 0)
        return ate__fail_errno(errno, "DNS: %s", shown);
    int rc = read_anchor(fd, shown);
    close(fd);
    if (!rc && ub_ctx_add_ta_file(ctx, path ? path : ATE__DNS_ANCHOR))
        rc = ate__no_memory();
    return rc;
}

/* ADDRESS[@PORT] */
static bool is_server(const char *text, size_t size)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ip;
    uint64_t port = 53;
    const char *at = memchr(text, '@', size);
    size_t n = at ? (size_t)(at - text) : size;
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = 0;
    if (inet_pton(AF_INET, address, &ip) != 1 && inet_pton(AF_INET6, address, &ip) != 1)
        return false;
    return !at || (!ate__decimal_parse(at + 1, size - n - 1, &port) && port > 0 && port <= 65535);
}

static int set_servers(struct ub_ctx *ctx, const char *servers)
{
    char one[INET6_ADDRSTRLEN + 8], shown[SHOWN];
    if (!servers)
        return ub_ctx_resolvconf(ctx, NULL) ? ate__fail(ATE_OFFLINE, "DNS: /etc/resolv.conf names "
                                                                     "no name server")
                                            : 0;
    for (const char *at = servers;;) {
        size_t n = strcspn(at, ",");
        if (n >= sizeof one || !is_server(at, n))
            return ate__fail(ATE_MISUSE, "DNS: `%s` is not ADDRESS[@PORT] of a name server",
                             ate__escaped(ate__bytes(at, n), shown, sizeof shown));
        memcpy(one, at, n);
        one[n] = 0;
        if (ub_ctx_set_fwd(ctx, one))
            return ate__no_memory();
        if (!at[n])
            return 0;
        at += n + 1;
    }
}

static int set_up(struct ub_ctx *ctx, const struct ate__lookup *conf)
{
    /* A resolver of this machine is as good as any. Nothing of libunbound's is written anywhere. */
    if (ub_ctx_async(ctx, 1) || ub_ctx_set_option(ctx, "module-config:", "validator iterator") ||
        ub_ctx_set_option(ctx, "do-not-query-localhost:", "no") ||
        ub_ctx_set_option(ctx, "use-syslog:", "no") || ub_ctx_debugout(ctx, NULL))
        return ate__fail(ATE_E_SYSTEM, "DNS: libunbound takes its settings no more");
    int rc = set_anchor(ctx, conf->dns_anchor);
    return rc ? rc : set_servers(ctx, conf->dns_server);
}

/* --- life --- */

static void on_closed(uv_handle_t *handle)
{
    ate__free(ATE__CONTAINER(handle, struct poll, poll));
}

static int watch(struct ate__dns *d, struct ate__loop *l)
{
    struct poll *p = ate__alloc(sizeof *p);
    if (!p)
        return ate__no_memory();
    int error = uv_poll_init(ate__loop_uv(l), &p->poll, ub_fd(d->ctx));
    if (error) {
        ate__free(p);
        return ate__fail_errno(-error, "DNS: cannot wait for an answer");
    }
    d->poll = p;
    p->dns = d;
    error = uv_poll_start(&p->poll, UV_READABLE, on_readable);
    return error ? ate__fail_errno(-error, "DNS: cannot wait for an answer") : 0;
}

int ate__dns_new(struct ate__loop *l, const struct ate__lookup *conf, ate__dns_fn *answered,
                 void *owner, struct ate__dns **ret_dns)
{
    struct ate__dns *d = ate__alloc(sizeof *d);
    if (!d)
        return ate__no_memory();
    d->answered = answered;
    d->owner = owner;
    d->ctx = ub_ctx_create();
    int rc = d->ctx ? set_up(d->ctx, conf) : ate__no_memory();
    if (!rc)
        rc = watch(d, l);
    if (rc) {
        ate__dns_free(d);
        return rc;
    }
    *ret_dns = d;
    return 0;
}

int ate__dns_ask(struct ate__dns *d, const char *name, enum ate__dns_type type)
{
    snprintf(d->name, sizeof d->name, "%s", name);
    d->type = type;
    d->asked = true;
    int error = ub_resolve_async(d->ctx, name, (int)type, CLASS_IN, d, on_answer, &d->id);
    if (!error)
        return 0;
    d->asked = false;
    return error == UB_NOMEM ? ate__no_memory()
                             : ate__fail(ATE_E_SYSTEM, "DNS: cannot ask for %s of %s: %s",
                                         type_text(type), d->name, ub_strerror(error));
}

void ate__dns_free(struct ate__dns *d)
{
    if (!d)
        return;
    if (d->poll) {
        d->poll->dns = NULL;
        uv_close((uv_handle_t *)&d->poll->poll, on_closed);
    }
    if (d->ctx && d->asked)
        ub_cancel(d->ctx, d->id);
    ub_ctx_delete(d->ctx); /* ends its thread, which is at work for no longer than one signature */
    ate__free(d);
}
