/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an open for writing changes, and in which order. */
#include "kit.h"
#include "redo/redo.h"
#include <stdlib.h>

static struct ate__redo *redo_of(const struct kit *k)
{
    return (struct ate__redo *)k->s;
}

/* What stands above F moves to a new segment; the old one ends there. */
static void test_move(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    uint64_t end = redo_of(&k)->list.items[0]->length;
    kit_append_ok(&k, 2, 100);
    uint64_t salt = redo_of(&k)->list.items[0]->head.salt;
    kit_kill(&k);
    kit_open_ok(&k, 0);
    struct ate__redo *r = redo_of(&k);
    assert_true(r->list.count == 2);
    const struct ate__segment *old = r->list.items[0], *new = r->list.items[1];
    assert_true(old->end == 3 && old->length == end && old->file_bytes == end);
    assert_true(simdisk_size(k.disk, KIT_DIR "/0000000000000001.seg") == end);
    assert_true(new->head.id == 2 && new->head.first_sequence == 3 && new->end == 5);
    assert_true(new->head.salt != salt &&new->head.capacity == old->head.capacity);
    assert_true(kit_state(&k).floor == 5);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/trimmed"));
    assert_int_equal(kit_damage(&k).trimmed_bytes, 0);
    /* A list vouches for it: the next open moves nothing, and appends go on behind it. */
    kit_kill(&k);
    kit_open_ok(&k, 0);
    assert_true(redo_of(&k)->list.count == 2);
    kit_append_ok(&k, 1, 100);
    assert_true(redo_of(&k)->list.count == 2);
    kit_check_all(&k, 6);
    /* The old one is sealed in the background. */
    assert_true(kit_state(&k).prepare_due);
    assert_int_equal(k.s->v->prepare(k.s), 0);
    assert_true(redo_of(&k)->list.items[0]->sealed && !kit_state(&k).prepare_due);
    kit_close(&k);
    kit_open_ok(&k, 0);
    kit_check_all(&k, 6);
    kit_check_footers(&k);
    kit_deinit(&k);
}

/* The header of a torn group is evidence too: what it vouches for stays where it is. */
static void test_torn_header(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    uint64_t end = redo_of(&k)->list.items[0]->length;
    kit_append_ok(&k, 2, 100);
    kit_kill(&k);
    simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", end + ATE__GROUP_HEAD + 30, 1);
    kit_open_ok(&k, 0);
    struct ate__redo *r = redo_of(&k);
    assert_true(r->list.count == 2 && r->list.items[0]->end == 3);
    assert_true(r->list.items[0]->length == end);
    kit_check_all(&k, 3);
    kit_deinit(&k);
}

/* What the handle itself saw synced is no torn tail, though no file says so. */
static void test_known_floor(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct kit k;
        kit_init(&k, seed);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 3, 100);
        uint64_t end = redo_of(&k)->list.items[0]->length;
        kit_append_ok(&k, 2, 100);
        simdisk_fail(k.disk, SIMDISK_WRITE, 1, 1, ATE_E_IO);
        assert_int_equal(kit_append(&k, 1, 3000, 0), ATE_E_IO);
        simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", end + ATE__GROUP_HEAD + 30, 1);
        uint64_t digest = simdisk_digest(k.disk);
        assert_int_equal(k.s->v->recover(k.s), ATE_TAMPERED);
        assert_true(simdisk_digest(k.disk) == digest);
        assert_true(kit_state(&k).failed && kit_state(&k).size == 5);
        assert_int_equal(kit_damage(&k).what, ATE_TAMPERED);
        simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", end + ATE__GROUP_HEAD + 30, 1);
        assert_int_equal(k.s->v->recover(k.s), 0);
        kit_check_all(&k, 5);
        kit_deinit(&k);
    }
}

/* An old segment without anything below F is replaced. */
static void test_replace(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    kit_kill(&k);
    kit_open_ok(&k, 0);
    assert_true(redo_of(&k)->list.count == 1 && redo_of(&k)->list.items[0]->head.id == 2);
    assert_int_equal(kit_segments(&k), 1);
    kit_check_all(&k, 3);
    kit_deinit(&k);
}

/* Groups above F with records that fill a group, padded too. */
static void test_move_padded(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    k.conf.pad = true;
    k.conf.sync = ATE__SYNC_NEVER;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (size_t i = 1; i < 9; i++)
        kit_append_ok(&k, i, 100 * i);
    kit_kill(&k);
    k.conf.pad = false; /* what moves keeps its form */
    kit_open_ok(&k, 0);
    assert_true(redo_of(&k)->list.items[0]->head.padded);
    kit_check_all(&k, 36);
    kit_append_ok(&k, 5, 50000);
    assert_false(redo_of(&k)->list.items[1]->head.padded);
    kit_check_all(&k, 41);
    kit_deinit(&k);
}

/* Nothing is changed in a log that is damaged anywhere, also where only the scan would see it. */
static void test_unchanged(void **state)
{
    (void)state;
    for (int what = 0; what < 5; what++) {
        struct kit k;
        kit_init(&k, 1);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        for (int i = 0; i < 12; i++)
            kit_append_ok(&k, 1, 9000);
        kit_close(&k);
        kit_open_ok(&k, 0);
        if (what == 0)
            kit_append_ok(&k, 1, 100); /* to be moved */
        kit_kill(&k);
        if (what == 1)
            simdisk_put(k.disk, KIT_DIR "/next", "zeros", 5);
        if (what == 2)
            simdisk_put(k.disk, KIT_DIR "/00000000000000ff.seg", "left over", 9);
        if (what == 3)
            simdisk_flip(k.disk, KIT_DIR "/meta.b", 60, 1);
        simdisk_flip(k.disk, KIT_DIR "/0000000000000001.seg", 20000, 1);
        uint64_t digest = simdisk_digest(k.disk);
        struct kit_seen seen;
        int rc = kit_open(&k, 0);
        assert_int_equal(rc, what == 4 ? 0 : ATE_TAMPERED);
        assert_true(simdisk_digest(k.disk) == digest);
        if (!rc)
            assert_int_equal(kit_scan(&k, 0, UINT64_MAX, &seen), ATE_TAMPERED);
        kit_deinit(&k);
    }
}

/* Leftovers go, whatever else lies there stays. */
static void test_leftovers(void **state)
{
    (void)state;
    struct kit k;
    static const char *const stay[] = {"/notes", "/next.old", "/0000000000000009.segment",
                                       "/000000000000000A.seg", "/tiles"};
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    kit_close(&k);
    simdisk_put(k.disk, KIT_DIR "/next", "zeros", 5);
    simdisk_put(k.disk, KIT_DIR "/0000000000000009.seg", "left over", 9);
    for (size_t i = 0; i < ATE__COUNT_OF(stay); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", KIT_DIR, stay[i]);
        simdisk_put(k.disk, path, "x", 1);
    }
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_close(&k);
    assert_true(simdisk_exists(k.disk, KIT_DIR "/next"));
    kit_open_ok(&k, 0);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
    assert_false(simdisk_exists(k.disk, KIT_DIR "/0000000000000009.seg"));
    for (size_t i = 0; i < ATE__COUNT_OF(stay); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", KIT_DIR, stay[i]);
        assert_true(simdisk_exists(k.disk, path));
    }
    kit_check_all(&k, 3);
    kit_deinit(&k);
}

/* A segment that was listed and not yet renamed. */
static void test_named_late(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 6, 10000);
    simdisk_fail(k.disk, SIMDISK_RENAME, 1, 1, ATE_E_IO);
    assert_int_equal(kit_append(&k, 2, 10000, 0), ATE_E_IO);
    assert_true(simdisk_exists(k.disk, KIT_DIR "/next"));
    struct simdisk *d = simdisk_clone(k.disk);
    assert_int_equal(k.s->v->recover(k.s), 0);
    assert_false(simdisk_exists(k.disk, KIT_DIR "/next"));
    kit_append_ok(&k, 2, 10000);
    kit_check_all(&k, 8);
    assert_true(redo_of(&k)->list.count == 2);
    kit_deinit(&k);
    kit_take(&k, d, 1);
    kit_open_ok(&k, ATE__STORAGE_READ);
    kit_check_all(&k, 6);
    assert_int_equal(kit_damage(&k).what, ATE_OK);
    kit_close(&k);
    kit_open_ok(&k, 0);
    assert_true(simdisk_exists(k.disk, KIT_DIR "/0000000000000002.seg"));
    kit_append_ok(&k, 2, 10000);
    kit_check_all(&k, 8);
    kit_deinit(&k);
}

/* A list that is not whole is made anew; the handle says so.
 * One that a creation had not begun is no damage. */
static void test_list(void **state)
{
    (void)state;
    static const char *const names[] = {"meta.a", "meta.b"};
    for (int i = 0; i < 4; i++) {
        struct kit k;
        char path[64];
        kit_init(&k, 1);
        kit_open_ok(&k, ATE__STORAGE_CREATE);
        kit_append_ok(&k, 3, 100);
        kit_close(&k);
        snprintf(path, sizeof path, "%s/%s", KIT_DIR, names[i % 2]);
        if (i < 2)
            simdisk_flip(k.disk, path, 50, 1);
        else
            simdisk_unlink(k.disk, path);
        kit_open_ok(&k, ATE__STORAGE_READ);
        struct ate__storage_damage damage = kit_damage(&k);
        assert_int_equal(damage.what, i < 3 ? ATE_TAMPERED : ATE_OK);
        assert_string_equal(damage.file, i < 3 ? names[i % 2] : "");
        assert_true(damage.sequence == (i < 3 ? 3 : 0));
        kit_check_all(&k, 3);
        kit_close(&k);
        kit_open_ok(&k, 0);
        damage = kit_damage(&k);
        assert_int_equal(damage.what, ATE_OK);
        assert_string_equal(damage.file, names[i % 2]);
        kit_check_all(&k, 3);
        kit_kill(&k);
        kit_open_ok(&k, ATE__STORAGE_READ);
        assert_int_equal(kit_damage(&k).what, ATE_OK);
        kit_deinit(&k);
    }
}

/* The trimmed tails of many crashes stay within their limit. */
struct total {
    uint64_t bytes;
    size_t count;
};

static void add_size(void *arg, const char *name, bool is_dir, uint64_t size)
{
    struct total *t = arg;
    (void)name, (void)is_dir;
    t->bytes += size;
    t->count++;
}

static void test_trimmed_limit(void **state)
{
    (void)state;
    struct kit k;
    struct total total = {0};
    kit_init(&k, 1);
    k.conf.trimmed_bytes_max = 10000;
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 8; i++) {
        kit_append_ok(&k, 1, 100);
        assert_int_equal(k.s->v->idle(k.s), 0);
        uint64_t at = redo_of(&k)->list.items[redo_of(&k)->list.count - 1]->length;
        kit_append_ok(&k, 1, 3000);
        kit_kill(&k);
        char path[64];
        assert_true(kit_segment(&k, kit_segments(&k) - 1, path));
        simdisk_flip(k.disk, path, at + 500, 1);
        kit_open_ok(&k, 0);
        assert_true(kit_damage(&k).trimmed_bytes > 3000);
        assert_non_null(strstr(kit_damage(&k).text, "trimmed/"));
        kit_check_all(&k, (uint64_t)i + 1);
    }
    simdisk_each(k.disk, KIT_DIR "/trimmed", add_size, &total);
    assert_true(total.bytes <= 10000 && total.count == 3);
    kit_deinit(&k);
}

/* A recovery that meets a full disk fails, loses nothing, and is done when there is room. */
static void test_full_disk(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    kit_append_ok(&k, 3, 100);
    kit_append_ok(&k, 3, 20000);
    kit_kill(&k);
    uint64_t used = simdisk_used(k.disk);
    for (uint64_t room = 0;; room += 4096) {
        simdisk_limit(k.disk, used + room);
        int rc = kit_open(&k, 0);
        if (!rc)
            break;
        assert_int_equal(rc, ATE_E_NO_SPACE);
        assert_true(room < 200000);
    }
    kit_check_all(&k, 6);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_move),        cmocka_unit_test(test_known_floor),
        cmocka_unit_test(test_torn_header), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_move_padded), cmocka_unit_test(test_unchanged),
        cmocka_unit_test(test_leftovers),   cmocka_unit_test(test_named_late),
        cmocka_unit_test(test_list),        cmocka_unit_test(test_trimmed_limit),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
