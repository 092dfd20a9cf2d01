/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Records that hold some bytes, newest first, and the size that the chain had at a time.
 */
#include "chain/search.h"
#include "base/err.h"
#include "kit.h"

static struct kit kit;

static void begin(bool memory, uint64_t seed)
{
    kit_init(&kit, seed);
    kit.memory = memory;
    kit_create_ok(&kit);
}

/* Each record that holds the bytes, once, newest first, whatever the stretches; no other. */
static void newest_first(void **state)
{
    (void)state;
    enum { COUNT = 700 };
    struct ate__search search;
    struct ate__found found;
    struct ate_id id = id_of(1);
    begin(false, 8);
    for (unsigned i = 0; i < COUNT; i++)
        kit_put_ok(&kit, i % 7 ? 2 : 1, "x");
    static const uint64_t bounds[][2] = {{0, COUNT + 1}, {0, 0}, {5, 5}, {1, 2}, {2, 8}, {9, 333}};
    for (size_t i = 0; i < ATE__COUNT_OF(bounds); i++) {
        uint64_t low = bounds[i][0], at = bounds[i][1];
        ate__search_init(&search, kit.chain, &id, low, at);
        while (at-- > low) {
            if (!at || (at - 1) % 7)
                continue;
            kit_ok(ate__search_next(&search, &found));
            assert_true(found.place.sequence == at);
            assert_true(ate__id_equal(&found.tx.events[0].header.object, &id));
            ate__found_deinit(&found);
        }
        assert_int_equal(ate__search_next(&search, &found), ATE_END);
        assert_int_equal(ate__search_next(&search, &found), ATE_END);
        ate__search_deinit(&search);
    }
    kit_deinit(&kit);
}

static void sizes_of_times(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    uint64_t before = 0, size, start = 0;
    begin(false, 4);
    start = kit.sim.wall_us;
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 3 == 0)
            simenv_pass_ms(&kit.sim, 10);
        kit_put_ok(&kit, 1 + i % 5, "x");
    }
    kit_reopen_ok(&kit);
    kit_ok(ate__chain_size_at(kit.chain, start - 1, &size));
    assert_true(size == 0);
    kit_ok(ate__chain_size_at(kit.chain, start, &size));
    assert_true(size == 1);
    for (unsigned i = 0; i <= COUNT / 3; i++) {
        kit_ok(ate__chain_size_at(kit.chain, start + (i + 1) * 10000ul + 5000, &size));
        assert_true(size == ate__min(1 + (i + 1) * 3ul, COUNT + 1) && size > before);
        before = size;
    }
    kit_ok(ate__chain_size_at(kit.chain, UINT64_MAX, &size));
    assert_true(size == COUNT + 1);
    kit_deinit(&kit);
}

/* A byte that the disk changed after it was verified. */
static void changed_on_the_disk(void **state)
{
    (void)state;
    struct ate__search search;
    struct ate__found found;
    struct ate_id id = id_of(1);
    begin(true, 6);
    for (unsigned i = 0; i < 4; i++)
        kit_put_ok(&kit, 1, "the old text");
    struct ate__storage *s = ate__chain_storage(kit.chain);
    kit_ok(s->v->tiles_truncate(s, 2));
    struct ate_hash wrong[3] = {{{1}}};
    kit_ok(s->v->tiles_append(s, wrong, 3)); /* the leaf says another thing than the record */
    ate__search_init(&search, kit.chain, &id, 0, 5);
    assert_int_equal(ate__search_next(&search, &found), ATE_TAMPERED);
    ate__search_deinit(&search);
    assert_int_equal(ate__found_at(kit.chain, 3, &found), ATE_TAMPERED);
    kit_ok(ate__found_at(kit.chain, 1, &found));
    assert_true(found.place.sequence == 1 && found.tx.event_count == 1);
    ate__found_deinit(&found);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_first),
        cmocka_unit_test(sizes_of_times),
        cmocka_unit_test(changed_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
