/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/checkpoint.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "event/limits.h"
#include "lib/check.h"
#include "log.h"

static struct log l;
static struct ate__buf note; /* of 5 transactions */

static int set_up(void **state)
{
    (void)state;
    log_init(&l);
    note = log_checkpoint(&l, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_deinit(&l);
    ate__buf_deinit(&note);
    return 0;
}

static void signed_by_a_trusted_key(void **state)
{
    (void)state;
    struct ate_bytes both[] = {ate__log_key_public(l.other), ate__log_key_public(l.key)};
    struct ate__checkpoint c;
    struct ate_hash fingerprint;
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), both, 2, &c), 0);
    assert_true(ate__hash_equal(&c.chain_id, &l.chain_id) && c.size == 5);
    assert_true(ate__hash_equal(&c.root, &l.root[5]) && c.time_s == 1700000005);
    assert_int_equal(ate__fingerprint(both[1], &fingerprint), 0);
    assert_true(ate__hash_equal(&c.log_key, &fingerprint));
    c.size = 9;
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), both, 1, &c), ATE_UNTRUSTED);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), both, 0, &c), ATE_UNTRUSTED);
    assert_true(c.size == 9); /* written on success only */
    assert_int_equal(ate__checkpoint_parse(ate__buf_bytes(&note), &c), 0);
    assert_true(c.size == 5 && c.time_s == 0 && ate__hash_is_zero(&c.log_key));
}

static void says_when_it_was_signed(void **state)
{
    (void)state;
    const char *text = (const char *)note.data;
    size_t tree = (size_t)((const char *)memmem(text, note.size, "\n\n", 2) - text) + 2;
    assert_true(ate__checkpoint_said_time(ate__buf_bytes(&note)) == 1700000005);
    assert_true(ate__checkpoint_said_time(ate__bytes(text, tree)) == UINT64_MAX);
    assert_true(ate__checkpoint_said_time(ate__bytes("x", 1)) == UINT64_MAX);
}

/* Either half of a key alone is not enough, wherever it comes from. */
static void halves_are_not_enough(void **state)
{
    (void)state;
    struct ate_bytes key = ate__log_key_public(l.key);
    struct ate__log_parts ours, others;
    struct ate__checkpoint c;
    struct ate__buf mixed = ATE__BUF_NULL, half = ATE__BUF_NULL;
    char *text = calloc(1, note.size + 1);
    assert_non_null(text);
    memcpy(text, note.data, note.size);
    char *second = strrchr(text, ' ') - strlen("\xe2\x80\x94 ate/") - 43;
    assert_int_equal(ate__checkpoint_verify(ate__bytes(text, (size_t)(second - text)), &key, 1, &c),
                     ATE_UNTRUSTED);
    char *first = strstr(text, "\n\n") + 2;
    assert_int_equal(ate__buf_append(&half, ate__bytes(text, (size_t)(first - text))), 0);
    assert_int_equal(ate__buf_append(&half, ate__text_bytes(second)), 0);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&half), &key, 1, &c), ATE_UNTRUSTED);
    free(text);

    assert_int_equal(ate__log_public_parse(key, &ours), 0);
    assert_int_equal(ate__log_public_parse(ate__log_key_public(l.other), &others), 0);
    assert_int_equal(ate__log_public_make(ours.ed25519.data, others.mldsa44.data, &mixed), 0);
    struct ate_bytes bad = ate__buf_bytes(&mixed);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), &bad, 1, &c), ATE_UNTRUSTED);
    ate__buf_deinit(&mixed);
    ate__buf_deinit(&half);
}

/* The same key's checkpoint of another chain does not pass for one of this chain. */
static void of_another_chain(void **state)
{
    (void)state;
    struct ate_bytes key = ate__log_key_public(l.key);
    char name[ATE__CHECKPOINT_NAME];
    struct ate__checkpoint c;
    struct ate__buf other = ATE__BUF_NULL;
    struct ate__note_tree tree = {ate__text_bytes("ate/short"), 5, l.root[5]};
    assert_int_equal(ate__note_make(&tree, "ate/short", l.key, 0, &other), 0);
    assert_int_equal(ate__checkpoint_parse(ate__buf_bytes(&other), &c), ATE_MALFORMED);
    ate__buf_clear(&other);
    tree.origin = ate__text_bytes("ate/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    /* the origin of one, the key's name of the other */
    assert_int_equal(
        ate__note_make(&tree, ate__checkpoint_name(&l.chain_id, name), l.key, 0, &other), 0);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&other), &key, 1, &c), ATE_UNTRUSTED);
    ate__buf_deinit(&other);
}

static void every_byte_counts(void **state)
{
    (void)state;
    struct ate_bytes key = ate__log_key_public(l.key);
    struct ate__checkpoint c;
    for (size_t i = 0; i < note.size; i += i < 320 ? 1 : 11) {
        note.data[i] ^= 2;
        int rc = ate__checkpoint_verify(ate__buf_bytes(&note), &key, 1, &c);
        assert_true(rc == ATE_MALFORMED || rc == ATE_TAMPERED || rc == ATE_UNTRUSTED);
        note.data[i] ^= 2;
    }
    struct ate_bytes bad = ate__bytes("x", 1);
    assert_int_equal(ate__checkpoint_verify(ate__buf_bytes(&note), &bad, 1, &c), ATE_MALFORMED);
}

static void verifier_keys(void **state)
{
    (void)state;
    char name[ATE__CHECKPOINT_NAME];
    struct ate__buf text = ATE__BUF_NULL, chains = ATE__BUF_NULL, keys = ATE__BUF_NULL;
    ate__checkpoint_name(&l.chain_id, name);
    assert_int_equal(ate__note_keys_encode(name, ate__log_key_public(l.key), &text), 0);
    size_t one = text.size;
    for (unsigned i = 1; i < ATE__SERVICE_KEYS_MAX; i++)
        assert_int_equal(ate__note_keys_encode(name, ate__log_key_public(l.other), &text), 0);
    assert_int_equal(ate__checkpoint_keys_decode(ate__buf_bytes(&text), &chains, &keys), 0);
    assert_int_equal(keys.size, ATE__SERVICE_KEYS_MAX * ATE__LOG_PUBLIC);
    assert_int_equal(chains.size, ATE__SERVICE_KEYS_MAX * sizeof l.chain_id);
    assert_memory_equal(keys.data, ate__log_key_public(l.key).data, ATE__LOG_PUBLIC);
    assert_memory_equal(chains.data, l.chain_id.b, sizeof l.chain_id.b);
    assert_int_equal(ate__buf_append(&text, ate__bytes("x\n", 2)), 0);
    assert_int_equal(ate__checkpoint_keys_decode(ate__buf_bytes(&text), &chains, &keys),
                     ATE_TOO_BIG);
    assert_int_equal(ate__checkpoint_keys_decode(ate__bytes(NULL, 0), &chains, &keys),
                     ATE_MALFORMED);
    assert_int_equal(ate__checkpoint_keys_decode(ate__bytes(text.data, one - 1), &chains, &keys),
                     ATE_MALFORMED);
    ate__buf_clear(&text);
    assert_int_equal(ate__note_keys_encode("witness", ate__log_key_public(l.key), &text), 0);
    assert_int_equal(ate__checkpoint_keys_decode(ate__buf_bytes(&text), &chains, &keys),
                     ATE_MALFORMED);
    assert_int_equal(keys.size, ATE__SERVICE_KEYS_MAX * ATE__LOG_PUBLIC);
    ate__buf_deinit(&text);
    ate__buf_deinit(&chains);
    ate__buf_deinit(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_by_a_trusted_key), cmocka_unit_test(says_when_it_was_signed),
        cmocka_unit_test(halves_are_not_enough),   cmocka_unit_test(of_another_chain),
        cmocka_unit_test(every_byte_counts),       cmocka_unit_test(verifier_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
