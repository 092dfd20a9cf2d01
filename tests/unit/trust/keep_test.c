/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a deep compaction keeps, over histories by chance: from what is kept alone
 *   (a) the state root is the one of the whole history,
 *   (b) every kept event is accepted, below the same objects and under the same rules as in the
 *       whole history,
 *   (c) and without one more event, one or the other fails, or a rule says why it stays.
 * The same of what a plug-in keeps, and of a history that was compacted before.
 */
#include "world.h"
#include "chance.h"
#include "lib/heap.h"
#include "state_source.h"
#include "trust/keep.h"

enum { HISTORIES = 10, DRAFTS = 10000, LENGTH_MAX = 320, ONE_LESS = 25 };

static const uint64_t seed[2] = {7, 8};

struct past {
    struct world w;
    struct ate__key *keys[CHANCE_KEYS];
    struct draft *txs[LENGTH_MAX];
    struct source_txn txns[LENGTH_MAX];
    struct model before[LENGTH_MAX + 1]; /* [n]: behind n transactions */
    uint64_t size;
};

/* ---- the whole history ---- */

static void remember(struct past *p, struct draft *take_d)
{
    p->txs[p->size] = take_d;
    p->txns[p->size] = (struct source_txn){take_d->tx.id, take_d->tx.hash};
    p->size++;
    model_copy(&p->w.m, &p->before[p->size]);
}

/* As world_init(), and transaction 0 is kept. */
static void past_init(struct past *p, struct rnd *r)
{
    struct ate__auth open = auth_of(rule_inherit, rule_inherit, rule_everyone, rule_inherit);
    struct chance c = {.rnd = r, .w = &p->w};
    struct ate__verdict v;
    world_init(&p->w, 1, &open);
    p->size = 0;
    model_copy(&p->w.m, &p->before[0]);
    p->before[0].count = 1; /* the top alone */
    ate__control_unref(p->before[0].objects[0].control);
    p->before[0].objects[0].control = NULL;
    p->before[0].size = 0;
    p->w.number = 0;
    struct draft *genesis = draft_new(&p->w);
    genesis->base_size = 0;
    genesis->base_root = model_root(0);
    (void)world_begin(&p->w, genesis, &open, NULL);
    remember(p, genesis);
    for (unsigned i = 0; i < CHANCE_KEYS; i++)
        p->keys[i] = c.keys[i] = world_key(&p->w, 10 + i);
    for (unsigned i = 0; i < DRAFTS && p->size < LENGTH_MAX; i++) {
        struct draft *d = chance_draft(&c);
        if (judge(&p->w, d, &v)) {
            draft_free(d);
            continue;
        }
        assert_int_equal(ate__trust_apply(p->w.t, &d->tx, p->size), 0);
        model_take(&p->w.m, &d->tx, p->size);
        remember(p, d);
    }
}

static void past_deinit(struct past *p)
{
    for (uint64_t i = 0; i < p->size; i++)
        draft_free(p->txs[i]);
    for (uint64_t i = 0; i <= p->size; i++)
        model_deinit(&p->before[i]);
    for (unsigned i = 0; i < CHANCE_KEYS; i++)
        ate__key_free(p->keys[i]);
    world_deinit(&p->w);
}

static struct ate_hash state_root(const struct past *p, const struct ate__trust *t,
                                  const struct model *m, uint64_t size)
{
    struct model_source s;
    struct ate_hash root;
    model_source_init(&s, m, p->txns, size, WORLD_WINDOW);
    assert_int_equal(ate__state_root(t, size, &s.source, &root), 0);
    return root;
}

/* ---- what is kept of it ---- */

struct rest {
    const struct past *p;
    struct ate__tx tx[LENGTH_MAX]; /* no events: nothing but the identity, or nothing */
    struct ate__buf bytes[LENGTH_MAX];
    uint64_t size;
};
struct keeping {
    const struct ate__keep *k;
    const struct ate__tx *tx;
    uint64_t sequence;
    uint64_t left_out_sequence; /* one event less */
    uint32_t left_out_event;
};

static bool is_kept(void *arg, uint32_t event)
{
    const struct keeping *g = arg;
    const struct ate__event *e = &g->tx->events[event];
    if (e->form == ATE__DROPPED ||
        (g->sequence == g->left_out_sequence && event == g->left_out_event))
        return false;
    return ate__keep_fate(g->k, e, g->sequence, NULL) != ATE__FATE_GONE;
}

static void reduce(struct rest *rest, const struct ate__tx *tx, uint64_t sequence,
                   const struct keeping *g)
{
    bool any = false;
    for (uint32_t i = 0; i < tx->event_count; i++)
        any = any || is_kept((void *)(uintptr_t)g, i);
    if (!any)
        return;
    struct ate__buf *buf = &rest->bytes[sequence];
    assert_int_equal(ate__tx_reduce(tx, is_kept, (void *)(uintptr_t)g, UINT64_MAX, buf), 0);
    assert_int_equal(ate__tx_decode(ate__buf_bytes(buf), ATE__SHA256, &rest->tx[sequence]), 0);
    assert_true(ate__hash_equal(&rest->tx[sequence].hash, &tx->hash));
}

static const struct ate__tx *whole_tx(const struct past *p, uint64_t sequence)
{
    return &p->txs[sequence]->tx;
}

/* from: what was kept before, or NULL: of the whole history; less: without that event. */
static struct rest *rest_new(const struct past *p, const struct rest *from, uint64_t size,
                             const struct ate__keep *k, const struct keeping *less)
{
    struct rest *rest = calloc(1, sizeof *rest);
    assert_non_null(rest);
    rest->p = p;
    rest->size = size;
    for (uint64_t i = 0; i < size; i++) {
        struct keeping g = {k, whole_tx(p, i), i, UINT64_MAX, 0};
        if (from && i < from->size)
            g.tx = &from->tx[i];
        if (less) {
            g.left_out_sequence = less->left_out_sequence;
            g.left_out_event = less->left_out_event;
        }
        if (g.tx->event_count)
            reduce(rest, g.tx, i, &g);
    }
    return rest;
}

static void rest_free(struct rest *rest)
{
    for (uint64_t i = 0; i < rest->size; i++) {
        ate__tx_deinit(&rest->tx[i]);
        ate__buf_deinit(&rest->bytes[i]);
    }
    free(rest);
}

static struct ate__keep *keep_of(const struct past *p, const struct rest *from, uint64_t size,
                                 const struct ate__keep_plugin *plugin)
{
    struct ate__keep *k;
    assert_int_equal(ate__keep_new(seed, size, WORLD_WINDOW, plugin, &k), 0);
    for (uint64_t i = 0; i < p->size; i++) { /* those from `size` on are passed over */
        const struct ate__tx *tx = from && i < from->size ? &from->tx[i] : whole_tx(p, i);
        int rc = tx->event_count ? ate__keep_see(k, tx, i) : 0;
        if (rc)
            fail_msg("transaction %llu: %s", (unsigned long long)i, ate__error_text());
    }
    assert_int_equal(ate__keep_end(k), 0);
    return k;
}

/* ---- believing it ---- */

static bool same_control(const struct model_object *a, const struct model_object *b)
{
    if (!a->control || !b->control)
        return a->control == b->control;
    return ate__hash_equal(&a->control->hash, &b->control->hash);
}

/* From id upwards the same objects lie above each other in both, under the same rules. */
static bool same_above(const struct model *a, const struct model *b, struct ate_id id)
{
    for (;;) {
        const struct model_object *x = model_find(a, &id), *y = model_find(b, &id);
        bool live = x && x->live;
        if (live != (y && y->live))
            return false;
        if (!live)
            return true;
        if (!same_control(x, y) || (!ate__is_top(&id) && (!ate__id_equal(&x->parent, &y->parent) ||
                                                          x->collection != y->collection)))
            return false;
        if (ate__is_top(&id))
            return true;
        id = x->parent;
    }
}

static bool same_rights(const struct past *p, const struct model *m, const struct ate__tx *tx,
                        uint64_t sequence)
{
    for (uint32_t i = 0; i < tx->event_count; i++) {
        const struct ate__event *e = &tx->events[i];
        if (e->form == ATE__DROPPED ||
            (e->kind != ATE__EVENT_BODY && e->kind != ATE__EVENT_CONTROL))
            continue;
        if (!same_above(&p->before[sequence], m, e->header.object) ||
            !same_above(&p->before[sequence], m, e->header.parent))
            return false;
    }
    return true;
}

/* Opens what is kept, as a chain does. The sentence of what is wrong, or NULL. */
static const char *believe(const struct rest *rest)
{
    const struct past *p = rest->p;
    struct ate__trust *t = NULL;
    struct model m;
    const char *wrong = NULL;
    model_init(&m);
    if (!rest->tx[0].event_count || ate__trust_new(&p->w.sim.env, &rest->tx[0], &t))
        wrong = "no genesis";
    for (uint64_t i = 0; !wrong && i < rest->size; i++) {
        const struct ate__tx *tx = &rest->tx[i];
        struct ate__verdict v;
        m.size = i;
        if (!tx->event_count) {
            if (i + WORLD_WINDOW < rest->size)
                ate__trust_skip(t, i + 1);
            else
                assert_int_equal(ate__trust_apply_identity(t, &p->txns[i].id, i), 0);
            continue;
        }
        if (!same_rights(p, &m, tx, i))
            wrong = "other rights";
        else if (ate__accept_kept(t, &m.facts, tx, i, &v))
            wrong = ate__error_text();
        if (wrong)
            break;
        assert_int_equal(ate__trust_apply(t, tx, i), 0);
        model_take(&m, tx, i);
    }
    if (!wrong) {
        struct ate_hash root = state_root(p, t, &m, rest->size);
        struct ate_hash full = state_root(p, p->w.t, &p->before[rest->size], rest->size);
        wrong = ate__hash_equal(&root, &full) ? NULL : "another state root";
    }
    model_deinit(&m);
    ate__trust_free(t);
    return wrong;
}

static void assert_believed(const struct rest *rest, const char *what)
{
    const char *wrong = believe(rest);
    if (wrong)
        fail_msg("%s, size %llu: %s", what, (unsigned long long)rest->size, wrong);
}

/* ---- one event less ---- */

static struct {
    const char *rule;
    unsigned tried, missed;
} tally[16];

static void count_one(const char *rule, bool missed)
{
    size_t i = 0;
    while (tally[i].rule && strcmp(tally[i].rule, rule))
        i++;
    assert_true(i < ATE__COUNT_OF(tally) - 1);
    tally[i].rule = rule;
    tally[i].tried++;
    tally[i].missed += missed;
}

static void without_one(struct rnd *r, const struct past *p, uint64_t size,
                        const struct ate__keep *k)
{
    for (int n = 0; n < ONE_LESS;) {
        struct keeping less = {.left_out_sequence = rnd_below(r, size)};
        const struct ate__tx *tx = whole_tx(p, less.left_out_sequence);
        less.left_out_event = (uint32_t)rnd_below(r, tx->event_count);
        const char *rule = NULL;
        if (ate__keep_fate(k, &tx->events[less.left_out_event], less.left_out_sequence, &rule) ==
            ATE__FATE_GONE)
            continue;
        assert_non_null(rule);
        struct rest *rest = rest_new(p, NULL, size, k, &less);
        count_one(rule, believe(rest));
        rest_free(rest);
        n++;
    }
}

/* ---- the tests ---- */

static struct ate__ballot wish(void *arg, const struct ate__keep_event *e)
{
    const struct rnd *r = arg;
    struct ate__ballot ballot = {ATE__ABSTAIN, false};
    unsigned chance = (unsigned)((e->event->hash.b[0] + r->state) % 40);
    if (chance < 5)
        ballot.vote = (enum ate__vote)chance;
    ballot.header_only = e->event->hash.b[1] & 1;
    return ballot;
}

static void histories_by_chance(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(31));
    uint64_t events = 0, kept = 0;
    for (int i = 0; i < HISTORIES; i++) {
        struct past *p = malloc(sizeof *p);
        assert_non_null(p);
        for (past_init(p, &r); p->size < 3 * WORLD_WINDOW; past_init(p, &r))
            past_deinit(p); /* its root keys went early */
        struct ate__keep_plugin plugin = {wish, &r};
        uint64_t size = p->size - rnd_below(&r, p->size / 3), first = 1 + rnd_below(&r, size);
        struct ate__keep *k = keep_of(p, NULL, size, NULL), *again, *with;
        struct rest *rest = rest_new(p, NULL, size, k, NULL), *before, *after;
        assert_believed(rest, "kept");
        for (uint64_t n = 0; n < size; n++)
            for (uint32_t e = 0; e < whole_tx(p, n)->event_count; e++) {
                events++;
                kept += rest->tx[n].event_count && rest->tx[n].events[e].form != ATE__DROPPED;
            }
        without_one(&r, p, size, k);
        rest_free(rest);
        ate__keep_free(k);
        struct rnd fixed = r;
        plugin.arg = &fixed;
        with = keep_of(p, NULL, size, &plugin);
        rest = rest_new(p, NULL, size, with, NULL);
        assert_believed(rest, "kept with a plug-in");
        rest_free(rest);
        ate__keep_free(with);
        k = keep_of(p, NULL, first, NULL);
        before = rest_new(p, NULL, first, k, NULL);
        again = keep_of(p, before, size, NULL);
        after = rest_new(p, before, size, again, NULL);
        assert_believed(before, "kept first");
        assert_believed(after, "kept again");
        rest_free(before);
        rest_free(after);
        ate__keep_free(k);
        ate__keep_free(again);
        past_deinit(p);
        free(p);
    }
    printf("# %llu of %llu events kept\n", (unsigned long long)kept, (unsigned long long)events);
    assert_true(kept < events * 9 / 10);
    for (size_t i = 0; tally[i].rule; i++) {
        printf("# without one of %s: %u of %u are missed\n", tally[i].rule, tally[i].missed,
               tally[i].tried);
        /* A move may be missed by luck alone, a tombstone not where something above it went too. */
        if (!strcmp(tally[i].rule, "current"))
            assert_int_equal(tally[i].missed, tally[i].tried);
        else if (!strcmp(tally[i].rule, "place") || !strcmp(tally[i].rule, "control"))
            assert_true(tally[i].missed * 10 >= tally[i].tried * 7);
    }
}

/* ---- single cases ---- */

static struct world w;

static int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static struct draft *by_root(void)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    return d;
}

static struct draft *change(unsigned id, struct ate_id parent, const char *payload)
{
    struct draft *d = by_root();
    struct ate_hash prev = body_of(&w, id_of(id));
    draft_body(
        d, &(struct body){.id = id_of(id), .parent = parent, .prev = &prev, .payload = payload});
    (void)draft_tx(d);
    return d;
}

struct fixed {
    struct ate__ballot ballot;
    uint64_t sequence;
};

static struct ate__ballot fixed_vote(void *arg, const struct ate__keep_event *e)
{
    const struct fixed *f = arg;
    struct ate__ballot none = {ATE__ABSTAIN, false};
    return e->sequence == f->sequence ? f->ballot : none;
}

/* A created object that is changed, moved and changed: what each of its bodies becomes, and what a
 * plug-in can do about it. */
static void votes_are_counted(void **state)
{
    (void)state;
    static const struct {
        struct ate__ballot ballot;
        enum ate__fate created, changed, moved, last;
    } cases[] = {
        {{ATE__ABSTAIN, false},
         ATE__FATE_HEADER,
         ATE__FATE_GONE,
         ATE__FATE_HEADER,
         ATE__FATE_WHOLE},
        {{ATE__DROP, false}, ATE__FATE_HEADER, ATE__FATE_GONE, ATE__FATE_HEADER, ATE__FATE_WHOLE},
        {{ATE__FORCE_DROP, false},
         ATE__FATE_HEADER,
         ATE__FATE_GONE,
         ATE__FATE_HEADER,
         ATE__FATE_WHOLE},
        {{ATE__KEEP, false}, ATE__FATE_WHOLE, ATE__FATE_WHOLE, ATE__FATE_WHOLE, ATE__FATE_WHOLE},
        {{ATE__KEEP, true}, ATE__FATE_HEADER, ATE__FATE_HEADER, ATE__FATE_HEADER, ATE__FATE_WHOLE},
        {{ATE__FORCE_KEEP, false},
         ATE__FATE_WHOLE,
         ATE__FATE_WHOLE,
         ATE__FATE_WHOLE,
         ATE__FATE_WHOLE},
    };
    struct draft *d[4];
    plant(&w, id_of(9), ate__top_id);
    d[0] = by_root();
    draft_body(d[0], &(struct body){.id = id_of(1), .parent = ate__top_id, .payload = "a"});
    uint64_t sequence = w.m.size;
    for (unsigned i = 0; i < 4; i++) {
        if (i)
            d[i] = change(1, i == 1 ? ate__top_id : id_of(9), i == 1 ? "b" : i == 2 ? "c" : "d");
        struct ate__verdict v;
        assert_int_equal(judge(&w, d[i], &v), 0);
        model_take(&w.m, &d[i]->tx, w.m.size);
    }
    for (size_t c = 0; c < ATE__COUNT_OF(cases); c++) {
        const enum ate__fate fates[4] = {cases[c].created, cases[c].changed, cases[c].moved,
                                         cases[c].last};
        for (unsigned i = 0; i < 4; i++) {
            struct fixed fixed = {cases[c].ballot, sequence + i};
            struct ate__keep_plugin plugin = {fixed_vote, &fixed};
            struct ate__keep *k;
            struct draft *above = by_root();
            draft_create(above, id_of(9), ate__top_id);
            assert_int_equal(ate__keep_new(seed, sequence + 4, 2, &plugin, &k), 0);
            assert_int_equal(ate__keep_see(k, draft_tx(above), sequence - 1), 0);
            for (unsigned n = 0; n < 4; n++)
                assert_int_equal(ate__keep_see(k, &d[n]->tx, sequence + n), 0);
            assert_int_equal(ate__keep_end(k), 0);
            assert_int_equal(ate__keep_fate(k, &d[i]->tx.events[0], sequence + i, NULL), fates[i]);
            assert_false(ate__keep_identity(k, sequence + 1));
            assert_true(ate__keep_identity(k, sequence + 2));
            assert_false(ate__keep_identity(k, sequence + 4));
            draft_free(above);
            ate__keep_free(k);
        }
    }
    for (unsigned i = 0; i < 4; i++)
        draft_free(d[i]);
}

/* Objects by the thousand that come and go leave no memory behind. */
static void what_ended_is_let_go(void **state)
{
    (void)state;
    struct ate__keep *k;
    struct draft *d = by_root(), *gone = by_root();
    draft_create(d, id_of(1), ate__top_id);
    draft_tombstone(gone, id_of(1), hash_of(1), true);
    (void)draft_tx(d);
    (void)draft_tx(gone);
    uint64_t sequence = 1;
    size_t most = 0;
    heap_start();
    assert_int_equal(ate__keep_new(seed, 1000000, 10, NULL, &k), 0);
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(ate__keep_see(k, &d->tx, sequence++), 0);
        assert_int_equal(ate__keep_see(k, &gone->tx, sequence++), 0);
        if (heap_bytes() > most)
            most = heap_bytes();
    }
    assert_true(most < 2 << 20);
    assert_int_equal(ate__keep_see(k, &d->tx, sequence), 0);
    assert_int_equal(ate__keep_end(k), 0);
    const char *rule;
    assert_int_equal(ate__keep_fate(k, &d->tx.events[0], sequence, &rule), ATE__FATE_WHOLE);
    assert_string_equal(rule, "current");
    assert_int_equal(ate__keep_fate(k, &gone->tx.events[0], sequence - 1, &rule), ATE__FATE_GONE);
    assert_null(rule);
    assert_int_equal(ate__keep_fate(k, &d->tx.events[0], sequence - 2, &rule), ATE__FATE_GONE);
    ate__keep_free(k);
    heap_stop();
    draft_free(d);
    draft_free(gone);
}

static enum ate__fate fate_of(struct ate__keep *k, struct draft *d, uint64_t sequence)
{
    return ate__keep_fate(k, &d->tx.events[0], sequence, NULL);
}

/* A compaction that stopped midway: of a life that goes the beginning is gone already. The rest
 * goes, with what was made or moved below it since. */
static void what_lost_its_beginning_goes(void **state)
{
    (void)state;
    struct ate__keep *k;
    plant(&w, id_of(1), ate__top_id);
    plant(&w, id_of(3), ate__top_id);
    struct draft *d = change(1, ate__top_id, "x"), *below = by_root(), *other = by_root(),
                 *moves = change(3, id_of(1), "y"), *gone = by_root(), *lives = by_root();
    draft_create(below, id_of(2), id_of(1));
    draft_create(other, id_of(3), ate__top_id);
    draft_create(lives, id_of(4), ate__top_id);
    draft_tombstone(gone, id_of(1), hash_of(1), true);
    assert_int_equal(ate__keep_new(seed, 100, 10, NULL, &k), 0);
    assert_int_equal(ate__keep_see(k, draft_tx(other), 2), 0);
    assert_int_equal(ate__keep_see(k, &d->tx, 3), 0);
    assert_int_equal(ate__keep_see(k, draft_tx(below), 4), 0);
    assert_int_equal(ate__keep_see(k, &moves->tx, 5), 0);
    assert_int_equal(ate__keep_see(k, draft_tx(gone), 6), 0);
    assert_int_equal(ate__keep_see(k, draft_tx(lives), 7), 0);
    assert_int_equal(ate__keep_end(k), 0);
    assert_int_equal(fate_of(k, other, 2), ATE__FATE_GONE);
    assert_int_equal(fate_of(k, d, 3), ATE__FATE_GONE);
    assert_int_equal(fate_of(k, below, 4), ATE__FATE_GONE);
    assert_int_equal(fate_of(k, moves, 5), ATE__FATE_GONE);
    assert_int_equal(fate_of(k, gone, 6), ATE__FATE_GONE);
    assert_int_equal(fate_of(k, lives, 7), ATE__FATE_WHOLE);
    ate__keep_free(k);
    draft_free(d);
    draft_free(below);
    draft_free(other);
    draft_free(moves);
    draft_free(gone);
    draft_free(lives);
}

static int keep_once(void *arg)
{
    const struct past *p = arg;
    struct ate__keep *k;
    int rc = ate__keep_new(seed, p->size, WORLD_WINDOW, NULL, &k);
    if (rc)
        return rc;
    for (uint64_t i = 0; !rc && i < p->size; i++)
        rc = ate__keep_see(k, whole_tx(p, i), i);
    if (!rc)
        rc = ate__keep_end(k);
    ate__keep_free(k);
    return rc;
}

static void survives_want_of_memory(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(32));
    struct past *p = malloc(sizeof *p);
    assert_non_null(p);
    past_init(p, &r);
    assert_true(heap_sweep(keep_once, p, false) > 1);
    past_deinit(p);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_by_chance),
        cmocka_unit_test_setup_teardown(votes_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(what_ended_is_let_go, begin, end),
        cmocka_unit_test_setup_teardown(what_lost_its_beginning_goes, begin, end),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
