/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * digest.h: hashes over labelled, length-framed fields, and the RFC 9162 tree hash.
 *
 * frame(label, f1..fn) = u8 length of label, label, then for each field its u64le length and its
 * bytes. The same frame is HKDF's info, HPKE's info and aad, HMAC's message and every string that
 * is signed.
 */
#pragma once
#include "base/buf.h"

enum ate__hash_alg { ATE__SHA256 = 1, ATE__SHA3_256 = 2 }; /* stands in genesis */

bool ate__hash_alg_known(unsigned alg);

/* A running frame hash: begin, any number of fields, end. Errors are sticky and come out of end():
 * ATE_E_MEMORY. No field may be added after end(); deinit is due after begin, also after end. One
 * thread at a time. */
enum { ATE__HASHER_HELD = 256 };
struct ate__hasher {
    void *ctx;
    int result;
    enum ate__hash_alg alg;
    bool framed;         /* began with a label: then every byte belongs to a field */
    uint64_t field_left; /* bytes that the present field still lacks */
    size_t held_size;    /* what came in small pieces goes into ctx at once */
    uint8_t held[ATE__HASHER_HELD];
};
void ate__hasher_begin(struct ate__hasher *h, enum ate__hash_alg alg, const char *label);
/* no label: plain bytes by ate__hasher_raw() */
void ate__hasher_begin_raw(struct ate__hasher *h, enum ate__hash_alg alg);
void ate__hasher_field(struct ate__hasher *h, struct ate_bytes field);
/* starts a field whose bytes come by raw() */
void ate__hasher_field_size(struct ate__hasher *h, uint64_t size);
void ate__hasher_raw(struct ate__hasher *h, struct ate_bytes bytes);
int ate__hasher_end(struct ate__hasher *h, struct ate_hash *ret_hash) ATE__CHECK;
void ate__hasher_deinit(struct ate__hasher *h);

/* H(frame(label, fields[0..count])) in one call. ATE_E_MEMORY */
int ate__hash(enum ate__hash_alg alg, const char *label, const struct ate_bytes *fields,
              size_t count, struct ate_hash *ret_hash) ATE__CHECK;
int ate__sha256(struct ate_bytes bytes, struct ate_hash *ret_hash) ATE__CHECK; /* plain */

/* The frame itself, appended to buf. ATE_E_MEMORY */
int ate__frame(struct ate__buf *buf, const char *label, const struct ate_bytes *fields,
               size_t count) ATE__CHECK;

/* HMAC-SHA-256 over frame(label, fields). key: any size. */
int ate__hmac(struct ate_bytes key, const char *label, const struct ate_bytes *fields, size_t count,
              struct ate_hash *ret_hash) ATE__CHECK;

/* RFC 9162: SHA-256(0x00, entry) and SHA-256(0x01, left, right). */
int ate__leaf_hash(struct ate_bytes entry, struct ate_hash *ret_hash) ATE__CHECK;
int ate__node_hash(const struct ate_hash *left, const struct ate_hash *right,
                   struct ate_hash *ret_hash) ATE__CHECK;
