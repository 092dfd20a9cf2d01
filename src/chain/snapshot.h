/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * snapshot.h: snapshots of a chain that is held here, root or mirror: what struct ate__pipe_vtable
 * asks of one.
 */
#pragma once
#include "chain/chain.h"

/* The published state at one moment, as facts. By one thread at a time; not moved meanwhile. */
struct ate__moment {
    struct ate__facts facts;
    struct ate__chain *chain;
    struct ate__view_snapshot view;
};
int ate__moment_begin(struct ate__chain *c, struct ate__moment *ret) ATE__CHECK;
void ate__moment_end(struct ate__moment *m);

/* pipe: the one that the snapshot belongs to; a reference is taken. */
int ate__chain_snapshot_begin(struct ate__chain *c, struct ate__pipe *pipe,
                              struct ate__snapshot **ret_snapshot) ATE__CHECK;
/* Where it fails the snapshot stays as it was. */
int ate__chain_snapshot_refresh(struct ate__snapshot *s) ATE__CHECK;
void ate__chain_snapshot_end(struct ate__snapshot *s); /* takes NULL; lets the pipe go */
void ate__chain_snapshot_head(const struct ate__snapshot *s, uint64_t *ret_size,
                              struct ate_hash *ret_root);
const struct ate__facts *ate__chain_snapshot_facts(struct ate__snapshot *s);
int ate__chain_snapshot_event(struct ate__snapshot *s, const struct ate_id *id,
                              struct ate__buf *buf, struct ate__event *ret_event,
                              struct ate__authors *ret_authors) ATE__CHECK;
int ate__chain_snapshot_still(struct ate__snapshot *s, const struct ate_id *id, uint64_t sequence,
                              uint64_t seen) ATE__CHECK;
