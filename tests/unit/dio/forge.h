/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * forge.h: bodies that the library would not write, made of its lower layers and accepted by the
 * chain: who may write an object decides what its body says, and who administers a scope what its
 * epochs are.
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

enum forge_how {
    FORGE_RIGHT,
    FORGE_TO_ANOTHER,  /* sealed to another's key */
    FORGE_ANOTHER_KEY, /* another key is what it opens to */
    FORGE_NOISE        /* it does not open */
};
struct forged_epoch { /* of a private scope, behind its last */
    struct ate_id scope;
    unsigned readers, wrong; /* sessions; those sealed to wrongly */
    enum forge_how how;
    enum forge_how name_key;
    bool seals_elsewhere; /* what sealed writers seal for it opens with another data key */
    bool link_elsewhere;  /* LINK does not lead to the epoch before */
    uint64_t number;      /* 0: the next one */
};
/* Offers it as that session, which reads the epoch before; what became of it. */
int forge_epoch(struct world *w, unsigned session, const struct forged_epoch *f);
