/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * hello.h: the first frame of each side: which protocol versions and features it knows, and its
 * name. Pure.
 *
 * Body: u16 lowest version, u16 highest version, u64 feature bits, u8 length and product text.
 * What follows the text is left to later versions and ignored, because this is the one frame that
 * every version has to read.
 */
#pragma once
#include "net/frame.h"

enum {
    ATE__WIRE_VERSION = 1,
    ATE__HELLO_PRODUCT_MAX = 255 /* bytes of printable ASCII */
};

struct ate__hello {
    uint16_t version_min, version_max; /* 1 <= min <= max */
    uint64_t features;
    char product[ATE__HELLO_PRODUCT_MAX + 1];
};

/* What this build says of itself, without features. */
struct ate__hello ate__hello_ours(void);
void ate__hello_encode(struct ate__wr *w, const struct ate__hello *hello);
/* Errors: ATE_BAD_PEER. */
int ate__hello_decode(struct ate_bytes body, struct ate__hello *ret_hello) ATE__CHECK;
/* The highest version and the features that both know.
 * Errors: ATE_UNSUPPORTED no version in common; the sentence names both ranges. */
int ate__hello_agree(const struct ate__hello *ours, const struct ate__hello *theirs,
                     uint16_t *ret_version, uint64_t *ret_features) ATE__CHECK;
