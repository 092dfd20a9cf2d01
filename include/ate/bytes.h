/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bytes.h: the values that every part of the interface shares.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Names an object: 128 random bits. Text: 32 lower-case hex digits. */
struct ate_id {
    uint8_t b[16];
};
/* 32 bytes: head of a chain, chain id, fingerprint of a public key. Text: 43 characters of
 * base64url. */
struct ate_hash {
    uint8_t b[32];
};
/* A view of bytes that somebody else owns. */
struct ate_bytes {
    const void *data;
    size_t size;
};
