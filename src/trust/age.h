/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * age.h: how old what is shown of a chain may be, by heads that a log key signed.
 *
 *  1. A head says something new only if it was signed later than all that came before it.
 *  2. It is taken for as new as its arrival, but not for newer than the time that has passed for
 *     its signer since the one that came soonest: who keeps heads back and lets them out slowly
 *     makes what he shows older. So no clock is compared with another's, but for the rate, where
 *     the signer's may be slower by a thousandth.
 *  3. The first is measured by nothing. If both clocks together say that it is too old, it does not
 *     count: one of them is wrong, or somebody shows what he kept, and which it is is for a person
 *     to find out.
 */
#pragma once
#include "base/compiler.h"
#include <stdbool.h>
#include <stdint.h>

struct ate__age {
    bool known;         /* a head said something */
    uint64_t as_of_ms;  /* own clock; unless known, when it began */
    uint64_t signed_s;  /* the signer's clock: of the newest */
    uint64_t soonest_ms, soonest_s; /* by which the others are measured */
    uint64_t doubted_s; /* how old the clocks said that the first was; 0: not too old */
};
/* now_ms: of a clock that goes on while the machine sleeps. */
void ate__age_begin(struct ate__age *a, uint64_t now_ms);
/* A head that was verified came. wall_s: own clock, since 1970; most_s: older is too old. */
void ate__age_signed(struct ate__age *a, uint64_t now_ms, uint64_t wall_s, uint64_t most_s,
                     uint64_t signed_s);
uint64_t ate__age_ms(const struct ate__age *a, uint64_t now_ms);
