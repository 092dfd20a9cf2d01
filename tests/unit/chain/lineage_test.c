/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The versions of one object, and what PREV says of those that are missing; api/versions and
 * api/past have the rest.
 */
#include "chain/lineage.h"
#include "base/err.h"
#include "kit.h"

static struct kit kit;

static void begin(bool memory, uint64_t seed)
{
    kit_init(&kit, seed);
    kit.memory = memory;
    kit_create_ok(&kit);
}

/* Versions newest first; one that is missing is told. */
static void versions_and_gaps(void **state)
{
    (void)state;
    struct ate__lineage l;
    struct ate__version_at at;
    struct ate_id id = id_of(1);
    begin(false, 7);
    for (unsigned i = 0; i < 200; i++)
        kit_put_ok(&kit, i % 20 ? 2 : 1, "x");
    ate__lineage_init(&l, kit.chain, &id, 0, 201);
    for (unsigned i = 10; i-- > 0;) {
        kit_ok(ate__lineage_next(&l, &at));
        assert_true(at.found.place.sequence == 1 + i * 20ul && at.creates == (i == 0) && !at.gap);
        assert_true(!at.tombstone && l.expects == (i > 0));
        ate__found_deinit(&at.found);
    }
    assert_int_equal(ate__lineage_next(&l, &at), ATE_END);
    ate__lineage_deinit(&l);
    ate__lineage_init(&l, kit.chain, &id, 0, 150);
    l.expects = true; /* as if a newer one had named another than there is */
    kit_ok(ate__lineage_next(&l, &at));
    assert_true(at.gap);
    ate__found_deinit(&at.found);
    ate__lineage_deinit(&l);
    kit_deinit(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
