/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * heads.c: the root of the tree at any size, and proofs: recent heads from memory, all others from
 * the tiles.
 */
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/kept.h"

void ate__heads_add(struct ate__chain *c, uint64_t size, const struct ate_hash *root)
{
    pthread_mutex_lock(&c->heads_mutex);
    struct ate__head_at *h = &c->heads[c->head_count++ % ATE__HEADS_KEPT];
    h->size = size;
    h->root = *root;
    pthread_mutex_unlock(&c->heads_mutex);
}

/* Sizes ascend along the ring: binary search over the newest ones. Under its mutex. */
static bool find_head(const struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
{
    bool found = false;
    uint64_t high = c->head_count, low = high > ATE__HEADS_KEPT ? high - ATE__HEADS_KEPT : 0;
    uint64_t middle = high - 1; /* most ask for the newest */
    while (low < high && !found) {
        const struct ate__head_at *h = &c->heads[middle % ATE__HEADS_KEPT];
        if (h->size == size) {
            *ret_root = h->root;
            found = true;
        } else if (h->size < size) {
            low = middle + 1;
        } else {
            high = middle;
        }
        middle = low + (high - low) / 2;
    }
    return found;
}

static bool recent_head(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
{
    pthread_mutex_lock(&c->heads_mutex);
    bool found = find_head(c, size, ret_root);
    pthread_mutex_unlock(&c->heads_mutex);
    return found;
}

bool ate__heads_of(struct ate__chain *c, const struct ate__view_snapshot *s,
                   struct ate_hash *ret_root)
{
    pthread_mutex_lock(&c->heads_mutex);
    bool present = s->view == c->view;
    bool found = present && find_head(c, s->size, ret_root);
    pthread_mutex_unlock(&c->heads_mutex);
    return found || (present && ate__believe_root(c, s->size, ret_root));
}

void ate__heads_begin(struct ate__chain *c, struct ate__view *view, uint64_t size,
                      const struct ate_hash *root)
{
    pthread_mutex_lock(&c->heads_mutex);
    c->heads[0] = (struct ate__head_at){size, *root};
    c->head_count = 1;
    atomic_store(&c->view, view);
    pthread_mutex_unlock(&c->heads_mutex);
}

/* A head is in the ring before it is published: what is not found was pushed out by newer ones
 * meanwhile. */
void ate__chain_head(struct ate__chain *c, uint64_t *ret_size, struct ate_hash *ret_root)
{
    const struct ate__believing *b = &c->believing;
    uint64_t size;
    if (c->firm) { /* nobody else has the chain yet */
        bool all = !b->limited || b->mark.size >= c->tree.size;
        *ret_size = all ? c->tree.size : b->mark.size;
        *ret_root = all ? c->root : b->mark.root;
        return;
    }
    do
        size = ate__chain_published(c);
    while (!recent_head(c, size, ret_root) && !ate__believe_root(c, size, ret_root));
    *ret_size = size;
}

bool ate__heads_has(struct ate__chain *c, uint64_t size)
{
    struct ate_hash root;
    return recent_head(c, size, &root);
}

static int node(void *arg, unsigned level, uint64_t index, struct ate_hash *ret_hash)
{
    struct ate__storage *s = arg;
    return s->v->tiles_node(s, level, index, ret_hash);
}

/* That a leaf is not in the tiles is no word about the chain, once it is published. */
static int check_tiles(struct ate__chain *c, uint64_t size)
{
    struct ate_hash ignored;
    uint64_t taken;
    ate__chain_taken(c, &taken, &ignored); /* first: leaves come before */
    uint64_t have = c->storage->v->tiles_size(c->storage);
    if (size <= have)
        return 0;
    if (size > taken)
        return ate__fail(ATE_NOT_FOUND, "the chain has fewer than %llu transactions",
                         (unsigned long long)size);
    return ate__fail(ATE_E_IO,
                     "the tree's hashes from transaction %llu on could not be written to the "
                     "tiles yet; that is tried again",
                     (unsigned long long)have);
}

int ate__chain_root_at(struct ate__chain *c, uint64_t size, struct ate_hash *ret_root)
{
    if (recent_head(c, size, ret_root))
        return 0;
    int rc = check_tiles(c, size);
    if (rc)
        return rc;
    return ate__merkle_root_at(node, c->storage, size, ret_root);
}

int ate__chain_facts_root_at(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root)
{
    return ate__chain_root_at(ATE__CONTAINER(f, struct ate__chain, latest), size, ret_root);
}

int ate__chain_inclusion(struct ate__chain *c, uint64_t sequence, uint64_t size,
                         struct ate__proof *ret_proof)
{
    if (sequence >= size)
        return ate__fail(ATE_NOT_FOUND, "no transaction %llu in the tree of %llu",
                         (unsigned long long)sequence, (unsigned long long)size);
    int rc = check_tiles(c, size);
    return rc ? rc : ate__merkle_inclusion(node, c->storage, sequence, size, ret_proof);
}

int ate__chain_consistency(struct ate__chain *c, uint64_t old_size, uint64_t size,
                           struct ate__proof *ret_proof)
{
    if (old_size > size)
        return ate__fail(ATE_NOT_FOUND, "no tree of %llu transactions in one of %llu",
                         (unsigned long long)old_size, (unsigned long long)size);
    int rc = check_tiles(c, size);
    return rc ? rc : ate__merkle_consistency(node, c->storage, old_size, size, ret_proof);
}

/* ---- leaves ---- */

enum { LEAVES_RETRY_MS = 1000 };

int ate__chain_leaf_of(struct ate__chain *c, const struct ate__record_out *record,
                       struct ate_hash *ret_leaf)
{
    struct ate__identity identity;
    int rc = ate__identity_of_record(record, ate__trust_alg(c->trust), &identity);
    return rc ? rc
              : ate__tx_leaf_of(&identity.hash, &identity.signatures_hash, record->sequence,
                                record->root_time_us, ret_leaf);
}

/* Leaves of what compaction left out are never made from records. */
static int check_next(const struct ate__record_out *record, uint64_t next)
{
    return record->sequence == next
               ? 0
               : ate__fail(ATE_E_IO, "transaction %llu, which was there, is not any more",
                           (unsigned long long)next);
}

static int add_from_record(void *arg, const struct ate__record_out *record)
{
    struct ate__chain *c = arg;
    struct ate_hash leaf;
    int rc = check_next(record, c->storage->v->tiles_size(c->storage));
    if (!rc)
        rc = ate__chain_leaf_of(c, record, &leaf);
    return rc ? rc : c->storage->v->tiles_append(c->storage, &leaf, 1);
}

struct leaves {
    struct ate__chain *c;
    uint64_t first;
    struct ate_hash *to;
    size_t count;
};

static int put_leaf(void *arg, const struct ate__record_out *record)
{
    struct leaves *l = arg;
    int rc = check_next(record, l->first + l->count);
    return rc ? rc : ate__chain_leaf_of(l->c, record, &l->to[l->count++]);
}

int ate__chain_tile_leaves(void *arg, uint64_t first, struct ate_hash *ret_leaves)
{
    struct leaves l = {arg, first, ret_leaves, 0};
    int rc = l.c->storage->v->scan(l.c->storage, first, first + ATE__TILE_LEAVES,
                                   &(struct ate__scan){NULL, put_leaf, &l});
    if (!rc && l.count < ATE__TILE_LEAVES)
        rc = ate__fail(ATE_E_IO, "transaction %llu, which was there, is not any more",
                       (unsigned long long)(first + l.count));
    return rc;
}

/* What an earlier failure left out. */
static int catch_up(struct ate__chain *c, uint64_t from, uint64_t to)
{
    uint64_t now_ms = ate__monotonic_ms(c->conf.env);
    if (now_ms < c->leaves_retry_ms)
        return ATE_E_IO;
    c->leaves_retry_ms = now_ms + LEAVES_RETRY_MS;
    return c->storage->v->scan(c->storage, from, to, &(struct ate__scan){NULL, add_from_record, c});
}

void ate__chain_add_leaves(struct ate__chain *c, uint64_t first, const struct ate_hash *leaves,
                           size_t count)
{
    uint64_t have = c->storage->v->tiles_size(c->storage);
    int rc = have < first ? catch_up(c, have, first) : 0;
    if (!rc)
        rc = c->storage->v->tiles_append(c->storage, leaves, count);
    (void)rc; /* what is missing now is read from the log by a later call */
}

bool ate__chain_lacks_leaves(struct ate__chain *c)
{
    struct ate_hash ignored;
    uint64_t taken;
    ate__chain_taken(c, &taken, &ignored);
    return c->storage->v->tiles_size(c->storage) < taken;
}
