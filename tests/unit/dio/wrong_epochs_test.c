/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Epochs that are sealed wrongly on purpose by who administers a scope and reads it: nobody loses
 * what he could read and find before, who is left out is told so, with scope and key, and another
 * administrator mends it by the next epoch.
 */
#include "base/text.h"
#include "forge.h"

enum { ALICE_S, BOB_S, EVE_S, EVERYBODY = 7 };

static struct world w;
static struct ate_id folder, old_note; /* folder: read, written and administered by all three */

static void protect(struct ate_id id)
{
    struct ate_hash keys[WORLD_SESSIONS];
    struct ate_rule all = world_rule(&w, EVERYBODY);
    memcpy(keys, all.keys, all.key_count * sizeof *keys);
    all.keys = keys;
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, id, &(struct ate_rules){.read = all, .write = all}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static int put_as(unsigned session, const char *name, int64_t n, struct ate_id *ret_id)
{
    struct ate_txn *t = world_begin_as(&w, session);
    int rc = ate_put_as(t, note, folder, name, NOTE("text", n), ret_id);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 1), &folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    protect(folder);
    ok(put_as(BOB_S, "old", 2, &old_note));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

/* A session that remembers nothing. */
static struct ate_session *fresh(unsigned session)
{
    struct ate__key32 seed = {{0}};
    struct ate__key *key;
    struct ate_session *s;
    memset(&seed, 0x61 + (int)session, sizeof seed);
    ok(ate__session_new(&s));
    ok(ate__key_of_seed(&seed, NULL, &key));
    ok(ate__session_add(s, key));
    return s;
}

/* The number of the note, or minus why it is not read; by its id and by its name. */
static int64_t read_as(unsigned session, struct ate_id id)
{
    struct ate_session *s = fresh(session);
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, ATE_READ, &t));
    int64_t n = note_at(t, id);
    ate_txn_end(t);
    ate__session_unref(s);
    return n;
}

static int64_t named_as(unsigned session, const char *name)
{
    struct ate_session *s = fresh(session);
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, ATE_READ, &t));
    int64_t n = note_named(t, folder, name);
    ate_txn_end(t);
    ate__session_unref(s);
    return n;
}

/* The sentence names the scope, the epoch and the key. */
static void expect_told(unsigned session)
{
    char scope[ATE__ID_TEXT], key[ATE__HASH_TEXT];
    struct ate_hash fingerprint = world_key(&w, session);
    ate__id_text(&folder, scope);
    ate__hash_text(&fingerprint, key);
    if (!strstr(ate__error_text(), scope) || !strstr(ate__error_text(), key) ||
        !strstr(ate__error_text(), "epoch 1 is sealed to"))
        fail_msg("%s", ate__error_text());
}

static void expect_old_for_all(void)
{
    for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
        if (read_as(i, old_note) != 2)
            fail_msg("session %u lost it: %s", i, ate__error_text());
        if (named_as(i, "old") != 2)
            fail_msg("session %u lost its name: %s", i, ate__error_text());
    }
}

static void rotate_as(unsigned session)
{
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_rotate(t, folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static void one_reader_is_left_out(void **state)
{
    (void)state;
    static const int told[] = {[FORGE_TO_ANOTHER] = ATE_NO_KEY,
                               [FORGE_ANOTHER_KEY] = ATE_TAMPERED,
                               [FORGE_NOISE] = ATE_NO_KEY};
    for (enum forge_how how = FORGE_TO_ANOTHER; how <= FORGE_NOISE; how++) {
        struct ate_id fresh_note, blind, mended;
        set_up(NULL);
        ok(forge_epoch(
            &w, EVE_S,
            &(struct forged_epoch){
                .scope = folder, .readers = EVERYBODY, .wrong = 1 << BOB_S, .how = how}));
        ok(put_as(EVE_S, "new", 3, &fresh_note));
        expect_old_for_all();
        assert_int_equal(read_as(ALICE_S, fresh_note), 3);
        assert_int_equal(named_as(BOB_S, "old"), 2);
        assert_int_equal(read_as(BOB_S, fresh_note), -told[how]);
        expect_told(BOB_S);
        /* He writes as who may add and does not read, unless it is plain that the key is wrong. */
        expect(put_as(BOB_S, "blind", 7, &blind), how == FORGE_ANOTHER_KEY ? ATE_TAMPERED : 0);
        if (how == FORGE_ANOTHER_KEY)
            expect_told(BOB_S);
        else
            assert_int_equal(read_as(ALICE_S, blind), 7);
        rotate_as(ALICE_S);
        if (how != FORGE_ANOTHER_KEY)
            assert_int_equal(read_as(BOB_S, blind), 7);
        expect_old_for_all();
        for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
            assert_int_equal(read_as(i, fresh_note), 3);
            assert_int_equal(named_as(i, "new"), 3);
        }
        ok(put_as(BOB_S, "his", 4, &mended));
        for (unsigned i = 0; i < WORLD_SESSIONS; i++)
            assert_int_equal(read_as(i, mended), 4);
        if (how < FORGE_NOISE)
            tear_down(NULL);
    }
}

/* Two in a row, the first to one and the second to the other; each mends it for himself. */
static void in_turn(void **state)
{
    (void)state;
    struct ate_id first, second;
    struct forged_epoch f = {folder, EVERYBODY, .wrong = 1 << BOB_S, .how = FORGE_ANOTHER_KEY};
    ok(forge_epoch(&w, EVE_S, &f));
    ok(put_as(EVE_S, "one", 3, &first));
    f.wrong = 1 << ALICE_S;
    ok(forge_epoch(&w, EVE_S, &f));
    ok(put_as(EVE_S, "two", 4, &second));
    expect_old_for_all();
    assert_int_equal(read_as(BOB_S, first), 3); /* LINK of the second leads there */
    assert_int_equal(read_as(ALICE_S, first), 3);
    assert_int_equal(read_as(ALICE_S, second), -ATE_TAMPERED);
    rotate_as(BOB_S);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
        assert_int_equal(read_as(i, first), 3);
        assert_int_equal(read_as(i, second), 4);
    }
}

/* To all but herself: nobody can follow on that epoch, but what was there before is read by all,
 * and lies in another place as soon as it is moved. */
static void all_are_left_out(void **state)
{
    (void)state;
    struct ate_id other;
    ok(forge_epoch(&w, EVE_S,
                   &(struct forged_epoch){.scope = folder,
                                          .readers = EVERYBODY,
                                          .wrong = 1 << ALICE_S | 1 << BOB_S,
                                          .how = FORGE_NOISE}));
    expect_old_for_all();
    struct ate_txn *t = world_begin(&w);
    ok(ate_rotate(t, folder));
    expect(ate_txn_commit(t, NULL), ATE_NO_KEY);
    expect_told(ALICE_S);
    ate_txn_cancel(t);
    ok(ate_put_as(t, note, ate_top, "other", NOTE("other", 1), &other));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    protect(other);
    t = world_begin(&w);
    ok(ate_move(t, old_note, other, "old"));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        assert_int_equal(read_as(i, old_note), 2);
}

/* A name key that does not open, or another one: what has a name keeps it, and what gets one later
 * is found by all. */
static void names_are_kept(void **state)
{
    (void)state;
    for (enum forge_how how = FORGE_ANOTHER_KEY; how <= FORGE_NOISE; how++) {
        struct ate_id later, mended;
        set_up(NULL);
        ok(forge_epoch(
            &w, EVE_S,
            &(struct forged_epoch){.scope = folder, .readers = EVERYBODY, .name_key = how}));
        expect_old_for_all();
        ok(put_as(BOB_S, "later", 5, &later));
        for (unsigned i = 0; i < WORLD_SESSIONS; i++)
            assert_int_equal(named_as(i, "later"), 5);
        rotate_as(ALICE_S);
        expect_old_for_all();
        ok(put_as(ALICE_S, "mended", 6, &mended));
        for (unsigned i = 0; i < WORLD_SESSIONS; i++)
            assert_int_equal(named_as(i, "mended"), 6);
        if (how < FORGE_NOISE)
            tear_down(NULL);
    }
}

/* LINK that leads elsewhere, though its author reads the epoch before. */
static void a_link_that_leads_elsewhere(void **state)
{
    (void)state;
    struct ate_id later;
    ok(forge_epoch(
        &w, EVE_S,
        &(struct forged_epoch){.scope = folder, .readers = EVERYBODY, .link_elsewhere = true}));
    expect_old_for_all();
    expect(put_as(BOB_S, "later", 5, &later), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "LINK"));
}

/* Numbers behind the next one, up to the last there is. */
static void numbers_that_do_not_follow(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {2, 3, 1000, UINT64_MAX - 1, UINT64_MAX};
    for (unsigned i = 0; i < ATE__COUNT_OF(numbers); i++) {
        expect(forge_epoch(&w, EVE_S,
                           &(struct forged_epoch){
                               .scope = folder, .readers = EVERYBODY, .number = numbers[i]}),
               ATE_MALFORMED);
        assert_non_null(strstr(ate__error_text(), "not the next one"));
    }
    expect_old_for_all();
    rotate_as(BOB_S);
    expect_old_for_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_reader_is_left_out, tear_down),
        cmocka_unit_test_setup_teardown(in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_are_left_out, set_up, tear_down),
        cmocka_unit_test_teardown(names_are_kept, tear_down),
        cmocka_unit_test_setup_teardown(a_link_that_leads_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_that_do_not_follow, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
