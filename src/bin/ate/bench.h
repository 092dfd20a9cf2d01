/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bench.h: several clients that do the same at once, each operation timed.
 *
 *     static int work(struct bench_client *me)
 *     {
 *         uint64_t index, start;
 *         int rc = 0;
 *         while (!rc && bench_take(me, &index)) {
 *             start = bench_now_ns();
 *             rc = one_operation();
 *             bench_took(me, index, bench_now_ns() - start);
 *         }
 *         return rc;
 *     }
 */
#pragma once
#include "bin/ate/open.h"
#include <stdatomic.h>

enum { BENCH_CLIENTS_MAX = 256, BENCH_TIMES_MAX = 1 << 24 /* operations that are timed */ };

struct bench_client;
struct bench_crew { /* the first five by the caller, the rest zero */
    const char *stage; /* a word, for progress */
    size_t clients;    /* 1 to BENCH_CLIENTS_MAX + 1 */
    uint64_t count;    /* operations of all of them, 1 to BENCH_TIMES_MAX */
    int (*work)(struct bench_client *me); /* on a thread of its own */
    void *arg;
    uint64_t *times_ns; /* of each operation; after bench_run() sorted */
    uint64_t elapsed_ns;
    _Atomic uint64_t next, done;
    atomic_size_t ended;
    atomic_bool failed;
};
struct bench_client {
    struct bench_crew *crew;
    size_t number; /* from 0 */
    int rc;
    char *sentence; /* of rc */
    uint64_t end_ns;
};

uint64_t bench_now_ns(void); /* monotonic */
/* The next operation that nobody has taken; false: there is none, or somebody failed. */
bool bench_take(struct bench_client *me, uint64_t *ret_index);
void bench_took(struct bench_client *me, uint64_t index, uint64_t ns);

/* Runs the clients to their end, and shows progress. Errors: the first client's that failed, with
 * its sentence; E_MEMORY E_SYSTEM. bench_end() is due either way. */
int bench_run(struct bench_crew *c) ATE__CHECK;
/* The same with one client on this thread, which shows progress itself; what it does between the
 * operations counts nowhere. */
int bench_run_here(struct bench_crew *c) ATE__CHECK;
void bench_end(struct bench_crew *c);
/* The time that so many of a million operations did not exceed. */
uint64_t bench_quantile(const struct bench_crew *c, uint64_t of_million);

/* ---- what they do ---- */

struct bench_job { /* `arg` of a crew */
    const struct options *options;
    struct opened *at;
    uint8_t *value; /* of each object */
    size_t size;
    uint64_t objects; /* that are there before it begins */
    struct ate_id *ids; /* theirs; NULL: nobody asks */
    bool no_view_image;
    struct ate_watch **watches; /* one a client, but for the first, which writes */
    _Atomic uint64_t *starts_ns; /* of each commit that is watched */
    uint64_t commits; /* that are watched */
};
/* Stores the objects, many to a transaction. Errors: as ate_txn_commit(). */
int bench_fill(struct bench_job *j) ATE__CHECK;
int bench_append(struct bench_client *me); /* a durable commit of one object */
int bench_get(struct bench_client *me);    /* one object by its id, in a transaction of its own */
int bench_open(struct bench_client *me); /* closes the chain, which is not timed, and opens it */
/* Client 0 commits one object after the other; for the others an operation is what passes between
 * the beginning of a commit and its event. */
int bench_watch(struct bench_client *me);
