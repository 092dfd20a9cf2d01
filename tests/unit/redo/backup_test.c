/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies of a log: whole, incremental, of one that is being written and compacted, with damage on
 * either side and with calls that fail. */
#include "backing.h"
#include "redo/redo.h"
#include <stdlib.h>

enum { RECORDS = 2400, CUT_OFF = 800 };

static void begin(struct kit *k, uint64_t seed, uint64_t records)
{
    kit_init(k, seed);
    compacting_open_ok(k, ATE__STORAGE_CREATE);
    compacting_grow(k, records);
}

/* Footers are written in the background. */
static void seal_all(struct kit *k)
{
    while (kit_state(k).prepare_due)
        assert_int_equal(k->s->v->prepare(k->s), 0);
}

static void compact(struct kit *k, uint64_t cut_off)
{
    struct compactor c = {.keep_all_from = cut_off - cut_off % ATE__TILE_LEAVES};
    assert_int_equal(compacting_all(k, &c, cut_off, cut_off), 0);
}

/* ---- whole, and again ---- */

static void test_incremental(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct kit k;
        struct backing b = {.k = &k, .to_dir = "/b"}, fresh = {.k = &k, .to_dir = "/d"};
        kit_init(&k, seed);
        k.conf.pad = seed == 2;
        k.conf.no_prewrite = seed == 3;
        compacting_open_ok(&k, ATE__STORAGE_CREATE);
        compacting_grow(&k, 700);
        backing_ok(&b);
        assert_true(b.done.size_before == 0 && b.records == 700);
        backing_check(&k, "/b", 700);
        seal_all(&k);
        backing_ok(&b); /* nothing new but footers */
        assert_true(b.done.segments_copied == 0 && b.done.bytes_copied == 0);
        backing_check(&k, "/b", 700);
        compacting_grow(&k, RECORDS);
        seal_all(&k);
        backing_ok(&b);
        assert_true(b.done.size_before == 700 && b.done.segments_kept >= 1);
        backing_check(&k, "/b", RECORDS);
        backing_ok(&fresh);
        assert_true(fresh.done.segments_copied == b.done.segments_copied + b.done.segments_kept);
        backing_same(&k, "/b", "/d");
        kit_deinit(&k);
    }
}

/* Each step leaves a log that is a beginning of the source. */
static void test_steps(void **state)
{
    (void)state;
    struct kit k;
    struct backing b = {.k = &k, .to_dir = "/b", .step_bytes = 100000};
    struct backing fresh = {.k = &k, .to_dir = "/d"};
    begin(&k, 5, 2 * RECORDS);
    seal_all(&k);
    simdisk_fail(k.disk, SIMDISK_WRITE, 12, 1, ATE_E_IO);
    assert_int_equal(backing_run(&b), ATE_E_IO);
    int64_t size = backing_size(&k, "/b");
    assert_true(size > 0 && size < 2 * RECORDS);
    simdisk_fail(k.disk, SIMDISK_WRITE, 0, 0, 0);
    backing_ok(&b);
    assert_true(b.done.size_before <= (uint64_t)size);
    backing_ok(&fresh);
    backing_same(&k, "/b", "/d");
    backing_check(&k, "/b", 2 * RECORDS);
    kit_deinit(&k);
}

static void test_compacted(void **state)
{
    (void)state;
    for (uint64_t had = 600; had <= RECORDS; had += 600) {
        struct kit k;
        struct backing b = {.k = &k, .to_dir = "/b"}, fresh = {.k = &k, .to_dir = "/d"};
        begin(&k, had, had);
        backing_ok(&b);
        compacting_grow(&k, RECORDS);
        compact(&k, CUT_OFF);
        seal_all(&k);
        backing_ok(&b);
        backing_check(&k, "/b", RECORDS);
        compacting_grow(&k, RECORDS + 500);
        compact(&k, 2 * CUT_OFF);
        seal_all(&k);
        backing_ok(&b);
        backing_check(&k, "/b", RECORDS + 500);
        backing_ok(&fresh);
        backing_same(&k, "/b", "/d");
        b.to_dir = "/e";
        b.to = CUT_OFF;
        assert_int_equal(backing_run(&b), ATE_COMPACTED);
        kit_deinit(&k);
    }
}

/* A writer appends and compacts while a reader copies. */
struct beside {
    struct kit *k;
    uint64_t calls;
};
static void work_beside(void *arg)
{
    struct beside *w = arg;
    if (++w->calls % 97)
        return;
    compacting_grow(w->k, kit_state(w->k).size + 30);
    if (w->calls == 97 * 3)
        compact(w->k, CUT_OFF);
    if (w->calls == 97 * 9)
        compact(w->k, CUT_OFF + 600);
    seal_all(w->k);
}

static void test_beside(void **state)
{
    (void)state;
    struct kit k;
    struct beside w = {.k = &k};
    struct ate__storage *reader;
    begin(&k, 11, RECORDS);
    struct backing b = {.k = &k, .to_dir = "/b", .meanwhile = work_beside, .arg = &w};
    for (int i = 0; i < 3; i++) {
        w.calls = 0;
        assert_int_equal(ate__storage_open_file(&k.sim.env, k.root, ATE__STORAGE_READ, NULL,
                                                ATE__ROLE_ROOT, NULL, &reader),
                         0);
        b.source = reader;
        struct ate__storage_state then;
        reader->v->state(reader, &then);
        backing_ok(&b);
        backing_check(&k, "/b", then.size);
        reader->v->close(reader);
    }
    assert_true(kit_state(&k).cut_off == CUT_OFF + 600);
    kit_deinit(&k);
}

/* Each group has the seal of its end; the last one, which is cut, has none. */
struct seals {
    uint64_t size;
    unsigned sealed, bare;
};

static int look_at_seal(void *arg, const struct ate__group_out *g)
{
    struct seals *x = arg;
    if (g->seal) {
        struct ate_hash head = kit_head(g->end_sequence);
        assert_memory_equal(g->seal, &head, sizeof head);
        x->sealed++;
    } else if (g->count) {
        assert_true(g->end_sequence == x->size);
        x->bare++;
    }
    return 0;
}

static int pass(void *arg, const struct ate__record_out *record)
{
    (void)arg, (void)record;
    return 0;
}

static void check_seals(struct kit *k, const char *path, uint64_t size)
{
    struct seals x = {.size = size};
    struct ate__storage *s;
    struct ate__dir *dir;
    const struct ate__vfs *vfs = simdisk_vfs(k->disk);
    assert_int_equal(vfs->open_root(vfs->user, path, &dir), 0);
    assert_int_equal(
        ate__storage_open_file(&k->sim.env, dir, ATE__STORAGE_READ, NULL, ATE__ROLE_ROOT, NULL, &s),
        0);
    assert_int_equal(s->v->scan(s, 0, UINT64_MAX, &(struct ate__scan){look_at_seal, pass, &x}), 0);
    assert_true(x.bare <= 1 && (x.sealed || size < 5));
    s->v->close(s);
    vfs->close_dir(dir);
}

/* Up to a sequence inside of a group; then on from there. */
static void split(bool sealed)
{
    struct kit k;
    struct backing fresh = {.k = &k, .to_dir = "/d"};
    compacting_seals = sealed;
    begin(&k, 12, 900);
    seal_all(&k);
    for (uint64_t to = 1; to < 900; to += 1 + to % 53) {
        struct backing b = {.k = &k, .to_dir = "/b", .to = to, .split = true};
        simdisk_unlink(k.disk, "/b");
        backing_ok(&b);
        backing_check(&k, "/b", to);
        if (sealed)
            check_seals(&k, "/b", to);
    }
    struct backing b = {.k = &k, .to_dir = "/b"};
    backing_ok(&b);
    backing_ok(&fresh);
    backing_same(&k, "/b", "/d");
    kit_deinit(&k);
    compacting_seals = false;
}

static void test_split(void **state)
{
    (void)state;
    split(false);
    split(true);
}

/* Up to a sequence inside of what was compacted without holes. */
static void split_compacted(bool sealed)
{
    struct kit k;
    compacting_seals = sealed;
    begin(&k, 13, 900);
    seal_all(&k);
    struct compactor c = {.keep_all_from = 900, .shallow = true};
    assert_int_equal(compacting_all(&k, &c, 900, 0), 0);
    for (uint64_t to = 1; to < 900; to += 1 + to % 37) {
        struct backing b = {.k = &k, .to_dir = "/b", .to = to, .split = true};
        simdisk_unlink(k.disk, "/b");
        backing_ok(&b);
        backing_check(&k, "/b", to);
        if (sealed)
            check_seals(&k, "/b", to);
        b.to = 0;
        backing_ok(&b);
        backing_check(&k, "/b", 900);
        if (sealed)
            check_seals(&k, "/b", 900);
    }
    kit_deinit(&k);
    compacting_seals = false;
}

static void test_split_compacted(void **state)
{
    (void)state;
    split_compacted(false);
    split_compacted(true);
}

/* ---- what is refused ---- */

static void refused(struct backing *b, int result)
{
    uint64_t before = simdisk_digest(b->k->disk);
    int rc = backing_run(b);
    if (rc != result)
        fail_msg("%d instead of %d: %s", rc, result, ate__error_text());
    assert_true(*ate__error_text());
    assert_true(simdisk_digest(b->k->disk) == before);
}

static void test_refused(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 21, RECORDS);
    struct backing b = {.k = &k, .to_dir = "/b"};
    backing_ok(&b);
    b.to = 700;
    refused(&b, ATE_ROLLED_BACK);
    b.to = 0;
    b.anew = true;
    refused(&b, ATE_EXISTS);
    b.anew = false;
    b.refuse_at = 5;
    compacting_grow(&k, RECORDS + 100);
    refused(&b, ATE_FORKED);
    b.refuse_at = 0;
    struct backing self = {.k = &k, .to_dir = "/c"};
    refused(&self, ATE_MISUSE);
    /* somebody writes there */
    struct ate__dir *dir;
    struct ate__storage *writer;
    assert_int_equal(k.vfs->open_root(k.vfs->user, "/b", &dir), 0);
    assert_int_equal(
        ate__storage_open_file(&k.sim.env, dir, 0, NULL, ATE__ROLE_ROOT, NULL, &writer), 0);
    refused(&b, ATE_IN_USE);
    writer->v->close(writer);
    k.vfs->close_dir(dir);
    /* another chain */
    struct ate_hash id = {{9}};
    simdisk_mkdir(k.disk, "/o");
    assert_int_equal(k.vfs->open_root(k.vfs->user, "/o", &dir), 0);
    assert_int_equal(ate__storage_open_file(&k.sim.env, dir, ATE__STORAGE_CREATE, &id,
                                            ATE__ROLE_ROOT, NULL, &writer),
                     0);
    writer->v->close(writer);
    k.vfs->close_dir(dir);
    b.to_dir = "/o";
    refused(&b, ATE_WRONG_CHAIN);
    /* neither list */
    simdisk_flip(k.disk, "/b/,chain/meta.a", 20, 1);
    simdisk_flip(k.disk, "/b/,chain/meta.b", 20, 1);
    b.to_dir = "/b";
    refused(&b, ATE_TAMPERED);
    kit_deinit(&k);
}

/* ---- damage ---- */

struct flips {
    struct kit *k;
    const char *dir;
    char path[8][80];
    uint64_t size[8];
    size_t count;
};

static void note_file(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct flips *f = arg;
    if (is_dir || !size || !strcmp(name, "lock") || f->count == 8)
        return;
    snprintf(f->path[f->count], sizeof f->path[0], "%s/%s", f->dir, name);
    f->size[f->count++] = size;
}

/* One bit of a copy, or of its source: seen, and the copy made whole again, or nothing believed. */
static void test_flips(void **state)
{
    (void)state;
    struct kit k;
    begin(&k, 31, 700);
    compact(&k, 300);
    seal_all(&k);
    struct backing b = {.k = &k, .to_dir = "/b"}, fresh = {.k = &k, .to_dir = "/d"};
    backing_ok(&b);
    backing_ok(&fresh);
    struct flips in_copy = {.k = &k, .dir = "/b/,chain"};
    simdisk_each(k.disk, in_copy.dir, note_file, &in_copy);
    assert_true(in_copy.count > 3);
    for (size_t i = 0; i < in_copy.count; i++)
        for (uint64_t at = 0; at < in_copy.size[i]; at += 1 + in_copy.size[i] / 60) {
            simdisk_flip(k.disk, in_copy.path[i], at, (uint8_t)(1 << at % 8));
            backing_ok(&b);
            backing_same(&k, "/b", "/d");
            if (at % 5 == 0)
                backing_check(&k, "/b", 700);
        }
    backing_check(&k, "/b", 700);
    kit_deinit(&k);
}

static void test_damaged_source(void **state)
{
    (void)state;
    struct kit k;
    unsigned seen = 0;
    begin(&k, 32, 700);
    seal_all(&k);
    kit_close(&k);
    struct flips in_source = {.k = &k, .dir = KIT_DIR};
    simdisk_each(k.disk, in_source.dir, note_file, &in_source);
    for (size_t i = 0; i < in_source.count; i++)
        for (uint64_t at = 0; at < in_source.size[i]; at += 1 + in_source.size[i] / 40) {
            struct backing b = {.k = &k, .to_dir = "/b", .to = 700};
            simdisk_flip(k.disk, in_source.path[i], at, 4);
            int rc = kit_open(&k, ATE__STORAGE_READ);
            if (!rc && kit_damage(&k).what == ATE_OK && kit_state(&k).size == 700)
                rc = backing_run(&b);
            else
                rc = ATE_TAMPERED;
            seen += rc != 0;
            if (!rc)
                backing_check(&k, "/b", 700);
            else
                assert_int_equal(rc, ATE_TAMPERED);
            kit_close(&k);
            simdisk_flip(k.disk, in_source.path[i], at, 4);
            simdisk_unlink(k.disk, "/b");
        }
    assert_true(seen > 40);
    kit_deinit(&k);
}

/* ---- calls that fail ---- */

static void each_fault(unsigned kinds, int result)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct kit k;
        begin(&k, 41, 500);
        struct backing b = {.k = &k, .to_dir = "/b", .step_bytes = 60000};
        if (n % 2)
            backing_ok(&b);
        compacting_grow(&k, 900);
        if (n % 3 == 0)
            compact(&k, 400);
        seal_all(&k);
        int64_t before = backing_size(&k, "/b");
        simdisk_fail(k.disk, kinds, n, 1, result);
        int rc = backing_run(&b);
        failed = simdisk_failed(k.disk);
        simdisk_fail(k.disk, kinds, 0, 0, 0);
        if (rc) {
            assert_true(failed && rc == result);
            assert_true(backing_size(&k, "/b") >= before);
        }
        backing_ok(&b);
        backing_check(&k, "/b", 900);
        kit_deinit(&k);
    }
}

static void test_faults(void **state)
{
    (void)state;
    each_fault(SIMDISK_ALL & ~(unsigned)SIMDISK_LOCK, ATE_E_IO);
    each_fault(SIMDISK_WRITE | SIMDISK_SYNC | SIMDISK_CREATE, ATE_E_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incremental), cmocka_unit_test(test_steps),
        cmocka_unit_test(test_compacted),   cmocka_unit_test(test_beside),
        cmocka_unit_test(test_split),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_flips),       cmocka_unit_test(test_damaged_source),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_split_compacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
