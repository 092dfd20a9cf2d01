/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * merkle_fuzz.c: ate__merkle_check_inclusion(), ate__merkle_check_consistency() and
 * ate__merkle_root_of_path(). A proof with patches (patch.h) holds only without them; one that is
 * made up, with any sizes, does not hold.
 */
#include "base/assert.h"
#include "base/err.h"
#include "crypto/merkle.h"
#include "patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEAVES = 255 };
static struct ate_hash leaf[LEAVES], root[LEAVES + 1];

static int node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    struct ate__frontier f;
    (void)arg;
    ate__frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        ate__assert(!ate__frontier_append(&f, &leaf[i]));
    return level ? ate__frontier_root(&f, ret_hash) : (*ret_hash = leaf[index], 0);
}

static void make(void)
{
    struct ate__frontier f;
    ate__frontier_init(&f);
    ate__assert(!ate__frontier_root(&f, &root[0]));
    for (unsigned i = 0; i < LEAVES; i++) {
        memset(leaf[i].b, (int)i + 1, sizeof leaf[i].b);
        ate__assert(!ate__frontier_append(&f, &leaf[i]));
        ate__assert(!ate__frontier_root(&f, &root[i + 1]));
    }
}

/* Patches also what the proof is about. */
static void check_patched(struct ate__rd *r)
{
    struct ate__proof proof;
    struct ate_hash of, end, back;
    uint64_t size = ate__rd_u8(r) % LEAVES + 1, index = ate__rd_u8(r) % size;
    of = leaf[index];
    end = root[size];
    ate__assert(!ate__merkle_inclusion(node, NULL, index, size, &proof));
    bool other = fuzz_patch(r, proof.hash, proof.count * sizeof *proof.hash);
    other |= fuzz_patch(r, &of, sizeof of);
    other |= fuzz_patch(r, &end, sizeof end);
    if (size == 1) /* the leaf is the root */
        other = !ate__hash_equal(&of, &end);
    ate__assert(!ate__merkle_check_inclusion(&of, index, size, &proof, &end) == !other);
    if (!ate__merkle_root_of_path(&of, index, size, proof.hash, proof.count, &back))
        ate__assert(ate__hash_equal(&back, &end) == !other);

    end = root[size];
    of = root[index];
    ate__assert(!ate__merkle_consistency(node, NULL, index, size, &proof));
    other = fuzz_patch(r, proof.hash, proof.count * sizeof *proof.hash);
    other |= fuzz_patch(r, &of, sizeof of);
    other |= fuzz_patch(r, &end, sizeof end) && index; /* of an empty tree any is a successor */
    int rc = ate__merkle_check_consistency(index, &of, size, &end, &proof);
    ate__assert(!rc == !other);
}

static void check_made_up(struct ate__rd *r)
{
    static struct ate__proof proof; /* large */
    struct ate_hash of = leaf[0], back;
    uint64_t size = ate__rd_u64(r), index = ate__rd_u64(r);
    struct ate_bytes rest = ate__rd_bytes(r, ate__rd_left(r));
    proof.count = (uint32_t)ate__min(rest.size / sizeof of, (size_t)ATE__PROOF_MAX);
    if (proof.count)
        memcpy(proof.hash, rest.data, proof.count * sizeof of);
    ate__assert(ate__merkle_check_inclusion(&of, index, size, &proof, &root[5]) == ATE_TAMPERED);
    int rc = ate__merkle_check_consistency(index, &root[5], size, &root[6], &proof);
    ate__assert(rc == ATE_TAMPERED);
    rc = ate__merkle_root_of_path(&of, index, size, proof.hash, proof.count, &back);
    ate__assert(!rc || rc == ATE_MALFORMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__rd r = ate__rd_of(ate__bytes(data, size));
    if (!root[0].b[0])
        make();
    if (ate__rd_u8(&r) & 1)
        check_made_up(&r);
    else
        check_patched(&r);
    return 0;
}
