/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rnd.c: a repeatable sequence of numbers.
 */
#include "lib/rnd.h"
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t rnd_seed(uint64_t seed)
{
    const char *wanted = getenv("ATE_SEED");
    if (wanted && *wanted)
        seed = strtoull(wanted, NULL, 0);
    printf("# ATE_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

struct rnd rnd_of(uint64_t seed)
{
    return (struct rnd){seed};
}

uint64_t rnd_u64(struct rnd *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t rnd_below(struct rnd *r, uint64_t bound)
{
    return (uint64_t)((unsigned __int128)rnd_u64(r) * bound >> 64);
}

void rnd_bytes(struct rnd *r, void *to, size_t size)
{
    uint8_t *p = to;
    while (size) {
        uint64_t v = htole64(rnd_u64(r)); /* the same bytes on every machine */
        size_t part = size < sizeof v ? size : sizeof v;
        memcpy(p, &v, part);
        p += part;
        size -= part;
    }
}
