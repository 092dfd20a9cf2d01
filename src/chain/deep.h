/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * deep.h: what a deep compaction must know before it leaves anything out: where the cut-off is to
 * be, the state there, what is kept of the history below it, and a certificate.
 */
#pragma once
#include "chain/compact.h"
#include "chain/pace.h"
#include "trust/keep.h"

struct ate__deep {
    struct ate__chain *c;
    const struct ate__compact_conf *conf;
    struct ate__pace *pace;
    uint64_t size;       /* S; 0: there is nothing to leave out */
    uint64_t gaps_below; /* transactions may be missing below it */
    struct ate_hash root, state_root;
    uint64_t certified_at; /* sequence of the SNAPSHOT that is there */
    bool signed_by_key; /* not said by the server of a centralized chain */
    struct ate__keep *keep;
    struct ate__keep_plugin plugin;
};
/* Replays the history up to S on the side, at that pace, and finds out what is kept. Errors: DENIED
 * CANCELED TAMPERED E_*. */
int ate__deep_begin(struct ate__deep *d, struct ate__chain *c, const struct ate__compact_conf *conf,
                    struct ate__pace *pace) ATE__CHECK;
/* Whether a certificate can be made here now: by a key of the session (which may be NULL), or by
 * who orders a centralized chain. */
bool ate__deep_may_certify(const struct ate__chain *c, const struct ate_session *session);
/* A SNAPSHOT of S with that state root stands in the log, and is synced. Errors: NO_KEY, those of a
 * commit. */
int ate__deep_certify(struct ate__deep *d) ATE__CHECK;
void ate__deep_end(struct ate__deep *d);
