/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * crc.h: CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where it
 * has one. Thread-safe.
 */
#pragma once
#include "ate/bytes.h"

/* seed 0 gives the standard value; a previous result as seed continues it. */
uint32_t ate__crc32c(uint32_t seed, const void *data, size_t size);

/* The same by table alone: what processors without the instruction get. */
uint32_t ate__crc32c_portable(uint32_t seed, const void *data, size_t size);
