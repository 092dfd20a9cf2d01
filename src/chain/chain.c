/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain.c: a chain's life and its public face within the library.
 */
#include "chain/chain.h"
#include "base/alloc.h"
#include "base/err.h"
#include "chain/believe.h"
#include "chain/chain_private.h"
#include "chain/compact_auto.h"
#include "chain/image.h"
#include "chain/replace.h"
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

static int latest_next_child(const struct ate__facts *f, const struct ate__listing *l, uint64_t *at,
                             struct ate_id *ret_child)
{
    struct ate__view_snapshot s = latest_of(f);
    return ate__view_next_child(&s, l, at, ret_child);
}

static const struct ate__facts_vtable latest_facts = {
    .object = latest_object,
    .tag_holder = latest_tag_holder,
    .next_child = latest_next_child,
    .root_at = ate__chain_facts_root_at,
};

/* ---- life ---- */

/* With nothing in it. */
static int new_view(struct ate__chain *c)
{
    struct ate__view *view = NULL;
    int rc = ate__view_new(c->conf.env, &view);
    atomic_store(&c->view, view);
    return rc ? rc : ate__frontier_root(&c->tree, &c->root);
}

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
    c->rest_ms = ATE__REST_MS;
    c->image_log_min = ATE__IMAGE_LOG_MIN;
    c->check = (struct ate__task){.run = ate__chain_check_run, .user = c};
    c->lead = (struct ate__task){.run = ate__chain_lead_run, .user = c};
    c->tick = (struct ate__task){.run = ate__chain_tick_run, .user = c};
    c->imaging = (struct ate__task){.run = ate__chain_image_run, .user = c};
    if (c->conf.workers)
        ate__workers_ref(c->conf.workers);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->mutex, NULL);
    pthread_mutex_init(&c->inbox_mutex, NULL);
    pthread_mutex_init(&c->heads_mutex, NULL);
    pthread_mutex_init(&c->listeners_mutex, NULL);
    pthread_cond_init(&c->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ate__frontier_init(&c->tree);
    int rc = new_view(c);
    if (!rc)
        rc = ate__chain_image_new(c);
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    ate__heads_add(c, 0, &c->root);
    *ret_chain = c;
    return 0;
}

/* What stops the history before its end, for who opens it for reading. */
static void note_damage(struct ate__chain *c, int rc)
{
    c->read_only = true;
    if (c->damage.what != ATE_OK)
        return;
    c->damage.what = (enum ate_result)rc;
    c->damage.sequence = ate__chain_published(c);
    snprintf(c->damage.text, sizeof c->damage.text, "%s", ate__error_text());
}

/* As if nothing had been taken in. */
static int reset(struct ate__chain *c)
{
    ate__view_free(c->view);
    ate__trust_free(c->trust);
    c->trust = NULL;
    ate__free(c->firm);
    c->firm = NULL;
    c->believing.limited = false;
    ate__frontier_init(&c->tree);
    c->root_time_us = c->judged_us = 0;
    c->head_count = 0;
    c->unbelieved = false;
    atomic_store(&c->believed_from, 0);
    atomic_store(&c->believed_cut_off, 0);
    atomic_store(&c->certified_by_key, false);
    int rc = new_view(c);
    if (!rc)
        ate__heads_add(c, 0, &c->root);
    return rc;
}

/* The log above the image, or all of it. Where that is not believed, the image is not either. */
static int replay(struct ate__chain *c)
{
    int rc = ate__chain_image_load(c) ? 0 : reset(c);
    if (rc)
        return rc;
    uint64_t from = c->tree.size;
    rc = ate__chain_replay(c, from);
    if (rc <= 0 || !from)
        return rc;
    ate__chain_image_forget(c);
    rc = reset(c);
    return rc ? rc : ate__chain_replay(c, 0);
}

/* What stopped the history keeps its sentence. */
static int believe(struct ate__chain *c, unsigned flags)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    int rc = ate__believe_open(c, flags);
    if (!rc)
        ate__error_set(text);
    return rc;
}

static int open_chain(struct ate__chain *c, unsigned flags)
{
    struct ate__storage *s = c->storage;
    struct ate__storage_state state;
    s->v->state(s, &state);
    c->generation = state.generation;
    s->v->tiles_hold(s, ate__chain_tile_leaves, c);
    int rc = replay(c), believed = 0;
    s->v->damage(s, &c->damage);
    c->read_only = true;
    if (rc >= 0)
        believed = believe(c, flags);
    if (!rc || believed < 0)
        rc = believed;
    bool bearable =
        rc == ATE_TAMPERED || rc == ATE_UNSUPPORTED || rc == ATE_MALFORMED || rc == ATE_UNTRUSTED;
    if (bearable && flags & ATE__STORAGE_READ && ate__chain_published(c) && !c->unbelieved) {
        note_damage(c, rc);
        rc = 0;
    }
    return rc;
}

static int open_new(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                    unsigned flags, bool part, struct ate__chain **ret_chain)
{
    struct ate__chain *c;
    int rc = new_chain(conf, take_storage, &c);
    if (rc)
        return rc;
    c->part = part;
    rc = open_chain(c, flags);
    c->conf.progress = NULL; /* of the call that opens, and of no other */
    c->conf.image_secrets = NULL;
    c->conf.image_secret_count = 0;
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    *ret_chain = c;
    return 0;
}

int ate__chain_open(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                    unsigned flags, struct ate__chain **ret_chain)
{
    return open_new(conf, take_storage, flags, false, ret_chain);
}

int ate__chain_open_part(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                         struct ate__chain **ret_chain)
{
    return open_new(conf, take_storage, 0, true, ret_chain);
}

int ate__chain_begin(struct ate__chain *c)
{
    struct ate__storage_state state;
    struct ate__storage *s = c->storage;
    int rc = s->v->begin(s);
    if (!rc && c->firm)
        rc = ate__chain_place_moved(c);
    if (rc)
        return rc;
    ate__free(c->firm);
    c->firm = NULL;
    rc = s->v->tiles_release(s);
    /* Without room for them it goes on all the same: they are written by a later open. */
    if (rc && rc != ATE_E_NO_SPACE)
        return rc;
    s->v->state(s, &state);
    c->full = state.full;
    if (c->damage.what == ATE_OK) {
        s->v->damage(s, &c->damage);
        c->read_only = !state.writable;
    }
    return ate__auto_begin(c, &c->compacts);
}

static int begin_trust(struct ate__chain *c, struct ate_bytes genesis_tx)
{
    struct ate__storage_state state;
    enum ate__hash_alg alg;
    struct ate__tx tx;
    int rc = ate__tx_genesis_alg(genesis_tx, &alg);
    if (!rc)
        rc = ate__tx_decode(genesis_tx, alg, &tx);
    if (rc)
        return rc;
    rc = ate__trust_new(c->conf.env, &tx, &c->trust);
    ate__tx_deinit(&tx);
    c->storage->v->state(c->storage, &state);
    if (!rc && state.size)
        rc = ate__fail(ATE_EXISTS, "the log holds a chain already");
    if (!rc && !ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))
        rc = ate__fail(ATE_WRONG_CHAIN, "the log is labelled with another chain id");
    return rc;
}

int ate__chain_create(const struct ate__chain_conf *conf, struct ate__storage *take_storage,
                      struct ate_bytes genesis_tx, struct ate__chain **ret_chain)
{
    struct ate__chain *c;
    int rc = new_chain(conf, take_storage, &c);
    if (rc)
        return rc;
    c->conf.progress = NULL;
    c->conf.image_secrets = NULL;
    c->conf.image_secret_count = 0;
    c->storage->v->tiles_hold(c->storage, ate__chain_tile_leaves, c); /* for compaction */
    rc = c->storage->v->tiles_release(c->storage);
    if (!rc)
        rc = begin_trust(c, genesis_tx);
    if (!rc)
        rc = ate__believe_create(c);
    if (!rc) {
        struct ate__offer offer = {.encoded = genesis_tx, .waits = true, .timeout_ms = -1};
        ate__chain_wait(c, &offer);
        if (offer.result == ATE_UNKNOWN) /* the log has recovered meanwhile, and knows */
            ate__chain_wait(c, &offer);
        rc = offer.result == ATE_UNKNOWN ? ATE_E_IO : offer.result;
        rc = rc ? ate__fail(rc, "%s", offer.text) : 0;
    }
    if (!rc && conf->sync != ATE__SYNC_ALWAYS) /* whatever may be lost later, the chain is there */
        rc = c->storage->v->sync(c->storage);
    if (!rc)
        rc = ate__auto_begin(c, &c->compacts);
    if (rc) {
        ate__chain_close(c);
        return rc;
    }
    *ret_chain = c;
    return 0;
}

/* Neither queued nor running any more. One that is both is taken back, then waited for. */
static void stop_task(struct ate__chain *c, struct ate__task *task)
{
    while (ate__workers_cancel(c->conf.workers, task))
        ;
}

/* What was accepted is written, and what was offered gets its answer. */
static void finish_all(struct ate__chain *c)
{
    pthread_mutex_lock(&c->mutex);
    c->closing = true; /* no task is submitted from now on */
    pthread_mutex_unlock(&c->mutex);
    if (c->conf.workers) {
        stop_task(c, &c->tick);
        stop_task(c, &c->check);
        stop_task(c, &c->lead);
        stop_task(c, &c->imaging);
    }
    pthread_mutex_lock(&c->mutex);
    ate__chain_check_inbox(c);
    while (c->ordered.first) {
        ate__chain_lead(c);
        ate__chain_check_inbox(c);
    }
    while (c->asking)
        pthread_cond_wait(&c->room, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}

void ate__chain_compact_stop(struct ate__chain *c)
{
    ate__auto_end(ate__steal(&c->compacts));
}

void ate__chain_close(struct ate__chain *c)
{
    if (!c)
        return;
    ate__chain_compact_stop(c);
    finish_all(c);
    ate__assert(!c->leading && !c->listeners);
    ate__chain_image_close(c);
    ate__chain_image_free(c);
    ate__believe_close(c);
    ate__workers_unref(c->conf.workers);
    ate__chain_end_views(c);
    ate__view_free(c->view);
    ate__trust_free(c->trust);
    c->storage->v->close(c->storage);
    ate__group_space_deinit(&c->group_space);
    ate__free(c->firm);
    pthread_mutex_destroy(&c->mutex);
    pthread_mutex_destroy(&c->inbox_mutex);
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

/* ---- following ---- */

struct history {
    ate__history_fn *each;
    void *arg;
};

static int history_record(void *arg, const struct ate__record_out *record)
{
    const struct history *h = arg;
    if (record->identity)
        return 0;
    return h->each(h->arg, &(struct ate__history_record){record->sequence, record->root_time_us,
                                                         record->body, record->last_in_group});
}

int ate__chain_history(struct ate__chain *c, uint64_t from, uint64_t to, ate__history_fn *each,
                       void *arg)
{
    struct history h = {each, arg};
    uint64_t published = ate__chain_published(c);
    if (to > published)
        to = published;
    if (from >= to)
        return 0;
    return c->storage->v->scan(c->storage, from, to, &(struct ate__scan){NULL, history_record, &h});
}

void ate__chain_listen(struct ate__chain *c, struct ate__listener *l)
{
    l->left_view = NULL;
    l->left_nothing = false;
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
    struct ate__view_snapshot left;
    if (!ate__chain_left(c, l, &left))
        ate__chain_view_end(c, &left);
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

static int take_event(struct ate__chain *c, const struct ate__view_body *body, size_t at,
                      struct ate__buf *buf, struct ate__event *ret_event)
{
    int rc = ate__event_decode(ate__bytes(buf->data + at, buf->size - at), ate__trust_alg(c->trust),
                               ret_event);
    return !rc && !ate__hash_equal(&ret_event->hash, &body->hash) ? ATE_TAMPERED : rc;
}

/* The event where the view says that it is. */
static int read_event(struct ate__chain *c, const struct ate__view_body *body, struct ate__buf *buf,
                      struct ate__event *ret_event)
{
    size_t at = buf->size;
    int rc = c->storage->v->read_part(c->storage, body->sequence, &body->position, body->offset,
                                      body->size, buf);
    return rc ? rc : take_event(c, body, at, buf, ret_event);
}

/* The event of that hash, wherever the log has the transaction by now. */
static int search_event(struct ate__chain *c, const struct ate__view_body *body,
                        struct ate__buf *buf, struct ate__event *ret_event)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf record = ATE__BUF_NULL;
    struct ate__tx tx;
    size_t at = buf->size;
    int rc = c->storage->v->load(c->storage, body->sequence, NULL, &record);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&record), ate__trust_alg(c->trust), &tx);
    if (rc)
        return rc;
    rc = ATE_TAMPERED;
    for (uint32_t i = 0; i < tx.event_count && rc == ATE_TAMPERED; i++)
        if (tx.events[i].form != ATE__DROPPED && ate__hash_equal(&tx.events[i].hash, &body->hash))
            rc = ate__buf_append(buf, tx.events[i].whole);
    ate__tx_deinit(&tx);
    return rc ? rc : take_event(c, body, at, buf, ret_event);
}

/* Recovery and compaction may have moved it; under a weaker sync policy it may be lost. */
static int find_event(struct ate__chain *c, const struct ate__view_body *body, struct ate__buf *buf,
                      struct ate__event *ret_event)
{
    size_t at = buf->size;
    int rc = read_event(c, body, buf, ret_event);
    if (rc > 0) {
        buf->size = at;
        rc = search_event(c, body, buf, ret_event);
    }
    if (rc)
        buf->size = at;
    if (rc == ATE_NOT_FOUND)
        return ate__fail(ATE_E_IO, "transaction %llu: the disk lost it after it was shown",
                         (unsigned long long)body->sequence);
    if (rc > 0)
        return ate__fail(ATE_TAMPERED,
                         "transaction %llu: it was changed on the disk since it was verified",
                         (unsigned long long)body->sequence);
    return rc;
}

int ate__chain_body_event(struct ate__chain *c, const struct ate__view_body *body,
                          struct ate__buf *buf, struct ate__event *ret_event,
                          struct ate__authors *ret_authors)
{
    struct ate__event event;
    size_t at = buf->size;
    int rc = find_event(c, body, buf, &event);
    if (!rc && ret_authors)
        rc = authors_of(c, body, ret_authors);
    if (!rc)
        *ret_event = event;
    else
        buf->size = at;
    return rc;
}

int ate__chain_event(struct ate__chain *c, const struct ate__view_snapshot *s,
                     const struct ate_id *id, struct ate__buf *buf, struct ate__event *ret_event,
                     struct ate__authors *ret_authors)
{
    struct ate__view_body body;
    int rc = ate__view_body(s, id, &body);
    if (!rc)
        rc = ate__chain_body_event(c, &body, buf, ret_event, ret_authors);
    if (rc > 0 && (s->view != c->view || c->replacing))
        return ate__fail(ATE_STALE,
                         "transaction %llu: it is not in the state that took the place "
                         "of the one that is read: refresh",
                         (unsigned long long)body.sequence);
    return rc;
}
