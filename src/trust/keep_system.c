/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_system.c: genesis, ROOT, REVOKE, CHAIN, PUBLIC_KEY, SNAPSHOT and RESET events always stay:
 * with them every kept signature can be verified, which keys were in force at every sequence is
 * known, and whoever saw more before the chain went back can still be shown why.
 */
#include "trust/keep_private.h"

struct ate__ballot ate__keep_system(const struct ate__keep *k, const struct ate__keep_event *e)
{
    (void)k;
    bool of_object = e->event->kind == ATE__EVENT_BODY || e->event->kind == ATE__EVENT_CONTROL;
    return (struct ate__ballot){of_object ? ATE__ABSTAIN : ATE__FORCE_KEEP, false};
}
