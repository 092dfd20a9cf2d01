/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * loop.c: the caller's loop: a queue of callbacks that are due, and a descriptor that says so.
 *
 * A call that was submitted holds a place in the loop from the beginning (so that completing cannot
 * fail), is completed on any thread, and runs in ate_loop_run(). A loop that is freed first leaves
 * its calls without a callback; the last of them frees the rest.
 */
#include "api/loop.h"
#include "api/api.h"
#include "api/limits.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ate_loop {
    pthread_mutex_t mutex; /* protects all below but fd */
    struct ate__callback *first, *last; /* due */
    size_t calls;          /* submitted and not run */
    bool freed, running;
    int fd;
};

int ate_loop_new(struct ate_loop **ret_loop)
{
    struct ate_loop *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd < 0) {
        ate__free(l);
        return ate__fail_errno(errno, "loop: eventfd");
    }
    pthread_mutex_init(&l->mutex, NULL);
    *ret_loop = l;
    return 0;
}

int ate_loop_fd(const struct ate_loop *l)
{
    return l->fd;
}

static void destroy(struct ate_loop *l)
{
    pthread_mutex_destroy(&l->mutex);
    close(l->fd);
    ate__free(l);
}

void ate_loop_free(struct ate_loop *l)
{
    if (!l || ate__in_callback())
        return;
    pthread_mutex_lock(&l->mutex);
    l->freed = true;
    struct ate__callback *due = l->first;
    l->first = l->last = NULL;
    for (struct ate__callback *c = due; c; c = c->next)
        l->calls--;
    bool last = l->calls == 0;
    pthread_mutex_unlock(&l->mutex);
    for (struct ate__callback *c; (c = due);) {
        due = c->next;
        c->drop(c);
    }
    if (last)
        destroy(l);
}

int ate__callback_begin(struct ate_loop *l, struct ate__callback *c)
{
    if (!l)
        return ate__fail(ATE_MISUSE, "an asynchronous call needs a loop");
    pthread_mutex_lock(&l->mutex);
    bool room = l->calls < ATE__CALLBACKS_MAX;
    l->calls += room;
    pthread_mutex_unlock(&l->mutex);
    c->loop = l;
    return room ? 0
                : ate__fail(ATE_BUSY, "loop: %d callbacks are waiting already", ATE__CALLBACKS_MAX);
}

void ate__callback_abandon(struct ate__callback *c)
{
    pthread_mutex_lock(&c->loop->mutex);
    c->loop->calls--;
    pthread_mutex_unlock(&c->loop->mutex);
}

void ate__callback_due(struct ate__callback *c)
{
    struct ate_loop *l = c->loop;
    uint64_t one = 1;
    c->next = NULL;
    pthread_mutex_lock(&l->mutex);
    bool freed = l->freed, last = false;
    if (freed) {
        last = --l->calls == 0;
    } else {
        if (l->last)
            l->last->next = c;
        else
            l->first = c;
        l->last = c;
        (void)!write(l->fd, &one, sizeof one); /* full means readable already */
    }
    pthread_mutex_unlock(&l->mutex);
    if (freed)
        c->drop(c);
    if (last)
        destroy(l);
}

static struct ate__callback *take(struct ate_loop *l)
{
    uint64_t count;
    pthread_mutex_lock(&l->mutex);
    struct ate__callback *c = l->first;
    if (c) {
        l->first = c->next;
        if (!l->first)
            l->last = NULL;
        l->calls--;
    }
    if (!l->first)
        (void)!read(l->fd, &count, sizeof count);
    pthread_mutex_unlock(&l->mutex);
    return c;
}

static int run_due(struct ate_loop *l, int timeout_ms)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    if (n <= 0)
        return ate__fail(ATE_TIMEOUT, "no callback was due within the time");
    for (struct ate__callback *c; (c = take(l));) {
        ate__set_in_callback(true);
        c->run(c);
        ate__set_in_callback(false);
    }
    return 0;
}

int ate_loop_run(struct ate_loop *l, int timeout_ms)
{
    if (ate__in_callback())
        return ate__fail(ATE_WOULD_DEADLOCK, "ate_loop_run() inside a callback");
    pthread_mutex_lock(&l->mutex);
    bool busy = l->running;
    l->running = true;
    pthread_mutex_unlock(&l->mutex);
    if (busy)
        return ate__fail(ATE_IN_USE, "another thread is in ate_loop_run() of this loop");
    int rc = run_due(l, timeout_ms);
    pthread_mutex_lock(&l->mutex);
    l->running = false;
    pthread_mutex_unlock(&l->mutex);
    return rc;
}
