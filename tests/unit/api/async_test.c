/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Commits without waiting: transactions, chains and loops that end before the answer is there, what
 * the answer says, and when (ate/loop.h).
 */
#include "api/api.h"
#include "unit/dio/world.h"
#include <dirent.h>

static struct world w;
static struct ate__workers *workers;
static struct ate_chain *chain;
static struct ate_loop *loop;

struct answer {
    int result, runs;
    struct ate_receipt receipt;
};

static void done(void *arg, int result)
{
    struct answer *a = arg;
    a->result = result;
    a->runs++;
}

static void begin(void)
{
    struct ate__local_conf conf = {.chain.env = &w.sim.env};
    struct ate__pipe *pipe;
    world_init(&w, false);
    ok(ate__workers_new(2, &workers));
    conf.chain.workers = workers;
    ate__dio_unref(w.dio);
    ok(ate__local_open(&conf, "/c/notes", w.session[0], 0, &pipe));
    ok(ate__dio_new(pipe, w.session[0], -1, 1 << 20, &w.dio));
    chain = ate__alloc(sizeof *chain);
    assert_non_null(chain);
    atomic_init(&chain->refs, 1);
    pthread_mutex_init(&chain->memory.mutex, NULL);
    chain->dio = ate__dio_ref(w.dio);
    chain->pipe = w.dio->pipe;
    ok(ate_loop_new(&loop));
}

static void end(void)
{
    ate_loop_free(loop);
    loop = NULL;
    ate_chain_close(chain);
    world_deinit(&w);
    ate__workers_unref(workers);
}

static struct ate_txn *store(unsigned flags, struct ate_id *ret_id)
{
    struct ate_txn *t;
    ok(ate_txn_begin(chain, NULL, flags, &t));
    ok(ate_store(t, note, NOTE("x", 1), ret_id));
    return t;
}

static void commit(struct ate_txn *t, struct answer *a)
{
    *a = (struct answer){0};
    ok(ate_txn_commit_async(t, &a->receipt, loop, done, a));
    assert_int_equal(a->runs, 0); /* never inside of the call */
}

static struct ate_txn *store_and_commit(unsigned flags, struct answer *a, struct ate_id *ret_id)
{
    struct ate_txn *t = store(flags, ret_id);
    commit(t, a);
    return t;
}

static void wait_for(const struct answer *a)
{
    while (!a->runs)
        ok(ate_loop_run(loop, 10000));
    expect(ate_loop_run(loop, 0), ATE_TIMEOUT);
    assert_int_equal(a->runs, 1);
}

static void expect_stored(struct ate_id id)
{
    struct ate__receipt receipt;
    ok(ate__pipe_sync(w.dio->pipe, &receipt));
    struct ate_txn *t = world_begin(&w);
    assert_int_equal(note_at(t, id), 1);
    ate_txn_end(t);
}

static void answered(void **state)
{
    (void)state;
    struct answer a;
    struct ate_id id;
    begin();
    struct ate_txn *t = store_and_commit(0, &a, &id);
    expect(ate_txn_commit_async(t, &a.receipt, loop, done, &a), ATE_MISUSE);
    expect(ate_txn_commit(t, NULL), ATE_MISUSE);
    expect(ate_txn_refresh(t), ATE_MISUSE);
    wait_for(&a);
    expect(a.result, 0);
    assert_int_equal(a.receipt.stage, ATE_DURABLE);
    assert_int_equal(a.receipt.sequence, 1);
    expect_stored(id);
    commit(t, &a); /* nothing */
    wait_for(&a);
    expect(a.result, 0);
    assert_int_equal(a.receipt.sequence, 1);
    ate_txn_end(t);
    end();
}

/* Ended meanwhile: with changes, or with nothing to commit. */
static void ended_meanwhile(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct ate_id id;
        struct answer a;
        begin();
        struct ate_txn *t = store(i % 3 == 2 ? ATE_SCOPE_NONE : 0, &id);
        if (i % 3 == 1)
            ate_txn_cancel(t);
        commit(t, &a);
        if (i % 2) {
            int rc = ate_loop_run(loop, 1);
            assert_true(!rc || rc == ATE_TIMEOUT);
        }
        ate_txn_end(t);
        if (!a.runs)
            wait_for(&a);
        assert_true(!a.result || a.result == ATE_CANCELED);
        if (i % 3 != 1)
            expect_stored(id);
        end();
    }
}

/* Scope NONE: the answer does not say more than `queued`, and does not come inside the call. */
static void nobody_waits(void **state)
{
    (void)state;
    struct ate_id id;
    struct answer a;
    begin();
    struct ate_txn *t = store_and_commit(ATE_SCOPE_NONE, &a, &id);
    wait_for(&a);
    expect(a.result, 0);
    assert_int_equal(a.receipt.stage, ATE_QUEUED);
    assert_int_equal(a.receipt.sequence, 0);
    ok(ate_store(t, note, NOTE("y", 2), NULL)); /* it went on at once */
    ate_txn_end(t);
    expect_stored(id);
    end();
}

/* The loop is freed before the callback ran: nothing is written any more, the commit is applied all
 * the same, and the transaction can be used, committed again and ended. */
static void the_loop_is_freed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct ate_id id;
        struct answer a;
        begin();
        struct ate_txn *t = store_and_commit(0, &a, &id);
        if (i % 4 == 0)
            ate_txn_end(t);
        if (i % 2)
            expect_stored(id); /* it is due by now, or nearly */
        ate_loop_free(loop);
        loop = NULL;
        if (i % 4 == 0)
            t = NULL;
        while (t && i % 4 != 2) {
            int rc = ate_txn_commit(t, &a.receipt); /* MISUSE: it is still on its way */
            if (!rc)
                break;
            expect(rc, ATE_MISUSE);
        }
        if (t && i % 4 != 2) {
            assert_int_equal(note_at(t, id), 1);
            ok(ate_put(t, note, id, NOTE("x", 1)));
            ok(ate_txn_commit(t, NULL));
        }
        ate_txn_end(t);
        assert_int_equal(a.runs, 0);
        expect_stored(id);
        assert_true(world_size(&w) <= 3);
        end();
    }
}

struct nested {
    struct answer a;
    struct ate_txn *t;
};

/* Inside a callback nothing waits; committing without waiting, and ending, are allowed. */
static void inside(void *arg, int result)
{
    struct nested *n = arg;
    done(&n->a, result);
    if (n->a.runs > 1)
        return;
    ok(ate_store(n->t, note, NOTE("y", 2), NULL));
    expect(ate_txn_commit(n->t, NULL), ATE_WOULD_DEADLOCK);
    expect(ate_chain_sync(chain, NULL), ATE_WOULD_DEADLOCK);
    expect(ate_loop_run(loop, 0), ATE_WOULD_DEADLOCK);
    ate_loop_free(loop); /* does nothing */
    ok(ate_txn_commit_async(n->t, &n->a.receipt, loop, inside, n));
    ate_txn_end(n->t);
}

static void inside_a_callback(void **state)
{
    (void)state;
    struct nested n = {0};
    struct ate_id id;
    begin();
    n.t = store(0, &id);
    ok(ate_txn_commit_async(n.t, &n.a.receipt, loop, inside, &n));
    while (n.a.runs < 2)
        ok(ate_loop_run(loop, 10000));
    expect(n.a.result, 0);
    assert_int_equal(n.a.receipt.sequence, 2);
    expect_stored(id);
    end();
}

/* The chain is closed meanwhile; its transaction and the callback are still there. */
static void the_chain_is_closed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct ate_id id;
        struct answer a;
        begin();
        struct ate_txn *t = store_and_commit(0, &a, &id);
        ate_chain_close(chain);
        chain = NULL;
        if (i % 2)
            ate_txn_end(t);
        wait_for(&a);
        expect(a.result, 0);
        if (i % 2 == 0)
            ate_txn_end(t);
        expect_stored(id);
        end();
    }
}

static unsigned threads_of_process(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Syncs and outcomes have no thread of their own; what is closed or freed meanwhile costs none of
 * them its answer, or the process its memory. */
static void many_asks(void **state)
{
    (void)state;
    enum { ASKS = 1000 };
    static struct answer a[ASKS];
    for (unsigned round = 0; round < 6; round++) {
        struct ate_id id;
        struct answer commit_answer;
        begin();
        struct ate_txn *t = store_and_commit(0, &commit_answer, &id);
        struct ate_txn_id made = ate_txn_id_of(t);
        unsigned threads = threads_of_process();
        for (unsigned i = 0; i < ASKS; i++) {
            a[i] = (struct answer){0};
            if (i % 2)
                ok(ate_chain_sync_async(chain, i % 3 ? &a[i].receipt : NULL, loop, done, &a[i]));
            else
                ok(ate_outcome_async(chain, i % 4 ? made : (struct ate_txn_id){.number = 7},
                                     &a[i].receipt, loop, done, &a[i]));
            assert_int_equal(a[i].runs, 0);
        }
        assert_in_range(threads_of_process(), 1, threads + 1); /* a second worker */
        if (round % 3 == 1) {
            ate_chain_close(chain);
            chain = NULL;
        }
        if (round % 3 == 2) {
            ate_loop_free(loop);
            loop = NULL;
        }
        for (unsigned i = 0; loop && i < ASKS; i++) {
            while (!a[i].runs)
                ok(ate_loop_run(loop, 10000));
            assert_int_equal(a[i].runs, 1);
            if (i % 4 == 0)
                expect(a[i].result, ATE_NOT_FOUND);
            else if (i % 2 == 0 && a[i].result) /* asked before it was written */
                assert_true(a[i].result == ATE_UNKNOWN || a[i].result == ATE_NOT_FOUND);
            else
                expect(a[i].result, 0);
            if (i % 2 && i % 3)
                assert_int_equal(a[i].receipt.sequence, 1); /* what was offered before */
        }
        ate_txn_end(t);
        for (unsigned i = 0; i < ASKS; i++)
            assert_int_equal(a[i].runs, round % 3 != 2);
        expect_stored(id);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered),          cmocka_unit_test(ended_meanwhile),
        cmocka_unit_test(nobody_waits),      cmocka_unit_test(the_loop_is_freed),
        cmocka_unit_test(inside_a_callback), cmocka_unit_test(the_chain_is_closed),
        cmocka_unit_test(many_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
