/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The order of the checks: of transactions with every combination of faults, one for each check,
 * the verdict is that of the first; and what a verdict says.
 */
#include "world.h"

enum {
    FAULT_FORM,
    FAULT_CHAIN,
    FAULT_BASE,
    FAULT_BEFORE,
    FAULT_RIGHTS,
    FAULT_SEALING,
    FAULT_AFTER,
    FAULTS
};

static const struct {
    int result;
    const char *sentence;
} faults[FAULTS] = {
    [FAULT_FORM] = {ATE_MALFORMED, "two events of one line"},
    [FAULT_CHAIN] = {ATE_WRONG_CHAIN, "made for the chain"},
    [FAULT_BASE] = {ATE_STALE, "between them are the most"},
    [FAULT_BEFORE] = {ATE_CONFLICT, "not the current one"},
    [FAULT_RIGHTS] = {ATE_DENIED, "is held by the root keys, signed by nobody"},
    [FAULT_SEALING] = {ATE_STALE_KEY, "where everyone may read"},
    [FAULT_AFTER] = {ATE_CONFLICT, "does not exist or goes"},
};

static struct draft *draft_with(struct world *w, unsigned set)
{
    static const struct ate__conf_item conf = {.epoch = 0};
    struct draft *d = draft_new(w);
    struct ate_hash wrong = hash_of(7);
    draft_create(d, id_of(50), ate__top_id);
    if (set >> FAULT_FORM & 1)
        draft_create(d, id_of(50), id_of(1));
    if (set >> FAULT_CHAIN & 1)
        d->chain_id.b[31] ^= 1;
    if (set >> FAULT_BASE & 1) {
        d->base_size = w->m.size - WORLD_WINDOW - 1;
        d->base_root = model_root(d->base_size);
    }
    if (set >> FAULT_BEFORE & 1)
        draft_body(d, &(struct body){.id = id_of(1), .prev = &wrong});
    if (!(set >> FAULT_RIGHTS & 1))
        draft_sign(d, w->root->fingerprint);
    if (set >> FAULT_SEALING & 1)
        draft_body(d, &(struct body){.id = id_of(51), .conf = &conf});
    if (set >> FAULT_AFTER & 1)
        draft_create(d, id_of(52), id_of(99));
    return d;
}

static void the_first_check_that_fails_decides(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 1, NULL);
    for (unsigned i = 0; i <= WORLD_WINDOW; i++)
        plant(&w, id_of(1 + i), ate__top_id);
    for (unsigned set = 0; set < 1 << FAULTS; set++) {
        struct draft *d = draft_with(&w, set);
        if (set)
            expect(&w, d, faults[__builtin_ctz(set)].result, faults[__builtin_ctz(set)].sentence);
        else
            expect(&w, d, 0, NULL);
    }
    world_deinit(&w);
}

static void the_verdict_names_what_is_in_the_way(void **state)
{
    (void)state;
    struct world w;
    struct ate__verdict v;
    world_init(&w, 2, NULL);
    plant(&w, id_of(1), ate__top_id);
    plant(&w, id_of(2), ate__top_id);
    struct draft *d = draft_new(&w);
    struct ate_hash wrong = hash_of(7);
    draft_body(d, &(struct body){.id = id_of(1), .prev = &wrong});
    draft_body(d, &(struct body){.id = id_of(2), .prev = &wrong});
    draft_require(d, ATE__IS_CURRENT, id_of(1), &wrong); /* named once */
    draft_require(d, ATE__IS_ABSENT, id_of(2), NULL);
    assert_int_equal(judge(&w, d, &v), ATE_CONFLICT);
    assert_int_equal(v.result, ATE_CONFLICT);
    assert_int_equal(v.conflict_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct ate_id id = id_of(1 + i);
        assert_true(ate__id_equal(&v.conflicts[i].id, &id));
        assert_int_equal(v.conflicts[i].why, ATE_CONFLICT);
        assert_int_equal(v.conflicts[i].sequence, 1 + i);
    }
    assert_non_null(strstr(ate__error_text(), "a0000000010100000000000000000000"));
    draft_free(d);
    world_deinit(&w);
}

static void the_verdict_names_no_more_than_its_limit(void **state)
{
    (void)state;
    struct world w;
    struct ate__verdict v;
    struct ate_hash wrong = hash_of(7);
    world_init(&w, 3, NULL);
    struct draft *d = draft_new(&w);
    for (unsigned i = 0; i < ATE__CONFLICTS_MAX + 5; i++)
        draft_body(d, &(struct body){.id = id_of(i), .prev = &wrong});
    assert_int_equal(judge(&w, d, &v), ATE_CONFLICT);
    assert_int_equal(v.conflict_count, ATE__CONFLICTS_MAX);
    draft_free(d);
    world_deinit(&w);
}

/* Many objects: with an array and a map behind the nodes instead of the small struct. */
static void large_transactions_are_judged_alike(void **state)
{
    (void)state;
    struct world w;
    struct ate__verdict v;
    world_init(&w, 4, NULL);
    struct draft *d = draft_new(&w);
    for (unsigned i = 0; i < 3000; i++)
        draft_create(d, id_of(1000 + i), i ? id_of(1000 + (i - 1) / 4) : ate__top_id);
    draft_sign(d, w.root->fingerprint);
    uint64_t asked = w.m.asked;
    assert_int_equal(judge(&w, d, &v), 0);
    /* One question for each object, one for the top, one for who may append there. */
    assert_true(w.m.asked - asked <= 3000 + 3);
    draft_free(d);
    world_deinit(&w);
}

/* A failure of the machine is no verdict about the transaction: it goes on as it is. */
static void failures_of_the_facts_go_on(void **state)
{
    (void)state;
    struct world w;
    struct ate__verdict v;
    world_init(&w, 5, NULL);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    draft_sign(d, w.root->fingerprint);
    w.m.fail = ATE_E_IO;
    assert_int_equal(judge(&w, d, &v), ATE_E_IO);
    w.m.fail = ATE_BAD_PEER;
    assert_int_equal(judge(&w, d, &v), ATE_BAD_PEER);
    w.m.fail = 0;
    assert_int_equal(judge(&w, d, &v), 0);
    draft_free(d);
    world_deinit(&w);
}

/* A create under the top asks as little as it can: the speed of commits hangs on it. */
static void a_small_transaction_asks_little(void **state)
{
    (void)state;
    struct world w;
    struct ate__verdict v;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 6, &open);
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    uint64_t asked = w.m.asked;
    assert_int_equal(judge(&w, d, &v), 0);
    assert_int_equal(w.m.asked - asked, 2); /* the top and the object */
    draft_free(d);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_check_that_fails_decides),
        cmocka_unit_test(the_verdict_names_what_is_in_the_way),
        cmocka_unit_test(the_verdict_names_no_more_than_its_limit),
        cmocka_unit_test(large_transactions_are_judged_alike),
        cmocka_unit_test(failures_of_the_facts_go_on),
        cmocka_unit_test(a_small_transaction_asks_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
