/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * relation.h: how objects hang together: lists and maps of children, one child, references.
 *
 *   struct shop { const char *name; struct ate_vec orders; struct ate_map prices; struct ate_child
 * owner; }; ATE_TYPE(shop, ATE_FIELD(name), ATE_FIELD(orders), ATE_FIELD(prices),
 * ATE_FIELD(owner));
 *
 *   rc = ate_load(txn, shop, id, &shop);
 *   rc = ate_vec_push(txn, order, shop->orders, &(struct order){ .item = "tea" }, NULL);
 *   rc = ate_map_put(txn, price, shop->prices, "tea", &(struct price){ .pence = 240 }, NULL);
 *   rc = ate_child_put(txn, person, shop->owner, &(struct person){ .name = "Ada" }, NULL);
 *
 * What is in a field of these types is not stored with the object: each member is an object of its
 * own, in a collection of the object that has the field (struct ate_place). So to add one, or to
 * take one away, neither reads nor writes that object, however many there are; two who add at the
 * same moment do not conflict; and members have rules of their own. The field says where they are:
 * ate_load(), ate_find() and ate_next() fill it in, and calls that store ignore it. For an object
 * that was just made, ATE_VEC_OF() and its sisters say the same.
 *
 * ate_delete() with ATE_TREE takes the members along. A collection has the number that its field's
 * name on the chain gives, so a field keeps its members when ATE_FIELD_AS() keeps its name.
 *
 * References. A weak one is a field of type struct ate_id: it says nothing of whether the object is
 * there, and loading it may be NOT_FOUND. One into another chain is a struct ate_foreign, in the
 * table as ATE_STRUCT(field, ate_foreign); ate_chain_open() takes its address as it is.
 *
 * One thread at a time, as all that has to do with a transaction.
 */
#pragma once
#include <ate/type.h>

/* An object in another chain: the address of the chain, with all that is needed to trust it, as
 * ate_chain_address() gives it, and the object's id. */
struct ate_foreign {
    const char *chain;
    struct ate_id id;
};
ATE_TYPE(ate_foreign, ATE_FIELD(chain), ATE_FIELD(id));

/* The collection of an object that belongs to a field; name: that of the field on the chain. */
ATE__BEGIN
ATE_API struct ate_place ate_place_of(struct ate_id object, const char *name);
ATE__END
static inline struct ate_vec ate_vec_of(struct ate_id object, const char *name)
{
    struct ate_vec vec;
    vec.at = ate_place_of(object, name);
    return vec;
}
static inline struct ate_map ate_map_of(struct ate_id object, const char *name)
{
    struct ate_map map;
    map.at = ate_place_of(object, name);
    return map;
}
static inline struct ate_child ate_child_of(struct ate_id object, const char *name)
{
    struct ate_child child;
    child.at = ate_place_of(object, name);
    return child;
}

/* ---- a list: struct ate_vec ---- */

/* (txn, T, struct ate_vec vec, const struct T *object, struct ate_id *ret_id): behind all others.
 * Errors: as ate_push(). */
#define ate_vec_push(txn, T, vec, ...) ate__put_in_##T(txn, (vec).at, NULL, __VA_ARGS__)

/* ---- a map from name to object: struct ate_map ---- */

/* (txn, T, struct ate_map map, const char *name, const struct T *object, struct ate_id *ret_id):
 * replaces the member of that name, or creates it.
 * Errors: as ate_put_as(). */
#define ate_map_put(txn, T, map, ...) ate__put_in_##T(txn, (map).at, __VA_ARGS__)
/* (txn, T, struct ate_map map, const char *name, struct ate_id *ret_id, const struct T
 * **ret_object).
 * Errors: as ate_find(). */
#define ate_map_find(txn, T, map, ...) ate__find_in_##T(txn, (map).at, __VA_ARGS__)

/* ---- one object or none: struct ate_child ---- */

/* (txn, T, struct ate_child child, const struct T *object, struct ate_id *ret_id): replaces it, or
 * creates it. Errors: as ate_put_as(). */
#define ate_child_put(txn, T, child, ...)                                                          \
    ate__put_in_##T(txn, (child).at, ATE_CHILD_NAME, __VA_ARGS__)
/* (txn, T, struct ate_child child, struct ate_id *ret_id, const struct T **ret_object).
 * Errors: as ate_find(). NOT_FOUND: there is none. */
#define ate_child_load(txn, T, child, ...)                                                         \
    ate__find_in_##T(txn, (child).at, ATE_CHILD_NAME, __VA_ARGS__)
#define ATE_CHILD_NAME "child" /* its name in its collection */

ATE__BEGIN

/* ---- listing, moving: of all three ---- */

struct ate_list_conf { /* zero means the default in every field */
    struct ate_id behind; /* begins behind this member; zeros: with the first */
    bool reverse; /* the newest first */
    bool readable; /* passes over what the session's keys do not open */
    uint8_t reserved[30]; /* zeros, else MISUSE */
};
/* The members of one collection as this transaction sees them, its own included, in the order in
 * which they came there: place is (vec).at, (map).at, (child).at, or { id, 0 } for the children
 * that are in no field. The cursor is that of ate_children(), for ate_next() and ate_next_raw().
 * For a page after the page before: `behind` the last one of that. What a long list costs is the
 * members that are looked at, wherever it begins. Errors: NOT_FOUND: there is no such object, or
 * `behind` is no member of it, from the first ate_next() on; MISUSE, E_MEMORY. */
ATE_CALL int ate_list(struct ate_txn *txn, struct ate_place place, const struct ate_list_conf *conf,
                      struct ate_cursor **ret_cursor);

/* Puts an object that is there into a collection, behind all others, under a name, or without
 * (NULL): ate_move() says what that needs, and its errors. */
ATE_CALL int ate_attach(struct ate_txn *txn, struct ate_id id, struct ate_place place,
                        const char *name);

/* Takes it out of its collection: it stays below the same object, in no field and without a name,
 * and goes on inheriting who may do what. 0 also where it is in none. Errors: as ate_move(). */
ATE_CALL int ate_detach(struct ate_txn *txn, struct ate_id id);

ATE__END
