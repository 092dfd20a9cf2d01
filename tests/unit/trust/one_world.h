/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * one_world.h: the world that all tests of a file use, each anew.
 */
#pragma once
#include "world.h"

static struct world w;

/* One object below the top. */
static inline int begin(void **state)
{
    (void)state;
    world_init(&w, 1, NULL);
    plant(&w, id_of(1), ate__top_id);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    world_deinit(&w);
    return 0;
}

static inline struct draft *draft_signed(void)
{
    struct draft *d = draft_new(&w);
    draft_sign(d, w.root->fingerprint);
    return d;
}
