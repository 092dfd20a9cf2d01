/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * map.c: hash map with linear probing.
 *
 * 1. capacity is 0 or a power of two, and at most three quarters of the slots are used.
 * 2. Between the home slot of a key (hash modulo capacity) and the slot it is in, every slot is
 *    used. Removal moves later keys back, so that no mark of the removed one is needed.
 */
#include "base/map.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"
#include "base/err.h"

enum { KEY_SIZE_MAX = 48, CAPACITY_MIN = 16 };

static size_t slot_size(const struct ate__map *m)
{
    return 1 + m->key_size + sizeof(uint64_t);
}

static uint8_t *slot_at(const struct ate__map *m, size_t index)
{
    return m->slots + index * slot_size(m);
}

static size_t home_of(const struct ate__map *m, const void *key)
{
    return (size_t)ate__siphash(m->seed, key, m->key_size) & (m->capacity - 1);
}

/* The slot of the key, or the free one where it would go. capacity is not 0. */
static size_t find(const struct ate__map *m, const void *key)
{
    size_t at = home_of(m, key);
    for (const uint8_t *slot; (slot = slot_at(m, at))[0]; at = (at + 1) & (m->capacity - 1))
        if (!memcmp(slot + 1, key, m->key_size))
            break;
    return at;
}

static void set_value(const struct ate__map *m, uint8_t *slot, uint64_t value)
{
    memcpy(slot + 1 + m->key_size, &value, sizeof value);
}

static uint64_t value_of(const struct ate__map *m, const uint8_t *slot)
{
    uint64_t value;
    memcpy(&value, slot + 1 + m->key_size, sizeof value);
    return value;
}

static int enlarge(struct ate__map *m)
{
    struct ate__map wider = *m;
    wider.capacity = m->capacity ? m->capacity * 2 : CAPACITY_MIN;
    if (wider.capacity < m->capacity)
        return ate__no_memory();
    wider.slots = ate__alloc_array(wider.capacity, slot_size(m));
    if (!wider.slots)
        return ate__no_memory();
    for (size_t i = 0; i < m->capacity; i++) {
        const uint8_t *slot = slot_at(m, i);
        if (slot[0])
            memcpy(slot_at(&wider, find(&wider, slot + 1)), slot, slot_size(m));
    }
    ate__free(m->slots);
    *m = wider;
    return 0;
}

void ate__map_init(struct ate__map *m, uint32_t key_size, const uint64_t seed[2])
{
    ate__assert(key_size > 0 && key_size <= KEY_SIZE_MAX);
    *m = (struct ate__map){.key_size = key_size, .seed = {seed[0], seed[1]}};
}

void ate__map_deinit(struct ate__map *m)
{
    ate__free(m->slots);
    m->slots = NULL;
    m->count = m->capacity = 0;
}

int ate__map_put(struct ate__map *m, const void *key, uint64_t value)
{
    uint8_t *slot = m->capacity ? slot_at(m, find(m, key)) : NULL;
    if (!slot || (!slot[0] && m->count >= m->capacity - m->capacity / 4)) {
        int rc = enlarge(m);
        if (rc)
            return rc;
        slot = slot_at(m, find(m, key));
    }
    if (!slot[0]) {
        slot[0] = 1;
        memcpy(slot + 1, key, m->key_size);
        m->count++;
    }
    set_value(m, slot, value);
    return 0;
}

bool ate__map_get(const struct ate__map *m, const void *key, uint64_t *ret_value)
{
    const uint8_t *slot = m->count ? slot_at(m, find(m, key)) : NULL;
    if (!slot || !slot[0])
        return false;
    if (ret_value)
        *ret_value = value_of(m, slot);
    return true;
}

bool ate__map_remove(struct ate__map *m, const void *key)
{
    if (!m->count)
        return false;
    size_t mask = m->capacity - 1, gap = find(m, key);
    if (!slot_at(m, gap)[0])
        return false;
    for (size_t at = (gap + 1) & mask; slot_at(m, at)[0]; at = (at + 1) & mask) {
        size_t home = home_of(m, slot_at(m, at) + 1);
        /* It may fill the gap unless its home lies behind the gap. */
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            memcpy(slot_at(m, gap), slot_at(m, at), slot_size(m));
            gap = at;
        }
    }
    slot_at(m, gap)[0] = 0;
    m->count--;
    return true;
}

bool ate__map_next(const struct ate__map *m, size_t *at, const void **ret_key, uint64_t *ret_value)
{
    for (; *at < m->capacity; ++*at) {
        const uint8_t *slot = slot_at(m, *at);
        if (!slot[0])
            continue;
        ++*at;
        if (ret_key)
            *ret_key = slot + 1;
        if (ret_value)
            *ret_value = value_of(m, slot);
        return true;
    }
    return false;
}

void ate__map_clear(struct ate__map *m)
{
    if (m->count)
        memset(m->slots, 0, m->capacity * slot_size(m));
    m->count = 0;
}

static inline uint64_t rotate(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t ate__siphash(const uint64_t seed[2], const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                     seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
    uint64_t last = (uint64_t)size << 56;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t word = ate__load64(p);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < size; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
