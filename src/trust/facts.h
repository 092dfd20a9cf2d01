/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * facts.h: what acceptance asks about the state before a transaction. The chain's view answers at
 * the root, on replicas and on open; a thin client answers from what it was shown. Called under the
 * chain's commit mutex.
 */
#pragma once
#include "trust/control.h"

struct ate__object_facts {
    bool live;         /* has a body and is not deleted; the top always is */
    bool deleted;      /* a tombstone names it (itself or a subtree above it), at `sequence` */
    uint64_t sequence; /* of its current body or of its deletion */
    /* Of its first body, and the root times of its first and its current body. Acceptance reads
     * only the last, for an archive; 0: of the group that it is in itself, or of one just before.
     */
    uint64_t created_sequence, created_us, updated_us;
    struct ate_hash body; /* event hash of its current body */
    struct ate_id parent; /* of a deleted object: the one that it had, if that is still known */
    uint32_t collection;
    unsigned tag_count;
    uint8_t tags[2 * ATE__NAME_TAG];
    /* In force; NULL: none. A tombstone ends it: an object created again under an id begins without
     * one. Valid until the state changes. */
    const struct ate__control *control;
    /* Of a deleted object, where it is known: what was in force when it went. What was moved out of
     * it, and not sealed anew since, still opens by it. */
    const struct ate__control *ended;
    /* CAME_FROM as it shall be; NULL: as `control` has it. */
    const struct ate_bytes *came_from;
};
/* The scopes that it and what lies below may still be sealed for, whether or not they lie above. */
static inline struct ate_bytes ate__facts_came_from(const struct ate__object_facts *f)
{
    return f->came_from ? *f->came_from
           : f->control ? f->control->header.came_from
                        : (struct ate_bytes){0};
}
/* Which live children, in which order: as they came to their parent, or to that collection of it.
 */
struct ate__listing {
    struct ate_id parent;
    bool one; /* of `collection` alone */
    uint32_t collection;
    bool reverse;
    bool has_from; /* only those behind `from`, one of them; NOT_FOUND: it is none */
    struct ate_id from;
};
struct ate__facts;
struct ate__facts_vtable {
    /* Unknown objects: all fields zero. 0, or a failure of the machine (a thin client: also
     * ATE_BAD_PEER for what was not shown). */
    int (*object)(const struct ate__facts *f, const struct ate_id *id,
                  struct ate__object_facts *ret);
    /* The live child of parent that holds the tag. 0 or ATE_NOT_FOUND. */
    int (*tag_holder)(const struct ate__facts *f, const struct ate_id *parent,
                      const uint8_t tag[ATE__NAME_TAG], struct ate_id *ret_id);
    /* *at starts at 0; ATE_END. What acceptance asks it asks of all collections, and takes in any
     * order. */
    int (*next_child)(const struct ate__facts *f, const struct ate__listing *l, uint64_t *at,
                      struct ate_id *ret_child);
    /* Root of the verifier's own tree at that size. ATE_NOT_FOUND: larger than it is. */
    int (*root_at)(const struct ate__facts *f, uint64_t size, struct ate_hash *ret_root);
};
struct ate__facts {
    const struct ate__facts_vtable *v;
};

extern const struct ate_id ate__top_id; /* the 16 zero bytes */
static inline bool ate__is_top(const struct ate_id *id)
{
    return ate__id_equal(id, &ate__top_id);
}
static inline int ate__facts_object(const struct ate__facts *f, const struct ate_id *id,
                                    struct ate__object_facts *ret)
{
    return f->v->object(f, id, ret);
}
