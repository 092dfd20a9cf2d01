/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/proof_source.h"

/* NULL: thin. */
static struct ate__chain *history_of(struct ate_chain *c)
{
    return c->pipe->v->chain(c->pipe);
}

static const struct ate__far_vtable *far_of(const struct ate_chain *c)
{
    return c->pipe->v->far;
}

/* --- log keys --- */

static int read_log_keys(struct ate_chain *c, struct ate__buf *bytes)
{
    struct ate__trust *trust = c->pipe->v->trust(c->pipe);
    struct ate_hash fingerprint[ATE__SERVICE_KEYS_MAX];
    size_t n = ate__trust_office(trust, ATE__LOG_KEY, fingerprint, ATE__COUNT_OF(fingerprint));
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = ate__trust_public_key(trust, &fingerprint[i], bytes);
    return rc;
}

int ate__proof_log_keys(struct ate_chain *c, struct ate__log_keys *ret_keys)
{
    struct ate__log_keys k = {.count = 0};
    int rc = history_of(c) ? read_log_keys(c, &k.bytes) : far_of(c)->log_keys(c->pipe, &k.bytes);
    if (rc) {
        ate__buf_deinit(&k.bytes);
        return rc;
    }
    for (size_t at = 0; at < k.bytes.size; at += ATE__LOG_PUBLIC) /* each has the one size */
        k.key[k.count++] = ate__bytes(k.bytes.data + at, ATE__LOG_PUBLIC);
    *ret_keys = k;
    return 0;
}

void ate__log_keys_deinit(struct ate__log_keys *k)
{
    ate__buf_deinit(&k->bytes);
}

bool ate__log_keys_has(const struct ate__log_keys *k, struct ate_bytes key)
{
    for (size_t i = 0; i < k->count; i++)
        if (ate__bytes_equal(k->key[i], key))
            return true;
    return false;
}

/* --- heads --- */

int ate__proof_ask_note(struct ate_chain *c, struct ate__buf *ret_note)
{
    return far_of(c) ? far_of(c)->checkpoint(c->pipe, ret_note)
                     : ate__fail(ATE_UNSUPPORTED, "%s is at no server", c->name);
}

static int check_size(const struct ate__checkpoint *checkpoint, uint64_t size)
{
    return checkpoint->size > size
               ? ate__fail(ATE_ROLLED_BACK,
                           "a checkpoint of %llu transactions; the chain has only %llu",
                           (unsigned long long)checkpoint->size, (unsigned long long)size)
               : 0;
}

static int fail_forked(const struct ate__checkpoint *checkpoint)
{
    return ate__fail(ATE_FORKED,
                     "a checkpoint of %llu transactions, which are not the first ones of this "
                     "chain",
                     (unsigned long long)checkpoint->size);
}

/* The newest head of the server extends all that was seen of the chain before, which the client
 * has verified; so does nothing else. */
static int check_far(struct ate_chain *c, const struct ate__checkpoint *checkpoint)
{
    char of[ATE__HASH_TEXT], this[ATE__HASH_TEXT];
    const struct ate_hash *id = ate__trust_chain_id(c->pipe->v->trust(c->pipe));
    struct ate__receipt newest;
    struct ate__proof path;
    if (!ate__hash_equal(id, &checkpoint->chain_id))
        return ate__fail(ATE_WRONG_CHAIN, "a checkpoint of chain %s; this is %s",
                         ate__hash_text(&checkpoint->chain_id, of), ate__hash_text(id, this));
    int rc = ate__pipe_sync(c->pipe, &newest);
    if (!rc)
        rc = check_size(checkpoint, newest.size);
    if (rc)
        return rc;
    if (checkpoint->size == newest.size)
        return ate__hash_equal(&checkpoint->root, &newest.head) ? 0 : fail_forked(checkpoint);
    rc = far_of(c)->consistency(c->pipe, checkpoint->size, newest.size, &path);
    if (!rc)
        rc = ate__merkle_check_consistency(checkpoint->size, &checkpoint->root, newest.size,
                                           &newest.head, &path);
    return rc == ATE_TAMPERED ? fail_forked(checkpoint) : rc;
}

int ate__proof_check_prefix(struct ate_chain *c, const struct ate__checkpoint *checkpoint)
{
    struct ate__chain *chain = history_of(c);
    return chain ? ate__chain_check_checkpoint(chain, checkpoint) : check_far(c, checkpoint);
}

/* --- paths --- */

static int far_inclusion(struct ate_chain *c, uint64_t sequence,
                         const struct ate__checkpoint *checkpoint, struct ate__proof_entry *entry,
                         struct ate__proof *path)
{
    struct ate_hash leaf;
    int rc = far_of(c)->inclusion(c->pipe, sequence, checkpoint->size, entry, path);
    if (!rc)
        rc = ate__tx_leaf_of(&entry->tx_hash, &entry->signatures_hash, sequence,
                             entry->root_time_us, &leaf);
    if (!rc)
        rc =
            ate__merkle_check_inclusion(&leaf, sequence, checkpoint->size, path, &checkpoint->root);
    return rc == ATE_TAMPERED
               ? ate__fail(rc,
                           "what the server shows as transaction %llu is not in the history of "
                           "%llu transactions",
                           (unsigned long long)sequence, (unsigned long long)checkpoint->size)
               : rc;
}

int ate__proof_inclusion(struct ate_chain *c, uint64_t sequence,
                         const struct ate__checkpoint *checkpoint,
                         struct ate__proof_entry *ret_entry, struct ate__proof *ret_path)
{
    struct ate__chain *chain = history_of(c);
    if (!chain)
        return far_inclusion(c, sequence, checkpoint, ret_entry, ret_path);
    int rc = ate__chain_inclusion(chain, sequence, checkpoint->size, ret_path);
    return rc ? rc : ate__chain_entry(chain, sequence, ret_entry);
}

int ate__proof_consistency(struct ate_chain *c, const struct ate__checkpoint *older,
                           const struct ate__checkpoint *checkpoint, struct ate__proof *ret_path)
{
    struct ate__chain *chain = history_of(c);
    if (chain)
        return ate__chain_consistency(chain, older->size, checkpoint->size, ret_path);
    int rc = far_of(c)->consistency(c->pipe, older->size, checkpoint->size, ret_path);
    if (!rc)
        rc = ate__merkle_check_consistency(older->size, &older->root, checkpoint->size,
                                           &checkpoint->root, ret_path);
    return rc == ATE_TAMPERED ? ate__context(rc, "the server's proof") : rc;
}

/* --- the genesis --- */

static bool is_genesis(void *arg, uint32_t event)
{
    const struct ate__tx *tx = arg;
    return ate__header_has(&tx->events[event].header, ATE__TAG_GENESIS);
}

static int reduce(struct ate_bytes whole, struct ate__buf *buf)
{
    struct ate__tx tx;
    enum ate__hash_alg alg;
    int rc = ate__tx_genesis_alg(whole, &alg);
    if (!rc)
        rc = ate__tx_decode(whole, alg, &tx);
    if (rc)
        return rc;
    rc = ate__tx_reduce(&tx, is_genesis, &tx, 0, buf);
    ate__tx_deinit(&tx);
    return rc;
}

static int reduce_record(void *arg, const struct ate__history_record *record)
{
    return reduce(record->body, arg);
}

int ate__proof_genesis(struct ate_chain *c, struct ate__buf *ret_genesis)
{
    struct ate__chain *chain = history_of(c);
    return chain ? ate__chain_history(chain, 0, 1, reduce_record, ret_genesis)
                 : reduce(far_of(c)->genesis(c->pipe), ret_genesis);
}
