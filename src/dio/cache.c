/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cache.c: a table of sets, each as large as a cache line, and the lists of what was lent.
 */
#include "dio/cache.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "chain/rcu.h"
#include <pthread.h>

enum {
    LINE = 64,
    WAYS = 5,
    WAY_BYTES = 256, /* of the limit: about the smallest object with its overhead */
    SETS_MIN = 64,
    LENT_BLOCK = 509, /* so that a block is about a page */
    RETIRED_MIN = 256 /* evicted objects that share one grace period */
};
struct set {
    _Atomic uint32_t tag[WAYS]; /* of hashes; only a hint, so that one object is looked at */
    _Atomic(struct ate__decoded *) way[WAYS];
};
_Static_assert(sizeof(struct set) == LINE, "a set is a cache line");

struct lent {
    _Atomic uint32_t count;
    _Atomic(struct ate__decoded *) object[LENT_BLOCK];
    _Atomic(struct lent *) next;
};
/* Only its owner writes; who evicts reads. Blocks stay linked while it has an owner. */
struct ate__lender {
    atomic_bool owned;
    struct lent *last;        /* the one that is being filled */
    struct ate__lender *next; /* constant once it is linked */
    struct lent first;
};
struct ate__cache {
    uint64_t seed[2];
    uint64_t mask; /* sets - 1 */
    uint64_t bytes_max;
    _Atomic(struct set *) sets; /* NULL: nothing was put yet */
    _Atomic(struct ate__lender *) lenders;
    pthread_mutex_t mutex;      /* protects what follows, and is held to change a set */
    void *sets_block;           /* `sets` begins at a line within it */
    uint64_t bytes;             /* of what is in the sets */
    uint64_t hand, turn;        /* where eviction goes on: which set, which way of a full one */
    struct ate__decoded *retired;
    uint64_t retired_count, retired_bytes;
    uint64_t kept_count, kept_bytes; /* of those, lent when they were last looked through */
    uint64_t loans;             /* as many there were then */
};

int ate__cache_new(uint64_t bytes_max, const uint64_t seed[2], struct ate__cache **ret_cache)
{
    uint64_t sets = SETS_MIN;
    while (sets * WAYS < bytes_max / WAY_BYTES)
        sets *= 2;
    struct ate__cache *c = ate__alloc(sizeof *c);
    if (!c)
        return ate__no_memory();
    c->seed[0] = seed[0];
    c->seed[1] = seed[1];
    c->mask = sets - 1;
    c->bytes_max = bytes_max;
    pthread_mutex_init(&c->mutex, NULL);
    *ret_cache = c;
    return 0;
}

static void free_lent(struct lent *l)
{
    for (struct lent *next; l; l = next) {
        next = atomic_load(&l->next);
        ate__free(l);
    }
}

static void free_retired(struct ate__cache *c)
{
    for (struct ate__decoded *d = c->retired, *next; d; d = next) {
        next = d->next;
        ate__free(d);
    }
    c->retired = NULL;
}

void ate__cache_free(struct ate__cache *c)
{
    if (!c)
        return;
    struct set *sets = atomic_load(&c->sets);
    for (uint64_t i = 0; sets && i <= c->mask; i++)
        for (unsigned k = 0; k < WAYS; k++)
            ate__free(atomic_load(&sets[i].way[k]));
    free_retired(c);
    for (struct ate__lender *l = atomic_load(&c->lenders), *next; l; l = next) {
        next = l->next;
        free_lent(atomic_load(&l->first.next));
        ate__free(l);
    }
    ate__free(c->sets_block);
    pthread_mutex_destroy(&c->mutex);
    ate__free(c);
}

/* ---- lenders ---- */

int ate__cache_lender(struct ate__cache *c, struct ate__lender **ret_lender)
{
    struct ate__lender *l = atomic_load(&c->lenders);
    bool free = false;
    for (; l; l = l->next, free = false)
        if (atomic_compare_exchange_strong(&l->owned, &free, true))
            break;
    if (!l) {
        l = ate__alloc(sizeof *l);
        if (!l)
            return ate__no_memory();
        atomic_store(&l->owned, true);
        l->last = &l->first;
        l->next = atomic_load(&c->lenders);
        while (!atomic_compare_exchange_weak(&c->lenders, &l->next, l))
            ;
    }
    *ret_lender = l;
    return 0;
}

void ate__lender_clear(struct ate__lender *lender)
{
    if (!lender)
        return;
    for (struct lent *l = &lender->first;; l = atomic_load(&l->next)) {
        atomic_store_explicit(&l->count, 0, memory_order_release);
        if (l == lender->last)
            break;
    }
    lender->last = &lender->first;
}

void ate__cache_give_back(struct ate__cache *c, struct ate__lender *lender)
{
    if (!lender)
        return;
    ate__lender_clear(lender);
    if (atomic_load(&lender->first.next)) {
        pthread_mutex_lock(&c->mutex); /* who evicts might just be walking along them */
        free_lent(atomic_exchange(&lender->first.next, NULL));
        pthread_mutex_unlock(&c->mutex);
    }
    atomic_store_explicit(&lender->owned, false, memory_order_release);
}

static struct lent *next_lent(struct ate__lender *lender)
{
    struct lent *l = lender->last, *next = atomic_load(&l->next);
    if (!next) {
        next = ate__alloc(sizeof *next);
        if (next)
            atomic_store_explicit(&l->next, next, memory_order_release);
    }
    if (next)
        lender->last = next;
    return next;
}

/* Noted before the read section ends in which it was found, or before it can be evicted. */
static inline bool lend(struct ate__lender *lender, struct ate__decoded *d)
{
    struct lent *l = lender->last;
    uint32_t n = atomic_load_explicit(&l->count, memory_order_relaxed);
    if (n == LENT_BLOCK) {
        l = next_lent(lender);
        n = 0;
        if (!l)
            return false;
    }
    atomic_store_explicit(&l->object[n], d, memory_order_relaxed);
    atomic_store_explicit(&l->count, n + 1, memory_order_release);
    return true;
}

/* ---- looking up ---- */

static inline uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

const struct ate__decoded *ate__cache_get(struct ate__cache *c, struct ate__lender *lender,
                                          const struct ate_id *id, const struct ate_type *type)
{
    uint64_t hash = ate__quick_hash(c->seed, id->b);
    struct set *set = atomic_load_explicit(&c->sets, memory_order_acquire);
    unsigned hits = 0;
    if (!set)
        return NULL;
    set += hash & c->mask;
    ate__rcu_enter();
    /* Without a branch: the processor goes on to the next load while the line is on its way. */
    for (unsigned k = 0; k < WAYS; k++)
        hits |= (unsigned)(atomic_load_explicit(&set->tag[k], memory_order_relaxed) == tag_of(hash))
                << k;
    struct ate__decoded *d =
        hits ? atomic_load_explicit(&set->way[__builtin_ctz(hits)], memory_order_acquire) : NULL;
    if (d && (!ate__id_equal(&d->id, id) || d->type != type || !lend(lender, d)))
        d = NULL;
    ate__rcu_leave();
    return d;
}

void ate__decoded_seen(const struct ate__decoded *d, uint64_t size)
{
    /* Two threads may store at once: both sizes are true. */
    _Atomic uint64_t *seen = &((struct ate__decoded *)(uintptr_t)d)->seen;
    if (atomic_load_explicit(seen, memory_order_relaxed) < size)
        atomic_store_explicit(seen, size, memory_order_relaxed);
}

/* ---- keeping and evicting; under the mutex ---- */

static void evict(struct ate__cache *c, struct set *set, unsigned way)
{
    struct ate__decoded *d = atomic_load_explicit(&set->way[way], memory_order_relaxed);
    if (!d)
        return;
    atomic_store_explicit(&set->way[way], NULL, memory_order_relaxed);
    c->bytes -= d->size;
    d->next = c->retired;
    c->retired = d;
    c->retired_count++;
    c->retired_bytes += d->size;
}

/* Marks what is lent, current or evicted. An object that stands in a lender has not ended: it was
 * noted before anybody could evict it, or in a read section that is over. */
static uint64_t mark_lent(struct ate__cache *c)
{
    uint64_t loans = 0;
    for (struct ate__lender *lender = atomic_load(&c->lenders); lender; lender = lender->next)
        for (struct lent *l = &lender->first; l;
             l = atomic_load_explicit(&l->next, memory_order_acquire)) {
            uint32_t n = atomic_load_explicit(&l->count, memory_order_acquire);
            for (uint32_t i = 0; i < n; i++)
                atomic_load_explicit(&l->object[i], memory_order_relaxed)->lent = true;
            loans += n;
        }
    return loans;
}

static void end_retired(struct ate__cache *c)
{
    struct ate__decoded *kept = NULL;
    ate__rcu_wait();
    for (struct ate__decoded *d = c->retired; d; d = d->next)
        d->lent = false;
    c->loans = mark_lent(c);
    c->retired_count = c->retired_bytes = 0;
    for (struct ate__decoded *d = c->retired, *next; d; d = next) {
        next = d->next;
        if (!d->lent) {
            ate__free(d);
            continue;
        }
        d->next = kept;
        kept = d;
        c->retired_count++;
        c->retired_bytes += d->size;
    }
    c->retired = kept;
    c->kept_count = c->retired_count;
    c->kept_bytes = c->retired_bytes;
}

/* Rarely enough that looking through all loans costs little per object. */
static bool end_due(const struct ate__cache *c)
{
    return c->retired_count - c->kept_count >= RETIRED_MIN + c->loans / 4 ||
           c->retired_bytes - c->kept_bytes > c->bytes_max / 8;
}

static unsigned choose_way(struct ate__cache *c, const struct set *set, const struct ate_id *id)
{
    unsigned chosen = (unsigned)(c->turn++ % WAYS);
    for (unsigned k = 0; k < WAYS; k++) {
        const struct ate__decoded *d = atomic_load_explicit(&set->way[k], memory_order_relaxed);
        if (!d)
            chosen = k;
        else if (ate__id_equal(&d->id, id))
            return k;
    }
    return chosen;
}

static void insert(struct ate__cache *c, struct set *sets, struct ate__decoded *d)
{
    uint64_t hash = ate__quick_hash(c->seed, d->id.b);
    struct set *set = &sets[hash & c->mask];
    unsigned way = choose_way(c, set, &d->id);
    evict(c, set, way);
    atomic_store_explicit(&set->way[way], d, memory_order_release);
    atomic_store_explicit(&set->tag[way], tag_of(hash), memory_order_relaxed);
    c->bytes += d->size;
    while (c->bytes > c->bytes_max) {
        struct set *next = &sets[c->hand++ & c->mask];
        for (unsigned k = 0; k < WAYS; k++)
            evict(c, next, k);
    }
    if (end_due(c))
        end_retired(c);
}

/* The sets are made when they are first needed. NULL: no memory. */
static struct set *make_sets(struct ate__cache *c)
{
    struct set *sets = atomic_load_explicit(&c->sets, memory_order_relaxed);
    if (sets)
        return sets;
    size_t size = (c->mask + 1) * sizeof *sets;
    c->sets_block = ate__alloc(size + LINE);
    if (!c->sets_block)
        return NULL;
    sets = (struct set *)(((uintptr_t)c->sets_block + LINE - 1) & ~(uintptr_t)(LINE - 1));
    atomic_store_explicit(&c->sets, sets, memory_order_release);
    return sets;
}

bool ate__cache_put(struct ate__cache *c, struct ate__lender *lender, struct ate__decoded *d)
{
    if (d->size > c->bytes_max / 8 || pthread_mutex_trylock(&c->mutex))
        return false;
    struct set *sets = make_sets(c);
    bool kept = sets && lend(lender, d);
    if (kept)
        insert(c, sets, d);
    pthread_mutex_unlock(&c->mutex);
    return kept;
}
