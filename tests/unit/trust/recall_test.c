/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The bounded memory of opened secrets.
 */
#include "world.h"
#include "base/alloc.h"
#include "trust/limits.h"
#include "trust/recall.h"

static unsigned dropped, last_dropped;

static void drop(void *secret)
{
    dropped++;
    last_dropped = *(unsigned *)secret;
    ate__free(secret);
}

static unsigned *secret_of(unsigned i)
{
    unsigned *secret = ate__alloc(sizeof *secret);
    assert_non_null(secret);
    *secret = i;
    return secret;
}

static struct ate__secret_place place_of(unsigned i)
{
    return (struct ate__secret_place){hash_of(1), hash_of(i), id_of(i / 3)};
}

static unsigned get(const struct ate__recall *r, unsigned i)
{
    struct ate__secret_place place = place_of(i);
    const unsigned *secret = ate__recall_get(r, &place);
    return secret ? *secret : 0;
}

static void put(struct ate__recall *r, unsigned i, unsigned secret)
{
    struct ate__secret_place place = place_of(i);
    assert_int_equal(ate__recall_put(r, &place, secret_of(secret)), 0);
}

static void the_longest_remembered_gives_way(void **state)
{
    (void)state;
    struct ate__recall r;
    ate__recall_init(&r, drop);
    dropped = 0;
    for (unsigned i = 1; i <= ATE__SESSION_DATA_KEYS_MAX; i++)
        put(&r, i, i);
    assert_int_equal(dropped, 0);
    for (unsigned i = 1; i <= ATE__SESSION_DATA_KEYS_MAX; i++)
        assert_int_equal(get(&r, i), i);
    for (unsigned i = 1; i <= 2 * ATE__SESSION_DATA_KEYS_MAX; i++) {
        put(&r, ATE__SESSION_DATA_KEYS_MAX + i, 5);
        assert_int_equal(dropped, i);
        assert_int_equal(last_dropped, i <= ATE__SESSION_DATA_KEYS_MAX ? i : 5);
        assert_int_equal(get(&r, i), 0);
        assert_int_equal(get(&r, i + 1), i < ATE__SESSION_DATA_KEYS_MAX ? i + 1 : 5);
    }
    assert_int_equal(r.count, ATE__SESSION_DATA_KEYS_MAX);
    ate__recall_deinit(&r);
    assert_int_equal(dropped, 3 * ATE__SESSION_DATA_KEYS_MAX);
}

static void a_place_holds_the_newest(void **state)
{
    (void)state;
    struct ate__recall r;
    struct ate__secret_place place = place_of(1), other = place;
    ate__recall_init(&r, drop);
    dropped = 0;
    put(&r, 1, 10);
    put(&r, 1, 11);
    assert_int_equal(dropped, 1);
    assert_int_equal(get(&r, 1), 11);
    /* The same ids in another chain: the entry is that chain's then, and never both's. */
    other.chain_id = hash_of(2);
    assert_null(ate__recall_get(&r, &other));
    assert_int_equal(ate__recall_put(&r, &other, secret_of(12)), 0);
    assert_null(ate__recall_get(&r, &place));
    assert_non_null(ate__recall_get(&r, &other));
    ate__recall_deinit(&r);
    assert_int_equal(dropped, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_remembered_gives_way),
        cmocka_unit_test(a_place_holds_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
