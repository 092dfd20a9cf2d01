/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * history.c: transactions that break a rule: who may, what follows on what.
 */
#include "attack.h"
#include "base/alloc.h"

/* Eve's object 6 is changed, or what she wants in its place. */
static void begin(struct past **ret_p, struct draft *ret_draft)
{
    *ret_p = attack_family();
    past_begin(*ret_p, ret_draft);
}

static void end(struct past *p, struct draft *d, int documented)
{
    past_commit_plain(p, d);
    attack_with_history(p, documented);
}

/* Object 2 with another payload, below `parent`. */
static void change_2(struct past *p, struct draft *d, unsigned parent)
{
    struct ate_hash prev = past_body_hash(p, id_of(2));
    draft_body(d, &(struct draft_body){.id = id_of(2),
                                       .parent = id_of(parent),
                                       .prev = &prev,
                                       .payload = ate__text_bytes("eve was here")});
}

/* ---- rights ---- */

static void unsigned_write(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    change_2(p, &d, 1);
    end(p, &d, ATE_DENIED);
}

static void write_without_right(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    change_2(p, &d, 1);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void re_parenting(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    change_2(p, &d, 5);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

/* Alice's subtree, with all that she has below it, to a place where eve may do what she likes. */
static void subtree_torn_off(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate_hash prev = past_body_hash(p, id_of(1));
    draft_body(&d, &(struct draft_body){.id = id_of(1), .parent = id_of(5), .prev = &prev});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void self_granted(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate__auth mine = past_writers(p, &d, EVE, EVE);
    draft_control(&d, id_of(2), NULL, &mine);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void name_squatted(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1), .name = "payroll"});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void name_taken(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1), .name = "two"});
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_CONFLICT);
}

static void deletion_from_outside(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_tombstone(&d, id_of(2), past_body_hash(p, id_of(2)), true);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

/* Object 3 below alice's 1, which nobody may change. */
static void begin_nobodys(struct past **ret_p, struct draft *ret_draft)
{
    struct draft d;
    begin(ret_p, &d);
    struct ate__auth nobody = auth_write(ATE__RULE_NOBODY);
    draft_body(&d, &(struct draft_body){.id = id_of(3), .parent = id_of(1)});
    draft_control(&d, id_of(3), NULL, &nobody);
    past_sign(*ret_p, &d, ALICE);
    past_commit_plain(*ret_p, &d);
    past_begin(*ret_p, ret_draft);
}

/* By one who may write what lies above it. */
static void nobodys_changed(void)
{
    struct past *p;
    struct draft d;
    begin_nobodys(&p, &d);
    struct ate_hash prev = past_body_hash(p, id_of(3));
    draft_body(&d, &(struct draft_body){.id = id_of(3),
                                        .parent = id_of(1),
                                        .prev = &prev,
                                        .payload = ate__text_bytes("changed after all")});
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_DENIED);
}

/* Whoever may write above it may delete it: that of nobody keeps nobody else from being asked. */
static void nobodys_deleted(void)
{
    struct past *p;
    struct draft d;
    begin_nobodys(&p, &d);
    draft_tombstone(&d, id_of(3), past_body_hash(p, id_of(3)), false);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void deletion_above_nobodys(void)
{
    struct past *p;
    struct draft d;
    begin_nobodys(&p, &d);
    draft_tombstone(&d, id_of(1), past_body_hash(p, id_of(1)), true);
    past_sign(p, &d, EVE);
    end(p, &d, ATE_DENIED);
}

static void hole_in_the_tree(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_tombstone(&d, id_of(1), past_body_hash(p, id_of(1)), false);
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_CONFLICT);
}

/* Out of everybody's reach, and a trap for whoever walks up. */
static void ring(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate_hash prev = past_body_hash(p, id_of(1));
    draft_body(
        &d, &(struct draft_body){.id = id_of(1), .parent = id_of(2), .prev = &prev, .name = "one"});
    past_sign(p, &d, ROOT);
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_CONFLICT);
}

/* ---- what follows on what ---- */

static void lost_update(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    struct ate_hash first = p->tx[2].events[0].hash; /* which was replaced since */
    draft_body(&d, &(struct draft_body){.id = id_of(2), .parent = id_of(1), .prev = &first});
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_CONFLICT);
}

static void deleted_id_again(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_tombstone(&d, id_of(2), past_body_hash(p, id_of(2)), false);
    past_sign(p, &d, ALICE);
    past_commit_plain(p, &d);
    past_begin(p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(2), .parent = id_of(1)});
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_CONFLICT);
}

/* Ids are made by who creates; eve makes hers that of alice's. */
static void id_taken(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    draft_body(&d, &(struct draft_body){.id = id_of(2), .parent = id_of(5)});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_CONFLICT);
}

static void broken_precondition(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d); /* what a holder of a lock does who is too late */
    draft_require(&d, ATE__IS_CURRENT, id_of(2), &p->tx[2].events[0].hash);
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(5)});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_CONFLICT);
}

/* The very transaction that made the first version of object 2. */
static void old_version_replayed(void)
{
    struct past *p = attack_family();
    past_add(p, ate__buf_bytes(&p->record[2]));
    uint64_t good = p->size - 1;
    struct past *before = past_copy(p);
    ate__tx_deinit(&before->tx[good]);
    ate__buf_deinit(&before->record[good]);
    before->size = good;
    attack_tried("offered to a server", attack_offer(before, ate__buf_bytes(&p->record[good])),
                 ATE_EXISTS);
    past_free(before);
    attack_with_stored(p, ATE_CONFLICT);
}

static void origin_used_twice(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    d.in.id.number = p->tx[2].id.number;
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(5)});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_MALFORMED);
}

/* The writer was shown another history than this one. */
static void fork_spliced(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    d.in.base_size = p->size;
    d.in.base_root = (struct ate_hash){{1}};
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(5)});
    past_sign(p, &d, EVE);
    end(p, &d, ATE_FORKED);
}

static void other_chain_replayed(void)
{
    struct past *p;
    struct draft d;
    begin(&p, &d);
    d.in.chain_id.b[0] ^= 1;
    draft_body(&d, &(struct draft_body){.id = id_of(7), .parent = id_of(1)});
    past_sign(p, &d, ALICE);
    end(p, &d, ATE_WRONG_CHAIN);
}

static void kept_back_too_long(void)
{
    struct past *p = attack_commons();
    while (p->size <= 100) /* its window is 100 */
        past_create(p, -1, 100 + (unsigned)p->size, 0, NULL, NULL);
    past_create(p, -1, 7, 0, NULL, "from long ago");
    attack_with_history(p, ATE_STALE);
}

/* ---- forms ---- */

/* A transaction with an item of a later version, which may be ignored; where its number stands. */
static uint8_t *with_new_item(struct past *p, struct draft *d)
{
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr w = ate__header_wr_of(&header);
    struct ate_id id = id_of(7), parent = id_of(0);
    past_begin(p, d);
    ate__header_item(&w, ATE__TAG_OBJECT, ate__bytes(&id, sizeof id));
    ate__header_parent(&w, &parent, 0);
    ate__header_item(&w, 0x8abc, ate__bytes("x", 1));
    attack_must(ate__header_end(&w));
    draft_event(d, ATE__BARE, ate__buf_bytes(&header), (struct ate_bytes){0});
    ate__buf_deinit(&header);
    struct ate_bytes tx = draft_encode(d);
    return memmem(tx.data, tx.size, "\xbc\x8a\1x", 4);
}

static void unknown_critical_item(void)
{
    struct past *p = attack_commons();
    struct draft d;
    uint8_t *tag = with_new_item(p, &d);
    tag[1] = 0x3a; /* which may not be ignored */
    attack_tried("offered to a server", attack_offer(p, ate__buf_bytes(&d.encoded)),
                 ATE_UNSUPPORTED);
    draft_deinit(&d);
    past_free(p);
}

static void version_of_the_transaction(void)
{
    struct past *p = attack_commons();
    struct draft d;
    (void)with_new_item(p, &d);
    d.encoded.data[0]++;
    attack_tried("offered to a server", attack_offer(p, ate__buf_bytes(&d.encoded)),
                 ATE_UNSUPPORTED);
    draft_deinit(&d);
    past_free(p);
}

const struct attack attacks_history[] = {
    {"unsigned-write", unsigned_write},
    {"write-without-right", write_without_right},
    {"re-parenting", re_parenting},
    {"subtree-torn-off", subtree_torn_off},
    {"self-granted", self_granted},
    {"name-squatted", name_squatted},
    {"name-taken", name_taken},
    {"deletion-from-outside", deletion_from_outside},
    {"nobodys-changed", nobodys_changed},
    {"nobodys-deleted", nobodys_deleted},
    {"deletion-above-nobodys", deletion_above_nobodys},
    {"hole-in-the-tree", hole_in_the_tree},
    {"ring", ring},
    {"lost-update", lost_update},
    {"deleted-id-again", deleted_id_again},
    {"id-taken", id_taken},
    {"broken-precondition", broken_precondition},
    {"old-version-replayed", old_version_replayed},
    {"origin-used-twice", origin_used_twice},
    {"fork-spliced", fork_spliced},
    {"other-chain-replayed", other_chain_replayed},
    {"kept-back-too-long", kept_back_too_long},
    {"unknown-critical-item", unknown_critical_item},
    {"version-of-the-transaction", version_of_the_transaction},
    {NULL, NULL},
};
