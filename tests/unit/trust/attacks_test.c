/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Attacks that acceptance has to refuse, each by somebody with rights of his own somewhere else, as
 * a server would meet them: whole transactions, truly signed.
 *
 * Alice writes what lies below 1, mallory what lies below 2; 11 is below 1, 12 below 11, 21 below
 * 2. Nobody but the root key writes elsewhere. Each test names what it attacks; where that check is
 * taken out, the test fails.
 */
#include "scopes.h"

static struct world w;
static struct ate__key *alice, *mallory;

/* Judged and verified, and taken in if nothing is wrong with it. */
static int offer_tx(const struct ate__tx *tx)
{
    struct ate__verdict v;
    int rc = ate__accept(w.t, &w.m.facts, tx, w.m.size, w.m.now_us, &v);
    if (!rc)
        rc = ate__trust_verify(w.t, tx);
    if (!rc) {
        assert_int_equal(ate__trust_apply(w.t, tx, w.m.size), 0);
        model_take(&w.m, tx, w.m.size);
    }
    return rc;
}

static int offer(struct draft *take_d, struct ate__key *signer)
{
    int rc = offer_tx(draft_tx_signed(take_d, NULL, &signer, signer ? 1 : 0));
    draft_free(take_d);
    return rc;
}

static void draft_change(struct draft *d, unsigned id, struct ate_id parent, const char *payload)
{
    struct ate_hash now = body_of(&w, id_of(id));
    draft_body(d,
               &(struct body){.id = id_of(id), .parent = parent, .prev = &now, .payload = payload});
}

static struct ate__rule rule_key(const struct ate__key *key)
{
    return rule_of(&w, &key->fingerprint, 1);
}

static int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    alice = world_key(&w, 2);
    mallory = world_key(&w, 3);
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&alice->public_key));
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&mallory->public_key));
    draft_create(d, id_of(1), ate__top_id);
    draft_control(d, &(struct control){.id = id_of(1), .auth = auth_write(rule_key(alice))});
    draft_create(d, id_of(2), ate__top_id);
    draft_control(d, &(struct control){.id = id_of(2), .auth = auth_write(rule_key(mallory))});
    draft_create(d, id_of(11), id_of(1));
    draft_create(d, id_of(12), id_of(11));
    draft_create(d, id_of(21), id_of(2));
    assert_int_equal(offer(d, w.root), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__key_free(alice);
    ate__key_free(mallory);
    world_deinit(&w);
    return 0;
}

/* What the keys may do is what the tests below start from. */
static void everybody_writes_his_own(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_change(d, 12, id_of(11), "hers");
    assert_int_equal(offer(d, alice), 0);
    d = draft_new(&w);
    draft_change(d, 21, id_of(2), "his");
    assert_int_equal(offer(d, mallory), 0);
}

static void unsigned_in_a_signed_chain(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_change(d, 12, id_of(11), "by nobody");
    assert_int_equal(offer(d, NULL), ATE_DENIED);
    d = draft_new(&w);
    draft_create(d, id_of(30), id_of(1));
    assert_int_equal(offer(d, NULL), ATE_DENIED);
    d = draft_new(&w);
    draft_tombstone(d, id_of(12), body_of(&w, id_of(12)), false);
    assert_int_equal(offer(d, NULL), ATE_DENIED);
}

/* An inheriting object, written under a parent that the attacker owns. */
static void re_parenting(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_change(d, 12, id_of(2), "stolen");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* over an object of the same transaction */
    draft_create(d, id_of(30), id_of(2));
    draft_control(d, &(struct control){.id = id_of(30), .auth = auth_write(rule_everyone)});
    draft_change(d, 12, id_of(30), "stolen");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* the parent first */
    draft_change(d, 11, id_of(2), "stolen");
    draft_change(d, 12, id_of(11), "stolen");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* to the top, where no parent is */
    draft_change(d, 12, ate__top_id, "stolen");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
}

/* Rights that a transaction gives itself. */
static void self_granted(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_control(d, &(struct control){.id = id_of(12), .auth = auth_write(rule_key(mallory))});
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w);
    draft_control(d, &(struct control){.id = id_of(12), .auth = auth_write(rule_key(mallory))});
    draft_change(d, 12, id_of(11), "mine now");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w);
    draft_control(d, &(struct control){.auth = auth_write(rule_key(mallory))});
    draft_create(d, id_of(30), ate__top_id);
    assert_int_equal(offer(d, mallory), ATE_DENIED);
}

static void a_name_squatted(void **state)
{
    (void)state;
    struct ate__verdict v;
    struct draft *d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(30), .parent = id_of(1), .tag = "payroll"});
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* by moving what is his */
    struct ate_hash now = body_of(&w, id_of(21));
    draft_body(d,
               &(struct body){.id = id_of(21), .parent = id_of(1), .prev = &now, .tag = "payroll"});
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* through a child that another adds, he gets the second tag */
    draft_body(d, &(struct body){.id = id_of(31), .parent = id_of(1), .tag = "payroll"});
    assert_int_equal(offer(d, alice), 0);
    d = draft_new(&w);
    draft_body(
        d, &(struct body){.id = id_of(32), .parent = id_of(1), .tag = "other", .tag2 = "payroll"});
    assert_int_equal(
        ate__accept(w.t, &w.m.facts, draft_tx_signed(d, NULL, &alice, 1), w.m.size, w.m.now_us, &v),
        ATE_CONFLICT);
    draft_free(d);
}

/* ---- signatures ---- */

/* Alice's signature over her transaction, put onto another one of mallory's making. */
static void a_signature_replayed(void **state)
{
    (void)state;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__signature s;
    struct draft *hers = draft_new(&w), *his = draft_new(&w);
    draft_change(hers, 12, id_of(11), "hers again");
    struct ate_hash hash = draft_encode(hers);
    assert_int_equal(ate__trust_sign(NULL, alice, ATE__SHA256, &hash, &bytes, &s), 0);
    draft_change(his, 12, id_of(11), "his");
    (void)draft_encode(his);
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &his->encoded), 0);
    assert_int_equal(offer_tx(draft_decode(his)), ATE_TAMPERED);
    /* Also once hers was verified and is remembered, by him or as one of a batch with hers. */
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &hers->encoded), 0);
    assert_int_equal(offer_tx(draft_decode(hers)), 0);
    draft_free(his);
    his = draft_new(&w);
    draft_change(his, 12, id_of(11), "his");
    (void)draft_encode(his);
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &his->encoded), 0);
    assert_int_equal(offer_tx(draft_decode(his)), ATE_TAMPERED);
    struct ate_hash leaf;
    assert_int_equal(ate__leaf_hash(ate__bytes(&hash, sizeof hash), &leaf), 0);
    for (uint32_t index = 0; index < 2; index++) {
        s.batch_size = 2;
        s.batch_index = index;
        s.path_count = 1;
        s.path = leaf.b;
        (void)draft_encode(his);
        assert_int_equal(ate__tx_encode_signatures(&s, 1, &his->encoded), 0);
        assert_int_equal(offer_tx(draft_decode(his)), ATE_TAMPERED);
    }
    draft_free(hers);
    draft_free(his);
    ate__buf_deinit(&bytes);
}

/* A claim without the key behind it: rights are given on the claim, the signature takes them. */
static void a_claimed_fingerprint(void **state)
{
    (void)state;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__signature s;
    struct draft *d = draft_new(&w);
    draft_change(d, 12, id_of(11), "as alice");
    struct ate_hash hash = draft_encode(d);
    assert_int_equal(ate__trust_sign(NULL, mallory, ATE__SHA256, &hash, &bytes, &s), 0);
    s.fingerprint = alice->fingerprint;
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &d->encoded), 0);
    assert_int_equal(offer_tx(draft_decode(d)), ATE_TAMPERED);
    ate__buf_deinit(&bytes);
    draft_free(d);
}

/* ---- replays ---- */

/* Another chain of the same owner, with the same objects in it. */
static void a_transaction_of_the_owners_other_chain(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(40), ate__top_id);
    d->chain_id.b[7] ^= 1;
    draft_tx_signed(d, NULL, &w.root, 1);
    assert_int_equal(offer_tx(&d->tx), ATE_WRONG_CHAIN);
    /* With the chain id put right the signature does not hold any more. */
    struct ate__signature s = d->tx.signatures[0];
    struct ate__buf bytes = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&bytes, s.bytes), 0);
    s.bytes = ate__buf_bytes(&bytes);
    d->chain_id = *ate__trust_chain_id(w.t);
    (void)draft_encode(d);
    assert_int_equal(ate__tx_encode_signatures(&s, 1, &d->encoded), 0);
    assert_int_equal(offer_tx(draft_decode(d)), ATE_TAMPERED);
    ate__buf_deinit(&bytes);
    draft_free(d);
}

/* Old transactions, offered again as they were: versions, deletions, creations; at once, after
 * later changes, and after the window. (That the same transaction is met again is seen by its
 * identity before that; here it is not.) */
static void old_transactions_replayed(void **state)
{
    (void)state;
    struct draft *create = draft_new(&w), *change, *deletion;
    draft_create(create, id_of(50), id_of(1));
    assert_int_equal(offer_tx(draft_tx_signed(create, NULL, &alice, 1)), 0);
    change = draft_new(&w);
    draft_change(change, 50, id_of(1), "second");
    assert_int_equal(offer_tx(draft_tx_signed(change, NULL, &alice, 1)), 0);
    assert_int_equal(offer_tx(&create->tx), ATE_CONFLICT);
    assert_int_equal(offer_tx(&change->tx), ATE_CONFLICT);
    struct draft *third = draft_new(&w);
    draft_change(third, 50, id_of(1), "third");
    assert_int_equal(offer(third, alice), 0);
    assert_int_equal(offer_tx(&change->tx), ATE_CONFLICT);
    deletion = draft_new(&w);
    draft_tombstone(deletion, id_of(50), body_of(&w, id_of(50)), false);
    assert_int_equal(offer_tx(draft_tx_signed(deletion, NULL, &alice, 1)), 0);
    for (unsigned i = 0; i <= WORLD_WINDOW + 2; i++) {
        int created = offer_tx(&create->tx), changed = offer_tx(&change->tx);
        assert_true(created == ATE_CONFLICT || created == ATE_STALE);
        assert_true(changed == ATE_CONFLICT || changed == ATE_STALE);
        assert_int_equal(offer_tx(&deletion->tx) == 0, 0);
        struct draft *d = draft_new(&w);
        draft_create(d, id_of(300 + i), id_of(2));
        assert_int_equal(offer(d, mallory), 0);
    }
    assert_int_equal(offer_tx(&create->tx), ATE_STALE);
    draft_free(create);
    draft_free(change);
    draft_free(deletion);
}

/* ---- keys ---- */

static void root_keys_by_an_outsider(void **state)
{
    (void)state;
    struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&mallory->public_key)};
    struct ate__root_change remove = {ATE__ROOT_REMOVE,
                                      ate__bytes(&w.root->fingerprint, sizeof(struct ate_hash))};
    struct draft *d = draft_new(&w);
    draft_root(d, &add, 1);
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w);
    draft_root(d, &remove, 1);
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    /* A root key alone cannot make somebody a root who does not want to be. */
    add.key = ate__buf_bytes(&alice->public_key);
    d = draft_new(&w);
    draft_root(d, &add, 1);
    assert_int_equal(offer(d, w.root), ATE_DENIED);
    d = draft_new(&w);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&alice->fingerprint, sizeof(struct ate_hash)));
    assert_int_equal(offer(d, mallory), ATE_DENIED);
}

static void written_after_a_revocation(void **state)
{
    (void)state;
    struct draft *ready = draft_new(&w), *d = draft_new(&w); /* signed before, offered after */
    draft_change(ready, 21, id_of(2), "kept back");
    draft_tx_signed(ready, NULL, &mallory, 1);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&mallory->fingerprint, sizeof(struct ate_hash)));
    uint64_t before = w.m.size;
    assert_int_equal(offer(d, w.root), 0);
    assert_int_equal(offer_tx(&ready->tx), ATE_DENIED);
    d = draft_new(&w);
    draft_change(d, 21, id_of(2), "afterwards");
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    draft_free(ready);
    ate__trust_rollback(w.t, before); /* for the tests that follow */
    w.m.size = before;
    d = draft_new(&w);
    draft_change(d, 21, id_of(2), "again");
    assert_int_equal(offer(d, mallory), 0);
}

/* ---- private scopes ---- */

/* Alice reads, then does not; what she still writes under the key she has is refused. */
static void written_under_the_old_epoch(void **state)
{
    (void)state;
    struct ate_hash both[] = {w.root->fingerprint, alice->fingerprint};
    struct ate__conf_item old_conf = {.epoch = 0, .data_key_id = hash_of(1)};
    struct control c = {.id = id_of(60), .epoch_id = 1};
    c.auth = auth_of(rule_of(&w, both, 2), rule_key(alice), rule_inherit,
                     rule_of(&w, &w.root->fingerprint, 1));
    struct draft *d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(60), .conf = &old_conf});
    draft_control(d, &c);
    assert_int_equal(offer(d, w.root), 0);
    d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(61), .parent = id_of(60), .conf = &old_conf});
    assert_int_equal(offer(d, alice), 0);

    struct ate_hash prev = control_of(&w, id_of(60))->hash;
    c.prev = &prev;
    c.epoch = 1;
    c.epoch_id = 2;
    c.auth.rule[ATE__RIGHT_READ] = rule_of(&w, &w.root->fingerprint, 1);
    d = draft_new(&w);
    draft_control(d, &c);
    assert_int_equal(offer(d, w.root), 0);
    d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(62), .parent = id_of(60), .conf = &old_conf});
    assert_int_equal(offer(d, alice), ATE_STALE_KEY);
    d = draft_new(&w); /* or in clear, so that all the world may read it */
    draft_create(d, id_of(62), id_of(60));
    assert_int_equal(offer(d, alice), ATE_STALE_KEY);
    d = draft_new(&w); /* nor may she turn the epoch herself */
    prev = control_of(&w, id_of(60))->hash;
    c.epoch = 2;
    c.epoch_id = 3;
    c.auth.rule[ATE__RIGHT_READ] = rule_of(&w, &alice->fingerprint, 1);
    draft_control(d, &c);
    assert_int_equal(offer(d, alice), ATE_DENIED);
    d = draft_new(&w); /* nor go back to the first one */
    prev = control_of(&w, id_of(60))->hash;
    c.epoch = 0;
    c.epoch_id = 1;
    draft_control(d, &c);
    assert_int_equal(offer(d, w.root), ATE_MALFORMED);
}

/* ---- trees ---- */

static void a_subtree_torn_off(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w); /* deleting from outside */
    draft_tombstone(d, id_of(11), body_of(&w, id_of(11)), true);
    assert_int_equal(offer(d, mallory), ATE_DENIED);
    d = draft_new(&w); /* a hole in the middle */
    draft_tombstone(d, id_of(11), body_of(&w, id_of(11)), false);
    assert_int_equal(offer(d, alice), ATE_CONFLICT);
    d = draft_new(&w); /* below itself, out of everybody's reach */
    draft_change(d, 11, id_of(12), "loop");
    assert_int_equal(offer(d, alice), ATE_CONFLICT);
    d = draft_new(&w); /* the same by two who hold one object each */
    draft_create(d, id_of(70), id_of(71));
    draft_create(d, id_of(71), id_of(70));
    assert_int_equal(offer(d, alice), ATE_CONFLICT);
}

/* A base that the server does not have: history that the writer was shown elsewhere. */
static void a_fork_spliced(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_change(d, 12, id_of(11), "on a fork");
    d->base_root = model_root(9999);
    assert_int_equal(offer(d, alice), ATE_FORKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_writes_his_own),
        cmocka_unit_test(unsigned_in_a_signed_chain),
        cmocka_unit_test(re_parenting),
        cmocka_unit_test(self_granted),
        cmocka_unit_test(a_name_squatted),
        cmocka_unit_test(a_signature_replayed),
        cmocka_unit_test(a_claimed_fingerprint),
        cmocka_unit_test(a_transaction_of_the_owners_other_chain),
        cmocka_unit_test(old_transactions_replayed),
        cmocka_unit_test(root_keys_by_an_outsider),
        cmocka_unit_test(written_after_a_revocation),
        cmocka_unit_test(written_under_the_old_epoch),
        cmocka_unit_test(a_subtree_torn_off),
        cmocka_unit_test(a_fork_spliced),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
