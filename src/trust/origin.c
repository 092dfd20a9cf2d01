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
    uint64_t highest;          /* no number of it above this one is known */
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
    o->records[i].highest = 0;
    o->origin_count++;
    *ret_index = i;
    return 0;
}

/* ---- entries ---- */

static void note_number(struct ate__origin_record *r, uint64_t number)
{
    if (r->highest < number)
        r->highest = number;
}

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
    note_number(&o->records[i], id->number);
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
    size_t home = home_of(o, (uint32_t)i, id->number);
    if (id->number > o->records[i].highest) { /* as most that are new: added next, likely */
        __builtin_prefetch(&o->index[home], 1);
        return false;
    }
    for (size_t at = home; o->index[at]; at = (at + 1) & (o->index_size - 1)) {
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

/* ---- for a view image ---- */

enum { RECORD_BYTES = 16 + 8 + 8, ENTRY_BYTES = 4 + 8 };

/* What an image has of one record: nothing of one that `size` sequences did not make. */
static bool record_at(const struct ate__origins *o, uint64_t size, const struct ate__map *changed,
                      uint32_t i, uint64_t *ret_number, uint64_t *ret_sequence)
{
    uint64_t by;
    *ret_number = o->records[i].number;
    *ret_sequence = o->records[i].sequence;
    if (*ret_sequence < size || !ate__map_get(changed, &i, &by))
        return true;
    const struct ate__origin_undo *undo = &o->undo[(o->undo_next - (o->next - by)) % o->undo_max];
    *ret_number = undo->number;
    *ret_sequence = undo->sequence;
    return !undo->was_new;
}

/* The records in the order of the list; known: where each stands in it, by its index. */
static void write_records(const struct ate__origins *o, uint64_t size,
                          const struct ate__map *changed, uint32_t *known, struct ate__wr *w)
{
    size_t mark = w->buf->size;
    uint32_t count = 0;
    ate__wr_u32(w, 0);
    for (uint32_t i = o->longest; i; i = o->records[i - 1].newer) {
        uint64_t number, sequence;
        if (!record_at(o, size, changed, i - 1, &number, &sequence))
            continue;
        known[i - 1] = count++;
        ate__wr_copy(w, o->records[i - 1].origin, 16);
        ate__wr_u64(w, number);
        ate__wr_u64(w, sequence);
    }
    if (!w->failed)
        ate__store32(w->buf->data + mark, count);
}

int ate__origins_write(const struct ate__origins *o, uint64_t size, struct ate__wr *w)
{
    struct ate__map changed; /* records that were added to since, and by which sequence first */
    uint64_t first = o->next - o->count;
    int rc = 0;
    ate__assert(size <= o->next && o->next - size <= o->undo_count && size >= first);
    ate__cleanup(ate__freep) uint32_t *known = ate__alloc_array(o->record_count, sizeof *known);
    if (!known)
        return ate__no_memory();
    ate__map_init(&changed, sizeof(uint32_t), o->seed);
    for (uint64_t s = o->next; !rc && s-- > size;)
        rc = ate__map_put(&changed, &o->origin[place_of(o, s)], s);
    if (!rc)
        rc = ate__buf_reserve(w->buf, o->record_count * RECORD_BYTES +
                                          (size_t)(size - first) * ENTRY_BYTES + 12);
    if (!rc) {
        write_records(o, size, &changed, known, w);
        ate__wr_u64(w, size - first);
        for (uint64_t s = first; s < size; s++) {
            ate__wr_u32(w, known[o->origin[place_of(o, s)]]);
            ate__wr_u64(w, o->number[place_of(o, s)]);
        }
    }
    ate__map_deinit(&changed);
    return rc;
}

static int read_records(struct ate__origins *o, uint64_t size, struct ate__rd *rd)
{
    uint32_t count = ate__rd_count(rd, UINT32_MAX - 1, RECORD_BYTES);
    int rc = ate__grow(&o->records, &o->record_capacity, count, sizeof *o->records);
    for (uint32_t i = 0; !rc && i < count; i++) {
        struct ate__origin_record *r = &o->records[i];
        ate__rd_copy(rd, r->origin, 16);
        r->number = r->highest = ate__rd_u64(rd);
        r->sequence = ate__rd_u64(rd);
        if (r->sequence >= size || ate__map_get(&o->origin_index, r->origin, NULL))
            ate__rd_fail(rd);
        rc = ate__map_put(&o->origin_index, r->origin, i);
        o->record_count = o->origin_count = i + 1;
        link_newest(o, i);
    }
    return rc;
}

static int read_entries(struct ate__origins *o, uint64_t size, struct ate__rd *rd)
{
    uint64_t count = ate__rd_u64(rd);
    if (count > size || count > o->kept || count > ate__rd_left(rd) / ENTRY_BYTES)
        ate__rd_fail(rd);
    if (!ate__rd_ok(rd))
        return 0;
    size_t places = (size_t)ate__min(size, o->kept);
    int rc = ate__grow(&o->origin, &o->origin_capacity, places, sizeof *o->origin);
    if (!rc)
        rc = ate__grow(&o->number, &o->number_capacity, places, sizeof *o->number);
    if (!rc)
        rc = index_reserve(o); /* also without an entry: origins are looked up in it */
    for (o->next = size - count; !rc && o->next < size;) {
        size_t place = place_of(o, o->next);
        rc = index_reserve(o);
        o->origin[place] = ate__rd_u32(rd);
        o->number[place] = ate__rd_u64(rd);
        if (o->origin[place] >= o->record_count)
            ate__rd_fail(rd);
        if (rc || !ate__rd_ok(rd))
            break;
        note_number(&o->records[o->origin[place]], o->number[place]);
        index_put(o, place);
        o->count++;
        o->next++;
    }
    return rc;
}

int ate__origins_read(struct ate__origins *o, uint64_t size, struct ate__rd *rd)
{
    const uint64_t seed[2] = {o->seed[0], o->seed[1]};
    uint64_t window = o->kept - ATE__ROLLBACK_MAX;
    ate__origins_deinit(o);
    ate__origins_init(o, seed, window);
    int rc = read_records(o, size, rd);
    if (!rc)
        rc = read_entries(o, size, rd);
    if (!rc && !ate__rd_ok(rd))
        rc = ate__fail(ATE_MALFORMED, "view image: the origins");
    return rc;
}
