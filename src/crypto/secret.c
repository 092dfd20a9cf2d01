/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * secret.c: blocks for secrets are cut from pages of their own.
 *
 * A chunk is one mapping: the table of what is taken, an inaccessible page, the pages of the
 * secrets, another inaccessible page. The secrets' pages are locked and kept out of core dumps
 * where the system allows it, and are divided into units of 64 bytes. A block begins with the
 * address of its record, which lies elsewhere, so that a write past the end of a block does not
 * change how much is wiped. One empty chunk is kept, others go back to the system. `lock` guards
 * all of it.
 */
#include "crypto/secret.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "crypto/limits.h"
#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define poison(data, size) ASAN_POISON_MEMORY_REGION(data, size)
#define unpoison(data, size) ASAN_UNPOISON_MEMORY_REGION(data, size)
#else
#define poison(data, size) ((void)0)
#define unpoison(data, size) ((void)0)
#endif

enum {
    UNIT = 64,         /* bytes */
    CHUNK = 32 * 1024, /* bytes; half of what the smallest usual limit lets a process lock */
};

struct chunk {
    struct chunk *next;
    size_t mapped; /* bytes, of all */
    uint8_t *pages;
    size_t units, units_free;
    bool used[]; /* per unit */
};

struct record {
    struct chunk *chunk;
    size_t unit, units;
    void *block;
};

union head { /* in front of each block; keeps it aligned */
    struct record *record;
    max_align_t align;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct chunk *chunks; /* the newest first */
static size_t live;          /* blocks */

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

static void chunk_free(struct chunk *c)
{
    unpoison(c->pages, c->units * UNIT);
    munmap(c, c->mapped);
}

static struct chunk *chunk_new(size_t size_min)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = round_up(ate__max(size_min, CHUNK), page);
    size_t table = round_up(sizeof(struct chunk) + size / UNIT * sizeof(bool), page);
    size_t mapped = table + page + size + page;
    uint8_t *all = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    uint8_t *pages = all + table + page;
    if (mprotect(all, table, PROT_READ | PROT_WRITE) ||
        mprotect(pages, size, PROT_READ | PROT_WRITE)) {
        munmap(all, mapped);
        return NULL;
    }
    /* As far as it goes: the limits of systems differ, and secrets are wiped in any case. */
    (void)!mlock(pages, size);
    (void)!madvise(pages, size, MADV_DONTDUMP);
    poison(pages, size);
    struct chunk *c = (void *)all;
    c->mapped = mapped;
    c->pages = pages;
    c->units = c->units_free = size / UNIT;
    return c;
}

/* The first of `units` free ones in a row, or c->units. */
static size_t run_find(const struct chunk *c, size_t units)
{
    size_t run = 0;
    for (size_t i = 0; i < c->units && c->units_free >= units; i++) {
        run = c->used[i] ? 0 : run + 1;
        if (run == units)
            return i + 1 - units;
    }
    return c->units;
}

/* Fills in where the block lies. Lock held. */
static bool place(struct record *r)
{
    for (struct chunk *c = chunks; c; c = c->next) {
        r->unit = run_find(c, r->units);
        r->chunk = c;
        if (r->unit < c->units)
            return true;
    }
    struct chunk *c = chunk_new(r->units * UNIT);
    if (!c)
        return false;
    c->next = chunks;
    chunks = c;
    r->chunk = c;
    r->unit = 0;
    return true;
}

void *ate__secret_alloc(size_t size)
{
    if (size > ATE__SECRET_MAX)
        return NULL;
    struct record *r = ate__alloc(sizeof *r);
    if (!r)
        return NULL;
    size_t bytes = sizeof(union head) + (size ? size : 1);
    r->units = (bytes + UNIT - 1) / UNIT;
    pthread_mutex_lock(&lock);
    bool placed = place(r);
    if (placed) {
        memset(r->chunk->used + r->unit, true, r->units * sizeof *r->chunk->used);
        r->chunk->units_free -= r->units;
        live++;
    }
    pthread_mutex_unlock(&lock);
    if (!placed) {
        ate__free(r);
        return NULL;
    }
    union head *head = (void *)(r->chunk->pages + r->unit * UNIT);
    unpoison(head, bytes);
    head->record = r;
    r->block = head + 1;
    return r->block; /* zeros: pages come so, and are wiped when freed */
}

void ate__secret_free(void *block)
{
    if (!block)
        return;
    union head *head = (union head *)block - 1;
    struct record *r = head->record;
    ate__assert(r->block == block);
    struct chunk *c = r->chunk;
    unpoison(head, r->units * UNIT);
    ate__wipe(head, r->units * UNIT);
    poison(head, r->units * UNIT);
    pthread_mutex_lock(&lock);
    memset(c->used + r->unit, false, r->units * sizeof *c->used);
    c->units_free += r->units;
    live--;
    bool drop = c->units_free == c->units && (chunks->next || c->units > CHUNK / UNIT);
    if (drop) {
        struct chunk **at = &chunks;
        while (*at != c)
            at = &(*at)->next;
        *at = c->next;
    }
    pthread_mutex_unlock(&lock);
    if (drop)
        chunk_free(c);
    ate__free(r);
}

size_t ate__secret_blocks(void)
{
    pthread_mutex_lock(&lock);
    size_t n = live;
    pthread_mutex_unlock(&lock);
    return n;
}

int ate__secret_init(struct ate__secret *s, size_t size)
{
    uint8_t *data = ate__secret_alloc(size);
    if (!data)
        return ate__no_memory();
    *s = (struct ate__secret){data, size};
    return 0;
}

void ate__secret_deinit(struct ate__secret *s)
{
    ate__secret_free(s->data);
    *s = ATE__SECRET_NULL;
}

void ate__key32_deinit(struct ate__key32 *k)
{
    ate__wipe(k, sizeof *k);
}

void ate__wipe(void *data, size_t size)
{
    if (size)
        explicit_bzero(data, size);
}

void ate__buf_wipe(struct ate__buf *b)
{
    if (b->data)
        ate__wipe(b->data, b->capacity);
    ate__buf_deinit(b);
}

bool ate__secret_equal(const void *a, const void *b, size_t size)
{
    return !CRYPTO_memcmp(a, b, size);
}

void ate__process_harden(void)
{
    (void)!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)!setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
