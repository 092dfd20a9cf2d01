/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_notes.c: what a server signs by itself, against what was verified of its chain.
 *
 * One note is judged at a time, and of those that come meanwhile the newest waits.
 *
 *     mirror   once all that it signs was taken in: by the log keys and the tree that are here
 *     thin     log keys are asked for, then, where it signs another size than the head that came
 *              with them, which extends all that was ever seen, the proof of the two
 *
 * In between the owner of the chain may look how long ago the last one held (conf.look()).
 *
 * What takes long, and files, are a worker's; the rest the loop's. What is no fault of the server's
 * (it is away, the note's key is not in force any more) leaves things as they are; all else is
 * final, and told before.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/signed.h"
#include "mesh/client_remote.h"
#include <stdio.h>

enum { ANSWER_MS = 30000, THIN_MS = 30000 };

uint32_t ate__remote_note_ms(const struct ate__remote *r)
{
    return r->base.thin ? THIN_MS : 0;
}

/* --- verdicts --- */

static bool passes(int rc)
{
    switch (rc) {
    case ATE_OFFLINE:
    case ATE_TIMEOUT:
    case ATE_BUSY:
    case ATE_CANCELED:
    case ATE_UNKNOWN:
    case ATE_UNTRUSTED:
    case ATE_UNSUPPORTED: return true;
    default: return rc < 0;
    }
}

/* Whoever signs with ML-DSA says that he knows of no larger head. */
static int check_order(const struct ate__checkpoint *last, const struct ate__checkpoint *now)
{
    if (now->size >= last->size || now->time_s < last->time_s)
        return 0;
    return ate__fail(ATE_ROLLED_BACK,
                     "the server signs a head of %llu transactions, after one of %llu",
                     (unsigned long long)now->size, (unsigned long long)last->size);
}

static void tell(struct ate__remote *r, int rc)
{
    struct ate__judging *j = &r->judging;
    if (!rc)
        rc = check_order(&j->last, &j->checkpoint);
    if (!rc && j->checkpoint.size >= j->last.size)
        j->last = j->checkpoint;
    if (r->conf.noted)
        rc = r->conf.noted(r->conf.arg, rc, ate__buf_bytes(&j->note), &j->checkpoint);
    if (!rc || passes(rc))
        return;
    pthread_mutex_lock(&r->mutex);
    r->evidence_kept = true; /* what there is of it: that note */
    pthread_mutex_unlock(&r->mutex);
    r->source.condemn(r->source.arg, rc, ate__error_text());
}

/* --- a mirror --- */

/* What it covers of a centralized chain is shown from now on. */
static int judge_here(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    struct ate__chain *c = ate__mirror_chain(r->mirror);
    int rc = ate__chain_check_note(c, ate__buf_bytes(&j->note), &j->checkpoint);
    return rc ? rc : ate__chain_believe(c, &j->checkpoint, ate__buf_bytes(&j->note));
}

/* --- a thin chain --- */

static int check_signature(struct ate__remote *r)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__judging *j = &r->judging;
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    struct ate__msg_got got;
    size_t count = 0;
    int rc = ate__msg_got_decode(ate__buf_bytes(&j->call.got), &got);
    if (!rc)
        rc = ate__thin_log_keys(&r->thin, &j->call.head, &got, &bytes);
    for (size_t at = 0; !rc && at < bytes.size; at += ATE__LOG_PUBLIC)
        key[count++] = ate__bytes(bytes.data + at, ATE__LOG_PUBLIC);
    return rc ? rc : ate__checkpoint_verify(ate__buf_bytes(&j->note), key, count, &j->checkpoint);
}

static int fail_forked(const struct ate__remote *r)
{
    return ate__fail(ATE_FORKED,
                     "%s: the server signs a head of %llu transactions that is not one of the "
                     "history that it shows",
                     r->peer, (unsigned long long)r->judging.checkpoint.size);
}

/* What it does not prove, it cannot: each size that there ever was can be proven. */
static int check_proof(const struct ate__remote *r)
{
    const struct ate__judging *j = &r->judging;
    const struct ate__checkpoint *c = &j->checkpoint;
    const struct ate__head *h = &j->head;
    struct ate__msg_proven m;
    int rc = j->call.result;
    if (rc)
        return passes(rc) ? rc : fail_forked(r);
    rc = ate__msg_proven_decode(ate__buf_bytes(&j->call.got), &m);
    if (!rc && m.kind != ATE__PROVE_CONSISTENCY)
        rc = ATE_TAMPERED;
    if (!rc)
        rc = c->size < h->size
                 ? ate__merkle_check_consistency(c->size, &c->root, h->size, &h->root, &m.path)
                 : ate__merkle_check_consistency(h->size, &h->root, c->size, &c->root, &m.path);
    return rc == ATE_TAMPERED ? fail_forked(r) : rc;
}

/* ATE_END: a proof is to be asked for. */
static int judge_thin(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    if (j->call.kind == ATE__CALL_PROVE)
        return check_proof(r);
    int rc = j->call.result ? j->call.result : check_signature(r);
    j->head = j->call.head;
    if (rc || j->checkpoint.size != j->head.size)
        return rc ? rc : ATE_END;
    return ate__hash_equal(&j->checkpoint.root, &j->head.root) ? 0 : fail_forked(r);
}

static void judge(struct ate__task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, judging.task);
    struct ate__judging *j = &r->judging;
    if (j->looks) {
        j->look_again_ms = r->conf.look(r->conf.arg);
        ate__loop_post(r->loop, &j->back);
        return;
    }
    if (r->base.thin && j->call.result)
        ate__error_set(j->call.text);
    int rc = r->base.thin ? judge_thin(r) : judge_here(r);
    ate__buf_deinit(&j->call.got);
    j->wants_proof = rc == ATE_END;
    if (!j->wants_proof)
        tell(r, rc);
    ate__loop_post(r->loop, &j->back);
}

/* --- on the loop --- */

static void start_judge(struct ate__remote *r)
{
    if (r->conf.workers)
        ate__workers_submit(r->conf.workers, &r->judging.task, 0);
    else
        judge(&r->judging.task);
}

static void answered(struct ate__call *call)
{
    struct ate__remote *r = call->user;
    if (!r->judging.stopped)
        start_judge(r);
}

static void ask(struct ate__remote *r, enum ate__call_kind kind)
{
    struct ate__judging *j = &r->judging;
    uint64_t a = j->checkpoint.size, b = j->head.size;
    j->call = (struct ate__call){
        .kind = kind,
        .deadline_ms = ate__monotonic_ms(r->conf.env) + ANSWER_MS,
        .get = {.kind = ATE__GET_LOG_KEYS},
        .prove = {.kind = ATE__PROVE_CONSISTENCY, .first = a < b ? a : b, .size = a < b ? b : a},
        .done = answered,
        .user = r,
    };
    ate__client_submit(r->client, &j->call);
}

static bool take_next(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    pthread_mutex_lock(&r->mutex);
    bool may = !r->final && (r->base.thin || j->next_claim.size <= r->newest.size);
    pthread_mutex_unlock(&r->mutex);
    if (!j->open || j->busy || j->stopped || !j->next.size || !may)
        return false;
    struct ate__buf before = j->note;
    j->note = j->next;
    j->next = before;
    ate__buf_clear(&j->next);
    j->checkpoint = j->next_claim;
    j->busy = true;
    return true;
}

static bool take_look(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    if (!j->open || j->busy || j->stopped || !j->look_due)
        return false;
    j->look_due = false;
    j->busy = j->looks = true;
    return true;
}

static void look_fire(void *arg)
{
    struct ate__remote *r = arg;
    r->judging.look_due = true;
    ate__remote_judge(r);
}

void ate__remote_judge(struct ate__remote *r)
{
    if (take_look(r)) {
        start_judge(r);
        return;
    }
    if (!take_next(r))
        return;
    if (r->base.thin)
        ask(r, ATE__CALL_GET);
    else
        start_judge(r);
}

static void on_back(struct ate__loop_task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, judging.back);
    struct ate__judging *j = &r->judging;
    if (j->stopped)
        return;
    if (!j->looks && j->wants_proof) {
        ask(r, ATE__CALL_PROVE);
        return;
    }
    if (j->looks && j->look_again_ms)
        ate__loop_timer_start(j->timer, j->look_again_ms);
    j->busy = j->looks = false;
    if (r->mirror && ate__remote_attests(r))
        ate__remote_believed(r);
    ate__remote_judge(r);
}

int ate__remote_note(struct ate__remote *r, const struct ate__msg_note *m)
{
    struct ate__judging *j = &r->judging;
    struct ate__checkpoint claim;
    int rc = ate__checkpoint_parse(m->note, &claim);
    if (!rc && !ate__hash_equal(&claim.chain_id, &r->chain_id))
        rc = ate__fail(ATE_BAD_PEER, "NOTE: a checkpoint of another chain");
    if (rc)
        return rc;
    ate__buf_clear(&j->next);
    rc = ate__buf_append(&j->next, m->note);
    if (rc)
        return rc;
    j->next_claim = claim;
    ate__remote_judge(r);
    return 0;
}

/* --- a fork that shows elsewhere --- */

static void keep_evidence(struct ate__task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, forking.task);
    struct ate__forking *f = &r->forking;
    ate__error_set(f->text);
    f->result = r->conf.forked(r->conf.arg, f->result);
    snprintf(f->text, sizeof f->text, "%s", ate__error_text());
    ate__loop_post(r->loop, &f->back);
}

static void on_kept(struct ate__loop_task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, forking.back);
    if (r->client)
        ate__client_condemned(r->client, r->forking.result, r->forking.text);
}

bool ate__remote_forked(struct ate__remote *r, int result, const char *text)
{
    pthread_mutex_lock(&r->mutex);
    bool may = r->judging.open && !r->judging.stopped && r->conf.forked && r->conf.workers &&
               !r->evidence_kept;
    r->evidence_kept = true;
    pthread_mutex_unlock(&r->mutex);
    if (!may)
        return false;
    r->forking.result = result;
    snprintf(r->forking.text, sizeof r->forking.text, "%s", text);
    ate__workers_submit(r->conf.workers, &r->forking.task, 0);
    return true;
}

/* --- life --- */

void ate__judging_init(struct ate__remote *r)
{
    r->judging.task.run = judge;
    r->judging.back.run = on_back;
    r->forking.task.run = keep_evidence;
    r->forking.back.run = on_kept;
}

int ate__judging_start(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    return r->conf.look ? ate__loop_timer_new(r->loop, look_fire, r, &j->timer) : 0;
}

void ate__judging_open(struct ate__remote *r)
{
    r->judging.open = true;
    r->judging.look_due = r->judging.timer;
    ate__remote_judge(r);
}

void ate__judging_stop(struct ate__remote *r)
{
    r->judging.stopped = true;
    ate__loop_timer_free(ate__steal(&r->judging.timer));
}

void ate__judging_wait(struct ate__remote *r)
{
    if (!r->conf.workers)
        return;
    while (ate__workers_cancel(r->conf.workers, &r->judging.task))
        continue;
    if (ate__workers_cancel(r->conf.workers, &r->forking.task))
        ate__loop_post(r->loop, &r->forking.back); /* with the sentence that it has */
}

static int hush_here(void *arg)
{
    struct ate__remote *r = arg;
    ate__judging_stop(r);
    r->conf.advanced = NULL;
    return 0;
}

void ate__remote_hush(struct ate__pipe *p)
{
    struct ate__remote *r = ate__remote_of(p);
    int rc = ate__loop_call(r->loop, hush_here, r);
    ate__assert(!rc);
    ate__judging_wait(r);
}

void ate__judging_deinit(struct ate__remote *r)
{
    struct ate__judging *j = &r->judging;
    ate__buf_deinit(&j->next);
    ate__buf_deinit(&j->note);
    ate__buf_deinit(&j->call.got);
}
