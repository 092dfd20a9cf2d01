/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * others.c: durable commits of one 1 KiB object by 1 and by 64 blocking writers, unsigned, beside
 * SQLite and LMDB, which make the same on the same disk in slices that alternate with ours. Ours
 * encrypts and hashes too; theirs do not.
 *
 * Each is built in where its library is installed; one that is not built in is
 * named.
 */
#include "others.h"
#include "writers.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rival {
    const struct other *other;
    void *store;
    size_t threads;
    _Atomic uint64_t number;
};
struct member {
    struct rival *rival;
    size_t index;
    double seconds;
    struct slice slice;
};

static void *commit_for(void *arg)
{
    struct member *me = arg;
    struct rival *r = me->rival;
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(me->seconds * 1e9);
    while (now < end) {
        uint64_t start = now;
        r->other->commit(r->store, me->index, ++r->number);
        now = bench_now_ns();
        slice_add(&me->slice, now - start);
    }
    return NULL;
}

static void rival_run(void *arg, double seconds, struct slice *ret)
{
    struct rival *r = arg;
    pthread_t threads[OTHER_THREADS_MAX];
    struct member members[OTHER_THREADS_MAX];
    for (size_t i = 0; i < r->threads; i++) {
        members[i] = (struct member){r, i, seconds, {0}};
        if (r->threads > 1 && pthread_create(&threads[i], NULL, commit_for, &members[i]))
            bench_fail("thread");
    }
    if (r->threads == 1)
        commit_for(&members[0]);
    for (size_t i = 0; i < r->threads; i++) {
        if (r->threads > 1)
            pthread_join(threads[i], NULL);
        slice_merge(ret, &members[i].slice);
    }
}

/* The ratio to the faster of them; 0: none is built in. */
static void rows(struct world *w, struct rival *rivals, size_t count, size_t threads, double target)
{
    struct writers ours = {.w = w, .count = threads};
    double rate = 0, least = 0;
    char name[100], figure[80];
    snprintf(name, sizeof name, "durable commit, distributed, unsigned, 1 x 1 KiB, %zu writer%s",
             threads, threads > 1 ? "s" : "");
    for (size_t i = 0; i < count; i++) {
        rivals[i].threads = threads;
        rate = pair_run(&(struct pair){name, "commits", rivals[i].other->name, 0, writers_run,
                                       rival_run, &ours, &rivals[i]});
        if (!i || pair_ratio() < least)
            least = pair_ratio();
    }
    if (!count)
        return;
    snprintf(figure, sizeof figure, "%9.0f commits/s", rate);
    bench_row(count > 1 ? "  the same against the faster of the two" : "  the same", figure,
              count > 1 ? "the faster" : rivals[0].other->name, least, target);
}

int main(void)
{
    static const struct other *const known[] = {&other_sqlite, &other_lmdb};
    struct world w;
    struct rival rivals[sizeof known / sizeof *known];
    size_t count = 0;
    bench_header("bench/others");
    world_init(&w, "others", ATE__SYNC_ALWAYS, true);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct other *other = known[i];
        if (other->package)
            printf("%s: not built in, its library is not here: apt-get install %s\n", other->name,
                   other->package);
        else
            rivals[count++] = (struct rival){.other = other, .store = other->open(w.dir)};
    }
    rows(&w, rivals, count, 1, 1.0);
    rows(&w, rivals, count, 64, 8.0);
    for (size_t i = 0; i < count; i++)
        rivals[i].other->close(rivals[i].store);
    world_deinit(&w);
    return 0;
}
