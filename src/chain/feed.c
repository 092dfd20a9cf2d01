/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * feed.c: a mirror takes in a group as its root closed it.
 *
 * All of it is judged before any of it is appended; a group that breaks a rule leaves nothing
 * behind. Whatever rule it is, the root is to blame: TAMPERED. A log that fails is taken up again
 * at once, and if that fails, by the groups that come.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/image.h"
#include <stdio.h>

struct feed {
    struct ate__chain *c;
    const struct ate__group_feed *group;
    struct ate__tx *txs;
    size_t decoded;
    int *checked; /* result of the signatures of each */
    struct ate__frontier tree;
    struct ate_hash root, *leaves;
    struct ate__position *positions;
};

static void feed_deinit(struct feed *f)
{
    for (size_t n = 0; n < f->decoded; n++)
        ate__tx_deinit(&f->txs[n]);
    ate__free(f->txs);
    ate__free(f->checked);
    ate__free(f->leaves);
    ate__free(f->positions);
}

static int blame(const struct feed *f, size_t n, int rc)
{
    if (rc <= 0)
        return rc;
    return ate__context(rc == ATE_UNSUPPORTED ? rc : ATE_TAMPERED, "transaction %llu: %s",
                        (unsigned long long)(f->group->first_sequence + n), ate__result_name(rc));
}

static int decode_all(struct feed *f, enum ate__hash_alg alg)
{
    int rc = 0;
    while (!rc && f->decoded < f->group->count) {
        rc = ate__tx_decode(f->group->records[f->decoded], alg, &f->txs[f->decoded]);
        if (!rc)
            f->decoded++;
    }
    return blame(f, f->decoded, rc);
}

static const struct ate__tx *nth_tx(void *arg, size_t n)
{
    return &((struct feed *)arg)->txs[n];
}

static void check_nth(void *arg, size_t n)
{
    struct feed *f = arg;
    f->checked[n] = ate__trust_verify(f->c->trust, &f->txs[n]);
}

/* What needs no state; the mutex is not held. Without a genesis yet there is nothing to check
 * with. */
static int prepare(struct feed *f)
{
    size_t count = f->group->count;
    enum ate__hash_alg alg;
    f->txs = ate__alloc_array(count, sizeof *f->txs);
    f->checked = ate__alloc_array(count, sizeof *f->checked);
    f->leaves = ate__alloc_array(count, sizeof *f->leaves);
    f->positions = ate__alloc_array(count, sizeof *f->positions);
    if (!f->txs || !f->checked || !f->leaves || !f->positions)
        return ate__no_memory();
    bool has_trust = f->c->trust;
    int rc = has_trust ? 0 : blame(f, 0, ate__tx_genesis_alg(f->group->records[0], &alg));
    if (rc)
        return rc;
    rc = decode_all(f, has_trust ? ate__trust_alg(f->c->trust) : alg);
    if (!rc && has_trust)
        ate__trust_each(f->c->trust, f->c->conf.workers, count,
                        &(struct ate__signed){nth_tx, check_nth, f});
    for (size_t n = 0; n < count && !has_trust; n++)
        f->checked[n] = ATE_DENIED;
    return rc;
}

/* ---- under the mutex ---- */

static int take_genesis(struct feed *f)
{
    struct ate__chain *c = f->c;
    struct ate__storage_state state;
    int rc = ate__trust_new(c->conf.env, &f->txs[0], &c->trust);
    if (rc)
        return blame(f, 0, rc);
    ate__believe_begin(c);
    c->storage->v->state(c->storage, &state);
    if (!ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))
        return ate__fail(ATE_WRONG_CHAIN, "the genesis of another chain than the log is for");
    return 0;
}

/* A key that a signature lacked may have come with a transaction before it in this group. */
static int take_one(struct feed *f, size_t n)
{
    struct ate__chain *c = f->c;
    uint64_t sequence = f->group->first_sequence + n;
    struct ate__verdict verdict;
    int rc = f->checked[n] ? ate__trust_verify(c->trust, &f->txs[n]) : 0;
    if (!rc)
        rc = ate__chain_judge(c, &f->txs[n], sequence, f->group->root_time_us, &verdict);
    if (!rc)
        rc = ate__chain_take(c, &f->txs[n], sequence);
    if (!rc)
        rc = ate__tx_leaf(&f->txs[n], ate__trust_alg(c->trust), sequence, f->group->root_time_us,
                          &f->leaves[n]);
    if (!rc)
        rc = ate__frontier_append(&f->tree, &f->leaves[n]);
    return blame(f, n, rc);
}

static int take_all(struct feed *f)
{
    int rc = 0;
    for (size_t n = 0; !rc && n < f->group->count; n++)
        rc = take_one(f, n);
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
    if (rc)
        return rc;
    ate__chain_add_leaves(c, in.first_sequence, f->leaves, in.count);
    for (size_t n = 0; n < in.count; n++)
        ate__view_place(c->view, in.first_sequence + n, &f->positions[n], in.root_time_us);
    c->tree = f->tree;
    c->root = f->root;
    c->root_time_us = in.root_time_us;
    c->next_sequence = c->tree.size;
    ate__heads_add(c, c->tree.size, &c->root);
    ate__view_publish(c->view, c->tree.size);
    ate__view_reclaim(c->view, ate__monotonic_ms(c->conf.env));
    return 0;
}

static int check_place(const struct feed *f)
{
    const struct ate__chain *c = f->c;
    if (f->group->first_sequence != c->tree.size)
        return ate__fail(ATE_FORKED, "a group starts at transaction %llu; this mirror is at %llu",
                         (unsigned long long)f->group->first_sequence,
                         (unsigned long long)c->tree.size);
    if (f->group->root_time_us < c->root_time_us)
        return ate__fail(ATE_TAMPERED, "the root's time went back at transaction %llu",
                         (unsigned long long)f->group->first_sequence);
    return 0;
}

/* ---- a disk that fails, or is full; under the mutex ---- */

static bool is_there(const struct feed *f)
{
    const struct ate__group_feed *g = f->group;
    return f->c->tree.size == g->first_sequence + g->count &&
           ate__hash_equal(&f->c->root, &g->head_after);
}

/* The log goes on with what the disk turns out to hold; ATE_END: the group is among that. For want
 * of room is all that matters, and then it goes on when there is some. */
static int mend(struct feed *f, int rc)
{
    struct ate__chain *c = f->c;
    struct ate__storage_state state;
    struct ate__works none = {NULL, NULL, 0, 0};
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    c->storage->v->state(c->storage, &state);
    if (state.failed && !c->broken)
        ate__chain_failed(c, &none);
    if (ate__chain_mend(c) && is_there(f))
        return ATE_END;
    ate__error_set(text);
    return state.filled ? ate__context(ATE_E_NO_SPACE, "the disk is full") : rc;
}

/* Before a group: what failed before, and what there was no room for. */
static int check_log(struct feed *f)
{
    struct ate__chain *c = f->c;
    struct ate__storage_state state;
    if (c->read_only)
        return ate__fail(ATE_READ_ONLY, "it is open for reading only");
    c->storage->v->state(c->storage, &state);
    if (state.failed) {
        ate__fail(ATE_E_IO, "the log failed, and is not recovered yet: %s", c->broken_text);
        int rc = mend(f, ATE_E_IO);
        if (rc == ATE_END || c->broken)
            return rc;
        c->storage->v->state(c->storage, &state);
    }
    if (state.full) {
        int rc = c->storage->v->prepare(c->storage);
        c->storage->v->state(c->storage, &state);
        if (state.full)
            return ate__fail(ATE_E_NO_SPACE, "the disk is full");
        (void)rc; /* what else it is, the group meets */
    }
    return 0;
}

static int feed_locked(struct feed *f)
{
    struct ate__chain *c = f->c;
    bool had_trust = c->trust;
    struct ate__storage_state state;
    int rc = had_trust ? 0 : take_genesis(f);
    f->tree = c->tree;
    if (!rc)
        rc = take_all(f);
    if (!rc)
        rc = append_all(f);
    if (!rc) {
        ate__chain_image_due(c);
        return 0;
    }
    ate__chain_untake(c, c->tree.size);
    if (!had_trust) {
        ate__trust_free(c->trust);
        c->trust = NULL;
    }
    c->storage->v->state(c->storage, &state);
    if (state.failed)
        rc = mend(f, rc);
    return rc == ATE_END ? 0 : rc;
}

int ate__chain_feed(struct ate__chain *c, const struct ate__group_feed *group)
{
    struct feed f = {.c = c, .group = group};
    if (!group->count)
        return 0;
    pthread_mutex_lock(&c->mutex);
    int rc = check_log(&f);
    pthread_mutex_unlock(&c->mutex);
    if (rc == ATE_END)
        ate__chain_tell(c);
    if (rc)
        return rc == ATE_END ? 0 : rc;
    rc = check_place(&f);
    if (!rc)
        rc = prepare(&f);
    if (!rc) {
        pthread_mutex_lock(&c->mutex);
        rc = feed_locked(&f);
        pthread_mutex_unlock(&c->mutex);
    }
    feed_deinit(&f);
    if (!rc)
        ate__chain_tell(c);
    return rc;
}

/* ---- before it is their turn ---- */

struct ahead {
    struct ate__chain *c;
    const struct ate_bytes *records;
    struct ahead_tx {
        struct ate__tx tx;
        bool decoded;
    } *txs;
};

static void decode_ahead(void *arg, size_t n)
{
    struct ahead *a = arg;
    if (!ate__chain_check_wanted(a->c))
        a->txs[n].decoded =
            !ate__tx_decode(a->records[n], ate__trust_alg(a->c->trust), &a->txs[n].tx);
}

static const struct ate__tx *nth_ahead(void *arg, size_t n)
{
    const struct ahead *a = arg;
    return a->txs[n].decoded ? &a->txs[n].tx : NULL;
}

static void verify_ahead(void *arg, size_t n)
{
    struct ahead *a = arg;
    if (a->txs[n].decoded && !ate__chain_check_wanted(a->c))
        (void)!ate__trust_verify(a->c->trust, &a->txs[n].tx);
}

/* Where the first has no signature, the others are hardly worth being decoded twice. */
static bool is_worth_it(struct ahead *a)
{
    decode_ahead(a, 0);
    bool worth = a->txs[0].decoded && a->txs[0].tx.signature_count;
    if (a->txs[0].decoded)
        ate__tx_deinit(&a->txs[0].tx);
    return worth;
}

void ate__chain_feed_ahead(struct ate__chain *c, const struct ate_bytes *records, size_t count)
{
    struct ate__workers *workers = c->conf.workers;
    struct ahead a = {.c = c, .records = records};
    if (!c->trust || !workers || count < 2)
        return;
    a.txs = ate__alloc_array(count, sizeof *a.txs);
    if (a.txs && is_worth_it(&a)) {
        ate__workers_each(workers, count, decode_ahead, &a);
        ate__trust_each(c->trust, workers, count,
                        &(struct ate__signed){nth_ahead, verify_ahead, &a});
        for (size_t n = 0; n < count; n++)
            if (a.txs[n].decoded)
                ate__tx_deinit(&a.txs[n].tx);
    }
    ate__free(a.txs);
}
