/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Thin chains at a real server: opening, committing, reading, restarts, ends.
 */
#include "far.h"
#include "lib/heap.h"
#include "lib/tmpdir.h"
#include "trust/proof.h"
#include "trust/seal.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void test_open_and_put(void **state)
{
    (void)state;
    struct far *f = far_new(false);
    struct ate__pipe *p = far_open(f);
    assert_true(p->thin);
    assert_true(p->v->created(p));
    assert_false(p->v->read_only(p));
    assert_int_equal(f->anchored, 1);
    assert_false(far_has(p, 1));
    struct ate__receipt receipt = far_put(f, p, 1);
    assert_int_equal(receipt.sequence, 1);
    assert_int_equal(receipt.size, 2);
    assert_int_equal(receipt.stage, ATE__DURABLE);
    assert_int_equal(f->advanced, 2);
    assert_true(far_has(p, 1));

    struct ate__pipe *q = far_open(f);
    assert_false(q->v->created(q));
    assert_true(far_has(q, 1));
    far_put(f, q, 2);
    assert_true(far_has(p, 2)); /* a new snapshot sees what is there now */
    far_close(q);
    far_close(p);
    far_free(f);
}

static void test_refusals(void **state)
{
    (void)state;
    struct far *f = far_new(false);
    struct ate__pipe *p;
    struct ate_bytes genesis = f->conf.genesis;
    f->conf.genesis = (struct ate_bytes){0};
    assert_int_equal(far_try(f, &p), ATE_NOT_FOUND);
    f->conf.genesis = genesis;
    f->anchor_result = ATE_UNTRUSTED;
    assert_int_equal(far_try(f, &p), ATE_UNTRUSTED);
    assert_string_equal(ate__error_text(), "not this one");
    f->anchor_result = 0;
    struct ate_hash pin = f->conf.addr.pins[0];
    f->conf.addr.pins[0].b[0] ^= 1;
    assert_int_equal(far_try(f, &p), ATE_UNTRUSTED);
    f->conf.addr.pins[0] = pin;
    p = far_open(f);

    struct ate__buf tx = far_tx(f, p, 1);
    far_put(f, p, 1);
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), ATE_CONFLICT);
    assert_non_null(strstr(ate__error_text(), "created, but it is there"));
    ate__buf_deinit(&tx);
    struct ate__head base = far_head(p);
    tx = kit_put(&f->chain, &base, &(struct kit_put){.object = kit_id(2), .unsigned_ = true}, NULL);
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), ATE_DENIED);
    ate__buf_deinit(&tx);
    assert_int_equal(far_offer(p, ate__bytes("\1garbage", 8), 20000, NULL), ATE_MALFORMED);
    far_close(p);

    /* A server that is not there. */
    f->conf.addr.port = 1;
    uint64_t start = ate__monotonic_ms(&ate__env_real);
    assert_int_equal(far_try(f, &p), ATE_OFFLINE);
    assert_true(ate__monotonic_ms(&ate__env_real) - start < 5000);
    far_free(f);
}

static void test_remembered(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    far_put(f, p, 1);
    struct ate__head old = far_head(p);
    far_put(f, p, 2);
    struct ate__head head = far_head(p);
    far_close(p);

    f->conf.remembered_size = old.size;
    f->conf.remembered_root = old.root;
    p = far_open(f);
    struct ate__head now = far_head(p);
    assert_memory_equal(&now, &head, sizeof head);
    far_close(p);
    f->conf.remembered_size = head.size; /* nothing is newer: it is known without a question */
    f->conf.remembered_root = head.root;
    p = far_open(f);
    now = far_head(p);
    assert_memory_equal(&now, &head, sizeof head);
    far_close(p);
    f->conf.remembered_size = old.size;
    f->conf.remembered_root = old.root;
    f->conf.remembered_root.b[3] ^= 1;
    assert_int_equal(far_try(f, &p), ATE_FORKED);
    f->conf.remembered_size = head.size;
    assert_int_equal(far_try(f, &p), ATE_FORKED);
    f->conf.remembered_size = head.size + 1;
    assert_int_equal(far_try(f, &p), ATE_ROLLED_BACK);
    far_free(f);
}

static void test_outcome_and_sync(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct ate__receipt receipt, other;
    struct ate__txn_id id = {.number = 77};
    assert_int_equal(ate__pipe_outcome(p, &id, NULL, &receipt), ATE_NOT_FOUND);
    struct ate__receipt put = far_put(f, p, 1);
    memcpy(id.origin, f->chain.origin, sizeof id.origin);
    id.number = f->chain.number;
    assert_int_equal(ate__pipe_outcome(p, &id, NULL, &receipt), 0);
    assert_int_equal(receipt.sequence, put.sequence);

    struct ate__pipe *q = far_open(f);
    far_put(f, q, 2);
    assert_int_equal(ate__pipe_sync(p, &other), 0);
    assert_int_equal(other.size, 3);
    assert_int_equal(far_head(p).size, 3);
    struct ate__listener l = {0};
    assert_int_equal(p->v->listen(p, &l), ATE_UNSUPPORTED);
    assert_int_equal(p->v->history(p, 0, NULL, NULL), ATE_UNSUPPORTED);
    p->v->unlisten(p, &l);
    struct ate__storage_damage damage;
    assert_false(p->v->damage(p, &damage));
    far_close(q);
    far_close(p);
    far_free(f);
}

/* What a chain without a history asks for. */
static void test_far(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    const struct ate__far_vtable *far = p->v->far;
    struct ate__head head[5] = {[1] = far_head(p)};
    struct ate__buf note = ATE__BUF_NULL, keys = ATE__BUF_NULL;
    struct ate__proof_entry entry;
    struct ate__proof path;
    struct ate_hash leaf;
    for (uint64_t n = 1; n < 4; n++) {
        far_put(f, p, n);
        head[n + 1] = far_head(p);
    }
    for (uint64_t n = 0; n < 4; n++) {
        assert_int_equal(far->inclusion(p, n, 4, &entry, &path), 0);
        assert_int_equal(
            ate__tx_leaf_of(&entry.tx_hash, &entry.signatures_hash, n, entry.root_time_us, &leaf),
            0);
        assert_int_equal(ate__merkle_check_inclusion(&leaf, n, 4, &path, &head[4].root), 0);
    }
    assert_int_equal(far->consistency(p, 2, 4, &path), 0);
    assert_int_equal(ate__merkle_check_consistency(2, &head[2].root, 4, &head[4].root, &path), 0);
    assert_int_equal(far->inclusion(p, 4, 5, &entry, &path), ATE_NOT_FOUND);
    assert_int_equal(far->consistency(p, 2, 5, &path), ATE_NOT_FOUND);
    assert_int_equal(far->checkpoint(p, &note), ATE_NOT_FOUND);
    assert_int_equal(far->log_keys(p, &keys), 0);
    assert_int_equal(note.size + keys.size, 0);
    assert_true(ate__bytes_equal(far->genesis(p), ate__buf_bytes(&f->chain.genesis)));
    far_stop(f);
    f->conf.timeout_ms = 100;
    far_start(f);
    assert_int_equal(far->consistency(p, 2, 4, &path), 0); /* over the next connection */
    far_close(p);
    far_free(f);
}

/* ---- offers without a waiting thread ---- */

enum { MANY = 200 };
struct many {
    struct ate__offer offer[MANY];
    struct ate__buf tx[MANY];
    atomic_uint done, good;
    char why[600]; /* the last one was refused */
};

static void on_done(struct ate__offer *offer)
{
    struct many *m = offer->user;
    if (!offer->result)
        atomic_fetch_add(&m->good, 1);
    else
        snprintf(m->why, sizeof m->why, "%s: %s", ate__result_name(offer->result), offer->text);
    atomic_fetch_add(&m->done, 1);
}

static void offer_many(struct far *f, struct ate__pipe *p, struct many *m, uint64_t first)
{
    for (unsigned i = 0; i < MANY; i++) {
        m->tx[i] = far_tx(f, p, first + i);
        m->offer[i] = (struct ate__offer){
            .encoded = ate__buf_bytes(&m->tx[i]), .timeout_ms = 60000, .done = on_done, .user = m};
    }
    for (unsigned i = 0; i < MANY; i++)
        p->v->offer(p, &m->offer[i]);
}

static void wait_many(struct many *m)
{
    for (unsigned i = 0; i < 6000 && m->done < MANY; i++)
        usleep(10000);
    assert_int_equal(m->done, MANY);
    for (unsigned i = 0; i < MANY; i++)
        ate__buf_deinit(&m->tx[i]);
}

static void test_many_in_flight(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct many *m = calloc(1, sizeof *m);
    offer_many(f, p, m, 1000);
    struct ate__receipt receipt;
    assert_int_equal(ate__pipe_sync(p, &receipt), 0); /* after all that was offered before */
    assert_int_equal(receipt.size, 1 + MANY);
    wait_many(m);
    if (m->good != MANY)
        fail_msg("%u of %u: %s", m->good, MANY, m->why);
    for (unsigned i = 0; i < MANY; i += 37)
        assert_true(far_has(p, 1000 + i));
    free(m);
    far_close(p);
    far_free(f);
}

/* What is refused for want of memory is told at once to who does not wait. */
static void test_refused_at_once(void **state)
{
    (void)state;
    heap_start();
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct many *m = calloc(1, sizeof *m);
    struct ate__buf tx = far_tx(f, p, 1);
    struct ate__offer offer = {
        .encoded = ate__buf_bytes(&tx), .timeout_ms = 60000, .done = on_done, .user = m};
    heap_fail(1, true);
    p->v->offer(p, &offer);
    heap_fail(0, false);
    for (unsigned i = 0; i < 6000 && !m->done; i++)
        usleep(10000);
    assert_int_equal(m->done, 1);
    assert_int_equal(offer.result, ATE_E_MEMORY);
    assert_int_equal(offer.at_once, ATE_E_MEMORY);
    offer.at_once = ATE_BUSY;
    atomic_store(&m->done, 0);
    p->v->offer(p, &offer);
    assert_int_equal(offer.at_once, 0);
    for (unsigned i = 0; i < 6000 && !m->done; i++)
        usleep(10000);
    assert_int_equal(m->good, 1);
    ate__buf_deinit(&tx);
    free(m);
    far_close(p);
    far_free(f);
    heap_stop();
}

/* The server goes and comes back under way: each transaction is there exactly once. */
static void test_restart_under_load(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct many *m = calloc(1, sizeof *m);
    for (unsigned round = 0; round < 5; round++) {
        atomic_store(&m->done, 0);
        atomic_store(&m->good, 0);
        offer_many(f, p, m, 1000 * (round + 1));
        far_restart(f);
        wait_many(m);
        if (m->good != MANY)
            fail_msg("%u of %u: %s", m->good, MANY, m->why);
        assert_int_equal(far_head(p).size, 1 + MANY * (round + 1));
    }
    free(m);
    far_close(p);
    far_free(f);
}

struct writer {
    pthread_t thread;
    struct far *f;
    struct ate__pipe *p;
    struct ate__buf tx[20];
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (unsigned i = 0; i < 20; i++) {
        int rc = far_offer(w->p, ate__buf_bytes(&w->tx[i]), 60000, NULL);
        assert_int_equal(rc, 0);
    }
    return NULL;
}

static void test_threads_that_wait(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct writer w[8];
    for (unsigned i = 0; i < 8; i++) {
        w[i] = (struct writer){.f = f, .p = p};
        for (unsigned n = 0; n < 20; n++)
            w[i].tx[n] = far_tx(f, p, 100 * (i + 1) + n);
    }
    for (unsigned i = 0; i < 8; i++)
        pthread_create(&w[i].thread, NULL, write_all, &w[i]);
    far_restart(f);
    for (unsigned i = 0; i < 8; i++)
        pthread_join(w[i].thread, NULL);
    assert_int_equal(far_head(p).size, 1 + 8 * 20);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned n = 0; n < 20; n++)
            ate__buf_deinit(&w[i].tx[n]);
    far_close(p);
    far_free(f);
}

/* While the server is away: reads and commits wait as long as they may. */
static void test_away(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    f->conf.timeout_ms = 300;
    struct ate__pipe *p = far_open(f);
    struct ate__buf tx = far_tx(f, p, 1);
    struct ate__receipt receipt;
    far_stop(f);
    for (unsigned i = 0; i < 300 && !far_offer(p, ate__buf_bytes(&tx), 50, NULL); i++)
        fail_msg("committed without a server");
    int rc = far_offer(p, ate__buf_bytes(&tx), 300, NULL);
    assert_true(rc == ATE_OFFLINE || rc == ATE_UNKNOWN);
    assert_int_equal(ate__pipe_sync(p, &receipt), ATE_OFFLINE);
    struct ate__snapshot *s;
    struct ate__object_facts facts;
    struct ate_id id = kit_id(1);
    assert_int_equal(p->v->begin(p, &s), 0);
    assert_int_equal(ate__facts_object(p->v->facts(s), &id, &facts), ATE_OFFLINE);
    p->v->end(s);
    far_start(f);
    f->conf.timeout_ms = 20000;
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, &receipt), 0);
    assert_int_equal(receipt.sequence, 1);
    ate__buf_deinit(&tx);
    far_close(p);
    far_free(f);
}

/* A snapshot outlives the connection as long as nothing is committed. */
static void test_snapshot_over_restart(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct ate__snapshot *s;
    struct ate__object_facts facts;
    struct ate_id one = kit_id(1), two = kit_id(2), three = kit_id(3);
    far_put(f, p, 1);
    assert_int_equal(p->v->begin(p, &s), 0);
    assert_int_equal(ate__facts_object(p->v->facts(s), &one, &facts), 0);
    far_restart(f);
    assert_int_equal(ate__facts_object(p->v->facts(s), &two, &facts), 0);
    assert_false(facts.live);
    far_restart(f);
    far_put(f, p, 3);
    assert_int_equal(ate__facts_object(p->v->facts(s), &three, &facts), ATE_STALE);
    assert_int_equal(p->v->refresh(s), 0);
    assert_int_equal(ate__facts_object(p->v->facts(s), &three, &facts), 0);
    assert_true(facts.live);
    p->v->end(s);
    far_close(p);
    far_free(f);
}

/* Another chain under the path, and an older copy of this one: final, and said to every call. */
static void test_swapped_chain(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f);
    struct ate__receipt receipt;
    far_put(f, p, 1);
    far_stop(f);
    f->server_conf.logs = tmpdir_new();
    f->server = kit_start(&f->server_conf);
    f->conf.addr.pins[0] = ate__server_pin(f->server);
    struct kit_chain mine = f->chain;
    f->chain = kit_chain_new(mine.path, true);
    f->conf.genesis = ate__buf_bytes(&f->chain.genesis);
    struct ate__pipe *q = far_open(f); /* the other chain, at the same place */
    /* The pin of the new server is another: that alone ends the old client. */
    assert_int_equal(ate__pipe_sync(p, &receipt), ATE_UNTRUSTED);
    assert_int_equal(ate__pipe_sync(p, &receipt), ATE_UNTRUSTED);
    struct ate__buf tx = far_tx(f, q, 2);
    assert_int_equal(far_offer(p, ate__buf_bytes(&tx), 20000, NULL), ATE_UNTRUSTED);
    ate__buf_deinit(&tx);
    far_close(q);
    far_close(p);
    kit_chain_free(&mine);
    far_free(f);
}

/* ---- ends ---- */

static void test_drop_in_flight(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    for (unsigned round = 0; round < 3; round++) {
        struct ate__pipe *p = far_open(f);
        struct many *m = calloc(1, sizeof *m);
        if (round == 1)
            far_stop(f); /* while it reconnects */
        offer_many(f, p, m, 1000 * (round + 1));
        far_close(p);
        wait_many(m);
        free(m);
        if (round == 1)
            far_start(f);
    }
    far_free(f);
}

static void test_open_and_close(void **state)
{
    (void)state;
    struct far *f = far_new(true);
    far_close(far_open(f));
    struct ate__pipe *keeps = far_open(f); /* so that the loop stays */
    /* The server's pools start threads as they need them: some, not one for each chain. */
    unsigned fds = far_fds() + 32, threads = far_threads() + 32;
    for (unsigned i = 0; i < 1000; i++) {
        struct ate__pipe *p = far_open(f);
        if (i % 100 == 0)
            far_put(f, p, i + 1);
        far_close(p);
        if (i % 200 == 199)
            far_settle(fds, threads);
    }
    far_close(keeps);
    far_free(f);
}

static void test_threads_end(void **state)
{
    (void)state;
    unsigned fds = far_fds(), threads = far_threads();
    struct far *f = far_new(true);
    struct ate__pipe *p = far_open(f), *q = far_open(f);
    struct ate__snapshot *s;
    assert_int_equal(p->v->begin(p, &s), 0);
    far_close(p);
    far_close(q);
    struct ate_id id = kit_id(1);
    struct ate__object_facts facts;
    assert_int_equal(ate__facts_object(p->v->facts(s), &id, &facts), 0); /* its pipe lives on */
    p->v->end(s);
    far_free(f);
    far_settle(fds, threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_put),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_outcome_and_sync),
        cmocka_unit_test(test_many_in_flight),
        cmocka_unit_test(test_refused_at_once),
        cmocka_unit_test(test_restart_under_load),
        cmocka_unit_test(test_threads_that_wait),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_snapshot_over_restart),
        cmocka_unit_test(test_swapped_chain),
        cmocka_unit_test(test_drop_in_flight),
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_threads_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
