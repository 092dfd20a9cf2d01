/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/retry.h"
#include "bin/ate/stop.h"

static bool is_overtaken(int rc)
{
    return rc == ATE_CONFLICT || rc == ATE_STALE || rc == ATE_STALE_KEY;
}

static int commit(struct ate_txn *txn, struct ate_receipt *ret_receipt)
{
    stop_commits(true);
    int rc = ate_txn_commit(txn, ret_receipt);
    stop_commits(false);
    return rc;
}

int retry_commit(const struct options *o, struct ate_chain *chain, retry_change *change, void *arg,
                 struct ate_receipt *ret_receipt)
{
    struct ate_txn *txn;
    int rc = ate_txn_begin(chain, NULL, o->scope, &txn);
    if (rc)
        return rc;
    for (unsigned tries = 0;; tries++) {
        rc = change(arg, txn);
        if (rc)
            break;
        rc = commit(txn, ret_receipt);
        if (!is_overtaken(rc) || tries == RETRY_TRIES)
            break;
        ate__note_verbose("%s: %s; tried again (%u of %d)", ate__out.program, ate_error(),
                          tries + 1, RETRY_TRIES);
        ate_txn_cancel(txn);
        rc = ate_chain_sync(chain, NULL);
        if (!rc)
            rc = ate_txn_refresh(txn);
        if (rc)
            break;
    }
    ate_txn_end(txn);
    return rc;
}
