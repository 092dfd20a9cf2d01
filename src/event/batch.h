/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * batch.h: the tree over the transactions that one signature covers (docs/format/event.md, 8), for
 * who signs them. Who reads has a path and no tree: ate__batch_message().
 */
#pragma once
#include "event/tx.h"

struct ate__batch_tree {
    uint32_t size;         /* transactions */
    struct ate_hash *node; /* level behind level, leaves first, the root last */
};
/* n: 1 to ATE__BATCH_MAX, else TOO_BIG. ret_tree is to be deinitialised after success. E_MEMORY */
int ate__batch_tree(const struct ate_hash *tx_hashes, uint32_t n, struct ate__batch_tree *ret_tree)
    ATE__CHECK;
void ate__batch_tree_deinit(struct ate__batch_tree *t);
/* From the transaction to the root; gives how many hashes. index < size. */
uint32_t ate__batch_path(const struct ate__batch_tree *t, uint32_t index,
                         struct ate_hash ret_path[ATE__BATCH_PATH_MAX]);
