/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_place.c: of a life that is kept the headers of the bodies that put the object where it lay
 * stay: its creation, and each move. So at every sequence of a kept event the objects above it are
 * those that were, SUBTREE deletes what it deleted, and when the object was created is known.
 */
#include "trust/keep_private.h"

static bool placed_at(const struct ate__keep *k, const struct ate__life *l, uint64_t sequence)
{
    if (l->placed == sequence)
        return true;
    for (uint32_t i = l->places; i; i = k->places[i - 1].older)
        if (k->places[i - 1].placed == sequence)
            return true;
    return false;
}

struct ate__ballot ate__keep_place(const struct ate__keep *k, const struct ate__keep_event *e)
{
    struct ate__ballot ballot = {ATE__ABSTAIN, true};
    if (e->event->kind != ATE__EVENT_BODY || ate__keep_is_tombstone(e->event))
        return ballot;
    const struct ate__life *l = ate__life_at(k, &e->event->header.object, e->sequence);
    if (l && placed_at(k, l, e->sequence))
        ballot.vote = ATE__FORCE_KEEP;
    return ballot;
}
