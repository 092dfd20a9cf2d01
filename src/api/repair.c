/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * repair.c: the public face of a repair: whom to trust, and what was seen there before.
 */
#include "chain/repair.h"
#include "api/host_key.h"
#include "api/reset.h"
#include "ate/backup.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct repairing {
    const struct ate_repair_conf *conf;
    const char *path;
    struct ate__anchor anchor;
    struct ate_session *session;
    struct ate__repaired out;
    bool reset;
};

static int check_anchor(void *arg, struct ate__trust *trust)
{
    const struct repairing *x = arg;
    int rc = ate__anchor_check(&x->anchor, trust);
    return rc || !x->conf->reset ? rc : ate__reset_check_chain(trust);
}

static void tell(void *arg, uint64_t done, uint64_t total)
{
    const struct repairing *x = arg;
    if (x->conf->progress)
        x->conf->progress(x->conf->progress_arg, "repair", done, total);
}

/* m: to be closed whatever comes of it. */
static int open_memory(const struct repairing *x, struct ate__memory *m)
{
    char real[PATH_MAX];
    *m = (struct ate__memory){0};
    if (!realpath(x->path, real))
        return ate__fail_errno(errno, "%s", x->path);
    return ate__memory_open(m, x->conf->state_dir, real);
}

/* What lies there is whole, and may still be less than was there, or something else. */
static int check_seen(void *arg, struct ate__chain *c)
{
    const struct repairing *x = arg;
    struct ate__memory m;
    if (x->conf->reset)
        return 0; /* whatever it is, that is what it goes back to */
    int rc = open_memory(x, &m);
    if (!rc) {
        rc = ate__memory_check(&m, c);
        if (rc > 0)
            (void)ate__context(rc, "what is there holds, and no repair brings back what is not");
    }
    ate__memory_close(&m);
    return rc;
}

/* What was seen beyond the repaired chain is lost, and this user has said so. */
static int forget(const struct repairing *x)
{
    struct ate__memory m;
    int rc = open_memory(x, &m);
    if (!rc && m.known && m.size > x->out.size) {
        ate__memory_forget(&m);
        ate__memory_advance(&m, &x->out.chain_id, x->out.size, &x->out.root);
        ate__memory_keep(&m);
    }
    ate__memory_close(&m);
    return rc;
}

static int write_reset(struct repairing *x)
{
    struct ate__reset_conf conf = {
        .session = x->session, .reason = ATE__RESET_REPAIR, .text = x->conf->reset};
    struct ate__memory m;
    struct ate_head ignored;
    int rc = open_memory(x, &m);
    if (!rc && m.known) {
        conf.old_size = m.size;
        conf.old_root = m.root;
    }
    if (!rc)
        rc = ate__reset_write(x->path, &conf, &m, &ignored);
    ate__memory_close(&m);
    x->reset = !rc;
    return rc;
}

static int run(struct repairing *x)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *dir;
    struct ate__repair repair = {
        .chain = {.env = &ate__env_real, .host_key = ate__host_key_ask},
        .anchor = check_anchor,
        .whole = check_seen,
        .progress = tell,
        .arg = x,
        .change = x->conf->change,
    };
    int rc = vfs->open_root(vfs->user, x->path, &dir);
    if (rc)
        return rc;
    rc = ate__api_workers(&repair.chain.workers);
    if (!rc) {
        rc = ate__chain_repair(&repair, dir, &x->out);
        ate__api_workers_unref(repair.chain.workers);
    }
    vfs->close_dir(dir);
    if (rc || !x->conf->change)
        return rc;
    if (x->conf->reset)
        return write_reset(x);
    return x->out.damage.what != ATE_OK && !x->out.resumed ? forget(x) : 0;
}

static void fill(const struct repairing *x, struct ate_repaired *ret)
{
    const struct ate__repaired *o = &x->out;
    *ret = (struct ate_repaired){
        .is_damaged = o->damage.what != ATE_OK,
        .resumed = o->resumed,
        .reset = x->reset,
        .what = o->damage.what,
        .sequence = o->size,
        .head = {.size = o->size, .root = o->root},
        .known = o->known,
        .behind = o->behind,
        .unreadable = o->unreadable,
    };
    snprintf(ret->damaged, sizeof ret->damaged, "%s", o->damaged);
    snprintf(ret->salvage, sizeof ret->salvage, "%s", o->salvage);
    if (o->damage.what != ATE_OK)
        (void)ate__fail((int)o->damage.what, "%s%s%s", o->damage.file,
                        o->damage.file[0] ? ": " : "", o->damage.text);
    ret->text = ate__error_text();
}

int ate_repair(const char *dir, struct ate_session *session, const struct ate_repair_conf *conf,
               struct ate_repaired *ret_repaired)
{
    static const struct ate_repair_conf defaults;
    struct repairing x = {.conf = conf ? conf : &defaults, .path = dir, .session = session};
    int rc = ate__check_may_wait();
    if (!rc && (!dir || !*dir))
        rc = ate__fail(ATE_MISUSE, "repair: no directory");
    if (!rc)
        rc = ate__conf_check("repair", x.conf);
    if (rc)
        return rc;
    rc = ate__anchor_init(&x.anchor, x.conf->root, NULL, session);
    x.anchor.centralized = true; /* what it says is not asked */
    if (!rc)
        rc = run(&x);
    ate__anchor_deinit(&x.anchor);
    if (rc)
        return rc;
    fill(&x, ret_repaired);
    return 0;
}
