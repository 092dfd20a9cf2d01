/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What can be read of a damaged log, and lists made of what is there. */
#include "redo/salvage.h"
#include "kit.h"
#include "redo/redo.h"

enum { RECORDS = 900, SIZE = 400 };

struct seen {
    uint64_t count, unreadable;
    bool there[RECORDS];
};

static int each(void *arg, const struct ate__salvaged *record)
{
    struct seen *s = arg;
    uint64_t attempt;
    assert_true(record->sequence < RECORDS && record->offset % 8 == 0);
    assert_true(kit_record_whole(record->body, record->sequence, &attempt));
    s->count += !s->there[record->sequence];
    s->there[record->sequence] = true;
    return 0;
}

static int unreadable(void *arg, const char *file)
{
    assert_non_null(strstr(file, ".seg"));
    ((struct seen *)arg)->unreadable++;
    return 0;
}

static struct seen scan(struct kit *k)
{
    struct seen s = {.count = 0};
    struct ate__dir *dir;
    assert_int_equal(k->vfs->open_dir(k->root, ",chain", false, &dir), 0);
    assert_int_equal(ate__salvage_scan(k->vfs, dir, each, unreadable, &s), 0);
    k->vfs->close_dir(dir);
    return s;
}

static void begin(struct kit *k, uint64_t seed)
{
    kit_init(k, seed);
    k->conf.pad = seed % 2;
    kit_open_ok(k, ATE__STORAGE_CREATE);
    for (uint64_t i = 0; i < RECORDS; i += 3)
        kit_append_ok(k, 3, SIZE);
    while (kit_state(k).prepare_due)
        assert_int_equal(k->s->v->prepare(k->s), 0);
    kit_close(k);
    assert_true(kit_segments(k) >= 3);
}

static void test_scan(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct kit k;
        char path[64];
        begin(&k, seed);
        assert_true(scan(&k).count == RECORDS);
        assert_true(kit_segment(&k, 0, path));
        /* a byte in the middle takes one record, one in the header all of the file */
        for (uint64_t at = 10000; at < 10000 + 2 * SIZE; at += 37) {
            simdisk_flip(k.disk, path, at, 16);
            assert_true(scan(&k).count >= RECORDS - 1);
            simdisk_flip(k.disk, path, at, 16);
        }
        simdisk_flip(k.disk, path, 30, 1);
        struct seen s = scan(&k);
        assert_true(s.unreadable == 1 && !s.there[0] && s.there[RECORDS - 1]);
        simdisk_flip(k.disk, path, 30, 1);
        simdisk_cut(k.disk, path, 20000);
        s = scan(&k);
        assert_true(s.there[0] && s.count < RECORDS && s.there[RECORDS - 1]);
        kit_deinit(&k);
    }
}

static void test_list(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct kit k;
        char path[64];
        begin(&k, seed);
        simdisk_unlink(k.disk, KIT_DIR "/meta.a");
        simdisk_cut(k.disk, KIT_DIR "/meta.b", 50);
        assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_TAMPERED);
        k.conf.rebuild_list = true;
        kit_open_ok(&k, ATE__STORAGE_READ);
        assert_int_equal(kit_damage(&k).what, ATE_TAMPERED);
        assert_non_null(strstr(kit_damage(&k).text, "nor is the other list"));
        kit_check_all(&k, RECORDS);
        kit_close(&k);
        /* up to the first gap */
        assert_true(kit_segment(&k, 1, path));
        simdisk_unlink(k.disk, path);
        kit_open_ok(&k, ATE__STORAGE_READ);
        uint64_t size = kit_state(&k).size;
        if (size < 10 || size >= RECORDS)
            fail_msg("%llu records: %s", (unsigned long long)size, kit_damage(&k).text);
        kit_check_all(&k, size);
        kit_close(&k);
        assert_true(kit_segment(&k, 0, path));
        simdisk_flip(k.disk, path, 10, 1);
        assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_TAMPERED);
        kit_deinit(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
