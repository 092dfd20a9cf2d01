/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chain_world.h: a chain under a random load, and what must and may be in it after a power loss.
 *
 * Objects are created, changed, moved, protected and deleted; several writers share a group. Every
 * transaction is remembered, so that an open chain can be compared with what was acknowledged:
 * all of it, whole and in its order, and of the group under way all or nothing. Under a weaker sync
 * policy what was synced must be there, and of the rest a beginning, in whole groups.
 */
#pragma once
#include "base/alloc.h"
#include "chain/chain_private.h"
#include "unit/chain/kit.h"

enum { WORLD_RECORDS = 512, WORLD_CHANGES = 3 /* in one transaction */ };

struct world_change {
    uint8_t kind, object, parent;
    uint32_t value;
};
struct world_tx {
    struct ate_hash hash;
    struct world_change change[WORLD_CHANGES];
    unsigned count;
    bool ends_group;
};
struct world {
    struct kit k;
    struct rnd r;
    struct world_tx txs[WORLD_RECORDS]; /* by sequence; 0 is the genesis */
    uint64_t acked, synced; /* sizes: that were answered; that a power loss may not touch */
    unsigned flight;        /* transactions of the group under way, behind `acked` */
    uint32_t values;
    bool created;
    struct ate__listener ear;
    uint64_t told; /* the largest size that a listener was told */
    uint64_t shorter, kept; /* so far: opens that found less than was acknowledged, or more */
    /* Of a script, for its points: */
    const char *story;
    uint64_t script;
    void (*after)(struct world *w); /* what follows a crash */
};

/* An empty disk. The sync policy follows from the seed. */
void world_init(struct world *w, uint64_t seed);
void world_begin(struct world *w); /* creates the chain */
/* The same story on another disk, which it then owns; no chain is open. */
void world_fork(struct world *f, const struct world *w, struct simdisk *take_disk, uint64_t seed);
void world_deinit(struct world *w); /* closes all */

/* Opens the chain and checks all of it. all_acked: nothing that was acknowledged may be missing,
 * under whatever policy; else what was not synced may. */
void world_open_again(struct world *w, bool all_acked);
/* The open chain against what may be there; from now on that must be there. */
void world_check(struct world *w, bool all_acked);
void world_lose_power(struct world *w);
void world_kill(struct world *w);
void world_listen(struct world *w);
void world_leave(struct world *w); /* stops listening */

/* A group of some transactions. 0, or the result of the first that failed. */
int world_commit(struct world *w);
int world_step(struct world *w); /* of a script: a commit, or a call of its log */
/* As far as it goes: the machine may stop meanwhile. */
void world_run(struct world *w, unsigned steps);
