/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.c: a chain copied into another directory.
 */
#include "chain/backup.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include "chain/values.h"
#include <stdlib.h>

enum { TRIES = 16 };

struct copy {
    struct ate__chain *c;
    const struct ate__chain_copy *conf;
    uint64_t to;
    bool is_behind; /* of a compaction that ran since `to` was chosen */
    /* What is in force and was left out (`values`): */
    bool is_planned;      /* the target was read, now the chain is */
    uint64_t target_end;  /* behind the last that was read there */
    uint64_t *lacking;    /* those of which the target lacks a value, too; ascending */
    size_t count, capacity;
    bool lacks; /* the copy lacks one */
};

/* A copy has the certificate of what is missing in it; and one that is to have all there is has the
 * same segments, so that it can be brought up to date. */
static int check_plan(void *arg, uint64_t cut_off, bool ends_inside)
{
    struct copy *x = arg;
    x->is_planned = true;
    if (cut_off > atomic_load(&x->c->believed_cut_off))
        return ate__fail(ATE_STALE, "another process compacted the chain since it was opened here");
    x->is_behind =
        (cut_off && x->to < atomic_load(&x->c->believed_from)) || (ends_inside && !x->conf->size);
    return x->is_behind ? ate__fail(ATE_STALE, "the chain was compacted while it was copied") : 0;
}

static int by_sequence(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* OMITTED: the target has a value that would go. One that it lacks as well can be had nowhere. */
static int lacks(struct copy *x, uint64_t sequence)
{
    if (!x->is_planned) {
        int rc = ate__grow(&x->lacking, &x->capacity, x->count + 1, sizeof *x->lacking);
        if (!rc)
            x->lacking[x->count++] = sequence;
        return rc;
    }
    x->lacks = true;
    if (sequence >= x->target_end ||
        (x->count && bsearch(&sequence, x->lacking, x->count, sizeof sequence, by_sequence)))
        return 0;
    return ATE_OMITTED;
}

/* And whether a value is missing that must not be. */
static int leaf_of(struct copy *x, const struct ate__record_out *record, struct ate_hash *ret_leaf)
{
    enum ate__hash_alg alg = ate__trust_alg(x->c->trust);
    struct ate__tx tx;
    if (record->identity || !x->conf->values)
        return ate__chain_leaf_of(x->c, record, ret_leaf);
    int rc = ate__tx_decode(record->body, alg, &tx);
    if (rc)
        return rc;
    rc = ate__tx_leaf(&tx, alg, record->sequence, record->root_time_us, ret_leaf);
    if (!rc)
        rc = ate__chain_check_values(x->c, &tx, record->sequence);
    if (rc == ATE_OMITTED)
        rc = lacks(x, record->sequence);
    if (!x->is_planned)
        x->target_end = record->sequence + 1;
    ate__tx_deinit(&tx);
    return rc;
}

static int check_record(void *arg, const struct ate__record_out *record)
{
    struct copy *x = arg;
    struct ate__chain *c = x->c;
    struct ate_hash leaf, verified;
    if (record->sequence >= x->to)
        return 0; /* the target has more, which is told when all of it was looked at */
    int rc = leaf_of(x, record, &leaf);
    if (!rc)
        rc = c->storage->v->tiles_node(c->storage, 0, record->sequence, &verified);
    if (!rc && !ate__hash_equal(&leaf, &verified))
        rc = ate__fail(ATE_FORKED, "it is not the one that the chain has");
    return ate__context(rc, "transaction %llu", (unsigned long long)record->sequence);
}

static int leaves(void *arg, uint64_t first, struct ate_hash *ret_leaves)
{
    struct ate__storage *s = ((struct copy *)arg)->c->storage;
    int rc = 0;
    for (uint64_t i = 0; i < ATE__TILE_LEAVES && !rc; i++)
        rc = s->v->tiles_node(s, 0, first + i, &ret_leaves[i]);
    return rc;
}

static int head(void *arg, uint64_t sequence, struct ate_hash *ret_head)
{
    return ate__chain_root_at(((struct copy *)arg)->c, sequence, ret_head);
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
    const struct ate__chain_copy *conf = ((struct copy *)arg)->conf;
    if (conf->progress)
        conf->progress(conf->progress_arg, done, total);
}

static int check_whole(const struct ate__chain *c)
{
    if (c->damage.what == ATE_OK)
        return 0;
    return ate__fail((int)c->damage.what,
                     "damaged from transaction %llu on, so nothing is copied: %s",
                     (unsigned long long)c->damage.sequence, c->damage.text);
}

/* Up to where: what is published, and on stable storage. */
static int size_of(struct ate__chain *c, uint64_t wanted, uint64_t *ret_size)
{
    struct ate__receipt receipt;
    struct ate_hash root;
    uint64_t size;
    int rc = c->read_only ? 0 : ate__chain_sync(c, &receipt);
    if (rc)
        return rc;
    if (c->read_only)
        ate__chain_head(c, &size, &root);
    else
        size = receipt.size;
    if (wanted > size)
        return ate__fail(ATE_NOT_FOUND, "the chain has %llu transactions",
                         (unsigned long long)size);
    if (wanted && wanted < atomic_load(&c->believed_from))
        return ate__fail(ATE_COMPACTED,
                         "of the first %llu transactions some were compacted away, and only the "
                         "first %llu say which may be missing",
                         (unsigned long long)wanted,
                         (unsigned long long)atomic_load(&c->believed_from));
    *ret_size = wanted ? wanted : size;
    return 0;
}

static int copy_once(struct copy *x, struct ate__dir *dir, struct ate__chain_copied *ret_copied)
{
    struct ate__chain_copied done;
    int rc = size_of(x->c, x->conf->size, &done.size);
    if (!rc)
        rc = ate__chain_root_at(x->c, done.size, &done.root);
    if (rc)
        return rc;
    x->to = done.size;
    x->is_behind = x->is_planned = x->lacks = false;
    x->target_end = x->count = 0;
    struct ate__backup backup = {
        .source = x->c->storage,
        .to = done.size,
        .split = true,
        .dir_name = x->conf->dir_name,
        .existing = x->conf->existing,
        .planned = check_plan,
        .record = check_record,
        .leaves = leaves,
        .head = head,
        .progress = progress,
        .arg = x,
    };
    rc = ate__backup_run(x->c->conf.env, &backup, dir, &done.log);
    done.lacks = x->lacks || x->count;
    if (!rc)
        *ret_copied = done;
    return rc;
}

int ate__chain_copy(struct ate__chain *c, struct ate__dir *dir, const struct ate__chain_copy *copy,
                    struct ate__chain_copied *ret_copied)
{
    struct copy x = {.c = c, .conf = copy};
    int rc = copy->damaged ? 0 : check_whole(c);
    if (!rc)
        rc = copy_once(&x, dir, ret_copied);
    /* What compaction took meanwhile, up to where it should have gone: up to a newer head. */
    for (int i = 1; i < TRIES && !copy->size; i++) {
        if (!(rc == ATE_STALE && x.is_behind) && rc != ATE_COMPACTED)
            break;
        rc = copy_once(&x, dir, ret_copied);
    }
    ate__free(x.lacking);
    return rc;
}
