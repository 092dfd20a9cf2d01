/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain.c: opening a chain by directory, address or @NAME: anchors, memory, and the handle.
 */
#include "ate/chain.h"
#include "api/api.h"
#include "api/fresh.h"
#include "api/host_key.h"
#include "api/limits.h"
#include "api/names.h"
#include "api/plugin.h"
#include "api/proof_fork.h"
#include "api/reset.h"
#include "ate/compact.h"
#include "base/dir.h"
#include "chain/create.h"
#include "chain/image.h"
#include "chain/local.h"
#include "mesh/client.h"
#include "net/identify.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the process's threads ---- */

static pthread_mutex_t workers_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ate__workers *shared_workers; /* not a reference: of the handles that are open */
static size_t workers_users;

int ate__api_workers(struct ate__workers **ret_workers)
{
    int rc = 0;
    pthread_mutex_lock(&workers_mutex);
    if (!shared_workers)
        rc = ate__workers_new(0, &shared_workers);
    else
        ate__workers_ref(shared_workers);
    if (!rc) {
        workers_users++;
        *ret_workers = shared_workers;
    }
    pthread_mutex_unlock(&workers_mutex);
    return rc;
}

void ate__api_workers_unref(struct ate__workers *w)
{
    pthread_mutex_lock(&workers_mutex);
    if (--workers_users == 0)
        shared_workers = NULL;
    pthread_mutex_unlock(&workers_mutex);
    ate__workers_unref(w);
}

/* ---- opening ---- */

struct opening {
    const char *where;           /* after @NAME was looked up */
    char *looked_up, *place, *real;
    struct ate__memory mirror_memory; /* file NULL: nothing */
    struct ate_session *session;
    unsigned flags;
    const struct ate_chain_conf *conf;
    struct ate__addr addr;
    bool remote;
    struct ate__anchor anchor;
    struct ate__workers *workers;
    struct ate__auto_conf compact; /* its workers: this one's, until the chain has its own */
    struct ate_chain *chain;
    struct ate__pipe *pipe;
    struct ate__fresh fresh; /* what a chain is, if one is made */
};

static int check_arguments(const char *where, unsigned flags)
{
    if (!where || !*where)
        return ate__fail(ATE_MISUSE, "chain: no directory and no address");
    if (flags & ~(unsigned)(ATE_CREATE | ATE_READ))
        return ate__fail(ATE_MISUSE, "chain: unknown flags %#x", flags);
    if ((flags & ATE_CREATE) && (flags & ATE_READ))
        return ate__fail(ATE_MISUSE, "chain: CREATE and READ exclude each other");
    return ate__check_may_wait();
}

static int check_reserved(const struct ate_chain_conf *conf)
{
    int rc = ate__conf_check("chain", conf);
    if (!rc)
        rc = ate__aging_check_conf(conf);
    if (!rc)
        rc = ate__reserved_check("chain", conf->reserved_more, sizeof conf->reserved_more);
    return rc || !conf->lookup ? rc : ate__conf_check("look up", conf->lookup);
}

/* Each chain has a thread of its own for it: one never waits for another. */
static int prepare_compact(struct opening *o)
{
    const struct ate_compact_when *when = o->conf->compact;
    if (!when || when->mode == ATE_COMPACT_NEVER)
        return 0;
    if (o->remote || (o->flags & ATE_READ))
        return ate__fail(ATE_MISUSE, "chain: conf.compact is for a chain in a directory that is "
                                     "opened for writing");
    int rc = ate__compact_when(when, o->session, o->chain->plugins, &o->chain->voter, &o->compact);
    if (!rc)
        rc = ate__workers_new(1, &o->compact.workers);
    o->compact.done = ate__compact_tell;
    o->compact.arg = o->chain;
    o->chain->compact_ran = when->ran;
    o->chain->compact_ran_arg = when->ran_arg;
    return rc;
}

static int find_where(struct opening *o)
{
    int rc = 0;
    if (o->where[0] == '@') {
        rc = ate__name_lookup(o->where + 1, &o->looked_up);
        if (rc)
            return rc;
        o->where = o->looked_up;
    }
    o->remote = strncmp(o->where, "tcp://", 6) == 0;
    if (!o->remote && o->conf->max_age_strict)
        return ate__fail(ATE_MISUSE,
                         "%s: how old a chain is, is asked of one at a server: this is "
                         "a directory (conf.max_age_strict)",
                         o->where);
    if (!o->remote)
        return 0;
    rc = ate__addr_parse(o->where, &o->addr);
    if (!rc && o->addr.path[1] == 0)
        rc = ate__fail(ATE_MALFORMED,
                       "%s: this names a server; a chain has a path behind it, such as "
                       "/example.com/joe/notes",
                       o->where);
    return rc;
}

/* What is remembered stands under the real path of a directory, or host, port and path of an
 * address. */
static int find_place(struct opening *o)
{
    if (o->remote) {
        o->place = ate__format("tcp://%s:%u%s", o->addr.host, (unsigned)o->addr.port, o->addr.path);
        return o->place ? 0 : ate__no_memory();
    }
    char real[PATH_MAX];
    if (!realpath(o->where, real))
        return 0; /* not there: known once it is made */
    o->real = ate__copy_text(real);
    o->place = o->real ? ate__copy_text(o->real) : NULL;
    return o->place ? 0 : ate__no_memory();
}

static int pins_of(struct opening *o)
{
    if (!o->conf->pin)
        return 0;
    if (!*o->conf->pin)
        return ate__fail(ATE_MISUSE, "pin: an empty list");
    o->addr.pin_count = 0;
    for (const char *at = o->conf->pin; *at;) {
        size_t n = strcspn(at, ",");
        if (o->addr.pin_count == ATE__NET_PINS_MAX)
            return ate__fail(ATE_TOO_BIG, "pin: more than %d", ATE__NET_PINS_MAX);
        int rc = ate__hash_parse(at, n, &o->addr.pins[o->addr.pin_count++]);
        if (rc)
            return ate__context(rc, "pin");
        at += n + (at[n] == ',');
    }
    return 0;
}

/* ---- local ---- */

static int check_remembered(struct opening *o, struct ate__chain *c)
{
    struct ate__memory *m = &o->chain->memory;
    struct ate__storage_damage damage;
    int rc = ate__memory_check(m, c);
    if (rc == ATE_ROLLED_BACK && ate__chain_damage(c, &damage))
        return 0; /* opened up to the damage, which the caller is told */
    if (rc == ATE_ROLLED_BACK || rc == ATE_FORKED)
        rc = ate__reset_forgives(o->chain, &o->anchor, c, rc);
    return rc;
}

static int remember_local(struct opening *o, struct ate__chain *c, bool created)
{
    struct ate__memory *m = &o->chain->memory;
    int rc = 0;
    if (!o->place) { /* just made */
        char real[PATH_MAX];
        if (!realpath(o->where, real))
            return ate__fail_errno(errno, "%s", o->where);
        ate__memory_close(m);
        rc = ate__memory_open(m, o->conf->state_dir, real);
        o->real = ate__copy_text(real);
        if (rc || !o->real)
            return rc ? rc : ate__no_memory();
    }
    if (created)
        ate__memory_forget(m);
    else
        rc = check_remembered(o, c);
    return rc;
}

/* What was found, before any of its files is changed. */
static int accept_local(void *arg, struct ate__chain *c)
{
    struct opening *o = arg;
    int rc = ate__anchor_check(&o->anchor, ate__chain_trust(c));
    return rc ? rc : remember_local(o, c, false);
}

static int open_local(struct opening *o)
{
    struct ate__local_conf conf = {
        .chain =
            {
                .env = &ate__env_real,
                .workers = o->workers,
                .sync = (enum ate__sync)o->conf->sync,
                .sync_interval_ms = o->conf->sync_interval_ms,
                .segment_bytes = o->conf->segment_bytes,
                .progress = o->conf->progress,
                .progress_arg = o->conf->progress_arg,
                .compact = o->compact,
                .plugins = o->chain->plugins ? &o->chain->plugins->hooks : NULL,
                .host_key = ate__host_key_ask,
            },
        .genesis = ate__fresh_genesis(&o->fresh),
        .no_view_image = o->conf->no_view_image,
        .accept = accept_local,
        .accept_arg = o,
    };
    bool create = (o->flags & ATE_CREATE) && !o->conf->centralized;
    unsigned flags =
        (o->flags & ATE_READ ? ATE__STORAGE_READ : 0u) | (create ? ATE__STORAGE_CREATE : 0u);
    int rc = ate__local_open(&conf, o->where, o->session, flags, &o->pipe);
    if (rc == ATE_NOT_FOUND && (o->flags & ATE_CREATE) && !create)
        return ate__fail(rc,
                         "%s: no chain lies there; a centralized one is made at its server, by "
                         "an address",
                         o->where);
    if (rc)
        return rc;
    o->chain->created = o->pipe->v->created(o->pipe);
    return o->chain->created ? remember_local(o, ate__local_chain(o->pipe), true) : 0;
}

/* ---- remote ---- */

static int remote_anchor(void *arg, struct ate__trust *trust, bool whole)
{
    struct ate_chain *c = arg;
    int rc =
        whole ? ate__anchor_check(c->anchor, trust) : ate__anchor_check_genesis(c->anchor, trust);
    c->unanchored = rc == ATE_UNTRUSTED;
    if (!rc)
        rc = ate__memory_check_chain(&c->memory, ate__trust_chain_id(trust));
    return rc || !c->mirror_memory
               ? rc
               : ate__memory_check_chain(c->mirror_memory, ate__trust_chain_id(trust));
}

/* What was seen where the mirror is to lie, which has a name once it is made. */
static int recall_mirror(struct opening *o)
{
    char real[PATH_MAX];
    const char *path = o->conf->mirror_dir;
    struct ate__dir *dir;
    if (!path || !*path)
        return 0;
    int rc = ate__dir_open(ate__env_real.vfs, path, ATE__DIR_MAKE, &dir);
    if (rc)
        return ate__context(rc, "mirror %s", path);
    ate__env_real.vfs->close_dir(dir);
    if (!realpath(path, real))
        return ate__fail_errno(errno, "%s", path);
    o->chain->mirror_memory = &o->mirror_memory;
    return ate__memory_open(&o->mirror_memory, o->conf->state_dir, real);
}

static void remote_advanced(void *arg, const struct ate_hash *chain_id, uint64_t size,
                            const struct ate_hash *root)
{
    struct ate_chain *c = arg;
    bool is_new = size > ate__memory_size(&c->memory); /* it also comes for what was remembered */
    ate__memory_advance(&c->memory, chain_id, size, root);
    if (c->thin && is_new) /* which is all that it knows of when that was */
        ate__memory_note(&c->memory, ate__wall_us(&ate__env_real), NULL, 0);
}

static void forget_mirror(struct opening *o)
{
    if (o->chain->mirror_memory)
        ate__memory_close(o->chain->mirror_memory);
    o->chain->mirror_memory = NULL;
}

static int make_genesis(struct opening *o, struct ate__buf *genesis)
{
    struct ate_hash ignored;
    if (!(o->flags & ATE_CREATE) || !o->session || !ate__session_key_count(o->session))
        return 0; /* without a key it can only be opened */
    if (o->conf->centralized && !o->conf->log_key)
        return ate__fail(ATE_NO_KEY, "to make a centralized chain takes the log key of its server "
                                     "(conf.log_key)");
    struct ate__genesis_conf conf = ate__fresh_genesis(&o->fresh);
    return ate__genesis_make(&ate__env_real, o->session, o->addr.path, &conf, genesis, &ignored);
}

static int open_asked(struct opening *o, const struct ate__remote_conf *conf)
{
    struct ate__memory *m = &o->chain->memory;
    o->chain->anchor = &o->anchor;
    ate__free(o->chain->ask); /* of the first time, without what DNS says */
    o->chain->ask = ate__fork_conf(o->chain, conf);
    o->chain->checkpoint_seen = o->conf->checkpoint;
    o->chain->checkpoint_arg = o->conf->checkpoint_arg;
    ate__aging_begin(o->chain);
    if (!o->chain->ask)
        return ate__no_memory();
    int rc = ate__remote_open(conf, &o->pipe);
    if (rc == ATE_FORKED || rc == ATE_ROLLED_BACK) {
        bool is_reset;
        rc = ate__reset_follow(o->chain, &o->anchor, conf, rc, &o->pipe, &is_reset);
        if (rc && m->known && !is_reset)
            rc = ate__fork_evidence(m, conf, rc);
    }
    o->chain->anchor = NULL;
    if (!rc)
        o->chain->created = o->pipe->v->created(o->pipe);
    return rc;
}

/* A mirror in a directory has a view image, as a chain in a directory has. */
static int open_with_secrets(struct opening *o, struct ate__remote_conf *conf)
{
    struct ate__key32 *secrets = NULL;
    bool imaged = conf->mirror_dir && !o->conf->no_view_image;
    int rc = imaged ? ate__image_secrets_new(o->session, &secrets, &conf->image_secret_count) : 0;
    conf->image_secrets = secrets;
    if (!rc)
        rc = open_asked(o, conf);
    ate__secret_free(secrets);
    return rc;
}

/* DNS is the last source: it is asked where neither the caller nor the address says whom to trust,
 * and nobody who would not believe it. */
static int ask_dns(struct opening *o, struct ate__remote_conf *conf)
{
    struct ate__dns_facts facts;
    int32_t most = o->chain->timeout_ms;
    uint32_t ms = most >= 0 && most < ATE__NET_CONNECT_MS ? (uint32_t)most : ATE__NET_CONNECT_MS;
    if (!ate__anchor_is_open(&o->anchor) || !ate__addr_host_is_name(o->addr.host))
        return 0;
    int rc = ate__dns_facts_ask(o->chain->lookup, o->addr.host, o->addr.path, ms, &facts);
    if (rc)
        return rc;
    if (facts.has_chain) {
        conf->addr.has_chain = true;
        conf->addr.chain = facts.chain;
    }
    return ate__anchor_add(&o->anchor, &facts);
}

/* Without a key only DNS is left; with one, what its root key would open is opened without DNS. */
static int open_anchored(struct opening *o, struct ate__remote_conf *conf)
{
    bool has_keys = o->session && ate__session_key_count(o->session);
    int first = has_keys ? 0 : ask_dns(o, conf);
    if (!first)
        first = open_with_secrets(o, conf);
    bool unnamed = first == ATE_NO_ACCESS && !conf->addr.has_chain; /* a server that says nothing */
    if (!has_keys || !(unnamed || (first == ATE_UNTRUSTED && o->chain->unanchored)))
        return first;
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    int rc = why ? ask_dns(o, conf) : ate__no_memory();
    if (!rc && (unnamed ? !conf->addr.has_chain : ate__anchor_is_open(&o->anchor)))
        return ate__fail(first, "%s", why);
    return rc ? rc : open_with_secrets(o, conf);
}

static int copy_lookup(struct opening *o)
{
    const struct ate_lookup *given = o->conf->lookup;
    struct ate__lookup lookup = {.dns_server = NULL};
    if (given)
        lookup = (struct ate__lookup){given->dns_server, given->dns_anchor, given->authorities};
    return ate__lookup_copy(&lookup, &o->chain->lookup);
}

/* genesis: empty if none is to be made. */
static int open_there(struct opening *o, const struct ate__buf *genesis)
{
    const struct ate__memory *m = &o->chain->memory;
    bool memory_mirror = o->conf->mirror_dir && !*o->conf->mirror_dir;
    o->chain->thin = !o->conf->mirror_dir;
    struct ate__remote_conf conf = {
        .env = &ate__env_real,
        .workers = o->workers,
        .addr = o->addr,
        .mirror_dir = memory_mirror ? NULL : o->conf->mirror_dir,
        .mirror_memory = memory_mirror,
        .fetch_bytes_max = o->chain->thin ? ATE__SHOWN_BYTES_MAX : 0, /* where it went back */
        .no_wire_encryption = o->conf->no_wire_encryption,
        .lookup = o->chain->lookup,
        .session = o->session,
        .timeout_ms = o->chain->timeout_ms,
        .genesis = ate__buf_bytes(genesis),
        .anchor = remote_anchor,
        .remembered_size = m->known ? m->size : 0,
        .remembered_root = m->root,
        .remembered_reset_us = m->known ? m->reset_us : 0,
        .advanced = remote_advanced,
        .noted = ate__fork_noted,
        .believed = ate__fork_believed,
        .forked = ate__fork_shown,
        .look = ate__aging_look,
        .arg = o->chain,
        .progress = o->conf->progress,
        .progress_arg = o->conf->progress_arg,
    };
    if (m->known && !conf.addr.has_chain) { /* for a server that asks before it shows any */
        conf.addr.has_chain = true;
        conf.addr.chain = m->chain_id;
    }
    return open_anchored(o, &conf);
}

/* Keys that cannot begin a chain, which are too weak or but halves, open one that is there. */
static int open_at_server(struct opening *o)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf genesis = ATE__BUF_NULL;
    ate__cleanup(ate__freep) char *why = NULL;
    int rc = pins_of(o);
    if (!rc)
        rc = copy_lookup(o);
    int cannot = rc ? 0 : make_genesis(o, &genesis);
    if (cannot == ATE_DENIED || cannot == ATE_NO_KEY)
        rc = (why = ate__copy_text(ate__error_text())) ? 0 : ate__no_memory();
    else if (cannot)
        rc = cannot;
    if (!rc)
        rc = open_there(o, &genesis);
    return rc == ATE_NOT_FOUND && why ? ate__fail(cannot, "%s", why) : rc;
}

static int open_remote(struct opening *o)
{
    int rc = recall_mirror(o);
    if (!rc)
        rc = open_at_server(o);
    forget_mirror(o);
    return rc;
}

/* ---- the handle ---- */

/* Where a mirror lies, which is there by now. */
static int find_mirror(struct opening *o)
{
    char real[PATH_MAX];
    if (!o->conf->mirror_dir || !*o->conf->mirror_dir)
        return 0;
    if (!realpath(o->conf->mirror_dir, real))
        return ate__fail_errno(errno, "%s", o->conf->mirror_dir);
    o->chain->place = ate__copy_text(real);
    return o->chain->place ? 0 : ate__no_memory();
}

/* The address with every pin and, as roots, those that the chain has now. */
static int describe(struct opening *o)
{
    struct ate_chain *c = o->chain;
    struct ate__trust *trust = o->pipe->v->trust(o->pipe);
    struct ate_bytes name = ate__trust_genesis(trust)->name;
    c->name = ate__copy(name.data, name.size + 1);
    if (!c->name)
        return ate__no_memory();
    c->name[name.size] = 0;
    if (!o->remote) {
        c->dir = ate__copy_text(o->real);
        c->address = ate__copy_text(o->real);
        c->place = ate__copy_text(o->real);
        return c->dir && c->address && c->place ? 0 : ate__no_memory();
    }
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    struct ate__addr addr = o->addr;
    struct ate_hash roots[ATE__ROOT_KEYS_MAX];
    addr.root_count = ate__trust_root_keys(trust, roots, ATE__NET_PINS_MAX);
    memcpy(addr.roots, roots, addr.root_count * sizeof roots[0]);
    /* Which says the mode; or which it takes to be shown the chain. */
    addr.has_chain = ate__trust_genesis(trust)->mode == ATE__CENTRALIZED || o->pipe->hidden;
    addr.chain = *ate__trust_chain_id(trust);
    int rc = find_mirror(o);
    if (!rc)
        rc = ate__addr_print(&addr, &text);
    if (!rc)
        rc = ate__buf_append(&text, ate__bytes("", 1));
    if (!rc)
        c->address = (char *)ate__steal(&text.data);
    return rc;
}

static int begin(struct opening *o)
{
    struct ate_chain *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    o->chain = c;
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->memory.mutex, NULL);
    ate__aging_init(c, o->conf);
    c->timeout_ms = o->conf->timeout_ms ? o->conf->timeout_ms : 30000;
    int rc = ate__plugin_set_new(o->conf->plugins, o->conf->plugin_count, &c->plugins);
    if (!rc)
        rc = find_where(o);
    if (!rc)
        rc = prepare_compact(o);
    if (!rc)
        rc = find_place(o);
    if (!rc)
        rc = ate__anchor_init(&o->anchor, o->conf->root, o->remote ? &o->addr : NULL, o->session);
    o->anchor.centralized = o->conf->centralized;
    if (!rc && o->place) {
        pthread_mutex_destroy(&c->memory.mutex);
        rc = ate__memory_open(&c->memory, o->conf->state_dir, o->place);
    }
    return rc ? rc : ate__api_workers(&o->workers);
}

/* A thin chain has no log that could be followed. */
static int start_feed(struct opening *o)
{
    struct ate_chain *c = o->chain;
    struct ate__chain *held = c->pipe->v->chain(c->pipe);
    struct ate__feed_conf conf = {
        c->plugins, held, c, c->name, o->conf->plugin_log, o->conf->plugin_log_arg};
    return held && ate__plugin_set_listens(c->plugins) ? ate__feed_start(&conf, &c->feed) : 0;
}

static int finish(struct opening *o)
{
    struct ate_chain *c = o->chain;
    int rc = ate__fresh_matches(o->conf, ate__trust_genesis(o->pipe->v->trust(o->pipe)));
    if (!rc)
        rc = describe(o);
    if (rc)
        return rc;
    c->pipe = o->pipe;
    c->session = o->session ? ate__session_ref(o->session) : NULL;
    o->pipe = NULL; /* the dio's now, also if it fails */
    rc = ate__dio_new(c->pipe, o->session, c->timeout_ms,
                      o->conf->memory_bytes_max ? o->conf->memory_bytes_max : 64u << 20, &c->dio);
    if (!rc) {
        struct ate_head head = ate_chain_head(c);
        c->pipe->v->damage(c->pipe, &c->damage);
        if (!o->remote && o->conf->sync == ATE_SYNC_ALWAYS)
            ate__memory_advance(&c->memory, ate__trust_chain_id(c->pipe->v->trust(c->pipe)),
                                head.size, &head.root);
        ate__chain_note(c);
        ate__memory_keep(&c->memory);
        c->dio->plugins = c->plugins ? &c->plugins->hooks : NULL;
        rc = ate__aging_await(c);
    }
    return rc ? rc : start_feed(o);
}

/* What was opened is closed again; the sentence stays. */
static void let_go(struct opening *o)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    if (o->pipe)
        o->pipe->v->unref(o->pipe);
    if (o->chain)
        ate__feed_end(ate__steal(&o->chain->feed));
    ate__chain_handle_unref(o->chain);
    ate__error_set(text);
}

int ate_chain_open(const char *where, struct ate_session *session, unsigned flags,
                   const struct ate_chain_conf *conf, struct ate_chain **ret_chain)
{
    static const struct ate_chain_conf defaults;
    struct opening o = {
        .where = where, .session = session, .flags = flags, .conf = conf ? conf : &defaults};
    int rc = check_arguments(where, flags);
    if (!rc)
        rc = check_reserved(o.conf);
    if (!rc)
        rc = ate__fresh_check(o.conf, flags);
    if (!rc)
        rc = ate__segment_bytes_check(o.conf->segment_bytes);
    if (!rc)
        rc = ate__fresh_prepare(o.conf, &o.fresh);
    if (!rc)
        rc = begin(&o);
    if (!rc)
        rc = o.remote ? open_remote(&o) : open_local(&o);
    if (!rc)
        rc = finish(&o);
    if (!rc)
        *ret_chain = o.chain;
    else
        let_go(&o);
    ate__anchor_deinit(&o.anchor);
    ate__fresh_deinit(&o.fresh);
    if (o.workers)
        ate__api_workers_unref(o.workers);
    ate__workers_unref(o.compact.workers);
    ate__free(o.looked_up);
    ate__free(o.place);
    ate__free(o.real);
    return rc;
}
