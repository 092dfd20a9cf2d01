/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem.h: X-Wing (draft-connolly-cfrg-xwing-kem), of EVP's ML-KEM-768 and X25519; and what is asked
 * of every KEM of algorithm.h. Sealing with one: hpke.h.
 */
#pragma once
#include "base/env.h"
#include "crypto/algorithm.h"
#include "crypto/secret.h"

enum { /* bytes */
       ATE__XWING_PUBLIC = 1216, /* ML-KEM-768 encapsulation key, X25519 public key */
       ATE__XWING_ENC = 1120     /* ML-KEM-768 ciphertext, X25519 ephemeral public key */
};

/* By a KEM's id; sizes as in its struct ate__algorithm. UNSUPPORTED: no KEM. public_of: E_MEMORY.
 * check: MALFORMED, also for a wrong size. */
int ate__kem_find(unsigned id, const struct ate__algorithm **ret_kem) ATE__CHECK;
int ate__kem_public(unsigned id, const struct ate__key32 *seed, uint8_t *ret_public) ATE__CHECK;
int ate__kem_check(unsigned id, struct ate_bytes public_key) ATE__CHECK;

/* Public key of a 32-byte seed. */
int ate__xwing_public(const struct ate__key32 *seed, uint8_t ret_public[ATE__XWING_PUBLIC])
    ATE__CHECK;
/* ATE_MALFORMED: not an encapsulation key (FIPS 203 7.2), or an X25519 point of low order. */
int ate__xwing_check(const uint8_t public_key[ATE__XWING_PUBLIC]) ATE__CHECK;
/* ATE_MALFORMED for a bad public key. X25519's ephemeral key comes from env, ML-KEM's randomness
 * from OpenSSL. */
int ate__xwing_encapsulate(const uint8_t public_key[ATE__XWING_PUBLIC], const struct ate__env *env,
                           uint8_t ret_enc[ATE__XWING_ENC], struct ate__key32 *ret_shared)
    ATE__CHECK;
/* ATE_NO_KEY for a point of low order; any other enc that does not fit gives another secret. */
int ate__xwing_decapsulate(const struct ate__key32 *seed, const uint8_t enc[ATE__XWING_ENC],
                           struct ate__key32 *ret_shared) ATE__CHECK;
