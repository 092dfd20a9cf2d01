/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log_limit.h: so many log lines a minute, and a count of those that were left out: what peers can
 * cause as they like must neither fill a disk nor hide what else happened.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ATE__LOG_MINUTE_MS = 60000 };

/* Zeros: no line yet. A minute begins with the first line after the one before it. */
struct ate__log_limit {
    uint64_t since_ms, left_out;
    uint32_t lines;
};

/* How many were left out in the minute that is over, once; 0 while it is not. ends: it is over. */
uint64_t ate__log_limit_left_out(struct ate__log_limit *l, uint64_t now_ms, bool ends);
/* Whether one more line may be written. What was left out before is to be asked for first. */
bool ate__log_limit_take(struct ate__log_limit *l, uint32_t most, uint64_t now_ms);
