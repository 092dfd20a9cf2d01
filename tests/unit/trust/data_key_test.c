/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The constructions around one data key: against vectors that were made without this library, and
 * every part that they are bound to changed in turn.
 */
#include "trust/data_key.h"
#include "base/err.h"
#include "crypto/hpke.h"
#include "lib/simenv.h"
#include "vectors.h"

static char *vectors;
static struct simenv sim;
static struct ate__seal_env e;
static struct ate__key32 d;
static struct ate__data_key *key;
static struct ate_id scope;

static int begin(void **state)
{
    (void)state;
    vectors = source_file("tests/vectors/trust/seal.txt");
    simenv_init(&sim, 1, NULL);
    e = (struct ate__seal_env){.env = &sim.env, .alg = ATE__SHA256};
    VECTOR(vectors, "data key", "chain id", e.chain_id);
    VECTOR(vectors, "data key", "D", d);
    VECTOR(vectors, "sealed to a reader", "scope", scope);
    return ate__data_key_new(&e, &d, &key);
}

static int end(void **state)
{
    (void)state;
    ate__data_key_unref(key);
    simenv_deinit(&sim);
    free(vectors);
    return 0;
}

static struct ate__epoch_of of(void)
{
    return (struct ate__epoch_of){&e, &scope, 3};
}

/* ---- D ---- */

static void what_follows_from_d(void **state)
{
    (void)state;
    struct ate_hash id;
    struct ate__key32 seed;
    uint8_t expected[ATE__XWING_PUBLIC], public_key[ATE__XWING_PUBLIC];
    VECTOR(vectors, "data key", "data key id", id);
    assert_memory_equal(&key->id, &id, sizeof id);
    VECTOR(vectors, "data key", "seal seed", seed);
    assert_int_equal(ate__xwing_public(&seed, expected), 0);
    assert_int_equal(ate__data_key_seal_public(&e, key, ATE__KEM_XWING, public_key), 0);
    assert_memory_equal(public_key, expected, sizeof expected);
}

/* The encryption key: what it encrypts opens under the vector's. */
static void the_encryption_key(void **state)
{
    (void)state;
    struct ate__key32 encryption_key;
    struct ate__aead *aead;
    uint8_t nonce[ATE__AEAD_NONCE];
    struct ate__buf cipher = ATE__BUF_NULL, plain = ATE__BUF_NULL;
    struct ate_bytes text = ate__text_bytes("text"), aad = ate__text_bytes("aad");
    VECTOR(vectors, "data key", "encryption key", encryption_key);
    assert_int_equal(ate__aead_new(&encryption_key, &aead), 0);
    assert_int_equal(ate__aead_encrypt(key->aead, &sim.env, aad, text, nonce, &cipher), 0);
    assert_int_equal(ate__aead_decrypt(aead, nonce, aad, ate__buf_bytes(&cipher), &plain), 0);
    assert_true(ate__bytes_equal(ate__buf_bytes(&plain), text));
    ate__aead_free(aead);
    ate__buf_deinit(&cipher);
    ate__buf_deinit(&plain);
}

static void the_id_commits_to_d(void **state)
{
    (void)state;
    struct ate__epoch_of place = of();
    struct ate__data_key *opened;
    assert_int_equal(ate__data_key_expect(&place, &d, &key->id, "LINK", &opened), 0);
    assert_memory_equal(&opened->d, &d, sizeof d);
    ate__data_key_unref(opened);
    for (size_t bit = 0; bit < 256; bit += 17) {
        struct ate__key32 other = d;
        struct ate_hash id = key->id;
        other.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__data_key_expect(&place, &other, &key->id, "LINK", &opened),
                         ATE_TAMPERED);
        id.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ate__data_key_expect(&place, &d, &id, "LINK", &opened), ATE_TAMPERED);
    }
    struct ate__seal_env elsewhere = e; /* another chain: another id */
    elsewhere.chain_id.b[0] ^= 1;
    place.e = &elsewhere;
    assert_int_equal(ate__data_key_expect(&place, &d, &key->id, "LINK", &opened), ATE_TAMPERED);
    assert_non_null(strstr(ate__error_text(), "LINK of epoch 3 opens to another data key"));
}

/* ---- readers ---- */

static struct ate__key *reader(unsigned i)
{
    struct ate__key32 seed = {{(uint8_t)i, 0x77}};
    struct ate__key *k;
    assert_int_equal(ate__key_of_seed(&seed, "", &k), 0);
    return k;
}

static void sealed_as_the_vectors_say(void **state)
{
    (void)state;
    uint8_t info[256], aad[256];
    size_t info_size = vector_get(vectors, "sealed to a reader", "info", info, sizeof info);
    size_t aad_size = vector_get(vectors, "sealed to a reader", "aad", aad, sizeof aad);
    struct ate_hash fingerprint;
    struct ate__key *k = reader(1);
    struct ate__epoch_of place = of();
    struct ate__buf sealed = ATE__BUF_NULL;
    struct ate__key32 opened;
    VECTOR(vectors, "sealed to a reader", "fingerprint", fingerprint);
    assert_int_equal(ate__data_key_seal(&place, key, &fingerprint, &k->parts, &sealed), 0);
    assert_int_equal(ate__hpke_open(ATE__KEM_XWING, &k->kem_seed, ate__bytes(info, info_size),
                                    ate__bytes(aad, aad_size), ate__buf_bytes(&sealed), opened.b,
                                    sizeof opened.b),
                     0);
    assert_memory_equal(&opened, &d, sizeof d);
    ate__buf_deinit(&sealed);
    ate__key_free(k);
}

static void wrapped_as_the_vectors_say(void **state)
{
    (void)state;
    struct ate__key32 read_key;
    uint8_t expected[ATE__WRAPPED_KEY], wrapped[ATE__WRAPPED_KEY];
    struct ate__epoch_of place = of();
    VECTOR(vectors, "wrapped by a read key", "read key", read_key);
    VECTOR(vectors, "wrapped by a read key", "wrapped", expected);
    assert_int_equal(ate__data_key_wrap(&place, key, &read_key, wrapped), 0);
    assert_memory_equal(wrapped, expected, sizeof expected);
}

/* Both methods: the reader opens it at its place, nobody does anywhere else. */
static void an_entry_opens_at_its_place_only(void **state)
{
    (void)state;
    struct ate__key *k = reader(1), *other = reader(2);
    for (uint8_t method = ATE__SEALED_TO_KEM; method <= ATE__WRAPPED_BY_READ_KEY; method++) {
        struct ate__buf sealed = ATE__BUF_NULL;
        uint8_t wrapped[ATE__WRAPPED_KEY];
        struct ate__epoch_of place = of();
        struct ate__recipient entry = {.fingerprint = k->fingerprint, .method = method};
        struct ate__key32 opened;
        assert_int_equal(ate__data_key_seal(&place, key, &k->fingerprint, &k->parts, &sealed), 0);
        assert_int_equal(ate__data_key_wrap(&place, key, &k->read_key, wrapped), 0);
        entry.sealed = method == ATE__SEALED_TO_KEM ? ate__buf_bytes(&sealed)
                                                    : ate__bytes(wrapped, sizeof wrapped);
        assert_int_equal(ate__data_key_unseal(&place, &key->id, k, &entry, &opened), 0);
        assert_memory_equal(&opened, &d, sizeof d);
        assert_int_equal(ate__data_key_unseal(&place, &key->id, other, &entry, &opened),
                         ATE_NO_KEY);

        struct ate_hash id = key->id;
        id.b[31] ^= 1;
        assert_int_equal(ate__data_key_unseal(&place, &id, k, &entry, &opened), ATE_NO_KEY);
        place.epoch++;
        assert_int_equal(ate__data_key_unseal(&place, &key->id, k, &entry, &opened), ATE_NO_KEY);
        place = of();
        struct ate_id elsewhere = scope;
        elsewhere.b[0] ^= 1;
        place.scope = &elsewhere;
        assert_int_equal(ate__data_key_unseal(&place, &key->id, k, &entry, &opened), ATE_NO_KEY);
        struct ate__seal_env chain = e;
        chain.chain_id.b[0] ^= 1;
        place = of();
        place.e = &chain;
        assert_int_equal(ate__data_key_unseal(&place, &key->id, k, &entry, &opened), ATE_NO_KEY);
        if (method == ATE__SEALED_TO_KEM) {
            place = of();
            entry.fingerprint.b[0] ^= 1; /* under another name */
            assert_int_equal(ate__data_key_unseal(&place, &key->id, k, &entry, &opened),
                             ATE_NO_KEY);
        }
        ate__buf_deinit(&sealed);
    }
    ate__key_free(k);
    ate__key_free(other);
}

/* ---- LINK and NAMEKEY ---- */

static void links(void **state)
{
    (void)state;
    struct ate__key32 below_d, opened;
    struct ate_hash id;
    struct ate__data_key *below;
    uint8_t expected[ATE__LINK_SIZE], link[ATE__LINK_SIZE];
    struct ate__epoch_of place = of();
    VECTOR(vectors, "LINK", "D below", below_d);
    VECTOR(vectors, "LINK", "id below", id);
    VECTOR(vectors, "LINK", "link", expected);
    assert_int_equal(ate__data_key_new(&e, &below_d, &below), 0);
    assert_memory_equal(&below->id, &id, sizeof id);
    assert_int_equal(ate__link_make(&place, key, below, link), 0);
    assert_memory_equal(link, expected, sizeof expected);
    struct ate_bytes bytes = ate__bytes(link, sizeof link);
    assert_int_equal(ate__link_open(&place, key, bytes, &opened), 0);
    assert_memory_equal(&opened, &below_d, sizeof opened);
    assert_int_equal(ate__link_open(&place, below, bytes, &opened), ATE_NO_KEY);
    place.epoch++;
    assert_int_equal(ate__link_open(&place, key, bytes, &opened), ATE_NO_KEY);
    place.epoch--;
    link[7] ^= 1;
    assert_int_equal(ate__link_open(&place, key, bytes, &opened), ATE_NO_KEY);
    ate__data_key_unref(below);
}

static void name_keys(void **state)
{
    (void)state;
    struct ate__key32 name_key, opened;
    struct ate_id object;
    uint8_t expected[ATE__WRAPPED_KEY], wrapped[ATE__WRAPPED_KEY];
    VECTOR(vectors, "NAMEKEY", "name key", name_key);
    VECTOR(vectors, "NAMEKEY", "object", object);
    VECTOR(vectors, "NAMEKEY", "wrapped", expected);
    assert_int_equal(ate__name_key_wrap(&e, key, &object, &name_key, wrapped), 0);
    assert_memory_equal(wrapped, expected, sizeof expected);
    struct ate_bytes bytes = ate__bytes(wrapped, sizeof wrapped);
    assert_int_equal(ate__name_key_unwrap(&e, key, &object, bytes, &opened), 0);
    assert_memory_equal(&opened, &name_key, sizeof opened);
    object.b[3] ^= 1;
    assert_int_equal(ate__name_key_unwrap(&e, key, &object, bytes, &opened), ATE_NO_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_from_d),
        cmocka_unit_test(the_encryption_key),
        cmocka_unit_test(the_id_commits_to_d),
        cmocka_unit_test(sealed_as_the_vectors_say),
        cmocka_unit_test(wrapped_as_the_vectors_say),
        cmocka_unit_test(an_entry_opens_at_its_place_only),
        cmocka_unit_test(links),
        cmocka_unit_test(name_keys),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
