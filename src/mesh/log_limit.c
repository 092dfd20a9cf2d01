/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * log_limit.c: so many log lines a minute.
 */
#include "mesh/log_limit.h"

uint64_t ate__log_limit_left_out(struct ate__log_limit *l, uint64_t now_ms, bool ends)
{
    if (!ends && now_ms - l->since_ms < ATE__LOG_MINUTE_MS)
        return 0;
    uint64_t left_out = l->left_out;
    l->left_out = l->lines = 0;
    return left_out;
}

bool ate__log_limit_take(struct ate__log_limit *l, uint32_t most, uint64_t now_ms)
{
    if (!l->lines)
        l->since_ms = now_ms;
    if (l->lines >= most) {
        l->left_out++;
        return false;
    }
    l->lines++;
    return true;
}
