/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * thin_own.h: what this client's latest commits changed, so that a thin snapshot may move on over
 * them without asking for all that it knows again.
 *
 * A fixed number of notes, the newest by sequence. A commit is of one of two kinds: narrow, it has
 * the bodies of a few objects and changes nothing else that a snapshot keeps; or broad, it may
 * change anything. Any thread.
 */
#pragma once
#include "base/map.h"
#include "event/tx.h"
#include "mesh/limits.h"
#include <pthread.h>

struct ate__thin_own {
    pthread_mutex_t mutex; /* guards the rest */
    struct ate__own_note {
        uint64_t sequence; /* 0: none */
        bool broad;
        uint32_t count;
        struct ate_id *ids;
    } notes[ATE__OWN_NOTES];
};
void ate__thin_own_init(struct ate__thin_own *own);
void ate__thin_own_deinit(struct ate__thin_own *own);
/* Transaction `sequence` is this one of ours. Where there is no memory for it, it is broad. */
void ate__thin_own_note(struct ate__thin_own *own, const struct ate__tx *tx, uint64_t sequence);
/* Adds the objects that the transactions from `from` on, below `to`, have bodies of. False: one of
 * them is not ours, or broad, or there is no memory. */
bool ate__thin_own_touched(struct ate__thin_own *own, uint64_t from, uint64_t to,
                           struct ate__map *touched);
