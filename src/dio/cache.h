/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * cache.h: decoded objects that transactions share: immutable, within a limit.
 *
 *  1. Found by id and type. A lookup reads two lines of memory, that of a set and the object's
 *     first, takes no lock and writes nothing that other threads read on their way.
 *  2. What a transaction was lent stands in its lender. Objects carry no count of their users: to
 *     change it every load would have to wait for the object's line.
 *  3. An object that was evicted ends once nobody can find it any more (an RCU grace period) and it
 *     is in no lender; many of them are looked through at once.
 *  4. Inserting takes a lock that nobody waits for: where it is taken, the object is not kept.
 *  5. An object is kept as long as there is room, whether it is still current or not: whoever asks
 *     for it knows what is (`sequence`, `seen`).
 */
#pragma once
#include "ate/type.h"
#include "base/buf.h"
#include <stdatomic.h>

struct ate__decoded { /* one version of an object, as one type */
    struct ate_id id;
    const struct ate_type *type;
    uint64_t sequence; /* of the version */
    /* It is the newest version below this size; rises. */
    _Atomic uint64_t seen;
    size_t size; /* of all of it, the object included */
    struct ate__decoded *next; /* private: of those evicted */
    struct ate_hash hash; /* of the version's event */
    bool lent; /* private */
    _Alignas(16) uint8_t object[]; /* one block with all that it points to */
};
struct ate__cache;
struct ate__lender; /* of one transaction; used by one thread at a time */

int ate__cache_new(uint64_t bytes_max, const uint64_t seed[2], struct ate__cache **ret_cache)
    ATE__CHECK;
void ate__cache_free(struct ate__cache *c); /* all lenders are given back; takes NULL */

/* Errors: E_MEMORY. Given back with all that it was lent; takes NULL. */
int ate__cache_lender(struct ate__cache *c, struct ate__lender **ret_lender) ATE__CHECK;
void ate__cache_give_back(struct ate__cache *c, struct ate__lender *lender);
void ate__lender_clear(struct ate__lender *lender); /* its loans end; takes NULL */

/* Lent to `lender`; NULL: it is not here. */
const struct ate__decoded *ate__cache_get(struct ate__cache *c, struct ate__lender *lender,
                                          const struct ate_id *id, const struct ate_type *type);
/* Keeps what was allocated as one block, and lends it. False: it is still the caller's. */
bool ate__cache_put(struct ate__cache *c, struct ate__lender *lender, struct ate__decoded *d);
/* The version that was found is the newest one below this size, too. */
void ate__decoded_seen(const struct ate__decoded *d, uint64_t size);
