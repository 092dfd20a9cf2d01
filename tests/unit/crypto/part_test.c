/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * part_test.c: each algorithm by itself. Published vectors: sign_test.c, note_test.c.
 * checkpoints are note_test.c's.
 */
#include "crypto/part.h"
#include "base/err.h"
#include "help.h"

enum { SIGNATURE_MAX = 4627, PUBLIC_MAX = 2592 };

static const struct {
    enum ate__part part;
    size_t seed_size, public_size, signature_size;
} algorithm[] = {
    {ATE__PART_ED25519, 32, 32, 64},     {ATE__PART_ED448, 57, 57, 114},
    {ATE__PART_MLDSA44, 32, 1312, 2420}, {ATE__PART_MLDSA65, 32, 1952, 3309},
    {ATE__PART_MLDSA87, 32, 2592, 4627},
};

static const uint8_t seed[ATE__PART_SEED_MAX] = {3, 2, 1};
static const struct ate_bytes text = {"text", 4}, other = {"texU", 4};

static void sign_and_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATE__COUNT_OF(algorithm); i++) {
        uint8_t public_key[PUBLIC_MAX], again[PUBLIC_MAX], signature[SIGNATURE_MAX];
        ate__cleanup(EVP_PKEY_freep) EVP_PKEY *key = NULL, *same = NULL, *verify = NULL;
        enum ate__part part = algorithm[i].part;
        size_t size = algorithm[i].signature_size;
        assert_int_equal(ate__part_seed_size(part), algorithm[i].seed_size);
        assert_int_equal(ate__part_public_size(part), algorithm[i].public_size);
        assert_int_equal(ate__part_signature_size(part), size);
        assert_int_equal(ate__part_of_seed(part, seed, &key, public_key), 0);
        assert_int_equal(ate__part_of_seed(part, seed, &same, again), 0);
        assert_memory_equal(public_key, again, algorithm[i].public_size);
        assert_int_equal(ate__part_load(part, public_key, &verify), 0);
        assert_int_equal(ate__part_sign(key, NULL, text, signature, size), 0);
        struct ate_bytes s = ate__bytes(signature, size);
        assert_int_equal(ate__part_verify(verify, NULL, text, s), 0);
        assert_int_equal(ate__part_verify(verify, NULL, other, s), ATE_TAMPERED);
        s.size--;
        assert_int_equal(ate__part_verify(verify, NULL, text, s), ATE_TAMPERED);
        s.size++;
        signature[size / 2] ^= 1;
        assert_int_equal(ate__part_verify(verify, NULL, text, s), ATE_TAMPERED);
    }
}

static void points_are_checked(void **state)
{
    (void)state;
    static const uint8_t first[] = {0, 1, 0xec, 0xed, 0xee}; /* small orders; p and above */
    for (size_t i = 0; i < ATE__COUNT_OF(first); i++) {
        uint8_t point[32] = {0};
        if (first[i] > 1) {
            memset(point, 0xff, sizeof point);
            point[31] = 0x7f;
        }
        point[0] = first[i];
        EVP_PKEY *key = NULL;
        assert_int_equal(ate__part_load(ATE__PART_ED25519, point, &key), ATE_MALFORMED);
        point[31] |= 0x80;
        assert_int_equal(ate__part_load(ATE__PART_ED25519, point, &key), ATE_MALFORMED);
        assert_null(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign_and_verify),
        cmocka_unit_test(points_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
