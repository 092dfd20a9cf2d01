/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem.h: sealing to a public key: HPKE base mode (RFC 9180) with X-Wing (0x647a), HKDF-SHA256 and
 * ChaCha20-Poly1305 (draft-ietf-hpke-pq-04, draft-connolly-cfrg-xwing-kem). Built from EVP's
 * ML-KEM-768 and X25519.
 */
#pragma once
#include "base/env.h"
#include "crypto/secret.h"

enum {
    ATE__KEM_XWING = 0x647a, /* algorithm id */
    ATE__XWING_PUBLIC = 1216, /* bytes: ML-KEM-768 encapsulation key, X25519 public key */
    ATE__XWING_ENC = 1120     /* bytes: ML-KEM-768 ciphertext, X25519 ephemeral public key */
};

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

/* One message sealed: appends enc, ciphertext, tag (ATE__XWING_ENC + plain.size + 16 bytes) to out,
 * in which plain does not lie. ATE_MALFORMED for a bad public key; ATE_TOO_BIG above
 * ATE__AEAD_INPUT_MAX (crypto/limits.h). */
int ate__hpke_seal(const uint8_t public_key[ATE__XWING_PUBLIC], const struct ate__env *env,
                   struct ate_bytes info, struct ate_bytes aad, struct ate_bytes plain,
                   struct ate__buf *out) ATE__CHECK;
/* ATE_NO_KEY when it does not open: ret_plain then holds nothing of the plaintext; ATE_TOO_BIG.
 * plain_size: sealed.size - ATE__XWING_ENC - 16; any other size does not open. */
int ate__hpke_open(const struct ate__key32 *seed, struct ate_bytes info, struct ate_bytes aad,
                   struct ate_bytes sealed, uint8_t *ret_plain, size_t plain_size) ATE__CHECK;
