/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * open.c: from storage to a chain: every record is decoded, its signatures verified, judged and
 * taken in, in order.
 *
 * Decoding and signatures need no state but the public keys, so a batch of records is checked side
 * by side by the workers; judging is serial. A record whose key came with an earlier record of the
 * same batch is checked again when its turn comes.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdio.h>

enum { BATCH_RECORDS = 1024, BATCH_BYTES = 4 << 20, TILES_AT_ONCE = 256 };

struct item {
    size_t at, size; /* of the body in batch.bytes */
    uint64_t sequence, root_time_us;
    struct ate__position position;
    struct ate__tx tx;
    bool decoded, last_in_group;
    bool starts_group;
    uint64_t head_before;
    int checked;
};
struct replay {
    struct ate__chain *c;
    struct item *items;
    size_t count;
    struct ate__buf bytes;
    bool group_due;            /* the next record starts a group */
    uint64_t group_head;
    uint64_t total, progressed;
    struct ate_hash leaves[TILES_AT_ONCE];
    size_t leaf_count;
};

static int write_tiles(struct replay *r)
{
    int rc = r->c->storage->v->tiles_append(r->c->storage, r->leaves, r->leaf_count);
    r->leaf_count = 0;
    return rc;
}

static int check_item(struct replay *r, struct item *i)
{
    struct ate__chain *c = r->c;
    struct ate_bytes body = ate__bytes(r->bytes.data + i->at, i->size);
    enum ate__hash_alg alg;
    int rc = 0;
    if (i->decoded)
        return ate__trust_verify(c->trust, &i->tx);
    if (c->trust)
        alg = ate__trust_alg(c->trust);
    else
        rc = ate__tx_genesis_alg(body, &alg);
    if (!rc)
        rc = ate__tx_decode(body, alg, &i->tx);
    i->decoded = rc == 0;
    if (!rc && c->trust)
        rc = ate__trust_verify(c->trust, &i->tx);
    return rc;
}

static void check_nth(void *arg, size_t n)
{
    struct replay *r = arg;
    r->items[n].checked = check_item(r, &r->items[n]);
}

static int check_head_before(struct ate__chain *c, const struct item *i)
{
    if (ate__load64(c->root.b) == i->head_before)
        return 0;
    return ate__fail(ATE_TAMPERED, "the group of transaction %llu was written on another history",
                     (unsigned long long)i->sequence);
}

/* Transaction 0 brings the trust state; the storage must say the same chain id. */
static int take_genesis(struct ate__chain *c, const struct item *i)
{
    struct ate__storage_state state;
    int rc = ate__trust_new(c->conf.env, &i->tx, &c->trust);
    if (rc)
        return rc;
    c->storage->v->state(c->storage, &state);
    if (ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))
        return 0;
    return ate__fail(ATE_TAMPERED,
                     "the log is labelled with another chain id than its genesis has");
}

static int take_item(struct replay *r, struct item *i)
{
    struct ate__chain *c = r->c;
    struct ate__verdict verdict;
    struct ate_hash leaf;
    int rc = i->starts_group ? check_head_before(c, i) : 0;
    if (!rc && !i->decoded) {
        i->checked = check_item(r, i);
        rc = i->decoded ? 0 : i->checked;
    }
    if (!rc && !c->trust)
        rc = take_genesis(c, i);
    if (!rc && (i->checked || i->sequence == 0))
        rc = ate__trust_verify(c->trust, &i->tx);
    if (!rc)
        rc = ate__chain_judge(c, &i->tx, i->sequence, &verdict);
    if (!rc)
        rc = ate__chain_take(c, &i->tx, i->sequence);
    if (rc)
        return rc;
    c->next_sequence = i->sequence + 1;
    ate__view_place(c->view, i->sequence, &i->position, i->root_time_us);
    rc = ate__tx_leaf(&i->tx, ate__trust_alg(c->trust), i->sequence, i->root_time_us, &leaf);
    if (!rc)
        rc = ate__frontier_append(&c->tree, &leaf);
    if (rc)
        return rc;
    r->leaves[r->leaf_count++] = leaf;
    return r->leaf_count == TILES_AT_ONCE ? write_tiles(r) : 0;
}

static int end_group(struct ate__chain *c, const struct item *i)
{
    int rc = ate__frontier_root(&c->tree, &c->root);
    if (rc)
        return rc;
    c->root_time_us = i->root_time_us;
    ate__heads_add(c, c->tree.size, &c->root);
    ate__view_publish(c->view, c->tree.size);
    ate__view_reclaim(c->view, 0);
    return 0;
}

static void clear_batch(struct replay *r)
{
    for (size_t n = 0; n < r->count; n++)
        if (r->items[n].decoded)
            ate__tx_deinit(&r->items[n].tx);
    r->count = 0;
    ate__buf_clear(&r->bytes);
}

/* What an invalid transaction in stored history means (TRUST 4): machine failures and unknown items
 * keep their result, all else is tampering. */
static int as_damage(int rc, uint64_t sequence)
{
    if (rc < 0 || rc == ATE_UNSUPPORTED)
        return ate__context(rc, "transaction %llu", (unsigned long long)sequence);
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    return ate__fail(ATE_TAMPERED, "transaction %llu: %s: %s", (unsigned long long)sequence,
                     ate__result_name(rc), text);
}

static int flush(struct replay *r)
{
    struct ate__chain *c = r->c;
    int rc = 0;
    bool parallel = c->trust && r->count > 1;
    if (parallel)
        ate__workers_each(c->conf.workers, r->count, check_nth, r);
    for (size_t n = 0; n < r->count; n++) {
        struct item *i = &r->items[n];
        if (!parallel)
            i->checked = 0; /* take_item() does it */
        rc = take_item(r, i);
        if (!rc && i->last_in_group)
            rc = end_group(c, i);
        if (rc) {
            rc = as_damage(rc, i->sequence);
            break;
        }
    }
    if (!rc && c->conf.progress && r->total && c->tree.size - r->progressed >= BATCH_RECORDS) {
        r->progressed = c->tree.size;
        c->conf.progress(c->conf.progress_arg, "verify", c->tree.size, r->total);
    }
    clear_batch(r);
    return rc;
}

static int on_group(void *arg, const struct ate__group_out *group)
{
    struct replay *r = arg;
    r->group_due = group->count > 0; /* an idle mark says no head */
    r->group_head = group->head_before;
    return 0;
}

static int on_record(void *arg, const struct ate__record_out *record)
{
    struct replay *r = arg;
    struct item *i = &r->items[r->count];
    *i = (struct item){
        .at = r->bytes.size,
        .size = record->body.size,
        .sequence = record->sequence,
        .root_time_us = record->root_time_us,
        .position = record->position,
        .last_in_group = record->last_in_group,
        .starts_group = r->group_due,
        .head_before = r->group_head,
    };
    r->group_due = false;
    int rc = ate__buf_append(&r->bytes, record->body);
    if (rc)
        return rc;
    r->count++;
    bool first = record->sequence == 0 &&
                 record->last_in_group; /* the genesis brings the keys for all that follows */
    return r->count == BATCH_RECORDS || r->bytes.size >= BATCH_BYTES || first ? flush(r) : 0;
}

int ate__chain_replay(struct ate__chain *c, uint64_t from)
{
    struct ate__storage_state state;
    c->storage->v->state(c->storage, &state);
    struct replay r = {.c = c, .total = state.size, .progressed = from};
    r.items = ate__alloc_array(BATCH_RECORDS, sizeof *r.items);
    if (!r.items)
        return ate__no_memory();
    c->next_sequence = from;
    int rc = c->storage->v->tiles_truncate(c->storage, from);
    if (!rc)
        rc = c->storage->v->scan(c->storage, from, state.size,
                                 &(struct ate__scan){on_group, on_record, &r});
    if (!rc)
        rc = flush(&r);
    if (rc) /* the group that was begun is not believed: back to the end of the last whole one */
        ate__chain_untake(c, ate__view_published(c->view));
    if (!rc && r.leaf_count)
        rc = write_tiles(&r);
    clear_batch(&r);
    ate__buf_deinit(&r.bytes);
    ate__free(r.items);
    return rc;
}
