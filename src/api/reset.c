/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/reset.h"
#include "api/host_key.h"
#include "api/proof_fork.h"
#include "chain/local.h"
#include "redo/import.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_NAME ",chain"
#define SHOWN_NAME ",shown" /* in a mirror's directory: what the server shows */

enum { KEPT_MAX = 1000 };

bool ate_chain_reset(const struct ate_chain *c, struct ate_reset *ret_reset)
{
    const struct ate__reset *r = &c->reset;
    if (!r->sequence)
        return false;
    *ret_reset = (struct ate_reset){
        .sequence = r->sequence,
        .old_size = r->old_size,
        .signed_ns = ate__ns_of(r->signed_us),
        .reason = (enum ate_reset_reason)r->reason,
        .text = r->text,
        .seen_size = c->reset_seen,
        .kept = c->reset_kept,
    };
    return true;
}

/* ---- judging ---- */

struct judging {
    struct ate__reset_seen seen;
    struct ate_hash keys[ATE__ROOT_KEYS_MAX];
};

/* Those that were in force when it was seen; else those that the user names. */
static void take_keys(struct judging *j, const struct ate__memory *m,
                      const struct ate__anchor *anchor)
{
    size_t count = m->key_count;
    memcpy(j->keys, m->keys, count * sizeof *m->keys);
    if (!count && (anchor->root_count || anchor->has_chain)) {
        count = ate__min(anchor->root_count, ATE__COUNT_OF(j->keys));
        if (count)
            memcpy(j->keys, anchor->roots, count * sizeof *j->keys);
    } else if (!count && anchor->session) {
        count = ate__min(ate__session_key_count(anchor->session), ATE__COUNT_OF(j->keys));
        for (size_t i = 0; i < count; i++)
            j->keys[i] = ate__session_key(anchor->session, i)->fingerprint;
    }
    j->seen.keys = j->keys;
    j->seen.key_count = count;
    j->seen.keys_named = !m->key_count;
}

static int judge_memory(const struct ate__memory *m, const struct ate__anchor *anchor,
                        struct ate__chain *shown, struct ate__chain *own,
                        struct ate__reset *ret_reset)
{
    struct judging j = {.seen = {.size = m->size, .time_us = m->time_us, .own = own}};
    take_keys(&j, m, anchor);
    return ate__chain_reset_find(shown, &j.seen, ret_reset);
}

bool ate__reset_excuses(const struct ate__memory *m, struct ate_session *session,
                        struct ate__chain *chain, uint64_t size, struct ate__reset *ret_reset)
{
    const struct ate__anchor anchor = {.session = session};
    return !judge_memory(m, &anchor, chain, NULL, ret_reset) && ret_reset->sequence < size;
}

/* A mirror knows which keys were in force at its head. */
static int judge_mirror(struct ate__chain *own, struct ate__chain *shown,
                        struct ate__reset *ret_reset)
{
    struct judging j = {.seen = {.own = own, .time_us = ate__chain_last_time(own)}};
    struct ate_hash root;
    ate__chain_head(own, &j.seen.size, &root);
    j.seen.keys = j.keys;
    j.seen.key_count = ate__trust_root_keys(ate__chain_trust(own), j.keys, ATE__COUNT_OF(j.keys));
    return ate__chain_reset_find(shown, &j.seen, ret_reset);
}

/* The chain has what was seen. */
static bool has(struct ate__chain *c, uint64_t size, const struct ate_hash *root)
{
    struct ate_hash found;
    return !ate__chain_root_at(c, size, &found) && ate__hash_equal(&found, root);
}

void ate__reset_forget(struct ate__memory *m, const struct ate__reset *reset)
{
    ate__memory_forget(m);
    ate__memory_note(m, reset->signed_us, NULL, 0);
    m->reset_us = reset->signed_us;
    ate__fork_forget_note(m);
}

static void forget(struct ate_chain *c, const struct ate__reset *reset)
{
    c->reset = *reset;
    c->reset_seen = c->memory.size;
    ate__reset_forget(&c->memory, reset);
}

/* rc with both sentences. */
static int not_followed(int rc, const char *text)
{
    ate__cleanup(ate__freep) char *why = ate__copy_text(ate__error_text());
    return ate__fail(rc, "%s; %s", text, why ? why : "");
}

int ate__reset_forgives(struct ate_chain *c, const struct ate__anchor *anchor,
                        struct ate__chain *shown, int rc)
{
    ate__cleanup(ate__freep) char *text = ate__copy_text(ate__error_text());
    struct ate__reset reset;
    if (!text)
        return rc;
    int found = judge_memory(&c->memory, anchor, shown, NULL, &reset);
    if (found)
        return not_followed(rc, text);
    forget(c, &reset);
    return 0;
}

/* ---- what a server shows ---- */

struct following {
    struct ate_chain *c;
    const struct ate__anchor *anchor;
    const struct ate__remote_conf *conf;
    char *aside; /* the directory of what is shown */
    struct ate__pipe *shown, *own; /* own NULL: no mirror is there */
    struct ate__reset reset;
    bool mirror_goes; /* the one that is there is to be replaced */
    struct ate_hash root; /* of what is shown */
    uint64_t size;
};

static void unref(struct ate__pipe **pipe)
{
    struct ate__pipe *p = ate__steal(pipe);
    if (p)
        p->v->unref(p);
}

/* What it leaves is removed before it is used again. */
static void remove_aside(const struct following *f)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *dir;
    if (vfs->open_root(vfs->user, f->aside, &dir))
        return;
    if (!ate__import_remove(vfs, dir, LOG_NAME))
        (void)!rmdir(f->aside);
    vfs->close_dir(dir);
}

static int fetch(struct following *f)
{
    struct ate__remote_conf fresh = ate__fork_fresh_conf(f->conf);
    fresh.mirror_dir = f->aside;
    fresh.fetch_bytes_max = f->conf->fetch_bytes_max;
    fresh.progress = f->conf->progress;
    fresh.progress_arg = f->conf->progress_arg;
    remove_aside(f);
    int rc = ate__folder_make(f->aside);
    if (!rc)
        rc = ate__remote_open(&fresh, &f->shown);
    if (!rc)
        ate__chain_head(f->shown->v->chain(f->shown), &f->size, &f->root);
    return rc;
}

static int open_own(struct following *f)
{
    struct ate__local_conf conf = {
        .chain = {.env = &ate__env_real, .workers = f->conf->workers},
        .no_view_image = true,
    };
    if (!f->conf->mirror_dir)
        return 0;
    int rc = ate__local_open(&conf, f->conf->mirror_dir, NULL, ATE__STORAGE_READ, &f->own);
    return rc == ATE_NOT_FOUND ? 0 : rc;
}

static int judge_both(struct following *f)
{
    const struct ate__memory *m = &f->c->memory;
    struct ate__chain *shown = f->shown->v->chain(f->shown);
    struct ate__chain *own = f->own ? ate__local_chain(f->own) : NULL;
    struct ate_hash root;
    uint64_t size;
    int rc = 0;
    if (own && ate__chain_trust(own)) {
        ate__chain_head(own, &size, &root);
        f->mirror_goes = !has(shown, size, &root);
    }
    if (f->mirror_goes)
        rc = judge_mirror(own, shown, &f->reset);
    if (!rc && m->known && !has(shown, m->size, &m->root))
        rc = judge_memory(m, f->anchor, shown, own, &f->reset);
    if (!rc && !f->reset.sequence)
        rc = ate__fail(ATE_NOT_FOUND, "and then it showed another history");
    return rc;
}

/* Whether it shows a RESET behind what was seen, by whomever, that was signed since: one that was
 * passed before excuses nothing. */
static bool shows_one(struct following *f)
{
    const struct ate__memory *m = &f->c->memory;
    struct ate__reset_seen seen = {.size = m->size,
                                   .time_us = m->time_us == UINT64_MAX ? 0 : m->time_us};
    struct ate__reset any;
    return f->shown && !ate__chain_reset_find(f->shown->v->chain(f->shown), &seen, &any);
}

/* ---- the mirror that was there ---- */

static char *name_kept(const struct following *f, unsigned n)
{
    unsigned long long at = f->reset.sequence;
    return n ? ate__format("%s/,before-reset-%llu-%u", f->conf->mirror_dir, at, n + 1)
             : ate__format("%s/,before-reset-%llu", f->conf->mirror_dir, at);
}

static int make_kept(struct following *f)
{
    int made = -1;
    for (unsigned n = 0; made && n < KEPT_MAX; n++) {
        ate__free(f->c->reset_kept);
        f->c->reset_kept = name_kept(f, n);
        if (!f->c->reset_kept)
            return ate__no_memory();
        made = mkdir(f->c->reset_kept, 0700);
        if (made && errno != EEXIST)
            break;
    }
    return made ? ate__fail_errno(errno, "%s: mkdir", f->c->reset_kept) : 0;
}

static int move_log(const char *from_dir, const char *to_dir)
{
    ate__cleanup(ate__freep) char *from = ate__format("%s/" LOG_NAME, from_dir);
    ate__cleanup(ate__freep) char *to = ate__format("%s/" LOG_NAME, to_dir);
    if (!from || !to)
        return ate__no_memory();
    return rename(from, to) ? ate__fail_errno(errno, "%s: rename", from) : 0;
}

static int sync_dir(const char *path)
{
    const struct ate__vfs *vfs = ate__env_real.vfs;
    struct ate__dir *dir;
    int rc = vfs->open_root(vfs->user, path, &dir);
    if (rc)
        return rc;
    rc = vfs->sync_dir(dir);
    vfs->close_dir(dir);
    return rc;
}

/* A crash between leaves no mirror, and what was fetched aside: it is fetched again. */
static int swap(struct following *f)
{
    int rc = make_kept(f);
    if (!rc)
        rc = move_log(f->conf->mirror_dir, f->c->reset_kept);
    if (!rc)
        rc = sync_dir(f->c->reset_kept);
    if (!rc)
        rc = move_log(f->aside, f->conf->mirror_dir);
    return rc ? rc : sync_dir(f->conf->mirror_dir);
}

/* What was seen goes on from what was verified just now. */
static int open_again(struct following *f, struct ate__pipe **ret_pipe)
{
    struct ate__remote_conf again = *f->conf;
    again.remembered_size = f->size;
    again.remembered_root = f->root;
    again.remembered_reset_us = f->reset.signed_us;
    again.genesis = (struct ate_bytes){0};
    unref(&f->shown);
    unref(&f->own);
    int rc = f->mirror_goes ? swap(f) : 0;
    remove_aside(f);
    if (!rc)
        forget(f->c, &f->reset);
    return rc ? rc : ate__remote_open(&again, ret_pipe);
}

static int aside_of(struct following *f)
{
    const struct ate__memory *m = &f->c->memory;
    if (f->conf->mirror_dir)
        f->aside = ate__format("%s/" SHOWN_NAME, f->conf->mirror_dir);
    else if (m->file)
        f->aside = ate__format("%s.shown", m->file);
    else
        return ATE_NOT_FOUND; /* nothing is remembered either */
    return f->aside ? 0 : ate__no_memory();
}

int ate__reset_follow(struct ate_chain *c, const struct ate__anchor *anchor,
                      const struct ate__remote_conf *conf, int rc, struct ate__pipe **ret_pipe,
                      bool *ret_is_reset)
{
    ate__cleanup(ate__freep) char *text = ate__copy_text(ate__error_text());
    struct following f = {.c = c, .anchor = anchor, .conf = conf};
    int found = text ? aside_of(&f) : ate__no_memory();
    if (!found)
        found = fetch(&f);
    if (found == ATE_NOT_FOUND && text) { /* nothing is remembered, or it shows nothing at all */
        if (f.aside)
            remove_aside(&f);
        ate__error_set(text);
        ate__free(f.aside);
        *ret_is_reset = false;
        return rc;
    }
    if (!found)
        found = open_own(&f);
    if (!found)
        found = judge_both(&f);
    if (!found)
        rc = open_again(&f, ret_pipe);
    else if (text)
        rc = not_followed(rc, text);
    char why[ATE__ERROR_SIZE];
    snprintf(why, sizeof why, "%s", ate__error_text());
    *ret_is_reset = found && shows_one(&f);
    unref(&f.shown);
    unref(&f.own);
    if (f.aside)
        remove_aside(&f);
    ate__free(f.aside);
    ate__error_set(why);
    return rc;
}

/* ---- taking a chain back ---- */

static void remember(struct ate__memory *m, struct ate__chain *c, const struct ate__receipt *at)
{
    struct ate_hash keys[ATE__ROOT_KEYS_MAX];
    size_t count = ate__trust_root_keys(ate__chain_trust(c), keys, ATE__COUNT_OF(keys));
    if (!m->known)
        return;
    ate__memory_forget(m);
    ate__memory_advance(m, ate__trust_chain_id(ate__chain_trust(c)), at->size, &at->head);
    ate__memory_note(m, ate__chain_last_time(c), keys, count);
    ate__memory_keep(m);
}

/* Of a copy that begins with what `to` is the head of. */
static int says_it(struct ate__chain *c, const struct ate_head *to, const char *text,
                   bool *ret_says)
{
    struct ate__reset last;
    struct ate_hash root;
    *ret_says = false;
    int rc = ate__chain_reset_last(c, &last);
    if (rc || !last.sequence || last.sequence != to->size || (text && strcmp(last.text, text)))
        return rc;
    rc = ate__chain_root_at(c, to->size, &root);
    *ret_says = !rc && ate__hash_equal(&root, &to->root);
    return rc;
}

int ate__reset_was_written(const char *path, const struct ate_head *to, const char *text,
                           bool *ret_was, struct ate_head *ret_head)
{
    struct ate__local_conf conf = {.chain = {.env = &ate__env_real, .host_key = ate__host_key_ask}};
    struct ate__pipe *pipe;
    struct ate_head head;
    bool is;
    int rc = ate__api_workers(&conf.chain.workers);
    if (rc)
        return rc;
    rc = ate__local_open(&conf, path, NULL, ATE__STORAGE_READ, &pipe);
    ate__api_workers_unref(conf.chain.workers);
    if (rc > 0) { /* a copy that is not whole yet */
        *ret_was = false;
        return 0;
    }
    if (rc)
        return rc;
    ate__chain_head(ate__local_chain(pipe), &head.size, &head.root);
    rc = says_it(ate__local_chain(pipe), to, text, &is);
    pipe->v->unref(pipe);
    if (rc)
        return rc;
    *ret_head = head;
    *ret_was = is;
    return 0;
}

int ate__reset_write(const char *path, const struct ate__reset_conf *conf, struct ate__memory *m,
                     struct ate_head *ret_head)
{
    struct ate__local_conf local = {.chain = {.env = &ate__env_real, .host_key = ate__host_key_ask},
                                    .resetting_too = true};
    struct ate__receipt receipt;
    struct ate__pipe *pipe;
    int rc = ate__api_workers(&local.chain.workers);
    if (rc)
        return rc;
    rc = ate__local_open(&local, path, conf->session, 0, &pipe);
    ate__api_workers_unref(local.chain.workers);
    if (rc)
        return rc;
    rc = ate__chain_reset(ate__local_chain(pipe), conf, &receipt);
    if (!rc) {
        remember(m, ate__local_chain(pipe), &receipt);
        *ret_head = (struct ate_head){.size = receipt.size, .root = receipt.head};
    }
    pipe->v->unref(pipe);
    return ate__context(rc, "the chain is there, and does not say yet that it went back");
}
