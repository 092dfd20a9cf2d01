/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * server_prove.c: what PROVE and CHECKPOINT ask for. They read the tiles and the log, and sign: not
 * for the loop's thread.
 *
 * A server signs what is on stable storage, with its own log key, where that is one of the chain's;
 * else it shows the last checkpoint that was signed in the chain's directory. How often it signs is
 * bounded by how often the chain grows: a checkpoint of the newest size is shown again until it is
 * SIGNED_FRESH_MS old.
 */
#include "base/err.h"
#include "chain/signed.h"
#include "mesh/server_private.h"

enum { SIGNED_FRESH_MS = 30000 };

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
    uint64_t size = ate__view_published(ate__chain_view(h->chain));
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
    struct ate_hash fingerprint;
    const struct ate__server *s = h->server;
    return !ate__chain_read_only(h->chain) &&
           !ate__fingerprint(ate__log_key_public(s->log_key), &fingerprint) &&
           ate__trust_has_office(ate__chain_trust(h->chain), ATE__LOG_KEY, &fingerprint);
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

/* By a log key that is in force still: nobody would believe another. */
static int verify(struct ate__hosted *h, struct ate_bytes note)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf bytes = ATE__BUF_NULL;
    const struct ate__trust *trust = ate__chain_trust(h->chain);
    struct ate_hash fingerprint[ATE__SERVICE_KEYS_MAX];
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    struct ate__checkpoint last;
    size_t n = ate__trust_office(trust, ATE__LOG_KEY, fingerprint, ATE__COUNT_OF(fingerprint));
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = ate__trust_public_key(trust, &fingerprint[i], &bytes);
    for (size_t i = 0; !rc && i < n; i++)
        key[i] = ate__bytes(bytes.data + i * ATE__LOG_PUBLIC, ATE__LOG_PUBLIC);
    if (!rc)
        rc = ate__checkpoint_verify(note, key, n, &last);
    return rc ? rc : ate__chain_check_checkpoint(h->chain, &last);
}

static int last_signed(struct ate__hosted *h, struct ate__dir *dir, struct ate__buf *note)
{
    int rc = ate__chain_signed(h->server->conf.env->vfs, dir, note);
    if (!rc)
        rc = verify(h, ate__buf_bytes(note));
    return rc == ATE_NOT_FOUND || rc == ATE_UNTRUSTED
               ? ate__fail(ATE_NOT_FOUND,
                           "nobody who may has signed a head of %s here, and the chain does not "
                           "name this server's log key",
                           h->path)
               : rc;
}

static int sign(struct ate__hosted *h, struct ate__dir *dir, struct ate__buf *note)
{
    struct ate__head head;
    uint64_t now_ms = ate__monotonic_ms(h->server->conf.env);
    int rc = durable_head(h, &head);
    if (rc)
        return rc;
    if (h->note.size && h->note_size == head.size && now_ms - h->note_ms < SIGNED_FRESH_MS)
        return ate__buf_append(note, ate__buf_bytes(&h->note));
    rc = ate__chain_sign(h->chain, dir, h->server->log_key, head.size, &head.root, note);
    if (rc == ATE_FORKED || rc == ATE_ROLLED_BACK || rc == ATE_WRONG_CHAIN || rc == ATE_TAMPERED)
        ate__server_log(h->server, ATE__LOG_ERROR, "%s: %s", h->path, ate__error_text());
    ate__buf_clear(&h->note);
    if (rc || ate__buf_append(&h->note, ate__buf_bytes(note)))
        return rc;
    h->note_size = head.size;
    h->note_ms = now_ms;
    return 0;
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
    rc = may_sign(h) ? sign(h, dir, &note) : last_signed(h, dir, &note);
    pthread_mutex_unlock(&h->signing);
    home->vfs->close_dir(dir);
    return rc ? rc : ate__buf_append(ret_note, ate__buf_bytes(&note));
}
