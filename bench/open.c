/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * open.c: opening a chain, which verifies all of it: a million objects at 1,000 a signature, then
 * one signature each; and with a view image, which the close before wrote.
 *
 * $ATE_BENCH_OBJECTS (1,000,000) and $ATE_BENCH_SIGNED (4,000) set the sizes.
 */
#include "bare.h"
#include "pair.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>

static void fill(struct world *w, size_t objects, size_t per_transaction)
{
    struct ate_txn *txn;
    if (ate__txn_begin(w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 0; i < objects; i++) {
        struct ate_id id;
        if (ate_store(txn, blob, &(struct blob){{bench_value, 64}}, &id))
            bench_fail("store");
        if ((i + 1) % per_transaction == 0 && ate_txn_commit(txn, NULL))
            bench_fail("commit");
    }
    ate_txn_end(txn);
}

static double open_once(struct world *w, size_t objects)
{
    world_close(w);
    uint64_t start = bench_now_ns();
    world_open(w, ATE__SYNC_NEVER, 1 << 20);
    return (double)objects / ((double)(bench_now_ns() - start) / 1e9);
}

/* Opening is long: a few turns, each beside a slice of bare verification. */
static void replay_row(struct world *w, const char *name, size_t objects, double target_rate,
                       double target_ratio)
{
    struct bare *bare = bare_new();
    double best = 0, ratio = 0;
    char figure[80], limit[80];
    w->no_view_image = true;
    for (int turn = 0; turn < 3; turn++) {
        struct slice s = {0};
        uint64_t start = bench_now_ns();
        bare_verify(bare, 0.5, &s);
        double verified = (double)s.operations / ((double)(bench_now_ns() - start) / 1e9),
               rate = open_once(w, objects);
        free(s.latency_ns);
        if (rate > best) {
            best = rate;
            ratio = rate / verified;
            snprintf(limit, sizeof limit, "bare verify, all cores, %.0f/s", verified);
        }
    }
    snprintf(figure, sizeof figure, "%9.0f objects/s", best);
    if (target_rate > 0)
        bench_row(name, figure, "target", best / target_rate, 1);
    else
        bench_row(name, figure, limit, ratio, target_ratio);
    bare_free(bare);
}

/* With what the close before wrote. */
static void image_row(struct world *w, const char *name, size_t objects, double target_rate)
{
    double best = 0;
    char figure[80];
    w->no_view_image = false;
    (void)open_once(w, objects); /* its close writes one, if there is none */
    for (int turn = 0; turn < 3; turn++) {
        double rate = open_once(w, objects);
        best = rate > best ? rate : best;
    }
    snprintf(figure, sizeof figure, "%9.0f objects/s, %.2f s", best, (double)objects / best);
    bench_row(name, figure, "10 million in 4 s", best / target_rate, 1);
}

int main(void)
{
    size_t objects = bench_setting("ATE_BENCH_OBJECTS", 1000000);
    size_t transactions = bench_setting("ATE_BENCH_SIGNED", 4000);
    struct world w;
    bench_header("bench/open");
    world_init(&w, "open", ATE__SYNC_NEVER, false);
    fill(&w, objects, 1000);
    replay_row(&w, "open and verify, distributed, 1,000 x 64 B a signature", objects, 300000, 0);
    image_row(&w, "open with a view image, 1,000 x 64 B a signature", objects, 2500000);
    world_deinit(&w);
    world_init(&w, "open", ATE__SYNC_NEVER, false);
    fill(&w, transactions, 1);
    replay_row(&w, "open and verify, distributed, 1 x 64 B a signature", transactions, 0, .85);
    image_row(&w, "open with a view image, 1 x 64 B a signature", transactions, 100000);
    world_deinit(&w);
    return 0;
}
