/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a chain is destroyed, in its directory or by
 * a server that has it open.
 *
 * On each disk that a power loss may leave, the chain is as it was, or it is destroyed: then it
 * does not open and none can be made in its place, whatever is left of it. Then it is destroyed
 * once more, to the end.
 *
 * Arguments and environment: point.h. */
#include "chain/destroy.h"
#include "point.h"
#include "unit/chain/order.h"

enum { SCRIPTS = 16, SEEDS_EACH = 16, IMAGES_MIN = 60 };

struct world {
    struct kit k;
    uint64_t script, size;
};
static struct ate_session *owner;
static uint64_t points, whole, between, gone;

static const char story[] = "destroy";
enum { AT_SERVER = 8 /* scripts from there on */ };

static int destroy(struct kit *k, struct ate__destroyed *ret)
{
    struct ate__destroy conf = {.chain = kit_conf(k), .session = owner, .name = "/test"};
    return ate__chain_destroy(&conf, k->root, ret);
}

/* As a server does it, or as far as it comes. */
static void destroy_open(struct kit *k)
{
    struct ate__destruction d = order_begin(k);
    kit_ok(order_destroy(k, &d, 0));
    kit_close(k);
    kit_ok(ate__chain_destroy_clear(k->sim.env.vfs, k->root));
}

/* A server ends by itself what it began, whatever is left of it. */
static void go_on(struct kit *k)
{
    const struct ate__chain_conf conf = kit_conf(k);
    kit_ok(ate__chain_destroy_end(&conf, k->root));
    assert_true(!simdisk_exists(k->disk, "/c/,chain") &&
                !simdisk_exists(k->disk, "/c/,destroying"));
}

static void check_left(struct kit *k, const struct world *w)
{
    struct ate__destroyed d;
    bool is_there = simdisk_exists(k->disk, "/c/,chain");
    bool is_left = simdisk_exists(k->disk, "/c/,destroying");
    bool is_gone = simdisk_exists(k->disk, "/c/,destroyed");
    assert_true(is_there || is_gone);
    if (!is_gone) {
        kit_open_ok(k, 0);
        assert_true(kit_size(k) == w->size);
        kit_close(k);
    } else {
        assert_int_equal(kit_open(k, 0), ATE_NOT_FOUND);
        assert_int_equal(kit_create(k), ATE_DENIED);
    }
    whole += !is_gone;
    between += is_gone && (is_there || is_left);
    gone += is_gone && !is_there && !is_left;
    if (is_gone && w->script % 16 >= AT_SERVER) {
        go_on(k);
        is_there = is_left = false;
    }
    int rc = destroy(k, &d);
    assert_true(!rc || (rc == ATE_NOT_FOUND && !is_there && !is_left));
    assert_true(rc || (d.size == w->size && ate__hash_equal(&d.chain_id, &k->chain_id)));
    assert_int_equal(kit_open(k, 0), ATE_NOT_FOUND);
    assert_int_equal(kit_create(k), ATE_DENIED);
    assert_true(!simdisk_exists(k->disk, "/c/,chain") &&
                !simdisk_exists(k->disk, "/c/,destroying"));
    points++;
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct kit k;
    kit_take(&k, &w->k, take_disk, seed);
    check_left(&k, w);
    kit_deinit(&k);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

/* Some were killed, and have a torn tail or one that was not synced; some have what is left of an
 * earlier one. */
static void script(uint64_t seed)
{
    struct world w = {.script = seed};
    struct ate__destroyed d;
    kit_init(&w.k, seed);
    kit_create_ok(&w.k);
    for (unsigned i = 1; i <= 10 + seed % 3 * 20; i++)
        kit_put_ok(&w.k, i, "a text");
    w.size = kit_size(&w.k);
    if (seed % 16 >= AT_SERVER)
        kit_reopen_ok(&w.k);
    else if (seed % 2)
        kit_kill(&w.k);
    else
        kit_close(&w.k);
    if (seed % 4 == 2) {
        simdisk_mkdir(w.k.disk, "/c/,destroying");
        simdisk_put(w.k.disk, "/c/,destroying/0000000000000001.seg", "old", 3);
    }
    if (seed % 4 == 3) {
        simdisk_mkdir(w.k.disk, "/c/,chain/trimmed");
        simdisk_put(w.k.disk, "/c/,chain/trimmed/1", "torn", 4);
    }
    simdisk_settle(w.k.disk);
    simdisk_watch(w.k.disk, each_call, &w);
    if (w.k.chain) {
        destroy_open(&w.k);
    } else {
        kit_ok(destroy(&w.k, &d));
        assert_true(d.size == w.size);
    }
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static int make_owner(void **state)
{
    struct ate__key *key;
    (void)state;
    kit_ok(ate__session_new(&owner));
    kit_ok(ate__key_of_seed(&kit_key(0)->seed, NULL, &key));
    kit_ok(ate__session_add(owner, key));
    return 0;
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points: %llu whole, %llu in between, %llu gone\n",
                  (unsigned long long)points, (unsigned long long)whole,
                  (unsigned long long)between, (unsigned long long)gone);
    if (!point_given())
        assert_true(whole && between && gone);
    point_check_images();
    ate__session_unref(owner);
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
    };
    return cmocka_run_group_tests(tests, make_owner, point_deinit);
}
