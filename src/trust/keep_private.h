/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * keep_private.h: the lives of objects, for the rules.
 */
#pragma once
#include "base/map.h"
#include "trust/keep.h"

enum { ATE__LIFE_TOP = 0, ATE__LIFE_NONE = UINT32_MAX };
enum ate__life_flag {
    ATE__LIFE_ENDED = 1,
    ATE__LIFE_PINNED = 2, /* a plug-in keeps something of it; or it is the top's */
    ATE__LIFE_ALIVE = 4,  /* found out by the sweep that runs */
    ATE__LIFE_MARKED = 8  /* the sweep that runs keeps it */
};
struct ate__life {
    struct ate_id id;
    uint64_t birth, placed, body; /* sequences: of its first body, of the one that put it where it
                                     is, of its last */
    uint64_t end;                 /* of the tombstone; if ENDED */
    uint32_t parent;              /* life of the object that it lies below */
    uint32_t collection;          /* in which of its collections */
    uint32_t places;              /* newest of its places before, + 1 */
    uint32_t older;               /* life of the same id before it, or LIFE_NONE */
    uint8_t flags;
};
struct ate__life_place {
    uint64_t placed;
    uint32_t parent, older; /* older: + 1 */
};
struct ate__keep {
    uint64_t size, window_from;
    const struct ate__keep_plugin *plugin;
    struct ate__life *lives; /* the top's is the first */
    size_t count, capacity, sweep_at;
    struct ate__life_place *places;
    size_t place_count, place_capacity;
    struct ate__map newest; /* id -> index of its newest life */
};
/* The life of the object to which an event at that sequence belongs; after the end: NULL unless it
 * is kept. */
const struct ate__life *ate__life_at(const struct ate__keep *k, const struct ate_id *id,
                                     uint64_t sequence);
static inline bool ate__life_ended(const struct ate__life *l)
{
    return l->flags & ATE__LIFE_ENDED;
}
static inline bool ate__keep_is_tombstone(const struct ate__event *e)
{
    return ate__header_has(&e->header, ATE__TAG_TOMBSTONE);
}

/* keep_sweep.c: lets all lives go that are not kept, so far. Errors: E_MEMORY. */
int ate__keep_sweep(struct ate__keep *k) ATE__CHECK;

/* ---- the rules ---- */
struct ate__ballot ate__keep_system(const struct ate__keep *k,
                                    const struct ate__keep_event *e); /* keep_system.c */
struct ate__ballot ate__keep_current(const struct ate__keep *k,
                                     const struct ate__keep_event *e); /* keep_current.c */
struct ate__ballot ate__keep_place(const struct ate__keep *k,
                                   const struct ate__keep_event *e); /* keep_place.c */
struct ate__ballot ate__keep_control(const struct ate__keep *k,
                                     const struct ate__keep_event *e); /* keep_control.c */
struct ate__ballot ate__keep_tombstone(const struct ate__keep *k,
                                       const struct ate__keep_event *e); /* keep_tombstone.c */
