/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A proof holds for what it names, and for nothing else. */
#include "trust/possession.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include "lib/simenv.h"

static struct ate__key *key, *other;
static struct ate__possession said;
static struct ate__buf proof;

static int set_up(void **state)
{
    (void)state;
    memset(&said.channel, 0x11, sizeof said.channel);
    memset(&said.chain_id, 0x22, sizeof said.chain_id);
    memset(&said.nonce, 0x33, sizeof said.nonce);
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{1}}, NULL, &key), 0);
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{2}}, NULL, &other), 0);
    return ate__possession_prove(&said, key, &proof);
}

static int tear_down(void **state)
{
    (void)state;
    ate__buf_deinit(&proof);
    ate__key_free(key);
    ate__key_free(other);
    return 0;
}

static int check(const struct ate__possession *p, const struct ate__buf *public_key,
                 struct ate_bytes signature)
{
    struct ate_hash fingerprint = {{77}};
    int rc = ate__possession_check(p, ate__buf_bytes(public_key), signature, &fingerprint);
    if (!rc)
        assert_true(ate__hash_equal(&fingerprint, &key->fingerprint));
    else
        assert_int_equal(fingerprint.b[0], 77);
    return rc;
}

static void test_holds(void **state)
{
    (void)state;
    struct ate__public_parts parts;
    struct ate__verify_key *verifier;
    struct ate_hash message;
    assert_int_equal(proof.size, ATE__SIG_SIZE);
    assert_int_equal(check(&said, &key->public_key, ate__buf_bytes(&proof)), 0);
    /* What docs/format/wire.md says is signed. */
    const struct ate_bytes fields[] = {
        ate__text_bytes("client"),         ate__bytes(&said.channel, 32),
        ate__bytes(&said.chain_id, 32),    ate__bytes(&said.nonce, 32),
        ate__bytes(&key->fingerprint, 32),
    };
    assert_int_equal(ate__hash(ATE__SHA256, "ate proof 1", fields, 5, &message), 0);
    assert_int_equal(ate__public_key_parse(ate__buf_bytes(&key->public_key), &parts), 0);
    assert_int_equal(ate__verify_key_new(parts.signature->id, parts.signature_key, &verifier), 0);
    assert_int_equal(ate__verify(verifier, ate__text_bytes("ate/proof/1"), ate__bytes(&message, 32),
                                 ate__buf_bytes(&proof)),
                     0);
    assert_int_equal(ate__verify(verifier, ate__text_bytes("ate/tx/1"), ate__bytes(&message, 32),
                                 ate__buf_bytes(&proof)),
                     ATE_TAMPERED);
    ate__verify_key_free(verifier);
}

/* Another channel, chain, number; a bit of each. */
static void test_for_nothing_else(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 3 * 256; bit += 5) {
        struct ate__possession p = said;
        struct ate_hash *h = bit < 256 ? &p.channel : bit < 512 ? &p.chain_id : &p.nonce;
        h->b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(check(&p, &key->public_key, ate__buf_bytes(&proof)), ATE_TAMPERED);
    }
    assert_int_equal(check(&said, &other->public_key, ate__buf_bytes(&proof)), ATE_TAMPERED);
}

static void test_changed(void **state)
{
    (void)state;
    uint8_t bytes[ATE__SIG_SIZE];
    for (size_t at = 0; at < sizeof bytes; at += 61) {
        memcpy(bytes, proof.data, sizeof bytes);
        bytes[at] ^= (uint8_t)(1 << at % 8);
        assert_int_equal(check(&said, &key->public_key, ate__bytes(bytes, sizeof bytes)),
                         ATE_TAMPERED);
    }
    for (size_t size = 0; size < sizeof bytes; size += 337)
        assert_int_equal(check(&said, &key->public_key, ate__bytes(proof.data, size)),
                         ATE_TAMPERED);
}

static void test_keys(void **state)
{
    (void)state;
    struct ate__buf none = ATE__BUF_NULL, kem = ATE__BUF_NULL;
    size_t sign = 6 + ATE__SIG_PUBLIC; /* its part comes first */
    assert_int_equal(check(&said, &none, ate__buf_bytes(&proof)), ATE_MALFORMED);
    assert_int_equal(
        ate__buf_append(&kem, ate__bytes(key->public_key.data + sign, key->public_key.size - sign)),
        0);
    assert_int_equal(check(&said, &kem, ate__buf_bytes(&proof)), ATE_MALFORMED);
    ate__buf_deinit(&kem);
}

/* A secret sealed to the key opens for what it names, by who reads, and for nothing else. */
static void test_sealed(void **state)
{
    (void)state;
    struct simenv sim;
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key32 secret = {{5, 6, 7}}, got;
    struct ate_hash fingerprint;
    simenv_init(&sim, rnd_seed(9), NULL);
    assert_int_equal(ate__possession_seal(&said, &sim.env, ate__buf_bytes(&key->public_key),
                                          &secret, &sealed, &fingerprint),
                     0);
    assert_true(ate__hash_equal(&fingerprint, &key->fingerprint));
    assert_int_equal(ate__possession_open(&said, key, ate__buf_bytes(&sealed), &got), 0);
    assert_memory_equal(&got, &secret, sizeof got);
    assert_int_equal(ate__possession_open(&said, other, ate__buf_bytes(&sealed), &got), ATE_NO_KEY);
    for (unsigned bit = 0; bit < 3 * 256; bit += 37) {
        struct ate__possession p = said;
        struct ate_hash *h = bit < 256 ? &p.channel : bit < 512 ? &p.chain_id : &p.nonce;
        h->b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__possession_open(&p, key, ate__buf_bytes(&sealed), &got), ATE_NO_KEY);
    }
    sealed.data[sealed.size - 1] ^= 1;
    assert_int_equal(ate__possession_open(&said, key, ate__buf_bytes(&sealed), &got), ATE_NO_KEY);
    assert_int_equal(ate__possession_seal(&said, &sim.env,
                                          ate__bytes(key->public_key.data, 6 + ATE__SIG_PUBLIC),
                                          &secret, &sealed, &fingerprint),
                     ATE_MALFORMED);
    ate__buf_deinit(&sealed);
    simenv_deinit(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),   cmocka_unit_test(test_for_nothing_else),
        cmocka_unit_test(test_changed), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sealed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
