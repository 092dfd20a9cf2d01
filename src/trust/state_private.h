/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * state_private.h: the inside of the trust state, shared by state.c, sig.c and the checks.
 */
#pragma once
#include "trust/keyring.h"
#include "trust/origin.h"
#include "trust/roster.h"
#include "trust/sign_queue.h"
#include "trust/state.h"
#include "trust/verified.h"

struct ate__trust {
    uint64_t seed[2]; /* of hash maps */
    struct ate__buf body; /* of the genesis */
    struct ate__genesis genesis; /* views into body */
    struct ate_hash chain_id;
    struct ate__keyring keyring;
    struct ate__roster roster;
    struct ate__origins origins;
    struct ate__verified verified;
    struct ate__sign_queue sign_queue;
    uint64_t next; /* sequence that apply() expects */
};
/* For hash maps of one transaction. */
const uint64_t *ate__trust_seed(const struct ate__trust *t);

/* Whether a key may hold the office of a service: LOG_KEY, COMPACTOR_KEY. accept_services.c.
 * Errors: MALFORMED UNSUPPORTED E_MEMORY. */
int ate__service_key_check(enum ate__office office, struct ate_bytes public_key) ATE__CHECK;

/* Walks the public keys that a transaction brings: PUBLIC_KEY events and the keys that ROOT and
 * COMPACTOR_KEYS add; log keys sign no transaction. Keys of a genesis are held from the beginning.
 */
struct ate__brought {
    const struct ate__tx *tx; /* the rest: zeros */
    uint32_t event;
    size_t at;
};
/* False at the end. ret_event: index of the event. */
bool ate__brought_next(struct ate__brought *b, struct ate_bytes *ret_public_key,
                       uint32_t *ret_event);
