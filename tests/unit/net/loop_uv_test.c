/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "net/loop_uv.h"
#include "base/alloc.h"
#include "lib/check.h"
#include "lib/heap.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static size_t threads_now(void)
{
    DIR *d = opendir("/proc/self/task");
    size_t count = 0;
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count - 2;
}

/* A thread that was joined is in the system's list a moment longer. */
static void wait_threads(size_t count)
{
    while (threads_now() > count)
        sched_yield();
}

/* --- tasks --- */

enum { POSTERS = 4, TASKS = 2000 };

struct numbered {
    struct ate__loop_task task;
    struct poster *poster;
    int number;
};
struct poster {
    struct ate__loop *loop;
    pthread_t thread;
    struct numbered tasks[TASKS];
    int next; /* number expected, on the loop's thread */
};

static void run_numbered(struct ate__loop_task *task)
{
    struct numbered *n = ATE__CONTAINER(task, struct numbered, task);
    if (!ate__loop_here(n->poster->loop) || n->number != n->poster->next++)
        abort();
}

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < TASKS; i++) {
        p->tasks[i] = (struct numbered){{NULL, run_numbered}, p, i};
        ate__loop_post(p->loop, &p->tasks[i].task);
    }
    return NULL;
}

static void test_posts(void **state)
{
    (void)state;
    size_t before = threads_now();
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    struct ate__loop *l;
    assert_int_equal(ate__loop_new(&l), 0);
    assert_false(ate__loop_here(l));
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = l;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    ate__loop_unref(l); /* what was posted is run */
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(posters[i].next, TASKS);
    free(posters);
    wait_threads(before);
}

struct again {
    struct ate__loop_task task;
    struct ate__loop *loop;
    int count;
};

static void run_again(struct ate__loop_task *task)
{
    struct again *a = ATE__CONTAINER(task, struct again, task);
    if (++a->count < 1000)
        ate__loop_post(a->loop, &a->task);
}

/* A task may be posted by itself; the last reference may go while it does so. */
static void test_task_of_a_task(void **state)
{
    (void)state;
    struct again a = {.task.run = run_again};
    assert_int_equal(ate__loop_new(&a.loop), 0);
    ate__loop_post(a.loop, &a.task);
    ate__loop_unref(a.loop);
    assert_int_equal(a.count, 1000);
}

/* --- calls --- */

static int call_ok(void *arg)
{
    (*(int *)arg)++;
    return 0;
}

static int call_fails(void *arg)
{
    return ate__fail(ATE_BUSY, "no %s", (const char *)arg);
}

static int call_inside(void *arg)
{
    return ate__loop_call(arg, call_fails, "room");
}

static void test_call(void **state)
{
    (void)state;
    struct ate__loop *l;
    int count = 0;
    assert_int_equal(ate__loop_new(&l), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ate__loop_call(l, call_ok, &count), 0);
    assert_int_equal(count, 100);
    assert_int_equal(ate__loop_call(l, call_fails, "luck"), ATE_BUSY);
    assert_string_equal(ate__error_text(), "no luck");
    assert_int_equal(ate__loop_call(l, call_inside, l), ATE_BUSY);
    assert_string_equal(ate__error_text(), "no room");
    ate__loop_unref(l);
}

/* --- timers --- */

struct timers {
    struct ate__loop *loop;
    struct ate__loop_timer *timer[4];
    char fired[8];
    size_t count;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};
struct timer_arg {
    struct timers *all;
    char name;
} timer_args[4];

static void on_fire(void *arg)
{
    struct timer_arg *a = arg;
    pthread_mutex_lock(&a->all->mutex);
    a->all->fired[a->all->count++] = a->name;
    pthread_cond_signal(&a->all->cond);
    pthread_mutex_unlock(&a->all->mutex);
    if (a->name == 'b') {
        ate__loop_timer_free(a->all->timer[1]); /* inside its own call */
        a->all->timer[1] = NULL;
    }
}

static int timers_start(void *arg)
{
    struct timers *all = arg;
    uint64_t now = ate__loop_now_ms(all->loop);
    assert_true(now > 0);
    for (int i = 0; i < 4; i++) {
        timer_args[i] = (struct timer_arg){all, (char)('a' + i)};
        assert_int_equal(ate__loop_timer_new(all->loop, on_fire, &timer_args[i], &all->timer[i]),
                         0);
    }
    ate__loop_timer_start(all->timer[0], 3600000);
    ate__loop_timer_start(all->timer[0], 30); /* replaces */
    ate__loop_timer_start(all->timer[1], 5);
    ate__loop_timer_start(all->timer[2], 1);
    ate__loop_timer_start(all->timer[3], 1);
    ate__loop_timer_stop(all->timer[3]);
    return 0;
}

static int timers_free(void *arg)
{
    struct timers *all = arg;
    for (int i = 0; i < 4; i++)
        ate__loop_timer_free(all->timer[i]);
    return 0;
}

static void test_timers(void **state)
{
    (void)state;
    struct timers all = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    assert_int_equal(ate__loop_new(&all.loop), 0);
    assert_int_equal(ate__loop_call(all.loop, timers_start, &all), 0);
    pthread_mutex_lock(&all.mutex);
    while (all.count < 3)
        pthread_cond_wait(&all.cond, &all.mutex);
    pthread_mutex_unlock(&all.mutex);
    assert_int_equal(ate__loop_call(all.loop, timers_free, &all), 0);
    ate__loop_unref(all.loop);
    assert_string_equal(all.fired, "cba");
}

/* --- references --- */

static pid_t tid;

static int unref_here(void *arg)
{
    tid = gettid();
    ate__loop_unref(arg);
    return 0;
}

static void test_references(void **state)
{
    (void)state;
    size_t before = threads_now();
    struct ate__loop *a, *b, *c;
    assert_int_equal(ate__loop_shared(&a), 0);
    assert_int_equal(ate__loop_shared(&b), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(ate__loop_new(&c), 0);
    assert_ptr_not_equal(a, c);
    ate__loop_unref(ate__loop_ref(c));
    assert_int_equal(threads_now(), before + 2);
    ate__loop_unref(a);
    assert_int_equal(threads_now(), before + 2);
    ate__loop_unref(b);
    ate__loop_unref(c);
    assert_null(ate__loop_unref(NULL));
    wait_threads(before);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ate__loop_shared(&a), 0);
        ate__loop_unref(a);
    }
    wait_threads(before);
    /* The last reference may go on the loop's own thread, which then cleans up by itself. */
    assert_int_equal(ate__loop_new(&a), 0);
    assert_int_equal(ate__loop_call(a, unref_here, a), 0);
    while (!tgkill(getpid(), tid, 0))
        sched_yield();
}

static int make_one(void *arg)
{
    (void)arg;
    struct ate__loop *l;
    int rc = ate__loop_new(&l);
    if (!rc)
        ate__loop_unref(l);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(heap_sweep(make_one, NULL, false), 1);
}

/* A sanitizer may start a thread of its own with the first one. */
static int setup(void **state)
{
    (void)state;
    return make_one(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts),     cmocka_unit_test(test_task_of_a_task),
        cmocka_unit_test(test_call),      cmocka_unit_test(test_timers),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
