/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * verify.c: checks a whole chain, believing nothing but the root keys.
 *
 * A chain in a directory is opened a second time, for reading: opening verifies every record, hash,
 * signature, right and head. A mirror verified all that it holds when it took it in. What is
 * counted here is what holds.
 */
#include "api/api.h"
#include "api/host_key.h"
#include "ate/history.h"
#include "chain/believe.h"
#include "chain/local.h"
#include "chain/values.h"
#include <stdio.h>

enum { TRIES = 16 };

struct count {
    struct ate_verified *v;
    enum ate__hash_alg alg;
    struct ate__chain *held;
    uint64_t sequence; /* of the last one */
};

static int count_record(void *arg, const struct ate__history_record *record)
{
    struct count *c = arg;
    struct ate__tx tx;
    int rc = ate__tx_decode(record->body, c->alg, &tx);
    if (rc)
        return rc;
    c->v->transactions++;
    c->v->events += tx.event_count;
    c->v->signatures += tx.attested ? 0 : tx.signature_count;
    c->v->bytes += record->body.size;
    for (uint32_t i = 0; i < tx.event_count; i++) {
        c->v->events_gone += tx.events[i].form == ATE__DROPPED;
        c->v->payloads_gone += tx.events[i].form == ATE__STRIPPED;
    }
    c->sequence = record->sequence;
    rc = ate__chain_check_values(c->held, &tx, record->sequence);
    ate__tx_deinit(&tx);
    return rc;
}

struct in_use {
    ate_in_use_fn *each;
    void *arg;
};

static int tell_in_use(void *arg, const char *file, uint64_t from, uint64_t to)
{
    const struct in_use *u = arg;
    u->each(u->arg, file, from, to - from);
    return 0;
}

/* The strings of the damage stay with the handle. */
static void keep_damage(struct ate_chain *c, const struct ate__storage_damage *damage,
                        struct ate_verified *v)
{
    v->trimmed_bytes = damage->trimmed_bytes;
    if (damage->what == ATE_OK)
        return;
    c->damage = *damage;
    (void)!ate_chain_damage(c, &v->damage);
}

/* What else is wrong comes first. */
static void note_omitted(struct ate_chain *c, uint64_t sequence, struct ate_verified *v)
{
    struct ate__storage_damage d = {
        .what = ATE_OMITTED, .sequence = sequence, .trimmed_bytes = v->trimmed_bytes};
    snprintf(d.text, sizeof d.text, "%s", ate__error_text());
    if (v->damage.what == ATE_OK)
        keep_damage(c, &d, v);
}

/* What is damaged is none of it. */
static void note_queued(struct ate__chain *c, struct ate_verified *v)
{
    struct ate_hash ignored;
    uint64_t taken;
    ate__chain_taken(c, &taken, &ignored);
    v->queued = v->damage.what == ATE_OK && taken > v->head.size ? taken - v->head.size : 0;
}

static int verify_pipe(struct ate_chain *c, struct ate__pipe *pipe, struct ate_verified *v)
{
    struct count count = {v, c->dio->seal.alg, pipe->v->chain(pipe), 0};
    struct ate__storage_state state;
    struct ate__storage *storage = ate__chain_storage(count.held);
    struct ate__snapshot *s;
    int rc = pipe->v->begin(pipe, &s);
    if (rc)
        return rc;
    pipe->v->head(s, &v->head.size, &v->head.root);
    pipe->v->end(s);
    note_queued(count.held, v);
    storage->v->state(storage, &state);
    v->cut_off = state.cut_off;
    rc = pipe->v->history(pipe, 0, count_record, &count);
    if (rc != ATE_OMITTED)
        return rc;
    note_omitted(c, count.sequence, v);
    return 0;
}

static int verify_directory(struct ate_chain *c, ate_in_use_fn *in_use, void *in_use_arg,
                            struct ate_verified *v)
{
    struct ate__local_conf conf = {.chain = {.env = &ate__env_real, .host_key = ate__host_key_ask}};
    struct in_use use = {in_use, in_use_arg};
    struct ate__storage_damage damage;
    struct ate__pipe *pipe;
    int rc = ate__api_workers(&conf.chain.workers);
    if (rc)
        return rc;
    rc = ate__local_open(&conf, c->dir, NULL, ATE__STORAGE_READ, &pipe);
    ate__api_workers_unref(conf.chain.workers);
    if (rc)
        return rc;
    pipe->v->damage(pipe, &damage);
    keep_damage(c, &damage, v);
    const struct ate_hash *id = ate__trust_chain_id(pipe->v->trust(pipe));
    if (!ate__hash_equal(id, &c->dio->seal.chain_id))
        rc = ate__fail(ATE_WRONG_CHAIN, "%s: another chain was put in its place", c->dir);
    if (!rc)
        rc = verify_pipe(c, pipe, v);
    if (!rc && in_use) {
        struct ate__storage *storage = ate__chain_storage(ate__local_chain(pipe));
        rc = storage->v->used(storage, tell_in_use, &use);
    }
    pipe->v->unref(pipe);
    return rc;
}

/* STALE: a compaction by another process came in between, once for each try. */
static int verify_tries(struct ate_chain *c, ate_in_use_fn *in_use, void *in_use_arg,
                        struct ate_verified *ret_verified)
{
    int rc = ATE_STALE;
    for (unsigned i = 0; rc == ATE_STALE && i < TRIES; i++) {
        *ret_verified = (struct ate_verified){0};
        rc = verify_directory(c, in_use, in_use_arg, ret_verified);
    }
    return rc;
}

int ate_chain_verify(struct ate_chain *chain, ate_in_use_fn *in_use, void *in_use_arg,
                     struct ate_verified *ret_verified)
{
    struct ate_verified v = {0};
    struct ate_receipt ignored;
    int rc = ate__check_may_wait();
    if (!rc && chain->pipe->thin)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "verify: a thin chain holds no history: open it with a mirror");
    if (!rc && !chain->pipe->v->read_only(chain->pipe))
        rc = ate_chain_sync(chain, &ignored);
    if (!rc)
        rc = chain->dir ? verify_tries(chain, in_use, in_use_arg, &v)
                        : verify_pipe(chain, chain->pipe, &v);
    if (!rc)
        *ret_verified = v;
    return rc;
}
