/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_prove.c: what PROVE and CHECKPOINT ask for. They read the tiles and the log, and sign: not
 * for the loop's thread.
 *
 * A server signs what is on stable storage, with its own log key, where that is one of the chain's;
 * else it shows the last checkpoint that was signed in the chain's directory. How often it signs is
 * bounded by how often the chain grows: a checkpoint of the newest size is shown again until it is
 * ATE__SIGNED_FRESH_MS old.
 */
#include "base/err.h"
#include "chain/signed.h"
#include "mesh/server_private.h"

/* --- PROVE --- */

static int prove_inclusion(struct ate__hosted *h, const struct ate__msg_prove *m,
                           struct ate__msg_proven *ret)
{
    struct ate__proof_entry entry;
    int rc = ate__chain_inclusion(h->chain, m->first, m->size, &ret->path);
    if (!rc)
        rc = ate__chain_entry(h->chain, m->first, &entry);
    if (rc)
        return rc;
    ret->root_time_us = entry.root_time_us;
    ret->tx_hash = entry.tx_hash;
    ret->signatures_hash = entry.signatures_hash;
    return 0;
}

int ate__hosted_prove(struct ate__hosted *h, const struct ate__msg_prove *m,
                      struct ate__msg_proven *ret_proven)
{
    struct ate__msg_proven proven = {.request = m->request, .kind = m->kind};
    uint64_t size = ate__chain_published(h->chain);
    int rc = 0;
    if (m->size > size)
        rc = ate__fail(ATE_NOT_FOUND, "a proof in a tree of %llu transactions; %s has %llu",
                       (unsigned long long)m->size, h->path, (unsigned long long)size);
    if (!rc)
        rc = m->kind == ATE__PROVE_INCLUSION
                 ? prove_inclusion(h, m, &proven)
                 : ate__chain_consistency(h->chain, m->first, m->size, &proven.path);
    if (!rc)
        *ret_proven = proven;
    return rc;
}

/* --- CHECKPOINT --- */

static bool may_sign(const struct ate__hosted *h)
{
    return !ate__chain_read_only(h->chain) &&
           ate__trust_has_office(ate__chain_trust(h->chain), ATE__LOG_KEY,
                                 &h->server->log_fingerprint);
}

/* The newest head that is on stable storage. */
static int durable_head(struct ate__hosted *h, struct ate__head *ret_head)
{
    struct ate__receipt receipt;
    if (h->server->conf.sync == ATE__SYNC_ALWAYS) {
        ate__chain_head(h->chain, &ret_head->size, &ret_head->root);
        return 0;
    }
    int rc = ate__chain_sync(h->chain, &receipt);
    if (!rc)
        *ret_head = (struct ate__head){receipt.size, receipt.head};
    return rc;
}

static int last_signed(struct ate__hosted *h, struct ate__dir *dir, struct ate__buf *note)
{
    struct ate__checkpoint ignored;
    int rc = ate__chain_signed(h->server->conf.env->vfs, dir, note);
    if (!rc) /* by a log key that is in force still: nobody would believe another */
        rc = ate__chain_check_note(h->chain, ate__buf_bytes(note), &ignored);
    return rc == ATE_NOT_FOUND || rc == ATE_UNTRUSTED
               ? ate__fail(ATE_NOT_FOUND,
                           "nobody who may has signed a head of %s here, and the chain does not "
                           "name this server's log key",
                           h->path)
               : rc;
}

static bool is_refusal(int rc)
{
    return rc == ATE_FORKED || rc == ATE_ROLLED_BACK || rc == ATE_WRONG_CHAIN || rc == ATE_TAMPERED;
}

/* One of the same head that is younger than that is given again. */
static int sign(struct ate__hosted *h, struct ate__dir *dir, const struct ate__head *head,
                uint64_t fresh_ms, struct ate__buf *note)
{
    uint64_t now_ms = ate__monotonic_ms(h->server->conf.env);
    if (h->note.size && h->note_size == head->size && now_ms - h->note_ms < fresh_ms)
        return ate__buf_append(note, ate__buf_bytes(&h->note));
    int rc = ate__chain_sign(h->chain, dir, h->server->log_key, head->size, &head->root, note);
    if (is_refusal(rc) && !h->refused)
        ate__server_log(h->server, ATE__LOG_ERROR, "%s: %s", h->path, ate__error_text());
    h->refused = is_refusal(rc);
    ate__buf_clear(&h->note);
    if (rc || ate__buf_append(&h->note, ate__buf_bytes(note)))
        return rc;
    h->note_size = head->size;
    h->note_ms = now_ms;
    return 0;
}

static int sign_or_find(struct ate__hosted *h, struct ate__dir *dir, struct ate__buf *note)
{
    struct ate__head head;
    if (!may_sign(h))
        return last_signed(h, dir, note);
    int rc = durable_head(h, &head);
    return rc ? rc : sign(h, dir, &head, ATE__SIGNED_FRESH_MS, note);
}

int ate__hosted_checkpoint(struct ate__hosted *h, struct ate__buf *ret_note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__home *home = &h->server->home;
    struct ate__dir *dir;
    int rc = ate__home_dir(home, h->path, false, &dir);
    if (rc)
        return rc;
    pthread_mutex_lock(&h->signing);
    rc = sign_or_find(h, dir, &note);
    pthread_mutex_unlock(&h->signing);
    home->vfs->close_dir(dir);
    return rc ? rc : ate__buf_append(ret_note, ate__buf_bytes(&note));
}

/* --- NOTE --- */

static int sign_readable(struct ate__hosted *h, struct ate__dir *dir, struct ate__buf *note,
                         struct ate__head *ret_head)
{
    ret_head->size = ate__follow_readable(h);
    if (!ret_head->size)
        return ATE_NOT_FOUND;
    int rc = ate__chain_root_at(h->chain, ret_head->size, &ret_head->root);
    /* Half: a look each ATE__SIGNED_FRESH_MS finds the one that the look before it made too old. */
    return rc ? rc : sign(h, dir, ret_head, ATE__SIGNED_FRESH_MS / 2, note);
}

int ate__hosted_note(struct ate__hosted *h, struct ate__buf *ret_note, uint64_t *ret_size)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__home *home = &h->server->home;
    struct ate__head head;
    struct ate__dir *dir;
    int rc = may_sign(h) ? ate__home_dir(home, h->path, false, &dir) : ATE_NOT_FOUND;
    if (rc)
        return rc;
    pthread_mutex_lock(&h->signing);
    rc = sign_readable(h, dir, &note, &head);
    pthread_mutex_unlock(&h->signing);
    home->vfs->close_dir(dir);
    if (!rc)
        rc = ate__buf_append(ret_note, ate__buf_bytes(&note));
    if (!rc)
        *ret_size = head.size;
    return rc;
}
