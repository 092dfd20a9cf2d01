/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Target functions: ate__segment_head_read(), ate__walk_next(), ate__walk_skip(),
 * ate__group_check(), ate__seek_heads(), ate__window_nonzero(), ate__footer_read().
 *
 * The input is a segment file behind one byte, which says whether the checksums are made right, so
 * that what they protect is reached. Both ways of walking find the same groups where the records
 * hold; a walk never leaves the file; headers are found wherever the walk found groups. */
#include "base/assert.h"
#include "base/crc.h"
#include "base/endian.h"
#include "redo/scan.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ate__file {
    uint8_t *data;
    size_t size;
};

static int fuzz_read(struct ate__file *file, uint64_t offset, void *to, size_t size,
                     size_t *ret_size)
{
    size_t at = offset < file->size ? (size_t)offset : file->size;
    *ret_size = ate__min(size, file->size - at);
    if (*ret_size)
        memcpy(to, file->data + at, *ret_size);
    return 0;
}

static const struct ate__vfs vfs = {.read = fuzz_read};

/* Checksums for whatever stands in the places of records. */
static void repair(struct ate__file *f)
{
    if (f->size < ATE__SEGMENT_HEAD)
        return;
    ate__store32(f->data + 84, ate__crc32c(0, f->data, 84));
    uint32_t seed = ate__salt_seed(ate__load64(f->data + 56));
    size_t at = ate__load32(f->data + 12) & 1 ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD;
    while (at + ATE__RECORD_HEAD <= f->size) {
        uint8_t *p = f->data + at;
        uint32_t size = ate__load32(p);
        bool group = ate__load16(p + 4) == ATE__KIND_GROUP;
        size_t left = f->size - at - ATE__RECORD_HEAD;
        if (size > left)
            break;
        ate__store32(p + 16, ate__crc32c(seed, p, 16));
        ate__store32(p + 20, ate__crc32c(seed, p + ATE__RECORD_HEAD, size));
        size_t step = (size_t)ate__record_bytes(size);
        if (group && !size)
            step = 8;
        at += step;
    }
}

static struct ate__walk begin(struct ate__window *window, const struct ate__segment_head *head,
                              struct ate__file *file)
{
    ate__window_init(window, &vfs, file);
    return (struct ate__walk){
        .window = window,
        .seed = ate__salt_seed(head->salt),
        .padded = head->padded,
        .compacted = head->compacted,
        .to = head->capacity,
        .offset = head->padded ? ATE__PAD_BYTES : ATE__SEGMENT_HEAD,
        .sequence = head->first_sequence,
    };
}

/* Groups that a walk finds; *ret_floor: the highest of theirs. */
static size_t walk(struct ate__file *file, const struct ate__segment_head *head, bool skip,
                   uint64_t *ret_floor)
{
    struct ate__window window;
    enum ate__soundness verdict = ATE__GOOD;
    struct ate__walk w = begin(&window, head, file);
    size_t count = 0;
    *ret_floor = 0;
    for (;;) {
        uint64_t before = w.offset;
        ate__assert(!(skip ? ate__walk_skip(&w, &verdict) : ate__walk_next(&w, &verdict)));
        if (verdict != ATE__GOOD)
            break;
        ate__assert(w.offset > before && (skip || w.offset <= file->size));
        *ret_floor = w.head.floor > *ret_floor ? w.head.floor : *ret_floor;
        size_t at = ATE__GROUP_HEAD;
        uint64_t next = w.head.first_sequence;
        for (uint32_t i = 0; !skip && i < w.head.count; i++) {
            uint64_t sequence;
            struct ate_bytes body;
            ate__group_next(w.bytes, &at, &sequence, &body);
            ate__assert(sequence >= next && sequence < w.head.end_sequence && body.size);
            ate__assert(head->compacted || sequence == next);
            next = sequence + 1;
        }
        count++;
    }
    ate__window_deinit(&window);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__segment_head head;
    struct ate__footer footer;
    struct ate__window window;
    struct ate__behind behind = {.any = false};
    uint64_t floor, skipped_floor, first, behind_last;
    if (!size)
        return 0;
    struct ate__file file = {malloc(size), size - 1};
    memcpy(file.data, data + 1, file.size);
    if (data[0] & 1)
        repair(&file);
    if (ate__segment_head_read(ate__bytes(file.data, file.size), &head) == ATE__GOOD) {
        size_t whole = walk(&file, &head, false, &floor);
        ate__assert(walk(&file, &head, true, &skipped_floor) >= whole && skipped_floor >= floor);
        struct ate__walk w = begin(&window, &head, &file);
        ate__assert(
            !ate__seek_heads(&window, w.seed, w.offset, file.size, head.first_sequence, &behind));
        ate__assert(behind.any >= (whole > 0) && behind.floor >= floor);
        ate__assert(!ate__window_nonzero(&window, w.offset, file.size, &first, &behind_last));
        ate__assert(!whole || first <= w.offset + 1);
        ate__window_deinit(&window);
        for (size_t at = 0; at + ATE__FOOTER <= file.size && at < 4096; at += 8)
            (void)ate__footer_read(ate__bytes(file.data + at, file.size - at), w.seed, &footer);
    }
    free(file.data);
    return 0;
}
