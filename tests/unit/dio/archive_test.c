/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Archives through transactions: what keeps an object, holds, deletions one by one, and that each
 * refusal says until when, or what holds it. Compaction, which drops what was deleted and no more.
 */
#include "ate/archive.h"
#include "base/text.h"
#include "chain/compact.h"
#include "world.h"

enum { RETENTION = 3600 }; /* seconds */
#define SECOND 1000000ull

static struct world w;
static struct ate__buf options;

static void begin(uint64_t retention_s)
{
    ate__buf_clear(&options);
    ok(ate__genesis_worm(retention_s * SECOND, &options));
    world_init_of(&w, true, ate__buf_bytes(&options));
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    ate__buf_deinit(&options);
    return 0;
}

/* The refusal, and what its sentence says; the changes are dropped. */
static void refused(struct ate_txn *t, const char *sentence)
{
    expect(ate_txn_commit(t, NULL), ATE_DENIED);
    if (!strstr(ate__error_text(), sentence))
        fail_msg("\"%s\" does not say \"%s\"", ate__error_text(), sentence);
    ate_txn_cancel(t);
}

static struct ate_kept keeping(struct ate_txn *t, struct ate_id id)
{
    struct ate_kept k;
    ok(ate_keeping(t, id, &k));
    assert_true(k.archive);
    return k;
}

static struct ate_id note_new(struct ate_txn *t, struct ate_id parent, const char *name)
{
    struct ate_id id;
    ok(ate_put_as(t, note, parent, name, NOTE(name, 1), &id));
    return id;
}

static void the_owner_changes_nothing(void **state)
{
    (void)state;
    begin(RETENTION);
    struct ate_txn *t = world_begin(&w);
    struct ate_id dir = note_new(t, ate_top, "dir"), a = note_new(t, dir, "a");
    ok(ate_txn_commit(t, NULL));
    w.sim.wall_us += 2 * RETENTION * SECOND;
    ok(ate_put(t, note, a, NOTE("b", 2)));
    refused(t, "no version replaces another");
    ok(ate_move(t, a, ate_top, "a"));
    refused(t, "nothing is moved");
    ok(ate_move(t, a, dir, "b"));
    refused(t, "nothing is moved");
    assert_int_equal(note_named(t, dir, "a"), 1);
    ate_txn_end(t);
}

static void it_is_kept_until_its_time(void **state)
{
    (void)state;
    begin(RETENTION);
    w.sim.wall_us = 1609459200 * SECOND;
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a");
    assert_true(keeping(t, a).until_ns == 0);
    ok(ate_txn_commit(t, NULL));
    struct ate_kept k = keeping(t, a);
    assert_true(!k.held && !k.for_ever);
    assert_true(k.until_ns / 1000000000 == 1609459200 + RETENTION);
    ok(ate_delete(t, a, 0));
    refused(t, "it is kept until 2021-01-01 01:00:0");
    w.sim.wall_us = (uint64_t)k.until_ns / 1000 - 1000;
    ok(ate_delete(t, a, 0));
    refused(t, "it is kept until");
    w.sim.wall_us = (uint64_t)k.until_ns / 1000;
    ok(ate_delete(t, a, 0));
    ok(ate_txn_commit(t, NULL));
    expect(ate_keeping(t, a, &k), ATE_NOT_FOUND);
    ate_txn_end(t);
}

static void it_is_kept_for_ever(void **state)
{
    (void)state;
    begin(0);
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a");
    ok(ate_txn_commit(t, NULL));
    struct ate_kept k = keeping(t, a);
    assert_true(k.for_ever && !k.until_ns && !k.held);
    w.sim.wall_us += 1000ull * 365 * 86400 * SECOND;
    ok(ate_delete(t, a, 0));
    refused(t, "everything is kept for ever");
    ate_txn_end(t);
}

/* ATE_TREE; what is younger keeps all of it. */
static void each_is_deleted_by_itself(void **state)
{
    (void)state;
    begin(RETENTION);
    struct ate_txn *t = world_begin(&w);
    struct ate_id dir = note_new(t, ate_top, "dir"), a = note_new(t, dir, "a"),
                  below = note_new(t, a, "below");
    ok(ate_txn_commit(t, NULL));
    w.sim.wall_us += (RETENTION + 1) * SECOND;
    struct ate_id young = note_new(t, a, "young");
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, dir, ATE_TREE));
    refused(t, "it is kept until");
    expect(ate_delete(t, a, 0), ATE_CONFLICT);
    w.sim.wall_us += RETENTION * SECOND;
    uint64_t size = world_size(&w);
    ok(ate_delete(t, dir, ATE_TREE));
    assert_int_equal(note_at(t, young), -ATE_NOT_FOUND);
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(world_size(&w), size + 1);
    assert_int_equal(note_at(t, below), -ATE_NOT_FOUND);
    assert_int_equal(count_children(t, ate_top), 0);
    ate_txn_end(t);
}

static void what_is_held_stays(void **state)
{
    (void)state;
    begin(RETENTION);
    struct ate_txn *t = world_begin(&w);
    struct ate_id dir = note_new(t, ate_top, "dir"), a = note_new(t, dir, "a");
    ok(ate_txn_commit(t, NULL));
    uint64_t size = world_size(&w);
    ok(ate_release(t, a)); /* it is not held */
    ok(ate_hold(t, a));
    ok(ate_release(t, a)); /* nor would it be */
    ok(ate_txn_commit(t, NULL));
    assert_int_equal(world_size(&w), size);
    ok(ate_hold(t, dir));
    struct ate_kept k = keeping(t, a);
    assert_true(k.held && ate__id_equal(&k.held_at, &dir)); /* before the commit too */
    ok(ate_txn_commit(t, NULL));
    k = keeping(t, a);
    assert_true(k.held && ate__id_equal(&k.held_at, &dir) && k.until_ns);
    w.sim.wall_us += 2 * RETENTION * SECOND;
    char text[ATE__ID_TEXT], sentence[100];
    snprintf(sentence, sizeof sentence, "it is held at %s", ate__id_text(&dir, text));
    ok(ate_delete(t, a, 0));
    refused(t, sentence);
    ok(ate_release(t, dir));
    ok(ate_txn_commit(t, NULL));
    assert_false(keeping(t, a).held);
    ok(ate_hold(t, ate_top));
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, a, 0));
    refused(t, "it is held at the top");
    k = keeping(t, a);
    assert_true(k.held && ate__id_equal(&k.held_at, &ate_top));
    ok(ate_release(t, ate_top));
    ok(ate_delete(t, a, 0)); /* as it was before the transaction, it is held */
    refused(t, "it is held at the top");
    ok(ate_release(t, ate_top));
    ok(ate_txn_commit(t, NULL));
    ok(ate_delete(t, a, 0));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

/* It is made and held in one transaction, in a scope of its own, and its rules change later. */
static void holds_and_rules_go_together(void **state)
{
    (void)state;
    begin(RETENTION);
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a");
    ok(ate_hold(t, a));
    ok(ate_protect(t, a,
                   &(struct ate_rules){.read = world_rule(&w, 3), .write = world_rule(&w, 3)}));
    ok(ate_txn_commit(t, NULL));
    assert_true(keeping(t, a).held);
    struct ate_txn *bob = world_begin_as(&w, 1); /* who administers it, and has no root key */
    ok(ate_protect(bob, a,
                   &(struct ate_rules){.read = world_rule(&w, 7), .write = world_rule(&w, 3)}));
    ok(ate_txn_commit(bob, NULL));
    assert_true(keeping(bob, a).held);
    ok(ate_release(bob, a));
    refused(bob, "only a root key of the chain holds and releases");
    ok(ate_hold(bob, ate_top));
    refused(bob, "only a root key of the chain holds and releases");
    ate_txn_end(bob);
    ok(ate_txn_refresh(t));
    ok(ate_release(t, a));
    ok(ate_txn_commit(t, NULL));
    struct ate_rules rules;
    ok(ate_protection(t, a, &rules));
    assert_true(rules.read.key_count == 3 && rules.write.key_count == 2);
    assert_int_equal(note_at(t, a), 1);
    assert_false(keeping(t, a).held);
    ate_txn_end(t);
}

/* The root key opens nothing there, and administers nothing. */
static void the_root_holds_what_it_cannot_read(void **state)
{
    (void)state;
    begin(RETENTION);
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a");
    struct ate_rule bob = world_rule(&w, 2);
    ok(ate_protect(t, a, &(struct ate_rules){.read = bob, .write = bob}));
    ok(ate_txn_commit(t, NULL));
    ok(ate_txn_refresh(t));
    ok(ate_hold(t, a));
    ok(ate_txn_commit(t, NULL));
    w.sim.wall_us += 2 * RETENTION * SECOND;
    struct ate_txn *his = world_begin_as(&w, 1);
    assert_int_equal(note_at(his, a), 1);
    ok(ate_delete(his, a, 0));
    refused(his, "it is held at");
    ok(ate_release(t, a));
    ok(ate_txn_commit(t, NULL));
    ok(ate_txn_refresh(his));
    ok(ate_delete(his, a, 0));
    ok(ate_txn_commit(his, NULL));
    ate_txn_end(his);
    ate_txn_end(t);
}

static void other_chains_hold_nothing(void **state)
{
    (void)state;
    struct ate_kept k;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a");
    expect(ate_hold(t, a), ATE_UNSUPPORTED);
    expect(ate_release(t, a), ATE_UNSUPPORTED);
    ok(ate_keeping(t, a, &k));
    assert_true(!k.archive && !k.held && !k.for_ever && !k.until_ns);
    ate_txn_end(t);
}

enum { NOTES = 60, LONG = 30000 };

static const char *long_text(unsigned n)
{
    static char text[LONG + 1];
    memset(text, 'a' + (int)(n % 26), LONG);
    return text;
}

static struct ate__compacted compact(void)
{
    struct ate__compact_conf conf = {.below = 0};
    struct ate__compacted done;
    ate__view_reclaim(ate__chain_view(world_chain(&w)), 0);
    ok(ate__chain_compact(world_chain(&w), &conf, &done));
    return done;
}

static void check_notes(const struct ate_id *ids, unsigned from)
{
    struct ate_txn *t = world_begin(&w);
    const struct note *n = NULL;
    for (unsigned i = 0; i < NOTES; i++) {
        if (i < from) {
            assert_int_equal(note_at(t, ids[i]), -ATE_NOT_FOUND);
            continue;
        }
        ok(ate_load(t, note, ids[i], &n));
        assert_string_equal(n->text, long_text(i));
        ate_txn_end_loans(t);
    }
    ate_txn_end(t);
}

/* There are no older versions; what is kept, held or not, stays whole, also when its time has come
 * and nobody has deleted it. What was deleted loses its payload. */
static void compaction_drops_the_deleted_alone(void **state)
{
    (void)state;
    struct ate_id ids[NOTES];
    ate__buf_clear(&options);
    ok(ate__genesis_worm(RETENTION * SECOND, &options));
    world_init_of(&w, false, ate__buf_bytes(&options));
    struct ate_txn *t = world_begin(&w);
    for (unsigned i = 0; i < NOTES; i++) {
        ok(ate_push(t, note, ate_top, NOTE(long_text(i), i), &ids[i]));
        ok(ate_txn_commit(t, NULL));
    }
    ok(ate_hold(t, ids[NOTES - 1]));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    assert_int_equal(compact().payloads, 0);
    w.sim.wall_us += 2 * RETENTION * SECOND;
    assert_int_equal(compact().payloads, 0);
    t = world_begin(&w);
    for (unsigned i = 0; i < NOTES / 2; i++)
        ok(ate_delete(t, ids[i], 0));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    struct ate__compacted done = compact();
    assert_true(done.rewritten && done.payloads > 0 && done.payloads <= NOTES / 2);
    check_notes(ids, NOTES / 2);
    world_reopen(&w); /* all of it is judged again, the tombstones by their time too */
    check_notes(ids, NOTES / 2);
    t = world_begin(&w);
    ok(ate_delete(t, ids[NOTES - 1], 0));
    refused(t, "it is held at");
    ate_txn_end(t);
}

/* Whoever runs the root sets its clock forward: all may go, and each later transaction shows it. */
static void a_clock_set_forward_shows(void **state)
{
    (void)state;
    begin(RETENTION);
    uint64_t before = w.sim.wall_us;
    struct ate_txn *t = world_begin(&w);
    struct ate_id a = note_new(t, ate_top, "a"), b;
    ok(ate_txn_commit(t, NULL));
    w.sim.wall_us = before + 2 * RETENTION * SECOND;
    ok(ate_delete(t, a, 0));
    ok(ate_txn_commit(t, NULL));
    w.sim.wall_us = before; /* and back */
    b = note_new(t, ate_top, "b");
    ok(ate_txn_commit(t, NULL));
    assert_true(keeping(t, b).until_ns / 1000 >= (int64_t)(before + 3 * RETENTION * SECOND));
    ate_txn_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_owner_changes_nothing, end),
        cmocka_unit_test_teardown(it_is_kept_until_its_time, end),
        cmocka_unit_test_teardown(it_is_kept_for_ever, end),
        cmocka_unit_test_teardown(each_is_deleted_by_itself, end),
        cmocka_unit_test_teardown(what_is_held_stays, end),
        cmocka_unit_test_teardown(holds_and_rules_go_together, end),
        cmocka_unit_test_teardown(the_root_holds_what_it_cannot_read, end),
        cmocka_unit_test_teardown(compaction_drops_the_deleted_alone, end),
        cmocka_unit_test_teardown(a_clock_set_forward_shows, end),
        cmocka_unit_test_teardown(other_chains_hold_nothing, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
