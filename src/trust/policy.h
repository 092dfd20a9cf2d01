/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * policy.h: which keys a chain takes: the signature algorithms and the least strength that its
 * genesis names. Whoever takes a public key in asks here, before it verifies anything with it: at
 * the root, on replicas, on open and on a thin client.
 *
 * Log keys are not asked about: they sign the order and nothing else, and have one form.
 */
#pragma once
#include "crypto/key.h"
#include "event/genesis.h"

/* The form is checked already, or is checked next. Errors: DENIED: an algorithm that the chain does
 * not allow, or a part below its least strength; MALFORMED UNSUPPORTED. */
int ate__policy_check(const struct ate__genesis *g, struct ate_bytes public_key) ATE__CHECK;
/* The same of its algorithms alone. */
int ate__policy_check_parts(const struct ate__genesis *g, const struct ate__public_parts *parts)
    ATE__CHECK;
