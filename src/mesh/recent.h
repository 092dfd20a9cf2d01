/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * recent.h: transactions of one chain that were read lately, decoded: thin clients ask for the same
 * few directories again and again, and the transaction behind one may have megabytes.
 *
 * Bounded by bytes; the one longest unused goes first. Entries are shared and immutable; any
 * thread.
 */
#pragma once
#include "chain/chain.h"

struct ate__recent;
struct ate__recent_tx {
    atomic_uint refs;
    uint64_t sequence, root_time_us;
    struct ate__buf record;
    struct ate__tx tx; /* views into record */
    uint64_t used;     /* private, as the next */
    struct ate__recent_tx *next;
};
/* chain: borrowed; outlives it. */
int ate__recent_new(struct ate__chain *chain, size_t bytes_max, struct ate__recent **ret_recent)
    ATE__CHECK;
void ate__recent_free(struct ate__recent *r); /* takes NULL; what was taken stays until let go */
/* A reference. Errors: TAMPERED: the log has none of that sequence; E_*. */
int ate__recent_get(struct ate__recent *r, uint64_t sequence, struct ate__recent_tx **ret_tx)
    ATE__CHECK;
void ate__recent_tx_unref(struct ate__recent_tx *t); /* takes NULL */
