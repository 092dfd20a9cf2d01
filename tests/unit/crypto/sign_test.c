/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/sign.h"
#include "base/err.h"
#include "help.h"
#include "vectors.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>

enum { MLDSA_PUBLIC = 1952, MLDSA_SIGNATURE = 3309 };

static json_t *json;
static struct ate__buf message, context;
static const struct ate_bytes no_context = {NULL, 0};

static const json_t *vector(const char *name)
{
    json_t *v;
    size_t i;
    json_array_foreach(json_object_get(json, "tests"), i, v)
    {
        if (!strcmp(json_string_value(json_object_get(v, "tcId")), name))
            return v;
    }
    fail_msg("no vector %s", name);
    return NULL;
}

static struct ate__sign_key *key_of(const uint8_t seeds[64])
{
    struct ate__key32 mldsa, ed25519;
    memcpy(mldsa.b, seeds, 32);
    memcpy(ed25519.b, seeds + 32, 32);
    struct ate__sign_key *k;
    assert_int_equal(ate__sign_key_new(&mldsa, &ed25519, &k), 0);
    return k;
}

static struct ate__verify_key *verifier_of(const struct ate__sign_key *k)
{
    uint8_t public_key[ATE__SIG_PUBLIC];
    struct ate__verify_key *v;
    ate__sign_key_public(k, public_key);
    assert_int_equal(ate__verify_key_new(ate__bytes(public_key, sizeof public_key), &v), 0);
    return v;
}

static int set_up(void **state)
{
    (void)state;
    json = vectors_open("composite-sigs-19.json");
    message = vector_base64(json, "m");
    context = vector_base64(json, "ctx");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(json);
    ate__buf_deinit(&message);
    ate__buf_deinit(&context);
    return 0;
}

static void published_composite(void **state)
{
    (void)state;
    const json_t *v = vector("id-MLDSA65-Ed25519-SHA512");
    struct ate__buf pk = vector_base64(v, "pk"), sk = vector_base64(v, "sk"),
                    plain = vector_base64(v, "s"), bound = vector_base64(v, "sWithContext");
    assert_int_equal(sk.size, 64);
    struct ate__sign_key *k = key_of(sk.data);
    uint8_t public_key[ATE__SIG_PUBLIC];
    ate__sign_key_public(k, public_key);
    assert_true(ate__bytes_equal(ate__buf_bytes(&pk), ate__bytes(public_key, sizeof public_key)));

    struct ate__verify_key *verifier;
    struct ate_bytes m = ate__buf_bytes(&message), ctx = ate__buf_bytes(&context);
    assert_int_equal(ate__verify_key_new(ate__buf_bytes(&pk), &verifier), 0);
    assert_int_equal(ate__verify(verifier, no_context, m, ate__buf_bytes(&plain)), 0);
    assert_int_equal(ate__verify(verifier, ctx, m, ate__buf_bytes(&bound)), 0);
    assert_int_equal(ate__verify(verifier, ctx, m, ate__buf_bytes(&plain)), ATE_TAMPERED);
    assert_int_equal(ate__verify(verifier, no_context, m, ate__buf_bytes(&bound)), ATE_TAMPERED);
    ate__verify_key_free(verifier);
    ate__sign_key_free(k);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&sk);
    ate__buf_deinit(&plain);
    ate__buf_deinit(&bound);
}

static int verify_with_openssl(EVP_PKEY *key, struct ate_bytes ctx, struct ate_bytes m,
                               struct ate_bytes signature)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, (void *)ctx.data,
                                          ctx.size),
        OSSL_PARAM_construct_end(),
    };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(
        EVP_DigestVerifyInit_ex(md, NULL, NULL, NULL, NULL, key, ctx.size ? params : NULL), 1);
    int holds = EVP_DigestVerify(md, signature.data, signature.size, m.data, m.size);
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return holds == 1;
}

/* FIPS 204 as OpenSSL does it, at each strength; the keys of ML-DSA-65 also as we make them. */
static void published_mldsa(void **state)
{
    (void)state;
    static const char *const name[] = {"id-ML-DSA-44", "id-ML-DSA-65", "id-ML-DSA-87"};
    for (size_t i = 0; i < ATE__COUNT_OF(name); i++) {
        const json_t *v = vector(name[i]);
        struct ate__buf pk = vector_base64(v, "pk"), sk = vector_base64(v, "sk"),
                        plain = vector_base64(v, "s"), bound = vector_base64(v, "sWithContext");
        EVP_PKEY *key =
            EVP_PKEY_new_raw_public_key_ex(NULL, name[i] + strlen("id-"), NULL, pk.data, pk.size);
        assert_non_null(key);
        struct ate_bytes m = ate__buf_bytes(&message), ctx = ate__buf_bytes(&context);
        assert_true(verify_with_openssl(key, no_context, m, ate__buf_bytes(&plain)));
        assert_true(verify_with_openssl(key, ctx, m, ate__buf_bytes(&bound)));
        assert_false(verify_with_openssl(key, ctx, m, ate__buf_bytes(&plain)));
        EVP_PKEY_free(key);
        if (pk.size == MLDSA_PUBLIC) {
            uint8_t seeds[64] = {0}, public_key[ATE__SIG_PUBLIC];
            memcpy(seeds, sk.data, 32);
            struct ate__sign_key *k = key_of(seeds);
            ate__sign_key_public(k, public_key);
            assert_memory_equal(public_key, pk.data, MLDSA_PUBLIC);
            ate__sign_key_free(k);
        }
        ate__buf_deinit(&pk);
        ate__buf_deinit(&sk);
        ate__buf_deinit(&plain);
        ate__buf_deinit(&bound);
    }
}

static void round_trips(void **state)
{
    (void)state;
    struct ate__sign_key *k = key_of((const uint8_t[64]){1, 2, 3});
    struct ate__verify_key *v = verifier_of(k);
    static uint8_t text[5000];
    static const size_t size[] = {0, 1, 32, 127, 128, 5000};
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++) {
        uint8_t signature[ATE__SIG_SIZE], again[ATE__SIG_SIZE];
        struct ate_bytes m = ate__bytes(size[i] ? text : NULL, size[i]);
        struct ate_bytes ctx = ate__bytes(text, i * 51); /* the last has 255 bytes */
        assert_int_equal(ate__sign(k, ctx, m, signature), 0);
        assert_int_equal(ate__verify(v, ctx, m, ate__bytes(signature, sizeof signature)), 0);
        assert_int_equal(ate__sign(k, ctx, m, again), 0);
        assert_memory_not_equal(signature, again, MLDSA_SIGNATURE); /* hedged */
        assert_int_equal(ate__verify(v, ctx, m, ate__bytes(again, sizeof again)), 0);
        assert_int_equal(
            ate__verify(v, ate__text_bytes("other"), m, ate__bytes(again, sizeof again)),
            ATE_TAMPERED);
        text[size[i] / 2] ^= 1;
        if (size[i])
            assert_int_equal(ate__verify(v, ctx, m, ate__bytes(again, sizeof again)), ATE_TAMPERED);
    }
    ate__verify_key_free(v);
    ate__sign_key_free(k);
}

static void every_changed_byte_is_seen(void **state)
{
    (void)state;
    struct ate__sign_key *k = key_of((const uint8_t[64]){9});
    struct ate__verify_key *v = verifier_of(k);
    uint8_t signature[ATE__SIG_SIZE];
    struct ate_bytes m = ate__text_bytes("message"), ctx = ate__text_bytes("ate/tx/1"),
                     s = ate__bytes(signature, sizeof signature);
    assert_int_equal(ate__sign(k, ctx, m, signature), 0);
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
        signature[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(ate__verify(v, ctx, m, s), 0);
    for (size_t size = 0; size < sizeof signature; size += 97)
        assert_int_equal(ate__verify(v, ctx, m, ate__bytes(signature, size)), ATE_TAMPERED);
    assert_int_equal(ERR_peek_error(), 0);

    /* Neither part alone is enough. */
    uint8_t other[ATE__SIG_SIZE], mixed[ATE__SIG_SIZE];
    assert_int_equal(ate__sign(k, ctx, ate__text_bytes("other"), other), 0);
    memcpy(mixed, signature, sizeof mixed);
    memcpy(mixed + MLDSA_SIGNATURE, other + MLDSA_SIGNATURE, 64);
    assert_int_equal(ate__verify(v, ctx, m, ate__bytes(mixed, sizeof mixed)), ATE_TAMPERED);
    memcpy(mixed, other, MLDSA_SIGNATURE);
    memcpy(mixed + MLDSA_SIGNATURE, signature + MLDSA_SIGNATURE, 64);
    assert_int_equal(ate__verify(v, ctx, m, ate__bytes(mixed, sizeof mixed)), ATE_TAMPERED);

    /* The group's order added to S: the same point, another encoding. */
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    memcpy(mixed, signature, sizeof mixed);
    unsigned carry = 0;
    for (unsigned i = 0; i < 32; i++) {
        carry += mixed[MLDSA_SIGNATURE + 32 + i] + (unsigned)order[i];
        mixed[MLDSA_SIGNATURE + 32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(ate__verify(v, ctx, m, ate__bytes(mixed, sizeof mixed)), ATE_TAMPERED);
    ate__verify_key_free(v);
    ate__sign_key_free(k);
}

static void another_key_does_not_verify(void **state)
{
    (void)state;
    struct ate__sign_key *k = key_of((const uint8_t[64]){1});
    uint8_t signature[ATE__SIG_SIZE];
    struct ate_bytes m = ate__text_bytes("message");
    assert_int_equal(ate__sign(k, no_context, m, signature), 0);
    for (unsigned part = 0; part < 64; part += 32) { /* one of the two seeds differs */
        uint8_t seeds[64] = {1};
        seeds[part] ^= 2;
        struct ate__sign_key *other = key_of(seeds);
        struct ate__verify_key *v = verifier_of(other);
        assert_int_equal(ate__verify(v, no_context, m, ate__bytes(signature, sizeof signature)),
                         ATE_TAMPERED);
        ate__verify_key_free(v);
        ate__sign_key_free(other);
    }
    ate__sign_key_free(k);
}

static void contexts_are_bounded(void **state)
{
    (void)state;
    struct ate__sign_key *k = key_of((const uint8_t[64]){1});
    struct ate__verify_key *v = verifier_of(k);
    static uint8_t signature[ATE__SIG_SIZE], text[256];
    signature[5] = 77;
    assert_int_equal(ate__sign(k, ate__bytes(text, 256), no_context, signature), ATE_MISUSE);
    assert_int_equal(signature[5], 77);
    assert_int_equal(
        ate__verify(v, ate__bytes(text, 256), no_context, ate__bytes(signature, sizeof signature)),
        ATE_MISUSE);
    ate__verify_key_free(v);
    ate__sign_key_free(k);
    ate__verify_key_free(NULL);
    ate__sign_key_free(NULL);
}

/* --- points of Ed25519 --- */

static int import(const uint8_t public_key[ATE__SIG_PUBLIC])
{
    struct ate__verify_key *v = NULL;
    int rc = ate__verify_key_new(ate__bytes(public_key, ATE__SIG_PUBLIC), &v);
    ate__verify_key_free(v);
    return rc;
}

static void bad_points_are_refused(void **state)
{
    (void)state;
    static const char *const hex[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        /* p, p + 1: the first two again; then p + 2 and the largest */
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t public_key[ATE__SIG_PUBLIC];
    struct ate__sign_key *k = key_of((const uint8_t[64]){1});
    ate__sign_key_public(k, public_key);
    assert_int_equal(import(public_key), 0);
    for (size_t i = 0; i < ATE__COUNT_OF(hex); i++) {
        of_hex(hex[i], public_key + MLDSA_PUBLIC, 32);
        assert_int_equal(import(public_key), ATE_MALFORMED);
        public_key[ATE__SIG_PUBLIC - 1] |= 0x80;
        assert_int_equal(import(public_key), ATE_MALFORMED);
    }
    /* About half of the other small y are on the curve, and no signature is under any of them. */
    uint8_t signature[ATE__SIG_SIZE];
    assert_int_equal(ate__sign(k, no_context, no_context, signature), 0);
    for (uint8_t y = 2; y < 40; y++) {
        memset(public_key + MLDSA_PUBLIC, 0, 32);
        public_key[MLDSA_PUBLIC] = y;
        struct ate__verify_key *v;
        assert_int_equal(ate__verify_key_new(ate__bytes(public_key, sizeof public_key), &v), 0);
        assert_int_equal(
            ate__verify(v, no_context, no_context, ate__bytes(signature, sizeof signature)),
            ATE_TAMPERED);
        ate__verify_key_free(v);
    }
    /* The largest canonical y that is not of small order. */
    of_hex("ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           public_key + MLDSA_PUBLIC, 32);
    assert_int_equal(import(public_key), 0);
    assert_int_equal(ERR_peek_error(), 0);
    ate__sign_key_free(k);
}

/* Why: under the neutral point as the key OpenSSL takes one signature for every message. */
static void the_neutral_point_would_sign_all(void **state)
{
    (void)state;
    const uint8_t neutral[32] = {1}, forged[64] = {1};
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, neutral, sizeof neutral);
    assert_non_null(key);
    assert_true(verify_with_openssl(key, no_context, ate__text_bytes("anything"),
                                    ate__bytes(forged, sizeof forged)));
    EVP_PKEY_free(key);
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    static const uint8_t zeros[ATE__SIG_PUBLIC + 1];
    struct ate__verify_key *v = NULL;
    static const size_t size[] = {0, 1, 32, MLDSA_PUBLIC, ATE__SIG_PUBLIC - 1, ATE__SIG_PUBLIC + 1};
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++)
        assert_int_equal(ate__verify_key_new(ate__bytes(zeros, size[i]), &v), ATE_MALFORMED);
    assert_null(v);
}

struct user {
    const struct ate__sign_key *sign;
    const struct ate__verify_key *verify;
    bool good;
};
static void *use(void *arg)
{
    struct user *u = arg;
    for (unsigned i = 0; i < 20; i++) {
        uint8_t signature[ATE__SIG_SIZE];
        struct ate_bytes m = ate__bytes(&i, sizeof i);
        if (ate__sign(u->sign, no_context, m, signature) ||
            ate__verify(u->verify, no_context, m, ate__bytes(signature, sizeof signature)))
            u->good = false;
    }
    return NULL;
}

static void one_key_in_many_threads(void **state)
{
    (void)state;
    struct ate__sign_key *k = key_of((const uint8_t[64]){4});
    struct ate__verify_key *v = verifier_of(k);
    struct user user[4];
    pthread_t thread[4];
    for (unsigned i = 0; i < 4; i++) {
        user[i] = (struct user){k, v, true};
        assert_int_equal(pthread_create(&thread[i], NULL, use, &user[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(user[i].good);
    }
    ate__verify_key_free(v);
    ate__sign_key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_composite),
        cmocka_unit_test(published_mldsa),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(another_key_does_not_verify),
        cmocka_unit_test(contexts_are_bounded),
        cmocka_unit_test(bad_points_are_refused),
        cmocka_unit_test(the_neutral_point_would_sign_all),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(one_key_in_many_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
