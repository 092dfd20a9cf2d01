/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Histories that no honest root writes, shown as they are: signed by nobody or by the wrong ones,
 * without a place, out of line. Each is such that with its check left out it would be believed.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "thin_world.h"

/* ---- histories that no honest root writes ---- */

static void test_unsigned(void **state)
{
    (void)state;
    struct past *p = thin_family();
    past_change(p, -1, 3, 2, "three", "nobody's");
    thin_ask(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it, signed by nobody");

    p = thin_family();
    past_create(p, -1, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it, signed by nobody");

    /* Where everyone may write it is fine. */
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    p = past_new(&everyone);
    past_create(p, -1, 7, 0, NULL, "x");
    past_change(p, -1, 7, 0, NULL, "y");
    thin_ask(p, 7, NULL, 0, NULL);

    struct ate__auth nobody = auth_write(ATE__RULE_NOBODY);
    p = past_new(&nobody);
    past_create(p, ROOT, 7, 0, NULL, "x");
    thin_ask(p, 7, NULL, ATE_TAMPERED, "no right");
}

static void test_without_right(void **state)
{
    (void)state;
    struct past *p = thin_family();
    past_change(p, EVE, 3, 2, "three", "eve's");
    thin_ask(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it");

    p = thin_family();
    past_create(p, EVE, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = thin_family(); /* bob may below 1 alone */
    past_create(p, BOB, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = thin_family();
    past_create(p, BOB, 7, 1, NULL, NULL);
    thin_ask(p, 7, NULL, 0, NULL);

    p = thin_family(); /* an ancestor that an outsider changed */
    past_change(p, EVE, 2, 1, "two", "eve's");
    thin_ask(p, 3, NULL, ATE_TAMPERED, "transaction 6 changed it");

    p = thin_family(); /* a rule of its own */
    past_change(p, EVE, 1, 0, "one", "eve's");
    thin_ask(p, 1, NULL, ATE_TAMPERED, "transaction 6 changed it");
    p = thin_family();
    past_change(p, BOB, 1, 0, "one", "bob's");
    thin_ask(p, 1, NULL, 0, NULL);

    p = past_new(NULL); /* without rules only the root keys may */
    past_create(p, ROOT, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, 0, NULL);
    p = past_new(NULL);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 1 created it");

    struct draft d; /* one of several signers is enough */
    p = thin_family();
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    past_sign(p, &d, EVE);
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    thin_ask(p, 7, NULL, 0, NULL);
}

/* Rights are those of their time. */
static void test_rules_in_force(void **state)
{
    (void)state;
    struct past *p = thin_family(); /* given too late */
    past_create(p, EVE, 7, 2, NULL, NULL);
    past_rule(p, ALICE, 2, ALICE, EVE);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");

    p = thin_family(); /* given in time */
    past_rule(p, ALICE, 2, ALICE, EVE);
    past_create(p, EVE, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, 0, NULL);

    p = thin_family(); /* taken since */
    past_create(p, BOB, 7, 2, NULL, NULL);
    past_rule(p, ALICE, 1, ALICE, ALICE);
    thin_ask(p, 7, NULL, 0, NULL);

    p = thin_family(); /* taken before */
    past_rule(p, ALICE, 1, ALICE, ALICE);
    past_create(p, BOB, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 7 created it");

    p = thin_family(); /* in the same transaction */
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, EVE, EVE);
    struct ate_hash prev = past_control_hash(p, id_of(1));
    draft_control(&d, id_of(1), &prev, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, EVE);
    past_commit(p, &d);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 6 created it");
}

/* Who creates an object may give it any rules, but they grant nothing to what comes along. */
static void test_own_rules(void **state)
{
    (void)state;
    struct past *p = thin_family();
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, EVE, EVE);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
    draft_control(&d, id_of(7), NULL, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(8), .parent = id_of(7)});
    past_sign(p, &d, EVE);
    past_commit(p, &d);
    thin_ask(p, 8, NULL, ATE_TAMPERED, "created it");

    p = thin_family();
    past_begin(p, &d);
    auth = past_writers(p, &d, EVE, EVE);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
    draft_control(&d, id_of(7), NULL, &auth);
    draft_body(&d, &(struct draft_body){.id = id_of(8), .parent = id_of(7)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    past_create(p, EVE, 9, 8, NULL, NULL); /* from the next transaction on they count */
    thin_ask(p, 9, NULL, 0, NULL);
}

static void test_controls(void **state)
{
    (void)state;
    struct past *p = thin_family();
    past_rule(p, EVE, 1, EVE, EVE);
    thin_ask(p, 1, NULL, ATE_TAMPERED, "made rules for it");

    p = thin_family(); /* a first one */
    past_rule(p, EVE, 3, EVE, EVE);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "made rules for it");

    p = thin_family();
    past_rule(p, EVE, 0, EVE, EVE);
    thin_ask(p, 4, NULL, ATE_TAMPERED, "made rules for it");

    p = thin_family();
    past_rule(p, BOB, 1, BOB, EVE);
    past_rule(p, EVE, 1, EVE, EVE);
    past_rule(p, EVE, 2, EVE, EVE);
    thin_ask(p, 3, NULL, 0, NULL);

    p = thin_family(); /* before it was there */
    past_rule(p, ALICE, 9, EVE, EVE);
    past_create(p, ALICE, 9, 1, NULL, NULL);
    thin_ask(p, 9, NULL, ATE_TAMPERED, "before it was there");
}

static void hide_first_rule(struct past_answer *a)
{
    past_shown(a, 1)->keep[1] = 0;
}

static void hide_middle_rule(struct past_answer *a)
{
    past_shown(a, 6)->keep[0] = 0;
}

static void test_control_lines(void **state)
{
    (void)state;
    for (int gap = 0; gap < 3; gap++) {
        struct past *p = thin_family();
        past_rule(p, ALICE, 1, ALICE, EVE);
        past_rule(p, ALICE, 1, ALICE, ALICE);
        if (gap == 0)
            thin_ask(p, 3, NULL, 0, NULL);
        else if (gap == 1)
            thin_ask(p, 3, hide_first_rule, ATE_BAD_PEER, "the first of its control events");
        else
            thin_ask(p, 3, hide_middle_rule, ATE_TAMPERED, "does not replace the one before");
    }

    struct past *p = thin_family(); /* a second line from nowhere */
    struct draft d;
    past_begin(p, &d);
    struct ate__auth auth = past_writers(p, &d, ALICE, EVE);
    draft_control(&d, id_of(1), NULL, &auth);
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "second first control event");

    p = thin_family(); /* two in one transaction */
    past_begin(p, &d);
    auth = past_writers(p, &d, ALICE, EVE);
    struct ate_hash prev = past_control_hash(p, id_of(1));
    draft_control(&d, id_of(1), &prev, &auth);
    draft_control(&d, id_of(1), &prev, &auth);
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "two control events");
}

/* An id may be used anew behind the window, and begins another line of control events then. */
static void test_line_anew(void **state)
{
    (void)state;
    enum { WINDOW = 100 }; /* of past.h */
    for (unsigned late = 0; late < 2; late++) {
        struct past *p = thin_family();
        struct draft d;
        uint64_t last = past_rule(p, ALICE, 1, ALICE, ALICE);
        while (p->size < last + WINDOW + late)
            past_create(p, -1, 100 + (unsigned)p->size, 0, NULL, NULL);
        past_begin(p, &d);
        struct ate__auth auth = past_writers(p, &d, ALICE, EVE);
        draft_body(&d, &(struct draft_body){.id = id_of(1)});
        draft_control(&d, id_of(1), NULL, &auth);
        past_sign(p, &d, ROOT);
        past_commit(p, &d);
        thin_ask(p, 1, NULL, late ? 0 : ATE_TAMPERED, late ? NULL : "second first control event");
    }
}

static void show_all_of_6(struct past_answer *a)
{
    memset(past_shown(a, 6)->keep, 1, sizeof a->show[0].keep);
}

static void test_bodies(void **state)
{
    (void)state;
    struct past *p = thin_family();
    struct draft d;
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    thin_ask(p, 7, show_all_of_6, ATE_TAMPERED, "two bodies");

    p = thin_family(); /* a tombstone, but the server calls it living */
    past_begin(p, &d);
    draft_tombstone(&d, id_of(2), past_body_hash(p, id_of(2)), false);
    past_sign(p, &d, BOB);
    past_commit(p, &d);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "deleted what is shown as living");

    p = thin_family(); /* below a parent that came later */
    past_create(p, ALICE, 8, 9, NULL, NULL);
    past_create(p, ALICE, 9, 0, NULL, NULL);
    thin_ask(p, 8, NULL, ATE_TAMPERED, "created by transaction 7, after");
}

static void test_nowhere(void **state)
{
    (void)state;
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct past *p = past_new(&everyone); /* a circle */
    past_create(p, -1, 1, 0, NULL, NULL);
    past_create(p, -1, 2, 1, NULL, NULL);
    past_create(p, -1, 3, 2, NULL, NULL);
    past_change(p, -1, 1, 3, NULL, NULL);
    thin_ask(p, 2, NULL, ATE_TAMPERED, "does not lie below the top");
}

enum { AT_ONCE = 60 };

static struct past *tower(unsigned height)
{
    struct ate__auth everyone = auth_write(ATE__RULE_EVERYONE);
    struct past *p = past_new(&everyone);
    for (unsigned i = 0; i < height;) {
        struct draft d;
        past_begin(p, &d);
        for (unsigned n = 0; n < AT_ONCE && i < height; n++, i++)
            draft_body(&d, &(struct draft_body){.id = id_of(i + 1), .parent = id_of(i)});
        past_commit(p, &d);
    }
    return p;
}

static void test_height(void **state)
{
    (void)state;
    thin_ask(tower(ATE__PARENTS_MAX), ATE__PARENTS_MAX, NULL, 0, NULL);
    thin_ask(tower(ATE__PARENTS_MAX + 1), ATE__PARENTS_MAX + 1, NULL, ATE_TAMPERED,
             "does not lie below the top");

    /* The same when the lower part is known already. */
    struct thin_world w;
    struct ate__object_facts f;
    thin_init(&w, tower(ATE__PARENTS_MAX + 1));
    must(thin_object(&w, ATE__PARENTS_MAX, &f));
    thin_expect(__LINE__, thin_object(&w, ATE__PARENTS_MAX + 1, &f), ATE_TAMPERED, "below the top");
    thin_deinit(&w);
}

static void break_signature(struct past *p, uint64_t sequence)
{
    struct ate__buf record = ATE__BUF_NULL;
    must(ate__buf_append(&record, ate__buf_bytes(&p->record[sequence])));
    record.data[record.size - 100] ^= 1;
    ate__tx_deinit(&p->tx[sequence]);
    ate__buf_deinit(&p->record[sequence]);
    p->size = sequence;
    past_add(p, ate__buf_bytes(&record));
    ate__buf_deinit(&record);
}

static void test_signatures(void **state)
{
    (void)state;
    struct past *p = thin_family();
    past_change(p, BOB, 3, 2, "three", "bob's?");
    break_signature(p, p->size - 1);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "transaction 6");

    p = thin_family(); /* that of another transaction */
    past_change(p, BOB, 3, 2, "three", "x");
    struct ate__buf forged = ATE__BUF_NULL;
    const struct ate__tx *real = &p->tx[2], *tx = &p->tx[6];
    must(ate__buf_append(
        &forged, ate__bytes(tx->encoded.data, tx->encoded.size - tx->signature_section.size)));
    must(ate__buf_append(&forged, real->signature_section));
    ate__tx_deinit(&p->tx[6]);
    ate__buf_deinit(&p->record[6]);
    p->size = 6;
    past_add(p, ate__buf_bytes(&forged));
    ate__buf_deinit(&forged);
    thin_ask(p, 3, NULL, ATE_TAMPERED, "transaction 6");
}

/* A good transaction of another chain of the same owner. */
static void test_other_chain(void **state)
{
    (void)state;
    struct past *p = thin_family();
    struct draft d;
    past_begin(p, &d);
    d.in.chain_id = (struct ate_hash){{9}};
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(2)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "another chain");
}

static void test_time_goes_back(void **state)
{
    (void)state;
    struct past *p = thin_family();
    p->time_us[4] = p->time_us[2] - 1;
    must(ate__tx_leaf(&p->tx[4], ATE__SHA256, 4, p->time_us[4], &p->leaf[4]));
    thin_ask(p, 3, NULL, ATE_TAMPERED, "the root's time went back");
}

static void add_root(struct past *p, int signer, int added, bool added_signs)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[added]->public_key)};
    struct draft d;
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    past_sign(p, &d, signer);
    if (added_signs)
        past_sign(p, &d, added);
    past_commit_plain(p, &d);
    ate__buf_deinit(&item);
}

static void test_roots(void **state)
{
    (void)state;
    struct past *p = past_new(NULL);
    add_root(p, ROOT, ALICE, true);
    add_root(p, ALICE, BOB, true);
    past_create(p, BOB, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, 0, NULL);

    struct draft d;
    p = past_new(NULL); /* whose key came before for another reason */
    past_begin(p, &d);
    draft_item(&d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&p->key[ALICE]->public_key));
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    add_root(p, ROOT, ALICE, true);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, 0, NULL);

    p = past_new(NULL); /* by somebody who is none */
    add_root(p, EVE, ALICE, true);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_BAD_PEER, NULL); /* eve's key is nowhere */

    p = past_new(NULL);
    past_create(p, EVE, 6, 0, NULL, NULL); /* brings her key */
    add_root(p, EVE, ALICE, true);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "changes the root keys");

    p = past_new(NULL); /* the key that is added did not sign */
    add_root(p, ROOT, ALICE, false);
    past_create(p, ALICE, 7, 0, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "a root key that does not sign it");

    p = past_new(NULL); /* used before it is added; its key comes with the ROOT event alone */
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7)});
    past_sign(p, &d, ALICE);
    past_commit_plain(p, &d);
    add_root(p, ROOT, ALICE, true);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 1 created it");
}

/* ---- what cannot be judged is not refused ---- */

static void test_moves(void **state)
{
    (void)state;
    struct past *p = thin_family(); /* 2 went from below 1 to below 4, where bob may nothing */
    past_change(p, ALICE, 2, 4, "two", NULL);
    thin_ask(p, 3, NULL, 0, NULL);

    p = thin_family(); /* but what comes later is judged by where it lies now */
    past_change(p, ALICE, 2, 4, "two", NULL);
    past_create(p, BOB, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 7 created it");

    p = thin_family(); /* and so are rules below what moved */
    past_rule(p, BOB, 2, ALICE, ALICE);
    past_change(p, ALICE, 2, 4, "two", NULL);
    past_create(p, BOB, 7, 2, NULL, NULL);
    thin_ask(p, 7, NULL, ATE_TAMPERED, "transaction 8 created it");
}

/* Coming from elsewhere asks for append where it goes; what replaces without moving, for write. */
static void test_append(void **state)
{
    (void)state;
    for (int may = 0; may < 2; may++) {
        struct past *p = thin_family();
        struct draft d;
        past_begin(p, &d);
        struct ate__auth auth = past_writers(p, &d, ALICE, ALICE);
        struct ate_hash prints[1] = {past_print(p, may ? BOB : EVE)};
        auth.rule[ATE__RIGHT_APPEND] = draft_rule(&d, prints, 1);
        draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(0)});
        draft_control(&d, id_of(7), NULL, &auth);
        past_sign(p, &d, ALICE);
        past_commit(p, &d);
        past_change(p, BOB, 3, 7, "three", NULL);
        thin_ask(p, 3, NULL, may ? 0 : ATE_TAMPERED, NULL);
    }
}

/* Everybody's signature together does not change what an archive keeps; the root key alone, which
 * has no other right there, holds it. */
static void test_archives(void **state)
{
    (void)state;
    struct draft d;
    struct past *p = past_archive(0);
    thin_ask(p, 2, NULL, 0, NULL);

    p = past_archive(0);
    past_change(p, ALICE, 2, 1, "two", "another");
    thin_ask(p, 2, NULL, ATE_TAMPERED, "transaction 3 changed it, and in an archive nothing is");

    for (int who = ROOT; who <= ALICE; who++) { /* held, and released again */
        p = past_archive(0);
        past_hold(p, &d, 1, ALICE, true);
        past_sign(p, &d, who);
        past_commit_plain(p, &d);
        thin_ask(p, 2, NULL, who == ROOT ? 0 : ATE_TAMPERED, "transaction 3 held it, signed by");
        p = past_archive(0);
        past_hold(p, &d, 1, ALICE, true);
        past_sign(p, &d, ROOT);
        past_commit_plain(p, &d);
        past_hold(p, &d, 1, ALICE, false);
        past_sign(p, &d, who);
        past_commit_plain(p, &d);
        thin_ask(p, 2, NULL, who == ROOT ? 0 : ATE_TAMPERED,
                 "transaction 4 released it, signed by");
    }

    p = past_archive(0); /* the root key holds, and changes the rules on the way */
    past_hold(p, &d, 1, EVE, true);
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    thin_ask(p, 2, NULL, ATE_TAMPERED, "transaction 3 made rules for it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsigned),       cmocka_unit_test(test_without_right),
        cmocka_unit_test(test_rules_in_force), cmocka_unit_test(test_own_rules),
        cmocka_unit_test(test_controls),       cmocka_unit_test(test_control_lines),
        cmocka_unit_test(test_line_anew),      cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_nowhere),        cmocka_unit_test(test_height),
        cmocka_unit_test(test_signatures),     cmocka_unit_test(test_other_chain),
        cmocka_unit_test(test_time_goes_back), cmocka_unit_test(test_roots),
        cmocka_unit_test(test_moves),          cmocka_unit_test(test_append),
        cmocka_unit_test(test_archives),
    };
    return cmocka_run_group_tests(tests, NULL, past_end);
}
