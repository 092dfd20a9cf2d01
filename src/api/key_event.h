/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * key_event.h: a transaction of one event that says whose keys count in the chain.
 */
#pragma once
#include "api/api.h"

/* The session's key that signs as a root key; NULL: there is none. A thin chain knows the root keys
 * of the genesis alone: then the first key signs, and the root judges. */
const struct ate__key *ate__key_event_root(const struct ate_chain *c);

/* WAITS. ret_receipt may be NULL. Errors: READ_ONLY, those of a commit. */
int ate__key_event(struct ate_chain *c, struct ate_bytes header, const struct ate__key *const *keys,
                   uint32_t count, struct ate_receipt *ret_receipt) ATE__CHECK;
