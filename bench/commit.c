/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit.c: durable commits of one 1 KiB object, unsigned (everyone may write), by 1 and by 64
 * blocking writers and by one thread that has 64 on their way.
 */
#include "bare.h"
#include "pair.h"
#include "writers.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WRITERS = 64 };

static void one_writer(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){.w = arg, .count = 1}, seconds, ret);
}

static void many_writers(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){.w = arg, .count = WRITERS}, seconds, ret);
}

/* ---- one thread with many commits on their way ---- */

struct flight {
    struct ate_txn *txn;
    struct landing *landing;
    uint64_t start;
};
struct landing { /* what has its answer */
    pthread_mutex_t mutex;
    pthread_cond_t some;
    struct flight *landed[WRITERS];
    int count;
};

static void land(void *arg)
{
    struct flight *f = arg;
    struct landing *l = f->landing;
    pthread_mutex_lock(&l->mutex);
    l->landed[l->count++] = f;
    pthread_cond_signal(&l->some);
    pthread_mutex_unlock(&l->mutex);
}

static int take_landed(struct landing *l, struct flight *ret[WRITERS])
{
    pthread_mutex_lock(&l->mutex);
    while (!l->count)
        pthread_cond_wait(&l->some, &l->mutex);
    int count = l->count;
    memcpy(ret, l->landed, (size_t)count * sizeof *ret);
    l->count = 0;
    pthread_mutex_unlock(&l->mutex);
    return count;
}

static void take_off(struct flight *f)
{
    struct ate_id id;
    struct ate_receipt receipt;
    f->start = bench_now_ns();
    if (ate_store(f->txn, blob, &(struct blob){{bench_value, VALUE_SIZE}}, &id) ||
        ate__txn_offer(f->txn, false, land, f, &receipt))
        bench_fail("offer");
}

static void in_flight(void *arg, double seconds, struct slice *ret)
{
    struct world *w = arg;
    struct landing l = {.count = 0};
    struct flight flights[WRITERS], *landed[WRITERS];
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    pthread_mutex_init(&l.mutex, NULL);
    pthread_cond_init(&l.some, NULL);
    for (int i = 0; i < WRITERS; i++) {
        flights[i] = (struct flight){.landing = &l};
        if (ate__txn_begin(w->dio, NULL, 0, &flights[i].txn))
            bench_fail("begin");
        take_off(&flights[i]);
    }
    for (int left = WRITERS; left;) {
        int count = take_landed(&l, landed);
        for (int i = 0; i < count; i++) {
            struct ate_receipt receipt;
            uint64_t now = bench_now_ns();
            if (ate__txn_finish(landed[i]->txn, &receipt))
                bench_fail("commit");
            slice_add(ret, now - landed[i]->start);
            if (now < end) {
                take_off(landed[i]);
                continue;
            }
            ate_txn_end(landed[i]->txn);
            left--;
        }
    }
    pthread_cond_destroy(&l.some);
    pthread_mutex_destroy(&l.mutex);
}

int main(void)
{
    struct world w;
    struct bare *bare = bare_new();
    char figure[80];
    bench_header("bench/commit");
    world_init(&w, "commit", ATE__SYNC_ALWAYS, true);
    double rate = pair_run(
        &(struct pair){"durable commit, distributed, unsigned, 1 x 1 KiB, 1 writer", "commits",
                       "pwrite + fdatasync", .85, one_writer, bare_sync, &w, bare});
    double group = pair_run(
        &(struct pair){"durable commit, distributed, unsigned, 1 x 1 KiB, 64 writers", "commits",
                       "64-thread group commit", .60, many_writers, bare_group, &w, bare});
    snprintf(figure, sizeof figure, "%9.0f commits/s", group);
    bench_row("  the same against 1 writer", figure, "1 writer", group / rate, 7);
    pair_run(
        &(struct pair){"durable commit, distributed, unsigned, 1 x 1 KiB, 1 thread, 64 in flight",
                       "commits", "1 writer", 10, in_flight, one_writer, &w, &w});
    world_deinit(&w);
    bare_free(bare);
    return 0;
}
