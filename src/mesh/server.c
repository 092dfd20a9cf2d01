/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.c: a server's life; work off the loop; the log.
 */
#include "mesh/server.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/keyfile.h"
#include "mesh/server_private.h"
#include "net/tcp_uv.h"
#include <stdarg.h>
#include <stdio.h>

enum {
    SYNC_THREADS = 8, /* docs/ARCHITECTURE.md, "Threads" */
    OPEN_THREADS = 4,
    SWEEPS = 4 /* in the time after which a chain is idle */
};

/* --- the log --- */

void ate__server_log(struct ate__server *s, enum ate__log_level level, const char *format, ...)
{
    char line[ATE__ERROR_SIZE + ATE__CHAIN_NAME_MAX + 256];
    va_list args;
    if (!s->conf.log)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    s->conf.log(s->conf.log_arg, (int)level, line);
}

static void log_left_out(struct ate__server *s, enum ate__log_level level,
                         struct ate__log_limit *limit, const char *about, bool ends)
{
    uint64_t left_out = ate__log_limit_left_out(limit, ate__monotonic_ms(s->conf.env), ends);
    if (left_out)
        ate__server_log(s, level, "%llu lines about %s were left out; a minute has %u (log-lines)",
                        (unsigned long long)left_out, about, s->conf.server_limits.log_lines);
}

static void log_limited(struct ate__server *s, enum ate__log_level level,
                        struct ate__log_limit *limit, const char *about, const char *format,
                        va_list args)
{
    char line[ATE__ERROR_SIZE + ATE__CHAIN_NAME_MAX + 256];
    uint32_t most = s->conf.server_limits.log_lines;
    log_left_out(s, level, limit, about, false);
    if (!ate__log_limit_take(limit, most, ate__monotonic_ms(s->conf.env)))
        return;
    vsnprintf(line, sizeof line, format, args);
    ate__server_log(s, level, "%s", line);
}

void ate__server_log_peer(struct ate__server *s, enum ate__log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_limited(s, level, &s->lines[level], "connections", format, args);
    va_end(args);
}

void ate__server_log_compact(struct ate__server *s, enum ate__log_level level, const char *format,
                             ...)
{
    va_list args;
    va_start(args, format);
    log_limited(s, level, &s->compact_lines[level], "compaction", format, args);
    va_end(args);
}

void ate__server_log_left_out(struct ate__server *s, bool ends)
{
    for (unsigned level = 0; level < ATE__LOG_LEVELS; level++)
        log_left_out(s, (enum ate__log_level)level, &s->lines[level], "connections", ends);
}

/* --- work off the loop --- */

void ate__server_busy(struct ate__server *s)
{
    atomic_fetch_add(&s->busy, 1);
}

static void fewer(struct ate__server *s, atomic_size_t *count)
{
    pthread_mutex_lock(&s->mutex);
    if (atomic_fetch_sub(count, 1) == 1)
        pthread_cond_broadcast(&s->quiet);
    pthread_mutex_unlock(&s->mutex);
}

void ate__server_done(struct ate__server *s)
{
    fewer(s, &s->busy);
}

void ate__server_committing(struct ate__server *s)
{
    atomic_fetch_add(&s->committing, 1);
}

void ate__server_committed(struct ate__server *s)
{
    fewer(s, &s->committing);
}

static void job_back(struct ate__loop_task *task)
{
    struct ate__job *job = ATE__CONTAINER(task, struct ate__job, back);
    struct ate__server *s = job->server;
    job->done(job);
    ate__server_done(s);
}

static void job_run(struct ate__task *task)
{
    struct ate__job *job = task->user;
    job->work(job);
    ate__loop_post(job->server->loop, &job->back);
}

void ate__job_start(struct ate__job *job, struct ate__workers *pool, uint32_t delay_ms)
{
    ate__server_busy(job->server);
    job->task = (struct ate__task){.run = job_run, .user = job};
    job->back.run = job_back;
    job->result = 0;
    ate__workers_submit(pool, &job->task, delay_ms);
}

void ate__job_result(struct ate__job *job, int result)
{
    job->result = result;
    snprintf(job->text, sizeof job->text, "%s", result ? ate__error_text() : "");
}

/* --- end --- */

/* Until none is under way. until NULL: however long it takes. */
static void wait_quiet(struct ate__server *s, atomic_size_t *count, const struct timespec *until)
{
    int late = 0;
    pthread_mutex_lock(&s->mutex);
    while (atomic_load(count) && !late)
        if (until)
            late = pthread_cond_timedwait(&s->quiet, &s->mutex, until);
        else
            pthread_cond_wait(&s->quiet, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}

static int stop_here(void *arg)
{
    struct ate__server *s = arg;
    s->stopping = true;
    return 0;
}

static int close_peers_here(void *arg)
{
    struct ate__server *s = arg;
    ate__unread_drop_stuck(s);
    for (struct ate__peer *p = s->peers; p; p = p->next) {
        while (p->streams)
            ate__stream_fail(p->streams, ATE_OFFLINE, "the server is stopping");
        ate__peer_close(p, ATE_OFFLINE, "the server is stopping");
    }
    return 0;
}

static int close_chains_here(void *arg)
{
    struct ate__server *s = arg;
    s->closing = true;
    ate__loop_timer_free(s->sweep);
    ate__loop_timer_free(s->look);
    s->sweep = s->look = NULL;
    ate__hosted_close_all(s);
    ate__server_log_left_out(s, true);
    return 0;
}

static void call_here(struct ate__server *s, int (*call)(void *arg))
{
    int rc = ate__loop_call(s->loop, call, s);
    ate__assert(rc == 0);
}

static void server_free(struct ate__server *s)
{
    ate__workers_unref(s->reads); /* first: one may still be waking the loop for its last job */
    ate__workers_unref(s->opens);
    ate__workers_unref(s->compacts);
    ate__workers_unref(s->chains);
    ate__loop_unref(s->loop);
    ate__map_deinit(&s->compacted);
    ate__map_deinit(&s->hosted);
    ate__sources_deinit(&s->sources);
    ate__tls_server_key_free(s->key);
    ate__log_key_free(s->log_key);
    ate__home_close(&s->home);
    ate__free(s->address);
    pthread_cond_destroy(&s->quiet);
    pthread_mutex_destroy(&s->mutex);
    ate__free(s);
}

static void save_sources(struct ate__server *s)
{
    if (s->conf.no_auth && ate__sources_save(&s->sources, &s->home))
        ate__server_log(s, ATE__LOG_WARNING, "%s", ate__error_text());
}

static struct timespec later(const struct ate__server *s, uint64_t ms)
{
    return ate__deadline(s->conf.env, ms);
}

/* The time is shared out: most of it for the commits in flight, the rest for the last words to the
 * clients (linger_ms at most) and for closing the chains. Other answers are waited for as long only
 * as somebody who reads may need: a client asks for them again. */
void ate__server_end(struct ate__server *s)
{
    if (!s)
        return;
    if (s->loop) {
        ate__server_log(s, ATE__LOG_INFO, "stopping");
        if (s->acceptor)
            ate__acceptor_stop(s->acceptor);
        uint64_t most_ms = s->conf.server_limits.drain_ms * 6ull / 10;
        struct timespec until = later(s, most_ms);
        struct timespec read_until = later(s, ate__min(most_ms, ATE__NET_STUCK_MS));
        call_here(s, stop_here);
        wait_quiet(s, &s->busy, &read_until);
        wait_quiet(s, &s->committing, &until);
        call_here(s, close_peers_here);
        ate__acceptor_free(s->acceptor);
        wait_quiet(s, &s->busy, NULL);
        call_here(s, close_chains_here);
        wait_quiet(s, &s->busy, NULL);
        save_sources(s);
        ate__server_log(s, ATE__LOG_INFO, "stopped");
    }
    server_free(s);
}

/* --- start --- */

static int start_here(void *arg)
{
    struct ate__server *s = arg;
    int rc = ate__loop_timer_new(s->loop, ate__hosted_sweep, s, &s->sweep);
    if (!rc)
        rc = ate__loop_timer_new(s->loop, ate__notes_look, s, &s->look);
    if (!rc) {
        ate__loop_timer_start(s->sweep, s->conf.server_limits.idle_ms / SWEEPS + 1);
        return 0;
    }
    ate__loop_timer_free(s->sweep); /* here: on the loop's thread */
    s->sweep = NULL;
    return rc;
}

static int start_threads(struct ate__server *s)
{
    int rc = ate__workers_new(SYNC_THREADS, &s->chains);
    if (!rc)
        rc = ate__workers_new(0, &s->reads);
    if (!rc)
        rc = ate__workers_new(OPEN_THREADS, &s->opens);
    if (!rc && s->conf.compact.rule.mode != ATE__COMPACT_NEVER)
        rc = ate__workers_new(1, &s->compacts);
    return rc ? rc : ate__loop_new(&s->loop);
}

static struct ate__server *server_new(const struct ate__server_conf *conf)
{
    struct ate__server *s = ate__alloc(sizeof *s);
    if (!s)
        return NULL;
    s->conf = *conf;
    ate__server_limits_fill(&s->conf);
    s->conf.logs = s->conf.listen = NULL;
    s->last_watched = &s->watched;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->quiet, &monotonic);
    pthread_condattr_destroy(&monotonic);
    uint64_t seed[2];
    ate__random(conf->env, seed, sizeof seed);
    ate__map_init(&s->hosted, sizeof(struct ate_hash), seed);
    ate__map_init(&s->compacted, sizeof(struct ate_hash), seed);
    const struct ate__server_limits *limits = &s->conf.server_limits;
    ate__sources_init(&s->sources, conf->env,
                      &(struct ate__sources_limits){limits->sources, limits->create_chains,
                                                    limits->create_bytes});
    return s;
}

int ate__server_core(const struct ate__server_conf *conf, struct ate__server **ret_server)
{
    int rc = ate__compact_rule_check(&conf->compact.rule);
    if (!rc)
        rc = ate__segment_bytes_check(conf->segment_bytes);
    if (rc)
        return rc;
    struct ate__server *s = server_new(conf);
    if (!s)
        return ate__no_memory();
    rc = ate__home_open(conf->env, conf->logs, true, &s->home);
    if (!rc)
        rc = ate__home_key(&s->home, &s->key);
    if (!rc)
        rc = ate__home_log_key(&s->home, conf->env, &s->log_key);
    if (!rc)
        rc = ate__fingerprint(ate__log_key_public(s->log_key), &s->log_fingerprint);
    if (!rc && ate__sources_mend(&s->sources, &s->home))
        ate__server_log(s, ATE__LOG_WARNING, "%s", ate__error_text());
    if (!rc && conf->no_auth)
        rc = ate__sources_load(&s->sources, &s->home);
    if (!rc)
        rc = start_threads(s);
    if (!rc)
        rc = ate__loop_call(s->loop, start_here, s);
    if (rc) {
        server_free(s);
        return ate__context(rc, "%s", conf->logs);
    }
    *ret_server = s;
    return 0;
}

static int print_address(struct ate__server *s, const char *listen)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    struct ate__addr *addr = ate__alloc(sizeof *addr);
    if (!addr)
        return ate__no_memory();
    snprintf(addr->host, sizeof addr->host, "%s", listen);
    snprintf(addr->path, sizeof addr->path, "/");
    addr->port = ate__acceptor_port(s->acceptor);
    addr->pins[0] = ate__server_pin(s);
    addr->pin_count = 1;
    int rc = ate__addr_print(addr, &text);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    ate__free(addr);
    if (rc)
        return rc;
    s->address = (char *)text.data;
    text = ATE__BUF_NULL;
    return 0;
}

static const struct ate__acceptor_events acceptor_events = {
    .accept = ate__server_accept,
    .refused = ate__server_refused,
};

int ate__server_start(const struct ate__server_conf *conf, struct ate__server **ret_server)
{
    struct ate__server *s;
    int rc = ate__server_core(conf, &s);
    if (rc)
        return rc;
    struct ate__acceptor_conf acceptor_conf = {
        .host = conf->listen,
        .port = conf->port,
        .key = s->key,
        .hello = ate__hello_ours(),
        .limits = s->conf.limits,
        .no_wire_encryption = conf->no_wire_encryption,
    };
    rc = ate__acceptor_new(s->loop, &acceptor_conf, &acceptor_events, s, &s->acceptor);
    if (!rc)
        rc = print_address(s, conf->listen);
    if (rc) {
        char text[ATE__ERROR_SIZE];
        snprintf(text, sizeof text, "%s", ate__error_text());
        s->conf.log = NULL;
        ate__server_end(s);
        return ate__fail(rc, "%s", text);
    }
    ate__server_log(s, ATE__LOG_INFO, "serving %s at %s", conf->logs, s->address);
    *ret_server = s;
    return 0;
}

const char *ate__server_address(const struct ate__server *s)
{
    return s->address;
}

struct ate_hash ate__server_pin(const struct ate__server *s)
{
    return ate__tls_server_key_pin(s->key);
}

int ate__server_log_key(const struct ate__server *s, struct ate__buf *ret_text)
{
    return ate__log_key_encode(ate__log_key_public(s->log_key), ret_text);
}

/* What a home holds, made where it is missing if nobody serves it. */
static int from_home(const struct ate__env *env, const char *logs,
                     int (*take)(struct ate__home *home, const struct ate__env *env, void *arg),
                     void *arg)
{
    struct ate__home home;
    int rc = ate__home_open(env, logs, false, &home);
    if (rc)
        return rc;
    rc = take(&home, env, arg);
    ate__home_close(&home);
    if (rc != ATE_NOT_FOUND)
        return rc;
    rc = ate__home_open(env, logs, true, &home);
    if (rc)
        return rc;
    rc = take(&home, env, arg);
    ate__home_close(&home);
    return rc;
}

static int read_pin(struct ate__home *home, const struct ate__env *env, void *arg)
{
    ate__cleanup(ate__tls_server_key_freep) struct ate__tls_server_key *key = NULL;
    struct ate_hash *ret_pin = arg;
    (void)env;
    int rc = ate__home_key(home, &key);
    if (!rc)
        *ret_pin = ate__tls_server_key_pin(key);
    return rc;
}

int ate__server_pin_of(const struct ate__env *env, const char *logs, struct ate_hash *ret_pin)
{
    return from_home(env, logs, read_pin, ret_pin);
}

static int read_log_key(struct ate__home *home, const struct ate__env *env, void *arg)
{
    ate__cleanup(ate__log_key_freep) struct ate__log_key *key = NULL;
    int rc = ate__home_log_key(home, env, &key);
    return rc ? rc : ate__log_key_encode(ate__log_key_public(key), arg);
}

int ate__server_log_key_of(const struct ate__env *env, const char *logs, struct ate__buf *ret_text)
{
    return from_home(env, logs, read_log_key, ret_text);
}
