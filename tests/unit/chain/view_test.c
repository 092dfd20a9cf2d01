/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The view against a model that keeps everything: random transactions, groups, rollbacks,
 * snapshots; then what the model cannot show: memory, age, threads.
 */
#include "base/text.h"
#include "lib/heap.h"
#include "view_model.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { SNAPSHOTS = 5 };

static struct model model;

/* ---- against the model ---- */

struct reader { /* a snapshot, with a walk over children under way */
    struct ate__view_snapshot s;
    bool walking;
    unsigned parent, seen;
    uint64_t at;
};

static void walk_on(const struct model *m, struct reader *r, unsigned steps)
{
    unsigned children[MODEL_OBJECTS];
    unsigned n = model_children(m, r->parent, r->s.size, children);
    for (; steps && r->walking; steps--) {
        struct ate_id id = id_of(r->parent), child;
        int rc = ate__view_next_child(&r->s, &(struct ate__listing){.parent = id}, &r->at, &child);
        assert_int_equal(rc, r->seen < n ? 0 : ATE_END);
        struct ate_id want = id_of(r->seen < n ? children[r->seen] : 0);
        if (!rc)
            assert_memory_equal(&child, &want, sizeof child);
        r->seen++;
        r->walking = !rc;
    }
}

static void read_some(struct model *m, struct reader *r)
{
    switch (r->s.view ? rnd_below(&m->r, 6) : 0) {
    case 0:
        if (r->s.view)
            ate__view_end(&r->s);
        assert_int_equal(ate__view_begin(m->view, 1000, &r->s), 0);
        assert_true(r->s.size == m->published);
        r->walking = true;
        r->parent = (unsigned)rnd_below(&m->r, MODEL_OBJECTS + 1);
        r->seen = 0;
        r->at = 0;
        break;
    case 1:
        ate__view_end(&r->s);
        assert_int_equal(ate__view_begin(m->view, 1000, &r->s), 0);
        r->walking = false;
        break;
    case 2: model_check(m, &r->s); break;
    default: walk_on(m, r, 1 + (unsigned)rnd_below(&m->r, 4));
    }
}

static void one_group(struct model *m)
{
    unsigned n = 1 + (unsigned)rnd_below(&m->r, 6);
    for (unsigned i = 0; i < n; i++)
        model_install(m);
    if (rnd_below(&m->r, 8) == 0)
        model_check_latest(m);
    if (rnd_below(&m->r, 6) == 0)
        model_rollback(m);
    else
        model_publish(m, m->next - rnd_below(&m->r, n));
    if (rnd_below(&m->r, 8) == 0)
        model_rollback(m);
    ate__view_reclaim(m->view, 1000);
}

static void agrees_with_the_model(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (unsigned round = 0; round < 4; round++) {
        struct reader readers[SNAPSHOTS] = {{.walking = false}};
        model_init(&model, seed + round);
        for (unsigned i = 0; i < 700; i++) {
            one_group(&model);
            read_some(&model, &readers[rnd_below(&model.r, SNAPSHOTS)]);
        }
        model_check_latest(&model);
        for (unsigned i = 0; i < SNAPSHOTS; i++) {
            if (!readers[i].s.view)
                continue;
            model_check(&model, &readers[i].s);
            ate__view_end(&readers[i].s);
        }
        model_deinit(&model);
    }
}

static void without_readers_it_stays_small(void **state)
{
    (void)state;
    model_init(&model, 7);
    for (unsigned i = 0; i < 4000; i++) {
        one_group(&model);
        if (i % 200 == 0)
            model_check_latest(&model);
    }
    model_check_latest(&model);
    print_message("%u versions, %u slots\n", model.view->versions.count, model.view->slots.count);
    assert_true(model.view->versions.count < 1500);
    assert_int_equal(model.view->slots.count, MODEL_OBJECTS + 1);
    model_deinit(&model);
}

/* ---- by hand ---- */

struct world {
    struct simenv sim;
    struct ate__view *view;
    uint64_t next;
};

static void world_init(struct world *w)
{
    *w = (struct world){.next = 0};
    simenv_init(&w->sim, 3, NULL);
    assert_int_equal(ate__view_new(&w->sim.env, &w->view), 0);
}

static void world_deinit(struct world *w)
{
    ate__view_free(w->view);
    simenv_deinit(&w->sim);
}

static void install(struct world *w, struct draft *d)
{
    struct ate__tx tx = draft_tx(d);
    assert_int_equal(ate__view_install(w->view, &tx, w->next++), 0);
    ate__tx_deinit(&tx);
    draft_deinit(d);
}

static void publish(struct world *w)
{
    struct ate__position p = {1, 2};
    for (uint64_t s = ate__view_published(w->view); s < w->next; s++)
        ate__view_place(w->view, s, &p, 5 * s);
    ate__view_publish(w->view, w->next);
    ate__view_reclaim(w->view, ate__monotonic_ms(&w->sim.env));
}

static struct draft begin(void)
{
    static const struct ate_hash chain = {{4}};
    struct draft d;
    draft_init(&d, &chain);
    return d;
}

static void put(struct world *w, unsigned object, unsigned parent, unsigned tag, unsigned tag2)
{
    struct draft d = begin();
    uint8_t tags[2 * ATE__NAME_TAG];
    model_tag(tag, tags);
    model_tag(tag2, tags + ATE__NAME_TAG);
    draft_body(&d, &(struct draft_body){.id = id_of(object),
                                        .parent = id_of(parent),
                                        .tags = tags,
                                        .tag_count = tag2  ? 2
                                                     : tag ? 1
                                                           : 0});
    install(w, &d);
}

static void erase(struct world *w, unsigned object, bool subtree)
{
    struct draft d = begin();
    draft_tombstone(&d, id_of(object), (struct ate_hash){{9}}, subtree);
    install(w, &d);
}

static int holder(struct world *w, unsigned parent, unsigned tag, struct ate_id *ret_id)
{
    struct ate__view_snapshot s = {w->view, NULL, UINT64_MAX};
    struct ate_id id = id_of(parent);
    uint8_t bytes[ATE__NAME_TAG];
    model_tag(tag, bytes);
    return ate__view_tag_holder(&s, &id, bytes, ret_id);
}

/* Each object has two tags, and the table of tags grows between the first and the second. */
static void both_tags_outlive_growth(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id;
    world_init(&w);
    put(&w, 9000, 0, 1, 0); /* so that the pairs stand across the moment of growing */
    for (unsigned i = 1; i < 3000; i++) {
        uint8_t tags[2 * ATE__NAME_TAG] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
        tags[ATE__NAME_TAG] = 2;
        tags[ATE__NAME_TAG + 1] = (uint8_t)i;
        tags[ATE__NAME_TAG + 2] = (uint8_t)(i >> 8);
        struct draft d = begin();
        draft_body(&d, &(struct draft_body){.id = id_of(i), .tags = tags, .tag_count = 2});
        install(&w, &d);
        publish(&w);
        struct ate__view_snapshot s = {w.view, NULL, UINT64_MAX};
        struct ate_id top = id_of(0), want = id_of(i);
        for (unsigned n = 0; n < 2; n++) {
            assert_int_equal(ate__view_tag_holder(&s, &top, tags + n * ATE__NAME_TAG, &id), 0);
            assert_memory_equal(&id, &want, sizeof id);
        }
    }
    world_deinit(&w);
}

/* One named object that changes all the time needs no bigger table. */
static void updates_do_not_grow_the_tags(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, 1, 0, 1, 2);
    publish(&w);
    struct ate__table *before = atomic_load(&w.view->tags);
    for (unsigned i = 0; i < 5000; i++) {
        put(&w, 1, 0, 1, 2);
        publish(&w);
    }
    assert_ptr_equal(before, atomic_load(&w.view->tags));
    world_deinit(&w);
}

/* How far from their places the cells of the table of tags lie. */
struct spread {
    uint64_t cells, sum, max;
};

static struct spread spread_of(const struct ate__view *v)
{
    const struct ate__table *t = atomic_load(&v->tags);
    struct spread s = {0, 0, 0};
    for (uint64_t i = 0; i < t->cells; i++) {
        uint64_t cell = atomic_load(&t->cell[i]);
        if (!cell)
            continue;
        uint64_t place = (cell >> 32) * t->cells >> 32;
        uint64_t far = i >= place ? i - place : i + t->cells - place;
        s.cells++;
        s.sum += far;
        s.max = far > s.max ? far : s.max;
    }
    return s;
}

/* Names come and go beside many that stay: one name that always another object gets, or always
 * another name. Nobody has to look further for one at the end than at the beginning. */
static void names_that_come_and_go(void **state)
{
    (void)state;
    enum { LIVE = 10000, CYCLES = 15000 };
    for (unsigned same = 0; same < 2; same++) {
        struct world w;
        struct ate_id id, want;
        struct spread worst = {1, 0, 0};
        clock_t tenth[2] = {0, 0}, since = clock();
        world_init(&w);
        for (unsigned i = 1; i <= LIVE; i++)
            put(&w, i, 0, i, 0);
        publish(&w);
        for (unsigned i = 0; i < CYCLES; i++) {
            unsigned object = LIVE + 1 + i, tag = LIVE + 1 + (same ? 0 : i);
            if (i % (CYCLES / 10) == 0)
                since = clock();
            put(&w, object, 0, tag, 0);
            publish(&w);
            want = id_of(object);
            assert_int_equal(holder(&w, 0, tag, &id), 0);
            assert_memory_equal(&id, &want, sizeof id);
            erase(&w, object, false);
            publish(&w);
            assert_int_equal(holder(&w, 0, tag, &id), ATE_NOT_FOUND);
            if ((i + 1) % (CYCLES / 10) == 0)
                tenth[i >= CYCLES / 10] = clock() - since;
            if (i % 199) /* any state between two tables */
                continue;
            struct spread s = spread_of(w.view);
            if (s.max > worst.max)
                worst.max = s.max;
            if (s.sum * worst.cells > worst.sum * s.cells)
                worst.sum = s.sum, worst.cells = s.cells;
        }
        print_message("%s: %.1f cells on the mean, %llu at most; us a cycle: %.1f first, %.1f "
                      "last\n",
                      same ? "one name" : "many names", (double)worst.sum / (double)worst.cells,
                      (unsigned long long)worst.max,
                      (double)tenth[0] * 1e6 / CLOCKS_PER_SEC / (CYCLES / 10),
                      (double)tenth[1] * 1e6 / CLOCKS_PER_SEC / (CYCLES / 10));
        assert_true(worst.sum < 8 * worst.cells);
        assert_true(worst.max < 400);
        world_deinit(&w);
    }
}

/* What a snapshot held back of one name stands in nobody's way for long once it is gone. */
static void names_that_a_snapshot_holds_back(void **state)
{
    (void)state;
    enum { CYCLES = 3000 };
    struct world w;
    struct ate__view_snapshot old;
    struct ate_id id, want = id_of(1);
    world_init(&w);
    put(&w, 1, 0, 1, 0);
    publish(&w);
    assert_int_equal(ate__view_begin(w.view, 1000, &old), 0);
    for (unsigned i = 1; i < CYCLES; i++) {
        erase(&w, i, false);
        put(&w, i + 1, 0, 1, 0);
        publish(&w);
    }
    assert_true(spread_of(w.view).max > CYCLES / 2);
    struct ate_id top = id_of(0);
    uint8_t tag[ATE__NAME_TAG];
    model_tag(1, tag);
    assert_int_equal(ate__view_tag_holder(&old, &top, tag, &id), 0);
    assert_memory_equal(&id, &want, sizeof id);
    ate__view_end(&old);
    for (unsigned i = CYCLES; i < CYCLES + 10; i++) {
        erase(&w, i, false);
        publish(&w);
        put(&w, i + 1, 0, 1, 0);
        publish(&w);
        want = id_of(i + 1);
        assert_int_equal(holder(&w, 0, 1, &id), 0);
        assert_memory_equal(&id, &want, sizeof id);
    }
    assert_true(spread_of(w.view).max <= 1);
    world_deinit(&w);
}

/* Of objects that nobody touches it is known without a look, whatever happens to others, and
 * however the table of what was touched grows. */
static void what_was_not_touched_stands(void **state)
{
    (void)state;
    enum { OBJECTS = 70000 };
    struct world w;
    struct ate__view_snapshot s = {NULL, NULL, 0};
    unsigned known = 0;
    world_init(&w);
    for (unsigned i = 0; i < OBJECTS; i++)
        put(&w, 1 + i, 0, 0, 0);
    publish(&w);
    uint64_t seen = ate__view_published(w.view);
    for (unsigned i = 0; i < 100; i++)
        put(&w, 1 + i, 0, 0, 0);
    publish(&w);
    s = (struct ate__view_snapshot){w.view, NULL, ate__view_published(w.view)};
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct ate_id id = id_of(1 + i);
        int rc = ate__view_still(&s, &id, i, seen);
        if (i < 100)
            assert_int_equal(rc, ATE_NOT_FOUND);
        known += rc == 0;
    }
    print_message("%u of %u are known to stand\n", known, OBJECTS);
    assert_true(known > OBJECTS / 100 * 95);
    world_deinit(&w);
}

/* A queue: children come and go, and the list of the living stays short. */
static void lists_forget_the_dead(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put(&w, 1, 0, 0, 0);
    for (unsigned i = 0; i < 6000; i++) {
        put(&w, 2 + i, 1, 0, 0);
        publish(&w);
        if (i >= 10) {
            erase(&w, 2 + i - 10, false);
            publish(&w);
        }
    }
    for (unsigned i = 6000 - 10; i < 6000; i++)
        erase(&w, 2 + i, false);
    publish(&w);
    struct ate__extra *extra = ate__slot_extra(w.view, ate__slot_at(w.view, 1));
    struct ate__view_members *m = atomic_load(&extra->all.members);
    print_message("%u entries in room for %u\n", atomic_load(&m->count), m->capacity);
    assert_true(m->capacity <= 256);
    struct ate__view_snapshot s = {w.view, NULL, UINT64_MAX};
    struct ate_id id = id_of(1), child;
    uint64_t at = 0;
    assert_int_equal(ate__view_next_child(&s, &(struct ate__listing){.parent = id}, &at, &child),
                     ATE_END);
    world_deinit(&w);
}

static void many_children_that_die_at_once(void **state)
{
    (void)state;
    struct world w;
    struct ate__view_snapshot old;
    world_init(&w);
    for (unsigned i = 0; i < 3000; i++)
        put(&w, 1 + i, 0, 0, 0);
    publish(&w);
    assert_int_equal(ate__view_begin(w.view, 1000, &old), 0);
    for (unsigned i = 0; i < 3000; i++)
        if (i % 100)
            erase(&w, 1 + i, false);
    publish(&w);
    struct ate_id top = id_of(0), child;
    uint64_t at = 0;
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(
            ate__view_next_child(&old, &(struct ate__listing){.parent = top}, &at, &child), 0);
    assert_int_equal(ate__view_next_child(&old, &(struct ate__listing){.parent = top}, &at, &child),
                     ATE_END);
    ate__view_end(&old);
    put(&w, 9000, 0, 0, 0);
    publish(&w);
    struct ate__extra *extra = ate__slot_extra(w.view, ate__slot_at(w.view, 0));
    struct ate__view_members *m = atomic_load(&extra->all.members);
    assert_true(atomic_load(&m->count) <= 64);
    struct ate__view_snapshot s = {w.view, NULL, UINT64_MAX};
    at = 0;
    for (unsigned i = 0; i < 31; i++)
        assert_int_equal(
            ate__view_next_child(&s, &(struct ate__listing){.parent = top}, &at, &child), 0);
    assert_int_equal(ate__view_next_child(&s, &(struct ate__listing){.parent = top}, &at, &child),
                     ATE_END);
    world_deinit(&w);
}

/* An id that is used again begins without the rules of its life before, and an old snapshot still
 * sees those of its own time. */
static void rules_end_with_the_object(void **state)
{
    (void)state;
    struct world w;
    struct ate__view_snapshot s[6];
    struct ate__object_facts f;
    struct ate_id id = id_of(1);
    struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
    world_init(&w);
    for (unsigned life = 0; life < 3; life++) {
        put(&w, 1, 0, 0, 0);
        publish(&w);
        assert_int_equal(ate__view_begin(w.view, 1000, &s[2 * life]), 0);
        struct draft d = begin();
        draft_control(&d, id, NULL, &auth);
        install(&w, &d);
        publish(&w);
        assert_int_equal(ate__view_begin(w.view, 1000, &s[2 * life + 1]), 0);
        erase(&w, 1, false);
        publish(&w);
    }
    put(&w, 1, 0, 0, 0);
    ate__view_rollback(w.view);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(ate__view_object(&s[i], &id, &f), 0);
        assert_true(f.live);
        assert_true(!f.control == !(i % 2));
        if (f.control)
            assert_true(f.control->sequence == f.created_sequence + 1);
        ate__view_end(&s[i]);
    }
    world_deinit(&w);
}

static void tombstones_within_tombstones(void **state)
{
    (void)state;
    struct world w;
    struct ate_id id;
    world_init(&w);
    put(&w, 1, 0, 1, 0);
    put(&w, 2, 1, 2, 0);
    put(&w, 3, 2, 3, 0);
    publish(&w);
    for (unsigned order = 0; order < 2; order++) {
        struct draft d = begin();
        draft_tombstone(&d, id_of(order ? 2 : 1), (struct ate_hash){{9}}, true);
        draft_tombstone(&d, id_of(order ? 1 : 2), (struct ate_hash){{9}}, true);
        install(&w, &d);
        if (!order)
            ate__view_rollback(w.view), w.next--;
    }
    publish(&w);
    assert_int_equal(holder(&w, 0, 1, &id), ATE_NOT_FOUND);
    assert_int_equal(holder(&w, 2, 3, &id), ATE_NOT_FOUND);
    put(&w, 4, 0, 1, 0);
    assert_int_equal(holder(&w, 0, 1, &id), 0);
    world_deinit(&w);
}

/* ---- age, and what snapshots may hold back ---- */

static int look(const struct ate__view_snapshot *s)
{
    struct ate__object_facts f;
    struct ate__view_body b;
    struct ate_id id = id_of(1), child;
    uint8_t tag[ATE__NAME_TAG];
    uint64_t at = 0;
    model_tag(1, tag);
    int rc = ate__view_object(s, &id, &f);
    assert_true(rc == 0 || rc == ATE_STALE);
    assert_int_equal(ate__view_body(s, &id, &b), rc);
    int still = ate__view_still(s, &id, 0, s->size);
    assert_int_equal(still, rc);
    assert_int_equal(ate__view_tag_holder(s, &(struct ate_id){{0}}, tag, &child), rc);
    assert_int_equal(
        ate__view_next_child(s, &(struct ate__listing){.parent = ate__top_id}, &at, &child), rc);
    return rc;
}

static void old_snapshots_are_expelled(void **state)
{
    (void)state;
    struct world w;
    struct ate__view_snapshot a, b;
    world_init(&w);
    put(&w, 1, 0, 1, 0);
    publish(&w);
    assert_int_equal(ate__view_begin(w.view, ate__monotonic_ms(&w.sim.env), &a), 0);
    simenv_pass_ms(&w.sim, ATE__VIEW_AGE_MAX - 10);
    assert_int_equal(ate__view_begin(w.view, ate__monotonic_ms(&w.sim.env), &b), 0);
    put(&w, 1, 0, 1, 0);
    publish(&w);
    assert_int_equal(look(&a), 0);
    simenv_pass_ms(&w.sim, 20);
    put(&w, 1, 0, 1, 0);
    publish(&w);
    assert_int_equal(look(&a), ATE_STALE);
    assert_int_equal(look(&b), 0);
    ate__view_end(&a);
    assert_int_equal(ate__view_begin(w.view, ate__monotonic_ms(&w.sim.env), &a), 0);
    assert_true(a.size == 3);
    assert_int_equal(look(&a), 0);
    ate__view_end(&a);
    ate__view_end(&b);
    ate__view_end(&b); /* once more is harmless */
    world_deinit(&w);
}

static void old_versions_are_bounded(void **state)
{
    (void)state;
    struct world w;
    struct ate__view_snapshot old[20], late;
    world_init(&w);
    w.view->old_bytes_max = 2000 * sizeof(struct ate__version);
    put(&w, 1, 0, 1, 0);
    publish(&w);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ate__view_begin(w.view, 1000, &old[i]), 0);
    for (unsigned i = 0; i < 1900; i++)
        put(&w, 1, 0, 1, 0);
    publish(&w);
    assert_int_equal(look(&old[0]), 0);
    assert_int_equal(ate__view_begin(w.view, 1000, &late), 0);
    for (unsigned i = 0; i < 200; i++)
        put(&w, 1, 0, 1, 0);
    publish(&w); /* one publish is enough for all that stand in the way, and takes no other */
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(look(&old[i]), ATE_STALE);
        ate__view_end(&old[i]);
    }
    assert_int_equal(look(&late), 0);
    assert_true(w.view->superseding.count <= 2000);
    for (unsigned i = 0; i < 20000; i++) {
        put(&w, 1, 0, 1, 0);
        if (i % 50 == 0)
            publish(&w);
    }
    publish(&w);
    assert_int_equal(look(&late), ATE_STALE);
    assert_true(w.view->versions.count < 4000);
    ate__view_end(&late);
    world_deinit(&w);
}

/* ---- memory ---- */

/* A transaction with all kinds of events, some of it in tables that grow; a failure leaves the
 * view as it was. */
static int install_all(void *arg)
{
    struct ate__tx *tx = arg;
    struct simenv sim;
    struct ate__view *view = NULL;
    struct ate__view_snapshot s;
    struct ate__object_facts f;
    struct ate_id id = id_of(2);
    simenv_init(&sim, 3, NULL);
    int rc = ate__view_new(&sim.env, &view);
    for (uint64_t n = 0; !rc && n < 2; n++) {
        rc = ate__view_install(view, &tx[n], n);
        if (rc)
            assert_true(view->pending_count == (n ? tx[0].event_count : 0));
    }
    if (!rc) {
        ate__view_publish(view, 0);
        rc = ate__view_begin(view, 1, &s);
    }
    if (!rc) {
        assert_int_equal(ate__view_object(&s, &id, &f), 0);
        ate__view_end(&s);
    }
    ate__view_free(view);
    simenv_deinit(&sim);
    return rc;
}

static void lack_of_memory(void **state)
{
    (void)state;
    struct draft d[2] = {begin(), begin()};
    struct ate__auth auth = auth_write(ATE__RULE_EVERYONE);
    for (unsigned i = 1; i < 400; i++) {
        uint8_t tags[2 * ATE__NAME_TAG] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
        tags[ATE__NAME_TAG] = 2;
        memcpy(tags + ATE__NAME_TAG + 1, tags + 1, 2);
        draft_body(&d[0], &(struct draft_body){.id = id_of(i), .tags = tags, .tag_count = 2});
        draft_body(&d[1], &(struct draft_body){.id = id_of(1000 + i),
                                               .parent = id_of(i % 3),
                                               .tags = tags,
                                               .tag_count = 2});
    }
    draft_control(&d[1], id_of(7), NULL, &auth);
    draft_tombstone(&d[1], id_of(2), (struct ate_hash){{1}}, true);
    struct ate__tx tx[2] = {draft_tx(&d[0]), draft_tx(&d[1])};
    uint64_t n = heap_sweep(install_all, tx, false);
    print_message("%llu allocations\n", (unsigned long long)n);
    for (unsigned i = 0; i < 2; i++) {
        ate__tx_deinit(&tx[i]);
        draft_deinit(&d[i]);
    }
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 6000 };
struct shared {
    struct world w;
    atomic_bool end;
    atomic_uint stale, checked;
};

/* Objects 1 and 2 change together; 3 comes and goes with a name below 2. */
static void *read_pairs(void *arg)
{
    struct shared *sh = arg;
    struct ate__view_snapshot s;
    struct ate_id one = id_of(1), two = id_of(2), child;
    uint8_t tag[ATE__NAME_TAG];
    model_tag(5, tag);
    assert_int_equal(ate__view_begin(sh->w.view, ate__monotonic_ms(&sh->w.sim.env), &s), 0);
    while (!atomic_load(&sh->end)) {
        struct ate__object_facts a, b;
        struct ate__view_body body;
        uint64_t at = 0;
        int ra = ate__view_object(&s, &one, &a), rb = ate__view_object(&s, &two, &b);
        int rbody = ate__view_body(&s, &one, &body);
        int rname = ate__view_tag_holder(&s, &two, tag, &child);
        int rnext = ate__view_next_child(&s, &(struct ate__listing){.parent = two}, &at, &child);
        if (ra || rb || rbody || rname == ATE_STALE || rnext == ATE_STALE) {
            if ((ra && ra != ATE_STALE) || (rb && rb != ATE_STALE) || (rbody && rbody != ATE_STALE))
                fail_msg("read: %d %d %d", ra, rb, rbody);
            atomic_fetch_add(&sh->stale, 1);
        } else {
            if (!a.live || !b.live || a.sequence != b.sequence || body.sequence != a.sequence)
                fail_msg("half a transaction: %llu %llu %llu", (unsigned long long)a.sequence,
                         (unsigned long long)b.sequence, (unsigned long long)body.sequence);
            if ((rname == 0) != (rnext == 0))
                fail_msg("a name without its child: %d %d", rname, rnext);
            atomic_fetch_add(&sh->checked, 1);
        }
        if (ra || rb || rbody || rname == ATE_STALE || rnext == ATE_STALE ||
            atomic_load(&sh->checked) % 7 == 0) {
            ate__view_end(&s);
            if (ate__view_begin(sh->w.view, ate__monotonic_ms(&sh->w.sim.env), &s))
                fail_msg("no snapshot");
        }
    }
    ate__view_end(&s);
    return NULL;
}

static void write_pairs(struct shared *sh)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct draft d = begin();
        uint8_t tag[ATE__NAME_TAG];
        model_tag(5, tag);
        draft_body(&d, &(struct draft_body){.id = id_of(1)});
        draft_body(&d, &(struct draft_body){.id = id_of(2)});
        if (i % 2 == 0)
            draft_body(&d,
                       &(struct draft_body){
                           .id = id_of(10 + i), .parent = id_of(2), .tags = tag, .tag_count = 1});
        else
            draft_tombstone(&d, id_of(10 + i - 1), (struct ate_hash){{9}}, false);
        install(&sh->w, &d);
        if (i % 50 == 49)
            simenv_pass_ms(&sh->w.sim, ATE__VIEW_AGE_MAX / 2 + 1);
        publish(&sh->w);
    }
}

static void readers_beside_a_writer(void **state)
{
    (void)state;
    static struct shared sh;
    pthread_t threads[THREADS];
    world_init(&sh.w);
    struct draft d = begin();
    draft_body(&d, &(struct draft_body){.id = id_of(1)});
    draft_body(&d, &(struct draft_body){.id = id_of(2)});
    install(&sh.w, &d);
    publish(&sh.w);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_pairs, &sh), 0);
    write_pairs(&sh);
    atomic_store(&sh.end, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print_message("%u reads, %u stale\n", atomic_load(&sh.checked), atomic_load(&sh.stale));
    world_deinit(&sh.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(without_readers_it_stays_small),
        cmocka_unit_test(both_tags_outlive_growth),
        cmocka_unit_test(updates_do_not_grow_the_tags),
        cmocka_unit_test(names_that_come_and_go),
        cmocka_unit_test(names_that_a_snapshot_holds_back),
        cmocka_unit_test(what_was_not_touched_stands),
        cmocka_unit_test(lists_forget_the_dead),
        cmocka_unit_test(many_children_that_die_at_once),
        cmocka_unit_test(rules_end_with_the_object),
        cmocka_unit_test(tombstones_within_tombstones),
        cmocka_unit_test(old_snapshots_are_expelled),
        cmocka_unit_test(old_versions_are_bounded),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
