/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * workers.c: the pool of threads.
 *
 * 1. A task is in the queue, among the waiting, or in neither: then it runs, or has run, and the
 *    pool no longer looks into it.
 * 2. Whoever queues a task sees to it that a thread will come: one that sleeps and that no task of
 *    the queue has been promised yet, or a new one, or one that is busy now and looks again. There
 *    always is one: the first is started with the pool.
 */
#include "base/workers.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

struct worker {
    struct ate__workers *pool;
    pthread_t thread;
    struct ate__task *running; /* guarded by the pool's mutex */
};

struct ate__workers {
    unsigned threads_max;           /* does not change */
    pthread_mutex_t mutex;          /* protects all below */
    pthread_cond_t work;            /* a task is due, or the end */
    pthread_cond_t ran;             /* a task has run */
    struct ate__task *first, *last; /* queued */
    size_t queued;
    struct ate__task *waiting; /* due later, ascending */
    unsigned refs, started, idle;
    bool ending;
    struct worker workers[ATE__WORKERS_MAX];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- threads; all under the mutex, but start() also before anybody else knows the pool ---- */

static void queue(struct ate__workers *w, struct ate__task *task)
{
    task->next = NULL;
    if (w->last)
        w->last->next = task;
    else
        w->first = task;
    w->last = task;
    w->queued++;
}

static void take_due(struct ate__workers *w)
{
    for (uint64_t now = w->waiting ? now_ms() : 0; w->waiting && w->waiting->due_ms <= now;) {
        struct ate__task *task = w->waiting;
        w->waiting = task->next;
        queue(w, task);
    }
}

static void wait_for_work(struct ate__workers *w)
{
    w->idle++;
    if (w->waiting) {
        uint64_t due_ms = w->waiting->due_ms;
        struct timespec until = {(time_t)(due_ms / 1000), (long)(due_ms % 1000) * 1000000};
        pthread_cond_timedwait(&w->work, &w->mutex, &until);
    } else {
        pthread_cond_wait(&w->work, &w->mutex);
    }
    w->idle--;
}

static void run_first(struct ate__workers *w, struct worker *self)
{
    struct ate__task *task = w->first;
    w->first = task->next;
    if (!w->first)
        w->last = NULL;
    w->queued--;
    self->running = task;
    pthread_mutex_unlock(&w->mutex);
    task->run(task); /* may free the task */
    pthread_mutex_lock(&w->mutex);
    self->running = NULL;
    pthread_cond_broadcast(&w->ran);
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct ate__workers *w = self->pool;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        take_due(w);
        if (w->first)
            run_first(w, self);
        else if (w->ending)
            break;
        else
            wait_for_work(w);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Starts one more thread; an errno. */
static int start(struct ate__workers *w)
{
    struct worker *worker = &w->workers[w->started];
    worker->pool = w;
    int error = ate__thread_start(&worker->thread, NULL, work, worker);
    w->started += !error;
    return error;
}

/* Some thread will see to the queue: where no other is to be had, one that is there. */
static void wake(struct ate__workers *w)
{
    if (w->idle)
        pthread_cond_signal(&w->work);
    /* A sleeper that was woken counts as idle until it runs, and may have a task to see to. */
    if (w->idle < w->queued + !w->queued && w->started < w->threads_max && !w->ending)
        (void)!start(w);
}

/* ---- life ---- */

static void workers_free(struct ate__workers *w)
{
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->ran);
    pthread_mutex_destroy(&w->mutex);
    ate__free(w);
}

int ate__workers_new(unsigned threads, struct ate__workers **ret_workers)
{
    struct ate__workers *w = ate__alloc(sizeof *w);
    if (!w)
        return ate__no_memory();
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    w->threads_max = threads ? threads : cores > 0 ? (unsigned)cores : 1;
    if (w->threads_max > ATE__WORKERS_MAX)
        w->threads_max = ATE__WORKERS_MAX;
    w->refs = 1;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, &monotonic);
    pthread_cond_init(&w->ran, NULL);
    pthread_condattr_destroy(&monotonic);
    int error = start(w);
    if (error) {
        workers_free(w);
        return ate__fail_errno(error, "a thread for background work");
    }
    *ret_workers = w;
    return 0;
}

struct ate__workers *ate__workers_ref(struct ate__workers *w)
{
    pthread_mutex_lock(&w->mutex);
    w->refs++;
    pthread_mutex_unlock(&w->mutex);
    return w;
}

/* ---- tasks ---- */

/* Under the mutex. */
static bool unlink_task(struct ate__workers *w, struct ate__task *task)
{
    for (struct ate__task **p = &w->waiting; *p; p = &(*p)->next)
        if (*p == task) {
            *p = task->next;
            return true;
        }
    struct ate__task *before = NULL;
    for (struct ate__task *t = w->first; t; before = t, t = t->next)
        if (t == task) {
            *(before ? &before->next : &w->first) = t->next;
            if (w->last == t)
                w->last = before;
            w->queued--;
            return true;
        }
    return false;
}

void ate__workers_submit(struct ate__workers *w, struct ate__task *task, uint32_t delay_ms)
{
    pthread_mutex_lock(&w->mutex);
    unlink_task(w, task);
    if (delay_ms) {
        task->due_ms = now_ms() + delay_ms;
        struct ate__task **p = &w->waiting;
        while (*p && (*p)->due_ms <= task->due_ms)
            p = &(*p)->next;
        task->next = *p;
        *p = task;
    } else {
        queue(w, task);
    }
    wake(w);
    pthread_mutex_unlock(&w->mutex);
}

bool ate__workers_cancel(struct ate__workers *w, struct ate__task *task)
{
    pthread_mutex_lock(&w->mutex);
    bool taken = unlink_task(w, task);
    for (unsigned i = 0; !taken && i < w->started;)
        if (w->workers[i].running == task)
            pthread_cond_wait(&w->ran, &w->mutex);
        else
            i++;
    pthread_mutex_unlock(&w->mutex);
    return taken;
}

void ate__workers_unref(struct ate__workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    bool last = --w->refs == 0;
    if (last) {
        w->ending = true;
        w->waiting = NULL;
        pthread_cond_broadcast(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    if (!last)
        return;
    for (unsigned i = 0; i < w->started; i++)
        pthread_join(w->workers[i].thread, NULL);
    workers_free(w);
}

/* ---- each ---- */

struct each {
    void (*each)(void *arg, size_t i);
    void *arg;
    size_t count;
    atomic_size_t next;
};
struct share {
    struct ate__task task;
    struct each *each;
};

static void run_each(struct each *e)
{
    for (size_t i; (i = atomic_fetch_add(&e->next, 1)) < e->count;)
        e->each(e->arg, i);
}

static void run_share(struct ate__task *task)
{
    run_each(((struct share *)task->user)->each);
}

void ate__workers_each(struct ate__workers *w, size_t count, void (*each)(void *arg, size_t i),
                       void *arg)
{
    struct each e = {.each = each, .arg = arg, .count = count};
    struct share shares[ATE__WORKERS_MAX];
    size_t others = w && count ? ate__min(w->threads_max, count) - 1 : 0;
    for (size_t i = 0; i < others; i++) {
        shares[i] = (struct share){.task = {.run = run_share, .user = &shares[i]}, .each = &e};
        ate__workers_submit(w, &shares[i].task, 0);
    }
    run_each(&e);
    /* Not begun: nothing is left to do. Begun: its end is waited for. */
    for (size_t i = 0; i < others; i++)
        ate__workers_cancel(w, &shares[i].task);
}
