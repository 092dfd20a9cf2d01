/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups at the tail: what an append costs, what it refuses, what a failure leaves. */
#include "kit.h"
#include "lib/heap.h"
#include "redo/redo.h"
#include <stdlib.h>

struct cost {
    uint64_t writes, syncs, others;
};

static struct cost cost_of(const struct kit *k)
{
    struct cost c;
    c.writes = simdisk_count(k->disk, SIMDISK_WRITE);
    c.syncs = simdisk_count(k->disk, SIMDISK_SYNC);
    c.others = simdisk_count(k->disk, SIMDISK_ALL) - c.writes - c.syncs;
    return c;
}

/* Under ALWAYS a group is one write and one sync, over zeros that are there, and no memory. */
static void test_cost(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    struct ate__redo *r = (struct ate__redo *)k.s;
    for (int i = 0; i < 60; i++)
        kit_append_ok(&k, 1, 1024);
    assert_true(r->list.count == 2);
    uint64_t file_bytes = r->list.items[1]->file_bytes;
    assert_true(file_bytes == r->list.items[1]->head.capacity);
    uint8_t body[1024];
    struct ate_bytes record = {body, sizeof body};
    heap_start();
    for (uint64_t i = 60; i < 90; i++) {
        struct cost before = cost_of(&k);
        kit_record(body, sizeof body, i, 0);
        struct ate__group_in group = {i, 1000000 + i, kit_head(i), &record, 1, NULL, false, NULL};
        assert_int_equal(k.s->v->append(k.s, &group), 0);
        struct cost after = cost_of(&k);
        assert_true(after.writes == before.writes + 1 && after.syncs == before.syncs + 1);
        assert_true(after.others == before.others);
    }
    assert_true(heap_count() == 0);
    heap_stop();
    assert_true(r->list.items[1]->file_bytes == file_bytes);
    kit_check_all(&k, 90);
    kit_deinit(&k);
}

static void test_policies(void **state)
{
    (void)state;
    static const struct {
        enum ate__sync sync;
        uint64_t syncs, floor; /* of ten appends, 30 ms apart */
    } rows[] = {{ATE__SYNC_ALWAYS, 10, 10}, {ATE__SYNC_INTERVAL, 2, 8}, {ATE__SYNC_NEVER, 0, 0}};
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct kit k;
        kit_init(&k, 1);
        k.conf = (struct ate__storage_conf){.sync = rows[i].sync, .sync_interval_ms = 100};
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        uint64_t before = simdisk_count(k.disk, SIMDISK_SYNC);
        for (int n = 0; n < 10; n++) {
            simenv_pass_ms(&k.sim, 30);
            kit_append_ok(&k, 1, 100);
        }
        assert_true(simdisk_count(k.disk, SIMDISK_SYNC) == before + rows[i].syncs);
        assert_true(kit_state(&k).floor == rows[i].floor);
        assert_int_equal(k.s->v->sync(k.s), 0);
        assert_true(kit_state(&k).floor == 10);
        before = simdisk_count(k.disk, SIMDISK_SYNC);
        assert_int_equal(k.s->v->sync(k.s), 0);
        assert_true(simdisk_count(k.disk, SIMDISK_SYNC) == before);
        kit_check_all(&k, 10);
        kit_deinit(&k);
    }
}

/* The header of each group carries the floor that its writer had reached. */
static int each_floor(void *arg, const struct ate__group_out *group)
{
    uint64_t **next = arg;
    assert_true(group->floor == *(*next)++);
    return 0;
}

static int no_record(void *arg, const struct ate__record_out *record)
{
    (void)arg, (void)record;
    return 0;
}

static void test_floors(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    k.conf.sync = ATE__SYNC_NEVER;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    kit_append_ok(&k, 2, 100);
    assert_int_equal(k.s->v->sync(k.s), 0);
    kit_append_ok(&k, 1, 100);
    kit_append_ok(&k, 1, 100);
    assert_int_equal(k.s->v->idle(k.s), 0);
    uint64_t floors[] = {0, 0, 4, 4, 6}, *next = floors;
    struct ate__scan scan = {each_floor, no_record, &next};
    assert_int_equal(k.s->v->scan(k.s, 0, UINT64_MAX, &scan), 0);
    assert_true(next == floors + 5);
    kit_deinit(&k);
}

static void test_idle(void **state)
{
    (void)state;
    struct kit k;
    struct kit_seen seen;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    assert_int_equal(k.s->v->idle(k.s), 0); /* nothing to witness */
    kit_append_ok(&k, 3, 100);
    for (int i = 0; i < 3; i++)
        assert_int_equal(k.s->v->idle(k.s), 0);
    struct ate__group_in none = {.first_sequence = 77};
    assert_int_equal(k.s->v->append(k.s, &none), 0);
    assert_int_equal(kit_scan(&k, 0, UINT64_MAX, &seen), 0);
    assert_true(seen.groups == 1 && seen.idle == 1);
    kit_append_ok(&k, 1, 100);
    assert_int_equal(k.s->v->append(k.s, &none), 0);
    assert_int_equal(kit_scan(&k, 0, UINT64_MAX, &seen), 0);
    assert_true(seen.groups == 2 && seen.idle == 2);
    kit_close(&k);
    kit_open_ok(&k, 0); /* and the lists are witnesses too */
    assert_int_equal(k.s->v->idle(k.s), 0);
    assert_int_equal(kit_scan(&k, 0, UINT64_MAX, &seen), 0);
    assert_true(seen.idle == 2);
    kit_deinit(&k);
}

static void test_refusals(void **state)
{
    (void)state;
    struct kit k;
    static uint8_t big[17 << 20];
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    uint64_t calls = simdisk_count(k.disk, SIMDISK_ALL);
    struct ate_bytes records[] = {{big, 8 << 20}, {big, 8 << 20}, {big, 0}};
    struct ate__group_in group = {.records = records, .count = 2};
    assert_int_equal(k.s->v->append(k.s, &group), ATE_TOO_BIG);
    records[0].size = SIZE_MAX;
    assert_int_equal(k.s->v->append(k.s, &group), ATE_TOO_BIG);
    records[0].size = ATE__GROUP_BYTES_MAX;
    group.count = 1;
    assert_int_equal(k.s->v->append(k.s, &group), ATE_TOO_BIG);
    records[0].size = ATE__GROUP_BYTES_MAX - ATE__GROUP_HEAD - ATE__RECORD_HEAD + 1;
    assert_int_equal(k.s->v->append(k.s, &group), ATE_TOO_BIG);
    group.records = records + 2;
    assert_int_equal(k.s->v->append(k.s, &group), ATE_MISUSE);
    group.records = records;
    group.first_sequence = 1;
    records[0].size = 5;
    assert_int_equal(k.s->v->append(k.s, &group), ATE_MISUSE);
    assert_true(simdisk_count(k.disk, SIMDISK_ALL) == calls);
    assert_false(kit_state(&k).failed);
    group.first_sequence = 0;
    records[0].size = ATE__GROUP_BYTES_MAX - ATE__GROUP_HEAD - ATE__RECORD_HEAD;
    assert_int_equal(k.s->v->append(k.s, &group), 0);
    assert_true(kit_state(&k).size == 1);
    kit_deinit(&k);
}

/* A write or sync that fails is sticky until recover() says what stands. */
static void test_sticky(void **state)
{
    (void)state;
    static const unsigned kinds[] = {SIMDISK_WRITE, SIMDISK_SYNC};
    uint64_t stood = 0, gone = 0;
    for (uint64_t i = 0; i < 40; i++) {
        struct kit k;
        kit_init(&k, i);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 2, 500);
        simdisk_fail(k.disk, kinds[i % 2], 1, 1, i % 3 ? ATE_E_IO : ATE_E_NO_SPACE);
        assert_int_equal(kit_append(&k, 3, 500, 0), ATE_E_IO);
        struct ate__storage_state now = kit_state(&k);
        assert_true(now.failed && now.size == 2 && now.floor == 2 && now.writable);
        assert_true(now.full == !(i % 3) && !now.prepare_due);
        assert_int_equal(kit_append(&k, 1, 500, 0), ATE_READ_ONLY);
        assert_int_equal(k.s->v->idle(k.s), ATE_READ_ONLY);
        assert_int_equal(k.s->v->sync(k.s), ATE_READ_ONLY);
        assert_int_equal(k.s->v->prepare(k.s), ATE_READ_ONLY);
        kit_check_all(&k, 2); /* reads go on */
        assert_int_equal(k.s->v->recover(k.s), 0);
        now = kit_state(&k);
        assert_true(!now.failed && now.full == !(i % 3) && (now.size == 2 || now.size == 5));
        assert_int_equal(k.s->v->prepare(k.s), 0); /* there is room */
        assert_false(kit_state(&k).full);
        stood += now.size == 5;
        gone += now.size == 2;
        kit_append_ok(&k, 1, 500);
        kit_check_all(&k, now.size + 1);
        kit_crash(&k, i);
        kit_open_ok(&k, 0);
        kit_check_all(&k, now.size + 1);
        kit_deinit(&k);
    }
    assert_true(stood && gone);
}

/* Another thread's sync fails between the write and the sync of an append: the system tells of lost
 * pages once, so the append's own sync succeeds, and must not count. */
static void each_call(void *arg, uint64_t number)
{
    struct kit *k = arg;
    (void)number;
    simdisk_watch(k->disk, NULL, NULL);
    simdisk_fail(k->disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    assert_int_equal(k->s->v->sync(k->s), ATE_E_IO);
}

static void test_other_sync(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    k.conf = (struct ate__storage_conf){.sync = ATE__SYNC_INTERVAL, .sync_interval_ms = 100};
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 1, 100);
    simenv_pass_ms(&k.sim, 200);
    simdisk_watch(k.disk, each_call, &k);
    assert_int_equal(kit_append(&k, 1, 100, 0), ATE_E_IO);
    struct ate__storage_state now = kit_state(&k);
    assert_true(now.failed && now.size == 1 && now.floor == 0);
    assert_int_equal(k.s->v->recover(k.s), 0);
    kit_check_all(&k, kit_state(&k).size);
    kit_deinit(&k);
}

/* Positions that an append tells are those at which load() finds the records. */
static void test_positions(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (uint64_t first = 0; first < 120; first += 3) {
        uint8_t bodies[3][900];
        struct ate_bytes records[3];
        struct ate__position positions[3];
        struct ate__buf buf = ATE__BUF_NULL;
        for (size_t i = 0; i < 3; i++) {
            kit_record(bodies[i], 900 - 100 * i, first + i, 0);
            records[i] = ate__bytes(bodies[i], 900 - 100 * i);
        }
        struct ate__group_in group = {first, 1000000 + first, kit_head(first), records,
                                      3,     positions,       false,           NULL};
        assert_int_equal(k.s->v->append(k.s, &group), 0);
        for (size_t i = 0; i < 3; i++) {
            uint64_t reads = simdisk_count(k.disk, SIMDISK_ALL);
            ate__buf_clear(&buf);
            assert_int_equal(k.s->v->load(k.s, first + i, &positions[i], &buf), 0);
            assert_true(simdisk_count(k.disk, SIMDISK_ALL) == reads + 1);
            assert_true(ate__bytes_equal(ate__buf_bytes(&buf), records[i]));
        }
        ate__buf_deinit(&buf);
    }
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost),       cmocka_unit_test(test_policies),
        cmocka_unit_test(test_floors),     cmocka_unit_test(test_idle),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_other_sync), cmocka_unit_test(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
