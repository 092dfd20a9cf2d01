/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * index.c: where some groups of a segment begin.
 */
#include "redo/index.h"
#include "base/alloc.h"
#include "redo/limits.h"

void ate__index_deinit(struct ate__index *x)
{
    ate__free(x->entries);
    *x = (struct ate__index){.count = 0};
}

void ate__index_note(struct ate__index *x, uint64_t segment_bytes, uint64_t sequence,
                     uint64_t offset)
{
    if (x->count) {
        const struct ate__index_entry *last = &x->entries[x->count - 1];
        if (sequence <= last->sequence || offset < last->offset + ATE__INDEX_STEP_BYTES)
            return;
    }
    if (!x->entries) {
        size_t capacity = (size_t)(segment_bytes / ATE__INDEX_STEP_BYTES) + 1;
        x->entries = ate__alloc_array(capacity, sizeof *x->entries);
        if (!x->entries)
            return;
        x->capacity = capacity;
    }
    if (x->count < x->capacity)
        x->entries[x->count++] = (struct ate__index_entry){sequence, offset};
}

bool ate__index_find(const struct ate__index *x, uint64_t sequence,
                     struct ate__index_entry *ret_entry)
{
    size_t low = 0, high = x->count; /* entries below low are at or below sequence */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->entries[middle].sequence <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return false;
    *ret_entry = x->entries[low - 1];
    return true;
}

void ate__index_cut(struct ate__index *x, uint64_t offset)
{
    while (x->count && x->entries[x->count - 1].offset >= offset)
        x->count--;
}
