/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state_image.h: the trust state as bytes, for a view image (docs/format/image.md): public keys,
 * offices and revocations, origins. The genesis is not in it.
 *
 * Under the chain's commit mutex, or before the chain is shared.
 */
#pragma once
#include "trust/state.h"

/* Appends the state behind the transactions 0 to size - 1; those that were taken in since are not
 * in it. Errors: E_MEMORY. */
int ate__trust_image_write(struct ate__trust *t, uint64_t size, struct ate__buf *buf) ATE__CHECK;
/* Into a state that holds the genesis and nothing else. After a failure it can only be freed; after
 * a success nothing below `size` can be taken back. Errors: MALFORMED E_MEMORY. */
int ate__trust_image_read(struct ate__trust *t, struct ate_bytes image, uint64_t size) ATE__CHECK;
