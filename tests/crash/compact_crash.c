/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a log is compacted and appended to.
 *
 * After each such call several disks are made as a power loss at that moment may leave them. On
 * each the log is opened again: every record that was acknowledged is there whole, or was left out
 * below the cut-off and has its leaf in the tiles; of the append under way all or nothing. Then the
 * compaction is done once more, to its end, the power goes again, and the same must hold.
 *
 * Arguments and environment: point.h. */
#include "point.h"
#include "unit/redo/compacting.h"
#include <stdlib.h>

enum { SCRIPTS = 6, SEEDS_EACH = 5, IMAGES_MIN = 300, BEFORE = 1300, CUT_OFF = 1100 };

struct world {
    struct kit k;
    struct compactor c;
    uint64_t script, acked;
    size_t flight; /* records of the append under way */
    uint64_t pauses;
};
static uint64_t points, gaps, whole;

static const char story[] = "compact";

/* ---- what must be there ---- */

static void open_and_check(struct world *w)
{
    struct reading r;
    int rc = compacting_open(&w->k, 0);
    if (rc)
        fail_msg("open: %d %s", rc, ate__error_text());
    uint64_t size = kit_state(&w->k).size;
    if (size != w->acked && size != w->acked + w->flight)
        fail_msg("%llu records; %llu were acknowledged, %zu more under way",
                 (unsigned long long)size, (unsigned long long)w->acked, w->flight);
    compacting_check(&w->k, size, &r);
    w->acked = size;
    w->flight = 0;
    gaps += r.missing != 0;
    whole += r.missing == 0;
}

static void compact(struct world *w, uint64_t cut_off)
{
    w->c = (struct compactor){.keep_all_from = cut_off - cut_off % ATE__TILE_LEAVES};
    int rc = compacting_all(&w->k, &w->c, cut_off, cut_off);
    if (rc)
        fail_msg("compact: %d %s", rc, ate__error_text());
}

static void check_left(struct world *f, uint64_t seed)
{
    open_and_check(f);
    points++;
    compact(f, CUT_OFF);
    kit_crash(&f->k, seed + 1);
    open_and_check(f);
    if (seed % 4)
        return;
    compacting_grow(&f->k, f->acked + 400);
    f->acked += 400;
    compact(f, CUT_OFF + 300);
    kit_crash(&f->k, seed + 2);
    open_and_check(f);
}

/* ---- the points ---- */

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct world f = {.acked = w->acked, .flight = w->flight};
    kit_take(&f.k, take_disk, seed);
    f.k.conf = w->k.conf;
    check_left(&f, seed);
    kit_deinit(&f.k);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

static void append_meanwhile(void *arg)
{
    struct world *w = arg;
    if (++w->pauses % 40)
        return;
    uint64_t before = kit_state(&w->k).size;
    w->flight = 1 + before % 5; /* as compacting_try_grow() has it */
    compacting_grow(&w->k, before + w->flight);
    w->acked = before + w->flight;
    w->flight = 0;
}

static void script(uint64_t seed)
{
    struct world w = {.script = seed};
    kit_init(&w.k, seed);
    w.k.conf.pad = seed % 4 == 1;
    w.k.conf.no_prewrite = seed % 4 == 2;
    compacting_open_ok(&w.k, ATE__STORAGE_CREATE);
    compacting_grow(&w.k, BEFORE);
    w.acked = BEFORE;
    if (seed % 2) /* a log with holes is compacted further */
        compact(&w, 600);
    simdisk_watch(w.k.disk, each_call, &w);
    w.c = (struct compactor){.keep_all_from = CUT_OFF - CUT_OFF % ATE__TILE_LEAVES,
                             .meanwhile = append_meanwhile,
                             .arg = &w};
    assert_int_equal(compacting_all(&w.k, &w.c, CUT_OFF, CUT_OFF), 0);
    kit_close(&w.k);
    simdisk_watch(w.k.disk, NULL, NULL);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points, %zu distinct images, %llu with records left out\n",
                  (unsigned long long)points, point_images.count, (unsigned long long)gaps);
    if (!point_given())
        assert_true(gaps && whole);
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
