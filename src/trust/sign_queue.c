/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign_queue.c: leader and followers before a signature, as chain/group.c has them before a sync.
 *
 * A key that signs has a round, which is the leader's. When its signature is made, the round goes
 * over to whoever has waited longest, with all who wait: the lead of a key is handed on, and never
 * dropped while somebody waits for it. At most one transaction of each thread waits.
 */
#include "trust/sign_queue.h"

enum told { NOTHING_YET, TO_LEAD, SIGNED };

struct ate__sign_waiter { /* on the stack of its thread, until it has been told or has led */
    struct ate__to_sign *to_sign;
    struct ate__sign_waiter *next;
    int result;
    bool alone; /* in its batch */
    pthread_mutex_t mutex; /* guards `told`; taken last */
    pthread_cond_t wake;
    enum told told;
    struct ate__sign_round round; /* while it leads */
};

void ate__sign_queue_init(struct ate__sign_queue *q)
{
    pthread_mutex_init(&q->mutex, NULL);
    q->rounds = NULL;
}

void ate__sign_queue_deinit(struct ate__sign_queue *q)
{
    pthread_mutex_destroy(&q->mutex);
}

/* ---- rounds, under the mutex ---- */

static struct ate__sign_round *find(const struct ate__sign_queue *q,
                                    const struct ate_hash *fingerprint)
{
    struct ate__sign_round *r = q->rounds;
    while (r && !ate__hash_equal(&r->fingerprint, fingerprint))
        r = r->next;
    return r;
}

static void begin(struct ate__sign_queue *q, struct ate__sign_round *r,
                  const struct ate_hash *fingerprint)
{
    *r = (struct ate__sign_round){.next = q->rounds, .fingerprint = *fingerprint, .end = &r->first};
    q->rounds = r;
}

static void end(struct ate__sign_queue *q, struct ate__sign_round *r)
{
    struct ate__sign_round **p = &q->rounds;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
}

static struct ate__sign_waiter *take_all(struct ate__sign_round *r)
{
    struct ate__sign_waiter *all = r->first;
    r->first = NULL;
    r->end = &r->first;
    r->count = 0;
    return all;
}

/* ---- who waits ---- */

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
static bool come(struct ate__sign_queue *q, const struct ate_hash *fingerprint,
                 struct ate__sign_waiter *me)
{
    pthread_mutex_lock(&q->mutex);
    struct ate__sign_round *r = find(q, fingerprint);
    bool leads = !r;
    if (leads) {
        r = &me->round;
        begin(q, r, fingerprint);
    }
    *r->end = me;
    r->end = &me->next;
    r->count++;
    pthread_mutex_unlock(&q->mutex);
    return leads;
}

/* ---- who leads ---- */

static struct ate__sign_waiter *take_batch(struct ate__sign_queue *q, struct ate__sign_waiter *me)
{
    pthread_mutex_lock(&q->mutex);
    struct ate__sign_waiter *batch = take_all(&me->round);
    pthread_mutex_unlock(&q->mutex);
    return batch;
}

static void pass_on(struct ate__sign_queue *q, struct ate__sign_round *r,
                    const struct ate_hash *fingerprint)
{
    pthread_mutex_lock(&q->mutex);
    struct ate__sign_waiter *next = r->first;
    end(q, r);
    if (next) {
        begin(q, &next->round, fingerprint);
        next->round.first = next;
        next->round.end = r->end;
        next->round.count = r->count;
    }
    pthread_mutex_unlock(&q->mutex);
    if (next)
        tell(next, TO_LEAD);
}

/* Who leads next begins before anybody else is woken: signatures are what takes long. */
static void lead(struct ate__sign_queue *q, struct ate__trust *t, const struct ate__key *key,
                 enum ate__hash_alg alg, struct ate__sign_waiter *me)
{
    struct ate__sign_waiter *batch = take_batch(q, me), *next;
    bool alone = !batch->next;
    for (struct ate__sign_waiter *w = batch; w; w = w->next)
        w->to_sign->next = w->next ? w->next->to_sign : NULL;
    int rc = ate__trust_sign_batch(t, key, alg, batch->to_sign);
    pass_on(q, &me->round, &key->fingerprint);
    for (struct ate__sign_waiter *w = batch; w; w = next) {
        next = w->next;
        w->result = rc;
        w->alone = alone;
        if (w != me)
            tell(w, SIGNED);
    }
}

int ate__sign_together(struct ate__sign_queue *q, struct ate__trust *t, const struct ate__key *key,
                       enum ate__hash_alg alg, struct ate__to_sign *to_sign)
{
    struct ate__sign_waiter me = {.to_sign = to_sign};
    pthread_mutex_init(&me.mutex, NULL);
    pthread_cond_init(&me.wake, NULL);
    if (come(q, &key->fingerprint, &me) || listen_to(&me) == TO_LEAD)
        lead(q, t, key, alg, &me);
    pthread_cond_destroy(&me.wake);
    pthread_mutex_destroy(&me.mutex);
    if (!me.result || me.alone)
        return me.result;
    to_sign->next = NULL;
    return ate__trust_sign_batch(t, key, alg, to_sign);
}
