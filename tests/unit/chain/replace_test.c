/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * An open chain takes over the state of another one, while it is read, listened to and held.
 */
#include "chain/replace.h"
#include "chain/chain_private.h"
#include "chain/local.h"
#include "chain/past.h"
#include "kit.h"
#include "lib/heap.h"
#include <pthread.h>

enum { SHARED = 4 };
static struct kit kit; /* its disk, clock and genesis; the chain is the pipe's */
static struct ate__pipe *pipe_;

/* SHARED objects, and those from `from` on below `to`: nothing else is the same in two of them. */
static void fill(struct kit *k, unsigned from, unsigned to, const char *text)
{
    char shared[64];
    snprintf(shared, sizeof shared, "%s of %u", text, from);
    for (unsigned i = 1; i < SHARED; i++)
        kit_put_ok(k, i, shared);
    for (unsigned i = from; i < to; i++)
        kit_put_ok(k, i, text);
}

static void begin(uint64_t seed)
{
    struct ate__local_conf conf = {.memory = true};
    kit_init(&kit, seed);
    conf.chain.env = &kit.sim.env;
    kit_ok(ate__local_create(&conf, kit.root, ate__bytes(kit.genesis, kit.genesis_size), &pipe_));
    kit.chain = ate__local_chain(pipe_);
    fill(&kit, SHARED, 20, "old");
}

static void end(void)
{
    kit.chain = NULL; /* the pipe closes it */
    pipe_->v->unref(pipe_);
    kit_deinit(&kit);
}

/* Of the same chain id; its transactions are others. The disk and clock are the first one's. */
static struct ate__chain *other(unsigned from, unsigned to, const char *text)
{
    static struct kit k;
    k = kit;
    k.memory = true;
    k.chain = NULL;
    k.origin = (uint8_t)(10 + from);
    kit_create_ok(&k);
    fill(&k, from, to, text);
    return k.chain;
}

static const char *text_at(struct ate__snapshot *s, unsigned object)
{
    static char text[64];
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_id id = id_of(object);
    struct ate__event e;
    int rc = pipe_->v->event(s, &id, &buf, &e, NULL);
    snprintf(text, sizeof text, "%s", rc ? ate__result_name(rc) : "");
    if (!rc)
        snprintf(text, sizeof text, "%.*s", (int)e.payload.size, (const char *)e.payload.data);
    ate__buf_deinit(&buf);
    return text;
}

static bool is_live(struct ate__snapshot *s, unsigned object)
{
    const struct ate__facts *facts = pipe_->v->facts(s);
    struct ate_id id = id_of(object);
    struct ate__object_facts f;
    kit_ok(facts->v->object(facts, &id, &f));
    return f.live;
}

/* ---- tests ---- */

/* What is held shows the old state until it is refreshed. */
static void snapshots(void **state)
{
    (void)state;
    struct ate__snapshot *s, *fresh;
    struct ate_id top = {{0}}, child, one = id_of(1);
    struct ate__view_newest now;
    struct ate_hash root, head;
    uint64_t size, cursor = 0, before;
    begin(1);
    struct ate__trust *trust = pipe_->v->trust(pipe_);
    kit_ok(pipe_->v->begin(pipe_, &s));
    const struct ate__facts *facts = pipe_->v->facts(s);
    kit_ok(facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor, &child));
    pipe_->v->head(s, &before, &root);
    kit_ok(ate__chain_replace(kit.chain, other(SHARED, 30, "new"), 1));
    assert_true(is_live(s, 19) && !is_live(s, 25));
    assert_string_equal(text_at(s, 1), "ATE_STALE"); /* its bytes are not there any more */
    kit_ok(facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor, &child));
    assert_int_equal(kit.chain->old_view_count, 1);
    kit_ok(pipe_->v->begin(pipe_, &fresh));
    assert_true(is_live(fresh, 25));
    assert_string_equal(text_at(fresh, 1), "new of 4");
    pipe_->v->head(fresh, &size, &root);
    ate__chain_head(kit.chain, &before, &head);
    assert_true(size == before && ate__hash_equal(&root, &head));
    /* Seen in the old state, at whatever size, is not seen in the new one. */
    kit_ok(ate__view_newest(&(struct ate__view_snapshot){kit.chain->view, NULL, UINT64_MAX}, &one,
                            &now));
    assert_int_equal(pipe_->v->still(fresh, &one, now.sequence, 20), ATE_NOT_FOUND);
    assert_int_equal(pipe_->v->still(fresh, &one, now.sequence, size), 0);
    kit_ok(pipe_->v->refresh(s));
    facts = pipe_->v->facts(s);
    assert_int_equal(
        facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor, &child),
        ATE_STALE);
    cursor = 0;
    for (unsigned n = 0; n < 29; n++)
        kit_ok(facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor, &child));
    assert_int_equal(
        facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor, &child),
        ATE_END);
    assert_string_equal(text_at(s, 1), "new of 4");
    assert_int_equal(kit.chain->old_view_count, 1); /* what was lent stays */
    pipe_->v->end(s);
    assert_int_equal(kit.chain->old_view_count, 0);
    pipe_->v->end(fresh);
    assert_ptr_equal(trust, pipe_->v->trust(pipe_));
    /* It goes on as the chain that it is now. */
    kit_put_ok(&kit, 35, "behind it");
    kit_ok(pipe_->v->begin(pipe_, &s));
    assert_string_equal(text_at(s, 35), "behind it");
    pipe_->v->end(s);
    end();
}

static unsigned told;
static void count(struct ate__listener *l, uint64_t size)
{
    (void)l;
    (void)size;
    told++;
}

/* They stay, and are left with the state that they knew. */
static void listeners(void **state)
{
    (void)state;
    struct ate__listener l = {.published = count}, ended = l;
    struct ate__view_snapshot left;
    struct ate__object_facts f;
    struct ate_id id = id_of(19);
    begin(2);
    kit_ok(pipe_->v->listen(pipe_, &l));
    kit_ok(pipe_->v->listen(pipe_, &ended));
    assert_int_equal(ate__chain_left(kit.chain, &l, &left), ATE_NOT_FOUND);
    told = 0;
    kit_ok(ate__chain_replace(kit.chain, other(20, 40, "second"), 0));
    assert_int_equal(told, 2);
    kit_ok(ate__chain_replace(kit.chain, other(5, 10, "third"), 0)); /* shorter */
    assert_int_equal(told, 4);
    assert_int_equal(kit.chain->old_view_count, 1); /* the second is nobody's */
    kit_ok(ate__chain_left(kit.chain, &l, &left));
    kit_ok(ate__view_object(&left, &id, &f));
    assert_true(f.live);
    ate__chain_view_end(kit.chain, &left);
    assert_int_equal(ate__chain_left(kit.chain, &l, &left), ATE_NOT_FOUND);
    assert_int_equal(kit.chain->old_view_count, 1);
    pipe_->v->unlisten(pipe_, &ended);
    assert_int_equal(kit.chain->old_view_count, 0);
    kit_ok(ate__chain_replace(kit.chain, other(SHARED, 9, "fourth"), 0));
    kit_ok(ate__chain_left(kit.chain, &l, &left));
    ate__chain_view_end(kit.chain, &left);
    pipe_->v->unlisten(pipe_, &l);
    end();
}

/* One that is shorter: heads, proofs and commits are those of the new history. */
static void shorter(void **state)
{
    (void)state;
    struct ate_hash root, again;
    struct ate__proof proof;
    uint64_t size, before;
    begin(3);
    ate__chain_head(kit.chain, &before, &root);
    kit_ok(ate__chain_replace(kit.chain, other(SHARED, 5, "short"), 0));
    ate__chain_head(kit.chain, &size, &root);
    assert_true(size < before);
    assert_int_equal(ate__chain_root_at(kit.chain, before, &again), ATE_NOT_FOUND);
    for (uint64_t at = 0; at <= size; at++)
        kit_ok(ate__chain_root_at(kit.chain, at, &again));
    assert_true(ate__hash_equal(&root, &again));
    kit_ok(ate__chain_consistency(kit.chain, 3, size, &proof));
    for (unsigned i = 1; i < 30; i++)
        kit_put_ok(&kit, i, "longer again");
    kit_ok(ate__chain_root_at(kit.chain, before, &again));
    end();
}

static void refused(void **state)
{
    (void)state;
    struct ate_hash root, after;
    uint64_t size, now;
    begin(4);
    ate__chain_head(kit.chain, &size, &root);
    kit.chain->compacting = true;
    assert_int_equal(ate__chain_replace(kit.chain, other(SHARED, 9, "other"), 0), ATE_BUSY);
    kit.chain->compacting = false;
    kit.chain->read_only = true;
    assert_int_equal(ate__chain_replace(kit.chain, other(SHARED, 9, "other"), 0), ATE_READ_ONLY);
    kit.chain->read_only = false;
    ate__chain_head(kit.chain, &now, &after);
    assert_true(now == size && ate__hash_equal(&root, &after));
    end();
}

/* A pipe of the past asks the view that it was opened on. */
static void past(void **state)
{
    (void)state;
    struct ate__past_conf conf = {.size = 10};
    struct ate__pipe *then;
    struct ate__snapshot *s;
    struct ate_id id = id_of(5);
    struct ate__object_facts f;
    begin(5);
    kit_ok(ate__past_open(pipe_, kit.chain, &conf, &then));
    kit_ok(ate__chain_replace(kit.chain, other(30, 35, "new"), 0));
    assert_int_equal(kit.chain->old_view_count, 1);
    kit_ok(then->v->begin(then, &s));
    const struct ate__facts *facts = then->v->facts(s);
    kit_ok(facts->v->object(facts, &id, &f));
    assert_true(f.live);
    then->v->end(s);
    then->v->unref(then);
    assert_int_equal(kit.chain->old_view_count, 0);
    end();
}

/* ---- beside readers ---- */

static atomic_bool stop;
static atomic_uint reads;

static void *read_on(void *arg)
{
    (void)arg;
    struct ate_id top = {{0}}, child;
    while (!atomic_load(&stop)) {
        struct ate__snapshot *s;
        struct ate_hash keys[4];
        uint64_t cursor = 0, size;
        unsigned children = 0;
        int rc;
        kit_ok(pipe_->v->begin(pipe_, &s));
        const struct ate__facts *facts = pipe_->v->facts(s);
        while (!(rc = facts->v->next_child(facts, &(struct ate__listing){.parent = top}, &cursor,
                                           &child)))
            children++;
        assert_true(rc == ATE_END || rc == ATE_STALE);
        assert_true(rc == ATE_STALE || children >= SHARED - 1);
        const char *const text = is_live(s, 1) ? "" : NULL;
        assert_non_null(text);
        pipe_->v->head(s, &size, &keys[0]);
        assert_true(size > SHARED);
        assert_true(ate__trust_root_keys(pipe_->v->trust(pipe_), keys, 4) == 1);
        if (atomic_fetch_add(&reads, 1) % 3 == 0)
            (void)!pipe_->v->refresh(s);
        pipe_->v->end(s);
    }
    return NULL;
}

static int nothing(void *arg, const struct ate__history_record *record)
{
    (void)arg;
    assert_true(record->body.size);
    return 0;
}

static void *scan_on(void *arg)
{
    (void)arg;
    struct ate__listener l = {.published = count};
    while (!atomic_load(&stop)) {
        struct ate__view_snapshot left;
        kit_ok(pipe_->v->listen(pipe_, &l));
        int rc = pipe_->v->history(pipe_, 0, nothing, NULL);
        assert_true(!rc || rc == ATE_NOT_FOUND); /* it became shorter */
        if (!ate__chain_left(kit.chain, &l, &left))
            ate__chain_view_end(kit.chain, &left);
        pipe_->v->unlisten(pipe_, &l);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    begin(6);
    atomic_store(&stop, false);
    atomic_store(&reads, 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, i ? read_on : scan_on, NULL);
    for (unsigned i = 0; i < 60 || atomic_load(&reads) < 100; i++)
        kit_ok(ate__chain_replace(kit.chain, other(SHARED, 5 + i % 30, "next"), 0));
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    end();
}

static void lack_of_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct ate__listener l = {.published = count};
        struct ate__view_snapshot left;
        heap_start();
        begin(7);
        kit_ok(pipe_->v->listen(pipe_, &l));
        struct ate__chain *o = other(SHARED, 30, "new");
        heap_fail(n, false);
        int rc = ate__chain_replace(kit.chain, o, 0);
        failed = heap_failed();
        heap_fail(0, false);
        assert_true(rc == ATE_E_MEMORY || !rc);
        struct ate__snapshot *s;
        kit_ok(pipe_->v->begin(pipe_, &s));
        assert_string_equal(text_at(s, 19), rc ? "old" : "new");
        pipe_->v->end(s);
        int left_rc = ate__chain_left(kit.chain, &l, &left);
        assert_true(left_rc == (rc ? ATE_NOT_FOUND : failed ? ATE_COMPACTED : 0));
        if (!left_rc)
            ate__chain_view_end(kit.chain, &left);
        pipe_->v->unlisten(pipe_, &l);
        end();
        heap_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots),      cmocka_unit_test(listeners), cmocka_unit_test(shorter),
        cmocka_unit_test(refused),        cmocka_unit_test(past),      cmocka_unit_test(threads),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
