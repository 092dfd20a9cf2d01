/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Batches of every size from 1 to 130: root and paths against a tree that is split as RFC 9162,
 * 2.1.1 says, and every path against every other place. The limits, and memory that ends.
 */
#include "event/batch.h"
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/heap.h"

enum { SIZES = 130 };
static const enum ate__hash_alg alg = ATE__SHA256;

static struct ate_hash tx_hash[SIZES];

static int begin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZES; i++)
        tx_hash[i] = (struct ate_hash){{(uint8_t)i, 0xa5}};
    return 0;
}

/* ---- the naive tree ---- */

static uint32_t split(uint32_t n)
{
    uint32_t half = 1;
    while (2 * half < n)
        half *= 2;
    return half;
}

static struct ate_hash naive_root(uint32_t first, uint32_t n)
{
    struct ate_hash hash, left, right;
    if (n == 1) {
        assert_int_equal(ate__leaf_hash(ate__bytes(&tx_hash[first], 32), &hash), 0);
        return hash;
    }
    left = naive_root(first, split(n));
    right = naive_root(first + split(n), n - split(n));
    assert_int_equal(ate__node_hash(&left, &right, &hash), 0);
    return hash;
}

static uint32_t naive_path(uint32_t first, uint32_t n, uint32_t index, struct ate_hash *ret_path)
{
    if (n == 1)
        return 0;
    uint32_t half = split(n);
    bool left = index < half;
    uint32_t count = left ? naive_path(first, half, index, ret_path)
                          : naive_path(first + half, n - half, index - half, ret_path);
    ret_path[count] = left ? naive_root(first + half, n - half) : naive_root(first, half);
    return count + 1;
}

static struct ate_hash naive_message(const struct ate_hash *fingerprint, uint32_t n)
{
    uint8_t size[4] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct ate_hash root = naive_root(0, n), message;
    struct ate_bytes fields[] = {ate__bytes(fingerprint, 32), ate__bytes(size, 4),
                                 ate__bytes(&root, 32)};
    assert_int_equal(ate__hash(alg, "ate batch 1", fields, 3, &message), 0);
    return message;
}

/* ---- tests ---- */

static void every_size(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= SIZES; n++) {
        struct ate__batch_tree tree;
        struct ate__signature s = {.fingerprint = {{9}}, .batch_size = n};
        struct ate_hash expected = naive_message(&s.fingerprint, n), message;
        assert_int_equal(ate__batch_tree(tx_hash, n, &tree), 0);
        for (uint32_t i = 0; i < n; i++) {
            struct ate_hash path[ATE__BATCH_PATH_MAX], naive[ATE__BATCH_PATH_MAX];
            s.batch_index = i;
            s.path_count = ate__batch_path(&tree, i, path);
            s.path = path[0].b;
            assert_int_equal(s.path_count, naive_path(0, n, i, naive));
            assert_memory_equal(path, naive, 32 * (size_t)s.path_count);
            assert_int_equal(ate__batch_message(alg, &tx_hash[i], &s, &message), 0);
            assert_memory_equal(&message, &expected, sizeof message);
        }
        ate__batch_tree_deinit(&tree);
    }
}

/* The message is another one, or there is none. */
static void differs(const struct ate_hash *hash, const struct ate__signature *s,
                    const struct ate_hash *message)
{
    struct ate_hash other;
    int rc = ate__batch_message(alg, hash, s, &other);
    if (rc)
        assert_true(rc == ATE_MALFORMED || rc == ATE_TOO_BIG);
    else
        assert_memory_not_equal(&other, message, sizeof other);
}

/* A path proves its own transaction at its own place in a batch of its own size, and nothing else.
 */
static void nothing_else(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 64, 65};
    for (size_t k = 0; k < ATE__COUNT_OF(sizes); k++) {
        uint32_t n = sizes[k];
        struct ate__batch_tree tree;
        assert_int_equal(ate__batch_tree(tx_hash, n, &tree), 0);
        for (uint32_t i = 0; i < n; i++) {
            struct ate_hash path[ATE__BATCH_PATH_MAX + 1] = {{{0}}}, message;
            struct ate__signature good = {.fingerprint = {{9}}, .batch_size = n, .batch_index = i};
            good.path_count = ate__batch_path(&tree, i, path);
            good.path = path[0].b;
            assert_int_equal(ate__batch_message(alg, &tx_hash[i], &good, &message), 0);
            for (uint32_t other = 0; other < 2 * n + 2; other++) {
                struct ate__signature s = good;
                if (other != i) {
                    s.batch_index = other;
                    differs(&tx_hash[i], &s, &message);
                }
                if (other % SIZES)
                    differs(&tx_hash[(i + other) % SIZES], &good, &message);
                s = good;
                s.batch_size = other;
                if (other != n)
                    differs(&tx_hash[i], &s, &message);
            }
            for (uint32_t at = 0; at < good.path_count; at++) {
                path[at].b[at] ^= 1;
                differs(&tx_hash[i], &good, &message);
                path[at].b[at] ^= 1;
            }
            struct ate__signature s = good;
            s.path_count++;
            differs(&tx_hash[i], &s, &message);
            s.path_count = good.path_count - 1; /* of none: UINT32_MAX */
            differs(&tx_hash[i], &s, &message);
        }
        ate__batch_tree_deinit(&tree);
    }
}

static void at_the_limit(void **state)
{
    (void)state;
    struct ate__batch_tree tree;
    struct ate_hash path[ATE__BATCH_PATH_MAX], message;
    struct ate__signature s = {.batch_size = ATE__BATCH_MAX, .path = path[0].b};
    struct ate_hash *hashes = ate__alloc_array(ATE__BATCH_MAX + 1, sizeof *hashes);
    assert_non_null(hashes);
    assert_int_equal(ate__batch_tree(hashes, ATE__BATCH_MAX, &tree), 0);
    s.path_count = ate__batch_path(&tree, 0, path);
    assert_int_equal(s.path_count, ATE__BATCH_PATH_MAX);
    assert_int_equal(ate__batch_message(alg, &hashes[0], &s, &message), 0);
    ate__batch_tree_deinit(&tree);
    assert_int_equal(ate__batch_tree(hashes, ATE__BATCH_MAX + 1, &tree), ATE_TOO_BIG);
    ate__free(hashes);
    /* One hash would lead from the last of them to the root. */
    s.batch_size = ATE__BATCH_MAX + 1;
    s.batch_index = ATE__BATCH_MAX;
    s.path_count = 1;
    assert_int_equal(ate__batch_message(alg, &tx_hash[0], &s, &message), ATE_TOO_BIG);
}

static void without_memory(void **state)
{
    (void)state;
    struct ate__batch_tree tree;
    heap_start();
    heap_fail(1, false);
    assert_int_equal(ate__batch_tree(tx_hash, 3, &tree), ATE_E_MEMORY);
    heap_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size),
        cmocka_unit_test(nothing_else),
        cmocka_unit_test(at_the_limit),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
