/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep.h: what a deep compaction keeps of the transactions 0 to size - 1 (docs/format/trust.md,
 * 18), as a pure function of the history: the fate of each event.
 *
 * 1. An object's *life* goes from its creation to the tombstone that names it or something above
 * it; made again under its id it begins another. What is kept is kept by lives: of a life that is
 *    kept, all that it takes to know at every sequence where the object lay and who ruled it.
 * 2. Kept are the lives of all objects that live at `size`, of those that were deleted within the
 *    last `window` sequences, of those of which a plug-in keeps something, and then the lives of
 *    all parents that a kept life ever had. So the rights of every kept event can be judged from
 *    kept events alone, by the rules and the places that were in force at its own sequence.
 * 3. Each rule is a file keep_*.c and votes on each event; the strongest vote decides: force-keep,
 *    force-drop, keep, drop; an event that nobody votes for goes.
 *
 * Two passes: ate__keep_see() for each transaction in ascending order, ate__keep_end(), then
 * ate__keep_fate() in any order, from one thread or several. The history is one that was accepted.
 * What was compacted before may be compacted again, also where that did not come to its end: what
 * belongs to a life whose beginning is gone goes, and so does a life that went below one.
 *
 * Memory: 72 bytes and a place in a hash map for each kept life, and as much for lives that ended
 * and were not swept yet, of which there are never more than of the others (at least 4,096 may be);
 * 16 bytes for each move.
 */
#pragma once
#include "event/tx.h"

enum ate__vote { ATE__ABSTAIN, ATE__DROP, ATE__KEEP, ATE__FORCE_DROP, ATE__FORCE_KEEP };
enum ate__fate { ATE__FATE_GONE, ATE__FATE_HEADER, ATE__FATE_WHOLE };

struct ate__ballot {
    enum ate__vote vote;
    bool header_only; /* KEEP, FORCE_KEEP: it is not for the payload; of no other meaning */
};
struct ate__keep_event {
    uint64_t sequence;
    const struct ate__event *event; /* not DROPPED */
};
/* A plug-in: the same answer for the same event in both passes. The rules of this layer force what
 * they keep, because acceptance needs it, so that no vote drops any of it: FORCE_DROP overrules a
 * KEEP, and nobody but a plug-in votes so. Of one that answers otherwise in the second pass what it
 * then keeps of a life that is not kept goes all the same. */
struct ate__keep_plugin {
    struct ate__ballot (*vote)(void *arg, const struct ate__keep_event *e);
    void *arg;
};

struct ate__keep; /* opaque */
/* seed: 16 random bytes, for hash maps. plugin: borrowed, or NULL. Errors: E_MEMORY. */
int ate__keep_new(const uint64_t seed[2], uint64_t size, uint64_t window,
                  const struct ate__keep_plugin *plugin, struct ate__keep **ret_keep) ATE__CHECK;
void ate__keep_free(struct ate__keep *k); /* takes NULL */
ATE__FREEP(struct ate__keep, ate__keep_free)
/* Ascending; those from `size` on are passed over. Errors: E_MEMORY. */
int ate__keep_see(struct ate__keep *k, const struct ate__tx *tx, uint64_t sequence) ATE__CHECK;
/* After the last of them. Errors: E_MEMORY. */
int ate__keep_end(struct ate__keep *k) ATE__CHECK;

/* HEADER: the payload becomes STRIPPED; of an event without one it is as WHOLE. WHOLE of a body is
 * for objects that live at `size`: where the view knows a later one, its payload may go as in any
 * shallow compaction. ret_rule: the name of the rule that decided, "plug-in", or NULL; may be NULL
 * itself. */
enum ate__fate ate__keep_fate(const struct ate__keep *k, const struct ate__event *event,
                              uint64_t sequence, const char **ret_rule);
/* Whether a transaction of which nothing is kept leaves its identity: the state root has it. */
bool ate__keep_identity(const struct ate__keep *k, uint64_t sequence);
