/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * past_replay.h: transactions taken into a view of its own, once more: all of them, or what
 * concerns the children of one object.
 *
 * A view that one thread has to itself is read at {view, NULL, size}.
 */
#pragma once
#include "base/map.h"
#include "chain/search.h"

struct ate__replayed {
    struct ate__view *view;
    struct ate__map moved_in; /* ids of those that were created elsewhere: the view does not know
                                 when */
};
/* The transactions [from, to). parent NULL: all that they did; else bodies below it, and what
 * became of those. Nothing is judged again: it was when it was taken in. Errors: TAMPERED E_*. */
int ate__past_replay(struct ate__chain *chain, const struct ate__env *env, uint64_t from,
                     uint64_t to, const struct ate_id *parent, const struct ate__progress *progress,
                     struct ate__replayed *ret) ATE__CHECK;
void ate__replayed_deinit(struct ate__replayed *r);
