/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cache.h: decoded objects that transactions share: immutable, reference-counted, within a limit.
 *
 * A slot holds at most one object, so an insert evicts what was there. Looking up takes no lock:
 * it happens inside an RCU section, and the cache's own reference to what it evicted ends after a
 * grace period.
 */
#pragma once
#include "ate/type.h"
#include "base/buf.h"
#include <stdatomic.h>

struct ate__cache;
struct ate__decoded { /* one version of an object, as one type */
    atomic_uint refs;
    struct ate_id id;
    struct ate_hash hash; /* of the version's event */
    const struct ate_type *type;
    void *object;         /* one block, ended with ate__free() */
    size_t size;
    struct ate__decoded *retired_next; /* private */
};
int ate__cache_new(uint64_t bytes_max, struct ate__cache **ret_cache) ATE__CHECK;
void ate__cache_free(struct ate__cache *c); /* takes NULL */
/* A reference, or NULL. */
struct ate__decoded *ate__cache_get(struct ate__cache *c, const struct ate_id *id,
                                    const struct ate_hash *hash, const struct ate_type *type);
/* Keeps a reference of its own, if there is room. */
void ate__cache_put(struct ate__cache *c, struct ate__decoded *d);
void ate__decoded_unref(struct ate__decoded *d); /* takes NULL */
