/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * password.h: secrets sealed with a password: XAES-256-GCM under Argon2id (RFC 9106) of it.
 *
 * What a file asks for is bounded from both sides: below the floor a password would be guessed too
 * cheaply, and nobody writes such a file but who wants that; above the ceiling it is a trap.
 */
#pragma once
#include "base/env.h"
#include "crypto/aead.h"

enum {
    ATE__PASSWORD_SALT = 16,    /* bytes */
    ATE__PASSWORD_MAX = 1024,   /* bytes of a password; at least 1 */
    ATE__PASSWORD_EXTRA = ATE__AEAD_NONCE + ATE__AEAD_TAG, /* bytes that sealing adds */
    ATE__PASSWORD_KIB_MIN = 64 << 10,
    ATE__PASSWORD_KIB_MAX = 1 << 20,
    ATE__PASSWORD_PASSES_MIN = 3,
    ATE__PASSWORD_PASSES_MAX = 64,
    ATE__PASSWORD_LANES_MAX = 16,
    ATE__PASSWORD_WORK_MAX = 4 << 20 /* KiB times passes: some seconds */
};

struct ate__password_cost {
    uint32_t memory_kib, passes, lanes;
};
/* What is written: the floor, in four lanes (RFC 9106's second recommendation). */
struct ate__password_cost ate__password_cost(void);
/* Errors: DENIED: below the floor; TOO_BIG: above the ceiling. */
int ate__password_cost_check(const struct ate__password_cost *cost) ATE__CHECK;

/* salt: fresh for each. ret_sealed: secret.size + ATE__PASSWORD_EXTRA bytes, the nonce first.
 * Errors: MISUSE: an empty password; TOO_BIG: a long one; E_*. */
int ate__password_seal(const struct ate__env *env, const struct ate__password_cost *cost,
                       const uint8_t salt[ATE__PASSWORD_SALT], struct ate_bytes password,
                       struct ate_bytes aad, struct ate_bytes secret, uint8_t *ret_sealed)
    ATE__CHECK;
/* size: of the secret, sealed.size - ATE__PASSWORD_EXTRA. Errors: NO_KEY: another password, or
 * something was changed; and those of ate__password_cost_check(). */
int ate__password_open(const struct ate__password_cost *cost,
                       const uint8_t salt[ATE__PASSWORD_SALT], struct ate_bytes password,
                       struct ate_bytes aad, struct ate_bytes sealed, uint8_t *ret_secret,
                       size_t size) ATE__CHECK;
