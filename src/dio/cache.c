/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dio/cache.h"
#include "base/alloc.h"
#include "base/endian.h"
#include "base/err.h"
#include <pthread.h>
#include <urcu/urcu-bp.h>

enum {
    SLOT_BYTES = 256,  /* of the limit, per slot: about the smallest object with its overhead */
    RETIRED_MAX = 256, /* evicted objects that share one grace period */
    SLOTS_MIN = 1024
};
struct ate__cache {
    uint64_t mask;
    uint64_t bytes_max;
    _Atomic uint64_t bytes;
    _Atomic uint64_t hand;       /* where eviction goes on */
    pthread_mutex_t mutex;       /* protects `retired` */
    struct ate__decoded *retired;
    unsigned retired_count;
    _Atomic(struct ate__decoded *) slot[];
};

int ate__cache_new(uint64_t bytes_max, struct ate__cache **ret_cache)
{
    uint64_t slots = SLOTS_MIN;
    while (slots < bytes_max / SLOT_BYTES)
        slots *= 2;
    struct ate__cache *c = ate__alloc(sizeof *c + slots * sizeof c->slot[0]);
    if (!c)
        return ate__no_memory();
    c->mask = slots - 1;
    c->bytes_max = bytes_max;
    pthread_mutex_init(&c->mutex, NULL);
    *ret_cache = c;
    return 0;
}

void ate__decoded_unref(struct ate__decoded *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    ate__free(d->object);
    ate__free(d);
}

static void drop_all(struct ate__decoded *d)
{
    for (struct ate__decoded *next; d; d = next) {
        next = d->retired_next;
        ate__decoded_unref(d);
    }
}

void ate__cache_free(struct ate__cache *c)
{
    if (!c)
        return;
    for (uint64_t i = 0; i <= c->mask; i++)
        ate__decoded_unref(atomic_load(&c->slot[i]));
    drop_all(c->retired);
    pthread_mutex_destroy(&c->mutex);
    ate__free(c);
}

/* Ids are random; nobody gains by crowding a slot but a cache miss of their own objects. */
static uint64_t slot_of(const struct ate__cache *c, const struct ate_id *id)
{
    return (ate__load64(id->b) ^ ate__load64(id->b + 8)) & c->mask;
}

struct ate__decoded *ate__cache_get(struct ate__cache *c, const struct ate_id *id,
                                    const struct ate_hash *hash, const struct ate_type *type)
{
    urcu_bp_read_lock();
    struct ate__decoded *d = atomic_load_explicit(&c->slot[slot_of(c, id)], memory_order_acquire);
    if (d && d->type == type && ate__hash_equal(&d->hash, hash) && ate__id_equal(&d->id, id))
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    else
        d = NULL;
    urcu_bp_read_unlock();
    return d;
}

static void retire(struct ate__cache *c, struct ate__decoded *d)
{
    if (!d)
        return;
    atomic_fetch_sub_explicit(&c->bytes, d->size + sizeof *d, memory_order_relaxed);
    struct ate__decoded *due = NULL;
    pthread_mutex_lock(&c->mutex);
    d->retired_next = c->retired;
    c->retired = d;
    if (++c->retired_count == RETIRED_MAX) {
        due = c->retired;
        c->retired = NULL;
        c->retired_count = 0;
    }
    pthread_mutex_unlock(&c->mutex);
    if (due) {
        urcu_bp_synchronize_rcu();
        drop_all(due);
    }
}

void ate__cache_put(struct ate__cache *c, struct ate__decoded *d)
{
    uint64_t size = d->size + sizeof *d;
    if (size > c->bytes_max / 8)
        return;
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->bytes, size, memory_order_relaxed);
    retire(c, atomic_exchange_explicit(&c->slot[slot_of(c, &d->id)], d, memory_order_acq_rel));
    for (uint64_t tries = 0; tries <= c->mask && atomic_load(&c->bytes) > c->bytes_max; tries++) {
        uint64_t i = atomic_fetch_add_explicit(&c->hand, 1, memory_order_relaxed) & c->mask;
        retire(c, atomic_exchange_explicit(&c->slot[i], NULL, memory_order_acq_rel));
    }
}
