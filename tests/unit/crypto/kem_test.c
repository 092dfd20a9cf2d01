/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/hpke.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "fixed.h"
#include "help.h"
#include "pq.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>

enum { M_PUBLIC = 1184, M_CIPHER = 1088, TAG = 16 };

static const json_t *vector; /* the one with X-Wing */

static int set_up(void **state)
{
    int rc = pq_set_up(state);
    vector = pq_vector(ATE__KEM_XWING);
    return rc;
}

static void published_xwing(void **state)
{
    (void)state;
    struct ate__buf sk = vector_hex(vector, "skRm"), pk = vector_hex(vector, "pkRm"),
                    enc = vector_hex(vector, "enc"), ss = vector_hex(vector, "shared_secret"),
                    ikm = vector_hex(vector, "ikmE");
    struct ate__key32 seed = pq_key_of(&sk), shared;
    uint8_t public_key[ATE__XWING_PUBLIC], ours[ATE__XWING_ENC];
    assert_int_equal(ate__xwing_public(&seed, public_key), 0);
    assert_true(ate__bytes_equal(ate__bytes(public_key, sizeof public_key), ate__buf_bytes(&pk)));
    assert_int_equal(ate__xwing_check(public_key), 0);
    assert_int_equal(enc.size, ATE__XWING_ENC);
    assert_int_equal(ate__xwing_decapsulate(&seed, enc.data, &shared), 0);
    assert_true(ate__bytes_equal(ate__bytes(shared.b, 32), ate__buf_bytes(&ss)));

    /* The second half of ikmE is X25519's ephemeral key; ML-KEM's randomness is OpenSSL's own. */
    assert_int_equal(ikm.size, 64);
    struct fixed f;
    fixed_init(&f, ikm.data + 32, 32);
    assert_int_equal(ate__xwing_encapsulate(public_key, &f.env, ours, &shared), 0);
    assert_memory_equal(ours + M_CIPHER, enc.data + M_CIPHER, 32);
    assert_memory_not_equal(ours, enc.data, M_CIPHER);
    struct ate__key32 back;
    assert_int_equal(ate__xwing_decapsulate(&seed, ours, &back), 0);
    assert_memory_equal(back.b, shared.b, 32);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&enc);
    ate__buf_deinit(&ss);
    ate__buf_deinit(&ikm);
}

/* ML-KEM-768 as OpenSSL does it, with the first half of ikmE as its randomness. */
static void published_mlkem(void **state)
{
    (void)state;
    struct ate__buf pk = vector_hex(vector, "pkRm"), enc = vector_hex(vector, "enc"),
                    ikm = vector_hex(vector, "ikmE");
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ML-KEM-768", NULL, pk.data, M_PUBLIC);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, ikm.data, 32),
        OSSL_PARAM_construct_end(),
    };
    uint8_t cipher[M_CIPHER], shared[32];
    size_t cipher_size = sizeof cipher, shared_size = sizeof shared;
    assert_int_equal(EVP_PKEY_encapsulate_init(ctx, params), 1);
    assert_int_equal(EVP_PKEY_encapsulate(ctx, cipher, &cipher_size, shared, &shared_size), 1);
    assert_memory_equal(cipher, enc.data, M_CIPHER);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    ate__buf_deinit(&pk);
    ate__buf_deinit(&enc);
    ate__buf_deinit(&ikm);
}

/* The first message; each of ours is sealed to a key of its own. */
static void published_hpke(void **state)
{
    (void)state;
    const json_t *message = json_array_get(json_object_get(vector, "encryptions"), 0);
    struct ate__buf sk = vector_hex(vector, "skRm"), sealed = vector_hex(vector, "enc"),
                    info = vector_hex(vector, "info"), aad = vector_hex(message, "aad"),
                    ct = vector_hex(message, "ct"), pt = vector_hex(message, "pt");
    struct ate__key32 seed = pq_key_of(&sk);
    uint8_t plain[100];
    assert_int_equal(ate__buf_append(&sealed, ate__buf_bytes(&ct)), 0);
    assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &seed, ate__buf_bytes(&info),
                                    ate__buf_bytes(&aad), ate__buf_bytes(&sealed), plain, pt.size),
                     0);
    assert_memory_equal(plain, pt.data, pt.size);
    ate__buf_deinit(&sealed);
    ate__buf_deinit(&info);
    ate__buf_deinit(&aad);
    ate__buf_deinit(&ct);
    ate__buf_deinit(&pt);
}

/* A sealed message and all that it is bound to. */
struct sealed {
    struct ate__key32 seed;
    uint8_t public_key[ATE__XWING_PUBLIC], plain[32], info[10], aad[12];
    struct ate__buf out;
};

static void seal(struct sealed *s)
{
    *s = (struct sealed){.out = ATE__BUF_NULL};
    ate__random(&pq_sim.env, s->seed.b, sizeof s->seed.b);
    ate__random(&pq_sim.env, s->plain, sizeof s->plain);
    assert_int_equal(ate__xwing_public(&s->seed, s->public_key), 0);
    assert_int_equal(ate__hpke_seal(ATE__KEM_XWING, ate__bytes(s->public_key, sizeof s->public_key),
                                    &pq_sim.env, ate__bytes(s->info, sizeof s->info),
                                    ate__bytes(s->aad, sizeof s->aad),
                                    ate__bytes(s->plain, sizeof s->plain), &s->out),
                     0);
    assert_int_equal(s->out.size, ATE__XWING_ENC + sizeof s->plain + TAG);
}

static int open_sealed(const struct sealed *s)
{
    uint8_t plain[sizeof s->plain];
    memset(plain, 0xa5, sizeof plain);
    int rc = ate__hpke_open(ATE__KEM_XWING, &s->seed, ate__bytes(s->info, sizeof s->info),
                            ate__bytes(s->aad, sizeof s->aad), ate__buf_bytes(&s->out), plain,
                            sizeof plain);
    if (!rc)
        assert_memory_equal(plain, s->plain, sizeof plain);
    else
        assert_memory_not_equal(plain, s->plain, sizeof plain);
    return rc;
}

static void every_changed_byte_is_seen(void **state)
{
    (void)state;
    struct sealed s;
    seal(&s);
    assert_int_equal(open_sealed(&s), 0);
    struct {
        uint8_t *at;
        size_t size;
    } part[] = {
        {s.out.data, s.out.size}, {s.info, sizeof s.info}, {s.aad, sizeof s.aad}, {s.seed.b, 32}};
    for (size_t p = 0; p < ATE__COUNT_OF(part); p++)
        for (size_t i = 0; i < part[p].size; i++) {
            /* Among them the top bit of X25519's point, which means nothing but is hashed. */
            part[p].at[i] ^= (uint8_t)(1 << i % 8);
            assert_int_equal(open_sealed(&s), ATE_NO_KEY);
            part[p].at[i] ^= (uint8_t)(1 << i % 8);
        }
    assert_int_equal(open_sealed(&s), 0);
    assert_int_equal(ERR_peek_error(), 0);

    uint8_t plain[64];
    struct ate_bytes info = ate__bytes(s.info, sizeof s.info),
                     aad = ate__bytes(s.aad, sizeof s.aad);
    for (size_t size = 0; size < s.out.size; size += size < 1100 ? 61 : 1) {
        size_t plain_size = size < ATE__XWING_ENC + TAG ? 0 : size - ATE__XWING_ENC - TAG;
        assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &s.seed, info, aad,
                                        ate__bytes(s.out.data, size), plain, plain_size),
                         ATE_NO_KEY);
    }
    for (size_t size = 0; size < sizeof plain; size++)
        assert_int_equal(
            ate__hpke_open(ATE__KEM_XWING, &s.seed, info, aad, ate__buf_bytes(&s.out), plain, size),
            size == sizeof s.plain ? 0 : ATE_NO_KEY);
    ate__buf_deinit(&s.out);
}

static void round_trips_of_some_sizes(void **state)
{
    (void)state;
    static uint8_t text[5000], back[5000];
    struct sealed s;
    seal(&s);
    ate__random(&pq_sim.env, text, sizeof text);
    static const size_t size[] = {0, 1, 16, 32, 63, 5000};
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++) {
        struct ate_bytes info = ate__bytes(text, size[i] / 2), aad = ate__bytes(text, size[i]);
        ate__buf_clear(&s.out);
        assert_int_equal(ate__buf_append(&s.out, ate__text_bytes("before")), 0);
        assert_int_equal(ate__hpke_seal(ATE__KEM_XWING,
                                        ate__bytes(s.public_key, sizeof s.public_key), &pq_sim.env,
                                        info, aad, ate__bytes(text, size[i]), &s.out),
                         0);
        assert_memory_equal(s.out.data, "before", 6);
        assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &s.seed, info, aad,
                                        ate__bytes(s.out.data + 6, s.out.size - 6), back, size[i]),
                         0);
        assert_memory_equal(back, text, size[i]);
    }
    ate__buf_deinit(&s.out);
}

static void failed_opening_leaves_no_plaintext(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t plain[32];
    seal(&s);
    s.out.data[s.out.size - 1] ^= 1;
    memset(plain, 0xa5, sizeof plain);
    assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &s.seed, ate__bytes(s.info, sizeof s.info),
                                    ate__bytes(s.aad, sizeof s.aad), ate__buf_bytes(&s.out), plain,
                                    sizeof plain),
                     ATE_NO_KEY);
    for (size_t i = 0; i < sizeof plain; i++)
        assert_int_equal(plain[i], 0);
    ate__buf_deinit(&s.out);
}

static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    /* the same with the top bit, which X25519 ignores, and with p added where that fits */
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void points_of_low_order_are_refused(void **state)
{
    (void)state;
    struct sealed s;
    seal(&s);
    for (size_t i = 0; i < ATE__COUNT_OF(low_order); i++) {
        struct ate__buf out = ATE__BUF_NULL;
        struct ate__key32 shared = {{7}};
        uint8_t enc[ATE__XWING_ENC] = {9};
        of_hex(low_order[i], s.public_key + M_PUBLIC, 32);
        assert_int_equal(ate__xwing_check(s.public_key), ATE_MALFORMED);
        assert_int_equal(ate__xwing_encapsulate(s.public_key, &pq_sim.env, enc, &shared),
                         ATE_MALFORMED);
        assert_int_equal(enc[0], 9);
        assert_int_equal(ate__hpke_seal(ATE__KEM_XWING,
                                        ate__bytes(s.public_key, sizeof s.public_key), &pq_sim.env,
                                        ate__text_bytes("i"), ate__text_bytes("a"),
                                        ate__text_bytes("p"), &out),
                         ATE_MALFORMED);
        assert_int_equal(out.size, 0);
        of_hex(low_order[i], s.out.data + M_CIPHER, 32);
        assert_int_equal(ate__xwing_decapsulate(&s.seed, s.out.data, &shared), ATE_NO_KEY);
        assert_int_equal(shared.b[0], 7);
        assert_int_equal(open_sealed(&s), ATE_NO_KEY);
        ate__buf_deinit(&out);
    }
    ate__buf_deinit(&s.out);
}

/* OpenSSL's exchange refuses exactly those; so the table lacks none of them. */
static void openssl_agrees_about_low_order(void **state)
{
    (void)state;
    const uint8_t private_key[32] = {3};
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32);
    assert_non_null(own);
    for (size_t i = 0; i < ATE__COUNT_OF(low_order) + 2; i++) {
        uint8_t point[32] = {9}, shared[32];
        size_t size = sizeof shared;
        bool low = i < ATE__COUNT_OF(low_order);
        if (low)
            of_hex(low_order[i], point, 32);
        else
            point[0] = (uint8_t)i;
        EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, 32);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
        assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
        assert_int_equal(EVP_PKEY_derive(ctx, shared, &size) == 1, !low);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(peer);
    }
    EVP_PKEY_free(own);
    ERR_clear_error();
}

static void bad_encapsulation_keys_are_refused(void **state)
{
    (void)state;
    struct sealed s;
    struct ate__buf out = ATE__BUF_NULL;
    seal(&s);
    assert_int_equal(ate__xwing_check(s.public_key), 0);
    /* Each coefficient has 12 bits and must be below 3329 (0xd01). */
    static const struct {
        size_t at;
        uint8_t byte[3];
        int expected;
    } change[] = {
        {0, {0x01, 0x0d, 0x00}, ATE_MALFORMED}, /* the first is 3329 */
        {0, {0x00, 0x0d, 0x00}, 0}, /* 3328 */
        {0, {0xff, 0x0f, 0x00}, ATE_MALFORMED}, /* 4095 */
        {0, {0x00, 0x10, 0xd0}, ATE_MALFORMED}, /* the second is 3329 */
        {600, {0x01, 0x0d, 0x00}, ATE_MALFORMED}, /* in the middle */
        {1149, {0x00, 0x10, 0xd0}, ATE_MALFORMED} /* the last */
    };
    for (size_t i = 0; i < ATE__COUNT_OF(change); i++) {
        uint8_t before[3];
        memcpy(before, s.public_key + change[i].at, 3);
        memcpy(s.public_key + change[i].at, change[i].byte, 3);
        assert_int_equal(ate__xwing_check(s.public_key), change[i].expected);
        ate__buf_clear(&out);
        assert_int_equal(ate__hpke_seal(ATE__KEM_XWING,
                                        ate__bytes(s.public_key, sizeof s.public_key), &pq_sim.env,
                                        ate__text_bytes("i"), ate__text_bytes("a"),
                                        ate__text_bytes("p"), &out),
                         change[i].expected);
        assert_true(!change[i].expected || !out.size);
        memcpy(s.public_key + change[i].at, before, 3);
    }
    assert_int_equal(ERR_peek_error(), 0);
    ate__buf_deinit(&out);
    ate__buf_deinit(&s.out);
}

static void too_big_is_said_before_it_is_read(void **state)
{
    (void)state;
    struct sealed s;
    struct ate__buf out = ATE__BUF_NULL;
    uint8_t plain[1];
    seal(&s);
    struct ate_bytes huge = ate__bytes("x", (size_t)ATE__AEAD_INPUT_MAX + 1), small = {"x", 1};
    for (unsigned i = 0; i < 3; i++) {
        struct ate_bytes in[3] = {small, small, small};
        in[i] = huge;
        assert_int_equal(ate__hpke_seal(ATE__KEM_XWING,
                                        ate__bytes(s.public_key, sizeof s.public_key), &pq_sim.env,
                                        in[0], in[1], in[2], &out),
                         ATE_TOO_BIG);
        assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &s.seed, in[0], in[1], in[2], plain, 1),
                         ATE_TOO_BIG);
    }
    assert_int_equal(out.size, 0);
    ate__buf_deinit(&out);
    ate__buf_deinit(&s.out);
}

static void *use(void *arg)
{
    bool *good = arg;
    for (unsigned i = 0; i < 10; i++) {
        struct ate__key32 seed = {{(uint8_t)i}}, a, b;
        uint8_t public_key[ATE__XWING_PUBLIC], enc[ATE__XWING_ENC];
        if (ate__xwing_public(&seed, public_key) ||
            ate__xwing_encapsulate(public_key, &pq_sim.env, enc, &a) ||
            ate__xwing_decapsulate(&seed, enc, &b) || memcmp(a.b, b.b, 32))
            *good = false;
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    bool good[4] = {true, true, true, true};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use, &good[i]), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(good[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_xwing),
        cmocka_unit_test(published_mlkem),
        cmocka_unit_test(published_hpke),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(round_trips_of_some_sizes),
        cmocka_unit_test(failed_opening_leaves_no_plaintext),
        cmocka_unit_test(points_of_low_order_are_refused),
        cmocka_unit_test(openssl_agrees_about_low_order),
        cmocka_unit_test(bad_encapsulation_keys_are_refused),
        cmocka_unit_test(too_big_is_said_before_it_is_read),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, set_up, pq_tear_down);
}
