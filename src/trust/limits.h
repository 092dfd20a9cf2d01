/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the trust layer (docs/format/limits.md).
 */
#pragma once

enum {
    ATE__ORIGINS_MAX = 1000000,    /* origins remembered a chain; the longest silent ones go first */
    ATE__VERIFIED_MAX = 4096,      /* remembered (fingerprint, message) pairs that verified */
    ATE__SESSION_KEYS_MAX = 256,   /* private and public keys that one session holds */
    ATE__CONFLICTS_MAX = 64        /* objects that a refusal names */
};
