/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * kit.h: a log on a simulated disk, and records that tell whether they are whole.
 *
 * The body of a record follows from its sequence, its size and an `attempt` that stands in it, so
 * that a test knows which of several groups with the same sequences it sees.
 */
#pragma once
#include "base/alloc.h"
#include "base/err.h"
#include "lib/check.h"
#include "lib/rnd.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include "redo/storage.h"

#define KIT_DIR "/c/,chain"

struct kit {
    struct simdisk *disk;
    struct simenv sim;
    const struct ate__vfs *vfs;
    struct ate__dir *root; /* "/c" */
    struct ate__storage *s;
    struct ate__storage_conf conf;
};

extern const struct ate_hash kit_chain;

/* A disk with the directory "/c"; no log yet. */
void kit_init(struct kit *k, uint64_t seed);
/* The same on a disk that is there already, which it then owns. */
void kit_take(struct kit *k, struct simdisk *take_disk, uint64_t seed);
void kit_deinit(struct kit *k); /* closes all and frees the disk */
int kit_survey(struct kit *k, unsigned flags); /* without begin(): it changes nothing */
int kit_open(struct kit *k, unsigned flags);
void kit_open_ok(struct kit *k, unsigned flags);
void kit_close(struct kit *k);
/* The process ends without a word: its handles go, its writes stay in the cache. k goes on with the
 * disk as the next process finds it, or, after power loss, as that may leave it. */
void kit_kill(struct kit *k);
void kit_crash(struct kit *k, uint64_t seed);
/* Closes the handle without anything being written. */
void kit_abandon(struct kit *k);

struct ate__storage_state kit_state(const struct kit *k);
struct ate__storage_damage kit_damage(const struct kit *k);

/* --- records --- */

enum { KIT_RECORD_MIN = 24 };
void kit_record(uint8_t *to, size_t size, uint64_t sequence, uint64_t attempt);
/* Whether it is whole; then its attempt. */
bool kit_record_whole(struct ate_bytes body, uint64_t sequence, uint64_t *ret_attempt);
struct ate_hash kit_head(uint64_t sequence); /* the head before it */

/* Appends `count` records of `size` bytes at the size. */
int kit_append(struct kit *k, size_t count, size_t size, uint64_t attempt);
void kit_append_ok(struct kit *k, size_t count, size_t size);

/* --- reading --- */

struct kit_seen {
    uint64_t from, next; /* the records that came */
    uint64_t groups, idle;
    uint64_t attempt_last;
    uint64_t count_left; /* records that the present group still owes */
    int stop_at; /* the callback returns ATE_CANCELED at this record; -1: never */
};
/* Scans and checks that what comes is in order, whole, in whole groups with the right heads. */
int kit_scan(struct kit *k, uint64_t from, uint64_t to, struct kit_seen *ret_seen);
/* All of it, and each record by load(); the log has `size` records. */
void kit_check_all(struct kit *k, uint64_t size);
/* Each sealed segment has the hash of its bytes in its footer. */
void kit_check_footers(struct kit *k);
/* The n-th segment's path on the disk, by age; returns false if there are not as many. */
bool kit_segment(struct kit *k, size_t n, char path[64]);
size_t kit_segments(struct kit *k);
