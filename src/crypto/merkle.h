/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * merkle.h: the append-only Merkle tree of RFC 9162 section 2.1: right edge, root, inclusion and
 * consistency proofs.
 *
 * The frontier holds the roots of the complete subtrees of the present size, largest first, so
 * appending costs amortised one hash and memory is at most 64 hashes. Proofs are made from a reader
 * of stored hashes (redo/tiles) and verified here.
 */
#pragma once
#include "crypto/digest.h"

enum { ATE__PROOF_MAX = 128 }; /* hashes in one proof */

struct ate__frontier {
    uint64_t size;            /* leaves */
    struct ate_hash node[64]; /* one per set bit of size, from the highest bit down */
};
void ate__frontier_init(struct ate__frontier *f);
/* ATE_E_MEMORY, and f is unchanged; ATE_TOO_BIG at 2^64 - 1 leaves. */
int ate__frontier_append(struct ate__frontier *f, const struct ate_hash *leaf) ATE__CHECK;
/* empty: SHA-256("") */
int ate__frontier_root(const struct ate__frontier *f, struct ate_hash *ret_root) ATE__CHECK;

struct ate__proof {
    uint32_t count;
    struct ate_hash hash[ATE__PROOF_MAX];
};
/* Gives the hash of the complete subtree of 2^level leaves that starts at leaf index * 2^level. */
typedef int ate__node_fn(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash);

int ate__merkle_root_at(ate__node_fn *node, void *arg, uint64_t size, struct ate_hash *ret_root)
    ATE__CHECK;
/* PATH(index, D[size]) and PROOF(old_size, D[size]); index < size, 0 <= old_size <= size; else
 * ATE_MISUSE. Forwards node's result. */
int ate__merkle_inclusion(ate__node_fn *node, void *arg, uint64_t index, uint64_t size,
                          struct ate__proof *ret_proof) ATE__CHECK;
int ate__merkle_consistency(ate__node_fn *node, void *arg, uint64_t old_size, uint64_t size,
                            struct ate__proof *ret_proof) ATE__CHECK;
/* RFC 9162 2.1.3.2 and 2.1.4.2. 0, or ATE_TAMPERED when it does not hold. old_size 0: the proof
 * must be empty and old_root that of an empty tree. Sizes and proofs may come from outside. */
int ate__merkle_check_inclusion(const struct ate_hash *leaf, uint64_t index, uint64_t size,
                                const struct ate__proof *proof, const struct ate_hash *root)
    ATE__CHECK;
int ate__merkle_check_consistency(uint64_t old_size, const struct ate_hash *old_root, uint64_t size,
                                  const struct ate_hash *root, const struct ate__proof *proof)
    ATE__CHECK;
/* The root that a path leads to, for batch signatures (docs/format/event.md, 8).
 * ATE_MALFORMED if the path has another length than index and size ask for. */
int ate__merkle_root_of_path(const struct ate_hash *leaf, uint64_t index, uint64_t size,
                             const struct ate_hash *path, uint32_t count, struct ate_hash *ret_root)
    ATE__CHECK;
