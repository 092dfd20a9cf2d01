/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.c: compaction of a chain half of whose bytes are old values: MB/s, read and written,
 * beside a copy that reads and writes as many in pieces of 1 MiB and syncs at the end; and what
 * durable commits of 1 KiB by one writer take meanwhile, beside what they take without it: as fast
 * as it goes, and at the pace of chains that are compacted by themselves.
 *
 * $ATE_BENCH_OBJECTS (131,072) of 1 KiB, each stored twice.
 */
#include "bare.h"
#include "chain/compact.h"
#include "writers.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MIB = 1 << 20, PACE = 16 * MIB /* bytes a second */ };
static const double ALONE_S = 3; /* commits without a compaction are measured so long */

struct work {
    struct world w;
    struct ate_id *ids;
    size_t count;
    uint64_t bytes_per_second; /* of the compaction; 0: as fast as it goes */
    uint64_t bytes, ns;        /* that it read and wrote; that it took */
    atomic_bool done;
};

static void store_all(struct work *k, bool again)
{
    struct ate_txn *txn;
    struct blob b = {{bench_value, VALUE_SIZE}};
    if (ate__txn_begin(k->w.dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 0; i < k->count; i++)
        if ((again ? ate_put(txn, blob, k->ids[i], &b) : ate_store(txn, blob, &b, &k->ids[i])) ||
            (((i + 1) % 64 == 0 || i + 1 == k->count) && ate_txn_commit(txn, NULL)))
            bench_fail("store");
    ate_txn_end(txn);
}

/* A chain with every object replaced once; it is reopened so that its files are full ones. */
static void make(struct work *k)
{
    world_init(&k->w, "compact", ATE__SYNC_NEVER, true);
    store_all(k, false);
    store_all(k, true);
    world_reopen(&k->w, ATE__SYNC_ALWAYS, 64 * MIB);
    k->bytes = k->ns = 0;
    atomic_store(&k->done, false);
}

static void note_bytes(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    ((struct work *)arg)->bytes = done;
}

static void *compact(void *arg)
{
    struct work *k = arg;
    struct ate__compact_conf conf = {
        .bytes_per_second = k->bytes_per_second, .progress = note_bytes, .arg = k};
    struct ate__compacted done;
    uint64_t start = bench_now_ns();
    if (ate__chain_compact(ate__local_chain(k->w.dio->pipe), &conf, &done))
        bench_fail("compact");
    k->ns = bench_now_ns() - start;
    if (!done.rewritten)
        fprintf(stderr, "bench: nothing was compacted: set ATE_BENCH_OBJECTS higher\n");
    atomic_store(&k->done, true);
    return NULL;
}

/* Reads and writes half of so many bytes each; bytes a second, read and written. */
static double copy_rate(const struct work *k, uint64_t bytes)
{
    char path[300];
    uint8_t *piece = calloc(1, MIB);
    snprintf(path, sizeof path, "%s/copy", k->w.dir);
    int from = open(path, O_RDWR | O_CREAT, 0600);
    snprintf(path, sizeof path, "%s/copied", k->w.dir);
    int to = open(path, O_RDWR | O_CREAT, 0600);
    if (!piece || from < 0 || to < 0)
        bench_fail("copy");
    for (uint64_t at = 0; at < bytes / 2; at += MIB)
        if (pwrite(from, piece, MIB, (off_t)at) != MIB)
            bench_fail("copy");
    fsync(from);
    uint64_t start = bench_now_ns(), moved = 0;
    for (uint64_t at = 0; at < bytes / 2; at += MIB, moved += 2 * MIB)
        if (pread(from, piece, MIB, (off_t)at) != MIB || pwrite(to, piece, MIB, (off_t)at) != MIB)
            bench_fail("copy");
    if (fdatasync(to))
        bench_fail("copy");
    double seconds = (double)(bench_now_ns() - start) / 1e9;
    close(from);
    close(to);
    free(piece);
    return (double)moved / seconds;
}

static void speed_row(struct work *k)
{
    double best = 0, limit = 0;
    char figure[80], text[80];
    for (int turn = 0; turn < 3; turn++) {
        make(k);
        compact(k);
        double rate = (double)k->bytes / ((double)k->ns / 1e9), copied = copy_rate(k, k->bytes);
        world_deinit(&k->w);
        if (rate > best) {
            best = rate;
            limit = copied;
        }
    }
    snprintf(figure, sizeof figure, "%9.0f MB/s, read and written", best / 1e6);
    snprintf(text, sizeof text, "copy + fdatasync, %.0f MB/s", limit / 1e6);
    bench_row("compaction, distributed, unsigned, half of 1 KiB values old", figure, text,
              limit > 0 ? best / limit : 0, 0);
}

static void beside_row(struct work *k, const char *name, uint64_t bytes_per_second)
{
    struct slice alone = {0}, beside = {0};
    struct writers one = {.w = &k->w, .count = 1};
    pthread_t thread;
    char figure[120], limit[120];
    make(k);
    writers_run(&one, ALONE_S, &alone);
    k->bytes_per_second = bytes_per_second;
    if (pthread_create(&thread, NULL, compact, k))
        bench_fail("thread");
    while (!atomic_load(&k->done))
        writers_run(&one, .05, &beside);
    pthread_join(thread, NULL);
    double p99 = slice_percentile_us(&beside, .99), p99_alone = slice_percentile_us(&alone, .99);
    snprintf(figure, sizeof figure, "%9.0f commits/s (p50 %.0f us, p99 %.0f us), %.1f s",
             (double)beside.operations / ((double)k->ns / 1e9), slice_percentile_us(&beside, .5),
             p99, (double)k->ns / 1e9);
    snprintf(limit, sizeof limit, "without it %.0f/s (p50 %.0f us, p99 %.0f us)",
             (double)alone.operations / ALONE_S, slice_percentile_us(&alone, .5), p99_alone);
    bench_row(name, figure, limit, p99_alone > 0 ? p99 / p99_alone : 0, 0);
    free(alone.latency_ns);
    free(beside.latency_ns);
    k->bytes_per_second = 0;
    world_deinit(&k->w);
}

int main(void)
{
    struct work k = {.count = bench_setting("ATE_BENCH_OBJECTS", 131072)};
    bench_header("bench/compact");
    k.ids = calloc(k.count, sizeof *k.ids);
    if (!k.ids)
        bench_fail("memory");
    speed_row(&k);
    printf("durable commits, unsigned, 1 x 1 KiB, 1 writer, beside it; the ratio is of p99\n");
    beside_row(&k, "  a compaction as fast as it goes", 0);
    beside_row(&k, "  a compaction of 16 MiB/s, as they are by themselves", PACE);
    free(k.ids);
    return 0;
}
