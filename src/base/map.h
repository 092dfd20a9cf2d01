/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * map.h: hash map from a key of fixed size (at most 48 bytes) to a u64 or a pointer.
 *
 * Open addressing with linear probing and backward-shift deletion; SipHash-2-4 under a random key
 * of the map's own, so that nobody outside can choose colliding keys. Not thread-safe.
 */
#pragma once
#include "base/buf.h"
#include "base/endian.h"

struct ate__map {
    uint8_t *slots; /* per slot: u8 used, key, u64 value; private */
    size_t count;
    size_t capacity; /* slots */
    uint32_t key_size;
    uint64_t seed[2];
};

/* seed: 16 random bytes of the caller (ate__env's rng). Allocates nothing. */
void ate__map_init(struct ate__map *m, uint32_t key_size, const uint64_t seed[2]);
void ate__map_deinit(struct ate__map *m);
/* Inserts or replaces. 0, or ATE_E_MEMORY and the map is unchanged. */
int ate__map_put(struct ate__map *m, const void *key, uint64_t value) ATE__CHECK;
/* ret_value may be NULL. */
bool ate__map_get(const struct ate__map *m, const void *key, uint64_t *ret_value);
bool ate__map_remove(struct ate__map *m, const void *key);
/* Walks all in no order: *at starts at 0; false at the end. The map must not change meanwhile.
 * ret_key and ret_value may be NULL; the key is the map's own. */
bool ate__map_next(const struct ate__map *m, size_t *at, const void **ret_key, uint64_t *ret_value);
void ate__map_clear(struct ate__map *m); /* empty; keeps the memory */

uint64_t ate__siphash(const uint64_t seed[2], const void *data, size_t size);

/* Of 16 bytes, for places of a fixed number, where many equal hashes cost no more than a cache
 * miss: it spreads well, but does not withstand who chooses the bytes and learns the seed. */
static inline uint64_t ate__quick_hash(const uint64_t seed[2], const uint8_t bytes[16])
{
    uint64_t h = (ate__load64(bytes) ^ seed[0]) * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 32 ^ ate__load64(bytes + 8) ^ seed[1]) * 0xd6e8feb86659fd93;
    return h ^ h >> 32;
}

static inline uint64_t ate__map_of_pointer(void *p)
{
    return (uint64_t)(uintptr_t)p;
}
static inline void *ate__map_pointer(uint64_t value)
{
    return (void *)(uintptr_t)value;
}
