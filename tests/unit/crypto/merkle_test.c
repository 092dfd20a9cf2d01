/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * merkle_test.c: against published trees and against the recursive definitions of RFC 9162
 * section 2.1, for every size up to LEAVES and every pair of sizes.
 */
#include "crypto/merkle.h"
#include "base/err.h"
#include "help.h"

enum { LEAVES = 70 };

static struct ate_hash leaf[LEAVES];

static struct ate_hash node_of(struct ate_hash left, struct ate_hash right)
{
    struct ate_hash hash;
    assert_int_equal(ate__node_hash(&left, &right, &hash), 0);
    return hash;
}

/* The largest power of two smaller than n. */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

/* MTH(D[from:to]) */
static struct ate_hash naive_root(uint64_t from, uint64_t to)
{
    struct ate_hash hash;
    if (from == to) {
        assert_int_equal(ate__sha256(ate__bytes(NULL, 0), &hash), 0);
        return hash;
    }
    if (to - from == 1)
        return leaf[from];
    uint64_t k = split(to - from);
    return node_of(naive_root(from, from + k), naive_root(from + k, to));
}

/* PATH(m, D[from:to]) */
static void naive_path(uint64_t m, uint64_t from, uint64_t to, struct ate__proof *proof)
{
    if (to - from == 1)
        return;
    uint64_t k = split(to - from);
    if (m < k) {
        naive_path(m, from, from + k, proof);
        proof->hash[proof->count++] = naive_root(from + k, to);
    } else {
        naive_path(m - k, from + k, to, proof);
        proof->hash[proof->count++] = naive_root(from, from + k);
    }
}

/* SUBPROOF(m, D[from:to], b) */
static void naive_subproof(uint64_t m, uint64_t from, uint64_t to, bool b, struct ate__proof *proof)
{
    if (m == to - from) {
        if (!b)
            proof->hash[proof->count++] = naive_root(from, to);
        return;
    }
    uint64_t k = split(to - from);
    if (m <= k) {
        naive_subproof(m, from, from + k, b, proof);
        proof->hash[proof->count++] = naive_root(from + k, to);
    } else {
        naive_subproof(m - k, from + k, to, false, proof);
        proof->hash[proof->count++] = naive_root(from, from + k);
    }
}

/* A reader of stored hashes. Asking for a subtree that is not complete is a failure. */
struct reader {
    uint64_t size;
    unsigned asked, fail_at; /* 0: never */
};
static int read_node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    struct reader *r = arg;
    if (++r->asked == r->fail_at)
        return ATE_E_IO;
    assert_true(level < 64);
    assert_true(index < r->size >> level);
    *ret_hash = naive_root(index << level, (index + 1) << level);
    return 0;
}

static int make_leaves(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < LEAVES; i++)
        assert_int_equal(ate__leaf_hash(ate__bytes(&i, sizeof i), &leaf[i]), 0);
    return 0;
}

static void assert_same_proof(const struct ate__proof *a, const struct ate__proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hash, b->hash, a->count * sizeof *a->hash);
}

static void roots_match_the_definition(void **state)
{
    (void)state;
    struct ate__frontier f;
    ate__frontier_init(&f);
    for (uint64_t n = 0; n <= LEAVES; n++) {
        struct ate_hash root, expected = naive_root(0, n);
        assert_int_equal(ate__frontier_root(&f, &root), 0);
        assert_true(ate__hash_equal(&root, &expected));
        struct reader r = {.size = n};
        assert_int_equal(ate__merkle_root_at(read_node, &r, n, &root), 0);
        assert_true(ate__hash_equal(&root, &expected));
        if (n < LEAVES)
            assert_int_equal(ate__frontier_append(&f, &leaf[n]), 0);
    }
}

/* Every change of one thing must be seen. */
static void spoil_inclusion(uint64_t index, uint64_t size, const struct ate__proof *proof,
                            const struct ate_hash *root)
{
    struct ate__proof bad = *proof;
    struct ate_hash other = *root;
    other.b[31] ^= 1;
    assert_int_equal(ate__merkle_check_inclusion(&leaf[index], index, size, proof, &other),
                     ATE_TAMPERED);
    assert_int_equal(ate__merkle_check_inclusion(&other, index, size, proof, root), ATE_TAMPERED);
    for (uint32_t i = 0; i < proof->count; i++) {
        bad.hash[i].b[i % 32] ^= 0x80;
        assert_int_equal(ate__merkle_check_inclusion(&leaf[index], index, size, &bad, root),
                         ATE_TAMPERED);
        bad.hash[i] = proof->hash[i];
    }
    if (bad.count) {
        bad.count--;
        assert_int_equal(ate__merkle_check_inclusion(&leaf[index], index, size, &bad, root),
                         ATE_TAMPERED);
    }
    bad.count = proof->count + 1;
    bad.hash[proof->count] = other;
    assert_int_equal(ate__merkle_check_inclusion(&leaf[index], index, size, &bad, root),
                     ATE_TAMPERED);
    assert_int_equal(ate__merkle_check_inclusion(&leaf[index], size, size, proof, root),
                     ATE_TAMPERED);
    if (size > 1)
        assert_int_equal(ate__merkle_check_inclusion(&leaf[index], index ^ 1, size, proof, root),
                         ATE_TAMPERED);
}

static void inclusion_for_all_sizes(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= LEAVES; n++) {
        struct ate_hash root = naive_root(0, n);
        for (uint64_t m = 0; m < n; m++) {
            struct ate__proof proof, expected = {.count = 0};
            struct reader r = {.size = n};
            naive_path(m, 0, n, &expected);
            assert_int_equal(ate__merkle_inclusion(read_node, &r, m, n, &proof), 0);
            assert_same_proof(&proof, &expected);
            assert_int_equal(ate__merkle_check_inclusion(&leaf[m], m, n, &proof, &root), 0);
            struct ate_hash of_path;
            assert_int_equal(
                ate__merkle_root_of_path(&leaf[m], m, n, proof.hash, proof.count, &of_path), 0);
            assert_true(ate__hash_equal(&of_path, &root));
            spoil_inclusion(m, n, &proof, &root);
        }
    }
}

static void spoil_consistency(uint64_t m, const struct ate_hash *old_root, uint64_t n,
                              const struct ate_hash *root, const struct ate__proof *proof)
{
    struct ate__proof bad = *proof;
    struct ate_hash other = *root;
    other.b[0] ^= 1;
    if (m) /* every tree extends the empty one */
        assert_int_equal(ate__merkle_check_consistency(m, old_root, n, &other, proof),
                         ATE_TAMPERED);
    assert_int_equal(ate__merkle_check_consistency(m, &other, n, root, proof), ATE_TAMPERED);
    for (uint32_t i = 0; i < proof->count; i++) {
        bad.hash[i].b[i % 32] ^= 1;
        assert_int_equal(ate__merkle_check_consistency(m, old_root, n, root, &bad), ATE_TAMPERED);
        bad.hash[i] = proof->hash[i];
    }
    if (bad.count) {
        bad.count--;
        assert_int_equal(ate__merkle_check_consistency(m, old_root, n, root, &bad), ATE_TAMPERED);
    }
    bad.count = proof->count + 1;
    bad.hash[proof->count] = other;
    assert_int_equal(ate__merkle_check_consistency(m, old_root, n, root, &bad), ATE_TAMPERED);
    assert_int_equal(ate__merkle_check_consistency(n + 1, old_root, n, root, proof), ATE_TAMPERED);
    if (m) /* a tree with more levels asks for a longer one */
        assert_int_equal(ate__merkle_check_consistency(m, old_root, 2 * LEAVES, root, proof),
                         ATE_TAMPERED);
}

static void consistency_for_all_pairs(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= LEAVES; n++) {
        struct ate_hash root = naive_root(0, n);
        for (uint64_t m = 0; m <= n; m++) {
            struct ate_hash old_root = naive_root(0, m);
            struct ate__proof proof, expected = {.count = 0};
            struct reader r = {.size = n};
            if (m)
                naive_subproof(m, 0, n, true, &expected);
            assert_int_equal(ate__merkle_consistency(read_node, &r, m, n, &proof), 0);
            assert_same_proof(&proof, &expected);
            assert_int_equal(ate__merkle_check_consistency(m, &old_root, n, &root, &proof), 0);
            spoil_consistency(m, &old_root, n, &root, &proof);
        }
    }
}

static void impossible_questions(void **state)
{
    (void)state;
    struct reader r = {.size = 5};
    struct ate__proof proof;
    struct ate_hash root;
    assert_int_equal(ate__merkle_inclusion(read_node, &r, 5, 5, &proof), ATE_MISUSE);
    assert_int_equal(ate__merkle_inclusion(read_node, &r, 0, 0, &proof), ATE_MISUSE);
    assert_int_equal(ate__merkle_consistency(read_node, &r, 6, 5, &proof), ATE_MISUSE);
    assert_int_equal(r.asked, 0);
    assert_int_equal(ate__merkle_root_of_path(&leaf[0], 0, 0, NULL, 0, &root), ATE_MALFORMED);
    assert_int_equal(ate__merkle_root_of_path(&leaf[0], 7, 7, NULL, 0, &root), ATE_MALFORMED);
    assert_int_equal(ate__merkle_root_of_path(&leaf[0], 0, 2, NULL, 0, &root), ATE_MALFORMED);
    assert_int_equal(ate__merkle_root_of_path(&leaf[0], 0, 1, leaf, 1, &root), ATE_MALFORMED);
    memset(&proof, 0, sizeof proof);
    for (uint32_t count = ATE__PROOF_MAX; count; count = count == UINT32_MAX ? 0 : UINT32_MAX) {
        proof.count = count;
        assert_int_equal(ate__merkle_check_inclusion(&leaf[0], 3, UINT64_MAX, &proof, &leaf[1]),
                         ATE_TAMPERED);
        assert_int_equal(ate__merkle_check_consistency(3, &leaf[0], UINT64_MAX, &leaf[1], &proof),
                         ATE_TAMPERED);
        assert_int_equal(
            ate__merkle_check_consistency(1ull << 63, &leaf[0], UINT64_MAX, &leaf[1], &proof),
            ATE_TAMPERED);
    }
}

static void reader_failures_come_through(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 20; at++) {
        struct reader r = {.size = 53, .fail_at = at};
        struct ate__proof proof = {.count = 77};
        struct ate_hash root = {{1}};
        int rc = ate__merkle_inclusion(read_node, &r, 11, 53, &proof);
        assert_int_equal(rc, r.asked == at ? ATE_E_IO : 0);
        assert_true(!rc || proof.count == 77);
        r.asked = 0;
        proof.count = 77;
        rc = ate__merkle_consistency(read_node, &r, 11, 53, &proof);
        assert_int_equal(rc, r.asked == at ? ATE_E_IO : 0);
        assert_true(!rc || proof.count == 77);
        r.asked = 0;
        rc = ate__merkle_root_at(read_node, &r, 53, &root);
        assert_int_equal(rc, r.asked == at ? ATE_E_IO : 0);
        assert_true(!rc || root.b[0] == 1);
    }
}

/* In a tree in which all leaves are equal, so are all subtrees of one size. */
static int uniform_node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    (void)index;
    *ret_hash = ((struct ate_hash *)arg)[level];
    return 0;
}

static void the_largest_trees(void **state)
{
    (void)state;
    struct ate_hash level[64];
    level[0] = leaf[0];
    for (unsigned i = 1; i < 64; i++)
        level[i] = node_of(level[i - 1], level[i - 1]);
    struct ate__frontier f = {.size = UINT64_MAX - 1};
    for (unsigned i = 0; i < 63; i++)
        f.node[i] = level[63 - i];
    assert_int_equal(ate__frontier_append(&f, &leaf[0]), 0);
    assert_true(f.size == UINT64_MAX);
    struct ate__frontier full = f;
    assert_int_equal(ate__frontier_append(&f, &leaf[0]), ATE_TOO_BIG);
    assert_memory_equal(&f, &full, sizeof f);

    struct ate_hash root, at, old_root;
    assert_int_equal(ate__frontier_root(&f, &root), 0);
    assert_int_equal(ate__merkle_root_at(uniform_node, level, UINT64_MAX, &at), 0);
    assert_true(ate__hash_equal(&root, &at));
    static const uint64_t place[] = {
        0, 1, 2, (1ull << 63) - 1, 1ull << 63, UINT64_MAX - 2, UINT64_MAX - 1};
    for (size_t i = 0; i < ATE__COUNT_OF(place); i++) {
        struct ate__proof proof;
        uint64_t n = place[i];
        assert_int_equal(ate__merkle_inclusion(uniform_node, level, n, UINT64_MAX, &proof), 0);
        assert_true(proof.count <= 64);
        assert_int_equal(ate__merkle_check_inclusion(&leaf[0], n, UINT64_MAX, &proof, &root), 0);
        assert_int_equal(ate__merkle_consistency(uniform_node, level, n, UINT64_MAX, &proof), 0);
        assert_int_equal(ate__merkle_root_at(uniform_node, level, n, &old_root), 0);
        assert_int_equal(ate__merkle_check_consistency(n, &old_root, UINT64_MAX, &root, &proof), 0);
    }
}

/* The example of RFC 9162, 2.1.5: seven leaves, their nodes by its letters, and the proofs that it
 * names. a to f are the first six leaves, j is the seventh. */
static void rfc_9162_example(void **state)
{
    (void)state;
    enum { A, B, C, D, E, F, G, H, I, J, K, L, NODES };
    static const struct {
        uint64_t from;
        bool inclusion; /* of d<from>; else PROOF(from, D[7]) */
        const char *path;
    } rows[] = {
        {0, true, "bhl"},   {3, true, "cgl"}, {4, true, "fjk"},  {6, true, "ik"},
        {3, false, "cdgl"}, {4, false, "l"},  {6, false, "ijk"},
    };
    struct ate_hash node[NODES];
    struct reader r = {.size = 7};
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(ate__leaf_hash(ate__bytes(&"0123456"[i], 1), &leaf[i]), 0);
    memcpy(node, leaf, 6 * sizeof leaf[0]);
    node[J] = leaf[6];
    assert_int_equal(ate__node_hash(&node[A], &node[B], &node[G]), 0);
    assert_int_equal(ate__node_hash(&node[C], &node[D], &node[H]), 0);
    assert_int_equal(ate__node_hash(&node[E], &node[F], &node[I]), 0);
    assert_int_equal(ate__node_hash(&node[G], &node[H], &node[K]), 0);
    assert_int_equal(ate__node_hash(&node[I], &node[J], &node[L]), 0);
    for (size_t n = 0; n < ATE__COUNT_OF(rows); n++) {
        struct ate__proof proof;
        int rc = rows[n].inclusion
                     ? ate__merkle_inclusion(read_node, &r, rows[n].from, 7, &proof)
                     : ate__merkle_consistency(read_node, &r, rows[n].from, 7, &proof);
        assert_int_equal(rc, 0);
        assert_int_equal(proof.count, strlen(rows[n].path));
        for (uint32_t i = 0; i < proof.count; i++)
            assert_memory_equal(&proof.hash[i], &node[rows[n].path[i] - 'a'],
                                sizeof(struct ate_hash));
    }
}

/* The tree of eight leaves that Certificate Transparency's implementations test RFC 6962 and RFC
 * 9162 with. */
static const char *const entry[8] = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};
static const char *const root_hex[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};
static const struct {
    uint64_t from, size;
    bool inclusion; /* of leaf `from`; else consistency */
    const char *path[4];
} proof_hex[] = {
    {0,
     8,
     true,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     true,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 3, true, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1,
     5,
     true,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    {1, 1, false, {NULL}},
    {1,
     8,
     false,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {6,
     8,
     false,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2,
     5,
     false,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    {3,
     7,
     false,
     {"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
      "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e"}},
};

static void published_tree(void **state)
{
    (void)state;
    struct ate__frontier f;
    ate__frontier_init(&f);
    for (unsigned i = 0; i <= 8; i++) {
        struct ate_hash root, hash;
        uint8_t bytes[16];
        assert_int_equal(ate__frontier_root(&f, &root), 0);
        assert_hash(&root, root_hex[i]);
        if (i == 8)
            break;
        of_hex(entry[i], bytes, strlen(entry[i]) / 2);
        assert_int_equal(ate__leaf_hash(ate__bytes(bytes, strlen(entry[i]) / 2), &hash), 0);
        assert_int_equal(ate__frontier_append(&f, &hash), 0);
        leaf[i] = hash; /* the reader's tree, for the proofs below */
    }
    for (size_t i = 0; i < ATE__COUNT_OF(proof_hex); i++) {
        struct reader r = {.size = proof_hex[i].size};
        struct ate__proof proof;
        if (proof_hex[i].inclusion)
            assert_int_equal(
                ate__merkle_inclusion(read_node, &r, proof_hex[i].from, r.size, &proof), 0);
        else
            assert_int_equal(
                ate__merkle_consistency(read_node, &r, proof_hex[i].from, r.size, &proof), 0);
        for (uint32_t k = 0; k < 4 && proof_hex[i].path[k]; k++) {
            assert_true(k < proof.count);
            assert_hash(&proof.hash[k], proof_hex[i].path[k]);
        }
        assert_true(proof.count == 4 || !proof_hex[i].path[proof.count]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_match_the_definition),
        cmocka_unit_test(inclusion_for_all_sizes),
        cmocka_unit_test(consistency_for_all_pairs),
        cmocka_unit_test(impossible_questions),
        cmocka_unit_test(reader_failures_come_through),
        cmocka_unit_test(the_largest_trees),
        cmocka_unit_test(rfc_9162_example), /* replaces the leaves, as the next does */
        cmocka_unit_test(published_tree), /* last: it replaces the leaves */
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
