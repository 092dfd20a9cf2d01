/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * past.c: transactions that read a chain as it was.
 */
#include "api/api.h"
#include "ate/history.h"
#include "chain/past.h"

enum { CACHE_BYTES = 16 << 20 }; /* of decoded objects, a transaction of the past */

int ate__chain_held(struct ate_chain *chain, struct ate__chain **ret_held)
{
    *ret_held = chain->pipe->v->chain(chain->pipe);
    return *ret_held ? 0
                     : ate__fail(ATE_UNSUPPORTED,
                                 "a thin chain has no history here: open it with a mirror "
                                 "(conf.mirror_dir) to read it");
}

struct ate__progress ate__progress_of(const struct ate_progress *progress)
{
    return progress ? (struct ate__progress){progress->call, progress->arg}
                    : (struct ate__progress){NULL, NULL};
}

int ate_chain_size_at(struct ate_chain *chain, int64_t root_time_ns, uint64_t *ret_size)
{
    struct ate__chain *held;
    uint64_t size = 0;
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__chain_held(chain, &held);
    if (!rc && root_time_ns >= 0)
        rc = ate__chain_size_at(held, (uint64_t)root_time_ns / 1000, &size);
    if (!rc && !size)
        rc = ate__fail(ATE_NOT_FOUND, "the chain did not exist then");
    if (!rc)
        *ret_size = size;
    return rc;
}

int ate_txn_begin_at(struct ate_chain *chain, struct ate_session *session, uint64_t size,
                     unsigned flags, const struct ate_progress *progress, struct ate_txn **ret_txn)
{
    struct ate__past_conf conf = {
        .size = size, .whole = flags & ATE_TREE, .progress = ate__progress_of(progress)};
    struct ate__chain *held;
    struct ate__pipe *pipe;
    struct ate__dio *dio;
    if (flags & ~(unsigned)(ATE_TREE | ATE_READ))
        return ate__fail(ATE_MISUSE, "transaction: unknown flags %#x", flags);
    int rc = ate__check_may_wait();
    if (!rc)
        rc = ate__chain_held(chain, &held);
    if (!rc)
        rc = ate__past_open(chain->pipe, held, &conf, &pipe);
    if (!rc)
        rc = ate__dio_new(pipe, chain->session, chain->timeout_ms, CACHE_BYTES, &dio);
    if (rc)
        return rc;
    rc = ate__txn_begin(dio, session, 0, ret_txn);
    ate__dio_unref(dio); /* the transaction has it */
    return rc;
}
