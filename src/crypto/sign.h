/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign.h: signatures by each algorithm of algorithm.h that signs.
 *
 * Composite (draft-ietf-lamps-pq-composite-sigs-19): ML-DSA (FIPS 204) and EdDSA (RFC 8032) over
 * the same message representative; both parts must verify. Plain ML-DSA takes the context natively,
 * plain EdDSA signs ctx, 0x00, message. ctx separates uses, and holds no NUL.
 */
#pragma once
#include "base/env.h"
#include "crypto/algorithm.h"
#include "crypto/secret.h"

enum { /* bytes, of the default, MLDSA65-Ed25519-SHA512 */
       ATE__SIG_PUBLIC = 1952 + 32,
       ATE__SIG_SIZE = 3309 + 64
};

struct ate__sign_key;   /* secret; immutable once made, thread-safe */
struct ate__verify_key; /* immutable, thread-safe */

/* Seeds of the component keys; one that the algorithm does not have is not read. */
struct ate__sign_seeds {
    uint8_t mldsa[32];
    uint8_t eddsa[57]; /* Ed25519: the first 32 */
};
void ate__sign_seeds_deinit(struct ate__sign_seeds *s); /* wipes; for ate__cleanup() */

/* OpenSSL's heap, which is not locked in memory, holds the expanded keys until they are freed; it
 * wipes them then. Errors: UNSUPPORTED: no algorithm that signs; E_*. */
int ate__sign_key_new(unsigned algorithm, const struct ate__sign_seeds *seeds,
                      struct ate__sign_key **ret_key) ATE__CHECK;
void ate__sign_key_free(struct ate__sign_key *k);
struct ate_bytes ate__sign_key_public(const struct ate__sign_key *k); /* borrowed */
/* Writes made_size bytes of its algorithm. ctx: at most 255 bytes, else ATE_MISUSE. Hedged:
 * ML-DSA's randomness comes from OpenSSL. */
int ate__sign(const struct ate__sign_key *k, struct ate_bytes ctx, struct ate_bytes message,
              uint8_t *ret_signature) ATE__CHECK;

/* MALFORMED: wrong size, non-canonical encoding or small order of a point. A point that is not on
 * the curve is taken, and verifies nothing. UNSUPPORTED: no algorithm that signs. */
int ate__verify_key_new(unsigned algorithm, struct ate_bytes public_key,
                        struct ate__verify_key **ret_key) ATE__CHECK;
void ate__verify_key_free(struct ate__verify_key *k);
/* 0, or ATE_TAMPERED when any part does not hold. */
int ate__verify(const struct ate__verify_key *k, struct ate_bytes ctx, struct ate_bytes message,
                struct ate_bytes signature) ATE__CHECK;
ATE__FREEP(struct ate__sign_key, ate__sign_key_free)
ATE__FREEP(struct ate__verify_key, ate__verify_key_free)
