/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * search.h: the records of a chain that hold 16 given bytes, such as an id or a name tag, newest
 * first (docs/decisions/0021).
 *
 * The log is read backwards, a stretch of records at a time, each once and no further than somebody
 * asks. Of a stretch only the places of what was found are kept. A record that is found is decoded,
 * and compared with the leaf that was made of it when it was verified. It may hold the bytes by
 * chance: the caller looks at what they mean.
 *
 * One thread at a time.
 */
#pragma once
#include "chain/chain.h"

enum { ATE__SEARCH_NEEDLE = 16, ATE__SEARCH_FIRST = 64, ATE__SEARCH_STRETCH = 4096 };

struct ate__progress { /* as in struct ate__chain_conf; call NULL: nobody is told */
    void (*call)(void *arg, const char *stage, uint64_t done, uint64_t total);
    void *arg;
};
struct ate__place {
    uint64_t sequence, root_time_us;
    struct ate__position position;
};
struct ate__search {
    struct ate__chain *chain; /* borrowed */
    struct ate__progress progress;
    uint8_t needle[ATE__SEARCH_NEEDLE];
    uint64_t low, high, next; /* what is left to be read is [low, next) */
    uint64_t stretch;         /* how many records the next one has */
    struct ate__place *found; /* in the present one, ascending */
    size_t count, capacity;
};
/* In the records [low, high). */
void ate__search_init(struct ate__search *s, struct ate__chain *chain, const void *needle,
                      uint64_t low, uint64_t high);
void ate__search_deinit(struct ate__search *s);

struct ate__found {
    struct ate__place place;
    struct ate__buf body;
    struct ate__tx tx; /* views into body */
};
/* Errors: END; TAMPERED: the record is not what was verified; E_*. */
int ate__search_next(struct ate__search *s, struct ate__found *ret_found) ATE__CHECK;
void ate__found_deinit(struct ate__found *f);
/* The record of one sequence. Errors: COMPACTED: nothing is left of it; as ate__search_next(). */
int ate__found_at(struct ate__chain *c, uint64_t sequence, struct ate__found *ret_found) ATE__CHECK;

/* How many transactions the root had ordered up to that time, of those that are still there: the
 * size at which the chain then was. Any thread. Errors: E_*. */
int ate__chain_size_at(struct ate__chain *c, uint64_t root_time_us, uint64_t *ret_size) ATE__CHECK;
