/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * verified.h: the signatures of a chain that were verified lately, so that a batch is verified once
 * (docs/format/trust.md, 10) and a transaction that was checked before it was ordered is not
 * checked again.
 *
 * 1. What is remembered is SHA-256 over the message M, which names the fingerprint, and the bytes
 *    of the signature. M alone would not do: a signature of the same batch with other bytes would
 *    pass here and fail for whoever has not seen the good one.
 * 2. At most ATE__VERIFIED_MAX, in sets of four; the oldest of a set gives way.
 *
 * Thread-safe. It allocates when it first remembers, and does without where memory is short.
 */
#pragma once
#include "base/buf.h"
#include <pthread.h>

struct ate__verified {
    pthread_mutex_t mutex; /* guards the rest */
    struct ate__verified_set *sets;
};
void ate__verified_init(struct ate__verified *v);
void ate__verified_deinit(struct ate__verified *v);
/* The proof that is looked up and remembered. Errors: E_MEMORY. */
int ate__verified_proof(const struct ate_hash *message, struct ate_bytes signature,
                        struct ate_hash *ret_proof) ATE__CHECK;
bool ate__verified_has(struct ate__verified *v, const struct ate_hash *proof);
void ate__verified_add(struct ate__verified *v, const struct ate_hash *proof);
