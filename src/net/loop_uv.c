/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop_uv.c: an event loop of the library's own on a thread of its own.
 *
 * Life of the thread: uv_run() until, after the last reference is gone, no task is posted and no
 * guest is left; then the loop's own handles are closed, and uv_run() ends when the last close
 * callback and the last request of a resolver are through. Who dropped the last reference waits for
 * that; if it takes too long the thread frees the loop itself.
 */
#include "net/loop_uv.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/thread.h"
#include "net/limits.h"
#include "net/loop_in_uv.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { WAIT_MS = ATE__NET_LINGER_MS + 1000 /* for the thread, when the last reference goes */ };

struct ate__loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards the next five */
    pthread_cond_t ended_cond;
    struct ate__loop_task *first, **last; /* posted, oldest first */
    bool stopping;
    bool ended, abandoned; /* the thread is through; nobody waits for it any more */

    size_t references; /* guarded by `registry` */

    /* of the loop's thread */
    struct ate__loop_turn *turns, **last_turn;
    struct ate__loop_guest *guests;
    bool closing; /* the loop's own handles */
    uint8_t scratch[ATE__LOOP_SCRATCH];
};

/* Guards every loop's count of references and the shared one. Never held while something waits. */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static struct ate__loop *shared;

/* --- turns and guests --- */

uv_loop_t *ate__loop_uv(struct ate__loop *l)
{
    return &l->uv;
}

uint8_t *ate__loop_scratch(struct ate__loop *l)
{
    return l->scratch;
}

void ate__loop_turn_soon(struct ate__loop *l, struct ate__loop_turn *turn)
{
    if (turn->queued)
        return;
    turn->queued = true;
    turn->next = NULL;
    *l->last_turn = turn;
    l->last_turn = &turn->next;
}

void ate__loop_turn_cancel(struct ate__loop *l, struct ate__loop_turn *turn)
{
    if (!turn->queued)
        return;
    struct ate__loop_turn **at = &l->turns;
    while (*at != turn)
        at = &(*at)->next;
    *at = turn->next;
    if (l->last_turn == &turn->next)
        l->last_turn = at;
    turn->queued = false;
}

/* Those that are asked for meanwhile wait: no turn can keep the loop from its other work. */
static void run_turns(struct ate__loop *l)
{
    size_t count = 0;
    for (const struct ate__loop_turn *turn = l->turns; turn; turn = turn->next)
        count++;
    while (l->turns && count--) {
        struct ate__loop_turn *turn = l->turns;
        ate__loop_turn_cancel(l, turn);
        turn->run(turn);
    }
}

void ate__loop_enter(struct ate__loop *l, struct ate__loop_guest *guest)
{
    guest->prev = NULL;
    guest->next = l->guests;
    if (guest->next)
        guest->next->prev = guest;
    l->guests = guest;
}

void ate__loop_leave(struct ate__loop *l, struct ate__loop_guest *guest)
{
    if (guest->next)
        guest->next->prev = guest->prev;
    if (guest->prev)
        guest->prev->next = guest->next;
    else
        l->guests = guest->next;
}

/* --- the thread --- */

static struct ate__loop_task *take_tasks(struct ate__loop *l, bool *ret_stopping)
{
    pthread_mutex_lock(&l->mutex);
    struct ate__loop_task *first = l->first;
    l->first = NULL;
    l->last = &l->first;
    *ret_stopping = l->stopping;
    pthread_mutex_unlock(&l->mutex);
    return first;
}

static void hurry_guests(struct ate__loop *l)
{
    for (struct ate__loop_guest *g = l->guests, *next; g; g = next) {
        next = g->next;
        g->hurry(g);
    }
}

/* The last reference is gone and all tasks have run: the own handles go when the last guest did. */
static void close_when_empty(struct ate__loop *l)
{
    if (!l->closing || l->guests || uv_is_closing((uv_handle_t *)&l->wake))
        return;
    pthread_mutex_lock(&l->mutex);
    bool posted = l->first != NULL; /* by a task of the last batch */
    pthread_mutex_unlock(&l->mutex);
    if (posted)
        return;
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct ate__loop *l = wake->data;
    bool stopping;
    struct ate__loop_task *task = take_tasks(l, &stopping);
    while (task) {
        struct ate__loop_task *next = task->next;
        task->run(task);
        task = next;
    }
    run_turns(l);
    if (stopping && !l->closing) {
        l->closing = true;
        hurry_guests(l);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct ate__loop *l = prepare->data;
    run_turns(l);
    if (l->turns)
        uv_async_send(&l->wake);
    else
        close_when_empty(l);
}

static void loop_free(struct ate__loop *l)
{
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->ended_cond);
    ate__free(l);
}

static void *run(void *arg)
{
    struct ate__loop *l = arg;
    pthread_mutex_lock(&l->mutex); /* l->thread is set when it is free */
    pthread_mutex_unlock(&l->mutex);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    ate__assert(rc == 0);
    pthread_mutex_lock(&l->mutex);
    l->ended = true;
    bool abandoned = l->abandoned;
    pthread_cond_signal(&l->ended_cond);
    pthread_mutex_unlock(&l->mutex);
    if (abandoned)
        loop_free(l);
    return NULL;
}

static int thread_start(struct ate__loop *l)
{
    pthread_mutex_lock(&l->mutex);
    int error = ate__thread_start(&l->thread, NULL, run, l);
    pthread_mutex_unlock(&l->mutex);
    if (error)
        return ate__fail_errno(error, "cannot start the network thread");
    pthread_setname_np(l->thread, "ate-net");
    return 0;
}

/* --- life --- */

static int uv_failed(int error, const char *what)
{
    return ate__fail_errno(-error, "%s", what);
}

static void on_walk(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Undoes what handles_start() began, on the thread that began it. */
static void handles_close(struct ate__loop *l)
{
    uv_walk(&l->uv, on_walk, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    ate__assert(rc == 0);
}

static int handles_start(struct ate__loop *l)
{
    int rc = uv_loop_init(&l->uv);
    if (rc)
        return uv_failed(rc, "cannot make an event loop");
    rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (!rc)
        rc = uv_prepare_init(&l->uv, &l->prepare);
    if (!rc)
        rc = uv_prepare_start(&l->prepare, on_prepare);
    if (!rc)
        return 0;
    handles_close(l);
    return uv_failed(rc, "cannot make an event loop");
}

int ate__loop_new(struct ate__loop **ret_loop)
{
    struct ate__loop *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    pthread_condattr_t attributes;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&l->ended_cond, &attributes);
    pthread_condattr_destroy(&attributes);
    l->last = &l->first;
    l->last_turn = &l->turns;
    l->references = 1;
    l->wake.data = l->prepare.data = l;
    int rc = handles_start(l);
    if (!rc) {
        rc = thread_start(l);
        if (rc)
            handles_close(l);
    }
    if (rc) {
        loop_free(l);
        return rc;
    }
    *ret_loop = l;
    return 0;
}

int ate__loop_shared(struct ate__loop **ret_loop)
{
    pthread_mutex_lock(&registry);
    int rc = 0;
    if (shared)
        shared->references++;
    else
        rc = ate__loop_new(&shared);
    struct ate__loop *l = shared;
    pthread_mutex_unlock(&registry);
    if (!rc)
        *ret_loop = l;
    return rc;
}

struct ate__loop *ate__loop_ref(struct ate__loop *l)
{
    pthread_mutex_lock(&registry);
    ate__assert(l->references > 0);
    l->references++;
    pthread_mutex_unlock(&registry);
    return l;
}

static bool wait_for_end(struct ate__loop *l)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_MS / 1000;
    until.tv_nsec += WAIT_MS % 1000 * 1000000L;
    int error = 0;
    while (!l->ended && !error)
        error = pthread_cond_timedwait(&l->ended_cond, &l->mutex, &until);
    return l->ended;
}

static void stop(struct ate__loop *l)
{
    bool here = ate__loop_here(l);
    pthread_t thread = l->thread;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    uv_async_send(&l->wake);
    bool ended = !here && wait_for_end(l);
    l->abandoned = !ended;
    pthread_mutex_unlock(&l->mutex);
    if (!ended) {
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    loop_free(l);
}

struct ate__loop *ate__loop_unref(struct ate__loop *l)
{
    if (!l)
        return NULL;
    pthread_mutex_lock(&registry);
    ate__assert(l->references > 0);
    bool last = --l->references == 0;
    if (last && shared == l)
        shared = NULL;
    pthread_mutex_unlock(&registry);
    if (last)
        stop(l);
    return NULL;
}

bool ate__loop_here(const struct ate__loop *l)
{
    return pthread_equal(l->thread, pthread_self());
}

uint64_t ate__loop_now_ms(const struct ate__loop *l)
{
    return uv_now(&l->uv);
}

/* --- tasks --- */

void ate__loop_post(struct ate__loop *l, struct ate__loop_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&l->mutex);
    bool first = !l->first;
    *l->last = task;
    l->last = &task->next;
    pthread_mutex_unlock(&l->mutex);
    if (first)
        uv_async_send(&l->wake);
}

struct call {
    struct ate__loop_task task;
    int (*call)(void *arg);
    void *arg;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
    int result;
    char text[ATE__ERROR_SIZE];
};

static void run_call(struct ate__loop_task *task)
{
    struct call *c = ATE__CONTAINER(task, struct call, task);
    int result = c->call(c->arg);
    pthread_mutex_lock(&c->mutex);
    c->result = result;
    snprintf(c->text, sizeof c->text, "%s", result ? ate__error_text() : "");
    c->done = true;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->mutex);
}

int ate__loop_call(struct ate__loop *l, int (*call)(void *arg), void *arg)
{
    if (ate__loop_here(l))
        return call(arg);
    struct call c = {.task.run = run_call, .call = call, .arg = arg};
    pthread_mutex_init(&c.mutex, NULL);
    pthread_cond_init(&c.cond, NULL);
    ate__loop_post(l, &c.task);
    pthread_mutex_lock(&c.mutex);
    while (!c.done)
        pthread_cond_wait(&c.cond, &c.mutex);
    pthread_mutex_unlock(&c.mutex);
    pthread_mutex_destroy(&c.mutex);
    pthread_cond_destroy(&c.cond);
    if (c.result)
        ate__error_set(c.text);
    return c.result;
}

/* --- timers --- */

struct ate__loop_timer {
    uv_timer_t uv;
    void (*fire)(void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *uv)
{
    struct ate__loop_timer *t = ATE__CONTAINER(uv, struct ate__loop_timer, uv);
    t->fire(t->arg);
}

int ate__loop_timer_new(struct ate__loop *l, void (*fire)(void *arg), void *arg,
                        struct ate__loop_timer **ret_timer)
{
    ate__assert(ate__loop_here(l));
    struct ate__loop_timer *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    t->fire = fire;
    t->arg = arg;
    uv_timer_init(&l->uv, &t->uv); /* cannot fail */
    *ret_timer = t;
    return 0;
}

void ate__loop_timer_start(struct ate__loop_timer *t, uint64_t after_ms)
{
    uv_timer_start(&t->uv, on_timer, after_ms, 0);
}

void ate__loop_timer_stop(struct ate__loop_timer *t)
{
    uv_timer_stop(&t->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
    ate__free(ATE__CONTAINER(handle, struct ate__loop_timer, uv));
}

void ate__loop_timer_free(struct ate__loop_timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}
