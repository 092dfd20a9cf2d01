/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/stop.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/common/out.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic(const char *) unfinished;
static _Atomic(const char *) way_on;
static atomic_bool committing;
static struct {
    int32_t timeout_ms;
    const char *subject;
} limit;

static void remove_unfinished(void)
{
    const char *path = atomic_load(&unfinished);
    if (path)
        unlink(path);
}

/* A reader that stopped reading must not keep us: what cannot be written soon is not. */
static void write_soon(int fd, const char *text, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (poll(&p, 1, 100) > 0)
        (void)!write(fd, text, size);
}

/* ---- signals; only what may be called in a handler ---- */

static void on_signal(int number)
{
    static const char text[] = "\nate: interrupted\n";
    remove_unfinished();
    write_soon(STDERR_FILENO, text, sizeof text - 1);
    const char *more = atomic_load(&way_on);
    if (more)
        write_soon(STDERR_FILENO, more, strlen(more));
    _exit(128 + number);
}

void stop_begin(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, action = {.sa_handler = on_signal};
        sigfillset(&action.sa_mask);
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL); /* nohup means what it says */
    }
}

/* ---- the time is over ---- */

static void *wait_and_end(void *arg)
{
    struct timespec until = *(struct timespec *)arg;
    ate__free(arg);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
    int rc = atomic_load(&committing) ? ATE_UNKNOWN : ATE_TIMEOUT;
    ate__fail(rc,
              rc == ATE_UNKNOWN ? "no answer within %d ms; it may still be applied"
                                : "not done within %d ms",
              limit.timeout_ms);
    char *line = ate__error_line(rc, limit.subject, NULL);
    remove_unfinished();
    if (line)
        write_soon(ate__out.json ? STDOUT_FILENO : STDERR_FILENO, line, strlen(line));
    _exit(ate__exit_status(rc));
}

void stop_after(int32_t timeout_ms, const char *subject)
{
    if (timeout_ms <= 0)
        return;
    struct timespec *until = ate__alloc(sizeof *until);
    pthread_t thread;
    limit.timeout_ms = timeout_ms;
    limit.subject = subject;
    if (!until)
        return; /* each wait is still bounded */
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += timeout_ms / 1000;
    until->tv_nsec += timeout_ms % 1000 * 1000000l;
    if (until->tv_nsec >= 1000000000l) {
        until->tv_sec++;
        until->tv_nsec -= 1000000000l;
    }
    if (pthread_create(&thread, NULL, wait_and_end, until))
        ate__free(until);
    else
        pthread_detach(thread);
}

void stop_commits(bool on_its_way)
{
    atomic_store(&committing, on_its_way);
}

void stop_says(const char *line)
{
    atomic_store(&way_on, line);
}

void stop_removes(const char *path)
{
    atomic_store(&unfinished, path);
}
