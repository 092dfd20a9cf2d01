/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log_key.h: log keys, which sign checkpoints and nothing else: one Ed25519 and one ML-DSA-44 key,
 * derived from the seed of a key file (docs/format/keys.md).
 *
 * A log key's public key is the list of (u16 algorithm id, u32 length, bytes) that every public key
 * is, with exactly these two parts in this order: Ed25519, ML-DSA-44. Its fingerprint is that of
 * ate__fingerprint().
 *
 * What is signed, and how the lines look, is note.h's.
 */
#pragma once
#include "crypto/secret.h"

enum {
    ATE__LOG_ED25519_PUBLIC = 32,
    ATE__LOG_MLDSA44_PUBLIC = 1312,
    ATE__LOG_PUBLIC = 2 * 6 + ATE__LOG_ED25519_PUBLIC + ATE__LOG_MLDSA44_PUBLIC, /* always */
    ATE__LOG_ED25519_SIGNATURE = 64,
    ATE__LOG_MLDSA44_SIGNATURE = 2420
};

struct ate__log_key;    /* secret; immutable once made, thread-safe */
struct ate__log_verify; /* immutable, thread-safe */

/* seed: of a key file. Errors: E_MEMORY E_BUG. */
int ate__log_key_of_seed(const struct ate__key32 *seed, struct ate__log_key **ret_key) ATE__CHECK;
void ate__log_key_free(struct ate__log_key *k); /* takes NULL */
/* ATE__LOG_PUBLIC bytes, borrowed. */
struct ate_bytes ate__log_key_public(const struct ate__log_key *k);
/* Plain, without a context. ML-DSA's randomness comes from OpenSSL. Errors: E_MEMORY E_BUG. */
int ate__log_sign_ed25519(const struct ate__log_key *k, struct ate_bytes message,
                          uint8_t ret_signature[ATE__LOG_ED25519_SIGNATURE]) ATE__CHECK;
int ate__log_sign_mldsa44(const struct ate__log_key *k, struct ate_bytes message,
                          uint8_t ret_signature[ATE__LOG_MLDSA44_SIGNATURE]) ATE__CHECK;

/* Views into the given public key, each of its one size. */
struct ate__log_parts {
    struct ate_bytes ed25519, mldsa44;
};
/* Checks all but whether the Ed25519 point is on the curve. Errors: MALFORMED; UNSUPPORTED: an
 * unknown algorithm id. */
int ate__log_public_parse(struct ate_bytes public_key, struct ate__log_parts *ret_parts) ATE__CHECK;
/* Of two keys of their one size each; appended. Errors: E_MEMORY. */
int ate__log_public_make(const uint8_t *ed25519, const uint8_t *mldsa44, struct ate__buf *buf)
    ATE__CHECK;

/* Errors: as of ate__log_public_parse(), and those of each part: MALFORMED E_*. */
int ate__log_verify_new(struct ate_bytes public_key, struct ate__log_verify **ret_key) ATE__CHECK;
void ate__log_verify_free(struct ate__log_verify *v); /* takes NULL */
/* As it was given to new(); borrowed. */
struct ate_bytes ate__log_verify_public(const struct ate__log_verify *v);
/* 0, or ATE_TAMPERED when it does not hold. */
int ate__log_verify_ed25519(const struct ate__log_verify *v, struct ate_bytes message,
                            struct ate_bytes signature) ATE__CHECK;
int ate__log_verify_mldsa44(const struct ate__log_verify *v, struct ate_bytes message,
                            struct ate_bytes signature) ATE__CHECK;
ATE__FREEP(struct ate__log_key, ate__log_key_free)
ATE__FREEP(struct ate__log_verify, ate__log_verify_free)
