/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin_feed.c: sink and index: a thread for each open chain that tells its plug-ins what was
 * published, in order, out of the log. One that is slow holds up nobody but itself: what it has not
 * been told yet lies in the log.
 */
#include "api/plugin.h"
#include "ate/history.h"
#include "base/thread.h"
#include "mesh/server.h"
#include <stdio.h>

#define STOPPED UINT64_MAX

struct told { /* how far; STOPPED: no further */
    uint64_t sink, index;
};
struct ate__feed {
    struct ate__feed_conf conf;
    struct ate__listener listener;
    pthread_t thread;
    struct told *told; /* of each plug-in of the set; the thread's alone */
    pthread_mutex_t mutex; /* protects what follows */
    pthread_cond_t wake;
    uint64_t size; /* published */
    bool ending;
};

static bool is_ending(struct ate__feed *f)
{
    pthread_mutex_lock(&f->mutex);
    bool ending = f->ending;
    pthread_mutex_unlock(&f->mutex);
    return ending;
}

/* It is told no more of this chain. */
static void stop(struct ate__feed *f, uint64_t *told, const char *what)
{
    char line[ATE__ERROR_SIZE + 64];
    *told = STOPPED;
    snprintf(line, sizeof line, "%s: %s stopped: %s", f->conf.name, what, ate__error_text());
    if (f->conf.log)
        f->conf.log(f->conf.log_arg, line);
}

/* ---- sink ---- */

struct sinking {
    struct ate__feed *f;
    struct ate_plugin *p;
    uint64_t *told;
    bool refused; /* by the plug-in, with whatever result */
};

static int sink_record(void *arg, const struct ate__history_record *record)
{
    struct sinking *s = arg;
    struct ate__trust *trust = ate__chain_trust(s->f->conf.chain);
    struct ate__plugin_view view;
    struct ate__tx tx;
    char text[ATE_PLUGIN_TEXT] = "";
    if (is_ending(s->f))
        return ATE_CANCELED;
    int rc = ate__tx_decode(record->body, ate__trust_alg(trust), &tx);
    if (rc)
        return rc;
    rc = ate__plugin_view_init(&view, trust, s->f->conf.name, &tx, false);
    if (!rc) {
        view.txn.sequence = record->sequence;
        view.txn.time_ns = ate__ns_of(record->root_time_us);
        pthread_mutex_lock(&s->p->telling);
        rc = s->p->v->sink(s->p->state, &view.txn, text);
        pthread_mutex_unlock(&s->p->telling);
        s->refused = rc != 0;
        rc = rc ? ate__plugin_refused(s->p, rc, text) : 0;
    }
    ate__plugin_view_deinit(&view);
    ate__tx_deinit(&tx);
    if (!rc)
        *s->told = record->sequence + 1;
    return rc;
}

static void tell_sink(struct ate__feed *f, struct ate_plugin *p, uint64_t *told, uint64_t size)
{
    struct sinking s = {f, p, told, false};
    int rc = ate__chain_history(f->conf.chain, *told, size, sink_record, &s);
    if (!rc)
        *told = size;
    else if (s.refused || rc != ATE_CANCELED)
        stop(f, told, "sink");
}

/* ---- index ---- */

static int index_event(struct ate__feed *f, struct ate_plugin *p, struct ate_history *h,
                       const struct ate_history_txn *txn, size_t i)
{
    const struct ate_history_event *e = &txn->events[i];
    char text[ATE_PLUGIN_TEXT] = "";
    struct ate_object object;
    struct ate_plugin_chain chain = {ate_chain_id(f->conf.handle), f->conf.name};
    struct ate_plugin_change change = {
        .chain = &chain,
        .sequence = txn->sequence,
        .change = e->kind == ATE_EVENT_TOMBSTONE ? ATE_DELETED
                  : e->creates                   ? ATE_CREATED
                                                 : ATE_UPDATED,
        .id = e->id,
        .parent = e->parent,
        .name = e->name,
        .type = e->type,
    };
    if (e->kind == ATE_EVENT_BODY && e->readable && e->has_payload) {
        int rc = ate_history_load(h, i, &object);
        if (rc < 0)
            return rc;
        if (!rc) {
            change.payload = object.payload;
            change.encoding = object.encoding;
        }
    }
    pthread_mutex_lock(&p->telling);
    int rc = p->v->index(p->state, &change, text);
    pthread_mutex_unlock(&p->telling);
    return rc ? ate__plugin_refused(p, rc, text) : 0;
}

static int index_txn(struct ate__feed *f, struct ate_plugin *p, struct ate_history *h,
                     const struct ate_history_txn *txn)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < txn->event_count; i++)
        if (txn->events[i].kind == ATE_EVENT_BODY || txn->events[i].kind == ATE_EVENT_TOMBSTONE)
            rc = index_event(f, p, h, txn, i);
    return rc;
}

static void tell_index(struct ate__feed *f, struct ate_plugin *p, uint64_t *told)
{
    struct ate_history *h = NULL;
    struct ate_history_txn txn;
    bool at_end = true; /* END would be the history's own */
    int rc = ate_history_start(f->conf.handle, NULL, *told, &h);
    while (!rc && !is_ending(f) && !(rc = ate_history_next(h, &txn))) {
        rc = index_txn(f, p, h, &txn);
        if (rc)
            at_end = false;
        else
            *told = txn.sequence + 1;
    }
    if (rc && !(rc == ATE_END && at_end))
        stop(f, told, "index");
    ate_history_end(h);
}

/* ---- the thread ---- */

static void tell_all(struct ate__feed *f, uint64_t size)
{
    const struct ate__plugin_set *set = f->conf.set;
    for (size_t i = 0; i < set->count && !is_ending(f); i++) {
        struct told *told = &f->told[i];
        if (told->sink < size)
            tell_sink(f, set->items[i], &told->sink, size);
        if (told->index < size)
            tell_index(f, set->items[i], &told->index);
    }
}

static void ask_from(struct ate__feed *f, uint64_t size)
{
    const struct ate__plugin_set *set = f->conf.set;
    struct ate_plugin_chain chain = {*ate__trust_chain_id(ate__chain_trust(f->conf.chain)),
                                     f->conf.name};
    for (size_t i = 0; i < set->count; i++) {
        struct ate_plugin *p = set->items[i];
        pthread_mutex_lock(&p->telling);
        uint64_t from = p->v->from ? p->v->from(p->state, &chain, size) : size;
        pthread_mutex_unlock(&p->telling);
        f->told[i] = (struct told){p->v->sink ? from : STOPPED,
                                   p->v->index && f->conf.handle ? from : STOPPED};
    }
}

static void *feed(void *arg)
{
    struct ate__feed *f = arg;
    pthread_mutex_lock(&f->mutex);
    uint64_t told = f->size;
    pthread_mutex_unlock(&f->mutex);
    ask_from(f, told);
    tell_all(f, told);
    for (;;) {
        pthread_mutex_lock(&f->mutex);
        while (!f->ending && f->size == told)
            pthread_cond_wait(&f->wake, &f->mutex);
        told = f->size;
        bool ending = f->ending;
        pthread_mutex_unlock(&f->mutex);
        if (ending)
            return NULL;
        tell_all(f, told);
    }
}

static void published(struct ate__listener *l, uint64_t size)
{
    struct ate__feed *f = l->user;
    pthread_mutex_lock(&f->mutex);
    f->size = size;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->mutex);
}

static void feed_free(struct ate__feed *f)
{
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->mutex);
    ate__free(f->told);
    ate__free(f);
}

int ate__feed_start(const struct ate__feed_conf *conf, struct ate__feed **ret_feed)
{
    struct ate__feed *f = ate__alloc(sizeof *f);
    if (!f)
        return ate__no_memory();
    f->conf = *conf;
    f->size = ate__chain_published(conf->chain);
    f->listener = (struct ate__listener){.published = published, .user = f};
    f->told = ate__alloc_array(conf->set->count, sizeof *f->told);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->wake, NULL);
    int rc = f->told ? 0 : ate__no_memory();
    if (!rc) {
        ate__chain_listen(conf->chain, &f->listener);
        int error = ate__thread_start(&f->thread, NULL, feed, f);
        if (error) {
            ate__chain_unlisten(conf->chain, &f->listener);
            rc = ate__fail_errno(error, "a thread for plug-ins");
        }
    }
    if (rc) {
        feed_free(f);
        return rc;
    }
    *ret_feed = f;
    return 0;
}

void ate__feed_end(struct ate__feed *f)
{
    if (!f)
        return;
    ate__chain_unlisten(f->conf.chain, &f->listener);
    pthread_mutex_lock(&f->mutex);
    f->ending = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->thread, NULL);
    feed_free(f);
}

/* ---- a server's ---- */

static void log_host(void *arg, const char *line)
{
    const struct ate__plugin_host *h = arg;
    if (h->log)
        h->log(h->log_arg, 1, line);
}

static int attach(void *arg, const char *path, struct ate__chain *chain, void **ret_attached)
{
    struct ate__plugin_host *h = arg;
    struct ate__feed *f = NULL;
    int rc = ate__feed_start(&(struct ate__feed_conf){h->set, chain, NULL, path, log_host, h}, &f);
    if (!rc)
        *ret_attached = f;
    return rc;
}

static void detach(void *attached)
{
    ate__feed_end(attached);
}

int ate__plugin_host_init(struct ate__plugin_host *ret_host, struct ate_plugin *const *plugins,
                          size_t count, struct ate__server_conf *conf)
{
    *ret_host = (struct ate__plugin_host){.log = conf->log, .log_arg = conf->log_arg};
    int rc = ate__plugin_set_new(plugins, count, &ret_host->set);
    if (rc || !ret_host->set)
        return rc;
    conf->plugins = &ret_host->set->hooks;
    if (!ate__plugin_set_listens(ret_host->set))
        return 0;
    conf->attach = attach;
    conf->detach = detach;
    conf->attach_arg = ret_host;
    return 0;
}
