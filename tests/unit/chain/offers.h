/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * offers.h: a chain of a test of its own, and offers to it from other threads.
 */
#pragma once
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "kit.h"
#include <sched.h>
#include <stdlib.h>

static struct kit kit;

static inline void begin(bool memory, bool gated)
{
    kit_init(&kit, 5);
    kit.memory = memory;
    kit.gated = gated;
    kit_create_ok(&kit);
}

static inline void end(void)
{
    kit_deinit(&kit);
    ate__workers_unref(kit.workers);
}

/* ---- offers from other threads ---- */

/* A commit on a thread of its own, or without a thread. */
struct one {
    struct draft d;
    struct ate__offer offer;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done; /* times */
};

static inline void one_done(struct ate__offer *offer)
{
    struct one *o = offer->user;
    pthread_mutex_lock(&o->mutex);
    o->done++;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
}

static inline void one_init(struct one *o, unsigned object, const char *text)
{
    *o = (struct one){.done = 0};
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->changed, NULL);
    kit_begin(&kit, &o->d);
    kit_draft_put(&kit, &o->d, object, text);
    o->offer = (struct ate__offer){
        .encoded = draft_encode(&o->d), .timeout_ms = -1, .done = one_done, .user = o};
}

/* The same bytes again. */
static inline void one_repeat(struct one *o, const struct one *of)
{
    *o = (struct one){.done = 0};
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->offer = (struct ate__offer){
        .encoded = of->offer.encoded, .timeout_ms = -1, .done = one_done, .user = o};
}

static inline void *wait_thread(void *arg)
{
    struct one *o = arg;
    ate__chain_offer(kit.chain, &o->offer);
    ate__chain_wait(kit.chain, &o->offer);
    return NULL;
}

static inline void one_start(struct one *o)
{
    o->offer.waits = true;
    assert_int_equal(pthread_create(&o->thread, NULL, wait_thread, o), 0);
}

static inline void one_join(struct one *o)
{
    pthread_join(o->thread, NULL);
    assert_int_equal(o->done, 1);
}

static inline void one_offer(struct one *o)
{
    ate__chain_offer(kit.chain, &o->offer);
}

static inline void one_wait_done(struct one *o)
{
    pthread_mutex_lock(&o->mutex);
    while (!o->done)
        pthread_cond_wait(&o->changed, &o->mutex);
    assert_int_equal(o->done, 1);
    pthread_mutex_unlock(&o->mutex);
}

static inline void one_deinit(struct one *o)
{
    draft_deinit(&o->d);
    pthread_mutex_destroy(&o->mutex);
    pthread_cond_destroy(&o->changed);
}

static inline size_t twins_in_flight(const struct ate__works *list)
{
    size_t n = 0;
    for (const struct ate__work *w = list->first; w; w = w->next)
        for (const struct ate__work *t = w->twins; t; t = t->next)
            n++;
    return n;
}

/* Until so many works are ordered behind the group that is being written, and so many repeats wait
 * for one of them. */
static inline void wait_ordered(size_t count, size_t twins)
{
    struct ate__chain *c = kit.chain;
    for (bool there = false; !there; sched_yield()) {
        pthread_mutex_lock(&c->mutex);
        there = c->ordered.count == count &&
                twins_in_flight(&c->ordered) + twins_in_flight(&c->writing) == twins;
        pthread_mutex_unlock(&c->mutex);
    }
}
