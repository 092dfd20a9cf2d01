/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A transaction's life: reads of its own writes, commits that are waited for or not, conflicts,
 * frozen ones, the end in the middle of a commit; over memory and over a disk that fails.
 */
#include "chain/signed.h"
#include "base/err.h"
#include "lib/heap.h"
#include "world.h"
#include <pthread.h>

static struct world w;

static void stores_and_loads(void **state)
{
    (void)state;
    struct ate_id id, child, found;
    struct ate_receipt receipt;
    const struct note *n = NULL;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("hello", 1), &id));
    ok(ate_put_as(t, note, id, "kid", NOTE("small", 2), &child));
    ok(ate_load(t, note, id, &n));
    assert_string_equal(n->text, "hello");
    ok(ate_txn_commit(t, &receipt));
    assert_int_equal(receipt.sequence, 1);
    assert_int_equal(receipt.stage, ATE_DURABLE);
    ok(ate_load(t, note, id, &n));
    assert_string_equal(n->text, "hello");
    ok(ate_find(t, note, id, "kid", &found, &n));
    assert_int_equal(n->n, 2);
    assert_memory_equal(&found, &child, sizeof found);
    expect(ate_find(t, note, id, "nobody", &found, &n), ATE_NOT_FOUND);
    ok(ate_put(t, note, id, NOTE("changed", 3)));
    ok(ate_move(t, child, ate_top, "grown"));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_named(t, ate_top, "grown"), 2);
    ok(ate_delete(t, id, 0));
    ok(ate_txn_commit(t, NULL));
    expect(ate_load(t, note, id, &n), ATE_NOT_FOUND);
    ate_txn_end(t);
    ate_txn_end(NULL);
    world_deinit(&w);
}

static void survives_reopening(void **state)
{
    (void)state;
    struct ate_id id;
    const struct note *n;
    world_init(&w, false);
    struct ate_txn *t = world_begin(&w);
    for (int i = 0; i < 20; i++) {
        ok(ate_put_as(t, note, ate_top, "counter", NOTE("x", i), &id));
        ok(ate_txn_commit(t, NULL));
    }
    ate_txn_end(t);
    world_reopen(&w);
    t = world_begin(&w);
    assert_int_equal(note_named(t, ate_top, "counter"), 19);
    ate_txn_end(t);
    t = world_begin_as(&w, 1);
    expect(ate_find(t, note, ate_top, "counter", &id, &n), ATE_NO_KEY);
    expect(ate_find(t, note, ate_top, "guess", &id, &n), ATE_NO_KEY);
    expect(ate_load(t, note, id, &n), ATE_NO_KEY);
    ok(ate_delete(t, id, 0));
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    ate_txn_end(t);
    ok(ate__txn_begin(w.dio, w.none, 0, &t));
    expect(ate_load(t, note, id, &n), ATE_NO_KEY);
    ate_txn_end(t);
    world_deinit(&w);
}

static void one_view(void **state)
{
    (void)state;
    struct ate_id id;
    const struct ate_conflict *conflicts;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w), *u = world_begin(&w);
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(u, id), 1);
    ok(ate_put(t, note, id, NOTE("x", 2)));
    assert_int_equal(note_at(u, id), 1);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, id), 2);
    assert_int_equal(note_at(u, id), 1);
    ok(ate_put(u, note, id, NOTE("x", 3)));
    expect(ate_txn_commit(u, NULL), ATE_CONFLICT);
    assert_int_equal(ate_txn_conflicts(u, &conflicts), 1);
    assert_int_equal(conflicts[0].why, ATE_CONFLICT);
    assert_int_equal(conflicts[0].sequence, 2);
    assert_int_equal(note_at(u, id), 3); /* still pending */
    ok(ate_txn_refresh(u));
    expect(ate_txn_commit(u, NULL), ATE_CONFLICT); /* it was made on what was overtaken */
    ate_txn_cancel(u);
    assert_int_equal(note_at(u, id), 2);
    ok(ate_put(u, note, id, NOTE("x", 3)));
    ok(ate_txn_commit(u, NULL));
    assert_int_equal(note_at(u, id), 3);
    ate_txn_end(t);
    ate_txn_end(u);
    world_deinit(&w);
}

static void flags(void **state)
{
    (void)state;
    struct ate_txn *t;
    struct ate_id id;
    world_init(&w, true);
    expect(ate__txn_begin(w.dio, NULL, ATE_TREE, &t), ATE_MISUSE);
    ok(ate__txn_begin(w.dio, NULL, ATE_READ, &t));
    expect(ate_store(t, note, NOTE("x", 1), &id), ATE_READ_ONLY);
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    ok(ate__txn_begin(w.dio, NULL, ATE_SCOPE_LOCAL, &t));
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    world_deinit(&w);
}

/* NONE: the answer says that it is queued, and nothing that was accepted is dropped. */
static void not_waited_for(void **state)
{
    (void)state;
    struct ate_receipt receipt;
    struct ate_txn *t;
    struct ate_id id;
    world_init(&w, false);
    ok(ate__txn_begin(w.dio, NULL, ATE_SCOPE_NONE, &t));
    for (unsigned i = 0; i < 50; i++) {
        ok(ate_store(t, note, NOTE("x", i), &id));
        ok(ate_txn_commit(t, &receipt));
        assert_int_equal(receipt.stage, ATE_QUEUED);
        assert_int_equal(receipt.sequence, 0);
    }
    ok(ate_txn_commit(t, &receipt)); /* nothing */
    ate_txn_end(t);
    world_reopen(&w);
    t = world_begin(&w);
    assert_int_equal(count_children(t, ate_top), 50);
    ate_txn_end(t);
    world_deinit(&w);
}

static void use_workers(struct ate__workers **workers)
{
    struct ate__local_conf conf = {.chain.env = &w.sim.env};
    struct ate__pipe *pipe;
    ok(ate__workers_new(2, workers));
    conf.chain.workers = *workers;
    ate__dio_unref(w.dio);
    ok(ate__local_open(&conf, "/c/notes", w.session[0], 0, &pipe));
    ok(ate__dio_new(pipe, w.session[0], -1, 1 << 20, &w.dio));
}

static struct ate__offer *turned_away;

static void turn_away(struct ate__pipe *p, struct ate__offer *offer)
{
    (void)p;
    turned_away = offer;
    offer->at_once = offer->result = ATE_BUSY;
    snprintf(offer->text, sizeof offer->text, "commit: as many are waiting as the test allows");
}

/* Not waited for, and refused at once: why is told. */
static void not_waited_for_and_refused(void **state)
{
    (void)state;
    struct ate_receipt receipt;
    struct ate_txn *t;
    struct ate_id id;
    world_init(&w, false);
    struct ate__pipe *pipe = w.dio->pipe;
    const struct ate__pipe_vtable *v = pipe->v;
    struct ate__pipe_vtable full = *v;
    full.offer = turn_away;
    ok(ate__txn_begin(w.dio, NULL, ATE_SCOPE_NONE, &t));
    ok(ate_store(t, note, NOTE("x", 1), &id));
    pipe->v = &full;
    expect(ate_txn_commit(t, &receipt), ATE_BUSY);
    pipe->v = v;
    assert_string_equal(ate__error_text(), "commit: as many are waiting as the test allows");
    turned_away->done(turned_away);
    ate_txn_end(t);
    world_deinit(&w);
}

struct shut { /* a disk on which the first call that changes it takes until it is opened */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered, opened;
};

static void hold(void *arg, uint64_t number)
{
    struct shut *s = arg;
    (void)number;
    pthread_mutex_lock(&s->mutex);
    s->entered = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->opened)
        pthread_cond_wait(&s->changed, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}

/* The answer comes while the disk is still at it, and is no more than `queued`; nobody sees what is
 * not synced. */
static void not_waiting_for_the_disk(void **state)
{
    (void)state;
    struct shut s = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    struct ate_receipt receipt = {.sequence = 77, .stage = ATE_DURABLE};
    struct ate__receipt synced;
    struct ate__workers *workers;
    struct ate_txn *t, *other;
    struct ate_id id;
    world_init(&w, false);
    use_workers(&workers);
    simdisk_watch(w.disk, hold, &s);
    ok(ate__txn_begin(w.dio, NULL, ATE_SCOPE_NONE, &t));
    ok(ate_store(t, note, NOTE("x", 1), &id));
    ok(ate_txn_commit(t, &receipt));
    assert_int_equal(receipt.stage, ATE_QUEUED);
    assert_int_equal(receipt.sequence, 0);
    pthread_mutex_lock(&s.mutex);
    while (!s.entered)
        pthread_cond_wait(&s.changed, &s.mutex);
    pthread_mutex_unlock(&s.mutex);
    other = world_begin(&w);
    assert_int_equal(note_at(other, id), -ATE_NOT_FOUND);
    assert_int_equal(note_at(t, id), -ATE_NOT_FOUND);
    pthread_mutex_lock(&s.mutex);
    s.opened = true;
    pthread_cond_broadcast(&s.changed);
    pthread_mutex_unlock(&s.mutex);
    ok(ate__pipe_sync(w.dio->pipe, &synced));
    ok(ate_txn_refresh(other));
    assert_int_equal(note_at(other, id), 1);
    ate_txn_end(other);
    ate_txn_end(t);
    simdisk_watch(w.disk, NULL, NULL);
    world_deinit(&w);
    ate__workers_unref(workers);
}

/* ---- what is not known ---- */

static void frozen(void **state)
{
    (void)state;
    struct ate_id id;
    const struct note *n;
    world_init(&w, false);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("x", 1), &id));
    struct ate_txn_id first = ate_txn_id_of(t);
    simdisk_fail(w.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    expect(ate_txn_commit(t, NULL), ATE_UNKNOWN);
    expect(ate_load(t, note, id, &n), ATE_MISUSE);
    expect(ate_put(t, note, id, NOTE("y", 2)), ATE_MISUSE);
    expect(ate_txn_refresh(t), ATE_MISUSE);
    ate_txn_cancel(t); /* does nothing */
    struct ate_txn_id same = ate_txn_id_of(t);
    assert_memory_equal(first.origin, same.origin, sizeof first.origin);
    assert_int_equal(first.number, same.number);
    assert_memory_not_equal(&first.hash, &same.hash, sizeof first.hash); /* it was sent */
    ok(ate_txn_commit(t, NULL)); /* the same bytes: the true outcome, never twice */
    assert_int_equal(note_at(t, id), 1);
    assert_true(world_size(&w) == 2);
    same = ate_txn_id_of(t);
    assert_memory_not_equal(&first, &same, sizeof first);
    ate_txn_end(t);
    world_reopen(&w);
    assert_true(world_size(&w) == 2);
    world_deinit(&w);
}

/* Offered again while the log is still broken: nobody has said yet what came of it. */
static void stays_frozen(void **state)
{
    (void)state;
    struct ate_id id;
    world_init(&w, false);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, note, NOTE("x", 1), &id));
    simdisk_fail(w.disk, SIMDISK_MUTATING, 2, UINT32_MAX, ATE_E_IO); /* written, not synced */
    for (unsigned i = 0; i < 3; i++) {
        expect(ate_txn_commit(t, NULL), ATE_UNKNOWN);
        assert_int_equal(note_at(t, id), -ATE_MISUSE);
        simenv_pass_ms(&w.sim, 500);
    }
    struct ate_txn *other = world_begin(&w);
    assert_int_equal(note_at(other, id), -ATE_NOT_FOUND);
    simdisk_fail(w.disk, 0, 0, 0, 0);
    simenv_pass_ms(&w.sim, 1000);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, id), 1);
    assert_true(world_size(&w) == 2);
    ate_txn_end(other);
    ate_txn_end(t);
    world_deinit(&w);
}

/* ---- ended in the middle ---- */

struct offered {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    struct ate__workers *workers;
    struct ate_txn *t;
    struct ate_receipt receipt;
    struct ate_id id;
};
static void on_done(void *arg)
{
    struct offered *x = arg;
    pthread_mutex_lock(&x->mutex);
    x->done = true;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->mutex);
}

static void offer(struct offered *x)
{
    *x = (struct offered){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    world_init(&w, false);
    use_workers(&x->workers);
    x->t = world_begin(&w);
    ok(ate_store(x->t, note, NOTE("x", 1), &x->id));
    ok(ate__txn_offer(x->t, false, on_done, x, &x->receipt));
}

static void expect_stored(struct offered *x)
{
    struct ate_txn *t = world_begin(&w);
    assert_int_equal(note_at(t, x->id), 1);
    ate_txn_end(t);
    world_deinit(&w);
    ate__workers_unref(x->workers);
}

static void ended_before_the_answer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct offered x;
        offer(&x);
        expect(ate__txn_offer(x.t, false, on_done, &x, &x.receipt), ATE_MISUSE);
        if (i % 2)
            ate_txn_end(x.t);
        pthread_mutex_lock(&x.mutex);
        while (!x.done)
            pthread_cond_wait(&x.changed, &x.mutex);
        pthread_mutex_unlock(&x.mutex);
        if (i % 4 < 2)
            ok(ate__txn_finish(x.t, &x.receipt));
        else
            ate__txn_forget(x.t);
        if (i % 2 == 0)
            ate_txn_end(x.t);
        expect_stored(&x);
    }
}

/* And the chain closed as well: what was accepted is there. */
static void closed_before_the_answer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct offered x;
        offer(&x);
        ate__dio_unref(ate__dio_ref(w.dio));
        ate_txn_end(x.t);
        world_reopen(&w);
        assert_true(x.done);
        ok(ate__txn_finish(x.t, &x.receipt));
        expect_stored(&x);
    }
}

/* ---- limits ---- */

static void limits(void **state)
{
    (void)state;
    static char big[ATE__PAYLOAD_MAX + 16];
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    memset(big, 'x', sizeof big - 1);
    expect(ate_store(t, note, NOTE(big, 1), &id), ATE_TOO_BIG);
    big[ATE__PAYLOAD_MAX - 64] = 0;
    ok(ate_store(t, note, NOTE(big, 1), &id));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, id), 1);
    for (unsigned i = 0; i < 2; i++)
        ok(ate_store(t, note, NOTE(big, 1), &id));
    expect(ate_txn_commit(t, NULL), ATE_TOO_BIG); /* a transaction of more than 8 MiB */
    ate_txn_cancel(t);
    for (unsigned i = 0; i < ATE__TX_EVENTS_MAX; i++)
        ok(ate_store(t, note, NOTE("x", i), &id));
    expect(ate_store(t, note, NOTE("x", 1), &id), ATE_TOO_BIG);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, id), ATE__TX_EVENTS_MAX - 1);
    ate_txn_end(t);
    world_deinit(&w);
}

static void depth(void **state)
{
    (void)state;
    struct ate_id at = ate_top, id, deepest;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 1; i <= ATE__PARENTS_MAX; i++) {
        ok(ate_push(t, note, at, NOTE("x", i), &id));
        at = id;
        if (i % 100 == 0)
            ok(ate_txn_commit(t, NULL));
    }
    ok(ate_txn_commit(t, NULL));
    deepest = at;
    assert_int_equal(note_at(t, deepest), ATE__PARENTS_MAX);
    int rc = ate_push(t, note, deepest, NOTE("x", 0), &id);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    assert_int_equal(rc, ATE_TOO_BIG);
    ate_txn_cancel(t);
    ok(ate_store(t, note, NOTE("y", 0), &id));
    rc = ate_move(t, id, deepest, "y");
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    assert_int_equal(rc, ATE_TOO_BIG);
    ate_txn_end(t);
    world_deinit(&w);
}

/* ---- memory ---- */

/* All the library's memory is within: sessions, chain, transaction. A commit that fails for want of
 * memory is refused, and made again it goes through. */
static int all_of_it(void *arg)
{
    struct ate__local_conf conf = {.chain.env = &w.sim.env, .memory = true};
    struct ate__key32 seed = {{7}};
    struct ate_session *s;
    struct ate__pipe *pipe;
    struct ate__dio *dio = NULL;
    struct ate_txn *t = NULL;
    struct ate__key *key;
    struct ate_id a, b;
    const struct note *n;
    (void)arg;
    int rc = ate__session_new(&s);
    if (rc)
        return rc;
    rc = ate__key_of_seed(&seed, NULL, &key);
    if (!rc)
        rc = ate__session_add(s, key);
    if (!rc)
        rc = ate__local_open(&conf, "/c/notes", s, ATE__STORAGE_CREATE, &pipe);
    if (!rc)
        rc = ate__dio_new(pipe, s, -1, 1 << 20, &dio);
    if (!rc)
        rc = ate__txn_begin(dio, NULL, 0, &t);
    if (!rc)
        rc = ate_put_as(t, note, ate_top, "a", NOTE("text", 1), &a);
    if (!rc)
        rc = ate_put_as(t, note, a, "b", NOTE("text", 2), &b);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    if (!rc)
        rc = ate_move(t, b, ate_top, "c");
    if (!rc)
        rc = ate_put(t, note, a, NOTE("text", 3));
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    if (!rc)
        rc = ate_find(t, note, ate_top, "c", &b, &n);
    if (!rc)
        rc = ate_delete(t, a, ATE_TREE);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    ate__dio_unref(dio);
    ate__session_unref(s);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    world_init(&w, true);
    print_message("%llu allocations\n", (unsigned long long)heap_sweep(all_of_it, NULL, true));
    world_deinit(&w);
}

/* Origin and number stand in the log: whoever may write anything commits under those that come
 * next. That costs an honest writer a second try, and nothing else. */
static void take_origin(const struct ate_txn *t)
{
    struct ate__dio *thief;
    struct ate_txn *other;
    w.dio->pipe->v->ref(w.dio->pipe);
    ok(ate__dio_new(w.dio->pipe, w.session[0], -1, 1 << 20, &thief));
    memcpy(thief->origin, w.dio->origin, sizeof thief->origin);
    memcpy(thief->number_seed, w.dio->number_seed, sizeof thief->number_seed);
    atomic_store(&thief->drawn, (t->id.number >> 32) - 1);
    ok(ate__txn_begin(thief, NULL, 0, &other));
    for (int i = 0; i < 8; i++) {
        ok(ate_push(other, note, ate_top, NOTE("thief", i), NULL));
        ok(ate_txn_commit(other, NULL));
    }
    ate_txn_end(other);
    ate__dio_unref(thief);
}

/* ... if it knows the numbers: whoever was not sent them does not, so nobody is told that what he
 * sent is in the chain because another took its number. */
static void numbers_that_nobody_guesses(void **state)
{
    (void)state;
    static const struct ate_hash none;
    struct ate__dio *thief;
    struct ate_txn *t, *other;
    uint64_t last = 0;
    world_init(&w, true);
    w.dio->pipe->v->ref(w.dio->pipe);
    ok(ate__dio_new(w.dio->pipe, w.session[0], -1, 1 << 20, &thief));
    memcpy(thief->origin, w.dio->origin, sizeof thief->origin);
    for (int i = 0; i < 100; i++) {
        ok(ate__txn_begin(w.dio, NULL, 0, &t));
        atomic_store(&thief->drawn, (t->id.number >> 32) - 1);
        ok(ate__txn_begin(thief, NULL, 0, &other));
        struct ate_txn_id mine = ate_txn_id_of(t), his = ate_txn_id_of(other);
        assert_memory_equal(mine.origin, his.origin, sizeof mine.origin);
        assert_int_equal(mine.number >> 32, his.number >> 32);
        assert_true(mine.number != his.number && mine.number > last);
        assert_memory_equal(&mine.hash, &none, sizeof none); /* not sent yet */
        last = mine.number;
        ate_txn_end(other);
        ate_txn_end(t);
    }
    ate__dio_unref(thief);
    world_deinit(&w);
}

/* What stands there is what was meant only if it has its hash. */
static void an_outcome_of_another(void **state)
{
    (void)state;
    struct ate__receipt receipt;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    struct ate__txn_id id = t->id;
    take_origin(t);
    ok(ate__pipe_outcome(w.dio->pipe, &id, NULL, &receipt));
    assert_int_equal(receipt.sequence, 1);
    struct ate_hash meant = {{1}};
    expect(ate__pipe_outcome(w.dio->pipe, &id, &meant, &receipt), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "another transaction was committed"));
    struct ate__proof_entry there;
    ok(ate__chain_entry(world_chain(&w), 1, &there));
    ok(ate__pipe_outcome(w.dio->pipe, &id, &there.tx_hash, &receipt));
    assert_int_equal(receipt.sequence, 1);
    assert_int_equal(receipt.root_time_us, there.root_time_us);
    ate_txn_end(t);
    world_deinit(&w);
}

static void an_origin_that_is_taken(void **state)
{
    (void)state;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    take_origin(t);
    uint64_t size = world_size(&w);
    ok(ate_store(t, note, NOTE("mine", 1), &id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put(t, note, id, NOTE("mine", 2)));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    t = world_begin(&w);
    assert_int_equal(note_at(t, id), 2);
    ok(ate_put(t, note, id, NOTE("mine", 3)));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    assert_int_equal(world_size(&w), size + 3); /* each once */
    world_deinit(&w);
}

/* Nobody waits for an answer: what was on its way is lost, and the rest is not. */
static void an_origin_that_is_taken_unasked(void **state)
{
    (void)state;
    struct ate_txn *t;
    struct ate_id id;
    world_init(&w, true);
    ok(ate__txn_begin(w.dio, NULL, ATE_SCOPE_NONE, &t));
    take_origin(t);
    for (int i = 0; i < 2; i++) {
        struct ate__receipt ignored;
        ok(ate_store(t, note, NOTE("mine", i), &id));
        ok(ate_txn_commit(t, NULL));
        ok(ate__pipe_sync(w.dio->pipe, &ignored));
    }
    ate_txn_end(t);
    t = world_begin(&w);
    if (note_at(t, id) != 1) { /* the next number was drawn before the answer was there */
        ok(ate_store(t, note, NOTE("mine", 2), &id));
        ok(ate_txn_commit(t, NULL));
        assert_int_equal(note_at(t, id), 2);
    }
    ate_txn_end(t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_and_loads),
        cmocka_unit_test(survives_reopening),
        cmocka_unit_test(one_view),
        cmocka_unit_test(flags),
        cmocka_unit_test(not_waited_for),
        cmocka_unit_test(not_waited_for_and_refused),
        cmocka_unit_test(not_waiting_for_the_disk),
        cmocka_unit_test(frozen),
        cmocka_unit_test(stays_frozen),
        cmocka_unit_test(ended_before_the_answer),
        cmocka_unit_test(closed_before_the_answer),
        cmocka_unit_test(limits),
        cmocka_unit_test(depth),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(numbers_that_nobody_guesses),
        cmocka_unit_test(an_outcome_of_another),
        cmocka_unit_test(an_origin_that_is_taken),
        cmocka_unit_test(an_origin_that_is_taken_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
