/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * readers.h: the registry of snapshots in use, so that the writer knows which old versions somebody
 * may still read.
 *
 *  1. begin() claims a place with a value that holds back everything, then reads `published`, then
 * stores it: a writer that looked before the claim had published before it too, so the reader
 * cannot get less than what that writer kept.
 *  2. oldest() is the smallest size in use, or UINT64_MAX.
 *  3. expel() turns a snapshot stale. What it held back may be cut off at once, and its memory is
 * used again after the RCU grace period that covers reads under way: so whoever reads asks whether
 * it is stale after the read, not before.
 *
 *  4. One that is pinned holds back no version, only what it may have lent, until it ends: any()
 * says whether there is one of whatever kind.
 *
 * No lock; any thread. expel() and oldest() belong to the writer.
 */
#pragma once
#include "base/alloc.h"
#include <stdatomic.h>
#include <stdbool.h>

enum {
    ATE__READER_FREE = 0,
    ATE__READER_EXPELLED = 1,
    ATE__READER_BASE = 2 /* + size + 1; BASE alone: being claimed */
};

struct ate__reader { /* one registered snapshot */
    _Atomic uint64_t state;
    _Atomic uint64_t since_ms; /* monotonic */
};
struct ate__readers;
int ate__readers_new(struct ate__readers **ret) ATE__CHECK;
void ate__readers_free(struct ate__readers *r);
int ate__readers_begin(struct ate__readers *r, const _Atomic uint64_t *published, uint64_t now_ms,
                       struct ate__reader **ret_reader, uint64_t *ret_size) ATE__CHECK;
uint64_t ate__reader_renew(struct ate__reader *reader, const _Atomic uint64_t *published,
                           uint64_t now_ms); /* a newer size, no more stale */
void ate__reader_pin(struct ate__reader *reader); /* it is stale from now on */
void ate__reader_end(struct ate__reader *reader);
bool ate__readers_any(struct ate__readers *r);
static inline bool ate__reader_stale(const struct ate__reader *reader)
{
    return atomic_load_explicit(&reader->state, memory_order_acquire) == ATE__READER_EXPELLED;
}
uint64_t ate__readers_oldest(struct ate__readers *r);
/* Expels those that began before `before_ms` and those that read at `size` or less; gives how
 * many. */
unsigned ate__readers_expel(struct ate__readers *r, uint64_t before_ms, uint64_t size);
