/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mesh/recent.h"
#include "base/alloc.h"
#include "base/err.h"
#include <pthread.h>

enum { BUCKETS = 256 };

struct ate__recent {
    struct ate__chain *chain;
    size_t bytes_max;
    pthread_mutex_t mutex; /* guards the rest */
    size_t bytes;
    uint64_t clock; /* of uses */
    struct ate__recent_tx *bucket[BUCKETS];
};

int ate__recent_new(struct ate__chain *chain, size_t bytes_max, struct ate__recent **ret_recent)
{
    struct ate__recent *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    r->chain = chain;
    r->bytes_max = bytes_max;
    pthread_mutex_init(&r->mutex, NULL);
    *ret_recent = r;
    return 0;
}

void ate__recent_tx_unref(struct ate__recent_tx *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__tx_deinit(&t->tx);
    ate__buf_deinit(&t->record);
    ate__free(t);
}

void ate__recent_free(struct ate__recent *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct ate__recent_tx *t = r->bucket[i], *next; t; t = next) {
            next = t->next;
            ate__recent_tx_unref(t);
        }
    pthread_mutex_destroy(&r->mutex);
    ate__free(r);
}

static size_t cost(const struct ate__recent_tx *t)
{
    return t->record.capacity + t->tx.event_count * sizeof *t->tx.events + sizeof *t;
}

static struct ate__recent_tx *find(struct ate__recent *r, uint64_t sequence)
{
    for (struct ate__recent_tx *t = r->bucket[sequence % BUCKETS]; t; t = t->next)
        if (t->sequence == sequence) {
            t->used = ++r->clock;
            atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
            return t;
        }
    return NULL;
}

static void drop_oldest(struct ate__recent *r)
{
    struct ate__recent_tx **oldest = NULL;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct ate__recent_tx **p = &r->bucket[i]; *p; p = &(*p)->next)
            if (!oldest || (*p)->used < (*oldest)->used)
                oldest = p;
    if (!oldest)
        return;
    struct ate__recent_tx *t = *oldest;
    *oldest = t->next;
    r->bytes -= cost(t);
    ate__recent_tx_unref(t);
}

static void keep(struct ate__recent *r, struct ate__recent_tx *t)
{
    if (cost(t) > r->bytes_max)
        return;
    while (r->bytes + cost(t) > r->bytes_max)
        drop_oldest(r);
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    t->used = ++r->clock;
    t->next = r->bucket[t->sequence % BUCKETS];
    r->bucket[t->sequence % BUCKETS] = t;
    r->bytes += cost(t);
}

static int take_record(void *arg, const struct ate__history_record *record)
{
    struct ate__recent_tx *t = arg;
    t->root_time_us = record->root_time_us;
    return ate__buf_append(&t->record, record->body);
}

static int read_tx(struct ate__recent *r, struct ate__recent_tx *t)
{
    enum ate__hash_alg alg = ate__trust_alg(ate__chain_trust(r->chain));
    struct ate__storage *storage = ate__chain_storage(r->chain);
    struct ate__storage_state state;
    int rc = ate__chain_history(r->chain, t->sequence, t->sequence + 1, take_record, t);
    storage->v->state(storage, &state);
    if (!rc && !t->record.size)
        rc = t->sequence < state.cut_off
                 ? ate__fail(ATE_COMPACTED, "transaction %llu was compacted away",
                             (unsigned long long)t->sequence)
                 : ate__fail(ATE_TAMPERED, "the log has no transaction %llu",
                             (unsigned long long)t->sequence);
    return rc ? rc : ate__tx_decode(ate__buf_bytes(&t->record), alg, &t->tx);
}

int ate__recent_get(struct ate__recent *r, uint64_t sequence, struct ate__recent_tx **ret_tx)
{
    pthread_mutex_lock(&r->mutex);
    struct ate__recent_tx *t = find(r, sequence);
    pthread_mutex_unlock(&r->mutex);
    if (!t) {
        t = ate__alloc(sizeof *t);
        if (!t)
            return ate__no_memory();
        atomic_init(&t->refs, 1);
        t->sequence = sequence;
        int rc = read_tx(r, t);
        if (rc) {
            ate__recent_tx_unref(t);
            return rc;
        }
        pthread_mutex_lock(&r->mutex);
        struct ate__recent_tx *other = find(r, sequence);
        if (other)
            ate__recent_tx_unref(other); /* read twice at the same moment: the first one stays */
        else
            keep(r, t);
        pthread_mutex_unlock(&r->mutex);
    }
    *ret_tx = t;
    return 0;
}
