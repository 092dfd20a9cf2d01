/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.h: the log of a chain gets shorter, while it is read and written.
 *
 * Shallow compaction drops payloads that nobody can ask for any more: those of bodies that were
 * superseded, or whose object was deleted. Headers, hashes and signatures stay, so that everything
 * still verifies from the root keys on; loading such a payload is ATE_COMPACTED.
 *
 *  1. What some reader may still see stays (ate__view_holds()).
 *  2. It goes segment by segment, those first of which most goes; the segment that is written to is
 *     never part of it. Each is one atomic step (redo/storage.h, rewrite()); whoever stops in
 *     between has a log that is whole, and less shorter.
 *  3. Positions in the view follow; until they do, an event is found by its hash.
 */
#pragma once
#include "chain/chain.h"

struct ate__compact_conf { /* zero: the defaults */
    uint64_t below;        /* only what ends at or below this sequence; 0: no bound */
    unsigned gain_percent; /* a segment is written anew if so much of it goes; 0: 10 */
    uint64_t bytes_per_second; /* read and written, about; 0: as fast as it goes */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes; NULL */
    bool (*cancel)(void *arg); /* asked often; NULL: never */
    void *arg;
};
struct ate__compacted {
    uint64_t segments, rewritten; /* segments that were looked at; written anew */
    uint64_t payloads; /* that went */
    uint64_t bytes_before, bytes_after; /* of the files of the log */
};
/* Any thread; one at a time. Errors: BUSY: another is under way; CANCELED; READ_ONLY, UNSUPPORTED:
 * the log is in memory; E_NO_SPACE: no room for one segment more; TAMPERED, E_*. What was done
 * until then stands. */
int ate__chain_compact(struct ate__chain *c, const struct ate__compact_conf *conf,
                       struct ate__compacted *ret_compacted) ATE__CHECK;
