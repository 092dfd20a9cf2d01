/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * when.h: when chains are compacted, as people write it. Pure.
 */
#pragma once
#include "chain/compact_mode.h"

/* "never", "on-open", "timer=1h", "factor=2", "size=64M", "factor-or-timer=1.5,1h",
 * "size-or-timer=64M,7d"; without the values: the defaults. Errors: MISUSE, with a sentence that
 * begins with `what`. */
int ate__when_parse(const char *what, const char *text, struct ate__compact_rule *ret_rule)
    ATE__CHECK;
