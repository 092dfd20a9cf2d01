/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/runner.h"
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"
#include <pthread.h>
#include <stdatomic.h>

/* What errands and the test tell each other. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    atomic_bool begun; /* asked without the mutex */
    unsigned run, freed, ended;
} g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0, 0, 0};

static void change(void (*f)(void))
{
    pthread_mutex_lock(&g.mutex);
    f();
    pthread_cond_broadcast(&g.changed);
    pthread_mutex_unlock(&g.mutex);
}

static void wait_for(const unsigned *count, unsigned n)
{
    pthread_mutex_lock(&g.mutex);
    while (*count < n)
        pthread_cond_wait(&g.changed, &g.mutex);
    pthread_mutex_unlock(&g.mutex);
}

static void count_run(void)
{
    g.run++;
}
static void count_freed(void)
{
    g.freed++;
}
static void count_ended(void)
{
    g.ended++;
}
static void open_gate(void)
{
    g.open = true;
}

static void run(struct ate__errand *errand)
{
    (void)errand;
    change(count_run);
}

static void stand(struct ate__errand *errand)
{
    (void)errand;
    pthread_mutex_lock(&g.mutex);
    g.begun = true;
    while (!g.open)
        pthread_cond_wait(&g.changed, &g.mutex);
    g.run++;
    pthread_mutex_unlock(&g.mutex);
}

static void drop(struct ate__errand *errand)
{
    ate__free(errand);
    change(count_freed);
}

static void ended(void *arg)
{
    (void)arg;
    change(count_ended);
}

static struct ate__errand *errand(void (*f)(struct ate__errand *errand))
{
    struct ate__errand *e = ate__alloc(sizeof *e);
    assert_non_null(e);
    e->run = f;
    e->free = drop;
    return e;
}

static int set_up(void **state)
{
    (void)state;
    g.open = false;
    g.begun = false;
    g.run = g.freed = g.ended = 0;
    return 0;
}

static void test_done_in_time(void **state)
{
    struct ate__runner *r;
    (void)state;
    assert_int_equal(ate__runner_new(ended, NULL, &r), 0);
    for (unsigned i = 1; i <= 1000; i++) {
        struct ate__errand *e = errand(run);
        assert_int_equal(ate__runner_call(r, e, 60000), 0);
        assert_int_equal(g.run, i);
        ate__free(e);
    }
    assert_int_equal(g.freed, 0);
    ate__runner_end(r);
    wait_for(&g.ended, 1);
}

/* Late: told so, once; who comes meanwhile is refused at once; it goes on when it has returned. */
static void test_late(void **state)
{
    struct ate__runner *r;
    struct ate__errand *e = NULL;
    int rc;
    (void)state;
    assert_int_equal(ate__runner_new(ended, NULL, &r), 0);
    do /* until the one that stands there has begun: one that has not is taken back */
        rc = ate__runner_call(r, errand(stand), 20);
    while (rc == ATE_TIMEOUT && !g.begun);
    assert_int_equal(rc, ATE_TIMEOUT);
    unsigned taken_back = g.freed;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(ate__runner_call(r, errand(run), 60000), ATE_BUSY);
        assert_int_equal(g.freed, taken_back + i);
    }
    assert_int_equal(g.run, 0);
    change(open_gate);
    wait_for(&g.freed, taken_back + 4);
    do {
        e = errand(run);
        rc = ate__runner_call(r, e, 60000);
    } while (rc == ATE_BUSY);
    assert_int_equal(rc, 0);
    assert_int_equal(g.run, 2);
    ate__free(e);
    ate__runner_end(r);
    wait_for(&g.ended, 1);
}

/* The end waits for nobody: the thread ends when what it runs has returned. */
static void test_end_beside_a_late_one(void **state)
{
    struct ate__runner *r;
    (void)state;
    assert_int_equal(ate__runner_new(ended, NULL, &r), 0);
    while (ate__runner_call(r, errand(stand), 20) == ATE_TIMEOUT && !g.begun)
        ;
    unsigned taken_back = g.freed;
    ate__runner_end(r);
    assert_int_equal(g.ended, 0);
    change(open_gate);
    wait_for(&g.ended, 1);
    assert_int_equal(g.freed, taken_back + 1);
    ate__runner_end(NULL);
}

static void *call_many(void *arg)
{
    unsigned *done = ate__alloc(sizeof *done);
    for (unsigned i = 0; i < 500; i++) {
        struct ate__errand *e = errand(run);
        int rc = ate__runner_call(arg, e, 60000);
        *done += rc == 0;
        if (!rc)
            ate__free(e);
    }
    return done;
}

static void test_from_many_threads(void **state)
{
    pthread_t thread[4];
    struct ate__runner *r;
    unsigned sum = 0;
    (void)state;
    assert_int_equal(ate__runner_new(ended, NULL, &r), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_many, r), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *done;
        pthread_join(thread[i], &done);
        sum += *(unsigned *)done;
        ate__free(done);
    }
    assert_int_equal(sum, 2000);
    assert_int_equal(g.run, 2000);
    ate__runner_end(r);
    wait_for(&g.ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_done_in_time, set_up),
        cmocka_unit_test_setup(test_late, set_up),
        cmocka_unit_test_setup(test_end_beside_a_late_one, set_up),
        cmocka_unit_test_setup(test_from_many_threads, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
