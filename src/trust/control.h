/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * control.h: a control event in force: the authority, epoch, readers and name key that an object
 * sets for itself and below.
 *
 * Immutable and reference-counted: the view, a reader and a key cache may hold the same one. Each
 * control event states the whole of it; `older` is the event of the same object that it replaced,
 * kept as far as an epoch that a body may still use began there.
 */
#pragma once
#include "event/tx.h"
#include <stdatomic.h>

struct ate__control {
    atomic_uint refs;
    struct ate_id object;
    uint64_t sequence;
    struct ate_hash hash;       /* event hash: PREV of the next one */
    struct ate__buf bytes;      /* its header */
    struct ate__header header;  /* decoded; views into bytes */
    struct ate__control *older; /* a reference, or NULL */
};
/* From an event of kind CONTROL. older: borrowed, a reference is taken; NULL for the first.
 * Errors: E_MEMORY. */
int ate__control_new(const struct ate__event *event, uint64_t sequence, struct ate__control *older,
                     struct ate__control **ret_control) ATE__CHECK;
struct ate__control *ate__control_ref(struct ate__control *c); /* takes NULL */
void ate__control_unref(struct ate__control *c); /* takes NULL; iterative along `older` */
static inline void ate__control_unrefp(struct ate__control **pp)
{
    ate__control_unref(*pp);
    *pp = NULL;
}

/* The rule that this control (NULL: none) sets for a right at its own object; NULL: it inherits.
 * append and admin fall back on what the same object sets for write. */
const struct ate__rule *ate__control_rule(const struct ate__control *c, enum ate__right right);
/* The same of a header that is not in force yet. */
const struct ate__rule *ate__auth_rule(const struct ate__auth *auth, enum ate__right right);

/* What it replaced. A deletion ends the line: what came before that is of another life. */
static inline const struct ate__control *ate__control_before(const struct ate__control *c)
{
    return ate__header_has(&c->header, ATE__TAG_PREV) ? c->older : NULL;
}
/* The newest from c (NULL: none) on that states an epoch. It is the last epoch of the object, also
 * where its private scope has ended since. */
const struct ate__control *ate__control_epoch(const struct ate__control *c);

/* Whether HOLD is in it (NULL: it is not). */
bool ate__control_held(const struct ate__control *c);
/* That `next` sets HOLD or takes it away, and states all else as what is in force; where nothing is
 * (NULL), that everything inherits. */
bool ate__control_only_holds(const struct ate__control *now, const struct ate__header *next);
