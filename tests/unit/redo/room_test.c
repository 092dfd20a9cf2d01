/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A full disk: what is refused, what goes on, and how it ends. */
#include "kit.h"
#include "redo/redo.h"

static struct kit k;

static struct ate__redo *redo(void)
{
    return (struct ate__redo *)k.s;
}

static const struct ate__segment *last(void)
{
    return redo()->list.items[redo()->list.count - 1];
}

static void prepare_all(void)
{
    for (int i = 0; kit_state(&k).prepare_due; i++) {
        assert_int_equal(k.s->v->prepare(k.s), 0);
        assert_true(i < 2000);
    }
}

/* As kit_append() of one record, for what makes room. */
static int append_freeing(size_t size)
{
    uint8_t *body = ate__alloc(size);
    uint64_t at = kit_state(&k).size;
    kit_record(body, size, at, 0);
    struct ate_bytes record = ate__bytes(body, size);
    struct ate__group_in group = {
        .first_sequence = at,
        .root_time_us = 1000000 + at,
        .head_before = kit_head(at),
        .records = &record,
        .count = 1,
        .frees = true,
    };
    int rc = k.s->v->append(k.s, &group);
    ate__free(body);
    return rc;
}

/* Appends until there is no room, and gives how many there are. */
static uint64_t fill(size_t size)
{
    int rc = 0;
    while (!rc)
        rc = kit_append(&k, 1, size, 0);
    assert_int_equal(rc, ATE_E_NO_SPACE);
    assert_true(kit_state(&k).full && !kit_state(&k).failed);
    return kit_state(&k).size;
}

/* A growing segment meets the full disk before anything of the group is written. */
static void test_refused(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 40000; room += 3000) {
        kit_init(&k, room);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        assert_true(simdisk_size(k.disk, KIT_DIR "/reserve") == ATE__RESERVE_BYTES_MIN);
        simdisk_limit(k.disk, simdisk_used(k.disk) + room);
        uint64_t size = fill(3000), length = last()->length;
        uint64_t bytes = simdisk_size(k.disk, KIT_DIR "/0000000000000001.seg");
        assert_int_equal(kit_append(&k, 1, 3000, 0), ATE_E_NO_SPACE);
        assert_true(last()->length == length && last()->file_bytes == bytes);
        assert_true(simdisk_size(k.disk, KIT_DIR "/0000000000000001.seg") == bytes);
        kit_check_all(&k, size);
        kit_crash(&k, room);
        simdisk_limit(k.disk, simdisk_used(k.disk));
        kit_open_ok(&k, 0);
        kit_check_all(&k, size);
        kit_deinit(&k);
    }
}

/* What makes room gets the reserve, also where it needs a segment of its own. */
static void test_frees(void **state)
{
    (void)state;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 4) { /* 512 KiB, and 256 KiB kept */
        kit_append_ok(&k, 1, 9000);
        prepare_all();
    }
    assert_true(simdisk_size(k.disk, KIT_DIR "/reserve") == 256 << 10);
    k.s->v->rest(k.s);
    simdisk_limit(k.disk, simdisk_used(k.disk));
    assert_int_equal(kit_append(&k, 1, 9000, 0), ATE_E_NO_SPACE);
    uint64_t freed = 0, count = kit_state(&k).size;
    size_t segments = redo()->list.count;
    while (!append_freeing(9000))
        freed++;
    assert_true(freed > 20); /* of 256 KiB */
    assert_int_equal(kit_append(&k, 1, 9000, 0), ATE_E_NO_SPACE);
    assert_true(kit_state(&k).full && redo()->list.count == segments);
    kit_check_all(&k, count + freed);
    assert_int_equal(k.s->v->prepare(k.s), ATE_E_NO_SPACE);
    simdisk_limit(k.disk, UINT64_MAX);
    assert_true(kit_state(&k).prepare_due);
    assert_int_equal(k.s->v->prepare(k.s), 0);
    assert_false(kit_state(&k).full);
    assert_true(simdisk_size(k.disk, KIT_DIR "/reserve") == 256 << 10);
    kit_append_ok(&k, 1, 9000);
    kit_close(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, count + freed + 1);
    kit_deinit(&k);
}

/* Where nothing is prewritten the full disk is met by a group's own write; from then on what makes
 * room is not, for as long as there is something in reserve. */
static void test_frees_where_a_write_may_fail(void **state)
{
    (void)state;
    kit_init(&k, 1);
    simdisk_set_copy_on_write(k.disk, true);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 4) {
        kit_append_ok(&k, 1, 9000);
        prepare_all();
    }
    simdisk_limit(k.disk, simdisk_used(k.disk));
    int rc = 0;
    while (!rc)
        rc = kit_append(&k, 1, 9000, 0);
    assert_int_equal(rc, ATE_E_IO);
    assert_int_equal(k.s->v->recover(k.s), 0);
    assert_true(kit_state(&k).full);
    uint64_t count = kit_state(&k).size;
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(append_freeing(9000), 0);
    kit_check_all(&k, count + 12);
    kit_deinit(&k);
}

static void test_segment_for_frees(void **state)
{
    (void)state;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 5) {
        kit_append_ok(&k, 1, 20000);
        prepare_all();
    }
    simdisk_limit(k.disk, simdisk_used(k.disk)); /* of the last one all is prewritten */
    uint64_t count = kit_state(&k).size;
    while (redo()->list.count < 7 && !append_freeing(20000))
        count++;
    assert_true(redo()->list.count == 7); /* of 1 MiB, then small ones */
    assert_true(last()->head.capacity < 256 << 10);
    kit_check_all(&k, count + (kit_state(&k).size - count));
    kit_crash(&k, 3);
    kit_open_ok(&k, 0);
    kit_check_all(&k, kit_state(&k).size);
    kit_deinit(&k);
}

/* A file system that wants more room for a new file than what is in it. */
static void test_file_for_frees(void **state)
{
    (void)state;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 4)
        kit_append_ok(&k, 1, 20000);
    while (last()->length + 40000 < last()->head.capacity)
        kit_append_ok(&k, 1, 20000);
    prepare_all();
    k.s->v->rest(k.s); /* no `next` */
    simdisk_limit(k.disk, simdisk_used(k.disk));
    simdisk_fail(k.disk, SIMDISK_CREATE, 1, 2, ATE_E_NO_SPACE);
    uint64_t count = kit_state(&k).size;
    while (redo()->list.count < 5) {
        assert_int_equal(append_freeing(9000), 0);
        count++;
    }
    assert_true(simdisk_failed(k.disk));
    kit_check_all(&k, count);
    kit_deinit(&k);
}

/* A disk that has less than a whole segment left is used up to there. */
static void test_makes_do(void **state)
{
    (void)state;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 5)
        kit_append_ok(&k, 1, 20000);
    prepare_all();
    assert_true(last()->head.capacity == 1 << 20);
    simdisk_limit(k.disk, simdisk_used(k.disk) + 300000);
    while (redo()->list.count == 5) {
        kit_append_ok(&k, 1, 20000);
        if (kit_state(&k).prepare_due) {
            int rc = k.s->v->prepare(k.s);
            assert_true(!rc || rc == ATE_E_NO_SPACE);
        }
    }
    assert_true(last()->head.capacity > 64 << 10 && last()->head.capacity < 300000);
    assert_true(last()->head.capacity % 4096 == 0);
    fill(20000);
    kit_check_all(&k, kit_state(&k).size);
    kit_kill(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, kit_state(&k).size);
    kit_deinit(&k);
}

/* A power loss at any call of a log that is full, while it frees and looks for room: what was
 * acknowledged is there, and whatever is kept or not, the next process goes on. */
static void crash_at(uint64_t n, bool *ret_stopped)
{
    kit_init(&k, n);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    while (redo()->list.count < 3) {
        kit_append_ok(&k, 1, 9000);
        prepare_all();
    }
    simdisk_limit(k.disk, simdisk_used(k.disk) + 20000);
    uint64_t size = fill(9000);
    simdisk_stop(k.disk, n);
    for (unsigned i = 0; i < 12 && !append_freeing(9000); i++)
        size++;
    int rc = k.s->v->prepare(k.s);
    simdisk_limit(k.disk, UINT64_MAX);
    rc = rc ? rc : k.s->v->prepare(k.s);
    if (!kit_append(&k, 1, 30000, 0))
        size++;
    *ret_stopped = simdisk_stopped(k.disk);
    kit_crash(&k, n);
    kit_open_ok(&k, 0);
    assert_true(kit_state(&k).size == size || kit_state(&k).size == size + 1);
    size = kit_state(&k).size;
    kit_append_ok(&k, 1, 9000);
    kit_check_all(&k, size + 1);
    kit_deinit(&k);
}

static void test_power_loss(void **state)
{
    (void)state;
    bool stopped = true;
    uint64_t n = 0;
    for (; stopped && n < 500; n++)
        crash_at(n, &stopped);
    print_message("%llu calls\n", (unsigned long long)n);
    assert_true(n > 30 && !stopped);
}

/* One call fails for want of room, each in turn: nothing that was acknowledged is lost, and it goes
 * on by itself. */
static void each_call(bool no_prewrite)
{
    unsigned failed = 0, unknown = 0;
    for (uint64_t n = 1; n < 60; n++) {
        uint64_t size = 0;
        kit_init(&k, n);
        k.conf.no_prewrite = no_prewrite;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        simdisk_fail(k.disk, SIMDISK_WRITE | SIMDISK_SYNC | SIMDISK_CREATE | SIMDISK_SYNC_DIR, n, 2,
                     ATE_E_NO_SPACE);
        for (unsigned i = 0; i < 20; i++) {
            int rc = kit_append(&k, 1, 12000, 0);
            size += !rc;
            failed += rc != 0;
            unknown += rc == ATE_E_IO;
            if (rc)
                assert_true(rc == ATE_E_NO_SPACE || rc == ATE_E_IO);
            if (kit_state(&k).failed)
                assert_int_equal(k.s->v->recover(k.s), 0);
            if (rc == ATE_E_IO) {
                size = kit_state(&k).size;
                assert_true(kit_state(&k).full);
            }
            assert_true(kit_state(&k).size == size);
            if (kit_state(&k).prepare_due) {
                rc = k.s->v->prepare(k.s);
                assert_true(!rc || rc == ATE_E_NO_SPACE ||
                            (rc == ATE_E_IO && kit_state(&k).failed));
            }
            if (kit_state(&k).failed)
                assert_int_equal(k.s->v->recover(k.s), 0);
        }
        kit_append_ok(&k, 1, 100);
        assert_int_equal(k.s->v->prepare(k.s), 0);
        assert_false(kit_state(&k).full);
        kit_check_all(&k, size + 1);
        kit_crash(&k, n);
        kit_open_ok(&k, 0);
        kit_check_all(&k, size + 1);
        kit_deinit(&k);
    }
    assert_true(failed > 20 && unknown > 3);
}

static void test_each_call(void **state)
{
    (void)state;
    each_call(false);
    each_call(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_frees),
        cmocka_unit_test(test_segment_for_frees),
        cmocka_unit_test(test_makes_do),
        cmocka_unit_test(test_file_for_frees),
        cmocka_unit_test(test_each_call),
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_frees_where_a_write_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
