/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * origin.c: under which sequence (origin, number) was committed.
 *
 * The records of origins stand in a list from the longest silent to the newest. Adding makes all
 * the room that it needs first and cannot fail after that.
 */
#include "trust/origin.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "trust/limits.h"

enum { INDEX_MIN = 16 };

struct ate__origin_record {
    uint8_t origin[16];
    uint64_t number, sequence; /* committed last */
    uint32_t older, newer;     /* in the list, index + 1; free: newer is the next free one */
};
struct ate__origin_undo {
    uint64_t number, sequence; /* what the record held before */
    bool was_new;              /* there was none */
};

void ate__origins_init(struct ate__origins *o, const uint64_t seed[2], uint64_t window)
{
    *o = (struct ate__origins){
        .seed = {seed[0], seed[1]},
        .kept = window + ATE__ROLLBACK_MAX,
        .origins_max = ATE__ORIGINS_MAX,
        .undo_max = ATE__ROLLBACK_MAX,
    };
    ate__assert(o->kept < UINT32_MAX);
    ate__map_init(&o->origin_index, 16, seed);
}

void ate__origins_deinit(struct ate__origins *o)
{
    ate__free(o->origin);
    ate__free(o->number);
    ate__free(o->index);
    ate__free(o->records);
    ate__free(o->undo);
    ate__map_deinit(&o->origin_index);
}

/* ---- the index of the ring ---- */

static size_t home_of(const struct ate__origins *o, uint32_t origin, uint64_t number)
{
    uint64_t key[2] = {origin, number};
    return (size_t)ate__siphash(o->seed, key, sizeof key) & (o->index_size - 1);
}

static size_t home_of_place(const struct ate__origins *o, size_t place)
{
    return home_of(o, o->origin[place], o->number[place]);
}

static void index_put(struct ate__origins *o, size_t place)
{
    size_t at = home_of_place(o, place);
    while (o->index[at])
        at = (at + 1) & (o->index_size - 1);
    o->index[at] = (uint32_t)place + 1;
}

static void index_remove(struct ate__origins *o, size_t place)
{
    size_t mask = o->index_size - 1, gap = home_of_place(o, place);
    while (o->index[gap] != place + 1)
        gap = (gap + 1) & mask;
    for (size_t at = (gap + 1) & mask; o->index[at]; at = (at + 1) & mask) {
        /* It may fill the gap unless its home lies behind the gap. */
        if (((at - home_of_place(o, o->index[at] - 1)) & mask) >= ((at - gap) & mask)) {
            o->index[gap] = o->index[at];
            gap = at;
        }
    }
    o->index[gap] = 0;
}

static size_t place_of(const struct ate__origins *o, uint64_t sequence)
{
    return (size_t)(sequence % o->kept);
}

/* At most three quarters are used after one more. */
static int index_reserve(struct ate__origins *o)
{
    if (o->index_size && o->count + 1 <= o->index_size - o->index_size / 4)
        return 0;
    uint32_t *old = o->index;
    size_t size = o->index_size ? o->index_size * 2 : INDEX_MIN;
    uint32_t *index = ate__alloc_array(size, sizeof *index);
    if (!index)
        return ate__no_memory();
    o->index = index;
    o->index_size = size;
    for (uint64_t s = o->next - o->count; s < o->next; s++)
        index_put(o, place_of(o, s));
    ate__free(old);
    return 0;
}

/* ---- the origins ---- */

static void unlink_record(struct ate__origins *o, uint32_t i)
{
    struct ate__origin_record *r = &o->records[i];
    *(r->older ? &o->records[r->older - 1].newer : &o->longest) = r->newer;
    *(r->newer ? &o->records[r->newer - 1].older : &o->newest) = r->older;
}

static void link_newest(struct ate__origins *o, uint32_t i)
{
    struct ate__origin_record *r = &o->records[i];
    r->older = o->newest;
    r->newer = 0;
    *(o->newest ? &o->records[o->newest - 1].newer : &o->longest) = i + 1;
    o->newest = i + 1;
}

static void forget(struct ate__origins *o, uint32_t i)
{
    unlink_record(o, i);
    ate__map_remove(&o->origin_index, o->records[i].origin);
    o->records[i].newer = o->free_record;
    o->free_record = i + 1;
    o->origin_count--;
}

/* A record for an origin that has none, not linked yet. The longest silent one gives way. */
static int make_record(struct ate__origins *o, const uint8_t origin[16], uint32_t *ret_index)
{
    if (o->origin_count >= o->origins_max && o->longest &&
        o->records[o->longest - 1].sequence < o->next - o->count)
        forget(o, o->longest - 1);
    if (!o->free_record) {
        int rc =
            ate__grow(&o->records, &o->record_capacity, o->record_count + 1, sizeof *o->records);
        if (rc)
            return rc;
        o->records[o->record_count].newer = 0;
        o->free_record = (uint32_t)++o->record_count;
    }
    uint32_t i = o->free_record - 1;
    int rc = ate__map_put(&o->origin_index, origin, i);
    if (rc)
        return rc;
    o->free_record = o->records[i].newer;
    memcpy(o->records[i].origin, origin, 16);
    o->origin_count++;
    *ret_index = i;
    return 0;
}

/* ---- entries ---- */

static int reserve(struct ate__origins *o)
{
    size_t places = (size_t)(o->next < o->kept ? o->next + 1 : o->kept);
    size_t undos = (size_t)(o->undo_next < o->undo_max ? o->undo_next + 1 : o->undo_max);
    int rc = ate__grow(&o->origin, &o->origin_capacity, places, sizeof *o->origin);
    if (!rc)
        rc = ate__grow(&o->number, &o->number_capacity, places, sizeof *o->number);
    if (!rc)
        rc = ate__grow(&o->undo, &o->undo_capacity, undos, sizeof *o->undo);
    return rc ? rc : index_reserve(o);
}

static void push_undo(struct ate__origins *o, const struct ate__origin_undo *undo)
{
    o->undo[o->undo_next++ % o->undo_max] = *undo;
    if (o->undo_count < o->undo_max)
        o->undo_count++;
}

int ate__origins_add(struct ate__origins *o, const struct ate__txn_id *id, uint64_t sequence)
{
    ate__assert(sequence == o->next);
    uint64_t known;
    uint32_t i;
    int rc = reserve(o);
    if (rc)
        return rc;
    struct ate__origin_undo undo = {0};
    if (ate__map_get(&o->origin_index, id->origin, &known)) {
        i = (uint32_t)known;
        undo.number = o->records[i].number;
        undo.sequence = o->records[i].sequence;
        unlink_record(o, i);
    } else {
        rc = make_record(o, id->origin, &i);
        if (rc)
            return rc;
        undo.was_new = true;
    }
    link_newest(o, i);
    o->records[i].number = id->number;
    o->records[i].sequence = sequence;
    push_undo(o, &undo);
    size_t place = place_of(o, sequence);
    if (o->count == o->kept) {
        index_remove(o, place);
        o->count--;
    }
    o->origin[place] = i;
    o->number[place] = id->number;
    index_put(o, place);
    o->count++;
    o->next++;
    return 0;
}

void ate__origins_skip(struct ate__origins *o, uint64_t sequence)
{
    if (sequence <= o->next)
        return;
    for (uint64_t s = o->next - o->count; s < o->next; s++)
        index_remove(o, place_of(o, s));
    o->count = 0;
    o->undo_count = 0;
    o->next = sequence;
}

void ate__origins_rollback(struct ate__origins *o, uint64_t sequence)
{
    while (o->next > sequence && o->count) {
        ate__assert(o->undo_count);
        const struct ate__origin_undo *undo = &o->undo[--o->undo_next % o->undo_max];
        o->undo_count--;
        size_t place = place_of(o, o->next - 1);
        uint32_t i = o->origin[place];
        index_remove(o, place);
        o->count--;
        o->next--;
        if (undo->was_new) {
            forget(o, i);
        } else {
            o->records[i].number = undo->number;
            o->records[i].sequence = undo->sequence;
        }
    }
}

bool ate__origins_find(const struct ate__origins *o, const struct ate__txn_id *id,
                       uint64_t *ret_sequence)
{
    uint64_t i;
    if (!ate__map_get(&o->origin_index, id->origin, &i))
        return false;
    for (size_t at = home_of(o, (uint32_t)i, id->number); o->index[at];
         at = (at + 1) & (o->index_size - 1)) {
        size_t place = o->index[at] - 1;
        if (o->origin[place] != i || o->number[place] != id->number)
            continue;
        uint64_t last = o->next - 1;
        *ret_sequence = last - (place_of(o, last) + o->kept - place) % o->kept;
        return true;
    }
    const struct ate__origin_record *r = &o->records[i];
    if (r->number != id->number)
        return false;
    *ret_sequence = r->sequence;
    return true;
}
