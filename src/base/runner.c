/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/runner.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "base/thread.h"
#include <errno.h>

struct ate__runner {
    pthread_mutex_t mutex; /* protects what follows */
    pthread_cond_t wake;   /* of the thread */
    pthread_cond_t done;   /* of who waits; CLOCK_MONOTONIC */
    struct ate__errand *first, **last;
    bool late; /* what runs has no caller any more */
    bool ending;
    void (*ended)(void *arg);
    void *arg;
};

static void runner_free(struct ate__runner *r)
{
    pthread_cond_destroy(&r->wake);
    pthread_cond_destroy(&r->done);
    pthread_mutex_destroy(&r->mutex);
    ate__free(r);
}

/* Under the mutex, which it lets go while the errand runs. */
static void run_first(struct ate__runner *r)
{
    struct ate__errand *errand = r->first;
    r->first = errand->next;
    if (!r->first)
        r->last = &r->first;
    errand->begun = true;
    pthread_mutex_unlock(&r->mutex);
    errand->run(errand);
    pthread_mutex_lock(&r->mutex);
    errand->done = true;
    r->late = false;
    if (!errand->abandoned) {
        pthread_cond_broadcast(&r->done);
        return;
    }
    pthread_mutex_unlock(&r->mutex);
    errand->free(errand);
    pthread_mutex_lock(&r->mutex);
}

static void *serve(void *arg)
{
    struct ate__runner *r = arg;
    pthread_mutex_lock(&r->mutex);
    while (!r->ending) {
        if (r->first)
            run_first(r);
        else
            pthread_cond_wait(&r->wake, &r->mutex);
    }
    pthread_mutex_unlock(&r->mutex);
    void (*ended)(void *of) = r->ended;
    void *of = r->arg;
    runner_free(r);
    if (ended)
        ended(of);
    return NULL;
}

int ate__runner_new(void (*ended)(void *arg), void *arg, struct ate__runner **ret_runner)
{
    struct ate__runner *r = ate__alloc(sizeof *r);
    pthread_condattr_t monotonic;
    pthread_t thread;
    if (!r)
        return ate__no_memory();
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->wake, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r->last = &r->first;
    r->ended = ended;
    r->arg = arg;
    int error = ate__thread_start(&thread, NULL, serve, r);
    if (error) {
        runner_free(r);
        return ate__fail_errno(error, "a thread for a plug-in");
    }
    pthread_detach(thread);
    *ret_runner = r;
    return 0;
}

void ate__runner_end(struct ate__runner *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->mutex);
    r->ending = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
}

/* Under the mutex: it was not done in time. Whether it is still the caller's. */
static bool abandon(struct ate__runner *r, struct ate__errand *errand)
{
    if (errand->begun) {
        errand->abandoned = true;
        r->late = true;
        return false;
    }
    struct ate__errand **at = &r->first;
    while (*at != errand)
        at = &(*at)->next;
    *at = errand->next;
    if (!errand->next)
        r->last = at;
    return true;
}

int ate__runner_call(struct ate__runner *r, struct ate__errand *take_errand, uint32_t timeout_ms)
{
    struct timespec until = ate__deadline(&ate__env_real, timeout_ms);
    struct ate__errand *errand = take_errand;
    bool in_time = true;
    pthread_mutex_lock(&r->mutex);
    if (r->late) {
        pthread_mutex_unlock(&r->mutex);
        errand->free(errand);
        return ate__fail(ATE_BUSY, "it is still at work on what it was asked before");
    }
    errand->next = NULL;
    *r->last = errand;
    r->last = &errand->next;
    pthread_cond_signal(&r->wake);
    while (!errand->done && in_time)
        in_time = !pthread_cond_timedwait(&r->done, &r->mutex, &until);
    bool done = errand->done;
    bool dropped = !done && abandon(r, errand);
    pthread_mutex_unlock(&r->mutex);
    if (dropped)
        errand->free(errand);
    return done ? 0 : ate__fail(ATE_TIMEOUT, "no answer within %u ms", timeout_ms);
}
