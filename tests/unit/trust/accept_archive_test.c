/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Archives: whoever signs, the owner with every key of the chain among them, nothing is changed,
 * moved or deleted before its time, nothing that is held is deleted, and no certificate lets it go.
 */
#include "world.h"

enum { RETENTION = 1000000, START = 1609459200 };

static struct world w;
static struct ate__buf options;

static void begin(uint64_t retention_us)
{
    struct ate__auth top = auth_write(rule_inherit);
    ate__buf_clear(&options);
    assert_int_equal(ate__genesis_worm(retention_us, &options), 0);
    struct terms terms = {.options = ate__buf_bytes(&options)};
    world_init_of(&w, 1, &top, &terms);
    w.m.now_us = (uint64_t)START * 1000000;
    plant(&w, id_of(1), ate__top_id);
    plant(&w, id_of(2), id_of(1));
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static int begin_timed(void **state)
{
    (void)state;
    begin(RETENTION);
    return 0;
}

static int begin_for_ever(void **state)
{
    (void)state;
    begin(0);
    return 0;
}

static struct draft *by_root(void)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    return d;
}

static void refuse_delete(unsigned i, const char *sentence)
{
    struct draft *d = by_root();
    draft_tombstone(d, id_of(i), body_of(&w, id_of(i)), false);
    expect(&w, d, ATE_DENIED, sentence);
}

static void hold(struct ate_id id, bool on)
{
    struct draft *d = by_root();
    const struct ate__control *now = control_of(&w, id);
    struct ate_hash prev = now ? now->hash : (struct ate_hash){{0}};
    struct ate__auth auth = now ? now->header.auth : auth_write(rule_inherit);
    draft_control(
        d, &(struct control){.id = id, .prev = now ? &prev : NULL, .auth = auth, .hold = on});
    commit(&w, d);
}

/* ---- versions and places ---- */

static void the_owner_changes_nothing(void **state)
{
    (void)state;
    w.m.now_us += 10 * (uint64_t)RETENTION;
    for (int moved = 0; moved < 2; moved++) {
        struct draft *d = by_root();
        struct ate_hash prev = body_of(&w, id_of(2));
        draft_body(d, &(struct body){.id = id_of(2),
                                     .parent = moved ? ate__top_id : id_of(1),
                                     .prev = &prev,
                                     .payload = "another"});
        expect(&w, d, ATE_DENIED, "no version replaces another");
    }
    plant(&w, id_of(3), id_of(1)); /* what is new may come */
}

/* ---- deletion ---- */

static void nothing_goes_before_its_time(void **state)
{
    (void)state;
    refuse_delete(2, "it is kept until 2021-01-01 00:00:01 UTC");
    w.m.now_us += RETENTION - 1;
    refuse_delete(2, "it is kept until");
    w.m.now_us++;
    struct draft *d = by_root();
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    commit(&w, d);
}

static void subtrees_go_one_by_one(void **state)
{
    (void)state;
    w.m.now_us += 10 * (uint64_t)RETENTION;
    struct draft *d = by_root();
    draft_tombstone(d, id_of(1), body_of(&w, id_of(1)), true);
    expect(&w, d, ATE_DENIED, "with all below it");
    d = by_root();
    draft_tombstone(d, id_of(1), body_of(&w, id_of(1)), false);
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    commit(&w, d);
}

/* The group's own root time is not known where it is ordered; it is never less. */
static void a_time_that_is_not_known_yet_is_now(void **state)
{
    (void)state;
    model_find(&w.m, &(struct ate_id){{0}})->updated_us = 0;
    for (size_t i = 0; i < w.m.count; i++)
        w.m.objects[i].updated_us = 0;
    w.m.now_us += 10 * (uint64_t)RETENTION;
    refuse_delete(2, "it is kept until");
}

static void for_ever_is_for_ever(void **state)
{
    (void)state;
    w.m.now_us = UINT64_MAX;
    refuse_delete(2, "for ever");
}

static void a_time_over_all_time_is_never(void **state)
{
    (void)state;
    begin(UINT64_MAX);
    w.m.now_us = UINT64_MAX;
    refuse_delete(2, "longer than time is counted");
}

/* Nobody's time: the forecast of a root that does not know yet when it will be. */
static void a_forecast_leaves_time_out(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = by_root();
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    assert_int_equal(ate__accept(w.t, &w.m.facts, draft_tx(d), w.m.size, UINT64_MAX, &v), 0);
    draft_free(d);
}

/* ---- hold ---- */

static void what_is_held_stays(void **state)
{
    (void)state;
    static const unsigned places[] = {2, 1, 0}; /* itself, its parent, the top */
    w.m.now_us += 10 * (uint64_t)RETENTION;
    for (size_t i = 0; i < ATE__COUNT_OF(places); i++) {
        struct ate_id at = places[i] ? id_of(places[i]) : ate__top_id;
        hold(at, true);
        refuse_delete(2, places[i] ? "it is held at" : "it is held at the top");
        hold(at, false);
    }
    /* A release grants nothing in its own transaction. */
    hold(id_of(1), true);
    struct draft *d = by_root();
    struct ate_hash prev = control_of(&w, id_of(1))->hash;
    draft_control(
        d, &(struct control){.id = id_of(1), .prev = &prev, .auth = auth_write(rule_inherit)});
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    expect(&w, d, ATE_DENIED, "it is held at");
    hold(id_of(1), false);
    d = by_root();
    draft_tombstone(d, id_of(2), body_of(&w, id_of(2)), false);
    commit(&w, d);
}

static void only_root_keys_hold_and_release(void **state)
{
    (void)state;
    struct ate__auth theirs = auth_write(rule_who(&w, 1));
    rule(&w, id_of(1), theirs);
    for (int on = 1; on >= 0; on--) {
        struct draft *d = draft_new(&w);
        struct ate_hash prev = control_of(&w, id_of(1))->hash;
        draft_control(d,
                      &(struct control){.id = id_of(1), .prev = &prev, .auth = theirs, .hold = on});
        draft_sign(d, who(1)); /* admin, and no root key */
        expect(&w, d, ATE_DENIED, on ? "only a root key holds" : "only a root key releases");
        hold(id_of(1), on); /* the root key, which is not admin there */
    }
    /* Of what is created in the transaction, too. */
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(7), id_of(1));
    draft_control(d, &(struct control){.id = id_of(7), .auth = theirs, .hold = true});
    draft_sign(d, who(1));
    expect(&w, d, ATE_DENIED, "only a root key holds");
}

static void a_root_key_that_is_not_admin_changes_nothing_else(void **state)
{
    (void)state;
    struct ate__auth theirs = auth_write(rule_who(&w, 1)), others = auth_write(rule_who(&w, 2));
    rule(&w, id_of(1), theirs);
    struct draft *d = by_root();
    struct ate_hash prev = control_of(&w, id_of(1))->hash;
    draft_control(d,
                  &(struct control){.id = id_of(1), .prev = &prev, .auth = others, .hold = true});
    expect(&w, d, ATE_DENIED, "admin");
    d = by_root();
    draft_control(d, &(struct control){.id = id_of(1), .prev = &prev, .auth = theirs});
    expect(&w, d, ATE_DENIED, "admin"); /* no change of HOLD at all */
}

static void holds_are_of_archives(void **state)
{
    (void)state;
    struct world plain;
    world_init(&plain, 2, NULL);
    struct draft *d = draft_new(&plain);
    draft_control(d, &(struct control){.auth = auth_write(rule_inherit), .hold = true});
    draft_sign(d, plain.root->fingerprint);
    expect(&plain, d, ATE_UNSUPPORTED, "no archive");
    world_deinit(&plain);
}

/* ---- certificates ---- */

static void no_certificate_lets_it_go(void **state)
{
    (void)state;
    struct draft *d = by_root();
    draft_snapshot(d, &(struct ate__snapshot_item){.size = 1, .root = model_root(1)});
    expect(&w, d, ATE_DENIED, "left out of an archive");
}

static void nothing_was_left_out(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = by_root();
    draft_create(d, id_of(9), id_of(1));
    assert_int_equal(ate__accept_kept(w.t, &w.m.facts, draft_tx(d), w.m.size, &v), ATE_OMITTED);
    draft_free(d);
}

int main(void)
{
#define TIMED(test) cmocka_unit_test_setup_teardown(test, begin_timed, end)
    const struct CMUnitTest tests[] = {
        TIMED(the_owner_changes_nothing),
        TIMED(nothing_goes_before_its_time),
        TIMED(subtrees_go_one_by_one),
        TIMED(a_time_that_is_not_known_yet_is_now),
        cmocka_unit_test_setup_teardown(for_ever_is_for_ever, begin_for_ever, end),
        cmocka_unit_test_teardown(a_time_over_all_time_is_never, end),
        TIMED(a_forecast_leaves_time_out),
        TIMED(what_is_held_stays),
        TIMED(only_root_keys_hold_and_release),
        TIMED(a_root_key_that_is_not_admin_changes_nothing_else),
        TIMED(holds_are_of_archives),
        TIMED(no_certificate_lets_it_go),
        TIMED(nothing_was_left_out),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ate__buf_deinit(&options);
    return failed;
}
