/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.h: the log of a chain gets shorter, while it is read and written.
 *
 * Shallow compaction drops the payloads of bodies that were superseded, or whose object was
 * deleted. Headers, hashes and signatures stay, so that everything
 * still verifies from the root keys on; loading such a payload is ATE_COMPACTED.
 *
 * Deep compaction drops events and transactions, too, below a size S for which a SNAPSHOT stands in
 * the chain: whoever opens it finds the tree and the state at S that were signed there
 * (docs/format/trust.md, 17 and 18; chain/kept.h).
 *
 *  1. What some reader may still see stays (ate__view_holds()).
 *  2. It goes segment by segment, those first of which most goes; the segment that is written to is
 *     never part of it. Each is one atomic step (redo/storage.h, rewrite()); whoever stops in
 *     between has a log that is whole, and less shorter.
 *  3. Positions in the view follow; until they do, an event is found by its hash.
 *  4. Deep: who compacts has verified the history up to S himself, in a second chain over the same
 *     storage, and either finds his state root in a SNAPSHOT that is there or signs one. It is on
 *     stable storage before anything is left out.
 *  5. Deep: events go from the beginning of the history on, so that of what is left out never the
 *     end is missing while the beginning is there.
 */
#pragma once
#include "chain/chain.h"
#include "trust/keep.h"

struct ate__compact_conf { /* zero: the defaults */
    uint64_t below;        /* only what ends at or below this sequence; 0: no bound */
    unsigned gain_percent; /* a segment is written anew if so much of it goes; 0: 10 */
    bool deep;
    uint64_t cut_off; /* deep: S; not below the present one; 0: the newest sequence older than 7
                         days of root time, or nearer where much lies above it (never under 1 hour);
                         UINT64_MAX: the newest */
    struct ate_session
        *session; /* deep: signs where no SNAPSHOT of S is there; borrowed, or NULL */
    /* Wishes: an event or a payload that would go stays if it votes for it (trust/keep.h); not that
     * anything goes that would stay. NULL: none. Borrowed. */
    const struct ate__keep_plugin *plugin;
    uint64_t bytes_per_second; /* read and written, about; 0: as fast as it goes */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes; NULL */
    bool (*cancel)(void *arg); /* asked often; NULL: never */
    void *arg;
};
struct ate__compacted {
    uint64_t segments, rewritten; /* segments that were looked at; written anew */
    uint64_t payloads; /* that went */
    uint64_t events, transactions; /* that went; of transactions, all that they did */
    uint64_t cut_off; /* of the log; 0: nothing is left out */
    uint64_t bytes_before, bytes_after; /* of the files of the log, which grew meanwhile */
    uint64_t bytes_freed; /* of the files that were written anew */
};
/* Any thread; one at a time. Errors: BUSY: another is under way; CANCELED; READ_ONLY, UNSUPPORTED:
 * the log is in memory; E_NO_SPACE: no room for one segment more; TAMPERED, E_*. Deep: NO_KEY: no
 * SNAPSHOT is there, and no key that may sign one, nor is the chain centralized; DENIED: an
 * archive. What was done until then stands. */
int ate__chain_compact(struct ate__chain *c, const struct ate__compact_conf *conf,
                       struct ate__compacted *ret_compacted) ATE__CHECK;
