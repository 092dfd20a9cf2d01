/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rng_os.c: random bytes of the kernel.
 *
 * Small draws (ids, nonces, salts: what is public anyway) come out of a block that each thread
 * reads ahead, because a system call costs as much as encrypting 1 KiB. Bytes leave the block as
 * they are handed out, and a forked child starts with an empty one. Larger draws, as secret keys
 * are, go straight to the kernel.
 */
#include "base/env.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BLOCK = 1024, SMALL_MAX = 24 };

static void from_kernel(uint8_t *to, size_t size)
{
    while (size) {
        ssize_t got = getrandom(to, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            /* Keys made of anything else would be worse than no process. */
            fprintf(stderr, "ate: getrandom: %s\n", got ? strerror(errno) : "no bytes");
            abort();
        }
        to += got;
        size -= (size_t)got;
    }
}

static atomic_uint generation = 1; /* of the process: rises in a forked child */

static void forked(void)
{
    atomic_fetch_add(&generation, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked);
}

static void from_block(uint8_t *to, size_t size)
{
    static _Thread_local uint8_t block[BLOCK];
    static _Thread_local size_t left;
    static _Thread_local unsigned filled_in;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned now = atomic_load_explicit(&generation, memory_order_relaxed);
    if (left < size || filled_in != now) {
        pthread_once(&once, watch_forks);
        from_kernel(block, BLOCK);
        left = BLOCK;
        filled_in = now;
    }
    left -= size;
    memcpy(to, block + left, size);
    memset(block + left, 0, size);
}

void ate__rng_os(void *user, void *to, size_t size)
{
    (void)user;
    if (size <= SMALL_MAX)
        from_block(to, size);
    else
        from_kernel(to, size);
}
