/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * heap.c: the library's memory in the hands of a test.
 *
 * In front of each block stands its size and a mark, which is wrong in a foreign or released block.
 */
#include "lib/heap.h"
#include "ate/result.h"
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MARK = 0x61746521, MARK_GONE = 0x676f6e65 };

struct block {
    size_t size;
    uint64_t mark;
};
_Static_assert(sizeof(struct block) == 16, "blocks keep the alignment of malloc");

static struct {
    pthread_mutex_t mutex; /* guards the rest */
    uint64_t count, fail_at;
    bool fail_on, failed;
    size_t blocks, bytes, largest;
} heap = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct block *block_of(void *data)
{
    struct block *block = (struct block *)data - 1;
    if (block->mark != MARK) {
        fprintf(stderr, "heap: %p is not a block of the library\n", data);
        abort();
    }
    return block;
}

static void *heap_resize(void *user, void *data, size_t size)
{
    (void)user;
    pthread_mutex_lock(&heap.mutex);
    struct block *block = data ? block_of(data) : NULL, *fresh = NULL;
    size_t old_size = block ? block->size : 0;
    heap.count++;
    bool refused = heap.fail_at && (heap.count == heap.fail_at || (heap.fail_on && heap.failed));
    if (refused || size > heap.largest)
        heap.failed = true;
    else
        fresh = malloc(sizeof *fresh + size);
    if (fresh) {
        /* Always moves, so that a pointer kept into the old block is seen by the sanitizer. */
        *fresh = (struct block){size, MARK};
        memset(fresh + 1, 0xa5, size);
        if (block) {
            memcpy(fresh + 1, data, old_size < size ? old_size : size);
            block->mark = MARK_GONE;
            free(block);
        }
        heap.blocks += !block;
        heap.bytes += size - old_size;
    }
    pthread_mutex_unlock(&heap.mutex);
    return fresh ? fresh + 1 : NULL;
}

static void heap_release(void *user, void *data)
{
    (void)user;
    pthread_mutex_lock(&heap.mutex);
    struct block *block = block_of(data);
    heap.blocks--;
    heap.bytes -= block->size;
    block->mark = MARK_GONE;
    free(block);
    pthread_mutex_unlock(&heap.mutex);
}

static const struct ate__allocator heap_allocator = {heap_resize, heap_release, NULL};

void heap_start(void)
{
    heap.blocks = heap.bytes = 0;
    heap.largest = SIZE_MAX;
    heap_fail(0, false);
    ate__alloc_set(&heap_allocator);
}

void heap_limit(size_t bytes)
{
    heap.largest = bytes;
}

void heap_stop(void)
{
    ate__alloc_set(NULL);
    if (heap.blocks)
        fail_msg("heap: %zu blocks of %zu bytes were not released", heap.blocks, heap.bytes);
}

void heap_fail(uint64_t n, bool on)
{
    pthread_mutex_lock(&heap.mutex);
    heap.count = 0;
    heap.fail_at = n;
    heap.fail_on = on;
    heap.failed = false;
    pthread_mutex_unlock(&heap.mutex);
}

bool heap_failed(void)
{
    pthread_mutex_lock(&heap.mutex);
    bool failed = heap.failed;
    pthread_mutex_unlock(&heap.mutex);
    return failed;
}

uint64_t heap_count(void)
{
    pthread_mutex_lock(&heap.mutex);
    uint64_t count = heap.count;
    pthread_mutex_unlock(&heap.mutex);
    return count;
}

size_t heap_blocks(void)
{
    pthread_mutex_lock(&heap.mutex);
    size_t blocks = heap.blocks;
    pthread_mutex_unlock(&heap.mutex);
    return blocks;
}

size_t heap_bytes(void)
{
    pthread_mutex_lock(&heap.mutex);
    size_t bytes = heap.bytes;
    pthread_mutex_unlock(&heap.mutex);
    return bytes;
}

/* One run with the n-th allocation refused; true if one was. */
static bool sweep_once(int (*operation)(void *arg), void *arg, bool tolerant, uint64_t n, bool on)
{
    heap_start();
    heap_fail(n, on);
    int rc = operation(arg);
    bool failed = heap_failed();
    size_t blocks = heap_blocks();
    if (blocks || (failed ? rc != ATE_E_MEMORY && !(tolerant && !rc) : rc))
        fail_msg("heap: allocation %llu refused%s: result %d (%s), %zu blocks left",
                 (unsigned long long)n, on ? " and all after it" : "", rc, ate__error_text(),
                 blocks);
    heap_stop();
    return failed;
}

uint64_t heap_sweep(int (*operation)(void *arg), void *arg, bool tolerant)
{
    uint64_t n = 1, count;
    while (sweep_once(operation, arg, tolerant, n, false))
        n++;
    count = n - 1;
    for (n = 1; sweep_once(operation, arg, tolerant, n, true);)
        n++;
    return count;
}
