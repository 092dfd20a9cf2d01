/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hpke.h: sealing to a public key: HPKE in base mode (RFC 9180, draft-ietf-hpke-pq-04), one message
 * to an encapsulation. The suites, by the KEM of the public key:
 *
 *   X-Wing          0x647a   HKDF-SHA256   ChaCha20-Poly1305
 *   MLKEM1024-P384  0x0051   HKDF-SHA384   AES-256-GCM
 *
 * Thread-safe.
 */
#pragma once
#include "crypto/kem.h"

/* Bytes of what sealing `plain_size` bytes to a key of this KEM gives; 0: no such KEM. */
size_t ate__hpke_size(unsigned kem, size_t plain_size);
/* The KEM whose sealing gives so many bytes; 0: none. Each has sizes of its own. */
unsigned ate__hpke_kem_of_size(size_t sealed_size, size_t plain_size);
/* Appends enc, ciphertext, tag to out, in which plain does not lie. Errors: MALFORMED: a bad public
 * key; UNSUPPORTED: no KEM; TOO_BIG above ATE__AEAD_INPUT_MAX (crypto/limits.h); E_*. */
int ate__hpke_seal(unsigned kem, struct ate_bytes public_key, const struct ate__env *env,
                   struct ate_bytes info, struct ate_bytes aad, struct ate_bytes plain,
                   struct ate__buf *out) ATE__CHECK;
/* NO_KEY when it does not open: ret_plain then holds nothing of the plaintext; UNSUPPORTED;
 * TOO_BIG. A `sealed` of another size than plain_size makes does not open. */
int ate__hpke_open(unsigned kem, const struct ate__key32 *seed, struct ate_bytes info,
                   struct ate_bytes aad, struct ate_bytes sealed, uint8_t *ret_plain,
                   size_t plain_size) ATE__CHECK;
