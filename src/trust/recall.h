/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recall.h: a bounded memory of opened secrets by their place: what a session has two of, one for
 * data keys, one for name keys.
 *
 * Its owner holds a lock. The longest remembered one gives way at ATE__SESSION_DATA_KEYS_MAX.
 */
#pragma once
#include "base/map.h"
#include "trust/session.h"

struct ate__recall {
    struct ate__map index; /* data key id and object -> entry */
    struct ate__recall_entry *entries;
    size_t count, capacity;
    size_t next; /* entry that gives way next, once it is full */
    void (*drop)(void *secret);
};
void ate__recall_init(struct ate__recall *r, void (*drop)(void *secret));
void ate__recall_deinit(struct ate__recall *r);
void *ate__recall_get(const struct ate__recall *r, const struct ate__secret_place *place);
/* take_secret: dropped on failure. Errors: E_MEMORY. */
int ate__recall_put(struct ate__recall *r, const struct ate__secret_place *place, void *take_secret)
    ATE__CHECK;
