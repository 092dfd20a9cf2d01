/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * memory.c: the anonymous memory of an open chain, per live object: slots, versions, tables, child
 * lists, origins, and whatever else a chain takes; not the cache of decoded objects.
 *
 * $ATE_BENCH_OBJECTS (1,000,000) objects in transactions of 1,000, all under the top: without a
 * name and with one. The chain is opened by a process of its own: memory --open DIR OBJECTS.
 */
#include "lib/shell.h"
#include "pair.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double anonymous_bytes(void)
{
    char line[200];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        bench_fail("status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %lf", &kib) == 1)
            break;
    fclose(f);
    return kib * 1024;
}

static void fill(struct world *w, size_t count, bool named)
{
    struct ate_txn *txn;
    char name[32];
    if (ate__txn_begin(w->dio, NULL, 0, &txn))
        bench_fail("begin");
    for (size_t i = 1; i <= count; i++) {
        struct blob b = {{bench_value, 64}};
        snprintf(name, sizeof name, "object-%zu", i);
        if (named ? ate_put_as(txn, blob, ate_top, name, &b, NULL) : ate_store(txn, blob, &b, NULL))
            bench_fail("store");
        if ((i % 1000 == 0 || i == count) && ate_txn_commit(txn, NULL))
            bench_fail("commit");
        if (i % 1000 == 0)
            ate_txn_end_loans(txn);
    }
    ate_txn_end(txn);
}

static int open_and_measure(const char *dir, size_t count)
{
    char path[300];
    struct ate__workers *workers;
    struct ate__pipe *pipe;
    double before = anonymous_bytes();
    snprintf(path, sizeof path, "%s/chain", dir);
    if (ate__workers_new(0, &workers))
        bench_fail("workers");
    struct ate__local_conf conf = {.chain = {.env = &ate__env_real, .workers = workers}};
    if (ate__local_open(&conf, path, NULL, ATE__STORAGE_READ, &pipe))
        bench_fail("open");
    double bytes = (anonymous_bytes() - before) / (double)count;
    char figure[80];
    snprintf(figure, sizeof figure, "%6.1f bytes of memory an object, of %zu", bytes, count);
    bench_row("  ", figure, "160 bytes", 160 / bytes, 1);
    pipe->v->unref(pipe);
    ate__workers_unref(workers);
    return 0;
}

static void row(size_t count, bool named)
{
    struct world w;
    char command[400];
    world_init(&w, "memory", ATE__SYNC_NEVER, true);
    fill(&w, count, named);
    world_close(&w);
    printf("memory, %s\n", named ? "each object with a name" : "objects without names");
    fflush(stdout);
    snprintf(command, sizeof command, "/proc/%d/exe --open '%s' %zu", (int)getpid(), w.dir, count);
    if (shell(command))
        bench_fail("open");
    world_open(&w, ATE__SYNC_NEVER, 0);
    world_deinit(&w);
}

int main(int argc, char **argv)
{
    const char *objects = getenv("ATE_BENCH_OBJECTS");
    if (argc == 4 && !strcmp(argv[1], "--open"))
        return open_and_measure(argv[2], strtoul(argv[3], NULL, 10));
    bench_header("bench/memory");
    row(objects ? strtoul(objects, NULL, 10) : 1000000, false);
    row(objects ? strtoul(objects, NULL, 10) : 1000000, true);
    return 0;
}
