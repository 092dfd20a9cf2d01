/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * client_believe.c: what a centralized chain shows is its server's word for who made it. A thin
 * chain believes an answer once a log key in force has signed a head that covers it: the checkpoint
 * is asked for behind the first answer at each newer head, with the log keys, each change of which
 * a root key signed, and the proof that the answer's head is in it.
 */
#include "base/assert.h"
#include "mesh/client_remote.h"
#include "trust/checkpoint.h"

static bool is_covered(struct ate__remote *r, const struct ate__head *head)
{
    pthread_mutex_lock(&r->mutex);
    bool covered = head->size <= r->believed;
    pthread_mutex_unlock(&r->mutex);
    return covered;
}

static int read_checkpoint(struct ate__remote *r, struct ate__buf *note,
                           struct ate__checkpoint *ret)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf keys = ATE__BUF_NULL;
    struct ate_bytes key[ATE__SERVICE_KEYS_MAX];
    size_t count = 0;
    int rc = ate__remote_far.log_keys(&r->base, &keys);
    if (!rc)
        rc = ate__remote_far.checkpoint(&r->base, note);
    if (rc == ATE_NOT_FOUND)
        rc = ate__context(ATE_UNTRUSTED, "it shows none");
    if (rc)
        return rc;
    for (size_t at = 0; at < keys.size; at += ATE__LOG_PUBLIC)
        key[count++] = ate__bytes(keys.data + at, ATE__LOG_PUBLIC);
    rc = ate__checkpoint_verify(ate__buf_bytes(note), key, count, ret);
    if (!rc && !ate__hash_equal(&ret->chain_id, &r->chain_id))
        rc = ate__fail(ATE_WRONG_CHAIN, "a checkpoint of another chain");
    return rc;
}

static int check_covers(struct ate__remote *r, const struct ate__checkpoint *c,
                        const struct ate__head *head)
{
    struct ate__proof path;
    if (c->size < head->size)
        return ate__fail(ATE_UNTRUSTED,
                         "only the first %llu of the %llu transactions that it shows",
                         (unsigned long long)c->size, (unsigned long long)head->size);
    if (c->size == head->size)
        return ate__hash_equal(&c->root, &head->root)
                   ? 0
                   : ate__fail(ATE_FORKED, "another history than it shows");
    int rc = ate__remote_far.consistency(&r->base, head->size, c->size, &path);
    if (!rc)
        rc = ate__merkle_check_consistency(head->size, &head->root, c->size, &c->root, &path);
    return rc == ATE_TAMPERED ? ate__fail(ATE_FORKED, "another history than it shows") : rc;
}

static bool passes(int rc)
{
    return rc <= 0 || rc == ATE_OFFLINE || rc == ATE_TIMEOUT || rc == ATE_BUSY ||
           rc == ATE_CANCELED || rc == ATE_WOULD_DEADLOCK;
}

int ate__remote_believe(struct ate__remote *r, const struct ate__head *head)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf note = ATE__BUF_NULL;
    struct ate__checkpoint c;
    if (!ate__remote_attests(r) || is_covered(r, head))
        return 0;
    int rc = read_checkpoint(r, &note, &c);
    if (!rc)
        rc = check_covers(r, &c, head);
    if (rc) {
        rc = ate__context(rc, "%s: what its log key has signed", r->peer);
        if (!passes(rc))
            r->source.condemn(r->source.arg, rc, ate__error_text());
        return rc;
    }
    if (r->conf.believed)
        r->conf.believed(r->conf.arg, ate__buf_bytes(&note));
    pthread_mutex_lock(&r->mutex);
    if (r->believed < head->size)
        r->believed = head->size;
    pthread_mutex_unlock(&r->mutex);
    return 0;
}
