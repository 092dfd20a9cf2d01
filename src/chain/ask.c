/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ask.c: what became of a commit, and syncs: that all is written which was offered before, and is
 * on stable storage.
 *
 * Who waits does the work: it writes groups while nobody else does, then syncs. Where nobody waits
 * the sync stands in `asks` until whoever writes has come so far (ate__chain_moved()); only then a
 * task of the workers does the rest. So no task waits for another one.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include "chain/signed.h"
#include <stdio.h>

/* ---- outcomes ---- */

/* Under the mutex. */
static int find_outcome(struct ate__chain *c, const struct ate__txn_id *id,
                        struct ate__receipt *receipt)
{
    if (c->broken)
        return ate__fail(ATE_UNKNOWN, "the log failed and is not recovered yet: %s",
                         c->broken_text);
    if (!c->trust || ate__trust_origin(c->trust, id, &receipt->sequence))
        return ate__fail(ATE_NOT_FOUND, "the chain has no transaction %llu of that origin",
                         (unsigned long long)id->number);
    if (receipt->sequence >= c->tree.size)
        return ate__fail(ATE_UNKNOWN, "the transaction is being written just now: ask again");
    receipt->size = c->tree.size;
    receipt->head = c->root;
    return 0;
}

/* Origin and number stand in the log for all to read, so somebody else may have taken them: what
 * was meant is known by its hash alone. */
static int check_meant(const struct ate_hash *tx_hash, const struct ate__proof_entry *entry)
{
    if (!tx_hash || ate__hash_is_zero(tx_hash) || ate__hash_equal(tx_hash, &entry->tx_hash))
        return 0;
    return ate__fail(ATE_NOT_FOUND,
                     "it is not in the chain: another transaction was committed under its origin "
                     "and number, as %llu",
                     (unsigned long long)entry->sequence);
}

int ate__chain_outcome(struct ate__chain *c, const struct ate__txn_id *id,
                       const struct ate_hash *tx_hash, struct ate__receipt *ret_receipt)
{
    struct ate__receipt receipt = {.sequence = 0};
    struct ate__proof_entry entry;
    pthread_mutex_lock(&c->mutex);
    int rc = find_outcome(c, id, &receipt);
    pthread_mutex_unlock(&c->mutex);
    if (rc)
        return rc;
    rc = ate__chain_entry(c, receipt.sequence, &entry);
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_UNKNOWN, "the transaction is being written just now: ask again");
    if (rc == ATE_COMPACTED)
        return ate__fail(rc, "it was committed as transaction %llu, which was compacted away",
                         (unsigned long long)receipt.sequence);
    if (!rc)
        rc = check_meant(tx_hash, &entry);
    if (rc)
        return rc;
    receipt.root_time_us = entry.root_time_us;
    receipt.stage = ate__chain_stage(c, receipt.sequence);
    *ret_receipt = receipt;
    return 0;
}

/* ---- until all is written ---- */

static void settling_begin(struct ate__chain *c, struct ate__settling *s)
{
    pthread_mutex_lock(&c->inbox_mutex);
    uint64_t in = c->inbox_in;
    pthread_mutex_unlock(&c->inbox_mutex);
    *s = (struct ate__settling){.in = in, .losses = c->losses};
}

static bool settling_is_over(const struct ate__chain *c, struct ate__settling *s)
{
    if (!s->ordered) {
        if (c->inbox_out < s->in)
            return false;
        s->ordered = true;
        s->size = c->next_sequence;
    }
    s->lost = c->losses != s->losses;
    return s->lost || c->tree.size >= s->size;
}

void ate__chain_settle(struct ate__chain *c, struct ate__settling *s)
{
    settling_begin(c, s);
    while (!settling_is_over(c, s))
        (void)ate__chain_lead_or_wait(c, &c->room, NULL);
}

/* ---- syncs ---- */

/* Under the mutex: a failed sync is followed by recovery. */
static void mend_after_sync(struct ate__chain *c)
{
    struct ate__works done = {NULL, NULL, 0, 0};
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    if (!state.failed || c->leading || c->broken) /* whoever leads meets it, too */
        return;
    ate__chain_failed(c, &done);
    ate__works_finish(c, &done);
}

/* What is left to do once it is settled. Under the mutex, which it lets go. */
static int sync_settled(struct ate__chain *c, struct ate__settling *s,
                        struct ate__receipt *ret_receipt)
{
    bool weak = c->conf.sync != ATE__SYNC_ALWAYS && !c->read_only;
    bool lost = s->lost || (weak && c->losses != s->losses); /* not synced is not safe yet */
    struct ate__receipt receipt = {
        .sequence = c->tree.size ? c->tree.size - 1 : 0,
        .root_time_us = c->root_time_us,
        .size = c->tree.size,
        .head = c->root,
        .stage = ATE__DURABLE,
    };
    pthread_mutex_unlock(&c->mutex);
    if (lost)
        return ate__fail(ATE_E_IO, "sync: the log failed; what was queued before may be lost");
    int rc = weak ? c->storage->v->sync(c->storage) : 0;
    if (rc) {
        ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
        pthread_mutex_lock(&c->mutex);
        mend_after_sync(c);
        pthread_mutex_unlock(&c->mutex);
        return why ? ate__fail(rc, "%s", why) : rc;
    }
    *ret_receipt = receipt;
    return 0;
}

int ate__chain_sync(struct ate__chain *c, struct ate__receipt *ret_receipt)
{
    struct ate__settling s;
    pthread_mutex_lock(&c->mutex);
    ate__chain_settle(c, &s);
    return sync_settled(c, &s, ret_receipt);
}

/* ---- asks ---- */

void ate__ask_answer(struct ate__ask *ask, int result, const struct ate__receipt *receipt)
{
    ask->result = result;
    snprintf(ask->text, sizeof ask->text, "%s", result ? ate__error_text() : "");
    if (!result)
        ask->receipt = *receipt;
}

void ate__chain_await(struct ate__chain *c, struct ate__ask *ask)
{
    struct ate__receipt receipt;
    int rc = ask->kind == ATE__ASK_SYNC ? ate__chain_sync(c, &receipt)
                                        : ate__chain_outcome(c, &ask->id, &ask->tx_hash, &receipt);
    ate__ask_answer(ask, rc, &receipt);
}

static void run_ask(struct ate__task *task)
{
    struct ate__ask *ask = ATE__CONTAINER(task, struct ate__ask, task);
    struct ate__chain *c = ask->owner;
    struct ate__receipt receipt;
    int rc;
    if (ask->kind == ATE__ASK_SYNC) {
        pthread_mutex_lock(&c->mutex);
        rc = sync_settled(c, &ask->settling, &receipt);
    } else {
        rc = ate__chain_outcome(c, &ask->id, &ask->tx_hash, &receipt);
    }
    ate__ask_answer(ask, rc, &receipt);
    ask->done(ask);
    pthread_mutex_lock(&c->mutex);
    c->asking--;
    pthread_cond_broadcast(&c->room); /* close() waits for it */
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_ask(struct ate__chain *c, struct ate__ask *ask)
{
    if (ask->waits)
        return; /* ate__chain_await() does it all */
    if (!c->conf.workers) {
        ate__chain_await(c, ask);
        ask->done(ask);
        return;
    }
    ask->owner = c;
    ask->task = (struct ate__task){.run = run_ask};
    pthread_mutex_lock(&c->mutex);
    c->asking++;
    settling_begin(c, &ask->settling);
    if (ask->kind != ATE__ASK_SYNC || settling_is_over(c, &ask->settling)) {
        ate__workers_submit(c->conf.workers, &ask->task, 0);
    } else {
        ask->next = c->asks;
        c->asks = ask;
    }
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_moved(struct ate__chain *c)
{
    pthread_cond_broadcast(&c->room);
    for (struct ate__ask **p = &c->asks, *ask; (ask = *p);) {
        if (!settling_is_over(c, &ask->settling)) {
            p = &ask->next;
            continue;
        }
        *p = ask->next;
        ate__workers_submit(c->conf.workers, &ask->task, 0);
    }
}

/* ---- of any pipe ---- */

static int ask_and_wait(struct ate__pipe *p, struct ate__ask *ask, struct ate__receipt *ret_receipt)
{
    ask->waits = true;
    int rc = p->v->ask(p, ask);
    if (rc)
        return rc;
    p->v->await(p, ask);
    if (ask->result)
        return ate__fail(ask->result, "%s", ask->text);
    *ret_receipt = ask->receipt;
    return 0;
}

int ate__pipe_sync(struct ate__pipe *p, struct ate__receipt *ret_receipt)
{
    struct ate__ask ask = {.kind = ATE__ASK_SYNC};
    return ask_and_wait(p, &ask, ret_receipt);
}

int ate__pipe_outcome(struct ate__pipe *p, const struct ate__txn_id *id,
                      const struct ate_hash *tx_hash, struct ate__receipt *ret_receipt)
{
    struct ate__ask ask = {.kind = ATE__ASK_OUTCOME, .id = *id};
    if (tx_hash)
        ask.tx_hash = *tx_hash;
    return ask_and_wait(p, &ask, ret_receipt);
}
