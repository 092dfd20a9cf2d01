/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Threads that commit with one key at the same time: what they count together is what a model
 * counts, whoever was in the way of whom; and the signatures that the log has then hold for who
 * has seen none of them, fewer than there are transactions.
 */
#include "world.h"
#include <pthread.h>

enum { THREADS = 16, COUNTERS = 3, TURNS = 5 };

static struct world w;
static struct ate_id counter[COUNTERS];

struct counting {
    pthread_t thread;
    unsigned n;
    int64_t counted[COUNTERS];
    unsigned conflicts;
    const char *problem;
};

/* Reads, adds one, commits; 0 or the refusal. */
static int add_one(struct counting *c, struct ate_txn *t, unsigned which)
{
    const struct note *n;
    int rc = ate_load(t, note, counter[which], &n);
    if (!rc)
        rc = ate_put(t, note, counter[which], NOTE("together", n->n + 1));
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    if (!rc)
        c->counted[which]++;
    return rc;
}

static void *count(void *arg)
{
    struct counting *c = arg;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct ate_txn *t;
        int rc = ate__txn_begin(w.dio, NULL, 0, &t);
        if (rc) {
            c->problem = "begin";
            return NULL;
        }
        rc = add_one(c, t, (c->n + turn) % COUNTERS);
        ate_txn_end(t);
        if (rc == ATE_CONFLICT) {
            c->conflicts++;
            turn--; /* another was in the way: once more, on what is there now */
        } else if (rc) {
            c->problem = "commit";
            return NULL;
        }
    }
    return NULL;
}

/* ---- what the log has ---- */

struct seen {
    uint64_t transactions, together, signatures;
};

static int look(void *arg, const struct ate__history_record *record)
{
    struct seen *seen = arg;
    struct ate__tx tx;
    if (!record->sequence)
        return 0;
    ok(ate__tx_decode(record->body, ATE__SHA256, &tx));
    assert_int_equal(tx.signature_count, 1);
    seen->transactions++;
    seen->together += tx.signatures[0].batch_size > 1;
    seen->signatures += tx.signatures[0].batch_index == 0; /* a refused one may leave none */
    ate__tx_deinit(&tx);
    return 0;
}

static void together(void **state)
{
    (void)state;
    struct counting c[THREADS] = {{.n = 0}};
    struct seen seen = {.transactions = 0};
    int64_t total[COUNTERS] = {0};
    world_init(&w, false);
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 0; i < COUNTERS; i++)
        ok(ate_store(t, note, NOTE("together", 0), &counter[i]));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    for (unsigned i = 0; i < THREADS; i++) {
        c[i].n = i;
        assert_int_equal(pthread_create(&c[i].thread, NULL, count, &c[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(c[i].thread, NULL);
        if (c[i].problem)
            fail_msg("thread %u: %s", i, c[i].problem);
        for (unsigned k = 0; k < COUNTERS; k++)
            total[k] += c[i].counted[k];
    }
    world_reopen(&w); /* every signature is verified */
    t = world_begin(&w);
    for (unsigned k = 0; k < COUNTERS; k++)
        assert_int_equal(note_at(t, counter[k]), total[k]);
    ate_txn_end(t);
    ok(w.dio->pipe->v->history(w.dio->pipe, 0, look, &seen));
    assert_int_equal(seen.transactions, 1 + THREADS * TURNS);
    assert_true(seen.together > 0); /* a signature takes longer than a thread to come by */
    assert_true(seen.signatures < seen.transactions);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
