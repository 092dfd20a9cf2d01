/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/thread.h"
#include "lib/check.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

/* The linker puts this in the place of pthread_create(). */
static bool no_threads;
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM};

static void *look(void *arg)
{
    sigset_t *mask = arg;
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return arg;
}

/* It takes none; its maker takes those that he took before, also where there is no thread. */
static void test_signals(void **state)
{
    (void)state;
    sigset_t set, before, mask, after;
    pthread_t thread;
    void *ret;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &set, &before), 0);
    for (int round = 0; round < 2; round++) {
        no_threads = round;
        sigemptyset(&mask);
        assert_int_equal(ate__thread_start(&thread, NULL, look, &mask), no_threads ? EAGAIN : 0);
        if (!no_threads) {
            assert_int_equal(pthread_join(thread, &ret), 0);
            assert_ptr_equal(ret, &mask);
        }
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        for (size_t i = 0; i < ATE__COUNT_OF(signals); i++) {
            assert_int_equal(sigismember(&mask, signals[i]), !no_threads);
            assert_int_equal(sigismember(&after, signals[i]), signals[i] == SIGUSR1);
        }
    }
    no_threads = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
