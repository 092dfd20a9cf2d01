/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a survey makes of lists and segments that do not fit each other. */
#include "redo/survey.h"
#include "kit.h"
#include <stdlib.h>

/* Four segments, all but the last sealed; 13 records; closed. */
static void make_log(struct kit *k)
{
    kit_init(k, 1);
    kit_open_ok(k, ATE__STORAGE_CREATE);
    for (int i = 0; i < 3; i++) {
        kit_append_ok(k, 2, 100);
        assert_int_equal(k->s->v->idle(k->s), 0);
        kit_append_ok(k, 2, 100);
        kit_kill(k);
        kit_open_ok(k, 0);
        while (kit_state(k).prepare_due)
            assert_int_equal(k->s->v->prepare(k->s), 0);
    }
    kit_append_ok(k, 1, 100);
    kit_close(k);
}

enum { SEGMENTS = 4 };

/* A reader sees all below the damage; a writer refuses, at the latest in the scan, and changes
 * nothing. */
static void expect(struct kit *k, enum ate_result what, uint64_t sequence, const char *file)
{
    struct kit_seen seen;
    uint64_t digest = simdisk_digest(k->disk);
    kit_open_ok(k, ATE__STORAGE_READ);
    int rc = kit_scan(k, 0, UINT64_MAX, &seen);
    struct ate__storage_damage damage = kit_damage(k);
    assert_int_equal(damage.what, what);
    assert_true(damage.sequence == sequence);
    assert_string_equal(damage.file, file);
    assert_true(rc == (int)what || (!rc && kit_state(k).size == sequence));
    assert_true(seen.next == sequence);
    kit_close(k);
    rc = kit_open(k, 0);
    if (!rc)
        rc = kit_scan(k, 0, UINT64_MAX, &seen);
    assert_int_equal(rc, what);
    kit_abandon(k);
    assert_true(simdisk_digest(k->disk) == digest);
}

static void test_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++)
        for (int what = 0; what < 5; what++) {
            struct kit k;
            char path[64], other[64];
            make_log(&k);
            assert_int_equal(kit_segments(&k), SEGMENTS);
            assert_true(kit_segment(&k, i, path) && kit_segment(&k, (i + 1) % SEGMENTS, other));
            kit_open_ok(&k, ATE__STORAGE_READ);
            const struct ate__segment *s = ((struct ate__redo *)k.s)->list.items[i];
            uint64_t first = s->head.first_sequence, end = s->end, length = s->length;
            kit_close(&k);
            size_t size;
            uint8_t *bytes = simdisk_get(k.disk, other, &size);
            const char *name = strrchr(path, '/') + 1;
            bool last = i + 1 == SEGMENTS;
            switch (what) {
            case 0:
                simdisk_unlink(k.disk, path);
                expect(&k, ATE_TAMPERED, first, name);
                break;
            case 1: /* another segment in its place */
                simdisk_put(k.disk, path, bytes, size);
                expect(&k, ATE_TAMPERED, first, name);
                break;
            case 2: /* ends in the middle of its last group */
                simdisk_cut(k.disk, path, length - (last ? 100 : 50));
                kit_open_ok(&k, ATE__STORAGE_READ);
                assert_int_equal(kit_damage(&k).what, ATE_TAMPERED);
                assert_true(kit_damage(&k).sequence >= first && kit_damage(&k).sequence <= end);
                kit_check_all(&k, kit_damage(&k).sequence);
                kit_close(&k);
                assert_int_equal(kit_open(&k, 0), ATE_TAMPERED);
                break;
            case 3: /* more bytes behind the end */
                simdisk_patch(k.disk, path, simdisk_size(k.disk, path), "more", 4);
                if (!last)
                    expect(&k, ATE_TAMPERED, end, name);
                break;
            default: /* empty */
                simdisk_cut(k.disk, path, 0);
                expect(&k, ATE_TAMPERED, first, name);
            }
            free(bytes);
            kit_deinit(&k);
        }
}

/* A sound footer that tells another head, or another number of records, than the list. */
static void test_footer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct kit k;
        char path[64];
        make_log(&k);
        kit_open_ok(&k, ATE__STORAGE_READ);
        struct ate__segment *s = ((struct ate__redo *)k.s)->list.items[1];
        struct ate__footer footer = {.next_sequence = s->end, .head = s->end_head};
        struct ate__buf buf = ATE__BUF_NULL;
        struct ate__wr w = ate__wr_of(&buf);
        footer.count = s->end - s->head.first_sequence;
        footer.head.b[0] ^= i == 0;
        footer.count -= i == 1;
        footer.next_sequence += i == 2;
        ate__footer_write(&w, s->seed, &footer);
        assert_int_equal(ate__wr_end(&w), 0);
        assert_true(kit_segment(&k, 1, path));
        simdisk_patch(k.disk, path, s->length, buf.data, buf.size);
        uint64_t end = s->end;
        ate__buf_deinit(&buf);
        kit_close(&k);
        expect(&k, ATE_TAMPERED, end, strrchr(path, '/') + 1);
        kit_deinit(&k);
    }
}

/* A segment of another chain under the right name. */
static void test_other_chain(void **state)
{
    (void)state;
    struct kit k, other;
    size_t size;
    struct ate_hash id = {{1}};
    make_log(&k);
    kit_init(&other, 1);
    assert_int_equal(ate__storage_open_file(&other.sim.env, other.root, ATE__STORAGE_CREATE, &id,
                                            ATE__ROLE_ROOT, NULL, &other.s),
                     0);
    kit_append_ok(&other, 2, 100);
    kit_close(&other);
    uint8_t *bytes = simdisk_get(other.disk, KIT_DIR "/0000000000000001.seg", &size);
    char path[64];
    assert_true(kit_segment(&k, 0, path));
    simdisk_put(k.disk, path, bytes, size);
    assert_int_equal(kit_open(&k, 0), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "belongs to another segment"));
    free(bytes);
    kit_deinit(&other);
    kit_deinit(&k);
}

/* A whole directory of files in the place of segments, and files in the place of directories. */
static void test_wrong_kinds(void **state)
{
    (void)state;
    struct kit k;
    char path[64];
    make_log(&k);
    assert_true(kit_segment(&k, 1, path));
    simdisk_unlink(k.disk, path);
    simdisk_mkdir(k.disk, path);
    assert_int_equal(kit_open(&k, 0), ATE_E_SYSTEM);
    assert_int_equal(kit_open(&k, ATE__STORAGE_READ), ATE_E_SYSTEM);
    kit_deinit(&k);
}

static void test_survey(void **state)
{
    (void)state;
    struct kit k;
    struct ate__survey v;
    make_log(&k);
    kit_open_ok(&k, 0);
    struct ate__redo *r = (struct ate__redo *)k.s;
    assert_int_equal(ate__survey_take(r, ATE__SURVEY_BESIDE, 0, NULL, &v), 0);
    assert_true(v.size == 13 && v.floor == 13 && v.list.count == SEGMENTS);
    assert_true(v.pair.equal && !v.leftovers && !v.newer && !v.next_named && !v.torn_bytes);
    assert_true(v.above == v.length && v.above_end == 13);
    assert_int_equal(ate__survey_verify(r, &v), 0);
    assert_int_equal(v.damage.what, ATE_OK);
    ate__survey_deinit(r, &v);
    /* A writer who knows of more than is there. */
    assert_int_equal(ate__survey_take(r, ATE__SURVEY_WRITER, 14, NULL, &v), 0);
    assert_int_equal(v.damage.what, ATE_TAMPERED);
    assert_true(v.damage.sequence == 13);
    ate__survey_deinit(r, &v);
    kit_deinit(&k);
}

/* --- any damage --- */

static void harm_one(struct kit *k, struct rnd *r)
{
    static const char *const names[] = {"meta.a", "meta.b", "lock", "next"};
    char path[64], other[64];
    uint8_t bytes[64];
    if (rnd_below(r, 3))
        assert_true(kit_segment(k, rnd_below(r, SEGMENTS), path) || kit_segment(k, 0, path));
    else
        snprintf(path, sizeof path, "%s/%s", KIT_DIR, names[rnd_below(r, 4)]);
    if (!simdisk_exists(k->disk, path)) {
        simdisk_put(k->disk, path, "something", 9);
        return;
    }
    uint64_t size = simdisk_size(k->disk, path), at = size ? rnd_below(r, size) : 0;
    rnd_bytes(r, bytes, sizeof bytes);
    switch (rnd_below(r, 7)) {
    case 0: simdisk_cut(k->disk, path, rnd_below(r, 2 * size + 2)); break;
    case 1: simdisk_patch(k->disk, path, at, bytes, 1 + rnd_below(r, sizeof bytes)); break;
    case 2:
        if (kit_segments(k) > 1)
            simdisk_unlink(k->disk, path);
        break;
    case 3: { /* bytes from elsewhere, as a file system that mixes up blocks has it */
        assert_true(kit_segment(k, rnd_below(r, kit_segments(k)), other));
        size_t other_size;
        uint8_t *all = simdisk_get(k->disk, other, &other_size);
        if (other_size > 600)
            simdisk_patch(k->disk, path, at / 8 * 8, all + other_size - 600, 200);
        free(all);
        break;
    }
    default:
        if (size)
            simdisk_flip(k->disk, path, at, (uint8_t)(1u << rnd_below(r, 8)));
    }
}

static bool known_answer(int rc)
{
    return !rc || rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED || rc == ATE_NOT_FOUND;
}

static int each_used(void *arg, const char *file, uint64_t from, uint64_t to)
{
    (void)arg;
    return file[0] && from < to ? 0 : ATE_E_BUG;
}

/* Whatever was done to the files: an answer that the interface names, whole records or none. */
static void test_any_damage(void **state)
{
    (void)state;
    uint64_t seed = rnd_seed(1), opened = 0, refused = 0;
    struct kit base;
    make_log(&base);
    for (uint64_t i = seed; i < seed + 3000; i++) {
        struct kit k;
        struct kit_seen seen;
        struct rnd r = rnd_of(i);
        kit_take(&k, simdisk_clone(base.disk), i);
        if (rnd_below(&r, 2)) { /* of a killed writer */
            kit_open_ok(&k, 0);
            kit_append_ok(&k, 2, 150);
            kit_kill(&k);
        }
        for (uint64_t n = 1 + rnd_below(&r, 4); n; n--)
            harm_one(&k, &r);
        for (unsigned flags = ATE__STORAGE_READ;; flags = 0) {
            int rc = kit_open(&k, flags);
            assert_true(known_answer(rc));
            if (rc && !flags)
                refused++;
            if (!rc) {
                assert_true(known_answer(kit_scan(&k, 0, UINT64_MAX, &seen)));
                assert_int_equal(k.s->v->used(k.s, each_used, NULL), 0);
                opened++;
            }
            if (!rc && !flags && kit_state(&k).writable && kit_damage(&k).what == ATE_OK) {
                uint64_t size = kit_state(&k).size;
                kit_append_ok(&k, 1, 60);
                kit_kill(&k);
                kit_open_ok(&k, 0);
                kit_check_all(&k, size + 1);
            }
            kit_close(&k);
            if (!flags)
                break;
        }
        kit_deinit(&k);
    }
    assert_true(opened > 300 && refused > 300);
    kit_deinit(&base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),    cmocka_unit_test(test_footer),
        cmocka_unit_test(test_other_chain), cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_survey),      cmocka_unit_test(test_any_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
