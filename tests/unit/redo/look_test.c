/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading: any range, any record, also while the log is made anew under the reader. */
#include "kit.h"
#include "redo/redo.h"
#include <stdlib.h>

static void test_ranges(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (size_t i = 0; i < 30; i++) {
        kit_append_ok(&k, 1 + i % 3, 3000);
        if (i % 4 == 0)
            assert_int_equal(k.s->v->idle(k.s), 0);
    }
    uint64_t size = kit_state(&k).size;
    assert_true(((struct ate__redo *)k.s)->list.count >= 2);
    for (int boot = 0; boot < 2; boot++) {
        for (uint64_t from = 0; from <= size; from++)
            for (uint64_t to = from; to <= size + 1; to++) {
                struct kit_seen seen;
                assert_int_equal(kit_scan(&k, from, to, &seen), 0);
                assert_true(seen.next == (to < size ? to : size) || from >= to);
            }
        struct kit_seen seen;
        assert_int_equal(kit_scan(&k, size + 1, size + 2, &seen), ATE_NOT_FOUND);
        kit_close(&k); /* once more without an index */
        kit_open_ok(&k, ATE__STORAGE_READ);
        for (uint64_t i = size; i-- > 0;) {
            struct ate__buf buf = ATE__BUF_NULL;
            uint64_t attempt;
            assert_int_equal(k.s->v->load(k.s, i, NULL, &buf), 0);
            assert_true(kit_record_whole(ate__buf_bytes(&buf), i, &attempt));
            ate__buf_deinit(&buf);
        }
    }
    kit_deinit(&k);
}

/* The result of a callback ends the scan and comes out. */
static int stop_group(void *arg, const struct ate__group_out *group)
{
    (void)group;
    return --*(int *)arg ? 0 : ATE_STALE;
}

static int count_record(void *arg, const struct ate__record_out *record)
{
    (void)arg, (void)record;
    return 0;
}

static void test_stop(void **state)
{
    (void)state;
    struct kit k;
    int left = 3;
    struct ate__scan scan = {stop_group, count_record, &left};
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 5; i++)
        kit_append_ok(&k, 2, 100);
    assert_int_equal(k.s->v->scan(k.s, 0, UINT64_MAX, &scan), ATE_STALE);
    kit_deinit(&k);
}

/* A search reads about what lies between two entries of the index, not the segment. */
static void test_index(void **state)
{
    (void)state;
    struct kit k;
    struct ate__buf buf = ATE__BUF_NULL;
    kit_init(&k, 1);
    k.conf.sync = ATE__SYNC_NEVER;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 3000; i++)
        kit_append_ok(&k, 1, 1000);
    const struct ate__redo *r = (struct ate__redo *)k.s;
    const struct ate__segment *last = r->list.items[r->list.count - 1];
    assert_true(last->length > 1000000);
    assert_true(last->index.count >= last->length / ATE__INDEX_STEP_BYTES / 2);
    for (uint64_t i = 2999; i > 2000; i -= 100) {
        uint64_t before = simdisk_count(k.disk, SIMDISK_READ);
        ate__buf_clear(&buf);
        assert_int_equal(k.s->v->load(k.s, i, NULL, &buf), 0);
        assert_true(simdisk_count(k.disk, SIMDISK_READ) <= before + 4);
    }
    ate__buf_deinit(&buf);
    kit_deinit(&k);
}

/* --- the list is made anew under a reader --- */

struct upset {
    struct kit *k;
    uint64_t next, at, groups;
};

/* In the middle of a scan an append fails and the log recovers. */
static int each_upset(void *arg, const struct ate__record_out *record)
{
    struct upset *u = arg;
    uint64_t attempt;
    assert_true(record->sequence == u->next++);
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    if (record->sequence != u->at)
        return 0;
    simdisk_fail(u->k->disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
    assert_int_equal(kit_append(u->k, 2, 200, 5), ATE_E_IO);
    assert_int_equal(u->k->s->v->recover(u->k->s), 0);
    return 0;
}

static void test_recovery_under_scan(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 40; at += 3)
        for (int never = 0; never < 2; never++) {
            struct kit k;
            kit_init(&k, at);
            k.conf.sync = never ? ATE__SYNC_NEVER : ATE__SYNC_ALWAYS;
            k.conf.no_prewrite = true;
            kit_open_ok(&k, ATE__STORAGE_CREATE);
            for (int i = 0; i < 20; i++)
                kit_append_ok(&k, 2, 2000);
            /* A weaker policy makes recovery move groups that readers saw. */
            if (never)
                k.conf.sync = ((struct ate__redo *)k.s)->conf.sync = ATE__SYNC_ALWAYS;
            struct upset u = {&k, 0, at, 0};
            struct ate__scan scan = {NULL, each_upset, &u};
            assert_int_equal(k.s->v->scan(k.s, 0, UINT64_MAX, &scan), 0);
            uint64_t size = kit_state(&k).size;
            /* The failed sync may have lost what was shown under the weak policy. */
            assert_true(u.next == 40 || (never && u.next >= size && u.next < 40));
            assert_int_equal(kit_damage(&k).what, ATE_OK);
            kit_check_all(&k, size);
            kit_deinit(&k);
        }
}

/* The reader's window is behind what recovery moves away: it has to begin anew there. */
static void test_recovery_far_ahead(void **state)
{
    (void)state;
    for (uint64_t at = 2; at < 500; at += 71) {
        struct kit k;
        kit_init(&k, at);
        k.conf.sync = ATE__SYNC_NEVER;
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 1, 1500000); /* for a big segment behind it */
        kit_append_ok(&k, 1, 1400000);
        for (int i = 0; i < 100; i++)
            kit_append_ok(&k, 2, 2000);
        assert_int_equal(k.s->v->sync(k.s), 0);
        for (int i = 0; i < 250; i++)
            kit_append_ok(&k, 2, 2000);
        ((struct ate__redo *)k.s)->conf.sync = ATE__SYNC_ALWAYS;
        struct upset u = {&k, 0, at, 0};
        struct ate__scan scan = {NULL, each_upset, &u};
        int rc = k.s->v->scan(k.s, 0, UINT64_MAX, &scan);
        if (rc)
            fail_msg("scan: %d %s", rc, ate__error_text());
        uint64_t size = kit_state(&k).size;
        /* The failed sync may have lost what was shown under this policy. */
        assert_true(u.next <= 704 && u.next >= (size < 702 ? size : 702));
        assert_int_equal(kit_damage(&k).what, ATE_OK);
        kit_check_all(&k, size);
        kit_deinit(&k);
    }
}

static int keep_position(void *arg, const struct ate__record_out *record)
{
    ((struct ate__position *)arg)[record->sequence] = record->position;
    return 0;
}

/* Positions from before a recovery are looked up anew by load(); read_part() says so. */
static void test_stale_positions(void **state)
{
    (void)state;
    struct kit k;
    struct ate__position positions[12] = {{0, 0}};
    struct ate__scan scan = {NULL, keep_position, positions};
    kit_init(&k, 1);
    k.conf.sync = ATE__SYNC_NEVER;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 4, 500);
    assert_int_equal(k.s->v->sync(k.s), 0);
    kit_append_ok(&k, 4, 600);
    assert_int_equal(k.s->v->scan(k.s, 0, UINT64_MAX, &scan), 0);
    simdisk_fail(k.disk, SIMDISK_WRITE, 1, 1, ATE_E_IO);
    assert_int_equal(kit_append(&k, 1, 500, 0), ATE_E_IO);
    assert_int_equal(k.s->v->recover(k.s), 0);
    assert_true(kit_state(&k).size == 8);
    unsigned gone = 0;
    for (uint64_t i = 0; i < 8; i++) {
        struct ate__buf buf = ATE__BUF_NULL;
        uint64_t attempt;
        assert_int_equal(k.s->v->load(k.s, i, &positions[i], &buf), 0);
        assert_true(kit_record_whole(ate__buf_bytes(&buf), i, &attempt));
        ate__buf_clear(&buf);
        int rc = k.s->v->read_part(k.s, i, &positions[i], 0, 24, &buf);
        assert_true(rc == 0 || rc == ATE_NOT_FOUND);
        gone += rc != 0;
        if (!rc) {
            uint8_t want[24];
            uint8_t whole[600];
            kit_record(whole, positions[i].size, i, 0);
            memcpy(want, whole, 24);
            assert_memory_equal(buf.data, want, 24);
        }
        ate__buf_clear(&buf);
        assert_int_equal(k.s->v->read_part(k.s, i, NULL, 16, 8, &buf), 0);
        ate__buf_deinit(&buf);
    }
    assert_int_equal(gone, 4);
    struct ate__buf buf = ATE__BUF_NULL;
    assert_int_equal(k.s->v->read_part(k.s, 8, NULL, 0, 0, &buf), ATE_NOT_FOUND);
    assert_int_equal(k.s->v->read_part(k.s, 0, NULL, 500, 1, &buf), ATE_MALFORMED);
    assert_int_equal(k.s->v->read_part(k.s, 0, NULL, 501, 0, &buf), ATE_MALFORMED);
    assert_int_equal(k.s->v->read_part(k.s, 0, NULL, 500, 0, &buf), 0);
    struct ate__position wild = {UINT64_MAX, 600};
    assert_int_equal(k.s->v->read_part(k.s, 0, &wild, 0, 10, &buf), ATE_NOT_FOUND);
    /* One that is of another record. */
    ate__buf_clear(&buf);
    uint64_t attempt;
    assert_int_equal(k.s->v->load(k.s, 1, &positions[0], &buf), 0);
    assert_true(kit_record_whole(ate__buf_bytes(&buf), 1, &attempt));
    wild.place = positions[0].place + 1;
    assert_int_equal(k.s->v->load(k.s, 0, &wild, &buf), 0);
    ate__buf_deinit(&buf);
    kit_deinit(&k);
}

/* Damage met while reading: told once, with its place, and only what lies there is lost. */
static void test_damage(void **state)
{
    (void)state;
    struct kit k;
    struct kit_seen seen;
    struct ate__buf buf = ATE__BUF_NULL;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 40; i++)
        kit_append_ok(&k, 1, 4000);
    assert_int_equal(kit_damage(&k).what, ATE_OK);
    char path[64];
    assert_true(kit_segment(&k, 0, path));
    simdisk_flip(k.disk, path, 88 + 3 * (64 + 24 + 4000) + 500, 1);
    assert_int_equal(kit_scan(&k, 0, 3, &seen), 0); /* what ends in front of it does not meet it */
    assert_true(seen.next == 3 && kit_damage(&k).what == ATE_OK);
    assert_int_equal(kit_scan(&k, 0, UINT64_MAX, &seen), ATE_TAMPERED);
    assert_true(seen.next == 3);
    struct ate__storage_damage damage = kit_damage(&k);
    assert_int_equal(damage.what, ATE_TAMPERED);
    assert_true(damage.sequence == 3 && damage.offset == 88 + 3 * (64 + 24 + 4000) + 64);
    assert_string_equal(damage.file, "0000000000000001.seg");
    assert_non_null(strstr(ate__error_text(), "0000000000000001.seg at offset"));
    assert_int_equal(k.s->v->load(k.s, 3, NULL, &buf), ATE_TAMPERED);
    assert_int_equal(buf.size, 0);
    assert_int_equal(k.s->v->load(k.s, 4, NULL, &buf), 0);
    assert_int_equal(kit_scan(&k, 4, UINT64_MAX, &seen), 0);
    assert_true(seen.next == 40);
    simdisk_unlink(k.disk, path);
    ate__buf_deinit(&buf);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_recovery_under_scan),
        cmocka_unit_test(test_recovery_far_ahead),
        cmocka_unit_test(test_stale_positions),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
