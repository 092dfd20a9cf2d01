/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end of the log: torn at every byte, damaged at every byte, or written by a newer version. */
#include "kit.h"
#include "base/crc.h"
#include "base/endian.h"
#include "redo/redo.h"
#include <stdlib.h>

static const struct ate__segment *last_of(const struct kit *k)
{
    const struct ate__redo *r = (const struct ate__redo *)k->s;
    return r->list.items[r->list.count - 1];
}

/* Four groups (2, 1, 1, 2 records); the writer is killed after the last. start: of each group, and
 * the end. */
struct log {
    struct simdisk *disk;
    char path[64];
    uint64_t start[5];
    uint32_t seed;
};

static void make_log(struct log *log, bool pad, bool prewritten, bool idle)
{
    struct kit k;
    kit_init(&k, 3);
    k.conf.pad = pad;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    if (prewritten) {
        kit_append_ok(&k, 1, 60000);
        assert_int_equal(k.s->v->prepare(k.s), 0);
        kit_append_ok(&k, 1, 60000);
        assert_true(last_of(&k)->head.id > 1 && last_of(&k)->file_bytes > 100000);
    }
    for (int i = 0; i < 4; i++) {
        log->start[i] = last_of(&k)->length;
        kit_append_ok(&k, i % 3 ? 1 : 2, 30 + 3 * (size_t)i);
    }
    if (idle)
        assert_int_equal(k.s->v->idle(k.s), 0);
    log->start[4] = last_of(&k)->length;
    log->seed = last_of(&k)->seed;
    snprintf(log->path, sizeof log->path, "%s/%s", KIT_DIR, last_of(&k)->name);
    kit_kill(&k);
    log->disk = simdisk_clone(k.disk);
    kit_deinit(&k);
}

enum harm { CUT, ZERO_FROM, FLIP, HOLE, GARBAGE, HARMS };

static void do_harm(struct simdisk *d, const struct log *log, enum harm harm, uint64_t at)
{
    uint8_t zeros[8192] = {0};
    switch (harm) {
    case CUT: simdisk_cut(d, log->path, at); break;
    case ZERO_FROM: simdisk_patch(d, log->path, at, zeros, (size_t)(log->start[4] - at)); break;
    case FLIP: simdisk_flip(d, log->path, at, (uint8_t)(1u << at % 8)); break;
    case HOLE: simdisk_patch(d, log->path, at, zeros, 1); break;
    default: simdisk_patch(d, log->path, at, "\xff\xfe\xfd", log->start[4] - at < 3 ? 1 : 3);
    }
}

/* The last group, torn at `at`: it goes, all else stays, and the log goes on. */
static void check_torn(const struct log *log, uint64_t size, enum harm harm, uint64_t at)
{
    struct kit k;
    kit_take(&k, simdisk_clone(log->disk), at);
    do_harm(k.disk, log, harm, at);
    uint64_t digest = simdisk_digest(k.disk);
    kit_open_ok(&k, ATE__STORAGE_READ);
    struct ate__storage_damage before = kit_damage(&k);
    assert_int_equal(before.what, ATE_OK);
    bool whole = kit_state(&k).size == size; /* a hole where zeros were */
    if (!whole)
        kit_check_all(&k, size - 2);
    kit_close(&k);
    assert_true(simdisk_digest(k.disk) == digest);
    assert_true(!whole || harm == HOLE || harm == ZERO_FROM);
    kit_open_ok(&k, 0);
    struct ate__storage_damage damage = kit_damage(&k);
    kit_check_all(&k, whole ? size : size - 2);
    assert_true(damage.what == ATE_OK && damage.trimmed_bytes == before.trimmed_bytes);
    uint64_t left = harm == CUT || harm == ZERO_FROM ? at : log->start[4];
    assert_true(before.trimmed_bytes <= left - log->start[3]);
    if (damage.trimmed_bytes) {
        assert_true(damage.offset == log->start[3] && damage.sequence == size - 2);
        assert_string_equal(damage.file, strrchr(log->path, '/') + 1);
        assert_true(simdisk_exists(k.disk, KIT_DIR "/trimmed"));
    } else {
        assert_true(whole || left == log->start[3] || harm == ZERO_FROM);
    }
    kit_append_ok(&k, 1, 50);
    kit_kill(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, whole ? size + 1 : size - 1);
    kit_deinit(&k);
}

static void test_torn(void **state)
{
    (void)state;
    for (int prewritten = 0; prewritten < 2; prewritten++) {
        struct log log;
        make_log(&log, false, prewritten, false);
        for (uint64_t at = log.start[3]; at < log.start[4]; at++)
            for (enum harm harm = 0; harm < HARMS; harm++)
                if (harm != CUT || !prewritten)
                    check_torn(&log, prewritten ? 8 : 6, harm, at);
        simdisk_free(log.disk);
    }
}

static void test_torn_padded(void **state)
{
    (void)state;
    struct log log;
    make_log(&log, true, false, false);
    for (uint64_t at = log.start[3]; at < log.start[4]; at += at - log.start[3] < 300 ? 1 : 211)
        for (enum harm harm = 0; harm < HARMS; harm++)
            check_torn(&log, 6, harm, at);
    simdisk_free(log.disk);
}

/* The tail that goes is kept as it was. */
static void keep_name(void *arg, const char *name, bool is_dir, uint64_t size)
{
    char **ret = arg;
    (void)is_dir, (void)size;
    assert_null(*ret);
    *ret = malloc(256);
    snprintf(*ret, 256, "%s/trimmed/%s", KIT_DIR, name);
}

static void test_kept(void **state)
{
    (void)state;
    struct log log;
    struct kit k;
    char *path = NULL;
    size_t size, whole_size;
    make_log(&log, false, true, false);
    kit_take(&k, simdisk_clone(log.disk), 1);
    simdisk_flip(k.disk, log.path, log.start[3] + 70, 1);
    uint8_t *whole = simdisk_get(k.disk, log.path, &whole_size);
    kit_open_ok(&k, 0);
    uint64_t bytes = kit_damage(&k).trimmed_bytes;
    assert_true(bytes <= log.start[4] - log.start[3] && bytes > log.start[4] - log.start[3] - 8);
    simdisk_each(k.disk, KIT_DIR "/trimmed", keep_name, &path);
    assert_non_null(path);
    uint8_t *kept = simdisk_get(k.disk, path, &size);
    assert_int_equal(size, bytes);
    assert_memory_equal(kept, whole + log.start[3], size);
    /* The old segment ends where the whole groups end. */
    assert_true(simdisk_size(k.disk, log.path) <= log.start[3]);
    free(kept);
    free(path);
    free(whole);
    kit_deinit(&k);
    simdisk_free(log.disk);
}

/* Any byte of what a later header vouches for. */
static void test_below_floor(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        struct log log;
        uint64_t size = variant & 1 ? 8 : 6;
        make_log(&log, false, variant & 1, variant & 2);
        /* An idle mark vouches for the last group too. */
        uint64_t end = variant & 2 ? log.start[4] - ATE__GROUP_HEAD : log.start[3];
        for (uint64_t at = log.start[0]; at < end; at++)
            for (enum harm harm = FLIP; harm < HARMS; harm++) {
                struct kit k;
                if (harm == GARBAGE && end - at < 3)
                    continue; /* it reaches into what nothing vouches for */
                kit_take(&k, simdisk_clone(log.disk), at);
                uint64_t clean = simdisk_digest(k.disk);
                do_harm(k.disk, &log, harm, at);
                uint64_t digest = simdisk_digest(k.disk);
                if (digest != clean) {
                    if (kit_open(&k, 0) != ATE_TAMPERED)
                        fail_msg("variant %d, harm %d at %llu of %llu", variant, (int)harm,
                                 (unsigned long long)at, (unsigned long long)end);
                    assert_non_null(strstr(ate__error_text(), strrchr(log.path, '/') + 1));
                    assert_true(simdisk_digest(k.disk) == digest);
                    kit_open_ok(&k, ATE__STORAGE_READ);
                    struct ate__storage_damage damage = kit_damage(&k);
                    assert_int_equal(damage.what, ATE_TAMPERED);
                    assert_true(damage.offset <= at + 2 && damage.offset + 200 > at);
                    assert_true(damage.sequence < size);
                    kit_check_all(&k, damage.sequence);
                }
                kit_deinit(&k);
            }
        simdisk_free(log.disk);
    }
}

/* A hole in the place of an idle mark in front of a group that no floor vouches for: idle marks are
 * synced before anything follows, so this is no tear. */
static void test_idle_mark(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 3);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 2, 100);
    uint64_t mark = last_of(&k)->length;
    assert_int_equal(k.s->v->idle(k.s), 0);
    kit_append_ok(&k, 1, 100);
    kit_kill(&k);
    struct simdisk *d = simdisk_clone(k.disk);
    kit_deinit(&k);
    for (uint64_t at = mark; at < mark + ATE__GROUP_HEAD; at++) {
        kit_take(&k, simdisk_clone(d), at);
        simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", at, 1);
        assert_int_equal(kit_open(&k, 0), ATE_TAMPERED);
        kit_deinit(&k);
    }
    /* Where nothing follows it is nothing lost. */
    kit_take(&k, simdisk_clone(d), 1);
    simdisk_cut(k.disk, KIT_DIR "/0000000000000001.seg", mark + 11);
    kit_open_ok(&k, 0);
    kit_check_all(&k, 2);
    uint64_t bytes = kit_damage(&k).trimmed_bytes; /* its last ones are zeros */
    assert_true(bytes > 4 && bytes <= 11);
    kit_deinit(&k);
    simdisk_free(d);
}

/* A sound record of a kind or with a flag that is not known: never skipped, never cut. */
static void test_newer(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* in the record's head */
        uint16_t value;
        bool in_group; /* a transaction's head; else a group's */
    } rows[] = {{4, 9, false}, {4, 9, true}, {6, 2, false}, {6, 1, true}};
    struct log log;
    make_log(&log, false, false, false);
    for (size_t i = 0; i < ATE__COUNT_OF(rows); i++) {
        struct kit k;
        size_t size;
        kit_take(&k, simdisk_clone(log.disk), i);
        uint8_t *bytes = simdisk_get(k.disk, log.path, &size);
        uint64_t at = log.start[3] + (rows[i].in_group ? ATE__GROUP_HEAD : 0);
        ate__store16(bytes + at + rows[i].at, rows[i].value);
        ate__store32(bytes + at + 16, ate__crc32c(log.seed, bytes + at, 16));
        simdisk_put(k.disk, log.path, bytes, size);
        free(bytes);
        uint64_t digest = simdisk_digest(k.disk);
        assert_int_equal(kit_open(&k, 0), ATE_UNSUPPORTED);
        assert_true(simdisk_digest(k.disk) == digest);
        kit_open_ok(&k, ATE__STORAGE_READ);
        struct ate__storage_damage damage = kit_damage(&k);
        assert_int_equal(damage.what, ATE_UNSUPPORTED);
        assert_true(damage.sequence == 4 && damage.offset == at);
        kit_check_all(&k, 4);
        kit_deinit(&k);
    }
    simdisk_free(log.disk);
}

/* A file as long as its segment may be, and one that is longer by a byte. */
static void test_too_long(void **state)
{
    (void)state;
    struct log log;
    make_log(&log, false, false, false);
    for (uint64_t more = 0; more < 2; more++) {
        struct kit k;
        kit_take(&k, simdisk_clone(log.disk), more);
        simdisk_cut(k.disk, log.path, ATE__SEGMENT_BYTES_MIN + more);
        uint64_t digest = simdisk_digest(k.disk);
        assert_int_equal(kit_open(&k, 0), more ? ATE_TAMPERED : 0);
        if (more) {
            assert_true(simdisk_digest(k.disk) == digest);
            kit_open_ok(&k, ATE__STORAGE_READ);
            struct ate__storage_damage damage = kit_damage(&k);
            assert_int_equal(damage.what, ATE_TAMPERED);
            assert_true(damage.sequence == 6 && damage.offset == ATE__SEGMENT_BYTES_MIN);
        }
        kit_check_all(&k, 6);
        kit_deinit(&k);
    }
    simdisk_free(log.disk);
}

/* Several groups under a weak policy, none vouched for: all that is whole stands, the rest goes. */
static void test_weak_policy(void **state)
{
    (void)state;
    struct kit k;
    uint64_t start[20];
    kit_init(&k, 3);
    k.conf.sync = ATE__SYNC_NEVER;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 20; i++) {
        start[i] = last_of(&k)->length;
        kit_append_ok(&k, 2, 100);
        if (i == 4)
            assert_int_equal(k.s->v->sync(k.s), 0);
    }
    kit_kill(&k);
    struct simdisk *d = simdisk_clone(k.disk);
    kit_deinit(&k);
    for (int i = 0; i < 20; i++) {
        kit_take(&k, simdisk_clone(d), 1);
        simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", start[i] + 100, 1);
        int rc = kit_open(&k, 0);
        assert_int_equal(rc, i < 5 ? ATE_TAMPERED : 0);
        if (!rc)
            kit_check_all(&k, 2 * (uint64_t)i);
        kit_deinit(&k);
    }
    simdisk_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn),        cmocka_unit_test(test_torn_padded),
        cmocka_unit_test(test_kept),        cmocka_unit_test(test_below_floor),
        cmocka_unit_test(test_idle_mark),   cmocka_unit_test(test_newer),
        cmocka_unit_test(test_weak_policy), cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
