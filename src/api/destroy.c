/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * destroy.c: the public face of destroying a chain: whom to trust, and where it lies.
 */
#include "ate/destroy.h"
#include "api/api.h"
#include "chain/destroy.h"
#include <stdio.h>

static int check_anchor(void *arg, struct ate__trust *trust)
{
    return ate__anchor_check(arg, trust);
}

static int check_arguments(const char *dir)
{
    if (!dir || !*dir)
        return ate__fail(ATE_MISUSE, "destroy: no directory");
    if (dir[0] == '@' || !strncmp(dir, "tcp://", 6))
        return ate__fail(ATE_UNSUPPORTED, "a chain at a server is destroyed on the server's "
                                          "machine, in its directory");
    return ate__check_may_wait();
}

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

int ate_chain_destroy(const char *dir, struct ate_session *session,
                      const struct ate_destroy_conf *conf,
                      struct ate_destroyed_chain *ret_destroyed)
{
    static const struct ate_destroy_conf defaults;
    struct ate__destroyed out = {.resumed = false};
    struct ate__anchor anchor;
    if (!conf)
        conf = &defaults;
    int rc = check_arguments(dir);
    if (rc)
        return rc;
    struct ate__destroy destroy = {
        .chain = {.env = &ate__env_real},
        .session = session,
        .anchor = check_anchor,
        .arg = &anchor,
        .name = conf->name,
    };
    rc = ate__anchor_init(&anchor, conf->root, NULL, session);
    if (!rc)
        rc = run(&destroy, dir, &out);
    ate__anchor_deinit(&anchor);
    if (rc)
        return ate__context(rc, "%s", dir);
    *ret_destroyed = (struct ate_destroyed_chain){
        .resumed = out.resumed,
        .chain_id = out.chain_id,
        .head = {.size = out.size, .root = out.root},
        .key = out.key,
        .time_ns = (int64_t)out.time_us * 1000,
    };
    snprintf(ret_destroyed->name, sizeof ret_destroyed->name, "%s", out.name);
    return 0;
}
