/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/bench.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include <pthread.h>
#include <stdlib.h>

enum { LOOK_MS = 20, MILLION = 1000000 };

uint64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool bench_take(struct bench_client *me, uint64_t *ret_index)
{
    if (atomic_load(&me->crew->failed))
        return false;
    *ret_index = atomic_fetch_add(&me->crew->next, 1);
    return *ret_index < me->crew->count;
}

void bench_took(struct bench_client *me, uint64_t index, uint64_t ns)
{
    me->crew->times_ns[index] = ns;
    atomic_fetch_add(&me->crew->done, 1);
}

static void *run_client(void *arg)
{
    struct bench_client *me = arg;
    me->rc = me->crew->work(me);
    me->end_ns = bench_now_ns();
    if (me->rc) {
        me->sentence = ate__copy_text(ate__error_text());
        atomic_store(&me->crew->failed, true);
    }
    atomic_fetch_add(&me->crew->ended, 1);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void sort_times(struct bench_crew *c)
{
    qsort(c->times_ns, (size_t)c->count, sizeof *c->times_ns, compare);
}

/* The first that failed: those after it may have ended because of it. */
static int result_of(struct bench_client *clients, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        if (!rc && clients[i].rc) {
            rc = clients[i].rc;
            ate__error_set(clients[i].sentence ? clients[i].sentence : "");
        }
        ate__free(clients[i].sentence);
    }
    return rc;
}

int bench_run_here(struct bench_crew *c)
{
    struct bench_client client = {.crew = c};
    c->times_ns = ate__alloc_array((size_t)c->count, sizeof *c->times_ns);
    if (!c->times_ns)
        return ate__no_memory();
    int rc = c->work(&client);
    for (uint64_t i = 0; i < c->count; i++)
        c->elapsed_ns += c->times_ns[i];
    sort_times(c);
    return rc;
}

int bench_run(struct bench_crew *c)
{
    pthread_t threads[BENCH_CLIENTS_MAX + 1];
    struct bench_client clients[BENCH_CLIENTS_MAX + 1];
    size_t n = 0;
    int error = 0;
    c->times_ns = ate__alloc_array((size_t)c->count, sizeof *c->times_ns);
    if (!c->times_ns)
        return ate__no_memory();
    uint64_t start = bench_now_ns();
    for (; n < c->clients && !error; n += !error) {
        clients[n] = (struct bench_client){.crew = c, .number = n};
        error = pthread_create(&threads[n], NULL, run_client, &clients[n]);
    }
    if (error)
        atomic_store(&c->failed, true);
    while (atomic_load(&c->ended) < n) {
        open_show_progress(NULL, c->stage, atomic_load(&c->done), c->count);
        ate__sleep_ms(&ate__env_real, LOOK_MS);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        uint64_t ns = clients[i].end_ns - start;
        c->elapsed_ns = ns > c->elapsed_ns ? ns : c->elapsed_ns;
    }
    ate__progress_end();
    int rc = result_of(clients, n);
    if (!rc && error)
        return ate__fail_errno(error, "%s: a thread for a client", c->stage);
    sort_times(c);
    return rc;
}

void bench_end(struct bench_crew *c)
{
    ate__free(c->times_ns);
    c->times_ns = NULL;
}

uint64_t bench_quantile(const struct bench_crew *c, uint64_t of_million)
{
    uint64_t index = (c->count * of_million + MILLION - 1) / MILLION;
    return c->times_ns[index ? index - 1 : 0];
}
