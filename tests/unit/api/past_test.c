/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transactions of the past and versions of objects, against a model that keeps every state whole:
 * random creations, changes, moves, renames and deletions through the public interface, in a
 * private chain, at every size.
 */
#include "api/api.h"
#include "ate/history.h"
#include "dio/type.h"
#include "lib/rnd.h"
#include "unit/dio/forge.h"

enum { OBJECTS = 130, NAMES = 5, SIZES = 120, SPARE = 8 }; /* more ids than transactions */

static struct world w;
static struct ate_chain chain;
static const char *const names[NAMES] = {"a", "b", "c", "d", "e"};

struct object { /* 0: the top */
    bool live;
    unsigned parent, name; /* index + 1; 0: none */
    int64_t n;
    uint64_t sequence, created;
};
static struct object model[SIZES + SPARE][OBJECTS];
static struct ate_id ids[OBJECTS];
static unsigned used;

static void begin(bool memory)
{
    world_init(&w, memory);
    chain = (struct ate_chain){.dio = w.dio, .pipe = w.dio->pipe, .session = w.session[0]};
    atomic_init(&chain.refs, 1);
    used = 1;
    memset(model, 0, sizeof model);
    model[1][0].live = true;
}

static void reopen(void)
{
    world_reopen(&w);
    chain.dio = w.dio;
    chain.pipe = w.dio->pipe;
}

/* ---- the model ---- */

static unsigned named(const struct object *m, unsigned parent, unsigned name)
{
    for (unsigned i = 1; i < used; i++)
        if (m[i].live && m[i].parent == parent && m[i].name == name)
            return i;
    return 0;
}

static unsigned some_live(const struct object *m, struct rnd *r)
{
    unsigned i;
    do
        i = (unsigned)rnd_below(r, used);
    while (!m[i].live);
    return i;
}

static void model_delete(struct object *m, unsigned i, uint64_t sequence)
{
    m[i].live = false;
    m[i].sequence = sequence;
    for (unsigned k = 1; k < used; k++)
        if (m[k].live && m[k].parent == i)
            model_delete(m, k, sequence);
}

static bool is_below(const struct object *m, unsigned i, unsigned above)
{
    for (; i != above && i; i = m[i].parent)
        ;
    return i == above;
}

/* ---- one change, here and there; false: not possible now ---- */

static bool create(struct ate_txn *t, struct object *m, struct rnd *r, uint64_t sequence)
{
    unsigned parent = some_live(m, r), name = 1 + (unsigned)rnd_below(r, NAMES);
    if (used == OBJECTS || named(m, parent, name))
        return false;
    int64_t n = (int64_t)rnd_below(r, 1000);
    ok(ate_put_as(t, note, ids[parent], names[name - 1], NOTE("made", n), &ids[used]));
    m[used] = (struct object){true, parent, name, n, sequence, sequence};
    used++;
    return true;
}

static bool change(struct ate_txn *t, struct object *m, struct rnd *r, uint64_t sequence)
{
    unsigned i = some_live(m, r), to = some_live(m, r), name = 1 + (unsigned)rnd_below(r, NAMES);
    switch (i ? rnd_below(r, 8) : 7) {
    case 0:
        ok(ate_delete(t, ids[i], ATE_TREE));
        model_delete(m, i, sequence);
        return true;
    case 1:
    case 2:
        to = rnd_below(r, 2) ? to : m[i].parent; /* or renamed where it is */
        if (is_below(m, to, i) || named(m, to, name))
            return false;
        ok(ate_move(t, ids[i], ids[to], names[name - 1]));
        m[i].parent = to;
        m[i].name = name;
        m[i].sequence = sequence;
        return true;
    case 3:
    case 4:
    case 5:
        m[i].n = (int64_t)rnd_below(r, 1000);
        ok(ate_put(t, note, ids[i], NOTE("changed", m[i].n)));
        m[i].sequence = sequence;
        return true;
    default: return create(t, m, r, sequence);
    }
}

static void make_history(uint64_t seed)
{
    struct rnd r = rnd_of(seed);
    struct ate_txn *t = world_begin(&w);
    for (uint64_t size = 1; size < SIZES; size++) {
        memcpy(model[size + 1], model[size], sizeof model[size]);
        while (!change(t, model[size + 1], &r, size))
            ;
        simenv_pass_ms(&w.sim, 10);
        ok(ate_txn_commit(t, NULL));
        assert_true(world_size(&w) == size + 1);
    }
    ate_txn_end(t);
}

/* ---- against it ---- */

static unsigned number_of(struct ate_id id)
{
    for (unsigned i = 0; i < used; i++)
        if (ate__id_equal(&ids[i], &id))
            return i;
    fail_msg("an object that nobody made");
    return 0;
}

static void check_object(struct ate_txn *t, const struct object *m, unsigned i)
{
    struct ate_object o;
    if (!m[i].live) {
        expect(ate_load_raw(t, ids[i], 0, &o), ATE_NOT_FOUND);
        assert_int_equal(note_at(t, ids[i]), -ATE_NOT_FOUND);
        return;
    }
    ok(ate_load_raw(t, ids[i], ATE_AUTHORS, &o));
    assert_true(o.sequence == m[i].sequence && o.created_sequence == m[i].created);
    assert_int_equal(number_of(o.parent), m[i].parent);
    assert_true(o.readable && o.author_count == 1);
    assert_true(ate__bytes_equal(o.name, ate__text_bytes(names[m[i].name - 1])));
    assert_int_equal(note_at(t, ids[i]), m[i].n);
    assert_int_equal(note_at(t, ids[i]), m[i].n); /* from the cache */
}

static void check_below(struct ate_txn *t, const struct object *m, unsigned parent)
{
    struct ate_cursor *c;
    struct ate_object o;
    unsigned want = 0, got = 0;
    for (unsigned n = 1; n <= NAMES; n++) {
        unsigned i = named(m, parent, n);
        want += i > 0;
        assert_int_equal(note_named(t, ids[parent], names[n - 1]), i ? m[i].n : -ATE_NOT_FOUND);
    }
    ok(ate_children(t, ids[parent], &c));
    while (!ate_next_raw(c, 0, &o)) {
        unsigned i = number_of(o.id);
        assert_true(m[i].live && m[i].parent == parent);
        got++;
    }
    assert_int_equal(got, want);
    ate_cursor_end(c);
}

static void check_size(uint64_t size, unsigned flags)
{
    const struct object *m = model[size];
    struct ate_txn *t;
    ok(ate_txn_begin_at(&chain, NULL, size, flags, NULL, &t));
    assert_true(ate_txn_base(t).size == size);
    for (unsigned k = 0; k < used; k++) {
        unsigned i = (unsigned)(k + size) % used;
        if (i)
            check_object(t, m, i);
        if (m[i].live)
            check_below(t, m, i);
    }
    ate_txn_end(t);
}

/* What changed an object, from the model's states, newest first. */
static void check_versions(unsigned i)
{
    struct ate_versions *versions;
    struct ate_object_version v;
    struct ate_object o;
    int rc;
    ok(ate_versions_start(&chain, NULL, ids[i], NULL, &versions));
    for (uint64_t size = SIZES; size > 1; size--) {
        const struct object *now = &model[size][i], *before = &model[size - 1][i];
        if (now->sequence == before->sequence && now->live == before->live)
            continue;
        ok(ate_versions_next(versions, &v));
        assert_true(v.sequence == now->sequence && v.deleted == !now->live);
        assert_true(v.created == (now->live && !before->live) && v.author_count == 1);
        if (v.deleted) {
            expect(ate_versions_load(versions, &o), ATE_MISUSE);
            continue;
        }
        assert_int_equal(v.moved, !v.created && now->parent != before->parent);
        assert_int_equal(v.renamed, !v.created && now->name != before->name);
        assert_true(v.readable && v.encrypted && !strcmp(v.type, "note") && v.has_payload);
        assert_true(ate__bytes_equal(v.name, ate__text_bytes(names[now->name - 1])));
        assert_int_equal(number_of(v.parent), now->parent);
        ok(ate_versions_load(versions, &o));
        assert_true(o.sequence == v.sequence && o.payload.size == v.payload_size);
    }
    while (!(rc = ate_versions_next(versions, &v)))
        fail_msg("object %u: version %llu too much", i, (unsigned long long)v.sequence);
    expect(rc, ATE_END);
    expect(ate_versions_next(versions, &v), ATE_END);
    ate_versions_end(versions);
}

static void agrees_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(11);
    for (unsigned round = 0; round < 2; round++) {
        begin(round == 0);
        make_history(seed + round);
        if (round)
            reopen();
        for (uint64_t size = 1; size <= SIZES; size++)
            check_size(size, size % 4 ? 0 : ATE_TREE);
        for (unsigned i = 1; i < used; i++)
            check_versions(i);
        world_deinit(&w);
    }
}

/* ---- by hand ---- */

static void nothing_can_be_changed(void **state)
{
    (void)state;
    struct ate_txn *t, *now;
    struct ate_id id;
    begin(true);
    now = world_begin(&w);
    ok(ate_put_as(now, note, ate_top, "x", NOTE("x", 1), &id));
    ok(ate_txn_commit(now, NULL));
    ate_txn_end(now);
    ok(ate_txn_begin_at(&chain, NULL, 2, 0, NULL, &t));
    expect(ate_put(t, note, id, NOTE("x", 2)), ATE_MISUSE);
    expect(ate_store(t, note, NOTE("x", 2), &id), ATE_MISUSE);
    expect(ate_delete(t, id, 0), ATE_MISUSE);
    expect(ate_txn_commit(t, NULL), ATE_MISUSE);
    expect(ate_txn_refresh(t), ATE_MISUSE);
    assert_int_equal(note_named(t, ate_top, "x"), 1);
    ate_txn_end(t);
    expect(ate_txn_begin_at(&chain, NULL, 0, 0, NULL, &t), ATE_NOT_FOUND);
    expect(ate_txn_begin_at(&chain, NULL, 3, 0, NULL, &t), ATE_NOT_FOUND);
    expect(ate_txn_begin_at(&chain, NULL, 2, ATE_CREATE, NULL, &t), ATE_MISUSE);
    struct ate_versions *versions;
    expect(ate_versions_start(&chain, NULL, ate_top, NULL, &versions), ATE_MISUSE);
    expect(ate_versions_start(&chain, NULL, (struct ate_id){{9}}, NULL, &versions), ATE_NOT_FOUND);
    world_deinit(&w);
}

static void sizes_of_times(void **state)
{
    (void)state;
    uint64_t size, first;
    begin(true);
    int64_t made_ns = (int64_t)w.sim.wall_us * 1000;
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 0; i < 9; i++) {
        simenv_pass_ms(&w.sim, 1000);
        ok(ate_put_as(t, note, ate_top, "x", NOTE("x", i), NULL));
        ok(ate_txn_commit(t, NULL));
    }
    ate_txn_end(t);
    expect(ate_chain_size_at(&chain, made_ns - 1000000, &size), ATE_NOT_FOUND);
    expect(ate_chain_size_at(&chain, -1, &size), ATE_NOT_FOUND);
    ok(ate_chain_size_at(&chain, made_ns, &first));
    ok(ate_chain_size_at(&chain, made_ns + INT64_C(3500000000), &size));
    assert_true(first == 1 && size == 4);
    ok(ate_chain_size_at(&chain, INT64_MAX, &size));
    assert_true(size == 10);
    world_deinit(&w);
}

/* Who was let in reads what was there before; who never was reads nothing of any time. */
static void keys_of_then_and_now(void **state)
{
    (void)state;
    struct ate_txn *t;
    struct ate_id folder;
    const struct note *n;
    struct ate_object o;
    begin(true);
    t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("x", 1), &folder));
    ok(ate_protect(t, folder, &(struct ate_rules){.read = world_rule(&w, 1)}));
    ok(ate_txn_commit(t, NULL));
    ok(ate_put_as(t, note, folder, "kid", NOTE("old", 2), NULL));
    ok(ate_txn_commit(t, NULL));
    uint64_t size = world_size(&w);
    ok(ate_put_as(t, note, folder, "kid", NOTE("new", 3), NULL));
    ok(ate_protect(t, folder, &(struct ate_rules){.read = world_rule(&w, 3)}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    ok(ate_txn_begin_at(&chain, w.session[1], size, 0, NULL, &t));
    ok(ate_load(t, note, folder, &n));
    assert_int_equal(note_named(t, folder, "kid"), 2);
    ate_txn_end(t);
    ok(ate_txn_begin_at(&chain, w.session[2], size, 0, NULL, &t));
    expect(ate_load(t, note, folder, &n), ATE_NO_KEY);
    expect(ate_find_raw(t, folder, ate__text_bytes("kid"), 0, &o), ATE_NO_KEY);
    struct ate_rules rules;
    ok(ate_protection(t, folder, &rules)); /* those of then */
    assert_int_equal(rules.read.key_count, 1);
    ate_txn_end(t);
    world_deinit(&w);
}

static unsigned told;

static void tell(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    assert_true(arg == &told && *stage && done <= total);
    told++;
}

static void progress_is_told(void **state)
{
    (void)state;
    struct ate_progress progress = {tell, &told};
    struct ate_txn *t;
    struct ate_versions *versions;
    struct ate_object_version v;
    begin(true);
    make_history(3);
    told = 0;
    ok(ate_txn_begin_at(&chain, NULL, 60, ATE_TREE, &progress, &t));
    assert_true(told > 0);
    ate_txn_end(t);
    told = 0;
    ok(ate_versions_start(&chain, NULL, ids[1], &progress, &versions));
    ok(ate_versions_next(versions, &v));
    assert_true(told > 0);
    ate_versions_end(versions);
    ate_versions_end(NULL);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model), cmocka_unit_test(nothing_can_be_changed),
        cmocka_unit_test(sizes_of_times),        cmocka_unit_test(keys_of_then_and_now),
        cmocka_unit_test(progress_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
