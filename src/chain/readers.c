/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/readers.h"
#include "base/err.h"

enum { BLOCK_READERS = 64 };
struct block {
    struct ate__reader reader[BLOCK_READERS];
    struct block *next; /* constant once the block is linked */
};
struct ate__readers {
    _Atomic(struct block *) blocks;
};

int ate__readers_new(struct ate__readers **ret)
{
    struct ate__readers *r = ate__alloc(sizeof *r);
    if (!r)
        return ate__no_memory();
    *ret = r;
    return 0;
}

void ate__readers_free(struct ate__readers *r)
{
    if (!r)
        return;
    for (struct block *b = atomic_load(&r->blocks), *next; b; b = next) {
        next = b->next;
        ate__free(b);
    }
    ate__free(r);
}

static struct ate__reader *claim_in(struct block *b)
{
    for (unsigned i = 0; i < BLOCK_READERS; i++) {
        uint64_t expected = ATE__READER_FREE;
        if (atomic_compare_exchange_strong(&b->reader[i].state, &expected, ATE__READER_BASE))
            return &b->reader[i];
    }
    return NULL;
}

int ate__readers_begin(struct ate__readers *r, const _Atomic uint64_t *published, uint64_t now_ms,
                       struct ate__reader **ret_reader, uint64_t *ret_size)
{
    struct ate__reader *reader = NULL;
    for (struct block *b = atomic_load(&r->blocks); b && !reader; b = b->next)
        reader = claim_in(b);
    if (!reader) {
        struct block *b = ate__alloc(sizeof *b);
        if (!b)
            return ate__no_memory();
        reader = &b->reader[0];
        atomic_store(&reader->state, ATE__READER_BASE);
        struct block *head = atomic_load(&r->blocks);
        do
            b->next = head;
        while (!atomic_compare_exchange_weak(&r->blocks, &head, b));
    }
    *ret_size = ate__reader_renew(reader, published, now_ms);
    *ret_reader = reader;
    return 0;
}

uint64_t ate__reader_renew(struct ate__reader *reader, const _Atomic uint64_t *published,
                           uint64_t now_ms)
{
    atomic_store(&reader->since_ms, now_ms);
    atomic_store(&reader->state, ATE__READER_BASE);
    uint64_t size = atomic_load(published);
    atomic_store(&reader->state, ATE__READER_BASE + 1 + size);
    return size;
}

void ate__reader_pin(struct ate__reader *reader)
{
    atomic_store_explicit(&reader->state, ATE__READER_EXPELLED, memory_order_release);
}

bool ate__readers_any(struct ate__readers *r)
{
    for (struct block *b = atomic_load(&r->blocks); b; b = b->next)
        for (unsigned i = 0; i < BLOCK_READERS; i++)
            if (atomic_load_explicit(&b->reader[i].state, memory_order_acquire) != ATE__READER_FREE)
                return true;
    return false;
}

void ate__reader_end(struct ate__reader *reader)
{
    atomic_store_explicit(&reader->state, ATE__READER_FREE, memory_order_release);
}

uint64_t ate__readers_oldest(struct ate__readers *r)
{
    uint64_t oldest = UINT64_MAX;
    for (struct block *b = atomic_load(&r->blocks); b; b = b->next)
        for (unsigned i = 0; i < BLOCK_READERS; i++) {
            uint64_t state = atomic_load(&b->reader[i].state);
            if (state < ATE__READER_BASE)
                continue;
            uint64_t size = state == ATE__READER_BASE ? 0 : state - ATE__READER_BASE - 1;
            if (size < oldest)
                oldest = size;
        }
    return oldest;
}

unsigned ate__readers_expel(struct ate__readers *r, uint64_t before_ms, uint64_t size)
{
    unsigned count = 0;
    for (struct block *b = atomic_load(&r->blocks); b; b = b->next)
        for (unsigned i = 0; i < BLOCK_READERS; i++) {
            struct ate__reader *reader = &b->reader[i];
            uint64_t state = atomic_load(&reader->state);
            if (state <= ATE__READER_BASE)
                continue;
            bool old = atomic_load(&reader->since_ms) < before_ms;
            if (!old && state - ATE__READER_BASE - 1 > size)
                continue;
            /* One that was renewed meanwhile stays. */
            count += atomic_compare_exchange_strong(&reader->state, &state, ATE__READER_EXPELLED);
        }
    return count;
}
