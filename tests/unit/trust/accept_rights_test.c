/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Check 5 for objects: may the claimed keys do what the transaction does?
 *
 * The tree: 1 below the top, 2 below 1, 3 below 2. Keys: who(1) writes 1 and what inherits from it,
 * who(2) writes 2, who(3) appends to 2, who(4) administers 2, who(5) may nothing.
 */
#include "world.h"
#include <time.h>

static struct world w;
enum { ROOT = 0, NOBODY = 9 };

static int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    for (unsigned i = 1; i <= 3; i++)
        plant(&w, id_of(i), i == 1 ? ate__top_id : id_of(i - 1));
    rule(&w, id_of(2), auth_of(rule_inherit, rule_who(&w, 2), rule_who(&w, 3), rule_who(&w, 4)));
    rule(&w, id_of(1), auth_write(rule_who(&w, 1)));
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static struct draft *draft_by(unsigned signer)
{
    struct draft *d = draft_new(&w);
    if (signer == ROOT)
        draft_sign(d, w.root->fingerprint);
    else if (signer != NOBODY)
        draft_sign(d, who(signer));
    return d;
}

/* Which of the signers may: a bit each, bit 0 the root key, bit 9 nobody. */
static void expect_signers(void (*make)(struct draft *d), unsigned allowed, int line)
{
    for (unsigned signer = 0; signer < 10; signer++) {
        struct draft *d = draft_by(signer);
        make(d);
        bool may = allowed >> signer & 1;
        expect_(&w, d, may ? 0 : ATE_DENIED, " is held by ", line);
    }
}
#define EXPECT_SIGNERS(make, allowed) expect_signers(make, allowed, __LINE__)

/* ---- create ---- */

static void create_below_top(struct draft *d)
{
    draft_create(d, id_of(10), ate__top_id);
}
static void create_below_1(struct draft *d)
{
    draft_create(d, id_of(10), id_of(1));
}
static void create_below_2(struct draft *d)
{
    draft_create(d, id_of(10), id_of(2));
}
static void create_below_3(struct draft *d)
{
    draft_create(d, id_of(10), id_of(3));
}

static void who_may_create(void **state)
{
    (void)state;
    EXPECT_SIGNERS(create_below_top, 1 << ROOT); /* the top has no rule */
    EXPECT_SIGNERS(create_below_1, 1 << 1);      /* append follows write of the same object */
    EXPECT_SIGNERS(create_below_2, 1 << 3);
    EXPECT_SIGNERS(create_below_3, 1 << 3); /* inherited */
}

/* Children of what is created are judged where the tree existed before, in any order of events. */
static void create_chain(struct draft *d)
{
    draft_create(d, id_of(12), id_of(11));
    draft_create(d, id_of(11), id_of(10));
    draft_create(d, id_of(10), id_of(2));
    draft_create(d, id_of(13), id_of(12));
}
static void create_with_rules(struct draft *d)
{
    draft_create(d, id_of(10), id_of(2));
    draft_control(d, &(struct control){.id = id_of(10), .auth = auth_write(rule_everyone)});
    draft_create(d, id_of(11), id_of(10));
}

static void what_is_created_together_is_judged_above(void **state)
{
    (void)state;
    EXPECT_SIGNERS(create_chain, 1 << 3);
    EXPECT_SIGNERS(create_with_rules, 1 << 3);
}

/* ---- change and move ---- */

static void change(struct draft *d, unsigned id, struct ate_id parent, uint32_t collection)
{
    struct ate_hash now = body_of(&w, id_of(id));
    draft_body(d, &(struct body){.id = id_of(id),
                                 .parent = parent,
                                 .collection = collection,
                                 .prev = &now,
                                 .payload = "changed"});
}
static void change_1(struct draft *d)
{
    change(d, 1, ate__top_id, 0);
}
static void change_2(struct draft *d)
{
    change(d, 2, id_of(1), 0);
}
static void change_3(struct draft *d)
{
    change(d, 3, id_of(2), 0);
}
static void move_3_below_1(struct draft *d)
{
    change(d, 3, id_of(1), 0);
}
static void move_3_to_a_collection(struct draft *d)
{
    change(d, 3, id_of(2), 7);
}
static void move_2_below_top(struct draft *d)
{
    change(d, 2, ate__top_id, 0);
}

static void who_may_change(void **state)
{
    (void)state;
    EXPECT_SIGNERS(change_1, 1 << 1);
    EXPECT_SIGNERS(change_2, 1 << 2);
    EXPECT_SIGNERS(change_3, 1 << 2);
}

static void expect_pair(void (*make)(struct draft *d), unsigned a, unsigned b)
{
    for (unsigned set = 0; set < 4; set++) {
        struct draft *d = draft_new(&w);
        if (set & 1)
            draft_sign(d, a ? who(a) : w.root->fingerprint);
        if (set & 2)
            draft_sign(d, b ? who(b) : w.root->fingerprint);
        make(d);
        expect(&w, d, set == 3 ? 0 : ATE_DENIED, "is held by");
    }
}

static void a_move_needs_both_rights(void **state)
{
    (void)state;
    expect_pair(move_3_below_1, 2, 1);
    expect_pair(move_3_to_a_collection, 2, 3);
    expect_pair(move_2_below_top, 2, ROOT);
}

static void move_3_below_new(struct draft *d)
{
    draft_create(d, id_of(10), ate__top_id);
    change(d, 3, id_of(10), 0);
}

static void a_move_below_a_new_object_is_judged_above_it(void **state)
{
    (void)state;
    expect_pair(move_3_below_new, 2, ROOT);
}

/* ---- delete ---- */

static void delete_of(struct draft *d, unsigned id)
{
    draft_tombstone(d, id_of(id), body_of(&w, id_of(id)), true);
}
static void delete_1(struct draft *d)
{
    delete_of(d, 1);
}
static void delete_2(struct draft *d)
{
    delete_of(d, 2);
}
static void delete_3(struct draft *d)
{
    delete_of(d, 3);
}

static void who_may_delete(void **state)
{
    (void)state;
    /* Write on it or on any ancestor; the root keys by the top's default. */
    EXPECT_SIGNERS(delete_1, 1 << ROOT | 1 << 1);
    EXPECT_SIGNERS(delete_2, 1 << ROOT | 1 << 1 | 1 << 2);
    EXPECT_SIGNERS(delete_3, 1 << ROOT | 1 << 1 | 1 << 2);
}

/* ---- control events ---- */

static void control_of_id(struct draft *d, unsigned id)
{
    const struct ate__control *now = control_of(&w, id_of(id));
    struct ate_hash prev = now ? now->hash : (struct ate_hash){{0}};
    draft_control(d, &(struct control){.id = id_of(id),
                                       .prev = now ? &prev : NULL,
                                       .auth = auth_write(rule_everyone)});
}
static void control_1(struct draft *d)
{
    control_of_id(d, 1);
}
static void control_2(struct draft *d)
{
    control_of_id(d, 2);
}
static void control_3(struct draft *d)
{
    control_of_id(d, 3);
}
static void control_top(struct draft *d)
{
    draft_control(d, &(struct control){.auth = auth_write(rule_everyone)});
}

static void who_may_administer(void **state)
{
    (void)state;
    EXPECT_SIGNERS(control_1, 1 << 1); /* admin follows write */
    EXPECT_SIGNERS(control_2, 1 << 4);
    EXPECT_SIGNERS(control_3, 1 << 4); /* inherited */
    EXPECT_SIGNERS(control_top, 1 << ROOT);
}

/* ---- nobody, everyone, revoked ---- */

static void nobody_changes_and_ancestors_delete(void **state)
{
    (void)state;
    struct world n;
    world_init(&n, 2, NULL);
    plant(&n, id_of(1), ate__top_id);
    plant(&n, id_of(2), id_of(1));
    rule(&n, id_of(2), auth_write(rule_nobody));
    struct ate_hash now = body_of(&n, id_of(2)), control = control_of(&n, id_of(2))->hash;
    struct ate_hash root = n.root->fingerprint;
    struct draft *d = draft_new(&n);
    draft_sign(d, root);
    draft_body(d, &(struct body){.id = id_of(2), .parent = id_of(1), .prev = &now});
    expect(&n, d, ATE_DENIED, "write is held by nobody");
    d = draft_new(&n);
    draft_sign(d, root);
    draft_create(d, id_of(3), id_of(2));
    expect(&n, d, ATE_DENIED, "append is held by nobody");
    d = draft_new(&n);
    draft_sign(d, root);
    draft_control(d, &(struct control){.id = id_of(2), .prev = &control});
    expect(&n, d, ATE_DENIED, "admin is held by nobody");
    d = draft_new(&n);
    draft_sign(d, root);
    draft_tombstone(d, id_of(2), now, false);
    expect(&n, d, 0, NULL);
    d = draft_new(&n);
    draft_tombstone(d, id_of(2), now, false);
    expect(&n, d, ATE_DENIED, "write is held by nobody, signed by nobody");
    world_deinit(&n);
}

/* The top may be closed to its own root keys; then they may not delete either. */
static void the_top_by_its_own_rule(void **state)
{
    (void)state;
    struct world n;
    world_init(&n, 3, NULL);
    plant(&n, id_of(1), ate__top_id);
    rule(&n, ate__top_id, auth_write(rule_who(&w, 1)));
    struct draft *d = draft_new(&n);
    draft_sign(d, n.root->fingerprint);
    draft_tombstone(d, id_of(1), body_of(&n, id_of(1)), false);
    expect(&n, d, ATE_DENIED, "(set at the top of the chain)");
    d = draft_new(&n);
    draft_sign(d, who(1));
    draft_tombstone(d, id_of(1), body_of(&n, id_of(1)), false);
    expect(&n, d, 0, NULL);
    world_deinit(&n);
}

static void everyone_needs_no_signature(void **state)
{
    (void)state;
    struct world n;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&n, 4, &open);
    struct draft *d = draft_new(&n);
    draft_create(d, id_of(1), ate__top_id);
    commit(&n, d);
    struct ate_hash now = body_of(&n, id_of(1));
    d = draft_new(&n);
    draft_body(d, &(struct body){.id = id_of(1), .prev = &now, .payload = "x"});
    draft_control(d, &(struct control){.id = id_of(1)});
    expect(&n, d, 0, NULL);
    d = draft_new(&n);
    draft_tombstone(d, id_of(1), now, false);
    expect(&n, d, 0, NULL);
    world_deinit(&n);
}

static void a_revoked_key_signs_nothing(void **state)
{
    (void)state;
    struct world n;
    struct ate__auth open = auth_write(rule_everyone);
    struct ate_hash key = who(1);
    world_init(&n, 5, &open);
    struct draft *d = draft_new(&n);
    draft_sign(d, n.root->fingerprint);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&key, sizeof key));
    commit(&n, d);
    d = draft_new(&n); /* not even where everyone may */
    draft_create(d, id_of(1), ate__top_id);
    draft_sign(d, key);
    expect(&n, d, ATE_DENIED, "which was revoked");
    world_deinit(&n);
}

/* ---- depth ---- */

/* A chain of `depth` objects below the top, in one transaction. */
static struct draft *draft_deep(struct world *world, unsigned depth)
{
    struct draft *d = draft_new(world);
    draft_sign(d, world->root->fingerprint);
    for (unsigned i = 1; i <= depth; i++)
        draft_create(d, id_of(1000 + i), i == 1 ? ate__top_id : id_of(1000 + i - 1));
    return d;
}

static void what_lies_too_deep_is_refused(void **state)
{
    (void)state;
    struct world n;
    world_init(&n, 6, NULL);
    force(&n, draft_deep(&n, ATE__PARENTS_MAX + 2));
    for (unsigned deep = 0; deep < 2; deep++) {
        struct ate_id id = id_of(1000 + ATE__PARENTS_MAX + 2 * deep);
        struct ate_hash now = body_of(&n, id);
        struct draft *d = draft_new(&n);
        draft_sign(d, n.root->fingerprint);
        draft_body(d,
                   &(struct body){.id = id, .parent = model_find(&n.m, &id)->parent, .prev = &now});
        expect(&n, d, deep ? ATE_TOO_BIG : 0, "more than 1024 parents");
        d = draft_new(&n);
        draft_sign(d, n.root->fingerprint);
        draft_tombstone(d, id, now, true);
        expect(&n, d, deep ? ATE_TOO_BIG : 0, "more than 1024 parents");
        d = draft_new(&n);
        draft_sign(d, n.root->fingerprint);
        draft_control(d, &(struct control){.id = id});
        expect(&n, d, deep ? ATE_TOO_BIG : 0, "more than 1024 parents");
    }
    world_deinit(&n);
}

/* ---- what it costs ---- */

static struct ate_id created(unsigned i)
{
    return id_of(1000 + i);
}

static clock_t clocks(struct draft *take_d, int result)
{
    const struct ate__tx *tx = draft_tx(take_d);
    struct ate__verdict verdict;
    clock_t start = clock();
    assert_int_equal(ate__accept(w.t, &w.m.facts, tx, w.m.size, w.m.now_us, &verdict), result);
    clock_t taken = clock() - start;
    draft_free(take_d);
    return taken;
}

/* As many objects as a transaction has, which lie below each other in rings. */
static clock_t clocks_of_rings(unsigned objects)
{
    struct draft *d = draft_by(NOBODY);
    for (unsigned i = 0; i < ATE__TX_EVENTS_MAX; i++) {
        unsigned first = i - i % objects;
        draft_create(d, created(i), created(first + (i - first + 1) % objects));
    }
    return clocks(d, ATE_CONFLICT);
}

/* Below one that the signer may not append to: each below the one before it, or all side by side.
 */
static clock_t clocks_of_denied(bool deep)
{
    struct draft *d = draft_by(5);
    for (unsigned i = 0; i < ATE__TX_EVENTS_MAX; i++)
        draft_create(d, created(i), deep && i ? created(i - 1) : id_of(2));
    return clocks(d, ATE_DENIED);
}

/* Whoever reaches a server may have it judge them: they cost what their size costs. */
static void hostile_forms_cost_no_more_than_others(void **state)
{
    (void)state;
    clock_t one_ring = clocks_of_rings(ATE__TX_EVENTS_MAX);
    clock_t rings = clocks_of_rings(2);
    clock_t flat = clocks_of_denied(false);
    clock_t deep = clocks_of_denied(true);
    if (rings > 12 * one_ring || deep > 12 * (flat + one_ring))
        fail_msg("rings %ld, one ring %ld; deep %ld, flat %ld", (long)rings, (long)one_ring,
                 (long)deep, (long)flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_create),
        cmocka_unit_test(what_is_created_together_is_judged_above),
        cmocka_unit_test(who_may_change),
        cmocka_unit_test(a_move_needs_both_rights),
        cmocka_unit_test(a_move_below_a_new_object_is_judged_above_it),
        cmocka_unit_test(who_may_delete),
        cmocka_unit_test(who_may_administer),
        cmocka_unit_test(nobody_changes_and_ancestors_delete),
        cmocka_unit_test(the_top_by_its_own_rule),
        cmocka_unit_test(everyone_needs_no_signature),
        cmocka_unit_test(a_revoked_key_signs_nothing),
        cmocka_unit_test(what_lies_too_deep_is_refused),
        cmocka_unit_test(hostile_forms_cost_no_more_than_others),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
