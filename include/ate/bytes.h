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
/* Where an object lies: among the children of another, in one of its collections: 0, the usual one,
 * or that of a field (relation.h). */
struct ate_place {
    struct ate_id parent;
    uint32_t collection;
};
/* Fields whose members are objects of their own (relation.h): a list, a map by name, one or none.
 */
struct ate_vec {
    struct ate_place at;
};
struct ate_map {
    struct ate_place at;
};
struct ate_child {
    struct ate_place at;
};
/* A view of bytes that somebody else owns. */
struct ate_bytes {
    const void *data;
    size_t size;
};
