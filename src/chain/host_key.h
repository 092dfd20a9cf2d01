/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * host_key.h: what one machine's servers alone know: 32 random bytes, of which two keys are made.
 * One seals their view images (docs/format/image.md), the other the groups of centralized chains
 * (docs/format/redo.md, "Sealed groups"). The file that holds them is api/host_key.h's.
 *
 * Immutable once made; thread-safe.
 */
#pragma once
#include "crypto/digest.h"
#include "crypto/secret.h"

struct ate__host_key; /* a secret, of ate__secret_alloc() */
/* Errors: E_MEMORY E_BUG. */
int ate__host_key_new(const struct ate__key32 *bytes, struct ate__host_key **ret_key) ATE__CHECK;
struct ate__host_key *ate__host_key_ref(struct ate__host_key *k);
void ate__host_key_free(
    struct ate__host_key *k); /* lets a reference go; the last wipes; takes NULL */
ATE__FREEP(struct ate__host_key, ate__host_key_free)
/* Borrowed while the key lives. */
const struct ate__key32 *ate__host_key_image(const struct ate__host_key *k);

/* The seal of a group that leads to this head: HMAC-SHA-256. The root is a hash of all that stands
 * in the group and before it. Errors: E_MEMORY E_BUG. */
int ate__host_key_seal(const struct ate__host_key *k, const struct ate_hash *chain_id,
                       uint64_t size, const struct ate_hash *root, struct ate_hash *ret_seal)
    ATE__CHECK;
/* Whether it is that seal, in constant time. Errors: TAMPERED: it is not; E_MEMORY E_BUG. */
int ate__host_key_check(const struct ate__host_key *k, const struct ate_hash *chain_id,
                        uint64_t size, const struct ate_hash *root, const struct ate_hash *seal)
    ATE__CHECK;
