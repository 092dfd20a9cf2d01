/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The public keys of a chain: held, taken back, prepared, and asked for by several threads.
 */
#include "trust/keyring.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "lib/check.h"
#include "trust/limits.h"

static const uint64_t seed[2] = {5, 6};

static struct ate__key *key_of(unsigned i)
{
    struct ate__key32 bytes = {{(uint8_t)i, (uint8_t)(i >> 8), 3}};
    struct ate__key *key;
    assert_int_equal(ate__key_of_seed(&bytes, "", &key), 0);
    return key;
}

static struct ate_hash fingerprint_of(unsigned i)
{
    return (struct ate_hash){{(uint8_t)i, (uint8_t)(i >> 8), 0x99}};
}

static void keys_come_and_go(void **state)
{
    (void)state;
    struct ate__keyring k;
    struct ate__buf buf = ATE__BUF_NULL;
    ate__keyring_init(&k, seed);
    for (unsigned i = 0; i < 1000; i++) {
        struct ate_hash fingerprint = fingerprint_of(i);
        assert_int_equal(ate__keyring_add(&k, &fingerprint, ate__bytes(&i, sizeof i), i / 10), 0);
        assert_int_equal(ate__keyring_add(&k, &fingerprint, ate__bytes("other", 5), i), 0);
    }
    ate__keyring_rollback(&k, 60);
    for (unsigned i = 0; i < 1000; i++) {
        struct ate_hash fingerprint = fingerprint_of(i);
        assert_int_equal(ate__keyring_has(&k, &fingerprint), i < 600);
        ate__buf_clear(&buf);
        assert_int_equal(ate__keyring_get(&k, &fingerprint, &buf), i < 600 ? 0 : ATE_NOT_FOUND);
        if (i < 600)
            assert_true(ate__bytes_equal(ate__buf_bytes(&buf), ate__bytes(&i, sizeof i)));
    }
    for (uint64_t size = 0; size < 70; size += 7) {
        struct ate_hash fingerprint;
        uint64_t sequence, count = 0;
        size_t at = 0;
        while (ate__keyring_next_at(&k, size, &at, &fingerprint, &sequence)) {
            struct ate_hash expected = fingerprint_of((unsigned)count);
            assert_memory_equal(&fingerprint, &expected, sizeof expected);
            assert_true(sequence == count++ / 10);
        }
        assert_true(count == (size < 60 ? size : 60) * 10);
    }
    ate__buf_deinit(&buf);
    ate__keyring_deinit(&k);
}

static void keys_are_prepared_once(void **state)
{
    (void)state;
    struct ate__keyring k;
    struct ate__prepared *first, *second;
    struct ate__key *key = key_of(1);
    struct ate_hash unknown = fingerprint_of(1);
    ate__keyring_init(&k, seed);
    assert_int_equal(ate__keyring_add(&k, &key->fingerprint, ate__buf_bytes(&key->public_key), 1),
                     0);
    assert_int_equal(ate__keyring_prepare(&k, &unknown, &first), ATE_NOT_FOUND);
    assert_int_equal(ate__keyring_prepare(&k, &key->fingerprint, &first), 0);
    assert_int_equal(ate__keyring_prepare(&k, &key->fingerprint, &second), 0);
    assert_ptr_equal(first, second);
    ate__prepared_unref(second);
    /* It stays with who uses it when the key is taken back. */
    ate__keyring_rollback(&k, 1);
    assert_int_equal(ate__keyring_prepare(&k, &key->fingerprint, &second), ATE_NOT_FOUND);
    ate__keyring_deinit(&k);
    assert_int_equal(atomic_load(&first->refs), 1);
    ate__prepared_unref(first);
    ate__key_free(key);
}

static void keys_that_cannot_verify(void **state)
{
    (void)state;
    struct ate__prepared *p;
    struct ate__key *key = key_of(1);
    uint8_t *bytes = key->public_key.data;
    size_t signature = 6 + ATE__SIG_PUBLIC;
    assert_int_equal(
        ate__prepare(ate__bytes(bytes + signature, key->public_key.size - signature), &p),
        ATE_DENIED); /* a KEM key alone */
    assert_int_equal(ate__prepare(ate__bytes(bytes, signature - 1), &p), ATE_MALFORMED);
    assert_int_equal(ate__prepare(ate__bytes(bytes, signature), &p), 0);
    ate__prepared_unref(p);
    bytes[0] ^= 0x40;
    assert_int_equal(ate__prepare(ate__buf_bytes(&key->public_key), &p), ATE_UNSUPPORTED);
    ate__key_free(key);
}

/* So many prepared keys, the longest prepared one gives way. One key under many fingerprints does
 * for many keys here. */
static void so_many_are_kept_prepared(void **state)
{
    (void)state;
    struct ate__keyring k;
    struct ate__key *key = key_of(1);
    struct ate__prepared *p, *first = NULL;
    ate__keyring_init(&k, seed);
    for (unsigned i = 0; i < ATE__PREPARED_KEYS_MAX + 2; i++) {
        struct ate_hash fingerprint = fingerprint_of(i);
        assert_int_equal(ate__keyring_add(&k, &fingerprint, ate__buf_bytes(&key->public_key), i),
                         0);
        assert_int_equal(ate__keyring_prepare(&k, &fingerprint, &p), 0);
        if (!i)
            first = p;
        else
            ate__prepared_unref(p);
    }
    assert_int_equal(atomic_load(&first->refs), 1); /* ours alone */
    struct ate_hash fingerprint = fingerprint_of(0);
    assert_int_equal(ate__keyring_prepare(&k, &fingerprint, &p), 0);
    assert_ptr_not_equal(p, first);
    ate__prepared_unref(p);
    ate__prepared_unref(first);
    fingerprint = fingerprint_of(ATE__PREPARED_KEYS_MAX);
    assert_int_equal(ate__keyring_prepare(&k, &fingerprint, &p), 0);
    assert_int_equal(atomic_load(&p->refs), 2);
    ate__prepared_unref(p);
    ate__keyring_deinit(&k);
    ate__key_free(key);
}

/* ---- threads ---- */

static struct ate__keyring shared;
static atomic_bool stop;

static void *look(void *arg)
{
    const struct ate__key *key = arg;
    while (!atomic_load(&stop)) {
        struct ate__prepared *p;
        struct ate__buf buf = ATE__BUF_NULL;
        int rc = ate__keyring_prepare(&shared, &key->fingerprint, &p);
        if (!rc)
            ate__prepared_unref(p);
        else if (rc != ATE_NOT_FOUND)
            return "prepare";
        rc = ate__keyring_get(&shared, &key->fingerprint, &buf);
        bool whole = ate__bytes_equal(ate__buf_bytes(&buf), ate__buf_bytes(&key->public_key));
        ate__buf_deinit(&buf);
        if (rc ? rc != ATE_NOT_FOUND : !whole)
            return "get";
    }
    return NULL;
}

static void threads_look_while_keys_come_and_go(void **state)
{
    (void)state;
    pthread_t threads[3];
    struct ate__key *key = key_of(1);
    ate__keyring_init(&shared, seed);
    for (size_t i = 0; i < ATE__COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, key), 0);
    for (unsigned round = 0; round < 300; round++) {
        assert_int_equal(
            ate__keyring_add(&shared, &key->fingerprint, ate__buf_bytes(&key->public_key), 1), 0);
        for (unsigned i = 0; i < 20; i++) {
            struct ate_hash fingerprint = fingerprint_of(i);
            assert_int_equal(ate__keyring_add(&shared, &fingerprint, ate__bytes("x", 1), 2), 0);
        }
        ate__keyring_rollback(&shared, round % 2 ? 1 : 2);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < ATE__COUNT_OF(threads); i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    ate__keyring_deinit(&shared);
    ate__key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(keys_are_prepared_once),
        cmocka_unit_test(keys_that_cannot_verify),
        cmocka_unit_test(so_many_are_kept_prepared),
        cmocka_unit_test(threads_look_while_keys_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
