/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * async.c: the _async forms. A commit, a sync and an outcome go through the pipe, which answers
 * when it has an answer; the waiting forms wait for the same. An open waits inside, on a thread
 * that lasts as long as it does (docs/decisions/0019), and there is a limit to how many of these a
 * process has.
 */
#include "api/api.h"
#include "api/limits.h"
#include "api/loop.h"
#include "base/thread.h"
#include <stdio.h>

struct job { /* one asynchronous call */
    struct ate__callback call;
    ate_done_fn *done;
    void *arg;
    int result;
    char text[512];
    void (*give)(struct job *j); /* writes what is returned; in the loop, result 0 */
    void (*discard)(struct job *j); /* what was made for nobody; NULL: nothing */
};

static void job_free(struct job *j)
{
    if (j->discard)
        j->discard(j);
    ate__free(j);
}

static void run_done(struct ate__callback *c)
{
    struct job *j = ATE__CONTAINER(c, struct job, call);
    ate_done_fn *done = j->done;
    void *arg = j->arg;
    int result = j->result;
    if (!result)
        j->give(j);
    else
        ate__error_set(j->text);
    job_free(j);
    done(arg, result);
}

static void drop(struct ate__callback *c)
{
    job_free(ATE__CONTAINER(c, struct job, call));
}

static void set_result(struct job *j, int rc)
{
    j->result = rc;
    if (rc)
        snprintf(j->text, sizeof j->text, "%s", ate__error_text());
}

static int job_begin(struct job *j, struct ate_loop *loop, ate_done_fn *done, void *arg)
{
    j->done = done;
    j->arg = arg;
    j->call.run = run_done;
    j->call.drop = drop;
    return done ? ate__callback_begin(loop, &j->call)
                : ate__fail(ATE_MISUSE, "an asynchronous call needs a callback");
}

/* The submission failed after all. */
static void job_abandon(struct job *j)
{
    ate__callback_abandon(&j->call);
    job_free(j);
}

/* ---- open ---- */

struct open_job {
    struct job job;
    struct ate_chain **ret_chain, *opened;
    struct ate_session *session;
    struct ate_chain_conf conf;
    char *where, *root, *pin, *mirror_dir, *state_dir;
    struct ate__lookup *lookup; /* what conf's points to, and its texts */
    struct ate_lookup given;
    struct ate_compact_when compact;
    unsigned flags;
};

static atomic_uint waiters; /* opens that have a thread */

static void *run_open(void *arg)
{
    struct open_job *o = arg;
    set_result(&o->job, ate_chain_open(o->where, o->session, o->flags, &o->conf, &o->opened));
    atomic_fetch_sub(&waiters, 1); /* before it is due: its callback may start the next */
    ate__callback_due(&o->job.call);
    return NULL;
}

static int start_thread(struct open_job *o)
{
    pthread_attr_t detached;
    pthread_t thread;
    if (atomic_fetch_add(&waiters, 1) >= ATE__WAITERS_MAX) {
        atomic_fetch_sub(&waiters, 1);
        return ate__fail(ATE_BUSY, "%d asynchronous opens are under way", ATE__WAITERS_MAX);
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int error = ate__thread_start(&thread, &detached, run_open, o);
    pthread_attr_destroy(&detached);
    if (!error)
        return 0;
    atomic_fetch_sub(&waiters, 1);
    return ate__fail_errno(error, "a thread for an asynchronous open");
}

static void open_give(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    *o->ret_chain = ate__steal(&o->opened);
}

static void open_discard(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    ate_chain_close(o->opened);
    ate__session_unref(o->session);
    ate__free(o->where);
    ate__free(o->root);
    ate__free(o->pin);
    ate__free(o->mirror_dir);
    ate__free(o->state_dir);
    ate__session_unref(o->compact.session);
    ate__lookup_free(o->lookup);
}

static int copy_text(const char *from, char **to, const char **conf)
{
    *to = from ? ate__copy_text(from) : NULL;
    *conf = *to;
    return from && !*to ? ate__no_memory() : 0;
}

/* Of what conf points to: the caller's may be gone before the open begins. */
static int copy_pointed(struct open_job *o, const struct ate_chain_conf *conf)
{
    if (conf->compact) {
        o->compact = *conf->compact;
        if (o->compact.session)
            ate__session_ref(o->compact.session);
        o->conf.compact = &o->compact;
    }
    if (!conf->lookup)
        return 0;
    const struct ate__lookup given = {conf->lookup->dns_server, conf->lookup->dns_anchor,
                                      conf->lookup->authorities};
    int rc = ate__lookup_copy(&given, &o->lookup);
    if (rc)
        return rc;
    o->given = (struct ate_lookup){.dns_server = o->lookup->dns_server,
                                   .dns_anchor = o->lookup->dns_anchor,
                                   .authorities = o->lookup->authorities};
    o->conf.lookup = &o->given;
    return 0;
}

int ate_chain_open_async(const char *where, struct ate_session *session, unsigned flags,
                         const struct ate_chain_conf *conf, struct ate_chain **ret_chain,
                         struct ate_loop *loop, ate_done_fn *done, void *arg)
{
    static const struct ate_chain_conf defaults;
    const char *ignored;
    if (!where || !ret_chain)
        return ate__fail(ATE_MISUSE, "chain: nothing to open, or nowhere to put it");
    struct open_job *o = ate__alloc(sizeof *o);
    if (!o)
        return ate__no_memory();
    conf = conf ? conf : &defaults;
    o->job.give = open_give;
    o->job.discard = open_discard;
    o->conf = *conf;
    o->flags = flags;
    o->ret_chain = ret_chain;
    o->session = session ? ate__session_ref(session) : NULL;
    int rc = copy_text(where, &o->where, &ignored);
    if (!rc)
        rc = copy_text(conf->root, &o->root, &o->conf.root);
    if (!rc)
        rc = copy_text(conf->pin, &o->pin, &o->conf.pin);
    if (!rc)
        rc = copy_text(conf->mirror_dir, &o->mirror_dir, &o->conf.mirror_dir);
    if (!rc)
        rc = copy_text(conf->state_dir, &o->state_dir, &o->conf.state_dir);
    if (!rc)
        rc = copy_pointed(o, conf);
    if (!rc)
        rc = job_begin(&o->job, loop, done, arg);
    if (rc) {
        job_free(&o->job);
        return rc;
    }
    rc = start_thread(o);
    if (rc)
        job_abandon(&o->job);
    return rc;
}

/* ---- sync, outcome ---- */

struct receipt_job {
    struct job job;
    struct ate_receipt *ret_receipt, receipt;
    struct ate__ask ask;
    struct ate_txn *txn;
    unsigned renewals; /* after STALE_KEY */
};
enum { RENEWALS_MAX = 16 }; /* on a remote chain half of them catch up */

static void receipt_give(struct job *j)
{
    struct receipt_job *r = (struct receipt_job *)j;
    if (r->ret_receipt)
        *r->ret_receipt = r->receipt;
}

static int receipt_job_new(struct ate_receipt *ret_receipt, struct ate_loop *loop,
                           ate_done_fn *done, void *arg, struct receipt_job **ret_job)
{
    struct receipt_job *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    r->job.give = receipt_give;
    r->ret_receipt = ret_receipt;
    int rc = job_begin(&r->job, loop, done, arg);
    if (rc) {
        job_free(&r->job);
        return rc;
    }
    *ret_job = r;
    return 0;
}

static void ask_run(struct ate__callback *c)
{
    struct receipt_job *r = ATE__CONTAINER(c, struct receipt_job, job.call);
    int rc = r->ask.result;
    if (rc)
        ate__error_set(r->ask.text);
    else
        ate__receipt_fill(&r->ask.receipt, &r->receipt);
    set_result(&r->job, rc);
    run_done(c);
}

static void ask_done(struct ate__ask *ask)
{
    struct receipt_job *r = ask->user;
    ate__callback_due(&r->job.call);
}

/* The chain may be closed as soon as it was asked: the pipe's end completes what is under way. */
static int ask_async(struct ate_chain *chain, enum ate__ask_kind kind, struct ate_txn_id id,
                     struct receipt_job *r)
{
    r->job.call.run = ask_run;
    r->ask.kind = kind;
    r->ask.id = ate__txn_id_of(id);
    r->ask.tx_hash = id.hash;
    r->ask.done = ask_done;
    r->ask.user = r;
    int rc = chain->pipe->v->ask(chain->pipe, &r->ask);
    if (rc)
        job_abandon(&r->job);
    return rc;
}

int ate_chain_sync_async(struct ate_chain *chain, struct ate_receipt *ret_receipt,
                         struct ate_loop *loop, ate_done_fn *done, void *arg)
{
    struct receipt_job *r;
    int rc = receipt_job_new(ret_receipt, loop, done, arg, &r);
    return rc ? rc : ask_async(chain, ATE__ASK_SYNC, (struct ate_txn_id){.number = 0}, r);
}

int ate_outcome_async(struct ate_chain *chain, struct ate_txn_id id,
                      struct ate_receipt *ret_receipt, struct ate_loop *loop, ate_done_fn *done,
                      void *arg)
{
    struct receipt_job *r;
    int rc = receipt_job_new(ret_receipt, loop, done, arg, &r);
    return rc ? rc : ask_async(chain, ATE__ASK_OUTCOME, id, r);
}

/* ---- commit ---- */

static void commit_done(void *arg)
{
    struct receipt_job *r = arg;
    ate__callback_due(&r->job.call);
}

/* The callback, which has run, is due once more. */
static int offer_again(struct receipt_job *r)
{
    int rc = ate__callback_begin(r->job.call.loop, &r->job.call);
    if (rc)
        return rc;
    rc = ate__txn_offer_again(r->txn, commit_done, r, &r->receipt);
    if (rc)
        ate__callback_abandon(&r->job.call);
    return rc;
}

/* The answer is taken in inside the loop, on the transaction's own thread. */
static void commit_run(struct ate__callback *c)
{
    struct receipt_job *r = ATE__CONTAINER(c, struct receipt_job, job.call);
    bool again;
    int rc = ate__txn_finish_again(r->txn, &r->receipt, &again);
    if (again && r->renewals++ < RENEWALS_MAX) {
        rc = offer_again(r);
        if (!rc)
            return;
    }
    set_result(&r->job, rc == ATE_END ? 0 : rc);
    run_done(c);
}

/* The loop is gone before the callback ran. */
static void commit_drop(struct ate__callback *c)
{
    struct receipt_job *r = ATE__CONTAINER(c, struct receipt_job, job.call);
    ate__txn_forget(r->txn);
    drop(c);
}

int ate_txn_commit_async(struct ate_txn *txn, struct ate_receipt *ret_receipt,
                         struct ate_loop *loop, ate_done_fn *done, void *arg)
{
    struct receipt_job *r;
    int rc = receipt_job_new(ret_receipt, loop, done, arg, &r);
    if (rc)
        return rc;
    r->txn = txn;
    r->job.call.run = commit_run;
    r->job.call.drop = commit_drop;
    rc = ate__txn_offer(txn, false, commit_done, r, &r->receipt);
    if (rc == ATE_END) { /* there is nothing to wait for */
        r->job.call.run = run_done;
        r->job.call.drop = drop;
        ate__callback_due(&r->job.call);
        return 0;
    }
    if (rc)
        job_abandon(&r->job);
    return rc;
}
