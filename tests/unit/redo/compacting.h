/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compacting.h: a log that is compacted by a simple rule: what becomes of a record, and its leaf,
 * follow from its sequence.
 */
#pragma once
#include "kit.h"

struct compactor {
    uint64_t keep_all_from; /* KEEP from this sequence on */
    bool shallow;           /* nothing is left out */
    uint64_t records, paused;
    int result; /* of the callback for record `fail_at` */
    uint64_t fail_at;
    void (*meanwhile)(void *arg); /* at each pause */
    void *arg;
};
struct reading { /* what a scan of all showed */
    uint64_t records, missing, identities;
    /* private: */
    struct kit *k;
    uint64_t next; /* the lowest sequence that may come */
    bool compacted; /* what this group is */
    uint64_t group_end;
    struct ate_hash tile[ATE__TILE_LEAVES];
    uint64_t tile_first;
};

/* Opens it, and makes its tiles anew as a chain does. */
int compacting_open(struct kit *k, unsigned flags);
void compacting_open_ok(struct kit *k, unsigned flags);
void compacting_make_tiles(struct kit *k); /* of a log that was opened just now */
/* 256 from `first` on; arg is not used. */
int compacting_leaves(void *arg, uint64_t first, struct ate_hash *ret_leaves);
/* Appends groups of 1 to 5 to that size, with their leaves. 0, or the result of the first append
 * that fails; *ret_flight: how many records it had. */
int compacting_try_grow(struct kit *k, uint64_t to, size_t *ret_flight);
extern bool compacting_seals; /* groups are sealed, with kit_head() of their end */
void compacting_grow(struct kit *k, uint64_t to);
int compacting_run(struct kit *k, struct compactor *c, uint64_t from, uint64_t to, uint64_t cut_off,
                   struct ate__rewritten *ret);
/* All that ends at or below `to`, run by run. */
int compacting_all(struct kit *k, struct compactor *c, uint64_t to, uint64_t cut_off);
/* All of it: what is there is whole and in order, what is missing has its leaf. Each record is
 * loaded by its sequence too. */
void compacting_check(struct kit *k, uint64_t size, struct reading *ret);
