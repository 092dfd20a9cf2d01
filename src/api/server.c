/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server.c: a server inside a program. Its questions and log lines come to the program in its own
 * loop.
 */
#include "ate/server.h"
#include "api/api.h"
#include "api/host_key.h"
#include "api/loop.h"
#include "api/plugin.h"
#include "ate/compact.h"
#include "mesh/server.h"
#include "net/addr.h"
#include <stdio.h>
#include <time.h>

enum { ADMIT_MS = 5000 }; /* a program that does not run its loop admits nobody */

struct ate_server {
    struct ate__server *inner;
    int (*admit)(void *arg, const char *chain, struct ate_hash root);
    void *admit_arg;
    void (*log)(void *arg, int level, const char *line);
    void *log_arg;
    struct ate_loop *loop;
    struct ate_session *compact_session; /* NULL: none */
    struct ate__voter voter;
    struct ate__plugin_host host;
    struct ate__host_key *host_key; /* NULL: none */
};

/* ---- a question, asked on a worker, answered in the loop ---- */

struct question { /* two owners: who asks and who answers; the last one frees */
    struct ate__callback call;
    const struct ate_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned owners;
    bool done;
    int result;
    char text[256];
    char *path;
    struct ate_hash root;
};

static void question_let_go(struct question *q)
{
    pthread_mutex_lock(&q->mutex);
    bool last = --q->owners == 0;
    pthread_mutex_unlock(&q->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->answered);
    ate__free(q->path);
    ate__free(q);
}

static void answer(struct question *q, int result, const char *text)
{
    pthread_mutex_lock(&q->mutex);
    q->result = result;
    snprintf(q->text, sizeof q->text, "%s", text);
    q->done = true;
    pthread_cond_signal(&q->answered);
    pthread_mutex_unlock(&q->mutex);
    question_let_go(q);
}

static void run_question(struct ate__callback *c)
{
    struct question *q = ATE__CONTAINER(c, struct question, call);
    pthread_mutex_lock(&q->mutex);
    bool late = q->owners == 1; /* nobody waits for it any more */
    pthread_mutex_unlock(&q->mutex);
    int rc = late ? ATE_TIMEOUT : q->server->admit(q->server->admit_arg, q->path, q->root);
    answer(q, rc, rc ? "create: this server's program does not admit that chain" : "");
}

static void drop_question(struct ate__callback *c)
{
    answer(ATE__CONTAINER(c, struct question, call), ATE_DENIED, "create: the server is ending");
}

static int question_new(const struct ate_server *s, const char *path, const struct ate_hash *root,
                        struct question **ret)
{
    struct question *q = ate__alloc(sizeof *q);
    char *copy = ate__copy_text(path);
    if (!q || !copy) {
        ate__free(q);
        ate__free(copy);
        return ate__no_memory();
    }
    q->call.run = run_question;
    q->call.drop = drop_question;
    q->server = s;
    q->owners = 2;
    q->path = copy;
    q->root = *root;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = q;
    return 0;
}

static int ask_program(void *arg, const char *path, const struct ate_hash *root, const char *peer)
{
    const struct ate_server *s = arg;
    struct question *q = NULL;
    struct timespec until;
    (void)peer;
    int rc = question_new(s, path, root, &q);
    if (rc)
        return rc;
    rc = ate__callback_begin(s->loop, &q->call);
    if (rc) {
        question_let_go(q);
        question_let_go(q);
        return rc;
    }
    ate__callback_due(&q->call);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ADMIT_MS / 1000;
    pthread_mutex_lock(&q->mutex);
    while (!q->done && !rc)
        rc = pthread_cond_timedwait(&q->answered, &q->mutex, &until);
    rc = q->done ? q->result : ATE_DENIED;
    if (rc)
        ate__fail(rc, "%s", q->done ? q->text : "create: this server's program did not answer");
    pthread_mutex_unlock(&q->mutex);
    question_let_go(q);
    return rc;
}

/* ---- log lines ---- */

struct line {
    struct ate__callback call;
    void (*log)(void *arg, int level, const char *line); /* may come after the server's end */
    void *log_arg;
    int level;
    char *text;
};

static void line_free(struct ate__callback *c)
{
    struct line *l = ATE__CONTAINER(c, struct line, call);
    ate__free(l->text);
    ate__free(l);
}

static void run_line(struct ate__callback *c)
{
    struct line *l = ATE__CONTAINER(c, struct line, call);
    l->log(l->log_arg, l->level, l->text);
    line_free(c);
}

/* Lines that find no room are left out: a log never slows a server. */
static void tell_program(void *arg, int level, const char *text)
{
    const struct ate_server *s = arg;
    struct line *l = ate__alloc(sizeof *l);
    if (!l)
        return;
    *l = (struct line){.call = {.run = run_line, .drop = line_free},
                       .log = s->log,
                       .log_arg = s->log_arg,
                       .level = level > 0 ? level - 1 : 0,
                       .text = ate__copy_text(text)};
    if (l->text && !ate__callback_begin(s->loop, &l->call))
        ate__callback_due(&l->call);
    else
        line_free(&l->call);
}

/* ---- the server ---- */

static int fill_conf(struct ate_server *s, const struct ate_server_conf *conf,
                     struct ate__server_conf *inner)
{
    *inner = (struct ate__server_conf){
        .env = &ate__env_real,
        .logs = conf->logs,
        .listen = conf->listen ? conf->listen : "127.0.0.1",
        .port = conf->any_port ? 0
                : conf->port   ? conf->port
                               : ATE__ADDR_PORT,
        .sync = (enum ate__sync)conf->sync,
        .sync_interval_ms = conf->sync_interval_ms,
        .segment_bytes = conf->segment_bytes,
        .no_wire_encryption = conf->no_wire_encryption,
        .no_auth = conf->no_auth,
        .allow_destroy = conf->allow_destroy,
        .members_only = conf->members_only,
        .admit = conf->admit ? ask_program : NULL,
        .admit_arg = s,
        .log = conf->log ? tell_program : NULL,
        .log_arg = s,
    };
    int rc = 0;
    if (!conf->logs)
        return ate__fail(ATE_MISUSE, "server: no directory for its chains");
    if ((conf->admit || conf->log) && !conf->loop)
        return ate__fail(ATE_MISUSE, "server: admit and log need a loop to run in");
    rc = ate__plugin_host_init(&s->host, conf->plugins, conf->plugin_count, inner);
    if (!rc && conf->compact)
        rc = ate__compact_when(conf->compact, NULL, s->host.set, &s->voter, &inner->compact);
    if (!rc && inner->compact.session)
        s->compact_session = ate__session_ref(inner->compact.session);
    if (!rc && conf->drain_ms)
        rc = ate__server_limit_set(inner, "drain-ms", conf->drain_ms);
    for (size_t i = 0; !rc && i < conf->limit_count; i++)
        rc = ate__server_limit_set(inner, conf->limits[i].name, conf->limits[i].value);
    return rc ? rc : ate__host_key_serve(inner, &s->host_key);
}

static void server_free(struct ate_server *s)
{
    ate__plugin_set_free(s->host.set);
    ate__session_unref(s->compact_session);
    ate__host_key_free(s->host_key);
    ate__free(s);
}

int ate_server_start(const struct ate_server_conf *conf, struct ate_server **ret_server)
{
    struct ate__server_conf inner;
    int rc = ate__conf_check("server", conf);
    if (rc)
        return rc;
    struct ate_server *s = ate__alloc(sizeof *s);
    if (!s)
        return ate__no_memory();
    s->admit = conf->admit;
    s->admit_arg = conf->admit_arg;
    s->log = conf->log;
    s->log_arg = conf->log_arg;
    s->loop = conf->loop;
    rc = fill_conf(s, conf, &inner);
    if (!rc)
        rc = ate__server_start(&inner, &s->inner);
    if (rc) {
        server_free(s);
        return rc;
    }
    *ret_server = s;
    return 0;
}

const char *ate_server_address(const struct ate_server *s)
{
    return ate__server_address(s->inner);
}

int ate_server_log_key(const struct ate_server *s, char **ret_text)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = ate__server_log_key(s->inner, &text);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (!rc)
        *ret_text = (char *)ate__steal(&text.data);
    return rc;
}

void ate_server_end(struct ate_server *s)
{
    if (!s)
        return;
    ate__server_end(s->inner);
    server_free(s);
}
