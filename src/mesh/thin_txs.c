/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_txs.c: the transactions of an answer: in the tree, signed; the keys and root keys that they
 * bring.
 */
#include "base/alloc.h"
#include "mesh/thin_private.h"

/* ---- the chain ---- */

void ate__thin_chain_init(struct ate__thin_chain *c, struct ate__trust *trust,
                          const struct ate__tx *genesis, uint64_t genesis_time_us,
                          struct ate__workers *workers)
{
    *c = (struct ate__thin_chain){
        .trust = trust, .genesis = genesis, .genesis_time_us = genesis_time_us, .workers = workers};
    pthread_mutex_init(&c->mutex, NULL);
    ate__thin_own_init(&c->own);
}

void ate__thin_chain_deinit(struct ate__thin_chain *c)
{
    pthread_mutex_destroy(&c->mutex);
    ate__thin_own_deinit(&c->own);
    ate__free(c->roots);
}

static bool brings_key(const struct ate__tx *tx)
{
    for (uint32_t i = 0; i < tx->event_count; i++)
        if (tx->events[i].form != ATE__DROPPED &&
            (tx->events[i].kind == ATE__EVENT_PUBLIC_KEY || tx->events[i].kind == ATE__EVENT_ROOT ||
             tx->events[i].kind == ATE__EVENT_CHAIN))
            return true;
    return false;
}

int ate__thin_learn(struct ate__thin_chain *c, const struct ate__tx *tx, uint64_t sequence)
{
    if (!brings_key(tx))
        return 0;
    pthread_mutex_lock(&c->mutex);
    int rc = ate__trust_learn(c->trust, tx, sequence, &c->keys, ATE__SHOWN_KEYS_MAX);
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

/* ---- 1: transactions ---- */

static int check_in_tree(const struct ate__thin_answer *a, const struct ate__thin_tx *t,
                         const struct ate__proof *inclusion)
{
    struct ate_hash leaf;
    if (!ate__hash_equal(&t->tx->chain_id, ate__trust_chain_id(a->chain->trust)))
        return ate__fail(ATE_TAMPERED, "transaction %llu is one of another chain",
                         (unsigned long long)t->sequence);
    int rc =
        ate__tx_leaf(t->tx, ate__trust_alg(a->chain->trust), t->sequence, t->root_time_us, &leaf);
    if (!rc)
        rc = ate__merkle_check_inclusion(&leaf, t->sequence, a->head->size, inclusion,
                                         &a->head->root);
    if (rc == ATE_TAMPERED)
        return ate__fail(rc,
                         "transaction %llu is shown otherwise than it is in the history of %llu "
                         "transactions",
                         (unsigned long long)t->sequence, (unsigned long long)a->head->size);
    return rc;
}

static int read_tx(struct ate__thin_answer *a, const struct ate__shown_tx *shown)
{
    struct ate__thin_tx *t = &a->txs[a->tx_count], *before = t - 1;
    t->sequence = shown->sequence;
    t->root_time_us = shown->root_time_us;
    if (!shown->sequence)
        return ate__fail(ATE_BAD_PEER, "transaction 0 is shown again");
    if (t->root_time_us < before->root_time_us)
        return ate__fail(ATE_TAMPERED, "the root's time went back at transaction %llu",
                         (unsigned long long)t->sequence);
    int rc = ate__tx_decode(shown->record, ate__trust_alg(a->chain->trust), &t->own);
    if (rc)
        return ate__context(rc == ATE_MALFORMED ? ATE_BAD_PEER : rc, "transaction %llu",
                            (unsigned long long)t->sequence);
    t->tx = &t->own;
    a->tx_count++;
    return check_in_tree(a, t, &shown->inclusion);
}

int ate__thin_read_txs(struct ate__thin_answer *a)
{
    struct ate__shown_tx shown;
    a->txs = ate__alloc_array((size_t)a->got->tx_count + 1, sizeof *a->txs);
    if (!a->txs)
        return ate__no_memory();
    a->txs[a->tx_count++] =
        (struct ate__thin_tx){.root_time_us = a->chain->genesis_time_us, .tx = a->chain->genesis};
    int rc = 0;
    for (size_t at = 0; !rc && ate__msg_got_next(a->got->txs, &at, &shown);)
        rc = read_tx(a, &shown);
    return rc;
}

/* ---- 2: signatures ---- */

static const struct ate__tx *nth_tx(void *arg, size_t n)
{
    return ((struct ate__thin_answer *)arg)->txs[n + 1].tx;
}

static void verify_nth(void *arg, size_t n)
{
    struct ate__thin_answer *a = arg;
    struct ate__thin_tx *t = &a->txs[n + 1]; /* the genesis was verified when it was taken in */
    t->verified = ate__trust_verify(a->chain->trust, t->tx);
    if (t->verified)
        t->text = ate__copy_text(ate__error_text());
}

int ate__thin_verify_txs(struct ate__thin_answer *a)
{
    int rc = 0;
    for (size_t i = 1; !rc && i < a->tx_count; i++)
        rc = ate__thin_learn(a->chain, a->txs[i].tx, a->txs[i].sequence);
    if (rc)
        return rc;
    ate__trust_each(a->chain->trust, a->chain->workers, a->tx_count - 1,
                    &(struct ate__signed){nth_tx, verify_nth, a});
    for (size_t i = 1; !rc && i < a->tx_count; i++) {
        const struct ate__thin_tx *t = &a->txs[i];
        if (!t->verified)
            continue;
        /* The key of a signer was to be shown; one that cannot sign is no signer's. */
        rc = t->verified == ATE_DENIED ? ATE_BAD_PEER : t->verified;
        if (rc == ATE_MALFORMED)
            rc = ATE_TAMPERED;
        rc = ate__fail(rc, "transaction %llu: %s", (unsigned long long)t->sequence,
                       t->text ? t->text : "");
    }
    return rc;
}

/* ---- 3: roots ---- */

bool ate__thin_root_signs(const struct ate__thin_answer *a, const struct ate__thin_tx *t)
{
    for (uint32_t i = 0; i < t->tx->signature_count && !t->tx->attested; i++)
        if (ate__thin_is_root(a->chain, &t->tx->signatures[i].fingerprint, t->sequence))
            return true;
    return false;
}

static int add_root(struct ate__thin_chain *c, const struct ate_hash *fingerprint,
                    uint64_t sequence)
{
    int rc = 0;
    bool known = false;
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->root_count && !known; i++)
        known = c->roots[i].sequence == sequence &&
                ate__hash_equal(&c->roots[i].fingerprint, fingerprint);
    if (!known && c->root_count == ATE__ROOT_KEYS_MAX)
        rc = ate__fail(ATE_TOO_BIG, "more than %d root keys were shown", ATE__ROOT_KEYS_MAX);
    else if (!known)
        rc = ate__grow(&c->roots, &c->root_capacity, c->root_count + 1, sizeof *c->roots);
    if (!known && !rc)
        c->roots[c->root_count++] = (struct ate__thin_root){*fingerprint, sequence};
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

int ate__thin_take_root(struct ate__thin_answer *a, const struct ate__thin_tx *t,
                        const struct ate__event *e)
{
    struct ate__root_change change;
    if (!ate__thin_root_signs(a, t))
        return ate__fail(ATE_TAMPERED,
                         "transaction %llu changes the root keys, and no root key that was shown "
                         "signs it",
                         (unsigned long long)t->sequence);
    int rc = 0;
    for (size_t at = 0; !rc && ate__root_next(e->header.root, &at, &change);) {
        struct ate_hash fingerprint;
        if (change.op != ATE__ROOT_ADD)
            continue;
        rc = ate__fingerprint(change.key, &fingerprint);
        if (!rc && !ate__tx_signed_by(t->tx, &fingerprint))
            rc = ate__fail(ATE_TAMPERED, "transaction %llu adds a root key that does not sign it",
                           (unsigned long long)t->sequence);
        if (!rc)
            rc = add_root(a->chain, &fingerprint, t->sequence);
    }
    return rc;
}
