/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/at.h"
#include "bin/ate/open.h"

int at_begin(const struct options *o, struct ate_chain *chain, bool tree, struct ate_txn **ret_txn)
{
    static const struct ate_progress progress = {open_show_progress, NULL};
    uint64_t size = o->at_size;
    int rc = 0;
    if (!o->has_at)
        return ate_txn_begin(chain, NULL, ATE_READ, ret_txn);
    if (!size)
        rc = ate_chain_size_at(chain, o->at_ns, &size);
    return rc ? rc : ate_txn_begin_at(chain, NULL, size, tree ? ATE_TREE : 0, &progress, ret_txn);
}
