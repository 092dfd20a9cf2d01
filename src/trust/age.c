/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "trust/age.h"

enum { DRIFT = 1000 }; /* one in so many */

void ate__age_begin(struct ate__age *a, uint64_t now_ms)
{
    *a = (struct ate__age){.as_of_ms = now_ms};
}

/* By the signer's clock; not more than has passed here. */
static uint64_t as_of(const struct ate__age *a, uint64_t now_ms, uint64_t signed_s)
{
    uint64_t passed_ms = now_ms - a->soonest_ms, signer_s = signed_s - a->soonest_s;
    if (signer_s >= passed_ms / 1000 + 1)
        return now_ms;
    uint64_t most_ms = signer_s * 1000 + passed_ms / DRIFT;
    return a->soonest_ms + (most_ms < passed_ms ? most_ms : passed_ms);
}

void ate__age_signed(struct ate__age *a, uint64_t now_ms, uint64_t wall_s, uint64_t most_s,
                     uint64_t signed_s)
{
    uint64_t old_s = wall_s > signed_s ? wall_s - signed_s : 0;
    if (signed_s <= a->signed_s)
        return;
    a->doubted_s = !a->known && old_s > most_s ? old_s : 0;
    if (a->doubted_s)
        return;
    a->signed_s = signed_s;
    uint64_t at_ms = a->known ? as_of(a, now_ms, signed_s) : now_ms;
    if (at_ms == now_ms) {
        a->soonest_ms = now_ms;
        a->soonest_s = signed_s;
    }
    if (!a->known || at_ms > a->as_of_ms)
        a->as_of_ms = at_ms;
    a->known = true;
}

uint64_t ate__age_ms(const struct ate__age *a, uint64_t now_ms)
{
    return now_ms > a->as_of_ms ? now_ms - a->as_of_ms : 0;
}
