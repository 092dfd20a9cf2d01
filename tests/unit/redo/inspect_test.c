/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What used() names is all that is believed: no byte of it changes unseen. */
#include "kit.h"
#include "redo/redo.h"
#include <stdlib.h>

enum { RANGES_MAX = 32 };

struct range {
    char file[32];
    uint64_t from, to;
};
struct ranges {
    struct range items[RANGES_MAX];
    size_t count;
};

static int each_range(void *arg, const char *file, uint64_t from, uint64_t to)
{
    struct ranges *all = arg;
    assert_true(all->count < RANGES_MAX && from < to);
    struct range *range = &all->items[all->count++];
    snprintf(range->file, sizeof range->file, "%s", file);
    range->from = from;
    range->to = to;
    return 0;
}

/* A small log of three segments, two of them sealed, with idle marks. closed: else its writer was
 * killed after the last append. */
static struct simdisk *make_log(bool pad, bool closed)
{
    struct kit k;
    kit_init(&k, 7);
    k.conf.pad = pad;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int boot = 0; boot < 2; boot++) {
        kit_append_ok(&k, 2, 30 + (size_t)boot);
        assert_int_equal(k.s->v->idle(k.s), 0);
        kit_append_ok(&k, 1, 25);
        kit_append_ok(&k, 1, 40);
        kit_kill(&k);
        kit_open_ok(&k, 0);
    }
    while (kit_state(&k).prepare_due)
        assert_int_equal(k.s->v->prepare(k.s), 0);
    kit_append_ok(&k, 2, 33);
    kit_append_ok(&k, 1, 24);
    if (closed)
        kit_close(&k);
    kit_kill(&k);
    struct simdisk *d = simdisk_clone(k.disk);
    kit_deinit(&k);
    return d;
}

static void ranges_of(struct simdisk *d, struct ranges *ret_ranges)
{
    struct kit k;
    kit_take(&k, simdisk_clone(d), 1);
    kit_open_ok(&k, ATE__STORAGE_READ);
    *ret_ranges = (struct ranges){.count = 0};
    assert_int_equal(k.s->v->used(k.s, each_range, ret_ranges), 0);
    kit_check_all(&k, 11);
    kit_check_footers(&k);
    kit_deinit(&k);
}

enum seen { UNSEEN, TAMPERED, TORN, LIST };

/* A reader: what he meets, and that he is told the place. */
static enum seen read_all(struct kit *k, const char *file, uint64_t at)
{
    struct kit_seen seen;
    uint64_t digest = simdisk_digest(k->disk);
    kit_open_ok(k, ATE__STORAGE_READ);
    int rc = kit_scan(k, 0, UINT64_MAX, &seen);
    struct ate__storage_damage damage = kit_damage(k);
    kit_close(k);
    assert_true(simdisk_digest(k->disk) == digest);
    if (rc)
        assert_int_equal(rc, damage.what);
    if (damage.what == ATE_OK && !damage.trimmed_bytes)
        return UNSEEN;
    assert_string_equal(damage.file, file);
    assert_true(damage.offset <= at && damage.text[0]);
    if (damage.what == ATE_OK)
        return TORN;
    assert_int_equal(damage.what, ATE_TAMPERED);
    if (!strncmp(file, "meta", 4)) {
        assert_true(damage.sequence == 11 && seen.next == 11);
        return LIST;
    }
    assert_true(damage.sequence <= 11 && seen.next <= 11);
    return TAMPERED;
}

/* A writer: refuses and changes nothing, or mends. */
static void write_all(struct kit *k, enum seen expected)
{
    struct kit_seen seen;
    uint64_t digest = simdisk_digest(k->disk);
    int rc = kit_open(k, 0);
    if (expected == TAMPERED) {
        /* Full segments are read through by the scan. */
        if (!rc)
            rc = kit_scan(k, 0, UINT64_MAX, &seen);
        assert_int_equal(rc, ATE_TAMPERED);
        if (k->s)
            assert_int_equal(kit_damage(k).what, ATE_TAMPERED);
        kit_abandon(k);
        assert_true(simdisk_digest(k->disk) == digest);
        return;
    }
    assert_int_equal(rc, 0);
    struct ate__storage_damage damage = kit_damage(k);
    assert_true(damage.what == ATE_OK && damage.text[0] && damage.file[0]);
    kit_check_all(k, expected == LIST ? 11 : 10);
    kit_close(k);
    kit_open_ok(k, ATE__STORAGE_READ);
    damage = kit_damage(k);
    assert_true(damage.what == ATE_OK && !damage.trimmed_bytes);
    kit_close(k);
}

/* Every byte that is in use, one bit of it. */
static void flip_all(bool pad, bool closed)
{
    struct simdisk *d = make_log(pad, closed);
    struct ranges all;
    uint64_t met[4] = {0}, bytes = 0;
    ranges_of(d, &all);
    assert_int_equal(all.count, 2 + 3);
    for (size_t i = 0; i < all.count; i++)
        for (uint64_t at = all.items[i].from; at < all.items[i].to; at++) {
            struct kit k;
            char path[64];
            /* The zeros of padding are all alike; some of them do. */
            if (pad && at % 4096 > 400 && at % 113)
                continue;
            kit_take(&k, simdisk_clone(d), at);
            snprintf(path, sizeof path, "%s/%s", KIT_DIR, all.items[i].file);
            simdisk_flip(k.disk, path, at, (uint8_t)(1u << at % 8));
            enum seen seen = read_all(&k, all.items[i].file, at);
            if (seen == UNSEEN)
                fail_msg("%s: byte %llu is in use and may change", path, (unsigned long long)at);
            met[seen]++;
            bytes++;
            write_all(&k, seen);
            kit_deinit(&k);
        }
    /* Only the last group of a killed writer, which no floor vouches for, reads as torn. */
    assert_true(met[TAMPERED] && met[LIST] && (met[TORN] != 0) == !closed);
    uint64_t group = ATE__GROUP_HEAD + ATE__RECORD_HEAD + 24;
    assert_true(closed || pad || met[TORN] == group);
    assert_true(met[LIST] == 2 * (ATE__META_HEAD + 3 * ATE__META_ENTRY + ATE__META_SHA));
    print_message("%llu bytes flipped\n", (unsigned long long)bytes);
    simdisk_free(d);
}

static void test_every_byte(void **state)
{
    (void)state;
    flip_all(false, true);
    flip_all(false, false);
    flip_all(true, true);
    flip_all(true, false);
}

/* What is not in use may hold anything. */
static void test_unused(void **state)
{
    (void)state;
    struct kit k;
    kit_take(&k, make_log(false, true), 1);
    simdisk_put(k.disk, KIT_DIR "/tiles", "garbage", 7);
    simdisk_put(k.disk, KIT_DIR "/notes", "mine", 4);
    simdisk_mkdir(k.disk, KIT_DIR "/trimmed");
    simdisk_put(k.disk, KIT_DIR "/trimmed/x", "old", 3);
    kit_open_ok(&k, 0);
    kit_check_all(&k, 11);
    kit_close(&k);
    assert_true(simdisk_exists(k.disk, KIT_DIR "/notes"));
    assert_true(simdisk_exists(k.disk, KIT_DIR "/trimmed/x"));
    kit_deinit(&k);
}

static int stop_at_second(void *arg, const char *file, uint64_t from, uint64_t to)
{
    (void)file, (void)from, (void)to;
    return ++*(int *)arg == 2 ? ATE_CANCELED : 0;
}

static void test_state(void **state)
{
    (void)state;
    struct kit k;
    int count = 0;
    kit_take(&k, make_log(false, true), 1);
    kit_open_ok(&k, 0);
    struct ate__storage_state now = kit_state(&k);
    assert_true(ate__hash_equal(&now.chain_id, &kit_chain) && now.role == ATE__ROLE_ROOT);
    assert_true(now.size == 11 && now.floor == 11 && now.revision > 3);
    assert_true(!now.generation && !now.cut_off);
    uint64_t bytes = simdisk_size(k.disk, KIT_DIR "/meta.a") * 2;
    char path[64];
    for (size_t i = 0; kit_segment(&k, i, path); i++)
        bytes += simdisk_size(k.disk, path);
    assert_true(now.bytes == bytes);
    kit_append_ok(&k, 6, 20000);
    while (kit_state(&k).prepare_due)
        assert_int_equal(k.s->v->prepare(k.s), 0);
    bytes = simdisk_size(k.disk, KIT_DIR "/meta.a") * 2;
    for (size_t i = 0; kit_segment(&k, i, path); i++)
        bytes += simdisk_size(k.disk, path);
    assert_true(kit_state(&k).bytes == bytes && kit_segments(&k) == 4);
    assert_int_equal(k.s->v->used(k.s, stop_at_second, &count), ATE_CANCELED);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
