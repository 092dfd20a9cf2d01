/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign_queue.c: leader and followers before a signature, as chain/group.c has them before a sync.
 *
 * The leadership is handed on, never dropped while somebody waits: who is told to lead still stands
 * in the queue, and only who leads takes anybody out. What a batch may hold is bounded by the
 * threads of the process; where these are more than that, the rest stays for the next one.
 */
#include "trust/sign_queue.h"

enum told { NOTHING_YET, TO_LEAD, SIGNED };

struct ate__sign_waiter { /* on the stack of its thread, which waits until it is told */
    struct ate__to_sign *to_sign;
    enum ate__hash_alg alg;
    struct ate__sign_waiter *next;
    int result;
    bool alone; /* in its batch */
    pthread_mutex_t mutex; /* guards `told`; taken last */
    pthread_cond_t wake;
    enum told told;
};

void ate__sign_queue_init(struct ate__sign_queue *q)
{
    pthread_mutex_init(&q->mutex, NULL);
    q->first = NULL;
    q->end = &q->first;
    q->count = 0;
    q->led = false;
}

void ate__sign_queue_deinit(struct ate__sign_queue *q)
{
    pthread_mutex_destroy(&q->mutex);
}

/* The waiter may be gone when this returns. */
static void tell(struct ate__sign_waiter *w, enum told told)
{
    pthread_mutex_lock(&w->mutex);
    w->told = told;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

static enum told listen_to(struct ate__sign_waiter *me)
{
    pthread_mutex_lock(&me->mutex);
    while (me->told == NOTHING_YET)
        pthread_cond_wait(&me->wake, &me->mutex);
    enum told told = me->told;
    pthread_mutex_unlock(&me->mutex);
    return told;
}

/* True: it is to lead. */
static bool come(struct ate__sign_queue *q, struct ate__sign_waiter *me)
{
    pthread_mutex_lock(&q->mutex);
    *q->end = me;
    q->end = &me->next;
    q->count++;
    bool leads = !q->led;
    q->led = true;
    pthread_mutex_unlock(&q->mutex);
    return leads;
}

/* All whose chains have the same hash as that of the leader, who is one of them: it is the first
 * in the queue, and the others are as many as fit. */
static struct ate__sign_waiter *take_batch(struct ate__sign_queue *q, enum ate__hash_alg alg)
{
    struct ate__sign_waiter *batch = NULL, **batch_end = &batch, **from = &q->first;
    uint32_t count = 0;
    pthread_mutex_lock(&q->mutex);
    while (*from) {
        struct ate__sign_waiter *w = *from;
        if (w->alg != alg || count == ATE__BATCH_MAX) {
            from = &w->next;
            continue;
        }
        *from = w->next;
        w->next = NULL;
        *batch_end = w;
        batch_end = &w->next;
        count++;
    }
    q->end = from;
    q->count -= count;
    pthread_mutex_unlock(&q->mutex);
    return batch;
}

static int sign(const struct ate__key *key, struct ate__sign_waiter *batch)
{
    for (struct ate__sign_waiter *w = batch; w; w = w->next)
        w->to_sign->next = w->next ? w->next->to_sign : NULL;
    return ate__trust_sign_batch(key, batch->alg, batch->to_sign);
}

static void pass_on(struct ate__sign_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    struct ate__sign_waiter *next = q->first;
    q->led = next != NULL;
    pthread_mutex_unlock(&q->mutex);
    if (next)
        tell(next, TO_LEAD);
}

/* Who leads next begins before anybody else is woken: a core that signs is the scarce thing. */
static void lead(struct ate__sign_queue *q, const struct ate__key *key, struct ate__sign_waiter *me)
{
    struct ate__sign_waiter *batch = take_batch(q, me->alg);
    bool alone = !batch->next;
    int rc = sign(key, batch);
    pass_on(q);
    for (struct ate__sign_waiter *w = batch, *next; w; w = next) {
        next = w->next;
        w->result = rc;
        w->alone = alone;
        if (w != me)
            tell(w, SIGNED);
    }
}

int ate__sign_together(struct ate__sign_queue *q, const struct ate__key *key,
                       enum ate__hash_alg alg, struct ate__to_sign *to_sign)
{
    struct ate__sign_waiter me = {.to_sign = to_sign, .alg = alg};
    pthread_mutex_init(&me.mutex, NULL);
    pthread_cond_init(&me.wake, NULL);
    if (come(q, &me) || listen_to(&me) == TO_LEAD)
        lead(q, key, &me);
    pthread_cond_destroy(&me.wake);
    pthread_mutex_destroy(&me.mutex);
    if (!me.result || me.alone)
        return me.result;
    to_sign->next = NULL;
    return ate__trust_sign_batch(key, alg, to_sign);
}
