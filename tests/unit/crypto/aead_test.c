/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/aead.h"
#include "base/endian.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "fixed.h"
#include "help.h"
#include "lib/distinct.h"
#include "lib/rnd.h"
#include "lib/simenv.h"
#include "vectors.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static struct ate__aead *aead_of(const void *key)
{
    struct ate__key32 k;
    memcpy(k.b, key, sizeof k.b);
    struct ate__aead *a;
    assert_int_equal(ate__aead_new(&k, &a), 0);
    return a;
}

static void check_vector(struct ate_bytes key, struct ate_bytes nonce, struct ate_bytes aad,
                         struct ate_bytes plain, struct ate_bytes expected)
{
    assert_int_equal(key.size, 32);
    assert_int_equal(nonce.size, ATE__AEAD_NONCE);
    struct fixed f;
    fixed_init(&f, nonce.data, nonce.size);
    struct ate__aead *a = aead_of(key.data);
    struct ate__buf out = ATE__BUF_NULL;
    uint8_t used[ATE__AEAD_NONCE];
    assert_int_equal(ate__aead_encrypt(a, &f.env, aad, plain, used, &out), 0);
    assert_memory_equal(used, nonce.data, nonce.size);
    assert_true(ate__bytes_equal(ate__buf_bytes(&out), expected));
    struct ate__buf back = ATE__BUF_NULL;
    assert_int_equal(ate__aead_decrypt(a, nonce.data, aad, expected, &back), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&back), plain));
    ate__buf_deinit(&out);
    ate__buf_deinit(&back);
    ate__aead_free(a);
}

static void published_vectors(void **state)
{
    (void)state;
    json_t *json = vectors_open("xaes-256-gcm.json"), *v;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(json, "vectors")), 2);
    json_array_foreach(json_object_get(json, "vectors"), i, v)
    {
        struct ate__buf key = vector_hex(v, "key"), nonce = vector_hex(v, "nonce"),
                        aad = vector_hex(v, "aad"), plain = vector_hex(v, "plaintext"),
                        cipher = vector_hex(v, "ciphertext");
        check_vector(ate__buf_bytes(&key), ate__buf_bytes(&nonce), ate__buf_bytes(&aad),
                     ate__buf_bytes(&plain), ate__buf_bytes(&cipher));
        ate__buf_deinit(&key);
        ate__buf_deinit(&nonce);
        ate__buf_deinit(&aad);
        ate__buf_deinit(&plain);
        ate__buf_deinit(&cipher);
    }
    json_decref(json);
}

static void squeeze(EVP_MD_CTX *xof, void *to, size_t size)
{
    if (size)
        assert_int_equal(EVP_DigestSqueeze(xof, to, size), 1);
}

/* The accumulated test of the specification: keys, nonces and texts from one SHAKE-128, a hash over
 * all ciphertexts. */
static void accumulated_vectors(void **state)
{
    (void)state;
    EVP_MD_CTX *rng = EVP_MD_CTX_new(), *hash = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex2(rng, EVP_shake128(), NULL), 1);
    assert_int_equal(EVP_DigestInit_ex2(hash, EVP_shake128(), NULL), 1);
    struct ate__buf out = ATE__BUF_NULL, back = ATE__BUF_NULL;
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t key[32], nonce[ATE__AEAD_NONCE], used[ATE__AEAD_NONCE], plain[255], aad[255];
        uint8_t plain_size, aad_size;
        squeeze(rng, key, sizeof key);
        squeeze(rng, nonce, sizeof nonce);
        squeeze(rng, &plain_size, 1);
        squeeze(rng, plain, plain_size);
        squeeze(rng, &aad_size, 1);
        squeeze(rng, aad, aad_size);
        struct fixed f;
        fixed_init(&f, nonce, sizeof nonce);
        struct ate__aead *a = aead_of(key);
        ate__buf_clear(&out);
        ate__buf_clear(&back);
        assert_int_equal(ate__aead_encrypt(a, &f.env, ate__bytes(aad, aad_size),
                                           ate__bytes(plain, plain_size), used, &out),
                         0);
        assert_int_equal(EVP_DigestUpdate(hash, out.data, out.size), 1);
        assert_int_equal(
            ate__aead_decrypt(a, nonce, ate__bytes(aad, aad_size), ate__buf_bytes(&out), &back), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__bytes(plain, plain_size)));
        ate__aead_free(a);
    }
    uint8_t got[32];
    assert_int_equal(EVP_DigestFinalXOF(hash, got, sizeof got), 1);
    json_t *json = vectors_open("xaes-256-gcm.json");
    assert_hex(got, sizeof got,
               json_string_value(json_object_get(json_object_get(json, "accumulated"), "10000")));
    json_decref(json);
    EVP_MD_CTX_free(rng);
    EVP_MD_CTX_free(hash);
    ate__buf_deinit(&out);
    ate__buf_deinit(&back);
}

/* Fails, and leaves in `out` and in the memory behind it what was there. */
static void assert_refused(const struct ate__aead *a, const uint8_t *nonce, struct ate_bytes aad,
                           struct ate_bytes cipher)
{
    struct ate__buf out = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&out, ate__text_bytes("before")), 0);
    assert_int_equal(ate__buf_reserve(&out, cipher.size), 0);
    memset(out.data + out.size, 0, out.capacity - out.size);
    assert_int_equal(ate__aead_decrypt(a, nonce, aad, cipher, &out), ATE_TAMPERED);
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "before", 6);
    for (size_t i = out.size; i < out.capacity; i++)
        assert_int_equal(out.data[i], 0);
    ate__buf_deinit(&out);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, rnd_seed(2), NULL);
    uint8_t key[32], nonce[ATE__AEAD_NONCE], aad[20], plain[50];
    ate__random(&sim.env, key, sizeof key);
    ate__random(&sim.env, aad, sizeof aad);
    ate__random(&sim.env, plain, sizeof plain);
    struct ate__aead *a = aead_of(key);
    struct ate__buf c = ATE__BUF_NULL;
    struct ate_bytes bound = ate__bytes(aad, sizeof aad);
    assert_int_equal(
        ate__aead_encrypt(a, &sim.env, bound, ate__bytes(plain, sizeof plain), nonce, &c), 0);
    struct {
        uint8_t *at;
        size_t size;
    } part[] = {{c.data, c.size}, {aad, sizeof aad}, {nonce, sizeof nonce}};
    for (size_t p = 0; p < ATE__COUNT_OF(part); p++)
        for (size_t bit = 0; bit < 8 * part[p].size; bit++) {
            part[p].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_refused(a, nonce, bound, ate__buf_bytes(&c));
            part[p].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    for (size_t size = 0; size < c.size; size++)
        assert_refused(a, nonce, bound, ate__bytes(c.data, size));
    assert_refused(a, nonce, ate__bytes(aad, sizeof aad - 1), ate__buf_bytes(&c));
    assert_refused(a, nonce, ate__bytes(NULL, 0), ate__buf_bytes(&c));
    for (size_t bit = 0; bit < 256; bit++) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct ate__aead *other = aead_of(key);
        assert_refused(other, nonce, bound, ate__buf_bytes(&c));
        ate__aead_free(other);
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ate__buf_deinit(&c);
    ate__aead_free(a);
    simenv_deinit(&sim);
}

static void round_trips_of_all_sizes(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, rnd_seed(3), NULL);
    uint8_t key[32], *plain = malloc(70000);
    assert_non_null(plain);
    ate__random(&sim.env, key, sizeof key);
    ate__random(&sim.env, plain, 70000);
    struct ate__aead *a = aead_of(key);
    for (size_t size = 0; size < 70000; size = size < 100 ? size + 1 : size * 7 / 4) {
        struct ate__buf c = ATE__BUF_NULL, back = ATE__BUF_NULL;
        uint8_t nonce[ATE__AEAD_NONCE];
        struct ate_bytes aad = ate__bytes(plain, size / 3);
        assert_int_equal(ate__buf_append(&c, ate__text_bytes("x")), 0);
        assert_int_equal(ate__aead_encrypt(a, &sim.env, aad, ate__bytes(plain, size), nonce, &c),
                         0);
        assert_int_equal(c.size, 1 + size + ATE__AEAD_TAG);
        assert_int_equal(c.data[0], 'x');
        struct ate_bytes cipher = ate__bytes(c.data + 1, c.size - 1);
        assert_int_equal(ate__aead_decrypt(a, nonce, aad, cipher, &back), 0);
        assert_true(ate__bytes_equal(ate__buf_bytes(&back), ate__bytes(plain, size)));
        struct ate__secret secret;
        assert_int_equal(ate__secret_init(&secret, size), 0);
        assert_int_equal(ate__aead_decrypt_to(a, nonce, aad, cipher, secret.data, size), 0);
        assert_memory_equal(secret.data, plain, size);
        assert_int_equal(ate__aead_decrypt_to(a, nonce, aad, cipher, secret.data, size + 1),
                         ATE_TAMPERED);
        ate__secret_deinit(&secret);
        ate__buf_deinit(&c);
        ate__buf_deinit(&back);
    }
    ate__aead_free(a);
    free(plain);
    simenv_deinit(&sim);
}

static void failed_decryption_leaves_no_plaintext(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, rnd_seed(4), NULL);
    struct ate__aead *a = aead_of("01234567890123456789012345678901");
    struct ate__buf c = ATE__BUF_NULL;
    uint8_t nonce[ATE__AEAD_NONCE], back[1000];
    static const uint8_t plain[1000] = {1, 2, 3};
    assert_int_equal(ate__aead_encrypt(a, &sim.env, ate__bytes(NULL, 0),
                                       ate__bytes(plain, sizeof plain), nonce, &c),
                     0);
    c.data[c.size - 1] ^= 1;
    memset(back, 0xa5, sizeof back);
    assert_int_equal(
        ate__aead_decrypt_to(a, nonce, ate__bytes(NULL, 0), ate__buf_bytes(&c), back, sizeof back),
        ATE_TAMPERED);
    for (size_t i = 0; i < sizeof back; i++)
        assert_int_equal(back[i], 0);
    ate__buf_deinit(&c);
    ate__aead_free(a);
    simenv_deinit(&sim);
}

/* The halves too: the first one alone chooses the message's key. */
static void nonces_are_drawn_afresh(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, rnd_seed(5), NULL);
    struct ate__aead *a = aead_of("01234567890123456789012345678901");
    struct distinct first = {0}, second = {0}, ciphertexts = {0};
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t nonce[ATE__AEAD_NONCE];
        struct ate__buf c = ATE__BUF_NULL;
        assert_int_equal(ate__aead_encrypt(a, &sim.env, ate__bytes(NULL, 0),
                                           ate__text_bytes("the same"), nonce, &c),
                         0);
        assert_true(distinct_add(&first, ate__load64(nonce)));
        assert_true(distinct_add(&second, ate__load64(nonce + ATE__AEAD_NONCE / 2)));
        assert_true(distinct_add(&ciphertexts, ate__load64(c.data)));
        ate__buf_deinit(&c);
    }
    distinct_deinit(&first);
    distinct_deinit(&second);
    distinct_deinit(&ciphertexts);
    ate__aead_free(a);
    simenv_deinit(&sim);
}

static void too_big_is_said_before_it_is_read(void **state)
{
    (void)state;
    struct ate__aead *a = aead_of("01234567890123456789012345678901");
    struct ate_bytes huge = ate__bytes("x", (size_t)ATE__AEAD_INPUT_MAX + 1), small = {"x", 1};
    struct ate__buf out = ATE__BUF_NULL;
    uint8_t nonce[ATE__AEAD_NONCE] = {0};
    assert_int_equal(ate__aead_encrypt(a, &ate__env_real, huge, small, nonce, &out), ATE_TOO_BIG);
    assert_int_equal(ate__aead_encrypt(a, &ate__env_real, small, huge, nonce, &out), ATE_TOO_BIG);
    assert_int_equal(ate__aead_decrypt(a, nonce, huge, small, &out), ATE_TOO_BIG);
    assert_int_equal(ate__aead_decrypt(a, nonce, small, huge, &out), ATE_TOO_BIG);
    assert_int_equal(out.size, 0);
    ate__buf_deinit(&out);
    ate__aead_free(a);
    ate__aead_free(NULL);
}

struct user {
    const struct ate__aead *a;
    struct ate__env *env;
    bool good;
};
static void *use(void *arg)
{
    struct user *u = arg;
    for (unsigned i = 0; i < 500; i++) {
        struct ate__buf c = ATE__BUF_NULL, back = ATE__BUF_NULL;
        uint8_t nonce[ATE__AEAD_NONCE];
        struct ate_bytes plain = ate__bytes(&i, sizeof i);
        if (ate__aead_encrypt(u->a, u->env, plain, plain, nonce, &c) ||
            ate__aead_decrypt(u->a, nonce, plain, ate__buf_bytes(&c), &back) ||
            !ate__bytes_equal(ate__buf_bytes(&back), plain))
            u->good = false;
        ate__buf_deinit(&c);
        ate__buf_deinit(&back);
    }
    return NULL;
}

static void one_key_in_many_threads(void **state)
{
    (void)state;
    struct simenv sim;
    simenv_init(&sim, rnd_seed(6), NULL);
    struct ate__aead *a = aead_of("01234567890123456789012345678901");
    struct user user[4];
    pthread_t thread[4];
    for (unsigned i = 0; i < 4; i++) {
        user[i] = (struct user){a, &sim.env, true};
        assert_int_equal(pthread_create(&thread[i], NULL, use, &user[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(user[i].good);
    }
    ate__aead_free(a);
    simenv_deinit(&sim);
    assert_int_equal(ate__secret_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(accumulated_vectors),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(round_trips_of_all_sizes),
        cmocka_unit_test(failed_decryption_leaves_no_plaintext),
        cmocka_unit_test(nonces_are_drawn_afresh),
        cmocka_unit_test(too_big_is_said_before_it_is_read),
        cmocka_unit_test(one_key_in_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
