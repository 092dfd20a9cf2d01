/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * open.c: from storage to a chain: every record is decoded, its signatures verified, judged and
 * taken in, in order.
 *
 * Decoding and signatures need no state but the public keys, so a batch of records is checked side
 * by side by the workers; judging is serial. A record whose key came with an earlier record of the
 * same batch is checked again when its turn comes.
 *
 * A group counts whole: tree, head and view move on at its end. Where a record is not believed, the
 * chain ends before its group. Of a log that was deeply compacted all is believed or nothing
 * (chain/kept.h).
 *
 * Records that are not known to be synced are judged where a crash left them, and wait in the view
 * like those of a group that is not written yet. When the storage has written them anew, they are
 * read from there, get their positions and are published.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/kept.h"
#include <stdio.h>

enum {
    BATCH_RECORDS = 1024,
    BATCH_BYTES = 4 << 20,
    TILES_AT_ONCE = ATE__TILE_LEAVES,
    TRIM_BYTES = 64 << 20 /* of records: what they took in passing goes back to the system */
};

struct item {
    size_t at, size; /* of the body in batch.bytes */
    uint64_t sequence, root_time_us;
    struct ate__position position;
    struct ate__tx tx;
    struct ate_hash leaf;
    bool decoded, has_leaf, verified;
    bool last_in_group;
    bool starts_group;
    bool compacted; /* the group: the head before it is not known */
    bool is_identity;
    struct ate__identity identity;
    uint64_t head_before;
};
struct replay {
    struct ate__chain *c;
    struct ate__frontier tree; /* with the group under way */
    struct ate__kept kept;
    struct item *items;
    size_t count;
    struct ate__buf bytes;
    bool group_due;            /* the next record starts a group */
    bool compacted;            /* that group */
    uint64_t group_head;
    uint64_t total, progressed;
    uint64_t passed; /* bytes of records */
    uint64_t moves; /* records from here on are published by begin() */
    struct ate_hash leaves[TILES_AT_ONCE];
    size_t leaf_count;
    uint64_t leaf_first; /* sequence of the first */
};

/* Without room for them the chain opens all the same: what is left out is added later. */
static int write_tiles(struct replay *r)
{
    struct ate__storage *s = r->c->storage;
    int rc =
        s->v->tiles_size(s) == r->leaf_first ? s->v->tiles_append(s, r->leaves, r->leaf_count) : 0;
    r->leaf_first += r->leaf_count;
    r->leaf_count = 0;
    return rc == ATE_E_NO_SPACE ? 0 : rc;
}

static int read_leaf(struct item *i, enum ate__hash_alg alg)
{
    int rc = ate__tx_leaf(&i->tx, alg, i->sequence, i->root_time_us, &i->leaf);
    i->has_leaf = rc == 0;
    return rc;
}

/* What needs no state. */
static int read_item(struct replay *r, struct item *i)
{
    struct ate__chain *c = r->c;
    struct ate_bytes body = ate__bytes(r->bytes.data + i->at, i->size);
    enum ate__hash_alg alg;
    int rc = 0;
    if (i->is_identity)
        return ate__identity_read(body, &i->identity);
    if (c->trust)
        alg = ate__trust_alg(c->trust);
    else
        rc = ate__tx_genesis_alg(body, &alg);
    if (!rc)
        rc = ate__tx_decode(body, alg, &i->tx);
    i->decoded = rc == 0;
    return rc ? rc : read_leaf(i, alg);
}

int ate__chain_check_wanted(const struct ate__chain *c)
{
    const struct ate__chain_conf *conf = &c->conf;
    return conf->cancel && conf->cancel(conf->progress_arg) ? ate__fail(ATE_CANCELED, "given up")
                                                            : 0;
}

/* What is not wanted any more ends when its turn comes. */
static void read_nth(void *arg, size_t n)
{
    struct replay *r = arg;
    struct item *i = &r->items[n];
    if (!ate__chain_check_wanted(r->c))
        (void)!read_item(r, i); /* what is wrong with it is said when its turn comes */
}

static const struct ate__tx *nth_tx(void *arg, size_t n)
{
    struct item *i = &((struct replay *)arg)->items[n];
    return i->decoded ? &i->tx : NULL;
}

static void verify_nth(void *arg, size_t n)
{
    struct replay *r = arg;
    struct item *i = &r->items[n];
    if (i->decoded && !ate__chain_check_wanted(r->c))
        i->verified = !ate__trust_verify(r->c->trust, &i->tx);
}

/* Side by side. Without a genesis yet there is nothing to check with. */
static void check_all(struct replay *r)
{
    struct ate__chain *c = r->c;
    ate__workers_each(c->conf.workers, r->count, read_nth, r);
    ate__trust_each(c->trust, c->conf.workers, r->count,
                    &(struct ate__signed){nth_tx, verify_nth, r});
}

/* What the group says of the history before it: the tree that it was written on, and the time. */
static int check_group(const struct ate__chain *c, const struct item *i)
{
    if (i->root_time_us < c->root_time_us)
        return ate__fail(ATE_TAMPERED, "the root's time went back at transaction %llu",
                         (unsigned long long)i->sequence);
    if (i->compacted || ate__load64(c->root.b) == i->head_before)
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
    ate__believe_begin(c);
    c->storage->v->state(c->storage, &state);
    if (ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))
        return 0;
    return ate__fail(ATE_TAMPERED,
                     "the log is labelled with another chain id than its genesis has");
}

static void publish(struct ate__chain *c, uint64_t size)
{
    ate__view_publish(c->view, size);
    ate__view_reclaim(c->view, 0);
}

/* The tree has all that was read. */
static int note_head(struct replay *r, uint64_t root_time_us)
{
    struct ate__chain *c = r->c;
    struct ate_hash root;
    int rc = ate__frontier_root(&r->tree, &root);
    if (!rc && r->tree.size > r->moves && !c->firm) {
        c->firm = ate__copy(&c->tree, sizeof c->tree);
        rc = c->firm ? 0 : ate__no_memory();
    }
    if (rc)
        return rc;
    c->tree = r->tree;
    c->root = root;
    c->root_time_us = root_time_us;
    ate__heads_add(c, c->tree.size, &c->root);
    if (!c->firm)
        publish(c, c->tree.size);
    return 0;
}

static int add_leaf(struct replay *r, const struct ate_hash *leaf)
{
    int rc = ate__frontier_append(&r->tree, leaf);
    if (rc)
        return rc;
    r->leaves[r->leaf_count++] = *leaf;
    return r->leaf_count == TILES_AT_ONCE ? write_tiles(r) : 0;
}

/* What compaction left out. */
static int fill(struct replay *r, uint64_t to)
{
    struct ate__chain *c = r->c;
    struct ate_hash leaf;
    if (r->tree.size == to)
        return 0;
    if (!c->trust)
        return ate__fail(ATE_TAMPERED, "the genesis is missing");
    for (uint64_t sequence = r->tree.size; sequence < to; sequence++) {
        int rc = ate__chain_check_wanted(c);
        if (!rc)
            rc = ate__kept_leaf(&r->kept, sequence, &leaf);
        if (!rc)
            rc = add_leaf(r, &leaf);
        if (rc)
            return rc;
    }
    ate__trust_skip(c->trust, to);
    c->next_sequence = to;
    return 0;
}

/* A root that is asked for is in memory or in the tiles, also within the group under way. */
static int have_root(struct replay *r, uint64_t size)
{
    bool due = size > r->leaf_first && size <= r->tree.size && r->leaf_count;
    return due && !ate__heads_has(r->c, size) ? write_tiles(r) : 0;
}

static int judge(struct replay *r, struct item *i)
{
    struct ate__chain *c = r->c;
    struct ate__verdict verdict;
    if (i->sequence < r->kept.cut_off)
        return ate__kept_take(&r->kept, &i->tx, i->sequence);
    int rc = have_root(r, i->tx.base_size);
    for (uint32_t n = 0; n < i->tx.event_count && !rc; n++)
        if (i->tx.events[n].form != ATE__DROPPED && i->tx.events[n].kind == ATE__EVENT_SNAPSHOT)
            rc = have_root(r, i->tx.events[n].header.snapshot.size);
    if (!rc)
        rc = ate__chain_judge(c, &i->tx, i->sequence, i->root_time_us, &verdict);
    return rc ? rc : ate__chain_take(c, &i->tx, i->sequence);
}

static int take_tx(struct replay *r, struct item *i, struct ate_hash *leaf)
{
    struct ate__chain *c = r->c;
    int rc = i->decoded ? 0 : read_item(r, i);
    if (!rc && !i->has_leaf)
        rc = read_leaf(i, ate__trust_alg(c->trust));
    if (!rc && !c->trust)
        rc = take_genesis(c, i);
    if (!rc && !i->verified)
        rc = ate__trust_verify(c->trust, &i->tx);
    if (!rc)
        rc = judge(r, i);
    if (rc)
        return rc;
    if (i->sequence < r->moves)
        ate__view_place(c->view, i->sequence, &i->position, i->root_time_us);
    else
        ate__view_date(c->view, i->sequence, i->root_time_us);
    ate__kept_look(&r->kept, &i->tx, i->sequence);
    *leaf = i->leaf;
    return 0;
}

static int take_identity(struct replay *r, struct item *i, struct ate_hash *leaf)
{
    struct ate__chain *c = r->c;
    if (i->sequence >= r->kept.gaps_below || !c->trust)
        return ate__fail(ATE_TAMPERED, "only its identity is left, and it was not compacted away");
    int rc = read_item(r, i);
    if (!rc)
        rc = ate__trust_apply_identity(c->trust, &i->identity.id, i->sequence);
    return rc ? rc
              : ate__tx_leaf_of(&i->identity.hash, &i->identity.signatures_hash, i->sequence,
                                i->root_time_us, leaf);
}

/* What was left out between two groups belongs to neither. */
static int begin_group(struct replay *r, const struct item *i)
{
    struct ate__chain *c = r->c;
    int rc = c->tree.size < r->tree.size ? note_head(r, c->root_time_us) : 0;
    return rc ? rc : check_group(c, i);
}

static int reach(struct replay *r)
{
    bool due = r->kept.cut_off && r->tree.size == r->kept.cut_off && !r->kept.reached;
    return due ? ate__kept_reach(&r->kept) : 0;
}

static int take_item(struct replay *r, struct item *i)
{
    struct ate_hash leaf;
    int rc = ate__chain_check_wanted(r->c);
    if (!rc)
        rc = fill(r, i->sequence);
    if (!rc && i->starts_group)
        rc = begin_group(r, i);
    if (!rc)
        rc = reach(r);
    if (!rc)
        rc = i->is_identity ? take_identity(r, i, &leaf) : take_tx(r, i, &leaf);
    if (!rc)
        rc = ate__kept_compare(&r->kept, i->sequence, &leaf);
    if (rc)
        return rc;
    r->c->next_sequence = i->sequence + 1;
    return add_leaf(r, &leaf);
}

static int end_group(struct replay *r, const struct item *i)
{
    return note_head(r, i->root_time_us);
}

static void clear_batch(struct replay *r)
{
    for (size_t n = 0; n < r->count; n++)
        if (r->items[n].decoded)
            ate__tx_deinit(&r->items[n].tx);
    r->count = 0;
    ate__buf_clear(&r->bytes);
}

/* What an invalid transaction in stored history means (docs/format/trust.md, 2): machine failures
 * and unknown items keep their result, all else is tampering. */
static int as_damage(int rc, uint64_t sequence)
{
    if (rc < 0 || rc == ATE_UNSUPPORTED || rc == ATE_CANCELED)
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
    if (c->trust)
        check_all(r);
    for (size_t n = 0; n < r->count; n++) {
        struct item *i = &r->items[n];
        rc = take_item(r, i);
        if (!rc && i->last_in_group)
            rc = end_group(r, i);
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
    r->compacted = group->compacted;
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
        .compacted = r->compacted,
        .is_identity = record->identity,
        .head_before = r->group_head,
    };
    r->group_due = false;
    r->passed += record->body.size;
    int rc = ate__buf_append(&r->bytes, record->body);
    if (rc)
        return rc;
    r->count++;
    bool first = record->sequence == 0 &&
                 record->last_in_group; /* the genesis brings the keys for all that follows */
    return r->count == BATCH_RECORDS || r->bytes.size >= BATCH_BYTES || first ? flush(r) : 0;
}

static int cut_tiles(struct ate__chain *c)
{
    struct ate__storage *s = c->storage;
    return s->v->tiles_size(s) > c->tree.size ? s->v->tiles_truncate(s, c->tree.size) : 0;
}

/* The group that was begun is not believed: back to the end of the last whole one. The sentence
 * stays. */
static int end_before(struct replay *r, int rc)
{
    struct ate__chain *c = r->c;
    char text[ATE__ERROR_SIZE];
    c->unbelieved = ate__kept_open(&r->kept);
    if (c->unbelieved)
        return rc; /* there is no end to go back to */
    snprintf(text, sizeof text, "%s", ate__error_text());
    ate__chain_untake(c, c->tree.size);
    int tiles_rc = cut_tiles(c);
    r->leaf_count = c->tree.size > r->leaf_first ? (size_t)(c->tree.size - r->leaf_first) : 0;
    if (!tiles_rc)
        tiles_rc = write_tiles(r);
    (void)
        tiles_rc; /* what is missing is added later, what is too much cut off by the next attempt */
    ate__error_set(text);
    return rc;
}

/* What was read in front of damage, in whole groups, counts; the sentence about it stays. */
static int flush_rest(struct replay *r, int rc)
{
    char text[ATE__ERROR_SIZE];
    if (rc < 0)
        return rc;
    snprintf(text, sizeof text, "%s", ate__error_text());
    int flushed = flush(r);
    if (rc && !flushed)
        ate__error_set(text);
    return flushed ? flushed : rc;
}

/* Behind the last record. */
static int end_history(struct replay *r, uint64_t size)
{
    struct ate__chain *c = r->c;
    int rc = fill(r, size);
    if (!rc)
        rc = reach(r);
    if (!rc && c->tree.size < r->tree.size)
        rc = note_head(r, c->root_time_us);
    if (!rc && r->leaf_count)
        rc = write_tiles(r);
    return rc || c->part ? rc : ate__kept_end(&r->kept);
}

int ate__chain_replay(struct ate__chain *c, uint64_t from)
{
    struct ate__storage_state state;
    ate__assert(from == c->tree.size);
    c->storage->v->state(c->storage, &state);
    struct replay r = {
        .c = c,
        .tree = c->tree,
        .total = state.size,
        .progressed = from,
        .moves = state.moves,
        .leaf_first = from,
    };
    size_t room = (size_t)ate__min(state.size - ate__min(state.size, from), BATCH_RECORDS);
    r.items = ate__alloc_array(room + 1, sizeof *r.items);
    if (!r.items)
        return ate__no_memory();
    c->next_sequence = from;
    ate__kept_begin(&r.kept, c, from < state.cut_off ? state.cut_off : 0);
    int rc = cut_tiles(c);
    if (!rc)
        rc = c->storage->v->scan(c->storage, from, state.size,
                                 &(struct ate__scan){on_group, on_record, &r});
    rc = flush_rest(&r, rc);
    if (!rc)
        rc = end_history(&r, state.size);
    if (rc)
        rc = end_before(&r, rc);
    ate__kept_deinit(&r.kept);
    clear_batch(&r);
    ate__buf_deinit(&r.bytes);
    ate__free(r.items);
    if (r.passed >= TRIM_BYTES)
        ate__alloc_trim();
    return rc;
}

/* ---- what was moved ---- */

struct moved {
    struct ate__chain *c;
    struct ate__frontier tree;
};

static int place_record(void *arg, const struct ate__record_out *record)
{
    struct moved *m = arg;
    struct ate_hash leaf;
    int rc = ate__chain_leaf_of(m->c, record, &leaf);
    if (!rc)
        rc = ate__frontier_append(&m->tree, &leaf);
    if (!rc)
        ate__view_place(m->c->view, record->sequence, &record->position, record->root_time_us);
    return rc;
}

int ate__chain_place_moved(struct ate__chain *c)
{
    struct ate__storage *s = c->storage;
    struct moved m = {c, *c->firm};
    struct ate_hash root;
    int rc = s->v->scan(s, m.tree.size, c->tree.size, &(struct ate__scan){NULL, place_record, &m});
    if (!rc)
        rc = ate__frontier_root(&m.tree, &root);
    if (!rc && (m.tree.size != c->tree.size || !ate__hash_equal(&root, &c->root)))
        rc = ATE_TAMPERED;
    if (rc > 0)
        return ate__fail(ATE_E_IO, "the log reads otherwise than a moment ago");
    if (!rc)
        publish(c, c->tree.size);
    return rc;
}
