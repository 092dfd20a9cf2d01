/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Power loss, and a kill, at every call that changes the disk while a key is revoked, while an
 * epoch begins, and while a reader goes with all his rights: what is there then is as before or as
 * after, for each who reads and each who writes, and it goes on from there.
 *
 * Arguments and environment: point.h. */
#include "point.h"
#include "unit/dio/world.h"
#include <stdlib.h>

enum { OWNER_S, STAYS, GOES, ALL = 7, REVOKE, ROTATE, TAKE_AWAY, ACTS };
static const char *const stories[] = {
    [REVOKE] = "revoke", [ROTATE] = "rotate", [TAKE_AWAY] = "take-away"};

static struct world w;
static struct ate_id folder, old_note, late_note; /* late: written behind the act */
static int act;
static uint64_t before, kills, losses, found[2]; /* as before, as after */
static const char *playing;
static uint64_t playing_seed;

static void protect(struct world *at, unsigned mask)
{
    struct ate_hash keys[WORLD_SESSIONS];
    struct ate_rule rule = world_rule(at, mask);
    memcpy(keys, rule.keys, rule.key_count * sizeof *keys);
    rule.keys = keys;
    struct ate_hash owner = world_key(at, OWNER_S);
    struct ate_txn *t = world_begin(at);
    ok(ate_protect(
        t, folder,
        &(struct ate_rules){.read = rule, .write = rule, .admin = {ATE_KEYS, &owner, 1}}));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
}

static int put(struct world *at, unsigned session, int64_t n, struct ate_id *ret_id)
{
    struct ate_txn *t = world_begin_as(at, session);
    int rc = ate_push(t, note, folder, NOTE("text", n), ret_id);
    if (!rc)
        rc = ate_txn_commit(t, NULL);
    ate_txn_end(t);
    return rc;
}

static void do_it(void)
{
    if (act == REVOKE) {
        world_revoke(&w, GOES);
    } else if (act == TAKE_AWAY) {
        protect(&w, ALL & ~(1u << GOES));
    } else {
        struct ate_txn *t = world_begin(&w);
        ok(ate_rotate(t, folder));
        ok(ate_txn_commit(t, NULL));
        ate_txn_end(t);
    }
}

static int64_t read_by(struct world *at, unsigned session, struct ate_id id)
{
    struct ate_txn *t = world_begin_as(at, session);
    int64_t n = note_at(t, id);
    ate_txn_end(t);
    return n;
}

/* Whether the act is there, by all that it changes. */
static bool is_after(struct world *at)
{
    struct ate_hash key = world_key(at, GOES);
    struct ate_scope scope;
    bool revoked = ate__trust_is_revoked(ate__chain_trust(world_chain(at)), &key);
    struct ate_txn *t = world_begin(at);
    ok(ate_readers(t, folder, &scope));
    uint64_t epoch = scope.epoch, readers = scope.reader_count;
    ate_txn_end(t);
    bool after = act == REVOKE ? revoked : epoch == 1;
    assert_true(revoked == (after && act == REVOKE));
    assert_int_equal(epoch, after && act != REVOKE);
    assert_int_equal(readers, 3 - (after && act == TAKE_AWAY));
    return after;
}

/* The world as a fresh process finds it on that disk. */
static void look(struct simdisk *take_disk, uint64_t seed)
{
    struct world *f = calloc(1, sizeof *f);
    struct ate_id id;
    assert_non_null(f);
    *f = w;
    f->disk = take_disk;
    f->dio = NULL;
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        ate__session_ref(f->session[i]);
    ate__session_ref(f->none);
    simenv_init(&f->sim, seed, simdisk_vfs(take_disk));
    f->sim.wall_us = w.sim.wall_us;
    world_reopen(f);
    bool after = is_after(f);
    found[after]++;
    assert_true(world_size(f) == before + after);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        assert_int_equal(read_by(f, i, old_note), 1);
    bool writes = !after || act == ROTATE;
    int rc = put(f, GOES, 5, &id);
    assert_true(writes ? !rc : rc == ATE_DENIED);
    ok(put(f, STAYS, 6, &id));
    assert_int_equal(read_by(f, OWNER_S, id), 6);
    bool reads = !after || act != TAKE_AWAY;
    assert_int_equal(read_by(f, GOES, id), reads ? 6 : -ATE_NO_KEY);
    world_reopen(f);
    assert_int_equal(read_by(f, OWNER_S, id), 6);
    world_deinit(f);
    free(f);
}

static void after_loss(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    (void)arg;
    losses++;
    look(take_disk, seed);
}

static void each_call(void *arg, uint64_t number)
{
    (void)arg;
    point_try(playing, playing_seed, number, w.disk, after_loss, NULL);
    if (!point_given()) { /* killed: the page cache has all of it */
        kills++;
        look(simdisk_clone(w.disk), playing_seed + number);
    }
}

static void play(uint64_t seed)
{
    playing_seed = seed;
    world_init(&w, false);
    simdisk_settle(w.disk);
    struct ate_txn *t = world_begin(&w);
    ok(ate_put_as(t, note, ate_top, "folder", NOTE("folder", 0), &folder));
    ok(ate_txn_commit(t, NULL));
    ate_txn_end(t);
    protect(&w, ALL);
    ok(put(&w, GOES, 1, &old_note));
    for (uint64_t i = 0; i < seed % 5; i++) /* so that other segments and groups are met */
        ok(put(&w, STAYS, 2, &late_note));
    before = world_size(&w);
    simdisk_watch(w.disk, each_call, NULL);
    do_it();
    simdisk_watch(w.disk, NULL, NULL);
    assert_true(is_after(&w));
    look(simdisk_crash(w.disk, seed), seed); /* it was acknowledged */
    assert_true(found[1]);
    world_deinit(&w);
}

static void test_rights(void **state)
{
    (void)state;
    for (act = REVOKE; act < ACTS; act++) {
        playing = stories[act];
        found[0] = found[1] = 0;
        point_play(playing, play);
        print_message("%s: %llu as before, %llu as after\n", playing, (unsigned long long)found[0],
                      (unsigned long long)found[1]);
        if (!point_given())
            assert_true(found[0]);
    }
    print_message("%llu losses, %llu kills\n", (unsigned long long)losses,
                  (unsigned long long)kills);
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){8, 4, 0});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_rights, point_say),
    };
    return cmocka_run_group_tests(tests, NULL, point_deinit);
}
