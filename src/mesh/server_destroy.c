/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_destroy.c: DESTROY: the owner of a chain that is open here destroys it.
 *
 *     loop                                  thread of `reads`       thread of `opens`
 *     DESTROY -> a nonce, drawn for one
 *     DESTROY with a statement -----------> judge: whose is it?
 *     hold commits; wait for the answers
 *     of those that are under way -------------------------------> chain/destroy.h, steps 2 to 4
 *     DESTROYED to all of its streams,
 *     which ends them; the chain is closed ----------------------> step 5 (server_hosted.c)
 *
 *  1. Nothing is held up, nobody kept waiting and nothing changed before a root key in force has
 *     signed it for this chain, this server and this once. What is judged, at most one order of
 *     each connection, keeps nobody from being judged; a statement that was refused counts as a
 *     signature that did not hold, and so ends the connection after a few.
 *  2. What was signed names the newest head, so that nobody who has seen more is told less. Where
 *     the chain has grown meanwhile, commits go on being held for HOLD_MS, and the owner signs
 *     again.
 *  3. A commit that came before gets its answer, by a stream that reads; one that comes later was
 *     not applied (BUSY), and then its stream ends.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/destroy.h"
#include "mesh/server_private.h"
#include <stdio.h>

enum {
    HOLD_MS = 5000 /* for the owner to sign again; and for who does not read his answers */
};

struct ate__destroying {
    struct ate__job job;
    struct ate__stream *stream; /* a reference */
    struct ate__loop_timer *timer;
    uint32_t request;
    struct ate_hash nonce;
    struct ate__buf statement;
    bool waits; /* for the answers of commits */
};

static struct ate__destroying *destroying_of(struct ate__job *job)
{
    return ATE__CONTAINER(job, struct ate__destroying, job);
}

static struct ate__destroy_order order_of(const struct ate__destroying *x)
{
    return (struct ate__destroy_order){ate__buf_bytes(&x->statement),
                                       ate__server_pin(x->job.server), x->nonce};
}

/* ---- its end ---- */

/* result 0: it was answered. */
static void end(struct ate__destroying *x, int result, const char *text)
{
    struct ate__stream *s = x->stream;
    if (s->hosted->destroying == x)
        s->hosted->destroying = NULL;
    s->peer->destroying = false;
    if (result && !s->ended) {
        ate__error_set(text);
        ate__answer_refuse(s, x->request, result);
    }
    s->peer->commit_bytes -= x->statement.size;
    ate__peer_judge(s->peer);
    ate__loop_timer_free(x->timer);
    ate__buf_deinit(&x->statement);
    ate__free(x);
    ate__stream_unref(s);
}

void ate__destroyed_tell(struct ate__stream *s, struct ate_bytes statement)
{
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__msg_destroyed_encode(&w, &(struct ate__msg_destroyed){.statement = statement});
    if (ate__wr_end(&w)) {
        ate__buf_deinit(&body);
        ate__stream_fail(s, ATE_E_MEMORY, ate__error_text());
        return;
    }
    ate__peer_send(s->peer, ATE__MSG_DESTROYED, s->id, &body);
    ate__stream_end(s);
}

/* All that use it. statement NULL: it is not known what became of it, and opening it again tells.
 */
static void end_streams(struct ate__hosted *h, const struct ate__buf *statement)
{
    h->gone = true;
    for (struct ate__peer *p = h->server->peers; p; p = p->next)
        for (struct ate__stream *s = p->streams, *next; s; s = next) {
            next = s->next;
            if (s->hosted != h)
                continue;
            if (statement)
                ate__destroyed_tell(s, ate__buf_bytes(statement));
            else
                ate__stream_fail(s, ATE_OFFLINE, "its files could not be changed as they should");
        }
}

/* ---- doing it ---- */

static int destroy_now(struct ate__destroying *x)
{
    struct ate__hosted *h = x->stream->hosted;
    struct ate__home *home = &h->server->home;
    const struct ate__destroy_order order = order_of(x);
    struct ate__dir *dir;
    int rc = ate__home_dir(home, h->path, false, &dir);
    if (rc)
        return rc > 0 ? ATE_E_SYSTEM : rc;
    rc = ate__chain_destroy_now(h->chain, dir, &order);
    home->vfs->close_dir(dir);
    return rc;
}

static void now_work(struct ate__job *job)
{
    ate__job_result(job, destroy_now(destroying_of(job)));
}

static void now_done(struct ate__job *job)
{
    struct ate__destroying *x = destroying_of(job);
    struct ate__hosted *h = x->stream->hosted;
    struct ate__server *s = h->server;
    bool again = job->result == ATE_STALE;
    h->held_until_ms = again ? ate__loop_now_ms(s->loop) + HOLD_MS : 0;
    if (!job->result) {
        ate__server_log(s, ATE__LOG_INFO, "destroyed %s for %s", h->path, x->stream->peer->name);
        end_streams(h, &x->statement);
    } else if (job->result < 0) {
        ate__server_log(s, ATE__LOG_ERROR, "%s could not be destroyed: %s", h->path, job->text);
        end_streams(h, NULL);
    }
    end(x, job->result, job->text);
}

static void start(struct ate__destroying *x)
{
    struct ate__server *s = x->job.server;
    x->waits = false;
    if (s->stopping) {
        end(x, ATE_OFFLINE, "the server is stopping");
        return;
    }
    x->job.work = now_work;
    x->job.done = now_done;
    ate__job_start(&x->job, s->opens, 0);
}

void ate__destroy_go_on(struct ate__hosted *h)
{
    if (h->destroying && h->destroying->waits && !h->commits)
        start(h->destroying);
}

/* Who has no answer by now does not read them. */
static void late(void *arg)
{
    struct ate__destroying *x = arg;
    if (x->waits)
        start(x);
}

/* ---- judging it ---- */

static void judge_work(struct ate__job *job)
{
    struct ate__destroying *x = destroying_of(job);
    const struct ate__destroy_order order = order_of(x);
    struct ate__destruction d;
    ate__job_result(job, ate__chain_destroy_judge(x->stream->hosted->chain, &order, &d));
}

static void judge_done(struct ate__job *job)
{
    struct ate__destroying *x = destroying_of(job);
    struct ate__stream *s = x->stream;
    struct ate__hosted *h = s->hosted;
    if (job->result) {
        ate__server_log_peer(job->server, ATE__LOG_WARNING, "%s: not destroyed for %s: %s", h->path,
                             s->peer->name, job->text);
        if (job->result > 0 && job->result != ATE_STALE && job->result != ATE_READ_ONLY)
            ate__answer_bad_signature(s->peer);
        end(x, job->result, job->text);
        return;
    }
    if (h->destroying || h->gone) {
        snprintf(job->text, sizeof job->text, "%s is being destroyed", h->path);
        end(x, ATE_BUSY, job->text);
        return;
    }
    h->destroying = x;
    h->held_until_ms = UINT64_MAX;
    x->waits = true;
    ate__loop_timer_start(x->timer, HOLD_MS);
    ate__destroy_go_on(h);
}

/* ---- DESTROY ---- */

static void tell_nonce(struct ate__stream *s, uint32_t request)
{
    struct ate__server *server = s->peer->server;
    struct ate__msg_destroyed m = {.request = request, .pin = ate__server_pin(server)};
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__wr w = ate__wr_of(&body);
    ate__random(server->conf.env, &m.nonce, sizeof m.nonce);
    ate__msg_destroyed_encode(&w, &m);
    if (ate__wr_end(&w)) {
        ate__buf_deinit(&body);
        ate__answer_refuse(s, request, ATE_E_MEMORY);
        return;
    }
    s->nonce = m.nonce;
    s->has_nonce = true;
    ate__peer_send(s->peer, ATE__MSG_DESTROYED, s->id, &body);
}

static int take(struct ate__stream *s, const struct ate__msg_destroy *m)
{
    struct ate__server *server = s->peer->server;
    struct ate__destroying *x = ate__alloc(sizeof *x);
    int rc = x ? ate__buf_append(&x->statement, m->statement) : ate__no_memory();
    if (!rc)
        rc = ate__loop_timer_new(server->loop, late, x, &x->timer);
    if (rc) {
        if (x)
            ate__buf_deinit(&x->statement);
        ate__free(x);
        return rc;
    }
    x->stream = ate__stream_ref(s);
    x->request = m->request;
    x->nonce = s->nonce;
    s->peer->destroying = true;
    s->peer->commit_bytes += x->statement.size;
    ate__peer_judge(s->peer);
    x->job.server = server;
    x->job.work = judge_work;
    x->job.done = judge_done;
    ate__job_start(&x->job, server->reads, 0);
    return 0;
}

static int check(const struct ate__stream *s, const struct ate__msg_destroy *m)
{
    const struct ate__server *server = s->peer->server;
    if (server->stopping)
        return ate__fail(ATE_OFFLINE, "the server is stopping");
    if (!server->conf.allow_destroy)
        return ate__fail(ATE_DENIED, "this server lets nobody destroy a chain (conf.allow_destroy, "
                                     "atedb --allow-destroy)");
    if (m->statement.size && !s->has_nonce)
        return ate__fail(ATE_STALE, "DESTROY: the server has drawn no number for it");
    if (m->statement.size && s->peer->destroying)
        return ate__fail(ATE_BUSY, "another order of this connection is being judged");
    if (m->statement.size && s->hosted->destroying)
        return ate__fail(ATE_BUSY, "%s is being destroyed", s->hosted->path);
    return 0;
}

void ate__destroy_asked(struct ate__stream *s, struct ate_bytes body)
{
    struct ate__msg_destroy m;
    int rc = ate__msg_destroy_decode(body, &m);
    if (rc) {
        ate__stream_fail(s, rc, ate__error_text());
        return;
    }
    rc = check(s, &m);
    if (!rc && !m.statement.size) {
        tell_nonce(s, m.request);
        return;
    }
    if (!rc)
        rc = take(s, &m);
    s->has_nonce = false; /* for one try */
    if (rc)
        ate__answer_refuse(s, m.request, rc);
}

int ate__destroy_check_held(const struct ate__hosted *h)
{
    return ate__loop_now_ms(h->server->loop) < h->held_until_ms
               ? ate__fail(ATE_BUSY, "the owner of %s is about to destroy it", h->path)
               : 0;
}
