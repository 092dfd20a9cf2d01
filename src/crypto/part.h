/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * part.h: the signature algorithms that others are put together from: ML-DSA (FIPS 204) and Ed25519
 * (RFC 8032). Of this layer alone: sign.c and log_key.c.
 *
 * Callers stand between ate__ossl_begin() and ate__ossl_end(), and ask ate__ossl_noted() after
 * signing and making keys.
 */
#pragma once
#include "crypto/ossl.h"
#include "crypto/secret.h"

enum ate__part { ATE__PART_ED25519, ATE__PART_MLDSA44, ATE__PART_MLDSA65 };

size_t ate__part_public_size(enum ate__part part); /* bytes */

/* The key pair of a seed; ret_public has public_size() bytes. Errors: E_MEMORY E_BUG. */
int ate__part_of_seed(enum ate__part part, const struct ate__key32 *seed, EVP_PKEY **ret_key,
                      uint8_t *ret_public) ATE__CHECK;
/* public_key: public_size() bytes. MALFORMED: non-canonical encoding or small order of an Ed25519
 * point. A point that is not on the curve is taken, and verifies nothing. */
int ate__part_load(enum ate__part part, const uint8_t *public_key, EVP_PKEY **ret_key) ATE__CHECK;

/* params: what the algorithm gets besides the message; NULL: nothing. size: of the signature. */
int ate__part_sign(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                   uint8_t *ret_signature, size_t size) ATE__CHECK;
/* ATE_TAMPERED when it does not hold. */
int ate__part_verify(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                     struct ate_bytes signature) ATE__CHECK;
