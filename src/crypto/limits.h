/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the named limits of this layer. Those that are part of a format stand with it, in
 * keyfile.h and merkle.h.
 */
#pragma once

enum {
    ATE__SECRET_MAX = 1 << 30,       /* bytes of one block */
    ATE__FRAME_LABEL_MAX = 255,      /* bytes; a longer label is a bug of ours */
    ATE__AEAD_INPUT_MAX = 1 << 30,   /* bytes of each input of one call */
    ATE__SIGN_CONTEXT_MAX = 255,     /* bytes (FIPS 204 section 5.2) */
    ATE__HKDF_EXPAND_MAX = 255 * 32, /* bytes (RFC 5869 section 2.3) */
    ATE__DIGEST_CONTEXTS_KEPT = 4,   /* idle digest contexts a thread keeps of each algorithm */
};
