/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin.c: what a lying server answers to a thin client: true histories shown otherwise, and
 * histories that it let anything into.
 */
#include "attack.h"
#include "base/alloc.h"

/* The client believes object `id` at the rogue. */
static int load(struct rogue *r, unsigned id)
{
    struct ate_chain *c = NULL;
    struct ate_txn *txn = NULL;
    struct ate_object o;
    int rc = rogue_open(r, NULL, &c);
    if (!rc)
        rc = ate_txn_begin(c, NULL, 0, &txn);
    if (!rc)
        rc = ate_load_raw(txn, id_of(id), 0, &o);
    ate_txn_end(txn);
    ate_chain_close(c);
    return rc;
}

static void show(struct past *take_p, void (*answer)(struct past_answer *a), unsigned id,
                 int documented)
{
    struct rogue *r = rogue_new(take_p);
    r->answer = answer;
    attack_tried("shown to a thin client", load(r, id), documented);
    rogue_free(r);
}

/* ---- shown otherwise ---- */

static struct past_show *shown_record(struct past_answer *a, uint64_t sequence)
{
    struct past_show *s = past_shown(a, sequence);
    attack_must(ate__buf_append(&s->forged, ate__buf_bytes(&a->past->record[sequence])));
    return s;
}

static void alter(struct past_answer *a)
{
    struct past_show *s = shown_record(a, 2);
    uint8_t *at = memmem(s->forged.data, s->forged.size, "second", 6);
    assert_non_null(at);
    *at ^= 1;
}

/* Nobody signs here: that it lies in the tree is all there is. */
static void altered_payload(void)
{
    show(attack_commons(), alter, 2, ATE_TAMPERED);
}

/* ---- what it let in ---- */

static void thin_unsigned(void)
{
    struct past *p = attack_family();
    past_change(p, -1, 2, 1, "two", "nobody's");
    show(p, NULL, 2, ATE_TAMPERED);
}

static void thin_without_right(void)
{
    struct past *p = attack_family();
    past_create(p, EVE, 7, 1, NULL, "eve's");
    show(p, NULL, 7, ATE_TAMPERED);
}

static void thin_rule_without_right(void)
{
    struct past *p = attack_family();
    past_rule(p, EVE, 2, EVE, EVE);
    show(p, NULL, 2, ATE_TAMPERED);
}

static void thin_other_chain(void)
{
    struct past *p = attack_family();
    struct draft d;
    past_begin(p, &d);
    d.in.chain_id.b[0] ^= 1;
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, ALICE);
    past_commit(p, &d);
    show(p, NULL, 7, ATE_TAMPERED);
}

static void thin_forged_author(void)
{
    struct past *p = attack_family();
    struct draft d;
    struct ate__key liar = *p->key[EVE];
    liar.fingerprint = past_print(p, ALICE);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    d.signer[d.signer_count++] = &liar;
    past_commit_plain(p, &d);
    show(p, NULL, 7, ATE_TAMPERED);
}

static void show_whole_5(struct past_answer *a)
{
    memset(past_shown(a, 5)->keep, 1, a->past->tx[5].event_count);
}

static void thin_root_by_outsider(void)
{
    struct ate__buf item = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&item);
    struct past *p = attack_family();
    struct draft d;
    struct ate__root_change change = {ATE__ROOT_ADD, ate__buf_bytes(&p->key[EVE]->public_key)};
    ate__header_keys(&w, ATE__TAG_ROOT, &change, 1);
    attack_must(ate__header_end(&w));
    past_begin(p, &d);
    draft_event(&d, ATE__BARE, ate__buf_bytes(&item), (struct ate_bytes){0});
    past_sign(p, &d, EVE);
    past_commit_plain(p, &d);
    ate__buf_deinit(&item);
    past_create(p, EVE, 7, 0, NULL, "eve's"); /* where the root keys alone may */
    show(p, show_whole_5, 7, ATE_TAMPERED);
}

static void hide_6(struct past_answer *a)
{
    past_shown(a, 6)->hidden = true;
}

/* Eve might write below 1, for one transaction. */
static void rule_left_out(void)
{
    struct past *p = attack_family();
    past_rule(p, ALICE, 1, ALICE, EVE); /* 5 */
    past_rule(p, ALICE, 1, ALICE, ALICE);
    past_create(p, EVE, 7, 1, NULL, "eve's, too late");
    past_rule(p, ALICE, 1, ALICE, BOB);
    show(p, hide_6, 7, ATE_TAMPERED);
}

static void thin_archive_changed(void)
{
    struct past *p = past_archive(0);
    past_change(p, ALICE, 2, 1, "two", "another");
    show(p, NULL, 2, ATE_TAMPERED);
}

static void thin_released_by_another(void)
{
    struct past *p = past_archive(0);
    struct draft d;
    past_hold(p, &d, 1, ALICE, true);
    past_sign(p, &d, ROOT);
    past_commit_plain(p, &d);
    past_hold(p, &d, 1, ALICE, false);
    past_sign(p, &d, ALICE);
    past_commit_plain(p, &d);
    show(p, NULL, 2, ATE_TAMPERED);
}

const struct attack attacks_thin[] = {
    {"altered-payload", altered_payload},
    {"thin-unsigned", thin_unsigned},
    {"thin-without-right", thin_without_right},
    {"thin-rule-without-right", thin_rule_without_right},
    {"thin-other-chain", thin_other_chain},
    {"thin-forged-author", thin_forged_author},
    {"thin-root-by-outsider", thin_root_by_outsider},
    {"rule-left-out", rule_left_out},
    {"thin-archive-changed", thin_archive_changed},
    {"thin-released-by-another", thin_released_by_another},
    {NULL, NULL},
};
