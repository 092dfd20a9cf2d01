/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the parts of the engine share: the list, pins and descriptors, damage. */
#include "redo/redo.h"
#include "kit.h"

static void test_find(void **state)
{
    (void)state;
    struct ate__segment segments[9] = {{.refs = 0}};
    struct ate__segment *items[9];
    uint64_t first = 0;
    for (size_t i = 0; i < 9; i++) {
        segments[i].head.first_sequence = first;
        items[i] = &segments[i];
        first += 1 + i * i;
    }
    for (size_t count = 1; count <= 9; count++) {
        struct ate__list list = {items, count, count};
        for (uint64_t sequence = 0; sequence < 250; sequence++) {
            size_t want = 0;
            for (size_t i = 0; i < count; i++)
                want = segments[i].head.first_sequence <= sequence ? i : want;
            assert_true(ate__list_find(&list, sequence) == want);
        }
    }
}

/* Descriptors stay bounded however many segments are read; a pinned one stays open. */
static void test_pins(void **state)
{
    (void)state;
    struct kit k;
    enum { SEGMENTS = 40 };
    kit_init(&k, 1);
    kit_open_ok(&k, ATE__STORAGE_CREATE);
    for (int i = 1; i < SEGMENTS; i++) {
        kit_append_ok(&k, 1, 100);
        kit_append_ok(&k, 1, 100);
        kit_kill(&k); /* the second moves to a segment of its own */
        kit_open_ok(&k, 0);
    }
    kit_append_ok(&k, 2, 100);
    struct ate__redo *r = (struct ate__redo *)k.s;
    assert_true(r->list.count == SEGMENTS);
    struct ate__pinned first, p, all[SEGMENTS];
    assert_int_equal(ate__pin(r, 0, &first), 0);
    for (uint64_t i = 0; i < 2 * SEGMENTS; i++) {
        assert_int_equal(ate__pin(r, (i * 37) % (2 * SEGMENTS), &p), 0);
        assert_true(p.segment->head.first_sequence <= (i * 37) % (2 * SEGMENTS) &&
                    p.end > (i * 37) % (2 * SEGMENTS));
        ate__unpin(r, &p);
        /* These, the lock, and two directories. */
        assert_true(simdisk_handles(k.disk) <= ATE__SEGMENTS_OPEN_MAX + 3 + 1);
        assert_true(first.segment->file == first.file);
    }
    ate__unpin(r, &p); /* of none */
    /* Pinned ones may be more. */
    for (size_t i = 0; i < SEGMENTS; i++)
        assert_int_equal(ate__pin(r, r->list.items[i]->head.first_sequence, &all[i]), 0);
    assert_true(simdisk_handles(k.disk) >= SEGMENTS);
    assert_true(all[SEGMENTS - 1].last && !all[0].last);
    for (size_t i = 0; i < SEGMENTS; i++)
        ate__unpin(r, &all[i]);
    assert_true(ate__still(r, &first));
    r->epoch++;
    assert_false(ate__still(r, &first));
    ate__unpin(r, &first);
    assert_int_equal(ate__pin(r, UINT64_MAX, &p), 0);
    assert_true(p.segment == r->list.items[SEGMENTS - 1] && p.last);
    ate__unpin(r, &p);
    kit_check_all(&k, 2 * SEGMENTS);
    /* A file that is taken away under the handle. */
    char path[64];
    assert_true(kit_segment(&k, 5, path));
    for (size_t i = 0; i < SEGMENTS; i++)
        if (i != 5) { /* so that it is closed */
            assert_int_equal(ate__pin(r, r->list.items[i]->head.first_sequence, &p), 0);
            ate__unpin(r, &p);
        }
    simdisk_unlink(k.disk, path);
    assert_int_equal(ate__pin(r, r->list.items[5]->head.first_sequence, &p), ATE_TAMPERED);
    assert_string_equal(kit_damage(&k).file, strrchr(path, '/') + 1);
    kit_deinit(&k);
}

static void test_damage(void **state)
{
    (void)state;
    struct ate__storage_damage damage = {.trimmed_bytes = 9};
    assert_int_equal(ate__damage_set(&damage, ATE_TAMPERED, 5, "file", 77, "text"), ATE_TAMPERED);
    assert_true(damage.sequence == 5 && damage.offset == 77 && damage.trimmed_bytes == 9);
    /* The first is the one that counts. */
    assert_int_equal(ate__damage_set(&damage, ATE_UNSUPPORTED, 1, "other", 1, "more"),
                     ATE_TAMPERED);
    assert_string_equal(damage.file, "file");
    assert_int_equal(ate__damage_fail(&damage), ATE_TAMPERED);
    assert_string_equal(ate__error_text(), "file at offset 77, sequence 5: text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
