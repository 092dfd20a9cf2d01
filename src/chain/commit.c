/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit.c: offers: check, order, wait. group.c writes them.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdio.h>

/* ---- works ---- */

static void work_free(struct ate__work *w)
{
    if (w->decoded)
        ate__tx_deinit(&w->tx);
    if (w->waits)
        pthread_cond_destroy(&w->turn);
    ate__buf_deinit(&w->error);
    ate__free(w);
}

static void answer(struct ate__offer *offer, int result, const char *text)
{
    offer->result = result;
    snprintf(offer->text, sizeof offer->text, "%s", result ? text : "");
}

/* The offer gets its answer; afterwards it is the submitter's again. */
static void complete(struct ate__work *w)
{
    struct ate__offer *offer = w->offer;
    if (offer) {
        answer(offer, w->result,
               w->error.data ? (const char *)w->error.data : ate__result_text(w->result));
        offer->receipt = w->receipt;
        offer->verdict = w->verdict;
    }
    work_free(w);
    if (offer && offer->done)
        offer->done(offer);
}

void ate__works_complete(struct ate__works *done)
{
    for (struct ate__work *w; (w = ate__works_pop(done));)
        complete(w);
}

/* Works that a thread waits for are its own to complete: it only hears that they are done. The
 * others are completed here. */
static void finish(struct ate__chain *c, struct ate__works *done)
{
    struct ate__works others = {0};
    pthread_mutex_lock(&c->mutex);
    for (struct ate__work *w; (w = ate__works_pop(done));)
        if (w->waits && w->offer) {
            w->done = true;
            pthread_cond_signal(&w->turn);
        } else {
            ate__works_push(&others, w);
        }
    ate__chain_pass_on(c);
    pthread_mutex_unlock(&c->mutex);
    ate__works_complete(&others);
}

static int work_new(struct ate__offer *offer, struct ate__work **ret_work)
{
    if (offer->encoded.size > ATE__TX_SIZE_MAX)
        return ate__fail(ATE_TOO_BIG, "commit: %zu bytes; a transaction has at most %d",
                         offer->encoded.size, ATE__TX_SIZE_MAX);
    struct ate__work *w = ate__alloc(sizeof *w + offer->encoded.size);
    if (!w)
        return ate__no_memory();
    memcpy(w->copy, offer->encoded.data, offer->encoded.size);
    w->bytes = ate__bytes(w->copy, offer->encoded.size);
    w->offer = offer;
    w->waits = offer->waits;
    if (w->waits) {
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&w->turn, &monotonic);
        pthread_condattr_destroy(&monotonic);
    }
    *ret_work = w;
    return 0;
}

static void keep_error(struct ate__work *w)
{
    const char *text = ate__error_text();
    ate__buf_clear(&w->error);
    if (ate__buf_append(&w->error, ate__bytes(text, strlen(text) + 1)))
        ate__buf_deinit(&w->error);
}

/* Checks that need no state: canonical form, hashes, signatures. Any thread. */
static void check(struct ate__chain *c, struct ate__work *w, const struct ate__own *own)
{
    int rc = 0;
    if (!c->trust)
        rc = ate__fail(ATE_READ_ONLY, "commit: this mirror holds no chain yet");
    else if (own)
        rc = ate__tx_decode_own(w->bytes, own->events, own->event_count, &own->hash, &w->tx);
    else
        rc = ate__tx_decode(w->bytes, ate__trust_alg(c->trust), &w->tx);
    w->decoded = rc == 0;
    if (!rc && !own)
        rc = ate__trust_verify(c->trust, &w->tx);
    w->checked = rc;
    if (rc)
        keep_error(w);
}

/* ---- ordering, under the mutex ---- */

static struct ate__work *in_flight(struct ate__chain *c, uint64_t sequence)
{
    const struct ate__works *lists[] = {&c->writing, &c->ordered};
    for (unsigned i = 0; i < ATE__COUNT_OF(lists); i++)
        for (struct ate__work *w = lists[i]->first; w; w = w->next)
            if (w->sequence == sequence)
                return w;
    return NULL;
}

struct first_answer {
    struct ate__chain *c;
    struct ate_hash hash;
    uint64_t root_time_us;
};

static int read_first(void *arg, const struct ate__record_out *record)
{
    struct first_answer *first = arg;
    struct ate__tx tx;
    int rc = ate__tx_decode(record->body, ate__trust_alg(first->c->trust), &tx);
    if (rc)
        return rc;
    first->hash = tx.hash;
    first->root_time_us = record->root_time_us;
    ate__tx_deinit(&tx);
    return 0;
}

/* A repeat of (origin, number): the same bytes get the first answer, others are refused. One that
 * is not decided yet is answered with it. */
static int answer_repeat(struct ate__chain *c, struct ate__work *w, uint64_t sequence)
{
    struct ate__work *original = in_flight(c, sequence);
    struct first_answer first = {.c = c};
    int rc = 0;
    if (original)
        first.hash = original->tx.hash;
    else
        rc = c->storage->v->scan(c->storage, sequence, sequence + 1,
                                 &(struct ate__scan){NULL, read_first, &first});
    if (rc)
        return rc;
    if (!ate__hash_equal(&first.hash, &w->tx.hash))
        return ate__fail(
            ATE_MALFORMED,
            "commit: origin used twice: number %llu of this origin was another transaction",
            (unsigned long long)w->tx.id.number);
    if (original) {
        w->next = original->twins;
        original->twins = w;
        return 0;
    }
    w->receipt = (struct ate__receipt){
        .sequence = sequence,
        .root_time_us = first.root_time_us,
        .size = c->tree.size,
        .head = c->root,
        .stage = c->conf.sync == ATE__SYNC_ALWAYS ? ATE__DURABLE : ATE__QUEUED,
    };
    w->done = true;
    return 0;
}

/* Gives the work its sequence and its place in `ordered`; or answers it as a repeat (w->done, or a
 * twin of one in flight). */
static int order(struct ate__chain *c, struct ate__work *w)
{
    uint64_t first;
    if (c->broken)
        return ate__fail(
            ATE_E_IO,
            "commit: the log failed and could not be recovered; close the chain and open it again");
    if (c->read_only)
        return ate__fail(ATE_READ_ONLY, "commit: the chain is open for reading only");
    if (!w->decoded)
        return w->checked;
    if (c->next_sequence && !ate__trust_origin(c->trust, &w->tx.id, &first))
        return answer_repeat(c, w, first);
    int rc = ate__chain_judge(c, &w->tx, c->next_sequence, &w->verdict);
    if (rc)
        return rc;
    if (w->checked) {
        ate__error_set(w->error.data ? (const char *)w->error.data : "");
        return w->checked;
    }
    rc = ate__chain_take(c, &w->tx, c->next_sequence);
    if (rc)
        return rc;
    w->sequence = c->next_sequence++;
    ate__works_push(&c->ordered, w);
    return 0;
}

static bool has_room(const struct ate__chain *c, size_t size)
{
    return c->ordered.count + c->inbox.count < ATE__WAITING_MAX &&
           c->ordered.bytes + c->inbox.bytes + size <= ATE__WAITING_BYTES_MAX;
}

/* ---- a submitter that waits: everything happens on its own thread ---- */

/* The condition variables run on the monotonic clock, as the env's does. */
static struct timespec deadline(const struct ate__env *env, int64_t timeout_ms)
{
    uint64_t ms = ate__monotonic_ms(env) + (uint64_t)timeout_ms;
    return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

/* Until the work is done, leading whenever the log is idle. False: the time is over. Under the
 * mutex. */
static bool wait_done(struct ate__chain *c, struct ate__work *w, const struct timespec *until)
{
    while (!w->done) {
        if (!c->leading && c->ordered.first) {
            struct ate__works done = {0};
            ate__chain_lead(c, &done);
            uint64_t size = c->tree.size;
            pthread_mutex_unlock(&c->mutex);
            finish(c, &done);
            ate__chain_tell(c, size);
            pthread_mutex_lock(&c->mutex);
        } else if (!until) {
            pthread_cond_wait(&w->turn, &c->mutex);
        } else if (pthread_cond_timedwait(&w->turn, &c->mutex, until) && !w->done) {
            return false;
        }
    }
    return true;
}

void ate__chain_wait(struct ate__chain *c, struct ate__offer *offer)
{
    struct timespec until = {0};
    if (offer->timeout_ms >= 0)
        until = deadline(c->conf.env, offer->timeout_ms);
    struct ate__work *w;
    int rc = work_new(offer, &w);
    if (rc) {
        answer(offer, rc, ate__error_text());
        if (offer->done)
            offer->done(offer);
        return;
    }
    check(c, w, offer->own);
    pthread_mutex_lock(&c->mutex);
    while (!rc && !has_room(c, w->bytes.size))
        if (offer->timeout_ms < 0)
            pthread_cond_wait(&c->room, &c->mutex);
        else if (pthread_cond_timedwait(&c->room, &c->mutex, &until))
            rc =
                ate__fail(ATE_TIMEOUT,
                          "commit: no place in the queue of %d commits or %d bytes within the time",
                          ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
    if (!rc)
        rc = order(c, w);
    bool done = rc || wait_done(c, w, offer->timeout_ms < 0 ? NULL : &until);
    if (!done) {
        w->offer = NULL; /* whoever finishes it frees it */
        ate__chain_pass_on(c);
    }
    pthread_mutex_unlock(&c->mutex);
    if (rc) {
        w->result = rc;
        keep_error(w);
    }
    if (done) {
        complete(w);
        return;
    }
    answer(offer, ATE_UNKNOWN, "commit: not synced within the time; it may still be applied");
    if (offer->done)
        offer->done(offer);
}

/* ---- submitters that do not wait: a worker takes them off the inbox, in order ---- */

static void check_one(void *arg, size_t i)
{
    struct ate__work **works = arg;
    struct ate__chain *c = works[i]->offer->private_[0];
    check(c, works[i], works[i]->offer->own);
}

enum { CHECK_AT_ONCE = 256 };

/* Takes works off the inbox, checks them side by side, orders them. Those that are refused go to
 * `done`. Under the mutex. */
static void take_inbox(struct ate__chain *c, struct ate__works *done)
{
    struct ate__work *works[CHECK_AT_ONCE];
    size_t n = 0;
    while (n < CHECK_AT_ONCE && c->inbox.first)
        works[n++] = ate__works_pop(&c->inbox);
    pthread_mutex_unlock(&c->mutex);
    ate__workers_each(n > 1 ? c->conf.workers : NULL, n, check_one, works);
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < n; i++) {
        int rc = order(c, works[i]);
        if (rc) {
            works[i]->result = rc;
            keep_error(works[i]);
        }
        if (rc || works[i]->done)
            ate__works_push(done, works[i]);
    }
}

/* While one worker leads, the next one may take the inbox further. */
void ate__chain_drain(struct ate__task *task)
{
    struct ate__chain *c = task->user;
    pthread_mutex_lock(&c->mutex);
    for (bool more = true; more;) {
        struct ate__works done = {0};
        uint64_t size = 0;
        if (c->inbox.first)
            take_inbox(c, &done);
        bool lead = c->ordered.first && !c->leading;
        if (lead) {
            c->draining = false;
            ate__chain_lead(c, &done);
            size = c->tree.size;
        }
        more = lead || done.first;
        pthread_mutex_unlock(&c->mutex);
        finish(c, &done);
        if (size)
            ate__chain_tell(c, size);
        pthread_mutex_lock(&c->mutex);
        if (lead && c->draining)
            more = false;
        else
            c->draining = more;
    }
    ate__chain_pass_on(c);
    pthread_cond_broadcast(&c->room);
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_offer(struct ate__chain *c, struct ate__offer *offer)
{
    if (offer->waits)
        return; /* ate__chain_wait() does it all */
    offer->private_[0] = c;
    struct ate__work *w;
    int rc = work_new(offer, &w);
    bool start = false;
    if (!rc) {
        pthread_mutex_lock(&c->mutex);
        if (has_room(c, w->bytes.size)) {
            ate__works_push(&c->inbox, w);
            start = !c->draining;
            c->draining = true;
        } else {
            rc = ate__fail(ATE_BUSY, "commit: %d commits or %d bytes are waiting already",
                           ATE__WAITING_MAX, ATE__WAITING_BYTES_MAX);
        }
        pthread_mutex_unlock(&c->mutex);
        if (rc)
            work_free(w);
    }
    if (rc) {
        answer(offer, rc, ate__error_text());
        if (offer->done)
            offer->done(offer);
        return;
    }
    if (start && c->conf.workers)
        ate__workers_submit(c->conf.workers, &c->drain, 0);
    else if (start)
        ate__chain_drain(&c->drain);
}
