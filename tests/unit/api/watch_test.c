/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A watch of a chain that takes over another state: what has gone without a record is told, once,
 * and what comes, in its order.
 */
#include "api/api.h"
#include "../chain/kit.h"
#include "chain/local.h"
#include "chain/replace.h"
#include "dio/dio.h"

enum { OLD = 20, NEW = 26 };
static struct kit kit; /* its disk, clock and genesis; the chain is the pipe's */
static struct ate_chain *chain;

/* Object n comes with transaction n, below the one of n / 4; one that `gone` names does not. */
static void fill(struct kit *k, unsigned to, uint32_t gone)
{
    for (unsigned n = 1; n < to; n++) {
        struct draft d;
        kit_begin(k, &d);
        if (gone >> n & 1)
            kit_draft_put(k, &d, 1, "another one in its place");
        else
            draft_body(&d, &(struct draft_body){.id = id_of(n),
                                                .parent = id_of(gone >> n / 4 & 1 ? 0 : n / 4),
                                                .payload = ate__text_bytes("text")});
        kit_ok(kit_commit(k, &d));
        draft_deinit(&d);
    }
}

static void begin(uint64_t seed)
{
    struct ate__local_conf conf = {.memory = true};
    struct ate__pipe *pipe;
    kit_init(&kit, seed);
    conf.chain.env = &kit.sim.env;
    kit_ok(ate__local_create(&conf, kit.root, ate__bytes(kit.genesis, kit.genesis_size), &pipe));
    kit.chain = ate__local_chain(pipe);
    fill(&kit, OLD, 0);
    chain = ate__alloc(sizeof *chain);
    assert_non_null(chain);
    atomic_init(&chain->refs, 1);
    chain->pipe = pipe;
    kit_ok(ate__dio_new(pipe, NULL, -1, 0, &chain->dio));
}

static void end(void)
{
    kit.chain = NULL;
    ate__chain_handle_unref(chain);
    kit_deinit(&kit);
}

/* The same chain as it went on elsewhere. */
static struct ate__chain *other(unsigned to, uint32_t gone, unsigned deleted)
{
    static struct kit k;
    struct draft d;
    k = kit;
    k.memory = true;
    k.chain = NULL;
    k.origin++;
    kit_create_ok(&k);
    fill(&k, to, gone);
    if (deleted) {
        kit_begin(&k, &d);
        draft_tombstone(&d, id_of(deleted), kit_facts(&k, deleted).body, false);
        kit_ok(kit_commit(&k, &d));
        draft_deinit(&d);
    }
    return k.chain;
}

static struct ate_watch *watch(unsigned flags, unsigned consumed)
{
    struct ate_watch *w;
    struct ate_event e;
    kit_ok(ate_watch_start(chain, NULL, ate_top, flags, 0, &w));
    for (unsigned i = 0; i < consumed; i++)
        kit_ok(ate_watch_next(w, 0, &e));
    return w;
}

static void expect(struct ate_watch *w, enum ate_change change, unsigned object, uint64_t sequence,
                   bool last)
{
    struct ate_id id = id_of(object);
    struct ate_event e;
    kit_ok(ate_watch_next(w, 0, &e));
    if (e.change != change || !ate__id_equal(&e.id, &id) || e.sequence != sequence ||
        e.last != last)
        fail_msg("%d of %02x%02x at %llu, last %d; expected %d of %u at %llu", e.change, e.id.b[0],
                 e.id.b[15], (unsigned long long)e.sequence, e.last, change, object,
                 (unsigned long long)sequence);
}

static void expect_none(struct ate_watch *w)
{
    struct ate_event e;
    assert_int_equal(ate_watch_next(w, 0, &e), ATE_TIMEOUT);
}

/* ---- tests ---- */

static void goes_on(void **state)
{
    (void)state;
    begin(1);
    struct ate_watch *w = watch(ATE_TREE, OLD - 1), *early = watch(ATE_TREE, 6);
    struct ate_watch *flat = watch(0, 3), *late = watch(ATE_TREE, OLD - 1);
    expect_none(w);
    kit_ok(ate__chain_replace(kit.chain, other(NEW, 1u << 7 | 1u << 15 | 1u << 19, 18), 1));
    /* 7, 15 and 19 lay below 1, 3 and 4; that 18 has gone is in the log. */
    expect(w, ATE_DELETED, 19, OLD - 1, false);
    expect(w, ATE_DELETED, 7, OLD - 1, false);
    expect(w, ATE_DELETED, 15, OLD - 1, true);
    for (unsigned n = OLD; n < NEW; n++)
        expect(w, ATE_CREATED, n, n, true);
    expect(w, ATE_DELETED, 18, NEW, true);
    expect_none(w);
    /* Who was not told of it is not told that it went. */
    expect(early, ATE_UPDATED, 1, 7, true);
    expect(early, ATE_CREATED, 8, 8, true);
    /* Children of the top alone: 1 to 3. */
    expect(flat, ATE_UPDATED, 1, 7, true);
    /* It goes on, also over a second one. */
    kit_put_ok(&kit, 40, "live");
    expect(w, ATE_CREATED, 40, NEW + 1, true);
    kit_ok(ate__chain_replace(kit.chain, other(NEW + 5, 1u << 7 | 1u << 9 | 1u << 15 | 1u << 19, 0),
                              1));
    expect(w, ATE_DELETED, 9, NEW + 1, false);
    expect(w, ATE_DELETED, 40, NEW + 1, true);
    for (unsigned n = NEW + 2; n < NEW + 5; n++)
        expect(w, ATE_CREATED, n, n, true);
    expect_none(w);
    /* One that slept over both. */
    expect(late, ATE_DELETED, 19, OLD - 1, false);
    expect(late, ATE_DELETED, 7, OLD - 1, false);
    expect(late, ATE_DELETED, 9, OLD - 1, false);
    expect(late, ATE_DELETED, 15, OLD - 1, true);
    expect(late, ATE_CREATED, OLD, OLD, true);
    ate_watch_end(flat);
    ate_watch_end(early);
    ate_watch_end(late);
    ate_watch_end(w);
    end();
}

/* Nothing is kept for who has ended, in the middle of it too. */
static void ended(void **state)
{
    (void)state;
    begin(2);
    struct ate_watch *w = watch(ATE_TREE, OLD - 1), *asleep = watch(ATE_TREE, 2);
    kit_ok(ate__chain_replace(kit.chain, other(NEW, 1u << 7 | 1u << 8, 0), 1));
    expect(w, ATE_DELETED, 7, OLD - 1, false);
    ate_watch_end(w);
    ate_watch_end(asleep);
    /* Readiness is told, as for any event. */
    w = watch(0, 0);
    kit_ok(ate__chain_replace(kit.chain, other(NEW, 1u << 9, 0), 1));
    ate_watch_end(w);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),
        cmocka_unit_test(ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
