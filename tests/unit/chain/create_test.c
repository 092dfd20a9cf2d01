/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Transaction 0 of a new chain: who is its root, who may read and write, what it brings.
 */
#include "chain/create.h"
#include "base/alloc.h"
#include "kit.h"

static struct simenv sim;

static struct ate_session *session_of(unsigned private_keys, unsigned public_keys)
{
    struct ate_session *s;
    kit_ok(ate__session_new(&s));
    for (unsigned i = 0; i < private_keys; i++) {
        struct ate__key32 seed = {{(uint8_t)(i + 1)}};
        struct ate__key *key;
        kit_ok(ate__key_of_seed(&seed, NULL, &key));
        kit_ok(ate__session_add(s, key));
    }
    for (unsigned i = 0; i < public_keys; i++)
        kit_ok(ate__session_add_public(s, ate__buf_bytes(&kit_key(i)->public_key)));
    return s;
}

static void check(unsigned private_keys, unsigned public_keys)
{
    struct ate_session *s = session_of(private_keys, public_keys);
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_hash chain_id, keys[16];
    struct ate__trust *trust;
    enum ate__hash_alg alg;
    struct ate__tx tx;
    unsigned all = private_keys + public_keys;
    kit_ok(ate__genesis_make(&sim.env, s, "/joe/notes", &(struct ate__genesis_conf){.strength = 0},
                             &buf, &chain_id));
    kit_ok(ate__tx_genesis_alg(ate__buf_bytes(&buf), &alg));
    assert_int_equal(alg, ATE__SHA256);
    kit_ok(ate__tx_decode(ate__buf_bytes(&buf), alg, &tx));
    assert_memory_equal(&tx.chain_id, &chain_id, 32);
    assert_int_equal(tx.event_count, all + 1); /* genesis, the other keys, the top */
    assert_int_equal(tx.signature_count, 1);
    kit_ok(ate__trust_new(&sim.env, &tx, &trust));
    const struct ate_hash *root = &ate__session_key(s, 0)->fingerprint;
    assert_true(ate__trust_is_root(trust, root));
    assert_int_equal(ate__trust_root_keys(trust, NULL, 0), 1);
    assert_int_equal(ate__session_fingerprints(s, keys, 16), all);
    const struct ate__header *top = NULL;
    for (uint32_t i = 0; i < tx.event_count; i++)
        if (tx.events[i].kind == ATE__EVENT_CONTROL)
            top = &tx.events[i].header;
    assert_non_null(top);
    for (unsigned i = 0; i < all; i++) {
        assert_true(ate__trust_has_key(trust, &keys[i]));
        assert_true(ate__rule_has(&top->auth.rule[ATE__RIGHT_READ], &keys[i]));
        assert_true(ate__rule_has(&top->auth.rule[ATE__RIGHT_WRITE], &keys[i]));
        assert_true(i == 0 || !ate__trust_is_root(trust, &keys[i]));
    }
    assert_int_equal(top->auth.rule[ATE__RIGHT_READ].count, all);
    assert_int_equal(top->auth.rule[ATE__RIGHT_APPEND].who, ATE__RULE_INHERIT);
    assert_true(ate__header_has(top, ATE__TAG_NAMEKEY));
    ate__trust_free(trust);
    ate__tx_deinit(&tx);
    ate__buf_deinit(&buf);
    ate__session_unref(s);
}

static void who_may(void **state)
{
    (void)state;
    check(1, 0);
    check(1, 2);
    check(3, 0);
    check(2, 3);
}

static void refused(void **state)
{
    (void)state;
    struct ate__buf buf = ATE__BUF_NULL;
    struct ate_hash chain_id;
    struct ate_session *none = session_of(0, 1), *one = session_of(1, 0);
    assert_int_equal(ate__genesis_make(&sim.env, none, "/a",
                                       &(struct ate__genesis_conf){.strength = 0}, &buf, &chain_id),
                     ATE_NO_KEY);
    static const char *const bad[] = {"", "a", "/", "/a/", "//a", "/a b", "/.a"};
    for (size_t i = 0; i < ATE__COUNT_OF(bad); i++)
        assert_int_equal(ate__genesis_make(&sim.env, one, bad[i],
                                           &(struct ate__genesis_conf){.strength = 0}, &buf,
                                           &chain_id),
                         ATE_MALFORMED);
    ate__session_unref(none);
    ate__session_unref(one);
    ate__buf_deinit(&buf);
}

/* Two chains of the same keys and name are two chains. */
static void never_the_same(void **state)
{
    (void)state;
    struct ate_session *s = session_of(1, 0);
    struct ate__buf a = ATE__BUF_NULL, b = ATE__BUF_NULL;
    struct ate_hash ida, idb;
    kit_ok(
        ate__genesis_make(&sim.env, s, "/a", &(struct ate__genesis_conf){.strength = 0}, &a, &ida));
    kit_ok(
        ate__genesis_make(&sim.env, s, "/a", &(struct ate__genesis_conf){.strength = 0}, &b, &idb));
    assert_memory_not_equal(&ida, &idb, sizeof ida);
    ate__buf_deinit(&a);
    ate__buf_deinit(&b);
    ate__session_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may),
        cmocka_unit_test(refused),
        cmocka_unit_test(never_the_same),
    };
    simenv_init(&sim, 9, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
