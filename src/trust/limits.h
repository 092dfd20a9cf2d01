/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the trust layer (docs/format/limits.md).
 */
#pragma once

enum {
    /* Origins remembered a chain; the longest silent ones go first, but none that committed within
     * the window. */
    ATE__ORIGINS_MAX = 1000000,
    ATE__ROLLBACK_MAX = 1 << 18, /* sequences that one rollback may take back */
    ATE__VERIFIED_MAX = 4096, /* remembered signatures that verified, a chain */
    ATE__PREPARED_KEYS_MAX = 1024, /* public keys kept ready to verify with, a chain */
    ATE__PROVED_MAX = 24, /* keys that are proved on one stream */
    ATE__SESSION_KEYS_MAX = 256, /* private and public keys that one session holds */
    ATE__SESSION_DATA_KEYS_MAX = 1024, /* opened data keys, and as many name keys, it remembers */
    ATE__CONFLICTS_MAX = 64, /* objects that a refusal names */
    /* Objects looked at for one name, below what says where it was moved from; each scope that is
     * named there counts as 64 more. */
    ATE__WAY_BACK_MAX = 1 << 16,
    ATE__PROOF_EXTRA_MAX = 1 << 20, /* bytes in a proof beside the format's own */
    ATE__PROOF_TEXT_MAX = 2 << 20, /* bytes of a proof */
    /* Rows, of 80 bytes, that the making of a state root holds at once. */
    ATE__STATE_ROWS_MAX = 1 << 18
};
