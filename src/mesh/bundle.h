/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bundle.h: what a thin client is shown (struct ate__msg_got): the objects it asks for, with all
 * that it needs to verify them.
 *
 * Each object brings, one after the other: itself and its ancestors up to the top, their control
 * events, and the public keys of all who signed a transaction so shown. Transactions are read as
 * they are needed and kept until the end; events are marked, and at the end each transaction is
 * reduced to what was marked. An object with which the answer would be too big is taken back, and
 * the answer ends before it.
 *
 * It reads the log: not for the loop's thread.
 */
#pragma once
#include "chain/chain.h"
#include "mesh/msg.h"
#include "mesh/recent.h"

struct ate__bundle {
    uint64_t cursor;
    uint32_t object_count, tx_count;
    struct ate__buf objects, txs; /* as struct ate__msg_got has them */
};
/* recent: of c. bytes_max: of what it may be encoded to. get: of any kind. On failure nothing is
 * given. Errors: STALE: the snapshot is too old; TOO_BIG: one object alone does not fit; TAMPERED
 * E_*. */
int ate__bundle_make(const struct ate__env *env, struct ate__chain *c, struct ate__recent *recent,
                     const struct ate__view_snapshot *snapshot, const struct ate__msg_get *get,
                     size_t bytes_max, struct ate__bundle *ret_bundle) ATE__CHECK;
void ate__bundle_deinit(struct ate__bundle *b); /* takes one of zeros */
