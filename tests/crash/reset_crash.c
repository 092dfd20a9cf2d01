/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a chain says that it went back, and goes on.
 *
 * On each disk that a power loss may leave, the chain has what it had, and says so or does not;
 * once it was acknowledged, it does. Then it is said, if it was not, and the chain goes on.
 *
 * Arguments and environment: point.h. */
#include "chain/reset.h"
#include "point.h"
#include "unit/chain/kit.h"

enum { SCRIPTS = 6, SEEDS_EACH = 8, IMAGES_MIN = 60 };

struct world {
    struct kit k;
    uint64_t script, size; /* before it */
    bool acknowledged;
};
static struct ate_session *owner;
static uint64_t points, said, unsaid;

static const char story[] = "reset";

static int set_up(void **state)
{
    struct ate__key *key;
    (void)state;
    kit_ok(ate__session_new(&owner));
    kit_ok(ate__key_of_seed(&kit_key(0)->seed, NULL, &key));
    kit_ok(ate__session_add(owner, key));
    return 0;
}

static int tear_down(void **state)
{
    ate__session_unref(owner);
    return point_deinit(state);
}

static void say(struct kit *k)
{
    struct ate__receipt ignored;
    simenv_pass_ms(&k->sim, 1000);
    kit_ok(ate__chain_reset(k->chain,
                            &(struct ate__reset_conf){.session = owner,
                                                      .reason = ATE__RESET_RESTORE,
                                                      .text = "the disk died"},
                            &ignored));
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct ate__reset found;
    struct kit k;
    kit_take(&k, &w->k, take_disk, seed);
    kit_open_ok(&k, 0);
    uint64_t size = kit_size(&k);
    bool is_said =
        !ate__chain_reset_find(k.chain, &(struct ate__reset_seen){.size = w->size}, &found);
    assert_true(size >= w->size && is_said == (size > w->size));
    assert_true(is_said || !w->acknowledged);
    assert_true(!is_said || found.sequence == w->size);
    said += is_said;
    unsaid += !is_said;
    if (!is_said)
        say(&k);
    kit_put_ok(&k, 99, "goes on");
    kit_reopen_ok(&k);
    assert_true(kit_size(&k) == (is_said ? size : w->size + 1) + 1);
    kit_deinit(&k);
    points++;
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

static void script(uint64_t seed)
{
    struct world w = {.script = seed};
    kit_init(&w.k, seed);
    kit_create_ok(&w.k);
    for (unsigned i = 1; i <= 5 + seed % 3 * 100; i++)
        kit_put_ok(&w.k, i, "a text that was there before");
    kit_reopen_ok(&w.k);
    w.size = kit_size(&w.k);
    simdisk_watch(w.k.disk, each_call, &w);
    say(&w.k);
    w.acknowledged = true;
    kit_put_ok(&w.k, 98, "and goes on");
    kit_close(&w.k);
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points: %llu said it, %llu did not\n", (unsigned long long)points,
                  (unsigned long long)said, (unsigned long long)unsaid);
    if (!point_given())
        assert_true(said && unsaid);
    point_check_images();
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
