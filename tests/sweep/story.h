/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * story.h: the whole library, from the public calls down to the disk, over a story that may be
 * disturbed at any call: open, commit objects of several kinds, load, list, watch, walk the
 * history, close.
 *
 * Each transaction of the story carries a value and changes many objects, so that what a chain
 * holds is told by one number, and half a transaction by two:
 *
 *   /x /y          typed objects that hold the value
 *   /doc/p0..p3    pages, raw, each with the value in it
 *   /m-0 or /m-1   one object that is moved to the name of the value's parity
 *   /t-VALUE       created with the value; the one before is deleted
 *
 * A run tells what was acknowledged, and what may or may not have been applied (ATE_UNKNOWN).
 */
#pragma once
#include "lib/check.h"
#include "lib/heap.h"
#include "lib/simdisk.h"
#include "lib/simenv.h"
#include <stdbool.h>

struct story {
    const char *name;
    struct simdisk *begin; /* each run starts with a copy of it */
    uint64_t acked;        /* the value that it holds; 0: there is no chain yet */
    bool has_keys; /* a session with a key: objects are private, and the chain is its own */
    bool is_signed; /* with has_keys: and only it may write */
    uint64_t seed; /* of ids, nonces and clocks */
};
/* A chain in good order; one after a power loss, whose log is torn; a disk without a chain. */
enum story_begin { STORY_NEW, STORY_CLOSED, STORY_TORN };
void story_init(struct story *s, const char *name, bool has_keys, bool is_signed,
                enum story_begin begin, uint64_t seed);
void story_deinit(struct story *s);

enum { STORY_MAYBE = 8 };
struct run {
    const struct story *story;
    struct simdisk *disk;
    struct simenv sim;
    struct ate_session *me;
    struct ate_chain *chain;
    uint64_t acked; /* the newest value that was acknowledged */
    uint64_t maybe[STORY_MAYBE]; /* values after it that may be there */
    unsigned maybe_count;
    uint64_t next; /* value of the next transaction */
    bool limited; /* the disk is small: it may be full */
    unsigned errors; /* calls that failed */
};
void run_init(struct run *r, const struct story *s);
void run_deinit(struct run *r);
/* All of it, as far as it goes. Every result is one that the call's documentation names, with a
 * sentence, and none is bad unless something was made to fail. */
void run_story(struct run *r);
/* Nothing fails any more: the chain opens; what was acknowledged is there, whole, and nothing else
 * but what may be; and it goes on from there. */
void run_check(struct run *r);
