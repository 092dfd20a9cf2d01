/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rnd.h: a repeatable sequence of numbers (SplitMix64). Not thread-safe. A test prints its seed, so
 * that a failure can be run again with ATE_SEED=...
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct rnd {
    uint64_t state;
};

uint64_t rnd_seed(uint64_t seed); /* ATE_SEED where it is set, else `seed`; prints which */
struct rnd rnd_of(uint64_t seed);
uint64_t rnd_u64(struct rnd *r);
uint64_t rnd_below(struct rnd *r, uint64_t bound); /* 0 to bound - 1; bound not 0 */
void rnd_bytes(struct rnd *r, void *to, size_t size);
