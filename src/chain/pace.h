/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pace.h: work in the background leaves the disk and the processor to others: so many bytes a
 * second, and an end soon after it is asked for. From one thread.
 */
#pragma once
#include "base/env.h"
#include <stdbool.h>

enum { ATE__PACE_SLICE_MS = 100 }; /* the longest sleep without asking whether to end */

struct ate__pace {
    const struct ate__env *env;
    uint64_t bytes_per_second; /* 0: as fast as it goes */
    bool (*cancel)(void *arg); /* NULL: never */
    void *arg;
    uint64_t owed; /* bytes that were not slept for yet */
};
/* So many bytes were read or written: sleeps, if it is time to. */
void ate__pace(struct ate__pace *p, uint64_t bytes);
bool ate__pace_canceled(const struct ate__pace *p);
