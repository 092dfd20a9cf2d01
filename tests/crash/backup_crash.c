/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a log is copied, appended to and compacted.
 *
 * Source and copy lie on one disk. On each disk that a power loss may leave, the source holds what
 * was acknowledged, and the copy is a log that opens and holds at least what it held when the last
 * copy ended. Then the copy is taken up again, to its end, and is what a fresh one would be.
 *
 * Arguments and environment: point.h. */
#include "point.h"
#include "unit/redo/backing.h"
#include <stdlib.h>

enum { SCRIPTS = 4, SEEDS_EACH = 3, IMAGES_MIN = 350, BEFORE = 500, THEN = 1100, CUT_OFF = 700 };

struct world {
    struct kit k;
    uint64_t script, acked;
    size_t flight;
    int64_t copied; /* of the last copy that ended; -1: none */
    uint64_t calls;
};
static uint64_t points, none, longer;

static const char story[] = "backup";

static void compact(struct world *w)
{
    struct compactor c = {.keep_all_from = CUT_OFF - CUT_OFF % ATE__TILE_LEAVES};
    assert_int_equal(compacting_all(&w->k, &c, CUT_OFF, CUT_OFF), 0);
}

static void check_left(struct world *f)
{
    struct reading r;
    struct backing b = {.k = &f->k, .to_dir = "/b", .step_bytes = 40000};
    int64_t size = backing_size(&f->k, "/b");
    if (size < f->copied)
        fail_msg("the copy has %lld records, it had %lld", (long long)size, (long long)f->copied);
    none += size < 0;
    longer += size > f->copied;
    compacting_open_ok(&f->k, 0);
    uint64_t there = kit_state(&f->k).size;
    if (there != f->acked && there != f->acked + f->flight)
        fail_msg("the source has %llu records of %llu", (unsigned long long)there,
                 (unsigned long long)f->acked);
    compacting_check(&f->k, there, &r);
    backing_ok(&b);
    backing_check(&f->k, "/b", there);
    points++;
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct world f = {.acked = w->acked, .flight = w->flight, .copied = w->copied};
    kit_take(&f.k, take_disk, seed);
    f.k.conf = w->k.conf;
    check_left(&f);
    kit_deinit(&f.k);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

/* Some appends while it is copied, few: each of their calls is a point too. */
static void append_beside(void *arg)
{
    struct world *w = arg;
    if (++w->calls % 250)
        return;
    uint64_t before = kit_state(&w->k).size;
    w->flight = 1 + before % 5; /* as compacting_try_grow() has it */
    compacting_grow(&w->k, before + w->flight);
    w->acked = before + w->flight;
    w->flight = 0;
}

static void copy(struct world *w)
{
    struct backing b = {
        .k = &w->k, .to_dir = "/b", .meanwhile = append_beside, .arg = w, .step_bytes = 60000};
    b.to = kit_state(&w->k).size;
    simdisk_watch(w->k.disk, each_call, w);
    backing_ok(&b);
    simdisk_watch(w->k.disk, NULL, NULL);
    w->copied = (int64_t)b.to;
}

static void script(uint64_t seed)
{
    struct world w = {.script = seed, .copied = -1};
    kit_init(&w.k, seed);
    simdisk_mkdir(w.k.disk, "/b");
    w.k.conf.pad = seed % 4 == 1;
    w.k.conf.no_prewrite = seed % 4 == 2;
    compacting_open_ok(&w.k, ATE__STORAGE_CREATE);
    w.acked = BEFORE + seed % 7 * 40;
    compacting_grow(&w.k, w.acked);
    copy(&w);
    w.acked = THEN;
    compacting_grow(&w.k, THEN);
    if (seed % 2)
        compact(&w);
    while (kit_state(&w.k).prepare_due)
        assert_int_equal(w.k.s->v->prepare(w.k.s), 0);
    copy(&w);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points, %zu distinct images, %llu without a copy, %llu on the way\n",
                  (unsigned long long)points, point_images.count, (unsigned long long)none,
                  (unsigned long long)longer);
    if (!point_given())
        assert_true(none && longer);
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
