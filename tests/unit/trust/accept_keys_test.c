/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Check 5 for keys: PUBLIC_KEY, ROOT, REVOKE, and the readers of scopes.
 */
#include "world.h"
#include <time.h>

static struct world w;
static struct ate__key *a, *b; /* keys that the chain does not hold */

static int begin(void **state)
{
    (void)state;
    struct ate__auth open = auth_write(rule_everyone);
    world_init(&w, 1, &open);
    a = world_key(&w, 2);
    b = world_key(&w, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ate__key_free(a);
    ate__key_free(b);
    world_deinit(&w);
    return 0;
}

static void draft_key(struct draft *d, const struct ate__key *key)
{
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
}

static struct ate__rule rule_keys(const struct ate__key *first, const struct ate__key *second)
{
    struct ate_hash keys[] = {first->fingerprint, second ? second->fingerprint : who(0)};
    return rule_of(&w, keys, second ? 2 : 1);
}

static struct ate__root_change add(const struct ate__key *key)
{
    return (struct ate__root_change){ATE__ROOT_ADD, ate__buf_bytes(&key->public_key)};
}

/* ---- PUBLIC_KEY ---- */

static void a_key_is_brought_for_somebody(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_key(d, a);
    expect(&w, d, ATE_DENIED, "no signature, AUTH or RECIPIENTS");
    d = draft_new(&w); /* a signature */
    draft_key(d, a);
    draft_sign(d, a->fingerprint);
    expect(&w, d, 0, NULL);
    for (int right = 0; right < ATE__RIGHTS; right++) { /* a rule, or the readers */
        struct control c = {.id = id_of(1), .epoch_id = right == ATE__RIGHT_READ};
        c.auth.rule[right] = rule_keys(a, NULL);
        d = draft_new(&w);
        draft_key(d, a);
        draft_create(d, id_of(1), ate__top_id);
        draft_control(d, &c);
        struct ate__conf_item conf = {.data_key_id = hash_of(1)};
        if (right == ATE__RIGHT_READ) {
            draft_free(d);
            d = draft_new(&w);
            draft_key(d, a);
            draft_body(d, &(struct body){.id = id_of(1), .conf = &conf});
            draft_control(d, &c);
        }
        expect(&w, d, 0, NULL);
    }
    d = draft_new(&w); /* one for somebody, one for nobody */
    draft_key(d, a);
    draft_key(d, b);
    draft_sign(d, a->fingerprint);
    expect(&w, d, ATE_DENIED, "no signature, AUTH or RECIPIENTS");
    d = draft_new(&w); /* one that the chain holds changes nothing */
    draft_key(d, w.root);
    expect(&w, d, 0, NULL);
    d = draft_new(&w); /* twice */
    draft_key(d, a);
    draft_key(d, a);
    draft_sign(d, a->fingerprint);
    expect(&w, d, 0, NULL);
    struct ate__root_change office = add(a); /* for an office, which needs no PUBLIC_KEY */
    d = draft_new(&w);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &office, 1);
    draft_key(d, a);
    draft_sign(d, w.root->fingerprint);
    expect(&w, d, ATE_DENIED, "no signature, AUTH or RECIPIENTS");
}

/* Weaker ones, and those of an algorithm that the genesis does not list, in each way in which a key
 * comes into a chain. */
static void a_key_is_one_that_the_chain_allows(void **state)
{
    (void)state;
    static const struct {
        unsigned signature, kem;
        int expected;
        const char *sentence;
    } of[] = {
        {ATE__SIG_MLDSA65_ED25519, ATE__KEM_XWING, 0, NULL},
        {ATE__SIG_MLDSA65_ED25519, ATE__KEM_MLKEM1024_P384, 0, NULL},
        {ATE__SIG_MLDSA44_ED25519, ATE__KEM_XWING, ATE_DENIED, "strength 128; this chain asks"},
        {ATE__SIG_ED25519, ATE__KEM_XWING, ATE_DENIED, "strength 128; this chain asks"},
        {ATE__SIG_MLDSA65, ATE__KEM_XWING, ATE_DENIED, "mldsa65, which this chain does not"},
        {ATE__SIG_MLDSA87_ED448, ATE__KEM_MLKEM1024_P384, ATE_DENIED, "does not allow"},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(of); i++) {
        const struct ate__key_form form = {ate__algorithm(of[i].signature),
                                           ate__algorithm(of[i].kem)};
        const struct ate__key32 seed = {{9}};
        struct ate__key *key;
        assert_int_equal(ate__key_make(&form, &seed, "", &key), 0);
        for (unsigned way = 0; way < 3; way++) {
            struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&key->public_key)};
            struct draft *d = draft_new(&w);
            if (way == 0)
                draft_key(d, key);
            else if (way == 1)
                draft_root(d, &add, 1);
            else
                draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &add, 1);
            draft_sign(d, w.root->fingerprint);
            draft_sign(d, key->fingerprint);
            expect(&w, d, of[i].expected, of[i].sentence);
        }
        ate__key_free(key);
    }
}

/* An epoch is sealed to by a KEM as strong as the chain: here one that asks for more. */
static void an_epoch_is_as_strong_as_the_chain(void **state)
{
    (void)state;
    struct ate__genesis *g = (struct ate__genesis *)(uintptr_t)ate__trust_genesis(w.t);
    struct control c = {.id = id_of(1), .epoch_id = 1};
    struct ate__conf_item conf = {.data_key_id = hash_of(1)};
    c.auth.rule[ATE__RIGHT_READ] = rule_keys(w.root, NULL);
    for (unsigned strong = 0; strong < 2; strong++) {
        struct draft *d = draft_new(&w);
        g->strength_min = strong ? 256 : 192;
        draft_body(d, &(struct body){.id = id_of(1), .conf = &conf});
        draft_control(d, &c);
        expect(&w, d, strong ? ATE_DENIED : 0, strong ? "its epoch is sealed to by x-wing" : NULL);
    }
    g->strength_min = 192;
}

static void a_key_is_one(void **state)
{
    (void)state;
    uint8_t bytes[ATE__PUBLIC_KEY_MAX];
    size_t size = a->public_key.size;
    assert_true(size <= sizeof bytes);
    memcpy(bytes, a->public_key.data, size);
    bytes[0] = 0x77; /* algorithm */
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__bytes(bytes, size));
    expect(&w, d, ATE_UNSUPPORTED, "public key ");
    d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__bytes(a->public_key.data, size - 1));
    expect(&w, d, ATE_MALFORMED, "public key ");
}

/* ---- readers ---- */

static void readers_are_keys_of_the_chain(void **state)
{
    (void)state;
    struct ate__conf_item conf = {.data_key_id = hash_of(1)};
    for (unsigned brought = 0; brought < 4; brought++) {
        struct control c = {.id = id_of(1), .epoch_id = 1};
        c.auth.rule[ATE__RIGHT_READ] = rule_keys(a, b);
        struct draft *d = draft_new(&w);
        draft_body(d, &(struct body){.id = id_of(1), .conf = &conf});
        draft_control(d, &c);
        if (brought & 1)
            draft_key(d, a);
        if (brought & 2)
            draft_key(d, b);
        expect(&w, d, brought == 3 ? 0 : ATE_DENIED, "whose public key the chain does not hold");
    }
    struct control c = {.id = id_of(1), .epoch_id = 1};
    c.auth.rule[ATE__RIGHT_READ] = rule_keys(w.root, NULL);
    struct draft *d = draft_new(&w);
    draft_body(d, &(struct body){.id = id_of(1), .conf = &conf});
    draft_control(d, &c);
    expect(&w, d, 0, NULL);
}

/* Other rules may name any fingerprint, also of a key that comes later. */
static void rules_name_any_fingerprint(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_create(d, id_of(1), ate__top_id);
    draft_control(d, &(struct control){.id = id_of(1), .auth = auth_write(rule_who(&w, 5))});
    expect(&w, d, 0, NULL);
}

/* ---- ROOT ---- */

static struct ate__root_change removal(const struct ate__key *key)
{
    return (struct ate__root_change){ATE__ROOT_REMOVE,
                                     ate__bytes(&key->fingerprint, sizeof key->fingerprint)};
}

static void roots_are_added_by_a_root_and_themselves(void **state)
{
    (void)state;
    struct ate__root_change change = add(a);
    for (unsigned signers = 0; signers < 8; signers++) {
        struct draft *d = draft_new(&w);
        draft_root(d, &change, 1);
        if (signers & 1)
            draft_sign(d, w.root->fingerprint);
        if (signers & 2)
            draft_sign(d, a->fingerprint);
        if (signers & 4)
            draft_sign(d, b->fingerprint);
        const char *sentence = signers & 1 ? "is added and does not sign" : "no root key signs";
        expect(&w, d, (signers & 3) == 3 ? 0 : ATE_DENIED, sentence);
    }
}

static void roots_change_from_the_next_sequence_on(void **state)
{
    (void)state;
    struct world n;
    world_init(&n, 2, NULL);
    struct ate__root_change change = add(a);
    struct draft *d = draft_new(&n); /* the new key does not count in its own transaction */
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    draft_sign(d, a->fingerprint);
    commit(&n, d);
    d = draft_new(&n);
    draft_create(d, id_of(1), ate__top_id);
    draft_sign(d, a->fingerprint);
    expect(&n, d, 0, NULL);

    change = add(a);
    d = draft_new(&n);
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    draft_sign(d, a->fingerprint);
    expect(&n, d, ATE_CONFLICT, "is a root key already");
    change = removal(b);
    d = draft_new(&n);
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    expect(&n, d, ATE_CONFLICT, "is no root key");

    struct ate__root_change both[] = {removal(a), removal(n.root)};
    if (memcmp(both[0].key.data, both[1].key.data, 32) > 0) {
        struct ate__root_change swap = both[0];
        both[0] = both[1];
        both[1] = swap;
    }
    d = draft_new(&n);
    draft_root(d, both, 2);
    draft_sign(d, n.root->fingerprint);
    expect(&n, d, ATE_DENIED, "no root key would be left");

    change = removal(n.root); /* by the other */
    d = draft_new(&n);
    draft_root(d, &change, 1);
    draft_sign(d, a->fingerprint);
    commit(&n, d);
    d = draft_new(&n);
    draft_create(d, id_of(1), ate__top_id);
    draft_sign(d, n.root->fingerprint);
    expect(&n, d, ATE_DENIED, "is held by the root keys");
    d = draft_new(&n);
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    expect(&n, d, ATE_DENIED, "no root key signs");
    world_deinit(&n);
}

/* As many as there may be, and one more. */
static void so_many_root_keys(void **state)
{
    (void)state;
    enum { TOGETHER = 9 };
    struct world n;
    world_init(&n, 6, NULL);
    for (unsigned count = 1; count <= ATE__ROOT_KEYS_MAX; count += TOGETHER) {
        struct draft *d = draft_new(&n);
        struct ate__key *keys[TOGETHER];
        struct ate__root_change changes[TOGETHER];
        draft_sign(d, n.root->fingerprint);
        for (unsigned i = 0; i < TOGETHER; i++) {
            struct ate__key *key = world_key(&n, 1000 + count + i);
            unsigned at = i; /* in ascending order */
            for (; at && memcmp(key->public_key.data, keys[at - 1]->public_key.data,
                                key->public_key.size) < 0;
                 at--)
                keys[at] = keys[at - 1];
            keys[at] = key;
        }
        for (unsigned i = 0; i < TOGETHER; i++) {
            changes[i] = add(keys[i]);
            draft_sign(d, keys[i]->fingerprint);
        }
        draft_root(d, changes, TOGETHER);
        if (count + TOGETHER > ATE__ROOT_KEYS_MAX)
            expect(&n, d, ATE_TOO_BIG, "73 root keys; 64 are the most");
        else
            commit(&n, d);
        for (unsigned i = 0; i < TOGETHER; i++)
            ate__key_free(keys[i]);
    }
    assert_int_equal(ate__trust_root_keys(n.t, NULL, 0), ATE__ROOT_KEYS_MAX);
    world_deinit(&n);
}

static void a_root_key_is_a_key(void **state)
{
    (void)state;
    uint8_t bytes[64] = {0x77}; /* an unknown algorithm, 58 bytes */
    struct ate__root_change change = {ATE__ROOT_ADD, ate__bytes(bytes, sizeof bytes)};
    struct ate_hash fingerprint;
    bytes[2] = 58;
    assert_int_equal(ate__fingerprint(change.key, &fingerprint), 0);
    struct draft *d = draft_new(&w);
    draft_root(d, &change, 1);
    draft_sign(d, w.root->fingerprint);
    draft_sign(d, fingerprint);
    expect(&w, d, ATE_UNSUPPORTED, "public key ");
}

/* ---- REVOKE ---- */

static void who_may_revoke(void **state)
{
    (void)state;
    for (unsigned signers = 0; signers < 8; signers++) {
        struct draft *d = draft_new(&w);
        draft_item(d, ATE__TAG_REVOKE, ate__bytes(&a->fingerprint, sizeof a->fingerprint));
        if (signers & 1)
            draft_sign(d, w.root->fingerprint);
        if (signers & 2)
            draft_sign(d, a->fingerprint);
        if (signers & 4)
            draft_sign(d, b->fingerprint);
        expect(&w, d, signers & 3 ? 0 : ATE_DENIED, "neither a root key nor the key itself");
    }
}

static void a_revocation_holds_from_the_next_sequence_on(void **state)
{
    (void)state;
    struct world n;
    world_init(&n, 3, NULL);
    struct ate__root_change change = add(a);
    struct draft *d = draft_new(&n);
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    draft_sign(d, a->fingerprint);
    commit(&n, d);
    d = draft_new(&n); /* what goes with it is still signed by it */
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&a->fingerprint, sizeof a->fingerprint));
    draft_create(d, id_of(1), ate__top_id);
    draft_sign(d, a->fingerprint);
    commit(&n, d);
    d = draft_new(&n);
    draft_create(d, id_of(2), ate__top_id);
    draft_sign(d, a->fingerprint);
    expect(&n, d, ATE_DENIED, "which was revoked");
    d = draft_new(&n); /* it is no root key any more, and cannot become one */
    draft_root(d, &change, 1);
    draft_sign(d, n.root->fingerprint);
    draft_sign(d, a->fingerprint);
    expect(&n, d, ATE_DENIED, "which was revoked");
    d = draft_new(&n); /* a second revocation does no harm */
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&a->fingerprint, sizeof a->fingerprint));
    draft_sign(d, n.root->fingerprint);
    expect(&n, d, 0, NULL);
    world_deinit(&n);
}

/* ---- what it costs ---- */

static clock_t clocks_of_copies(unsigned copies, bool is_signed)
{
    struct draft *d = draft_new(&w);
    struct ate__verdict v;
    for (unsigned i = 0; i < copies; i++)
        draft_key(d, a);
    if (is_signed)
        draft_sign(d, a->fingerprint);
    const struct ate__tx *tx = draft_tx(d);
    clock_t start = clock();
    assert_int_equal(ate__accept(w.t, &w.m.facts, tx, w.m.size, w.m.now_us, &v),
                     is_signed ? 0 : ATE_DENIED);
    clock_t taken = clock() - start;
    draft_free(d);
    return taken;
}

/* To look into a key costs ten times what it costs to hash it. */
static void a_key_is_looked_into_once(void **state)
{
    (void)state;
    enum { COPIES = 1500 };
    clock_t one = clocks_of_copies(1, true) + clocks_of_copies(1, true);
    for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
        clock_t many = clocks_of_copies(COPIES, is_signed);
        if (many > COPIES / 4 * one)
            fail_msg("%d copies %ld, two alone %ld", COPIES, (long)many, (long)one);
    }
}

/* ---- keys alone ---- */

static void expect_purpose(struct world *n, struct draft *take_d, int result)
{
    const struct ate__tx *tx = draft_tx(take_d);
    assert_int_equal(ate__accept_purpose(n->t, &n->m.facts, tx), result);
    if (result)
        assert_non_null(strstr(ate__error_text(), "it brings nothing but keys: "));
    draft_free(take_d);
}

static struct draft *draft_by(struct world *n, const struct ate__key *one, bool root)
{
    struct draft *d = draft_new(n);
    if (one)
        draft_sign(d, one->fingerprint);
    if (root)
        draft_sign(d, n->root->fingerprint);
    return d;
}

static void draft_end(struct draft *d, const struct ate__key *key)
{
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&key->fingerprint, sizeof key->fingerprint));
}

/* Whoever reaches a server has keys to show, and there is no end of them. */
static void keys_alone_need_append_at_the_top(void **state)
{
    (void)state;
    struct world n;
    struct draft *d;
    world_init(&n, 4, NULL);
    for (unsigned by_root = 0; by_root < 2; by_root++) {
        int result = by_root ? 0 : ATE_DENIED;
        d = draft_by(&n, NULL, by_root); /* one that the chain holds */
        draft_key(d, n.root);
        expect_purpose(&n, d, result);
        d = draft_by(&n, a, by_root); /* the signer's own */
        draft_key(d, a);
        expect_purpose(&n, d, result);
        d = draft_by(&n, a, by_root); /* the end of what never was */
        draft_key(d, a);
        draft_end(d, a);
        expect_purpose(&n, d, result);
    }
    d = draft_by(&n, NULL, true); /* ended by a root key */
    draft_end(d, a);
    expect_purpose(&n, d, 0);
    d = draft_by(&n, a, false); /* with what it is for, which the other checks judge */
    draft_key(d, a);
    draft_create(d, id_of(2), ate__top_id);
    expect_purpose(&n, d, 0);
    struct ate_hash key = a->fingerprint;
    plant(&n, id_of(1), ate__top_id);
    rule(&n, id_of(1), auth_write(rule_of(&n, &key, 1)));
    d = draft_by(&n, a, false);
    draft_key(d, a);
    draft_create(d, id_of(2), id_of(1));
    commit(&n, d);
    d = draft_by(&n, a, false); /* it is held now, and may end, once */
    draft_end(d, a);
    expect_purpose(&n, d, 0);
    world_deinit(&n);
}

/* ---- transaction 0 ---- */

static void every_root_key_signs_the_genesis(void **state)
{
    (void)state;
    struct world n = {.number = 0};
    struct ate__key *keys[2] = {a, b};
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__verdict v;
    simenv_init(&n.sim, 4, NULL);
    model_init(&n.m);
    world_genesis(keys, 2, WORLD_WINDOW, &body);
    struct draft *d = draft_new(&n);
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &d->chain_id), 0);
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    assert_int_equal(ate__trust_new(&n.sim.env, draft_tx_signed(d, NULL, keys, 2), &n.t), 0);
    for (unsigned signers = 0; signers < 4; signers++) {
        d->signer_count = 0;
        if (signers & 1)
            draft_sign(d, a->fingerprint);
        if (signers & 2)
            draft_sign(d, b->fingerprint);
        assert_int_equal(ate__accept(n.t, &n.m.facts, draft_tx(d), 0, n.m.now_us, &v),
                         signers == 3 ? 0 : ATE_DENIED);
    }
    draft_free(d);
    ate__buf_deinit(&body);
    ate__trust_free(n.t);
    model_deinit(&n.m);
    simenv_deinit(&n.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_brought_for_somebody),
        cmocka_unit_test(a_key_is_one_that_the_chain_allows),
        cmocka_unit_test(an_epoch_is_as_strong_as_the_chain),
        cmocka_unit_test(a_key_is_one),
        cmocka_unit_test(readers_are_keys_of_the_chain),
        cmocka_unit_test(rules_name_any_fingerprint),
        cmocka_unit_test(roots_are_added_by_a_root_and_themselves),
        cmocka_unit_test(roots_change_from_the_next_sequence_on),
        cmocka_unit_test(so_many_root_keys),
        cmocka_unit_test(a_root_key_is_a_key),
        cmocka_unit_test(who_may_revoke),
        cmocka_unit_test(a_revocation_holds_from_the_next_sequence_on),
        cmocka_unit_test(keys_alone_need_append_at_the_top),
        cmocka_unit_test(a_key_is_looked_into_once),
        cmocka_unit_test(every_root_key_signs_the_genesis),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
