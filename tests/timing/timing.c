/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * timing.c: does what works with secrets take the same time, and touch the same memory, whatever
 * they are? To run under valgrind, which is told that the bytes of a secret are undefined: it then
 * counts each branch and each address that follows from them.
 *
 * What a comparison says may be known, and what is published: these are defined again, the former
 * in the function that --wrap puts before CRYPTO_memcmp(), here and in OpenSSL's archive. Each case
 * says how many branches it may have; that there are any is seen with two functions that leak.
 */
#include "base/err.h"
#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/hpke.h"
#include "crypto/keyfile.h"
#include "crypto/mac.h"
#include "lib/check.h"
#include "trust/data_key.h"
#include <valgrind/memcheck.h>

int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t size);
int __real_CRYPTO_memcmp(const void *a, const void *b, size_t size);

/* The answer of a comparison is what may be known. */
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t size)
{
    int different = __real_CRYPTO_memcmp(a, b, size);
    VALGRIND_MAKE_MEM_DEFINED(&different, sizeof different);
    return different;
}

static void hide(const void *secret, size_t size)
{
    VALGRIND_MAKE_MEM_UNDEFINED(secret, size);
}

static void show(const void *result, size_t size)
{
    VALGRIND_MAKE_MEM_DEFINED(result, size);
}

static int shown(int rc)
{
    show(&rc, sizeof rc);
    return rc;
}

/* Of branches and addresses, since the program began. */
static unsigned seen(void)
{
    return (unsigned)VALGRIND_COUNT_ERRORS;
}

/* The i-th of secrets that differ from each other. */
static struct ate__key32 secret(uint8_t i)
{
    struct ate__key32 k;
    for (size_t n = 0; n < sizeof k.b; n++)
        k.b[n] = (uint8_t)(i * 31 + n * 7 + 1);
    return k;
}

/* ---- what leaks, so that it is known that leaks are seen ---- */

static bool equal_until(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const volatile uint8_t *)a)[i] != b[i])
            return false;
    return true;
}

static void leaks_are_seen(void **state)
{
    (void)state;
    static const volatile uint8_t table[256] = {1, 2, 3};
    struct ate__key32 a = secret(1), b = secret(1);
    hide(&a, sizeof a);
    unsigned before = seen();
    bool equal = equal_until(a.b, b.b, sizeof a.b);
    show(&equal, sizeof equal);
    assert_true(seen() - before >= 32); /* by a branch for each byte */
    assert_true(equal);
    before = seen();
    uint8_t found = table[a.b[0]];
    show(&found, sizeof found);
    assert_true(seen() - before >= 1); /* by the place in a table */
    show(&a, sizeof a);
    assert_int_equal(found, table[a.b[0]]);
}

/* ---- crypto ---- */

static void comparison(void **state)
{
    (void)state;
    for (uint8_t other = 1; other <= 2; other++) {
        struct ate__key32 a = secret(1), b = secret(other);
        hide(&a, sizeof a);
        hide(&b, sizeof b);
        unsigned before = seen();
        bool equal = ate__secret_equal(&a, &b, sizeof a);
        assert_int_equal(seen(), before);
        assert_int_equal(equal, other == 1);
        assert_int_equal(seen(), before);
    }
}

/* The wrapping key and what is in it; also with a key that does not open it. */
static void wrapped_keys(void **state)
{
    (void)state;
    for (uint8_t other = 1; other <= 2; other++) {
        struct ate__key32 wrapping = secret(1), key = secret(3), back;
        uint8_t wrapped[ATE__WRAPPED_KEY];
        hide(&wrapping, sizeof wrapping);
        hide(&key, sizeof key);
        unsigned before = seen();
        assert_int_equal(shown(ate__wrap(&wrapping, &key, wrapped)), 0);
        show(wrapped, sizeof wrapped);
        wrapping = secret(other);
        hide(&wrapping, sizeof wrapping);
        int rc = shown(ate__unwrap(&wrapping, wrapped, &back));
        assert_int_equal(seen(), before);
        assert_int_equal(rc, other == 1 ? 0 : ATE_NO_KEY);
    }
}

/* The key and the text; also where the tag does not hold. */
static void ciphertexts(void **state)
{
    (void)state;
    for (uint8_t change = 0; change <= 1; change++) {
        struct ate__key32 key = secret(1), text = secret(2);
        ate__cleanup(ate__aead_freep) struct ate__aead *a = NULL;
        ate__cleanup(ate__buf_deinit) struct ate__buf cipher = ATE__BUF_NULL, plain = cipher;
        uint8_t nonce[ATE__AEAD_NONCE];
        struct ate_bytes aad = ate__text_bytes("where it belongs");
        hide(&key, sizeof key);
        hide(&text, sizeof text);
        unsigned before = seen();
        assert_int_equal(shown(ate__aead_new(&key, &a)), 0);
        assert_int_equal(shown(ate__aead_encrypt(a, &ate__env_real, aad,
                                                 ate__bytes(&text, sizeof text), nonce, &cipher)),
                         0);
        show(cipher.data, cipher.size);
        cipher.data[cipher.size - 1] ^= change;
        int rc = shown(ate__aead_decrypt(a, nonce, aad, ate__buf_bytes(&cipher), &plain));
        assert_int_equal(seen(), before);
        assert_int_equal(rc, change ? ATE_TAMPERED : 0);
    }
}

static void derived_keys(void **state)
{
    (void)state;
    struct ate__key32 key = secret(1), text = secret(2), out;
    struct ate_hash mac;
    struct ate_bytes field = ate__bytes(&text, sizeof text);
    hide(&key, sizeof key);
    hide(&text, sizeof text);
    unsigned before = seen();
    assert_int_equal(shown(ate__kdf(&key, "a use", &field, 1, &out)), 0);
    assert_int_equal(shown(ate__hmac(ate__bytes(&key, sizeof key), "a use", &field, 1, &mac)), 0);
    assert_int_equal(seen(), before);
}

/* ---- the text of a key file ---- */

/* One branch, on whether it is the text of bytes at all. */
static void seeds_as_text(void **state)
{
    (void)state;
    for (uint8_t i = 1; i < 8; i++) {
        struct ate__key32 seed = secret(i), back;
        char text[ATE__HASH_TEXT];
        size_t size;
        hide(&seed, sizeof seed);
        unsigned before = seen();
        ate__b64_encode(ate__bytes(&seed, sizeof seed), text);
        assert_int_equal(seen(), before);
        int rc = shown(ate__b64_decode(text, sizeof text - 1, back.b, sizeof back.b, &size));
        assert_int_equal(seen(), before + 1);
        show(&seed, sizeof seed);
        show(&back, sizeof back);
        assert_int_equal(rc, 0);
        assert_memory_equal(&seed, &back, sizeof seed);
    }
}

/* All keys that come from a seed. */
static void keys_of_seeds(void **state)
{
    (void)state;
    struct ate__key32 seed = secret(1);
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
    hide(&seed, sizeof seed);
    unsigned before = seen();
    int rc = shown(ate__key_of_seed(&seed, "label", &key));
    assert_int_equal(seen(), before);
    assert_int_equal(rc, 0);
}

/* The forms that are made of every part there is. */
static const struct {
    unsigned signature, kem;
} forms[] = {{ATE__SIG_MLDSA44_ED25519, ATE__KEM_XWING},
             {ATE__SIG_MLDSA65_ED25519, 0},
             {ATE__SIG_MLDSA87_ED448, ATE__KEM_MLKEM1024_P384},
             {ATE__SIG_ED448, 0}};

/* Keys of the other forms, and their halves: made, taken apart, put together again. Of P-384 all
 * is looked at but the numbers of OpenSSL that it is made of: libcrypto.supp says why. */
static void halves_of_keys(void **state)
{
    (void)state;
    static const enum ate__key_holds holds[] = {ATE__KEY_WRITES, ATE__KEY_READS};
    for (size_t i = 0; i < ATE__COUNT_OF(forms); i++) {
        struct ate__key32 seed = secret(1);
        const struct ate__key_form form = {ate__algorithm(forms[i].signature),
                                           ate__algorithm(forms[i].kem)};
        ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
        hide(&seed, sizeof seed);
        unsigned before = seen();
        assert_int_equal(shown(ate__key_make(&form, &seed, "", &key)), 0);
        show(key->public_key.data, key->public_key.size);
        for (size_t h = 0; h < ATE__COUNT_OF(holds); h++) {
            ate__cleanup(ate__key_freep) struct ate__key *half = NULL;
            uint8_t bytes[ATE__KEY_SECRET_MAX];
            size_t size = ate__key_secret(key, holds[h], bytes);
            int rc = shown(ate__key_of_secret(ate__buf_bytes(&key->public_key), holds[h],
                                              ate__bytes(bytes, size), "", &half));
            assert_int_equal(rc, 0);
        }
        assert_int_equal(seen(), before);
    }
}

/* A half of another key: which of its bytes differ is not seen. */
static void halves_of_others(void **state)
{
    (void)state;
    struct ate__key32 seed = secret(1), other = secret(2);
    ate__cleanup(ate__key_freep) struct ate__key *key = NULL, *wrong = NULL, *half = NULL;
    uint8_t bytes[ATE__KEY_SECRET_MAX];
    assert_int_equal(ate__key_of_seed(&seed, "", &key), 0);
    hide(&other, sizeof other);
    unsigned before = seen();
    assert_int_equal(shown(ate__key_of_seed(&other, "", &wrong)), 0);
    size_t size = ate__key_secret(wrong, ATE__KEY_READS, bytes);
    int rc = shown(ate__key_of_secret(ate__buf_bytes(&key->public_key), ATE__KEY_READS,
                                      ate__bytes(bytes, size), "", &half));
    assert_int_equal(seen(), before);
    assert_int_equal(rc, ATE_MALFORMED);
}

/* What a password opens. Argon2id reads its memory at places that follow from the password, in all
 * but the first half of its first pass (RFC 9106, 3.4.1.3): libcrypto.supp leaves these out, and
 * nothing is claimed of them. What comes before and behind does not depend on the password, nor
 * on the key that it gives, nor on what that opens. */
static void passwords(void **state)
{
    (void)state;
    static const uint8_t salt[ATE__PASSWORD_SALT] = {1};
    struct ate__password_cost cost = ate__password_cost();
    struct ate__key32 text = secret(2), back;
    char password[] = "horse staple";
    uint8_t sealed[sizeof text + ATE__PASSWORD_EXTRA];
    struct ate_bytes aad = ate__text_bytes("where it belongs");
    hide(&text, sizeof text);
    unsigned before = seen();
    assert_int_equal(
        shown(ate__password_seal(&ate__env_real, &cost, salt, ate__text_bytes(password), aad,
                                 ate__bytes(&text, sizeof text), sealed)),
        0);
    show(sealed, sizeof sealed);
    for (uint8_t change = 0; change <= 1; change++) {
        sealed[sizeof sealed - 1] ^= change;
        hide(password, sizeof password - 1);
        int rc =
            shown(ate__password_open(&cost, salt, ate__bytes(password, sizeof password - 1), aad,
                                     ate__bytes(sealed, sizeof sealed), back.b, sizeof back));
        show(password, sizeof password);
        assert_int_equal(seen(), before);
        assert_int_equal(rc, change ? ATE_NO_KEY : 0);
    }
}

/* A message to a reader, under the one KEM and the other; also where it does not open. */
static void sealed_messages(void **state)
{
    (void)state;
    static const unsigned kems[] = {ATE__KEM_XWING, ATE__KEM_MLKEM1024_P384};
    struct ate_bytes none = ate__text_bytes("");
    for (size_t k = 0; k < ATE__COUNT_OF(kems); k++) {
        struct ate__key32 whole = secret(1), text = secret(2), back;
        const struct ate__key_form form = {ate__algorithm(ATE__SIG_MLDSA65_ED25519),
                                           ate__algorithm(kems[k])};
        ate__cleanup(ate__key_freep) struct ate__key *key = NULL;
        ate__cleanup(ate__buf_deinit) struct ate__buf sealed = ATE__BUF_NULL;
        assert_int_equal(ate__key_make(&form, &whole, "", &key), 0);
        assert_int_equal(ate__hpke_seal(kems[k], key->parts.kem_key, &ate__env_real, none, none,
                                        ate__bytes(&text, sizeof text), &sealed),
                         0);
        for (uint8_t change = 0; change <= 1; change++) {
            struct ate__key32 seed = key->kem_seed;
            sealed.data[sealed.size - 1] ^= change;
            hide(&seed, sizeof seed);
            unsigned before = seen();
            int rc = shown(ate__hpke_open(kems[k], &seed, none, none, ate__buf_bytes(&sealed),
                                          back.b, sizeof back.b));
            assert_int_equal(seen(), before);
            assert_int_equal(rc, change ? ATE_NO_KEY : 0);
        }
    }
}

/* ---- trust ---- */

static const struct ate__seal_env chain = {.env = &ate__env_real, .alg = ATE__SHA256};
static const struct ate_id scope = {{1}};
static const struct ate__epoch_of of = {&chain, &scope, 3};

/* A data key is believed if it has the id that the chain gives. */
static void ids_of_data_keys(void **state)
{
    (void)state;
    struct ate__key32 d = secret(1);
    struct ate_hash ids[2] = {{{0}}};
    assert_int_equal(ate__data_key_id(&chain, ate__bytes(&d, sizeof d), &ids[0]), 0);
    hide(&d, sizeof d);
    for (unsigned i = 0; i < 2; i++) {
        ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL;
        unsigned before = seen();
        int rc = shown(ate__data_key_expect(&of, &d, &ids[i], "a test", &key));
        assert_int_equal(seen(), before);
        assert_int_equal(rc, i ? ATE_TAMPERED : 0);
    }
}

/* Under a data key: the one of the epoch before, and a name key; and under another one. */
static void keys_under_data_keys(void **state)
{
    (void)state;
    for (uint8_t other = 1; other <= 2; other++) {
        struct ate__key32 d = secret(1), below = secret(2), wrong = secret(other), name = secret(3);
        ate__cleanup(ate__data_key_unrefp) struct ate__data_key *key = NULL, *old = NULL,
                                                                *opener = NULL;
        uint8_t link[ATE__LINK_SIZE], wrapped[ATE__WRAPPED_KEY], tag[ATE__NAME_TAG];
        struct ate__key32 *secrets[] = {&d, &below, &wrong, &name};
        for (size_t i = 0; i < ATE__COUNT_OF(secrets); i++)
            hide(secrets[i], sizeof *secrets[i]);
        unsigned before = seen();
        assert_int_equal(shown(ate__data_key_new(&chain, &d, &key)), 0);
        assert_int_equal(shown(ate__data_key_new(&chain, &below, &old)), 0);
        assert_int_equal(shown(ate__data_key_new(&chain, &wrong, &opener)), 0);
        show(&key->id, sizeof key->id);
        show(&opener->id, sizeof opener->id);
        assert_int_equal(shown(ate__link_make(&of, key, old, link)), 0);
        assert_int_equal(shown(ate__name_key_wrap(&chain, key, &scope, &name, wrapped)), 0);
        assert_int_equal(shown(ate__name_tag_private(&name, &(struct ate_place){.parent = scope},
                                                     ate__text_bytes("n"), tag)),
                         0);
        show(link, sizeof link);
        show(wrapped, sizeof wrapped);
        struct ate_bytes as_link = ate__bytes(link, sizeof link),
                         as_name = ate__bytes(wrapped, sizeof wrapped);
        int rc = shown(ate__link_open(&of, opener, as_link, &d)),
            named = shown(ate__name_key_unwrap(&chain, opener, &scope, as_name, &name));
        assert_int_equal(seen(), before);
        assert_int_equal(rc, other == 1 ? 0 : ATE_NO_KEY);
        assert_int_equal(named, rc);
    }
}

int main(void)
{
    if (!RUNNING_ON_VALGRIND) {
        fprintf(stderr, "this shows nothing but under valgrind\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaks_are_seen),
        cmocka_unit_test(comparison),
        cmocka_unit_test(wrapped_keys),
        cmocka_unit_test(ciphertexts),
        cmocka_unit_test(derived_keys),
        cmocka_unit_test(seeds_as_text),
        cmocka_unit_test(keys_of_seeds),
        cmocka_unit_test(sealed_messages),
        cmocka_unit_test(halves_of_keys),
        cmocka_unit_test(halves_of_others),
        cmocka_unit_test(passwords),
        cmocka_unit_test(ids_of_data_keys),
        cmocka_unit_test(keys_under_data_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
