/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.c: the owner of a chain destroys it, in a directory or at a server.
 */
#include "chain/destroy.h"
#include "base/err.h"
#include "base/replace.h"
#include "base/text.h"
#include "chain/chain_private.h"
#include "chain/reset.h"
#include "trust/authority.h"
#include <stdio.h>

struct destroying {
    const struct ate__destroy *conf;
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
    struct ate__chain *c;       /* NULL: only what an earlier one left */
    const struct ate__key *key; /* that signs */
    struct ate__buf statement;
    struct ate__destroyed out;
};

static int check_name(const struct destroying *x)
{
    char shown[256];
    const char *given = x->conf->name;
    if (!given || !strcmp(given, x->out.name))
        return 0;
    return ate__fail(ATE_DENIED, "the chain here is %s, not %s; nothing was changed", x->out.name,
                     ate__escaped(ate__text_bytes(given), shown, sizeof shown));
}

static void take_name(struct destroying *x, struct ate_bytes name)
{
    size_t size = ate__min(name.size, sizeof x->out.name - 1);
    memcpy(x->out.name, name.data, size);
    x->out.name[size] = 0;
}

/* ---- whether it may go ---- */

static int check_owner(struct destroying *x)
{
    struct ate_hash roots[ATE__ROOT_KEYS_MAX];
    char text[ATE__HASH_TEXT];
    if (!x->conf->session || !ate__session_key_count(x->conf->session))
        return ate__fail(ATE_NO_KEY, "only its owner destroys a chain, with a root key of it");
    x->key = ate__session_root_key(x->conf->session, x->c->trust);
    if (x->key) {
        x->out.key = x->key->fingerprint;
        return 0;
    }
    if (!ate__trust_root_keys(x->c->trust, roots, 1))
        return ate__fail(ATE_DENIED, "no root key of the chain is in force");
    return ate__fail(ATE_DENIED, "only a root key in force destroys a chain; here that is %s",
                     ate__hash_text(&roots[0], text));
}

static int check_kept(const struct ate__chain *c, const struct ate_id *id,
                      const struct ate__object_facts *f, uint64_t now_us)
{
    uint64_t retention = ate__trust_genesis(c->trust)->retention_us;
    uint64_t since = f->updated_us ? f->updated_us : now_us;
    uint64_t over = since > UINT64_MAX - retention ? UINT64_MAX : since + retention;
    char text[ATE__ID_TEXT];
    struct ate_id at;
    bool held;
    if (!ate__is_top(id) && now_us < over)
        return ate__fail(ATE_DENIED,
                         "an archive: object %s is kept for %llu s more; nothing was changed",
                         ate__id_text(id, text), (unsigned long long)((over - now_us) / 1000000));
    int rc = ate__hold_of(&c->latest, id, &at, &held);
    if (!rc && held)
        rc = ate__fail(ATE_DENIED, "an archive: %s is held; nothing was changed",
                       ate__is_top(&at) ? "the top" : ate__id_text(&at, text));
    return rc;
}

/* Whoever asks, and whatever key he has. Under the mutex. */
static int check_archive(struct ate__chain *c)
{
    const struct ate__genesis *g = ate__trust_genesis(c->trust);
    struct ate__view_snapshot s = {c->view, NULL, UINT64_MAX};
    uint64_t now_us = ate__chain_time(c);
    struct ate__object_facts f;
    struct ate_id id;
    uint64_t at = 0;
    if (!g->archive)
        return 0;
    if (!g->retention_us)
        return ate__fail(ATE_DENIED, "an archive that keeps everything for ever; nothing was "
                                     "changed");
    int rc = 0;
    while (!rc && !(rc = ate__view_next_object(&s, &at, &id, &f)))
        rc = f.live ? check_kept(c, &id, &f, now_us) : 0;
    return rc == ATE_END ? 0 : rc;
}

static int check(struct destroying *x)
{
    pthread_mutex_lock(&x->c->mutex);
    int rc = check_archive(x->c);
    pthread_mutex_unlock(&x->c->mutex);
    return rc;
}

/* For writing, and nothing is written: begin() never comes. */
static int open_chain(struct destroying *x)
{
    static const struct ate__storage_conf conf = {.destroyed_too = true};
    struct ate__storage_state state;
    struct ate__storage *storage;
    int rc = ate__storage_open_file(x->conf->chain.env, x->dir, 0, NULL, ATE__ROLE_ROOT, &conf,
                                    &storage);
    if (rc)
        return rc;
    storage->v->state(storage, &state);
    rc = ate__chain_open(&x->conf->chain, storage, 0, &x->c);
    if (rc)
        return rc;
    if (state.role == ATE__ROLE_MIRROR)
        return ate__fail(ATE_READ_ONLY, "a mirror of a chain at a server: what is destroyed is the "
                                        "chain there, and the mirror is removed as it lies");
    if (x->c->damage.what != ATE_OK || !state.writable)
        return ate__fail(ATE_TAMPERED, "damaged, so that it is not known who owns it: repair it "
                                       "first");
    if (!x->c->trust)
        return ate__fail(ATE_NOT_FOUND, "no chain here: its creation is not finished");
    return 0;
}

static int look(struct destroying *x)
{
    int rc = open_chain(x);
    if (rc)
        return rc;
    x->out.chain_id = *ate__trust_chain_id(x->c->trust);
    ate__chain_head(x->c, &x->out.size, &x->out.root);
    take_name(x, ate__trust_genesis(x->c->trust)->name);
    rc = check_owner(x);
    if (!rc && x->conf->anchor)
        rc = x->conf->anchor(x->conf->arg, x->c->trust);
    if (!rc)
        rc = check(x);
    return rc ? rc : check_name(x);
}

/* ---- what was signed ---- */

static int put_statement(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate_bytes bytes)
{
    int rc = ate__replace_file(vfs, dir, ATE__DESTROYED_NAME, bytes, 0);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, ATE__DESTROYED_NAME) : rc;
}

static int sign_statement(struct destroying *x)
{
    x->out.time_us = ate__wall_us(x->conf->chain.env);
    const struct ate__destruction d = {
        .chain_id = x->out.chain_id,
        .root = x->out.root,
        .size = x->out.size,
        .time_us = x->out.time_us,
        .name = ate__text_bytes(x->out.name),
    };
    return ate__destruction_make(&d, x->key, &x->statement);
}

int ate__chain_destroyed(const struct ate__vfs *vfs, struct ate__dir *dir,
                         struct ate__buf *ret_statement, struct ate__destruction *ret_destruction)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    struct ate__stat about;
    struct ate__file *file;
    int rc = vfs->open(dir, ATE__DESTROYED_NAME, ATE__OPEN_READ, &file);
    if (rc)
        return rc;
    rc = vfs->stat(file, &about);
    if (!rc)
        rc = ate__buf_reserve(&bytes, ate__min(about.size, ATE__DESTRUCTION_MAX) + 1);
    if (!rc)
        rc = vfs->read(file, 0, bytes.data, bytes.capacity, &bytes.size);
    vfs->close(file);
    if (!rc)
        rc = ate__destruction_read(ate__buf_bytes(&bytes), ret_destruction);
    if (rc)
        return ate__context(rc == ATE_MALFORMED || rc == ATE_TOO_BIG ? ATE_TAMPERED : rc,
                            ATE__DESTROYED_NAME);
    *ret_statement = bytes;
    bytes = ATE__BUF_NULL;
    return 0;
}

static int read_statement(struct destroying *x)
{
    struct ate__destruction d;
    int rc = ate__chain_destroyed(x->vfs, x->dir, &x->statement, &d);
    if (rc)
        return rc;
    x->out.chain_id = d.chain_id;
    x->out.root = d.root;
    x->out.size = d.size;
    x->out.time_us = d.time_us;
    x->out.key = d.key;
    take_name(x, d.name);
    return 0;
}

/* ---- removing ---- */

struct clearing {
    const struct ate__vfs *vfs;
    struct ate__dir *dir;
    unsigned below; /* so many levels of directories may follow */
};

static int remove_one(void *arg, const char *name);

/* NOT_FOUND: there is none. */
static int clear(const struct clearing *c, const char *name)
{
    struct clearing in = {.vfs = c->vfs, .below = c->below - 1};
    int rc = c->vfs->open_dir(c->dir, name, false, &in.dir);
    if (rc)
        return rc;
    rc = c->vfs->list(in.dir, remove_one, &in);
    c->vfs->close_dir(in.dir);
    return rc ? rc : c->vfs->remove(c->dir, name);
}

/* Empty directories go as files do; `trimmed` is one that is not always. */
static int remove_one(void *arg, const char *name)
{
    const struct clearing *c = arg;
    int rc = c->vfs->remove(c->dir, name);
    if (rc == ATE_E_SYSTEM && c->below)
        rc = clear(c, name);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

int ate__chain_destroy_clear(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    int rc = clear(&(struct clearing){vfs, dir, 2}, ATE__DESTROYING_NAME);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    return vfs->sync_dir(dir);
}

static int move_chain(const struct ate__vfs *vfs, struct ate__dir *dir)
{
    int rc = vfs->rename(dir, ATE__CHAIN_NAME, ATE__DESTROYING_NAME);
    return rc ? rc : vfs->sync_dir(dir);
}

/* Steps 2 to 4. What is in the way is of a chain that was destroyed here before this one. */
static int put_aside(const struct ate__vfs *vfs, struct ate__dir *dir, struct ate_bytes statement)
{
    struct ate__dir *mark = NULL;
    int rc = ate__chain_destroy_clear(vfs, dir);
    if (!rc)
        rc = vfs->open_dir(dir, ATE__DESTROYING_NAME, true, &mark);
    vfs->close_dir(mark);
    if (!rc)
        rc = put_statement(vfs, dir, statement);
    if (!rc)
        rc = move_chain(vfs, dir);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, ATE__CHAIN_NAME) : rc;
}

static int destroy(struct destroying *x)
{
    int rc = sign_statement(x);
    if (!rc)
        rc = put_aside(x->vfs, x->dir, ate__buf_bytes(&x->statement));
    return rc ? rc : ate__chain_destroy_clear(x->vfs, x->dir);
}

/* ---- ending an earlier one ---- */

static int is_there(struct destroying *x, const char *name, bool *ret_there)
{
    struct ate__dir *dir = NULL;
    int rc = x->vfs->open_dir(x->dir, name, false, &dir);
    x->vfs->close_dir(dir);
    *ret_there = rc == 0;
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

static int find_one(void *arg, const char *name)
{
    (void)arg, (void)name;
    return ATE_EXISTS;
}

/* Whether one was cut short between steps 2 and 4: an empty directory waits for the chain. */
static int is_marked(struct destroying *x, bool *ret_marked)
{
    struct ate__dir *mark;
    int rc = x->vfs->open_dir(x->dir, ATE__DESTROYING_NAME, false, &mark);
    if (!rc) {
        rc = x->vfs->list(mark, find_one, NULL);
        x->vfs->close_dir(mark);
        *ret_marked = rc == 0;
    }
    return rc < 0 ? rc : 0;
}

/* Step 4 where the chain is what was signed: nobody has put another in its place since. */
static int go_on(struct destroying *x)
{
    int rc = read_statement(x);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    rc = open_chain(x);
    if (rc || x->c->tree.size != x->out.size || !ate__hash_equal(&x->c->root, &x->out.root) ||
        !ate__hash_equal(&x->out.chain_id, ate__trust_chain_id(x->c->trust)))
        return rc;
    return move_chain(x->vfs, x->dir);
}

int ate__chain_destroy_end(const struct ate__chain_conf *conf, struct ate__dir *dir)
{
    const struct ate__destroy how = {.chain = *conf};
    struct destroying x = {.conf = &how, .vfs = conf->env->vfs, .dir = dir};
    bool there = false, marked = false;
    int rc = is_there(&x, ATE__CHAIN_NAME, &there);
    if (!rc && there)
        rc = is_marked(&x, &marked);
    if (!rc && marked)
        rc = go_on(&x);
    char text[ATE__ERROR_SIZE]; /* the sentence stays */
    snprintf(text, sizeof text, "%s", rc ? ate__error_text() : "");
    ate__chain_close(x.c);
    ate__buf_deinit(&x.statement);
    if (rc)
        ate__error_set(text);
    return rc ? rc : ate__chain_destroy_clear(x.vfs, dir);
}

/* No chain lies here, and what is left of one may be all there is: the key that signed it goes on.
 */
static int resume(struct destroying *x)
{
    char text[ATE__HASH_TEXT];
    bool left = false;
    int rc = is_there(x, ATE__DESTROYING_NAME, &left);
    if (!rc && !left)
        rc = ate__destroyed_check(x->vfs, x->dir, ATE_NOT_FOUND);
    if (!rc && !left)
        rc = ate__fail(ATE_NOT_FOUND, "no chain lies there");
    if (!rc)
        rc = read_statement(x);
    if (rc)
        return rc;
    x->out.resumed = true;
    if (!x->conf->session || !ate__session_find(x->conf->session, &x->out.key))
        return ate__fail(ATE_DENIED, "it was begun with key %s, which goes on with it",
                         ate__hash_text(&x->out.key, text));
    rc = check_name(x);
    return rc || !x->conf->name ? rc : ate__chain_destroy_clear(x->vfs, x->dir);
}

int ate__chain_destroy(const struct ate__destroy *conf, struct ate__dir *dir,
                       struct ate__destroyed *ret_destroyed)
{
    struct destroying x = {.conf = conf, .vfs = conf->chain.env->vfs, .dir = dir};
    bool there = false;
    int rc = is_there(&x, ATE__CHAIN_NAME, &there);
    if (!rc && !there)
        rc = resume(&x);
    else if (!rc)
        rc = look(&x);
    if (!rc && there && conf->name)
        rc = destroy(&x);
    char text[ATE__ERROR_SIZE]; /* the sentence stays */
    snprintf(text, sizeof text, "%s", rc ? ate__error_text() : "");
    ate__chain_close(x.c);
    ate__buf_deinit(&x.statement);
    if (rc)
        ate__error_set(text);
    else
        *ret_destroyed = x.out;
    return rc;
}

/* ---- a chain that is open at a server ---- */

static int check_order(struct ate__chain *c, const struct ate__destroy_order *order,
                       struct ate__destruction *ret_destruction)
{
    struct ate__destruction d;
    char text[ATE__HASH_TEXT];
    if (c->read_only)
        return ate__fail(ATE_READ_ONLY, "the chain is damaged, so that it is not known who owns "
                                        "it; its server has it for reading");
    int rc = ate__destruction_read(order->statement, &d);
    if (rc)
        return rc;
    if (!d.genesis.size || !ate__hash_equal(&d.pin, &order->pin))
        return ate__fail(ATE_DENIED, "it was signed for another place than this server");
    if (!ate__hash_equal(&d.nonce, &order->nonce))
        return ate__fail(ATE_STALE, "it was signed for another time than this");
    if (!ate__hash_equal(&d.chain_id, ate__trust_chain_id(c->trust)) ||
        !ate__bytes_equal(d.name, ate__trust_genesis(c->trust)->name))
        return ate__fail(ATE_DENIED, "it was signed for another chain");
    if (!ate__trust_is_root(c->trust, &d.key))
        return ate__fail(ATE_DENIED, "only a root key in force destroys a chain; %s is none",
                         ate__hash_text(&d.key, text));
    *ret_destruction = d;
    return 0;
}

/* Clients that have followed a RESET believe nothing that was signed before it. */
static int check_time(struct ate__chain *c, const struct ate__destruction *d)
{
    const struct ate__reset_seen seen = {.size = d->size,
                                         .time_us = d->time_us ? d->time_us - 1 : 0};
    struct ate__reset later;
    int rc = ate__chain_reset_find(c, &seen, &later);
    if (rc)
        return rc == ATE_NOT_FOUND ? 0 : rc;
    return ate__fail(ATE_DENIED,
                     "it was signed before the chain went back, by the clock of who signed: set "
                     "that right");
}

int ate__chain_destroy_judge(struct ate__chain *c, const struct ate__destroy_order *order,
                             struct ate__destruction *ret_destruction)
{
    struct ate__destruction d;
    int rc = check_order(c, order, &d);
    if (!rc)
        rc = check_time(c, &d);
    if (!rc)
        *ret_destruction = d;
    return rc;
}

/* All that was ordered stands, and that is what was signed. Under the mutex. */
static int check_head(struct ate__chain *c, const struct ate__destruction *d)
{
    if (c->next_sequence == d->size && c->tree.size == d->size &&
        ate__hash_equal(&c->root, &d->root))
        return 0;
    return ate__fail(ATE_STALE,
                     "its head is another than the one of %llu transactions that was "
                     "signed",
                     (unsigned long long)d->size);
}

int ate__chain_destroy_now(struct ate__chain *c, struct ate__dir *dir,
                           const struct ate__destroy_order *order)
{
    struct ate__destruction d;
    pthread_mutex_lock(&c->mutex);
    int rc = check_order(c, order, &d);
    if (!rc)
        rc = check_head(c, &d);
    if (!rc)
        rc = check_archive(c);
    if (!rc)
        rc = put_aside(c->conf.env->vfs, dir, order->statement);
    pthread_mutex_unlock(&c->mutex);
    if (rc <= 0)
        ate__chain_compact_stop(c); /* what was refused changes nothing, this neither */
    return rc;
}
