/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * at.h: the state that a command reads: the present one, or with --at that of then.
 */
#pragma once
#include "bin/ate/cmd.h"

/* tree: all below some object is going to be read. Errors: as ate_txn_begin(), ate_chain_size_at()
 * and ate_txn_begin_at(). */
int at_begin(const struct options *o, struct ate_chain *chain, bool tree, struct ate_txn **ret_txn)
    ATE__CHECK;
