/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_known.h: what a thin snapshot was shown and has verified: objects, names, lists of children.
 *
 * All of it is of one size of the chain. Of an object that is known, every ancestor is known.
 * Objects are kept while there is room; those that neither have control events nor lie above one
 * that has may be dropped and asked for again, because facts lend nothing of an object but its
 * control. One thread.
 */
#pragma once
#include "base/env.h"
#include "base/map.h"
#include "trust/facts.h"

/* An object that is live, as it was verified. */
struct ate__thin_object {
    struct ate_id id;
    /* Its current body; the top has none: zeros. */
    uint64_t sequence, root_time_us;
    struct ate_hash hash; /* event hash */
    bool has_prev;        /* it replaced another version */
    bool stripped;        /* `whole` lacks the payload */
    struct ate_id parent;
    uint32_t depth; /* parents above it; 0: the top */
    struct ate__thin_object *above; /* the parent; the top has none */
    bool held;                      /* while others go */
    bool told; /* its facts were given to the snapshot's user */
    uint32_t collection;
    unsigned tag_count;
    uint8_t tags[2 * ATE__NAME_TAG];
    struct ate__buf whole; /* the event as it was shown */
    uint32_t author_count;
    struct ate_hash *authors;
    /* All its control events, oldest first; references. */
    size_t control_count, control_capacity;
    struct ate__control **controls;
};
void ate__thin_object_free(struct ate__thin_object *o); /* takes NULL */
/* The control event in force before `sequence`; NULL: none. */
const struct ate__control *ate__thin_control_before(const struct ate__thin_object *o,
                                                    uint64_t sequence);

/* The children of an object, page by page. Only the latest page is kept; earlier ones are asked
 * for again. */
struct ate__thin_list {
    struct ate__listing listing;
    uint64_t *starts; /* the server's cursor at the start of each page that was reached */
    size_t start_count, start_capacity;
    bool complete;    /* starts has all pages */
    size_t page;      /* the one that is kept; only where has_page */
    bool has_page;
    struct ate_id *ids;
    size_t count, capacity;
    struct ate__map seen; /* ids listed so far; empty once complete */
    size_t asked;         /* up to this index of the page, payloads were asked for */
};

struct ate__thin_known {
    struct ate__map objects; /* id -> struct ate__thin_object; 0: absent */
    struct ate__map names;   /* parent, tag -> struct ate__thin_object; 0: nobody has it */
    struct ate__map lists;   /* listing -> struct ate__thin_list */
    struct ate__thin_list *listed; /* the one that was asked for last; NULL: none */
    size_t bytes;            /* about */
    struct ate__control **lent; /* of states that were left: references until the end */
    size_t lent_count, lent_capacity;
};
void ate__thin_known_init(struct ate__thin_known *k, const struct ate__env *env);
void ate__thin_known_deinit(struct ate__thin_known *k);
/* Forgets everything; what was lent stays. Errors: E_MEMORY (nothing changed). */
int ate__thin_known_clear(struct ate__thin_known *k) ATE__CHECK;
/* Makes room where more than ATE__THIN_BYTES_MAX is kept. Objects that were found before are gone
 * then. Errors: TOO_BIG. */
int ate__thin_known_trim(struct ate__thin_known *k) ATE__CHECK;

/* Goes over to a later state, which differs in nothing but the bodies of `touched` (ids, as keys):
 * these, absences and lists are forgotten, and nothing that is left counts as told. False: nothing
 * was done, for want of memory or because one of them has lent its control or lies above others. */
bool ate__thin_known_advance(struct ate__thin_known *k, const struct ate__map *touched);

/* False: not known. *ret_object NULL: it is absent. */
bool ate__thin_known_find(const struct ate__thin_known *k, const struct ate_id *id,
                          struct ate__thin_object **ret_object);
bool ate__thin_known_name(const struct ate__thin_known *k, const struct ate_id *parent,
                          const uint8_t tag[ATE__NAME_TAG], struct ate__thin_object **ret_object);
/* Its id was not known. All three: Errors: E_MEMORY (nothing changed); add: also BAD_PEER, its name
 * was told to be free, or another's. */
int ate__thin_known_add(struct ate__thin_known *k, struct ate__thin_object *o) ATE__CHECK;
void ate__thin_known_take_back(struct ate__thin_known *k, struct ate__thin_object *o);
int ate__thin_known_absent(struct ate__thin_known *k, const struct ate_id *id) ATE__CHECK;
int ate__thin_known_no_name(struct ate__thin_known *k, const struct ate_id *parent,
                            const uint8_t tag[ATE__NAME_TAG]) ATE__CHECK;
/* The event of a known object came with its payload. */
int ate__thin_known_fill(struct ate__thin_known *k, struct ate__thin_object *o,
                         struct ate_bytes whole) ATE__CHECK;
/* The one that was asked for last, if it is of that parent's children; NULL: none, or no page of it
 * is kept. */
struct ate__thin_list *ate__thin_known_page(const struct ate__thin_known *k,
                                            const struct ate_id *parent);
/* Found or made. */
int ate__thin_known_list(struct ate__thin_known *k, const struct ate__listing *listing,
                         struct ate__thin_list **ret_list) ATE__CHECK;
