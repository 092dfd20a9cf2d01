/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/loop.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/workers.h"
#include "lib/check.h"
#include <poll.h>

struct probe {
    struct ate__callback call;
    struct ate_loop *loop;
    int order, *counter;
    bool ran, dropped;
    int nested;
};

static void run(struct ate__callback *c)
{
    struct probe *p = ATE__CONTAINER(c, struct probe, call);
    p->ran = true;
    p->order = ++*p->counter;
    p->nested = ate_loop_run(p->loop, 0);
}

static void drop(struct ate__callback *c)
{
    ATE__CONTAINER(c, struct probe, call)->dropped = true;
}

static struct probe probe_of(struct ate_loop *l, int *counter)
{
    return (struct probe){.call = {.run = run, .drop = drop}, .loop = l, .counter = counter};
}

static void runs_what_is_due_in_order(void **state)
{
    (void)state;
    struct ate_loop *l;
    int counter = 0;
    assert_int_equal(ate_loop_new(&l), 0);
    struct probe a = probe_of(l, &counter), b = probe_of(l, &counter);
    struct pollfd p = {.fd = ate_loop_fd(l), .events = POLLIN};
    assert_int_equal(ate_loop_run(l, 0), ATE_TIMEOUT);
    assert_int_equal(ate__callback_begin(l, &a.call), 0);
    assert_int_equal(ate__callback_begin(l, &b.call), 0);
    assert_int_equal(poll(&p, 1, 0), 0);
    ate__callback_due(&b.call);
    ate__callback_due(&a.call);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(ate_loop_run(l, 0), 0);
    assert_int_equal(b.order, 1);
    assert_int_equal(a.order, 2);
    assert_int_equal(a.nested, ATE_WOULD_DEADLOCK);
    assert_int_equal(poll(&p, 1, 0), 0);
    ate_loop_free(l);
}

static void a_freed_loop_drops_its_calls(void **state)
{
    (void)state;
    struct ate_loop *l;
    int counter = 0;
    assert_int_equal(ate_loop_new(&l), 0);
    struct probe due = probe_of(l, &counter), later = probe_of(l, &counter);
    assert_int_equal(ate__callback_begin(l, &due.call), 0);
    assert_int_equal(ate__callback_begin(l, &later.call), 0);
    ate__callback_due(&due.call);
    ate_loop_free(l);
    assert_true(due.dropped);
    assert_false(due.ran);
    assert_false(later.dropped);
    ate__callback_due(&later.call); /* the last one frees what is left of the loop */
    assert_true(later.dropped);
    ate_loop_free(NULL);
}

static void has_a_limit(void **state)
{
    (void)state;
    struct ate_loop *l;
    struct ate__callback c = {.run = run, .drop = drop};
    size_t begun = 0;
    assert_int_equal(ate_loop_new(&l), 0);
    while (!ate__callback_begin(l, &c))
        begun++;
    assert_int_equal(begun, 65536);
    assert_int_equal(ate__callback_begin(l, &c), ATE_BUSY);
    for (size_t i = 0; i < begun; i++)
        ate__callback_abandon(&c);
    ate_loop_free(l);
    assert_int_equal(ate__callback_begin(NULL, &c), ATE_MISUSE);
}

enum { THREADED = 1000 };

static void due_now(struct ate__task *task)
{
    ate__callback_due(task->user);
}

static void completes_from_any_thread(void **state)
{
    (void)state;
    struct ate_loop *l;
    struct ate__workers *w;
    int counter = 0;
    static struct probe probes[THREADED];
    static struct ate__task tasks[THREADED];
    assert_int_equal(ate_loop_new(&l), 0);
    assert_int_equal(ate__workers_new(4, &w), 0);
    for (int i = 0; i < THREADED; i++) {
        probes[i] = probe_of(l, &counter);
        tasks[i] = (struct ate__task){.run = due_now, .user = &probes[i].call};
        assert_int_equal(ate__callback_begin(l, &probes[i].call), 0);
        ate__workers_submit(w, &tasks[i], 0);
    }
    while (counter < THREADED)
        assert_int_equal(ate_loop_run(l, -1), 0);
    ate__workers_unref(w);
    ate_loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_what_is_due_in_order),
        cmocka_unit_test(a_freed_loop_drops_its_calls),
        cmocka_unit_test(has_a_limit),
        cmocka_unit_test(completes_from_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
