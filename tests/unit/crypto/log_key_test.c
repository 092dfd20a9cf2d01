/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/log_key.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "crypto/keyfile.h"
#include "help.h"

static struct ate__log_key *key; /* of the seed 00 01 .. 1f */
static struct ate__log_verify *verify;

static int set_up(void **state)
{
    (void)state;
    struct ate__key32 seed;
    for (uint8_t i = 0; i < 32; i++)
        seed.b[i] = i;
    int rc = ate__log_key_of_seed(&seed, &key);
    return rc ? rc : ate__log_verify_new(ate__log_key_public(key), &verify);
}

static int tear_down(void **state)
{
    (void)state;
    ate__log_key_free(key);
    ate__log_verify_free(verify);
    assert_int_equal(ate__secret_blocks(), 0);
    return 0;
}

/* HKDF-Expand of the seed in Python, the public keys by the openssl program. */
static void keys_are_as_documented(void **state)
{
    (void)state;
    const uint8_t *public_key = ate__log_key_public(key).data;
    assert_int_equal(ate__log_key_public(key).size, ATE__LOG_PUBLIC);
    assert_hex(public_key, 6, "020020000000");
    assert_hex(public_key + 6, 32,
               "d66f1a824a3d1a7a850e7216ed3efaa8f9040588eef41a5f8194a1a86152ade3");
    assert_hex(public_key + 38, 6, "030020050000");
    struct ate_hash mldsa44, fingerprint;
    assert_int_equal(ate__sha256(ate__bytes(public_key + 44, 1312), &mldsa44), 0);
    assert_hex(mldsa44.b, 32, "b31fac6277ac1d8d6abe333d6feabb5c924616e9e4efc909a46fb23713373a53");
    assert_int_equal(ate__fingerprint(ate__log_key_public(key), &fingerprint), 0);
    assert_hex(fingerprint.b, 32,
               "200f55d0aba36fe2b9d6f0c4e4c32e8d53c183ecaec3d974ee9a7e09973f5d4a");
    assert_true(ate__bytes_equal(ate__log_verify_public(verify), ate__log_key_public(key)));
}

static void sign_and_verify(void **state)
{
    (void)state;
    struct ate_bytes m = ate__text_bytes("a tree"), other = ate__text_bytes("a trap");
    uint8_t ed25519[ATE__LOG_ED25519_SIGNATURE], mldsa44[ATE__LOG_MLDSA44_SIGNATURE];
    assert_int_equal(ate__log_sign_ed25519(key, m, ed25519), 0);
    assert_int_equal(ate__log_sign_mldsa44(key, m, mldsa44), 0);
    struct ate_bytes e = ate__bytes(ed25519, sizeof ed25519);
    struct ate_bytes d = ate__bytes(mldsa44, sizeof mldsa44);
    assert_int_equal(ate__log_verify_ed25519(verify, m, e), 0);
    assert_int_equal(ate__log_verify_mldsa44(verify, m, d), 0);
    assert_int_equal(ate__log_verify_ed25519(verify, other, e), ATE_TAMPERED);
    assert_int_equal(ate__log_verify_mldsa44(verify, other, d), ATE_TAMPERED);
    assert_int_equal(ate__log_verify_ed25519(verify, m, d), ATE_TAMPERED);
    assert_int_equal(ate__log_verify_mldsa44(verify, m, e), ATE_TAMPERED);
    assert_int_equal(ate__log_verify_mldsa44(verify, m, ate__bytes(NULL, 0)), ATE_TAMPERED);
    for (size_t i = 0; i < sizeof ed25519; i++) {
        ed25519[i] ^= 1;
        assert_int_equal(ate__log_verify_ed25519(verify, m, e), ATE_TAMPERED);
        ed25519[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof mldsa44; i += 97) {
        mldsa44[i] ^= 1;
        assert_int_equal(ate__log_verify_mldsa44(verify, m, d), ATE_TAMPERED);
        mldsa44[i] ^= 1;
    }
}

static void refuse(const uint8_t *bytes, size_t size, int result)
{
    struct ate__log_parts parts = {{&parts, 1}, {&parts, 2}};
    struct ate__log_verify *v = NULL;
    assert_int_equal(ate__log_public_parse(ate__bytes(bytes, size), &parts), result);
    assert_int_equal(parts.ed25519.size, 1); /* written on success only */
    assert_int_equal(ate__log_verify_new(ate__bytes(bytes, size), &v), result);
    assert_null(v);
}

static void public_keys_have_one_form(void **state)
{
    (void)state;
    uint8_t copy[ATE__LOG_PUBLIC + 1] = {0};
    struct ate_bytes good = ate__log_key_public(key);
    memcpy(copy, good.data, good.size);
    for (size_t size = 0; size < good.size; size++)
        refuse(copy, size, ATE_MALFORMED);
    refuse(copy, good.size + 1, ATE_MALFORMED);
    static const struct {
        size_t at;
        uint8_t value;
        int result;
    } bad[] = {
        {0, 1, ATE_MALFORMED},    /* a signature key's id */
        {0, 3, ATE_MALFORMED},    /* twice the same */
        {0, 9, ATE_UNSUPPORTED},   {1, 1, ATE_UNSUPPORTED}, {2, 31, ATE_MALFORMED},
        {2, 33, ATE_MALFORMED},    {5, 1, ATE_MALFORMED},   {38, 2, ATE_MALFORMED},
        {39, 1, ATE_UNSUPPORTED},  {40, 0, ATE_MALFORMED},  {41, 4, ATE_MALFORMED},
        {43, 0xff, ATE_MALFORMED},
    };
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++) {
        uint8_t kept = copy[bad[i].at];
        copy[bad[i].at] = bad[i].value;
        refuse(copy, good.size, bad[i].result);
        copy[bad[i].at] = kept;
    }
    struct ate__log_parts parts;
    memset(copy + 6, 0, 32); /* of small order: the form is right, the key is not */
    assert_int_equal(ate__log_public_parse(ate__bytes(copy, good.size), &parts), 0);
    struct ate__log_verify *v = NULL;
    assert_int_equal(ate__log_verify_new(ate__bytes(copy, good.size), &v), ATE_MALFORMED);
    assert_null(v);
}

/* No log key can stand where a signature key belongs, nor the other way round. */
static void not_other_keys(void **state)
{
    (void)state;
    struct ate__public_parts parts;
    assert_int_equal(ate__public_key_parse(ate__log_key_public(key), &parts), ATE_MALFORMED);
    struct ate__key *other;
    struct ate__log_parts log;
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{7}}, NULL, &other), 0);
    assert_int_equal(ate__log_public_parse(ate__buf_bytes(&other->public_key), &log),
                     ATE_MALFORMED);
    ate__key_free(other);
    ate__log_key_free(NULL);
    ate__log_verify_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_as_documented),
        cmocka_unit_test(sign_and_verify),
        cmocka_unit_test(public_keys_have_one_form),
        cmocka_unit_test(not_other_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
