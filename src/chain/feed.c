/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * feed.c: a mirror takes in a group as its root closed it.
 *
 * All of it is judged before any of it is appended; a group that breaks a rule leaves nothing
 * behind.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdio.h>

struct feed {
    struct ate__chain *c;
    const struct ate__group_feed *group;
    struct ate__tx *txs;
    size_t decoded;
    int *checked;
    struct ate__frontier tree;
    struct ate_hash root, *leaves;
    struct ate__position *positions;
};

static void check_nth(void *arg, size_t n)
{
    struct feed *f = arg;
    f->checked[n] = ate__trust_verify(f->c->trust, &f->txs[n]);
}

static int decode_all(struct feed *f)
{
    enum ate__hash_alg alg;
    int rc = f->c->trust ? (alg = ate__trust_alg(f->c->trust), 0)
                         : ate__tx_genesis_alg(f->group->records[0], &alg);
    for (; !rc && f->decoded < f->group->count; f->decoded += rc == 0)
        rc = ate__tx_decode(f->group->records[f->decoded], alg, &f->txs[f->decoded]);
    if (!rc && !f->c->trust)
        rc = ate__trust_new(f->c->conf.env, &f->txs[0], &f->c->trust);
    return rc;
}

static int take_all(struct feed *f)
{
    struct ate__chain *c = f->c;
    struct ate__verdict verdict;
    int rc = 0;
    ate__workers_each(c->conf.workers, f->group->count, check_nth, f);
    for (size_t n = 0; !rc && n < f->group->count; n++) {
        uint64_t sequence = f->group->first_sequence + n;
        if (f->checked[n]) /* its key may have come with a transaction before it in this group */
            rc = ate__trust_verify(c->trust, &f->txs[n]);
        if (!rc)
            rc = ate__chain_judge(c, &f->txs[n], sequence, &verdict);
        if (!rc)
            rc = ate__chain_take(c, &f->txs[n], sequence);
        if (!rc)
            rc = ate__tx_leaf(&f->txs[n], ate__trust_alg(c->trust), sequence,
                              f->group->root_time_us, &f->leaves[n]);
        if (!rc)
            rc = ate__frontier_append(&f->tree, &f->leaves[n]);
        if (rc > 0)
            rc = ate__context(rc == ATE_UNSUPPORTED ? rc : ATE_TAMPERED, "transaction %llu: %s",
                              (unsigned long long)sequence, ate__result_name(rc));
    }
    if (!rc)
        rc = ate__frontier_root(&f->tree, &f->root);
    if (!rc && !ate__hash_equal(&f->root, &f->group->head_after))
        rc = ate__fail(ATE_TAMPERED,
                       "the group of transaction %llu does not lead to the head that closes it",
                       (unsigned long long)f->group->first_sequence);
    return rc;
}

static int append_all(struct feed *f)
{
    struct ate__chain *c = f->c;
    struct ate__group_in in = {
        .first_sequence = f->group->first_sequence,
        .root_time_us = f->group->root_time_us,
        .head_before = c->root,
        .records = f->group->records,
        .count = f->group->count,
        .ret_positions = f->positions,
    };
    int rc = c->storage->v->append(c->storage, &in);
    if (rc) {
        c->broken = true; /* a mirror is filled again from its root: it is closed and opened anew */
        return rc;
    }
    for (size_t n = 0; n < in.count; n++)
        ate__view_place(c->view, in.first_sequence + n, &f->positions[n], in.root_time_us);
    c->tree = f->tree;
    c->root = f->root;
    c->root_time_us = in.root_time_us;
    c->next_sequence = c->tree.size;
    ate__heads_add(c, c->tree.size, &c->root);
    (void)!c->storage->v->tiles_append(c->storage, f->leaves, in.count);
    ate__view_publish(c->view, c->tree.size);
    ate__view_reclaim(c->view, ate__monotonic_ms(c->conf.env));
    return 0;
}

static int feed_locked(struct feed *f)
{
    struct ate__chain *c = f->c;
    if (c->broken)
        return ate__fail(
            ATE_E_IO, "mirror: the log failed; it is taken up again when the chain is opened anew");
    if (f->group->first_sequence != c->tree.size)
        return ate__fail(ATE_FORKED, "a group starts at transaction %llu; this mirror is at %llu",
                         (unsigned long long)f->group->first_sequence,
                         (unsigned long long)c->tree.size);
    if (f->group->root_time_us < c->root_time_us)
        return ate__fail(ATE_TAMPERED, "the root's time went back at transaction %llu",
                         (unsigned long long)f->group->first_sequence);
    bool had_trust = c->trust != NULL;
    int rc = decode_all(f);
    if (!rc)
        rc = take_all(f);
    if (!rc)
        rc = append_all(f);
    if (rc) {
        ate__chain_untake(c, c->tree.size);
        if (!had_trust) {
            ate__trust_free(c->trust);
            c->trust = NULL;
        }
    }
    return rc;
}

int ate__chain_feed(struct ate__chain *c, const struct ate__group_feed *group)
{
    struct feed f = {.c = c, .group = group};
    if (!group->count)
        return 0;
    f.txs = ate__alloc_array(group->count, sizeof *f.txs);
    f.checked = ate__alloc_array(group->count, sizeof *f.checked);
    f.leaves = ate__alloc_array(group->count, sizeof *f.leaves);
    f.positions = ate__alloc_array(group->count, sizeof *f.positions);
    int rc = f.txs && f.checked && f.leaves && f.positions ? 0 : ate__no_memory();
    if (!rc) {
        pthread_mutex_lock(&c->mutex);
        f.tree = c->tree;
        rc = feed_locked(&f);
        pthread_mutex_unlock(&c->mutex);
    }
    for (size_t n = 0; n < f.decoded; n++)
        ate__tx_deinit(&f.txs[n]);
    ate__free(f.txs);
    ate__free(f.checked);
    ate__free(f.leaves);
    ate__free(f.positions);
    if (!rc)
        ate__chain_tell(c, group->first_sequence + group->count);
    return rc;
}
