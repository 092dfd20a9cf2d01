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

/* From component seeds in a row, as composite private keys are. */
static struct ate__sign_key *key_of_id(unsigned id, const uint8_t *seeds, size_t size)
{
    struct ate__sign_seeds s = {{0}, {0}};
    struct ate__sign_key *k;
    size_t mldsa = id == ATE__SIG_ED25519 || id == ATE__SIG_ED448 ? 0 : 32;
    memcpy(s.mldsa, seeds, mldsa);
    memcpy(s.eddsa, seeds + mldsa, size - mldsa);
    assert_int_equal(ate__sign_key_new(id, &s, &k), 0);
    return k;
}

static struct ate__sign_key *key_of(const uint8_t seeds[64])
{
    return key_of_id(ATE__SIG_MLDSA65_ED25519, seeds, 64);
}

static struct ate__verify_key *verifier_of_id(unsigned id, const struct ate__sign_key *k)
{
    struct ate__verify_key *v;
    assert_int_equal(ate__verify_key_new(id, ate__sign_key_public(k), &v), 0);
    return v;
}

static struct ate__verify_key *verifier_of(const struct ate__sign_key *k)
{
    return verifier_of_id(ATE__SIG_MLDSA65_ED25519, k);
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

/* A published key and signatures, of a composite or of ML-DSA by itself. */
static void check_published(unsigned id, const char *name)
{
    const json_t *v = vector(name);
    struct ate__buf pk = vector_base64(v, "pk"), sk = vector_base64(v, "sk"),
                    plain = vector_base64(v, "s"), bound = vector_base64(v, "sWithContext");
    struct ate__sign_key *k = key_of_id(id, sk.data, sk.size);
    assert_true(ate__bytes_equal(ate__buf_bytes(&pk), ate__sign_key_public(k)));

    struct ate__verify_key *verifier;
    struct ate_bytes m = ate__buf_bytes(&message), ctx = ate__buf_bytes(&context);
    uint8_t ours[ATE__SIG_SIZE_MAX];
    assert_int_equal(ate__verify_key_new(id, ate__buf_bytes(&pk), &verifier), 0);
    assert_int_equal(ate__verify(verifier, no_context, m, ate__buf_bytes(&plain)), 0);
    assert_int_equal(ate__verify(verifier, ctx, m, ate__buf_bytes(&bound)), 0);
    assert_int_equal(ate__verify(verifier, ctx, m, ate__buf_bytes(&plain)), ATE_TAMPERED);
    assert_int_equal(ate__verify(verifier, no_context, m, ate__buf_bytes(&bound)), ATE_TAMPERED);
    assert_int_equal(ate__sign(k, ctx, m, ours), 0);
    assert_int_equal(ate__verify(verifier, ctx, m, ate__bytes(ours, bound.size)), 0);
    assert_int_equal(ate__algorithm(id)->made_size, bound.size);
    assert_int_equal(ate__algorithm(id)->public_size, pk.size);
    ate__verify_key_free(verifier);
    ate__sign_key_free(k);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&sk);
    ate__buf_deinit(&plain);
    ate__buf_deinit(&bound);
}

static void published(void **state)
{
    (void)state;
    check_published(ATE__SIG_MLDSA44_ED25519, "id-MLDSA44-Ed25519-SHA512");
    check_published(ATE__SIG_MLDSA65_ED25519, "id-MLDSA65-Ed25519-SHA512");
    check_published(ATE__SIG_MLDSA87_ED448, "id-MLDSA87-Ed448-SHAKE256");
    check_published(ATE__SIG_MLDSA44, "id-ML-DSA-44");
    check_published(ATE__SIG_MLDSA65, "id-ML-DSA-65");
    check_published(ATE__SIG_MLDSA87, "id-ML-DSA-87");
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

/* A curve by itself signs ctx, 0x00, message; so says the curve's own signature over these. */
static void plain_curves(void **state)
{
    (void)state;
    static const struct {
        unsigned id;
        const char *name;
        size_t seed_size;
    } curve[] = {{ATE__SIG_ED25519, "ED25519", 32}, {ATE__SIG_ED448, "ED448", 57}};
    static const char joined[] = "ate/tx/1\0message"; /* with its NUL in the middle */
    for (size_t i = 0; i < ATE__COUNT_OF(curve); i++) {
        const uint8_t seed[57] = {7, 5};
        uint8_t signature[114];
        size_t size = ate__algorithm(curve[i].id)->made_size;
        struct ate__sign_key *k = key_of_id(curve[i].id, seed, curve[i].seed_size);
        struct ate__verify_key *v = verifier_of_id(curve[i].id, k);
        struct ate_bytes public_key = ate__sign_key_public(k), s = ate__bytes(signature, size);
        struct ate_bytes m = ate__text_bytes("message"), ctx = ate__text_bytes("ate/tx/1");
        assert_int_equal(ate__sign(k, ctx, m, signature), 0);
        assert_int_equal(ate__verify(v, ctx, m, s), 0);
        assert_int_equal(ate__verify(v, ate__text_bytes("ate/tx/2"), m, s), ATE_TAMPERED);
        assert_int_equal(ate__verify(v, no_context, m, s), ATE_TAMPERED);
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, curve[i].name, NULL, public_key.data,
                                                       public_key.size);
        assert_non_null(key);
        assert_true(verify_with_openssl(key, no_context, ate__bytes(joined, sizeof joined - 1), s));
        EVP_PKEY_free(key);
        for (size_t at = 0; at < size; at++) {
            signature[at] ^= (uint8_t)(1 << at % 8);
            assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
            signature[at] ^= (uint8_t)(1 << at % 8);
        }
        ate__verify_key_free(v);
        ate__sign_key_free(k);
    }
}

/* Of each composite: either half from another signature, or of zeros, is not enough. */
static void half_of_a_composite(void **state)
{
    (void)state;
    const struct ate__algorithm *a;
    for (size_t i = 0; (a = ate__algorithm_at(i)); i++) {
        const uint8_t seeds[89] = {4, 2};
        uint8_t good[ATE__SIG_SIZE_MAX], other[ATE__SIG_SIZE_MAX], mixed[ATE__SIG_SIZE_MAX];
        if (!a->composite)
            continue;
        size_t curve = a->id == ATE__SIG_MLDSA87_ED448 ? 114 : 64, first = a->made_size - curve;
        struct ate__sign_key *k = key_of_id(a->id, seeds, curve == 64 ? 64 : 89);
        struct ate__verify_key *v = verifier_of_id(a->id, k);
        struct ate_bytes m = ate__text_bytes("message"), ctx = ate__text_bytes("ate/tx/1"),
                         s = ate__bytes(mixed, a->made_size);
        assert_int_equal(ate__sign(k, ctx, m, good), 0);
        assert_int_equal(ate__sign(k, ctx, ate__text_bytes("other"), other), 0);
        memcpy(mixed, good, sizeof mixed);
        assert_int_equal(ate__verify(v, ctx, m, s), 0);
        memcpy(mixed + first, other + first, curve);
        assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
        memset(mixed + first, 0, curve);
        assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
        memcpy(mixed + first, good + first, curve);
        memcpy(mixed, other, first);
        assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
        memset(mixed, 0, first);
        assert_int_equal(ate__verify(v, ctx, m, s), ATE_TAMPERED);
        /* Each half by itself, as a signature of its own algorithm, is none either. */
        assert_int_equal(ate__verify(v, ctx, m, ate__bytes(good, first)), ATE_TAMPERED);
        assert_int_equal(ate__verify(v, ctx, m, ate__bytes(good + first, curve)), ATE_TAMPERED);
        ate__verify_key_free(v);
        ate__sign_key_free(k);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void unknown_algorithms_are_refused(void **state)
{
    (void)state;
    static const unsigned id[] = {0, 0xff, 0xffff, ATE__KEM_XWING};
    const struct ate__sign_seeds seeds = {{1}, {1}};
    uint8_t zeros[ATE__SIG_PUBLIC_MAX] = {0};
    for (size_t i = 0; i < ATE__COUNT_OF(id); i++) {
        struct ate__sign_key *k;
        struct ate__verify_key *v;
        assert_int_equal(ate__sign_key_new(id[i], &seeds, &k), ATE_UNSUPPORTED);
        assert_int_equal(ate__verify_key_new(id[i], ate__bytes(zeros, sizeof zeros), &v),
                         ATE_UNSUPPORTED);
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
    int rc =
        ate__verify_key_new(ATE__SIG_MLDSA65_ED25519, ate__bytes(public_key, ATE__SIG_PUBLIC), &v);
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
    memcpy(public_key, ate__sign_key_public(k).data, sizeof public_key);
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
        assert_int_equal(ate__verify_key_new(ATE__SIG_MLDSA65_ED25519,
                                             ate__bytes(public_key, sizeof public_key), &v),
                         0);
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

static int import_ed448(const uint8_t point[57])
{
    struct ate__verify_key *v = NULL;
    int rc = ate__verify_key_new(ATE__SIG_ED448, ate__bytes(point, 57), &v);
    ate__verify_key_free(v);
    return rc;
}

static void bad_points_of_ed448_are_refused(void **state)
{
    (void)state;
    uint8_t y[57] = {0};
    for (unsigned sign = 0; sign <= 0x80; sign += 0x80) {
        memset(y, 0, sizeof y);
        y[56] = (uint8_t)sign;
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* order 4 */
        y[0] = 1;
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* neutral */
        y[0] = 2;
        assert_int_equal(import_ed448(y), 0);
        memset(y, 0xff, 56); /* from here on p = 2^448 - 2^224 - 1 and its neighbours */
        y[28] = 0xfe;
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* p: 0 again */
        y[0] = 0xfe;
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* -1, order 2 */
        y[0] = 0xfd;
        assert_int_equal(import_ed448(y), 0);
        memset(y, 0, 28);
        y[28] = 0xff;
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* p + 1: 1 again */
        memset(y, 0xff, 56);
        assert_int_equal(import_ed448(y), ATE_MALFORMED); /* the largest */
        memset(y, 0, 56);
        y[0] = 2;
        y[56] = (uint8_t)(sign | 1); /* beyond 448 bits */
        assert_int_equal(import_ed448(y), ATE_MALFORMED);
        y[56] = (uint8_t)sign;
    }
    assert_int_equal(ERR_peek_error(), 0);
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
        assert_int_equal(
            ate__verify_key_new(ATE__SIG_MLDSA65_ED25519, ate__bytes(zeros, size[i]), &v),
            ATE_MALFORMED);
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
        cmocka_unit_test(published),
        cmocka_unit_test(plain_curves),
        cmocka_unit_test(half_of_a_composite),
        cmocka_unit_test(unknown_algorithms_are_refused),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(another_key_does_not_verify),
        cmocka_unit_test(contexts_are_bounded),
        cmocka_unit_test(bad_points_are_refused),
        cmocka_unit_test(bad_points_of_ed448_are_refused),
        cmocka_unit_test(the_neutral_point_would_sign_all),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(one_key_in_many_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
