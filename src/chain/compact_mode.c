/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/compact_mode.h"
#include "base/err.h"

enum {
    HOUR_MS = 3600 * 1000,
    GROWTH_BYTES = 64 << 20,
    FACTOR_PERCENT = 200,
    BYTES_MIN = 2 << 20,
    RETRY_MS = 60 * 1000,
    RETRY_DOUBLINGS = 6
};
#define FACTOR_PERCENT_MAX 100000u

int ate__compact_rule_check(const struct ate__compact_rule *rule)
{
    uint64_t percent = rule->factor_percent;
    if ((unsigned)rule->mode > ATE__COMPACT_SIZE_OR_TIMER)
        return ate__fail(ATE_MISUSE, "compact: there is no mode %u", (unsigned)rule->mode);
    if (percent && (percent <= 100 || percent > FACTOR_PERCENT_MAX))
        return ate__fail(ATE_MISUSE,
                         "compact: a factor of %llu %%: it is above 100 %% and at most %u %%",
                         (unsigned long long)percent, FACTOR_PERCENT_MAX);
    return 0;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

void ate__compact_watch_init(struct ate__compact_watch *w, const struct ate__compact_rule *rule,
                             uint64_t since_ms, uint64_t base_bytes)
{
    *w = (struct ate__compact_watch){
        .rule = {.mode = rule->mode,
                 .every_ms = or_default(rule->every_ms, HOUR_MS),
                 .growth_bytes = or_default(rule->growth_bytes, GROWTH_BYTES),
                 .factor_percent = or_default(rule->factor_percent, FACTOR_PERCENT),
                 .bytes_min = or_default(rule->bytes_min, BYTES_MIN)},
        .since_ms = since_ms,
        .base_bytes = base_bytes,
    };
}

/* A clock that went back makes no time of waiting longer than it was meant to be, and a log that
 * became smaller by other hands grows from there. */
static void take_in(struct ate__compact_watch *w, const struct ate__compact_seen *seen)
{
    const uint64_t longest_ms = (uint64_t)RETRY_MS << RETRY_DOUBLINGS;
    if (w->since_ms > seen->now_ms)
        w->since_ms = seen->now_ms;
    if (w->not_before_ms > seen->now_ms && w->not_before_ms - seen->now_ms > longest_ms)
        w->not_before_ms = seen->now_ms;
    if (w->base_bytes > seen->bytes)
        w->base_bytes = seen->bytes;
}

static uint64_t by_timer(const struct ate__compact_watch *w, const struct ate__compact_seen *seen)
{
    uint64_t passed_ms = seen->now_ms - w->since_ms;
    return passed_ms >= w->rule.every_ms ? 0 : w->rule.every_ms - passed_ms;
}

static uint64_t by_size(const struct ate__compact_watch *w, const struct ate__compact_seen *seen)
{
    return seen->bytes - w->base_bytes >= w->rule.growth_bytes ? 0 : ATE__COMPACT_WAITS;
}

static uint64_t by_factor(const struct ate__compact_watch *w, const struct ate__compact_seen *seen)
{
    uint64_t more = w->rule.factor_percent - 100, base = w->base_bytes;
    if (base > UINT64_MAX / FACTOR_PERCENT_MAX)
        return ATE__COMPACT_WAITS; /* there is no such log */
    return (seen->bytes - base) >= (base * more + 99) / 100 ? 0 : ATE__COMPACT_WAITS;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t by_mode(const struct ate__compact_watch *w, const struct ate__compact_seen *seen,
                        bool first)
{
    switch (w->rule.mode) {
    case ATE__COMPACT_ON_OPEN: return first || w->failures ? 0 : ATE__COMPACT_WAITS;
    case ATE__COMPACT_TIMER: return by_timer(w, seen);
    case ATE__COMPACT_FACTOR: return by_factor(w, seen);
    case ATE__COMPACT_SIZE: return by_size(w, seen);
    case ATE__COMPACT_FACTOR_OR_TIMER: return sooner(by_factor(w, seen), by_timer(w, seen));
    case ATE__COMPACT_SIZE_OR_TIMER: return sooner(by_size(w, seen), by_timer(w, seen));
    case ATE__COMPACT_NEVER: break;
    }
    return ATE__COMPACT_WAITS;
}

uint64_t ate__compact_look(struct ate__compact_watch *w, const struct ate__compact_seen *seen)
{
    bool first = !w->looked;
    w->looked = true;
    take_in(w, seen);
    if (seen->bytes < w->rule.bytes_min || seen->size <= w->size)
        return ATE__COMPACT_WAITS;
    uint64_t wait_ms = by_mode(w, seen, first);
    if (!wait_ms && w->not_before_ms > seen->now_ms)
        wait_ms = w->not_before_ms - seen->now_ms;
    return wait_ms;
}

void ate__compact_ran(struct ate__compact_watch *w, bool well, uint64_t size,
                      const struct ate__compact_seen *seen)
{
    take_in(w, seen);
    if (well) {
        w->failures = 0;
        w->not_before_ms = 0;
        w->since_ms = seen->now_ms;
        w->base_bytes = seen->bytes;
        w->size = size;
        return;
    }
    unsigned doublings = w->failures < RETRY_DOUBLINGS ? w->failures : RETRY_DOUBLINGS;
    w->failures++;
    w->not_before_ms = seen->now_ms + ((uint64_t)RETRY_MS << doublings);
}

bool ate__compact_by_growth(const struct ate__compact_watch *w)
{
    return w->rule.mode >= ATE__COMPACT_FACTOR;
}
