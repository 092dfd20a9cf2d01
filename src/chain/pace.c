/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "chain/pace.h"
#include "base/buf.h"

enum { PAUSE_MS_MIN = 5 }; /* shorter ones cost more than they give */

bool ate__pace_canceled(const struct ate__pace *p)
{
    return p->cancel && p->cancel(p->arg);
}

void ate__pace(struct ate__pace *p, uint64_t bytes)
{
    if (!p->bytes_per_second)
        return;
    p->owed += bytes;
    uint64_t due_ms = p->owed * 1000 / p->bytes_per_second;
    if (due_ms < PAUSE_MS_MIN)
        return;
    p->owed -= due_ms * p->bytes_per_second / 1000;
    while (due_ms && !ate__pace_canceled(p)) {
        uint64_t slice_ms = ate__min(due_ms, ATE__PACE_SLICE_MS);
        ate__sleep_ms(p->env, slice_ms);
        due_ms -= slice_ms;
    }
}
