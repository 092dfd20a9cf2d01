/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit.c: durable commits of one 1 KiB object, by 1 and by 64 blocking writers and by one thread
 * that has 64 on their way, unsigned (everyone may write) and with one composite signature each.
 */
#include "bare.h"
#include "crypto/sign.h"
#include "pair.h"
#include "writers.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WRITERS = 64 };

static void one_writer(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){arg, 1}, seconds, ret);
}

static void many_writers(void *arg, double seconds, struct slice *ret)
{
    writers_run(&(struct writers){arg, WRITERS}, seconds, ret);
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

static double rows(struct world *w, struct bare *bare, bool is_signed)
{
    char one[100], many[100];
    const char *how = is_signed ? "1 composite signature" : "unsigned";
    snprintf(one, sizeof one, "durable commit, distributed, %s, 1 x 1 KiB, 1 writer", how);
    snprintf(many, sizeof many, "durable commit, distributed, %s, 1 x 1 KiB, 64 writers", how);
    double rate = pair_run(&(struct pair){
        one, "commits", is_signed ? "sign + pwrite + fdatasync" : "pwrite + fdatasync", .85,
        one_writer, is_signed ? bare_signed : bare_sync, w, bare});
    double group = pair_run(&(struct pair){
        many, "commits", is_signed ? "bare sign + verify, 2 cores" : "64-thread group commit",
        is_signed ? .70 : .60, many_writers, is_signed ? bare_sign_verify : bare_group, w, bare});
    char figure[80];
    if (!is_signed) {
        snprintf(figure, sizeof figure, "%9.0f commits/s", group);
        bench_row("  the same against 1 writer", figure, "1 writer", group / rate, 7);
        pair_run(&(struct pair){
            "durable commit, distributed, unsigned, 1 x 1 KiB, 1 thread, 64 in flight", "commits",
            "1 writer", 10, in_flight, one_writer, w, w});
    }
    return rate;
}

int main(void)
{
    struct world everyone, mine;
    struct bare *bare = bare_new();
    bench_header("bench/commit");
    world_init(&everyone, "commit", ATE__SYNC_ALWAYS, true);
    rows(&everyone, bare, false);
    world_deinit(&everyone);
    world_init(&mine, "commit", ATE__SYNC_ALWAYS, false);
    rows(&mine, bare, true);
    world_deinit(&mine);
    bare_free(bare);
    return 0;
}
