/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a power loss leaves on the simulated disk: never less than was promised, and now and then
 * every bad thing that was not excluded. */
#include "base/crc.h"
#include "base/endian.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include <stdlib.h>

enum { SEEDS = 3000, PAGE = 4096, SECTOR = 512 };

struct fixture {
    struct simdisk *disk;
    const struct ate__vfs *v;
    struct ate__dir *root;
    struct ate__file *file;
};

static struct fixture fixture_of(uint64_t seed)
{
    struct fixture x = {.disk = simdisk_new(seed)};
    x.v = simdisk_vfs(x.disk);
    assert_int_equal(x.v->open_root(x.v->user, "/", &x.root), 0);
    return x;
}

static void open_file(struct fixture *x, const char *name)
{
    x->v->close(x->file);
    x->file = NULL;
    assert_int_equal(x->v->open(x->root, name, ATE__OPEN_WRITE | ATE__OPEN_CREATE, &x->file), 0);
}

static void fixture_end(struct fixture *x)
{
    x->v->close(x->file);
    x->v->close_dir(x->root);
    simdisk_free(x->disk);
}

static bool text_is(struct simdisk *d, const char *path, const char *text)
{
    size_t size;
    if (!simdisk_exists(d, path))
        return false;
    uint8_t *data = simdisk_get(d, path, &size);
    bool same = size == strlen(text) && !memcmp(data, text, size);
    free(data);
    return same;
}

/* Overwrites in place: 40 pages of '.', then parts of them 'A' and after it 'B'. */
static void test_overwrite(void **state)
{
    (void)state;
    enum { PAGES = 40, SIZE = PAGES * PAGE };
    static uint8_t base[SIZE], a[SIZE], b[SIZE];
    memset(base, '.', SIZE);
    memcpy(a, base, SIZE);
    memset(a + 3000, 'A', 60000);
    memcpy(b, a, SIZE);
    memset(b + 40000, 'B', 80000);
    struct fixture x = fixture_of(1);
    simdisk_put(x.disk, "/f", base, SIZE);
    open_file(&x, "f");
    assert_int_equal(x.v->write(x.file, 3000, a + 3000, 60000), 0);
    assert_int_equal(x.v->write(x.file, 40000, b + 40000, 80000), 0);
    unsigned all_new = 0, all_old = 0, one_lost = 0, torn = 0, garbled = 0, earlier = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        size_t size;
        uint8_t *got = simdisk_get(d, "/f", &size);
        assert_int_equal(size, SIZE);
        assert_memory_equal(got, base, 3000);
        assert_memory_equal(got + 120000, base, SIZE - 120000);
        all_new += !memcmp(got, b, SIZE);
        all_old += !memcmp(got, base, SIZE);
        unsigned lost = 0, bad = 0, old_a = 0;
        for (size_t at = 0; at < SIZE; at += SECTOR) {
            bool is_old = !memcmp(got + at, base + at, SECTOR);
            bool is_a = !memcmp(got + at, a + at, SECTOR);
            bool is_b = !memcmp(got + at, b + at, SECTOR);
            bad += !is_old && !is_a && !is_b;
            old_a += is_a && !is_b && !is_old;
            size_t page = at - at % PAGE;
            if (at == page && page >= 4096 && page < 118784)
                lost += !memcmp(got + page, base + page, PAGE);
            torn += is_old && !is_b && at != page && got[page] != base[page];
        }
        one_lost += lost == 1 && !bad;
        garbled += bad != 0;
        earlier += old_a != 0;
        free(got);
        simdisk_free(d);
    }
    assert_true(all_new > 50 && all_old > 50 && one_lost > 10);
    assert_true(torn > 50 && garbled > 50 && earlier > 50);
    /* After a sync nothing of it can go. */
    assert_int_equal(x.v->sync(x.file), 0);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        assert_true(simdisk_digest(d) == simdisk_digest(x.disk));
        simdisk_free(d);
    }
    fixture_end(&x);
}

/* Bytes that no unsynced write covered never change: many small writes, and garbling among them. */
static void test_powersafe(void **state)
{
    (void)state;
    enum { SIZE = 3 * PAGE + 100 };
    struct rnd r = rnd_of(rnd_seed(10));
    for (int round = 0; round < 60; round++) {
        uint64_t writes_max = round % 10 ? 40 : 400;
        struct fixture x = fixture_of(2);
        uint8_t base[SIZE], written[SIZE] = {0};
        rnd_bytes(&r, base, SIZE);
        simdisk_put(x.disk, "/f", base, SIZE);
        open_file(&x, "f");
        for (uint64_t n = rnd_below(&r, writes_max); n; n--) {
            size_t at = rnd_below(&r, SIZE), size = 1 + rnd_below(&r, ate__min(90, SIZE - at));
            uint8_t bytes[100];
            rnd_bytes(&r, bytes, size);
            assert_int_equal(x.v->write(x.file, at, bytes, size), 0);
            memset(written + at, 1, size);
            if (!rnd_below(&r, writes_max)) {
                size_t got;
                assert_int_equal(x.v->sync(x.file), 0);
                assert_int_equal(x.v->read(x.file, 0, base, SIZE, &got), 0);
                memset(written, 0, SIZE);
            }
        }
        for (int i = 0; i < 60; i++) {
            struct simdisk *d = simdisk_crash(x.disk, rnd_u64(&r));
            size_t size;
            uint8_t *got = simdisk_get(d, "/f", &size);
            assert_int_equal(size, SIZE);
            for (size_t at = 0; at < SIZE; at++)
                assert_true(written[at] || got[at] == base[at]);
            free(got);
            simdisk_free(d);
        }
        fixture_end(&x);
    }
}

static void test_extend(void **state)
{
    (void)state;
    enum { OLD = 5000, NEW = 30000 };
    struct fixture x = fixture_of(3);
    static uint8_t bytes[NEW];
    memset(bytes, 'n', NEW);
    simdisk_put(x.disk, "/f", bytes, OLD);
    open_file(&x, "f");
    for (size_t at = OLD; at < NEW; at += 5000)
        assert_int_equal(x.v->write(x.file, at, bytes, 5000), 0);
    unsigned same = 0, grown = 0, between = 0, zeros = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        size_t size;
        uint8_t *got = simdisk_get(d, "/f", &size);
        assert_in_range(size, OLD, NEW);
        assert_memory_equal(got, bytes, OLD);
        same += size == OLD;
        grown += size == NEW;
        between += size != OLD && size != NEW;
        zeros += size == NEW && !got[2 * PAGE] && !got[3 * PAGE - 1];
        free(got);
        simdisk_free(d);
    }
    assert_true(same > 100 && grown > 100 && between > 100 && zeros > 100);
    fixture_end(&x);
}

static void test_truncate(void **state)
{
    (void)state;
    struct fixture x = fixture_of(4);
    static uint8_t bytes[20000], got[20000];
    memset(bytes, 'o', sizeof bytes);
    simdisk_put(x.disk, "/f", bytes, sizeof bytes);
    open_file(&x, "f");
    assert_int_equal(x.v->truncate(x.file, 5000), 0);
    unsigned cut = 0, whole = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        uint64_t size = simdisk_size(d, "/f");
        cut += size == 5000;
        whole += size == sizeof bytes;
        assert_true(size == 5000 || size == sizeof bytes);
        simdisk_free(d);
    }
    assert_true(cut > 50 && whole > 50);
    /* Cut, then extended: where the extension is there, nothing from before the cut is. */
    assert_int_equal(x.v->truncate(x.file, 12000), 0);
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        size_t size;
        uint8_t *data = simdisk_get(d, "/f", &size);
        if (size == 12000)
            for (size_t i = 5000; i < size; i++)
                assert_int_equal(data[i], 0);
        free(data);
        simdisk_free(d);
    }
    size_t size;
    assert_int_equal(x.v->read(x.file, 0, got, sizeof got, &size), 0);
    assert_int_equal(size, 12000);
    assert_memory_equal(got, bytes, 5000);
    fixture_end(&x);
}

static void test_names(void **state)
{
    (void)state;
    struct fixture x = fixture_of(5);
    simdisk_put(x.disk, "/target", "old", 3);
    simdisk_put(x.disk, "/gone", "gone", 4);
    open_file(&x, "tmp");
    assert_int_equal(x.v->write(x.file, 0, "new", 3), 0);
    assert_int_equal(x.v->sync(x.file), 0);
    assert_int_equal(x.v->rename(x.root, "tmp", "target"), 0);
    assert_int_equal(x.v->remove(x.root, "gone"), 0);
    unsigned renamed = 0, tmp_left = 0, neither = 0, removed = 0, odd = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        bool is_new = text_is(d, "/target", "new");
        assert_true(is_new || text_is(d, "/target", "old"));
        renamed += is_new;
        if (simdisk_exists(d, "/tmp")) {
            assert_true(text_is(d, "/tmp", "new") && !is_new);
            tmp_left++;
        } else {
            neither += !is_new;
        }
        assert_true(!simdisk_exists(d, "/gone") || text_is(d, "/gone", "gone"));
        removed += !simdisk_exists(d, "/gone");
        odd += is_new != !simdisk_exists(d, "/gone");
        simdisk_free(d);
    }
    assert_true(renamed > 100 && tmp_left > 100 && neither > 100 && removed > 100 && odd > 100);
    assert_int_equal(x.v->sync_dir(x.root), 0);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        assert_true(text_is(d, "/target", "new"));
        assert_false(simdisk_exists(d, "/gone") || simdisk_exists(d, "/tmp"));
        simdisk_free(d);
    }
    fixture_end(&x);
}

/* A name that is durable may stand for a file without content, and the other way round. */
static void test_name_and_content(void **state)
{
    (void)state;
    struct fixture x = fixture_of(6);
    open_file(&x, "name-only");
    assert_int_equal(x.v->sync_dir(x.root), 0);
    assert_int_equal(x.v->write(x.file, 0, "content", 7), 0);
    open_file(&x, "content-only");
    assert_int_equal(x.v->write(x.file, 0, "content", 7), 0);
    assert_int_equal(x.v->sync(x.file), 0);
    unsigned empty = 0, missing = 0, there = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        assert_true(simdisk_exists(d, "/name-only"));
        empty += !simdisk_size(d, "/name-only");
        missing += !simdisk_exists(d, "/content-only");
        there += text_is(d, "/content-only", "content");
        simdisk_free(d);
    }
    assert_true(empty > 50 && missing > 50 && missing + there == 500);
    fixture_end(&x);
}

static void test_directory(void **state)
{
    (void)state;
    struct fixture x = fixture_of(7);
    struct ate__dir *sub = NULL, *deep = NULL;
    /* As a crash between making a directory and syncing its parent. */
    simdisk_fail(x.disk, SIMDISK_SYNC_DIR, 1, 1, ATE_E_IO);
    assert_int_equal(x.v->open_dir(x.root, "sub", true, &sub), ATE_E_IO);
    assert_int_equal(x.v->open_dir(x.root, "sub", false, &sub), 0);
    assert_int_equal(x.v->open_dir(sub, "deep", true, &deep), 0);
    unsigned missing = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        missing += !simdisk_exists(d, "/sub");
        assert_int_equal(simdisk_exists(d, "/sub"), simdisk_exists(d, "/sub/deep"));
        simdisk_free(d);
    }
    assert_true(missing > 50 && missing < 450);
    x.v->close_dir(deep);
    x.v->close_dir(sub);
    assert_int_equal(x.v->open_dir(x.root, "sub", true, &sub), 0);
    x.v->close_dir(sub);
    struct simdisk *d = simdisk_crash(x.disk, 1);
    assert_true(simdisk_exists(d, "/sub/deep"));
    simdisk_free(d);
    fixture_end(&x);
}

/* After a failed sync a later good one may cover nothing of what was written before it. */
static void test_failed_sync(void **state)
{
    (void)state;
    unsigned lost = 0, kept = 0, evicted = 0, short_file = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct fixture x = fixture_of(seed);
        static uint8_t zeros[2 * PAGE];
        simdisk_put(x.disk, "/f", zeros, sizeof zeros);
        open_file(&x, "f");
        assert_int_equal(x.v->write(x.file, 0, "first", 5), 0);
        assert_int_equal(x.v->write(x.file, 3 * PAGE, "tail", 4), 0);
        simdisk_fail(x.disk, SIMDISK_SYNC, 1, 1, ATE_E_IO);
        assert_int_equal(x.v->sync(x.file), ATE_E_IO);
        if (seed % 2) {
            assert_int_equal(x.v->write(x.file, PAGE, "second", 6), 0);
            assert_int_equal(x.v->sync(x.file), 0);
        }
        char cached[5];
        size_t size;
        assert_int_equal(x.v->read(x.file, 0, cached, 5, &size), 0);
        evicted += memcmp(cached, "first", 5) != 0;
        struct simdisk *d = simdisk_crash(x.disk, seed);
        uint8_t *got = simdisk_get(d, "/f", &size);
        short_file += size == 2 * PAGE;
        if (seed % 2) {
            assert_int_equal(size, 3 * PAGE + 4);
            assert_memory_equal(got + PAGE, "second", 6);
            kept += !memcmp(got, "first", 5);
            lost += !memcmp(got, zeros, 5);
        }
        free(got);
        simdisk_free(d);
        fixture_end(&x);
    }
    assert_true(lost > 50 && kept > 50 && evicted > 50 && short_file > 50);
}

static void test_repeats(void **state)
{
    (void)state;
    struct fixture x = fixture_of(8);
    static uint8_t bytes[50000];
    open_file(&x, "f");
    assert_int_equal(x.v->write(x.file, 0, bytes, sizeof bytes), 0);
    memset(bytes, 1, sizeof bytes);
    assert_int_equal(x.v->write(x.file, 100, bytes, 40000), 0);
    unsigned different = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct simdisk *a = simdisk_crash(x.disk, seed), *b = simdisk_crash(x.disk, seed);
        struct simdisk *c = simdisk_crash(x.disk, seed + 1), *again = simdisk_crash(a, seed + 2);
        assert_true(simdisk_digest(a) == simdisk_digest(b));
        /* What a disk is after a crash is durable. */
        assert_true(simdisk_digest(a) == simdisk_digest(again));
        different += simdisk_digest(a) != simdisk_digest(c);
        simdisk_free(a);
        simdisk_free(b);
        simdisk_free(c);
        simdisk_free(again);
    }
    assert_true(different > 100);
    fixture_end(&x);
}

/* A log as small as can be: u32 size, u32 CRC, u64 number, bytes. It is written in groups, and
 * after every call the power may have gone: what was synced must be read back, in order. */
struct log {
    struct fixture x;
    uint64_t size, number, synced; /* records that a sync covers */
    uint64_t crashes, found_more, torn;
};

static void check_log(struct log *log, uint64_t seed)
{
    struct simdisk *d = simdisk_crash(log->x.disk, seed);
    size_t size, at = 0;
    uint8_t *data = simdisk_get(d, "/log", &size);
    uint64_t number = 0;
    while (size - at >= 16) {
        uint32_t record_size = ate__load32(data + at);
        if (record_size < 16 || record_size > size - at ||
            ate__load32(data + at + 4) != ate__crc32c(0, data + at + 8, record_size - 8))
            break;
        assert_true(ate__load64(data + at + 8) == number);
        number++;
        at += record_size;
    }
    assert_true(number >= log->synced && number <= log->number);
    log->found_more += number > log->synced;
    log->torn += at < size && number < log->number;
    log->crashes++;
    free(data);
    simdisk_free(d);
}

static void crash_log(void *arg, uint64_t number)
{
    struct log *log = arg;
    for (uint64_t i = 0; i < 4; i++)
        check_log(log, number * 4 + i);
}

static void write_group(struct log *log, struct rnd *r)
{
    for (uint64_t n = 1 + rnd_below(r, 3); n; n--) {
        uint8_t record[3000];
        uint32_t size = (uint32_t)(16 + rnd_below(r, rnd_below(r, 4) ? 300 : 2900));
        rnd_bytes(r, record, size);
        ate__store32(record, size);
        ate__store64(record + 8, log->number);
        ate__store32(record + 4, ate__crc32c(0, record + 8, size - 8));
        log->number++;
        assert_int_equal(log->x.v->write(log->x.file, log->size, record, size), 0);
        log->size += size;
    }
    assert_int_equal(log->x.v->sync(log->x.file), 0);
    log->synced = log->number;
}

static void test_log(void **state)
{
    (void)state;
    enum { BEGIN = 1 << 18, CALLS = 1100 };
    struct rnd r = rnd_of(rnd_seed(11));
    struct log log = {.x = fixture_of(9)};
    open_file(&log.x, "log");
    assert_int_equal(log.x.v->sync_dir(log.x.root), 0);
    while (log.size < BEGIN)
        write_group(&log, &r);
    simdisk_watch(log.x.disk, crash_log, &log);
    uint64_t before = simdisk_count(log.x.disk, SIMDISK_MUTATING);
    while (simdisk_count(log.x.disk, SIMDISK_MUTATING) < before + CALLS)
        write_group(&log, &r);
    assert_true(log.crashes >= 4 * CALLS && log.found_more > 500 && log.torn > 500);
    fixture_end(&log.x);
}

/* The simulation finds the mistake it is there to find: a log that does not sync loses records. */
static void test_finds_mistake(void **state)
{
    (void)state;
    struct rnd r = rnd_of(rnd_seed(12));
    struct fixture x = fixture_of(10);
    open_file(&x, "log");
    uint8_t bytes[100];
    rnd_bytes(&r, bytes, sizeof bytes);
    assert_int_equal(x.v->write(x.file, 0, bytes, sizeof bytes), 0);
    assert_int_equal(x.v->sync(x.file), 0); /* but not the directory */
    unsigned gone = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct simdisk *d = simdisk_crash(x.disk, seed);
        gone += !simdisk_exists(d, "/log");
        simdisk_free(d);
    }
    assert_in_range(gone, 20, 80);
    fixture_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overwrite),     cmocka_unit_test(test_powersafe),
        cmocka_unit_test(test_extend),        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_name_and_content),
        cmocka_unit_test(test_directory),     cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_repeats),       cmocka_unit_test(test_log),
        cmocka_unit_test(test_finds_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
