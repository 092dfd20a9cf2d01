/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * part.h: the algorithms that others are put together from: of signatures ML-DSA (FIPS 204),
 * Ed25519 and Ed448 (RFC 8032), and ML-KEM (FIPS 203). Of this layer alone.
 *
 * Callers stand between ate__ossl_begin() and ate__ossl_end(), and ask ate__ossl_noted() after
 * signing and making keys.
 */
#pragma once
#include "crypto/ossl.h"
#include "crypto/secret.h"

enum ate__part {
    ATE__PART_NONE,
    ATE__PART_ED25519,
    ATE__PART_ED448,
    ATE__PART_MLDSA44,
    ATE__PART_MLDSA65,
    ATE__PART_MLDSA87
};
enum { ATE__PART_SEED_MAX = 57 }; /* bytes */

size_t ate__part_seed_size(enum ate__part part); /* bytes, as the next two; of NONE 0 */
size_t ate__part_public_size(enum ate__part part);
size_t ate__part_signature_size(enum ate__part part);

/* The key pair of a seed of seed_size() bytes; ret_public has public_size() bytes. Errors: E_MEMORY
 * E_BUG. */
int ate__part_of_seed(enum ate__part part, const uint8_t *seed, EVP_PKEY **ret_key,
                      uint8_t *ret_public) ATE__CHECK;
/* public_key: public_size() bytes. MALFORMED: non-canonical encoding or small order of a point. One
 * that is not on the curve is taken, and verifies nothing. */
int ate__part_load(enum ate__part part, const uint8_t *public_key, EVP_PKEY **ret_key) ATE__CHECK;

/* params: what the algorithm gets besides the message; NULL: nothing. size: of the signature. */
int ate__part_sign(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                   uint8_t *ret_signature, size_t size) ATE__CHECK;
/* ATE_TAMPERED when it does not hold. */
int ate__part_verify(EVP_PKEY *key, const OSSL_PARAM *params, struct ate_bytes message,
                     struct ate_bytes signature) ATE__CHECK;

/* ---- ML-KEM; name: "ML-KEM-768", "ML-KEM-1024" ---- */

enum { ATE__MLKEM_SEED = 64, ATE__MLKEM_SHARED = 32 }; /* bytes: d and z; the shared secret */

/* NULL: ate__ossl_fail() has the reason. */
EVP_PKEY *ate__mlkem_of_seed(const char *name, const uint8_t seed[ATE__MLKEM_SEED]);
/* MALFORMED with the sentence: not an encapsulation key (FIPS 203 section 7.2). */
int ate__mlkem_load(const char *name, const uint8_t *public_key, size_t size, const char *sentence,
                    EVP_PKEY **ret_key) ATE__CHECK;
/* size: of the ciphertext. Its randomness comes from OpenSSL. */
int ate__mlkem_encapsulate(EVP_PKEY *key, uint8_t *ret_cipher, size_t size,
                           uint8_t ret_shared[ATE__MLKEM_SHARED]) ATE__CHECK;
int ate__mlkem_decapsulate(EVP_PKEY *key, const uint8_t *cipher, size_t size,
                           uint8_t ret_shared[ATE__MLKEM_SHARED]) ATE__CHECK;
