/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * forge.h: bodies that the library would not write, made of its lower layers and accepted by the
 * chain: who may write an object decides what its body says.
 */
#pragma once
#include "world.h"

struct forged {
    struct ate_id id, parent; /* parent: live; a new body is sealed for its scope */
    bool clear;               /* the object is open to everyone; else private */
    bool bare;                /* clear, and without a payload */
    bool unsigned_;           /* everyone may write */
    bool spoiled;             /* private: its ciphertext does not open */
    const char *name;         /* NAME; NULL: none */
    const char *tag[2];       /* names whose tags TAG carries: in private form, in open form */
};
/* Commits it as that session: a new object, or a new version of one that is there. */
void forge(struct world *w, unsigned session, const struct forged *f);
