/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Walks that remember: they say what plain ones say, in deep random trees, and cost little where
 * thousands of objects lie deep.
 */
#include "world.h"
#include "trust/ways.h"

enum { TREES = 24, OBJECTS = 1500, QUESTIONS = 400, EVENTS = 60, LEAVES = 400, KEYS = 4 };

/* ---- trees ---- */

/* Most of them one below the other; the last ones anywhere. Some have rules, some say who reads. */
static void add_objects(struct world *w, struct rnd *r)
{
    struct draft *d = draft_new(w);
    for (unsigned i = 0; i < OBJECTS; i++) {
        bool on_path = i && i < OBJECTS - LEAVES && rnd_below(r, 900);
        unsigned above = on_path ? i - 1 : (unsigned)rnd_below(r, i + 1);
        draft_create(d, id_of(i + 1), above == i ? ate__top_id : id_of(above + 1));
    }
    force(w, d);
    d = draft_new(w);
    unsigned seldom = rnd_below(r, 2) ? 25 : 900;
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct ate__auth auth = {0};
        if (i && rnd_below(r, seldom))
            continue;
        for (int right = ATE__RIGHT_WRITE; right < ATE__RIGHTS; right++)
            if (!rnd_below(r, 2))
                auth.rule[right] = rule_who(w, (unsigned)rnd_below(r, KEYS));
        if (!rnd_below(r, 3))
            auth.rule[ATE__RIGHT_READ] = rule_everyone;
        draft_control(d, &(struct control){.id = id_of(i + 1), .auth = auth});
    }
    force(w, d);
}

static struct ate_id some_object(struct world *w, struct rnd *r)
{
    return w->m.objects[rnd_below(r, w->m.count)].id;
}

/* ---- what they say ---- */

static void compare_ask(struct world *w, struct ate__judge *j, const struct ate_id *id,
                        unsigned what)
{
    struct ate__holder holder;
    uint32_t answer = ATE__UNASKED, admitted = 0;
    int rc;
    if (what == ATE__WAY_DELETE) {
        rc = ate__deleter_admits(&w->m.facts, id, &j->signers, j->needs, &admitted);
        if (rc == ATE_TOO_BIG)
            rc = ate__deleter_admits(&w->m.facts, id, &j->signers, false, &admitted);
    } else {
        rc = ate__holder_of(&w->m.facts, id, (enum ate__right)what, &holder);
        admitted = rc ? 0 : ate__holder_admits(&holder, &j->signers);
    }
    assert_int_equal(ate__way_ask(j, id, what, &answer), rc);
    assert_int_equal(answer, rc ? ATE__UNASKED : ATE__NO | admitted);
}

/* Against the same judgment without marks. */
static void compare_place(struct ate__judge *j, struct ate__judge *plain, size_t i)
{
    struct ate__node *a = &j->nodes[i], *b = &plain->nodes[i];
    assert_int_equal(ate__place_of(j, a), 0);
    assert_int_equal(ate__place_of(plain, b), 0);
    assert_int_equal(a->place, b->place);
    if (a->place == ATE__PLACE_GOOD) {
        assert_int_equal(a->depth, b->depth);
        assert_ptr_equal(a->scope.header, b->scope.header);
        assert_int_equal(a->scope.sequence, b->scope.sequence);
    }
    if (a->place == ATE__PLACE_LOST)
        assert_true(ate__id_equal(&a->lost, &b->lost));
}

/* Of objects anywhere, or of the leaves and of one that is above many of them. */
static struct draft *changes(struct world *w, struct rnd *r)
{
    struct draft *d = draft_new(w);
    bool taken[OBJECTS] = {false}, leaves = rnd_below(r, 2);
    for (unsigned i = 0; i < EVENTS; i++) {
        unsigned from = !leaves ? 0 : i ? OBJECTS - LEAVES : 10;
        unsigned at = from + (unsigned)rnd_below(r, leaves && !i ? 50 : OBJECTS - from);
        const struct model_object *o = &w->m.objects[at + 1];
        if (taken[at])
            continue;
        taken[at] = true;
        struct ate_id to = rnd_below(r, 90) ? o->parent : some_object(w, r);
        if (ate__id_equal(&to, &o->id))
            to = o->parent;
        if (leaves ? i != 0 : rnd_below(r, 90))
            draft_body(d, &(struct body){.id = o->id, .parent = to, .prev = &o->body});
        else
            draft_tombstone(d, o->id, o->body, true);
    }
    for (unsigned i = 0; i < KEYS; i += 2)
        draft_sign(d, who(i));
    return d;
}

static void begin_judge(struct ate__judge *j, struct world *w, const struct ate__tx *tx,
                        struct ate__verdict *v)
{
    assert_int_equal(ate__judge_init(j, w->t, &w->m.facts, tx, w->m.size, v), 0);
    assert_int_equal(ate__check_form(j), 0);
    for (size_t i = 0; i < j->node_count; i++)
        assert_int_equal(ate__node_load(j, &j->nodes[i]), 0);
}

static void they_say_what_plain_ones_say(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(11));
    unsigned deep = 0, rings = 0, lost = 0;
    for (int tree = 0; tree < TREES; tree++) {
        struct world w;
        struct ate__needs needs = {ATE__BUF_NULL, 0};
        struct ate__judge j, plain;
        struct ate__verdict v;
        world_init(&w, 5, NULL);
        add_objects(&w, &r);
        struct draft *d = changes(&w, &r);
        begin_judge(&j, &w, draft_tx(d), &v);
        begin_judge(&plain, &w, &d->tx, &v);
        j.needs = rnd_below(&r, 2) ? &needs : NULL; /* whom each rule admits, or the first */
        plain.node_capacity = ATE__NODES_SMALL;
        for (unsigned i = 0; i < QUESTIONS; i++) {
            struct ate_id id = some_object(&w, &r);
            compare_ask(&w, &j, &id, (unsigned)rnd_below(&r, ATE__RIGHTS));
        }
        for (size_t i = 0; i < j.node_count; i++) {
            compare_place(&j, &plain, i);
            deep += j.nodes[i].place == ATE__PLACE_DEEP;
            rings += j.nodes[i].place == ATE__PLACE_CYCLE;
            lost += j.nodes[i].place == ATE__PLACE_LOST;
        }
        assert_true(j.ways && !plain.ways);
        ate__judge_deinit(&plain);
        ate__judge_deinit(&j);
        draft_free(d);
        world_deinit(&w);
    }
    printf("%u too deep, %u in rings, %u lost\n", deep, rings, lost);
    assert_true(deep && lost);
}

/* ---- what they cost ---- */

enum { DEPTH = 900 };
enum { REPLACE, CONTROL, DELETE, MOVE, WAYS_TO_CHANGE };

static struct ate_id leaf(unsigned i)
{
    return id_of(DEPTH + LEAVES + i + 1);
}

/* A thousand below each other, below the lowest of them the twigs, below each of these a leaf. */
static void grow(struct world *w)
{
    struct draft *d = draft_new(w);
    for (unsigned i = 0; i < DEPTH; i++)
        draft_create(d, id_of(i + 1), i ? id_of(i) : ate__top_id);
    for (unsigned i = 0; i < LEAVES; i++) {
        draft_create(d, id_of(DEPTH + i + 1), id_of(DEPTH));
        draft_create(d, leaf(i), id_of(DEPTH + i + 1));
    }
    force(w, d);
}

static uint64_t questions_of(struct world *w, unsigned change)
{
    struct draft *d = draft_new(w);
    struct ate__verdict v;
    for (unsigned i = 0; i < LEAVES; i++) {
        struct ate_hash prev = body_of(w, leaf(i));
        struct body body = {.id = leaf(i), .parent = id_of(DEPTH + i + 1), .prev = &prev};
        if (change == MOVE)
            body.parent = id_of(DEPTH + (i + 1) % LEAVES + 1);
        if (change == DELETE)
            draft_tombstone(d, leaf(i), prev, false);
        else if (change == CONTROL)
            draft_control(d, &(struct control){.id = leaf(i)});
        else
            draft_body(d, &body);
    }
    draft_sign(d, w->root->fingerprint);
    uint64_t before = w->m.asked;
    assert_int_equal(judge(w, d, &v), 0);
    draft_free(d);
    return w->m.asked - before;
}

static void what_lies_deep_costs_little(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 6, NULL);
    grow(&w);
    for (unsigned change = 0; change < WAYS_TO_CHANGE; change++) {
        uint64_t asked = questions_of(&w, change);
        if (asked > 5 * DEPTH + 40 * LEAVES)
            fail_msg("%u: %llu questions about %d objects", change, (unsigned long long)asked,
                     LEAVES);
    }
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_say_what_plain_ones_say),
        cmocka_unit_test(what_lies_deep_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
