/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Keys of an office and revocations, forwards and back: against a list of what happened.
 */
#include "trust/roster.h"
#include "lib/check.h"
#include "lib/rnd.h"

enum { KEYS = 6, ROUNDS = 3000, HISTORY = 4096 };
enum what { ADD, REMOVE, REVOKE };

static struct {
    enum ate__office office;
    enum what what;
    unsigned key;
    uint64_t sequence;
} history[HISTORY];
static size_t history_count;

static struct ate_hash key_of(unsigned i)
{
    return (struct ate_hash){{(uint8_t)(i + 1)}};
}

/* Behind the transactions 0 to size - 1. */
static void plain(enum ate__office office, unsigned key, uint64_t size, bool *ret_root,
                  bool *ret_was, bool *ret_revoked)
{
    *ret_root = *ret_was = *ret_revoked = false;
    for (size_t i = 0; i < history_count; i++) {
        if (history[i].key != key || history[i].sequence >= size)
            continue;
        if (history[i].what == REVOKE)
            *ret_revoked = true;
        else if (history[i].office == office)
            *ret_root = history[i].what == ADD;
        *ret_was = *ret_was || (history[i].what == ADD && history[i].office == office);
    }
    *ret_root = *ret_root && !*ret_revoked;
}

static void compare(struct ate__roster *r, enum ate__office office)
{
    struct ate_hash keys[KEYS];
    size_t count = ate__roster_list(r, office, keys, KEYS), expected = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        bool is, was, revoked, listed = false;
        struct ate_hash fingerprint = key_of(key);
        plain(office, key, UINT64_MAX, &is, &was, &revoked);
        assert_int_equal(ate__roster_is(r, office, &fingerprint), is);
        assert_int_equal(ate__roster_was(r, office, &fingerprint), was);
        assert_int_equal(ate__roster_is_revoked(r, &fingerprint), revoked);
        for (size_t i = 0; i < count; i++)
            listed = listed || ate__hash_equal(&keys[i], &fingerprint);
        assert_int_equal(listed, is);
        expected += is;
    }
    assert_int_equal(count, expected);
    assert_int_equal(ate__roster_list(r, office, NULL, 0), expected);
}

/* The state at a size of before. */
static void compare_at(struct ate__roster *r, enum ate__office office, uint64_t size)
{
    bool listed[KEYS] = {false}, ended[KEYS] = {false};
    struct ate_hash key;
    for (size_t at = 0; ate__roster_next_at(r, office, size, &at, &key);) {
        assert_false(listed[key.b[0] - 1]);
        listed[key.b[0] - 1] = true;
    }
    for (size_t at = 0; ate__roster_next_revoked_at(r, size, &at, &key);)
        ended[key.b[0] - 1] = true;
    for (unsigned i = 0; i < KEYS; i++) {
        bool is, was, revoked;
        plain(office, i, size, &is, &was, &revoked);
        assert_int_equal(listed[i], is);
        assert_int_equal(ended[i], revoked);
    }
}

/* Nothing that changed an office below that size is left out. */
static void compare_changes(struct ate__roster *r, enum ate__office office, uint64_t size)
{
    static bool told[HISTORY * 2];
    uint64_t sequence;
    bool is[KEYS], was, revoked;
    memset(told, 0, sizeof told);
    for (size_t at = 0; ate__roster_next_change(r, office, size, &at, &sequence);) {
        assert_true(sequence > 0 && sequence < size && sequence < ATE__COUNT_OF(told));
        told[sequence] = true;
    }
    for (unsigned key = 0; key < KEYS; key++)
        plain(office, key, 1, &is[key], &was, &revoked);
    for (uint64_t n = 1; n < size && n < ATE__COUNT_OF(told); n++)
        for (unsigned key = 0; key < KEYS; key++) {
            bool now;
            plain(office, key, n + 1, &now, &was, &revoked);
            assert_true(now == is[key] || told[n]);
            is[key] = now;
        }
}

/* None that gave that key the office is left out. */
static void compare_starts(struct ate__roster *r, enum ate__office office, uint64_t size)
{
    for (unsigned key = 0; key < KEYS; key++) {
        const struct ate_hash print = key_of(key);
        bool told[HISTORY * 2] = {false}, is, was, revoked, now;
        uint64_t sequence;
        for (size_t at = 0; ate__roster_next_start(r, office, &print, size, &at, &sequence);) {
            assert_true(sequence > 0 && sequence < size && sequence < ATE__COUNT_OF(told));
            told[sequence] = true;
        }
        plain(office, key, 1, &is, &was, &revoked);
        for (uint64_t n = 1; n < size && n < ATE__COUNT_OF(told); n++, is = now) {
            plain(office, key, n + 1, &now, &was, &revoked);
            assert_true(is || !now || told[n]);
        }
    }
}

static void changes(void **state)
{
    (void)state;
    static const uint64_t seed[2] = {1, 2};
    struct rnd rnd = rnd_of(rnd_seed(5));
    struct ate__roster r;
    uint64_t sequence = 1;
    ate__roster_init(&r, seed);
    history_count = 0;
    while (history_count < 60) {
        unsigned key = (unsigned)rnd_below(&rnd, KEYS), what = (unsigned)rnd_below(&rnd, 20);
        struct ate_hash fingerprint = key_of(key);
        enum ate__office office = (enum ate__office)rnd_below(&rnd, ATE__OFFICES);
        enum what did = what < 10 ? ADD : what < 19 ? REMOVE : REVOKE;
        sequence += rnd_below(&rnd, 3);
        if (did == ADD)
            assert_int_equal(ate__roster_add(&r, office, &fingerprint, sequence), 0);
        else if (did == REMOVE)
            ate__roster_remove(&r, office, &fingerprint, sequence);
        else
            assert_int_equal(ate__roster_revoke(&r, &fingerprint, sequence), 0);
        history[history_count].office = office;
        history[history_count].what = did;
        history[history_count].key = key;
        history[history_count++].sequence = sequence;
        for (int each = 0; each < ATE__OFFICES; each++)
            compare_changes(&r, (enum ate__office)each, 1 + rnd_below(&rnd, sequence + 2));
        compare_starts(&r, (enum ate__office)rnd_below(&rnd, ATE__OFFICES),
                       1 + rnd_below(&rnd, sequence + 2));
    }
    ate__roster_deinit(&r);
}

static void random_histories(void **state)
{
    (void)state;
    static const uint64_t seed[2] = {1, 2};
    struct rnd rnd = rnd_of(rnd_seed(3));
    struct ate__roster r;
    uint64_t sequence = 1;
    ate__roster_init(&r, seed);
    history_count = 0;
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
            enum ate__office office = (enum ate__office)rnd_below(&rnd, ATE__OFFICES);
            enum what did = what < 9 ? ADD : what < 17 ? REMOVE : REVOKE;
            if (did == ADD)
                assert_int_equal(ate__roster_add(&r, office, &fingerprint, sequence), 0);
            else if (did == REMOVE)
                ate__roster_remove(&r, office, &fingerprint, sequence);
            else
                assert_int_equal(ate__roster_revoke(&r, &fingerprint, sequence), 0);
            history[history_count].office = office;
            history[history_count].what = did;
            history[history_count].key = key;
            history[history_count++].sequence = sequence;
        }
        for (int office = 0; office < ATE__OFFICES; office++) {
            compare(&r, (enum ate__office)office);
            compare_at(&r, (enum ate__office)office, rnd_below(&rnd, sequence + 2));
        }
    }
    ate__roster_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test(random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
