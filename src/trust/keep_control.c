/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_control.c: of a life that is kept all control events stay: each is judged by the one before
 * it, up to the last, and the rights of all that lies below by the one in force at its sequence.
 * Among them are those that began an epoch, so that what is encrypted for one can be read.
 */
#include "trust/keep_private.h"

struct ate__ballot ate__keep_control(const struct ate__keep *k, const struct ate__keep_event *e)
{
    bool is = e->event->kind == ATE__EVENT_CONTROL &&
              ate__life_at(k, &e->event->header.object, e->sequence);
    return (struct ate__ballot){is ? ATE__FORCE_KEEP : ATE__ABSTAIN, false};
}
