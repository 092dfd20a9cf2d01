/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * aead.h: payload encryption with XAES-256-GCM (C2SP XAES-256-GCM).
 *
 * The 192-bit nonce is drawn inside the encrypt call; no interface takes one. Keys are always 256
 * bits. A struct ate__aead caches the expanded key of one data key, so that many payloads cost no
 * key schedule each. Thread-safe once made.
 */
#pragma once
#include "base/env.h"
#include "crypto/secret.h"

enum { ATE__AEAD_NONCE = 24, ATE__AEAD_TAG = 16 }; /* bytes */

struct ate__aead; /* holds a secret */
int ate__aead_new(const struct ate__key32 *key, struct ate__aead **ret_aead) ATE__CHECK;
void ate__aead_free(struct ate__aead *a);
ATE__FREEP(struct ate__aead, ate__aead_free)

/* Appends ciphertext and tag (plain.size + 16 bytes) to out; plain does not lie in out.
 * ATE_TOO_BIG: plain or aad above ATE__AEAD_INPUT_MAX (crypto/limits.h). */
int ate__aead_encrypt(const struct ate__aead *a, const struct ate__env *env, struct ate_bytes aad,
                      struct ate_bytes plain, uint8_t ret_nonce[ATE__AEAD_NONCE],
                      struct ate__buf *out) ATE__CHECK;
/* Appends the plaintext; cipher does not lie in out. ATE_TAMPERED when it does not open (out is
 * then unchanged, and its memory holds no plaintext); ATE_TOO_BIG. */
int ate__aead_decrypt(const struct ate__aead *a, const uint8_t nonce[ATE__AEAD_NONCE],
                      struct ate_bytes aad, struct ate_bytes cipher, struct ate__buf *out)
    ATE__CHECK;
/* The same into memory of the caller, such as an ate__secret. plain_size: cipher.size - 16; any
 * other size does not open. When it does not open, ret_plain holds nothing of the plaintext. */
int ate__aead_decrypt_to(const struct ate__aead *a, const uint8_t nonce[ATE__AEAD_NONCE],
                         struct ate_bytes aad, struct ate_bytes cipher, uint8_t *ret_plain,
                         size_t plain_size) ATE__CHECK;
