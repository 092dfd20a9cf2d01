/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * writers.h: threads that commit, each one object of 1 KiB after the other.
 */
#pragma once
#include "pair.h"
#include "world.h"

enum { WRITERS_MAX = 256 };
struct writers {
    struct world *w;
    size_t count;
    struct ate_session *const *sessions; /* one for each writer; NULL: the chain's for all */
};
void writers_run(void *writers, double seconds, struct slice *ret); /* a loop_fn */
