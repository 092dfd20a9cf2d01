/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_test.c: keys of each form, and their halves. As text: keyfile_test.c.
 */
#include "crypto/key.h"
#include "base/err.h"
#include "crypto/hpke.h"
#include "help.h"
#include "lib/simenv.h"

static struct simenv sim;

static int set_up(void **state)
{
    (void)state;
    simenv_init(&sim, rnd_seed(8), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    simenv_deinit(&sim);
    return 0;
}

static struct ate__key *key_of(const struct ate__key_form *form, uint8_t seed)
{
    const struct ate__key32 s = {{seed}};
    struct ate__key *k;
    assert_int_equal(ate__key_make(form, &s, "label", &k), 0);
    return k;
}

/* Whether it signs what its public key verifies. */
static void check_signs(const struct ate__key *k)
{
    uint8_t signature[ATE__SIG_SIZE_MAX];
    struct ate__verify_key *v;
    struct ate_bytes m = ate__text_bytes("message");
    assert_int_equal(ate__key_signs(k), 0);
    assert_int_equal(ate__sign(k->sign_key, m, m, signature), 0);
    assert_int_equal(ate__verify_key_new(k->parts.signature->id, k->parts.signature_key, &v), 0);
    assert_int_equal(ate__verify(v, m, m, ate__bytes(signature, k->parts.signature->made_size)), 0);
    ate__verify_key_free(v);
}

static void check_opens(const struct ate__key *k)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf sealed = ATE__BUF_NULL;
    uint8_t plain[4];
    struct ate_bytes none = {NULL, 0};
    assert_true(ate__key_opens(k));
    if (!k->parts.kem)
        return;
    assert_int_equal(ate__hpke_seal(k->parts.kem->id, k->parts.kem_key, &sim.env, none, none,
                                    ate__text_bytes("text"), &sealed),
                     0);
    assert_int_equal(ate__hpke_open(k->parts.kem->id, &k->kem_seed, none, none,
                                    ate__buf_bytes(&sealed), plain, sizeof plain),
                     0);
    assert_memory_equal(plain, "text", 4);
}

static struct ate__key *half_of(const struct ate__key *k, enum ate__key_holds holds)
{
    uint8_t secret[ATE__KEY_SECRET_MAX];
    struct ate__key *half;
    size_t size = ate__key_secret(k, holds, secret);
    assert_int_equal(size, ate__key_secret_size(&k->parts, holds));
    assert_int_equal(ate__key_of_secret(ate__buf_bytes(&k->public_key), holds,
                                        ate__bytes(secret, size), k->label, &half),
                     0);
    assert_true(ate__hash_equal(&half->fingerprint, &k->fingerprint));
    assert_string_equal(half->label, k->label);
    return half;
}

static bool is_zero(const void *data, size_t size)
{
    static const uint8_t zeros[128];
    return !memcmp(data, zeros, size);
}

/* Each half has what it needs and nothing of the other: of a reader no seed that signs, of a writer
 * none that opens, and of neither the seed of all. */
static void check_halves(const struct ate__key *k)
{
    struct ate__key *reader = half_of(k, ATE__KEY_READS);
    check_opens(reader);
    assert_memory_equal(reader->read_key.b, k->read_key.b, 32);
    assert_null(reader->sign_key);
    assert_int_equal(ate__key_signs(reader), ATE_NO_KEY);
    assert_true(is_zero(&reader->seed, sizeof reader->seed));
    assert_true(is_zero(&reader->sign_seeds, sizeof reader->sign_seeds));
    ate__key_free(reader);
    if (!k->parts.signature)
        return;
    struct ate__key *writer = half_of(k, ATE__KEY_WRITES);
    check_signs(writer);
    assert_false(ate__key_opens(writer));
    assert_true(is_zero(&writer->seed, sizeof writer->seed));
    assert_true(is_zero(&writer->kem_seed, sizeof writer->kem_seed));
    assert_true(is_zero(&writer->read_key, sizeof writer->read_key));
    struct ate__key *again = half_of(writer, ATE__KEY_WRITES);
    check_signs(again);
    ate__key_free(again);
    ate__key_free(writer);
}

static void every_form(void **state)
{
    (void)state;
    const struct ate__algorithm *sig[16] = {NULL}, *kem[8] = {NULL}, *a;
    size_t sigs = 1, kems = 1;
    for (size_t i = 0; (a = ate__algorithm_at(i)); i++)
        *(a->use == ATE__USE_SIGN ? &sig[sigs++] : &kem[kems++]) = a;
    for (size_t s = 0; s < sigs; s++)
        for (size_t m = s ? 0 : 1; m < kems; m++) {
            struct ate__key_form form = {sig[s], kem[m]};
            struct ate__public_parts parts;
            struct ate__key *k = key_of(&form, 7), *same = key_of(&form, 7);
            assert_true(ate__hash_equal(&k->fingerprint, &same->fingerprint));
            assert_int_equal(ate__public_key_parse(ate__buf_bytes(&k->public_key), &parts), 0);
            assert_ptr_equal(parts.signature, sig[s]);
            assert_ptr_equal(parts.kem, kem[m]);
            assert_true(k->public_key.size <= ATE__PUBLIC_KEY_MAX);
            if (sig[s])
                check_signs(k);
            else
                assert_int_equal(ate__key_signs(k), ATE_NO_KEY);
            check_opens(k);
            check_halves(k);
            ate__key_free(k);
            ate__key_free(same);
        }
}

static void strengths(void **state)
{
    (void)state;
    static const unsigned bits[] = {128, 192, 256};
    for (size_t i = 0; i < ATE__COUNT_OF(bits); i++) {
        struct ate__key_form form = ate__key_form_of_strength(bits[i]);
        struct ate__key *k = key_of(&form, 1);
        assert_int_equal(ate__public_strength(&k->parts), bits[i]);
        ate__key_free(k);
    }
    struct ate__key_form mixed = {ate__algorithm(ATE__SIG_MLDSA87_ED448),
                                  ate__algorithm(ATE__KEM_XWING)};
    struct ate__key *k = key_of(&mixed, 1);
    assert_int_equal(ate__public_strength(&k->parts), 192); /* of its weakest part */
    ate__key_free(k);
}

static void what_is_not_its_secret_is_refused(void **state)
{
    (void)state;
    struct ate__key_form form = ate__key_form_of_strength(192);
    struct ate__key *a = key_of(&form, 1), *b = key_of(&form, 2), *k = NULL;
    uint8_t secret[ATE__KEY_SECRET_MAX];
    for (int holds = ATE__KEY_ALL; holds <= ATE__KEY_WRITES; holds++) {
        enum ate__key_holds h = (enum ate__key_holds)holds;
        size_t size = ate__key_secret(b, h, secret);
        assert_int_equal(
            ate__key_of_secret(ate__buf_bytes(&a->public_key), h, ate__bytes(secret, size), "", &k),
            ATE_MALFORMED);
        size = ate__key_secret(a, h, secret);
        assert_int_equal(ate__key_of_secret(ate__buf_bytes(&a->public_key), h,
                                            ate__bytes(secret, size - 1), "", &k),
                         ATE_MALFORMED);
        for (size_t at = 0; at < (h == ATE__KEY_READS ? 32 : size); at += 8) {
            secret[at] ^= 1; /* of a reader's secret the second half, the read key, is not public */
            assert_int_equal(ate__key_of_secret(ate__buf_bytes(&a->public_key), h,
                                                ate__bytes(secret, size), "", &k),
                             ATE_MALFORMED);
            secret[at] ^= 1;
        }
    }
    assert_null(k);
    struct ate__key_form deaf = {NULL, ate__algorithm(ATE__KEM_XWING)};
    struct ate__key *reader = key_of(&deaf, 3);
    assert_int_equal(ate__key_of_secret(ate__buf_bytes(&reader->public_key), ATE__KEY_WRITES,
                                        ate__bytes(secret, 0), "", &k),
                     ATE_MALFORMED);
    ate__key_free(reader);
    ate__key_free(a);
    ate__key_free(b);
}

/* Splitting looks at the form alone: a bad point is parse()'s to refuse. */
static void split_is_quick(void **state)
{
    (void)state;
    uint8_t key[6 + 32] = {ATE__SIG_ED25519, 0, 32};
    struct ate__public_parts parts;
    assert_int_equal(ate__public_key_split(ate__bytes(key, sizeof key), &parts), 0);
    assert_int_equal(parts.signature->id, ATE__SIG_ED25519);
    assert_int_equal(ate__public_key_parse(ate__bytes(key, sizeof key), &parts), ATE_MALFORMED);
    assert_int_equal(ate__public_key_split(ate__bytes(key, sizeof key - 1), &parts), ATE_MALFORMED);
    key[2] = 31;
    assert_int_equal(ate__public_key_split(ate__bytes(key, sizeof key - 1), &parts), ATE_MALFORMED);
    key[0] = 0xff;
    assert_int_equal(ate__public_key_split(ate__bytes(key, sizeof key), &parts), ATE_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form),
        cmocka_unit_test(strengths),
        cmocka_unit_test(what_is_not_its_secret_is_refused),
        cmocka_unit_test(split_is_quick),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
