/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * random.h: valid headers and transactions at random, from a seed. What they hold lies in an arena
 * that random_clear() empties.
 */
#pragma once
#include "event/tx.h"
#include "lib/rnd.h"

struct arena {
    struct rnd rnd;
    void *blocks[256];
    size_t count;
};
void arena_clear(struct arena *a);
uint8_t *arena_bytes(struct arena *a, size_t size); /* random; the arena's */

enum random_kind {
    RANDOM_OPEN_BODY,
    RANDOM_PRIVATE_BODY,
    RANDOM_TOMBSTONE,
    RANDOM_CONTROL,
    RANDOM_CHAIN,
    RANDOM_PUBLIC_KEY,
    RANDOM_ROOT,
    RANDOM_REVOKE,
    RANDOM_SNAPSHOT,
    RANDOM_RESET,
    RANDOM_SERVICES,
    RANDOM_RESERVED,
    RANDOM_KINDS
};
struct ate_bytes random_header(struct arena *a, enum random_kind kind);
struct ate__event_in random_event(struct arena *a);

/* 1 to 6 events, up to 6 preconditions in any order and with doubles. */
struct ate__tx_in random_tx(struct arena *a);
/* Up to 3 signatures, in any order. */
uint32_t random_signatures(struct arena *a, struct ate__signature signatures[3]);
