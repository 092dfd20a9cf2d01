/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * txn.c: a transaction's life: begin, refresh, end; txn_commit.c has commits.
 */
#include "base/endian.h"
#include "crypto/secret.h"
#include "dio/txn.h"
#include <stdio.h>

int ate__dio_new(struct ate__pipe *take_pipe, struct ate_session *session, int64_t timeout_ms,
                 uint64_t cache_bytes_max, struct ate__dio **ret_dio)
{
    uint64_t seed[2];
    ate__random(take_pipe->env, seed, sizeof seed);
    struct ate__dio *d = ate__alloc(sizeof *d);
    int rc = d ? ate__cache_new(cache_bytes_max, seed, &d->cache) : ate__no_memory();
    if (rc) {
        ate__free(d);
        take_pipe->v->unref(take_pipe);
        return rc;
    }
    struct ate__trust *trust = take_pipe->v->trust(take_pipe);
    atomic_init(&d->refs, 1);
    d->pipe = take_pipe;
    d->session = session ? ate__session_ref(session) : NULL;
    d->seal =
        (struct ate__seal_env){take_pipe->env, *ate__trust_chain_id(trust), ate__trust_alg(trust),
                               ate__trust_genesis(trust)->strength_min};
    d->timeout_ms = timeout_ms;
    ate__random(take_pipe->env, d->origin, sizeof d->origin);
    uint8_t drawn[16];
    ate__random(take_pipe->env, drawn, sizeof drawn);
    d->number_seed[0] = ate__load64(drawn); /* the same on every machine */
    d->number_seed[1] = ate__load64(drawn + 8);
    ate__wipe(drawn, sizeof drawn);
    *ret_dio = d;
    return 0;
}

struct ate__dio *ate__dio_ref(struct ate__dio *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void ate__dio_unref(struct ate__dio *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__cache_free(d->cache);
    ate__session_unref(d->session);
    d->pipe->v->unref(d->pipe);
    ate__free(d);
}

/* ---- begin ---- */

/* Numbers rise, as trust/origin.h has them cheapest; their lower half is known to nobody before it
 * is sent, since who may write could take the next one, and the owner of what was to have it would
 * be told that it is in the chain. */
void ate__txn_draw_id(struct ate_txn *t)
{
    uint64_t n = atomic_fetch_add(&t->dio->drawn, 1) + 1;
    if (n >> 32 || atomic_load_explicit(&t->dio->origin_taken, memory_order_relaxed)) {
        ate__random(t->dio->pipe->env, t->id.origin, sizeof t->id.origin);
        t->id.number = 1;
        return;
    }
    uint8_t bytes[sizeof n];
    ate__store64(bytes, n);
    memcpy(t->id.origin, t->dio->origin, sizeof t->id.origin);
    t->id.number = n << 32 | (uint32_t)ate__siphash(t->dio->number_seed, bytes, sizeof bytes);
}

int ate__txn_begin(struct ate__dio *dio, struct ate_session *session, unsigned flags,
                   struct ate_txn **ret_txn)
{
    if (flags & ~(unsigned)(ATE_READ | ATE_SCOPE_LOCAL | ATE_SCOPE_NONE))
        return ate__fail(ATE_MISUSE, "transaction: unknown flags %#x", flags);
    if (flags & ATE_SCOPE_LOCAL && dio->pipe->remote)
        return ate__fail(ATE_UNSUPPORTED, "transaction: a remote chain has no outbox in this "
                                          "version, so no scope LOCAL: use FULL, or NONE");
    struct ate_txn *t = ate__alloc(sizeof *t);
    if (!t)
        return ate__no_memory();
    uint64_t seed[2];
    ate__random(dio->pipe->env, seed, sizeof seed);
    ate__map_init(&t->by_id, sizeof(struct ate_id), seed);
    ate__map_init(&t->by_name, ATE__NAME_TAG, seed);
    t->dio = ate__dio_ref(dio);
    session = session ? session : dio->session;
    t->session = session ? ate__session_ref(session) : NULL;
    t->flags = flags;
    t->changes_end = &t->changes;
    ate__overlay_init(t);
    ate__txn_draw_id(t);
    atomic_init(&t->holds, 1);
    *ret_txn = t;
    return 0;
}

int ate__txn_read(struct ate_txn *t)
{
    if (ate__txn_is_offered(t) || t->frozen)
        return ate__fail(ATE_MISUSE, "transaction: its commit has no answer yet: commit it again, "
                                     "or end it");
    if (t->snapshot)
        return 0;
    return t->dio->pipe->v->begin(t->dio->pipe, &t->snapshot);
}

int ate__txn_check_present(const struct ate_txn *t)
{
    return t->dio->pipe->now ? ate__fail(ATE_MISUSE, "transaction: it reads the chain as it was, "
                                                     "and nothing can be changed there")
                             : 0;
}

int ate__txn_write(struct ate_txn *t)
{
    int rc = ate__txn_check_present(t);
    if (rc)
        return rc;
    if (t->flags & ATE_READ)
        return ate__fail(ATE_READ_ONLY, "transaction: begun with ATE_READ");
    if (t->dio->pipe->v->read_only(t->dio->pipe))
        return ate__fail(ATE_READ_ONLY, "the chain is open for reading only");
    return ate__txn_read(t);
}

/* ---- loans ---- */

int ate__txn_lend(struct ate_txn *t, void *take_block)
{
    int rc = ate__grow(&t->loans, &t->loan_capacity, t->loan_count + 1, sizeof *t->loans);
    if (rc)
        ate__free(take_block);
    else
        t->loans[t->loan_count++] = take_block;
    return rc;
}

void ate_txn_end_loans(struct ate_txn *t)
{
    for (size_t i = 0; i < t->loan_count; i++)
        ate__free(t->loans[i]);
    t->loan_count = 0;
    ate__lender_clear(t->lender);
}

/* ---- changes dropped ---- */

static void change_free(struct ate__change *c)
{
    ate__buf_deinit(&c->name);
    ate__buf_deinit(&c->type);
    ate__buf_deinit(&c->payload);
    ate__buf_deinit(&c->user);
    ate__buf_deinit(&c->scopes);
    for (unsigned i = 0; i < ATE__RIGHTS; i++)
        ate__buf_deinit(&c->keys[i]);
    ate__control_unref(c->control);
    ate__free(c);
}

void ate__txn_drop_changes(struct ate_txn *t)
{
    for (struct ate__change *c = t->changes, *next; c; c = next) {
        next = c->next;
        change_free(c);
    }
    t->changes = NULL;
    t->changes_end = &t->changes;
    t->change_count = t->subtrees = t->precondition_count = t->conflict_count = 0;
    ate__map_clear(&t->by_id);
    ate__map_clear(&t->by_name);
}

void ate_txn_cancel(struct ate_txn *t)
{
    if (!ate__txn_is_offered(t) && !t->frozen)
        ate__txn_drop_changes(t);
}

/* Rules that others changed meanwhile count for what is pending, unless that brings rules itself:
 * it names the ones that it replaces. */
static int renew_rules(struct ate_txn *t)
{
    const struct ate__facts *facts = t->dio->pipe->v->facts(t->snapshot);
    int rc = 0;
    for (struct ate__change *c = t->changes; !rc && c; c = c->next) {
        struct ate__object_facts now;
        if (!c->existed || ate__change_rules(c) || c->open || c->holds)
            continue;
        rc = facts->v->object(facts, &c->id, &now);
        if (!rc && now.live && ate__hash_equal(&now.body, &c->prev))
            c->before.control = now.control;
    }
    return rc;
}

int ate_txn_refresh(struct ate_txn *t)
{
    if (ate__txn_is_offered(t) || t->frozen)
        return ate__fail(ATE_MISUSE, "transaction: its commit has no answer yet");
    int rc = ate__txn_check_present(t);
    if (rc || !t->snapshot)
        return rc;
    rc = t->dio->pipe->v->refresh(t->snapshot);
    return rc ? rc : renew_rules(t);
}

void ate__txn_let_go(struct ate_txn *t)
{
    if (atomic_fetch_sub_explicit(&t->holds, 1, memory_order_acq_rel) != 1)
        return;
    ate__buf_deinit(&t->encoded);
    ate__buf_deinit(&t->arena);
    ate__free(t->hashes);
    ate__free(t);
}

void ate_txn_end(struct ate_txn *t)
{
    if (!t)
        return;
    while (t->cursors)
        ate_cursor_end(t->cursors);
    ate__txn_drop_changes(t);
    ate_txn_end_loans(t);
    ate__map_deinit(&t->by_id);
    ate__map_deinit(&t->by_name);
    ate__free(t->loans);
    ate__cache_give_back(t->dio->cache, t->lender);
    ate__free(t->preconditions);
    if (t->snapshot)
        t->dio->pipe->v->end(t->snapshot);
    ate__session_unref(t->session);
    t->ended = true;
    struct ate__dio *dio = t->dio;
    ate__txn_let_go(t);
    ate__dio_unref(
        dio); /* the last one closes: offers in flight are completed before that returns */
}

struct ate_head ate_txn_base(struct ate_txn *t)
{
    struct ate_head head = {0};
    if (t->snapshot || !ate__txn_read(t))
        t->dio->pipe->v->head(t->snapshot, &head.size, &head.root);
    return head;
}

struct ate_txn_id ate_txn_id_of(const struct ate_txn *t)
{
    struct ate_txn_id id;
    memcpy(id.origin, t->id.origin, sizeof id.origin);
    id.number = t->id.number;
    id.hash = t->frozen || t->offered ? t->own.hash : (struct ate_hash){{0}};
    return id;
}
