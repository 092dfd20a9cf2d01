/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * retry.h: one transaction, made again when another writer came first.
 */
#pragma once
#include "bin/ate/cmd.h"

enum { RETRY_TRIES = 8 };

/* Before the N-th try: a root answers a conflict with what it has ordered, and shows that when it
 * is synced, so the next try is only better after a moment; and rivals do not stay in step. */
void retry_pause(unsigned tries);

/* Makes the changes in a fresh view; runs once more after each conflict. */
typedef int retry_change(void *arg, struct ate_txn *txn);

/* Begins, changes, commits. Errors: the change's; as ate_txn_commit(). */
int retry_commit(const struct options *o, struct ate_chain *chain, retry_change *change, void *arg,
                 struct ate_receipt *ret_receipt) ATE__CHECK;
