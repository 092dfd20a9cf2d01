/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Root keys and revocations, forwards and back: against a list of what happened.
 */
#include "trust/roster.h"
#include "lib/check.h"
#include "lib/rnd.h"

enum { KEYS = 6, ROUNDS = 3000, HISTORY = 4096 };
enum what { ADD, REMOVE, REVOKE };

static struct {
    enum what what;
    unsigned key;
    uint64_t sequence;
} history[HISTORY];
static size_t history_count;

static struct ate_hash key_of(unsigned i)
{
    return (struct ate_hash){{(uint8_t)(i + 1)}};
}

static void plain(unsigned key, bool *ret_root, bool *ret_was, bool *ret_revoked)
{
    *ret_root = *ret_was = *ret_revoked = false;
    for (size_t i = 0; i < history_count; i++) {
        if (history[i].key != key)
            continue;
        if (history[i].what == REVOKE)
            *ret_revoked = true;
        else
            *ret_root = history[i].what == ADD;
        *ret_was = *ret_was || history[i].what == ADD;
    }
    *ret_root = *ret_root && !*ret_revoked;
}

static void compare(struct ate__roster *r)
{
    struct ate_hash roots[KEYS];
    size_t count = ate__roster_roots(r, roots, KEYS), expected = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        bool root, was, revoked, listed = false;
        struct ate_hash fingerprint = key_of(key);
        plain(key, &root, &was, &revoked);
        assert_int_equal(ate__roster_is_root(r, &fingerprint), root);
        assert_int_equal(ate__roster_was_root(r, &fingerprint), was);
        assert_int_equal(ate__roster_is_revoked(r, &fingerprint), revoked);
        for (size_t i = 0; i < count; i++)
            listed = listed || ate__hash_equal(&roots[i], &fingerprint);
        assert_int_equal(listed, root);
        expected += root;
    }
    assert_int_equal(count, expected);
    assert_int_equal(ate__roster_roots(r, NULL, 0), expected);
}

static void random_histories(void **state)
{
    (void)state;
    static const uint64_t seed[2] = {1, 2};
    struct rnd rnd = rnd_of(rnd_seed(3));
    struct ate__roster r;
    uint64_t sequence = 1;
    ate__roster_init(&r, seed);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned key = (unsigned)rnd_below(&rnd, KEYS), what = (unsigned)rnd_below(&rnd, 20);
        struct ate_hash fingerprint = key_of(key);
        if (rnd_below(&rnd, 3))
            sequence++; /* several in one transaction */
        if (what == 19 || history_count > HISTORY - 2) {
            uint64_t to = 1 + rnd_below(&rnd, sequence);
            ate__roster_rollback(&r, to);
            while (history_count && history[history_count - 1].sequence >= to)
                history_count--;
            sequence = to;
        } else {
            enum what did = what < 9 ? ADD : what < 17 ? REMOVE : REVOKE;
            if (did == ADD)
                assert_int_equal(ate__roster_add(&r, &fingerprint, sequence), 0);
            else if (did == REMOVE)
                ate__roster_remove(&r, &fingerprint, sequence);
            else
                assert_int_equal(ate__roster_revoke(&r, &fingerprint, sequence), 0);
            history[history_count].what = did;
            history[history_count].key = key;
            history[history_count++].sequence = sequence;
        }
        compare(&r);
    }
    ate__roster_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
