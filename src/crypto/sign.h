/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign.h: composite signatures id-MLDSA65-Ed25519-SHA512 (draft-ietf-lamps-pq-composite-sigs-19):
 * ML-DSA-65 (FIPS 204) and Ed25519 (RFC 8032) over the same message representative; both parts must
 * verify. ctx separates uses.
 */
#pragma once
#include "base/env.h"
#include "crypto/secret.h"

/* Algorithm ids as they stand in public keys; unknown ones are refused. */
enum {
    ATE__SIG_MLDSA65_ED25519 = 1,
    ATE__SIG_ED25519 = 2, /* these two in log keys alone: log_key.h */
    ATE__SIG_MLDSA44 = 3,
    ATE__SIG_PUBLIC = 1952 + 32, /* bytes of the default suite's public key */
    ATE__SIG_SIZE = 3309 + 64    /* bytes of its signature */
};

struct ate__sign_key;   /* secret; immutable once made, thread-safe */
struct ate__verify_key; /* immutable, thread-safe */

/* From the two component seeds (32 bytes each: ML-DSA xi, Ed25519). OpenSSL's heap, which is not
 * locked in memory, holds the expanded keys until they are freed; it wipes them then. */
int ate__sign_key_new(const struct ate__key32 *mldsa_seed, const struct ate__key32 *ed25519_seed,
                      struct ate__sign_key **ret_key) ATE__CHECK;
void ate__sign_key_free(struct ate__sign_key *k);
void ate__sign_key_public(const struct ate__sign_key *k, uint8_t ret_public[ATE__SIG_PUBLIC]);
/* ctx: at most 255 bytes, else ATE_MISUSE. Hedged: ML-DSA's randomness comes from OpenSSL. */
int ate__sign(const struct ate__sign_key *k, struct ate_bytes ctx, struct ate_bytes message,
              uint8_t ret_signature[ATE__SIG_SIZE]) ATE__CHECK;

/* ATE_MALFORMED: wrong size, non-canonical encoding or small order of the Ed25519 point. A point
 * that is not on the curve is taken, and verifies nothing. */
int ate__verify_key_new(struct ate_bytes public_key, struct ate__verify_key **ret_key) ATE__CHECK;
void ate__verify_key_free(struct ate__verify_key *k);
/* 0, or ATE_TAMPERED when either part does not hold. */
int ate__verify(const struct ate__verify_key *k, struct ate_bytes ctx, struct ate_bytes message,
                struct ate_bytes signature) ATE__CHECK;
ATE__FREEP(struct ate__sign_key, ate__sign_key_free)
ATE__FREEP(struct ate__verify_key, ate__verify_key_free)
