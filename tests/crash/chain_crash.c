/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Power loss at every call that changes the disk, over a scripted load on a whole chain.
 *
 * After each such call several disks are made as a power loss at that moment may leave them. On
 * each the chain is opened, which verifies all of it, and compared with what was acknowledged
 * (chain_world.h). Then the story goes on from there: more commits, a second loss, or a kill.
 *
 * Then power loss, one group, and power loss again; a sync that fails once in the same boot; and
 * calls that fail, from which the chain recovers in the same process.
 *
 * A listener notes the largest size that was told: no disk after a loss may hold less.
 *
 * Arguments and environment: point.h. */
#include "chain_world.h"
#include "point.h"

#include <stdlib.h>

enum { SCRIPTS = 36, SEEDS_EACH = 3, IMAGES_MIN = 7000 };

struct counts {
    uint64_t points, kept, second, interrupted, kills, faults, recovered, broken, shorter;
    uint64_t same_boot, stands;
};
static struct counts counts;

/* ---- what follows a crash ---- */

static void count_image(const struct world *w)
{
    distinct_add(&point_images, simdisk_digest(w->k.disk));
}

static void after_crash(struct world *w)
{
    if (rnd_below(&w->r, 4) == 0) { /* the open itself is interrupted */
        simdisk_stop(w->k.disk, 1 + rnd_below(&w->r, 14));
        int rc = kit_open(&w->k, 0);
        counts.interrupted += rc != 0;
        kit_crash(&w->k, rnd_u64(&w->r));
    }
    world_open_again(w, false);
    counts.points++;
    if (rnd_below(&w->r, 3))
        return;
    if (rnd_below(&w->r, 2) == 0)
        simdisk_stop(w->k.disk, 1 + rnd_below(&w->r, 30));
    world_run(w, 1 + (unsigned)rnd_below(&w->r, 5));
    bool kill = rnd_below(&w->r, 4) == 0;
    if (kill) {
        world_kill(w);
        counts.kills++;
    } else {
        world_lose_power(w);
        count_image(w);
    }
    counts.second++;
    world_open_again(w, kill);
}

/* Again without anything in between but one group that was acknowledged: nothing of before the
 * first loss comes back behind it. */
static void after_one_group(struct world *w)
{
    world_open_again(w, false);
    counts.points++;
    int rc = world_commit(w);
    if (rc)
        fail_msg("commit: %s: %s", ate__result_name(rc), ate__error_text());
    for (unsigned i = 0; i < 3; i++) {
        uint64_t seed = rnd_u64(&w->r);
        struct world *f = malloc(sizeof *f);
        assert_non_null(f);
        world_fork(f, w, simdisk_crash(w->k.disk, seed), seed);
        count_image(f);
        world_open_again(f, false);
        assert_int_equal(world_commit(f), 0);
        world_check(f, true);
        world_deinit(f);
        free(f);
        counts.second++;
    }
}

static void after_loss(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct world *f = malloc(sizeof *f);
    assert_non_null(f);
    world_fork(f, w, take_disk, seed);
    w->after(f);
    world_deinit(f);
    counts.kept += f->kept;
    counts.shorter += f->shorter;
    free(f);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    /* Nothing unsynced is visible. */
    if (w->k.chain && w->k.sync == ATE__SYNC_ALWAYS)
        assert_true(ate__view_published(ate__chain_view(w->k.chain)) <= ate__max(w->acked, 1));
    point_try(w->story, w->script, number, w->k.disk, after_loss, w);
}

static void script(const char *story, uint64_t seed, unsigned steps, void (*after)(struct world *w))
{
    if (!point_wants_script(story, seed))
        return;
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w, seed);
    w->story = story;
    w->script = seed;
    w->after = after;
    simdisk_watch(w->k.disk, each_call, w);
    world_begin(w);
    world_run(w, steps);
    world_leave(w);
    kit_close(&w->k);
    simdisk_watch(w->k.disk, NULL, NULL);
    world_deinit(w);
    free(w);
}

static void test_power_loss(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    for (uint64_t i = 0; i < point_scripts(); i++)
        script("loss", seed + i, 30, after_crash);
    print_message("%llu crash points, %zu distinct images, %llu groups under way kept, %llu "
                  "shorter under weaker policies, %llu opens interrupted, %llu second crashes, "
                  "%llu kills\n",
                  (unsigned long long)counts.points, point_images.count,
                  (unsigned long long)counts.kept, (unsigned long long)counts.shorter,
                  (unsigned long long)counts.interrupted, (unsigned long long)counts.second,
                  (unsigned long long)counts.kills);
    if (!point_given())
        assert_true(counts.kept && counts.interrupted && counts.kills && counts.shorter);
}

static void test_power_loss_commit_power_loss(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    counts = (struct counts){.points = 0};
    for (uint64_t i = 0; i < point_scripts() / 4; i++)
        script("twice", seed + 1000 + i, 12, after_one_group);
    print_message("%llu crash points, %llu second crashes, %zu distinct images in all\n",
                  (unsigned long long)counts.points, (unsigned long long)counts.second,
                  point_images.count);
    if (!point_given())
        assert_true(counts.kept);
    point_check_images();
}

/* ---- a sync that fails once, in the same boot ---- */

enum { PUTS = 20 };

static void expect_text(struct kit *k, unsigned object, const char *text, const char *when)
{
    if (strcmp(kit_text(k, object), text))
        fail_msg("object %u is '%s' instead of '%s' %s", object, kit_text(k, object), text, when);
}

/* Whether the transaction is in the chain. */
static bool is_there(struct kit *k, uint64_t number)
{
    struct ate__receipt receipt;
    struct ate__txn_id id = {.number = number};
    memset(id.origin, k->origin, sizeof id.origin);
    int rc = ate__chain_outcome(k->chain, &id, NULL, &receipt);
    if (rc && rc != ATE_NOT_FOUND)
        fail_msg("outcome: %s: %s", ate__result_name(rc), ate__error_text());
    if (!rc)
        assert_int_equal(receipt.stage, ATE__DURABLE);
    return !rc;
}

/* The commit that met it is answered as not known; what its outcome is said to be afterwards holds
 * after a power loss, and so does all that is acknowledged from then on (docs/format/redo.md). */
static bool sync_fails_once(uint64_t seed, uint64_t n, unsigned way)
{
    struct kit k;
    struct draft d;
    char text[PUTS][16];
    kit_init(&k, seed);
    kit_create_ok(&k);
    simdisk_fail(k.disk, SIMDISK_SYNC, n, 1, ATE_E_IO);
    unsigned count = 0;
    int rc = 0;
    while (!rc && count < PUTS) {
        snprintf(text[count], sizeof text[count], "text %u", count);
        kit_begin(&k, &d);
        kit_draft_put(&k, &d, 1 + count, text[count]);
        rc = kit_commit(&k, &d);
        count++;
        if (!rc)
            draft_deinit(&d);
    }
    bool failed = simdisk_failed(k.disk);
    assert_true(failed == (rc != 0));
    if (failed) {
        assert_int_equal(rc, ATE_UNKNOWN);
        uint64_t number = k.number;
        if (way == 1) { /* the next process, in the same boot */
            kit_kill(&k);
            kit_open_ok(&k, 0);
        }
        bool stands = is_there(&k, number);
        counts.stands += stands;
        if (way == 2) { /* the same bytes again get the true outcome */
            kit_ok(kit_commit(&k, &d));
            assert_true(is_there(&k, number));
            assert_string_equal(kit_text(&k, count), text[count - 1]);
            stands = true;
        }
        if (way == 3)
            kit_put_ok(&k, 900, "acknowledged since");
        kit_crash(&k, seed * 31 + n);
        kit_open_ok(&k, 0);
        assert_true(is_there(&k, number) == stands);
        for (unsigned i = 0; i + 1 < count; i++)
            expect_text(&k, 1 + i, text[i], "after a power loss");
        expect_text(&k, count, stands ? text[count - 1] : "", "after a power loss");
        expect_text(&k, 900, way == 3 ? "acknowledged since" : "", "after a power loss");
        counts.same_boot++;
        draft_deinit(&d);
    }
    kit_deinit(&k);
    return failed;
}

static void test_sync_fails_once(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1);
    bool met = !point_given();
    for (uint64_t n = 1; met; n++) {
        met = false;
        for (unsigned way = 0; way < 4; way++)
            for (uint64_t i = 0; i < 8; i++)
                met |= sync_fails_once(seed + 1000 * n + i, n, way);
    }
    print_message("%llu syncs failed once; %llu transactions stood all the same\n",
                  (unsigned long long)counts.same_boot, (unsigned long long)counts.stands);
    if (!point_given())
        assert_true(counts.stands && counts.same_boot > counts.stands);
}

/* ---- calls that fail ---- */

/* The log failed in a call that the script made in place of the task. */
static void as_the_tick_does(struct ate__chain *c)
{
    struct ate__works done = {NULL, NULL, 0, 0};
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    if (!state.failed || c->broken)
        return;
    pthread_mutex_lock(&c->mutex);
    ate__chain_failed(c, &done);
    ate__works_finish(c, &done);
    pthread_mutex_unlock(&c->mutex);
}

/* After a step that failed: the chain has recovered, or says that it is broken and does so later;
 * or the process or the machine goes. */
static void after_fault(struct world *w)
{
    switch (w->k.chain ? rnd_below(&w->r, 4) : 2 + rnd_below(&w->r, 2)) {
    case 0:
    case 1:
        as_the_tick_does(w->k.chain);
        for (unsigned tries = 0; w->k.chain->broken && tries < 6; tries++) {
            counts.broken++;
            simenv_pass_ms(&w->k.sim, 1000);
            pthread_mutex_lock(&w->k.chain->mutex);
            (void)ate__chain_mend(w->k.chain);
            pthread_mutex_unlock(&w->k.chain->mutex);
        }
        if (w->k.chain->broken) { /* under a weaker policy what was shown may be gone */
            assert_true(w->k.sync != ATE__SYNC_ALWAYS);
            break;
        }
        simdisk_fail(w->k.disk, 0, 0, 0, 0);
        counts.recovered++;
        world_leave(w);
        world_check(w, true);
        world_listen(w);
        w->synced = w->k.sync == ATE__SYNC_ALWAYS ? w->acked : 1;
        return;
    case 2:
        world_kill(w);
        world_open_again(w, w->k.sync == ATE__SYNC_ALWAYS);
        return;
    default: break;
    }
    world_lose_power(w);
    if (w->k.sync != ATE__SYNC_ALWAYS)
        w->synced = 1;
    world_open_again(w, false);
}

/* What is to be looked at again when the test fails. */
static struct {
    uint64_t seed, n, count;
    unsigned kinds;
    int result;
} run_of;

static int say_which(void **state)
{
    (void)state;
    if (run_of.seed)
        print_message("the last run: seed %llu, kinds %u, call %llu, %llu times %s\n",
                      (unsigned long long)run_of.seed, run_of.kinds, (unsigned long long)run_of.n,
                      (unsigned long long)run_of.count, ate__result_name(run_of.result));
    return 0;
}

/* The n-th call of some kinds fails. Returns false when there were not as many. */
static bool fault_at(uint64_t seed, unsigned kinds, uint64_t n, uint64_t count, int result)
{
    struct world *w = malloc(sizeof *w);
    run_of = (typeof(run_of)){seed, n, count, kinds, result};
    world_init(w, seed);
    world_begin(w);
    struct simdisk *first = w->k.disk;
    bool failed = false;
    simdisk_fail(first, kinds, n, count, result);
    for (unsigned i = 0; i < 14; i++) {
        int rc = world_step(w);
        failed |= w->k.disk == first && simdisk_failed(first);
        if (rc)
            after_fault(w);
    }
    world_lose_power(w);
    if (failed && w->k.sync != ATE__SYNC_ALWAYS)
        w->synced = 1;
    world_open_again(w, false);
    world_deinit(w);
    free(w);
    counts.faults++;
    return failed;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        unsigned kinds;
        int result;
    } rows[] = {
        {SIMDISK_SYNC, ATE_E_IO},
        {SIMDISK_SYNC | SIMDISK_SYNC_DIR, ATE_E_NO_SPACE},
        {SIMDISK_WRITE, ATE_E_IO},
        {SIMDISK_WRITE | SIMDISK_CREATE, ATE_E_NO_SPACE},
        {SIMDISK_MUTATING, ATE_E_IO},
        {SIMDISK_READ | SIMDISK_OPEN | SIMDISK_STAT | SIMDISK_LIST, ATE_E_IO},
    };
    uint64_t seed = rnd_seed(1);
    for (size_t row = 0; row < ATE__COUNT_OF(rows) && !point_given(); row++)
        for (uint64_t n = 1, misses = 0; misses < 2; n++) {
            bool met = false;
            for (uint64_t i = 0; i < 4; i++)
                met |=
                    fault_at(seed + 1000 * n + i, rows[row].kinds, n, 1 + i % 3, rows[row].result);
            misses = met ? 0 : misses + 1;
        }
    print_message("%llu runs with a fault, %llu recovered in the same process, %llu times later\n",
                  (unsigned long long)counts.faults, (unsigned long long)counts.recovered,
                  (unsigned long long)counts.broken);
    if (!point_given())
        assert_true(counts.recovered > 50 && counts.broken);
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
        cmocka_unit_test_teardown(test_power_loss_commit_power_loss, point_say),
        cmocka_unit_test(test_sync_fails_once),
        cmocka_unit_test_teardown(test_faults, say_which),
    };
    return cmocka_run_group_tests(tests, NULL, point_deinit);
}
