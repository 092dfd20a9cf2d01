/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kem_form.h: what HPKE asks of a KEM, and the rest of the suite that goes with it. Of this layer
 * alone: algorithm.c, hpke.c, and who brings a KEM.
 */
#pragma once
#include "base/env.h"
#include "crypto/ossl.h"
#include "crypto/secret.h"

/* Sizes: of struct ate__algorithm. Each function stands by itself: ossl.h, 3. */
struct ate__kem_form {
    int (*public_of)(const struct ate__key32 *seed, uint8_t *ret_public);
    /* MALFORMED: no such key, or one whose secret everybody knows. */
    int (*check)(const uint8_t *public_key);
    int (*encapsulate)(const uint8_t *public_key, const struct ate__env *env, uint8_t *ret_enc,
                       struct ate__key32 *ret_shared);
    /* NO_KEY: what no honest sender makes. */
    int (*decapsulate)(const struct ate__key32 *seed, const uint8_t *enc,
                       struct ate__key32 *ret_shared);
    uint16_t kdf, aead; /* HPKE's numbers, and what they stand for */
    enum ate__ossl_md md;
    enum ate__ossl_cipher cipher; /* of 32 bytes of key, 12 of nonce, 16 of tag */
};
extern const struct ate__kem_form ate__xwing_form, ate__kem_p384_form;
