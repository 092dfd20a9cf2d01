/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * backup.c: the public face of copies: the target's directory, and what was seen there before.
 */
#include "ate/backup.h"
#include "api/host_key.h"
#include "api/reset.h"
#include "base/alloc.h"
#include "base/dir.h"
#include "chain/backup.h"
#include "chain/local.h"
#include "chain/signed.h"
#include "chain/values.h"
#include "redo/import.h"
#include "redo/resetting.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 16 };

struct target {
    const struct ate_backup_conf *conf;
    bool is_restore;
    bool had_dir, had_log;    /* before this run */
    bool resumes; /* one that was to say that the chain went back, and was cut short */
    bool marked;  /* by this run: so that nobody writes before that is said */
    const char *place;        /* of the source */
    struct ate__chain *chain; /* the source's */
    struct ate_session *session;
    struct ate__dir *dir;
    struct ate__memory memory; /* of the target's place */
    bool has_memory;
    bool excused; /* what was seen there was left for the RESET */
    struct ate__reset reset;
};

static const char *stage_of(const struct target *t)
{
    return t->is_restore ? "restore" : "backup";
}

static void tell(void *arg, uint64_t done, uint64_t total)
{
    const struct target *t = arg;
    t->conf->progress(t->conf->progress_arg, stage_of(t), done, total);
}

/* What this user saw there before is in what it gets, or its loss was accepted. */
static int check_memory(struct target *t, const char *path, uint64_t size)
{
    struct ate__memory *m = &t->memory;
    char real[PATH_MAX];
    struct ate_hash root;
    if (!realpath(path, real))
        return ate__fail_errno(errno, "%s", path);
    int rc = ate__memory_open(m, t->conf->state_dir, real);
    t->has_memory = true;
    if (!rc)
        rc = ate__memory_check_chain(m, ate__trust_chain_id(ate__chain_trust(t->chain)));
    if (rc || !m->known || t->conf->reset || (m->size > size && t->conf->accept_loss))
        return rc;
    rc = m->size > size ? 0 : ate__chain_root_at(t->chain, m->size, &root);
    if (rc || (m->size <= size && ate__hash_equal(&root, &m->root)))
        return rc;
    t->excused = ate__reset_excuses(m, t->session, t->chain, size, &t->reset);
    if (t->excused)
        return 0;
    if (m->size > size)
        return ate__fail(ATE_ROLLED_BACK,
                         "%s: %llu transactions were seen here before, and it would have %llu",
                         m->place, (unsigned long long)m->size, (unsigned long long)size);
    return ate__fail(ATE_FORKED,
                     "%s: its first %llu transactions were others when they were seen here before",
                     m->place, (unsigned long long)m->size);
}

static void remember(struct target *t, const struct ate__chain_copied *done)
{
    struct ate__memory *m = &t->memory;
    if (!m->known || t->conf->reset || (m->size <= done->size && !t->excused))
        return; /* it advances when it is opened, or behind the RESET */
    if (t->excused)
        ate__reset_forget(m, &t->reset);
    else
        ate__memory_forget(m);
    ate__memory_advance(m, ate__trust_chain_id(ate__chain_trust(t->chain)), done->size,
                        &done->root);
    ate__memory_keep(m);
}

/* What is in force at the end of a copy may have been superseded in the chain meanwhile, and
 * compacted before it was copied. `done` says whether it was missing there before. */
static int check_values(struct ate__chain *copy, const struct ate__chain_copied *done, bool whole)
{
    int rc = done->lacks ? 0 : ate__chain_check_all_values(copy);
    if (rc == ATE_OMITTED && whole)
        return ate__fail(ATE_STALE, "the chain was compacted while it was copied");
    return rc == ATE_OMITTED ? ate__context(ATE_COMPACTED, "what was restored") : rc;
}

/* A history that ends where its compaction has left less than its certificate says stands alone
 * only if it opens. */
static int check_alone(const char *path, const struct ate__chain_copied *done, bool whole)
{
    struct ate__local_conf conf = {.chain = {.env = &ate__env_real, .host_key = ate__host_key_ask}};
    struct ate__pipe *pipe;
    struct ate_hash root = {{0}};
    uint64_t size;
    int rc = ate__api_workers(&conf.chain.workers);
    if (rc)
        return rc;
    rc = ate__local_open(&conf, path, NULL, ATE__STORAGE_READ, &pipe);
    ate__api_workers_unref(conf.chain.workers);
    if (rc)
        return ate__context(rc, "what was restored");
    ate__chain_head(ate__local_chain(pipe), &size, &root);
    rc = check_values(ate__local_chain(pipe), done, whole);
    pipe->v->unref(pipe);
    if (rc)
        return rc;
    if (size == done->size && ate__hash_equal(&root, &done->root))
        return 0;
    return ate__fail(ATE_COMPACTED,
                     "what was restored ends at transaction %llu: the rest was compacted, and "
                     "needs what follows",
                     (unsigned long long)size);
}

static uint64_t size_of(struct ate__chain *c, uint64_t wanted)
{
    struct ate_hash root;
    uint64_t size;
    ate__chain_head(c, &size, &root);
    return wanted && wanted < size ? wanted : size;
}

/* Which one. */
static int tell_lacking(struct ate__chain *c)
{
    int rc = ate__chain_check_all_values(c);
    return rc == ATE_OMITTED ? ate__context(rc, "copied, without what is missing there") : rc;
}

/* What was signed in the source is remembered in the copy. */
static int keep_signed(struct target *t)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *of = NULL, *from = NULL, *to = NULL;
    int rc = vfs->open_root(vfs->user, t->place, &of);
    if (!rc)
        rc = vfs->open_dir(of, ATE__CHAIN_NAME, false, &from);
    if (!rc)
        rc = vfs->open_dir(t->dir, ATE__CHAIN_NAME, false, &to);
    if (!rc)
        rc = ate__chain_signed_keep(vfs, from, to);
    vfs->close_dir(to);
    vfs->close_dir(from);
    vfs->close_dir(of);
    return rc > 0 ? ate__context(ATE_E_SYSTEM, "what was signed") : rc;
}

/* What the chain was before, as far as that is known here. */
static struct ate__reset_conf reset_of(const struct target *t)
{
    struct ate__reset_conf conf = {
        .session = t->session, .reason = ATE__RESET_RESTORE, .text = t->conf->reset};
    ate__chain_head(t->chain, &conf.old_size, &conf.old_root);
    if (t->has_memory && t->memory.known && t->memory.size > conf.old_size) {
        conf.old_size = t->memory.size;
        conf.old_root = t->memory.root;
    }
    return conf;
}

static int check_reset(const struct target *t)
{
    struct ate__reset_conf conf = reset_of(t);
    return t->conf->reset ? ate__chain_reset_check(t->chain, &conf) : 0;
}

static int write_reset(struct target *t, const char *path, struct ate_backed_up *done)
{
    struct ate__reset_conf conf = reset_of(t);
    int rc = t->conf->reset ? ate__reset_write(path, &conf, &t->memory, &done->head) : 0;
    done->reset = !rc && t->conf->reset;
    return rc;
}

/* ---- the target ---- */

static int open_target(struct target *t, const char *path)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *log = NULL;
    int rc = ate__dir_open(vfs, path, ATE__DIR_FIND, &t->dir);
    t->had_dir = rc != ATE_NOT_FOUND;
    if (!t->had_dir)
        rc = ate__dir_open(vfs, path, ATE__DIR_MAKE, &t->dir);
    if (rc)
        return rc;
    rc = vfs->open_dir(t->dir, ATE__CHAIN_NAME, false, &log);
    t->had_log = rc != ATE_NOT_FOUND;
    vfs->close_dir(log);
    rc = t->had_log ? rc : 0;
    return rc ? rc : ate__resetting_there(vfs, t->dir, &t->resumes);
}

/* Where a chain lies that is not to be touched, that is said by who copies. */
static int mark(struct target *t, const struct ate__chain_copy *what)
{
    if (!t->conf->reset || t->resumes || (t->had_log && !what->existing))
        return 0;
    t->marked = true;
    return ate__resetting_begin(ate__env_real.vfs, t->dir);
}

/* One that was cut short when it had said so already, or whose end nobody saw. */
static int was_done(struct target *t, const char *path, uint64_t size, bool *ret_was,
                    struct ate_backed_up *ret_done)
{
    struct ate_backed_up done = {.reset = true};
    struct ate_head to = {.size = size};
    *ret_was = false;
    if (!t->had_log || !t->conf->reset)
        return 0;
    int rc = ate__chain_root_at(t->chain, size, &to.root);
    if (!rc)
        rc = ate__reset_was_written(path, &to, t->resumes ? NULL : t->conf->reset, ret_was,
                                    &done.head);
    if (!rc && *ret_was) {
        done.size_before = done.head.size;
        *ret_done = done;
    }
    return rc;
}

static int unmark(struct target *t)
{
    return t->marked || t->resumes ? ate__resetting_end(ate__env_real.vfs, t->dir) : 0;
}

/* A restore that was refused leaves no chain that others could open, where there was none. After a
 * failure of this machine it stays as it is, and so does a backup, for the next run to go on. */
static int unmake(const struct target *t, const char *path, int refused)
{
    if (refused <= 0 || !t->is_restore || !t->dir || (t->had_log && !t->marked))
        return refused;
    ate__cleanup(ate__freep) char *sentence = ate__copy_text(ate__error_text());
    int rc = t->had_log ? 0 : ate__import_remove(ate__env_real.vfs, t->dir, ATE__CHAIN_NAME);
    if (!rc && t->marked)
        rc = ate__resetting_end(ate__env_real.vfs, t->dir);
    if (!rc && !t->had_dir && rmdir(path) && errno != ENOTEMPTY && errno != EEXIST)
        rc = ate__fail_errno(errno, "%s", path);
    if (rc || !sentence)
        return rc ? ate__context(rc, "what was refused stays behind") : ate__no_memory();
    ate__error_set(sentence);
    return refused;
}

/* STALE: a newer head has what this one lacks. */
static int copy_chain(struct target *t, const char *path, const struct ate__chain_copy *what,
                      struct ate__chain_copied *ret_done)
{
    bool whole = !what->size;
    int rc = ATE_STALE;
    for (unsigned tries = 0; rc == ATE_STALE && tries < TRIES; tries++) {
        rc = ate__chain_copy(t->chain, t->dir, what, ret_done);
        if (!rc)
            rc = keep_signed(t);
        if (rc)
            return rc;
        if (ret_done->size < size_of(t->chain, 0))
            rc = check_alone(path, ret_done, whole);
    }
    return rc;
}

static int copy(struct target *t, const char *path, struct ate_backed_up *ret_done)
{
    struct ate__chain_copy what = {
        .size = t->conf->size,
        .values = size_of(t->chain, t->conf->size) == size_of(t->chain, 0),
        .progress = t->conf->progress ? tell : NULL,
        .progress_arg = t,
    };
    struct ate__chain_copied done;
    uint64_t size = size_of(t->chain, t->conf->size);
    int rc = check_reset(t);
    if (!rc)
        rc = open_target(t, path);
    bool was = false;
    if (!rc)
        rc = was_done(t, path, size, &was, ret_done);
    if (was)
        return rc ? rc : unmark(t);
    what.existing = !t->is_restore || t->conf->existing || t->resumes;
    if (!rc)
        rc = check_memory(t, path, size);
    if (!rc)
        rc = mark(t, &what);
    if (!rc)
        rc = copy_chain(t, path, &what, &done);
    if (rc)
        return unmake(t, path, rc);
    remember(t, &done);
    struct ate_backed_up all = {
        .head = {.size = done.size, .root = done.root},
        .size_before = done.log.size_before,
        .files_copied = done.log.segments_copied,
        .files_kept = done.log.segments_kept,
        .bytes_copied = done.log.bytes_copied,
    };
    rc = write_reset(t, path, &all);
    if (!rc)
        rc = unmark(t);
    if (rc)
        return rc;
    *ret_done = all;
    return done.lacks ? tell_lacking(t->chain) : 0;
}

static int run(struct ate_chain *chain, const char *path, const struct ate_backup_conf *conf,
               bool is_restore, struct ate_backed_up *ret_done)
{
    struct target t = {.conf = conf, .is_restore = is_restore, .place = chain->place};
    int rc = ate__check_may_wait();
    if (!rc && (!path || !*path))
        rc = ate__fail(ATE_MISUSE, "%s: no directory", stage_of(&t));
    if (!rc)
        rc = ate__conf_check(stage_of(&t), conf);
    if (!rc && !chain->dir)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "%s: this chain is at a server: a copy of it is a mirror in a directory",
                       stage_of(&t));
    if (rc)
        return rc;
    t.chain = ate__local_chain(chain->pipe);
    t.session = chain->session;
    rc = copy(&t, path, ret_done);
    ate__env_real.vfs->close_dir(t.dir);
    if (t.has_memory)
        ate__memory_close(&t.memory);
    return rc;
}

int ate_backup(struct ate_chain *chain, const char *dir, const struct ate_backup_conf *conf,
               struct ate_backed_up *ret_done)
{
    struct ate_backup_conf asked = {0};
    if (conf)
        asked = *conf;
    if (asked.size || asked.existing || asked.accept_loss || asked.reset)
        return ate__fail(ATE_MISUSE,
                         "backup: size, existing, accept_loss and reset are a restore's");
    return run(chain, dir, &asked, false, ret_done);
}

int ate_restore(struct ate_chain *backup, const char *dir, const struct ate_backup_conf *conf,
                struct ate_backed_up *ret_done)
{
    struct ate_backup_conf asked = {0};
    if (conf)
        asked = *conf;
    return run(backup, dir, &asked, true, ret_done);
}
