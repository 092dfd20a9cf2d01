/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From one segment to the next: order, sizes, prewriting, seals, a full disk. */
#include "kit.h"
#include "redo/redo.h"
#include <stdlib.h>

static struct ate__redo *redo_of(const struct kit *k)
{
    return (struct ate__redo *)k->s;
}

static void prepare_all(struct kit *k)
{
    for (int i = 0; kit_state(k).prepare_due; i++) {
        assert_int_equal(k->s->v->prepare(k->s), 0);
        assert_true(i < 2000);
    }
    assert_int_equal(k->s->v->prepare(k->s), 0);
}

/* Many segments, read back in order, before and after close, with few descriptors. */
static void many(bool pad, bool prepares)
{
    struct kit k;
    kit_init(&k, 1);
    k.conf.pad = pad;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    uint64_t size = 0;
    uint64_t capacity = 0;
    for (int i = 0; redo_of(&k)->list.count < 14 && i < 200; i++) {
        /* Kills make many small segments; growth alone would need gigabytes. */
        kit_append_ok(&k, 4, 30000);
        size += 4;
        if (prepares)
            prepare_all(&k);
        struct ate__segment *last = redo_of(&k)->list.items[redo_of(&k)->list.count - 1];
        assert_true(last->head.capacity >= capacity);
        capacity = last->head.capacity;
        if (i % 3 == 2) {
            kit_append_ok(&k, 1, 50);
            size++;
            kit_kill(&k);
            kit_open_ok(&k, 0);
        }
    }
    assert_true(redo_of(&k)->list.count == 14);
    kit_check_all(&k, size);
    assert_true(simdisk_handles(k.disk) <= ATE__SEGMENTS_OPEN_MAX + 5);
    prepare_all(&k);
    kit_check_footers(&k);
    for (size_t i = 0; i + 1 < 14; i++)
        assert_true(redo_of(&k)->list.items[i]->sealed);
    kit_close(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, size);
    kit_append_ok(&k, 1, 60000);
    kit_close(&k);
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, size + 1);
    kit_check_footers(&k);
    assert_int_equal(kit_damage(&k).what, ATE_OK);
    kit_deinit(&k);
}

static void test_many(void **state)
{
    (void)state;
    many(false, true);
    many(false, false);
    many(true, true);
}

/* Sizes double, from 64 KiB; the first is not prewritten, later ones are. */
static void test_sizes(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    uint64_t want = 65536;
    for (size_t count = 1; count < 8; count++) {
        while (redo_of(&k)->list.count == count) {
            kit_append_ok(&k, 1, 9000);
            prepare_all(&k);
        }
        const struct ate__segment *full = redo_of(&k)->list.items[count - 1];
        const struct ate__segment *last = redo_of(&k)->list.items[count];
        assert_true(full->head.capacity == want);
        assert_true(full->length <= want - ATE__GROUP_HEAD - ATE__FOOTER);
        want *= 2;
        assert_true(last->head.capacity == want && last->file_bytes == want);
        assert_true(last->head.salt != full->head.salt);
    }
    kit_check_all(&k, kit_state(&k).size);
    kit_deinit(&k);
}

static struct ate__segment *last_of(const struct kit *k)
{
    return redo_of(k)->list.items[redo_of(k)->list.count - 1];
}

/* Sizes double up to what was asked for, which is not remembered. Lookups and appends go to the
 * right file after each turn, reopened or not, and nothing is written at another place
 * than the end. */
static void test_segment_bytes(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {65536, 262144, 1 << 20, 0, 131072};
    struct kit k;
    uint64_t count = 0;
    kit_init(&k, 1);
    k.conf.segment_bytes = 65536;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (size_t i = 0; i < ATE__COUNT_OF(sizes); i++) {
        kit_close(&k);
        k.conf.segment_bytes = sizes[i];
        kit_open_ok(&k, 0);
        uint64_t before = last_of(&k)->head.capacity, id = last_of(&k)->head.id;
        for (size_t turns = redo_of(&k)->list.count + 3; redo_of(&k)->list.count < turns;) {
            uint64_t length = last_of(&k)->length, last_id = last_of(&k)->head.id;
            kit_append_ok(&k, 1, 9000);
            count++;
            assert_true(last_of(&k)->head.id != last_id || last_of(&k)->length > length);
            prepare_all(&k);
        }
        assert_true(last_of(&k)->head.id > id);
        uint64_t want = sizes[i] ? sizes[i] : ATE__SEGMENT_BYTES_MAX;
        assert_true(last_of(&k)->head.capacity <= want);
        assert_true(last_of(&k)->head.capacity == want || last_of(&k)->head.capacity > before);
        kit_check_all(&k, count);
    }
    kit_close(&k);
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, count);
    kit_check_footers(&k);
    kit_deinit(&k);
}

/* A thousand processes, one after the other, each of which appends and reads back. */
static void test_again_and_again(void **state)
{
    (void)state;
    enum { TIMES = 1000 };
    struct ate__buf buf = ATE__BUF_NULL;
    struct kit k;
    kit_init(&k, 1);
    k.conf.segment_bytes = 65536;
    for (uint64_t n = 0; n < TIMES; n++) {
        kit_open_ok(&k, n ? 0 : ATE__STORAGE_CREATE);
        assert_true(kit_state(&k).size == n);
        for (uint64_t back = 1; back <= n; back += 1 + n / 2) {
            uint64_t attempt;
            ate__buf_clear(&buf);
            assert_int_equal(k.s->v->load(k.s, n - back, NULL, &buf), 0);
            assert_true(kit_record_whole(ate__buf_bytes(&buf), n - back, &attempt));
        }
        kit_append_ok(&k, 1, 600);
        kit_close(&k);
    }
    kit_open_ok(&k, ATE__STORAGE_READ);
    assert_true(redo_of(&k)->list.count >= 8); /* and all of it in order */
    kit_check_all(&k, TIMES);
    ate__buf_deinit(&buf);
    kit_deinit(&k);
}

static void test_segment_bytes_bounds(void **state)
{
    (void)state;
    static const uint64_t bad[] = {1, 4096, 65535, 65537, 61440, (64 << 20) + 4096, UINT64_MAX};
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        struct kit k;
        kit_init(&k, 1);
        k.conf.segment_bytes = bad[i];
        assert_int_equal(kit_survey(&k, ATE__STORAGE_CREATE), ATE_MISUSE);
        assert_false(simdisk_exists(k.disk, KIT_DIR));
        kit_deinit(&k);
    }
    assert_int_equal(ate__segment_bytes_check(ATE__SEGMENT_BYTES_MAX), 0);
    assert_int_equal(ate__segment_bytes_check(69632), 0);
}

/* A segment is as large as its first group asks for. */
static void test_big_group(void **state)
{
    (void)state;
    for (int prepares = 0; prepares < 2; prepares++) {
        struct kit k;
        kit_init(&k, 1);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 4, 10000);
        if (prepares)
            prepare_all(&k); /* one of 128 KiB is ready, and too small */
        kit_append_ok(&k, 3, 1000000);
        struct ate__segment *last = redo_of(&k)->list.items[1];
        assert_true(last->head.capacity >= 3000000 && last->head.capacity < 3100000);
        assert_true(last->head.capacity % 4096 == 0);
        kit_append_ok(&k, 1, 5000);
        kit_close(&k);
        kit_open_ok(&k, 0);
        kit_check_all(&k, 8);
        kit_deinit(&k);
    }
}

/* Where it does not pay nothing is prewritten. */
static void test_growing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct kit k;
        kit_init(&k, 1);
        simdisk_set_copy_on_write(k.disk, i == 0);
        k.conf.no_prewrite = i == 1;
        k.conf.sync = i == 2 ? ATE__SYNC_NEVER : i == 3 ? ATE__SYNC_INTERVAL : ATE__SYNC_ALWAYS;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        for (int n = 0; n < 30; n++) {
            kit_append_ok(&k, 1, 9000);
            prepare_all(&k);
            const struct ate__redo *r = redo_of(&k);
            const struct ate__segment *last = r->list.items[r->list.count - 1];
            assert_true(last->file_bytes == last->length);
            assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
        }
        assert_true(redo_of(&k)->list.count == 3);
        assert_true(kit_state(&k).floor >= redo_of(&k)->list.items[2]->head.first_sequence);
        kit_check_all(&k, 30);
        kit_deinit(&k);
    }
}

/* Under NEVER what has gathered is synced in the background, so that whoever fills a segment does
 * not wait for all of it; a few groups are left as they are, and the other policies alone. */
static void test_sync_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kit k;
        kit_init(&k, 1);
        k.conf.sync = i ? ATE__SYNC_INTERVAL : ATE__SYNC_NEVER;
        k.conf.sync_interval_ms = 3600 * 1000;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 9, 1000000); /* one segment, with room for more */
        uint64_t first = redo_of(&k)->list.items[redo_of(&k)->list.count - 1]->head.first_sequence;
        uint64_t floor = kit_state(&k).floor;
        assert_true(floor <= first);
        prepare_all(&k);
        assert_int_equal(kit_state(&k).floor, i ? floor : 9);
        kit_append_ok(&k, 1, 1000);
        prepare_all(&k);
        assert_int_equal(kit_state(&k).floor, i ? floor : 9);
        kit_crash(&k, 3);
        kit_open_ok(&k, 0);
        assert_true(kit_state(&k).size >= kit_state(&k).floor && (i || kit_state(&k).size >= 9));
        kit_check_all(&k, kit_state(&k).size);
        kit_deinit(&k);
    }
}

/* close() gives back what was not used. */
static void test_close(void **state)
{
    (void)state;
    struct kit k;
    char path[64];
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int n = 0; n < 16; n++) {
        kit_append_ok(&k, 1, 9000);
        prepare_all(&k);
    }
    assert_true(simdisk_exists(k.disk, KIT_DIR "/next"));
    uint64_t length = redo_of(&k)->list.items[1]->length;
    kit_close(&k);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
    assert_true(kit_segment(&k, 1, path));
    assert_true(simdisk_size(k.disk, path) == length + ATE__GROUP_HEAD);
    uint64_t digest = simdisk_digest(k.disk);
    kit_open_ok(&k, 0); /* a clean log is not touched by open and close */
    kit_close(&k);
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_close(&k);
    assert_true(simdisk_digest(k.disk) == digest);
    kit_deinit(&k);
}

/* So does rest(), and the log goes on from there. */
static void test_rest(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int n = 0; n < 16; n++) {
        kit_append_ok(&k, 1, 9000);
        prepare_all(&k);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(k.s->v->rest(k.s), 0);
        assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
        const struct ate__segment *last = redo_of(&k)->list.items[1];
        assert_true(last->file_bytes == last->length && redo_of(&k)->witnessed == 16);
        assert_true(simdisk_size(k.disk, KIT_DIR "/0000000000000002.seg") == last->length);
        prepare_all(&k); /* nothing is due */
        assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
    }
    kit_crash(&k, 3);
    kit_open_ok(&k, 0);
    kit_check_all(&k, 16);
    assert_int_equal(k.s->v->rest(k.s), 0);
    for (int n = 0; n < 16; n++)
        kit_append_ok(&k, 1, 9000);
    prepare_all(&k);
    kit_check_all(&k, 32);
    /* A failure is sticky, as any other of the leader's. */
    simdisk_fail(k.disk, SIMDISK_TRUNCATE, 1, 1, ATE_E_IO);
    assert_int_equal(k.s->v->rest(k.s), ATE_E_IO);
    assert_true(kit_state(&k).failed);
    assert_int_equal(k.s->v->recover(k.s), 0);
    kit_check_all(&k, 32);
    kit_deinit(&k);
}

/* Out of space while a segment is prepared: nothing is written, reads go on, and when there is room
 * again writes do too. */
static void test_full_disk(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct kit k;
        kit_init(&k, 1);
        k.conf.no_prewrite = i;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        uint64_t size = 13;
        for (uint64_t n = 0; n < size; n++)
            kit_append_ok(&k, 1, 10000);
        assert_true(redo_of(&k)->list.count == 2);
        simdisk_limit(k.disk, simdisk_used(k.disk) + (i ? 0 : 20000));
        if (!i) {
            while (!redo_of(&k)->list.items[0]->sealed && !kit_state(&k).full)
                assert_int_equal(k.s->v->prepare(k.s), ATE_E_NO_SPACE);
            assert_true(kit_state(&k).full && !kit_state(&k).failed);
            kit_append_ok(&k, 1, 10000); /* the rest of the segment can still be used */
            size++;
        }
        for (int tries = 0; tries < 3; tries++) {
            assert_int_equal(kit_append(&k, 1, 80000, 0), ATE_E_NO_SPACE);
            struct ate__storage_state now = kit_state(&k);
            assert_true(now.full && !now.failed && now.size == size);
            kit_check_all(&k, size);
        }
        simdisk_limit(k.disk, UINT64_MAX);
        kit_append_ok(&k, 1, 80000);
        assert_false(kit_state(&k).full);
        kit_check_all(&k, size + 1);
        kit_close(&k);
        kit_open_ok(&k, 0);
        kit_check_all(&k, size + 1);
        kit_deinit(&k);
    }
}

/* Where nothing is prewritten a group meets the full disk in its own write; the recovery has the
 * reserve, once. */
static void test_full_growing(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    k.conf.no_prewrite = true;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 1, 10000);
    simdisk_limit(k.disk, simdisk_used(k.disk));
    assert_int_equal(kit_append(&k, 2, 10000, 0), ATE_E_IO);
    struct ate__storage_state now = kit_state(&k);
    assert_true(now.full && now.failed && now.size == 1);
    assert_int_equal(k.s->v->recover(k.s), 0);
    assert_true(kit_state(&k).full && !kit_state(&k).failed);
    kit_check_all(&k, 1);
    assert_int_equal(k.s->v->prepare(k.s), ATE_E_NO_SPACE);
    simdisk_limit(k.disk, 4096); /* no reserve is large enough */
    assert_int_equal(kit_append(&k, 2, 10000, 0), ATE_E_IO);
    assert_int_equal(k.s->v->recover(k.s), ATE_E_NO_SPACE);
    assert_true(kit_state(&k).failed);
    kit_check_all(&k, 1);
    simdisk_limit(k.disk, UINT64_MAX);
    assert_int_equal(k.s->v->recover(k.s), 0);
    kit_append_ok(&k, 2, 10000);
    kit_check_all(&k, 3);
    kit_deinit(&k);
}

/* A last segment without records leaves the list when a bigger one is needed. */
static void test_empty_segment(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 1, 300000);
    assert_true(redo_of(&k)->list.count == 1);
    assert_true(redo_of(&k)->list.items[0]->head.id == 2);
    assert_int_equal(kit_segments(&k), 1);
    kit_check_all(&k, 1);
    kit_close(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, 1);
    kit_deinit(&k);
}

/* However full a segment is, there is room for an idle mark and a footer. */
static void test_reserve(void **state)
{
    (void)state;
    for (size_t size = 3000; size < 3200; size += 8) {
        struct kit k;
        kit_init(&k, 1);
        k.conf.pad = size % 64 == 0;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        while (redo_of(&k)->list.count == 1) {
            const struct ate__segment *s = redo_of(&k)->list.items[0];
            assert_true(s->length + ATE__FOOTER <= s->head.capacity);
            kit_append_ok(&k, 1, size);
            if (redo_of(&k)->list.count == 1)
                assert_true(s->length + ATE__GROUP_HEAD + ATE__FOOTER <= s->head.capacity);
            assert_int_equal(k.s->v->idle(k.s), 0);
            assert_true(redo_of(&k)->witnessed == kit_state(&k).size);
        }
        prepare_all(&k);
        assert_true(redo_of(&k)->list.items[0]->file_bytes <= 65536);
        kit_close(&k);
        kit_open_ok(&k, 0);
        kit_check_all(&k, kit_state(&k).size);
        kit_deinit(&k);
    }
}

/* Prewriting that fails for another reason leaves nothing that could be used. */
static void test_prepare_fails(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 5, 10000);
    simdisk_fail(k.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    assert_int_equal(k.s->v->prepare(k.s), ATE_E_IO);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
    assert_false(kit_state(&k).full);
    assert_false(kit_state(&k).failed);
    prepare_all(&k);
    kit_append_ok(&k, 5, 10000);
    assert_int_equal(k.s->v->prepare(k.s), 0); /* the reserve becomes larger */
    /* A seal too. */
    simdisk_fail(k.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    assert_int_equal(k.s->v->prepare(k.s), ATE_E_IO);
    assert_false(kit_state(&k).failed);
    prepare_all(&k);
    assert_true(redo_of(&k)->list.items[0]->sealed);
    kit_check_all(&k, 10);
    kit_check_footers(&k);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_big_group),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_sync_behind),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_full_growing),
        cmocka_unit_test(test_empty_segment),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_prepare_fails),
        cmocka_unit_test(test_segment_bytes),
        cmocka_unit_test(test_segment_bytes_bounds),
        cmocka_unit_test(test_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
