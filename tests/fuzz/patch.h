/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * patch.h: what is right but for a few bytes: an input changes bytes that the target made, so that
 * it gets behind signatures, proofs and seals.
 */
#pragma once
#include "base/rd.h"

/* Takes u8 n, then n times u16 offset and u8 mask, and changes the bytes; an offset beyond the end
 * is taken modulo. True if they are other bytes now. */
static inline bool fuzz_patch(struct ate__rd *r, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    unsigned left[256] = {0}, count = ate__rd_u8(r);
    size_t place[256];
    bool changed = false;
    for (unsigned i = 0; i < count; i++) {
        uint16_t offset = ate__rd_u16(r);
        uint8_t mask = ate__rd_u8(r);
        place[i] = size ? offset % size : 0;
        left[i] = size ? mask : 0;
        if (size)
            at[place[i]] ^= mask;
    }
    for (unsigned i = 0; i < count; i++) { /* two masks of one byte may cancel each other */
        unsigned mask = 0;
        for (unsigned n = 0; n < count; n++)
            mask ^= place[n] == place[i] ? left[n] : 0;
        changed |= mask != 0;
    }
    return changed;
}
