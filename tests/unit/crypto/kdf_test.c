/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/kdf.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "help.h"
#include "lib/rnd.h"

/* RFC 5869 appendix A, the SHA-256 cases */
static const struct {
    const char *ikm, *salt, *info, *prk, *okm; /* hex */
} rfc5869[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
     "f0f1f2f3f4f5f6f7f8f9", "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
     "2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
     "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b"
     "8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadb"
     "dcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
     "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
};

static struct ate_bytes bytes_of(const char *hex, uint8_t *to)
{
    of_hex(hex, to, strlen(hex) / 2);
    return ate__bytes(to, strlen(hex) / 2);
}

static void hkdf_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(rfc5869); i++) {
        uint8_t ikm[100], salt[100], info[100], okm[100];
        size_t size = strlen(rfc5869[i].okm) / 2;
        struct ate__key32 prk;
        assert_int_equal(
            ate__hkdf_extract(bytes_of(rfc5869[i].salt, salt), bytes_of(rfc5869[i].ikm, ikm), &prk),
            0);
        assert_hex(prk.b, 32, rfc5869[i].prk);
        assert_int_equal(ate__hkdf_expand(&prk, bytes_of(rfc5869[i].info, info), okm, size), 0);
        assert_hex(okm, size, rfc5869[i].okm);
    }
}

static void expansions_begin_alike(void **state)
{
    (void)state;
    struct ate__key32 prk = {{1}};
    static uint8_t all[ATE__HKDF_EXPAND_MAX], part[ATE__HKDF_EXPAND_MAX];
    struct ate_bytes info = ate__text_bytes("info");
    assert_int_equal(ate__hkdf_expand(&prk, info, all, sizeof all), 0);
    static const size_t size[] = {0, 1, 31, 32, 33, 64, 65, ATE__HKDF_EXPAND_MAX - 1};
    for (size_t i = 0; i < ATE__COUNT_OF(size); i++) {
        memset(part, 0xa5, sizeof part);
        assert_int_equal(ate__hkdf_expand(&prk, info, part, size[i]), 0);
        assert_memory_equal(part, all, size[i]);
        assert_int_equal(part[size[i]], 0xa5);
    }
}

static void kdf_is_expand_over_the_frame(void **state)
{
    (void)state;
    struct ate__key32 key = {{7}}, expected, got;
    const struct ate_bytes fields[] = {ate__text_bytes("chain"), {NULL, 0}, ate__text_bytes("id")};
    struct ate__buf frame = ATE__BUF_NULL;
    assert_int_equal(ate__frame(&frame, "ate enc 1", fields, 3), 0);
    assert_int_equal(ate__hkdf_expand(&key, ate__buf_bytes(&frame), expected.b, 32), 0);
    assert_int_equal(ate__kdf(&key, "ate enc 1", fields, 3, &got), 0);
    assert_memory_equal(got.b, expected.b, 32);
    assert_int_equal(ate__kdf(&key, "ate id 1", fields, 3, &got), 0);
    assert_memory_not_equal(got.b, expected.b, 32);
    assert_int_equal(ate__kdf(&key, "ate enc 1", fields, 2, &got), 0);
    assert_memory_not_equal(got.b, expected.b, 32);
    assert_int_equal(ate__kdf(&key, "ate enc 1", NULL, 0, &got), 0);
    ate__buf_clear(&frame);
    assert_int_equal(ate__frame(&frame, "ate enc 1", NULL, 0), 0);
    assert_int_equal(ate__hkdf_expand(&key, ate__buf_bytes(&frame), expected.b, 32), 0);
    assert_memory_equal(got.b, expected.b, 32);
    ate__buf_deinit(&frame);
    assert_int_equal(ate__kdf(&key, "onto itself", NULL, 0, &expected), 0);
    assert_int_equal(ate__kdf(&key, "onto itself", NULL, 0, &key), 0);
    assert_memory_equal(key.b, expected.b, 32);
}

static void wrap_vector(void **state)
{
    (void)state; /* RFC 3394 section 4.6 */
    struct ate__key32 kek, key, back;
    uint8_t wrapped[ATE__WRAPPED_KEY];
    of_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", kek.b, 32);
    of_hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f", key.b, 32);
    assert_int_equal(ate__wrap(&kek, &key, wrapped), 0);
    assert_hex(wrapped, sizeof wrapped,
               "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
    assert_int_equal(ate__unwrap(&kek, wrapped, &back), 0);
    assert_memory_equal(back.b, key.b, 32);
}

static void wrapped_keys_open_only_whole(void **state)
{
    (void)state;
    struct rnd rnd = rnd_of(rnd_seed(7));
    struct ate__key32 kek, key, back;
    uint8_t wrapped[ATE__WRAPPED_KEY];
    rnd_bytes(&rnd, kek.b, 32);
    rnd_bytes(&rnd, key.b, 32);
    assert_int_equal(ate__wrap(&kek, &key, wrapped), 0);
    memset(&back, 0xa5, sizeof back);
    for (unsigned bit = 0; bit < 8 * sizeof wrapped; bit++) {
        wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__unwrap(&kek, wrapped, &back), ATE_NO_KEY);
        wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        kek.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__unwrap(&kek, wrapped, &back), ATE_NO_KEY);
        kek.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(back.b[i], 0xa5); /* written on success only */
    assert_int_equal(ate__unwrap(&kek, wrapped, &back), 0);
    assert_memory_equal(back.b, key.b, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hkdf_vectors),
        cmocka_unit_test(expansions_begin_alike),
        cmocka_unit_test(kdf_is_expand_over_the_frame),
        cmocka_unit_test(wrap_vector),
        cmocka_unit_test(wrapped_keys_open_only_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
