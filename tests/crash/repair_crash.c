/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Power loss at every call that changes the disk while a damaged chain is repaired.
 *
 * On each disk that a power loss may leave, the chain is the damaged one, or the repaired one, or
 * none can be opened and none made; the damaged bytes are there in each case, as they were. Then
 * the repair is done once more, to its end, and leaves what one repair leaves.
 *
 * Arguments and environment: point.h. */
#include "chain/repair.h"
#include "point.h"
#include "unit/chain/kit.h"
#include <stdlib.h>

enum { SCRIPTS = 4, SEEDS_EACH = 12, IMAGES_MIN = 80 };
#define SEGMENT "0000000000000001.seg"

struct world {
    struct kit k;
    uint64_t script, size; /* of what verifies */
    uint8_t *bytes;        /* of the damaged segment */
    size_t bytes_size;
};
static uint64_t points, damaged, between, repaired;

static const char story[] = "repair";

static int repair(struct kit *k, struct ate__repaired *ret)
{
    struct ate__repair conf = {.chain = kit_conf(k), .change = true};
    return ate__chain_repair(&conf, k->root, ret);
}

static bool has_bytes(struct world *f, const struct world *w, const char *path)
{
    size_t size;
    if (!simdisk_exists(f->k.disk, path))
        return false;
    uint8_t *bytes = simdisk_get(f->k.disk, path, &size);
    bool same = size == w->bytes_size && !memcmp(bytes, w->bytes, size);
    free(bytes);
    return same;
}

static void count_entry(void *arg, const char *name, bool is_dir, uint64_t size)
{
    (void)name;
    (void)size;
    assert_true(is_dir);
    ++*(unsigned *)arg;
}

/* Wherever the first was cut short, two are not more than one. */
static void check_names(struct world *f)
{
    static const char *const names[] = {",chain", ",damaged-1", ",salvage-1"};
    unsigned count = 0;
    for (size_t i = 0; i < ATE__COUNT_OF(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "/c/%s", names[i]);
        assert_true(simdisk_exists(f->k.disk, path));
    }
    simdisk_each(f->k.disk, "/c", count_entry, &count);
    assert_int_equal(count, ATE__COUNT_OF(names));
    assert_true(simdisk_size(f->k.disk, "/c/,salvage-1/transactions") > 0);
}

static void check_left(struct world *f, const struct world *w)
{
    struct ate__repaired r;
    struct ate__storage *storage;
    bool is_there = simdisk_exists(f->k.disk, "/c/,chain/" SEGMENT);
    bool original = has_bytes(f, w, "/c/,chain/" SEGMENT);
    assert_true(original || has_bytes(f, w, "/c/,damaged-1/" SEGMENT));
    if (!is_there) {
        between++;
        assert_int_equal(kit_open(&f->k, 0), ATE_TAMPERED);
        assert_int_equal(ate__storage_open_file(&f->k.sim.env, f->k.root, ATE__STORAGE_CREATE,
                                                &f->k.chain_id, ATE__ROLE_ROOT, NULL, &storage),
                         ATE_TAMPERED);
    }
    damaged += original;
    repaired += is_there && !original;
    if (is_there && !original) {
        kit_open_ok(&f->k, 0);
        assert_true(kit_size(&f->k) == w->size);
        kit_close(&f->k);
    }
    kit_ok(repair(&f->k, &r));
    check_names(f);
    kit_open_ok(&f->k, 0);
    assert_true(kit_size(&f->k) == w->size);
    kit_close(&f->k);
    points++;
}

static void after_crash(void *arg, struct simdisk *take_disk, uint64_t seed)
{
    const struct world *w = arg;
    struct world f;
    kit_take(&f.k, &w->k, take_disk, seed);
    check_left(&f, w);
    kit_deinit(&f.k);
}

static void each_call(void *arg, uint64_t number)
{
    struct world *w = arg;
    point_try(story, w->script, number, w->k.disk, after_crash, w);
}

static void script(uint64_t seed)
{
    struct world w = {.script = seed};
    struct ate__repaired r;
    kit_init(&w.k, seed);
    kit_create_ok(&w.k);
    for (unsigned i = 1; i <= 40 + seed % 3 * 30; i++)
        kit_put_ok(&w.k, i, "a text that is long enough to be lost in the middle of a chain");
    kit_close(&w.k);
    simdisk_settle(w.k.disk);
    /* Behind the genesis, without which there is nothing to repair. */
    simdisk_flip(w.k.disk, "/c/,chain/" SEGMENT, 7100 + seed * 800 % 6000, 2);
    w.bytes = simdisk_get(w.k.disk, "/c/,chain/" SEGMENT, &w.bytes_size);
    kit_open_ok(&w.k, ATE__STORAGE_READ);
    w.size = kit_size(&w.k);
    kit_close(&w.k);
    simdisk_watch(w.k.disk, each_call, &w);
    kit_ok(repair(&w.k, &r));
    simdisk_watch(w.k.disk, NULL, NULL);
    assert_true(r.size == w.size && r.behind > 0);
    free(w.bytes);
    kit_deinit(&w.k);
}

static void test_power_loss(void **state)
{
    (void)state;
    point_play(story, script);
    print_message("%llu crash points: %llu damaged, %llu in between, %llu repaired\n",
                  (unsigned long long)points, (unsigned long long)damaged,
                  (unsigned long long)between, (unsigned long long)repaired);
    if (!point_given())
        assert_true(damaged && between && repaired);
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
