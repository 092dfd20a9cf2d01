/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Where objects lie after a transaction: random trees, random moves, creations and deletions,
 * against a walk from each object upwards that remembers nothing. The order in which places are
 * asked for does not matter.
 */
#include "world.h"
#include "trust/judge.h"

enum { ROUNDS = 400, OBJECTS = 30, NEW = 6 };

/* ---- the plain walk ---- */

static const struct ate__event *event_about(const struct ate__tx *tx, const struct ate_id *id,
                                            enum ate__event_kind kind)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].kind == kind && ate__id_equal(&tx->events[i].header.object, id))
            return &tx->events[i];
    return NULL;
}

/* The parent after the transaction; NULL: the object does not live then. */
static const struct ate_id *plain_parent(const struct model *m, const struct ate__tx *tx,
                                         const struct ate_id *id)
{
    const struct ate__event *e = event_about(tx, id, ATE__EVENT_BODY);
    const struct model_object *o = model_find(m, id);
    if (e)
        return ate__is_tombstone(e) ? NULL : &e->header.parent;
    return o && o->live ? &o->parent : NULL;
}

static enum ate__place plain_place(const struct model *m, const struct ate__tx *tx,
                                   struct ate_id id, unsigned *ret_depth)
{
    *ret_depth = 0;
    for (; !ate__is_top(&id); ++*ret_depth) {
        const struct ate_id *parent = plain_parent(m, tx, &id);
        if (!parent)
            return ATE__PLACE_LOST;
        if (*ret_depth > OBJECTS + NEW)
            return ATE__PLACE_CYCLE;
        id = *parent;
    }
    return ATE__PLACE_GOOD;
}

static const struct ate__header *plain_scope(const struct model *m, const struct ate__tx *tx,
                                             struct ate_id id)
{
    for (;; id = *plain_parent(m, tx, &id)) {
        const struct ate__event *e = event_about(tx, &id, ATE__EVENT_CONTROL);
        const struct model_object *o = model_find(m, &id);
        const struct ate__header *h = e ? &e->header : o && o->control ? &o->control->header : NULL;
        if (h && h->auth.rule[ATE__RIGHT_READ].who != ATE__RULE_INHERIT)
            return h;
        if (ate__is_top(&id))
            return NULL;
    }
}

/* ---- transactions ---- */

static struct ate_id any_id(struct rnd *r)
{
    unsigned i = (unsigned)rnd_below(r, OBJECTS + NEW + 1);
    return i ? id_of(i) : ate__top_id;
}

static struct draft *random_draft(struct world *w, struct rnd *r)
{
    struct draft *d = draft_new(w);
    unsigned many = rnd_below(r, 2) ? 3 : 20;
    for (unsigned i = 1; i <= OBJECTS + NEW; i++) {
        struct ate_id id = id_of(i);
        const struct model_object *o = model_find(&w->m, &id);
        bool lives = o && o->live, gone = false;
        if (rnd_below(r, many) == 0 || !lives) {
            struct ate_id parent = any_id(r);
            if (ate__id_equal(&parent, &id))
                parent = ate__top_id;
            gone = lives && rnd_below(r, 4) == 0;
            if (gone)
                draft_tombstone(d, id, o->body, rnd_below(r, 2));
            else if (lives || rnd_below(r, 3))
                draft_body(
                    d, &(struct body){.id = id, .parent = parent, .prev = lives ? &o->body : NULL});
        }
        if (rnd_below(r, 8) == 0 && !gone)
            draft_control(d,
                          &(struct control){.id = id, .auth.rule[ATE__RIGHT_READ] = rule_everyone});
    }
    if (!d->event_count)
        draft_create(d, id_of(90), ate__top_id);
    return d;
}

static void compare(struct world *w, struct rnd *r, const struct ate__tx *tx)
{
    struct ate__judge j;
    struct ate__verdict v = {.result = 0};
    assert_int_equal(ate__judge_init(&j, w->t, &w->m.facts, tx, w->m.size, &v), 0);
    assert_int_equal(ate__check_form(&j), 0);
    for (size_t i = 0; i < j.node_count; i++)
        assert_int_equal(ate__node_load(&j, &j.nodes[i]), 0);
    for (int i = 0; i < 60; i++) {
        struct ate__node *n = &j.nodes[rnd_below(r, j.node_count)];
        unsigned depth;
        enum ate__place expected = plain_place(&w->m, tx, n->id, &depth);
        assert_int_equal(ate__place_of(&j, n), 0);
        assert_int_equal(n->place, expected);
        if (expected != ATE__PLACE_GOOD)
            continue;
        assert_int_equal(n->depth, depth);
        assert_ptr_equal(n->scope.header, plain_scope(&w->m, tx, n->id));
    }
    ate__judge_deinit(&j);
}

static void random_changes_against_a_plain_walk(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(12));
    for (int round = 0; round < ROUNDS; round++) {
        struct world w = {.number = 0};
        struct ate__trust *t = NULL;
        static struct world shared; /* one key is enough */
        if (!shared.t)
            world_init(&shared, 12, NULL);
        t = shared.t;
        model_init(&w.m);
        w.t = t;
        w.m.size = 1;
        struct draft *d = draft_new(&w);
        for (unsigned i = 1; i <= OBJECTS; i++) {
            unsigned above = (unsigned)rnd_below(&r, i);
            draft_create(d, id_of(i), above ? id_of(above) : ate__top_id);
            if (rnd_below(&r, 6) == 0)
                draft_control(d, &(struct control){.id = id_of(i),
                                                   .auth.rule[ATE__RIGHT_READ] = rule_everyone});
        }
        force(&w, d);
        d = random_draft(&w, &r);
        compare(&w, &r, draft_tx(d));
        draft_free(d);
        model_deinit(&w.m);
        if (round == ROUNDS - 1)
            world_deinit(&shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_against_a_plain_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
