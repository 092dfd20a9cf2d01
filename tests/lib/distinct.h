/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * distinct.h: how many different values were seen. Zeroed it is empty; by one thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct {
    uint64_t *slots; /* open addressing; 0: free */
    size_t capacity, count;
};

bool distinct_add(struct distinct *d, uint64_t value); /* false: it was seen before */
void distinct_deinit(struct distinct *d);
