/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client.c: a remote chain: opening it, its life, and the loop's side: what struct ate__client asks
 * for, and what it tells. client_pipe.c is the callers' side.
 */
#include "mesh/client.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"
#include "chain/believe.h"
#include "mesh/client_remote.h"
#include <stdio.h>

static struct ate__remote *remote_of(struct ate__client_driver *d)
{
    return ATE__CONTAINER(d, struct ate__remote, driver);
}

static void tell_moved(struct ate__remote *r)
{
    r->moves++;
    pthread_cond_broadcast(&r->moved);
}

/* ---- the driver: the loop's thread ---- */

static int drive_connect(struct ate__client_driver *d, const struct ate__link_events *events,
                         void *owner, struct ate__link **ret_link)
{
    struct ate__remote *r = remote_of(d);
    struct ate__tcp_conf conf = {
        .hello = ate__hello_ours(),
        .limits = r->conf.limits,
        .no_wire_encryption = r->conf.no_wire_encryption,
        .lookup = r->lookup,
    };
    int rc = ate__tcp_connect(r->loop, &r->conf.addr, &conf, events, owner, ret_link);
    r->link = rc ? NULL : *ret_link;
    return rc;
}

static void drive_wake_at(struct ate__client_driver *d, uint64_t due_ms)
{
    struct ate__remote *r = remote_of(d);
    uint64_t now = ate__monotonic_ms(r->conf.env);
    if (due_ms == UINT64_MAX)
        ate__loop_timer_stop(r->timer);
    else
        ate__loop_timer_start(r->timer, due_ms > now ? due_ms - now : 0);
}

/* The first genesis that comes makes the trust state. */
static int take_genesis(struct ate__remote *r, const struct ate__msg_opened *m)
{
    int rc = ate__tx_genesis_alg(m->genesis, &r->alg);
    if (!rc)
        rc = ate__buf_append(&r->genesis_bytes, m->genesis);
    if (!rc)
        rc = ate__tx_decode(ate__buf_bytes(&r->genesis_bytes), r->alg, &r->genesis_tx);
    if (!rc)
        rc = ate__trust_new(r->conf.env, &r->genesis_tx, &r->trust);
    if (!rc && !ate__hash_equal(&m->chain_id, ate__trust_chain_id(r->trust)))
        rc = ate__fail(ATE_BAD_PEER, "OPENED: the genesis is that of another chain");
    if (rc) {
        ate__trust_free(ate__steal(&r->trust));
        ate__tx_deinit(&r->genesis_tx);
        ate__buf_clear(&r->genesis_bytes);
        return rc;
    }
    r->chain_id = m->chain_id;
    ate__thin_chain_init(&r->thin, r->trust, &r->genesis_tx, m->genesis_time_us, r->conf.workers);
    return 0;
}

static int check_genesis(struct ate__remote *r, const struct ate__msg_opened *m)
{
    char ours[ATE__HASH_TEXT], theirs[ATE__HASH_TEXT];
    struct ate_hash leaf;
    if (!ate__hash_equal(&m->chain_id, &r->chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "%s: the chain %s lies there now, and it was %s", r->peer,
                         ate__hash_text(&m->chain_id, theirs), ate__hash_text(&r->chain_id, ours));
    int rc = ate__tx_leaf(&r->genesis_tx, r->alg, 0, m->genesis_time_us, &leaf);
    if (!rc)
        rc = ate__merkle_check_inclusion(&leaf, 0, m->head.size, &m->inclusion, &m->head.root);
    if (rc == ATE_TAMPERED)
        return ate__fail(rc, "%s: the history of %llu transactions does not begin with the genesis",
                         r->peer, (unsigned long long)m->head.size);
    return rc;
}

static int drive_opened(struct ate__client_driver *d, const struct ate__msg_opened *m)
{
    struct ate__remote *r = remote_of(d);
    int rc = r->trust ? 0 : take_genesis(r, m);
    if (!rc)
        rc = check_genesis(r, m);
    if (!rc && ate__remote_attests(r) && !r->link->encrypted)
        rc = ate__fail(ATE_UNTRUSTED,
                       "%s: the chain is centralized, and is spoken of over TLS alone", r->peer);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->mutex);
    r->pin = r->link->pin;
    r->opened = true;
    r->read_only = m->read_only;
    r->opened_size = m->head.size;
    r->weak = m->weak_sync;
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static int drive_possess(struct ate__client_driver *d, const struct ate__client_ask *ask,
                         struct ate__wr *w, struct ate__client_said *ret_said)
{
    return ate__remote_possess(remote_of(d), ask, w, ret_said);
}

static int drive_prove(struct ate__client_driver *d, const struct ate__possession *of,
                       const struct ate_hash *fingerprint, struct ate__wr *w)
{
    return ate__remote_prove(remote_of(d), of, fingerprint, w);
}

/* `newest` of a thin chain, or what a mirror has taken in. */
static void advance(struct ate__remote *r, const struct ate__head *newest, bool firm)
{
    pthread_mutex_lock(&r->mutex);
    bool newer = newest->size > r->newest.size;
    r->newest = *newest;
    firm = firm && r->trusted;
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    if (newer && firm && r->conf.advanced)
        r->conf.advanced(r->conf.arg, &r->chain_id, newest->size, &newest->root);
}

static void drive_advanced(struct ate__client_driver *d, const struct ate__head *newest, bool firm)
{
    advance(remote_of(d), newest, firm);
}

/* Nothing is left to be taken in after the end: who listens to a mirror is told that. */
static void tell_ended(struct ate__remote *r)
{
    struct ate__head ignored;
    pthread_mutex_lock(&r->mutex);
    bool tell = r->final && r->trusted && r->mirror;
    pthread_mutex_unlock(&r->mutex);
    if (tell && ate__mirror_subscribe(r->mirror, &ignored))
        ate__chain_tell(ate__mirror_chain(r->mirror));
}

int ate__remote_ended(struct ate__pipe *p)
{
    struct ate__remote *r = ate__remote_of(p);
    struct ate__head ignored;
    bool idle = !r->mirror || ate__mirror_subscribe(r->mirror, &ignored);
    pthread_mutex_lock(&r->mutex);
    int rc = r->final && idle ? ate__fail(r->result, "%s", r->text) : 0;
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static void drive_final(struct ate__client_driver *d, int result, const char *text)
{
    struct ate__remote *r = remote_of(d);
    pthread_mutex_lock(&r->mutex);
    r->final = true;
    r->result = result;
    snprintf(r->text, sizeof r->text, "%s", text);
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    tell_ended(r);
}

static int drive_destroyed(struct ate__client_driver *d, struct ate_bytes statement)
{
    struct ate__remote *r = remote_of(d);
    pthread_mutex_lock(&r->mutex);
    r->pin = r->link->pin;
    pthread_mutex_unlock(&r->mutex);
    return ate__remote_destroyed(r, statement);
}

static int drive_note(struct ate__client_driver *d, const struct ate__msg_note *m)
{
    return ate__remote_note(remote_of(d), m);
}

static bool drive_forked(struct ate__client_driver *d, int result, const char *text)
{
    return ate__remote_forked(remote_of(d), result, text);
}

/* ---- the same of a mirror ---- */

static bool drive_subscribe(struct ate__client_driver *d, struct ate__head *ret_head)
{
    return ate__mirror_subscribe(remote_of(d)->mirror, ret_head);
}

/* What a caller is told of is also shown here: of a centralized chain what is covered. */
static uint64_t shown_size(struct ate__remote *r, uint64_t taken)
{
    return ate__remote_attests(r) ? ate__chain_believed(ate__mirror_chain(r->mirror)) : taken;
}

static int drive_subscribed(struct ate__client_driver *d, const struct ate__msg_subscribed *m)
{
    struct ate__remote *r = remote_of(d);
    int rc = ate__mirror_subscribed(r->mirror, m);
    if (rc)
        return ate__context(rc, "%s", r->peer);
    ate__client_reached(r->client, shown_size(r, ate__mirror_head(r->mirror).size));
    pthread_mutex_lock(&r->mutex);
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static int drive_resync(struct ate__client_driver *d, const struct ate__msg_resync *m)
{
    struct ate__remote *r = remote_of(d);
    int rc = ate__mirror_resync(r->mirror, m);
    if (rc)
        return ate__context(rc, "%s", r->peer);
    pthread_mutex_lock(&r->mutex);
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    return 0;
}

static int drive_remains(struct ate__client_driver *d, uint16_t type, struct ate_bytes body)
{
    struct ate__remote *r = remote_of(d);
    int rc = ate__mirror_remains(r->mirror, type, body);
    if (!rc && ate__mirror_is_full(r->mirror))
        ate__client_pause(r->client, true);
    return rc;
}

static int drive_group(struct ate__client_driver *d, struct ate_bytes body)
{
    struct ate__remote *r = remote_of(d);
    int rc = ate__mirror_group(r->mirror, body);
    if (!rc && ate__mirror_is_full(r->mirror))
        ate__client_pause(r->client, true);
    return rc;
}

static int drive_confirm(struct ate__client_driver *d, const struct ate__call *call)
{
    struct ate__remote *r = remote_of(d);
    int rc = ate__mirror_confirm(r->mirror, call);
    return rc && rc != ATE_END ? ate__context(rc, "%s", r->peer) : rc;
}

static void drive_lost(struct ate__client_driver *d)
{
    ate__mirror_lost(remote_of(d)->mirror);
}

/* A worker has taken groups in, or found out what confirm() asked. */
static void on_fed(void *arg)
{
    struct ate__remote *r = arg;
    pthread_mutex_lock(&r->mutex);
    bool post = !r->fed_posted;
    r->fed_posted = true;
    pthread_mutex_unlock(&r->mutex);
    if (post)
        ate__loop_post(r->loop, &r->fed_task);
}

static void take_confirmed(struct ate__remote *r)
{
    uint64_t ticket;
    int rc;
    while (ate__mirror_confirmed(r->mirror, &ticket, &rc))
        ate__client_confirmed(r->client, ticket, rc ? ate__context(rc, "%s", r->peer) : 0);
}

/* More of a mirror is believed. */
void ate__remote_believed(struct ate__remote *r)
{
    pthread_mutex_lock(&r->mutex);
    tell_moved(r);
    pthread_mutex_unlock(&r->mutex);
    ate__client_reached(r->client, shown_size(r, 0));
    take_confirmed(r);
}

static void take_fed(struct ate__loop_task *task)
{
    struct ate__remote *r = ATE__CONTAINER(task, struct ate__remote, fed_task);
    pthread_mutex_lock(&r->mutex);
    r->fed_posted = false;
    bool firm = !r->weak, in_use = r->trusted;
    pthread_mutex_unlock(&r->mutex);
    if (!r->client)
        return;
    struct ate__head head = ate__mirror_head(r->mirror);
    advance(r, &head, firm);
    if (!ate__mirror_is_full(r->mirror))
        ate__client_pause(r->client, false);
    ate__client_reached(r->client, shown_size(r, head.size));
    take_confirmed(r);
    ate__remote_judge(r);
    int rc = ate__mirror_failure(r->mirror);
    if (rc == ATE_E_NO_SPACE && in_use)
        ate__client_no_room(r->client, ate__error_text());
    else if (rc)
        ate__client_fail(r->client, rc, ate__error_text());
    ate__client_go_on(r->client);
    tell_ended(r);
}

static const struct ate__client_driver thin_driver = {
    .connect = drive_connect,
    .wake_at = drive_wake_at,
    .opened = drive_opened,
    .possess = drive_possess,
    .prove = drive_prove,
    .advanced = drive_advanced,
    .note = drive_note,
    .forked = drive_forked,
    .destroyed = drive_destroyed,
    .final = drive_final,
};
static const struct ate__client_driver mirror_driver = {
    .connect = drive_connect,
    .wake_at = drive_wake_at,
    .opened = drive_opened,
    .possess = drive_possess,
    .prove = drive_prove,
    .subscribe = drive_subscribe,
    .subscribed = drive_subscribed,
    .group = drive_group,
    .resync = drive_resync,
    .remains = drive_remains,
    .confirm = drive_confirm,
    .destroyed = drive_destroyed,
    .lost = drive_lost,
    .note = drive_note,
    .forked = drive_forked,
    .final = drive_final,
};

/* ---- life ---- */

static void fire(void *arg)
{
    struct ate__remote *r = arg;
    ate__client_tick(r->client);
}

static int start(void *arg)
{
    struct ate__remote *r = arg;
    struct ate__client_conf conf = {
        .env = r->conf.env,
        .path = ate__text_bytes(r->conf.addr.path),
        .genesis = r->conf.genesis,
        .remembered = {r->conf.remembered_size, r->conf.remembered_root},
        .peer = r->peer,
        .patience_ms = ATE__OPEN_PATIENCE_MS,
        .has_chain = r->conf.addr.has_chain,
        .chain = r->conf.addr.chain,
        .notes = r->conf.noted,
        .note_ms = ate__remote_note_ms(r),
    };
    struct ate__chain *mirrored = r->mirror ? ate__mirror_chain(r->mirror) : NULL;
    struct ate__trust *trust = mirrored ? ate__chain_trust(mirrored) : NULL;
    if (trust && !conf.has_chain) {
        conf.has_chain = true;
        conf.chain = *ate__trust_chain_id(trust);
    }
    int rc = ate__loop_timer_new(r->loop, fire, r, &r->timer);
    if (!rc)
        rc = ate__judging_start(r);
    if (!rc)
        rc = ate__client_new(&conf, &r->driver, &r->client);
    if (!rc)
        ate__client_start(r->client);
    return rc;
}

static int begin_judging(void *arg)
{
    ate__judging_open(arg);
    return 0;
}

static int admit(void *arg)
{
    struct ate__remote *r = arg;
    if (r->mirror && ate__remote_attests(r))
        ate__client_want_notes(r->client); /* nothing is shown without */
    ate__client_admit(r->client, r->alg);
    r->created = ate__client_created(r->client);
    return 0;
}

/* What is in the inbox is ended with the rest. */
static int stop(void *arg)
{
    struct ate__remote *r = arg;
    ate__judging_stop(r);
    if (r->client) {
        ate__remote_take_inbox(&r->submit_task);
        ate__client_end(r->client);
    }
    r->client = NULL;
    ate__loop_timer_free(r->timer);
    r->timer = NULL;
    return 0;
}

static void remote_free(struct ate__remote *r)
{
    ate__judging_deinit(r);
    if (r->trust)
        ate__thin_chain_deinit(&r->thin);
    ate__trust_free(r->trust);
    ate__tx_deinit(&r->genesis_tx);
    ate__buf_deinit(&r->genesis_bytes);
    ate__buf_deinit(&r->genesis);
    ate__lookup_free(r->lookup);
    ate__buf_deinit(&r->tombstone);
    ate__workers_unref(r->conf.workers);
    ate__session_unref(r->conf.session);
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->moved);
    ate__loop_unref(r->loop);
    ate__free(r);
}

static void free_task(struct ate__loop_task *task)
{
    remote_free(ATE__CONTAINER(task, struct ate__remote, free_task));
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Tasks of the remote that were posted run before it is freed, because what is posted last runs
 * last; on the loop's own thread nobody can wait for that. */
void ate__remote_free(struct ate__remote *r)
{
    if (!r->loop) {
        remote_free(r);
        return;
    }
    int rc = ate__loop_call(r->loop, stop, r);
    ate__judging_wait(r);
    ate__mirror_free(ate__steal(&r->mirror));
    if (ate__loop_here(r->loop)) {
        ate__loop_post(r->loop, &r->free_task);
        return;
    }
    if (!rc)
        rc = ate__loop_call(r->loop, nothing, r);
    ate__assert(!rc);
    remote_free(r);
}

static int new_remote(const struct ate__remote_conf *conf, struct ate__remote **ret_remote)
{
    struct ate__remote *r = ate__alloc(sizeof *r);
    pthread_condattr_t monotonic;
    if (!r)
        return ate__no_memory();
    r->base.v = &ate__remote_vtable;
    r->base.env = conf->env;
    r->base.remote = true;
    r->base.thin = !conf->mirror_dir && !conf->mirror_memory;
    atomic_init(&r->refs, 1);
    r->conf = *conf;
    if (conf->workers)
        ate__workers_ref(conf->workers);
    if (conf->session)
        ate__session_ref(conf->session);
    r->driver = r->base.thin ? thin_driver : mirror_driver;
    r->last_inbox = &r->inbox;
    r->submit_task.run = ate__remote_take_inbox;
    r->fed_task.run = take_fed;
    r->condemn_task.run = ate__remote_condemn;
    r->free_task.run = free_task;
    ate__remote_source(r);
    ate__judging_init(r);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool v6 = strchr(conf->addr.host, ':');
    snprintf(r->peer, sizeof r->peer, v6 ? "[%s]:%u" : "%s:%u", conf->addr.host, conf->addr.port);
    int rc = ate__buf_append(&r->genesis, conf->genesis);
    r->conf.genesis = ate__buf_bytes(&r->genesis);
    if (!rc && conf->lookup)
        rc = ate__lookup_copy(conf->lookup, &r->lookup);
    r->conf.lookup = r->lookup;
    if (!rc)
        rc = ate__loop_shared(&r->loop);
    if (rc) {
        ate__remote_free(r);
        return rc;
    }
    *ret_remote = r;
    return 0;
}

/* ---- opening ---- */

/* Whether what is waited for is there; under the mutex. */
typedef bool arrived_fn(struct ate__remote *r);

static bool was_opened(struct ate__remote *r)
{
    return r->opened;
}

static bool was_fetched(struct ate__remote *r)
{
    uint64_t target = ate__mirror_target(r->mirror);
    return target && r->newest.size >= target;
}

/* Until it is there, or the client has ended for good, or nothing has moved for timeout_ms. */
static int await(struct ate__remote *r, arrived_fn *arrived)
{
    int rc = 0;
    pthread_mutex_lock(&r->mutex);
    while (!rc && !r->final && !arrived(r)) {
        struct timespec until = {0};
        if (r->conf.timeout_ms >= 0)
            until = ate__deadline(r->conf.env, (uint64_t)r->conf.timeout_ms);
        uint64_t moves = r->moves;
        bool late = false;
        while (moves == r->moves && !late)
            if (r->conf.timeout_ms < 0)
                pthread_cond_wait(&r->moved, &r->mutex);
            else
                late = pthread_cond_timedwait(&r->moved, &r->mutex, &until);
        if (late)
            rc = ate__fail(r->opened ? ATE_TIMEOUT : ATE_OFFLINE,
                           "%s: the server did not answer within %d ms", r->peer,
                           r->conf.timeout_ms);
        uint64_t done = r->newest.size;
        pthread_mutex_unlock(&r->mutex);
        if (r->conf.progress && r->mirror && ate__mirror_target(r->mirror))
            r->conf.progress(r->conf.progress_arg, "fetch", done, ate__mirror_target(r->mirror));
        pthread_mutex_lock(&r->mutex);
    }
    if (!rc && r->final)
        rc = ate__fail(r->result, "%s", r->text);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int new_mirror(struct ate__remote *r)
{
    struct ate__mirror_conf conf = {
        .env = r->conf.env,
        .workers = r->conf.workers,
        .dir = r->conf.mirror_dir,
        .remembered = {r->conf.remembered_size, r->conf.remembered_root},
        .bytes_max = r->conf.fetch_bytes_max,
        .progress = r->conf.progress,
        .progress_arg = r->conf.progress_arg,
        .image_secrets = r->conf.image_secrets,
        .image_secret_count = r->conf.image_secret_count,
        .fed = on_fed,
        .arg = r,
    };
    int rc = ate__mirror_new(&conf, &r->mirror);
    if (!rc && ate__mirror_chain(r->mirror))
        r->newest = ate__mirror_head(r->mirror);
    return rc;
}

static bool was_believed(struct ate__remote *r)
{
    return ate__chain_believed(ate__mirror_chain(r->mirror)) >= ate__mirror_target(r->mirror);
}

static int ask_anchor(struct ate__remote *r, struct ate__trust *trust, bool whole)
{
    return r->conf.anchor ? r->conf.anchor(r->conf.arg, trust, whole) : 0;
}

static int check_anchor(struct ate__remote *r, struct ate__trust *trust)
{
    int rc = ask_anchor(r, trust, true);
    if (rc)
        return rc;
    pthread_mutex_lock(&r->mutex);
    r->trusted = true;
    struct ate__head head = r->newest;
    bool tell = !r->base.thin && !r->weak && r->conf.advanced;
    pthread_mutex_unlock(&r->mutex);
    if (tell) /* what was fetched before it was trusted */
        r->conf.advanced(r->conf.arg, &r->chain_id, head.size, &head.root);
    return 0;
}

/* Nothing is sent beyond OPEN before the chain is known to be the one that is wanted. */
static int open_thin(struct ate__remote *r)
{
    struct ate__receipt ignored;
    int rc = check_anchor(r, r->trust);
    if (!rc)
        rc = ate__loop_call(r->loop, admit, r);
    if (!rc && r->conf.remembered_size) /* the proof that it goes on from there */
        rc = ate__pipe_sync(&r->base, &ignored);
    return rc;
}

static int open_mirror(struct ate__remote *r)
{
    int rc = ask_anchor(r, r->trust, false);
    if (!rc)
        rc = ate__mirror_prepare(r->mirror, &r->chain_id);
    if (!rc)
        rc = ate__loop_call(r->loop, admit, r);
    if (!rc)
        rc = await(r, was_fetched);
    if (!rc)
        rc = ate__mirror_check_remembered(r->mirror);
    return rc ? rc : check_anchor(r, ate__chain_trust(ate__mirror_chain(r->mirror)));
}

/* Of a centralized chain nothing is shown before a log key in force has signed it. */
static int await_covered(struct ate__remote *r)
{
    int rc = await(r, was_believed);
    return rc == ATE_TIMEOUT ? ate__fail(ATE_UNTRUSTED,
                                         "%s: no log key of the chain has signed what it sends, "
                                         "within %d ms",
                                         r->peer, r->conf.timeout_ms)
                             : rc;
}

static int open_all(struct ate__remote *r)
{
    int rc = r->base.thin ? 0 : new_mirror(r);
    if (!rc)
        rc = ate__loop_call(r->loop, start, r);
    if (!rc)
        rc = await(r, was_opened);
    if (!rc)
        rc = r->base.thin ? open_thin(r) : open_mirror(r);
    if (!rc)
        rc = ate__loop_call(r->loop, begin_judging, r);
    return !rc && r->mirror && ate__remote_attests(r) ? await_covered(r) : rc;
}

int ate__remote_open(const struct ate__remote_conf *conf, struct ate__pipe **ret_pipe)
{
    struct ate__remote *r = NULL;
    int rc = new_remote(conf, &r);
    if (rc)
        return rc;
    if (ate__loop_here(r->loop))
        rc = ate__fail(ATE_WOULD_DEADLOCK, "a call that waits, inside a callback of the network");
    if (!rc)
        rc = open_all(r);
    if ((rc == ATE_NOT_FOUND || rc == ATE_DENIED) && r->tombstone.size)
        rc = ate__remote_judge_destroyed(r);
    if (rc) {
        char text[ATE__ERROR_SIZE];
        snprintf(text, sizeof text, "%s", ate__error_text());
        ate__remote_free(r);
        return ate__fail(rc, "%s", text);
    }
    *ret_pipe = &r->base;
    return 0;
}
