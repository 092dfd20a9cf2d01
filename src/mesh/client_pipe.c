/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_pipe.c: what callers ask of a remote chain.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "chain/limits.h"
#include "chain/snapshot.h"
#include "mesh/client_remote.h"
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>

/* ---- calls ---- */

void ate__remote_submit(struct ate__remote *r, struct ate__call *call)
{
    pthread_mutex_lock(&r->mutex);
    call->next = NULL;
    *r->last_inbox = call;
    r->last_inbox = &call->next;
    bool post = !r->submit_posted;
    r->submit_posted = true;
    pthread_mutex_unlock(&r->mutex);
    if (post)
        ate__loop_post(r->loop, &r->submit_task);
}

void ate__remote_take_inbox(struct ate__loop_task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, submit_task);
    pthread_mutex_lock(&r->mutex);
    struct ate__call *call = r->inbox;
    r->inbox = NULL;
    r->last_inbox = &r->inbox;
    r->submit_posted = false;
    pthread_mutex_unlock(&r->mutex);
    while (call) {
        struct ate__call *next = call->next;
        ate__client_submit(r->client, call);
        call = next;
    }
}

static uint64_t deadline_ms(const struct ate__remote *r, int64_t timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : ate__monotonic_ms(r->conf.env) + (uint64_t)timeout_ms;
}

/* A semaphore, because who is woken by it needs nothing else that the waker holds, and may end it
 * at once. */
static void wait_for(sem_t *answered)
{
    while (sem_wait(answered) && errno == EINTR)
        ;
}

static void wake_waiter(struct ate__call *call)
{
    sem_post(call->user);
}

static int would_deadlock(const struct ate__remote *r)
{
    return ate__loop_here(r->loop)
               ? ate__fail(ATE_WOULD_DEADLOCK,
                           "a call that waits, inside a callback of the network")
               : 0;
}

int ate__remote_wait(struct ate__remote *r, struct ate__call *call)
{
    sem_t answered;
    int rc = would_deadlock(r);
    if (rc)
        return rc;
    sem_init(&answered, 0, 0);
    call->deadline_ms = deadline_ms(r, r->conf.timeout_ms);
    call->patient = true;
    call->done = wake_waiter;
    call->user = &answered;
    ate__remote_submit(r, call);
    wait_for(&answered);
    sem_destroy(&answered);
    if (call->result)
        ate__error_set(call->text);
    return call->result;
}

/* ---- references ---- */

static struct ate__pipe *remote_ref(struct ate__pipe *p)
{
    atomic_fetch_add_explicit(&ate__remote_of(p)->refs, 1, memory_order_relaxed);
    return p;
}

static void remote_unref(struct ate__pipe *p)
{
    if (p && atomic_fetch_sub_explicit(&ate__remote_of(p)->refs, 1, memory_order_acq_rel) == 1)
        ate__remote_free(ate__remote_of(p));
}

/* ---- what it is ---- */

static struct ate__chain *chain_of(struct ate__pipe *p)
{
    return ate__mirror_chain(ate__remote_of(p)->mirror);
}

static struct ate__chain *remote_chain(struct ate__pipe *p)
{
    return p->thin ? NULL : chain_of(p);
}

static struct ate__trust *remote_trust(struct ate__pipe *p)
{
    return p->thin ? ate__remote_of(p)->trust : ate__chain_trust(chain_of(p));
}

static bool remote_created(struct ate__pipe *p)
{
    return ate__remote_of(p)->created;
}

static bool remote_read_only(struct ate__pipe *p)
{
    struct ate__remote *r = ate__remote_of(p);
    pthread_mutex_lock(&r->mutex);
    bool read_only = r->read_only;
    pthread_mutex_unlock(&r->mutex);
    return read_only;
}

/* A mirror's own, else the server's, which says that it has some, and shows nothing behind it. */
static bool remote_damage(struct ate__pipe *p, struct ate__storage_damage *ret_damage)
{
    struct ate__remote *r = ate__remote_of(p);
    *ret_damage = (struct ate__storage_damage){.what = ATE_OK};
    if (!p->thin && ate__chain_damage(chain_of(p), ret_damage))
        return true;
    pthread_mutex_lock(&r->mutex);
    if (r->read_only) {
        ret_damage->what = ATE_TAMPERED;
        ret_damage->sequence = r->opened_size;
        snprintf(ret_damage->text, sizeof ret_damage->text,
                 "the server found damage there, which its log tells");
    }
    pthread_mutex_unlock(&r->mutex);
    return ret_damage->what != ATE_OK;
}

/* ---- reading ---- */

static int source_get(void *arg, const struct ate__msg_get *get, const struct ate_hash *at_root,
                      struct ate__buf *ret_body, struct ate__head *ret_head)
{
    struct ate__call *call = ate__alloc(sizeof *call);
    if (!call)
        return ate__no_memory();
    call->kind = ATE__CALL_GET;
    call->get = *get;
    call->at_root = *at_root;
    int rc = ate__remote_wait(arg, call);
    /* Who signs for the chain root keys have signed, in whatever chain. */
    if (!rc && get->kind != ATE__GET_LOG_KEYS)
        rc = ate__remote_believe(arg, &call->head);
    if (!rc) {
        *ret_body = call->got;
        *ret_head = call->head;
    } else {
        ate__buf_deinit(&call->got);
    }
    ate__free(call);
    return rc;
}

static struct ate__head source_newest(void *arg)
{
    struct ate__remote *r = arg;
    pthread_mutex_lock(&r->mutex);
    struct ate__head newest = r->newest;
    pthread_mutex_unlock(&r->mutex);
    return newest;
}

static void source_condemn(void *arg, int result, const char *text)
{
    struct ate__remote *r = arg;
    pthread_mutex_lock(&r->mutex);
    bool post = !r->condemned;
    if (post) {
        r->condemned = result;
        snprintf(r->condemned_text, sizeof r->condemned_text, "%s", text);
    }
    pthread_mutex_unlock(&r->mutex);
    if (post)
        ate__loop_post(r->loop, &r->condemn_task);
}

void ate__remote_condemn(struct ate__loop_task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, condemn_task);
    if (r->client)
        ate__client_fail(r->client, r->condemned, r->condemned_text); /* written once, before */
}

void ate__remote_source(struct ate__remote *r)
{
    r->source = (struct ate__thin_source){
        .get = source_get, .newest = source_newest, .condemn = source_condemn, .arg = r};
}

static int remote_begin(struct ate__pipe *p, struct ate__snapshot **ret_snapshot)
{
    struct ate__remote *r = ate__remote_of(p);
    if (p->thin)
        return ate__thin_begin(p, &r->thin, &r->source, ret_snapshot);
    return ate__chain_snapshot_begin(chain_of(p), p, ret_snapshot);
}

static int remote_refresh(struct ate__snapshot *s)
{
    return s->pipe->thin ? ate__thin_refresh(s) : ate__chain_snapshot_refresh(s);
}

static int remote_committed(struct ate__snapshot *s, const struct ate__receipt *receipt)
{
    return s->pipe->thin ? ate__thin_committed(s, receipt) : ate__chain_snapshot_refresh(s);
}

static void remote_end(struct ate__snapshot *s)
{
    if (!s)
        return;
    if (s->pipe->thin)
        ate__thin_end(s);
    else
        ate__chain_snapshot_end(s);
}

static void remote_head(const struct ate__snapshot *s, uint64_t *ret_size,
                        struct ate_hash *ret_root)
{
    if (s->pipe->thin)
        ate__thin_head(s, ret_size, ret_root);
    else
        ate__chain_snapshot_head(s, ret_size, ret_root);
}

static const struct ate__facts *remote_facts(struct ate__snapshot *s)
{
    return s->pipe->thin ? ate__thin_facts(s) : ate__chain_snapshot_facts(s);
}

static int remote_event(struct ate__snapshot *s, const struct ate_id *id, struct ate__buf *buf,
                        struct ate__event *ret_event, struct ate__authors *ret_authors)
{
    return s->pipe->thin ? ate__thin_event(s, id, buf, ret_event, ret_authors)
                         : ate__chain_snapshot_event(s, id, buf, ret_event, ret_authors);
}

static int remote_still(struct ate__snapshot *s, const struct ate_id *id, uint64_t sequence,
                        uint64_t seen)
{
    return s->pipe->thin ? ATE_NOT_FOUND : ate__chain_snapshot_still(s, id, sequence, seen);
}

/* ---- room ---- */

/* Room for what nobody waits for: an offer of `bytes`, or an ask. */
static int take_room(struct ate__remote *r, size_t bytes)
{
    int rc = 0;
    pthread_mutex_lock(&r->mutex);
    if (r->unanswered >= ATE__WAITING_MAX || r->unanswered_bytes + bytes > ATE__WAITING_BYTES_MAX)
        rc = ate__fail(ATE_BUSY, "%s: %d requests or %d bytes wait for an answer already", r->peer,
                       ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
    else {
        r->unanswered++;
        r->unanswered_bytes += bytes;
    }
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static void give_room(struct ate__remote *r, size_t bytes)
{
    pthread_mutex_lock(&r->mutex);
    r->unanswered--;
    r->unanswered_bytes -= bytes;
    pthread_mutex_unlock(&r->mutex);
}

/* ---- writing ---- */

/* An offer on its way. One that is waited for is completed by the thread that waits. */
struct sending {
    struct ate__call call;
    struct ate__remote *remote;
    struct ate__offer *offer;
    sem_t answered; /* only where it is waited for */
};

static int decode(const struct sending *s, struct ate__tx *ret_tx)
{
    const struct ate__offer *offer = s->offer;
    const struct ate__own *own = offer->own;
    return own ? ate__tx_decode_own(offer->encoded, own->events, own->event_count, &own->hash,
                                    ret_tx)
               : ate__tx_decode(offer->encoded, s->remote->alg, ret_tx);
}

/* A commit of this client is a transaction that it knows: the keys in it are the chain's now, and
 * what it changed need not be asked for. What fails here costs bytes later, no more. */
static void learn(struct sending *s)
{
    struct ate__tx tx;
    if (!s->remote->base.thin || decode(s, &tx))
        return;
    (void)!ate__thin_learn(&s->remote->thin, &tx, s->call.receipt.sequence);
    ate__thin_own_note(&s->remote->thin.own, &tx, s->call.receipt.sequence);
    ate__tx_deinit(&tx);
}

/* The offer gets its answer; afterwards it is the submitter's again. */
static void complete(struct sending *s)
{
    struct ate__offer *offer = s->offer;
    offer->result = s->call.result;
    snprintf(offer->text, sizeof offer->text, "%.500s", s->call.result ? s->call.text : "");
    offer->receipt = s->call.receipt;
    offer->verdict = s->call.verdict;
    if (!s->call.result)
        learn(s);
    if (offer->waits)
        sem_destroy(&s->answered);
    ate__buf_deinit(&s->call.attested);
    ate__free(s);
    if (offer->done)
        offer->done(offer);
}

static void on_answer(struct ate__call *call)
{
    struct sending *s = ATE__CONTAINER(call, struct sending, call);
    struct ate__remote *r = s->remote;
    if (s->offer->waits) {
        sem_post(&s->answered);
        return;
    }
    give_room(r, call->tx.size);
    complete(s);
}

static int read_tx(struct sending *s)
{
    struct ate__tx tx;
    int rc = decode(s, &tx);
    if (rc)
        return ate__context(rc, "commit");
    s->call.tx = s->offer->encoded;
    s->call.tx_hash = tx.hash;
    s->call.signature_section = tx.signature_section;
    s->call.unsigned_there = ate__remote_attests(s->remote) && !tx.signature_count;
    s->call.session = s->remote->conf.session;
    if (s->offer->own) {
        s->call.keys = s->offer->own->keys;
        s->call.key_count = s->offer->own->key_count;
    }
    s->call.id = tx.id;
    ate__tx_deinit(&tx);
    return 0;
}

/* ---- an offer that is refused at once: done() must not come inside offer() ---- */

struct refusal { /* in the offer's private part */
    struct ate__loop_task task;
    struct ate__loop *loop;
};
_Static_assert(sizeof(struct refusal) <= sizeof((struct ate__offer *)0)->private_, "it fits");

static void tell_refusal(struct ate__loop_task *task)
{
    struct ate__offer *offer = ATE__CONTAINER(task, struct ate__offer, private_);
    if (offer->done)
        offer->done(offer);
}

static void refuse(struct ate__remote *r, struct ate__offer *offer, int rc)
{
    offer->result = rc;
    snprintf(offer->text, sizeof offer->text, "%.500s", ate__error_text());
    if (offer->waits) {
        offer->private_[0] = NULL; /* wait() tells */
        return;
    }
    offer->at_once = rc == ATE_BUSY || rc == ATE_E_MEMORY ? rc : 0;
    struct refusal *refusal = (struct refusal *)(void *)offer->private_;
    refusal->task.run = tell_refusal;
    ate__loop_post(r->loop, &refusal->task);
}

static void remote_offer(struct ate__pipe *p, struct ate__offer *offer)
{
    struct ate__remote *r = ate__remote_of(p);
    struct sending *s = ate__alloc(sizeof *s);
    offer->at_once = 0;
    if (!s) {
        refuse(r, offer, ate__no_memory());
        return;
    }
    s->remote = r;
    s->offer = offer;
    int rc = read_tx(s);
    if (!rc)
        rc = offer->waits ? 0 : take_room(r, offer->encoded.size);
    if (rc) {
        ate__free(s);
        refuse(r, offer, rc);
        return;
    }
    if (offer->waits)
        sem_init(&s->answered, 0, 0);
    s->call.kind = ATE__CALL_COMMIT;
    s->call.deadline_ms = deadline_ms(r, offer->timeout_ms);
    s->call.patient = offer->waits;
    s->call.done = on_answer;
    offer->private_[0] = s;
    ate__remote_submit(r, &s->call);
}

static void remote_wait(struct ate__pipe *p, struct ate__offer *offer)
{
    struct sending *s = offer->private_[0];
    (void)p;
    if (!s) {
        if (offer->done)
            offer->done(offer);
        return;
    }
    wait_for(&s->answered);
    complete(s);
}

/* ---- asking, following ---- */

struct asking { /* an ask on its way; one that is waited for is completed by who waits */
    struct ate__call call;
    struct ate__remote *remote;
    struct ate__ask *ask;
    sem_t answered; /* only where it is waited for */
};

/* The ask gets its answer; afterwards it is the submitter's again. */
static void complete_ask(struct asking *a)
{
    struct ate__ask *ask = a->ask;
    if (a->call.result)
        ate__error_set(a->call.text);
    ate__ask_answer(ask, a->call.result, &a->call.receipt);
    if (ask->waits)
        sem_destroy(&a->answered);
    ate__free(a);
}

static void on_ask_answered(struct ate__call *call)
{
    struct asking *a = ATE__CONTAINER(call, struct asking, call);
    struct ate__ask *ask = a->ask;
    if (ask->waits) {
        sem_post(&a->answered);
        return;
    }
    give_room(a->remote, 0);
    complete_ask(a);
    ask->done(ask);
}

static int remote_ask(struct ate__pipe *p, struct ate__ask *ask)
{
    struct ate__remote *r = ate__remote_of(p);
    int rc = ask->waits ? would_deadlock(r) : take_room(r, 0);
    if (rc)
        return rc;
    struct asking *a = ate__alloc(sizeof *a);
    if (!a) {
        if (!ask->waits)
            give_room(r, 0);
        return ate__no_memory();
    }
    a->remote = r;
    a->ask = ask;
    a->call.kind = ask->kind == ATE__ASK_SYNC ? ATE__CALL_SYNC : ATE__CALL_OUTCOME;
    a->call.id = ask->id;
    a->call.tx_hash = ask->tx_hash;
    a->call.deadline_ms = deadline_ms(r, r->conf.timeout_ms);
    a->call.patient = true;
    a->call.done = on_ask_answered;
    if (ask->waits)
        sem_init(&a->answered, 0, 0);
    ask->owner = a;
    ate__remote_submit(r, &a->call);
    return 0;
}

static void remote_await(struct ate__pipe *p, struct ate__ask *ask)
{
    struct asking *a = ask->owner;
    (void)p;
    wait_for(&a->answered);
    complete_ask(a);
}

static int no_history(void)
{
    return ate__fail(ATE_UNSUPPORTED,
                     "a thin chain has no history here: open it with a mirror to read it");
}

static int remote_history(struct ate__pipe *p, uint64_t from, ate__history_fn *each, void *arg)
{
    return p->thin ? no_history() : ate__chain_history(chain_of(p), from, UINT64_MAX, each, arg);
}

static int remote_listen(struct ate__pipe *p, struct ate__listener *l)
{
    if (p->thin)
        return no_history();
    ate__chain_listen(chain_of(p), l);
    return 0;
}

static void remote_unlisten(struct ate__pipe *p, struct ate__listener *l)
{
    if (!p->thin)
        ate__chain_unlisten(chain_of(p), l);
}

const struct ate__pipe_vtable ate__remote_vtable = {
    .ref = remote_ref,
    .unref = remote_unref,
    .trust = remote_trust,
    .created = remote_created,
    .chain = remote_chain,
    .begin = remote_begin,
    .refresh = remote_refresh,
    .committed = remote_committed,
    .end = remote_end,
    .head = remote_head,
    .facts = remote_facts,
    .event = remote_event,
    .still = remote_still,
    .offer = remote_offer,
    .wait = remote_wait,
    .ask = remote_ask,
    .await = remote_await,
    .history = remote_history,
    .listen = remote_listen,
    .unlisten = remote_unlisten,
    .damage = remote_damage,
    .read_only = remote_read_only,
    .far = &ate__remote_far,
};
