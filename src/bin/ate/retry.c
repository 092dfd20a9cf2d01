/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/retry.h"
#include "base/env.h"
#include "bin/ate/stop.h"

enum { PAUSE_MS = 4, DOUBLED_MAX = 7 };

void retry_pause(unsigned tries)
{
    uint64_t most = (uint64_t)PAUSE_MS << ate__min(tries, DOUBLED_MAX), random;
    ate__random(&ate__env_real, &random, sizeof random);
    ate__sleep_ms(&ate__env_real, most / 2 + random % (most / 2 + 1));
}

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
        retry_pause(tries);
        rc = ate_chain_sync(chain, NULL);
        if (!rc)
            rc = ate_txn_refresh(txn);
        if (rc)
            break;
    }
    ate_txn_end(txn);
    return rc;
}
