/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "base/err.h"
#include "bin/ate/bench.h"
#include <ate/type.h>

enum {
    FILL_OBJECTS = 256, /* of one transaction, or so many bytes */
    FILL_BYTES = 1 << 20,
    LOOK_MS = 100, /* after which a watcher looks whether the others go on */
    TIMEOUT_MS = 30000
};

struct bench_value {
    struct ate_bytes value;
};
ATE_TYPE(bench_value, ATE_FIELD(value));

static int store(struct ate_txn *txn, const struct bench_job *j, struct ate_id *ret_id)
{
    return ate_store(txn, bench_value, &(struct bench_value){{j->value, j->size}}, ret_id);
}

int bench_fill(struct bench_job *j)
{
    struct ate_txn *txn;
    uint64_t each = FILL_BYTES / j->size;
    each = each < 1 ? 1 : each > FILL_OBJECTS ? FILL_OBJECTS : each;
    int rc = ate_txn_begin(j->at->chain, NULL, 0, &txn);
    if (rc)
        return rc;
    for (uint64_t i = 0; !rc && i < j->objects; i++) {
        struct ate_id id;
        rc = store(txn, j, j->ids ? &j->ids[i] : &id);
        if (!rc && ((i + 1) % each == 0 || i + 1 == j->objects)) {
            open_show_progress(NULL, "fill", i + 1, j->objects);
            rc = ate_txn_commit(txn, NULL);
        }
    }
    ate_txn_end(txn);
    ate__progress_end();
    return rc;
}

static int commit_one(const struct bench_job *j)
{
    struct ate_txn *txn;
    struct ate_id id;
    int rc = ate_txn_begin(j->at->chain, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = store(txn, j, &id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    return rc;
}

int bench_append(struct bench_client *me)
{
    uint64_t index;
    int rc = 0;
    while (!rc && bench_take(me, &index)) {
        uint64_t start = bench_now_ns();
        rc = commit_one(me->crew->arg);
        bench_took(me, index, bench_now_ns() - start);
    }
    return rc;
}

static int get_one(const struct bench_job *j, uint64_t index)
{
    const struct bench_value *got;
    struct ate_txn *txn;
    /* Spread over all of them, each as often as another (Knuth's multiplicative hash). */
    uint64_t at = (index * UINT64_C(0x9e3779b97f4a7c15) >> 32) % j->objects;
    int rc = ate_txn_begin(j->at->chain, NULL, ATE_READ, &txn);
    if (rc)
        return rc;
    rc = ate_load(txn, bench_value, j->ids[at], &got);
    if (!rc && got->value.size != j->size)
        rc = ate__fail(ATE_E_BUG, "an object of %zu bytes came back with %zu", j->size,
                       got->value.size);
    ate_txn_end(txn);
    return rc;
}

int bench_get(struct bench_client *me)
{
    uint64_t index;
    int rc = 0;
    while (!rc && bench_take(me, &index)) {
        uint64_t start = bench_now_ns();
        rc = get_one(me->crew->arg, index);
        bench_took(me, index, bench_now_ns() - start);
    }
    return rc;
}

int bench_open(struct bench_client *me)
{
    const struct bench_job *j = me->crew->arg;
    uint64_t index;
    int rc = 0;
    while (!rc && bench_take(me, &index)) {
        ate_chain_close(j->at->chain);
        j->at->chain = NULL;
        uint64_t start = bench_now_ns();
        rc = open_again(j->options, j->no_view_image, j->at);
        bench_took(me, index, bench_now_ns() - start);
        open_show_progress(NULL, me->crew->stage, index + 1, me->crew->count);
    }
    ate__progress_end();
    return rc;
}

static int write_all(struct bench_client *me)
{
    const struct bench_job *j = me->crew->arg;
    int rc = 0;
    for (uint64_t i = 0; !rc && i < j->commits && !atomic_load(&me->crew->failed); i++) {
        atomic_store(&j->starts_ns[i], bench_now_ns());
        rc = commit_one(j);
    }
    return rc;
}

/* In short waits, so as to end soon when another client failed: then ATE_TIMEOUT. */
static int next_event(const struct bench_client *me, struct ate_watch *watch, int64_t limit_ms)
{
    struct ate_event event;
    int rc;
    int64_t waited_ms = 0;
    while ((rc = ate_watch_next(watch, LOOK_MS, &event)) == ATE_TIMEOUT) {
        waited_ms += LOOK_MS;
        if (atomic_load(&me->crew->failed) || (limit_ms > 0 && waited_ms >= limit_ms))
            return ate__fail(rc, "an event did not come within the time given");
    }
    return rc;
}

int bench_watch(struct bench_client *me)
{
    const struct bench_job *j = me->crew->arg;
    int32_t given_ms = j->options->timeout_ms;
    int rc = 0;
    if (!me->number)
        return write_all(me);
    for (uint64_t i = 0; !rc && i < j->commits; i++) {
        rc = next_event(me, j->watches[me->number], given_ms ? given_ms : TIMEOUT_MS);
        if (!rc)
            bench_took(me, (me->number - 1) * j->commits + i,
                       bench_now_ns() - atomic_load(&j->starts_ns[i]));
    }
    return rc;
}
