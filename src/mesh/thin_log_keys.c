/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_log_keys.c: who may sign the order of a chain of which nothing is held here: the log keys of
 * the genesis, and those that CHAIN events which are shown add, signed by a root key.
 */
#include "base/alloc.h"
#include "crypto/log_key.h"
#include "mesh/thin_private.h"

/* Public keys in a row, each of ATE__LOG_PUBLIC bytes. */
static struct ate_bytes key_at(const struct ate__buf *keys, size_t at)
{
    return ate__bytes(keys->data + at, ATE__LOG_PUBLIC);
}

static int add_key(struct ate__buf *keys, struct ate_bytes key)
{
    if (key.size != ATE__LOG_PUBLIC)
        return ate__fail(ATE_TAMPERED, "a log key of %zu bytes", key.size);
    for (size_t at = 0; at < keys->size; at += ATE__LOG_PUBLIC)
        if (ate__bytes_equal(key_at(keys, at), key))
            return 0;
    if (keys->size == (size_t)ATE__SERVICE_KEYS_MAX * ATE__LOG_PUBLIC)
        return ate__fail(ATE_TOO_BIG, "more than %d log keys were shown", ATE__SERVICE_KEYS_MAX);
    return ate__buf_append(keys, key);
}

static int remove_key(struct ate__buf *keys, const struct ate_hash *fingerprint)
{
    for (size_t at = 0; at < keys->size; at += ATE__LOG_PUBLIC) {
        struct ate_hash hash;
        int rc = ate__fingerprint(key_at(keys, at), &hash);
        if (rc)
            return rc;
        if (!ate__hash_equal(&hash, fingerprint))
            continue;
        size_t end = at + ATE__LOG_PUBLIC;
        memmove(keys->data + at, keys->data + end, keys->size - end);
        keys->size -= ATE__LOG_PUBLIC;
        return 0;
    }
    return 0;
}

static int take_changes(const struct ate__thin_answer *a, const struct ate__thin_tx *t,
                        struct ate_bytes list, struct ate__buf *keys)
{
    struct ate__root_change change;
    int rc = 0;
    if (!ate__thin_root_signs(a, t))
        return ate__fail(ATE_TAMPERED,
                         "transaction %llu changes the log keys, and no root key that was shown "
                         "signs it",
                         (unsigned long long)t->sequence);
    for (size_t at = 0; !rc && ate__root_next(list, &at, &change);) {
        struct ate_hash fingerprint;
        if (change.op == ATE__ROOT_ADD) {
            rc = add_key(keys, change.key);
        } else {
            memcpy(&fingerprint, change.key.data, sizeof fingerprint);
            rc = remove_key(keys, &fingerprint);
        }
    }
    return rc;
}

/* Whoever revokes a key: less is trusted then. */
static int take_event(struct ate__thin_answer *a, const struct ate__thin_tx *t,
                      const struct ate__event *e, struct ate__buf *keys)
{
    if (e->form == ATE__DROPPED)
        return 0;
    switch (e->kind) {
    case ATE__EVENT_ROOT: return ate__thin_take_root(a, t, e);
    case ATE__EVENT_CHAIN:
        return e->header.log_keys.size ? take_changes(a, t, e->header.log_keys, keys) : 0;
    case ATE__EVENT_REVOKE: return remove_key(keys, &e->header.revoked);
    default: return 0;
    }
}

static int take_genesis(const struct ate__thin_chain *c, struct ate__buf *keys)
{
    struct ate_bytes key;
    int rc = 0;
    for (size_t at = 0;
         !rc && ate__genesis_key_next(ate__trust_genesis(c->trust)->log_keys, &at, &key);)
        rc = add_key(keys, key);
    return rc;
}

static int take_all(struct ate__thin_answer *a, struct ate__buf *keys)
{
    int rc = a->got->object_count ? ate__fail(ATE_BAD_PEER, "objects where log keys were asked for")
                                  : ate__thin_read_txs(a);
    if (!rc)
        rc = ate__thin_verify_txs(a);
    if (!rc)
        rc = take_genesis(a->chain, keys);
    for (size_t i = 1; !rc && i < a->tx_count; i++)
        for (uint32_t e = 0; !rc && e < a->txs[i].tx->event_count; e++)
            rc = take_event(a, &a->txs[i], &a->txs[i].tx->events[e], keys);
    return rc;
}

int ate__thin_log_keys(struct ate__thin_chain *c, const struct ate__head *head,
                       const struct ate__msg_got *got, struct ate__buf *ret_keys)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf keys = ATE__BUF_NULL;
    struct ate__thin_answer a = {.chain = c, .head = head, .got = got};
    int rc = take_all(&a, &keys);
    for (size_t i = 1; i < a.tx_count; i++) {
        ate__tx_deinit(&a.txs[i].own);
        ate__free(a.txs[i].text);
    }
    ate__free(a.txs);
    return rc ? rc : ate__buf_append(ret_keys, ate__buf_bytes(&keys));
}
