/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * merkle.c: RFC 9162 section 2.1 without recursion.
 *
 * Number the nodes of each level from the left, leaves at level 0: node i of level k stands for the
 * leaves from i * 2^k on, and is complete if i < size >> k. At most one node of a level, its last,
 * is not complete: the right edge. Walking from a node to the root, (i, last) shrink by a half per
 * level; i odd has a sibling at i - 1, which is complete; i even and below last has one at i + 1; i
 * = last and even has none and is its own parent.
 */
#include "crypto/merkle.h"
#include "base/err.h"

enum { LEVELS = 64 };

void ate__frontier_init(struct ate__frontier *f)
{
    *f = (struct ate__frontier){0};
}

int ate__frontier_append(struct ate__frontier *f, const struct ate_hash *leaf)
{
    if (f->size == UINT64_MAX)
        return ate__fail(ATE_TOO_BIG, "a Merkle tree holds at most 2^64 - 1 leaves");
    unsigned count = (unsigned)__builtin_popcountll(f->size);
    struct ate_hash carry = *leaf;
    for (uint64_t s = f->size; s & 1; s >>= 1) {
        int rc = ate__node_hash(&f->node[--count], &carry, &carry);
        if (rc)
            return rc;
    }
    f->node[count] = carry;
    f->size++;
    return 0;
}

int ate__frontier_root(const struct ate__frontier *f, struct ate_hash *ret_root)
{
    if (!f->size)
        return ate__sha256(ate__bytes(NULL, 0), ret_root);
    unsigned count = (unsigned)__builtin_popcountll(f->size);
    struct ate_hash root = f->node[--count];
    while (count) {
        int rc = ate__node_hash(&f->node[--count], &root, &root);
        if (rc)
            return rc;
    }
    *ret_root = root;
    return 0;
}

/* The hash of the last size mod 2^levels leaves (not 0): the complete subtrees of that remainder,
 * folded from the right. */
static int edge_hash(ate__node_fn *node, void *arg, uint64_t size, unsigned levels,
                     struct ate_hash *ret_hash)
{
    struct ate_hash hash, left;
    bool first = true;
    for (unsigned k = 0; k < levels; k++) {
        if (!(size >> k & 1))
            continue;
        int rc = node(arg, k, (size >> k) - 1, first ? &hash : &left);
        if (!rc && !first)
            rc = ate__node_hash(&left, &hash, &hash);
        if (rc)
            return rc;
        first = false;
    }
    *ret_hash = hash;
    return 0;
}

int ate__merkle_root_at(ate__node_fn *node, void *arg, uint64_t size, struct ate_hash *ret_root)
{
    if (!size)
        return ate__sha256(ate__bytes(NULL, 0), ret_root);
    return edge_hash(node, arg, size, LEVELS, ret_root);
}

/* Appends the siblings on the way from node `index` of `level` to the root. */
static int path_to_root(ate__node_fn *node, void *arg, unsigned level, uint64_t index,
                        uint64_t size, struct ate__proof *proof)
{
    for (uint64_t last = (size - 1) >> level; last; level++, index >>= 1, last >>= 1) {
        if (index == last && !(index & 1))
            continue;
        uint64_t sibling = index ^ 1;
        struct ate_hash *to = &proof->hash[proof->count];
        int rc = sibling < size >> level ? node(arg, level, sibling, to)
                                         : edge_hash(node, arg, size, level, to);
        if (rc)
            return rc;
        proof->count++;
    }
    return 0;
}

int ate__merkle_inclusion(ate__node_fn *node, void *arg, uint64_t index, uint64_t size,
                          struct ate__proof *ret_proof)
{
    if (index >= size)
        return ate__fail(ATE_MISUSE, "no leaf %ju in a tree of %ju", (uintmax_t)index,
                         (uintmax_t)size);
    struct ate__proof proof;
    proof.count = 0;
    int rc = path_to_root(node, arg, 0, index, size, &proof);
    if (!rc)
        *ret_proof = proof;
    return rc;
}

int ate__merkle_consistency(ate__node_fn *node, void *arg, uint64_t old_size, uint64_t size,
                            struct ate__proof *ret_proof)
{
    if (old_size > size)
        return ate__fail(ATE_MISUSE, "a tree of %ju does not extend one of %ju", (uintmax_t)size,
                         (uintmax_t)old_size);
    struct ate__proof proof;
    proof.count = 0;
    if (old_size && old_size < size) {
        /* The last complete subtree of the old tree; the verifier knows it if it is all of that. */
        unsigned level = (unsigned)__builtin_ctzll(old_size);
        uint64_t index = (old_size >> level) - 1;
        int rc = index ? node(arg, level, index, &proof.hash[proof.count++]) : 0;
        if (!rc)
            rc = path_to_root(node, arg, level, index, size, &proof);
        if (rc)
            return rc;
    }
    *ret_proof = proof;
    return 0;
}

/* RFC 9162 2.1.3.2. *ret_fits: whether the path is as long as index and size ask for. */
static int root_of_path(const struct ate_hash *leaf, uint64_t index, uint64_t size,
                        const struct ate_hash *path, uint32_t count, bool *ret_fits,
                        struct ate_hash *ret_root)
{
    struct ate_hash root = *leaf;
    uint64_t last = size - 1;
    *ret_fits = false;
    if (index >= size)
        return 0;
    for (uint32_t i = 0; i < count; i++, index >>= 1, last >>= 1) {
        if (!last)
            return 0;
        int rc;
        if (index & 1 || index == last) {
            rc = ate__node_hash(&path[i], &root, &root);
            for (; !(index & 1) && index; index >>= 1)
                last >>= 1;
        } else {
            rc = ate__node_hash(&root, &path[i], &root);
        }
        if (rc)
            return rc;
    }
    *ret_fits = !last;
    *ret_root = root;
    return 0;
}

int ate__merkle_root_of_path(const struct ate_hash *leaf, uint64_t index, uint64_t size,
                             const struct ate_hash *path, uint32_t count, struct ate_hash *ret_root)
{
    struct ate_hash root;
    bool fits;
    int rc = root_of_path(leaf, index, size, path, count, &fits, &root);
    if (rc)
        return rc;
    if (!fits)
        return ate__fail(ATE_MALFORMED, "a path of %u hashes does not lead from leaf %ju of %ju",
                         count, (uintmax_t)index, (uintmax_t)size);
    *ret_root = root;
    return 0;
}

int ate__merkle_check_inclusion(const struct ate_hash *leaf, uint64_t index, uint64_t size,
                                const struct ate__proof *proof, const struct ate_hash *root)
{
    struct ate_hash computed;
    bool fits = false;
    int rc = proof->count <= ATE__PROOF_MAX
                 ? root_of_path(leaf, index, size, proof->hash, proof->count, &fits, &computed)
                 : 0;
    if (rc)
        return rc;
    if (!fits || !ate__hash_equal(&computed, root))
        return ate__fail(ATE_TAMPERED, "the proof does not show leaf %ju in the tree of %ju",
                         (uintmax_t)index, (uintmax_t)size);
    return 0;
}

/* RFC 9162 2.1.4.2 for 0 < old_size < size. first: the node from which both roots are computed;
 * path: the rest. */
static int roots_of_path(uint64_t old_size, uint64_t size, const struct ate_hash *first,
                         const struct ate_hash *path, uint32_t count, bool *ret_fits,
                         struct ate_hash *ret_old_root, struct ate_hash *ret_root)
{
    uint64_t index = old_size - 1, last = size - 1;
    struct ate_hash old_root = *first, root = *first;
    *ret_fits = false;
    for (; index & 1; index >>= 1)
        last >>= 1;
    for (uint32_t i = 0; i < count; i++, index >>= 1, last >>= 1) {
        if (!last)
            return 0;
        int rc;
        if (index & 1 || index == last) {
            rc = ate__node_hash(&path[i], &old_root, &old_root);
            if (!rc)
                rc = ate__node_hash(&path[i], &root, &root);
            for (; !(index & 1) && index; index >>= 1)
                last >>= 1;
        } else {
            rc = ate__node_hash(&root, &path[i], &root);
        }
        if (rc)
            return rc;
    }
    *ret_fits = !last;
    *ret_old_root = old_root;
    *ret_root = root;
    return 0;
}

/* Whether it holds; 0 < old_size < size. */
static int check_growth(uint64_t old_size, const struct ate_hash *old_root, uint64_t size,
                        const struct ate_hash *root, const struct ate__proof *proof,
                        bool *ret_holds)
{
    struct ate_hash computed_old, computed;
    bool fits = false;
    *ret_holds = false;
    if (!proof->count || proof->count > ATE__PROOF_MAX)
        return 0;
    bool whole = !(old_size & (old_size - 1)); /* the old tree is one subtree of the new */
    int rc = roots_of_path(old_size, size, whole ? old_root : proof->hash, proof->hash + !whole,
                           proof->count - !whole, &fits, &computed_old, &computed);
    *ret_holds =
        !rc && fits && ate__hash_equal(&computed_old, old_root) && ate__hash_equal(&computed, root);
    return rc;
}

int ate__merkle_check_consistency(uint64_t old_size, const struct ate_hash *old_root, uint64_t size,
                                  const struct ate_hash *root, const struct ate__proof *proof)
{
    struct ate_hash empty;
    bool holds;
    int rc = 0;
    if (old_size && old_size < size) {
        rc = check_growth(old_size, old_root, size, root, proof, &holds);
    } else if (old_size == size) {
        holds = !proof->count && ate__hash_equal(old_root, root);
    } else {
        rc = ate__sha256(ate__bytes(NULL, 0), &empty);
        holds = !rc && !old_size && !proof->count && ate__hash_equal(old_root, &empty);
    }
    if (rc)
        return rc;
    if (!holds)
        return ate__fail(ATE_TAMPERED, "the tree of %ju is not shown to extend the one of %ju",
                         (uintmax_t)size, (uintmax_t)old_size);
    return 0;
}
