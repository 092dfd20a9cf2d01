/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * crc.c: CRC-32C, reflected polynomial 0x82f63b78.
 */
#include "base/crc.h"
#include "base/endian.h"

/* The table is linear in its index: each of the eight index bits adds one constant. */
#define T1(i)                                                                                      \
    (((i) & 1 ? 0xf26b8303u : 0) ^ ((i) & 2 ? 0xe13b70f7u : 0) ^ ((i) & 4 ? 0xc79a971fu : 0) ^     \
     ((i) & 8 ? 0x8ad958cfu : 0) ^ ((i) & 16 ? 0x105ec76fu : 0) ^ ((i) & 32 ? 0x20bd8edeu : 0) ^   \
     ((i) & 64 ? 0x417b1dbcu : 0) ^ ((i) & 128 ? 0x82f63b78u : 0))
#define T4(i) T1(i), T1((i) + 1), T1((i) + 2), T1((i) + 3)
#define T16(i) T4(i), T4((i) + 4), T4((i) + 8), T4((i) + 12)
#define T64(i) T16(i), T16((i) + 16), T16((i) + 32), T16((i) + 48)

static const uint32_t table[256] = {T64(0), T64(64), T64(128), T64(192)};

uint32_t ate__crc32c_portable(uint32_t seed, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint32_t crc = ~seed;
    for (; size; size--, p++)
        crc = crc >> 8 ^ table[(crc ^ *p) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t seed, const void *data,
                                                               size_t size)
{
    const uint8_t *p = data;
    uint64_t crc = ~seed;
    for (; size >= 8; size -= 8, p += 8)
        crc = __builtin_ia32_crc32di(crc, ate__load64(p));
    for (; size; size--, p++)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, *p);
    return ~(uint32_t)crc;
}

uint32_t ate__crc32c(uint32_t seed, const void *data, size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(seed, data, size)
                                            : ate__crc32c_portable(seed, data, size);
}

#else

uint32_t ate__crc32c(uint32_t seed, const void *data, size_t size)
{
    return ate__crc32c_portable(seed, data, size);
}

#endif
