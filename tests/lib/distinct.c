/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * distinct.c: how many different values were seen.
 */
#include "lib/distinct.h"
#include <stdlib.h>

static size_t place_of(const struct distinct *d, uint64_t value)
{
    size_t i = (size_t)(value * UINT64_C(0x9e3779b97f4a7c15)) & (d->capacity - 1);
    while (d->slots[i] && d->slots[i] != value)
        i = (i + 1) & (d->capacity - 1);
    return i;
}

static void grow(struct distinct *d)
{
    struct distinct bigger = {.capacity = d->capacity ? 2 * d->capacity : 1024};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        abort();
    for (size_t i = 0; i < d->capacity; i++)
        if (d->slots[i])
            bigger.slots[place_of(&bigger, d->slots[i])] = d->slots[i];
    bigger.count = d->count;
    free(d->slots);
    *d = bigger;
}

bool distinct_add(struct distinct *d, uint64_t value)
{
    value += !value; /* 0 and 1 count as one */
    if (2 * d->count >= d->capacity)
        grow(d);
    size_t i = place_of(d, value);
    if (d->slots[i])
        return false;
    d->slots[i] = value;
    d->count++;
    return true;
}

void distinct_deinit(struct distinct *d)
{
    free(d->slots);
    *d = (struct distinct){0};
}
