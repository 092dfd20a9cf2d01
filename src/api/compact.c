/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.c: the public face of compaction.
 */
#include "chain/compact.h"
#include "api/api.h"
#include "ate/compact.h"
#include "chain/local.h"

static void tell(void *arg, uint64_t done, uint64_t total)
{
    const struct ate_compact_conf *conf = arg;
    conf->progress(conf->progress_arg, "compact", done, total);
}

int ate_chain_compact(struct ate_chain *chain, const struct ate_compact_conf *conf,
                      struct ate_compacted *ret_compacted)
{
    static const struct ate_compact_conf defaults;
    struct ate__compacted done;
    int rc = ate__check_may_wait();
    if (!rc && !chain->dir)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "compact: this chain is at a server: it is compacted where it lies");
    if (rc)
        return rc;
    struct ate_compact_conf asked = conf ? *conf : defaults;
    struct ate__compact_conf inner = {
        .below = asked.below,
        .gain_percent = asked.gain_percent,
        .deep = asked.deep,
        .cut_off = asked.cut_off,
        .session = chain->session,
        .bytes_per_second = asked.bytes_per_second,
        .progress = asked.progress ? tell : NULL,
        .arg = &asked,
    };
    rc = ate__chain_compact(ate__local_chain(chain->pipe), &inner, &done);
    if (rc)
        return ate__context(rc, "compact");
    *ret_compacted = (struct ate_compacted){
        .files = done.segments,
        .rewritten = done.rewritten,
        .payloads = done.payloads,
        .bytes_before = done.bytes_before,
        .bytes_after = done.bytes_after,
        .events = done.events,
        .transactions = done.transactions,
        .cut_off = done.cut_off,
    };
    return 0;
}
