/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kdf.h: HKDF (RFC 5869) and AES key wrap (RFC 3394).
 */
#pragma once
#include "crypto/digest.h"
#include "crypto/secret.h"

enum { ATE__WRAPPED_KEY = 40 }; /* bytes of a wrapped 32-byte key */

/* HKDF-Expand-SHA256(key, frame(label, fields), 32). ATE_E_MEMORY */
int ate__kdf(const struct ate__key32 *key, const char *label, const struct ate_bytes *fields,
             size_t count, struct ate__key32 *ret_key) ATE__CHECK;
/* Both steps over plain bytes, for the published vectors and HPKE: size <= 255 * 32. */
int ate__hkdf_extract(struct ate_bytes salt, struct ate_bytes ikm, struct ate__key32 *ret_prk)
    ATE__CHECK;
int ate__hkdf_expand(const struct ate__key32 *prk, struct ate_bytes info, uint8_t *ret, size_t size)
    ATE__CHECK;

/* AES-256-KW of a 32-byte key. unwrap: ATE_NO_KEY when it does not open. */
int ate__wrap(const struct ate__key32 *wrapping_key, const struct ate__key32 *key,
              uint8_t ret[ATE__WRAPPED_KEY]) ATE__CHECK;
int ate__unwrap(const struct ate__key32 *wrapping_key, const uint8_t wrapped[ATE__WRAPPED_KEY],
                struct ate__key32 *ret_key) ATE__CHECK;
