/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Members of fields: lists, maps, one child; listings from either end, behind a member, in pages;
 * what a transaction adds, moves and takes away, against a model.
 */
#include "ate/relation.h"
#include "lib/rnd.h"
#include "world.h"
#include <stdio.h>

struct shop {
    const char *name;
    struct ate_vec orders;
    struct ate_map prices, stock;
    struct ate_child owner;
};
ATE_TYPE(shop, ATE_FIELD(name), ATE_FIELD(orders), ATE_FIELD_AS(prices, "price"), ATE_FIELD(stock),
         ATE_FIELD(owner));

static struct world w;

static const struct shop *open_shop(struct ate_txn *t, struct ate_id *ret_id)
{
    const struct shop *s = NULL;
    ok(ate_put_as(t, shop, ate_top, "shop", &(struct shop){.name = "Ada's"}, ret_id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_load(t, shop, *ret_id, &s));
    return s;
}

/* The numbers of the notes that a listing gives, in a text such as "1 2 3". */
static const char *listed(struct ate_txn *t, struct ate_place place,
                          const struct ate_list_conf *conf)
{
    static char text[512];
    struct ate_cursor *cursor;
    const struct note *n = NULL;
    size_t size = 0;
    int rc;
    text[0] = 0;
    ok(ate_list(t, place, conf, &cursor));
    while (!(rc = ate_next(cursor, note, NULL, &n)))
        size += (size_t)snprintf(text + size, sizeof text - size, size ? " %d" : "%d", (int)n->n);
    ate_cursor_end(cursor);
    if (rc != ATE_END)
        snprintf(text, sizeof text, "%s", ate__result_name(rc));
    return text;
}
#define expect_listed(t, place, conf, wanted) assert_string_equal(listed(t, place, conf), wanted)

static void fields_say_where_members_are(void **state)
{
    (void)state;
    struct ate_id id, a, b, found;
    const struct note *n = NULL;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    const struct shop *s = open_shop(t, &id);
    assert_memory_equal(&s->orders.at.parent, &id, sizeof id);
    assert_int_equal(s->orders.at.collection, ate_vec_of(id, "orders").at.collection);
    assert_int_equal(s->prices.at.collection, ate_map_of(id, "price").at.collection);
    assert_int_equal(s->orders.at.collection, 0x9a7c08a);
    ok(ate_vec_push(t, note, s->orders, NOTE("tea", 1), NULL));
    ok(ate_vec_push(t, note, s->orders, NOTE("tea", 2), NULL));
    ok(ate_map_put(t, note, s->prices, "tea", NOTE("price", 240), &a));
    ok(ate_map_put(t, note, s->stock, "tea", NOTE("stock", 7), &b)); /* the same name */
    ok(ate_put_as(t, note, id, "tea", NOTE("child", 8), NULL)); /* and in no field */
    expect(ate_child_load(t, note, s->owner, NULL, &n), ATE_NOT_FOUND);
    ok(ate_child_put(t, note, s->owner, NOTE("Ada", 36), NULL));
    for (unsigned round = 0; round < 2; round++) { /* before and after the commit */
        expect_listed(t, s->orders.at, NULL, "1 2");
        expect_listed(t, s->prices.at, NULL, "240");
        expect_listed(t, ((struct ate_place){id, 0}), NULL, "8");
        ok(ate_map_find(t, note, s->prices, "tea", &found, &n));
        assert_memory_equal(&found, &a, sizeof a);
        assert_int_equal(n->n, 240);
        ok(ate_map_find(t, note, s->stock, "tea", &found, &n));
        assert_memory_equal(&found, &b, sizeof b);
        assert_int_equal(note_named(t, id, "tea"), 8);
        ok(ate_child_load(t, note, s->owner, NULL, &n));
        assert_int_equal(n->n, 36);
        assert_int_equal(count_children(t, id), 6);
        ok(ate_txn_commit(t, NULL));
    }
    ok(ate_map_put(t, note, s->prices, "tea", NOTE("price", 250), &found));
    assert_memory_equal(&found, &a, sizeof a);
    ok(ate_child_put(t, note, s->owner, NOTE("Bob", 37), NULL));
    ok(ate_txn_commit(t, NULL));
    expect_listed(t, s->owner.at, NULL, "37");
    expect_listed(t, s->prices.at, NULL, "250");
    ok(ate_delete(t, id, ATE_TREE));
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(note_at(t, a), -ATE_NOT_FOUND);
    ate_txn_end(t);
    world_deinit(&w);
}

static void from_either_end_and_in_pages(void **state)
{
    (void)state;
    struct ate_id id, ids[10], gone;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    const struct shop *s = open_shop(t, &id);
    for (unsigned i = 0; i < 6; i++)
        ok(ate_vec_push(t, note, s->orders, NOTE("", i), &ids[i]));
    ok(ate_txn_commit(t, NULL));
    for (unsigned i = 6; i < 10; i++)
        ok(ate_vec_push(t, note, s->orders, NOTE("", i), &ids[i]));
    const struct ate_place at = s->orders.at;
    for (unsigned round = 0; round < 2; round++) {
        expect_listed(t, at, NULL, "0 1 2 3 4 5 6 7 8 9");
        expect_listed(t, at, &(struct ate_list_conf){.reverse = true}, "9 8 7 6 5 4 3 2 1 0");
        expect_listed(t, at, &(struct ate_list_conf){.behind = ids[3]}, "4 5 6 7 8 9");
        expect_listed(t, at, (&(struct ate_list_conf){.behind = ids[3], .reverse = true}), "2 1 0");
        expect_listed(t, at, &(struct ate_list_conf){.behind = ids[7]}, "8 9");
        expect_listed(t, at, (&(struct ate_list_conf){.behind = ids[7], .reverse = true}),
                      "6 5 4 3 2 1 0");
        expect_listed(t, at, &(struct ate_list_conf){.behind = ids[9]}, "");
        expect_listed(t, at, (&(struct ate_list_conf){.behind = ids[0], .reverse = true}), "");
        ok(ate_txn_commit(t, NULL));
    }
    expect_listed(t, at, &(struct ate_list_conf){.behind = id}, "ATE_NOT_FOUND");
    ok(ate_store(t, note, NOTE("", 1), &gone));
    ok(ate_txn_commit(t, NULL));
    expect_listed(t, at, &(struct ate_list_conf){.behind = gone}, "ATE_NOT_FOUND");
    struct ate_cursor *cursor;
    expect(ate_list(t, at, &(struct ate_list_conf){.reserved = {[29] = 1}}, &cursor), ATE_MISUSE);
    ate_txn_end(t);
    world_deinit(&w);
}

static void members_come_and_go(void **state)
{
    (void)state;
    struct ate_id id, a, b;
    const struct note *n = NULL;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    const struct shop *s = open_shop(t, &id);
    ok(ate_vec_push(t, note, s->orders, NOTE("a", 1), &a));
    ok(ate_vec_push(t, note, s->orders, NOTE("b", 2), &b));
    ok(ate_txn_commit(t, NULL));
    for (unsigned round = 0; round < 2; round++) { /* alone, and all in one transaction */
        ok(ate_attach(t, a, s->stock.at, "a"));
        if (!round)
            ok(ate_txn_commit(t, NULL));
        expect_listed(t, s->orders.at, NULL, "2");
        expect_listed(t, s->stock.at, NULL, "1");
        ok(ate_map_find(t, note, s->stock, "a", NULL, &n));
        expect(ate_map_find(t, note, s->prices, "a", NULL, &n), ATE_NOT_FOUND);
        expect(ate_attach(t, b, s->stock.at, "a"), ATE_EXISTS);
        ok(ate_attach(t, b, s->prices.at, "a"));
        ok(ate_detach(t, a)); /* an orphan: below the shop, in no field */
        ok(ate_detach(t, a));
        if (!round)
            ok(ate_txn_commit(t, NULL));
        expect_listed(t, s->stock.at, NULL, "");
        expect_listed(t, ((struct ate_place){id, 0}), NULL, "1");
        expect_listed(t, s->prices.at, NULL, "2");
        ok(ate_move(t, b, id, "c")); /* renamed where it is */
        expect_listed(t, s->prices.at, NULL, "2");
        ok(ate_map_find(t, note, s->prices, "c", NULL, &n));
        ok(ate_move(t, b, ate_top, "c"));
        expect_listed(t, s->prices.at, NULL, "");
        assert_int_equal(note_named(t, ate_top, "c"), 2);
        ok(ate_attach(t, a, s->orders.at, NULL)); /* behind what is there */
        ok(ate_attach(t, b, s->orders.at, NULL));
        ok(ate_txn_commit(t, NULL));
        expect_listed(t, s->orders.at, NULL,
                      "2 1"); /* as they were first touched, or were before */
    }
    expect(ate_attach(t, id, s->orders.at, NULL), ATE_MISUSE);
    ate_txn_end(t);
    world_deinit(&w);
}

/* Two who add at the same moment do not conflict; two who take one name do. */
static void who_adds_does_not_conflict(void **state)
{
    (void)state;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w), *u = world_begin(&w);
    const struct shop *s = open_shop(t, &id);
    struct ate_vec orders = s->orders;
    struct ate_map stock = s->stock;
    ok(ate_txn_refresh(u));
    ok(ate_vec_push(t, note, orders, NOTE("", 1), NULL));
    ok(ate_vec_push(u, note, orders, NOTE("", 2), NULL));
    ok(ate_txn_commit(t, NULL));
    ok(ate_txn_commit(u, NULL));
    ok(ate_txn_refresh(t));
    expect_listed(t, orders.at, NULL, "1 2");
    ok(ate_map_put(t, note, stock, "x", NOTE("", 1), NULL));
    ok(ate_map_put(u, note, stock, "x", NOTE("", 2), NULL));
    ok(ate_txn_commit(t, NULL));
    expect(ate_txn_commit(u, NULL), ATE_CONFLICT);
    ate_txn_end(t);
    ate_txn_end(u);
    world_deinit(&w);
}

/* What is private to others is in the list, unless it is to be passed over. */
static void what_cannot_be_read(void **state)
{
    (void)state;
    struct ate_id id, a, b;
    struct ate_object o;
    struct ate_cursor *cursor;
    struct ate_hash own;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    const struct shop *s = open_shop(t, &id);
    struct ate_place at = s->orders.at;
    own = world_key(&w, 0);
    ok(ate_vec_push(t, note, s->orders, NOTE("", 1), &a));
    ok(ate_vec_push(t, note, s->orders, NOTE("", 2), &b));
    ok(ate_protect(t, ate_top,
                   &(struct ate_rules){.read = world_rule(&w, 3), .write = {ATE_KEYS, &own, 1}}));
    ok(ate_protect(t, b, &(struct ate_rules){.read = {ATE_KEYS, &own, 1}}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    t = world_begin_as(&w, 1);
    for (unsigned readable = 0; readable < 2; readable++) {
        unsigned seen = 0;
        ok(ate_list(t, at, &(struct ate_list_conf){.readable = readable}, &cursor));
        while (!ate_next_raw(cursor, 0, &o)) {
            assert_int_equal(o.collection, at.collection);
            seen++;
        }
        assert_int_equal(seen, 2 - readable);
        ate_cursor_end(cursor);
    }
    ate_txn_end(t);
    world_deinit(&w);
}

/* ---- against a model ---- */

enum { SHOPS = 3, FIELDS = 3, THINGS = 60, STEPS = 1200 };
struct thing {
    struct ate_id id;
    bool live;
    unsigned shop, field;
    uint64_t joined;
};
struct model {
    struct thing thing[THINGS];
    uint64_t joins;
};

static struct ate_place place_in(const struct ate_id shops[SHOPS], unsigned shop, unsigned field)
{
    static const char *const fields[FIELDS] = {NULL, "orders", "stock"};
    return field ? ate_place_of(shops[shop], fields[field]) : (struct ate_place){shops[shop], 0};
}

static const char *modelled(const struct model *m, unsigned shop, unsigned field, bool reverse)
{
    static char text[512];
    uint64_t last = reverse ? UINT64_MAX : 0;
    size_t size = 0;
    for (text[0] = 0;;) {
        const struct thing *next = NULL;
        for (unsigned i = 0; i < THINGS; i++) {
            const struct thing *x = &m->thing[i];
            if (!x->live || x->shop != shop || x->field != field ||
                (reverse ? x->joined >= last : x->joined <= last))
                continue;
            if (!next || (reverse ? x->joined > next->joined : x->joined < next->joined))
                next = x;
        }
        if (!next)
            return text;
        last = next->joined;
        size += (size_t)snprintf(text + size, sizeof text - size, size ? " %d" : "%d",
                                 (int)(next - m->thing));
    }
}

static void step(struct rnd *r, struct ate_txn *t, struct model *m, const struct ate_id *shops)
{
    unsigned i = (unsigned)rnd_below(r, THINGS), shop = (unsigned)rnd_below(r, SHOPS);
    unsigned field = (unsigned)rnd_below(r, FIELDS);
    struct ate_place place = place_in(shops, shop, field);
    struct thing *x = &m->thing[i];
    if (!x->live) {
        ok(ate__put_in_note(t, place, NULL, NOTE("", i), &x->id));
        *x = (struct thing){x->id, true, shop, field, ++m->joins};
    } else if (rnd_below(r, 3) == 0) {
        ok(ate_delete(t, x->id, 0));
        x->live = false;
    } else if (x->shop != shop || x->field != field) {
        ok(ate_attach(t, x->id, place, NULL));
        *x = (struct thing){x->id, true, shop, field, ++m->joins};
    } else {
        ok(ate_put(t, note, x->id, NOTE("again", i)));
    }
}

/* A transaction shows what it changed among what was there: members of the snapshot in their order,
 * then those that came here, in the order in which they were first touched. So the whole order is
 * compared after each commit, and before it what the lists hold. */
static void check_all(struct ate_txn *t, const struct model *m, const struct ate_id *shops)
{
    for (unsigned i = 0; i < SHOPS * FIELDS; i++) {
        struct ate_place place = place_in(shops, i / FIELDS, i % FIELDS);
        expect_listed(t, place, NULL, modelled(m, i / FIELDS, i % FIELDS, false));
        expect_listed(t, place, &(struct ate_list_conf){.reverse = true},
                      modelled(m, i / FIELDS, i % FIELDS, true));
    }
}

static unsigned count_listed(struct ate_txn *t, struct ate_place place)
{
    struct ate_cursor *cursor;
    const struct note *n = NULL;
    unsigned count = 0;
    ok(ate_list(t, place, NULL, &cursor));
    while (!ate_next(cursor, note, NULL, &n))
        count++;
    ate_cursor_end(cursor);
    return count;
}

static void agrees_with_the_model(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(1));
    struct ate_id shops[SHOPS];
    struct model m = {.joins = 0}, committed = m;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 0; i < SHOPS; i++)
        ok(ate_store(t, shop, &(struct shop){.name = "shop"}, &shops[i]));
    ok(ate_txn_commit(t, NULL));
    for (unsigned i = 0; i < STEPS; i++) {
        /* One change a transaction keeps the order of the model; some transactions are dropped. */
        step(&r, t, &m, shops);
        if (rnd_below(&r, 8) == 0) {
            ate_txn_cancel(t);
            m = committed;
        }
        unsigned shop = (unsigned)rnd_below(&r, SHOPS), field = (unsigned)rnd_below(&r, FIELDS);
        unsigned wanted = 0;
        for (unsigned k = 0; k < THINGS; k++)
            wanted += m.thing[k].live && m.thing[k].shop == shop && m.thing[k].field == field;
        assert_int_equal(count_listed(t, place_in(shops, shop, field)), wanted);
        ok(ate_txn_commit(t, NULL));
        committed = m;
        if (i % 50 == 0)
            check_all(t, &m, shops);
    }
    ate_txn_end(t);
    world_deinit(&w);
}

/* Tables that cannot be. */
static void bad_tables(void **state)
{
    (void)state;
    static const struct ate_field many[] = {
        {"x", NULL, 0, 24, sizeof(struct ate_vec), ATE_VEC, ATE_MANY, 0}};
    static const struct ate_field twice[] = {
        {"plumless", NULL, 0, 0, sizeof(struct ate_vec), ATE_VEC, ATE_ONE, 0},
        {"buckeroo", NULL, 20, 0, sizeof(struct ate_map), ATE_MAP, ATE_ONE, 0},
        {"size", NULL, 40, 0, 4, ATE_UINT, ATE_ONE, 0}};
    static const struct ate_field inner[] = {
        {"shop", ate_type_shop, 0, 0, sizeof(struct shop), ATE_OBJECT, ATE_ONE, 0}};
    static const struct ate_type types[] = {
        {"many", many, 1, 64, ATE_TYPE_LAYOUT, 0},
        {"two", twice, 3, 64, ATE_TYPE_LAYOUT, 0},
        {"inner", inner, 1, sizeof(struct shop), ATE_TYPE_LAYOUT, 0},
    };
    uint8_t object[256] = {0};
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    expect(ate__store(t, &types[0], NULL, object, &id), ATE_MISUSE);
    ok(ate__store(t, &types[1], NULL, object, &id));
    expect(ate__store(t, &types[2], NULL, object, &id), ATE_MISUSE);
    ate_txn_end(t);
    world_deinit(&w);
}

static void references_to_other_chains(void **state)
{
    (void)state;
    const struct ate_foreign *f = NULL;
    struct ate_id id;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_store(t, ate_foreign,
                 &(struct ate_foreign){.chain = "tcp://there/x#root=y", .id = {{7}}}, &id));
    ok(ate_txn_commit(t, NULL));
    ok(ate_load(t, ate_foreign, id, &f));
    assert_string_equal(f->chain, "tcp://there/x#root=y");
    assert_int_equal(f->id.b[0], 7);
    ate_txn_end(t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_say_where_members_are),
        cmocka_unit_test(from_either_end_and_in_pages),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(who_adds_does_not_conflict),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(bad_tables),
        cmocka_unit_test(references_to_other_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
