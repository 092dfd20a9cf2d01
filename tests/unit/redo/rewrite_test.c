/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compaction of segments: what stays, where, what readers see meanwhile, and what a fault leaves.
 */
#include "compacting.h"
#include "redo/redo.h"
#include <stdlib.h>

enum { RECORDS = 2400 };

static struct ate__redo *redo_of(const struct kit *k)
{
    return (struct ate__redo *)k->s;
}

static void begin(struct kit *k, uint64_t seed, uint64_t records)
{
    kit_init(k, seed);
    compacting_open_ok(k, ATE__STORAGE_CREATE);
    compacting_grow(k, records);
}

static int count_segment(void *arg, const struct ate__segment_out *segment)
{
    uint64_t *next = arg;
    assert_true(segment->first == *next && segment->end > segment->first);
    *next = segment->end;
    return 0;
}

/* ---- tests ---- */

static void test_deep(void **state)
{
    (void)state;
    struct kit k;
    struct reading r;
    struct compactor c = {.keep_all_from = UINT64_MAX};
    begin(&k, 1, RECORDS);
    uint64_t before = kit_state(&k).bytes, end = 0;
    assert_int_equal(k.s->v->segments(k.s, count_segment, &end), 0);
    assert_true(end > 800 && end < RECORDS);
    const uint64_t cut_off = 800;
    c.keep_all_from = cut_off - cut_off % 256; /* gaps only where full tiles are */
    assert_int_equal(compacting_all(&k, &c, cut_off, cut_off), 0);
    assert_true(c.records > 500 && c.paused > 0);
    compacting_check(&k, RECORDS, &r);
    assert_true(r.missing > 250 && r.identities > 50);
    assert_true(kit_state(&k).bytes < before);
    assert_true(kit_state(&k).cut_off == cut_off && kit_state(&k).generation > 0);
    /* It goes on: appends, a second compaction of all, a close. */
    compacting_grow(&k, RECORDS + 300);
    compacting_check(&k, RECORDS + 300, &r);
    c.keep_all_from = 1024;
    assert_int_equal(compacting_all(&k, &c, 1100, 1100), 0);
    compacting_check(&k, RECORDS + 300, &r);
    uint64_t missing_then = r.missing;
    kit_close(&k);
    for (unsigned flags = 0; flags < 2; flags++) {
        compacting_open_ok(&k, flags);
        compacting_check(&k, RECORDS + 300, &r);
        assert_true(r.missing == missing_then && kit_state(&k).cut_off == 1100);
        kit_close(&k);
    }
    assert_false(simdisk_exists(k.disk, KIT_DIR "/compact"));
    kit_deinit(&k);
}

/* Without a cut-off nothing may be missing, and records get shorter. */
static void test_shallow(void **state)
{
    (void)state;
    struct kit k;
    struct reading r;
    struct compactor c = {.keep_all_from = UINT64_MAX, .shallow = true};
    begin(&k, 2, RECORDS);
    uint64_t before = kit_state(&k).bytes;
    assert_int_equal(compacting_all(&k, &c, RECORDS, 0), 0);
    compacting_check(&k, RECORDS, &r);
    assert_true(!r.missing && !r.identities && !kit_state(&k).cut_off);
    assert_true(kit_state(&k).bytes < before);
    kit_close(&k);
    compacting_open_ok(&k, 0);
    compacting_check(&k, RECORDS, &r);
    kit_deinit(&k);
}

/* What is asked wrongly changes nothing. */
static void test_refused(void **state)
{
    (void)state;
    struct kit k;
    struct reading r;
    struct ate__rewritten done;
    struct compactor c = {.keep_all_from = UINT64_MAX};
    begin(&k, 3, RECORDS);
    uint64_t revision = kit_state(&k).revision;
    assert_int_equal(compacting_run(&k, &c, 0, 800, 0, &done), ATE_MISUSE); /* no cut-off */
    assert_int_equal(compacting_run(&k, &c, 0, 800, 200, &done), ATE_MISUSE); /* no full tile */
    assert_int_equal(compacting_run(&k, &c, 0, RECORDS, RECORDS + 1, &done), ATE_MISUSE);
    assert_int_equal(compacting_run(&k, &c, 1, 800, 800, &done), ATE_NOT_FOUND);
    assert_int_equal(compacting_run(&k, &c, 0, 1, 800, &done), ATE_NOT_FOUND);
    c.result = ATE_CANCELED;
    c.fail_at = 17;
    assert_int_equal(compacting_run(&k, &c, 0, 800, 800, &done), ATE_CANCELED);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/compact"));
    compacting_check(&k, RECORDS, &r);
    assert_true(!r.missing && kit_state(&k).revision == revision);
    kit_close(&k);
    compacting_open_ok(&k, ATE__STORAGE_READ);
    assert_int_equal(compacting_run(&k, &c, 0, 800, 800, &done), ATE_READ_ONLY);
    kit_deinit(&k);
}

static void kit_recover(struct kit *k)
{
    int rc = k->s->v->recover(k->s);
    if (rc)
        fail_msg("recover: %d %s", rc, ate__error_text());
}

/* Each call to the disk fails once: nothing is lost, and the next attempt does it. */
static void faults(int result, unsigned kinds)
{
    struct compactor c = {.keep_all_from = 768};
    struct reading r;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct kit k;
        begin(&k, 4, 900);
        simdisk_fail(k.disk, kinds, n, 1, result);
        int rc = compacting_all(&k, &c, 800, 800);
        failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, 0, 0, 0, 0);
        if (kit_state(&k).failed)
            kit_recover(&k);
        else
            assert_true(failed || !rc);
        compacting_check(&k, 900, &r);
        compacting_grow(&k, 950);
        assert_int_equal(compacting_all(&k, &c, 800, 800), 0);
        compacting_check(&k, 950, &r);
        kit_close(&k);
        compacting_open_ok(&k, 0);
        compacting_check(&k, 950, &r);
        assert_true(r.missing > 200);
        kit_deinit(&k);
    }
}

static void test_faults(void **state)
{
    (void)state;
    faults(ATE_E_IO, SIMDISK_MUTATING);
    faults(ATE_E_NO_SPACE, SIMDISK_WRITE | SIMDISK_CREATE);
    faults(ATE_E_IO, SIMDISK_READ | SIMDISK_OPEN | SIMDISK_STAT);
}

/* A reader that pinned an old segment reads on; one that opened before sees the new ones. */
struct beside {
    struct kit *k;
    struct compactor *c;
    uint64_t at, next;
};

static int compact_in_between(void *arg, const struct ate__record_out *record)
{
    struct beside *b = arg;
    assert_true(record->sequence >= b->next);
    b->next = record->sequence + 1;
    if (record->sequence == b->at)
        assert_int_equal(compacting_all(b->k, b->c, 800, 800), 0);
    return 0;
}

static void test_readers(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 700; at += 61) {
        struct kit k;
        struct reading r;
        struct compactor c = {.keep_all_from = 768};
        struct ate__storage *reader;
        begin(&k, 5, RECORDS);
        assert_int_equal(
            ate__storage_open_file(&k.sim.env, k.root, ATE__STORAGE_READ, NULL, 0, NULL, &reader),
            0);
        struct beside b = {&k, &c, at, 0};
        struct ate__scan scan = {NULL, compact_in_between, &b};
        assert_int_equal(k.s->v->scan(k.s, 0, UINT64_MAX, &scan), 0);
        assert_true(b.next == RECORDS);
        compacting_check(&k, RECORDS, &r);
        assert_true(r.missing > 200);
        struct ate__storage *writer = k.s;
        k.s = reader;
        compacting_check(&k, kit_state(&k).size, &r);
        reader->v->close(reader);
        k.s = writer;
        kit_deinit(&k);
    }
}

/* An old segment with one bad byte is not compacted. */
static void test_damage(void **state)
{
    (void)state;
    struct kit k;
    struct ate__rewritten done;
    struct compactor c = {.keep_all_from = 768};
    char path[64];
    begin(&k, 6, RECORDS);
    uint64_t revision = kit_state(&k).revision;
    assert_true(kit_segment(&k, 0, path));
    simdisk_flip(k.disk, path, 5000, 4);
    assert_int_equal(compacting_run(&k, &c, 0, 800, 800, &done), ATE_TAMPERED);
    assert_true(kit_state(&k).revision == revision);
    assert_string_equal(kit_damage(&k).file, redo_of(&k)->list.items[0]->name);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deep),    cmocka_unit_test(test_shallow),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_readers), cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests_name("redo/rewrite", tests, NULL, NULL);
}
