/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/digest.h"
#include "help.h"
#include <pthread.h>

static struct ate_bytes text(const char *t)
{
    return ate__text_bytes(t);
}

static void hashes_known_messages(void **state)
{
    (void)state;
    struct ate_hash h;
    assert_int_equal(ate__sha256(text("abc"), &h), 0); /* FIPS 180-4 */
    assert_hash(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(ate__sha256(ate__bytes(NULL, 0), &h), 0);
    assert_hash(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    struct ate__hasher sha3; /* FIPS 202 */
    ate__hasher_begin_raw(&sha3, ATE__SHA3_256);
    ate__hasher_raw(&sha3, text("a"));
    ate__hasher_raw(&sha3, text("bc"));
    assert_int_equal(ate__hasher_end(&sha3, &h), 0);
    ate__hasher_deinit(&sha3);
    assert_hash(&h, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
}

static void knows_its_algorithms(void **state)
{
    (void)state;
    assert_true(ate__hash_alg_known(ATE__SHA256));
    assert_true(ate__hash_alg_known(ATE__SHA3_256));
    assert_false(ate__hash_alg_known(0));
    assert_false(ate__hash_alg_known(3));
    assert_false(ate__hash_alg_known(257));
}

/* The frame written out by hand, and its hash in each way of making it. */
static void frames_are_as_documented(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        5, 'l', 'a', 'b', 'e', 'l',                                      /* label */
        3, 0,   0,   0,   0,   0,   0, 0, 'o', 'n', 'e',                           /* field */
        0, 0,   0,   0,   0,   0,   0, 0, /* empty field */
        8, 0,   0,   0,   0,   0,   0, 0, 8,   7,   6,   5, 4, 3, 2, 1, /* u64 */
    };
    const struct ate_bytes fields[] = {text("one"), {NULL, 0}, {"\10\7\6\5\4\3\2\1", 8}};
    struct ate__buf frame = ATE__BUF_NULL;
    assert_int_equal(ate__buf_append(&frame, text("before")), 0);
    assert_int_equal(ate__frame(&frame, "label", fields, 3), 0);
    assert_int_equal(frame.size, 6 + sizeof expected);
    assert_memory_equal(frame.data, "before", 6);
    assert_memory_equal(frame.data + 6, expected, sizeof expected);

    for (unsigned alg = ATE__SHA256; alg <= ATE__SHA3_256; alg++) {
        struct ate_hash whole, once, parts;
        struct ate__hasher h;
        ate__hasher_begin_raw(&h, alg);
        ate__hasher_raw(&h, ate__bytes(expected, sizeof expected));
        assert_int_equal(ate__hasher_end(&h, &whole), 0);
        ate__hasher_deinit(&h);
        assert_int_equal(ate__hash(alg, "label", fields, 3, &once), 0);
        assert_true(ate__hash_equal(&whole, &once));

        ate__hasher_begin(&h, alg, "label");
        ate__hasher_field_size(&h, 3);
        ate__hasher_raw(&h, text("o"));
        ate__hasher_raw(&h, text("ne"));
        ate__hasher_field(&h, ate__bytes(NULL, 0));
        ate__hasher_field(&h, fields[2]);
        assert_int_equal(ate__hasher_end(&h, &parts), 0);
        ate__hasher_deinit(&h);
        assert_true(ate__hash_equal(&whole, &parts));
    }
    ate__buf_deinit(&frame);
}

static void fields_do_not_run_together(void **state)
{
    (void)state;
    struct ate_hash a, b, c, d;
    assert_int_equal(
        ate__hash(ATE__SHA256, "x", (struct ate_bytes[]){text("ab"), text("c")}, 2, &a), 0);
    assert_int_equal(
        ate__hash(ATE__SHA256, "x", (struct ate_bytes[]){text("a"), text("bc")}, 2, &b), 0);
    assert_int_equal(ate__hash(ATE__SHA256, "x", (struct ate_bytes[]){text("abc")}, 1, &c), 0);
    assert_int_equal(ate__hash(ATE__SHA256, "xa", (struct ate_bytes[]){text("bc")}, 1, &d), 0);
    assert_false(ate__hash_equal(&a, &b));
    assert_false(ate__hash_equal(&a, &c));
    assert_false(ate__hash_equal(&b, &c));
    assert_false(ate__hash_equal(&c, &d));
}

/* More hashes open at once than a thread keeps contexts for, ended out of order. */
static void many_at_once(void **state)
{
    (void)state;
    enum { MANY = 20 };
    struct ate__hasher h[MANY];
    struct ate_hash expected, got;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++)
            ate__hasher_begin(&h[i], i % 2 ? ATE__SHA256 : ATE__SHA3_256, "many");
        for (unsigned i = 0; i < MANY; i++)
            ate__hasher_field(&h[i], ate__bytes((uint8_t[8]){(uint8_t)i}, 8));
        for (unsigned i = 0; i < MANY; i++) {
            unsigned at = i * 7 % MANY;
            uint8_t le[8] = {(uint8_t)at};
            assert_int_equal(ate__hash(at % 2 ? ATE__SHA256 : ATE__SHA3_256, "many",
                                       &(struct ate_bytes){le, 8}, 1, &expected),
                             0);
            assert_int_equal(ate__hasher_end(&h[at], &got), 0);
            ate__hasher_deinit(&h[at]);
            assert_true(ate__hash_equal(&expected, &got));
        }
    }
}

static void abandoned_hash_leaves_nothing(void **state)
{
    (void)state;
    struct ate__hasher h;
    struct ate_hash first, second;
    assert_int_equal(ate__sha256(text("abc"), &first), 0);
    ate__hasher_begin(&h, ATE__SHA256, "abandoned");
    ate__hasher_field_size(&h, 1000);
    ate__hasher_deinit(&h);
    assert_int_equal(ate__sha256(text("abc"), &second), 0);
    assert_true(ate__hash_equal(&first, &second));
}

static void *hash_in_a_thread(void *arg)
{
    struct ate_hash *ret = arg;
    for (unsigned i = 0; i < 1000; i++)
        if (ate__hash(ATE__SHA256, "thread", &(struct ate_bytes){&i, 4}, 1, ret))
            memset(ret, 0, sizeof *ret);
    return NULL;
}

static void threads_agree(void **state)
{
    (void)state;
    pthread_t thread[4];
    struct ate_hash hash[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hash_in_a_thread, &hash[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_false(ate__hash_is_zero(&hash[i]));
    for (unsigned i = 1; i < 4; i++)
        assert_true(ate__hash_equal(&hash[0], &hash[i]));
}

static void tree_hashes_are_prefixed(void **state)
{
    (void)state;
    struct ate_hash leaf, node, expected;
    assert_int_equal(ate__leaf_hash(ate__bytes(NULL, 0), &leaf), 0);
    assert_hash(&leaf, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    uint8_t bytes[65] = {1};
    memcpy(bytes + 1, leaf.b, 32);
    memset(bytes + 33, 7, 32);
    struct ate_hash right;
    memset(&right, 7, sizeof right);
    assert_int_equal(ate__sha256(ate__bytes(bytes, 65), &expected), 0);
    assert_int_equal(ate__node_hash(&leaf, &right, &node), 0);
    assert_true(ate__hash_equal(&node, &expected));
    assert_int_equal(ate__node_hash(&leaf, &right, &right), 0); /* onto an argument */
    assert_true(ate__hash_equal(&right, &expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_known_messages),
        cmocka_unit_test(knows_its_algorithms),
        cmocka_unit_test(frames_are_as_documented),
        cmocka_unit_test(fields_do_not_run_together),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(abandoned_hash_leaves_nothing),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(tree_hashes_are_prefixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
