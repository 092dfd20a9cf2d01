/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * commit_take.c: judging one transaction against the latest state, and taking it in.
 */
#include "base/err.h"
#include "chain/chain_private.h"

int ate__chain_judge(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence,
                     uint64_t root_time_us, struct ate__verdict *verdict)
{
    uint64_t first, window = ate__trust_genesis(c->trust)->window;
    verdict->result = 0;
    verdict->conflict_count = 0;
    /* Who was compacted knows nothing older, and all judge alike. */
    if (sequence && !ate__trust_origin(c->trust, &tx->id, &first) && sequence - first <= window)
        return ate__fail(ATE_MALFORMED, "number %llu of its origin was committed as %llu",
                         (unsigned long long)tx->id.number, (unsigned long long)first);
    return ate__accept(c->trust, &c->latest, tx, sequence, root_time_us, verdict);
}

uint64_t ate__chain_time(struct ate__chain *c)
{
    uint64_t now_us = ate__wall_us(c->conf.env);
    if (now_us > c->judged_us)
        c->judged_us = now_us;
    if (c->root_time_us > c->judged_us)
        c->judged_us = c->root_time_us;
    return c->judged_us;
}

int ate__chain_take(struct ate__chain *c, const struct ate__tx *tx, uint64_t sequence)
{
    int rc = ate__trust_apply(c->trust, tx, sequence);
    if (rc)
        return rc;
    rc = ate__view_install(c->view, tx, sequence);
    if (rc)
        ate__trust_rollback(c->trust, sequence);
    return rc;
}

void ate__chain_untake(struct ate__chain *c, uint64_t sequence)
{
    ate__view_rollback(c->view);
    if (c->trust)
        ate__trust_rollback(c->trust, sequence);
    c->next_sequence = sequence;
}
