/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_current.c: the last body of each living object stays, with its payload.
 */
#include "trust/keep_private.h"

struct ate__ballot ate__keep_current(const struct ate__keep *k, const struct ate__keep_event *e)
{
    struct ate__ballot ballot = {ATE__ABSTAIN, false};
    if (e->event->kind != ATE__EVENT_BODY || ate__keep_is_tombstone(e->event))
        return ballot;
    const struct ate__life *l = ate__life_at(k, &e->event->header.object, e->sequence);
    if (l && !ate__life_ended(l) && l->body == e->sequence)
        ballot.vote = ATE__FORCE_KEEP;
    return ballot;
}
