/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a history says about trust as a whole: geneses, good and bad; taking transactions in and
 * back.
 */
#include "world.h"

/* ---- genesis ---- */

struct genesis {
    struct simenv sim;
    struct ate__key *keys[3];
    struct draft *d;
};

static void genesis_init(struct genesis *g, uint32_t roots)
{
    struct world none = {.number = 0};
    struct ate__buf body = ATE__BUF_NULL;
    simenv_init(&g->sim, 3, NULL);
    for (unsigned i = 0; i < 3; i++)
        g->keys[i] = world_key(NULL, i + 1);
    model_init(&none.m);
    g->d = draft_new(&none);
    model_deinit(&none.m);
    world_genesis(g->keys, roots, WORLD_WINDOW, &body);
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &g->d->chain_id), 0);
    draft_item(g->d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    ate__buf_deinit(&body);
}

static void genesis_deinit(struct genesis *g)
{
    draft_free(g->d);
    for (unsigned i = 0; i < 3; i++)
        ate__key_free(g->keys[i]);
    simenv_deinit(&g->sim);
}

static void expect_new(struct genesis *g, uint32_t signers, int result, const char *sentence)
{
    struct ate__trust *t = NULL;
    int rc = ate__trust_new(&g->sim.env, draft_tx_signed(g->d, NULL, g->keys, signers), &t);
    if (rc != result || (rc && !strstr(ate__error_text(), sentence)))
        fail_msg("%s: %s", ate__result_name(rc), ate__error_text());
    ate__trust_free(t);
}

static void a_genesis_is_signed_by_all_its_roots(void **state)
{
    (void)state;
    struct genesis g;
    char text[ATE__HASH_TEXT];
    genesis_init(&g, 2);
    expect_new(&g, 2, 0, NULL);
    expect_new(&g, 1, ATE_TAMPERED, ate__hash_text(&g.keys[1]->fingerprint, text));
    expect_new(&g, 0, ATE_TAMPERED, "not signed by the root key");
    expect_new(&g, 3, ATE_DENIED, "the transaction does not bring it"); /* a stranger signs too */
    draft_tx_signed(g.d, NULL, g.keys, 2);
    struct ate__trust *t;
    ((uint8_t *)(uintptr_t)g.d->tx.signatures[1].bytes.data)[9] ^= 1;
    assert_int_equal(ate__trust_new(&g.sim.env, &g.d->tx, &t), ATE_TAMPERED);
    genesis_deinit(&g);
}

static void a_genesis_makes_its_chain(void **state)
{
    (void)state;
    struct genesis g;
    struct ate__trust *t;
    genesis_init(&g, 1);
    struct ate_hash id = g.d->chain_id;
    assert_int_equal(ate__trust_new(&g.sim.env, draft_tx_signed(g.d, NULL, g.keys, 1), &t), 0);
    assert_true(ate__hash_equal(ate__trust_chain_id(t), &id));
    assert_int_equal(ate__trust_alg(t), ATE__SHA256);
    assert_int_equal(ate__trust_genesis(t)->window, WORLD_WINDOW);
    assert_true(
        ate__bytes_equal(ate__trust_genesis(t)->name, ate__text_bytes("/example.com/trust")));
    assert_true(ate__trust_is_root(t, &g.keys[0]->fingerprint));
    assert_true(ate__trust_has_key(t, &g.keys[0]->fingerprint));
    ate__trust_free(t);
    g.d->chain_id.b[0] ^= 1;
    expect_new(&g, 1, ATE_MALFORMED, "names another chain");
    genesis_deinit(&g);
}

static void what_is_no_genesis(void **state)
{
    (void)state;
    struct genesis g;
    genesis_init(&g, 1);
    draft_free(g.d);
    struct world none = {.number = 0};
    model_init(&none.m);
    g.d = draft_new(&none);
    model_deinit(&none.m);
    draft_create(g.d, id_of(1), ate__top_id);
    expect_new(&g, 1, ATE_MALFORMED, "no event is one");
    genesis_deinit(&g);
}

/* Keys that come with transaction 0 are looked at before they are taken in. */
static void keys_of_a_genesis_are_keys(void **state)
{
    (void)state;
    struct genesis g;
    uint8_t bytes[80] = {0x77, 0, 74};
    genesis_init(&g, 1);
    draft_item(g.d, ATE__TAG_PUBLIC_KEY, ate__bytes(bytes, sizeof bytes));
    expect_new(&g, 1, ATE_UNSUPPORTED, "event 1");
    genesis_deinit(&g);
}

/* Its own keys too are as strong as it asks: a chain of 256 bits has no root of 192. */
static void keys_of_a_genesis_are_strong_enough(void **state)
{
    (void)state;
    struct genesis g;
    struct ate__buf body = ATE__BUF_NULL;
    struct world none = {.number = 0};
    genesis_init(&g, 1);
    draft_free(g.d);
    model_init(&none.m);
    g.d = draft_new(&none);
    model_deinit(&none.m);
    world_genesis_of(g.keys, 1, WORLD_WINDOW, &(struct terms){.strength = 256}, &body);
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &g.d->chain_id), 0);
    draft_item(g.d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    expect_new(&g, 1, ATE_DENIED, "strength 192; this chain asks for 256");
    ate__buf_deinit(&body);
    genesis_deinit(&g);

    const struct ate__key_form weak = ate__key_form_of_strength(128);
    const struct ate__key32 seed = {{5}};
    struct ate__key *key;
    assert_int_equal(ate__key_make(&weak, &seed, "", &key), 0);
    genesis_init(&g, 1); /* one that comes along as an event */
    draft_item(g.d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&key->public_key));
    expect_new(&g, 1, ATE_DENIED, "event 1: a key of strength 128");
    ate__key_free(key);
    genesis_deinit(&g);
}

/* Nobody becomes a root key, or anything else, beside it: a thin client judges no more of it. */
static void a_genesis_stands_alone(void **state)
{
    (void)state;
    struct genesis g;
    struct ate_hash stranger = who(5);
    for (unsigned i = 0; i < 2; i++) {
        genesis_init(&g, 1);
        struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&g.keys[1]->public_key)};
        if (i)
            draft_item(g.d, ATE__TAG_REVOKE, ate__bytes(&stranger, sizeof stranger));
        else
            draft_root(g.d, &add, 1);
        expect_new(&g, 1, ATE_MALFORMED, "event 1: transaction 0 names its keys in the genesis");
        expect_new(&g, 2, ATE_MALFORMED, "event 1");
        genesis_deinit(&g);
    }
}

/* ---- history ---- */

static void origins(void **state)
{
    (void)state;
    struct world w;
    struct ate__txn_id id = {{0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f,
                              0x0f, 0x0f, 0x0f, 0x0f, 0x0f},
                             0};
    uint64_t sequence;
    world_init(&w, 1, NULL);
    plant(&w, id_of(1), ate__top_id);
    plant(&w, id_of(2), ate__top_id);
    for (unsigned i = 0; i < 3; i++) { /* number 0 is the genesis' own */
        id.number = i;
        assert_int_equal(ate__trust_origin(w.t, &id, &sequence), 0);
        assert_int_equal(sequence, i);
    }
    id.number = 3;
    assert_int_equal(ate__trust_origin(w.t, &id, &sequence), ATE_NOT_FOUND);
    world_deinit(&w);
}

static void the_genesis_is_taken_in_once(void **state)
{
    (void)state;
    struct genesis g;
    struct ate__trust *t;
    uint64_t sequence;
    genesis_init(&g, 1);
    assert_int_equal(ate__trust_new(&g.sim.env, draft_tx_signed(g.d, NULL, g.keys, 1), &t), 0);
    assert_int_equal(ate__trust_apply(t, &g.d->tx, 0), 0);
    assert_int_equal(ate__trust_origin(t, &g.d->tx.id, &sequence), 0);
    assert_int_equal(sequence, 0);
    ate__trust_rollback(t, 0); /* it stays */
    assert_true(ate__trust_is_root(t, &g.keys[0]->fingerprint));
    assert_int_equal(ate__trust_origin(t, &g.d->tx.id, &sequence), 0);
    ate__trust_free(t);
    genesis_deinit(&g);
}

/* A history of keys, roots and revocations, taken back step by step and taken in again. */
static void all_of_it_is_taken_back(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 2, NULL);
    struct ate__key *a = world_key(&w, 2), *b = world_key(&w, 3);
    struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&a->public_key)};
    struct ate__root_change remove = {ATE__ROOT_REMOVE,
                                      ate__bytes(&w.root->fingerprint, sizeof(struct ate_hash))};
    struct ate_hash stranger = who(5);
    struct draft *d[5];
    for (unsigned i = 0; i < 5; i++) {
        d[i] = draft_new(&w);
        d[i]->id.number = 100 + i;
    }
    draft_item(d[0], ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&b->public_key));
    draft_root(d[1], &add, 1);
    draft_item(d[2], ATE__TAG_REVOKE, ate__bytes(&stranger, sizeof stranger));
    draft_root(d[3], &remove, 1);
    draft_item(d[4], ATE__TAG_REVOKE, ate__bytes(&a->fingerprint, sizeof a->fingerprint));
    for (unsigned back = 0; back < 6; back++) {
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(ate__trust_apply(w.t, draft_tx(d[i]), 1 + i), 0);
        assert_int_equal(ate__trust_root_keys(w.t, NULL, 0), 0);
        assert_true(ate__trust_was_root(w.t, &w.root->fingerprint));
        ate__trust_rollback(w.t, 1 + back); /* transactions 1 to back stay */
        uint64_t sequence;
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(ate__trust_origin(w.t, &d[i]->tx.id, &sequence),
                             i < back ? 0 : ATE_NOT_FOUND);
        assert_int_equal(ate__trust_has_key(w.t, &b->fingerprint), back >= 1);
        assert_int_equal(ate__trust_has_key(w.t, &a->fingerprint), back >= 2);
        assert_int_equal(ate__trust_was_root(w.t, &a->fingerprint), back >= 2);
        assert_int_equal(ate__trust_is_root(w.t, &a->fingerprint), back >= 2 && back < 5);
        assert_int_equal(ate__trust_is_revoked(w.t, &stranger), back >= 3);
        assert_int_equal(ate__trust_is_root(w.t, &w.root->fingerprint), back < 4);
        assert_int_equal(ate__trust_is_revoked(w.t, &a->fingerprint), back >= 5);
        ate__trust_rollback(w.t, 1);
        ate__trust_rollback(w.t, 50); /* nothing is there */
    }
    for (unsigned i = 0; i < 5; i++)
        draft_free(d[i]);
    ate__key_free(a);
    ate__key_free(b);
    world_deinit(&w);
}

static void public_keys_are_given_back_whole(void **state)
{
    (void)state;
    struct world w;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_hash stranger = who(1);
    world_init(&w, 3, NULL);
    assert_int_equal(ate__trust_public_key(w.t, &w.root->fingerprint, &buf), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&buf), ate__buf_bytes(&w.root->public_key)));
    assert_int_equal(ate__trust_public_key(w.t, &stranger, &buf), ATE_NOT_FOUND);
    assert_non_null(strstr(ate__error_text(), "the chain does not hold the key"));
    ate__buf_deinit(&buf);
    world_deinit(&w);
}

static void keys_know_what_brought_them(void **state)
{
    (void)state;
    struct world w;
    struct ate__key *a = world_key(&w, 2);
    uint64_t sequence = 99;
    world_init(&w, 4, NULL);
    plant(&w, id_of(1), ate__top_id);
    assert_int_equal(ate__trust_key_sequence(w.t, &a->fingerprint, &sequence), ATE_NOT_FOUND);
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&a->public_key));
    draft_sign(d, a->fingerprint);
    uint64_t brought = commit(&w, d);
    assert_int_equal(ate__trust_key_sequence(w.t, &a->fingerprint, &sequence), 0);
    assert_int_equal(sequence, brought);
    assert_int_equal(ate__trust_key_sequence(w.t, &w.root->fingerprint, &sequence), 0);
    assert_int_equal(sequence, 0);
    ate__key_free(a);
    world_deinit(&w);
}

/* Of a transaction that was only shown, its keys are known and nothing else. */
static void keys_are_learnt(void **state)
{
    (void)state;
    struct world w;
    struct ate__key *a = world_key(&w, 2), *b = world_key(&w, 3);
    struct ate__root_change add = {ATE__ROOT_ADD, ate__buf_bytes(&b->public_key)};
    uint64_t sequence;
    world_init(&w, 5, NULL);
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&a->public_key));
    draft_root(d, &add, 1);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&a->fingerprint, sizeof a->fingerprint));
    size_t count = 0;
    assert_int_equal(ate__trust_learn(w.t, draft_tx(d), 700, &count, 1), ATE_TOO_BIG);
    assert_int_equal(count, 1);
    /* What is known already does not count. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(ate__trust_learn(w.t, &d->tx, 700, &count, 2), 0);
    assert_int_equal(count, 2);
    assert_true(ate__trust_has_key(w.t, &a->fingerprint));
    assert_true(ate__trust_has_key(w.t, &b->fingerprint));
    assert_false(ate__trust_is_root(w.t, &b->fingerprint));
    assert_false(ate__trust_is_revoked(w.t, &a->fingerprint));
    assert_int_equal(ate__trust_origin(w.t, &d->tx.id, &sequence), ATE_NOT_FOUND);
    draft_free(d);
    ate__key_free(a);
    ate__key_free(b);
    world_deinit(&w);
}

static bool keep_none(void *arg, uint32_t event)
{
    (void)arg;
    (void)event;
    return false;
}

/* What was left out of a transaction brings nothing. */
static void dropped_events_bring_nothing(void **state)
{
    (void)state;
    struct world w;
    struct ate__key *a = world_key(&w, 2);
    struct ate__buf reduced = ATE__BUF_NULL;
    struct ate__tx tx;
    world_init(&w, 6, NULL);
    struct draft *d = draft_new(&w);
    draft_item(d, ATE__TAG_PUBLIC_KEY, ate__buf_bytes(&a->public_key));
    const struct ate__tx *whole = draft_tx_signed(d, NULL, &a, 1);
    assert_int_equal(ate__tx_reduce(whole, keep_none, NULL, 0, &reduced), 0);
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&reduced), ATE__SHA256, &tx), 0);
    assert_int_equal(ate__trust_verify(w.t, &tx), ATE_DENIED);
    assert_int_equal(ate__trust_apply(w.t, &tx, 1), 0);
    assert_false(ate__trust_has_key(w.t, &a->fingerprint));
    ate__tx_deinit(&tx);
    ate__buf_deinit(&reduced);
    draft_free(d);
    ate__key_free(a);
    world_deinit(&w);
}

/* What a compaction left of a history: whole transactions, identities, and gaps. */
static void gaps_and_identities(void **state)
{
    (void)state;
    struct world w;
    uint64_t sequence;
    world_init(&w, 6, NULL);
    struct draft *d = draft_new(&w);
    struct ate__txn_id first = d->id, other = {.number = 77};
    draft_create(d, id_of(1), ate__top_id);
    ate__trust_skip(w.t, 500);
    assert_int_equal(ate__trust_apply(w.t, draft_tx(d), 500), 0);
    assert_int_equal(ate__trust_apply_identity(w.t, &other, 501), 0);
    ate__trust_skip(w.t, 501); /* nothing */
    assert_int_equal(ate__trust_origin(w.t, &first, &sequence), 0);
    assert_true(sequence == 500);
    assert_int_equal(ate__trust_origin(w.t, &other, &sequence), 0);
    assert_true(sequence == 501);
    ate__trust_rollback(w.t, 501);
    assert_int_equal(ate__trust_origin(w.t, &other, &sequence), ATE_NOT_FOUND);
    assert_int_equal(ate__trust_apply_identity(w.t, &other, 501), 0);
    draft_free(d);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_genesis_is_signed_by_all_its_roots),
        cmocka_unit_test(a_genesis_makes_its_chain),
        cmocka_unit_test(what_is_no_genesis),
        cmocka_unit_test(keys_of_a_genesis_are_keys),
        cmocka_unit_test(keys_of_a_genesis_are_strong_enough),
        cmocka_unit_test(a_genesis_stands_alone),
        cmocka_unit_test(origins),
        cmocka_unit_test(the_genesis_is_taken_in_once),
        cmocka_unit_test(all_of_it_is_taken_back),
        cmocka_unit_test(public_keys_are_given_back_whole),
        cmocka_unit_test(keys_know_what_brought_them),
        cmocka_unit_test(keys_are_learnt),
        cmocka_unit_test(dropped_events_bring_nothing),
        cmocka_unit_test(gaps_and_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
