/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * story.h: a chain in which objects come, change, move, get rules and go, at random, so that a deep
 * compaction has something to leave out and something to keep of every kind; and what must be the
 * same before and after it.
 */
#pragma once
#include "chain/compact.h"
#include "kit.h"

enum { STORY_OBJECTS = 60, STORY_WINDOW = 150, STORY_SIZES = 4096 };

struct story {
    struct kit k;
    struct rnd r;
    struct ate_session *session; /* holds the root key */
    struct ate_hash roots[STORY_SIZES]; /* of each size up to `size` */
    struct ate_hash leaves[STORY_SIZES];
    uint64_t size;
    /* What the chain says at that size. */
    struct story_object {
        struct ate__object_facts facts;
        struct ate_hash control;
        char text[1024];
    } objects[STORY_OBJECTS];
};

/* A chain with a window of STORY_WINDOW, with its genesis. */
void story_init(struct story *s, uint64_t seed);
/* The same of a centralized chain, in which nobody signs, and whose server certifies. */
void story_init_central(struct story *s, uint64_t seed);
void story_deinit(struct story *s);
/* The same story on another disk, which it then owns; no chain is open. It keeps what was noted. */
void story_fork(struct story *f, const struct story *s, struct simdisk *take_disk, uint64_t seed);
/* So many transactions more. 0, or the result of the first that failed other than by a refusal. */
int story_go_on(struct story *s, unsigned count);
/* The chain as it is is how it must be from now on. */
void story_note(struct story *s);
/* Every object and text is as it was noted; each root up to that size is, and each proof holds. */
void story_check(struct story *s);
/* The same without the proofs of every size; a certificate may have come since. */
void story_check_state(struct story *s);
/* cut_off: as struct ate__compact_conf has it. */
int story_compact(struct story *s, uint64_t cut_off, struct ate__compacted *ret);
