/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Sessions: keys that they hold, by several threads at once; limits; secrets that are wiped.
 */
#include "world.h"
#include "trust/limits.h"
#include <pthread.h>

static struct ate__key *key_of(unsigned i)
{
    struct ate__key32 seed = {{(uint8_t)i, (uint8_t)(i >> 8), 0x5e}};
    struct ate__key *key;
    assert_int_equal(ate__key_of_seed(&seed, "", &key), 0);
    return key;
}

static void keys(void **state)
{
    (void)state;
    struct ate_session *s;
    struct ate__key *other = key_of(3);
    struct ate_bytes bytes;
    assert_int_equal(ate__session_new(&s), 0);
    assert_int_equal(ate__session_key_count(s), 0);
    assert_null(ate__session_key(s, 0));
    assert_int_equal(ate__session_add(s, key_of(1)), 0);
    assert_int_equal(ate__session_add(s, key_of(2)), 0);
    assert_int_equal(ate__session_add(s, key_of(1)), 0); /* held already */
    assert_int_equal(ate__session_key_count(s), 2);
    struct ate_hash first = ate__session_key(s, 0)->fingerprint;
    assert_ptr_equal(ate__session_find(s, &first), ate__session_key(s, 0));
    assert_null(ate__session_key(s, 2));

    assert_int_equal(ate__session_public(s, &other->fingerprint, &bytes), ATE_NOT_FOUND);
    assert_int_equal(ate__session_add_public(s, ate__buf_bytes(&other->public_key)), 0);
    assert_int_equal(ate__session_add_public(s, ate__buf_bytes(&other->public_key)), 0);
    assert_int_equal(ate__session_public(s, &other->fingerprint, &bytes), 0);
    assert_true(ate__bytes_equal(bytes, ate__buf_bytes(&other->public_key)));
    assert_null(ate__session_find(s, &other->fingerprint));
    assert_int_equal(ate__session_public(s, &first, &bytes), 0);
    assert_true(ate__bytes_equal(bytes, ate__buf_bytes(&ate__session_key(s, 0)->public_key)));
    /* Its private half may come later. */
    struct ate_hash fingerprint = other->fingerprint;
    assert_int_equal(ate__session_add(s, other), 0);
    assert_non_null(ate__session_find(s, &fingerprint));
    assert_int_equal(ate__session_public(s, &fingerprint, &bytes), 0);
    struct ate_session *again = ate__session_ref(s);
    ate__session_unref(s);
    assert_int_equal(ate__session_key_count(again), 3);
    ate__session_unref(again);
    ate__session_unref(NULL);
}

static void fingerprints_in_the_order_of_their_keys(void **state)
{
    (void)state;
    struct ate_session *s;
    struct ate__key *key[3] = {key_of(1), key_of(2), key_of(3)};
    struct ate_hash expected[3], all[4];
    const struct ate_hash *lent;
    for (unsigned i = 0; i < 3; i++)
        expected[i] = key[i]->fingerprint;
    assert_int_equal(ate__session_new(&s), 0);
    assert_int_equal(ate__session_add_public(s, ate__buf_bytes(&key[2]->public_key)), 0);
    ate__key_free(key[2]);
    assert_int_equal(ate__session_add(s, key[0]), 0);
    assert_int_equal(ate__session_add(s, key[1]), 0);
    assert_int_equal(ate__session_lend_fingerprints(s, &lent), 2);
    assert_memory_equal(lent, expected, 2 * sizeof *lent);
    for (size_t capacity = 0; capacity <= 4; capacity++) {
        size_t count = ate__session_fingerprints(s, all, capacity);
        assert_int_equal(count, capacity < 3 ? capacity : 3);
        if (count)
            assert_memory_equal(all, expected, count * sizeof *all);
    }
    ate__session_unref(s);
}

static void bad_public_keys(void **state)
{
    (void)state;
    struct ate_session *s;
    uint8_t unknown[80] = {0x77, 0, 74};
    assert_int_equal(ate__session_new(&s), 0);
    assert_int_equal(ate__session_add_public(s, ate__bytes(unknown, sizeof unknown)),
                     ATE_UNSUPPORTED);
    unknown[0] = ATE__SIG_MLDSA65_ED25519; /* cut short */
    assert_int_equal(ate__session_add_public(s, ate__bytes(unknown, 3)), ATE_MALFORMED);
    assert_int_equal(ate__session_add_public(s, ate__bytes(NULL, 0)), ATE_MALFORMED);
    ate__session_unref(s);
}

static void at_most_so_many_keys(void **state)
{
    (void)state;
    struct ate_session *s;
    struct ate__key *one = key_of(5000);
    struct ate_bytes part = ate__buf_bytes(&one->public_key);
    assert_int_equal(ate__session_new(&s), 0);
    for (unsigned i = 0; i < ATE__SESSION_KEYS_MAX; i++)
        assert_int_equal(ate__session_add(s, key_of(i)), 0);
    assert_int_equal(ate__session_add(s, key_of(9999)), ATE_BUSY);
    assert_int_equal(ate__session_add(s, key_of(7)), 0); /* held already */
    assert_int_equal(ate__session_add_public(s, part), ATE_BUSY);
    assert_int_equal(ate__session_key_count(s), ATE__SESSION_KEYS_MAX);
    ate__key_free(one);
    ate__session_unref(s);
}

/* ---- threads ---- */

enum { THREADS = 4, KEYS = 12 };

static struct ate_session *shared;

/* Adds its keys while others look: whatever is counted is there and whole. */
static void *add_and_look(void *arg)
{
    unsigned base = *(const unsigned *)arg;
    for (unsigned i = 0; i < KEYS; i++) {
        struct ate__key *key = key_of(base + i);
        struct ate_hash fingerprint = key->fingerprint;
        if (ate__session_add(shared, key) || !ate__session_find(shared, &fingerprint))
            return "not added";
        size_t count = ate__session_key_count(shared);
        for (size_t k = 0; k < count; k++) {
            const struct ate__key *held = ate__session_key(shared, k);
            struct ate_bytes bytes;
            if (!held || ate__session_public(shared, &held->fingerprint, &bytes))
                return "not whole";
        }
    }
    return NULL;
}

static void threads_add_and_look(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    unsigned base[THREADS];
    assert_int_equal(ate__session_new(&shared), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        base[i] = i / 2 * KEYS; /* two threads each add the same */
        assert_int_equal(pthread_create(&threads[i], NULL, add_and_look, &base[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    assert_int_equal(ate__session_key_count(shared), THREADS / 2 * KEYS);
    ate__session_unref(shared);
}

/* ---- what it remembers ---- */

static void a_secret_is_found_at_its_place_only(void **state)
{
    (void)state;
    struct ate_session *s;
    struct ate__key32 name_key = {{7}}, found;
    struct ate__secret_place place = {hash_of(1), hash_of(2), id_of(3)}, other = place;
    assert_int_equal(ate__session_new(&s), 0);
    assert_false(ate__session_recall_name(s, &place, &found));
    assert_int_equal(ate__session_remember_name(s, &place, &name_key), 0);
    assert_true(ate__session_recall_name(s, &place, &found));
    assert_memory_equal(&found, &name_key, sizeof found);
    other.chain_id = hash_of(9);
    assert_false(ate__session_recall_name(s, &other, &found));
    other = place;
    other.data_key_id = hash_of(9);
    assert_false(ate__session_recall_name(s, &other, &found));
    other = place;
    other.object = id_of(9);
    assert_false(ate__session_recall_name(s, &other, &found));
    assert_null(ate__session_recall_data(s, &place)); /* of another kind */
    ate__session_unref(s);
}

static void the_first_root_key(void **state)
{
    (void)state;
    struct world w;
    struct ate_session *s;
    world_init(&w, 7, NULL);
    assert_int_equal(ate__session_new(&s), 0);
    assert_null(ate__session_root_key(NULL, w.t));
    assert_null(ate__session_root_key(s, w.t));
    assert_int_equal(ate__session_add(s, key_of(2)), 0);
    assert_null(ate__session_root_key(s, w.t));
    assert_int_equal(ate__session_add(s, world_key(&w, 1)), 0);
    assert_ptr_equal(ate__session_root_key(s, w.t), ate__session_key(s, 1));
    ate__session_unref(s);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(fingerprints_in_the_order_of_their_keys),
        cmocka_unit_test(bad_public_keys),
        cmocka_unit_test(at_most_so_many_keys),
        cmocka_unit_test(threads_add_and_look),
        cmocka_unit_test(the_first_root_key),
        cmocka_unit_test(a_secret_is_found_at_its_place_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
