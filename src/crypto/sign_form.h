/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sign_form.h: what a signature algorithm is made of. Of this layer alone: algorithm.c and sign.c.
 */
#pragma once
#include "crypto/part.h"

/* Two parts are a composite (draft-ietf-lamps-pq-composite-sigs), with its label and the digest of
 * 64 bytes of the message; one part is that algorithm by itself. */
struct ate__sig_form {
    enum ate__part mldsa, eddsa; /* ATE__PART_NONE: it has no such part */
    const char *label;
    enum ate__ossl_md digest;
};
