/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * endian.h: loads and stores of fixed byte order at any alignment.
 */
#pragma once
#include <stdint.h>

static inline uint16_t ate__load16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t ate__load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t ate__load64(const uint8_t *p)
{
    return (uint64_t)ate__load32(p) | (uint64_t)ate__load32(p + 4) << 32;
}
static inline void ate__store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void ate__store32(uint8_t *p, uint32_t v)
{
    ate__store16(p, (uint16_t)v);
    ate__store16(p + 2, (uint16_t)(v >> 16));
}
static inline void ate__store64(uint8_t *p, uint64_t v)
{
    ate__store32(p, (uint32_t)v);
    ate__store32(p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t ate__load32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t ate__load64be(const uint8_t *p)
{
    return (uint64_t)ate__load32be(p) << 32 | ate__load32be(p + 4);
}
static inline void ate__store64be(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}
