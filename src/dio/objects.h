/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * objects.h: what typed.c and raw.c share: bodies to be created or replaced in a transaction.
 */
#pragma once
#include "dio/txn.h"

struct ate__new_body { /* all borrowed for the call */
    const char *type;
    struct ate_bytes payload;
    uint8_t encoding; /* enum ate__encoding */
    bool open;        /* ATE_PUBLIC */
};
struct ate_id ate__object_new_id(struct ate_txn *t);
/* name: empty for none. The transaction is ready to write. Errors: EXISTS NOT_FOUND MALFORMED
 * TOO_BIG MISUSE E_MEMORY. */
int ate__object_create(struct ate_txn *t, const struct ate_id *id, const struct ate_place *place,
                       struct ate_bytes name, const struct ate__new_body *body) ATE__CHECK;
/* Where it lies, with its name and user items. name: by which it was found, or empty; old: its
 * present body, with its name. NO_KEY NOT_FOUND ... */
int ate__object_replace(struct ate_txn *t, const struct ate_id *id, struct ate_bytes name,
                        const struct ate__body *old, const struct ate__new_body *body) ATE__CHECK;
int ate__object_name_free(struct ate_txn *t, const struct ate_place *place, struct ate_bytes name)
    ATE__CHECK; /* EXISTS NO_KEY */
/* The name is free, or that of `own` (NULL: nobody), as far as the session can see. */
int ate__object_name_free_for(struct ate_txn *t, const struct ate_place *place,
                              struct ate_bytes name, const struct ate_id *own) ATE__CHECK;
