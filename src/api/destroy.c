/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.c: the public face of destroying a chain: whom to trust, and where it lies.
 */
#include "ate/destroy.h"
#include "api/api.h"
#include "api/host_key.h"
#include "chain/destroy.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static int check_anchor(void *arg, struct ate__trust *trust)
{
    return ate__anchor_check(arg, trust);
}

static int check_arguments(const char *where)
{
    if (!where || !*where)
        return ate__fail(ATE_MISUSE, "destroy: no directory and no address");
    return ate__check_may_wait();
}

/* ---- in a directory ---- */

static int run(struct ate__destroy *destroy, const char *path, struct ate__destroyed *ret)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *dir;
    int rc = vfs->open_root(vfs->user, path, &dir);
    if (rc)
        return rc;
    rc = ate__api_workers(&destroy->chain.workers);
    if (!rc) {
        rc = ate__chain_destroy(destroy, dir, ret);
        ate__api_workers_unref(destroy->chain.workers);
    }
    vfs->close_dir(dir);
    return rc;
}

/* What was seen there is of no use for what comes there later, such as an older backup. */
static void forget(const char *dir, const char *state_dir)
{
    struct ate__memory memory;
    char real[PATH_MAX];
    if (!realpath(dir, real))
        return;
    if (!ate__memory_open(&memory, state_dir, real))
        ate__memory_remove(&memory);
    ate__memory_close(&memory);
}

static int destroy_there(const char *dir, struct ate_session *session,
                         const struct ate_destroy_conf *conf, struct ate__destroyed *ret)
{
    struct ate__anchor anchor;
    struct ate__destroy destroy = {
        .chain = {.env = &ate__env_real, .host_key = ate__host_key_ask},
        .session = session,
        .anchor = check_anchor,
        .arg = &anchor,
        .name = conf->name,
    };
    int rc = ate__anchor_init(&anchor, conf->root, NULL, session);
    anchor.centralized = true; /* its owner signs that */
    if (!rc)
        rc = run(&destroy, dir, ret);
    ate__anchor_deinit(&anchor);
    if (!rc && conf->name)
        forget(dir, conf->state_dir);
    return rc;
}

/* ---- at a server ---- */

/* The first root key of the session; the server knows best which are in force, so else the first
 * of all. */
static const struct ate__key *find_key(struct ate_session *session, const struct ate__trust *trust)
{
    const struct ate__key *key = ate__session_root_key(session, trust);
    return key || !session ? key : ate__session_key(session, 0);
}

static int destroy_far(struct ate_chain *c, const struct ate_destroy_conf *conf,
                       struct ate__destroyed *ret)
{
    const struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    const struct ate__key *key = find_key(c->session, trust);
    char given[256], name[256];
    struct ate_head head = ate_chain_head(c);
    struct ate__destruction d = {.size = head.size, .root = head.root};
    if (!key)
        return ate__fail(ATE_NO_KEY, "only its owner destroys a chain, with a root key of it");
    if (conf->name && strcmp(conf->name, c->name) != 0)
        return ate__fail(ATE_DENIED, "the chain here is %s, not %s; nothing was changed",
                         ate__escaped(ate__text_bytes(c->name), name, sizeof name),
                         ate__escaped(ate__text_bytes(conf->name), given, sizeof given));
    int rc = conf->name ? c->pipe->v->far->destroy(c->pipe, key, &d) : 0;
    if (rc)
        return rc;
    ret->chain_id = *ate__trust_chain_id(trust);
    ret->root = d.root;
    ret->key = key->fingerprint;
    ret->size = d.size;
    ret->time_us = d.time_us;
    snprintf(ret->name, sizeof ret->name, "%s", c->name);
    return 0;
}

static int destroy_at_server(const char *where, struct ate_session *session,
                             const struct ate_destroy_conf *conf, struct ate__destroyed *ret)
{
    const struct ate_chain_conf chain_conf = {
        .root = conf->root,
        .pin = conf->pin,
        .state_dir = conf->state_dir,
        .timeout_ms = conf->timeout_ms,
        .no_wire_encryption = conf->no_wire_encryption,
        .lookup = conf->lookup,
    };
    struct ate_chain *c;
    char text[ATE__ERROR_SIZE];
    int rc = ate_chain_open(where, session, 0, &chain_conf, &c);
    if (rc)
        return rc;
    rc = c->pipe->v->far ? destroy_far(c, conf, ret)
                         : ate__fail(ATE_MISUSE, "destroy: the name stands for a directory");
    snprintf(text, sizeof text, "%s", rc ? ate__error_text() : ""); /* the sentence stays */
    ate_chain_close(c);
    if (rc)
        ate__error_set(text);
    return rc;
}

int ate_chain_destroy(const char *where, struct ate_session *session,
                      const struct ate_destroy_conf *conf,
                      struct ate_destroyed_chain *ret_destroyed)
{
    static const struct ate_destroy_conf defaults;
    struct ate__destroyed out = {.resumed = false};
    if (!conf)
        conf = &defaults;
    int rc = check_arguments(where);
    if (!rc)
        rc = ate__conf_check("destroy", conf);
    if (rc)
        return rc;
    bool far = where[0] == '@' || !strncmp(where, "tcp://", 6);
    rc = far ? destroy_at_server(where, session, conf, &out)
             : destroy_there(where, session, conf, &out);
    if (rc)
        return rc;
    *ret_destroyed = (struct ate_destroyed_chain){
        .resumed = out.resumed,
        .chain_id = out.chain_id,
        .head = {.size = out.size, .root = out.root},
        .key = out.key,
        .time_ns = ate__ns_of(out.time_us),
    };
    snprintf(ret_destroyed->name, sizeof ret_destroyed->name, "%s", out.name);
    return 0;
}
