/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * txn_commit.c: committing: waited for, answered later, or not waited for at all.
 */
#include "dio/txn.h"
#include <stdio.h>

enum { RENEWALS_MAX = 8 }; /* of one commit, after STALE_KEY */

/* What the pipe is to be offered; END: there is nothing. */
static int build(struct ate_txn *t)
{
    t->conflict_count = 0;
    int rc = t->changes ? ate__txn_write(t) : ATE_END;
    if (!rc)
        rc = ate__txn_build(t);
    if (rc == ATE_END) /* preconditions alone: the view that was read had it so */
        ate__txn_drop_changes(t);
    return rc;
}

/* After a commit: on to the next one. receipt NULL: it has no answer yet. */
static void go_on(struct ate_txn *t, const struct ate__receipt *receipt)
{
    const struct ate__pipe_vtable *v = t->dio->pipe->v;
    ate__txn_drop_changes(t);
    ate__txn_draw_id(t);
    int rc = !t->snapshot ? 0
             : receipt    ? v->committed(t->snapshot, receipt)
                          : v->refresh(t->snapshot);
    if (rc) {
        /* It is committed all the same; the next read begins a new one, and says what is wrong. */
        v->end(t->snapshot);
        t->snapshot = NULL;
    }
}

/* ---- with an answer ---- */

static void offer_done(struct ate__offer *offer)
{
    struct ate_txn *t = offer->user;
    t->done(t->done_arg);
    ate__txn_let_go(t);
}

static void offer(struct ate_txn *t, bool waits, void (*done)(void *arg), void *arg)
{
    t->done = done;
    t->done_arg = arg;
    t->offered = true;
    atomic_store_explicit(&t->unasked, false, memory_order_relaxed);
    t->offer = (struct ate__offer){
        .encoded = ate__buf_bytes(&t->encoded),
        .own = &t->own,
        .waits = waits,
        .timeout_ms = t->dio->timeout_ms,
        .done = offer_done,
        .user = t,
    };
    atomic_fetch_add_explicit(&t->holds, 2, memory_order_relaxed); /* offer_done(), finish() */
    t->dio->pipe->v->offer(t->dio->pipe, &t->offer);
}

void ate__txn_wait(struct ate_txn *t)
{
    t->dio->pipe->v->wait(t->dio->pipe, &t->offer);
}

static void take_conflicts(struct ate_txn *t)
{
    const struct ate__verdict *v = &t->offer.verdict;
    for (uint32_t i = 0; i < v->conflict_count && i < ATE__CONFLICTS_MAX; i++)
        t->conflicts[i] = (struct ate_conflict){
            v->conflicts[i].id, (enum ate_result)v->conflicts[i].why, v->conflicts[i].sequence};
    t->conflict_count = v->conflict_count;
}

static void give_receipt(const struct ate__receipt *r, struct ate_receipt *ret_receipt)
{
    *ret_receipt = (struct ate_receipt){.stage = (enum ate_stage)r->stage};
    if (r->stage >= ATE__DURABLE) {
        ret_receipt->sequence = r->sequence;
        ret_receipt->head = r->head;
    }
}

/* The root has looked at it, and has not applied it under this id before. */
static bool is_judged(int result)
{
    switch (result) {
    case ATE_CONFLICT:
    case ATE_STALE_KEY:
    case ATE_DENIED:
    case ATE_MALFORMED:
    case ATE_UNSUPPORTED:
    case ATE_TOO_BIG:
    case ATE_OMITTED: return true;
    default: return false;
    }
}

/* What is made here is malformed only where another transaction has its id. */
static bool note_taken(struct ate__dio *d, int result)
{
    if (result == ATE_MALFORMED)
        atomic_store_explicit(&d->origin_taken, true, memory_order_relaxed);
    return result == ATE_MALFORMED;
}

static int take_answer(struct ate_txn *t, struct ate_receipt *ret_receipt)
{
    int result = t->offer.result;
    t->offered = false;
    if (result && t->frozen && !is_judged(result)) /* what came of the first offer, nobody said */
        return ate__fail(ATE_UNKNOWN, "%s", t->offer.text);
    t->frozen = result == ATE_UNKNOWN;
    if (note_taken(t->dio, result))
        ate__txn_draw_id(t);
    if (result) {
        take_conflicts(t);
        return ate__fail(result, "%s", t->offer.text);
    }
    give_receipt(&t->offer.receipt, ret_receipt);
    if (!t->ended)
        go_on(t, &t->offer.receipt);
    return 0;
}

int ate__txn_finish(struct ate_txn *t, struct ate_receipt *ret_receipt)
{
    int rc = take_answer(t, ret_receipt);
    ate__txn_let_go(t);
    return rc;
}

void ate__txn_forget(struct ate_txn *t)
{
    atomic_store_explicit(&t->unasked, true, memory_order_release);
    ate__txn_let_go(t);
}

bool ate__txn_is_offered(struct ate_txn *t)
{
    struct ate_receipt ignored;
    if (t->offered && atomic_load_explicit(&t->unasked, memory_order_acquire))
        (void)!take_answer(t, &ignored); /* what a refusal left pending can be committed again */
    return t->offered;
}

/* ---- without one ---- */

struct flight { /* what is on its way after the transaction went on */
    struct ate__offer offer;
    struct ate__dio *dio; /* which ends with all offers answered */
    struct ate__own own;
    struct ate__event_hashes *hashes;
    struct ate__buf encoded;
    atomic_uint holds;
};

static void flight_let_go(struct flight *f)
{
    if (atomic_fetch_sub_explicit(&f->holds, 1, memory_order_acq_rel) != 1)
        return;
    ate__buf_deinit(&f->encoded);
    ate__free(f->hashes);
    ate__free(f);
}

static void flight_done(struct ate__offer *offer)
{
    struct flight *f = offer->user;
    note_taken(f->dio, offer->result);
    flight_let_go(f);
}

/* Takes over what was built. */
static void flight_init(struct flight *f, struct ate_txn *t)
{
    f->dio = t->dio;
    f->hashes = ate__steal(&t->hashes);
    t->hash_capacity = 0;
    f->encoded = t->encoded;
    t->encoded = ATE__BUF_NULL;
    f->own = t->own;
    f->own.events = f->hashes;
    f->offer = (struct ate__offer){
        .encoded = ate__buf_bytes(&f->encoded),
        .own = &f->own,
        .timeout_ms = t->dio->timeout_ms,
        .done = flight_done,
        .user = f,
    };
    atomic_init(&f->holds, 2);
}

/* Of what was built. */
static int offer_unanswered(struct ate_txn *t, struct ate_receipt *ret_receipt)
{
    struct flight *f = ate__alloc(sizeof *f);
    if (!f)
        return ate__no_memory();
    flight_init(f, t);
    t->dio->pipe->v->offer(t->dio->pipe, &f->offer);
    int rc = f->offer.at_once;
    if (rc)
        ate__fail(rc, "%s", f->offer.text);
    flight_let_go(f);
    if (rc)
        return rc;
    *ret_receipt = (struct ate_receipt){.stage = ATE_QUEUED};
    go_on(t, NULL);
    return ATE_END;
}

/* ---- the calls ---- */

static _Thread_local bool in_callback;

void ate__set_in_callback(bool truth)
{
    in_callback = truth;
}

bool ate__in_callback(void)
{
    return in_callback;
}

int ate__check_may_wait(void)
{
    return in_callback ? ate__fail(ATE_WOULD_DEADLOCK,
                                   "a waiting call inside a callback: use its _async form")
                       : 0;
}

int ate__txn_offer(struct ate_txn *t, bool waits, void (*done)(void *arg), void *arg,
                   struct ate_receipt *ret_receipt)
{
    if (ate__txn_is_offered(t))
        return ate__fail(ATE_MISUSE, "transaction: it is being committed already");
    int rc = ate__txn_check_present(t);
    if (rc)
        return rc;
    rc = t->frozen ? 0 : build(t);
    if (rc == ATE_END) {
        struct ate_head head = ate_txn_base(t);
        *ret_receipt = (struct ate_receipt){head.size ? head.size - 1 : 0, head.root, ATE_DURABLE};
    }
    if (rc)
        return rc;
    if (t->flags & ATE_SCOPE_NONE)
        return offer_unanswered(t, ret_receipt);
    offer(t, waits, done, arg);
    return 0;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* A scope began another epoch before the root saw what was sealed for the one before. The root has
 * it already; where this is another machine, this one waits until it was sent. */
static int renew(struct ate_txn *t)
{
    struct ate__receipt ignored;
    int rc = t->dio->pipe->remote ? ate__pipe_sync(t->dio->pipe, &ignored) : 0;
    return rc ? rc : ate_txn_refresh(t);
}

static void caught_up(struct ate__ask *ask)
{
    struct ate_txn *t = ask->user;
    t->done(t->done_arg);
    ate__txn_let_go(t);
}

/* The same without waiting: what it was refused for comes first. */
static int catch_up(struct ate_txn *t, void (*done)(void *arg), void *arg)
{
    t->done = done;
    t->done_arg = arg;
    t->ask = (struct ate__ask){.kind = ATE__ASK_SYNC, .done = caught_up, .user = t};
    t->offered = t->catching_up = true;
    atomic_store_explicit(&t->unasked, false, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->holds, 2, memory_order_relaxed); /* caught_up(), finish() */
    int rc = t->dio->pipe->v->ask(t->dio->pipe, &t->ask);
    if (!rc)
        return 0;
    atomic_fetch_sub_explicit(&t->holds, 2, memory_order_relaxed); /* it has an owner */
    t->offered = t->catching_up = false;
    return rc;
}

int ate__txn_finish_again(struct ate_txn *t, struct ate_receipt *ret_receipt, bool *ret_again)
{
    bool ended = t->ended;
    int rc;
    if (t->catching_up) {
        rc = t->ask.result ? ate__fail(t->ask.result, "%s", t->ask.text) : ATE_STALE_KEY;
        t->offered = t->catching_up = false;
        t->caught_up = !t->ask.result;
        ate__txn_let_go(t);
    } else {
        rc = ate__txn_finish(t, ret_receipt);
    }
    *ret_again = rc == ATE_STALE_KEY && !ended;
    return rc;
}

int ate__txn_offer_again(struct ate_txn *t, void (*done)(void *arg), void *arg,
                         struct ate_receipt *ret_receipt)
{
    if (t->dio->pipe->remote && !t->caught_up)
        return catch_up(t, done, arg);
    t->caught_up = false;
    int rc = ate_txn_refresh(t);
    t->renewed = true;
    if (!rc)
        rc = ate__txn_offer(t, false, done, arg, ret_receipt);
    t->renewed = false;
    return rc;
}

/* *ret_answered: the root has seen it. */
static int commit_once(struct ate_txn *t, struct ate_receipt *receipt, bool *ret_answered)
{
    int rc = ate__txn_offer(t, true, nothing, NULL, receipt);
    *ret_answered = !rc;
    if (rc)
        return rc;
    ate__txn_wait(t);
    return ate__txn_finish(t, receipt);
}

int ate_txn_commit(struct ate_txn *t, struct ate_receipt *ret_receipt)
{
    struct ate_receipt receipt;
    bool answered = false;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = commit_once(t, &receipt, &answered);
    if (rc == ATE_MALFORMED && answered) /* under an id that nobody has seen */
        rc = commit_once(t, &receipt, &answered);
    for (unsigned again = 0; rc == ATE_STALE_KEY && answered && again < RENEWALS_MAX; again++) {
        rc = renew(t);
        t->renewed = true;
        if (!rc)
            rc = commit_once(t, &receipt, &answered);
        t->renewed = false;
    }
    if (rc && rc != ATE_END)
        return rc;
    if (ret_receipt)
        *ret_receipt = receipt;
    return 0;
}

size_t ate_txn_conflicts(const struct ate_txn *t, const struct ate_conflict **ret_conflicts)
{
    *ret_conflicts = t->conflicts;
    return t->conflict_count;
}
