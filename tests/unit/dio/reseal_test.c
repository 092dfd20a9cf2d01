/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Sealing anew in batches: what is due and what is not, who may, broken off and gone on with,
 * beside others who write; names are found at every step of it.
 */
#include "forge.h"

enum { MANY = 600, DEEP = 60 };

static struct world w;
static struct ate_id folder;
static struct ate_id many[MANY];

static int set_up(void **state)
{
    (void)state;
    world_init(&w, true);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 1), &folder));
    ok(ate_protect(t, folder, &(struct ate_rules){.write = world_rule(&w, 7)}));
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        struct ate_id parent = i == 0 || i >= DEEP ? folder : many[i - 1];
        ok(ate_put_as(t, note, parent, name, NOTE("text", i), &many[i]));
    }
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static struct ate_id parent_of(unsigned i)
{
    return i == 0 || i >= DEEP ? folder : many[i - 1];
}

static void only(unsigned session, struct ate_id id, struct ate_rule read)
{
    struct ate_hash keys[WORLD_SESSIONS];
    if (read.key_count)
        memcpy(keys, read.keys, read.key_count * sizeof *keys);
    read.keys = keys;
    struct ate_txn *t = world_begin_as(&w, session);
    ok(ate_protect_only(t, id, &(struct ate_rules){.read = read, .write = world_rule(&w, 7)}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static unsigned readable(struct ate_session *s)
{
    struct ate_txn *t;
    unsigned count = 0;
    ok(ate__txn_begin(w.dio, s, 0, &t));
    for (unsigned i = 0; i < MANY; i++)
        count += note_at(t, many[i]) == i;
    ate_txn_end(t);
    return count;
}

/* All of them by their names, by who reads them. */
static void expect_names(struct ate_session *s)
{
    struct ate_txn *t;
    ok(ate__txn_begin(w.dio, s, 0, &t));
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(note_named(t, parent_of(i), name), i);
    }
    ate_txn_end(t);
}

static struct ate_resealed reseal(unsigned session, int result)
{
    struct ate_resealed done;
    struct ate_txn *t = world_begin_as(&w, session);
    expect(ate_reseal(t, folder, NULL, NULL, &done), result);
    ate_txn_end(t);
    return done;
}

static void for_other_readers(void **state)
{
    (void)state;
    only(0, folder, world_rule(&w, 3));
    assert_int_equal(readable(w.session[0]), MANY);
    assert_int_equal(readable(w.session[1]), 0); /* as it was, to who could */
    expect_names(w.session[0]);
    struct ate_resealed done = reseal(0, 0);
    assert_int_equal(done.seen, MANY + 1);
    assert_int_equal(done.resealed, MANY + 1);
    assert_int_equal(done.left, 0);
    assert_int_equal(readable(w.session[1]), MANY);
    expect_names(w.session[0]);
    expect_names(w.session[1]);
    done = reseal(1, 0); /* nothing is left to do */
    assert_int_equal(done.seen, MANY + 1);
    assert_int_equal(done.resealed, 0);
    /* Readers who come and go, and epochs, leave bodies alone. */
    only(0, folder, world_rule(&w, 7));
    only(0, folder, world_rule(&w, 5));
    done = reseal(0, 0);
    assert_int_equal(done.resealed, 0);
    assert_int_equal(readable(w.session[2]), MANY);
}

static void opened_and_closed(void **state)
{
    (void)state;
    only(0, folder, (struct ate_rule){.who = ATE_EVERYONE});
    assert_int_equal(readable(w.none), 0);
    expect_names(w.session[0]);
    assert_int_equal(reseal(0, 0).resealed, MANY + 1);
    assert_int_equal(readable(w.none), MANY);
    expect_names(w.none);
    only(0, folder, world_rule(&w, 3));
    expect_names(w.session[0]);
    assert_int_equal(readable(w.none), MANY); /* in clear until then */
    assert_int_equal(reseal(1, 0).resealed, MANY + 1);
    assert_int_equal(readable(w.none), 0);
    assert_int_equal(readable(w.session[1]), MANY);
    expect_names(w.session[1]);
    only(0, folder, (struct ate_rule){.who = ATE_INHERIT}); /* the top is session 0's */
    expect_names(w.session[0]);
    assert_int_equal(reseal(0, 0).resealed, MANY + 1);
    assert_int_equal(readable(w.session[0]), MANY);
    assert_int_equal(readable(w.session[1]), 0);
    expect_names(w.session[0]);
}

/* What was published needs no rewriting, until it lies somewhere else. */
static void published(void **state)
{
    (void)state;
    only(0, folder, world_rule(&w, 3));
    assert_int_equal(reseal(0, 0).resealed, MANY + 1);
    struct ate_txn *t = world_begin(&w);
    ok(ate_publish(t, folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    assert_int_equal(readable(w.none), MANY);
    expect_names(w.none);
    assert_int_equal(reseal(0, 0).resealed, 0);
    only(0, folder, world_rule(&w, 1));
    assert_int_equal(reseal(0, 0).resealed, 0); /* of an epoch of this scope */
    only(0, folder, (struct ate_rule){.who = ATE_INHERIT});
    assert_int_equal(reseal(0, 0).resealed, MANY + 1);
    assert_int_equal(readable(w.none), 0);
    expect_names(w.session[0]);
}

struct watch {
    uint64_t stop_after;
    unsigned calls, named;
    struct ate_id last;
    enum ate_result why;
};

static int watch(void *arg, const struct ate_resealed *so_far)
{
    struct watch *x = arg;
    x->calls++;
    if (so_far->why) {
        x->named++;
        x->last = so_far->id;
        x->why = so_far->why;
    }
    return x->stop_after && so_far->resealed >= x->stop_after ? ATE_BUSY : 0;
}

static void broken_off(void **state)
{
    (void)state;
    struct ate_resealed done;
    struct watch x = {.stop_after = 200};
    uint64_t total = 0;
    only(0, folder, world_rule(&w, 3));
    for (unsigned rounds = 0; total < MANY + 1; rounds++) {
        struct ate_txn *t = world_begin(&w);
        int rc = ate_reseal(t, folder, watch, &x, &done);
        ate_txn_end(t);
        assert_true(rc == 0 || rc == ATE_BUSY);
        assert_true(rounds < 10 && done.resealed > 0);
        total += done.resealed;
        assert_int_equal(readable(w.session[1]) + 1 >= total, 1);
        expect_names(w.session[0]);
    }
    assert_int_equal(total, MANY + 1); /* nothing twice */
    assert_int_equal(readable(w.session[1]), MANY);
}

static void what_is_left_is_named(void **state)
{
    (void)state;
    struct watch x = {0};
    struct ate_resealed done;
    struct ate_id foreign = many[100];
    struct ate_txn *t = world_begin(&w);
    ok(ate_protect(t, foreign, &(struct ate_rules){.write = world_rule(&w, 1)}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    only(0, folder, world_rule(&w, 3));
    t = world_begin_as(&w, 1); /* who opens nothing of it yet */
    ok(ate_reseal(t, folder, watch, &x, &done));
    assert_int_equal(done.left, MANY + 1);
    assert_int_equal(done.resealed, 0);
    assert_int_equal(x.named, MANY + 1);
    assert_int_equal(x.why, ATE_NO_KEY);
    ok(ate_put_as(t, note, folder, "pending", NOTE("x", 1), NULL));
    expect(ate_reseal(t, folder, NULL, NULL, NULL), ATE_MISUSE);
    ate_txn_cancel(t);
    expect(ate_reseal(t, (struct ate_id){{7}}, NULL, NULL, NULL), ATE_NOT_FOUND);
    ate_txn_end(t);
    /* One who reads all of it, and may not write one. */
    only(0, folder, world_rule(&w, 1));
    only(0, folder, (struct ate_rule){.who = ATE_INHERIT});
    t = world_begin(&w);
    struct ate_rule readers = world_rule(&w, 3);
    struct ate_hash keys[2];
    memcpy(keys, readers.keys, sizeof keys);
    readers.keys = keys;
    ok(ate_protect(t, ate_top, &(struct ate_rules){.read = readers, .write = world_rule(&w, 1)}));
    ok(ate_protect_only(
        t, folder, &(struct ate_rules){.read = {.who = ATE_EVERYONE}, .write = world_rule(&w, 7)}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    x = (struct watch){0};
    t = world_begin_as(&w, 1);
    ok(ate_reseal(t, folder, watch, &x, &done));
    ate_txn_end(t);
    assert_int_equal(done.left, 1);
    assert_int_equal(done.resealed, MANY);
    assert_true(ate__id_equal(&x.last, &foreign));
    assert_int_equal(x.why, ATE_DENIED);
    assert_int_equal(readable(w.none), MANY - 1);
    assert_int_equal(reseal(0, 0).resealed, 1);
}

/* Who may write stores what does not open: he does not keep the others from being sealed anew. */
static void what_does_not_open_is_left(void **state)
{
    (void)state;
    struct watch x = {0};
    struct ate_resealed done;
    only(0, folder, world_rule(&w, 3));
    assert_int_equal(reseal(0, 0).resealed, MANY + 1);
    forge(&w, 1, &(struct forged){.id = many[DEEP], .parent = folder, .spoiled = true});
    only(0, folder, world_rule(&w, 1)); /* a new epoch: nothing is due */
    assert_int_equal(reseal(0, 0).resealed, 0);
    only(0, folder, (struct ate_rule){.who = ATE_EVERYONE});
    struct ate_txn *t = world_begin(&w);
    ok(ate_reseal(t, folder, watch, &x, &done));
    ate_txn_end(t);
    assert_int_equal(done.left, 1);
    assert_int_equal(done.resealed, MANY);
    assert_true(ate__id_equal(&x.last, &many[DEEP]));
    assert_int_equal(x.why, ATE_TAMPERED);
    assert_int_equal(readable(w.none), MANY - 1);
}

/* Somebody writes into it after each batch. */
struct rival {
    unsigned next;
};
static int write_beside(void *arg, const struct ate_resealed *so_far)
{
    struct rival *r = arg;
    (void)so_far;
    for (unsigned i = 0; i < 3; i++, r->next += 7) {
        struct ate_txn *t = world_begin(&w);
        ok(ate_put(t, note, many[r->next % MANY], NOTE("beside", r->next % MANY)));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
    }
    return 0;
}

static void beside_others(void **state)
{
    (void)state;
    struct rival r = {.next = 450};
    struct ate_resealed done;
    only(0, folder, world_rule(&w, 3));
    struct ate_txn *t = world_begin(&w);
    ok(ate_reseal(t, folder, write_beside, &r, &done));
    ate_txn_end(t);
    assert_int_equal(done.left, 0);
    assert_int_equal(reseal(0, 0).resealed, 0);
    assert_int_equal(readable(w.session[1]), MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(for_other_readers), CASE(opened_and_closed),     CASE(published),
        CASE(broken_off),        CASE(what_is_left_is_named), CASE(what_does_not_open_is_left),
        CASE(beside_others),
#undef CASE
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
