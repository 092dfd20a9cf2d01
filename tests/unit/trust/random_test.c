/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Histories of transactions by chance: acceptance and the oracle give the same result for each, and
 * those that are accepted are taken in. What came in stays whole: no object without its parents, no
 * name twice.
 */
#include "world.h"
#include "chance.h"
#include "oracle.h"

enum { HISTORIES = 40, LENGTH = 500 };

static void assert_whole(const struct model *m)
{
    for (size_t i = 1; i < m->count; i++) {
        const struct model_object *o = &m->objects[i], *above = o;
        if (!o->live)
            continue;
        for (size_t steps = 0; !ate__is_top(&above->id); steps++) {
            assert_true(steps <= m->count);
            above = model_find(m, &above->parent);
            assert_true(above && above->live);
        }
        for (size_t k = 1; k < i; k++) {
            const struct model_object *other = &m->objects[k];
            if (!other->live || !ate__id_equal(&other->parent, &o->parent))
                continue;
            for (unsigned t = 0; t < o->tag_count; t++)
                assert_false(model_has_tag(other, o->tags + ATE__NAME_TAG * (size_t)t));
        }
    }
}

/* Fewer objects before a chain loses its last root key, say. */
static unsigned history(struct rnd *r, unsigned counts[128])
{
    struct world w;
    struct ate__verdict v;
    struct ate__auth open = auth_of(rule_inherit, rule_inherit, rule_everyone, rule_inherit);
    unsigned accepted = 0;
    world_init(&w, 1, rnd_below(r, 2) ? &open : NULL);
    struct chance c = {.rnd = r, .w = &w};
    for (unsigned i = 0; i < CHANCE_KEYS; i++)
        c.keys[i] = world_key(&w, 10 + i);
    for (int i = 0; i < LENGTH; i++) {
        struct draft *d = chance_draft(&c);
        int rc = judge(&w, d, &v);
        int expected = oracle_judge(&w.m, w.t, &d->tx, w.m.size);
        if (rc != expected)
            fail_msg("transaction %d: %s (%s), the oracle says %s", i, ate__result_name(rc),
                     rc ? ate__error_text() : "", ate__result_name(expected));
        counts[rc]++;
        if (!rc) {
            accepted++;
            assert_int_equal(ate__trust_apply(w.t, &d->tx, w.m.size), 0);
            model_take(&w.m, &d->tx, w.m.size);
            assert_whole(&w.m);
        }
        draft_free(d);
    }
    for (unsigned i = 0; i < CHANCE_KEYS; i++)
        ate__key_free(c.keys[i]);
    world_deinit(&w);
    return accepted;
}

static void histories_by_chance(void **state)
{
    (void)state;
    static const int results[] = {ATE_MALFORMED, ATE_UNSUPPORTED, ATE_WRONG_CHAIN, ATE_STALE,
                                  ATE_FORKED,    ATE_CONFLICT,    ATE_DENIED,      ATE_STALE_KEY};
    struct rnd r = rnd_of(rnd_seed(14));
    unsigned counts[128] = {0}, accepted = 0;
    for (int i = 0; i < HISTORIES; i++)
        accepted += history(&r, counts);
    printf("# %u accepted", accepted);
    for (size_t i = 0; i < ATE__COUNT_OF(results); i++) {
        printf(", %u %s", counts[results[i]], ate__result_name(results[i]));
        assert_true(counts[results[i]] > 0); /* each is reached */
    }
    printf("\n");
    assert_true(accepted > HISTORIES * LENGTH / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
