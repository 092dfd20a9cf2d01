/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What compaction left of a log, piece by piece, becomes a log: on a disk and in memory. */
#include "compacting.h"
#include "lib/heap.h"
#include "redo/import.h"
#include "redo/redo.h"
#include <stdlib.h>

enum { RECORDS = 1200, CUT_OFF = 1000, GAPS_BELOW = 768 };
#define NAME ",aside"

/* ---- from one log to the other ---- */

struct feeding {
    struct ate__import *import;
    uint64_t kept_end, next;
    struct ate__group_out group;
    struct ate__import_record records[16];
    struct ate_bytes bodies[16];
    size_t count;
};

static int put_group(struct feeding *f)
{
    struct ate__import_range range = {.first = f->next,
                                      .end = f->group.end_sequence,
                                      .root_time_us = f->group.root_time_us,
                                      .records = f->records,
                                      .count = f->count};
    struct ate__group_in in = {.first_sequence = f->group.first_sequence,
                               .root_time_us = f->group.root_time_us,
                               .head_before = kit_head(f->group.first_sequence),
                               .records = f->bodies,
                               .count = f->count};
    bool kept = f->group.first_sequence < f->kept_end;
    f->next = f->group.end_sequence;
    for (size_t i = 0; i < f->count; i++)
        f->bodies[i] = f->records[i].body;
    return kept ? ate__import_range(f->import, &range) : ate__import_group(f->import, &in);
}

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct feeding *f = arg;
    f->records[f->count++] =
        (struct ate__import_record){record->sequence, record->identity, record->body};
    return record->last_in_group ? put_group(f) : 0;
}

static int on_group(void *arg, const struct ate__group_out *group)
{
    struct feeding *f = arg;
    f->group = *group;
    f->count = 0;
    return group->compacted && !group->count ? put_group(f) : 0;
}

static int note_compacted(void *arg, const struct ate__segment_out *segment)
{
    uint64_t *end = arg;
    if (segment->compacted)
        *end = segment->end;
    return 0;
}

static uint64_t kept_end_of(struct kit *k)
{
    uint64_t end = 0;
    assert_int_equal(k->s->v->segments(k->s, note_compacted, &end), 0);
    return end;
}

static struct ate__import_conf conf_of(struct kit *k, bool in_memory)
{
    return (struct ate__import_conf){
        .env = &k->sim.env,
        .dir = in_memory ? NULL : k->root,
        .dir_name = NAME,
        .first_id = 17,
        .chain_id = kit_chain,
        .role = ATE__ROLE_MIRROR,
        .cut_off = CUT_OFF,
        .kept_end = kept_end_of(k),
        .kept_root = kit_head(kept_end_of(k)),
    };
}

static int import(struct kit *k, bool in_memory, struct ate__storage **ret)
{
    struct ate__import_conf conf = conf_of(k, in_memory);
    struct feeding *f = calloc(1, sizeof *f);
    struct ate_hash leaves[ATE__TILE_LEAVES];
    f->kept_end = conf.kept_end;
    int rc = ate__import_new(&conf, &f->import);
    for (uint64_t at = 0; at < GAPS_BELOW && !rc; at += ATE__TILE_LEAVES) {
        assert_int_equal(compacting_leaves(NULL, at, leaves), 0);
        rc = ate__import_leaves(f->import, leaves);
    }
    if (!rc)
        rc = k->s->v->scan(k->s, 0, UINT64_MAX, &(struct ate__scan){on_group, on_record, f});
    if (!rc) {
        assert_true(ate__import_size(f->import) == RECORDS);
        rc = ate__import_end(f->import, ret);
    }
    ate__import_free(f->import);
    free(f);
    return rc;
}

static void begin(struct kit *k, uint64_t seed)
{
    struct compactor c = {.keep_all_from = GAPS_BELOW};
    kit_init(k, seed);
    compacting_open_ok(k, ATE__STORAGE_CREATE);
    compacting_grow(k, RECORDS);
    assert_int_equal(compacting_all(k, &c, CUT_OFF, CUT_OFF), 0);
    assert_true(kept_end_of(k) > GAPS_BELOW - 300 && kept_end_of(k) <= CUT_OFF);
}

/* ---- tests ---- */

static void check(struct kit *k, struct ate__storage *s, uint64_t size)
{
    struct kit other = *k;
    struct reading r;
    other.s = s;
    compacting_check(&other, size, &r);
    assert_true(r.missing > 200 && r.identities > 20);
    assert_true(kit_state(&other).cut_off == CUT_OFF && kit_state(&other).generation == 1 &&
                kit_state(&other).role == ATE__ROLE_MIRROR);
}

static void test_file(void **state)
{
    (void)state;
    struct kit k, other;
    struct ate__storage *s;
    struct ate__storage_conf conf = {.sync = ATE__SYNC_NEVER, .dir_name = NAME};
    begin(&k, 1);
    int rc = import(&k, false, &s);
    if (rc)
        fail_msg("import: %d %s", rc, ate__error_text());
    check(&k, s, RECORDS);
    s->v->close(s);
    /* A log as any other: it is opened, written to and compacted. */
    assert_int_equal(
        ate__storage_open_file(&k.sim.env, k.root, 0, NULL, ATE__ROLE_MIRROR, &conf, &s), 0);
    assert_int_equal(s->v->begin(s), 0);
    other = k;
    other.s = s;
    compacting_make_tiles(&other);
    check(&k, s, RECORDS);
    compacting_grow(&other, RECORDS + 200);
    check(&k, s, RECORDS + 200);
    s->v->close(s);
    assert_int_equal(ate__import_remove(k.vfs, k.root, NAME), 0);
    assert_false(simdisk_exists(k.disk, "/c/" NAME));
    assert_int_equal(ate__import_remove(k.vfs, k.root, NAME), 0);
    kit_deinit(&k);
}

struct seen {
    struct ate__storage *other;
    uint64_t records, groups;
};

static int seen_group(void *arg, const struct ate__group_out *group)
{
    struct seen *seen = arg;
    seen->groups += group->count || group->compacted;
    return 0;
}

/* The other log has the same. */
static int seen_record(void *arg, const struct ate__record_out *record)
{
    struct seen *seen = arg;
    struct ate__buf buf = ATE__BUF_NULL;
    int rc = seen->other->v->load(seen->other, record->sequence, NULL, &buf);
    assert_int_equal(rc, record->identity ? ATE_COMPACTED : 0);
    if (!rc)
        assert_true(ate__bytes_equal(ate__buf_bytes(&buf), record->body));
    ate__buf_deinit(&buf);
    seen->records++;
    return 0;
}

static void test_memory(void **state)
{
    (void)state;
    struct kit k;
    struct ate__storage *s;
    struct ate__storage_state about;
    struct ate_hash have[ATE__TILE_LEAVES], want[ATE__TILE_LEAVES];
    begin(&k, 2);
    assert_int_equal(import(&k, true, &s), 0);
    struct seen a = {.other = s}, b = {.other = k.s};
    for (uint64_t from = 0; from <= RECORDS; from += 97) {
        uint64_t records = a.records, there = b.records;
        assert_int_equal(
            k.s->v->scan(k.s, from, from + 500, &(struct ate__scan){seen_group, seen_record, &a}),
            0);
        assert_int_equal(
            s->v->scan(s, from, from + 500, &(struct ate__scan){seen_group, seen_record, &b}), 0);
        assert_true(a.records - records == b.records - there);
    }
    assert_true(a.records == b.records && a.records > RECORDS);
    s->v->state(s, &about);
    assert_true(about.cut_off == CUT_OFF && about.generation == 1 && about.size == RECORDS);
    assert_int_equal(s->v->tiles_stored(s, 512, have), 0);
    assert_int_equal(compacting_leaves(NULL, 512, want), 0);
    assert_memory_equal(have, want, sizeof want);
    assert_int_equal(s->v->tiles_stored(s, GAPS_BELOW, have), ATE_NOT_FOUND);
    s->v->close(s);
    kit_deinit(&k);
}

static void refuse_range(struct ate__import *i, uint64_t first, uint64_t end, uint64_t sequence,
                         size_t size)
{
    static const uint8_t bytes[64];
    uint64_t before = ate__import_size(i);
    struct ate__import_record records[] = {{sequence, false, ate__bytes(bytes, size)},
                                           {sequence, false, ate__bytes(bytes, size)}};
    struct ate__import_range range = {first, end, 1, records, 1};
    if (size == sizeof bytes)
        range.count = 2; /* twice the same */
    assert_int_equal(ate__import_range(i, &range), ATE_MALFORMED);
    assert_true(ate__import_size(i) == before);
}

/* What does not come in its order, or says of itself what is not so. */
static void refused(struct kit *k, bool in_memory)
{
    struct ate__import_conf conf = conf_of(k, in_memory);
    struct ate_hash leaves[ATE__TILE_LEAVES] = {{{1}}};
    struct ate__import *i;
    struct ate__storage *s;
    struct ate_bytes body = ate__text_bytes("whole");
    struct ate__group_in group = {.first_sequence = 300, .records = &body, .count = 1};
    conf.kept_end = 0;
    assert_int_equal(ate__import_new(&conf, &i), ATE_MALFORMED);
    conf.kept_end = 300;
    conf.cut_off = 0;
    assert_int_equal(ate__import_new(&conf, &i), ATE_MALFORMED);
    conf.cut_off = 302;
    assert_int_equal(ate__import_new(&conf, &i), 0);
    refuse_range(i, 0, 10, 0, 9); /* the leaves first */
    assert_int_equal(ate__import_leaves(i, leaves), 0);
    assert_int_equal(ate__import_leaves(i, leaves), ATE_MALFORMED);
    refuse_range(i, 1, 10, 1, 9);
    refuse_range(i, 0, 0, 0, 9);
    refuse_range(i, 0, 301, 0, 9);
    refuse_range(i, 0, 10, 10, 9);
    refuse_range(i, 0, 10, 3, 0);
    refuse_range(i, 0, 10, 3, 64);
    assert_int_equal(ate__import_group(i, &group), ATE_MALFORMED);
    assert_int_equal(ate__import_end(i, &s), ATE_MALFORMED);
    struct ate__import_record record = {299, false, body};
    struct ate__import_range range = {0, 300, 1, &record, 1};
    assert_int_equal(ate__import_range(i, &range), 0);
    range.first = 300;
    range.end = 301;
    assert_int_equal(ate__import_range(i, &range), ATE_MALFORMED);
    assert_int_equal(ate__import_end(i, &s), ATE_MALFORMED); /* below the cut-off */
    group.first_sequence = 301;
    assert_int_equal(ate__import_group(i, &group), ATE_MALFORMED);
    for (group.first_sequence = 300; group.first_sequence < 302; group.first_sequence++)
        assert_int_equal(ate__import_group(i, &group), 0);
    assert_int_equal(ate__import_end(i, &s), 0);
    s->v->close(s);
    ate__import_free(i);
    if (in_memory)
        return;
    assert_int_equal(ate__import_new(&conf, &i), ATE_EXISTS);
    assert_int_equal(ate__import_remove(k->vfs, k->root, NAME), 0);
}

static void test_refused(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 3);
    refused(&k, false);
    refused(&k, true);
    kit_deinit(&k);
}

/* Each call to the disk fails once: no log is given, and what is there goes. */
static void test_faults(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct kit k;
        struct ate__storage *s = NULL;
        begin(&k, 4);
        simdisk_fail(k.disk, SIMDISK_MUTATING, n, 1, ATE_E_IO);
        int rc = import(&k, false, &s);
        failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, 0, 0, 0, 0);
        assert_true(failed || !rc);
        if (!rc)
            s->v->close(s);
        assert_int_equal(ate__import_remove(k.vfs, k.root, NAME), 0);
        assert_int_equal(import(&k, false, &s), 0);
        check(&k, s, RECORDS);
        s->v->close(s);
        kit_deinit(&k);
    }
}

struct sweep {
    struct kit *k;
    bool in_memory;
};

static int import_once(void *arg)
{
    const struct sweep *w = arg;
    struct ate__storage *s = NULL;
    int rc = import(w->k, w->in_memory, &s);
    if (s)
        s->v->close(s);
    if (!w->in_memory)
        assert_int_equal(ate__import_remove(w->k->vfs, w->k->root, NAME), 0);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 5);
    assert_true(heap_sweep(import_once, &(struct sweep){&k, true}, false) > 4);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),      cmocka_unit_test(test_memory),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_faults),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
