/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_private.h: one answer being verified, shared by thin_check.c (transactions, objects) and
 * thin_rights.c (who may do what).
 */
#pragma once
#include "base/err.h"
#include "mesh/thin_check.h"

struct ate__thin_tx {
    uint64_t sequence, root_time_us;
    const struct ate__tx *tx;
    struct ate__tx own; /* where it is not the genesis */
    int verified;       /* result of the signatures */
    char *text;         /* its sentence; NULL: none, or no memory */
};
struct ate__thin_ref { /* a body or control event that is shown */
    struct ate_id id;
    uint32_t tx, event;
};
/* An object that the answer shows anew; its controls are parallel to those of `object`. */
struct ate__thin_fresh {
    struct ate__thin_object *object;
    const struct ate__tx *body;           /* NULL: the top */
    const struct ate__tx **control;
    size_t control_capacity;
};
struct ate__thin_answer {
    struct ate__thin_chain *chain;
    const struct ate__head *head;
    const struct ate__msg_get *get;
    const struct ate__msg_got *got;
    struct ate__thin_known *known;
    struct ate__thin_tx *txs; /* ascending; the genesis first */
    size_t tx_count;
    struct ate__thin_ref *bodies, *controls; /* by id, then by transaction */
    size_t body_count, body_capacity, control_count, control_capacity;
    struct ate__thin_fresh *fresh;
    size_t fresh_count, fresh_capacity;
    struct ate__map fresh_index; /* id -> index */
    struct ate__thin_object **way; /* room for fresh_count of them */
};

/* thin_check.c: of what is known or shown anew; NULL: neither. */
struct ate__thin_object *ate__thin_find(const struct ate__thin_answer *a, const struct ate_id *id);
/* thin_txs.c. Errors: TAMPERED BAD_PEER UNSUPPORTED TOO_BIG E_MEMORY */
int ate__thin_read_txs(struct ate__thin_answer *a) ATE__CHECK;
int ate__thin_verify_txs(struct ate__thin_answer *a) ATE__CHECK;
/* A root key signs it, as far as these were shown. */
bool ate__thin_root_signs(const struct ate__thin_answer *a, const struct ate__thin_tx *t);
int ate__thin_take_root(struct ate__thin_answer *a, const struct ate__thin_tx *t,
                        const struct ate__event *e) ATE__CHECK;
/* thin_rights.c: the rights behind an object that is shown anew. TAMPERED BAD_PEER */
int ate__thin_judge(const struct ate__thin_answer *a, const struct ate__thin_fresh *f) ATE__CHECK;
/* A root key at that sequence, as far as it was shown. */
bool ate__thin_is_root(struct ate__thin_chain *c, const struct ate_hash *fingerprint,
                       uint64_t sequence);
