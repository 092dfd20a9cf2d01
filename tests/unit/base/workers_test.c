/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/err.h"
#include "base/workers.h"
#include "lib/check.h"
#include "lib/heap.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The linker puts this in the place of pthread_create(). */
static atomic_bool no_threads;
static atomic_uint threads_made;
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    if (no_threads)
        return EAGAIN;
    threads_made++;
    return __real_pthread_create(thread, attributes, run, arg);
}

static struct ate__workers *pool_of(unsigned threads)
{
    struct ate__workers *w = NULL;
    assert_int_equal(ate__workers_new(threads, &w), 0);
    return w;
}

static void count(struct ate__task *task)
{
    atomic_fetch_add((atomic_uint *)task->user, 1);
}

/* A gate that a task stands before until the test opens it. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned reached, passed;
    bool open;
};
#define GATE {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

static void stand_before(struct ate__task *task)
{
    struct gate *g = task->user;
    pthread_mutex_lock(&g->mutex);
    g->reached++;
    pthread_cond_broadcast(&g->changed);
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->mutex);
    g->passed++;
    pthread_mutex_unlock(&g->mutex);
}

static void wait_reached(struct gate *g, unsigned reached)
{
    pthread_mutex_lock(&g->mutex);
    while (g->reached < reached)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static void open_gate(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void test_all_run_once(void **state)
{
    (void)state;
    enum { TASKS = 500 };
    for (unsigned threads = 0; threads < 10; threads += 3) {
        atomic_uint ran[TASKS] = {0};
        struct ate__task tasks[TASKS];
        struct ate__workers *w = pool_of(threads);
        assert_ptr_equal(ate__workers_ref(w), w);
        for (size_t i = 0; i < TASKS; i++) {
            tasks[i] = (struct ate__task){.run = count, .user = &ran[i]};
            ate__workers_submit(w, &tasks[i], 0);
        }
        ate__workers_unref(w);
        ate__workers_unref(w);
        for (size_t i = 0; i < TASKS; i++)
            assert_int_equal(ran[i], 1);
    }
    ate__workers_unref(NULL);
}

struct owned {
    struct ate__task task;
    atomic_uint *ran;
};

static void run_and_free(struct ate__task *task)
{
    struct owned *owned = task->user;
    atomic_fetch_add(owned->ran, 1);
    free(owned);
}

static void test_task_frees_itself(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(4);
    atomic_uint ran = 0;
    for (int i = 0; i < 200; i++) {
        struct owned *owned = calloc(1, sizeof *owned);
        *owned = (struct owned){.task = {.run = run_and_free, .user = owned}, .ran = &ran};
        ate__workers_submit(w, &owned->task, 0);
    }
    ate__workers_unref(w);
    assert_int_equal(ran, 200);
}

/* Tasks get threads of their own as long as there are some: four meet before one gate, at first
 * with one thread started, then with four. */
static void test_threads_enough(void **state)
{
    (void)state;
    threads_made = 0;
    struct ate__workers *w = pool_of(4);
    assert_int_equal(threads_made, 1);
    static const unsigned sizes[] = {1, 4, 4, 2, 4};
    for (size_t round = 0; round < 5; round++) {
        struct gate g = GATE;
        struct ate__task tasks[4];
        for (unsigned i = 0; i < sizes[round]; i++) {
            tasks[i] = (struct ate__task){.run = stand_before, .user = &g};
            ate__workers_submit(w, &tasks[i], 0);
        }
        wait_reached(&g, sizes[round]);
        open_gate(&g);
        for (unsigned i = 0; i < sizes[round]; i++)
            assert_false(ate__workers_cancel(w, &tasks[i]));
        assert_int_equal(g.passed, sizes[round]);
    }
    assert_int_equal(threads_made, 4);
    ate__workers_unref(w);
}

static void *open_gate_later(void *arg)
{
    open_gate(arg);
    return NULL;
}

static void test_cancel(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(1);
    struct gate g = GATE;
    atomic_uint ran = 0;
    struct ate__task block = {.run = stand_before, .user = &g}, tasks[3], never = {0};
    ate__workers_submit(w, &block, 0);
    wait_reached(&g, 1);
    for (int i = 0; i < 3; i++) {
        tasks[i] = (struct ate__task){.run = count, .user = &ran};
        ate__workers_submit(w, &tasks[i], 0);
    }
    assert_true(ate__workers_cancel(w, &tasks[1]));
    assert_false(ate__workers_cancel(w, &tasks[1]));
    assert_true(ate__workers_cancel(w, &tasks[2]));
    assert_false(ate__workers_cancel(w, &never));
    ate__workers_submit(w, &tasks[2], 0);
    /* One that runs is waited for. */
    pthread_t thread;
    assert_int_equal(__real_pthread_create(&thread, NULL, open_gate_later, &g), 0);
    assert_false(ate__workers_cancel(w, &block));
    assert_int_equal(g.passed, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ate__workers_unref(w);
    assert_int_equal(ran, 2);
}

struct order {
    atomic_uint next;
    unsigned place[3];
};
struct placed {
    struct ate__task task;
    struct order *order;
    unsigned number;
};

static void take_place(struct ate__task *task)
{
    struct placed *p = task->user;
    p->order->place[p->number] = 1 + atomic_fetch_add(&p->order->next, 1);
}

static void test_delay(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(1);
    struct order order = {0};
    struct gate g = GATE;
    struct placed placed[3];
    atomic_uint ran = 0;
    struct ate__task dropped = {.run = count, .user = &ran}, last;
    for (unsigned i = 0; i < 3; i++)
        placed[i] = (struct placed){{.run = take_place, .user = &placed[i]}, &order, i};
    ate__workers_submit(w, &placed[0].task, 3600000);
    ate__workers_submit(w, &placed[1].task, 20);
    ate__workers_submit(w, &placed[2].task, 10);
    ate__workers_submit(w, &placed[0].task, 5); /* moved to the front */
    ate__workers_submit(w, &dropped, 3600000);
    last = (struct ate__task){.run = stand_before, .user = &g};
    ate__workers_submit(w, &last, 30);
    wait_reached(&g, 1);
    assert_int_equal(order.place[0], 1);
    assert_int_equal(order.place[2], 2);
    assert_int_equal(order.place[1], 3);
    open_gate(&g);
    assert_false(ate__workers_cancel(w, &last));
    /* One that waits is taken back, or made due at once, or dropped at the end. */
    ate__workers_submit(w, &placed[0].task, 3600000);
    assert_true(ate__workers_cancel(w, &placed[0].task));
    ate__workers_submit(w, &placed[1].task, 3600000);
    ate__workers_submit(w, &placed[1].task, 0);
    ate__workers_unref(w);
    assert_int_equal(order.place[1], 4);
    assert_int_equal(order.next, 4);
    assert_int_equal(ran, 0);
}

struct sums {
    atomic_uint seen[1000];
};

static void see(void *arg, size_t i)
{
    atomic_fetch_add(&((struct sums *)arg)->seen[i], 1);
}

static void test_each(void **state)
{
    (void)state;
    struct ate__workers *pools[] = {NULL, pool_of(1), pool_of(3), pool_of(8)};
    static const size_t counts[] = {0, 1, 2, 7, 1000};
    for (size_t p = 0; p < ATE__COUNT_OF(pools); p++)
        for (size_t c = 0; c < ATE__COUNT_OF(counts); c++) {
            struct sums sums = {0};
            ate__workers_each(pools[p], counts[c], see, &sums);
            for (size_t i = 0; i < 1000; i++)
                assert_int_equal(sums.seen[i], i < counts[c]);
        }
    for (size_t p = 0; p < ATE__COUNT_OF(pools); p++)
        ate__workers_unref(pools[p]);
}

/* While every thread is busy the caller does all of it. */
static void test_each_alone(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(2);
    struct gate g = GATE;
    struct ate__task tasks[2];
    for (int i = 0; i < 2; i++) {
        tasks[i] = (struct ate__task){.run = stand_before, .user = &g};
        ate__workers_submit(w, &tasks[i], 0);
    }
    wait_reached(&g, 2);
    struct sums sums = {0};
    ate__workers_each(w, 1000, see, &sums);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(sums.seen[i], 1);
    open_gate(&g);
    ate__workers_unref(w);
}

/* A pool has a thread from the beginning, or there is no pool. */
static void test_no_pool_without_a_thread(void **state)
{
    (void)state;
    struct ate__workers *w = NULL;
    no_threads = true;
    assert_int_equal(ate__workers_new(4, &w), ATE_E_SYSTEM);
    no_threads = false;
    assert_null(w);
}

struct under_lock {
    struct ate__task task;
    pthread_mutex_t mutex;
    pthread_t submitter, runner;
};

static void take_lock(struct ate__task *task)
{
    struct under_lock *u = task->user;
    u->runner = pthread_self();
    if (pthread_equal(u->runner, u->submitter))
        return; /* it would wait for itself */
    pthread_mutex_lock(&u->mutex);
    pthread_mutex_unlock(&u->mutex);
}

/* Where no more threads are to be had, a task that is submitted under a lock and takes that lock
 * still runs on a thread of the pool. */
static void test_no_more_threads(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(4);
    struct under_lock u = {.mutex = PTHREAD_MUTEX_INITIALIZER, .submitter = pthread_self()};
    u.task = (struct ate__task){.run = take_lock, .user = &u};
    no_threads = true;
    pthread_mutex_lock(&u.mutex);
    ate__workers_submit(w, &u.task, 0);
    pthread_mutex_unlock(&u.mutex);
    struct sums sums = {0};
    ate__workers_each(w, 10, see, &sums);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(sums.seen[i], 1);
    atomic_uint ran = 0;
    struct ate__task soon = {.run = count, .user = &ran};
    struct gate g = GATE;
    struct ate__task later = {.run = stand_before, .user = &g};
    ate__workers_submit(w, &soon, 0);
    ate__workers_submit(w, &later, 5);
    wait_reached(&g, 1);
    open_gate(&g);
    ate__workers_unref(w);
    no_threads = false;
    assert_false(pthread_equal(u.runner, u.submitter));
    assert_int_equal(ran, 1);
}

static void look_at_signals(struct ate__task *task)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    *(int *)task->user = sigismember(&set, SIGTERM) && sigismember(&set, SIGUSR1);
}

static void test_signals(void **state)
{
    (void)state;
    struct ate__workers *w = pool_of(1);
    int blocked = 0;
    struct ate__task task = {.run = look_at_signals, .user = &blocked};
    ate__workers_submit(w, &task, 0);
    ate__workers_unref(w);
    assert_true(blocked);
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    assert_false(sigismember(&set, SIGTERM));
}

static int make_pool(void *arg)
{
    (void)arg;
    struct ate__workers *w = NULL;
    int rc = ate__workers_new(1, &w);
    ate__workers_unref(w);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(heap_sweep(make_pool, NULL, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_run_once),    cmocka_unit_test(test_task_frees_itself),
        cmocka_unit_test(test_threads_enough),  cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_delay),           cmocka_unit_test(test_each),
        cmocka_unit_test(test_each_alone),      cmocka_unit_test(test_no_pool_without_a_thread),
        cmocka_unit_test(test_no_more_threads), cmocka_unit_test(test_signals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
