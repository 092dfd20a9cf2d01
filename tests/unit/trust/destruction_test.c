/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an owner signs who destroys a chain; docs/format/trust.md, 19, has its first bytes. */
#include "trust/destruction.h"
#include "base/err.h"
#include "base/text.h"
#include "lib/check.h"
#include <stdlib.h>

static struct ate__key *key, *other;
static struct ate__buf made;
static struct ate__destruction said = {
    .size = 3,
    .time_us = UINT64_C(1700000000000000),
};

static int set_up(void **state)
{
    (void)state;
    memset(&said.chain_id, 0x11, sizeof said.chain_id);
    memset(&said.root, 0x22, sizeof said.root);
    said.name = ate__text_bytes("/notes");
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{1}}, NULL, &key), 0);
    assert_int_equal(ate__key_of_seed(&(struct ate__key32){{2}}, NULL, &other), 0);
    return ate__destruction_make(&said, key, &made);
}

static int tear_down(void **state)
{
    (void)state;
    ate__buf_deinit(&made);
    ate__key_free(key);
    ate__key_free(other);
    return 0;
}

static void test_read(void **state)
{
    (void)state;
    struct ate__destruction d;
    assert_int_equal(ate__destruction_read(ate__buf_bytes(&made), &d), 0);
    assert_true(ate__hash_equal(&d.chain_id, &said.chain_id) &&
                ate__hash_equal(&d.root, &said.root));
    assert_true(d.size == 3 && d.time_us == said.time_us && ate__bytes_equal(d.name, said.name));
    assert_true(ate__hash_equal(&d.key, &key->fingerprint));
    assert_true(ate__bytes_equal(d.public_key, ate__buf_bytes(&key->public_key)));
    assert_true(made.size <= ATE__DESTRUCTION_MAX);
}

/* A bit of every byte, every length, the signature of another key. */
static void test_changed(void **state)
{
    (void)state;
    struct ate__destruction d = {.size = 77};
    struct ate__buf by_other = ATE__BUF_NULL;
    uint8_t *bytes = malloc(made.size + 1);
    assert_non_null(bytes);
    for (size_t at = 0; at < made.size; at += at < 128 ? 1 : 37) {
        memcpy(bytes, made.data, made.size);
        bytes[at] ^= (uint8_t)(1 << at % 8);
        int rc = ate__destruction_read(ate__bytes(bytes, made.size), &d);
        assert_true(rc == ATE_TAMPERED || rc == ATE_MALFORMED || rc == ATE_UNSUPPORTED);
    }
    memcpy(bytes, made.data, made.size);
    bytes[made.size] = 0;
    for (size_t size = 0; size < made.size; size += size < 128 ? 1 : 101)
        assert_int_equal(ate__destruction_read(ate__bytes(bytes, size), &d), ATE_MALFORMED);
    assert_int_equal(ate__destruction_read(ate__bytes(bytes, made.size + 1), &d), ATE_MALFORMED);
    assert_int_equal(ate__destruction_make(&said, other, &by_other), 0);
    assert_true(by_other.size == made.size);
    memcpy(bytes + made.size - ATE__SIG_SIZE, by_other.data + made.size - ATE__SIG_SIZE,
           ATE__SIG_SIZE);
    assert_int_equal(ate__destruction_read(ate__bytes(bytes, made.size), &d), ATE_TAMPERED);
    bytes[14] = '3';
    assert_int_equal(ate__destruction_read(ate__bytes(bytes, made.size), &d), ATE_UNSUPPORTED);
    assert_true(d.size == 77); /* written on success only */
    ate__buf_deinit(&by_other);
    free(bytes);
}

/* One for a server brings more, and each byte of it counts. */
static void test_at_server(void **state)
{
    (void)state;
    struct ate__destruction all = said, d;
    struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__trust *trust = NULL;
    memset(&all.pin, 0x33, sizeof all.pin);
    memset(&all.nonce, 0x44, sizeof all.nonce);
    all.genesis = ate__text_bytes("no transaction");
    assert_int_equal(ate__destruction_make(&all, key, &bytes), 0);
    assert_int_equal(ate__destruction_read(ate__buf_bytes(&bytes), &d), 0);
    assert_true(ate__hash_equal(&d.pin, &all.pin) && ate__hash_equal(&d.nonce, &all.nonce));
    assert_true(ate__bytes_equal(d.genesis, all.genesis) && d.size == 3);
    assert_true(bytes.size == made.size + 32 + 32 + 4 + all.genesis.size);
    assert_true(bytes.size <= ATE__DESTRUCTION_MAX);
    for (size_t at = 0; at < bytes.size; at += at < 128 ? 1 : 37) {
        struct ate__destruction changed;
        bytes.data[at] ^= (uint8_t)(1 << at % 8);
        assert_true(ate__destruction_read(ate__buf_bytes(&bytes), &changed) > 0);
        bytes.data[at] ^= (uint8_t)(1 << at % 8);
    }
    for (size_t size = 0; size < bytes.size; size += 101)
        assert_int_equal(ate__destruction_read(ate__bytes(bytes.data, size), &d), ATE_MALFORMED);
    assert_true(ate__destruction_trust(NULL, &d, &trust) > 0);
    assert_null(trust);
    /* It is never taken for one of a directory, nor that for it. */
    bytes.data[14] = '1';
    assert_int_equal(ate__destruction_read(ate__buf_bytes(&bytes), &d), ATE_MALFORMED);
    ate__buf_deinit(&bytes);
}

static void test_worked_bytes(void **state)
{
    (void)state;
    static const char page[] = "6174652064657374726f79656420310a"
                               "1111111111111111111111111111111111111111111111111111111111111111"
                               "0300000000000000"
                               "2222222222222222222222222222222222222222222222222222222222222222"
                               "00401e18240a0600"
                               "060000002f6e6f746573"
                               "8c0c0000";
    char text[sizeof page];
    ate__hex_encode(ate__bytes(made.data, sizeof page / 2), text);
    assert_string_equal(text, page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_at_server),
        cmocka_unit_test(test_worked_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
