/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Check 7: the state after the transaction holds together.
 */
#include "one_world.h"

/* 1 below the top, 2 below 1, 3 below 2; 4 below the top. */
static int begin_with_four(void **state)
{
    begin(state);
    for (unsigned i = 2; i <= 3; i++)
        plant(&w, id_of(i), id_of(i - 1));
    plant(&w, id_of(4), ate__top_id);
    return 0;
}

static void draft_move(struct draft *d, unsigned id, struct ate_id parent)
{
    struct ate_hash now = body_of(&w, id_of(id));
    draft_body(d, &(struct body){.id = id_of(id), .parent = parent, .prev = &now});
}

static void draft_delete(struct draft *d, unsigned id, bool subtree)
{
    draft_tombstone(d, id_of(id), body_of(&w, id_of(id)), subtree);
}

/* ---- parents ---- */

static void parents_live(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = draft_signed();
    draft_create(d, id_of(10), id_of(99));
    expect(&w, d, ATE_CONFLICT, "does not exist or goes in this transaction");
    d = draft_signed();
    draft_move(d, 3, id_of(99));
    expect(&w, d, ATE_CONFLICT, "does not exist");
    d = draft_signed(); /* two steps above */
    draft_create(d, id_of(11), id_of(10));
    draft_create(d, id_of(10), id_of(99));
    expect(&w, d, ATE_CONFLICT, "does not exist");

    plant(&w, id_of(20), ate__top_id);
    d = draft_signed();
    draft_delete(d, 20, false);
    uint64_t deleted = commit(&w, d);
    d = draft_signed();
    draft_create(d, id_of(10), id_of(20));
    assert_int_equal(judge(&w, d, &v), ATE_CONFLICT);
    assert_non_null(strstr(ate__error_text(), "above it, was deleted at"));
    struct ate_id lost = id_of(20);
    assert_int_equal(v.conflict_count, 1);
    assert_true(ate__id_equal(&v.conflicts[0].id, &lost));
    assert_int_equal(v.conflicts[0].sequence, deleted);
    draft_free(d);
}

static void nothing_is_written_below_what_goes(void **state)
{
    (void)state;
    struct ate_hash now = body_of(&w, id_of(3));
    for (unsigned what = 0; what < 5; what++) {
        struct draft *d = draft_signed();
        draft_delete(d, 1, true);
        if (what == 0)
            draft_create(d, id_of(10), id_of(1));
        if (what == 1)
            draft_create(d, id_of(10), id_of(3));
        if (what == 2)
            draft_move(d, 4, id_of(2));
        if (what == 3)
            draft_body(d, &(struct body){.id = id_of(3), .parent = id_of(2), .prev = &now});
        if (what == 4)
            draft_control(d, &(struct control){.id = id_of(3)});
        expect(&w, d, ATE_CONFLICT, "goes in this transaction");
    }
}

/* ---- cycles ---- */

/* Creates a ring of that length, each below the next. */
static void ring_of_new(unsigned length, bool backwards)
{
    struct draft *d = draft_signed();
    for (unsigned i = 0; i < length; i++) {
        unsigned at = backwards ? length - 1 - i : i;
        draft_create(d, id_of(100 + at), id_of(100 + (at + 1) % length));
    }
    draft_create(d, id_of(99), id_of(100)); /* below the ring, not in it */
    expect(&w, d, ATE_CONFLICT, "below itself");
}

static void rings_of_new_objects(void **state)
{
    (void)state;
    for (unsigned length = 2; length < 40; length++) {
        ring_of_new(length, false);
        ring_of_new(length, true);
    }
    ring_of_new(5000, false);
    ring_of_new(5000, true);
}

static void rings_by_moves(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_move(d, 1, id_of(2));
    expect(&w, d, ATE_CONFLICT, "below itself");
    d = draft_signed();
    draft_move(d, 1, id_of(3));
    expect(&w, d, ATE_CONFLICT, "below itself");
    d = draft_signed(); /* over a new object */
    draft_create(d, id_of(10), id_of(3));
    draft_move(d, 1, id_of(10));
    expect(&w, d, ATE_CONFLICT, "below itself");
    d = draft_signed(); /* two moves, each of which would do */
    draft_move(d, 4, id_of(3));
    draft_move(d, 1, id_of(4));
    expect(&w, d, ATE_CONFLICT, "below itself");
    d = draft_signed(); /* turned around */
    draft_move(d, 2, ate__top_id);
    draft_move(d, 1, id_of(3));
    expect(&w, d, 0, NULL);
}

/* An object that is its own parent is refused where it is read. */
static void a_ring_of_one(void **state)
{
    (void)state;
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr wr = ate__header_wr_of(&header);
    struct ate__header h;
    enum ate__event_kind kind;
    struct ate_id id = id_of(10);
    ate__header_item(&wr, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_parent(&wr, &id, 0);
    assert_int_equal(ate__header_end(&wr), 0);
    assert_int_equal(ate__header_decode(ate__buf_bytes(&header), &h), 0);
    assert_int_equal(ate__header_kind(&h, &kind), ATE_MALFORMED);
    ate__buf_deinit(&header);
}

/* ---- depth ---- */

static void at_most_1024_parents(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    for (unsigned i = 1; i <= ATE__PARENTS_MAX; i++)
        draft_create(d, id_of(2000 + i), i == 1 ? ate__top_id : id_of(2000 + i - 1));
    commit(&w, d);
    struct ate_id deepest = id_of(2000 + ATE__PARENTS_MAX);
    d = draft_signed();
    draft_create(d, id_of(10), deepest);
    expect(&w, d, ATE_TOO_BIG, "more than 1024 parents");
    d = draft_signed();
    draft_move(d, 4, deepest);
    expect(&w, d, ATE_TOO_BIG, "more than 1024 parents");
    d = draft_signed();
    draft_create(d, id_of(10), id_of(2000 + ATE__PARENTS_MAX - 1));
    expect(&w, d, 0, NULL);
    /* In one transaction, in the order that is worst for a walk upwards. */
    for (unsigned depth = ATE__PARENTS_MAX; depth <= ATE__PARENTS_MAX + 1; depth++) {
        d = draft_signed();
        for (unsigned i = depth; i; i--)
            draft_create(d, id_of(4000 + i), i == 1 ? ate__top_id : id_of(4000 + i - 1));
        expect(&w, d, depth > ATE__PARENTS_MAX ? ATE_TOO_BIG : 0, "more than 1024 parents");
    }
    d = draft_signed(); /* a long stretch of objects that the transaction does not touch */
    draft_create(d, id_of(11), id_of(10));
    draft_create(d, id_of(10), deepest);
    expect(&w, d, ATE_TOO_BIG, "more than 1024 parents");
}

/* ---- deletions ---- */

static void children_do_not_survive(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = draft_signed();
    draft_delete(d, 2, false);
    assert_int_equal(judge(&w, d, &v), ATE_CONFLICT);
    struct ate_id child = id_of(3);
    assert_int_equal(v.conflict_count, 1);
    assert_true(ate__id_equal(&v.conflicts[0].id, &child));
    assert_int_equal(v.conflicts[0].sequence, 3);
    draft_free(d);
    d = draft_signed(); /* the child goes as well */
    draft_delete(d, 2, false);
    draft_delete(d, 3, false);
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* it moves away */
    draft_delete(d, 2, false);
    draft_move(d, 3, ate__top_id);
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* with all below */
    draft_delete(d, 2, true);
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* it is only changed */
    draft_delete(d, 2, false);
    draft_move(d, 3, id_of(2));
    expect(&w, d, ATE_CONFLICT, NULL);
    d = draft_signed(); /* what lies below it goes, and it does not */
    draft_delete(d, 1, false);
    draft_delete(d, 3, false);
    expect(&w, d, ATE_CONFLICT, "lies below it");
    d = draft_signed(); /* deleted below what is deleted with all below, but its child is not named
                         */
    draft_delete(d, 1, true);
    draft_delete(d, 2, false);
    expect(&w, d, ATE_CONFLICT, "lies below it");
}

static void what_moves_out_of_a_subtree_survives(void **state)
{
    (void)state;
    struct draft *d = draft_signed();
    draft_delete(d, 1, true);
    draft_move(d, 3, id_of(4));
    draft_create(d, id_of(10), id_of(3));
    expect(&w, d, 0, NULL);
}

static void many_children_are_named_up_to_the_limit(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = draft_signed();
    draft_create(d, id_of(30), ate__top_id);
    for (unsigned i = 0; i < 200; i++)
        draft_create(d, id_of(300 + i), id_of(30));
    commit(&w, d);
    d = draft_signed();
    draft_delete(d, 30, false);
    uint64_t asked = w.m.asked;
    assert_int_equal(judge(&w, d, &v), ATE_CONFLICT);
    assert_int_equal(v.conflict_count, ATE__CONFLICTS_MAX);
    assert_true(w.m.asked - asked < 80); /* the walk ends there */
    draft_free(d);
}

/* ---- name tags ---- */

static void draft_named(struct draft *d, unsigned id, struct ate_id parent, const char *tag,
                        const char *tag2)
{
    draft_body(d, &(struct body){.id = id_of(id), .parent = parent, .tag = tag, .tag2 = tag2});
}

static void draft_rename(struct draft *d, unsigned id, struct ate_id parent, const char *tag)
{
    struct ate_hash now = body_of(&w, id_of(id));
    draft_body(d, &(struct body){.id = id_of(id), .parent = parent, .prev = &now, .tag = tag});
}

static void plant_named(unsigned id, struct ate_id parent, const char *tag)
{
    struct draft *d = draft_signed();
    draft_named(d, id, parent, tag, NULL);
    commit(&w, d);
}

static void each_tag_once_below_a_parent(void **state)
{
    (void)state;
    plant_named(60, id_of(4), "a");
    plant_named(61, id_of(4), "b");
    const struct {
        unsigned id, parent;
        const char *tag, *tag2;
        int result;
    } rows[] = {
        {62, 4, "a", NULL, ATE_CONFLICT}, {62, 4, "c", NULL, 0},           {62, 1, "a", NULL, 0},
        {62, 4, "c", "a", ATE_CONFLICT},  {62, 4, "b", "c", ATE_CONFLICT}, {62, 4, "c", "d", 0},
        {62, 4, NULL, NULL, 0},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct draft *d = draft_signed();
        draft_named(d, rows[i].id, id_of(rows[i].parent), rows[i].tag, rows[i].tag2);
        expect(&w, d, rows[i].result, "its name below");
    }
    struct draft *d = draft_signed(); /* a change keeps its own */
    draft_rename(d, 60, id_of(4), "a");
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* a change takes another's */
    draft_rename(d, 60, id_of(4), "b");
    expect(&w, d, ATE_CONFLICT, "its name below");
    d = draft_signed(); /* a move brings its own along */
    draft_rename(d, 60, id_of(1), "a");
    draft_named(d, 63, id_of(1), "a", NULL);
    expect(&w, d, ATE_CONFLICT, "gets the same name");
}

static void tags_change_hands(void **state)
{
    (void)state;
    struct draft *d = draft_signed(); /* deleted and made anew */
    draft_delete(d, 60, false);
    draft_named(d, 64, id_of(4), "a", NULL);
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* moved away, renamed, unnamed */
    draft_rename(d, 60, id_of(1), "a");
    draft_named(d, 64, id_of(4), "a", NULL);
    expect(&w, d, 0, NULL);
    d = draft_signed();
    draft_rename(d, 60, id_of(4), NULL);
    draft_named(d, 64, id_of(4), "a", NULL);
    expect(&w, d, 0, NULL);
    d = draft_signed(); /* two swap their names */
    draft_rename(d, 60, id_of(4), "b");
    draft_rename(d, 61, id_of(4), "a");
    expect(&w, d, 0, NULL);
    for (int keeper_first = 0; keeper_first < 2; keeper_first++) {
        d = draft_signed(); /* the holder is written again and keeps it */
        if (keeper_first)
            draft_rename(d, 60, id_of(4), "a");
        draft_named(d, 64, id_of(4), "a", NULL);
        if (!keeper_first)
            draft_rename(d, 60, id_of(4), "a");
        expect(&w, d, ATE_CONFLICT, NULL);
    }
}

static void two_of_one_transaction(void **state)
{
    (void)state;
    /* Few events are looked through, many stand in a map. */
    for (unsigned more = 0; more <= 40; more += 20) {
        for (unsigned same = 0; same < 3; same++) {
            struct draft *d = draft_signed();
            draft_named(d, 70, id_of(1), "x", NULL);
            for (unsigned i = 0; i < more; i++)
                draft_create(d, id_of(700 + i), id_of(1));
            draft_named(d, 71, same == 1 ? id_of(2) : id_of(1), same == 2 ? "y" : "z",
                        same == 2 ? "x" : "x2");
            if (!same)
                draft_named(d, 72, id_of(1), "x2", NULL);
            expect(&w, d, same == 1 ? 0 : ATE_CONFLICT, "gets the same name");
        }
    }
}

/* A view that still knows the name of a deleted object does no harm. */
static void a_deleted_object_has_no_name(void **state)
{
    (void)state;
    struct ate_id id = id_of(80);
    plant_named(80, ate__top_id, "old");
    struct draft *d = draft_signed();
    draft_delete(d, 80, false);
    commit(&w, d);
    uint8_t tag[ATE__NAME_TAG] = "old";
    for (unsigned i = 0; i <= WORLD_WINDOW; i++)
        plant(&w, id_of(5000 + i), ate__top_id);
    plant_named(81, ate__top_id, "old");
    struct model_object *o = model_find(&w.m, &id);
    memcpy(o->tags, tag, sizeof tag);
    o->tag_count = 1;
    d = draft_signed();
    draft_named(d, 80, ate__top_id, "old", NULL);
    expect(&w, d, ATE_CONFLICT, "its name below");
}

/* Facts that break their own promise, a ring of stored objects, end the walk all the same. */
static void walks_end(void **state)
{
    (void)state;
    struct world ring;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&ring, 9, &open);
    for (unsigned i = 1; i <= 3; i++)
        plant(&ring, id_of(i), i == 1 ? ate__top_id : id_of(i - 1));
    rule(&ring, id_of(3), auth_write(rule_everyone));
    struct ate_id id = id_of(1);
    model_find(&ring.m, &id)->parent = id_of(2);
    struct draft *d = draft_new(&ring);
    draft_create(d, id_of(4), id_of(3));
    expect(&ring, d, ATE_TOO_BIG, "more than 1024 parents");
    world_deinit(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_live),
        cmocka_unit_test(nothing_is_written_below_what_goes),
        cmocka_unit_test(rings_of_new_objects),
        cmocka_unit_test(rings_by_moves),
        cmocka_unit_test(a_ring_of_one),
        cmocka_unit_test(at_most_1024_parents),
        cmocka_unit_test(children_do_not_survive),
        cmocka_unit_test(what_moves_out_of_a_subtree_survives),
        cmocka_unit_test(many_children_are_named_up_to_the_limit),
        cmocka_unit_test(each_tag_once_below_a_parent),
        cmocka_unit_test(tags_change_hands),
        cmocka_unit_test(two_of_one_transaction),
        cmocka_unit_test(a_deleted_object_has_no_name),
        cmocka_unit_test(walks_end),
    };
    return cmocka_run_group_tests(tests, begin_with_four, end);
}
