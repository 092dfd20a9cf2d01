/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * known.h: names and parents that were seen in passing, so that an event can be told by its path.
 */
#pragma once
#include "base/buf.h"
#include "base/map.h"
#include <ate/ate.h>

struct known {
    struct known_object *objects;
    size_t count, capacity;
    struct ate__map by_id; /* id -> index */
};
void known_init(struct known *k);
void known_deinit(struct known *k);
/* name: empty where it has none, or is private. E_MEMORY */
int known_set(struct known *k, struct ate_id id, struct ate_id parent, struct ate_bytes name)
    ATE__CHECK;
/* Knows it already. */
bool known_has(const struct known *k, struct ate_id id);
/* Appends its path as far as it is known, escaped: what has no name is its id's first digits in
 * parentheses. E_MEMORY */
int known_path(const struct known *k, struct ate_id id, struct ate__buf *buf) ATE__CHECK;
/* The same with names as they are; false: one of them is not known. */
bool known_path_bytes(const struct known *k, struct ate_id id, struct ate__buf *buf);
