/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/mac.h"
#include "help.h"

/* RFC 4231 */
static const struct {
    const char *key, *message, *mac; /* hex */
} rfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddddddddddddddddddddddddddddddddddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaa",
     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
     "65204b6579202d2048617368204b6579204669727374",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(rfc4231); i++) {
        uint8_t key[256], message[256], got[32];
        size_t key_size = strlen(rfc4231[i].key) / 2, size = strlen(rfc4231[i].message) / 2;
        of_hex(rfc4231[i].key, key, key_size);
        of_hex(rfc4231[i].message, message, size);
        struct ate__mac m;
        ate__mac_begin(&m, ate__bytes(key, key_size));
        ate__mac_bytes(&m, ate__bytes(message, 3));
        ate__mac_bytes(&m, ate__bytes(message + 3, size - 3));
        assert_int_equal(ate__mac_end(&m, got), 0);
        ate__mac_deinit(&m);
        assert_hex(got, 32, rfc4231[i].mac);
    }
}

static void empty_key_and_message(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t got[32];
        struct ate__mac m;
        ate__mac_begin(&m, ate__bytes(i ? "" : NULL, 0));
        ate__mac_bytes(&m, ate__bytes(NULL, 0));
        assert_int_equal(ate__mac_end(&m, got), 0);
        ate__mac_deinit(&m);
        assert_hex(got, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    }
}

static void hmac_is_over_the_frame(void **state)
{
    (void)state;
    const struct ate_bytes fields[] = {ate__text_bytes("parent"), {NULL, 0}};
    struct ate__buf frame = ATE__BUF_NULL;
    assert_int_equal(ate__frame(&frame, "a label", fields, 2), 0);
    uint8_t expected[32];
    struct ate__mac m;
    ate__mac_begin(&m, ate__text_bytes("key"));
    ate__mac_bytes(&m, ate__buf_bytes(&frame));
    assert_int_equal(ate__mac_end(&m, expected), 0);
    ate__mac_deinit(&m);
    ate__buf_deinit(&frame);

    struct ate_hash hash, other;
    assert_int_equal(ate__hmac(ate__text_bytes("key"), "a label", fields, 2, &hash), 0);
    assert_memory_equal(hash.b, expected, 32);
    assert_int_equal(ate__hmac(ate__text_bytes("kez"), "a label", fields, 2, &other), 0);
    assert_memory_not_equal(hash.b, other.b, 32);
    assert_int_equal(ate__hmac(ate__text_bytes("key"), "a labem", fields, 2, &other), 0);
    assert_memory_not_equal(hash.b, other.b, 32);
    assert_int_equal(ate__hmac(ate__text_bytes("key"), "a label", fields, 1, &other), 0);
    assert_memory_not_equal(hash.b, other.b, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(empty_key_and_message),
        cmocka_unit_test(hmac_is_over_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
