/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * list.h: the children of an object, copied out of a transaction and sorted by name.
 */
#pragma once
#include "bin/ate/content.h"

struct list_entry {
    struct ate_id id;
    char *name;             /* ended with NUL; NULL: it has none, or it is private */
    size_t name_size;       /* bytes; a name may be anything, also with NUL inside */
    char *type;             /* NULL: private */
    enum content_kind kind;
    struct ate_object object; /* without name, type, payload and authors, which were lent */
    struct ate_hash *authors; /* object.author_count, with ATE_AUTHORS */
};
struct list {
    struct list_entry *entries; /* by name, those without one last; pages are left out */
    size_t count, capacity;
};
/* flags: ATE_NO_PAYLOAD is implied; ATE_AUTHORS. Errors: as ate_children() and ate_next_raw(). */
int list_children(struct ate_txn *txn, struct ate_id parent, unsigned flags, struct list *ret_list)
    ATE__CHECK;
/* A list of that one object. */
int list_one(const struct ate_object *o, struct list *ret_list) ATE__CHECK;
void list_deinit(struct list *l);
/* The entry of that name, or NULL. */
const struct list_entry *list_find(const struct list *l, struct ate_bytes name);
