/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact_mode.h: when a log is due to be compacted: a pure decision, from what is seen of the log
 * and the time, and from how the last run went. Who acts on it: chain/compact_auto.h.
 *
 *  1. What counts of a log are its files that are full: the one that is written to is not touched
 *     by any compaction.
 *  2. A log below a minimum is left alone, whatever the mode, and so is one to which nothing was
 *     added since the last run.
 *  3. Growth is measured from what the last compaction left. When a log is opened that is what lies
 *     up to the last file that a compaction made: one that never was compacted is all growth.
 *  4. A run that failed is tried again after a while, twice as long each time; one failure never
 *     ends it for good.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>
#include <stdint.h>

enum ate__compact_mode { /* as enum ate_compact_mode */
                         ATE__COMPACT_NEVER,
                         ATE__COMPACT_ON_OPEN,
                         ATE__COMPACT_TIMER,
                         ATE__COMPACT_FACTOR,
                         ATE__COMPACT_SIZE,
                         ATE__COMPACT_FACTOR_OR_TIMER,
                         ATE__COMPACT_SIZE_OR_TIMER
};
struct ate__compact_rule { /* zeros: never, and the defaults */
    enum ate__compact_mode mode;
    uint64_t every_ms;       /* TIMER; 0: an hour */
    uint64_t growth_bytes;   /* SIZE: so many more than the last one left; 0: 64 MiB */
    uint64_t factor_percent; /* FACTOR: of what the last one left; 0: 200; above 100 */
    uint64_t bytes_min;      /* 0: 2 MiB */
};
/* Errors: MISUSE: no such mode, or a factor that is no growth. */
int ate__compact_rule_check(const struct ate__compact_rule *rule) ATE__CHECK;

struct ate__compact_seen {
    uint64_t now_ms; /* a clock that is not expected to go back, and may */
    uint64_t bytes;  /* of full files */
    uint64_t size;   /* transactions */
};
/* What was learned; from the first look to the last, from one thread at a time. */
struct ate__compact_watch {
    struct ate__compact_rule rule;
    uint64_t since_ms;      /* the timer began */
    uint64_t base_bytes;    /* what the last run left */
    uint64_t size;          /* transactions that the last run saw */
    uint64_t not_before_ms; /* after a failure */
    unsigned failures;      /* one after the other */
    bool looked;            /* an open is over when it was looked at once */
};
#define ATE__COMPACT_WAITS UINT64_MAX

/* rule: checked; its defaults are filled in. since_ms: the last run, or when the timer began. */
void ate__compact_watch_init(struct ate__compact_watch *w, const struct ate__compact_rule *rule,
                             uint64_t since_ms, uint64_t base_bytes);
/* 0: now; ATE__COMPACT_WAITS: not before the log has grown; else look again in so many ms. */
uint64_t ate__compact_look(struct ate__compact_watch *w, const struct ate__compact_seen *seen);
/* A run is over: size: transactions when it began; seen: after it. */
void ate__compact_ran(struct ate__compact_watch *w, bool well, uint64_t size,
                      const struct ate__compact_seen *seen);
/* Whether a log that grows may be due before the time that a look said. */
bool ate__compact_by_growth(const struct ate__compact_watch *w);
