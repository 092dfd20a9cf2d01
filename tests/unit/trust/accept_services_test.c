/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The keys of services and the certificates: who may name log keys and compactor keys, which keys
 * these may be, and who certifies which history.
 */
#include "world.h"
#include "crypto/log_key.h"

static struct world w;
static struct ate__key *keys[3];
static struct ate__log_key *logs[2];
static struct ate__buf log_list, compactor_list;

static int begin(void **state)
{
    (void)state;
    struct ate_bytes key;
    for (unsigned i = 0; i < ATE__COUNT_OF(keys); i++)
        keys[i] = world_key(NULL, 10 + i);
    for (unsigned i = 0; i < ATE__COUNT_OF(logs); i++) {
        struct ate__key32 seed = {{(uint8_t)(90 + i)}};
        assert_int_equal(ate__log_key_of_seed(&seed, &logs[i]), 0);
    }
    key = ate__log_key_public(logs[0]);
    assert_int_equal(ate__genesis_key_list(&key, 1, &log_list), 0);
    key = ate__buf_bytes(&keys[0]->public_key);
    assert_int_equal(ate__genesis_key_list(&key, 1, &compactor_list), 0);
    struct terms terms = {.log_keys = ate__buf_bytes(&log_list),
                          .compactor_keys = ate__buf_bytes(&compactor_list)};
    struct ate__auth open = auth_of(rule_inherit, rule_inherit, rule_everyone, rule_inherit);
    world_init_of(&w, 1, &open, &terms);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_deinit(&w);
    for (unsigned i = 0; i < ATE__COUNT_OF(keys); i++)
        ate__key_free(keys[i]);
    for (unsigned i = 0; i < ATE__COUNT_OF(logs); i++)
        ate__log_key_free(logs[i]);
    ate__buf_deinit(&log_list);
    ate__buf_deinit(&compactor_list);
    return 0;
}

static struct ate_hash fingerprint_of(struct ate_bytes key)
{
    struct ate_hash fingerprint;
    assert_int_equal(ate__fingerprint(key, &fingerprint), 0);
    return fingerprint;
}

static struct draft *signed_by(struct ate_hash fingerprint)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, fingerprint);
    return d;
}

static struct ate__root_change add(struct ate_bytes key)
{
    return (struct ate__root_change){ATE__ROOT_ADD, key};
}
static struct ate__root_change drop(const struct ate_hash *fingerprint)
{
    return (struct ate__root_change){ATE__ROOT_REMOVE, ate__bytes(fingerprint, 32)};
}

/* ---- the genesis ---- */

static void the_genesis_names_keys(void **state)
{
    (void)state;
    struct ate_hash log = fingerprint_of(ate__log_key_public(logs[0])), found;
    assert_int_equal(ate__trust_office(w.t, ATE__LOG_KEY, &found, 1), 1);
    assert_true(ate__hash_equal(&found, &log));
    assert_int_equal(ate__trust_office(w.t, ATE__COMPACTOR_KEY, &found, 1), 1);
    assert_true(ate__hash_equal(&found, &keys[0]->fingerprint));
    struct ate__buf bytes = ATE__BUF_NULL;
    assert_int_equal(ate__trust_public_key(w.t, &log, &bytes), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&bytes), ate__log_key_public(logs[0])));
    ate__buf_deinit(&bytes);
    assert_false(ate__trust_is_root(w.t, &keys[0]->fingerprint));
    assert_false(ate__trust_was_root(w.t, &keys[0]->fingerprint));
}

static int new_trust(const struct terms *terms)
{
    struct draft *d = draft_new(&w);
    struct ate__buf body = ATE__BUF_NULL;
    struct ate__trust *t = NULL;
    world_genesis_of(&w.root, 1, WORLD_WINDOW, terms, &body);
    assert_int_equal(ate__chain_id(ATE__SHA256, ate__buf_bytes(&body), &d->chain_id), 0);
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    int rc = ate__trust_new(&w.sim.env, draft_tx_signed(d, NULL, &w.root, 1), &t);
    ate__trust_free(t);
    ate__buf_deinit(&body);
    draft_free(d);
    return rc;
}

static void a_genesis_names_no_other_keys(void **state)
{
    (void)state;
    assert_int_equal(new_trust(NULL), 0);
    assert_int_equal(new_trust(&(struct terms){.log_keys = ate__buf_bytes(&compactor_list)}),
                     ATE_MALFORMED);
    assert_int_equal(new_trust(&(struct terms){.compactor_keys = ate__buf_bytes(&log_list)}),
                     ATE_MALFORMED); /* a log key is two that sign, and no public key */
}

/* ---- CHAIN ---- */

static void a_root_key_names_and_removes_them(void **state)
{
    (void)state;
    struct ate_hash log = fingerprint_of(ate__log_key_public(logs[1])), one = keys[0]->fingerprint;
    struct ate__root_change both[] = {add(ate__log_key_public(logs[1]))};
    struct ate__root_change change[] = {add(ate__buf_bytes(&keys[1]->public_key)), drop(&one)};
    struct draft *d = signed_by(w.root->fingerprint);
    struct ate__buf header = ATE__BUF_NULL;
    struct ate__header_wr wr = ate__header_wr_of(&header);
    ate__header_keys(&wr, ATE__TAG_LOG_KEYS, both, 1);
    ate__header_keys(&wr, ATE__TAG_COMPACTOR_KEYS, change, 2);
    assert_int_equal(ate__header_end(&wr), 0);
    draft_event(d, ATE__BARE, &header, ate__bytes(NULL, 0));
    uint64_t sequence = commit(&w, d);
    assert_true(ate__trust_has_office(w.t, ATE__LOG_KEY, &log));
    assert_false(ate__trust_has_office(w.t, ATE__COMPACTOR_KEY, &one));
    assert_true(ate__trust_has_office(w.t, ATE__COMPACTOR_KEY, &keys[1]->fingerprint));
    assert_true(ate__trust_has_key(w.t, &keys[1]->fingerprint));
    ate__trust_rollback(w.t, sequence);
    assert_false(ate__trust_has_office(w.t, ATE__LOG_KEY, &log));
    assert_false(ate__trust_has_key(w.t, &log));
    assert_true(ate__trust_has_office(w.t, ATE__COMPACTOR_KEY, &one));
    assert_false(ate__trust_has_office(w.t, ATE__COMPACTOR_KEY, &keys[1]->fingerprint));
}

static void nobody_else_names_them(void **state)
{
    (void)state;
    static const enum ate__tag tags[] = {ATE__TAG_LOG_KEYS, ATE__TAG_COMPACTOR_KEYS};
    const struct ate__root_change changes[] = {add(ate__log_key_public(logs[1])),
                                               add(ate__buf_bytes(&keys[1]->public_key))};
    for (size_t i = 0; i < ATE__COUNT_OF(tags); i++) {
        struct draft *d = signed_by(keys[0]->fingerprint); /* a compactor key */
        draft_keys(d, tags[i], &changes[i], 1);
        expect(&w, d, ATE_DENIED, "no root key signs");
        d = signed_by(w.root->fingerprint); /* the other kind of key */
        draft_keys(d, tags[i], &changes[1 - i], 1);
        expect(&w, d, ATE_MALFORMED, "public key");
    }
}

static void a_change_changes_something(void **state)
{
    (void)state;
    struct ate_hash none = hash_of(1);
    struct ate__root_change again = add(ate__buf_bytes(&keys[0]->public_key)), gone = drop(&none);
    struct draft *d = signed_by(w.root->fingerprint);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &again, 1);
    expect(&w, d, ATE_CONFLICT, "is one already");
    d = signed_by(w.root->fingerprint);
    draft_keys(d, ATE__TAG_LOG_KEYS, &gone, 1);
    expect(&w, d, ATE_CONFLICT, "is none");
    d = signed_by(w.root->fingerprint);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &again, 1);
    draft_keys(d, ATE__TAG_LOG_KEYS, &gone, 1);
    expect(&w, d, ATE_MALFORMED, "two CHAIN events");
}

static void a_revoked_key_has_no_office(void **state)
{
    (void)state;
    struct ate_hash one = keys[0]->fingerprint;
    struct draft *d = signed_by(w.root->fingerprint);
    draft_item(d, ATE__TAG_REVOKE, ate__bytes(&one, sizeof one));
    commit(&w, d);
    assert_false(ate__trust_has_office(w.t, ATE__COMPACTOR_KEY, &one));
    struct ate__root_change again = add(ate__buf_bytes(&keys[0]->public_key));
    d = signed_by(w.root->fingerprint);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &again, 1);
    expect(&w, d, ATE_DENIED, "was revoked");
}

static void transaction_0_names_them_in_the_genesis(void **state)
{
    (void)state;
    struct model empty;
    struct ate__verdict v;
    struct ate__buf body = ATE__BUF_NULL;
    struct terms terms = {.log_keys = ate__buf_bytes(&log_list),
                          .compactor_keys = ate__buf_bytes(&compactor_list)};
    struct ate__root_change change = add(ate__buf_bytes(&keys[1]->public_key));
    model_init(&empty);
    struct draft *d = signed_by(w.root->fingerprint);
    world_genesis_of(&w.root, 1, WORLD_WINDOW, &terms, &body);
    draft_item(d, ATE__TAG_GENESIS, ate__buf_bytes(&body));
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &change, 1);
    d->base_size = 0;
    d->base_root = model_root(0);
    assert_int_equal(ate__accept(w.t, &empty.facts, draft_tx(d), 0, 0, &v), ATE_MALFORMED);
    draft_free(d);
    model_deinit(&empty);
    ate__buf_deinit(&body);
}

/* ---- SNAPSHOT ---- */

static struct draft *snapshot_by(struct ate_hash fingerprint, uint64_t size, struct ate_hash root)
{
    struct draft *d = signed_by(fingerprint);
    draft_snapshot(d, &(struct ate__snapshot_item){size, root, hash_of(3)});
    return d;
}

static void root_and_compactor_keys_certify(void **state)
{
    (void)state;
    plant(&w, id_of(1), ate__top_id);
    commit(&w, snapshot_by(w.root->fingerprint, w.m.size, model_root(w.m.size)));
    commit(&w, snapshot_by(keys[0]->fingerprint, 1, model_root(1)));
    expect(&w, snapshot_by(keys[1]->fingerprint, 1, model_root(1)), ATE_DENIED,
           "neither a root key nor a compactor key");
    struct draft *d = draft_new(&w);
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), hash_of(3)});
    expect(&w, d, ATE_DENIED, "neither a root key nor a compactor key");
    d = snapshot_by(w.root->fingerprint, 1, model_root(1));
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), hash_of(3)});
    expect(&w, d, ATE_MALFORMED, "two SNAPSHOT");
}

static void they_certify_this_history(void **state)
{
    (void)state;
    plant(&w, id_of(1), ate__top_id);
    expect(&w, snapshot_by(w.root->fingerprint, 1, model_root(2)), ATE_FORKED, "another history");
    expect(&w, snapshot_by(w.root->fingerprint, w.m.size + 1, model_root(w.m.size)), ATE_MALFORMED,
           "on a base of");
    struct draft *d = snapshot_by(w.root->fingerprint, w.m.size, model_root(w.m.size));
    d->base_size = 1; /* what it certifies must lie in what it is built on */
    d->base_root = model_root(1);
    expect(&w, d, ATE_MALFORMED, "on a base of");
}

/* With real signatures: a compactor key that the genesis names is held from the beginning, one that
 * a CHAIN event names from there on; a log key signs no transaction. */
static void signatures_hold(void **state)
{
    (void)state;
    struct draft *d = draft_new(&w);
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), hash_of(3)});
    assert_int_equal(ate__trust_verify(w.t, draft_tx_signed(d, NULL, &keys[0], 1)), 0);
    assert_int_equal(ate__trust_verify(w.t, draft_tx_signed(d, NULL, &keys[1], 1)), ATE_DENIED);
    draft_free(d);
    struct ate__root_change change = add(ate__buf_bytes(&keys[1]->public_key));
    d = signed_by(w.root->fingerprint);
    draft_keys(d, ATE__TAG_COMPACTOR_KEYS, &change, 1);
    commit(&w, d);
    d = draft_new(&w);
    draft_snapshot(d, &(struct ate__snapshot_item){1, model_root(1), hash_of(3)});
    assert_int_equal(ate__trust_verify(w.t, draft_tx_signed(d, NULL, &keys[1], 1)), 0);
    draft_free(d);
    d = signed_by(fingerprint_of(ate__log_key_public(logs[0])));
    draft_create(d, id_of(1), ate__top_id);
    assert_int_equal(ate__trust_verify(w.t, draft_tx(d)), ATE_MALFORMED);
    draft_free(d);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_genesis_names_keys),
        TEST(a_genesis_names_no_other_keys),
        TEST(a_root_key_names_and_removes_them),
        TEST(nobody_else_names_them),
        TEST(a_change_changes_something),
        TEST(a_revoked_key_has_no_office),
        TEST(transaction_0_names_them_in_the_genesis),
        TEST(root_and_compactor_keys_certify),
        TEST(they_certify_this_history),
        TEST(signatures_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
