/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "writers.h"
#include <pthread.h>

struct writer {
    struct world *w;
    struct ate_session *session;
    double seconds;
    struct slice slice;
};

static void *write_for(void *arg)
{
    struct writer *me = arg;
    uint64_t now = bench_now_ns(), end = now + (uint64_t)(me->seconds * 1e9);
    struct ate_txn *txn;
    if (ate__txn_begin(me->w->dio, me->session, 0, &txn))
        bench_fail("begin");
    while (now < end) {
        struct ate_id id;
        uint64_t start = now;
        if (ate_store(txn, blob, &(struct blob){{bench_value, VALUE_SIZE}}, &id) ||
            ate_txn_commit(txn, NULL))
            bench_fail("commit");
        now = bench_now_ns();
        slice_add(&me->slice, now - start);
    }
    ate_txn_end(txn);
    return NULL;
}

void writers_run(void *arg, double seconds, struct slice *ret)
{
    const struct writers *all = arg;
    pthread_t threads[WRITERS_MAX];
    struct writer writers[WRITERS_MAX];
    for (size_t i = 0; i < all->count; i++) {
        struct ate_session *session = all->sessions ? all->sessions[i] : NULL;
        writers[i] = (struct writer){all->w, session, seconds, {0}};
        if (all->count > 1 && pthread_create(&threads[i], NULL, write_for, &writers[i]))
            bench_fail("thread");
    }
    if (all->count == 1)
        write_for(&writers[0]);
    for (size_t i = 0; i < all->count; i++) {
        if (all->count > 1)
            pthread_join(threads[i], NULL);
        slice_merge(ret, &writers[i].slice);
    }
}
