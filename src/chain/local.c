/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/local.h"
#include "base/alloc.h"
#include "base/dir.h"
#include "base/err.h"
#include "base/name.h"
#include "base/text.h"
#include "chain/create.h"
#include "chain/image.h"
#include "chain/limits.h"
#include "chain/snapshot.h"
#include "redo/destroyed.h"
#include <inttypes.h>
#include <stdio.h>

struct local {
    struct ate__pipe base;
    atomic_uint refs;
    struct ate__chain *chain;
    bool created;
};

static struct ate__chain *chain_of(struct ate__pipe *p)
{
    return ((struct local *)p)->chain;
}

struct ate__chain *ate__local_chain(struct ate__pipe *pipe)
{
    return chain_of(pipe);
}

/* ---- the vtable ---- */

static struct ate__pipe *local_ref(struct ate__pipe *p)
{
    atomic_fetch_add_explicit(&((struct local *)p)->refs, 1, memory_order_relaxed);
    return p;
}

static void local_unref(struct ate__pipe *p)
{
    struct local *l = (struct local *)p;
    if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__chain_close(l->chain);
    ate__free(l);
}

static struct ate__trust *local_trust(struct ate__pipe *p)
{
    return ate__chain_trust(chain_of(p));
}

static bool local_created(struct ate__pipe *p)
{
    return ((struct local *)p)->created;
}

static int local_begin(struct ate__pipe *p, struct ate__snapshot **ret_snapshot)
{
    return ate__chain_snapshot_begin(chain_of(p), p, ret_snapshot);
}

static int local_committed(struct ate__snapshot *s, const struct ate__receipt *receipt)
{
    (void)receipt; /* the newest state is here, and costs nothing */
    return ate__chain_snapshot_refresh(s);
}

static void local_offer(struct ate__pipe *p, struct ate__offer *offer)
{
    ate__chain_offer(chain_of(p), offer);
}

/* A full disk may be met in the midst of a write. Who waits for the answer anyway gets it from the
 * log that has recovered meanwhile, and what makes room gets in. */
static void local_wait(struct ate__pipe *p, struct ate__offer *offer)
{
    struct ate__storage *storage = ate__chain_storage(chain_of(p));
    struct ate__storage_state state = {.full = false};
    void (*done)(struct ate__offer *offer) = offer->done;
    offer->done = NULL; /* once, with the last answer */
    ate__chain_wait(chain_of(p), offer);
    if (offer->result == ATE_UNKNOWN)
        storage->v->state(storage, &state);
    if (state.full && !state.failed)
        ate__chain_wait(chain_of(p), offer);
    offer->done = done;
    if (done)
        done(offer);
}

static int local_ask(struct ate__pipe *p, struct ate__ask *ask)
{
    ate__chain_ask(chain_of(p), ask);
    return 0;
}

static void local_await(struct ate__pipe *p, struct ate__ask *ask)
{
    ate__chain_await(chain_of(p), ask);
}

static int local_history(struct ate__pipe *p, uint64_t from, ate__history_fn *each, void *arg)
{
    return ate__chain_history(chain_of(p), from, UINT64_MAX, each, arg);
}

static int local_listen(struct ate__pipe *p, struct ate__listener *l)
{
    ate__chain_listen(chain_of(p), l);
    return 0;
}

static void local_unlisten(struct ate__pipe *p, struct ate__listener *l)
{
    ate__chain_unlisten(chain_of(p), l);
}

static bool local_damage(struct ate__pipe *p, struct ate__storage_damage *ret_damage)
{
    return ate__chain_damage(chain_of(p), ret_damage);
}

static bool local_read_only(struct ate__pipe *p)
{
    return ate__chain_read_only(chain_of(p));
}

static const struct ate__pipe_vtable local_vtable = {
    .ref = local_ref,
    .unref = local_unref,
    .trust = local_trust,
    .created = local_created,
    .chain = chain_of,
    .begin = local_begin,
    .refresh = ate__chain_snapshot_refresh,
    .committed = local_committed,
    .end = ate__chain_snapshot_end,
    .head = ate__chain_snapshot_head,
    .facts = ate__chain_snapshot_facts,
    .event = ate__chain_snapshot_event,
    .still = ate__chain_snapshot_still,
    .offer = local_offer,
    .wait = local_wait,
    .ask = local_ask,
    .await = local_await,
    .history = local_history,
    .listen = local_listen,
    .unlisten = local_unlisten,
    .damage = local_damage,
    .read_only = local_read_only,
};

/* ---- opening ---- */

static int new_local(const struct ate__env *env, struct local **ret_local)
{
    struct local *l = ate__alloc(sizeof *l);
    if (!l)
        return ate__no_memory();
    l->base.v = &local_vtable;
    l->base.env = env;
    atomic_init(&l->refs, 1);
    *ret_local = l;
    return 0;
}

static int finish(int rc, struct local *l, struct ate__pipe **ret_pipe)
{
    if (rc) {
        local_unref(&l->base);
        return rc;
    }
    *ret_pipe = &l->base;
    return 0;
}

/* A log without a transaction: its creation was never acknowledged. */
static bool is_empty(struct ate__storage *s)
{
    struct ate__storage_state state;
    s->v->state(s, &state);
    return state.size == 0;
}

static int open_storage(const struct ate__local_conf *conf, struct ate__dir *dir, unsigned flags,
                        struct ate__storage **ret_storage)
{
    struct ate__storage_conf storage_conf = {.sync = conf->chain.sync,
                                             .sync_interval_ms = conf->chain.sync_interval_ms,
                                             .segment_bytes = conf->chain.segment_bytes,
                                             .resetting_too = conf->resetting_too};
    struct ate__storage *s;
    int rc = ate__storage_open_file(conf->chain.env, dir, flags & ATE__STORAGE_READ, NULL,
                                    ATE__ROLE_ROOT, &storage_conf, &s);
    if (rc)
        return rc;
    if (is_empty(s)) {
        struct ate__storage_damage d;
        s->v->damage(s, &d);
        s->v->close(s);
        if (d.what != ATE_OK) /* its first transaction was acknowledged, and is no longer whole */
            return ate__fail((int)d.what, "%s, byte %" PRIu64 ": %s", d.file, d.offset, d.text);
        return ate__fail(ATE_NOT_FOUND, "no chain here: its creation is not finished");
    }
    *ret_storage = s;
    return 0;
}

/* What is written to a mirror is known to no server, and refuses all that its server has next. */
static int check_own(struct ate__storage *s)
{
    struct ate__storage_state state;
    s->v->state(s, &state);
    return state.role != ATE__ROLE_MIRROR
               ? 0
               : ate__fail(ATE_READ_ONLY, "a mirror of a chain at a server: write at its address, "
                                          "with this mirror if you like");
}

/* The sentence stays. */
static void close_refused(struct ate__chain *c)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    ate__chain_close(c);
    ate__error_set(text);
}

static int open_in(const struct ate__local_conf *conf, struct ate__dir *dir, unsigned flags,
                   bool mirrors_too, struct local *l)
{
    struct ate__storage *storage;
    int rc = open_storage(conf, dir, flags, &storage);
    if (rc)
        return rc;
    rc = mirrors_too || flags & ATE__STORAGE_READ ? 0 : check_own(storage);
    if (rc) {
        storage->v->close(storage);
        return rc;
    }
    struct ate__chain *c;
    rc = ate__chain_open(&conf->chain, storage, flags, &c);
    if (rc)
        return rc;
    rc = conf->accept ? conf->accept(conf->accept_arg, c) : 0;
    if (!rc)
        rc = ate__chain_begin(c);
    if (rc) {
        close_refused(c);
        return rc;
    }
    l->chain = c;
    return 0;
}

static int make_storage(const struct ate__local_conf *conf, struct ate__dir *dir,
                        const struct ate_hash *chain_id, struct ate__storage **ret_storage)
{
    struct ate__storage_conf storage_conf = {.sync = conf->chain.sync,
                                             .sync_interval_ms = conf->chain.sync_interval_ms,
                                             .segment_bytes = conf->chain.segment_bytes};
    if (conf->memory)
        return ate__storage_open_mem(conf->chain.env, chain_id, ATE__ROLE_ROOT, ret_storage);
    return ate__storage_open_file(conf->chain.env, dir, ATE__STORAGE_CREATE | ATE__STORAGE_ANEW,
                                  chain_id, ATE__ROLE_ROOT, &storage_conf, ret_storage);
}

static int chain_id_of(struct ate_bytes genesis_tx, struct ate_hash *ret_chain_id)
{
    struct ate__tx tx;
    enum ate__hash_alg alg;
    int rc = ate__tx_genesis_alg(genesis_tx, &alg);
    if (!rc)
        rc = ate__tx_decode(genesis_tx, alg, &tx);
    if (rc)
        return rc;
    *ret_chain_id = tx.chain_id;
    ate__tx_deinit(&tx);
    return 0;
}

static int create_in(const struct ate__local_conf *conf, struct ate__dir *dir,
                     struct ate_bytes genesis_tx, struct local *l)
{
    struct ate_hash chain_id;
    struct ate__storage *storage;
    int rc = chain_id_of(genesis_tx, &chain_id);
    if (!rc)
        rc = make_storage(conf, dir, &chain_id, &storage);
    if (!rc)
        rc = ate__chain_create(&conf->chain, storage, genesis_tx, &l->chain);
    l->created = rc == 0;
    return rc;
}

int ate__local_open_dir(const struct ate__local_conf *conf, struct ate__dir *dir, unsigned flags,
                        struct ate__pipe **ret_pipe)
{
    struct local *l = NULL;
    int rc = new_local(conf->chain.env, &l);
    if (rc)
        return rc;
    /* A server that is given a mirror to serve takes the place of the one that is lost. */
    return finish(open_in(conf, dir, flags, true, l), l, ret_pipe);
}

int ate__local_create(const struct ate__local_conf *conf, struct ate__dir *dir,
                      struct ate_bytes genesis_tx, struct ate__pipe **ret_pipe)
{
    struct local *l = NULL;
    int rc = new_local(conf->chain.env, &l);
    if (rc)
        return rc;
    return finish(create_in(conf, dir, genesis_tx, l), l, ret_pipe);
}

/* "/" and the last component of a path. */
static int name_of_path(const char *path, char name[ATE__CHAIN_NAME_MAX + 1])
{
    size_t end = strlen(path);
    while (end && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    struct ate_bytes last = ate__bytes(path + start, end - start);
    int rc = ate__chain_segment_check(last);
    if (rc) {
        char shown[128];
        return ate__context(rc == ATE_TOO_BIG ? ATE_MALFORMED : rc, "%s cannot name a chain",
                            ate__escaped(last, shown, sizeof shown));
    }
    name[0] = '/';
    memcpy(name + 1, last.data, last.size);
    name[1 + last.size] = 0;
    return 0;
}

static int create_at(const struct ate__local_conf *conf, struct ate__dir *dir, const char *path,
                     struct ate_session *session, struct local *l)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf genesis = ATE__BUF_NULL;
    char name[ATE__CHAIN_NAME_MAX + 1];
    struct ate_hash chain_id;
    int rc = conf->name ? 0 : name_of_path(path, name);
    if (!rc && !session)
        rc = ate__fail(ATE_NO_KEY, "a new chain needs a private key as its root");
    if (!rc)
        rc = ate__genesis_make(conf->chain.env, session, conf->name ? conf->name : name,
                               &conf->genesis, &genesis, &chain_id);
    return rc ? rc : create_in(conf, dir, ate__buf_bytes(&genesis), l);
}

/* Where nothing will be made no directory is, either. */
static int make_dir(const struct ate__local_conf *conf, const char *path,
                    const struct ate_session *session, struct ate__dir **ret_dir)
{
    char ignored[ATE__CHAIN_NAME_MAX + 1];
    int rc = name_of_path(path, ignored);
    if (!rc)
        rc = ate__genesis_check(session, &conf->genesis);
    return rc ? rc : ate__dir_open(conf->chain.env->vfs, path, ATE__DIR_MAKE, ret_dir);
}

/* dir: NULL: not even that is there. The sentence is that of an open. */
static int none_there(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    char text[ATE__ERROR_SIZE];
    snprintf(text, sizeof text, "%s", ate__error_text());
    int rc = dir ? ate__destroyed_check(vfs, dir, ATE_NOT_FOUND) : 0;
    if (rc)
        return rc;
    ate__error_set(text);
    return ate__context(ATE_NOT_FOUND, "no chain lies there");
}

static int open_at(const struct ate__local_conf *conf, const char *path,
                   struct ate_session *session, unsigned flags, struct ate__pipe **ret_pipe)
{
    const struct ate__vfs *vfs = conf->chain.env->vfs;
    bool create = flags & ATE__STORAGE_CREATE;
    struct local *l = NULL;
    struct ate__dir *dir = NULL;
    int rc = new_local(conf->chain.env, &l);
    if (rc)
        return rc;
    if (!conf->memory)
        rc = vfs->open_root(vfs->user, path, &dir);
    else if (!create)
        rc = ate__fail(ATE_NOT_FOUND, "a chain in memory is made, never found");
    if (rc == ATE_NOT_FOUND && create)
        rc = make_dir(conf, path, session, &dir);
    if (!rc && !conf->memory)
        rc = open_in(conf, dir, flags, false, l);
    if (create && (conf->memory || (rc == ATE_NOT_FOUND && dir))) {
        rc = create_at(conf, dir, path, session, l);
        if (rc == ATE_EXISTS) /* somebody else was faster */
            rc = open_in(conf, dir, flags, false, l);
    } else if (rc == ATE_NOT_FOUND && !create && !conf->memory) {
        rc = none_there(vfs, dir);
    }
    vfs->close_dir(dir);
    return finish(rc, l, ret_pipe);
}

int ate__local_open(const struct ate__local_conf *conf, const char *path,
                    struct ate_session *session, unsigned flags, struct ate__pipe **ret_pipe)
{
    struct ate__local_conf with_secrets = *conf;
    struct ate__key32 *secrets = NULL;
    size_t count = 0;
    int rc = conf->no_view_image ? 0 : ate__image_secrets_new(session, &secrets, &count);
    if (count) {
        with_secrets.chain.image_secrets = secrets;
        with_secrets.chain.image_secret_count = count;
    }
    if (!rc)
        rc = open_at(&with_secrets, path, session, flags, ret_pipe);
    ate__secret_free(secrets);
    return rc;
}
