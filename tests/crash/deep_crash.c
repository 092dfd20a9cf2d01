/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a chain is deeply compacted.
 *
 * After each such call several disks are made as a power loss at that moment may leave them. On
 * each the chain is opened, which verifies all of it, finds the state at its cut-off and the
 * certificate of that; every object is as it was, and every size has the root that it had. Then it
 * is written to, the compaction is done once more, to its end, the power goes again, and the same
 * must hold. Every third script is of a centralized chain, whose server certifies, and which is
 * believed whole on the machine that wrote it.
 *
 * Arguments and environment: point.h. */
#include "chain/believe.h"
#include "point.h"
#include "unit/chain/story.h"
#include <stdlib.h>

enum { SCRIPTS = 3, SEEDS_EACH = 4, IMAGES_MIN = 100, BEFORE = 800 };

static uint64_t points, cut, whole, script_now;

static const char name[] = "deep";

static void open_and_check(struct story *f)
{
    struct ate__storage_state state;
    kit_open_ok(&f->k, 0);
    struct ate__storage *storage = ate__chain_storage(f->k.chain);
    storage->v->state(storage, &state);
    cut += state.cut_off != 0;
    whole += state.cut_off == 0;
    assert_true(state.size >= f->size);
    assert_true(ate__chain_believed(f->k.chain) == state.size);
    story_check_state(f);
    for (uint64_t size = 1; size <= f->size; size += 7) {
        struct ate_hash root;
        kit_ok(ate__chain_root_at(f->k.chain, size, &root));
        assert_memory_equal(&root, &f->roots[size], sizeof root);
    }
}

static void check_left(struct story *f, uint64_t seed)
{
    struct ate__compacted done;
    open_and_check(f);
    points++;
    kit_ok(story_go_on(f, 5));
    story_note(f);
    kit_ok(story_compact(f, f->size - seed % 300, &done));
    kit_crash(&f->k, seed + 1);
    open_and_check(f);
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    struct story *f = malloc(sizeof *f);
    assert_non_null(f);
    story_fork(f, arg, take_disk, seed);
    check_left(f, seed);
    story_deinit(f);
    free(f);
}

static void each_call(void *arg, uint64_t number)
{
    struct story *s = arg;
    point_try(name, script_now, number, s->k.disk, after_crash, s);
}

static void script(uint64_t seed)
{
    struct ate__compacted done;
    script_now = seed;
    struct story *s = malloc(sizeof *s);
    assert_non_null(s);
    if (seed % 3 == 2)
        story_init_central(s, seed);
    else
        story_init(s, seed);
    kit_ok(story_go_on(s, BEFORE));
    if (seed % 2) { /* one that was compacted before is compacted further */
        kit_ok(story_compact(s, 400, &done));
        kit_ok(story_go_on(s, 100));
    }
    story_note(s);
    simdisk_watch(s->k.disk, each_call, s);
    kit_ok(story_compact(s, UINT64_MAX, &done));
    kit_close(&s->k);
    simdisk_watch(s->k.disk, NULL, NULL);
    story_deinit(s);
    free(s);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(name, script);
    print_message("%llu crash points, %zu distinct images, %llu opened with a cut-off\n",
                  (unsigned long long)points, point_images.count, (unsigned long long)cut);
    if (!point_given())
        assert_true(cut && whole);
    point_check_images();
}

int main(int argc, char **argv)
{
    point_init(argc, argv, &(struct point_plan){SCRIPTS, SEEDS_EACH, IMAGES_MIN});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_loss, point_say),
    };
    return cmocka_run_group_tests(tests, NULL, point_deinit);
}
