/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain.c: a chain's life and its public face within the library.
 */
#include "chain/chain.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/chain_private.h"
#include <stdio.h>

/* ---- the latest state, for acceptance ---- */

static struct ate__view_snapshot latest_of(const struct ate__facts *f)
{
    struct ate__chain *c = ATE__CONTAINER(f, struct ate__chain, latest);
    return (struct ate__view_snapshot){c->view, NULL, UINT64_MAX};
}

static int latest_object(const struct ate__facts *f, const struct ate_id *id,
                         struct ate__object_facts *ret)
{
    struct ate__view_snapshot s = latest_of(f);
    return ate__view_object(&s, id, ret);
}

static int latest_tag_holder(const struct ate__facts *f, const struct ate_id *parent,
                             const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id)
{
    struct ate__view_snapshot s = latest_of(f);
    return ate__view_tag_holder(&s, parent, tag, ret_id);
}

static int latest_next_child(const struct ate__facts *f, const struct ate_id *parent, uint64_t *at,
                             struct ate_id *ret_child)
{
    struct ate__view_snapshot s = latest_of(f);
    return ate__view_next_child(&s, parent, at, ret_child);
}

static const struct ate__facts_vtable latest_facts = {
    .object = latest_object,
    .tag_holder = latest_tag_holder,
    .next_child = latest_next_child,
    .root_at = ate__chain_facts_root_at,
};

/* ---- life ---- */

static int new_chain(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                     struct ate__chain **ret_chain)
{
    struct ate__chain *c = ate__alloc(sizeof *c);
    if (!c) {
        take_storage->v->close(take_storage);
        return ate__no_memory();
    }
    c->conf = *conf;
    c->storage = take_storage;
    c->latest.v = &latest_facts;
    c->drain = (struct ate__task){.run = ate__chain_drain, .user = c};
    c->tick = (struct ate__task){.run = ate__chain_tick, .user = c};
    if (c->conf.workers)
        ate__workers_ref(c->conf.workers);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->mutex, NULL);
    pthread_mutex_init(&c->heads_mutex, NULL);
    pthread_mutex_init(&c->listeners_mutex, NULL);
    pthread_cond_init(&c->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ate__frontier_init(&c->tree);
    int rc = ate__view_new(conf->env, &c->view);
    if (!rc)
        rc = ate__frontier_root(&c->tree, &c->root);
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    ate__heads_add(c, 0, &c->root);
    *ret_chain = c;
    return 0;
}

static void note_damage(struct ate__chain *c, int rc)
{
    c->storage->v->damage(c->storage, &c->damage);
    c->read_only = true;
    if (c->damage.what != ATE_OK)
        return;
    c->damage.what = (enum ate_result)rc;
    c->damage.sequence = c->tree.size;
    snprintf(c->damage.text, sizeof c->damage.text, "%s", ate__error_text());
}

int ate__chain_open(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                    unsigned flags, struct ate__chain **ret_chain)
{
    struct ate__chain *c;
    struct ate__storage_state state;
    int rc = new_chain(conf, take_storage, &c);
    if (rc)
        return rc;
    c->storage->v->state(c->storage, &state);
    rc = ate__chain_replay(c, 0);
    bool bearable = rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED || rc == ATE_MALFORMED;
    if (bearable && flags & ATE__STORAGE_READ && c->trust) {
        note_damage(c, rc);
        rc = 0;
    } else if (!rc) {
        c->storage->v->damage(c->storage, &c->damage);
        c->read_only = !state.writable;
    }
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    *ret_chain = c;
    return 0;
}

int ate__chain_create(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                      struct ate_bytes genesis_tx, struct ate__chain **ret_chain)
{
    struct ate__chain *c;
    struct ate__tx tx;
    enum ate__hash_alg alg;
    int rc = new_chain(conf, take_storage, &c);
    if (rc)
        return rc;
    rc = ate__tx_genesis_alg(genesis_tx, &alg);
    if (!rc)
        rc = ate__tx_decode(genesis_tx, alg, &tx);
    if (!rc) {
        rc = ate__trust_new(conf->env, &tx, &c->trust);
        ate__tx_deinit(&tx);
    }
    if (!rc) {
        struct ate__offer offer = {.encoded = genesis_tx, .waits = true, .timeout_ms = -1};
        ate__chain_wait(c, &offer);
        rc = offer.result ? ate__fail(offer.result, "%s", offer.text) : 0;
    }
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    *ret_chain = c;
    return 0;
}

void ate__chain_close(struct ate__chain *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->closing = true;
    pthread_mutex_unlock(&c->mutex);
    if (c->conf.workers) {
        ate__workers_cancel(c->conf.workers, &c->tick);
        ate__workers_cancel(c->conf.workers, &c->drain);
        ate__workers_unref(c->conf.workers);
    }
    ate__assert(!c->ordered.first && !c->inbox.first && !c->listeners);
    ate__view_free(c->view);
    ate__trust_free(c->trust);
    c->storage->v->close(c->storage);
    pthread_mutex_destroy(&c->mutex);
    pthread_mutex_destroy(&c->heads_mutex);
    pthread_mutex_destroy(&c->listeners_mutex);
    pthread_cond_destroy(&c->room);
    ate__free(c);
}

/* ---- what it is ---- */

struct ate__trust *ate__chain_trust(struct ate__chain *c)
{
    return c->trust;
}

struct ate__view *ate__chain_view(struct ate__chain *c)
{
    return c->view;
}

struct ate__storage *ate__chain_storage(struct ate__chain *c)
{
    return c->storage;
}

bool ate__chain_read_only(struct ate__chain *c)
{
    return c->read_only;
}

bool ate__chain_damage(struct ate__chain *c, struct ate__storage_damage *ret_damage)
{
    *ret_damage = c->damage;
    return c->damage.what != ATE_OK;
}

void ate__chain_head(struct ate__chain *c, uint64_t *ret_size, struct ate_hash *ret_root,
                     uint64_t *ret_root_time_us)
{
    pthread_mutex_lock(&c->mutex);
    *ret_size = c->tree.size;
    *ret_root = c->root;
    *ret_root_time_us = c->root_time_us;
    pthread_mutex_unlock(&c->mutex);
}

/* ---- outcomes, sync ---- */

static int root_time_of(void *arg, const struct ate__record_out *record)
{
    *(uint64_t *)arg = record->root_time_us;
    return 0;
}

int ate__chain_outcome(struct ate__chain *c, const struct ate__txn_id *id,
                       struct ate__receipt *ret_receipt)
{
    struct ate__receipt receipt = {.stage = c->conf.sync == ATE__SYNC_ALWAYS ? ATE__DURABLE
                                                                             : ATE__QUEUED};
    pthread_mutex_lock(&c->mutex);
    int rc = ate__trust_origin(c->trust, id, &receipt.sequence);
    if (!rc && receipt.sequence >= c->tree.size)
        rc = ate__fail(ATE_UNKNOWN, "the transaction is being written just now: ask again");
    receipt.size = c->tree.size;
    receipt.head = c->root;
    pthread_mutex_unlock(&c->mutex);
    if (!rc)
        rc = c->storage->v->scan(c->storage, receipt.sequence, receipt.sequence + 1,
                                 &(struct ate__scan){NULL, root_time_of, &receipt.root_time_us});
    if (!rc)
        *ret_receipt = receipt;
    return rc;
}

int ate__chain_sync(struct ate__chain *c, struct ate__receipt *ret_receipt)
{
    int rc = 0;
    pthread_mutex_lock(&c->mutex);
    if (c->conf.sync != ATE__SYNC_ALWAYS && !c->read_only) {
        while (c->leading)
            pthread_cond_wait(&c->room, &c->mutex);
        c->leading = true;
        pthread_mutex_unlock(&c->mutex);
        rc = c->storage->v->sync(c->storage);
        pthread_mutex_lock(&c->mutex);
        c->leading = false;
        pthread_cond_broadcast(&c->room);
        ate__chain_pass_on(c);
    }
    *ret_receipt = (struct ate__receipt){.sequence = c->tree.size - 1,
                                         .root_time_us = c->root_time_us,
                                         .size = c->tree.size,
                                         .head = c->root,
                                         .stage = ATE__DURABLE};
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

/* ---- following ---- */

struct history {
    ate__history_fn *each;
    void *arg;
};

static int history_record(void *arg, const struct ate__record_out *record)
{
    const struct history *h = arg;
    return h->each(h->arg, &(struct ate__history_record){record->sequence, record->root_time_us,
                                                         record->body, record->last_in_group});
}

int ate__chain_history(struct ate__chain *c, uint64_t from, uint64_t to, ate__history_fn *each,
                       void *arg)
{
    struct history h = {each, arg};
    uint64_t published = ate__view_published(c->view);
    if (to > published)
        to = published;
    if (from >= to)
        return 0;
    return c->storage->v->scan(c->storage, from, to, &(struct ate__scan){NULL, history_record, &h});
}

void ate__chain_listen(struct ate__chain *c, struct ate__listener *l)
{
    pthread_mutex_lock(&c->listeners_mutex);
    l->next = c->listeners;
    c->listeners = l;
    pthread_mutex_unlock(&c->listeners_mutex);
}

void ate__chain_unlisten(struct ate__chain *c, struct ate__listener *l)
{
    pthread_mutex_lock(&c->listeners_mutex);
    for (struct ate__listener **p = &c->listeners; *p; p = &(*p)->next)
        if (*p == l) {
            *p = l->next;
            break;
        }
    pthread_mutex_unlock(&c->listeners_mutex);
}

/* ---- bodies ---- */

static int authors_of(struct ate__chain *c, const struct ate__view_body *body,
                      struct ate__authors *ret_authors)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    struct ate__tx tx;
    int rc = c->storage->v->load(c->storage, body->sequence, &body->position, &record);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&record), ate__trust_alg(c->trust), &tx);
    if (rc)
        return rc;
    ret_authors->count = tx.signature_count;
    for (uint32_t i = 0; i < tx.signature_count; i++)
        ret_authors->fingerprint[i] = tx.signatures[i].fingerprint;
    ate__tx_deinit(&tx);
    return 0;
}

int ate__chain_event(struct ate__chain *c, const struct ate__view_snapshot *s,
                     const struct ate_id *id, struct ate__buf *buf, struct ate__event *ret_event,
                     struct ate__authors *ret_authors)
{
    struct ate__view_body body;
    struct ate__event event;
    size_t at = buf->size;
    int rc = ate__view_body(s, id, &body);
    if (rc)
        return rc;
    rc = c->storage->v->read_part(c->storage, body.sequence, &body.position, body.offset, body.size,
                                  buf);
    if (rc)
        return rc;
    rc = ate__event_decode(ate__bytes(buf->data + at, body.size), ate__trust_alg(c->trust), &event);
    if (!rc && !ate__hash_equal(&event.hash, &body.hash))
        rc = ate__fail(ATE_TAMPERED,
                       "transaction %llu: an event was changed on the disk since it was verified",
                       (unsigned long long)body.sequence);
    if (!rc && ret_authors)
        rc = authors_of(c, &body, ret_authors);
    if (!rc)
        *ret_event = event;
    else
        buf->size = at;
    return rc;
}
