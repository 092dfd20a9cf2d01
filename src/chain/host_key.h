/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * host_key.h: what one machine's servers alone know: 32 random bytes, of which a key is made
 * that seals their view images (docs/format/image.md). The file that holds them is
 * api/host_key.h's.
 *
 * Immutable once made; thread-safe.
 */
#pragma once
#include "crypto/secret.h"

struct ate__host_key; /* a secret, of ate__secret_alloc() */
/* Errors: E_MEMORY E_BUG. */
int ate__host_key_new(const struct ate__key32 *bytes, struct ate__host_key **ret_key) ATE__CHECK;
void ate__host_key_free(struct ate__host_key *k); /* wipes; takes NULL */
ATE__FREEP(struct ate__host_key, ate__host_key_free)
/* Borrowed while the key lives. */
const struct ate__key32 *ate__host_key_image(const struct ate__host_key *k);
