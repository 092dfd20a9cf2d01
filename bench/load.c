/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * load.c: loading private objects from the view at random: shared and decoded already, as a private
 * copy, and not cached.
 *
 * $ATE_BENCH_OBJECTS (1,000,000) sets how many there are.
 */
#include "base/alloc.h"
#include "pair.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>

struct load {
    struct world *w;
    struct ate_id *ids;
    size_t count;
    uint64_t random;
};

static const struct ate_id *pick(struct load *l)
{
    l->random ^= l->random << 13; /* xorshift64 (Marsaglia 2003) */
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return &l->ids[l->random % l->count];
}

enum { LOADS_AT_ONCE = 4096 };

static void load_for(struct load *l, double seconds, bool copy, struct slice *ret)
{
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    struct ate_txn *txn;
    if (ate__txn_begin(l->w->dio, NULL, ATE_READ, &txn))
        bench_fail("begin");
    while (bench_now_ns() < end) {
        for (int i = 0; i < LOADS_AT_ONCE; i++) {
            const struct blob *b;
            struct blob *mine;
            if (ate_load(txn, blob, *pick(l), &b))
                bench_fail("load");
            if (copy && ate_keep(blob, b, &mine))
                bench_fail("keep");
            if (copy)
                ate_free(mine);
        }
        ret->operations += LOADS_AT_ONCE;
        ate_txn_end_loans(txn);
    }
    ate_txn_end(txn);
}

/* So that all of them are in the cache. */
static void load_each(struct load *l)
{
    const struct blob *b;
    struct ate_txn *txn;
    if (ate__txn_begin(l->w->dio, NULL, ATE_READ, &txn))
        bench_fail("begin");
    for (size_t i = 0; i < l->count; i++) {
        if (ate_load(txn, blob, l->ids[i], &b))
            bench_fail("load");
        if (i % LOADS_AT_ONCE == 0)
            ate_txn_end_loans(txn);
    }
    ate_txn_end(txn);
}

static void load_shared(void *arg, double seconds, struct slice *ret)
{
    load_for(arg, seconds, false, ret);
}

static void load_copy(void *arg, double seconds, struct slice *ret)
{
    load_for(arg, seconds, true, ret);
}

/* The limit: one object of a table of that size, found by its id, and one byte of it. */
static void bare(void *arg, double seconds, struct slice *ret)
{
    struct load *l = arg;
    static volatile uint8_t sink;
    uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
    while (bench_now_ns() < end) {
        for (int i = 0; i < LOADS_AT_ONCE; i++)
            sink = pick(l)->b[0];
        ret->operations += LOADS_AT_ONCE;
    }
    (void)sink;
}

static void fill(struct load *l)
{
    struct ate_txn *txn;
    if (ate__txn_begin(l->w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 0; i < l->count; i++) {
        if (ate_store(txn, blob, &(struct blob){{bench_value, 64}}, &l->ids[i]))
            bench_fail("store");
        if ((i + 1) % 1000 == 0 && ate_txn_commit(txn, NULL))
            bench_fail("commit");
    }
    if (ate_txn_commit(txn, NULL))
        bench_fail("commit");
    ate_txn_end(txn);
}

static void row(struct load *l, const char *name, loop_fn *loop, double target)
{
    char figure[80];
    double rate =
        pair_run(&(struct pair){name, "loads", "random read of an array", 0, loop, bare, l, l});
    snprintf(figure, sizeof figure, "%9.0f loads/s", rate);
    bench_row("  the same against the target", figure, "target", rate / target, 1);
}

int main(void)
{
    const char *objects = getenv("ATE_BENCH_OBJECTS");
    struct world w;
    struct load l = {.w = &w,
                     .count = objects ? strtoul(objects, NULL, 10) : 1000000,
                     .random = 88172645463325252u};
    bench_header("bench/load");
    l.ids = calloc(l.count, sizeof *l.ids);
    world_init(&w, "load", ATE__SYNC_NEVER, false);
    fill(&l);
    world_reopen(&w, ATE__SYNC_NEVER, 0);
    row(&l, "load, private, 64 B, not cached, 1 thread", load_shared, 500000);
    world_reopen(&w, ATE__SYNC_NEVER, 1ull << 30);
    load_each(&l);
    row(&l, "load, private, 64 B, decoded already, shared, 1 thread", load_shared, 5000000);
    row(&l, "load, private, 64 B, decoded already, private copy, 1 thread", load_copy, 1000000);
    world_deinit(&w);
    free(l.ids);
    return 0;
}
