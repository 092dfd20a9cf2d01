/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit_work.c: works: an offer on its way, from its copy to its answer.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/attest.h"
#include "chain/chain_private.h"
#include <stdio.h>

/* ---- lists ---- */

void ate__works_push(struct ate__works *list, struct ate__work *w)
{
    w->next = NULL;
    if (list->last)
        list->last->next = w;
    else
        list->first = w;
    list->last = w;
    list->count++;
    list->bytes += w->bytes.size;
}

struct ate__work *ate__works_pop(struct ate__works *list)
{
    struct ate__work *w = list->first;
    if (!w)
        return NULL;
    list->first = w->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    list->bytes -= w->bytes.size;
    return w;
}

void ate__works_move(struct ate__works *to, struct ate__works *from)
{
    for (struct ate__work *w; (w = ate__works_pop(from));)
        ate__works_push(to, w);
}

/* ---- one work ---- */

static uint64_t due_of(const struct ate__chain *c, const struct ate__offer *offer)
{
    if (offer->waits || offer->timeout_ms < 0)
        return UINT64_MAX;
    return ate__monotonic_ms(c->conf.env) + (uint64_t)offer->timeout_ms;
}

int ate__work_new(struct ate__chain *c, struct ate__offer *offer, struct ate__work **ret_work)
{
    if (offer->encoded.size > ATE__TX_SIZE_MAX)
        return ate__fail(ATE_TOO_BIG, "commit: %zu bytes; a transaction has at most %d",
                         offer->encoded.size, ATE__TX_SIZE_MAX);
    struct ate__work *w =
        ate__resize(NULL, sizeof *w + offer->encoded.size + ate__attest_room(offer));
    if (!w)
        return ate__no_memory();
    memset(w, 0, offsetof(struct ate__work, tx));
    if (offer->encoded.size)
        memcpy(w->copy, offer->encoded.data, offer->encoded.size);
    w->bytes = ate__bytes(w->copy, offer->encoded.size);
    w->offer = offer;
    offer->repeat = false;
    offer->attested = 0;
    w->waits = offer->waits;
    w->due_ms = due_of(c, offer);
    if (w->waits) {
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&w->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_init(&w->wake_mutex, NULL);
    }
    *ret_work = w;
    return 0;
}

void ate__work_free(struct ate__work *w)
{
    if (w->decoded)
        ate__tx_deinit(&w->tx);
    if (w->waits) {
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->wake_mutex);
    }
    ate__buf_deinit(&w->text);
    ate__free(w);
}

void ate__work_fail(struct ate__work *w, int result)
{
    const char *text = ate__error_text();
    w->result = result;
    ate__buf_clear(&w->text);
    if (ate__buf_append(&w->text, ate__bytes(text, strlen(text) + 1)))
        ate__buf_deinit(&w->text); /* the result says enough */
}

void ate__offer_answer(struct ate__offer *offer, int result, const char *text)
{
    offer->result = result;
    offer->text[0] = 0;
    if (result)
        snprintf(offer->text, sizeof offer->text, "%s", text);
}

void ate__work_complete(struct ate__work *w)
{
    struct ate__offer *offer = w->offer;
    if (offer) {
        const char *text = w->text.data ? (const char *)w->text.data : NULL;
        ate__offer_answer(offer, w->result, text ? text : ate__result_text(w->result));
        offer->receipt = w->receipt;
    }
    ate__work_free(w);
    if (offer && offer->done)
        offer->done(offer);
}

/* ---- who waits for it ---- */

enum ate__woken ate__work_sleep(struct ate__work *w, const struct timespec *until)
{
    bool in_time = true;
    pthread_mutex_lock(&w->wake_mutex);
    while (!w->told && !w->turn && in_time) {
        if (until)
            in_time = !pthread_cond_timedwait(&w->wake, &w->wake_mutex, until);
        else
            pthread_cond_wait(&w->wake, &w->wake_mutex);
    }
    enum ate__woken woken = w->told   ? ATE__WOKEN_DONE
                            : w->turn ? ATE__WOKEN_TO_LEAD
                                      : ATE__WOKEN_LATE;
    w->turn = false;
    pthread_mutex_unlock(&w->wake_mutex);
    return woken;
}

void ate__work_give_turn(struct ate__work *w)
{
    pthread_mutex_lock(&w->wake_mutex);
    w->turn = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->wake_mutex);
}

/* The work may be gone when this returns: the signal is given under its mutex, which the thread
 * that waits takes first. */
static void tell(struct ate__work *w)
{
    pthread_mutex_lock(&w->wake_mutex);
    w->told = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->wake_mutex);
}

/* ---- the end of many ---- */

/* A work and its twins, which have the same answer. */
static void hand_out(struct ate__work *w, struct ate__works *awaited, struct ate__works *others)
{
    struct ate__work *twins = w->twins;
    for (struct ate__work *t = twins; t; t = t->next) {
        t->result = w->result;
        t->receipt = w->receipt;
        ate__buf_clear(&t->text);
        if (w->text.data && ate__buf_append(&t->text, ate__buf_bytes(&w->text)))
            ate__buf_deinit(&t->text);
    }
    w->twins = NULL;
    for (struct ate__work *next; w; w = next) {
        next = twins;
        twins = twins ? twins->next : NULL;
        if (w->waits && w->offer) {
            w->done = true;
            ate__works_push(awaited, w);
        } else {
            ate__works_push(others, w);
        }
    }
}

void ate__works_finish(struct ate__chain *c, struct ate__works *done)
{
    struct ate__works awaited = {NULL, NULL, 0, 0}, others = {NULL, NULL, 0, 0};
    for (struct ate__work *w; (w = ate__works_pop(done));)
        hand_out(w, &awaited, &others);
    ate__chain_pass_on(c);
    if (!awaited.first && !others.first)
        return;
    pthread_mutex_unlock(&c->mutex);
    for (struct ate__work *w; (w = ate__works_pop(&awaited));)
        tell(w);
    for (struct ate__work *w; (w = ate__works_pop(&others));)
        ate__work_complete(w);
    pthread_mutex_lock(&c->mutex);
}
