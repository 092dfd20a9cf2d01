/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_hosted.c: the chains that are open: each path once, whoever asks at the same time.
 *
 *     state     becomes   when                                       by
 *     SHUT      OPENING   somebody waits                             next_step()
 *     OPENING   OPEN      the open or creation succeeded             opening_done()
 *     OPENING   SHUT      it failed; those who waited for an open    opening_done()
 *                         are told
 *     OPEN      CLOSING   no stream for idle_ms, or the server ends  close_chain()
 *                         or it was destroyed
 *     CLOSING   SHUT      it is closed                               closing_done()
 *
 * What is SHUT with nobody waiting is freed. While it is OPENING or CLOSING its job is under way
 * and nothing else touches `pipe` and `chain`.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/name.h"
#include "base/text.h"
#include "chain/destroy.h"
#include "mesh/server_private.h"

/* --- what opens, on a thread of `opens` --- */

static int host_key(void *arg, bool make, struct ate__host_key **ret_key)
{
    (void)make;
    *ret_key = ate__host_key_ref(arg);
    return 0;
}

static struct ate__local_conf local_conf(struct ate__hosted *h)
{
    const struct ate__server *s = h->server;
    bool imaged = s->conf.host_key && !s->conf.no_view_image;
    return (struct ate__local_conf){
        .chain = {.env = s->conf.env,
                  .workers = s->chains,
                  .sync = s->conf.sync,
                  .sync_interval_ms = s->conf.sync_interval_ms,
                  .segment_bytes = s->conf.segment_bytes,
                  .compact = ate__compact_conf_of(h),
                  .plugins = s->conf.plugins,
                  .image_secrets = imaged ? ate__host_key_image(s->conf.host_key) : NULL,
                  .image_secret_count = imaged,
                  .host_key = s->conf.host_key ? host_key : NULL,
                  .host_key_arg = s->conf.host_key},
        .name = h->path,
    };
}

/* The pipe is there: what goes with it. */
static int attach(struct ate__hosted *h)
{
    struct ate__chain *chain = ate__local_chain(h->pipe);
    const struct ate__server_conf *conf = &h->server->conf;
    int rc = ate__recent_new(chain, ATE__RECENT_BYTES, &h->recent);
    if (!rc && conf->attach) {
        rc = conf->attach(conf->attach_arg, h->path, chain, &h->attached);
        if (rc)
            ate__recent_free(ate__steal(&h->recent));
    }
    if (rc) {
        h->pipe->v->unref(h->pipe);
        h->pipe = NULL;
        return rc;
    }
    h->chain = chain;
    return 0;
}

/* NULL: it is not. */
static const char *why_for_reading(int rc)
{
    switch (rc) {
    case ATE_TAMPERED:
    case ATE_UNSUPPORTED:
    case ATE_MALFORMED: return "is damaged";
    case ATE_UNTRUSTED:
    case ATE_NO_KEY: return "cannot be written here";
    default: return NULL;
    }
}

/* What is damaged is opened again for reading, up to the damage; and what is not to be written
 * with what this machine has (chain/believe.h). */
static int open_there(struct ate__hosted *h, struct ate__dir *dir)
{
    const struct ate__local_conf conf = local_conf(h);
    struct ate__storage_damage damage;
    int rc = ate__local_open_dir(&conf, dir, 0, &h->pipe);
    const char *why = why_for_reading(rc);
    if (why) {
        ate__server_log(h->server, ATE__LOG_ERROR, "%s %s, and is served for reading: %s", h->path,
                        why, ate__error_text());
        rc = ate__local_open_dir(&conf, dir, ATE__STORAGE_READ, &h->pipe);
    }
    if (rc)
        return rc;
    rc = attach(h);
    if (rc)
        return rc;
    if (h->pipe->v->damage(h->pipe, &damage))
        ate__server_log(h->server, ATE__LOG_ERROR, "%s: damage at transaction %llu: %s", h->path,
                        (unsigned long long)damage.sequence, damage.text);
    else if (damage.trimmed_bytes)
        ate__server_log(h->server, ATE__LOG_WARNING, "%s: a torn tail of %llu bytes was set aside",
                        h->path, (unsigned long long)damage.trimmed_bytes);
    return 0;
}

static int check_centralized(const struct ate__hosted *h, const struct ate__trust *trust)
{
    if (ate__trust_genesis(trust)->mode == ATE__CENTRALIZED && !h->creator->encrypted)
        return ate__fail(ATE_NO_ACCESS, "a centralized chain is spoken of over TLS alone");
    return ate__attests_check(h->server, trust);
}

/* The trust state that the genesis makes: all of its rules hold, and it declares this path. */
static int check_genesis(struct ate__hosted *h, struct ate_bytes genesis, struct ate_hash *ret_root)
{
    struct ate__local_conf conf = local_conf(h);
    struct ate__pipe *pipe;
    conf.chain.workers = NULL;
    conf.chain.compact = (struct ate__auto_conf){.workers = NULL};
    conf.chain.plugins = NULL; /* they are asked once, when it is made */
    conf.memory = true;
    int rc = ate__local_create(&conf, NULL, genesis, &pipe);
    if (rc)
        return rc;
    struct ate__trust *trust = pipe->v->trust(pipe);
    struct ate_bytes name = ate__trust_genesis(trust)->name;
    if (!ate__trust_root_keys(trust, ret_root, 1))
        *ret_root = (struct ate_hash){{0}};
    if (!ate__bytes_equal(name, ate__text_bytes(h->path)))
        rc = ate__fail(ATE_WRONG_CHAIN, "the genesis declares the path %.*s, and was sent for %s",
                       (int)name.size, (const char *)name.data, h->path);
    if (!rc)
        rc = check_centralized(h, trust);
    pipe->v->unref(pipe);
    return rc;
}

/* The chains of LOGS, one more; they are counted when that is first asked. */
static int count_one(struct ate__server *s)
{
    uint32_t most = s->conf.server_limits.chains;
    int rc = 0;
    pthread_mutex_lock(&s->mutex);
    bool counted = s->counted;
    pthread_mutex_unlock(&s->mutex);
    size_t count = 0;
    if (!counted)
        rc = ate__home_count(&s->home, most, &count);
    if (rc)
        return rc;
    pthread_mutex_lock(&s->mutex);
    if (!s->counted)
        s->chain_count = count;
    s->counted = true;
    if (s->chain_count >= most)
        rc = ate__fail(ATE_BUSY, "this server has %zu chains; the limit is %u (chains)",
                       s->chain_count, most);
    else
        s->chain_count++;
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

static void count_off(struct ate__server *s)
{
    pthread_mutex_lock(&s->mutex);
    s->chain_count--;
    pthread_mutex_unlock(&s->mutex);
}

static int admit(struct ate__hosted *h, const struct ate_hash *root)
{
    struct ate__server *s = h->server;
    const struct ate__peer *p = h->creator->peer;
    if (!s->conf.no_auth && !s->conf.admit)
        return ate__fail(ATE_DENIED,
                         "there is no %s here, and this server creates no chains; with "
                         "conf.no_auth anyone may create them",
                         h->path);
    if (!s->conf.no_auth)
        return s->conf.admit(s->conf.admit_arg, h->path, root, p->name);
    int rc = count_one(s);
    if (rc)
        return rc;
    rc = ate__sources_create(&s->sources, &p->source);
    if (!rc)
        rc = ate__sources_check(&s->sources, &p->source, h->creator->genesis.size);
    if (rc)
        count_off(s);
    return rc;
}

static void unadmit(struct ate__hosted *h)
{
    if (!h->server->conf.no_auth)
        return;
    ate__sources_uncreate(&h->server->sources, &h->creator->peer->source);
    count_off(h->server);
}

static int create_there(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    struct ate_bytes genesis = ate__buf_bytes(&h->creator->genesis);
    const struct ate__local_conf conf = local_conf(h);
    struct ate__dir *dir;
    int rc = ate__home_dir(&s->home, h->path, true, &dir);
    if (rc)
        return rc;
    rc = ate__local_create(&conf, dir, genesis, &h->pipe);
    s->home.vfs->close_dir(dir);
    if (rc)
        return rc;
    rc = attach(h);
    if (rc)
        return rc;
    h->created = true;
    if (s->conf.no_auth) {
        ate__sources_store(&s->sources, &h->creator->peer->source, genesis.size);
        if (ate__sources_save(&s->sources, &s->home))
            ate__server_log(s, ATE__LOG_WARNING, "%s", ate__error_text());
    }
    return 0;
}

/* Nothing is on the disk before all is known to be right. Without a right to create, the genesis
 * is not looked at. */
static int create(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    struct ate_hash root = {{0}};
    bool anyone = s->conf.no_auth || s->conf.admit;
    int rc = anyone ? check_genesis(h, ate__buf_bytes(&h->creator->genesis), &root) : 0;
    if (!rc)
        rc = admit(h, &root);
    if (rc)
        return rc;
    rc = create_there(h);
    if (rc)
        unadmit(h);
    return rc;
}

static int end_destruction(const struct ate__hosted *h, struct ate__dir *dir)
{
    const struct ate__chain_conf conf = {.env = h->server->conf.env, .sync = ATE__SYNC_ALWAYS};
    return ate__chain_destroy_end(&conf, dir);
}

/* What is left of a chain that was destroyed here goes; not one that lies there in full and that
 * perhaps somebody has put there since. */
static void clear_away(struct ate__hosted *h, struct ate__dir *dir)
{
    const struct ate__vfs *vfs = h->server->home.vfs;
    struct ate__dir *chain = NULL;
    if (end_destruction(h, dir))
        ate__server_log(h->server, ATE__LOG_WARNING,
                        "%s: what is left of it could not be removed, "
                        "which is tried again: %s",
                        h->path, ate__error_text());
    if (!vfs->open_dir(dir, ATE__CHAIN_NAME, false, &chain))
        ate__server_log(h->server, ATE__LOG_WARNING,
                        "%s was destroyed, and " ATE__CHAIN_NAME
                        " lies there: not served, and left there",
                        h->path);
    vfs->close_dir(chain);
}

/* 0: it was not destroyed. What its owner signed for a server is for clients to judge. */
static int destroyed_there(struct ate__hosted *h, struct ate__dir *dir)
{
    const struct ate__vfs *vfs = h->server->home.vfs;
    struct ate__destruction d;
    int result = h->creator ? ATE_DENIED : ATE_NOT_FOUND;
    int rc = ate__destroyed_check(vfs, dir, result);
    if (rc != result || ate__chain_destroyed(vfs, dir, &h->tombstone, &d))
        return rc;
    bool is_ours = d.genesis.size && ate__bytes_equal(d.name, ate__text_bytes(h->path));
    rc = is_ours ? ate__destruction_trust(h->server->conf.env, &d, &h->gone_trust) : 0;
    if (!is_ours || rc < 0) {
        ate__buf_deinit(&h->tombstone);
        return rc < 0 ? rc : ate__destroyed_check(vfs, dir, result);
    }
    h->tombstone_key = d.key;
    clear_away(h, dir);
    return ate__destroyed_check(vfs, dir, result);
}

static void forget_gone(struct ate__hosted *h)
{
    ate__buf_deinit(&h->tombstone);
    ate__trust_free(ate__steal(&h->gone_trust));
}

static int open_or_create(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    struct ate__dir *dir;
    int gone = 0; /* it was destroyed */
    int rc = ate__home_dir(&s->home, h->path, false, &dir);
    forget_gone(h);
    if (!rc) {
        rc = open_there(h, dir);
        if (rc == ATE_NOT_FOUND)
            gone = destroyed_there(h, dir);
        s->home.vfs->close_dir(dir);
    }
    if (gone)
        rc = ate__context(gone, "%s", h->path);
    else if (rc == ATE_NOT_FOUND && h->creator)
        rc = create(h);
    else if (rc == ATE_NOT_FOUND)
        rc = ate__fail(rc, "there is no chain %s here", h->path);
    else
        rc = ate__context(rc, "%s", h->path);
    return rc;
}

static void opening_work(struct ate__job *job)
{
    ate__job_result(job, open_or_create(ATE__CONTAINER(job, struct ate__hosted, job)));
}

/* It was destroyed while it was open. */
static int clear_gone(struct ate__hosted *h)
{
    struct ate__server *s = h->server;
    struct ate__dir *dir;
    int rc = ate__home_dir(&s->home, h->path, false, &dir);
    if (rc)
        return rc;
    rc = end_destruction(h, dir);
    s->home.vfs->close_dir(dir);
    pthread_mutex_lock(&s->mutex);
    s->chain_count -= s->counted && s->chain_count;
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

/* Of a centralized chain nothing is believed elsewhere that is not signed. */
static void sign_last(struct ate__hosted *h)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    if (h->gone || !ate__hosted_attests(h) || ate__chain_read_only(h->chain))
        return;
    int rc = ate__hosted_checkpoint(h, &note);
    if (rc)
        ate__server_log(h->server, ATE__LOG_WARNING, "%s: its last head could not be signed: %s",
                        h->path, ate__error_text());
}

static void closing_work(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, job);
    if (h->server->conf.detach)
        h->server->conf.detach(ate__steal(&h->attached));
    sign_last(h);
    ate__recent_free(h->recent);
    h->recent = NULL;
    h->pipe->v->unref(h->pipe);
    h->pipe = NULL;
    h->chain = NULL;
    ate__buf_clear(&h->note);
    ate__job_result(job, h->gone ? clear_gone(h) : 0);
}

/* --- on the loop --- */

static struct ate__stream *pop_waiter(struct ate__hosted *h)
{
    struct ate__stream *s = h->waiters;
    if (!s)
        return NULL;
    h->waiters = s->next_waiter;
    if (!h->waiters)
        h->last_waiter = &h->waiters;
    s->next_waiter = NULL;
    return s;
}

static void push_waiter(struct ate__hosted *h, struct ate__stream *take_s)
{
    *h->last_waiter = take_s;
    h->last_waiter = &take_s->next_waiter;
}

static void tell_failed(struct ate__hosted *h, struct ate__stream *take_s)
{
    if (!take_s->ended && h->tombstone.size &&
        ate__members_told(take_s, h->gone_trust, &h->tombstone_key))
        ate__destroyed_tell(take_s, ate__buf_bytes(&h->tombstone));
    else if (!take_s->ended)
        ate__members_fail(take_s, h->job.result, h->job.text);
    ate__stream_unref(take_s);
}

static void hosted_free(struct ate__hosted *h)
{
    bool removed = ate__map_remove(&h->server->hosted, &h->key);
    ate__assert(removed && !h->waiters && !h->users && !h->pipe);
    ate__groups_deinit(&h->groups);
    ate__buf_deinit(&h->note);
    ate__notes_deinit(h);
    forget_gone(h);
    pthread_mutex_destroy(&h->signing);
    pthread_mutex_destroy(&h->mutex);
    ate__free(h->path);
    ate__free(h);
}

static void next_step(struct ate__hosted *h);

static void closing_done(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, job);
    h->state = ATE__HOSTED_SHUT;
    h->gone = false;
    h->server->open_count--;
    ate__server_log(h->server, ATE__LOG_DEBUG, "closed %s", h->path);
    if (job->result)
        ate__server_log(h->server, ATE__LOG_WARNING,
                        "%s: what is left of it could not be removed, which is tried again: %s",
                        h->path, job->text);
    next_step(h);
}

static void close_chain(struct ate__hosted *h)
{
    ate__assert(h->state == ATE__HOSTED_OPEN && !h->users);
    ate__follow_deinit(h);
    h->state = ATE__HOSTED_CLOSING;
    h->job.work = closing_work;
    h->job.done = closing_done;
    ate__job_start(&h->job, h->server->opens, 0);
}

/* A live read of the log that is under way holds it open; it is a moment. */
static bool can_close(struct ate__hosted *h)
{
    if (h->state != ATE__HOSTED_OPEN || h->users)
        return false;
    pthread_mutex_lock(&h->mutex);
    bool reading = h->reading;
    pthread_mutex_unlock(&h->mutex);
    return !reading;
}

static void log_opened(struct ate__hosted *h)
{
    char id[ATE__HASH_TEXT];
    if (h->created)
        ate__server_log(h->server, ATE__LOG_INFO, "created %s for %s: chain id %s", h->path,
                        h->creator->peer->name,
                        ate__hash_text(ate__trust_chain_id(ate__chain_trust(h->chain)), id));
    else
        ate__server_log(h->server, ATE__LOG_DEBUG, "opened %s: %llu transactions%s", h->path,
                        (unsigned long long)ate__chain_published(h->chain),
                        ate__chain_read_only(h->chain) ? ", read-only" : "");
}

static void opening_failed(struct ate__hosted *h)
{
    const struct ate__job *job = &h->job;
    struct ate__stream *others = ate__steal(&h->waiters), *s = h->creator;
    bool usual = job->result == ATE_NOT_FOUND || job->result == ATE_DENIED;
    h->state = ATE__HOSTED_SHUT;
    h->server->open_count--;
    h->last_waiter = &h->waiters;
    ate__server_log_peer(h->server, usual ? ATE__LOG_INFO : ATE__LOG_WARNING, "%s %s%s%s: %s: %s",
                         s ? "did not create" : "could not open", h->path, s ? " for " : "",
                         s ? s->peer->name : "", ate__result_name(job->result) + strlen("ATE_"),
                         job->text);
    if (s)
        tell_failed(h, s);
    /* Those who would create have their own try; so has an open after a creation that failed. */
    while ((s = others)) {
        others = s->next_waiter;
        s->next_waiter = NULL;
        if (s->create || h->creator)
            push_waiter(h, s);
        else
            tell_failed(h, s);
    }
    h->creator = NULL;
}

static void opening_done(struct ate__job *job)
{
    struct ate__hosted *h = ATE__CONTAINER(job, struct ate__hosted, job);
    if (job->result) {
        opening_failed(h);
    } else {
        h->state = ATE__HOSTED_OPEN;
        h->idle_since_ms = ate__loop_now_ms(h->server->loop);
        ate__follow_init(h);
        log_opened(h);
        if (h->creator) {
            ate__stream_got(h->creator, h, h->created);
            ate__stream_unref(h->creator);
        }
        h->creator = NULL;
    }
    next_step(h);
}

/* Makes room for one more open chain: the one that has been idle longest goes. */
static int make_room(struct ate__server *s)
{
    struct ate__hosted *longest = NULL;
    uint32_t most = s->conf.server_limits.open_chains;
    uint64_t value;
    if (s->open_count < most)
        return 0;
    for (size_t at = 0; ate__map_next(&s->hosted, &at, NULL, &value);) {
        struct ate__hosted *h = ate__map_pointer(value);
        if (can_close(h) && (!longest || h->idle_since_ms < longest->idle_since_ms))
            longest = h;
    }
    if (!longest)
        return ate__fail(ATE_BUSY, "%zu chains are in use, which is the limit (open-chains)",
                         s->open_count);
    close_chain(longest);
    return 0;
}

/* Begins to open it for those who wait, or tells some of them why not. */
static void open_chain(struct ate__hosted *h)
{
    int rc = h->server->closing ? ate__fail(ATE_OFFLINE, "the server is stopping")
                                : make_room(h->server);
    h->creator = h->waiters->create ? pop_waiter(h) : NULL;
    h->created = false;
    h->state = ATE__HOSTED_OPENING;
    h->server->open_count++;
    if (rc) {
        ate__job_result(&h->job, rc);
        opening_failed(h);
        return;
    }
    h->job.work = opening_work;
    h->job.done = opening_done;
    ate__job_start(&h->job, h->server->opens, 0);
}

static void next_step(struct ate__hosted *h)
{
    while (h->state == ATE__HOSTED_SHUT && h->waiters)
        open_chain(h);
    if (h->state == ATE__HOSTED_SHUT) {
        hosted_free(h);
        return;
    }
    /* The last one that leaves a server that ends may close it. */
    for (struct ate__stream *s; h->state == ATE__HOSTED_OPEN && !h->gone && (s = pop_waiter(h));) {
        ate__stream_got(s, h, false);
        ate__stream_unref(s);
    }
    ate__hosted_settle(h);
}

static int hosted_new(struct ate__server *server, struct ate_bytes path, const struct ate_hash *key,
                      struct ate__hosted **ret_hosted)
{
    struct ate__hosted *h = ate__alloc(sizeof *h);
    if (!h)
        return ate__no_memory();
    h->path = ate__format("%.*s", (int)path.size, (const char *)path.data);
    int rc =
        h->path ? ate__map_put(&server->hosted, key, ate__map_of_pointer(h)) : ate__no_memory();
    if (rc) {
        ate__free(h->path);
        ate__free(h);
        return rc;
    }
    h->server = h->job.server = h->read.server = server;
    h->key = *key;
    h->last_waiter = &h->waiters;
    pthread_mutex_init(&h->mutex, NULL);
    pthread_mutex_init(&h->signing, NULL);
    *ret_hosted = h;
    return 0;
}

void ate__hosted_ask(struct ate__server *server, struct ate_bytes path, struct ate__stream *s)
{
    struct ate__hosted *h = NULL;
    struct ate_hash key;
    uint64_t value;
    int rc = ate__sha256(path, &key);
    if (!rc && ate__map_get(&server->hosted, &key, &value))
        h = ate__map_pointer(value);
    else if (!rc)
        rc = hosted_new(server, path, &key, &h);
    if (rc) {
        ate__members_fail(s, rc, ate__error_text());
        return;
    }
    push_waiter(h, ate__stream_ref(s));
    next_step(h);
}

void ate__hosted_leave(struct ate__hosted *h)
{
    ate__assert(h->users);
    if (--h->users)
        return;
    h->idle_since_ms = ate__loop_now_ms(h->server->loop);
    ate__hosted_settle(h);
}

void ate__hosted_settle(struct ate__hosted *h)
{
    if ((h->server->closing || h->gone) && can_close(h))
        close_chain(h);
}

/* --- idle ones --- */

static void save_work(struct ate__job *job)
{
    ate__job_result(job, ate__sources_save(&job->server->sources, &job->server->home));
}

static void save_done(struct ate__job *job)
{
    if (job->result)
        ate__server_log(job->server, ATE__LOG_WARNING, "%s", job->text);
    ate__free(job);
}

static void save_sources(struct ate__server *s, uint64_t now_ms)
{
    if (!s->conf.no_auth || now_ms - s->saved_ms < ATE__SOURCES_SAVE_MS)
        return;
    struct ate__job *job = ate__alloc(sizeof *job);
    if (!job)
        return;
    s->saved_ms = now_ms;
    *job = (struct ate__job){.server = s, .work = save_work, .done = save_done};
    ate__job_start(job, s->opens, 0);
}

void ate__hosted_sweep(void *server)
{
    struct ate__server *s = server;
    uint64_t now_ms = ate__loop_now_ms(s->loop), value;
    for (size_t at = 0; ate__map_next(&s->hosted, &at, NULL, &value);) {
        struct ate__hosted *h = ate__map_pointer(value);
        if (can_close(h) && now_ms - h->idle_since_ms >= s->conf.server_limits.idle_ms)
            close_chain(h);
    }
    save_sources(s, now_ms);
    ate__server_log_left_out(s, false);
    ate__loop_timer_start(s->sweep, s->conf.server_limits.idle_ms / 4 + 1);
}

void ate__hosted_close_all(struct ate__server *s)
{
    uint64_t value;
    for (size_t at = 0; ate__map_next(&s->hosted, &at, NULL, &value);) {
        struct ate__hosted *h = ate__map_pointer(value);
        if (can_close(h))
            close_chain(h);
    }
}
