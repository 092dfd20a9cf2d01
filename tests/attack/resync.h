/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * resync.h: what a server says that compaction has left of a chain.
 */
#pragma once
#include "event/tx.h"
#include "unit/mesh/past.h"

struct resync_lie {
    uint64_t shorter; /* this transaction */
    bool one;         /* of it this event alone, else all */
    uint32_t event;
    enum ate__part part; /* to this */
    bool head;           /* another one, behind the last group */
    bool known;          /* what the mirror has is of another history */
    struct ate_bytes note; /* of a centralized chain: what comes with it */
};
/* All that is there is certified, by the root key, in one more transaction. */
void resync_certify(struct past *p);
/* What a mirror that has the genesis says to the history, of which all but the certificate was
 * compacted, and sent with this lie. */
int resync_says(struct past *p, struct resync_lie lie);
