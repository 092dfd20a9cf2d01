/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log.h: a tree of invented transactions and checkpoints of it, for tests of checkpoints and
 * proofs. For unit tests and fuzz targets alike: what must not fail aborts.
 */
#pragma once
#include "base/assert.h"
#include "event/tx.h"
#include "trust/proof.h"
#include <stdlib.h>

enum { LOG_SIZE = 70 };

struct log {
    struct ate_hash chain_id, leaf[LOG_SIZE], root[LOG_SIZE + 1];
    struct ate__log_key *key, *other;
};

static inline struct ate__proof_entry log_entry(uint64_t sequence)
{
    struct ate__proof_entry e = {.sequence = sequence, .root_time_us = 1700000000000000 + sequence};
    memset(e.tx_hash.b, (int)sequence + 1, sizeof e.tx_hash.b);
    memset(e.signatures_hash.b, 0xf0 - (int)sequence, sizeof e.signatures_hash.b);
    return e;
}

static inline struct ate__log_key *log_key(uint8_t number)
{
    struct ate__log_key *k;
    ate__assert(!ate__log_key_of_seed(&(struct ate__key32){{number}}, &k));
    return k;
}

static inline void log_init(struct log *l)
{
    struct ate__frontier f;
    memset(l->chain_id.b, 0x5c, sizeof l->chain_id.b);
    ate__frontier_init(&f);
    ate__assert(!ate__frontier_root(&f, &l->root[0]));
    for (unsigned i = 0; i < LOG_SIZE; i++) {
        struct ate__proof_entry e = log_entry(i);
        ate__assert(
            !ate__tx_leaf_of(&e.tx_hash, &e.signatures_hash, i, e.root_time_us, &l->leaf[i]));
        ate__assert(!ate__frontier_append(&f, &l->leaf[i]));
        ate__assert(!ate__frontier_root(&f, &l->root[i + 1]));
    }
    l->key = log_key(1);
    l->other = log_key(2);
}

static inline void log_deinit(struct log *l)
{
    ate__log_key_free(l->key);
    ate__log_key_free(l->other);
}

static inline int log_node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    const struct log *l = arg;
    struct ate__frontier f;
    if (!level) {
        *ret_hash = l->leaf[index];
        return 0;
    }
    ate__frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        ate__assert(!ate__frontier_append(&f, &l->leaf[i]));
    return ate__frontier_root(&f, ret_hash);
}

static inline struct ate__buf log_checkpoint(const struct log *l, uint64_t size)
{
    struct ate__checkpoint c = {
        .chain_id = l->chain_id, .size = size, .root = l->root[size], .time_s = 1700000000 + size};
    struct ate__buf note = ATE__BUF_NULL;
    ate__assert(!ate__checkpoint_make(&c, l->key, &note));
    return note;
}

/* from: a sequence, or an older size. */
static inline struct ate__buf log_proof(struct log *l, enum ate__proof_kind kind, uint64_t from,
                                        uint64_t size, struct ate_bytes genesis)
{
    struct ate__buf note = log_checkpoint(l, size), old = ATE__BUF_NULL, text = ATE__BUF_NULL;
    struct ate__proof_text p = {.kind = kind, .genesis = genesis};
    p.checkpoint = ate__buf_bytes(&note);
    if (kind == ATE__PROOF_INCLUSION) {
        p.entry = log_entry(from);
        ate__assert(!ate__merkle_inclusion(log_node, l, from, size, &p.path));
    } else {
        old = log_checkpoint(l, from);
        p.old_checkpoint = ate__buf_bytes(&old);
        ate__assert(!ate__merkle_consistency(log_node, l, from, size, &p.path));
    }
    ate__assert(!ate__proof_encode(&p, &text));
    ate__buf_deinit(&note);
    ate__buf_deinit(&old);
    return text;
}
