/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The vectors of tests/vectors/event, which tests/vectors/event/reference.py reads as well:
 * results, kinds, hashes; and what was read, written again, is the same.
 */
#include "vectors.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "lib/check.h"
#include "rebuild.h"
#include <stdlib.h>

static const char *const kinds[] = {
    [ATE__EVENT_BODY] = "body",         [ATE__EVENT_CONTROL] = "control",
    [ATE__EVENT_CHAIN] = "chain",       [ATE__EVENT_ROOT] = "root",
    [ATE__EVENT_REVOKE] = "revoke",     [ATE__EVENT_PUBLIC_KEY] = "public-key",
    [ATE__EVENT_SNAPSHOT] = "snapshot", [ATE__EVENT_RESET] = "reset",
    [ATE__EVENT_RESERVED] = "reserved",
};

/* A wrong result must come with its sentence. */
static void assert_result(const struct vector *v, int rc)
{
    if (rc != vector_result(v))
        fail_msg("%s: %s (%s), not %s", vector_text(v, "name"), ate__result_name(rc),
                 ate__error_text(), vector_text(v, "result"));
    if (rc)
        assert_true(strlen(ate__error_text()) > 8);
}

static void headers(void **state)
{
    (void)state;
    struct vectors v = vectors_load("header.txt");
    for (size_t i = 0; i < v.count; i++) {
        struct ate__buf bytes = vector_bytes(vector_text(&v.items[i], "header"));
        struct ate__header header = {0};
        enum ate__event_kind kind = ATE__EVENT_RESERVED;
        int rc = ate__header_decode(ate__buf_bytes(&bytes), &header);
        if (!rc)
            rc = ate__header_kind(&header, &kind);
        assert_result(&v.items[i], rc);
        if (!rc) {
            struct ate__buf again = ATE__BUF_NULL;
            assert_string_equal(kinds[kind], vector_text(&v.items[i], "kind"));
            assert_true(rebuild_header(&header, &again));
            assert_hex(again.data, again.size, vector_text(&v.items[i], "header"));
            ate__buf_deinit(&again);
        }
        ate__buf_deinit(&bytes);
    }
    vectors_deinit(&v);
}

static void private_items(void **state)
{
    (void)state;
    struct vectors v = vectors_load("private_items.txt");
    for (size_t i = 0; i < v.count; i++) {
        struct ate__buf bytes = vector_bytes(vector_text(&v.items[i], "private_items"));
        struct ate__header header;
        assert_result(&v.items[i], ate__private_items_decode(ate__buf_bytes(&bytes), &header));
        ate__buf_deinit(&bytes);
    }
    vectors_deinit(&v);
}

static void geneses(void **state)
{
    (void)state;
    struct vectors v = vectors_load("genesis.txt");
    for (size_t i = 0; i < v.count; i++) {
        struct ate__buf body = vector_bytes(vector_text(&v.items[i], "genesis"));
        struct ate__genesis genesis;
        int rc = ate__genesis_decode(ate__buf_bytes(&body), &genesis);
        assert_result(&v.items[i], rc);
        if (!rc) {
            struct ate_hash chain_id;
            struct ate__buf again = ATE__BUF_NULL;
            assert_int_equal(ate__chain_id((enum ate__hash_alg)genesis.hash_alg,
                                           ate__buf_bytes(&body), &chain_id),
                             0);
            assert_hex(chain_id.b, 32, vector_text(&v.items[i], "chain_id"));
            assert_int_equal(ate__genesis_encode(&genesis, &again), 0);
            assert_hex(again.data, again.size, vector_text(&v.items[i], "genesis"));
            ate__buf_deinit(&again);
        }
        ate__buf_deinit(&body);
    }
    vectors_deinit(&v);
}

static void check_hashes(const struct vector *v, const struct ate__tx *tx, enum ate__hash_alg alg)
{
    assert_hex(tx->hash.b, 32, vector_text(v, "tx_hash"));
    for (uint32_t i = 0; i < tx->event_count; i++) {
        struct ate__event alone;
        assert_hex(tx->events[i].hash.b, 32, vector_nth(v, "event_hash", i));
        assert_int_equal(ate__event_decode(tx->events[i].whole, alg, &alone), 0);
        assert_memory_equal(&alone.hash, &tx->events[i].hash, sizeof alone.hash);
    }
    assert_null(vector_nth(v, "event_hash", tx->event_count));
    uint32_t signatures = tx->attested ? 0 : tx->signature_count;
    for (uint32_t i = 0; i < signatures; i++) {
        struct ate_hash message;
        assert_int_equal(ate__batch_message(alg, &tx->hash, &tx->signatures[i], &message), 0);
        assert_hex(message.b, 32, vector_nth(v, "message", i));
    }
    assert_null(vector_nth(v, "message", signatures));
    char *hex;
    struct ate_hash leaf;
    uint64_t sequence = strtoull(vector_text(v, "leaf"), &hex, 10);
    uint64_t root_time_us = strtoull(hex, &hex, 10);
    assert_int_equal(ate__tx_leaf(tx, alg, sequence, root_time_us, &leaf), 0);
    assert_hex(leaf.b, 32, hex + 1);
}

static void check_transactions(const char *file_name)
{
    struct vectors v = vectors_load(file_name);
    for (size_t i = 0; i < v.count; i++) {
        const struct vector *one = &v.items[i];
        struct ate__buf bytes = vector_bytes(vector_text(one, "transaction"));
        enum ate__hash_alg alg =
            strcmp(vector_text(one, "hash"), "sha256") ? ATE__SHA3_256 : ATE__SHA256;
        struct ate__tx tx;
        int rc = ate__tx_decode(ate__buf_bytes(&bytes), alg, &tx);
        assert_result(one, rc);
        if (!rc) {
            struct ate__buf again = ATE__BUF_NULL;
            struct ate_hash hash;
            check_hashes(one, &tx, alg);
            rebuild_tx(&tx, alg, &again, &hash);
            assert_hex(again.data, again.size, vector_text(one, "transaction"));
            if (!ate__hash_is_zero(&hash))
                assert_memory_equal(&hash, &tx.hash, sizeof hash);
            ate__buf_deinit(&again);
            ate__tx_deinit(&tx);
        }
        ate__buf_deinit(&bytes);
    }
    vectors_deinit(&v);
}

static void transactions(void **state)
{
    (void)state;
    check_transactions("transaction.txt");
    check_transactions("signed.txt");
}

/* The whole way from the bytes to a signature that holds, with the key that the seed gives. */
static void a_real_signature_holds(void **state)
{
    (void)state;
    struct vectors v = vectors_load("signed.txt");
    const struct vector *one = &v.items[0];
    struct ate__buf bytes = vector_bytes(vector_text(one, "transaction"));
    struct ate__buf seed = vector_bytes(vector_text(one, "seed"));
    struct ate__key32 secret;
    struct ate__key *key;
    struct ate__tx tx;
    struct ate__genesis genesis;
    struct ate__public_parts parts;
    struct ate__verify_key *verify;
    struct ate_hash hash;
    memcpy(secret.b, seed.data, sizeof secret.b);
    assert_int_equal(ate__key_of_seed(&secret, NULL, &key), 0);
    assert_hex(key->fingerprint.b, 32, vector_text(one, "fingerprint"));
    assert_int_equal(ate__tx_decode(ate__buf_bytes(&bytes), ATE__SHA256, &tx), 0);
    assert_int_equal(ate__genesis_decode(tx.events[0].header.genesis, &genesis), 0);
    assert_true(ate__bytes_equal(genesis.root_keys[0], ate__buf_bytes(&key->public_key)));
    assert_int_equal(ate__chain_id(ATE__SHA256, tx.events[0].header.genesis, &hash), 0);
    assert_true(ate__hash_equal(&hash, &tx.chain_id));
    assert_hex(hash.b, 32, vector_text(one, "chain_id"));
    assert_int_equal(ate__public_key_parse(genesis.root_keys[0], &parts), 0);
    assert_int_equal(ate__verify_key_new(parts.signature->id, parts.signature_key, &verify), 0);
    assert_int_equal(ate__batch_message(ATE__SHA256, &tx.hash, &tx.signatures[0], &hash), 0);
    struct ate_bytes context = ate__text_bytes(vector_text(one, "context"));
    struct ate_bytes message = ate__bytes(hash.b, sizeof hash.b);
    assert_int_equal(ate__verify(verify, context, message, tx.signatures[0].bytes), 0);
    hash.b[0] ^= 1;
    assert_int_equal(ate__verify(verify, context, message, tx.signatures[0].bytes), ATE_TAMPERED);
    ate__verify_key_free(verify);
    ate__key_free(key);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&bytes);
    ate__buf_deinit(&seed);
    vectors_deinit(&v);
}

static void genesis_transactions_name_their_hash(void **state)
{
    (void)state;
    struct vectors v = vectors_load("transaction.txt");
    const struct {
        const char *name;
        int rc;
        enum ate__hash_alg alg;
    } cases[] = {{"genesis", 0, ATE__SHA256},
                 {"genesis with SHA3-256", 0, ATE__SHA3_256},
                 {"all forms", ATE_MALFORMED, 0},
                 {"half a head", ATE_MALFORMED, 0},
                 {"version 2", ATE_UNSUPPORTED, 0}};
    for (size_t i = 0; i < ATE__COUNT_OF(cases); i++) {
        const struct vector *one = vectors_find(&v, cases[i].name);
        struct ate__buf bytes = vector_bytes(vector_text(one, "transaction"));
        enum ate__hash_alg alg = 0;
        assert_int_equal(ate__tx_genesis_alg(ate__buf_bytes(&bytes), &alg), cases[i].rc);
        assert_int_equal(alg, cases[i].alg);
        ate__buf_deinit(&bytes);
    }
    vectors_deinit(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(private_items),
        cmocka_unit_test(geneses),
        cmocka_unit_test(transactions),
        cmocka_unit_test(a_real_signature_holds),
        cmocka_unit_test(genesis_transactions_name_their_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
