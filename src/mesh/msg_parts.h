/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * msg_parts.h: what several messages are made of; for msg*.c.
 *
 * A decoder reads its fields in order through a cursor that fails by itself, judges values as it
 * goes, and ends with ate__msg_end().
 */
#pragma once
#include "base/assert.h"
#include "base/err.h"
#include "mesh/msg.h"

/* 0 if all was read and nothing failed, else MALFORMED. */
static inline int ate__msg_end(const struct ate__rd *r, const char *name)
{
    if (ate__rd_end(r))
        return 0;
    return ate__fail(ATE_MALFORMED,
                     r->failed ? "%s: it ends early, or a count in it is too high"
                               : "%s: bytes behind its end",
                     name);
}

/* A head of nothing has no root, so that it has one form. */
static inline void ate__wr_head(struct ate__wr *w, const struct ate__head *head)
{
    ate__wr_u64(w, head->size);
    ate__wr_hash(w, head->size ? &head->root : &(struct ate_hash){{0}});
}
static inline struct ate__head ate__rd_head(struct ate__rd *r)
{
    struct ate__head head = {.size = ate__rd_u64(r)};
    head.root = ate__rd_hash(r);
    if (!head.size && !ate__hash_is_zero(&head.root))
        ate__rd_fail(r);
    return head;
}

static inline void ate__wr_proof(struct ate__wr *w, const struct ate__proof *proof)
{
    ate__assert(proof->count <= ATE__PROOF_MAX);
    ate__wr_u8(w, (uint8_t)proof->count);
    ate__wr_copy(w, proof->hash, proof->count * sizeof proof->hash[0]);
}
static inline void ate__rd_proof(struct ate__rd *r, struct ate__proof *ret)
{
    ret->count = ate__rd_u8(r);
    if (ret->count > ATE__PROOF_MAX) {
        ate__rd_fail(r);
        ret->count = 0;
    }
    ate__rd_copy(r, ret->hash, ret->count * sizeof ret->hash[0]);
}

/* A whole transaction: never empty. */
static inline struct ate_bytes ate__rd_tx(struct ate__rd *r)
{
    struct ate_bytes tx = ate__rd_bytes32(r, ATE__TX_SIZE_MAX);
    if (!tx.size)
        ate__rd_fail(r);
    return tx;
}

/* Requests are numbered from 1 on. */
static inline uint32_t ate__rd_request(struct ate__rd *r)
{
    uint32_t request = ate__rd_u32(r);
    if (!request)
        ate__rd_fail(r);
    return request;
}
